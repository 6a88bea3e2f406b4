"""Figures to move: the numbers of a page's cell, which a reader steps through or picks from.

Each function returns an `Explorable`: a figure that stands by itself, on paper and without scripts,
and beside it the numbers of all its other positions.
`book/_static/explore.js` adds the controls and draws; it looks numbers up and computes none.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from contourpy import contour_generator

from .. import readout, rnn
from .canvas import Canvas, Node
from .plots import Scale
from .style import Figure, beside
from .training import Linear

#: At most so many bytes of numbers go into a page.
MOST = 20_000


@dataclass(frozen=True)
class Explorable:
    """A figure that can be moved: `kind` names the part of explore.js that moves it, `data` its numbers.

    A notebook shows the figure as it stands.
    """

    kind: str
    figure: Figure
    data: dict

    @property
    def json(self) -> str:
        """The numbers as JSON in ASCII that can stand inside HTML."""
        text = json.dumps(self.data, separators=(",", ":"), allow_nan=False)
        for character in "&<>":
            text = text.replace(character, f"\\u{ord(character):04x}")
        if len(text) > MOST:
            raise ValueError(f"the numbers of {self.kind!r} take {len(text)} bytes; a page has room for {MOST}: pass fewer positions")
        return text

    def _repr_html_(self) -> str:
        script = f'<script type="application/json">{self.json}</script>'
        return f'<div class="explorable" data-explore="{self.kind}">{self.figure._repr_html_()}{script}</div>'

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        return {"text/html": self._repr_html_(), "image/svg+xml": self.figure.svg, "text/plain": repr(self)}

    def __repr__(self) -> str:
        return repr(self.figure)


class _Stage(Canvas):
    """A canvas on which marks get classes, by which the script finds them."""

    @contextmanager
    def tagged(self, *classes: str):
        before = {id(artist) for artist in self.axes.get_children()}
        yield
        for artist in self.axes.get_children():
            if id(artist) not in before:
                gid = artist.get_gid()
                artist.set_gid(" ".join([gid or "class:", *classes]).replace(": ", ":"))


# -- numbers for the script --------------------------------------------------------------------------------


def _rounded(value, digits: int = 6):
    """A number as short as it is shown, arrays as lists; what is not finite becomes None."""
    if np.ndim(value):
        return [_rounded(part, digits) for part in value]
    short = float(f"{float(value):.{digits}g}") if np.isfinite(value) else None
    return int(short) if short is not None and short == int(short) else short


def _fixed(value, places: int):
    """The same with so many places after the point."""
    if np.ndim(value):
        return [_fixed(part, places) for part in value]
    return _rounded(np.round(float(value), places), 12) if np.isfinite(value) else None


def _axis(scale, height: float, upright: bool = False) -> dict:
    """An axis as the script reads it, in SVG's pixels, whose y goes down."""
    start, end = (height - scale.start, height - scale.end) if upright else (scale.start, scale.end)
    return {"low": _rounded(scale.low), "high": _rounded(scale.high), "start": start, "end": end, "log": isinstance(scale, Scale)}


def _shown(value: float) -> str:
    """A number as explore.js writes it: three places, or a power of ten if they would all be 0."""
    text = f"{value:.3f}" if value == 0 or abs(value) >= 0.0005 else f"{value:.1e}".replace("e-0", "e-")
    return text.replace("-", "−")


def _one_number(name: str, value) -> float:
    if np.size(value) != 1:
        raise ValueError(f"{name} has shape {np.shape(value)}; this figure is about one unit with one input and one output")
    return float(np.reshape(value, ()))


# -- back-propagation through time, value by value ---------------------------------------------------------


class Pass(NamedTuple):
    """One network on one sequence, there and back.

    ``p``, ``q`` the parameters; ``trace``, ``out`` what ``rnn.forward`` and ``readout.forward`` returned;
    ``y`` the targets, ``weights`` the ω_t; ``back`` what ``rnnlib.loss_and_gradients`` returned.
    """

    p: Any
    q: Any
    trace: Any
    out: Any
    y: Any
    weights: Any
    back: Any


