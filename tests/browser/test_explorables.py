"""The figures to move, by mouse and by keyboard: what is shown is what the page's numbers, and rnnlib, say."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

import rnnlib
from rnnlib import readout, rnn

SITE = Path(__file__).resolve().parents[2] / "_build/html"
PAGES = {
    "steps": "book/two_directions.html",
    "norms": "book/flow.html",
    "truncation": "book/truncated.html",
    "clipping": "book/remedies.html",
}
every_kind = pytest.mark.parametrize("kind", PAGES)


def numbers(kind: str) -> dict:
    """The numbers as they stand in the built page."""
    page = (SITE / PAGES[kind]).read_text("utf8")
    found = re.search(rf'data-explore="{kind}".*?<script type="application/json">(.*?)</script>', page, re.S)
    return json.loads(found[1])


@pytest.fixture
def explorable(open_page):
    def open_it(kind: str, **options):
        page = open_page(PAGES[kind], whole=True, **options)
        box = page.locator(f".explorable[data-explore='{kind}']")
        box.scroll_into_view_if_needed()
        return page, box

    return open_it


def said(box) -> str:
    return box.locator(".explorable-said").inner_text()


def read(text: str) -> float:
    """A number as the script writes it: with a true minus sign, and a power of ten where it is small."""
    return float(text.replace("−", "-"))


def close(shown: str, value: float) -> bool:
    """Whether the number is the value, as far as its digits go."""
    places = shown.replace("−", "-").partition("e")
    digit = 10.0 ** (int(places[2] or 0) - len(places[0].partition(".")[2]))
    return abs(read(shown) - value) <= 0.51 * digit


def slide(page, box, to: int) -> None:
    """Move the slider by the keyboard."""
    slider = box.locator("input[type=range]")
    slider.focus()
    for _ in range(100):
        at = int(slider.input_value())
        if at == to:
            return
        page.keyboard.press("ArrowRight" if to > at else "ArrowLeft")
    pytest.fail(f"the slider never came to {to}")


# -- back-propagation, value by value ----------------------------------------------------------------------


def on_screen(box) -> dict[int, str]:
    """What is written in the diagram now, by the number of the mark."""
    found = box.evaluate(
        """(box) => [...box.querySelectorAll("svg text.explorable-value")].map((text, k) => [k, text.textContent])"""
    )
    return dict(found)


def mark_order(box) -> list[int]:
    """The marks in the order in which their values stand in the diagram."""
    classes = box.evaluate("""(box) => [...box.querySelectorAll("svg .still")].map((g) => g.getAttribute("class"))""")
    return [int(re.search(r"at-(\d+)", each)[1]) for each in classes]


def expected(data: dict, name: str, step: int) -> dict[str, float]:
    known = {}
    for k in range(step):
        known |= {line[0]: value for line, value in zip(data["steps"][k]["lines"], data["runs"][name]["results"][k], strict=True)}
    return known


def assert_shows(box, data, name, step, order) -> None:
    known, shown = expected(data, name, step), on_screen(box)
    for k, mark in enumerate(order):
        key = data["marks"][mark]
        if key not in known:
            assert shown[k] == "", f"{key} is shown before its step"
        else:
            assert close(shown[k], known[key]), f"step {step}: {key} is {known[key]}, shown {shown[k]}"


def test_every_value_of_every_step_by_mouse(explorable):
    data = numbers("steps")
    page, box = explorable("steps")
    order, last = mark_order(box), len(data["steps"])
    assert sorted(order) == list(range(len(data["marks"])))
    back, forward = box.get_by_role("button", name="Back"), box.get_by_role("button", name="Forward")
    assert back.is_disabled() and "Press Forward" in said(box)
    name = next(iter(data["runs"]))
    for step in range(1, last + 1):
        forward.click()
        assert_shows(box, data, name, step, order)
        text = said(box)
        assert text.startswith(data["steps"][step - 1]["words"])
        for (_, _, label), value in zip(data["steps"][step - 1]["lines"], data["runs"][name]["results"][step - 1], strict=True):
            if label:
                link = box.locator(f".explorable-said a[href$='#equation-{label}']").first
                assert re.fullmatch(r"\(\w+\.\d+\)", link.inner_text()), label
                assert any(close(shown, value) for shown in box.locator(".explorable-said b").all_inner_texts())
    assert forward.is_disabled() and box.locator("output").inner_text() == f"{last} of {last}"
    back.click()
    assert_shows(box, data, name, last - 1, order)
    assert page.faults == []


def test_every_example_by_keyboard_ends_at_the_gradients_of_rnnlib(explorable):
    data = numbers("steps")
    page, box = explorable("steps")
    order = mark_order(box)
    for k, name in enumerate(data["runs"]):
        select = box.get_by_role("combobox", name="Example")
        select.focus()
        if k:
            page.keyboard.press("ArrowDown")
        assert select.input_value() == str(k)
        slide(page, box, 14)
        assert_shows(box, data, name, 14, order)
        box.get_by_role("button", name="Forward").focus()
        page.keyboard.press("Enter")
        page.keyboard.press("ArrowRight")
        assert_shows(box, data, name, 16, order)
        slide(page, box, len(data["steps"]))
        assert_shows(box, data, name, len(data["steps"]), order)
        given, shown = data["runs"][name]["given"], on_screen(box)
        for key, value in gradients(given).items():
            assert close(shown[order.index(data["marks"].index(key))], value), f"{name}: {key}"
    assert page.faults == []


def gradients(given: dict) -> dict[str, float]:
    """What rnnlib makes of the numbers that the reader is given."""
    column = lambda letter: [[given[f"{letter}_{t}"]] for t in (1, 2, 3)]  # noqa: E731
    p, q = rnn.Params([[given["u"]]], [[given["w"]]], [given["b"]]), readout.Params([[given["v"]]], [given["c"]])
    weights = [weight for (weight,) in column("ω")]
    g = rnnlib.loss_and_gradients(p, q, column("x"), column("y"), [given["s_0"]], head="sigmoid_cross_entropy", weights=weights)
    found = {"L": g.L, "∂L/∂u": g.dL_dp.U, "∂L/∂w": g.dL_dp.W, "∂L/∂v": g.dL_dq.V, "∂L/∂s_0": g.dL_ds_0}
    return {key: np.asarray(value).item() for key, value in found.items()}


# -- the plots ---------------------------------------------------------------------------------------------


def end_of(box, cls: str = "chosen", panel: int = 0) -> tuple[float, float]:
    """Where a curve ends, in the drawing's pixels."""
    d = box.locator("svg.rnn-svg").nth(panel).locator(f".explorable-{cls}").last.get_attribute("d")
    x, y = re.findall(r"[-\d.]+", d)[-2:]
    return float(x), float(y)


