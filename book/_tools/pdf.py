"""The whole book as one PDF: ``python book/_tools/pdf.py``, after the book has been built.

The pages are put on one page (``singlehtml``; their cells are not run again) and Chromium prints it,
with bookmarks, and with the numbers and links between chapters that the site has.
The PDF lies beside the site's home page, and the pages' download menus then offer it.
It is not offered if it has a fault: a heading without a bookmark, a link that leads nowhere or to a file of this machine,
a font that is not embedded, a formula or the number of one that is missing, or something wider than the paper.
"""

from __future__ import annotations

import re
import shutil
import sys
from html import unescape
from pathlib import Path

import pikepdf
from build import ROOT, run
from offer import NAME, SITE, offer
from playwright.sync_api import sync_playwright
from pypdf import PdfReader

ONE = ROOT / "_build/singlehtml"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MATHML = re.compile(
    r'<span class="katex"><span class="katex-mathml">.*?<annotation[^>]*>(.*?)</annotation>.*?</span>'
    r'<span class="katex-html" aria-hidden="true">', re.S
)  # fmt: skip
INSIDE = re.compile(r'(<a\b[^>]*?) href="(?!#|https?:|mailto:)[^"#]*(?:#([^"]*))?"')
ON_A_PAGE = re.compile(r'href="#document-[^"#]*#([^"]+)"')  # Sphinx writes page and place for what a table is filled with late
HOME = "document-book/index"  # the one page that has no mark of its own
CHAPTERS = '[id^="document-"] + section { break-before: page; }'
FORMULAS = ".bd-article div.math > .katex-display, .bd-article .katex-display { font-size: 1em; }"  # if too wide: SHRINK
TITLE = ".bd-main .bd-content .bd-article h1:first-of-type { display: block !important; }"  # the theme leaves it to a head of its own
SHEET, PAPER = round(210 / 25.4 * 96), round((210 - 2 * 16) / 25.4 * 96)  # pixels: an A4 sheet, and between the margins of book.css
SHRINK = """
() => document.querySelectorAll("article .katex-display").forEach((shown) => {
  const formula = shown.querySelector(".katex");
  formula.style.width = "max-content";
  const share = shown.clientWidth / formula.getBoundingClientRect().width;
  formula.style.width = "";
  shown.style.fontSize = share < 1 ? `${Math.floor(100 * share)}%` : "";
})
"""
WIDER = """
(paper) => [...document.querySelectorAll("article :is(p, pre, table, figure, svg, img, .katex-display > .katex)")]
  .filter((el) => el.getClientRects().length && el.getBoundingClientRect().right > paper + 12)
  .map((el) => `${el.tagName.toLowerCase()} ${el.textContent.trim().slice(0, 60) || el.getAttribute("aria-label")}`)
"""


def one_page(page: Path) -> Path:
    """The book on one page, beside its ``_static``; a formula is drawn once, and read out as its LaTeX.

    Every link inside the book leads to a place on this page; one to a file beside it is none.
    """
    whole = page.parents[1] / "unrolled.html"
    text = MATHML.sub(formula, page.read_text("utf8"))
    text = INSIDE.sub(lambda link: f'{link[1]} href="#{link[2]}"' if link[2] else link[1], text)
    text = ON_A_PAGE.sub(r'href="#\1"', text).replace("<article", f'<span id="{HOME}"></span><article', 1)
    whole.write_text(text.replace("</head>", f"<style>{CHAPTERS} {FORMULAS} {TITLE}</style></head>"), "utf8")
    return whole


def formula(katex: re.Match) -> str:
    """The start of a formula, as it is drawn, with its LaTeX as its name: a PDF has no MathML to be read out instead."""
    name = katex[1].strip().replace('"', "&quot;")
    return f'<span class="katex" role="img" aria-label="{name}"><span class="katex-html">'


