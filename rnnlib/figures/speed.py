"""What a computation costs, drawn: ratios as a map, moves as bars, growth as curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from .canvas import Canvas
from .plots import CURVES, Scale, _curve, _frame, _named, _numbers, _power_ticks, _spread, _whole_decades, _wrapped
from .style import Figure, words_width

FIVE_CURVES = (*CURVES, ("ink", (0, (6, 2, 1.2, 2)), "ring"))
SEGMENTS = (("matrix products", "W", 0.75), ("elementwise", "V", 0.55), ("all else", "muted", 0.45))


def ratio_map(title: str, rows: Sequence[str], columns: Sequence[str], ratios, missed=None, *, good: str = "above") -> Figure:
    """Ratios of times as a map: the number in every field, its colour by log₂ of it, a cross where a goal is missed.

    `ratios` is (rows, columns), NaN where nothing was measured; `missed` of the same shape is true where a goal is missed.
    `good` says which side of 1 is a success: "above" (their time ÷ ours) or "below" (our time ÷ the floor's).
    The colour is full from a factor of 4 on, on either side.

    >>> ratio_map("PyTorch", ["T = 10"], ["B = 1", "B = 32"], [[2.0, 0.5]]).name
    'ratio-map'
    """
    ratios = np.asarray(ratios, float)
    missed = np.zeros(ratios.shape, bool) if missed is None else np.asarray(missed, bool)
    if ratios.shape != (len(rows), len(columns)) or missed.shape != ratios.shape or not ratios.size:
        wanted = len(rows), len(columns)
        raise ValueError(f"ratios has shape {ratios.shape} and missed {missed.shape}; both must be {wanted}, as rows and columns say")
    if good not in ("above", "below"):
        raise ValueError(f'good is {good!r}; it must be "above" or "below"')
    if not (np.isnan(ratios) | ((ratios > 0) & (ratios < np.inf))).all():
        raise ValueError("a ratio of times must be positive and finite, or NaN where nothing was measured")
    wide, tall, left = 68, 30, 16 + max(words_width(row, 15) for row in rows)
    canvas = Canvas(left + wide * len(columns) + 6, tall * len(rows) + 66)
    top = tall * len(rows) + 8
    canvas.text(left + wide * len(columns) / 2, top + 46, title, 16)
    for j, column in enumerate(columns):
        canvas.text(left + wide * (j + 0.5), top + 16, column, 15)
    for i, row in enumerate(rows):
        y = top - tall * (i + 1)
        canvas.text(left - 10, y + tall / 2, row, 15, ha="right")
        for j, ratio in enumerate(ratios[i]):
            _field(canvas, left + wide * j, y, wide, tall, ratio, missed[i, j], good)
    words = "; ".join(
        f"{row}, {column} {_digits(ratios[i, j])}{' (goal missed)' if missed[i, j] else ''}"
        for i, row in enumerate(rows)
        for j, column in enumerate(columns)
    )
    return canvas.figure("ratio-map", f"Ratios of times, {title}. {words}.")


def _field(canvas, x, y, wide, tall, ratio, bad, good):
    if np.isnan(ratio):
        canvas.text(x + wide / 2, y + tall / 2, "–", 15, "muted")
        return
    power = float(np.clip(np.log2(ratio), -2, 2)) * (1 if good == "above" else -1)
    canvas.box(x + 2, y + 2, wide - 4, tall - 4, "V" if power >= 0 else "W", 0.06 + 0.22 * abs(power), line=0)
    canvas.text(x + wide / 2 - (8 if bad else 0), y + tall / 2, _digits(ratio), 15)
    if bad:
        px, py = x + wide - 15, y + tall / 2
        for side in (4, -4):
            canvas.line([px - 4, px + 4], [py - side, py + side], colour="refuted", linewidth=2.0)


def _digits(ratio: float) -> str:
    return "–" if np.isnan(ratio) else f"{ratio:.2f}" if ratio < 9.995 else f"{ratio:.0f}"


def staircase(title: str, ms_by_stage: Mapping, products: float, elementwise: float) -> Figure:
    """The milliseconds of the stages of a program as bars, each cut into products, elementwise arithmetic and the rest.

    `products` and `elementwise` are the milliseconds of those alone, the same for all stages.
    A bar that is shorter than the two together is cut where it ends.

    >>> staircase("small", {"first": 3.0, "second": 1.5}, 1.0, 0.25).name
    'staircase'
    """
    if not isinstance(ms_by_stage, Mapping) or not ms_by_stage:
        raise ValueError("ms_by_stage must map at least one stage to its milliseconds")
    names = list(ms_by_stage)
    ms = _numbers("ms_by_stage", [ms_by_stage[name] for name in names], 1)
    if min(ms.min(), products, elementwise) <= 0:
        raise ValueError("a time must be positive")
    row, left, right = 27, 14 + max(words_width(name, 15) for name in names), 330
    canvas = Canvas(400, row * len(names) + 66)
    top = row * len(names) + 36
    canvas.text(200, top + 17, title, 16)
    unit = (right - left) / ms.max()
    for k, (name, value) in enumerate(zip(names, ms, strict=True)):
        y, at = top - row * (k + 1), 0.0
        canvas.text(left - 9, y + row / 2, name, 15, ha="right")
        for end, (_, colour, strength) in zip((products, products + elementwise, np.inf), SEGMENTS, strict=True):
            upto = min(end, value)
            if upto > at:
                canvas.rectangle(left + unit * at, y + 4, unit * (upto - at), row - 8, colour, strength)
            at = max(at, upto)
        canvas.text(left + unit * value + 7, y + row / 2, f"{value:.3g} ms", 15, ha="left")
    x = 10.0
    for name, colour, strength in SEGMENTS:
        canvas.rectangle(x, 12, 13, 13, colour, strength)
        canvas.text(x + 18, 18, name, 15, ha="left")
        x += 34 + words_width(name, 15)
    return canvas.figure(
        "staircase",
        f"Milliseconds of each stage, {title}: "
        + ", ".join(f"{name} {value:.3g}" for name, value in zip(names, ms, strict=True))
        + f"; the matrix products alone {products:.3g}, the elementwise arithmetic alone {elementwise:.3g}.",
    )


def growth(curves: Mapping, letter: str = "T", unit: str = "seconds") -> Figure:
    """Measured curves of different lengths against a size, both axes logarithmic, with fitted slopes.

    `curves` maps up to five names to (sizes, values, exponent); an exponent of None draws no slope.
    The dashed line of a slope goes through the upper half of its curve.

    >>> growth({"adjoint": ([8, 16, 32], [1.0, 2.0, 4.0], 1.0)}).name
    'growth-of-seconds-T'
    """
    if not isinstance(curves, Mapping) or not 1 <= len(curves) <= len(FIVE_CURVES):
        raise ValueError(f"curves must map 1 to {len(FIVE_CURVES)} names to (sizes, values, exponent)")
    sizes = {name: _numbers(f"sizes of {name!r}", one[0], 1, least=1.0) for name, one in curves.items()}
    values = {name: _named("values", {name: one[1]}, len(sizes[name]))[name] for name, one in curves.items()}
    if min(v.min() for v in values.values()) <= 0:
        raise ValueError(f"0 {unit} cannot stand on a logarithmic axis; measure longer")
    every = np.concatenate(list(sizes.values()))
    if len(set(every)) < 2:
        raise ValueError("a growth needs at least two different sizes")
    canvas = Canvas(540, 400)
    x = Scale(every.min(), every.max(), 62, 354)
    y = Scale(*_whole_decades(np.concatenate(list(values.values()))), 66, 348)
    what = {"T": "number of steps $T$", "h": "number of units $h$"}.get(letter, letter)
    _frame(canvas, x, y, what, unit, _power_ticks(x) if x.high / x.low > 999 else _size_ticks(set(every)))
    ends, labels = [], []
    for (name, one), style in zip(curves.items(), FIVE_CURVES, strict=False):
        power = one[2]
        if power is not None:
            upper = slice(len(sizes[name]) // 2, None)
            level = np.mean(np.log10(values[name][upper]) - power * np.log10(sizes[name][upper]))
            fit = np.clip(10.0 ** (level + power * np.log10(sizes[name])), y.low, y.high)
            canvas.line(x(sizes[name]), y(fit), colour="muted", linewidth=1.0, linestyle=(0, (5, 2.5)))
        _curve(canvas, x, y, sizes[name], values[name], style)
        ends.append((float(x(sizes[name][-1])), float(y(values[name][-1]))))
        labels.append(_wrapped(name if power is None else f"{name} {letter}^{power:.2f}", 18))
    places = _spread([end for _, end in ends], 44.0 if any("\n" in one for one in labels) else 25.0, y.start + 8, y.end)
    for (px, py), place, label, style in zip(ends, places, labels, FIVE_CURVES, strict=False):
        canvas.line([px + 6, x.end + 14], [py, place], colour=style[0], linewidth=0.7, linestyle="-", alpha=0.6)
        canvas.text(x.end + 18, place, label, 15, style[0], ha="left")
    return canvas.figure(
        f"growth-of-{unit.replace(' ', '-')}-{letter}",
        f"Measured {unit} against {letter}, both logarithmic. "
        + " ".join(
            f"{name}: {values[name][0]:.2g} at {sizes[name][0]:g} to {values[name][-1]:.2g} at {sizes[name][-1]:g}"
            + (f", growing as {letter} to the {one[2]:.2f}." if one[2] is not None else ".")
            for name, one in curves.items()
        ),
    )


def _size_ticks(sizes, most: int = 7):
    """At most so many of the sizes; powers of two alone if there are three of them."""
    powers = [v for v in sorted(sizes) if float(np.log2(v)).is_integer()]
    shown = powers if len(powers) > 2 else sorted(sizes)
    return [(v, f"{v:g}") for v in shown[:: -(-len(shown) // most)]]
