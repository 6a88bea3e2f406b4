"""Activations: a function, its derivative, and the SymPy text that proves one from the other.

A record's ``df(a, s)`` may use the pre-activation ``a``, the value ``s = f(a)``, or both.
It is plain arithmetic, so it runs on floats, complex numbers, fractions and integers mod p alike.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rnnlib._validate import choice


@dataclass(frozen=True)
class Activation:
    """An elementwise activation ``s = f(a)``.

    Attributes
    ----------
    name : what ``activation(name)`` finds it by.
    f : ``f(a)``, elementwise.
    df : ``df(a, s)``, the derivative f'(a), with ``s = f(a)`` at hand because it is often cheaper.
    expr : ``f`` as SymPy text in ``a``; ``df`` is proved against its derivative.
    slope : the largest slope, sup |f'(a)|, written gamma in the book (``inf`` if there is none).
    """

    name: str
    f: Callable
    df: Callable
    expr: str
    slope: float


def _positive(a):
    """1 where a > 0 and 0 elsewhere, decided on the real part, in a's own arithmetic."""
    return (np.real(a) > 0) * 1


def _logistic(a):
    """1 / (1 + exp(-a)), in the form that neither overflows nor leaves the complex plane."""
    return (1 + np.tanh(a / 2)) / 2


def _softplus(a):
    """log(1 + exp(a)) without overflow: max(a, 0) + log(1 + exp(-|a|)), signs by the real part."""
    sign = 2 * _positive(a) - 1
    return a * _positive(a) + np.log1p(np.exp(-sign * a))


identity = Activation("identity", lambda a: a * 1, lambda a, s: 0 * a + 1, "a", 1.0)
tanh = Activation("tanh", np.tanh, lambda a, s: 1 - s * s, "tanh(a)", 1.0)
sigmoid = Activation("sigmoid", _logistic, lambda a, s: s * (1 - s), "1/(1 + exp(-a))", 0.25)
relu = Activation("relu", lambda a: a * _positive(a), lambda a, s: _positive(a) + 0 * a, "Max(a, 0)", 1.0)
softplus = Activation("softplus", _softplus, lambda a, s: _logistic(a), "log(1 + exp(a))", 1.0)
hard_tanh = Activation(
    "hard_tanh",
    lambda a: a * _positive(a + 1) * _positive(1 - a) + 1 - _positive(1 - a) - (1 - _positive(a + 1)),
    lambda a, s: _positive(a + 1) * _positive(1 - a) + 0 * a,
    "Min(Max(a, -1), 1)",
    1.0,
)

ACTIVATIONS = {g.name: g for g in (identity, tanh, sigmoid, relu, softplus, hard_tanh)}


def activation(f: str | Activation) -> Activation:
    """The activation record called ``f``; a record is returned as it is.

    Raises
    ------
    ValueError
        If no activation has that name.

    Examples
    --------
    >>> activation("tanh").slope
    1.0
    """
    return f if isinstance(f, Activation) else choice("activation", f, ACTIVATIONS)