def back_propagation(passes: Mapping[str, Pass]) -> Explorable:
    """Back-propagation through time on one unit, one value after another: forward, then back.

    `passes` maps names to a `Pass` each, all of the same T, with n = h = m = 1, tanh and the sigmoid's cross-entropy.
    The first one is the figure that stands in the page.
    Raises ValueError if the sums of the single steps are not the gradients of the pass.
    """
    values = {name: _values(name, one) for name, one in passes.items()}
    if len({len(one.y) for one in passes.values()}) != 1:
        raise ValueError("the passes must have one length T, and there must be one at least")
    T = len(next(iter(passes.values())).y)
    if not 2 <= T <= 4:
        raise ValueError(f"T = {T}; this figure needs 2 to 4 steps")
    script = [*_forward_script(T), *_back_script(T)]
    given = ["u", "w", "v", "b", "c", "s_0", f"δ_{T + 1}", "∂L/∂u", "∂L/∂w", "∂L/∂v"]
    given += [f"{letter}_{t}" for t in range(1, T + 1) for letter in ("x", "y", "ω", "f′(a")]
    given = [name + ")" if name.startswith("f′") else name for name in given]
    marks, figure = _steps_figure(T, *next(iter(values.items())))
    runs = {}
    for name, table in values.items():
        sums = dict.fromkeys(("∂L/∂u", "∂L/∂w", "∂L/∂v"), 0.0)
        results = [_rounded(_results(lines, table, sums)) for _, lines in script]
        runs[name] = {"given": {key: 0 if key in sums else _rounded(table[key]) for key in given}, "results": results}
    steps = [{"words": words, "lines": [[line.gives, line.of, line.label] for line in lines]} for words, lines in script]
    return Explorable("steps", figure, {"marks": marks, "steps": steps, "runs": runs})


class _Line(NamedTuple):
    """One value that a step makes: its name, the formula with names in braces, the equation's label; a term of a sum has none."""

    gives: str
    of: str
    label: str = ""


def _forward_script(T: int):
    for t in range(1, T + 1):
        at = f"Forward, t = {t}"
        yield f"{at}: input and state before it meet", [_Line(f"a_{t}", f"{{u}}·{{x_{t}}} + {{w}}·{{s_{t - 1}}} + {{b}}", "eq-model-a")]
        yield f"{at}: the new state", [_Line(f"s_{t}", f"tanh({{a_{t}}})", "eq-model-s")]
        yield (
            f"{at}: the output",
            [_Line(f"z_{t}", f"{{v}}·{{s_{t}}} + {{c}}", "eq-model-z"), _Line(f"o_{t}", f"σ({{z_{t}}})", "eq-model-o")],
        )
        yield f"{at}: the loss of this step", [_Line(f"L_{t}", f"{{ω_{t}}}·ℓ({{z_{t}}}, {{y_{t}}})", "eq-model-step-loss")]
    yield "The loss", [_Line("L", " + ".join(f"{{L_{t}}}" for t in range(1, T + 1)), "eq-model-loss")]


def _back_script(T: int):
    for t in range(T, 0, -1):
        at, back = f"Back, t = {t}", "eq-two-directions-scalar-back"
        yield f"{at}: the error at the output", [_Line(f"ε_{t}", f"{{ω_{t}}}·({{o_{t}}} − {{y_{t}}})", "eq-output-epsilon-sigmoid")]
        comes = f"no step follows, so δ_{t + 1} = 0" if t == T else f"from its own loss, and from step {t + 1}"
        yield f"{at}: what the state receives; {comes}", [_Line(f"λ_{t}", f"{{v}}·{{ε_{t}}} + {{w}}·{{δ_{t + 1}}}", back)]
        yield f"{at}: through the activation", [_Line(f"δ_{t}", f"{{f′(a_{t})}}·{{λ_{t}}}", back)]
        lines = []
        for letter, label in (("v", "eq-output-v"), ("w", "eq-two-directions-scalar-same"), ("u", "eq-gradient-u-outer")):
            first, second = _term(letter, t).split("·")
            lines += [_Line(_term(letter, t), ""), _Line(f"∂L/∂{letter}", f"{{∂L/∂{letter}}} + {{{first}}}·{{{second}}}", label)]
        yield f"{at}: each parameter's sum gets its term of this step", lines
    yield "Back, t = 0: what the initial state receives", [_Line("∂L/∂s_0", "{w}·{δ_1}", "eq-two-directions-s0")]


