"""The search of the site finds what a reader would type."""

from __future__ import annotations

import pytest

ASKED = {
    "gradient of W": "gradient_w",
    "gradient of U": "gradient_u",
    "gradient of V": "output",
    "vanishing gradient": "flow",
    "clipping": "remedies",
    "LSTM": "lstm",
    "softmax": "output",
    "truncated": "truncated",
}


@pytest.mark.parametrize("question", ASKED)
def test_search_finds(open_page, question):
    page = open_page(f"search.html?q={question.replace(' ', '+')}")
    page.locator("#search-results li a").first.wait_for(timeout=5000)
    page.locator("#search-results > p.search-summary").filter(has_text="found").wait_for(timeout=5000)
    first = [link.get_attribute("href") for link in page.locator("#search-results ul.search > li > a").all()[:5]]
    assert any(f"book/{ASKED[question]}.html" in href for href in first), first
    assert page.faults == []


def test_the_search_quotes_a_page_as_it_reads(open_page):
    page = open_page("search.html?q=gradient")
    page.locator("#search-results > p.search-summary").filter(has_text="found").wait_for(timeout=30_000)
    quotes = " ".join(quote.inner_text() for quote in page.locator("#search-results p.context").all())
    assert "gradient of V is" in quotes and " a_t " in quotes  # a formula once
    assert "\\" not in quotes and "Show the code" not in quotes and ".pdf" not in quotes
    assert page.faults == []


def test_the_search_field_opens_by_a_key_and_closes_by_escape(open_page, pages):
    page = open_page(pages[0])
    field = page.locator(".search-button__wrapper input")
    page.keyboard.press("Control+k")
    assert field.is_visible() and field.evaluate("(el) => el === document.activeElement")
    page.keyboard.press("Escape")
    assert not field.is_visible()
    page.keyboard.press("Control+k")
    page.keyboard.type("softmax")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html?q=softmax")
    page.locator("#search-results li a").first.wait_for(timeout=5000)
    assert page.faults == []
