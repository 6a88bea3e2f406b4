"""First values for the parameters, drawn from a generator that the caller seeds.

``uniform_rnn`` and ``uniform_readout`` draw whole parameter sets, ``orthogonal_gru`` and ``orthogonal_lstm`` those of gated cells.
``gaussian``, ``glorot_uniform``, ``glorot_normal``, ``orthogonal`` and ``identity`` make one matrix,
to put in place of W or U: ``p._replace(W=orthogonal(rng, h, h))``.
``irnn`` is the start of Le, Jaitly and Hinton for ReLU.
"""

from __future__ import annotations

import numpy as np

from rnnlib import gru, lstm, readout, rnn
from rnnlib._validate import generator


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


def gaussian(rng: np.random.Generator, rows: int, columns: int, sigma: float = 0.01, dtype=float):
    """A matrix (rows, columns) of independent Gaussian entries with mean 0 and standard deviation sigma.

    Raises
    ------
    ValueError
        If a size is not a positive integer, ``rng`` is no generator, or sigma is not a positive number.

    Examples
    --------
    >>> gaussian(np.random.default_rng(0), 4, 3).shape
    (4, 3)
    """
    _check(rng, (rows, columns), sigma=sigma)
    return _as(rng.normal(0.0, sigma, size=(rows, columns)), dtype)


def glorot_uniform(rng: np.random.Generator, rows: int, columns: int, gain: float = 1.0, dtype=float):
    """A matrix (rows, columns), each entry uniform on ±gain·√(6 / (rows + columns)), also called Xavier's.

    Its entries have variance gain²·2/(rows + columns), the mean of what keeps the variance forward and what keeps it back.

    Raises
    ------
    ValueError
        If a size is not a positive integer, ``rng`` is no generator, or gain is not a positive number.

    References
    ----------
    Glorot and Bengio (2010), equation 16.

    Examples
    --------
    >>> glorot_uniform(np.random.default_rng(0), 4, 3).shape
    (4, 3)
    """
    _check(rng, (rows, columns), gain=gain)
    limit = gain * (6 / (rows + columns)) ** 0.5
    return _as(rng.uniform(-limit, limit, size=(rows, columns)), dtype)


def glorot_normal(rng: np.random.Generator, rows: int, columns: int, gain: float = 1.0, dtype=float):
    """A matrix (rows, columns) of Gaussian entries with variance gain²·2/(rows + columns).

    Raises
    ------
    ValueError
        As ``glorot_uniform``.

    References
    ----------
    Glorot and Bengio (2010), equation 12.

    Examples
    --------
    >>> glorot_normal(np.random.default_rng(0), 4, 3).shape
    (4, 3)
    """
    _check(rng, (rows, columns), gain=gain)
    return gaussian(rng, rows, columns, gain * (2 / (rows + columns)) ** 0.5, dtype)


def orthogonal(rng: np.random.Generator, rows: int, columns: int, gain: float = 1.0, dtype=float):
    """gain times a matrix with orthonormal columns (or rows, if there are fewer), uniform among all of them.

    The Q of a Gaussian matrix; the signs of R's diagonal are moved into Q, without which Q would not be uniform.

    Raises
    ------
    ValueError
        As ``glorot_uniform``.

    References
    ----------
    Saxe, McClelland and Ganguli (2014); the signs: Mezzadri (2007).

    Examples
    --------
    >>> Q = orthogonal(np.random.default_rng(0), 4, 4)
    >>> bool(np.allclose(Q.T @ Q, np.eye(4)))
    True
    """
    _check(rng, (rows, columns), gain=gain)
    tall = rng.normal(size=(max(rows, columns), min(rows, columns)))
    Q, R = np.linalg.qr(tall)
    Q = Q * np.where(np.diagonal(R) < 0, -1, 1)
    return _as(gain * (Q if rows >= columns else Q.T), dtype)


def identity(h: int, gain: float = 1.0, dtype=float):
    """gain times the identity (h, h).

    Raises
    ------
    ValueError
        If h is not a positive integer or gain is not a positive number.

    References
    ----------
    Le, Jaitly and Hinton (2015).

    Examples
    --------
    >>> identity(2, gain=0.5)
    array([[0.5, 0. ],
           [0. , 0.5]])
    """
    _check_numbers((h, h), gain=gain)
    return (gain * np.eye(h)).astype(dtype)


