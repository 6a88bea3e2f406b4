"""axe finds nothing on any page: light, and in the dark whatever depends on colours.

Colours are most of axe's work, and most of a page looks like something that stands on it already: of all that is painted alike,
in the same colours, size and weight on the same ground, one stands for the rest. The drawing of a formula, half of all elements,
is hidden from readers' aids, which have its MathML; an empty box keeps its place. (test_browser looks at the colours of its letters.)
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from conftest import turn

COLOURS = ["color-contrast", "link-in-text-block"]
SHAPE = {"rules": {rule: {"enabled": False} for rule in COLOURS}}
READ = """
async () => {  // from top to bottom: what scrolls is marked when the reader comes near, and a window of the page's height takes a minute
  const drawn = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))));
  for (let y = 0; y < document.documentElement.scrollHeight; y += innerHeight) {
    scrollTo({ top: y, behavior: "instant" });
    await drawn();
  }
  scrollTo({ top: 0, behavior: "instant" });
}
"""
EMPTY = """
() => {
  const drawn = [...document.querySelectorAll(".katex-html")].map((el) => [el, el.getBoundingClientRect()]);
  for (const [el, { width, height }] of drawn) {
    const box = document.createElement("span");
    Object.assign(box.style, { display: "inline-block", width: `${width}px`, height: `${height}px` });
    el.replaceChildren(box);
  }
}
"""
LOOK = """
() => {
  const seen = new Set(), grounds = new Map();
  const ground = (el) => {  // what can be seen behind an element, from the page up to it
    if (!el) return "";
    if (!grounds.has(el)) {
      const { backgroundColor, backgroundImage, opacity, position, filter } = getComputedStyle(el);
      const own = [backgroundColor, backgroundImage, opacity, position, filter].join();
      grounds.set(el, ground(el.parentElement) + (own === "rgba(0, 0, 0, 0),none,1,static,none" ? "" : `/${own}`));
    }
    return grounds.get(el);
  };
  const ink = (el) => (({ color, fontSize, fontWeight, textShadow, textDecorationLine }) =>
    [color, fontSize, fontWeight, textShadow, textDecorationLine])(getComputedStyle(el));
  for (const el of document.querySelectorAll("[data-look]")) delete el.dataset.look;
  for (const el of document.querySelectorAll("body *")) {
    if (![...el.childNodes].some((node) => node.nodeType === 3 && node.data.trim())) continue;
    if (!el.getClientRects().length) continue;
    const look = [el.tagName === "A", ink(el), ink(el.parentElement), ground(el)].join("|");
    if (!seen.has(look)) el.dataset.look = "";
    seen.add(look);
  }
  return seen.size;
}
"""
RUN = """
async ([within, options]) => {
  const found = await axe.run({ include: [[within]] }, { resultTypes: ["violations"], ...options });
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


def colours(page) -> list[str]:
    """What axe has against the colours as they are now."""
    assert page.evaluate(LOOK) > 3
    return page.evaluate(RUN, ["[data-look]", {"runOnly": COLOURS}])


def findings(page) -> list[str]:
    page.evaluate(READ)
    page.evaluate(EMPTY)
    page.evaluate(axe())
    return page.evaluate(RUN, ["html", SHAPE]) + colours(page)


def test_axe_finds_nothing(open_page, path):
    page = open_page(path, whole=True)
    assert findings(page) == []
    turn(page, "dark")
    assert colours(page) == []


def test_axe_finds_nothing_on_a_phone(open_page):
    assert findings(open_page("book/gradient_w.html", width=390, whole=True)) == []


def test_axe_finds_nothing_in_the_search_page(open_page):
    page = open_page("search.html?q=gradient")
    page.locator("#search-results li").first.wait_for(timeout=5000)
    assert findings(page) == []


def test_axe_would_find_something(open_page):
    page = open_page("book/glossary.html")
    page.evaluate("document.querySelector('article').insertAdjacentHTML('beforeend', '<img src=x><p style=\"color: #ccc\">pale</p>')")
    page.evaluate(
        """() => document.querySelector("article section p:last-of-type").insertAdjacentHTML("afterend",
        '<div style="background: #eee"><p>Dark enough here</p></div><div style="background: #888"><p>and not on this ground</p></div>')"""
    )
    found = " ".join(findings(page))
    assert "image-alt" in found and "color-contrast" in found and "2 times" in found.partition("color-contrast")[2]
