"""A series of numbers, one a year, and how to cut it into sequences whose target is the next number."""

from __future__ import annotations

import csv
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from rnnlib._validate import array


class Series(NamedTuple):
    """What was measured, ``values`` (T,), and when, ``years`` (T,), one after the other."""

    years: Any
    values: Any


class Windows(NamedTuple):
    """Pieces of a series: ``X`` (T, B, 1) the numbers, ``Y`` (T, B, 1) the number after each of them."""

    X: Any
    Y: Any


def sunspots() -> Series:
    """The yearly mean of the sunspot number, 1700 to 2008, from the file that statsmodels ships.

    The file is found and read; statsmodels is not imported, and what it needs to be imported need not be there.

    Raises
    ------
    ImportError
        If statsmodels is not installed, or has no such file.
    ValueError
        If the file is not a table of years, one after the other, and finite numbers of at least 0.

    References
    ----------
    Izenman (1983) tells how the series came to be; it is public domain.

    Examples
    --------
    >>> years, values = sunspots()
    >>> len(years), int(years[0]), int(years[-1]), float(values.max())
    (309, 1700, 2008, 190.2)
    """
    found = find_spec("statsmodels")
    if found is None or not found.submodule_search_locations:
        raise ImportError(
            "rnnlib.data.sunspots reads a file of statsmodels, which is not installed; install it with: pip install 'rnnlib[data]'"
        )
    path = Path(found.submodule_search_locations[0]) / "datasets" / "sunspots" / "sunspots.csv"
    if not path.is_file():
        raise ImportError(f"statsmodels is installed, but its file {path} is missing; install statsmodels 0.14 or newer")
    return _read(path)


def windows(values, T: int, step: int = 1) -> Windows:
    """Every run of T numbers of a series as a sequence, with the number that follows each of them as its target.

    Sequence k has the numbers k·step + 1 … k·step + T, and the targets one place further on.
    The sequences overlap if ``step`` is less than T; they all stay inside ``values``,
    so the windows of the years to learn from contain no other year.

    Parameters
    ----------
    values : (N,), at least T + 1 numbers.
    T : steps of a sequence.
    step : how far apart the sequences begin.

    Raises
    ------
    ValueError
        If T or ``step`` is not a positive integer, the series is too short, or a number is not finite.

    Examples
    --------
    >>> X, Y = windows([1, 2, 3, 4, 5], T=3)
    >>> X[:, :, 0].T.tolist(), Y[:, :, 0].T.tolist()
    ([[1, 2, 3], [2, 3, 4]], [[2, 3, 4], [3, 4, 5]])
    """
    for name, value in (("T", T), ("step", step)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
            raise ValueError(f"{name} is {value!r}; it must be a whole number of at least 1")
    values = array("values", values, ("N",), hint="one number a step")
    if len(values) <= T:
        raise ValueError(f"values has {len(values)} numbers; windows of T = {T} with a target after each need at least {T + 1}")
    runs = np.lib.stride_tricks.sliding_window_view(values, T + 1)[::step].T
    return Windows(runs[:-1, :, None].copy(), runs[1:, :, None].copy())


def lags(values, p: int):
    """The p numbers before each number, newest first: (N - p, p), row k belongs to ``values[p + k]``.

    A linear autoregression is the least-squares fit of ``values[p:]`` by these rows and a constant.

    Raises
    ------
    ValueError
        If p is not a positive integer, the series is too short, or a number is not finite.

    Examples
    --------
    >>> lags([1, 2, 3, 4, 5], p=2)
    array([[2, 1],
           [3, 2],
           [4, 3]])
    """
    return windows(values, p).X[::-1, :, 0].T.copy()


def _read(path):
    """The two columns of the file, checked."""
    with open(path, newline="", encoding="utf-8") as file:
        table = list(csv.reader(file))[1:]
    try:
        years, values = np.array([int(year) for year, _ in table]), np.array([float(value) for _, value in table])
    except ValueError as error:
        raise ValueError(f"{path} is not a table of years and numbers ({error}); install statsmodels anew") from None
    if not len(years) or (np.diff(years) != 1).any() or not (np.isfinite(values) & (values >= 0)).all():
        raise ValueError(f"{path} must have consecutive years and numbers of at least 0; install statsmodels anew")
    return Series(years, values)
