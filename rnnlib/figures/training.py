"""Plots of training: curves over the epochs, what a classifier confuses, and what it believes step by step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from .canvas import Canvas
from .plots import CURVES, Scale, _marker, _named, _numbers, _shown, _spread, _wrapped
from .style import Figure, words_width


class Linear(NamedTuple):
    """A linear axis: the values from `low` to `high` on the pixels from `start` to `end`."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value):
        return self.start + (np.asarray(value) - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self, most: int = 6) -> list[float]:
        """Round numbers on the axis, at most `most` of them."""
        step = _round_step((self.high - self.low) / most)
        first, last = int(np.ceil(self.low / step - 1e-9)), int(np.floor(self.high / step + 1e-9))
        return [float(np.round(k * step, 12)) for k in range(first, last + 1)]


def learning_curves(
    curves: Mapping, levels: Mapping | None = None, *, x=None, x_label: str = "epoch", y_label: str = "loss", logarithmic: bool = False
) -> Figure:
    """Numbers that change while a network learns, one curve each, and levels to compare them with.

    `curves` maps 1 to 4 names to numbers; `levels` maps names to one number each, drawn as a level line:
    what counting attains, a floor, the loss of a guess.
    `x` has the place of each number, 1, 2, … if it is not given; a curve may be shorter than `x`.
    With `logarithmic`, the y axis is.

    >>> learning_curves({"learning": [1.9, 1.2, 0.8], "validation": [1.7, 1.3, 1.1]}, {"a guess": 2.3}).name
    'learning-curves'
    """
    longest = max((np.size(curve) for curve in curves.values()), default=0) if isinstance(curves, Mapping) else 0
    x = np.arange(1.0, longest + 1) if x is None else _numbers("x", x, 1)
    drawn = {}
    for name, curve in curves.items() if isinstance(curves, Mapping) else ():
        drawn |= _named("curves", {name: curve}, min(np.size(curve), len(x)))
    if not 1 <= len(drawn) <= len(CURVES) or longest < 2:
        raise ValueError(f"curves must map 1 to {len(CURVES)} names to numbers, at least two of them in one; got {curves!r:.80}")
    if (np.diff(x) <= 0).any():
        raise ValueError("x must increase from number to number")
    levels = {name: float(_numbers(f"levels[{name!r}]", [level], 1, least=0.0)[0]) for name, level in (levels or {}).items()}
    values = np.concatenate([*drawn.values(), list(levels.values())])
    if logarithmic and not values.all():
        raise ValueError("0 cannot stand on a logarithmic axis; leave logarithmic out")
    canvas = Canvas(560, 360)
    across = Linear(min(x[0], 1.0), x[-1], 66, 388)
    up = Scale(*_around(values), 62, 312) if logarithmic else Linear(*_between(values), 62, 312)
    _axes(canvas, across, up, x_label, y_label)
    ends = []
    for name, level in levels.items():
        canvas.line([across.start, across.end], [up(level)] * 2, colour="muted", linewidth=1.4, linestyle=(0, (5, 2.5)))
        ends.append((name, across.end, float(up(level)), "muted"))
    for (name, curve), (colour, dash, shape) in zip(drawn.items(), CURVES, strict=False):
        places = x[: len(curve)]
        canvas.line(across(places), up(curve), colour=colour, linewidth=1.9, linestyle=dash)
        for k in range(0, len(curve), -(-len(x) // 12)):
            _marker(canvas, float(across(places[k])), float(up(curve[k])), shape, colour, 3.2)
        ends.append((name, float(across(places[-1])), float(up(curve[-1])), colour))
    _names_at_the_right(canvas, across, up, ends)
    words = [f"{name} goes from {curve[0]:.3g} to {curve[-1]:.3g}" for name, curve in drawn.items()]
    words += [f"{name} is at {level:.3g}" for name, level in levels.items()]
    return canvas.figure("learning-curves", f"{y_label} against {x_label}, {x[0]:g} to {x[-1]:g}: {'; '.join(words)}.")


def confusion(counts, names: Sequence[str], short: Sequence[str] | None = None, percent: bool = False) -> Figure:
    """How often a classifier says what: a row for each true class, a column for each answer, the number in its cell.

    `counts` (m, m) are whole numbers, `names` the m classes, m ≤ 12; `short` names for the columns, if the names are long.
    A cell is the darker, the larger its part of the row; the diagonal, where the answer is right, has a colour of its own.
    `percent` says that the numbers are per cent of their row, not counts.
    """
    counts = _numbers("counts", counts, 2, least=0.0)
    m = len(counts)
    if counts.shape != (m, m) or len(names) != m or not 2 <= m <= 12:
        raise ValueError(f"counts has shape {counts.shape} for {len(names)} names; it must be (m, m) with m names, m from 2 to 12")
    if short is not None and len(short) != m:
        raise ValueError(f"short has {len(short)} names; it must have {m}, as names has")
    if (counts != np.round(counts)).any():
        raise ValueError("counts must be whole numbers")
    names, cell = [str(name) for name in names], 38
    short = names if short is None else [str(name) for name in short]
    left = 34 + max(words_width(name, 15) for name in names)
    canvas = Canvas(left + cell * m + 6, cell * m + 68)
    top = 6 + cell * m
    parts = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    for i in range(m):
        y = top - cell * (i + 1)
        canvas.text(left - 8, y + cell / 2, names[i], 15, ha="right", math=False)
        canvas.text(left + cell * (i + 0.5), top + 16, short[i], 15, math=False)
        for j in range(m):
            x = left + cell * j
            if counts[i, j]:
                colour, strength = ("V", 0.42 * parts[i, j]) if i == j else ("refuted", min(2 * parts[i, j], 0.42))
                canvas.rectangle(x + 1.5, y + 1.5, cell - 3, cell - 3, colour, 0.08 + float(strength))
            canvas.text(x + cell / 2, y + cell / 2, f"{counts[i, j]:.0f}" if counts[i, j] else "·", 14, "ink" if counts[i, j] else "muted")
    canvas.text(left + cell * m / 2, top + 42, "answer", 16)
    canvas.text(8, top + 16, "truth", 16, ha="left")
    wrong = np.where(np.eye(m, dtype=bool), 0, counts)
    i, j = np.unravel_index(wrong.argmax(), wrong.shape)
    if percent:
        right = "Right, in per cent: " + ", ".join(f"{name} {counts[k, k]:.0f}" for k, name in enumerate(names))
        most = f"{wrong[i, j]:.0f} per cent"
    else:
        right, most = f"Right: {np.trace(counts):.0f} of {counts.sum():.0f}", f"{wrong[i, j]:.0f} times"
    return canvas.figure(
        "confusion",
        f"A table of true classes against answers for {', '.join(names)}. {right}. "
        f"The most frequent mistake: {names[i]} taken for {names[j]}, {most}.",
    )


#: The bands of `beliefs`: a colour, how strong it is, and the dash of the line above it.
_BANDS = (("grad", 0.5), ("alt", 0.42), ("ink", 0.16), ("refuted", 0.34), ("V", 0.36))


def beliefs(O, tokens: Sequence[str], classes: Sequence[str], sizes=None, size_label: str = "") -> Figure:
    """How probable each class is after each step of one sequence, as bands whose heights add to 1.

    `O` (T, m) has the probabilities after each of the `tokens`, `classes` the m names.
    The likeliest five bands that ever reach a fifth are named where they are highest and there is room; the rest is left open at the top.
    `sizes` (T,), if given, are drawn as bars under the tokens, the longest at full length; `size_label` says what they are.

    >>> beliefs([[0.5, 0.5], [0.1, 0.9]], "ab", ["English", "Polish"]).name
    'beliefs'
    """
    O = _numbers("O", O, 2, least=0.0)
    T, m = O.shape
    if len(tokens) != T or len(classes) != m or T > 24:
        raise ValueError(f"O has shape {O.shape}; it must be ({len(tokens)}, {len(classes)}), a row for each token, at most 24")
    if np.abs(O.sum(axis=1) - 1).max() > 1e-3:
        raise ValueError("a row of O does not sum to 1; pass probabilities")
    sizes = None if sizes is None else _numbers("sizes", sizes, 1, least=0.0)
    if sizes is not None and (len(sizes) != T or not sizes.any()):
        raise ValueError(f"sizes must be {T} numbers, one a token and not all 0")
    named = [k for k in np.argsort(-O[-1], kind="stable") if O[:, k].max() >= 0.2]
    named = sorted(sorted(named, key=lambda k: -O[:, k].max())[: len(_BANDS)], key=named.index)
    bars = 0 if sizes is None else 64
    left, wide, tall, bottom = 26, max(26, min(54, 400 // T)), 190, 34 + bars
    canvas = Canvas(left + wide * T + 16 + max(words_width(str(classes[k]), 15) for k in named), tall + bottom + 14)
    places = np.sort(np.concatenate([left + wide * (np.arange(T) + part) for part in (0.2, 0.8)]))
    low, taken = np.zeros(2 * T), []
    for k, (colour, alpha) in zip(named, _BANDS, strict=False):
        high = low + np.repeat(O[:, k], 2)
        edge = lambda part: bottom + tall * part  # noqa: E731
        corners = np.column_stack([np.append(places, places[::-1]), np.append(edge(low), edge(high)[::-1])])
        canvas.polygon(corners, colour, alpha)
        canvas.line(places, edge(high), linewidth=0.8, alpha=0.6)
        _name_of_a_band(canvas, str(classes[k]), places, edge(low), edge(high), taken)
        low = high
    canvas.line([places[0], places[-1]], [bottom + tall] * 2, colour="muted", linewidth=0.8)
    canvas.line([places[0], places[-1]], [bottom] * 2, linewidth=1.2)
    for t, token in enumerate(tokens):
        canvas.text(left + wide * (t + 0.5), bottom - 16, _shown(token), 18, math=False)
        if sizes is not None and sizes[t]:
            length = (bars - 26) * sizes[t] / sizes.max()
            canvas.rectangle(left + wide * (t + 0.5) - 7, bottom - 34 - length, 14, length, "grad", 0.75)
    for value in (0, 1):
        canvas.text(left - 2, bottom + tall * value, str(value), 15, ha="right")
    if sizes is not None and size_label:
        canvas.text(left, 8, size_label, 14, "grad", ha="left")
    best = int(O[-1].argmax())
    steps = ", ".join(f"{_shown(token)}: {classes[int(o.argmax())]} {o.max():.2f}" for token, o in zip(tokens, O, strict=True))
    alt = f"The likeliest class after each symbol. {steps}. At the end: {classes[best]}."
    if sizes is not None:
        alt += f" {size_label or 'The sizes'}: largest at {_shown(tokens[int(sizes.argmax())])}, the symbol {int(sizes.argmax()) + 1}."
    return canvas.figure("beliefs", alt)


def _name_of_a_band(canvas, name, places, low, high, taken) -> None:
    """At the right of the band if it is still broad there, else within it, where it is broadest and the place is free.

    `taken` holds the places (x, y, width) of the names so far; this one is added.
    """
    if high[-1] - low[-1] >= 12:
        canvas.text(places[-1] + 8, (low[-1] + high[-1]) / 2, name, 15, ha="left", math=False)
        return
    width, middle = words_width(name, 14), (places[::2] + places[1::2]) / 2
    for t in np.argsort(low[::2] - high[::2], kind="stable"):
        x, y = max(float(middle[t]), float(places[0]) + width / 2), float(low[2 * t] + high[2 * t]) / 2
        if high[2 * t] - low[2 * t] < 12:
            return
        if all(abs(y - other_y) > 15 or abs(x - other_x) > (width + other) / 2 + 2 for other_x, other_y, other in taken):
            canvas.text(x, y, name, 14, math=False)
            taken.append((x, y, width))
            return


def _names_at_the_right(canvas, across, up, ends) -> None:
    """Each name beside the end of its line, moved as little as needed so that none covers another."""
    labels = [_wrapped(name, 16) for name, *_ in ends]
    lines = [label.count("\n") + 1 for label in labels]
    places = _spread([y for _, _, y, _ in ends], 18.0 * max(lines) + 4, up.start + 8, up.end - 4)
    for label, place, (_, x, y, colour) in zip(labels, places, ends, strict=True):
        if x < across.end - 1:
            canvas.line([x + 4, across.end], [y, y], colour=colour, linewidth=0.6, linestyle="-", alpha=0.5)
        canvas.line([across.end + 4, across.end + 14], [y, place], colour=colour, linewidth=0.8, linestyle="-")
        canvas.text(across.end + 18, place, label, 15, colour, ha="left")


def _axes(canvas, across, up, x_label, y_label) -> None:
    """The frame: faint levels, ticks, the label of the y axis level above it."""
    if isinstance(up, Scale):
        levels = [(10.0**power, f"$10^{{{power}}}$") for power in up.decades()]
        if len(levels) < 3:  # too few powers of ten: round numbers between them
            powers = range(int(np.floor(np.log10(up.low))), int(np.ceil(np.log10(up.high))))
            levels = [(k * 10.0**power, f"{k * 10.0**power:g}") for power in powers for k in (1, 2, 5)]
            levels = [level for level in levels if up.low <= level[0] <= up.high]
    else:
        levels = [(value, f"{value:g}") for value in up.ticks()]
    for value, label in levels:
        canvas.line([across.start, across.end], [up(value)] * 2, colour="muted", linewidth=0.6, alpha=0.35)
        canvas.text(across.start - 8, float(up(value)), label, 15, ha="right")
    for value in across.ticks(7):
        canvas.line([across(value)] * 2, [up.start, up.start - 5], linewidth=1.0)
        canvas.text(float(across(value)), up.start - 16, f"{value:g}", 15)
    canvas.line([across.start, across.end], [up.start, up.start], linewidth=1.2)
    canvas.text((across.start + across.end) / 2, up.start - 40, x_label, 16)
    canvas.text(8, up.end + 26, y_label, 16, ha="left")


def _between(values) -> tuple[float, float]:
    """Round numbers around the values; 0 if it is near."""
    low, high = float(values.min()), float(values.max())
    low = 0.0 if low < 0.35 * high else low
    step = _round_step(max(high - low, 1e-9 * max(abs(high), 1.0)) / 6)
    return float(np.floor(low / step + 1e-9) * step), float(np.ceil(high / step - 1e-9) * step)


def _around(values) -> tuple[float, float]:
    return float(values.min()) / 1.15, float(values.max()) * 1.15


def _round_step(least: float) -> float:
    """The smallest of 1, 2, 5 times a power of ten that is at least this."""
    power = 10.0 ** np.floor(np.log10(least))
    return float(next(k * power for k in (1, 2, 5, 10) if k * power >= least * (1 - 1e-9)))
