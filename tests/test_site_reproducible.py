"""Two builds of the same sources give the same bytes: on the small book of the gates, in two folders, each with all its cells run."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

import jupytext
import notebooks
import pytest
import reproducible
import run_pages
from test_site_gates import NOTEBOOK, PROVED, build, write_book

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


def test_without_a_commit_or_without_git_it_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.setattr(reproducible, "ROOT", tmp_path)
    with pytest.raises(SystemExit, match="git names none in"):
        reproducible.last_commit()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemExit, match="git is not here"):
        reproducible.last_commit()


MEASURES = re.compile(
    r"\b(median_seconds|peak_bytes|tracemalloc|timeit|perf_counter|process_time|monotonic|getrusage|psutil|datetime|localtime)\b"
    r"|\btime\.\w|\bfrom time\b|\bimport time\b"
    r"|\bdefault_rng\(\)|\bnp\.random\.(?!default_rng|Generator)|\bimport random\b|\buuid|\burandom\b|\bid\("
)


def measuring(page) -> list[str]:
    """The cells of a page that run in a build and show something that another build would show differently."""
    cells = [cell for cell in jupytext.read(page).cells if cell.cell_type == "code"]
    return [cell.source for cell in cells if "skip-execution" not in cell.metadata.get("tags", []) and MEASURES.search(cell.source)]


def test_no_page_shows_what_it_measures(root):
    assert {page.stem: found for page in sorted((root / "book").glob("*.md")) if (found := measuring(page))} == {}


def test_a_cell_that_measures_is_found_unless_it_is_left_out(root, tmp_path):
    page, speed = tmp_path / "page.md", root / "book/speed.md"
    text = speed.read_text("utf8")
    assert "median_seconds(" in text and measuring(speed) == []
    page.write_text(text.replace(":tags: [skip-execution]\n", ""), "utf8")
    assert [source for source in measuring(page) if "median_seconds" not in source] == [] != measuring(page)
    for line in ("begun = time.time()", "rng = np.random.default_rng()", "from time import sleep", "x = np.random.rand(3)"):
        page.write_text(text.split("# ")[0] + f"```{{code-cell}} ipython3\n{line}\n```\n", "utf8")
        assert measuring(page) == [line]


def test_what_measures_in_the_library_is_known_to_the_scan(root):
    """So that no page measures by a function whose name says nothing."""
    imports = re.compile(r"^\s*(import|from) (time|tracemalloc|timeit|resource|datetime)\b", re.M)
    found = {path.name for path in (root / "rnnlib").rglob("*.py") if imports.search(path.read_text("utf8"))}
    assert found == {"cost.py", "memory.py"}


def test_a_cell_that_is_left_out_stays_in_the_page(tmp_path):
    """Shown, and in the download, but not run."""
    notebook = jupytext.reads(NOTEBOOK + "```{code-cell} ipython3\n:tags: [skip-execution]\nraise ValueError\n```\n", "md:myst")
    assert run_pages.run(tmp_path / "page.md", notebook, 60).err is None
    (cell,) = (cell for cell in notebook.cells if cell.cell_type == "code")
    assert cell.source == "raise ValueError" and cell.outputs == []


def test_a_downloads_cells_are_counted():
    text = '{"cells": [{"id": "9f", "source": "λ"}, {"id": "a0"}]}'
    assert notebooks.numbered(text) == notebooks.numbered(text.replace("9f", "77"))
    assert '"cell-2"' in notebooks.numbered(text) and "λ" in notebooks.numbered(text)