def at(axis: dict, value: float) -> float:
    return axis["start"] + (value - axis["low"]) / (axis["high"] - axis["low"]) * (axis["end"] - axis["start"])


def test_radius_and_activation_show_the_norms_of_the_page(explorable):
    data = numbers("norms")
    page, box = explorable("norms")
    for f, name in enumerate(data["activations"]):
        box.get_by_role("combobox", name="Activation").select_option(name)
        for w, kind in enumerate(data["kinds"]):
            box.get_by_role("combobox", name="W").select_option(kind)
            for r in (0, len(data["radii"]) // 2, len(data["radii"]) - 1):
                slide(page, box, r)
                power, eta = data["table"][f][w]["powers"][r][-1], data["table"][f][w]["eta"][r]
                text = said(box)
                assert text.startswith(f"{name}, W {kind}, ρ = {data['radii'][r]:g}, η = ")
                shown = re.search(r"η = ([\d.]+)\.\n.*is 10(\S+); the bound, dotted, is 10(\S+)\.$", text, re.S)
                if power is None:
                    assert "the norm is 0;" in text
                    continue
                assert abs(read(shown[1]) - eta) < 0.006 * max(1, eta) and close(shown[2], power), text
                assert abs(read(shown[3]) - data["k"][-1] * np.log10(eta)) < 0.06
                assert end_of(box) == pytest.approx((at(data["axes"]["x"], data["k"][-1]), at(data["axes"]["y"], power)), abs=0.1)
    assert page.faults == []


def test_the_slider_moves_by_mouse_too(explorable):
    data = numbers("norms")
    page, box = explorable("norms")
    slider = box.locator("input[type=range]")
    place = slider.bounding_box()
    page.mouse.click(place["x"] + place["width"] - 4, place["y"] + place["height"] / 2)
    assert slider.input_value() == str(len(data["radii"]) - 1)
    assert box.locator("output").inner_text() == f"{data['radii'][-1]:g}" == slider.get_attribute("aria-valuetext")
    assert f"ρ = {data['radii'][-1]:g}" in said(box)
    assert page.faults == []


def test_a_window_keeps_the_pairs_and_loses_what_the_page_says(explorable):
    data = numbers("truncation")
    page, box = explorable("truncation")
    for n, name in enumerate(data["names"]):
        box.get_by_role("combobox", name="Network").select_option(name)
        for form in data["forms"]:
            box.get_by_role("combobox", name="Form").select_option(form)
            for k in (1, 7, data["T"]):
                slide(page, box, k - 1)
                found, text = data["table"][n][form], said(box)
                assert f"{form} of k = {k}: {data['pairs'][form][k - 1]} of {data['pairs']['window'][-1]} pairs" in text
                assert box.locator(".explorable-kept").count() == data["pairs"][form][k - 1]
                lost = re.search(r"Lost: ([\d.e−]+) %", text)
                if lost:
                    assert read(lost[1]) == pytest.approx(100 * found["lost"][k - 1], rel=0.06)
                else:
                    assert "nothing but rounding" in text and found["lost"][k - 1] < 1e-9
                assert f"turned by {found['turned'][k - 1]:g} degrees" in text
                bound = data["table"][n]["bound"]
                assert ("The theorem allows" in text) == (form == "window" and bound is not None and k < data["T"])
                assert box.locator(".explorable-bound").count() == (form == "window" and bound is not None)
    assert page.faults == []


def test_every_limit_shows_its_step(explorable):
    data = numbers("clipping")
    page, box = explorable("clipping")
    for start in data["starts"]:
        box.get_by_role("combobox", name="Start").select_option(start)
        found = data["table"][start]
        for k, limit in enumerate(data["limits"]):
            slide(page, box, k)
            text = said(box)
            assert ("Clipped to" in text) == (limit is not None and limit < found["norm"])
            length, from_, to, w, b, last = re.search(
                r"step has length (\S+)\.\n+It leads from loss (\S+) to (\S+), at w = (\S+), b = (\S+)\. After \d+ steps: (\S+)\.$", text
            ).groups()
            path = found["paths"][k]
            values = found["moved"][k], found["loss"], found["one"][k], *path[1], found["last"][k]
            for shown, value in zip((length, from_, to, w, b, last), values, strict=True):
                assert read(shown) == pytest.approx(value, rel=0.006, abs=1e-9), text
            assert end_of(box, panel=0) == pytest.approx([at(data["axes"][0]["xy"[j]], path[1][j]) for j in (0, 1)], abs=0.1)
    assert page.faults == []


# -- without scripts, on paper, on a phone -----------------------------------------------------------------


@every_kind
def test_without_scripts_the_figure_stands_and_nothing_is_dead(chromium, address, kind):
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}/{PAGES[kind]}")
    box = page.locator(f".explorable[data-explore='{kind}']")
    assert box.locator("svg.rnn-svg").first.is_visible() and box.locator(".still").first.is_visible()
    assert box.locator("input, select, button, [role=status]").count() == 0
    assert "{" not in box.inner_text()
    context.close()


