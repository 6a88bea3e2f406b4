"""Figures to move: the numbers in the page are rnnlib's, few enough, and every formula gives the value beside it."""

import json
import math
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

pytest.importorskip("matplotlib")

import rnnlib
from rnnlib import flow, initialise, optimise, readout, rnn, truncated
from rnnlib.figures import explore

X, Y, S_0 = [[1.0], [-0.5], [0.8]], [[1.0], [0.0], [1.0]], [0.5]


def one_pass(w=0.9, weights=(1, 1, 1), Y=Y, head="sigmoid_cross_entropy"):
    p, q, how = rnn.Params([[0.8]], [[w]], [0.1]), readout.Params([[1.5]], [-0.2]), {"head": head, "weights": list(weights)}
    trace = rnn.forward(p, X, S_0)
    out = readout.forward(q, trace.S[1:], Y, **how)
    return explore.Pass(p, q, trace, out, Y, list(weights), rnnlib.loss_and_gradients(p, q, X, Y, S_0, **how))


PASSES = {"all": one_pass(), "last": one_pass(weights=(0, 0, 1)), "large": one_pass(5.0, (0.5, 0, 2))}

rng = np.random.default_rng(0)
Q, T, K = initialise.orthogonal(rng, 6, 6), 12, range(1, 13)
INPUTS, EFFECTS, RADII = rng.normal(size=(T, 2)), rng.normal(size=(T, 6)), [0.5, 1, 2]


def network(radius):
    return rnn.Params(np.eye(6, 2), radius * Q, np.zeros(6))


def logs_of(radius, f):
    return flow.log_norms(flow.jacobians(network(radius), rnn.forward(network(radius), INPUTS, f=f)))


def norms():
    keys = [(f, "orthogonal") for f in ("tanh", "relu")]
    logs = {key: [logs_of(radius, key[0]) for radius in RADII] for key in keys}
    etas = {key: [flow.eta(network(radius), key[0]) for radius in RADII] for key in keys}
    return explore.norms_back(RADII, logs, etas, ("tanh", "orthogonal", 1))


def full_and_cut(eta, form, k):
    trace = rnn.forward(network(eta), INPUTS)
    way = {"window": truncated.window, "chunks": truncated.chunked}[form]
    return rnn.backward(network(eta), trace, EFFECTS).dL_dp.W, way(network(eta), trace, EFFECTS, k).dL_dp.W


def lost(eta, form, k):
    full, cut = full_and_cut(eta, form, k)
    return np.linalg.norm(cut - full) / np.linalg.norm(full)


def truncation():
    networks = {}
    for eta in (0.5, 1.5):
        each = {form: [lost(eta, form, k) for k in K] for form in ("window", "chunks")}
        sizes = flow.contributions(network(eta), rnn.forward(network(eta), INPUTS), EFFECTS).W
        bound = [0.5**k * (k < T) for k in K] if eta < 1 else None
        networks[f"η = {eta}"] = explore.Truncated(sizes, each, {form: [1.0] * T for form in each}, bound)
    pairs = {"window": [truncated.window_pairs(T, k) for k in K], "chunks": [truncated.chunk_pairs(T, k) for k in K]}
    return explore.truncation(networks, pairs, ("η = 0.5", "window", 3))


LIMITS = [0.5, 5.0, np.inf]


def descent(limit):
    """Ten steps on L = w² + 4 b² from (2, 1)."""
    path, losses = [np.array([2.0, 1.0])], []
    for _ in range(11):
        w, b = path[-1]
        losses.append(w**2 + 4 * b**2)
        path.append(path[-1] - 0.1 * optimise.clip_by_norm(np.array([2 * w, 8 * b]), min(limit, 1e9)))
    return explore.Descent(np.array(path[:4]), losses, math.hypot(4, 8))


def clipping():
    w, b = np.linspace(-1, 3, 20), np.linspace(-2, 2, 21)
    return explore.clipping(w, b, 0.02 * (w**2 + 4 * b[:, None] ** 2), LIMITS, {"there": [descent(c) for c in LIMITS]}, ("there", 0))


EXAMPLES = {"steps": lambda: explore.back_propagation(PASSES), "norms": norms, "truncation": truncation, "clipping": clipping}
MADE = {kind: make() for kind, make in EXAMPLES.items()}
every_kind = pytest.mark.parametrize("kind", EXAMPLES)


@every_kind
def test_the_page_gets_a_figure_and_numbers_that_survive_html(kind):
    one = MADE[kind]
    box = ET.fromstring(one._repr_html_())
    assert (box.get("class"), box.get("data-explore")) == ("explorable", kind)
    (script,) = box.iter("script")
    assert script.get("type") == "application/json" and json.loads(script.text) == one.data
    assert not set("<>&") & set(one.json) and one.json.isascii() and len(one.json) <= explore.MOST
    assert not re.search(r"\bon\w+=|javascript:", one._repr_html_())


