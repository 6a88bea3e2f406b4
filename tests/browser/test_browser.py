"""Every page of the built site in a real browser: light and dark, wide and 390 px, with the network closed."""

from __future__ import annotations

import re

import pytest
from conftest import turn

CONTRAST = """
() => {
  const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => {
    const f = (v) => ((v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * f(r) + 0.7152 * f(g) + 0.0722 * f(b);
  };
  const ground = (el) => {
    for (; el; el = el.parentElement) {
      const c = rgb(getComputedStyle(el).backgroundColor);
      if (c.length < 4 || c[3] > 0.99) return c;
    }
    return [255, 255, 255];
  };
  const low = [];
  for (const el of document.querySelectorAll("article :is(.sym-U, .sym-W, .sym-V, .sym-grad, .evidence, .evidence-kind, figcaption)")) {
    if (!el.getClientRects().length) continue;
    const [a, b] = [light(rgb(getComputedStyle(el).color)), light(ground(el))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) low.push(`${el.className} '${el.textContent.slice(0, 20)}' ${ratio.toFixed(2)}`);
  }
  return [...new Set(low)];
}
"""


WIDE = """
() => document.documentElement.scrollWidth <= innerWidth ? [] : [...document.querySelectorAll("article *")]
  .filter((el) => el.getBoundingClientRect().right > innerWidth + 1).slice(0, 5).map((el) => el.outerHTML.slice(0, 120))
"""


def test_page_is_quiet_self_contained_and_legible_and_fits_a_phone(open_page, path):
    """One visit: light and dark, then narrow; the first reference to an equation shows it."""
    page = open_page(path, whole=True)
    assert page.evaluate("document.documentElement.dataset.theme") == "light"
    assert page.evaluate("document.fonts.ready.then(() => true)")
    assert page.evaluate(CONTRAST) == []
    assert_previews(page, first_link(page, "article p a[href*='#equation-']"), ".katex")
    turn(page, "dark")
    assert page.evaluate(CONTRAST) == []
    page.set_viewport_size({"width": 390, "height": 900})
    assert page.evaluate("innerWidth") == 390 and page.evaluate(WIDE) == []
    turn(page, "light")
    assert page.evaluate(WIDE) == []
    assert page.faults == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_that_is_opened_on_a_phone_is_as_it_should_be(open_page, scheme):
    page = open_page("book/index.html", width=390, scheme=scheme)
    assert page.evaluate("document.documentElement.dataset.theme") == scheme
    assert page.evaluate(WIDE) == [] == page.faults


def first_link(page, selector: str):
    """The first that can be seen; None if there is none."""
    return next((link for link in page.locator(selector).all() if link.is_visible()), None)


def assert_previews(page, link, holds: str) -> None:
    """The link, if there is one, shows by keyboard what it leads to, and Escape closes it."""
    if link is not None:
        link.focus()
        box = page.locator(".preview[role=tooltip]")
        box.wait_for(timeout=5000)
        assert box.locator(holds).count() and box.inner_text().strip()
        assert link.get_attribute("aria-describedby") == box.get_attribute("id")
        page.keyboard.press("Escape")
        assert page.locator(".preview").count() == 0 and link.get_attribute("aria-describedby") is None


PREVIEWS = {  # what is referred to: the links, and what the box must hold
    "equation": ("article p a[href*='#equation-']", ".katex"),
    "theorem": ("article p a[href*='#thm-']", ".admonition-title .caption-number"),
    "citation": ("article p a[href*='bibliography.html#']", "p, dd, .citation"),
    "term": ("article p a[href*='glossary.html#term-']", "dt"),
    "figure": ("article p a[href*='#fig-']", "svg, img"),
}


@pytest.mark.parametrize("kind", PREVIEWS)
def test_a_reference_previews_what_it_leads_to_by_keyboard_and_by_mouse(open_page, site, pages, kind):
    selector, holds = PREVIEWS[kind]
    refers = re.compile('<a class="reference internal" href="[^"]*' + selector.partition("*='")[2].removesuffix("']"))
    name = next((name for name in pages if refers.search((site / name).read_text("utf8"))), None)
    assert name, f"no page refers to a {kind}"
    page = open_page(name, whole=True)
    link = first_link(page, selector)
    assert_previews(page, link, holds)
    page.locator("h1").first.click()
    link.hover()
    box = page.locator(".preview[role=tooltip]")
    box.wait_for(timeout=5000)
    assert box.locator(holds).count()
    page.mouse.move(2, 2)
    box.wait_for(state="detached", timeout=5000)
    assert page.faults == []


def test_a_folded_solution_opens(open_page, site, pages):
    name = next(name for name in pages if 'class="solution dropdown' in (site / name).read_text("utf8"))
    page = open_page(name, whole=True)
    body = page.locator("div.solution.dropdown").first.locator(".solution-content")
    assert not body.is_visible()
    page.locator("div.solution.dropdown button.toggle-button").first.click()
    body.wait_for(state="visible", timeout=2000)


def test_the_theme_switch_changes_the_theme(open_page, pages):
    page = open_page(pages[0])
    for _ in range(3):
        page.locator("button.theme-switch-button:visible").first.click()
        if page.evaluate("document.documentElement.dataset.theme") == "dark":
            return
    pytest.fail("the theme never became dark")


def test_a_symbol_lights_its_twins_in_equations_and_diagrams(open_page):
    page = open_page("book/gradient_w.html")
    lit, paint = "document.documentElement.dataset.lit", "(el) => getComputedStyle(el).backgroundColor"
    in_equation, in_diagram = page.locator("article .katex-html .sym-W").first, page.locator("article svg .sym-W").first
    dark = in_equation.evaluate(paint)
    in_equation.hover()
    assert page.evaluate(lit) == "W" and in_equation.evaluate(paint) != dark
    assert "drop-shadow" in in_diagram.evaluate("(el) => getComputedStyle(el).filter")
    page.locator("h1").hover()
    assert page.evaluate(lit) is None and in_equation.evaluate(paint) == dark
    button = page.get_by_role("button", name="W, from state to state")
    button.focus()
    page.keyboard.press("Enter")
    assert page.evaluate(lit) == "W" and button.get_attribute("aria-pressed") == "true"
    page.keyboard.press("Escape")
    assert page.evaluate(lit) is None and button.get_attribute("aria-pressed") == "false"
    assert not page.faults


def test_search_finds_a_page(open_page):
    page = open_page("search.html?q=gradient")
    page.locator("#search-results li").first.wait_for(timeout=5000)
    assert page.faults == []