def _values(name: str, one: Pass) -> dict[str, float]:
    """Every value of the pass by its name, each from rnnlib's records or from one step of rnnlib."""
    p, q, trace, out, y, weights, back = one
    T = len(y)
    sigmoid = np.allclose(out.O, 1 / (1 + np.exp(-out.Z))) and np.allclose(out.epsilon, np.reshape(weights, (T, 1)) * (out.O - y))
    if trace.f.name != "tanh" or not sigmoid:
        raise ValueError(f"{name!r} is not a network with tanh and sigmoid_cross_entropy on the targets and weights that came with it")
    table = {key: _one_number(key, part) for key, part in zip("UWbVc", (*p, *q), strict=True)}
    table = {key.lower(): part for key, part in table.items()}
    table |= {f"δ_{T + 1}": 0.0, "s_0": _one_number("s_0", trace.S[0]), "L": float(out.L)}
    incoming, sums = np.zeros((1, 1)), dict.fromkeys("vwu", 0.0)
    for t in range(T, 0, -1):
        at = slice(t - 1, t)
        x, s_before, a, s = trace.X[at], trace.S[at], trace.A[at], trace.S[t : t + 1]
        of_q, from_loss = readout.step_back(q, s, out.epsilon[at])
        lam = from_loss + incoming
        delta, of_p, _, incoming = rnn.step_back(p, x, s_before, a, s, lam, trace.f)
        named = {"x": x, "a": a, "s": s, "z": out.Z[at], "o": out.O[at], "y": y[at], "ω": weights[t - 1], "L": out.L_t[at]}
        named |= {"ε": out.epsilon[at], "λ": lam, "δ": delta}
        table |= {f"{key}_{t}": _one_number(f"{key}_{t}", part) for key, part in named.items()}
        table[f"f′(a_{t})"] = _one_number("f′", trace.f.df(a, s))
        for letter, part in zip("vwu", (of_q.V, of_p.W, of_p.U), strict=True):
            term = _term(letter, t)
            table[term] = _one_number(term, part)
            sums[letter] += table[term]
    table["∂L/∂s_0"] = _one_number("∂L/∂s_0", incoming)
    for letter, found in zip("vwu", (back.dL_dq.V, back.dL_dp.W, back.dL_dp.U), strict=True):
        found = _one_number(f"∂L/∂{letter}", found)
        if not np.isclose(sums[letter], found, rtol=1e-9, atol=1e-12):
            raise ValueError(
                f"{name!r}: the steps add up to ∂L/∂{letter} = {sums[letter]:g}, and the gradient that came with them is {found:g}; "
                "pass the gradients of the same network and sequence"
            )
        table[f"∂L/∂{letter}"] = found
    return table


def _term(letter: str, t: int) -> str:
    """Step t's own term of the gradient of v, w or u, by its name."""
    return {"v": f"ε_{t}·s_{t}", "w": f"δ_{t}·s_{t - 1}", "u": f"δ_{t}·x_{t}"}[letter]


def _results(lines: list[_Line], table: dict, sums: dict) -> list:
    """The values that the lines of one step make; a sum is what was added up so far."""
    found = []
    for line in lines:
        if line.gives in sums:
            sums[line.gives] += found[-1]  # the term stands before its sum
        found.append(sums.get(line.gives, table[line.gives]))
    return found


_LEFT, _STEP = 48, 120
_ROWS = {"x": 142, "a": 228, "s": 322, "o": 410, "L": 490}
_SUMS = {"v": 84, "w": 54, "u": 24}


