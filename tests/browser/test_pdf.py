"""The PDF of the book is made from one page, and whatever is wrong with it is found before it is offered."""

from __future__ import annotations

import json
import subprocess
import sys

import pdf
import pytest

HEAD = '<!DOCTYPE html><html lang="en"><head><title>Small</title><style>@page { size: A4; margin: 18mm 16mm; }</style></head><body>'
BODY = """<article><h1>Small</h1><p>See <a href="#two">there</a> or <a href="https://example.org/">outside</a>.</p>
<span id="document-book/two"></span><section id="two"><h2>Two</h2><p>x = 1 <span class="eqno">(2.1)</span></p></section></article>"""
PRINT = """
import json, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import pdf
page, target = Path(sys.argv[2]), Path(sys.argv[2]).with_suffix(".pdf")
wide = pdf.printed(page, target)
page.write_text(page.read_text("utf8").replace("<!-- not printed", "").replace("-->", ""), "utf8")
reader = pdf.PdfReader(target)
print(json.dumps([wide + pdf.found_in(target, page), [mark.title for mark in pdf.flat(reader.outline)], len(reader.pages)]))
"""


def printed(folder, body: str) -> tuple[list[str], list[str], int]:
    """Faults, bookmarks and sheets of a page, printed by a process of its own: one has room for one Playwright."""
    source = folder / "book/index.html"
    source.parent.mkdir(parents=True)
    source.write_text(HEAD + body + "</body></html>", "utf8")
    command = [sys.executable, "-c", PRINT, str(pdf.ROOT / "book/_tools"), str(pdf.one_page(source))]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout)


def test_a_page_without_faults_has_bookmarks_and_a_chapter_begins_on_a_new_sheet(tmp_path):
    assert printed(tmp_path, BODY) == [[], ["Small", "Two"], 2]


def test_links_between_pages_lead_to_places_on_the_one_page(tmp_path):
    body = BODY.replace('href="#two"', 'href="book/index.html#two"').replace("or", '<a href="../_downloads/a/b.py">b.py</a> or')
    body = body.replace("outside", 'outside</a>, <a href="#document-book/two#two">late</a>, <a href="#document-book/index">home')
    assert printed(tmp_path, body)[0] == []
    assert 'href="#two"' in (tmp_path / "unrolled.html").read_text("utf8")


KATEX = (
    '<span class="katex"><span class="katex-mathml"><math><semantics><mrow><mi>y</mi></mrow><annotation encoding="application/x-tex">'
    r'y \in \{1\}</annotation></semantics></math></span><span class="katex-html" aria-hidden="true"><i>y</i></span></span>'
)


def test_a_formula_is_read_out_as_its_latex_and_one_that_is_cut_off_is_missed(tmp_path):
    body = BODY.replace("x = 1", KATEX)
    assert printed(tmp_path / "in sight", body)[0] == []
    assert 'role="img" aria-label="y \\in \\{1\\}"' in (tmp_path / "in sight/unrolled.html").read_text("utf8")
    cut = body.replace("<p>" + KATEX, '<p style="position: absolute; left: -500px">' + KATEX)
    assert r"the formula y \in \{1\} is not there, or has no name" in printed(tmp_path / "out of sight", cut)[0]


def test_a_formula_that_is_too_wide_is_made_smaller(tmp_path):
    shown = '<div class="math"><span class="katex-display" style="display: block; overflow: visible; white-space: nowrap">'
    assert printed(tmp_path, BODY.replace("x = 1", shown + KATEX.replace("<i>y</i>", "y" * 120) + "</span></div>"))[0] == []


def test_printed_twice_it_is_the_same_file(tmp_path):
    printed(tmp_path / "one", BODY)
    printed(tmp_path / "two", BODY)
    assert (tmp_path / "one/unrolled.pdf").read_bytes() == (tmp_path / "two/unrolled.pdf").read_bytes()


FAULTS = {
    "a link to nowhere": (BODY.replace("#two", "#three"), "three"),
    "a number that is missing": (BODY.replace("x = 1", '<!-- not printed <b class="eqno">(2.2)</b> -->'), "(2.2)"),
    "a heading without a bookmark": (BODY.replace("x = 1", "<!-- not printed <h3>Three</h3> -->"), "3 headings, 2 bookmarks"),
    "a table that is cut off": (BODY.replace("x = 1", f"</p><table><td>{'n' * 300}</td></table><p>"), "wider than the paper: table"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_found(tmp_path, name):
    body, says = FAULTS[name]
    found = printed(tmp_path, body)[0]
    assert any(says in fault for fault in found), found
