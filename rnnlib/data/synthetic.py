"""Tasks made of random numbers, whose best loss is known exactly."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from rnnlib import losses, readout


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
    X[:, :, 0] = rng.random((T, B))
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
    word, blank = rng.integers(0, symbols, (length, B)), symbols
    shown, asked = np.full((T + 2 * length, B), blank), np.full((T + 2 * length, B), blank)
    shown[:length], asked[-length:] = word, word
    shown[length + T - 1] = blank + 1
    X, Y = (losses.one_hot(labels, symbols + 2) for labels in (shown, asked))
    return Task(X, Y, readout.mean(len(X)))


def _at_least(name, value, least):
    if not isinstance(value, (int, np.integer)) or value < least:
        raise ValueError(f"{name} must be a whole number of at least {least}; got {value!r}")