@every_kind
def test_the_figure_stands_alone_and_fits_a_phone(kind):
    figure = MADE[kind].figure
    assert "<script" not in MADE[kind]._repr_mimebundle_()["image/svg+xml"]
    for panel in figure.panels:
        assert panel.min_width <= 342 and len(panel.alt) > 40
        assert 'class="still"' in panel.content or " still" in panel.content
        for x, y in re.findall(r'<text[^>]* x="([-\d.]+)" y="([-\d.]+)"', panel.content):
            assert 0 <= float(x) <= panel.width and 0 <= float(y) <= panel.height


def known_after(data, name, step):
    """What is known after so many steps, by name, and the lines (gives, of, value) of the last of them."""
    known, lines = dict(data["runs"][name]["given"]), []
    for k in range(step):
        lines = [(*line[:2], value) for line, value in zip(data["steps"][k]["lines"], data["runs"][name]["results"][k], strict=True)]
        before = dict(known)
        known |= {gives: value for gives, _, value in lines}
    return known, before, lines


def worth(of, known):
    """A line's formula with numbers for names."""
    loss = lambda z, y: math.log1p(math.exp(z)) - y * z  # noqa: E731
    text = re.sub(r"\{([^}]*)\}", lambda name: repr(known[name[1]]), of).replace("·", "*").replace("−", "-")
    return eval(text.replace("*ℓ(", "*loss("), {"tanh": math.tanh, "σ": lambda z: 1 / (1 + math.exp(-z)), "loss": loss})


@pytest.mark.parametrize("name", PASSES)
def test_every_formula_of_every_step_gives_the_value_beside_it(name):
    data, checked = MADE["steps"].data, 0
    for step in range(1, len(data["steps"]) + 1):
        known, before, lines = known_after(data, name, step)
        for gives, of, value in lines:
            if of:  # a formula may use what the step made before it, and a sum what it was before the step
                assert worth(of, known | before) == pytest.approx(value, rel=2e-5, abs=2e-6), gives
                checked += 1
    assert checked == 12 + 3 + 1 + 9 + 9 + 1  # a s z o L of three steps, L, ε λ δ, three sums, ∂L/∂s_0


@pytest.mark.parametrize("name", PASSES)
def test_the_steps_end_at_the_gradients_of_loss_and_gradients(name):
    data, back = MADE["steps"].data, PASSES[name].back
    known = known_after(data, name, len(data["steps"]))[0]
    found = {"L": back.L, "∂L/∂u": back.dL_dp.U, "∂L/∂w": back.dL_dp.W, "∂L/∂v": back.dL_dq.V, "∂L/∂s_0": back.dL_ds_0}
    for key, value in found.items():
        assert known[key] == pytest.approx(np.asarray(value).item(), rel=1e-5), key
    trace, out = PASSES[name].trace, PASSES[name].out
    delta = rnn.backward(PASSES[name].p, trace, readout.backward(PASSES[name].q, out).dL_dS).delta
    for t in (1, 2, 3):
        shown = [known[f"{key}_{t}"] for key in "asoLεδ"]
        rest = (trace.A[t - 1], trace.S[t], out.O[t - 1], out.L_t[t - 1], out.epsilon[t - 1], delta[t - 1])
        assert shown == pytest.approx([np.asarray(value).item() for value in rest], rel=1e-5)


def test_the_static_steps_show_the_first_pass_in_full():
    data, svg = MADE["steps"].data, MADE["steps"].figure.panels[0].content
    known = known_after(data, "all", len(data["steps"]))[0]
    assert len(data["marks"]) == 12 + 9 + 1 + 9 + 3 + 1 and set(data["marks"]) <= set(known)
    for k, key in enumerate(data["marks"]):
        (shown,) = re.findall(rf'class="(?:sym-\w+ )?still at-{k}"><text[^>]*>([^<]*)<', svg)
        assert shown == explore._shown(known[key]), key


def test_small_numbers_are_written_with_a_power_of_ten():
    assert [explore._shown(v) for v in (0.0, -0.25, 0.0005, 4e-4, -3.2e-12)] == ["0.000", "−0.250", "0.001", "4.0e−4", "−3.2e−12"]