def _steps_figure(T: int, name: str, table: dict) -> tuple[list[str], Figure]:
    """The graph with every value of the pass in it, and the names of the marks in the order of their classes."""
    canvas, marks = _Stage(_LEFT + _STEP * T + 132, 530), []

    @contextmanager
    def mark(key):
        marks.append(key) if key not in marks else None
        with canvas.tagged(f"at-{marks.index(key)}"):
            yield

    def value(key, x, y, colour="ink"):
        with mark(key), canvas.tagged("still"):
            canvas.text(x, y, _shown(table[key]), 15, colour)

    def beside_node(node, symbol, key):
        with mark(key):
            canvas.text(node.x + 56, node.y + 10, symbol, 16, "grad")
        value(key, node.x + 56, node.y - 9, "grad")

    def node(row, t, shape="circle", given=False, r=28):
        place = canvas.node(_LEFT + _STEP * t, _ROWS[row], shape=shape, r=r, tint=0.05)
        canvas.text(place.x, place.y + 11, f"${row}_{t}$", 17)
        if given:
            canvas.text(place.x, place.y - 9, f"{table[f'{row}_{t}']:g}".replace("-", "−"), 15)
        else:
            value(f"{row}_{t}", place.x, place.y - 9)
        return place

    s_before = node("s", 0, "box", given=True)
    for t in range(1, T + 1):
        x, a, s, o = node("x", t, "box", given=True), node("a", t), node("s", t), node("o", t)
        L = node("L", t, "diamond", r=29)
        canvas.arrow(x, a, "U", "$u$", gap=12)
        canvas.arrow(s_before, a, "W", "$w$", gap=13, at=0.42)
        canvas.arrow(a, s, "ink", "$f$", gap=12)
        canvas.arrow(s, o, "V", "$v$", gap=14)
        canvas.arrow(o, L)
        canvas.text(L.x + 56, L.y + 10, f"$y_{t}$", 16, "muted")
        canvas.text(L.x + 56, L.y - 9, f"{table[f'y_{t}']:g}", 15, "muted")
        for upper, lower, key in ((L, o, f"ε_{t}"), (o, s, f"λ_{t}"), (s, a, f"δ_{t}")):
            with mark(key):
                canvas.arrow(_right_of(upper), _right_of(lower), "grad")
        with mark(f"λ_{t - 1}" if t > 1 else "∂L/∂s_0"):
            canvas.arrow(_below(a, s_before), _below(s_before, a), "grad")
        beside_node(o, rf"$\varepsilon_{t}$", f"ε_{t}")
        beside_node(s, rf"$\lambda_{t}$", f"λ_{t}")
        beside_node(a, rf"$\delta_{t}$", f"δ_{t}")
        s_before = s
    with mark("∂L/∂s_0"):
        canvas.text(_LEFT + 4, _ROWS["s"] + 56, r"$\partial L/\partial s_0$", 16, "grad")
    value("∂L/∂s_0", _LEFT + 4, _ROWS["s"] + 38, "grad")
    _sums(canvas, T, value)
    right = _LEFT + _STEP * T + 100
    canvas.text(right, _ROWS["L"] + 10, "$L$", 17)
    value("L", right, _ROWS["L"] - 9)
    told = "; ".join(f"step {t}: " + ", ".join(f"{key} = {_shown(table[f'{key}_{t}'])}" for key in "asoLελδ") for t in range(1, T + 1))
    sums = ", ".join(f"∂L/∂{key} = {_shown(table[f'∂L/∂{key}'])}" for key in "vwu")
    return marks, canvas.figure(
        "back-propagation-steps",
        f"One unit unrolled over {T} steps with every value in its place, {name}. {told}. The sums: {sums}. "
        f"At the initial state arrives {_shown(table['∂L/∂s_0'])}.",
    )


def _sums(canvas, T, value) -> None:
    """Below the graph one row for each parameter: the term of every step under that step, the sum at the end."""
    right = _LEFT + _STEP * T + 100
    canvas.line([8, right + 26], [106, 106], colour="muted", linewidth=0.8)
    for letter, y in _SUMS.items():
        colour = letter.upper()
        canvas.text(6, y, rf"$\partial L/\partial {letter}$", 16, colour, ha="left")
        for t in range(1, T + 1):
            value(_term(letter, t), _LEFT + _STEP * t, y)
            canvas.text(_LEFT + _STEP * (t - 0.5), y, "=" if t == 1 else "+", 15)
        canvas.text(right - 42, y, "=", 15)
        value(f"∂L/∂{letter}", right, y, colour)


def _right_of(node: Node, by: float = 12) -> Node:
    return Node(node.x + by, node.y, max(node.r**2 - by**2, 0) ** 0.5)


def _below(node: Node, other: Node, by: float = 12) -> Node:
    """The node moved across the way to the other one, downwards."""
    along = np.array([other.x - node.x, other.y - node.y], float)
    along /= np.hypot(*along)
    across = np.array([-along[1], along[0]]) * (-by if along[0] > 0 else by)
    return Node(node.x + across[0], node.y + across[1], max(node.r**2 - by**2, 0) ** 0.5)


# -- plots: a frame, and in it the marks of one position ---------------------------------------------------


