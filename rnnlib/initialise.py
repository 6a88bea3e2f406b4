"""First values for the parameters, drawn from a generator that the caller seeds."""

from __future__ import annotations

import numpy as np

from rnnlib import readout, rnn


def uniform_rnn(rng: np.random.Generator, n: int, h: int, dtype=float) -> rnn.Params:
    """U (h, n), W (h, h), b (h,) of the simple network, each entry uniform on ±1/√h.

    Raises
    ------
    ValueError
        If a size is not a positive integer, or ``rng`` is no generator.

    Examples
    --------
    >>> uniform_rnn(np.random.default_rng(0), n=3, h=4).U.shape
    (4, 3)
    """
    return rnn.Params(*(_uniform(rng, shape, h, dtype) for shape in ((h, n), (h, h), (h,))))


def uniform_readout(rng: np.random.Generator, h: int, m: int, dtype=float) -> readout.Params:
    """V (m, h), c (m,) of the readout, each entry uniform on ±1/√h.

    Raises
    ------
    ValueError
        If a size is not a positive integer, or ``rng`` is no generator.

    Examples
    --------
    >>> uniform_readout(np.random.default_rng(0), h=4, m=2).V.shape
    (2, 4)
    """
    return readout.Params(*(_uniform(rng, shape, h, dtype) for shape in ((m, h), (m,))))


def _uniform(rng, shape, h, dtype):
    if not isinstance(rng, np.random.Generator):
        raise ValueError(f"rng is {rng!r}; it must be a generator, for example numpy.random.default_rng(0)")
    if not all(isinstance(size, (int, np.integer)) and size >= 1 for size in shape):
        raise ValueError(f"sizes {shape} were asked for; each must be an integer of at least 1")
    return rng.uniform(-(h**-0.5), h**-0.5, size=shape).astype(dtype)