def irnn(rng: np.random.Generator, n: int, h: int, sigma: float = 0.001, dtype=float) -> rnn.Params:
    """The start of an "IRNN", to be run with ReLU: W = I, b = 0, U Gaussian with standard deviation sigma.

    Raises
    ------
    ValueError
        As ``gaussian``.

    References
    ----------
    Le, Jaitly and Hinton (2015).

    Examples
    --------
    >>> irnn(np.random.default_rng(0), n=3, h=4).W.shape
    (4, 4)
    """
    return rnn.Params(gaussian(rng, h, n, sigma, dtype), identity(h, dtype=dtype), np.zeros(h, dtype))


def orthogonal_gru(rng: np.random.Generator, n: int, h: int, keep: float = 1.0, dtype=float) -> gru.Params:
    """U (3h, n), W (3h, h), b (3h,), b_s (h,) of a GRU, each gate's block drawn for itself.

    Blocks of U uniform as ``glorot_uniform`` draws them, blocks of W orthogonal, biases 0 except the update gate's, which are ``keep``.
    With update "keep" and keep = 1 a state starts by keeping σ(1) = 0.73 of itself a step.

    Raises
    ------
    ValueError
        If a size is not a positive integer, or ``rng`` is no generator.

    References
    ----------
    Glorot and Bengio (2010); Saxe, McClelland and Ganguli (2014).

    Examples
    --------
    >>> p = orthogonal_gru(np.random.default_rng(0), n=3, h=2)
    >>> p.U.shape, p.W.shape, p.b
    ((6, 3), (6, 2), array([0., 0., 1., 1., 0., 0.]))
    """
    return gru.Params(*_gates(rng, n, h, 3, keep, dtype), np.zeros(h, dtype))


def orthogonal_lstm(rng: np.random.Generator, n: int, h: int, keep: float = 1.0, dtype=float) -> lstm.Params:
    """U (4h, n), W (4h, h), b (4h,) of an LSTM, each gate's block drawn for itself.

    As ``orthogonal_gru``; ``keep`` is the bias of the forget gate, at 1 the cell state starts by keeping 0.73 of itself a step.

    Raises
    ------
    ValueError
        If a size is not a positive integer, or ``rng`` is no generator.

    References
    ----------
    Gers, Schmidhuber and Cummins (2000); Saxe, McClelland and Ganguli (2014).

    Examples
    --------
    >>> p = orthogonal_lstm(np.random.default_rng(0), n=3, h=2)
    >>> p.U.shape, p.W.shape, p.b
    ((8, 3), (8, 2), array([0., 0., 1., 1., 0., 0., 0., 0.]))
    """
    return lstm.Params(*_gates(rng, n, h, 4, keep, dtype))


def _gates(rng, n, h, blocks, keep, dtype):
    """U, W, b of a gated cell; the gate that keeps the state is the second block, of the GRU as of the LSTM."""
    _check(rng, (n, h))
    U = [glorot_uniform(rng, h, n, dtype=dtype) for _ in range(blocks)]
    W = [orthogonal(rng, h, h, dtype=dtype) for _ in range(blocks)]
    b = np.zeros((blocks, h), dtype)
    b[1] = keep
    return np.concatenate(U), np.concatenate(W), b.ravel()


def _uniform(rng, shape, h, dtype):
    _check(rng, shape)
    return _as(rng.uniform(-(h**-0.5), h**-0.5, size=shape), dtype)


def _as(drawn, dtype):
    """What was drawn in this precision; as whole numbers nearly all of it would be 0."""
    if np.dtype(dtype).kind not in "fc":
        raise ValueError(f"dtype is {np.dtype(dtype)}; it must be one of floating-point numbers, such as float32")
    return drawn.astype(dtype)


def _check(rng, shape, **positive):
    """A ValueError unless rng is a generator, the sizes are sizes and the rest is positive."""
    generator(rng)
    _check_numbers(shape, **positive)


def _check_numbers(shape, **positive):
    if not all(isinstance(size, (int, np.integer)) and size >= 1 for size in shape):
        raise ValueError(f"sizes {shape} were asked for; each must be an integer of at least 1")
    for name, value in positive.items():
        if not isinstance(value, (int, float, np.integer, np.floating)) or not 0 < value < np.inf:
            raise ValueError(f"{name} is {value!r}; it must be a positive number")
