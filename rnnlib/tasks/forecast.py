"""Next year's sunspots: a network that reads the years one by one, and the linear forecasters it must be compared with.

The years are split in time, never at random: to learn from, to choose by (validation), to be tested on.
Networks and linear forecasters alike see x, the square root of the number, scaled by the years to learn from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from rnnlib import data, gru, initialise, optimise, readout, rnn
from rnnlib.tasks.task import Problem, Promise, Task

#: The cells that are tried, each with its first values.
CELLS: Mapping[str, Any] = MappingProxyType(
    {"rnn": (rnn, initialise.uniform_rnn), "gru": (gru, initialise.orthogonal_gru)}
)


class Settings(NamedTuple):
    """One training.

    ``validation`` and ``test`` are the first years of their parts, ``end`` the first year after the last;
    ``change`` says whether the network's output is the change from this year to the next or next year's level;
    ``T`` is the length of the windows, in which the first ``warm`` forecasts do not count.
    """

    cell: str = "gru"
    h: int = 8
    change: bool = True
    validation: int = 1900
    test: int = 1950
    end: int = 2009
    T: int = 25
    warm: int = 10
    B: int = 32
    rate: float = 0.01
    clip: float = 1.0
    epochs: int = 40
    seed: int = 0


class Data(NamedTuple):
    """The series, its scaled form x_t = (√value − mean) / deviation, and masks of the years of the three parts."""

    years: Any
    values: Any
    x: Any
    mean: float
    deviation: float
    learn: Any
    validation: Any
    test: Any

    def unscaled(self, x):
        """Sunspot numbers from scaled ones: (mean + deviation · x)², and 0 where the root would be negative."""
        return np.maximum(self.mean + self.deviation * np.asarray(x), 0) ** 2

    def error(self, forecast, part) -> float:
        """The root mean square error, in sunspot numbers, of a forecast of x for each year, over a part of the years."""
        off = self.unscaled(forecast)[part] - self.values[part]
        return float(np.sqrt(np.mean(off**2)))


def split(settings: Settings) -> Data:
    """The sunspots in three parts; mean and deviation are those of the years to learn from.

    Raises
    ------
    ValueError
        If the parts are not in order, or one is empty.
    """
    years, values = data.sunspots()
    first, last = int(years[0]), int(years[-1]) + 1
    if not first + settings.T < settings.validation < settings.test < settings.end <= last:
        raise ValueError(
            f"validation {settings.validation}, test {settings.test}, end {settings.end}: they must increase, "
            f"be later than {first} + T = {first + settings.T}, and not later than {last}"
        )
    learn = years < settings.validation
    test = (years >= settings.test) & (years < settings.end)
    root = np.sqrt(values)
    mean, deviation = float(root[learn].mean()), float(root[learn].std())
    x = (root - mean) / deviation
    return Data(years, values, x, mean, deviation, learn, (years >= settings.validation) & (years < settings.test), test)


def forecasts(p, q, x, cell=gru, change=True):
    """A forecast of each year from all before it: (N,), the first one 0.

    One pass: the state after year t has read x_1 … x_t,
    and z_t is the forecast of x_{t+1}, or of x_{t+1} − x_t.
    """
    states = cell.forward(p, x[:-1, None]).S[1:]
    z = readout.step(q, states)[:, 0]
    return np.append(0.0, z + x[:-1] if change else z)


def ahead(p, q, x, steps: int, cell=gru, change=True):
    """Closed loop: the network reads its own forecasts; (steps, N).

    Row k, entry t is the forecast of x_{t+k+1} by a network
    that has read x_1 … x_t and then its own k forecasts.
    All N starts are one batch.
    """
    trace = cell.forward(p, x[:, None])
    state, now, rows = trace.S[1:], x, []
    for _ in range(steps):
        z = readout.step(q, state)[:, 0]
        now = z + now if change else z
        rows.append(now)
        state = cell.forward(p, now[None, :, None], state).s_T
    return np.array(rows)


def autoregression(x, order: int):
    """c_0 … c_p of the linear forecast with least squares on x."""
    before = data.lags(x, order)
    table = np.column_stack([np.ones(len(before)), before])
    return np.linalg.lstsq(table, x[order:], rcond=None)[0]


def linear_forecasts(c, x):
    """The linear forecast of each year from the years before it: (N,), 0 for the first p, which have too few."""
    return np.append(np.zeros(len(c) - 1), c[0] + data.lags(x, len(c) - 1) @ c[1:])


def linear_ahead(c, x, steps: int):
    """The linear forecast in closed loop, as ``ahead``; the first p - 1 columns are 0."""
    p = len(c) - 1
    recent = np.lib.stride_tricks.sliding_window_view(x, p)[:, ::-1]
    rows = np.zeros((steps, len(x)))
    for row in rows:
        row[p - 1 :] = c[0] + recent @ c[1:]
        recent = np.column_stack([row[p - 1 :], recent[:, :-1]])
    return rows


def best_order(d: Data, orders=range(1, 21)) -> int:
    """The order of the autoregression, fitted on the years to learn from, that errs least on the validation years."""
    errors = {p: d.error(linear_forecasts(autoregression(d.x[d.learn], p), d.x), d.validation) for p in orders}
    return min(errors, key=errors.__getitem__)


def prepare(settings: Settings) -> Problem:
    """Windows of the years to learn from, a network, and the forecasters without one.

    The loss is the mean squared error of the scaled forecasts at the steps after the first ``warm`` of a window (halved, as ℓ is);
    what is validated and scored is the error in sunspot numbers, with the whole past read.
    """
    d = split(settings)
    cell, first = CELLS[settings.cell]
    rng = np.random.default_rng(settings.seed)
    p, q = first(rng, 1, settings.h), initialise.uniform_readout(rng, settings.h, 1)
    X, Y = data.windows(d.x[d.learn], settings.T)
    if settings.change:
        Y = Y - X
    weights = (np.arange(settings.T) >= settings.warm) / (settings.T - settings.warm)

    def batches(rng):
        for some in np.array_split(rng.permutation(X.shape[1]), -(-X.shape[1] // settings.B)):
            yield X[:, some], Y[:, some], weights

    def error(part, p, q):
        return d.error(forecasts(p, q, d.x, cell, settings.change), part)

    options = dict(
        cell=cell, head="squared_error", optimiser=partial(optimise.adam, rate=settings.rate), clip=settings.clip,
        epochs=settings.epochs, seed=settings.seed, validation=partial(error, d.validation),
    )  # fmt: skip
    return Problem(p, q, batches, options, lambda p, q: {"network": error(d.test, p, q)}, baselines(d), d)


def baselines(d: Data) -> dict[str, float]:
    """The errors, on the test years, of forecasters that are no networks."""
    p = best_order(d)
    errors: dict[str, Callable] = {
        "persistence": lambda: np.append(0, d.x[:-1]),
        "eleven years ago": lambda: np.append(np.zeros(11), d.x[:-11]),
        "autoregression": lambda: linear_forecasts(autoregression(d.x[d.learn], p), d.x),
        "autoregression of order 9": lambda: linear_forecasts(autoregression(d.x[d.learn], 9), d.x),
    }
    flat = float(np.sqrt(np.mean((d.values[d.test] - d.values[d.learn].mean()) ** 2)))
    return {"the mean": flat, **{name: d.error(forecast(), d.test) for name, forecast in errors.items()}}


def _task(name, **parts):
    """The page trains fewer epochs; what is promised, ``make train`` keeps."""
    return Task(
        name=name, page="forecast", question="how many sunspots will there be next year?", prepare=prepare,
        small=Settings(**parts), full=Settings(**parts, epochs=120, rate=0.003),
        promises=tuple(Promise("network", "<", other) for other in ("persistence", "eleven years ago", "autoregression")),
    )  # fmt: skip


#: The last fifty years and more, and two tests further back, each after a past of its own.
TASKS = (
    _task("forecast"),
    _task("forecast-1900", validation=1850, test=1900, end=1950),
    _task("forecast-1850", validation=1800, test=1850, end=1900),
)
