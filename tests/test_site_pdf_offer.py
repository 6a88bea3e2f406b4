"""The PDF is offered on every page that has a download menu, and withdrawn when a page was written after it."""

from __future__ import annotations

import pytest
from offer import NAME, offer, withdraw

PAGE = (
    '<div class="dropdown dropdown-download-buttons"><button></button><ul class="dropdown-menu">\n<li>.md</li></ul></div>'
    "<ul><li>another list</li></ul>"
)


@pytest.fixture
def site(tmp_path):
    (tmp_path / "book").mkdir()
    for name in ("one", "two"):
        (tmp_path / f"book/{name}.html").write_text(PAGE, "utf8")
    (tmp_path / "book/search.html").write_text("<p>Search</p>", "utf8")
    (tmp_path / NAME).write_bytes(b"x" * 12_300_000)
    return tmp_path


def test_it_is_offered_once_on_each_page_with_its_size(site):
    assert (offer(site), offer(site)) == (2, 2)
    text = (site / "book/one.html").read_text("utf8")
    assert text.count(f'href="../{NAME}"') == 1 and "12 MB" in text


def test_it_stays_as_long_as_no_page_is_written_anew(site):
    offer(site)
    assert not withdraw(site) and (site / NAME).exists() and NAME in (site / "book/two.html").read_text("utf8")


def test_it_is_withdrawn_from_every_page_when_one_is_written_anew(site):
    offer(site)
    (site / "book/one.html").write_text(PAGE, "utf8")
    assert withdraw(site) and not (site / NAME).exists()
    assert (site / "book/one.html").read_text("utf8") == (site / "book/two.html").read_text("utf8") == PAGE


def test_a_site_without_it_is_left_alone(site):
    (site / NAME).unlink()
    assert not withdraw(site)
