"""The whole book as one PDF: ``python book/_tools/pdf.py``, after the book has been built.

The pages are put on one page (``singlehtml``; their cells are not run again) and Chromium prints it,
with bookmarks, and with the numbers and links between chapters that the site has.
The PDF lies beside the site's home page, and the pages' download menus then offer it.
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

from build import ROOT, run
from playwright.sync_api import sync_playwright

SITE, ONE = ROOT / "_build/html", ROOT / "_build/singlehtml"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MATHML = re.compile(r'<span class="katex-mathml">.*?</span>(?=<span class="katex-html")', re.S)
NAME = "unrolled.pdf"
MENU = re.compile(r'(<div class="dropdown dropdown-download-buttons">.*?<ul[^>]*>)(?!\s*<li class="whole-book")', re.S)
ENTRY = (
    '<li class="whole-book"><a href="{up}' + NAME + '" download class="btn btn-sm dropdown-item" '
    'title="The whole book as PDF"><span class="btn__text-container">The whole book .pdf</span></a></li>'
)


def one_page() -> Path:
    """The book on one page, beside its ``_static``, with the formulas as they are drawn and nothing besides."""
    page = ONE / "book/index.html"
    whole = ONE / "unrolled.html"
    whole.write_text(MATHML.sub("", page.read_text("utf8")), "utf8")
    return whole


def printed(page: Path, target: Path) -> None:
    """Print a page with Chromium; the file appears when it is whole."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        sys.exit(f"No browser found (looked for {', '.join(BROWSERS)}); install Chromium, on Debian: apt-get install chromium")
    unfinished = target.with_suffix(".part")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox", "--disable-gpu"])
        tab = chromium.new_page(color_scheme="light")
        tab.set_default_timeout(0)
        tab.goto(page.as_uri(), wait_until="load")
        number = '<div style="width:100%;text-align:center;font-size:8px"><span class="pageNumber"></span></div>'
        tab.pdf(path=unfinished, prefer_css_page_size=True, outline=True, tagged=True, print_background=True,
                display_header_footer=True, header_template="<div></div>", footer_template=number)  # fmt: skip
        chromium.close()
    unfinished.replace(target)


def offer() -> int:
    """Put the PDF into the download menus of the site; how many pages have it now."""
    offered = 0
    for page in SITE.glob("book/*.html"):
        text = page.read_text("utf8")
        page.write_text(MENU.sub(lambda menu: menu[1] + ENTRY.format(up="../"), text), "utf8")
        offered += NAME in page.read_text("utf8")
    return offered


if __name__ == "__main__":
    if not (SITE / "book/index.html").exists():
        sys.exit("There is no built site; run: make book")
    if code := run("--builder", "singlehtml"):
        sys.exit(code)
    printed(one_page(), SITE / NAME)
    print(f"==> PDF: {(SITE / NAME).relative_to(ROOT)} ({(SITE / NAME).stat().st_size / 1e6:.1f} MB), offered on {offer()} pages")
