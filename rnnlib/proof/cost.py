"""What a computation costs: multiplications counted exactly, and processor seconds measured.

``products``         how many multiplications one of the ways to the gradient makes;
``median_seconds``   the median time of several functions, measured in turn;
``exponent``         the power of the size with which such times grow.

A count depends on nothing but the code. A time also depends on the machine and on what else runs on it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from statistics import median
from time import process_time

import numpy as np

from rnnlib import rnn
from rnnlib.activations import Activation


class Tally:
    """A number without a value that counts the multiplications it takes part in.

    Sums and products of a tally are the same tally, so an array full of one counts for all of them together.

    Examples
    --------
    >>> one = Tally()
    >>> (one.array(2, 3) @ one.array(3, 4)).shape, one.products
    ((2, 4), 24)
    """

    def __init__(self):
        self.products = 0

    def array(self, *shape: int) -> np.ndarray:
        """An array of this shape whose entries are all this tally."""
        return np.full(shape, self, dtype=object)

    def __mul__(self, other):
        self.products += 1
        return self

    def __add__(self, other):
        return self

    __rmul__, __radd__, __sub__, __rsub__ = __mul__, __add__, __add__, __add__


FREE = Activation("free", lambda a: a, lambda a, s: s, "a", float("inf"))  # f and f' that cost no multiplication


def products(way: Callable, T: int, n: int, h: int) -> int:
    """How many multiplications ``way`` makes for one sequence of T steps with n inputs and h hidden units.

    ``way`` takes what ``rnn.backward`` takes. The forward pass and f' itself are not counted;
    a multiplication by a zero that stands in an array is.

    Raises
    ------
    ValueError
        If a size is less than 1.

    Examples
    --------
    >>> products(rnn.backward, T=1, n=1, h=1)
    5
    """
    one = Tally()
    p = rnn.Params(one.array(h, n), one.array(h, h), one.array(h))
    trace = rnn.forward(p, one.array(T, n), one.array(h), FREE)
    before = one.products
    way(p, trace, one.array(T, h))
    return one.products - before


def problem(T: int, n: int, h: int, seed: int = 0):
    """A random network and sequence in float64, ready for a way to the gradient: ``way(*problem(T, n, h))``.

    Returns the parameters, the trace and dL/ds of every state's own step, (T, h).

    Examples
    --------
    >>> p, trace, dL_dS = problem(T=7, n=2, h=3)
    >>> trace.S.shape, dL_dS.shape
    ((8, 3), (7, 3))
    """
    rng = np.random.default_rng(seed)
    p = rnn.Params(rng.normal(size=(h, n)), rng.normal(size=(h, h)) / np.sqrt(h), rng.normal(size=h))
    return p, rnn.forward(p, rng.normal(size=(T, n)), rng.normal(size=h)), rng.normal(size=(T, h))


def median_seconds(functions: Mapping[str, Callable], rounds: int = 5, sample: float = 5e-3) -> dict[str, float]:
    """The median time of one call of each function, in seconds of the processor (all threads of this process together).

    The functions are measured in turn, ``rounds`` times each after one call that does not count.
    Processor time leaves out the while in which the machine does something else;
    with several threads in the matrix products it counts their waiting too, so compare on one.
    A function faster than ``sample`` seconds is called several times for each measurement.

    Raises
    ------
    ValueError
        If ``rounds`` is less than 1.

    Examples
    --------
    >>> list(median_seconds({"nothing": lambda: None}, rounds=3))
    ['nothing']
    """
    if rounds < 1:
        raise ValueError(f"rounds is {rounds}; each function must be measured at least once")
    calls = {name: max(1, round(sample / _seconds(function, 1))) for name, function in functions.items()}
    samples = [{name: _seconds(function, calls[name]) for name, function in functions.items()} for _ in range(rounds)]
    return {name: median(one[name] for one in samples) for name in functions}


def _seconds(function, calls):
    """Seconds a call, over so many calls one after the other."""
    start = process_time()
    for _ in range(calls):
        function()
    return (process_time() - start) / calls


def exponent(sizes, seconds) -> float:
    """The slope p of the straight line through (log size, log seconds) by least squares: seconds grow as size to the p.

    Raises
    ------
    ValueError
        If there are not as many seconds as sizes, or fewer than two different sizes, or a number that is not positive.

    Examples
    --------
    >>> round(exponent([10, 20, 40], [1.0, 4.0, 16.0]), 6)
    2.0
    """
    x, y = np.asarray(sizes, float), np.asarray(seconds, float)
    if x.shape != y.shape or x.ndim != 1 or len(set(x.tolist())) < 2 or not (x > 0).all() or not (y > 0).all():
        raise ValueError(f"a slope needs two or more different positive sizes and a positive time for each; got {sizes} and {seconds}")
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])
