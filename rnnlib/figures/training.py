"""Plots of training: curves over the epochs and the levels to compare them with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from .canvas import Canvas
from .plots import CURVES, Scale, _marker, _named, _numbers, _spread, _wrapped
from .style import Figure


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
        if len(levels) < 2:  # too few powers of ten: round numbers between them
            levels = [(v, f"{v:g}") for v in Linear(up.low, up.high, 0, 1).ticks(5) if v > 0]
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
