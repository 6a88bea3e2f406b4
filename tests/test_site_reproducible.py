"""Two builds of the same sources give the same bytes: on the small book of the gates, in two folders, each with all its cells run."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import notebooks
import pytest
import reproducible
from test_site_gates import PROVED, build, write_book

pytestmark = pytest.mark.xdist_group("gates")  # builds, too


def test_two_builds_of_a_book_are_the_same_bytes(tmp_path, root):
    folders = [tmp_path / "one", tmp_path / "in/another/folder"]
    for folder in folders:
        write_book(folder, root, PROVED)
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(build, folders))
    assert [one.returncode for one in done] == [0, 0], done[0].stderr
    sites = [folder / "_build/html" for folder in folders]
    assert "_sources/book/step.ipynb" in reproducible.files(sites[0])
    assert reproducible.differences(*sites) == []
    assert str(tmp_path).encode() not in b"".join(reproducible.files(sites[0]).values())
    (sites[1] / "book/step.html").write_text("changed")
    assert reproducible.differences(*sites) == ["book/step.html"]


def test_an_empty_site_is_no_site(tmp_path):
    with pytest.raises(SystemExit, match="holds no files"):
        reproducible.differences(tmp_path, tmp_path)


def test_only_what_measures_may_differ():
    explained, unexplained = reproducible.sorted_out(["book/a.html", "_sources/book/a.ipynb", "book/b.html", "searchindex.js"], {"a"})
    assert explained == ["book/a.html", "_sources/book/a.ipynb", "searchindex.js"]
    assert unexplained == ["book/b.html"]
    assert reproducible.sorted_out(["searchindex.js"], {"a"}) == ([], ["searchindex.js"])


def test_which_pages_measure_is_read_off_their_sources(root, tmp_path):
    (tmp_path / "a.md").write_text("begun = time.perf_counter()")
    (tmp_path / "b.md").write_text("it took no time")
    assert reproducible.measuring(tmp_path) == {"a"}
    measured = reproducible.measuring(root / "book")
    assert "speed" in measured and len(measured) < len(list((root / "book").glob("*.md"))) / 3


def test_a_downloads_cells_are_counted():
    text = '{"cells": [{"id": "9f", "source": "λ"}, {"id": "a0"}]}'
    assert notebooks.numbered(text) == notebooks.numbered(text.replace("9f", "77"))
    assert '"cell-2"' in notebooks.numbered(text) and "λ" in notebooks.numbered(text)
