"""axe finds nothing on any page: light, and in the dark whatever depends on colours."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

IN_THE_DARK = {"runOnly": ["color-contrast", "link-in-text-block"]}
RUN = """
async (options) => {
  const context = { exclude: [[".katex-html"]] };  // hidden from readers' aids; test_browser looks at its colours
  const found = await axe.run(context, { resultTypes: ["violations"], ...options });
  const formula = ({ target }) => document.querySelector(target[0])?.querySelector("math");  // axe does not count MathML as text
  const left = ({ id, help, nodes }) => ({ id, help, nodes: id === "empty-table-header" ? nodes.filter((node) => !formula(node)) : nodes });
  return found.violations.map(left).filter(({ nodes }) => nodes.length).map(({ id, help, nodes: [first, ...more] }) =>
    `${id}: ${help}; ${1 + more.length} times, as ${first.html.slice(0, 160)}; ${first.failureSummary}`);
}
"""


@cache
def axe() -> str:
    """axe's script, which a package of Python carries."""
    return (files("axe_playwright_python") / "axe.min.js").read_text("utf8")


def findings(page, options: dict) -> list[str]:
    height = page.evaluate("document.documentElement.scrollHeight")
    page.set_viewport_size({"width": page.viewport_size["width"], "height": height})  # all of it is near, so all that scrolls is marked
    page.wait_for_timeout(300)
    page.evaluate(axe())
    return page.evaluate(RUN, options)


def test_axe_finds_nothing(open_page, path):
    page = open_page(path, whole=True)
    assert findings(page, {}) == []
    page.emulate_media(color_scheme="dark")
    assert page.evaluate("new Promise((done) => setTimeout(() => done(document.documentElement.dataset.theme), 100))") == "dark"
    assert findings(page, IN_THE_DARK) == []


def test_axe_finds_nothing_on_a_phone(open_page):
    assert findings(open_page("book/gradient_w.html", width=390, whole=True), {}) == []


def test_axe_finds_nothing_in_the_search_page(open_page):
    page = open_page("search.html?q=gradient")
    page.locator("#search-results li").first.wait_for(timeout=5000)
    assert findings(page, {}) == []


def test_axe_would_find_something(open_page):
    page = open_page("book/glossary.html")
    page.evaluate("document.querySelector('article').insertAdjacentHTML('beforeend', '<img src=x><p style=\"color: #ccc\">pale</p>')")
    found = " ".join(findings(page, {}))
    assert "image-alt" in found and "color-contrast" in found
