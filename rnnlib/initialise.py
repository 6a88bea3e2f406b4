"""First values for the parameters, drawn from a generator that the caller seeds."""

from __future__ import annotations

import numpy as np

from rnnlib import readout, rnn


def uniform_rnn(rng: np.random.Generator, n: int, h: int, dtype=float) -> rnn.Params:
    """U, W, b of the simple network, each entry uniform on ±1/√h.

    Examples
    --------
    >>> uniform_rnn(np.random.default_rng(0), n=3, h=4).U.shape
    (4, 3)
    """
    return rnn.Params(*(_uniform(rng, shape, h, dtype) for shape in ((h, n), (h, h), (h,))))


def uniform_readout(rng: np.random.Generator, h: int, m: int, dtype=float) -> readout.Params:
    """V, c of the readout, each entry uniform on ±1/√h."""
    return readout.Params(*(_uniform(rng, shape, h, dtype) for shape in ((m, h), (m,))))


def _uniform(rng, shape, h, dtype):
    return rng.uniform(-(h**-0.5), h**-0.5, size=shape).astype(dtype)
