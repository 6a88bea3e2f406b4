"""Tasks made of random numbers, whose best loss is known exactly."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from rnnlib import losses, readout
from rnnlib._validate import array, generator

#: What each delayed bit adds to the chance of ``add_delay``: x_{t-3} a half, x_{t-8} minus a quarter.
DELAYS = MappingProxyType({3: 0.5, 8: -0.25})


class Task(NamedTuple):
    """A batch of a synthetic task: inputs ``X`` (T, B, n), targets ``Y`` (T or 1, B, m), weights over time ``weights`` (T,)."""

    X: Any
    Y: Any
    weights: Any


def adding(rng: np.random.Generator, T: int, B: int) -> Task:
    """The adding problem: the sum of the two marked numbers, asked for at the last step.

    Each step brings a number, uniform on [0, 1), and a mark that is 1 at two steps, one in each half of the sequence, else 0.
    Whoever remembers nothing says 1 and has a mean squared error of 1/6, the variance of the sum of two such numbers.

    Parameters
    ----------
    rng : the generator that draws it.
    T : steps, at least 2.
    B : sequences.

    Returns
    -------
    Task with X (T, B, 2), Y (1, B, 1) and the weights of the last step.

    References
    ----------
    Hochreiter and Schmidhuber (1997).

    Examples
    --------
    >>> task = adding(np.random.default_rng(0), T=10, B=3)
    >>> task.X.shape, task.Y.shape, task.X[:, :, 1].sum(axis=0)
    ((10, 3, 2), (1, 3, 1), array([2., 2., 2.]))
    """
    _at_least("T", T, 2)
    _at_least("B", B, 1)
    X, row = np.zeros((T, B, 2)), np.arange(B)
    X[:, :, 0] = generator(rng).random((T, B))
    for low, high in ((0, T // 2), (T // 2, T)):
        X[rng.integers(low, high, B), row, 1] = 1
    Y = (X[:, :, 0] * X[:, :, 1]).sum(axis=0)
    return Task(X, Y[None, :, None], readout.last_step(T))


def copying(rng: np.random.Generator, T: int, B: int, symbols: int = 8, length: int = 10) -> Task:
    """Copy memory: ``length`` symbols, T steps of blanks with a signal at their end, then the symbols are asked for again.

    The classes are the symbols, then the blank, then the signal. The target is the blank until the last ``length`` steps.
    Whoever remembers nothing is certain of the blanks and guesses the symbols: length · ln(symbols) / (T + 2 length) nats a step.

    Parameters
    ----------
    rng : the generator that draws it.
    T : steps between the symbols and the answer, at least 1.
    B : sequences.
    symbols, length : how many symbols there are, and how many of them are to be copied.

    Returns
    -------
    Task with one-hot X and Y (T + 2 length, B, symbols + 2) and the weights of the mean over the steps.

    References
    ----------
    Hochreiter and Schmidhuber (1997); Arjovsky, Shah and Bengio (2016).

    Examples
    --------
    >>> copying(np.random.default_rng(0), T=5, B=2).X.shape
    (25, 2, 10)
    """
    for name, value in (("T", T), ("B", B), ("symbols", symbols), ("length", length)):
        _at_least(name, value, 1)
    word, blank = generator(rng).integers(0, symbols, (length, B)), symbols
    shown, asked = np.full((T + 2 * length, B), blank), np.full((T + 2 * length, B), blank)
    shown[:length], asked[-length:] = word, word
    shown[length + T - 1] = blank + 1
    X, Y = (losses.one_hot(labels, symbols + 2) for labels in (shown, asked))
    return Task(X, Y, readout.mean(len(X)))


def add_delay(
    rng: np.random.Generator, T: int, B: int, delays: Mapping[int, float] = DELAYS, drawn: bool = True
) -> Task:
    """Add-delay: fair bits x_t, and labels y_t = 1 with the chance ½ + Σ_d gain_d x_{t-d}, else 0.

    With the usual delays the chance is ½ + ½ x_{t-3} − ¼ x_{t-8}.
    What a predictor must reach that knows some of the delays only, ``floor(add_delay_chances(), seen)`` says.
    The steps up to the largest delay have the weight 0, each of the others 1 over their number.

    Parameters
    ----------
    rng : the generator that draws it.
    T : steps, more than the largest delay.
    B : sequences.
    delays : what x_{t-d} adds to the chance, for each delay d of at least 0; all chances must be from 0 to 1.
    drawn : whether Y are labels 0 and 1; if not, Y are the chances themselves,
        for which the cross-entropy of a predictor is its mean over the labels that could have been drawn.

    Returns
    -------
    Task with X of zeros and ones (T, B, 1), Y (T, B, 1) and the weights of a mean.

    Examples
    --------
    >>> task = add_delay(np.random.default_rng(0), T=12, B=3)
    >>> task.X.shape, task.Y.shape, task.weights.tolist()
    ((12, 3, 1), (12, 3, 1), [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.25, 0.25, 0.25, 0.25])
    """
    add_delay_chances(delays)
    last = max(delays)
    _at_least("T", T, last + 1)
    _at_least("B", B, 1)
    X, chance = generator(rng).integers(0, 2, (T, B, 1)).astype(float), np.full((T, B, 1), 0.5)
    for d, gain in delays.items():
        chance[d:] += gain * X[: T - d]
    Y = (rng.random(chance.shape) < chance).astype(float) if drawn else chance
    Y[:last] = 0  # never looked at
    return Task(X, Y, (np.arange(T) >= last) / (T - last))


def add_delay_chances(delays: Mapping[int, float] = DELAYS):
    """P(y_t = 1) of ``add_delay`` for all values of the delayed bits: one axis a delay, in the order of ``delays``.

    Raises
    ------
    ValueError
        If there is no delay, one is negative or not whole, or a chance is not from 0 to 1.

    Examples
    --------
    >>> add_delay_chances()  # rows: x_{t-3} = 0, 1; columns: x_{t-8} = 0, 1
    array([[0.5 , 0.25],
           [1.  , 0.75]])
    """
    if not isinstance(delays, Mapping) or not delays:
        raise ValueError(f"delays is {delays!r}; it must map at least one delay to what its bit adds, such as {dict(DELAYS)}")
    for d in delays:
        _at_least("a delay", d, 0)
    return _chances(0.5 + sum(np.multiply.outer(gain, bits) for gain, bits in zip(delays.values(), np.ix_(*[(0, 1)] * len(delays)))))


def xor_of_neighbours(rng: np.random.Generator, T: int, B: int) -> Task:
    """Fair bits x_t, and y_t = x_{t-1} xor x_{t+1}: asked for at every step between the two ends.

    Whoever has not seen x_{t+1} has a fair coin before him: ln 2 nats, and so has one bidirectional layer
    under a linear readout, though it has seen both.

    Parameters
    ----------
    rng : the generator that draws it.
    T : steps, at least 3.
    B : sequences.

    Returns
    -------
    Task with X of zeros and ones (T, B, 1), Y (T, B, 1) and the weights of the mean over the T - 2 steps.

    Examples
    --------
    >>> task = xor_of_neighbours(np.random.default_rng(0), T=5, B=3)
    >>> bits = task.X[..., 0].astype(int)
    >>> bool((task.Y[1:-1, :, 0] == bits[:-2] ^ bits[2:]).all()), task.weights.round(2).tolist()
    (True, [0.0, 0.33, 0.33, 0.33, 0.0])
    """
    _at_least("T", T, 3)
    _at_least("B", B, 1)
    X, Y, weights = generator(rng).integers(0, 2, (T, B, 1)).astype(float), np.zeros((T, B, 1)), np.zeros(T)
    Y[1:-1] = X[:-2] != X[2:]
    weights[1:-1] = 1 / (T - 2)
    return Task(X, Y, weights)


def floor(chances, seen=()) -> float:
    """The least mean cross-entropy, in nats, of who sees some bits of several.

    A label y depends on fair bits, and ``seen`` are those that are seen.
    The floor is the mean of H(P(y = 1 | seen)) over their values,
    H(p) = −p ln p − (1 − p) ln(1 − p).

    Parameters
    ----------
    chances : (2, 2, …), P(y = 1) for all values of the bits, one axis a bit.
    seen : the axes of the bits that the predictor sees.

    Raises
    ------
    ValueError
        If an axis is not 2 long, a chance is not from 0 to 1,
        or ``seen`` names an axis twice or one that is not there.

    Examples
    --------
    >>> chances = add_delay_chances()
    >>> [round(floor(chances, seen), 4) for seen in ((), (0,), (1,), (0, 1))]
    [0.6616, 0.5192, 0.6277, 0.4545]
    """
    chances = _chances(chances)
    axes, shape = range(chances.ndim), chances.shape
    if chances.ndim == 0 or set(shape) != {2}:
        raise ValueError(
            f"chances has shape {shape}; it must be (2, …), "
            "one axis for each bit"
        )
    if sorted({*seen}) != sorted(seen) or not {*seen} <= {*axes}:
        raise ValueError(
            f"seen is {seen!r}; it must name axes of chances, "
            f"0 to {chances.ndim - 1}, each once at most"
        )
    hidden = tuple(axis for axis in axes if axis not in seen)
    p = chances.mean(axis=hidden)
    return float((_surprise(p) + _surprise(1 - p)).mean())


def _surprise(p):
    """−p ln p, and 0 at p = 0."""
    return -p * np.log(np.where(p > 0, p, 1))


def _chances(chances):
    chances = array("chances", chances)
    wrong = chances[~((chances >= 0) & (chances <= 1))]
    if wrong.size:
        raise ValueError(f"a chance would be {wrong.flat[0]:g}; it must be from 0 to 1")
    return chances


def _at_least(name, value, least):
    if not isinstance(value, (int, np.integer)) or value < least:
        raise ValueError(f"{name} must be a whole number of at least {least}; got {value!r}")
