"""The figures: sound SVG that follows the theme, nothing cut off, nothing drawn that was not passed in."""

import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from rnnlib import figures
from rnnlib.figures import style, training
from rnnlib.figures.canvas import Canvas
from rnnlib.figures.plots import _above, _stretch

STEPS = 10.0 ** -np.arange(1.0, 9.0)
ERRORS = {"central difference": STEPS**2 + 1e-16 / STEPS, "complex step": np.where(STEPS < 1e-7, 0, STEPS**2)}
LENGTHS = np.array([8.0, 16, 32, 64])
SECONDS = {"sum over paths": 1e-5 * LENGTHS**2, "BPTT": 1e-4 * LENGTHS}
EVIDENCE = {r"$\delta_t s_{t-1}^\top$": 3e-16, "factors ascending": 0.31, "the same bytes": 0.0}
X = np.eye(5)[[0, 3, 1, 3]]
S = np.vstack([np.zeros(3), np.linspace(-0.9, 0.8, 12).reshape(4, 3)])
O = np.array([[0.5, 0.5], [0.6, 0.4], [0.25, 0.75], [0.1, 0.9]])

EXAMPLES = {
    "folded": lambda: figures.folded(),
    "unfolded": lambda: figures.unfolded(3),
    "folded_and_unfolded": lambda: figures.folded_and_unfolded(3),
    "one_step": lambda: figures.one_step(),
    "weight_sharing": lambda: figures.weight_sharing(3),
    "path_of_U": lambda: figures.path_of_U(3),
    "path_of_V": lambda: figures.path_of_V(3),
    "path_of_W": lambda: figures.path_of_W(3),
    "gradient_path": lambda: figures.gradient_path(4, 4, 2, "W"),
    "sum_over_paths": lambda: figures.sum_over_paths(4),
    "adjoint_way_back": lambda: figures.adjoint_way_back(3),
    "two_directions": lambda: figures.two_directions(3),
    "bidirectional": lambda: figures.bidirectional(3),
    "lstm_cell": lambda: figures.lstm_cell(),
    "lstm_paths": lambda: figures.lstm_paths(3),
    "gru_cell": lambda: figures.gru_cell("after"),
    "gru_paths": lambda: figures.gru_paths(),
    "truncation_windows": lambda: figures.truncation_windows(8, 3),
    "readout_weights": lambda: figures.readout_weights(
        [np.eye(12)[11], np.ones(12), np.ones(12) / 12, np.linspace(0, 0.8125, 12)], ["last", "all", "mean", "ramp"]
    ),
    "forward_pass": lambda: figures.forward_pass(X, S, O, list("a$ł "), ["Polish", "English"]),
    "error_against_step": lambda: figures.error_against_step(STEPS, ERRORS, {"central difference": 2}),
    "cost_against_T": lambda: figures.cost_against_T(LENGTHS, SECONDS, {"BPTT": 1.0}),
    "evidence_bars": lambda: figures.evidence_bars(EVIDENCE, 1e-12),
    "softmax_jacobian": lambda: figures.softmax_jacobian([0.6, 0.3, 0.1]),
    "norms_back": lambda: figures.norms_back(
        {"orthogonal, linear": np.zeros(51), "shrinks fast": -2.0 * np.arange(51), "grows": 0.1 * np.arange(31),
         "dies": [0, -0.1, *[-np.inf] * 9]}, "four networks", lowest=-12,
    ),
    "confusion": lambda: figures.confusion([[40, 2, 0], [1, 30, 9], [0, 0, 0]], ["English", "Finnish", "Welsh"], ["en", "fi", "cy"]),
    "beliefs": lambda: figures.beliefs(
        [[0.2, 0.5, 0.3], [0.1, 0.1, 0.8], [0.7, 0.3, 0.0], [0.98, 0.01, 0.01]], "a$ ł", ["Polish", "English", "Welsh"],
        [0.1, 0.0, 2.0, 1.0], "length of the gradient",
    ),
    "yearly_series": lambda: figures.yearly_series(
        np.arange(1700, 1706), [5.0, 11, 16, 23, 36, 58], {"persistence": [np.nan, 5, 11, 16, 23, 36]}, {"validation": 1703, "test": 1705}
    ),
    "lag_profile": lambda: figures.lag_profile({"linear": [1.2, -0.6, 0.1], "network": [1.3, -0.5, 0.0, 0.1]}),
    "learning_curves": lambda: figures.learning_curves(
        {"learning": np.linspace(2, 0.3, 30), "validation": np.linspace(2, 0.7, 25)}, {"letter pairs": 0.9, "a guess": 2.3}
    ),
    "loss_cliff": lambda: figures.loss_cliff(
        np.linspace(4, 7, 61), np.linspace(-3.2, -2, 13), np.arctan(np.linspace(-9, 9, 61) + np.arange(13)[:, None]),
        np.linspace(4, 7, 50), np.geomspace(1e-3, 40, 50),
    ),
    "caught": lambda: figures.caught(
        {"sums": {"last step": [True, False, True]}, "transposes": {"of W": [True, None, False]}}, ["$T = 3$", "$T = 1$", "$h = 1$"], 1,
    ),
    "pair_sizes": lambda: figures.pair_sizes(np.tril(10.0 ** (np.arange(12) - np.arange(12)[:, None]))),
    "clipped": lambda: figures.clipped([3.0, 1.0], 1.5),
    "growth": lambda: figures.growth(
        {f"way {k}, in words": (LENGTHS[k // 2 :], 1e-4 * LENGTHS[k // 2 :] ** k, k if k else None) for k in range(5)}, "h"
    ),
    "ratio_map": lambda: figures.ratio_map(
        "PyTorch ÷ rnnlib", ["T = 10, h = 16", "h = 512"], ["B = 1", "B = 32"], [[12.0, 2.1], [0.81, np.nan]], [[0, 1], [1, 0]]
    ),
    "staircase": lambda: figures.staircase("T = 100", {"textbook": 2.4, "in place": 0.41, "at the floor": 0.06}, 0.07, 0.01),
}
DRAWN = {name: example() for name, example in EXAMPLES.items()}
PLOTS = (
    *("loss_cliff", "norms_back", "pair_sizes", "readout_weights", "forward_pass"),
    *("error_against_step", "cost_against_T", "evidence_bars"),
    *("growth", "ratio_map", "staircase"),
)

every_figure = pytest.mark.parametrize("name", EXAMPLES)


def test_every_public_figure_has_an_example():
    assert set(figures.__all__) - {"Figure", "beside"} == set(EXAMPLES)


# -- what a page gets ------------------------------------------------------------------------------


@every_figure
def test_page_and_document_are_well_formed_and_described(name):
    figure = DRAWN[name]
    for text in (figure._repr_html_(), figure.svg):
        tree = ET.fromstring(text)
        drawings = [part for part in tree.iter() if part.tag.endswith("svg") and "rnn-svg" in part.get("class", "")]
        assert len(drawings) == len(figure.panels)
        for drawing in drawings:
            assert drawing.get("role") == "img"
            assert len(drawing.get("aria-label")) > 60
            assert re.fullmatch(r"0 0 \d+ \d+", drawing.get("viewBox"))


@every_figure
def test_notebook_gets_html_image_and_words(name):
    bundle = DRAWN[name]._repr_mimebundle_()
    assert set(bundle) == {"text/html", "image/svg+xml", "text/plain"}
    assert "prefers-color-scheme:dark" in bundle["image/svg+xml"]
    assert DRAWN[name].alt in bundle["text/plain"]


def test_ids_are_unique_on_a_page_with_all_figures_and_every_reference_is_met():
    page = "".join(figure._repr_html_() for key, figure in DRAWN.items() if key not in ("folded_and_unfolded", "two_directions"))
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) > 100
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', page)) == set(ids)
    assert {"unfolded-3", "unfolded-4"} == {figures.unfolded(T).name for T in (3, 4)}


def test_same_call_gives_the_same_bytes_in_another_process():
    drawing = "rnnlib.figures.gradient_path(4, 4, 2, 'W')._repr_html_()"
    code = f"import sys, rnnlib.figures; sys.stdout.write({drawing})"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert other.stdout == DRAWN["gradient_path"]._repr_html_()
    assert EXAMPLES["error_against_step"]() == DRAWN["error_against_step"]


@every_figure
def test_colours_follow_the_theme(name):
    for panel in DRAWN[name].panels:
        rest = re.sub(r"var\(--[\w-]+, #[0-9a-f]{6}\)", "", panel.svg)
        assert not re.findall(r"#[0-9a-fA-F]{3,8}\b(?!-)(?=[;\"])", rest)
        assert not re.search(r"\b(black|white|rgb)\b", re.sub(r'aria-label="[^"]*"', "", rest))
        assert "currentColor" in rest


@every_figure
def test_nothing_global_and_nothing_from_outside(name):
    for panel in DRAWN[name].panels:
        assert not re.search(r"<(style|script|image|metadata|title)\b|@import|xlink", panel.svg)
        assert set(re.findall(r"https?://[^\"]+", panel.svg)) == {"http://www.w3.org/2000/svg"}


@every_figure
def test_size_stays_small(name):
    limit = 100 if name in PLOTS else 60
    assert sum(len(panel.svg.encode()) for panel in DRAWN[name].panels) < limit * 1024


@every_figure
def test_fits_a_phone(name):
    widest = max(panel.min_width for panel in DRAWN[name].panels)
    assert widest <= 358, "a phone of 390 pixels leaves 358; below min_width the text would be too small"


@every_figure
def test_nothing_is_cut_off(name):
    for panel in DRAWN[name].panels:
        for x, y in _places(ET.fromstring(panel.svg)):
            assert -1 <= x <= panel.width + 1, f"something at x = {x} of {panel.width}"
            assert -1 <= y <= panel.height + 1, f"something at y = {y} of {panel.height}"


def test_cut_off_check_notices_a_label_beyond_the_edge():
    canvas = Canvas(100, 50)
    canvas.text(90, 25, "a label that is too long")
    (panel,) = canvas.figure("too-long", "A label that runs over the edge.").panels
    assert max(x for x, _ in _places(ET.fromstring(panel.svg))) > 101


def _places(element, scale=(1.0, 1.0), shift=(0.0, 0.0)):
    """Every point that is drawn: path corners, both ends of words, where glyphs stand."""
    transform = element.get("transform", "")
    for kind, numbers in re.findall(r"(translate|scale|rotate)\(([^)]*)\)", transform):
        a = [float(number) for number in numbers.split()]
        assert kind != "rotate", "a rotated label is hard to read"
        b = a[1] if len(a) > 1 else (a[0] if kind == "scale" else 0.0)
        if kind == "translate":
            shift = (shift[0] + scale[0] * a[0], shift[1] + scale[1] * b)
        else:
            scale = (scale[0] * a[0], scale[1] * b)
    points = []
    if element.tag.endswith("path"):
        numbers = [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?", element.get("d", ""))]
        points = list(zip(numbers[::2], numbers[1::2], strict=True))
    elif element.tag.endswith("text"):
        x, y = float(element.get("x")), float(element.get("y"))
        points = [(x, y), (x + float(element.get("textLength", 0)), y)]
    elif element.tag.endswith("use"):
        points = [(0.0, 0.0)]
    yield from ((shift[0] + scale[0] * x, shift[1] + scale[1] * y) for x, y in points)
    for child in element:
        if not child.tag.endswith("defs"):
            yield from _places(child, scale, shift)


# -- what the pictures say -------------------------------------------------------------------------


@pytest.mark.parametrize("parameter", ["U", "W", "V"])
def test_path_lights_its_own_parameter_and_the_gradient_only(parameter):
    (panel,) = getattr(figures, f"path_of_{parameter}")(3).panels
    lit = {cls for cls in re.findall(r'class="(sym-\w+)"', panel.svg)}
    assert lit == {f"sym-{parameter}", "sym-grad"}


def test_unfolded_carries_a_class_for_every_parameter():
    assert set(re.findall(r'class="(sym-\w+)"', DRAWN["unfolded"].panels[0].svg)) == {
        "sym-U",
        "sym-W",
        "sym-V",
    }


def test_gradient_path_names_its_factors_in_order():
    assert "the factors J_4, J_3," in figures.gradient_path(4, 4, 2, "W").alt
    assert "no step back in time" in figures.gradient_path(3, 2, 2, "U").alt


def test_softmax_jacobian_writes_the_numbers_of_diag_minus_outer_product():
    o = np.array([0.6, 0.3, 0.1])
    expected = np.diag(o) - np.outer(o, o)
    cells = re.findall(r">([+−]?\d\.\d\d)<", DRAWN["softmax_jacobian"].svg)
    assert [float(cell.replace("−", "-")) for cell in cells] == pytest.approx(expected.ravel(), abs=0.005)


def test_readout_weights_writes_the_mean_as_a_fraction():
    assert ">1/12</text>" in DRAWN["readout_weights"].svg
    assert ">0.812</text>" in DRAWN["readout_weights"].svg


def test_reference_slope_follows_the_stretch_that_has_the_slope():
    saturated = np.minimum(STEPS**2, 1e-4)
    (low, _), (high, _) = _stretch(STEPS[::-1], saturated[::-1], 2)
    assert (low, high) == (1e-8, 1e-2)


def test_evidence_bars_divide_at_the_tolerance():
    errors = {"at": 1e-12, "above": 1.01e-12, "nought": 0.0}
    words = re.findall(r">(agrees|refuted|exact)<", figures.evidence_bars(errors, 1e-12).svg)
    assert words == ["agrees", "refuted", "exact"]


def test_norms_back_tells_the_norms_and_cuts_what_falls_out():
    alt = figures.norms_back({"a": [0, -2.302585, -4.60517], "b": [0, -np.inf, -np.inf]}, "x", lowest=-1).alt
    assert "a: 10 to the -2.0 after 2 steps." in alt and "b: 0 after 2 steps." in alt
    k, power = _above(np.array([0.0, -1.0, -3.0, -9.0]), -2)
    assert k.tolist() == [0, 1, 1.5] and power.tolist() == [0, -1, -2]


def test_pair_sizes_writes_powers_relative_to_the_largest():
    cells = re.findall(r">([−\d.]+)<", figures.pair_sizes(np.array([[5.0, 0], [0.05, 50]])).svg)
    assert {"−1.0", "−3.0", "0.0"} <= set(cells)


def test_clipped_tells_both_vectors_and_the_turn():
    alt = figures.clipped([3.0, 4.0], 2.0).alt
    assert "by norm it is (1.20, 1.60)" in alt and "by value it is (2.00, 2.00), turned by 8 degrees" in alt


def test_cost_against_T_names_another_unit():
    figure = figures.cost_against_T([8, 16], {"a": [1e3, 2e3]}, unit="bytes")
    assert figure.name == "bytes-against-T" and figure.alt.startswith("Bytes against")


def test_a_yearly_series_tells_its_parts_and_errors():
    alt = DRAWN["yearly_series"].alt
    assert "from 1700 to 1705: between 5 and 58, most in 1705" in alt and "validation begins in 1703" in alt
    assert f"persistence is {np.sqrt(np.mean(np.square([6, 5, 7, 13, 22]))):.3g} from measured in root mean square" in alt
    below = figures.yearly_series([1, 2, 3], [-5.0, 2.0, 4.0], y_label="error")
    assert "−5" in below.svg or "-5" in below.svg


def test_learning_curves_tell_their_ends_and_stand_where_the_axis_says():
    figure = figures.learning_curves({"loss": [2.0, 1.5, 0.5], "short": [1.0, 0.9]}, {"floor": 0.25}, x=[10, 20, 30], x_label="batch")
    assert "loss goes from 2 to 0.5; short goes from 1 to 0.9; floor is at 0.25" in figure.alt and "batch, 10 to 30" in figure.alt
    axis = training.Linear(0.0, 2.0, 100, 300)
    assert axis(0.5) == 150 and axis.ticks() == [0, 0.5, 1, 1.5, 2]
    assert training.Linear(0.71, 0.83, 0, 1).ticks() == [0.72, 0.74, 0.76, 0.78, 0.8, 0.82]
    logarithmic = figures.learning_curves({"loss": [0.1, 0.001]}, logarithmic=True)
    assert logarithmic.svg.count("<use") > figures.learning_curves({"loss": [0.1, 0.001]}).svg.count("<use")  # the powers of ten


def test_confusion_writes_every_count_and_names_the_worst():
    figure = DRAWN["confusion"]
    assert re.findall(r">(\d+|·)</text>", figure.svg) == ["40", "2", "·", "1", "30", "9", "·", "·", "·"]
    assert "Right: 70 of 82. The most frequent mistake: Finnish taken for Welsh, 9 times" in figure.alt


def test_beliefs_are_as_high_as_their_probabilities():
    (panel,) = figures.beliefs([[0.25, 0.75], [0.5, 0.5]], "ab", ["Polish", "English"]).panels
    band = re.search(r'd="M([^"]+)z" style="fill:var\(--c-grad', panel.svg)[1]  # the first band: the class that is likeliest at the end
    y = np.array([float(corner.split()[1]) for corner in band.split("L")])
    assert (y[:4] - y[:3:-1]) / 190 == pytest.approx([0.25, 0.25, 0.5, 0.5])
    assert "a: English 0.75, b: Polish 0.50. At the end: Polish." in panel.alt


def test_names_of_bands_do_not_cover_each_other():
    rows = [[0.5, 0.5, 0, 0], [0.45, 0.55, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
    (panel,) = figures.beliefs(rows, "abcd", ["Hungarian", "Finnish", "Wel", "Turkish"]).panels
    found = re.findall(r'textLength="([\d.]+)"[^>]* x="([\d.]+)" y="([\d.]+)">(Hungarian|Finnish|Wel)<', panel.svg)
    boxes = [(float(x), float(x) + float(wide), float(y)) for wide, x, y, _ in found]
    assert len(boxes) == 3
    for k, (start, end, y) in enumerate(boxes):
        assert all(abs(y - other[2]) > 14 or end < other[0] or other[1] < start for other in boxes[:k])


def test_truncation_windows_count_the_pairs_that_are_drawn():
    window, chunks = figures.truncation_windows(8, 4).panels
    assert "26 of 36" in window.alt and "20 of 36" in chunks.alt  # kT - k(k-1)/2, T(k+1)/2
    for panel, kept in ((window, 26), (chunks, 20)):
        assert panel.svg.count('style="fill:var(--c-grad') == kept
        assert panel.svg.count("stroke:var(--c-muted") == 36 - kept


def test_words_are_text_and_formulas_are_shapes_in_one_label():
    canvas = Canvas(300, 40)
    canvas.text(150, 20, "number of steps $T$")
    (panel,) = canvas.figure("mixed", "A label of words and a formula.").panels
    assert ">number of steps</text>" in panel.svg
    assert panel.svg.count("<use") == 1
    word = re.search(r'x="([\d.]+)" y="[\d.]+" textLength="([\d.]+)"|textLength="([\d.]+)".*?x="([\d.]+)"', panel.svg)
    start, width = (float(word[1]), float(word[2])) if word[1] else (float(word[4]), float(word[3]))
    formula = float(re.search(r"translate\(([\d.]+)", panel.svg)[1])
    assert 2 < formula - (start + width) < 8, "the formula follows the words after one space"


def test_tokens_are_shown_as_they_are():
    shown = DRAWN["forward_pass"].svg
    assert ">$</text>" in shown and ">ł</text>" in shown and ">␣</text>" in shown


def test_letters_that_matplotlib_has_no_shape_for_need_no_warning():
    assert ">日</text>" in figures.forward_pass(X, S, O, list("日本ab"), ["Japanese", "English"]).svg


def test_palette_is_the_pages_own():
    css = Path(__file__).parent.parent.joinpath("book/_static/book.css").read_text(encoding="utf-8")
    light, dark = (
        re.search(r":root \{(.*?)\}", css, re.S)[1],
        re.search(r'data-theme="dark"\] \{(.*?)\}', css, re.S)[1],
    )
    for variable, on_light, on_dark in style.PALETTE.values():
        assert f"{variable}: {on_light};" in light, f"{variable} differs between style.py and book.css"
        assert f"{variable}: {on_dark};" in dark, f"{variable} differs between style.py and book.css"


# -- wrong input -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: figures.unfolded(0), "T = 0; this figure needs a whole number of steps from 1 to 6"),
        (lambda: figures.unfolded(2.0), "T = 2.0"),
        (lambda: figures.path_of_W(True), "T = True"),
        (lambda: figures.weight_sharing(1), "from 2 to 6"),
        (lambda: figures.gradient_path(3, 2, 3, "W"), "1 ≤ i ≤ t ≤ T"),
        (lambda: figures.gradient_path(3, 2, 1, "V"), "use i = t"),
        (lambda: figures.gradient_path(3, 2, 1, "w"), "use 'U', 'W' or 'V'"),
        (lambda: figures.gru_cell("beside"), "use 'before' or 'after'"),
        (lambda: figures.truncation_windows(4, 5), "from 1 to T = 4"),
        (lambda: figures.softmax_jacobian([0.5, 0.6]), "adds up to 1.1"),
        (lambda: figures.softmax_jacobian([1.5, -0.5]), "at least 0"),
        (lambda: figures.softmax_jacobian([[0.5, 0.5]]), r"shape \(1, 2\)"),
        (lambda: figures.softmax_jacobian([1.0]), "shows 2 to 7"),
        (lambda: figures.evidence_bars({}, 1e-12), "at least one name"),
        (lambda: figures.evidence_bars({"a": 0.1}, 0.0), "positive"),
        (lambda: figures.evidence_bars({"a": np.nan}, 1e-12), "not finite"),
        (lambda: figures.readout_weights([[1, 1]], ["a", "b"]), "1 arrays of weights and 2 names"),
        (lambda: figures.readout_weights([[1, -1]], ["a"]), "entry -1; it must be at least 0"),
        (lambda: figures.readout_weights([[1] * 17], ["a"]), "at most 16"),
        (lambda: figures.error_against_step([0.1, 0.1], {"a": [1, 1]}), "two different positive"),
        (lambda: figures.error_against_step([0.1, 0.2], {"a": [1, 1, 1]}), "has 3 numbers; it must have 2"),
        (lambda: figures.error_against_step([0.1, 0.2], {"a": [0, 0]}), "nothing to draw"),
        (lambda: figures.error_against_step([0.1, 0.2], {"a": [1, 1]}, {"b": 2}), r"names \['b'\]"),
        (lambda: figures.error_against_step([0.1, 0.2], {c: [1, 1] for c in "abcde"}), "1 to 4 names"),
        (lambda: figures.cost_against_T([8, 16], {"a": [0.0, 1.0]}), "0 seconds"),
        (lambda: figures.cost_against_T([8, 16], {"a": [0.0, 1.0]}, unit="bytes"), "0 bytes"),
        (lambda: figures.norms_back({}, "x"), "1 to 4 names"),
        (lambda: figures.norms_back({"a": [0.0]}, "x"), r"shape \(1,\)"),
        (lambda: figures.norms_back({"a": [0.0, np.nan]}, "x"), "logarithms of norms"),
        (lambda: figures.norms_back({"a": [0.0, 1.0]}, "x", lowest=3), "must be below the largest"),
        (lambda: figures.loss_cliff([1, 2], [1, 2, 3], np.ones((2, 3)), [1], [1]), r"L must be \(b, w\)"),
        (lambda: figures.loss_cliff([1, 2], [1], np.ones((1, 2)), [1, 2], [0, 2]), "slope of 0"),
        (lambda: figures.pair_sizes(np.ones((3, 3))), "0 above the diagonal"),
        (lambda: figures.pair_sizes(np.eye(13)), "T from 2 to 12"),
        (lambda: figures.clipped([1.0, 1.0, 1.0], 0.5), "two positive ones"),
        (lambda: figures.clipped([1.0, 0.5], 2), "less than the gradient's largest entry"),
        (lambda: figures.yearly_series([1, 1], [2, 3]), "years must increase"),
        (lambda: figures.yearly_series([1, 2], [2, 3, 4]), "values has 3 numbers; it must have 2"),
        (lambda: figures.yearly_series([1, 2], [2, 3], {"a": [np.nan, np.nan]}), "not NaN everywhere"),
        (lambda: figures.yearly_series([1, 2], [2, 3], {name: [2, 3] for name in "abcd"}), "at most 3"),
        (lambda: figures.yearly_series([1, 2], [2, 3], parts={"test": 3}), "the part 'test' begins in 3"),
        (lambda: figures.lag_profile({}), "1 to 4 names"),
        (lambda: figures.lag_profile({"a": [1.0]}), "two numbers or more"),
        (lambda: figures.learning_curves({}), "1 to 4 names"),
        (lambda: figures.learning_curves({"a": [1.0]}), "at least two of them"),
        (lambda: figures.learning_curves({"a": [1.0, 2.0]}, x=[2, 1]), "x must increase"),
        (lambda: figures.learning_curves({"a": [1.0, 2.0, 3.0]}, x=[1, 2]), r"curves\['a'\] has 3 numbers; it must have 2"),
        (lambda: figures.learning_curves({"a": [1.0, 0.0]}, logarithmic=True), "0 cannot stand on a logarithmic axis"),
        (lambda: figures.learning_curves({"a": [1.0, np.inf]}), "not finite"),
        (lambda: figures.confusion([[1, 2]], ["a", "b"]), r"shape \(1, 2\) for 2 names"),
        (lambda: figures.confusion([[1, 0.5], [0, 1]], ["a", "b"]), "whole numbers"),
        (lambda: figures.confusion(np.eye(2), ["a", "b"], ["a"]), "short has 1 names; it must have 2"),
        (lambda: figures.beliefs([[0.5, 0.6]], "a", ["x", "y"]), "does not sum to 1"),
        (lambda: figures.beliefs([[0.5, 0.5]], "ab", ["x", "y"]), r"it must be \(2, 2\)"),
        (lambda: figures.beliefs([[0.5, 0.5]], "a", ["x", "y"], [0.0]), "not all 0"),
        (lambda: figures.forward_pass(X, S[1:], O, "abcd", ["a", "b"]), "S needs 5"),
        (lambda: figures.forward_pass(X, S, O, "abcd", ["a"]), "1 names of classes for 2 outputs"),
        (lambda: Canvas(9, 9).node(1, 1, shape="star"), "unknown node shape 'star'"),
        (lambda: Canvas(9, 9).figure("2 words", "Alt."), "cannot be an id"),
        (lambda: Canvas(9, 9).figure("name", " "), "no alternative text"),
    ],
)
def test_wrong_input_gets_a_clear_error(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_colour_outside_the_palette_is_refused():
    canvas = Canvas(90, 50)
    canvas.axes.plot([10, 80], [10, 40], color="red")
    with pytest.raises(ValueError, match="colour #ff0000 is not in the book's palette"):
        canvas.figure("red", "A red line.")


def test_rnnlib_does_not_import_figures_and_figures_say_what_is_missing():
    code = "import rnnlib, sys; assert not {'matplotlib', 'rnnlib.figures'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
    code = "import sys; sys.modules['matplotlib'] = None; import rnnlib.figures"
    failed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert failed.returncode == 1
    assert "install it with: pip install 'rnnlib[figures]'" in failed.stderr.splitlines()[-1]