class _Plot(NamedTuple):
    """A stage with two axes; ``curve`` draws what the script draws for the position that it starts with."""

    canvas: _Stage
    x: Any
    y: Any
    height: float

    @property
    def axes(self) -> dict:
        return {"x": _axis(self.x, self.height), "y": _axis(self.y, self.height, upright=True)}

    def curve(self, xs, ys, colour, weight, dash="-", alpha=None):
        """A curve inside the frame; it is cut off at the frame and interrupted where it has no value."""
        for px, py in _inside(self.x(np.asarray(xs, float)), self.y(np.asarray(ys, float)), self.x, self.y):
            self.canvas.line(px, py, colour=colour, linewidth=weight, linestyle=dash, alpha=alpha)

    def dot(self, x, y, colour, r=5.0):
        if np.isfinite([x, y]).all():
            px, py = (float(np.clip(axis(v), axis.start, axis.end)) for axis, v in ((self.x, x), (self.y, y)))
            self.canvas.dot(px, py, r, colour)


def _inside(px, py, x, y):
    """The pieces of a way in pixels that lie inside the frame."""
    piece = []
    for before, after in zip(np.column_stack([px, py]), np.column_stack([px, py])[1:], strict=False):
        cut = _segment(before, after, (x.start, y.start), (x.end, y.end))
        if cut is None or (piece and not np.allclose(piece[-1], cut[0])):
            if piece:
                yield np.transpose(piece)
            piece = []
        if cut is not None:
            piece += [*([] if piece else [cut[0]]), cut[1]]
    if piece:
        yield np.transpose(piece)


def _segment(before, after, low, high):
    """The part of a segment inside a rectangle, or None."""
    if not np.isfinite([before, after]).all():
        return None
    first, last, way = 0.0, 1.0, after - before
    for at, step, least, most in zip(before, way, low, high, strict=True):
        if step == 0:
            if not least <= at <= most:
                return None
            continue
        enter, leave = sorted(((least - at) / step, (most - at) / step))
        first, last = max(first, enter), min(last, leave)
    return (before + first * way, before + last * way) if first < last else None


def _plot(size, x, y, x_label, y_label, x_ticks, y_ticks) -> _Plot:
    """A frame with ticks (value, label) on both axes; the label of the y axis stands level above it."""
    canvas = _Stage(*size)
    for value, label in y_ticks:
        canvas.line([x.start, x.end], [float(y(value))] * 2, colour="muted", linewidth=0.6, alpha=0.4)
        canvas.text(x.start - 8, float(y(value)), label, 15, ha="right")
    for value, label in x_ticks:
        canvas.line([float(x(value))] * 2, [y.start, y.start - 5], linewidth=1.0)
        canvas.text(float(x(value)), y.start - 17, label, 15)
    canvas.line([x.start, x.end], [y.start, y.start], linewidth=1.2)
    canvas.text((x.start + x.end) / 2, y.start - 42, x_label, 16)
    canvas.text(8, y.end + 24, y_label, 16, ha="left")
    return _Plot(canvas, x, y, float(size[1]))


def _tens(powers) -> list[tuple[float, str]]:
    return [(power, f"$10^{{{power}}}$") for power in powers]


def _rows(name: str, value, shape) -> np.ndarray:
    array = np.asarray(value, dtype=float)
    if array.shape != shape:
        raise ValueError(f"{name} has shape {array.shape}; it must be {shape}")
    return array


# -- the norm of the product of Jacobians ------------------------------------------------------------------


