"""Plots of a series in time: what was measured, what was forecast, and how far back a forecast looks."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .canvas import Canvas
from .plots import CURVES, _marker, _numbers
from .style import Figure
from .training import Linear, _axes, _between, _names_at_the_right, _round_step


def yearly_series(
    years, values, forecasts: Mapping | None = None, parts: Mapping | None = None, y_label: str = "value", name: str = "measured"
) -> Figure:
    """A series of numbers, one a year, with forecasts of some years and the parts it is cut into.

    `years` and `values` (N,) are what was measured, drawn with a dot a year if there are forecasts or few years;
    with another `name`, something else, such as errors; if there are negative values a line stands at 0.
    `forecasts` maps up to 3 names to arrays (N,), NaN where there is none.
    `parts` maps names to the first year of each part; a line stands there, the name at its right.

    >>> yearly_series([1700, 1701, 1702], [5, 11, 16], {"persistence": [np.nan, 5, 11]}, {"test": 1702}).name
    'yearly-series'
    """
    years, values = _numbers("years", years, 1), _numbers("values", values, 1)
    if len(years) < 2 or (np.diff(years) <= 0).any():
        raise ValueError("years must increase from number to number, and be at least two")
    if len(values) != len(years):
        raise ValueError(f"values has {len(values)} numbers; it must have {len(years)}, one a year")
    forecasts = {name: _with_gaps(name, curve, len(years)) for name, curve in (forecasts or {}).items()}
    if len(forecasts) >= len(CURVES):
        raise ValueError(f"forecasts has {len(forecasts)} curves; the figure shows at most {len(CURVES) - 1}")
    parts = dict(parts or {})
    if wrong := [name for name, first in parts.items() if not years[0] <= first <= years[-1]]:
        raise ValueError(f"the part {wrong[0]!r} begins in {parts[wrong[0]]}; the years are {years[0]:g} to {years[-1]:g}")
    every = np.concatenate([values, *forecasts.values()])
    canvas = Canvas(560, 330)
    across = Linear(years[0], years[-1], 56, 430 if forecasts else 542)
    up = Linear(*_range(every[np.isfinite(every)]), 62, 264)
    _axes(canvas, across, up, "year", y_label)
    for part, first in parts.items():
        canvas.line([across(first)] * 2, [up.start, up.end + 18], colour="muted", linewidth=1.2, linestyle=(0, (5, 2.5)))
        canvas.text(float(across(first)) + 5, up.end + 12, part, 15, "muted", ha="left")
    if up.low < 0:
        canvas.line([across.start, across.end], [up(0)] * 2, linewidth=1.0)
    canvas.line(across(years), up(values), linewidth=1.7)
    if forecasts or len(years) <= 80:
        for year, value in zip(across(years), up(values), strict=True):
            canvas.dot(float(year), float(value), 2.6)
    ends = [(name, across.end, float(up(values[-1])), "ink")] if forecasts else []
    for (other, curve), (colour, dash, shape) in zip(forecasts.items(), CURVES[1:], strict=False):
        kept = np.flatnonzero(np.isfinite(curve))
        canvas.line(across(years[kept]), up(curve[kept]), colour=colour, linewidth=1.6, linestyle=dash)
        for k in kept:
            _marker(canvas, float(across(years[k])), float(up(curve[k])), shape, colour, 2.4)
        ends.append((other, float(across(years[kept[-1]])), float(up(curve[kept[-1]])), colour))
    if ends:
        _names_at_the_right(canvas, across, up, ends)
    words = f"{y_label} from {years[0]:g} to {years[-1]:g}: "
    words += f"between {values.min():.4g} and {values.max():.4g}, most in {years[values.argmax()]:g}."
    words += "".join(f" {part} begins in {first:g}." for part, first in parts.items())
    words += "".join(f" {other} is {_apart(curve, values):.3g} from {name} in root mean square." for other, curve in forecasts.items())
    return canvas.figure("yearly-series", words)


def lag_profile(profiles: Mapping, x_label: str = "years back", y_label: str = "derivative") -> Figure:
    """How much a forecast depends on what was read so many steps before: one curve of signed numbers for each forecaster.

    `profiles` maps 1 to 4 names to numbers, the first of them for the last value read, 0 steps before.

    >>> lag_profile({"linear": [1.2, -0.5], "network": [1.1, -0.3, 0.1]}).name
    'lag-profile'
    """
    if not isinstance(profiles, Mapping) or not 1 <= len(profiles) <= len(CURVES):
        raise ValueError(f"profiles must map 1 to {len(CURVES)} names to numbers; got {profiles!r:.80}")
    profiles = {name: _numbers(f"profiles[{name!r}]", curve, 1) for name, curve in profiles.items()}
    longest = max(len(curve) for curve in profiles.values())
    if longest < 2:
        raise ValueError("at least one profile must have two numbers or more")
    every = np.concatenate([*profiles.values(), [0.0]])
    canvas = Canvas(560, 330)
    across = Linear(0, longest - 1, 66, 420)
    up = Linear(*_range(every), 62, 284)
    _axes(canvas, across, up, x_label, y_label)
    canvas.line([across.start, across.end], [up(0)] * 2, linewidth=1.0)
    ends = []
    for (name, curve), (colour, dash, shape) in zip(profiles.items(), CURVES, strict=False):
        lags = np.arange(len(curve))
        canvas.line(across(lags), up(curve), colour=colour, linewidth=1.8, linestyle=dash)
        for lag, value in zip(across(lags), up(curve), strict=True):
            _marker(canvas, float(lag), float(value), shape, colour, 3.0)
        ends.append((name, float(across(lags[-1])), float(up(curve[-1])), colour))
    if ends:
        _names_at_the_right(canvas, across, up, ends)
    words = [f"{name}: {', '.join(f'{value:+.2f}' for value in curve)}" for name, curve in profiles.items()]
    return canvas.figure("lag-profile", f"{y_label}, 0, 1, 2, … {x_label}. {'; '.join(words)}.")


def _with_gaps(name, curve, length):
    """The numbers of a forecast; NaN where there is none."""
    curve = np.asarray(curve, dtype=float)
    if curve.shape != (length,) or not np.isfinite(curve).any() or np.isinf(curve).any():
        raise ValueError(f"forecasts[{name!r}] must be {length} numbers, NaN where there is no forecast, and not NaN everywhere")
    return curve


def _range(values) -> tuple[float, float]:
    """Round numbers around the values, as ``_between``, of both signs if the values are."""
    if values.min() >= 0:
        return _between(values)
    step = _round_step(np.ptp(values) / 6)
    return float(np.floor(values.min() / step) * step), float(np.ceil(values.max() / step) * step)


def _apart(curve, values):
    kept = np.isfinite(curve)
    return np.sqrt(np.mean((curve[kept] - values[kept]) ** 2))