def found_in(target: Path, page: Path) -> list[str]:
    """What is wrong with the PDF of a page."""
    reader, html = PdfReader(target), page.read_text("utf8")
    named = {name.lstrip("/") for name in reader.named_destinations}
    article = html[html.index("<article") : html.index("</article>")]
    marks, headings = len(list(flat(reader.outline))), len(re.findall(r"<h[1-6]\b", article))
    faults = [f"{headings} headings, {marks} bookmarks"] if marks < headings else []
    ids, text = set(re.findall(r'\bid="([^"]*)"', html)), ""
    faults += [f"a link to #{to}, which is nowhere" for to in sorted(set(re.findall(r'<a\b[^>]* href="#([^"]+)"', article)) - ids)]
    for number, sheet in enumerate(reader.pages, 1):
        text += sheet.extract_text()
        for link in (link.get_object() for link in sheet.get("/Annots") or []):
            to, outside = str(link.get("/Dest", "")).lstrip("/"), str(link.get("/A", {}).get("/URI", ""))
            if to and to not in named:
                faults.append(f"page {number}: a link to {to}, which is nowhere")
            if outside and not outside.startswith(("https://", "http://", "mailto:")):
                faults.append(f"page {number}: a link to {outside}")
        fonts = (font.get_object() for font in (sheet["/Resources"].get("/Font") or {}).values())
        faults += [f"page {number}: {font.get('/BaseFont')} is not embedded" for font in fonts if not embedded(font)]
    with pikepdf.open(target) as whole:
        said = {words(str(part["/Alt"])) for part in whole.objects if isinstance(part, pikepdf.Dictionary) and "/Alt" in part}
    names = {words(unescape(name)) for name in re.findall(r'class="katex" role="img" aria-label="([^"]*)"', article)}
    faults += [f"the formula {name} is not there, or has no name" for name in sorted(names - said)]
    numbers = re.findall(r'class="eqno">\(([^<)]+)\)', html)
    return faults + [f"equation ({number}) is missing" for number in numbers if f"({number})" not in text]


def words(text: str) -> str:
    """The text with one space between its words: a formula may be written over several lines."""
    return " ".join(text.split())


def flat(outline: list):
    for mark in outline:
        yield from flat(mark) if isinstance(mark, list) else [mark]


def embedded(font) -> bool:
    """Whether a font's shapes are in the file; those of a Type 3 font always are."""
    inner = font["/DescendantFonts"][0].get_object() if "/DescendantFonts" in font else font
    return font["/Subtype"] == "/Type3" or any(name.startswith("/FontFile") for name in inner["/FontDescriptor"].get_object())


def printed(page: Path, target: Path) -> list[str]:
    """Print a page with Chromium; the file appears when it is whole. What is wider than the paper, by its first words."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        sys.exit(f"No browser found (looked for {', '.join(BROWSERS)}); install Chromium, on Debian: apt-get install chromium")
    unfinished = target.with_suffix(".part")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox", "--disable-gpu"])
        tab = chromium.new_page(color_scheme="light")
        tab.set_default_timeout(0)
        tab.goto(page.as_uri(), wait_until="load")
        tab.emulate_media(media="print")
        tab.set_viewport_size({"width": SHEET, "height": 1000})  # what its style sheet asks for
        tab.add_style_tag(content=f"html {{ width: {PAPER}px }}")
        tab.evaluate(SHRINK)
        wide = tab.evaluate(WIDER, PAPER)
        number = '<div style="width:100%;text-align:center;font-size:8px"><span class="pageNumber"></span></div>'
        tab.pdf(path=unfinished, prefer_css_page_size=True, outline=True, tagged=True, print_background=True,
                display_header_footer=True, header_template="<div></div>", footer_template=number)  # fmt: skip
        chromium.close()
    with pikepdf.open(unfinished, allow_overwriting_input=True) as whole:  # Chromium packs nothing but its streams
        for date in ("/CreationDate", "/ModDate"):  # printed twice, the file is the same
            del whole.docinfo[date]
        whole.save(object_stream_mode=pikepdf.ObjectStreamMode.generate, recompress_flate=True, deterministic_id=True)
    unfinished.replace(target)
    return [f"wider than the paper: {which}" for which in wide]


if __name__ == "__main__":
    if not (SITE / "book/index.html").exists():
        sys.exit("There is no built site; run: make book")
    if code := run("--builder", "singlehtml"):
        sys.exit(code)
    page = one_page(ONE / "book/index.html")
    if faults := printed(page, SITE / NAME) + found_in(SITE / NAME, page):
        (SITE / NAME).unlink()
        sys.exit("\n".join(faults) + f"\n==> The PDF has {len(faults)} fault(s) and is not offered.")
    print(f"==> PDF: {(SITE / NAME).relative_to(ROOT)} ({(SITE / NAME).stat().st_size / 1e6:.1f} MB), offered on {offer()} pages")