def norms_back(radii, logs: Mapping, etas: Mapping, start: tuple, every: int = 2) -> Explorable:
    """What is left after k steps back, for every spectral radius, activation and kind of W.

    `radii` (r,) are the spectral radii; `logs` maps pairs (activation, kind of W) to the (r, T + 1) natural logarithms of the
    norm of Φ_{T,T-k}, as `rnnlib.flow.log_norms` returns them; `etas` maps the same pairs to the (r,) numbers η.
    `start` is (activation, kind of W, place of the radius): where the figure stands. Every second k goes into the page.
    """
    radii = np.asarray(radii, float)
    T = np.shape(next(iter(logs.values())))[1] - 1
    powers = {key: _rows(f"logs[{key}]", value, (len(radii), T + 1)) / np.log(10) for key, value in logs.items()}
    etas = {key: _rows(f"etas[{key}]", etas[key], radii.shape) for key in powers}
    k = np.arange(0, T + 1, every)
    plot = _plot(
        (540, 400),
        Linear(0, T, 66, 516),
        Linear(-16, 16, 66, 342),
        "steps back $k$",
        "norm of the product",
        [(v, f"{v}") for v in range(0, T + 1, 10)],
        _tens(range(-16, 17, 4)),
    )
    plot.canvas.line([66, 516], [float(plot.y(0))] * 2, linewidth=0.8, alpha=0.8)
    f, kind, place = start
    shown = powers[f, kind]
    with plot.canvas.tagged("still"):
        for row in shown:
            plot.curve(k, row[::every], "muted", 1.0, alpha=0.6)
        plot.curve(k, k * np.log10(etas[f, kind][place]), "ink", 1.6, (0, (1.2, 1.6)))
        plot.curve(k, shown[place][::every], "grad", 3.0)
        plot.dot(k[-1], shown[place][k[-1]], "grad")
    figure = plot.canvas.figure(
        "norms-to-move",
        f"The norm of the product of Jacobians against the number of steps back, on a logarithmic scale, for {f} and W {kind}. "
        f"One thin curve for each of {len(radii)} spectral radii from {radii[0]:g} to {radii[-1]:g}; the thick one has radius "
        f"{radii[place]:g} and ends at 10 to the {shown[place][-1]:.1f} after {T} steps. Dotted, its bound, η to the k, ends at 10 to the "
        f"{T * np.log10(etas[f, kind][place]):.1f}.",
    )
    choices = [list(dict.fromkeys(key[side] for key in powers)) for side in (0, 1)]
    found = {key: {"powers": _fixed(powers[key][:, ::every], 2), "eta": _rounded(etas[key], 4)} for key in powers}
    table = [[found[name, which] for which in choices[1]] for name in choices[0]]
    data = {"radii": _rounded(radii), "k": k.tolist(), "activations": choices[0], "kinds": choices[1], "table": table}
    return Explorable("norms", figure, data | {"start": [choices[0].index(f), choices[1].index(kind), place], "axes": plot.axes})


# -- truncation --------------------------------------------------------------------------------------------


class Truncated(NamedTuple):
    """One network under truncation: ``sizes`` (T, T) of the pairs' terms in dL/dW; for each form, window and chunks,
    ``lost`` (T,), the part of the gradient's norm that k = 1 … T leaves out, and ``turned`` (T,) in degrees;
    ``bound`` (T,) for the window, or None where the theorem promises nothing."""

    sizes: Any
    lost: Mapping
    turned: Mapping
    bound: Any = None


def truncation(networks: Mapping[str, Truncated], pairs: Mapping, start: tuple) -> Explorable:
    """Which pairs a truncation keeps, how large they are, and how wrong the sum of them is.

    `networks` maps names to a `Truncated` each; `pairs` maps "window" and "chunks" to how many pairs k = 1 … T keep.
    `start` is (network, form, k): where the figure stands.
    """
    names, (name, form, k) = list(networks), start
    T = len(networks[name].sizes)
    powers = {one: _relative(networks[one].sizes, T) for one in names}
    left = _triangle(powers[name], T, form, k)
    plot = _plot(
        (400, 380),
        Linear(1, T, 66, 380),
        Linear(-4, 2, 66, 322),
        "$k$",
        "lost, as a part of the gradient's norm",
        [(v, f"{v}") for v in range(2, T + 1, 2)],
        _tens(range(-4, 3)),
    )
    steps = np.arange(1, T + 1)
    with np.errstate(divide="ignore"), plot.canvas.tagged("still"):
        for one in names:
            plot.curve(steps, np.log10(networks[one].lost[form]), "muted", 1.2)
        if networks[name].bound is not None and form == "window":
            bound = [np.nan if value is None else value for value in _bound(networks[name].bound)]
            plot.curve(steps, np.log10(bound), "ink", 1.6, (0, (1.2, 1.6)))
        plot.curve(steps, np.log10(networks[name].lost[form]), "grad", 3.0)
        plot.dot(k, np.log10(networks[name].lost[form][k - 1]), "grad", 6.0)
    lost, whole = networks[name].lost[form][k - 1], T * (T + 1) // 2
    right = plot.canvas.figure(
        "truncation-lost",
        f"The part of the gradient that is lost, against k, on a logarithmic scale, {form}; thick for {name}, thin for "
        f"{', '.join(other for other in names if other != name)}. At k = {k} it is {100 * lost:.0f} % of the gradient's norm.",
    )
    for one in names:
        for key, what in (("lost", networks[one].lost), ("turned", networks[one].turned)):
            for each in pairs:
                _rows(f"{key} of {one!r}, {each}", what[each], (T,))
    table = [
        {
            "powers": [_fixed(row[: t + 1], 2) for t, row in enumerate(powers[one])],
            "bound": _bound(networks[one].bound),
            **{each: {"lost": _rounded(networks[one].lost[each], 4), "turned": _fixed(networks[one].turned[each], 1)} for each in pairs},
        }
        for one in names
    ]
    alt = f"Two panels for {name}, {form} of k = {k}: {pairs[form][k - 1]} of {whole} pairs are kept. {left.alt} {right.alt}"
    counts = {each: [int(count) for count in value] for each, value in pairs.items()}
    data = {"T": T, "names": names, "forms": list(pairs), "pairs": counts, "table": table, "axes": plot.axes}
    data |= {"start": [names.index(name), list(pairs).index(form), k], "cells": {"left": _MARGIN, "top": _HEAD, "size": _CELL}}
    return Explorable("truncation", beside("truncation-to-move", alt, left, right), data)


