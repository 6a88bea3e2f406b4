"""The PDF in the site's download menus: ``python book/_tools/offer.py`` withdraws it if it is not of the built pages."""

from __future__ import annotations

import re
from pathlib import Path

SITE = Path(__file__).resolve().parents[2] / "_build/html"
NAME = "unrolled.pdf"
MENU = re.compile(r'(<div class="dropdown dropdown-download-buttons">.*?<ul[^>]*>)', re.S)
OFFERED = re.compile(r'<li class="whole-book">.*?</li>', re.S)
ENTRY = (
    '<li class="whole-book"><a href="../' + NAME + '" download class="btn btn-sm dropdown-item" '
    'title="The whole book as PDF"><span class="btn__text-container">The whole book .pdf, {size:.0f} MB</span></a></li>'
)


def offer(site: Path = SITE) -> int:
    """Put the PDF into the download menus of the site; how many pages have it now."""
    offered, size = 0, (site / NAME).stat().st_size / 1e6
    for page in site.glob("book/*.html"):
        text = OFFERED.sub("", page.read_text("utf8"))
        text = MENU.sub(lambda menu: menu[1] + ENTRY.format(size=size), text, count=1)
        page.write_text(text, "utf8")
        offered += NAME in text
    return offered


def withdraw(site: Path = SITE) -> bool:
    """Take the PDF off the site if a page was written after it was offered, and so has lost it; whether that was so."""
    texts = {page: page.read_text("utf8") for page in site.glob("book/*.html")} if (site / NAME).exists() else {}
    if not any(MENU.search(text) and not OFFERED.search(text) for text in texts.values()):
        return False
    for page, text in texts.items():
        if OFFERED.search(text):
            page.write_text(OFFERED.sub("", text), "utf8")
    (site / NAME).unlink()
    return True


if __name__ == "__main__":
    if withdraw():
        print("==> The PDF was of other pages and is no longer offered; to make it anew: make pdf")
