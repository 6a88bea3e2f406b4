"""Activations: a function, its derivative, and the SymPy text that proves one from the other.

A record's ``df(a, s)`` may use the pre-activation ``a``, the value ``s = f(a)``, or both.
It is plain arithmetic, with comparisons where ``f`` has pieces,
so it runs on floats, complex numbers, fractions and integers mod p alike,
and a twin of the record with another ``f`` can take it over as it is.
On object arrays NumPy calls the methods of the entries:
``f`` of tanh needs ``.tanh()``, of softplus ``.exp()``, ``.log1p()`` and ``>``.

ReLU and hard tanh have kinks. There the derivative is taken to be 0, as it is on the flat side:
f'(0) = 0 for ``relu`` and f'(±1) = 0 for ``hard_tanh``.
Which piece a complex number belongs to is decided by its real part, so the complex step sees the same pieces.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from rnnlib._validate import choice


@dataclass(frozen=True)
class Activation:
    """An elementwise activation ``s = f(a)`` (eq-model-s).

    Attributes
    ----------
    name : what ``activation(name)`` finds it by.
    f : ``f(a)``, elementwise; what comes out has the dtype of ``a``.
    df : ``df(a, s)``, the derivative f'(a), with ``s = f(a)`` at hand because it is often cheaper.
    expr : ``f`` as SymPy text in ``a``; ``df`` is proved against its derivative.
    slope : the largest slope, sup |f'(a)|, written gamma in the book (``inf`` if there is none).

    Examples
    --------
    >>> square = Activation("square", lambda a: a * a, lambda a, s: 2 * a, "a**2", float("inf"))
    >>> square.df(3, 9)
    6
    """

    name: str
    f: Callable = field(repr=False)
    df: Callable = field(repr=False)
    expr: str = field(repr=False)
    slope: float = field(repr=False)


def _where(holds, a, otherwise):
    """``np.where`` that returns a number, not an array of rank 0, when given numbers."""
    return np.where(holds, a, otherwise)[()]


def _relu(a):
    """max(a, 0)."""
    return _where(np.real(a) > 0, a, 0)


def _hard_tanh(a):
    """min(max(a, -1), 1)."""
    return _where(np.real(a) >= 1, 1, _where(np.real(a) <= -1, -1, a))


def _logistic(a):
    """1 / (1 + exp(-a)), in a form that does not overflow and takes complex numbers."""
    return (1 + np.tanh(a / 2)) / 2


def _softplus(a):
    """log(1 + exp(a)) as max(a, 0) + log(1 + exp(-|a|)), which does not overflow."""
    return _relu(a) + np.log1p(np.exp(_where(np.real(a) > 0, -a, a)))


identity = Activation("identity", lambda a: a * 1, lambda a, s: 0 * a + 1, "a", 1.0)
tanh = Activation("tanh", np.tanh, lambda a, s: 1 - s * s, "tanh(a)", 1.0)
sigmoid = Activation("sigmoid", _logistic, lambda a, s: s * (1 - s), "1/(1 + exp(-a))", 0.25)
relu = Activation("relu", _relu, lambda a, s: _where(np.real(a) > 0, 1, np.zeros_like(a)), "Max(a, 0)", 1.0)
softplus = Activation("softplus", _softplus, lambda a, s: _logistic(a), "log(1 + exp(a))", 1.0)
hard_tanh = Activation(
    "hard_tanh",
    _hard_tanh,
    lambda a, s: _where((np.real(a) > -1) & (np.real(a) < 1), 1, np.zeros_like(a)),
    "Min(Max(a, -1), 1)",
    1.0,
)

ACTIVATIONS = {f.name: f for f in (identity, tanh, sigmoid, relu, softplus, hard_tanh)}


def into(f: Activation) -> Callable:
    """``function(a, out)`` that writes f(a) into an array.

    The functions of this module are computed in place, without memory for what lies between; others as they are.

    Examples
    --------
    >>> out = np.empty(2)
    >>> into(sigmoid)(np.zeros(2), out)
    >>> out
    array([0.5, 0.5])
    """

    def write(a, out):
        out[...] = f.f(a)

    return IN_PLACE.get(f.f, write)


def slope_into(f: Activation) -> Callable:
    """``function(a, s, out)`` that writes f'(a) into an array, s being f(a).

    Examples
    --------
    >>> out = np.empty(2)
    >>> slope_into(tanh)(np.zeros(2), np.zeros(2), out)
    >>> out
    array([1., 1.])
    """

    def write(a, s, out):
        out[...] = f.df(a, s)

    return IN_PLACE.get(f.df, write)


def _sigmoid_into(a, out):
    """(1 + tanh(a/2)) / 2."""
    np.divide(a, 2, out)
    np.tanh(out, out)
    out += 1
    out /= 2


def _tanh_slope_into(a, s, out):
    """1 - s²."""
    np.multiply(s, s, out)
    np.subtract(1, out, out)


def _sigmoid_slope_into(a, s, out):
    """s (1 - s)."""
    np.subtract(1, s, out)
    out *= s


IN_PLACE = {
    tanh.f: np.tanh,
    sigmoid.f: _sigmoid_into,
    tanh.df: _tanh_slope_into,
    sigmoid.df: _sigmoid_slope_into,
}


def activation(f: str | Activation) -> Activation:
    """The activation record called ``f``; a record is returned as it is.

    Raises
    ------
    ValueError
        If no activation has that name; the error lists the names there are.

    Examples
    --------
    >>> activation("sigmoid").slope
    0.25
    """
    return f if isinstance(f, Activation) else choice("activation", f, ACTIVATIONS)