_CELL, _MARGIN, _HEAD = 18, 42, 40


def _bound(bound):
    """The bound as far as it is one: nothing is left out at k = T."""
    return None if bound is None else [_rounded(value, 4) if value > 0 else None for value in bound]


def _relative(sizes, T: int) -> np.ndarray:
    """The sizes as powers of ten relative to the largest; -inf for 0."""
    sizes = _rows("sizes", sizes, (T, T))
    with np.errstate(divide="ignore"):
        return np.log10(sizes / sizes.max())


def _ink(power: float) -> float:
    """How dark a cell is; explore.js has the same line."""
    return max(0.06, 1 + power / 4)


def _kept(form: str, t: int, i: int, k: int) -> bool:
    return t - i < k if form == "window" else (t - 1) // k == (i - 1) // k


def _triangle(powers, T: int, form: str, k: int) -> Figure:
    canvas = _Stage(_MARGIN + _CELL * T + 16, _HEAD + _CELL * T + 46)
    height = _HEAD + _CELL * T + 46
    canvas.text(8, height - 16, "loss $t$", 16, ha="left")
    canvas.text(_MARGIN + _CELL * T / 2, 14, "step $i$", 16)
    for v in range(2, T + 1, 2):
        canvas.text(_MARGIN - 8, height - _HEAD - _CELL * (v - 0.5), str(v), 15, ha="right")
        canvas.text(_MARGIN + _CELL * (v - 0.5), height - _HEAD - _CELL * T - 14, str(v), 15)
    with canvas.tagged("still"):
        for t in range(1, T + 1):
            for i in range(1, t + 1):
                x, y = _MARGIN + _CELL * (i - 1), height - _HEAD - _CELL * t
                if _kept(form, t, i, k):
                    canvas.rectangle(x + 1, y + 1, _CELL - 2, _CELL - 2, "grad", _ink(powers[t - 1, i - 1]))
                else:
                    canvas.dot(x + _CELL / 2, y + _CELL / 2, 1 + 3.5 * _ink(powers[t - 1, i - 1]), "muted")
    return canvas.figure(
        "truncation-pairs",
        "A triangle of all pairs of a loss t and a step i up to it: a filled cell if the pair is kept, the darker the larger its term; "
        "a dot if it is left out, the larger the larger its term.",
    )


# -- clipping ----------------------------------------------------------------------------------------------


class Descent(NamedTuple):
    """Gradient descent with one limit: ``path`` (j + 1, 2) the first places (w, b), ``losses`` (n + 1,) the loss at the start
    and after every step; ``norm`` the norm of the gradient at the start."""

    path: Any
    losses: Any
    norm: float