def test_norms_are_those_of_flow():
    data = MADE["norms"].data
    for f, name in enumerate(data["activations"]):
        (found,) = data["table"][f]
        for r, radius in enumerate(RADII):
            powers = logs_of(radius, name)[data["k"]] / np.log(10)
            shown = [-np.inf if power is None else power for power in found["powers"][r]]
            assert shown == pytest.approx(powers, abs=0.005)
            assert found["eta"][r] == pytest.approx(flow.eta(network(radius), name), rel=1e-3)
    assert f"ends at 10 to the {logs_of(1, 'tanh')[-1] / np.log(10):.1f} after 12 steps" in MADE["norms"].figure.alt


def test_a_norm_of_nought_becomes_null():
    logs = {("relu", "any"): [[0.0, -1, -np.inf, -np.inf, -np.inf]]}
    one = explore.norms_back([1.0], logs, {("relu", "any"): [1.0]}, ("relu", "any", 0))
    assert one.data["table"][0][0]["powers"] == [[0, None, None]]


def test_truncation_shows_what_truncated_leaves_out():
    data = MADE["truncation"].data
    for eta, found in zip((0.5, 1.5), data["table"], strict=True):
        for form in data["forms"]:
            assert found[form]["lost"] == pytest.approx([lost(eta, form, k) for k in K], rel=1e-3)
        sizes = flow.contributions(network(eta), rnn.forward(network(eta), INPUTS), EFFECTS).W
        for t in range(T):
            assert [len(row) for row in found["powers"]] == list(range(1, T + 1))
            for i in range(1, t + 1):
                assert found["powers"][t][i] == pytest.approx(np.log10(sizes[t, i] / sizes.max()), abs=0.005)
    assert data["table"][0]["bound"][:2] == [0.5, 0.25] and data["table"][0]["bound"][-1] is None and data["table"][1]["bound"] is None
    assert data["pairs"]["window"][2] == truncated.window_pairs(T, 3)


def test_the_static_triangle_keeps_the_pairs_of_the_truncation():
    panel = MADE["truncation"].figure.panels[0]
    assert panel.content.count("fill:var(--c-grad") == truncated.window_pairs(T, 3)
    chunks = explore._triangle(np.zeros((T, T)), T, "chunks", 5).panels[0]
    assert chunks.content.count("fill:var(--c-grad") == truncated.chunk_pairs(T, 5)


def test_clipping_shows_the_steps_of_clip_by_norm():
    data = MADE["clipping"].data
    found = data["table"]["there"]
    assert data["limits"] == [0.5, 5, None] and found["norm"] == pytest.approx(80**0.5, rel=1e-3) and found["loss"] == 8
    for k, limit in enumerate(LIMITS):
        one = descent(limit)
        assert found["moved"][k] == pytest.approx(0.1 * min(limit, 80**0.5), rel=1e-3)
        assert np.array(found["paths"][k]) == pytest.approx(one.path, abs=1e-3)
        assert (found["one"][k], found["last"][k]) == pytest.approx((one.losses[1], one.losses[-1]), rel=1e-3)


def test_a_way_is_cut_off_at_the_frame():
    cut = explore._segment(np.array([0.0, 0]), np.array([10.0, 20]), (0, 0), (10, 10))
    assert np.array(cut).tolist() == [[0, 0], [5, 10]]
    assert explore._segment(np.array([0.0, 11]), np.array([10.0, 12]), (0, 0), (10, 10)) is None
    assert explore._segment(np.array([0.0, np.nan]), np.array([1.0, 1]), (0, 0), (9, 9)) is None


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: explore.back_propagation({"x": one_pass(head="squared_error")}), "not a network with tanh and sigmoid_cross_entropy"),
        (lambda: explore.back_propagation({"x": one_pass()._replace(weights=[1, 1, 2])}), "weights that came with it"),
        (lambda: explore.back_propagation({"x": one_pass()._replace(back=one_pass(0.8).back)}), "the steps add up to ∂L/∂v"),
        (lambda: explore.back_propagation({"x": one_pass()._replace(p=rnn.Params([[1.0]], [1, 2], [0]))}), r"W has shape \(2,\)"),
        (lambda: explore.norms_back([1, 2], {("f", "g"): [[0, 1]]}, {}, ()), r"it must be \(2, 2\)"),
        (lambda: explore.clipping([0, 1], [0, 1], np.ones((2, 2)), [1], {"x": []}, ("x", 0)), "as many descents"),
        (lambda: explore.clipping([0, 1], [0, 1], np.ones(2), [1], {"x": []}, ("x", 0)), r"it must be \(2, 2\)"),
        (lambda: explore.Explorable("x", MADE["norms"].figure, {"many": [0.123456] * 3000}).json, "a page has room for 20000"),
    ],
)
def test_wrong_input_gets_a_clear_error(call, message):
    with pytest.raises(ValueError, match=message):
        call()