@every_kind
def test_on_paper_stands_the_figure_of_the_page(explorable, kind):
    page, box = explorable(kind)
    slide(page, box, 2)
    assert not box.locator(".still").first.is_visible() and box.locator(".explorable-controls").is_visible()
    page.emulate_media(media="print")
    hidden = box.locator(".moving, .explorable-controls, .explorable-said")
    assert not any(hidden.nth(k).is_visible() for k in range(hidden.count()))
    still = box.locator(".still")
    assert all(still.nth(k).is_visible() for k in range(still.count()))
    assert box.evaluate("(box) => [...box.querySelectorAll('.later')].every((g) => getComputedStyle(g).display !== 'none')")
    assert page.faults == []


@every_kind
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_it_fits_and_can_be_touched(explorable, kind, scheme):
    page, box = explorable(kind, width=390, scheme=scheme)
    slide(page, box, 3)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert box.locator(".rnn-figure").evaluate("(figure) => figure.scrollWidth - figure.clientWidth") <= 0
    for control in box.locator("input, select, button").all():
        place = control.bounding_box()
        assert place["height"] >= 24 and place["width"] >= 24 and 0 <= place["x"] and place["x"] + place["width"] <= 390
        assert control.evaluate("(el) => Boolean(el.labels?.[0]?.textContent.trim() || el.textContent.trim())")
    assert page.faults == []


@every_kind
def test_it_has_no_attribute_that_a_strict_policy_forbids(explorable, kind):
    page, box = explorable(kind)
    slide(page, box, 2)
    drawn = box.locator(".moving, .explorable-controls, .explorable-said")
    for k in range(drawn.count()):
        html = drawn.nth(k).evaluate("(el) => el.outerHTML")
        if 'class="moving explorable-value' not in html:
            assert not re.search(r'\s(style|on\w+)=', html), html[:200]
    script = (SITE / "_static/explore.js").read_text("utf8")
    assert not re.search(r"\beval\b|new Function|innerHTML|insertAdjacentHTML|https?://(?!www\.w3\.org/2000/svg)", script)
    assert len(script) < 20_000


@every_kind
def test_what_is_drawn_is_painted(explorable, kind):
    """The style sheet is cut down to the classes in use; those that the script gives must be among them."""
    _, box = explorable(kind)
    paint = "(all) => all.map((el) => { const s = getComputedStyle(el); return [el.getAttribute('class'), s.stroke, s.fill]; })"
    drawn = box.locator("svg .moving [class^='explorable-']:is(path, circle, rect)").evaluate_all(paint)
    assert kind == "steps" or drawn
    unpainted = [name for name, stroke, fill in drawn if stroke == "none" and fill in ("none", "rgb(0, 0, 0)")]
    assert not unpainted