def clipping(w, b, L, limits, descents: Mapping[str, Sequence[Descent]], start: tuple) -> Explorable:
    """Clipping by norm on a loss surface: the step that each limit allows, and where it leads.

    `w` (k,), `b` (r,) and `L` (r, k) are the surface, drawn as contour lines; `limits` (l,) the limits, inf for no clipping.
    `descents` maps the name of a starting point to l records `Descent`; `start` is (starting point, place of the limit).
    """
    w, b, limits = np.asarray(w, float), np.asarray(b, float), np.asarray(limits, float)
    L = _rows("L", L, (len(b), len(w)))
    if any(len(value) != len(limits) for value in descents.values()):
        raise ValueError(f"there are {len(limits)} limits; every starting point must come with as many descents")
    name, place = start
    chosen, finite = descents[name], limits[np.isfinite(limits)]
    left = _surface(w, b, L)
    with left.canvas.tagged("still"):
        path = np.asarray(chosen[place].path, float)
        left.curve(*path[1:].T, "grad", 1.2, alpha=0.7)
        left.curve(*path[:2].T, "grad", 3.2)
        left.dot(*path[0], "ink", 5.0)
    last = float(np.log10(finite[-1])) + 0.5  # no limit stands half a decade after the last limit
    right = _plot(
        (400, 380),
        Linear(float(np.log10(finite[0])), last, 66, 384),
        Linear(-4, 0, 66, 322),
        r"limit $\theta$",
        "loss",
        [*_tens(range(int(np.log10(finite[0])), int(np.log10(finite[-1])) + 1)), (last, "$\\infty$")],
        _tens(range(-4, 1)),
    )
    at = np.where(np.isfinite(limits), np.log10(np.where(np.isfinite(limits), limits, 1)), last)
    with np.errstate(divide="ignore"), right.canvas.tagged("still"):
        for step, colour, dash in ((1, "ink", (0, (1.2, 1.6))), (-1, "grad", "-")):
            losses = np.log10([one.losses[step] for one in chosen])
            right.curve(at, losses, colour, 1.8, dash)
            right.dot(at[place], losses[place], colour, 5.5)
    steps = len(chosen[place].losses) - 1
    words = "no limit" if np.isinf(limits[place]) else f"the limit {limits[place]:.3g}"
    one = left.canvas.figure(
        "clipping-surface",
        f"Contour lines of the loss over w from {w[0]:g} to {w[-1]:g} and b from {b[0]:g} to {b[-1]:g}, bunched where the cliff is. "
        f"Gradient descent from w = {path[0][0]:.3f}, b = {path[0][1]:.3f} with {words}: the first step leads to "
        f"w = {path[1][0]:.3g}, b = {path[1][1]:.3g}.",
    )
    other = right.canvas.figure(
        "clipping-losses",
        f"The loss against the limit, both logarithmic: dotted after one step, solid after {steps} steps. With {words}: "
        f"{chosen[place].losses[1]:.2g} and {chosen[place].losses[-1]:.2g}.",
    )
    table = {
        key: {
            "norm": _rounded(value[0].norm, 4),
            "loss": _rounded(value[0].losses[0], 4),
            "paths": [_path(one.path, w, b) for one in value],
            "moved": [_rounded(np.hypot(*np.subtract(one.path[1], one.path[0])), 4) for one in value],
            "one": [_rounded(one.losses[1], 4) for one in value],
            "last": [_rounded(one.losses[-1], 4) for one in value],
        }
        for key, value in descents.items()
    }
    data = {"limits": _rounded(limits, 4), "at": _rounded(at, 4), "steps": steps, "starts": list(descents), "table": table}
    data |= {"start": [list(descents).index(name), place], "axes": [left.axes, right.axes]}
    return Explorable("clipping", beside("clipping-to-move", f"{one.alt} {other.alt}", one, other), data)


def _path(path, w, b) -> list:
    """The places as far as they matter: those far outside the picture with fewer digits."""
    return [_fixed(place, 4) if w[0] <= place[0] <= w[-1] and b[0] <= place[1] <= b[-1] else _rounded(place, 3) for place in path]


def _surface(w, b, L) -> _Plot:
    x, y = Linear(w[0], w[-1], 66, 384), Linear(b[0], b[-1], 66, 322)
    ticks = [[(v, f"{v:g}".replace("-", "−")) for v in axis.ticks(5)] for axis in (x, y)]
    plot = _plot((400, 380), x, y, "weight $w$", "bias $b$", *ticks)
    lines = contour_generator(w, b, L)
    for level in (0.01, 0.04, 0.08, 0.2, 0.3, 0.35):
        for line in lines.lines(level):
            plot.curve(*_thinned(line, plot), "muted", 1.0, alpha=0.9)
    for x, y, words in ((0.72, 0.62, "upper plain"), (0.12, 0.12, "lower plain")):
        plot.canvas.text(66 + x * 318, 66 + y * 256, words, 15, "muted", ha="left")
    return plot


def _thinned(line, plot: _Plot, apart: float = 4.0):
    """The line with points that are some pixels apart; its ends stay."""
    pixels, kept = np.column_stack([plot.x(line[:, 0]), plot.y(line[:, 1])]), [0]
    for k in range(1, len(line)):
        if np.hypot(*(pixels[k] - pixels[kept[-1]])) >= apart or k == len(line) - 1:
            kept.append(k)
    return line[kept].T
