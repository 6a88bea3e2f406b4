"""Plots: what the pages measured, drawn from the numbers they pass in."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from .canvas import Canvas, Node
from .style import Figure, beside, words_width

#: Curves differ in colour, dash and marker, so that no reader depends on one of the three.
CURVES = (
    ("ink", "-", "disc"),
    ("grad", (0, (3.2, 2.0)), "square"),
    ("alt", "-", "ring"),
    ("muted", (0, (1.2, 1.4)), "diamond"),
)


class Scale(NamedTuple):
    """A logarithmic axis: the values from `low` to `high` on the pixels from `start` to `end`."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value):
        part = (np.log10(value) - np.log10(self.low)) / (np.log10(self.high) - np.log10(self.low))
        return self.start + part * (self.end - self.start)

    def decades(self, most: int = 7) -> list[int]:
        """Exponents of the powers of ten on the axis, at most `most` of them."""
        first, last = int(np.ceil(np.log10(self.low) - 1e-9)), int(np.floor(np.log10(self.high) + 1e-9))
        stride = max(1, -(-(last - first + 1) // most))
        return list(range(last, first - 1, -stride))[::-1]


def _whole_decades(values: np.ndarray) -> tuple[float, float]:
    return 10.0 ** np.floor(np.log10(values.min()) - 1e-9), 10.0 ** np.ceil(np.log10(values.max()) + 1e-9)


# -- what came in ------------------------------------------------------------------------------------------


def _numbers(name: str, value, ndim: int, least: float = -np.inf) -> np.ndarray:
    array = np.asarray(value, dtype=float)
    if array.ndim != ndim or array.size == 0:
        raise ValueError(f"{name} has shape {array.shape}; it must have {ndim} dimension{'s' * (ndim > 1)} and not be empty")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} has {np.sum(~np.isfinite(array))} entries that are not finite; pass finite numbers")
    if array.min() < least:
        raise ValueError(f"{name} has the entry {array.min():g}; it must be at least {least:g}")
    return array


def _named(what: str, values: Mapping, length: int, most: int = len(CURVES)) -> dict[str, np.ndarray]:
    if not isinstance(values, Mapping) or not 1 <= len(values) <= most:
        raise ValueError(f"{what} must map 1 to {most} names to numbers; got {values!r:.80}")
    curves = {name: _numbers(f"{what}[{name!r}]", value, 1, least=0.0) for name, value in values.items()}
    for name, curve in curves.items():
        if len(curve) != length:
            raise ValueError(f"{what}[{name!r}] has {len(curve)} numbers; it must have {length}, as the axis has")
    return curves


def _known(what: str, names, curves: Mapping) -> None:
    unknown = [name for name in names if name not in curves]
    if unknown:
        raise ValueError(f"{what} names {unknown}, but the curves are {list(curves)}")


# -- parts of a plot ---------------------------------------------------------------------------------------


def _marker(canvas: Canvas, x: float, y: float, shape: str, colour: str, r: float = 4.0) -> None:
    if shape == "disc":
        canvas.dot(x, y, r, colour)
    elif shape == "ring":
        canvas.ring(x, y, r, colour)
    elif shape == "cross":
        canvas.line([x - r, x + r], [y - r, y + r], colour=colour, linewidth=2.6)
        canvas.line([x - r, x + r], [y + r, y - r], colour=colour, linewidth=2.6)
    else:
        turn = np.pi / 4 if shape == "square" else 0.0
        angles = turn + np.arange(4) * np.pi / 2
        canvas.polygon(np.column_stack([x + 1.25 * r * np.cos(angles), y + 1.25 * r * np.sin(angles)]), colour)


def _frame(canvas: Canvas, x: Scale, y: Scale, x_label: str, y_label: str, x_ticks: Sequence[tuple[float, str]]) -> None:
    """Axes, ticks and faint levels; the label of the y axis stands level above it."""
    for power in y.decades():
        level = y(10.0**power)
        canvas.line([x.start, x.end], [level, level], colour="muted", linewidth=0.6, alpha=0.35)
        canvas.text(x.start - 8, level, f"$10^{{{power}}}$", 15, ha="right")
    for value, label in x_ticks:
        canvas.line([x(value)] * 2, [y.start, y.start - 5], linewidth=1.0)
        canvas.text(x(value), y.start - 17, label, 15)
    canvas.line([x.start, x.end], [y.start, y.start], linewidth=1.2)
    canvas.text((x.start + x.end) / 2, y.start - 43, x_label, 16)
    canvas.text(8, y.end + 24, y_label, 16, ha="left")


def _curve(canvas: Canvas, x: Scale, y: Scale, xs, ys, style) -> None:
    """One curve with its markers; a value of exactly 0 stands on the axis as a mark of its own."""
    colour, dash, shape = style
    shown = np.where(ys > 0, ys, y.low)
    kept = ys > 0
    for run in np.split(np.arange(len(ys)), np.flatnonzero(np.diff(kept)) + 1):
        if kept[run[0]] and len(run) > 1:
            canvas.line(x(xs[run]), y(shown[run]), colour=colour, linewidth=1.9, linestyle=dash)
    for px, py, positive in zip(x(xs), y(shown), kept, strict=True):
        if positive:
            _marker(canvas, px, py, shape, colour)
        else:
            canvas.polygon([(px - 5, py + 9), (px + 5, py + 9), (px, py)], colour)


def _spread(places: list[float], apart: float, low: float, high: float) -> list[float]:
    """The places moved as little as needed so that neighbours are `apart` from each other, within [low, high]."""
    order = np.argsort(places)
    moved = np.array(places, float)[order]
    for _ in range(200):
        for k in range(len(moved) - 1):
            short = apart - (moved[k + 1] - moved[k])
            if short > 0:
                moved[k], moved[k + 1] = moved[k] - short / 2, moved[k + 1] + short / 2
        moved = np.clip(moved, low, high)
    result = np.empty(len(places))
    result[order] = moved
    return list(result)


def _wrapped(name: str, most: int = 15) -> str:
    """The name in lines of about `most` letters; formulas are not cut."""
    lines = [""]
    for word in name.split(" "):
        longer = f"{lines[-1]} {word}".strip()
        if len(longer) > most and lines[-1] and lines[-1].count("$") % 2 == 0:
            lines.append(word)
        else:
            lines[-1] = longer
    return "\n".join(lines)


def _name_curves(canvas: Canvas, x: Scale, y: Scale, ends: list[float], names: Sequence[str]) -> None:
    """Names at the right of the curves, in their colours."""
    labels = [_wrapped(name) for name in names]
    lines = max(label.count("\n") + 1 for label in labels)
    places = _spread(ends, 21.0 * lines + 4, y.start + 8, y.end - 4)
    for label, end, place, style in zip(labels, ends, places, CURVES, strict=False):
        canvas.line([x.end + 4, x.end + 14], [end, place], colour=style[0], linewidth=0.8, linestyle="-")
        canvas.text(x.end + 18, place, label, 16, style[0], ha="left")


def _power_ticks(scale: Scale) -> list[tuple[float, str]]:
    return [(10.0**power, f"$10^{{{power}}}$") for power in scale.decades(5)]


# -- the plots ---------------------------------------------------------------------------------------------


def error_against_step(steps, errors_by_name: Mapping, slopes: Mapping | None = None) -> Figure:
    """The error of numerical derivatives against the step size, both axes logarithmic.

    `steps` (k,) are the step sizes, `errors_by_name` maps a method's name to its (k,) relative errors;
    an error of exactly 0 is drawn as a mark on the axis.
    `slopes` maps some of those names to the order to expect: a reference line of that slope stands beside the
    curve's right half.

    >>> error_against_step([1e-1, 1e-2], {"central difference": [1e-3, 1e-5]}, {"central difference": 2}).name
    'error-against-step'
    """
    steps = _numbers("steps", steps, 1, least=0.0)
    if len(steps) < 2 or len(set(steps)) < 2 or not steps.all():
        raise ValueError("steps needs at least two different positive step sizes")
    order = np.argsort(steps)
    curves = {name: curve[order] for name, curve in _named("errors_by_name", errors_by_name, len(steps)).items()}
    steps, slopes = steps[order], dict(slopes or {})
    _known("slopes", slopes, curves)
    positive = np.concatenate([curve[curve > 0] for curve in curves.values()] or [[]])
    if not positive.size:
        raise ValueError("every error is exactly 0; there is nothing to draw on a logarithmic axis")
    low, high = _whole_decades(positive)
    canvas = Canvas(540, 390)
    x, y = (
        Scale(steps[0], steps[-1], 62, 398),
        Scale(low / (10 if any((c == 0).any() for c in curves.values()) else 1), high, 66, 338),
    )
    _frame(canvas, x, y, "step size", "relative error", _power_ticks(x))
    for (name, curve), style in zip(curves.items(), CURVES, strict=False):
        if name in slopes:
            _reference_slope(canvas, x, y, steps, curves, name, slopes[name])
        _curve(canvas, x, y, steps, curve, style)
    _name_curves(canvas, x, y, [float(y(max(curve[-1], y.low))) for curve in curves.values()], list(curves))
    return canvas.figure(
        "error-against-step",
        f"Relative error against step size, both logarithmic, for {', '.join(curves)}. "
        + " ".join(
            f"{name}: smallest error {curve.min():.1e} at step {steps[curve.argmin()]:.0e}, error {curve[0]:.1e} at step {steps[0]:.0e}."
            for name, curve in curves.items()
        ),
    )


def _reference_slope(canvas, x, y, steps, curves, name, slope) -> None:
    """A short line of the given slope along the curve's right end, its number beside it.

    It stands above the topmost curve and below the others, where there is room.
    """
    first, last = _stretch(steps, curves[name], slope)
    middle, top = (np.log10(first[0]) + np.log10(last[0])) / 2, (np.log10(first[1]) + np.log10(last[1])) / 2
    span = min(0.8 * (np.log10(last[0]) - np.log10(first[0])), 0.3 * (np.log10(x.high) - np.log10(x.low)))
    ends = 10.0 ** np.array([middle - span / 2, middle + span / 2])
    px, py = x(ends), y(10.0 ** (top + slope * (np.log10(ends) - middle)))
    beside = [np.interp(middle, np.log10(steps[c > 0]), np.log10(c[c > 0])) for c in curves.values() if (c > 0).any()]
    side = 1 if top >= max(beside) - 0.05 else -1
    across = side * np.array([py[0] - py[1], px[1] - px[0]]) / np.hypot(px[1] - px[0], py[1] - py[0])
    px, py = px + 14 * across[0], py + 14 * across[1]
    canvas.line(px, np.minimum(py, y.end), colour="muted", linewidth=1.4, linestyle=(0, (5, 2.5)))
    words, place = f"slope {slope:g}", (px.mean() + 9 * across[0], py.mean() + 11 * across[1])
    canvas.text(*place, words, 15, "muted", ha="right" if across[0] < 0 else "left")


def _stretch(steps, curve, slope):
    """Both ends (step, error) of the longest stretch where the curve rises about as fast as the slope says."""
    kept = curve > 0
    steps, curve = steps[kept], curve[kept]
    if len(steps) < 2:
        raise ValueError("a curve with a reference slope needs at least two errors above 0")
    near = np.abs(np.diff(np.log10(curve)) / np.diff(np.log10(steps)) - slope) < 0.3
    runs = np.split(np.arange(len(near)), np.flatnonzero(np.diff(near)) + 1)
    best = max((run for run in runs if near[run[0]]), key=len, default=np.arange(len(near) // 2, len(near)))
    return (steps[best[0]], curve[best[0]]), (steps[best[-1] + 1], curve[best[-1] + 1])


def cost_against_T(T, seconds_by_name: Mapping, exponents: Mapping | None = None, unit: str = "seconds") -> Figure:
    """Seconds against the number of steps, both axes logarithmic; with another `unit`, bytes for example.

    `T` (k,) are the lengths, `seconds_by_name` maps a method's name to its (k,) seconds.
    `exponents` maps some names to their fitted exponent p: a thin line of that slope goes through the curve's
    upper half, and the name carries T^p.
    """
    T = _numbers("T", T, 1, least=1.0)
    if len(set(T)) < 2:
        raise ValueError("T needs at least two different lengths")
    order = np.argsort(T)
    curves = {name: curve[order] for name, curve in _named("seconds_by_name", seconds_by_name, len(T)).items()}
    T, exponents = T[order], dict(exponents or {})
    _known("exponents", exponents, curves)
    if not all(curve.all() for curve in curves.values()):
        raise ValueError(f"0 {unit} cannot stand on a logarithmic axis; measure longer")
    canvas = Canvas(540, 390)
    x, y = Scale(T[0], T[-1], 62, 386), Scale(*_whole_decades(np.concatenate(list(curves.values()))), 66, 338)
    ticks = T if len(T) <= 7 else T[:: -(-len(T) // 6)]
    _frame(canvas, x, y, "number of steps $T$", unit, [(value, f"{value:g}") for value in ticks])
    for (name, curve), style in zip(curves.items(), CURVES, strict=False):
        if name in exponents:
            half = len(T) // 2
            level = np.mean(np.log10(curve[half:]) - exponents[name] * np.log10(T[half:]))
            fit = np.clip(10.0 ** (level + exponents[name] * np.log10(T)), y.low, y.high)
            canvas.line(x(T), y(fit), colour="muted", linewidth=1.1, linestyle=(0, (5, 2.5)))
        _curve(canvas, x, y, T, curve, style)
    names = [f"{name} T^{exponents[name]:.2f}" if name in exponents else name for name in curves]
    _name_curves(canvas, x, y, [float(y(curve[-1])) for curve in curves.values()], names)
    return canvas.figure(
        "cost-against-T" if unit == "seconds" else f"{unit.replace(' ', '-')}-against-T",
        f"{unit[0].upper()}{unit[1:]} against the number of steps from {T[0]:g} to {T[-1]:g}, both logarithmic. "
        + " ".join(
            f"{name}: {curve[0]:.1e} to {curve[-1]:.1e} {unit}"
            + (f", growing as T to the {exponents[name]:.2f}." if name in exponents else ".")
            for name, curve in curves.items()
        ),
    )


def evidence_bars(errors_by_name: Mapping, tolerance: float) -> Figure:
    """The error that each formula attains, on a logarithmic scale, with the tolerance between right and wrong.

    `errors_by_name` maps a formula's name (words, or LaTeX between dollar signs) to its relative error.
    Errors up to the tolerance are drawn as discs, larger ones as crosses.
    """
    if not isinstance(errors_by_name, Mapping) or not errors_by_name:
        raise ValueError("errors_by_name must map at least one name to its error")
    names = list(errors_by_name)
    errors = _numbers("errors_by_name", [errors_by_name[name] for name in names], 1, least=0.0)
    if not 0 < tolerance < np.inf:
        raise ValueError(f"tolerance = {tolerance!r}; it must be a positive number")
    low, high = _whole_decades(np.append(errors[errors > 0], tolerance))
    row, bottom = 36, 40
    canvas = Canvas(540, bottom + row * len(names) + 40)
    top = bottom + row * len(names)
    left = 24 + max(words_width(name, 16) for name in names)
    x = Scale(low / 10, high, min(left, 240), 452)
    for power in x.decades(5):
        canvas.line([x(10.0**power)] * 2, [bottom, top], colour="muted", linewidth=0.6, alpha=0.35)
        canvas.text(x(10.0**power), bottom - 18, f"$10^{{{power}}}$", 15)
    canvas.line([x(tolerance)] * 2, [bottom, top + 4], colour="muted", linewidth=1.6, linestyle=(0, (5, 2.5)))
    canvas.text(x(tolerance), top + 18, f"tolerance ${_scientific(tolerance)}$", 15, "muted")
    for k, (name, error) in enumerate(zip(names, errors, strict=True)):
        y, agrees = top - row * (k + 0.5), error <= tolerance
        colour = "V" if agrees else "refuted"
        place = x(error) if error > 0 else x.start
        canvas.line([x.start, place], [y, y], colour="muted", linewidth=1.4)
        _marker(canvas, place, y, "disc" if agrees else "cross", colour, 5.5)
        canvas.text(x.start - 12, y, name, 16, ha="right")
        canvas.text(466, y, "exact" if error == 0 else "agrees" if agrees else "refuted", 15, colour, ha="left")
    return canvas.figure(
        "evidence-bars",
        f"Relative errors on a logarithmic scale against the tolerance {tolerance:.0e}: "
        + "; ".join(
            f"{name}: {error:.1e}, {'agrees' if error <= tolerance else 'refuted'}" for name, error in zip(names, errors, strict=True)
        )
        + ".",
    )


def _scientific(value: float) -> str:
    digits, power = f"{value:.0e}".split("e")
    return (f"{digits}\\times " if digits != "1" else "") + f"10^{{{int(power)}}}"


def readout_weights(weights: Sequence, names: Sequence[str]) -> Figure:
    """The weight of every step's loss, one small plot for each choice of weights.

    `weights` is a sequence of arrays (T,), `names` their names; a weight of 0 is drawn as an open ring.
    """
    if len(weights) != len(names) or not names:
        raise ValueError(f"{len(weights)} arrays of weights and {len(names)} names; there must be as many, and at least one")
    rows = [_numbers(f"weights of {name!r}", row, 1, least=0.0) for name, row in zip(names, weights, strict=True)]
    if max(len(row) for row in rows) > 16:
        raise ValueError(f"{max(len(row) for row in rows)} steps; the figure shows at most 16")
    down = -(-len(rows) // 2)
    wide, tall = 262, 152
    canvas = Canvas(2 * wide - 6 if len(rows) > 1 else wide, down * tall)
    for k, (name, row) in enumerate(zip(names, rows, strict=True)):
        _stems(canvas, (k % 2) * wide, (down - 1 - k // 2) * tall, wide - 14, tall, name, row)
    return canvas.figure(
        "readout-weights",
        "The weight of each step's loss. "
        + " ".join(f"{name}: {', '.join(f'{weight:.3g}' for weight in row)}." for name, row in zip(names, rows, strict=True)),
    )


def _stems(canvas: Canvas, left: float, bottom: float, wide: float, tall: float, name: str, row: np.ndarray) -> None:
    most = float(np.abs(row).max()) or 1.0
    start = left + 16 + max(28.0, words_width(_level(most), 15))
    base, top, end = bottom + 34, bottom + tall - 42, left + wide - 8
    gap = (end - start) / len(row)
    canvas.text(left + 8, bottom + tall - 16, name, 16, ha="left")
    canvas.line([start, end], [base, base], linewidth=1.1)
    for value in (0.0, most):
        canvas.text(start - 8, base + (top - base) * value / most, _level(value), 15, ha="right")
    for t, value in enumerate(row, start=1):
        x, y = start + gap * (t - 0.5), base + (top - base) * value / most
        if value:
            canvas.line([x, x], [base, y], linewidth=2.2)
            canvas.dot(x, y, 4.5)
        else:
            canvas.ring(x, base, 3.6, "muted")
        if t == 1 or t == len(row) or (len(row) <= 8):
            canvas.text(x, base - 17, str(t), 15)


def _level(value: float) -> str:
    """A weight in words: 1/7 rather than 0.143."""
    if value and abs(1 / value - round(1 / value)) < 1e-9 and abs(value) < 1:
        return f"1/{round(1 / value)}"
    return f"{value:.3g}"


def softmax_jacobian(o) -> Figure:
    """The Jacobian of the softmax, diag(o) − o oᵀ, every entry written in its cell.

    `o` (m,) are the probabilities, 2 to 7 of them.
    Raises ValueError unless they are at least 0 and add up to 1.

    >>> softmax_jacobian([0.5, 0.3, 0.2]).name
    'softmax-jacobian'
    """
    o = _numbers("o", o, 1, least=0.0)
    if not 2 <= len(o) <= 7:
        raise ValueError(f"o has {len(o)} entries; the figure shows 2 to 7")
    if abs(o.sum() - 1) > 1e-6:
        raise ValueError(f"o adds up to {o.sum():.6g}; the outputs of a softmax add up to 1")
    jacobian = np.diag(o) - np.outer(o, o)
    cell, left, head = 66, 52, 40
    width, height = left + cell * len(o) + 8, head + cell * len(o) + 8
    canvas = Canvas(width, height)
    for i, row in enumerate(jacobian):
        y = height - head - cell * (i + 1)
        canvas.text(left - 22, y + cell / 2, rf"$\partial o_{i + 1}$", 17)
        canvas.text(left + cell * (i + 0.5), height - 18, rf"$\partial z_{i + 1}$", 17)
        for j, value in enumerate(row):
            x = left + cell * j
            colour = "ink" if value >= 0 else "alt"
            strength = 0.05 + 0.4 * abs(value) / np.abs(jacobian).max()
            canvas.box(x + 2, y + 2, cell - 4, cell - 4, colour, strength, line=0)
            canvas.text(x + cell / 2, y + cell / 2, _signed(value), 16)
    return canvas.figure(
        "softmax-jacobian",
        f"The Jacobian of the softmax at o = ({', '.join(f'{p:.2f}' for p in o)}): "
        + "; ".join(f"row {i}: {', '.join(_signed(v) for v in row)}" for i, row in enumerate(jacobian, 1))
        + ". Positive on the diagonal, negative beside it.",
    )


def _signed(value: float) -> str:
    """Two decimals, with the minus sign that matches the plus sign in width."""
    return f"{value:+.2f}".replace("-", "−").replace("+0.00", "0.00").replace("−0.00", "0.00")


def forward_pass(X, S, O, tokens: Sequence[str], classes: Sequence[str]) -> Figure:
    """A forward pass on a real sequence: inputs, states and outputs, one column for every step.

    `X` (T, n) are the inputs, one-hot rows; `S` (T+1, h) the states from s_0 on; `O` (T, m) the outputs.
    `tokens` are the T symbols that were read, `classes` the m names of the outputs.
    Of the inputs only the rows that are ever on are drawn; a negative entry carries a bar.
    """
    X, S, O = _numbers("X", X, 2), _numbers("S", S, 2), _numbers("O", O, 2)
    T = len(X)
    if len(S) != T + 1 or len(O) != T or len(tokens) != T:
        raise ValueError(f"X has {T} steps, S {len(S)}, O {len(O)}, tokens {len(tokens)}; S needs {T + 1}, the others {T}")
    if len(classes) != O.shape[1]:
        raise ValueError(f"{len(classes)} names of classes for {O.shape[1]} outputs; there must be as many")
    if T > 16 or S.shape[1] > 24 or len(classes) > 12:
        raise ValueError(f"T = {T}, h = {S.shape[1]}, m = {len(classes)}; the figure shows at most 16, 24 and 12")
    used = [k for k in range(X.shape[1]) if X[:, k].any()]
    letters = [_shown(next((tokens[t] for t in range(T) if X[t, k]), "")) for k in used]
    left = 30 + max(words_width(name, 15) for name in [*classes, *letters])
    cell = min(34.0, (548 - left) / (T + 1))
    blocks = (
        (O.T, [str(name) for name in classes], 22, 1, "$o_t$"),
        (S.T, [""] * S.shape[1], 14, 0, "$s_t$"),
        (X.T[used], letters, 22, 1, "$x_t$"),
    )
    height = 90 + sum(len(block) * tall + 34 for block, _, tall, _, _ in blocks) + 14
    canvas = Canvas(max(left + cell * (T + 1) + 12, left + cell + 270), height)  # the key needs 270
    scale, y = max(1.0, float(np.abs(S).max()), float(np.abs(O).max())), height - 8.0
    for block, labels, tall, first, title in blocks:
        y -= 26
        canvas.text(left + 2, y + 12, title, 18, ha="left")
        y -= len(block) * tall
        _cells(canvas, block, labels, left + cell * first, y, cell, tall, scale)
        y -= 8
    for t, token in enumerate(tokens, start=1):
        canvas.text(left + cell * (t + 0.5), y - 10, _shown(token), 17, math=False)
    for t in range(T + 1):
        canvas.text(left + cell * (t + 0.5), y - 32, str(t), 15, "muted")
    canvas.text(left - 8, y - 10, "read", 15, ha="right")
    canvas.text(left - 8, y - 32, "$t$", 15, "muted", ha="right")
    _key(canvas, left + cell, 20, scale)
    likely = classes[int(O[-1].argmax())]
    return canvas.figure(
        "forward-pass",
        f"A forward pass over the {T} symbols {' '.join(map(_shown, tokens))}: below, the one-hot "
        f"inputs; in the middle, {S.shape[1]} state units from s_0 on; above, the outputs for "
        f"{', '.join(map(str, classes))}. After the last symbol the largest output is {likely}, "
        f"{O[-1].max():.2f}.",
    )


def _shown(token: str) -> str:
    return "␣" if str(token).isspace() else str(token)


def _cells(canvas, block, labels, left, bottom, cell, tall, scale) -> None:
    """A matrix as cells: the stronger the larger; a negative entry in the second colour, with a bar; a dot for 0."""
    for r in range(len(block)):
        y = bottom + tall * (len(block) - 1 - r)
        if labels[r]:
            canvas.text(left - 8, y + tall / 2, labels[r], 15, ha="right", math=False)
        for c, value in enumerate(block[r]):
            if abs(value) / scale >= 0.02:
                _cell(canvas, left + cell * c, y, cell, tall, value / scale)
        empty = np.flatnonzero(np.abs(block[r]) / scale < 0.02)
        canvas.specks(left + cell * (empty + 0.5), np.full(len(empty), y + tall / 2))


def _cell(canvas, x, y, wide, tall, part) -> None:
    colour = "ink" if part > 0 else "alt"
    canvas.rectangle(x + 1, y + 1, wide - 2, tall - 2, colour, 0.08 + 0.82 * abs(part))
    if part < 0:
        bar = min(4.0, wide / 5)
        canvas.line([x + wide / 2 - bar, x + wide / 2 + bar], [y + tall / 2] * 2, linewidth=1.4)


def _key(canvas: Canvas, x: float, y: float, scale: float) -> None:
    for part in (-1.0, -0.5, 0.5, 1.0):
        _cell(canvas, x, y - 8, 20, 16, part)
        label = f"{part * scale:.2g}".replace("-", "−")
        canvas.text(x + 26, y, label, 15, ha="left")
        x += 40 + words_width(label, 15)


def norms_back(logs_by_name: Mapping, title: str, lowest: int | None = None) -> Figure:
    """How much is left of a small change k steps later: the norm of Φ_{t,t-k} against k, the norm logarithmic.

    `logs_by_name` maps 1 to 4 names to natural logarithms of the norm for k = 0, 1, …, as `rnnlib.flow.log_norms`
    returns them; -inf is a norm of 0. The curves may have different lengths.
    `lowest` is the power of ten at which the axis ends; a curve that falls below it runs out of the picture.

    >>> norms_back({"half a step": [0, -0.7, -1.4]}, "an example").name
    'norms-back-an-example'
    """
    if not isinstance(logs_by_name, Mapping) or not 1 <= len(logs_by_name) <= len(CURVES):
        raise ValueError(f"logs_by_name must map 1 to {len(CURVES)} names to logarithms; got {logs_by_name!r:.80}")
    powers = {name: _logarithms(name, value) for name, value in logs_by_name.items()}
    seen = np.concatenate([power[np.isfinite(power)] for power in powers.values()])
    bottom = min(-1, int(np.floor(seen.min()))) if lowest is None else lowest
    top = max(1, int(np.ceil(seen.max() + 1e-9)))
    if not bottom < top:
        raise ValueError(f"lowest = {lowest!r}; it must be below the largest power of ten, {top}")
    longest = max(map(len, powers.values())) - 1
    canvas = Canvas(500, 370)
    left, right, low, high = 66, 350, 62, 306
    across, up = (lambda k: left + (right - left) * k / longest), (lambda v: low + (high - low) * (v - bottom) / (top - bottom))
    stride = max(1, -(-(top - bottom) // 6))
    for power in range(-(-bottom // stride) * stride, top + 1, stride):
        canvas.line([left, right], [up(power)] * 2, colour="ink" if power == 0 else "muted", linewidth=0.6, alpha=0.35 if power else 0.8)
        canvas.text(left - 8, up(power), f"$10^{{{power}}}$", 18, ha="right")
    for k in range(0, longest + 1, max(1, -(-longest // 5))):
        canvas.line([across(k)] * 2, [low, low - 5], linewidth=1.0)
        canvas.text(across(k), low - 17, str(k), 15)
    canvas.line([left, right], [low, low], linewidth=1.2)
    canvas.text((left + right) / 2, low - 42, "steps back $k$", 16)
    canvas.text(8, high + 42, f"norm of the product: {title}", 16, ha="left")
    ends = []
    for (_, power), (colour, dash, shape) in zip(powers.items(), CURVES, strict=False):
        k, v = _above(power, bottom)
        canvas.line(across(k), up(v), colour=colour, linewidth=1.9, linestyle=dash)
        for at in range(0, len(power), max(1, longest // 5)):
            if power[at] >= bottom:
                _marker(canvas, across(at), up(power[at]), shape, colour)
        ends.append((float(across(k[-1])), float(up(v[-1]))))
    _name_ends(canvas, list(powers), ends, right, low, high)
    told = " ".join(f"{name}: {_norm_in_words(power)} after {len(power) - 1} steps." for name, power in powers.items())
    slug = "-".join(re.findall(r"[a-z0-9]+", title.lower()))
    return canvas.figure(f"norms-back-{slug}", f"The norm of the product of Jacobians against the number of steps back, {title}. {told}")


def _logarithms(name: str, value) -> np.ndarray:
    """Natural logarithms as powers of ten."""
    logs = np.asarray(value, dtype=float)
    if logs.ndim != 1 or len(logs) < 2:
        raise ValueError(f"logs_by_name[{name!r}] has shape {logs.shape}; it must hold a logarithm for k = 0, 1, …")
    if np.isnan(logs).any() or (logs == np.inf).any() or not np.isfinite(logs[0]):
        raise ValueError(f"logs_by_name[{name!r}] must hold logarithms of norms: finite, or -inf for a norm of 0")
    return logs / np.log(10)


def _above(power: np.ndarray, bottom: float) -> tuple[np.ndarray, np.ndarray]:
    """The curve as far as it stays above `bottom`, with the place where it leaves."""
    below = np.flatnonzero(power < bottom)
    if not below.size:
        return np.arange(len(power)), power
    first = below[0]
    drop = power[first - 1] - max(power[first], bottom - 1e6)
    leaves = first - 1 + (power[first - 1] - bottom) / drop
    return np.append(np.arange(first), leaves), np.append(power[:first], bottom)


def _name_ends(canvas: Canvas, names, ends, right, low, high) -> None:
    """Names beside the right edge, each joined to where its curve ends."""
    labels = [_wrapped(name, 16) for name in names]
    lines = max(label.count("\n") + 1 for label in labels)
    places = _spread([y for _, y in ends], 20.0 * lines + 5, low + 10, high)
    for label, (x, y), place, style in zip(labels, ends, places, CURVES, strict=False):
        start = y if x >= right - 1 else place
        canvas.line([max(x, right) + 4, right + 16], [start, place], colour=style[0], linewidth=0.8, linestyle="-")
        canvas.text(right + 20, place, label, 15, style[0], ha="left")


def _norm_in_words(power: np.ndarray) -> str:
    return "0" if power[-1] == -np.inf else f"10 to the {power[-1]:.1f}"


def loss_cliff(w, b, L, along, slope) -> Figure:
    """A loss surface drawn as curves, and beside it how steep it is along one of them.

    `w` (k,) and `b` (r,) are the parameters, `L` (r, k) the loss at each pair.
    `slope` (j,) is the norm of the gradient at the places `along` (j,) of the curve of the middle b, on a logarithmic axis;
    the places need not be equally far apart, so that a cliff narrower than the grid is seen in its height.
    """
    w, b, L = _numbers("w", w, 1), _numbers("b", b, 1), _numbers("L", L, 2)
    along, slope = _numbers("along", along, 1), _numbers("slope", slope, 1, least=0.0)
    if L.shape != (len(b), len(w)) or slope.shape != along.shape:
        raise ValueError(
            f"w has {len(w)} numbers, b {len(b)}, L has shape {L.shape}: L must be (b, w); "
            f"along has {len(along)} numbers, slope {len(slope)}: there must be as many"
        )
    if not slope.all():
        raise ValueError("a slope of 0 cannot stand on a logarithmic axis")
    order = np.argsort(along)
    return beside("loss-cliff", _cliff_in_words(w, b, slope), _surface(w, b, L), _steepness(along[order], slope[order], b[len(b) // 2]))


def _surface(w, b, L) -> Figure:
    canvas = Canvas(400, 350)
    lean, rise, height = 60 / len(b), 70 / len(b), 180 / np.ptp(L)
    for row in reversed(range(len(b))):
        middle = row == len(b) // 2
        xs = 30 + 250 * (w - w[0]) / (w[-1] - w[0]) + lean * row
        ys = 60 + rise * row + height * (L[row] - L.min())
        canvas.line(xs, ys, colour="grad" if middle else "ink", linewidth=2.4 if middle else 1.0, alpha=None if middle else 0.55)
    for value in (w[0], (w[0] + w[-1]) / 2, w[-1]):
        canvas.text(30 + 250 * (value - w[0]) / (w[-1] - w[0]), 40, f"{value:.3g}", 15)
    canvas.text(155, 16, "weight $w$", 16)
    for row in (0, len(b) - 1):
        name = f"$b = {b[row]:.3g}$".replace("-", "{-}")
        canvas.text(288 + lean * row, 60 + rise * row + height * (L[row, -1] - L.min()), name, 15, ha="left")
    canvas.text(8, 326, "loss, one curve for each $b$", 16, ha="left")
    alt = f"The loss over w from {w[0]:g} to {w[-1]:g} and b from {b[0]:g} to {b[-1]:g}: two plains joined by a cliff."
    return canvas.figure("loss-cliff-surface", alt)


def _steepness(w, slope, b) -> Figure:
    canvas = Canvas(400, 350)
    y = Scale(*_whole_decades(slope), 66, 296)
    x = lambda v: 66 + 310 * (v - w[0]) / (w[-1] - w[0])  # noqa: E731
    for power in y.decades():
        canvas.line([66, 376], [y(10.0**power)] * 2, colour="muted", linewidth=0.6, alpha=0.35)
        canvas.text(58, y(10.0**power), f"$10^{{{power}}}$", 15, ha="right")
    for value in (w[0], (w[0] + w[-1]) / 2, w[-1]):
        canvas.line([x(value)] * 2, [66, 61], linewidth=1.0)
        canvas.text(x(value), 49, f"{value:.3g}", 15)
    canvas.line([66, 376], [66, 66], linewidth=1.2)
    canvas.line(x(w), y(slope), colour="grad", linewidth=1.8)
    canvas.text(221, 20, "weight $w$", 16)
    canvas.text(8, 324, f"norm of the gradient along $b = {b:.3g}$".replace("-", "{-}"), 16, ha="left")
    alt = f"The norm of the gradient along b = {b:.3g}: {slope.min():.1e} to {slope.max():.1e}, largest at w = {w[slope.argmax()]:.3f}."
    return canvas.figure("loss-cliff-slope", alt)


def _cliff_in_words(w, b, slope) -> str:
    return (
        f"A loss surface over w from {w[0]:g} to {w[-1]:g} and b from {b[0]:g} to {b[-1]:g}: flat on both sides of a cliff. "
        f"Beside it the norm of the gradient along one curve, from {slope.min():.1e} to {slope.max():.1e}."
    )


def pair_sizes(sizes, lowest: int = -6) -> Figure:
    """The size of each pair's own term in a gradient, as a triangle of cells: darker is larger.

    `sizes` (T, T) has the pair of loss t and step i at (t - 1, i - 1), as `rnnlib.flow.contributions` returns it; T ≤ 12.
    Each cell carries the size as a power of ten, relative to the largest; cells at or below 10^lowest are empty.
    """
    sizes = _numbers("sizes", sizes, 2, least=0.0)
    T = len(sizes)
    if sizes.shape != (T, T) or not 2 <= T <= 12:
        raise ValueError(f"sizes has shape {sizes.shape}; it must be (T, T) with T from 2 to 12")
    if np.triu(sizes, 1).any() or not sizes.any():
        raise ValueError("sizes must be 0 above the diagonal, where i > t, and not 0 everywhere")
    with np.errstate(divide="ignore"):
        powers = np.log10(sizes / sizes.max())
    cell, left = 33, 46
    canvas = Canvas(left + cell * T + 8, cell * T + 62)
    top = 10 + cell * T
    canvas.text(left + cell * T / 2, top + 40, "step $i$", 16)
    canvas.text(4, top + 40, "loss $t$", 16, ha="left")
    for t in range(T):
        y = top - cell * (t + 1)
        canvas.text(left - 10, y + cell / 2, str(t + 1), 15, ha="right")
        canvas.text(left + cell * (t + 0.5), top + 16, str(t + 1), 15)
        for i in range(t + 1):
            part = 1 - powers[t, i] / lowest
            if part > 0:
                canvas.rectangle(left + cell * i + 1.5, y + 1.5, cell - 3, cell - 3, "grad", 0.12 + 0.43 * part)
            shown = f"{powers[t, i]:.1f}".replace("-", "−").replace("−0.0", "0.0") if part > 0 else "·"
            canvas.text(left + cell * (i + 0.5), y + cell / 2, shown, 13)
    far, near = powers[-1, 0], powers[-1, -1]
    return canvas.figure(
        "pair-sizes",
        f"A triangle of cells, one for every pair of a loss t and a step i up to it, over {T} steps; each holds the power of ten "
        f"of the pair's term, relative to the largest. In the last row it goes from {near:.1f} at i = t to {far:.1f} at i = 1.",
    )


def clipped(gradient, limit: float) -> Figure:
    """A gradient in the plane, and what clipping by norm and by value make of it.

    `gradient` (2,) has positive entries; `limit` is the radius of the circle and half the side of the square.
    """
    g = _numbers("gradient", gradient, 1, least=0.0)
    if g.shape != (2,) or not g.all():
        raise ValueError(f"gradient has shape {g.shape} and entries {g}; the figure needs two positive ones")
    if not 0 < limit < g.max():
        raise ValueError(f"limit = {limit!r}; it must be positive and less than the gradient's largest entry, {g.max():g}")
    by_norm, by_value = g * min(1, limit / np.linalg.norm(g)), np.minimum(g, limit)
    unit = 250 / max(g.max(), 1.5 * limit)
    canvas = Canvas(120 + unit * max(g[0], limit) + 40, 100 + unit * max(g[1], limit) + 30)
    place = lambda v: Node(60 + unit * v[0], 50 + unit * v[1])  # noqa: E731
    angle = np.linspace(0, np.pi / 2, 40)
    canvas.line(60 + unit * limit * np.cos(angle), 50 + unit * limit * np.sin(angle), colour="muted", linewidth=1.4)
    canvas.line([60 + unit * limit] * 2, [50, 50 + unit * limit], colour="alt", linewidth=1.2, linestyle=(0, (1.2, 1.4)))
    canvas.line([60, 60 + unit * limit], [50 + unit * limit] * 2, colour="alt", linewidth=1.2, linestyle=(0, (1.2, 1.4)))
    canvas.line([60, 80 + unit * max(g[0], limit)], [50, 50], linewidth=1.0)
    canvas.line([60, 60], [50, 70 + unit * max(g[1], limit)], linewidth=1.0)
    start = Node(60, 50)
    canvas.arrow(start, place(g), "grad", faint=True)
    canvas.arrow(start, place(by_norm), "grad", colour="grad")
    canvas.arrow(start, place(by_value), "ink", colour="alt")
    canvas.text(place(g).x + 10, place(g).y, "$g$", 18, "muted", ha="left")
    canvas.text(68 + unit * limit, place(by_norm).y - 16, "by norm", 16, "grad", ha="left")
    canvas.text(place(by_value).x + 8, place(by_value).y - 8, "by value", 16, "alt", ha="left")
    canvas.text(60 + unit * limit, 32, f"{limit:g}", 15)
    turned = np.degrees(np.arccos(g @ by_value / np.linalg.norm(g) / np.linalg.norm(by_value)))
    return canvas.figure(
        "clipped",
        f"The gradient ({g[0]:g}, {g[1]:g}) and the limit {limit:g}. Clipped by norm it is ({by_norm[0]:.2f}, {by_norm[1]:.2f}), "
        f"shorter in the same direction; clipped by value it is ({by_value[0]:.2f}, {by_value[1]:.2f}), turned by {turned:.0f} degrees.",
    )
