"""A derivation is read as it stands, folded to its result, or line by line: by mouse, by keyboard, on paper and without scripts."""

from __future__ import annotations

import re

import pytest

SEEN = """
(bar) => {  // the lines of the derivation above the buttons that can be seen: in the drawing, and for readers' aids
  const math = bar.previousElementSibling, shown = (el) => getComputedStyle(el).visibility === "visible";
  const [left, right] = [...math.querySelector(".katex-html .mtable").children].filter((el) => el.className.startsWith("col-align"));
  const lines = (column) => [...column.querySelector(".vlist").children].map((el, k) => (shown(el) ? k + 1 : 0)).filter(Boolean);
  const said = [...math.querySelectorAll(".katex-mathml > math > semantics > mrow > mtable > mtr, .katex-mathml mtable > mtr")];
  const cells = said.map((tr, k) => ([...tr.children].some((td) => shown(td) && td.textContent.trim()) ? k + 1 : 0)).filter(Boolean);
  return { left: lines(left), right: lines(right), said: cells, height: math.offsetHeight };
}
"""
WITHIN = """
(bar) => {  // what can be seen of the folded derivation lies within its box
  const math = bar.previousElementSibling, box = math.getBoundingClientRect();
  return [...math.querySelectorAll(".katex-html .vlist > span:not(.unread) .mord:not(:has(*))")].every((el) => {
    const { top, bottom, width } = el.getBoundingClientRect();
    return getComputedStyle(el).visibility === "hidden" || !width || (top > box.top - 2 && bottom < box.bottom + 2);
  });
}
"""


@pytest.fixture(scope="module")
def derivations(site, pages) -> dict[str, int]:
    """The pages with derivations, and how many."""
    found = {name: (site / name).read_text("utf8").count(' data-lines="') for name in pages}
    return {name: count for name, count in found.items() if count}


def test_every_derivation_can_be_folded_and_stepped_through(open_page, derivations):
    assert derivations
    for name, count in derivations.items():
        page = open_page(name, whole=True)
        bars = page.locator(".reading").all()
        assert len(bars) == count
        for bar in bars:
            lines = int(bar.get_attribute("data-lines"))
            every = list(range(1, lines + 1))
            before = bar.evaluate(SEEN)
            assert before["right"] == before["said"] == every, name
            bar.get_by_role("button", name="Result only").click()
            folded = bar.evaluate(SEEN)
            assert (folded["left"][0], folded["right"], folded["said"]) == (1, [lines], [1, lines]), name
            assert folded["height"] < before["height"] and bar.evaluate(WITHIN), name
            for line in every:
                bar.get_by_role("button", name="Line by line" if line == 1 else "Next line").click()
                seen = bar.evaluate(SEEN)
                assert seen["right"] == seen["said"] == every[:line], name
                assert bar.get_by_role("status").inner_text() == ("" if line == lines else f"line {line} of {lines}")
            assert bar.evaluate(SEEN) == before
        assert page.faults == []


def test_the_arrow_keys_go_through_a_derivation(open_page, derivations):
    page = open_page(next(iter(derivations)), whole=True)
    bar = page.locator(".reading").first
    lines = int(bar.get_attribute("data-lines"))
    bar.get_by_role("button", name="Line by line").focus()
    said = {"Home": "the result", "ArrowRight": "line 1 of", "End": "", "ArrowLeft": f"line {lines - 1} of"}
    for key, text in said.items():
        page.keyboard.press(key)
        assert bar.get_by_role("status").inner_text().startswith(text) and (text or not bar.get_by_role("status").inner_text()), key
    page.keyboard.press("Enter")
    assert bar.evaluate(SEEN)["right"] == list(range(1, lines + 1))


def test_on_paper_all_lines_stand(open_page, derivations):
    page = open_page(next(iter(derivations)), whole=True)
    bar = page.locator(".reading").first
    bar.get_by_role("button", name="Result only").click()
    page.emulate_media(media="print")
    assert bar.evaluate(SEEN)["right"] == list(range(1, int(bar.get_attribute("data-lines")) + 1))
    assert not bar.is_visible()
    moved = "(bar) => [...bar.previousElementSibling.querySelectorAll('[style*=translate]')].map((el) => getComputedStyle(el).transform)"
    assert set(bar.evaluate(moved)) == {"none"}


def test_without_scripts_all_lines_stand_and_no_button(chromium, address, derivations):
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}/{next(iter(derivations))}")
    assert not page.locator(".reading").first.is_visible() and page.locator(".unread").count() == 0
    assert not re.search(r"Result only|Line by line", page.locator("article").inner_text())
    context.close()
