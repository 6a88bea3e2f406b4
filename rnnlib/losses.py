r"""Output heads: an output activation and its loss, with :math:`\varepsilon = \partial\ell/\partial z`.

A head turns the output pre-activation ``z`` (last axis ``m``) into the output ``o = g(z)`` and compares it with a target ``y``.
Each loss is computed from ``z``, which is stable where ``log(g(z))`` is not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rnnlib._validate import choice
from rnnlib.activations import sigmoid, softplus


@dataclass(frozen=True)
class Head:
    """An output activation with its loss, one loss per step.

    Attributes
    ----------
    name : what ``head(name)`` finds it by.
    g : ``o = g(z)``.
    loss : ``loss(z, y)``, summed over the last axis: one number a row.
    epsilon : ``epsilon(o, y)``, the derivative of ``loss`` with respect to ``z``, a row as long as ``z``.
    """

    name: str
    g: Callable
    loss: Callable
    epsilon: Callable


def _highest(z):
    """The largest real part of each row, subtracted before exp; 0 for exact arithmetic, which cannot overflow."""
    return 0 if z.dtype == object else z.real.max(axis=-1, keepdims=True)


def softmax(z):
    """``exp(z_k) / sum_j exp(z_j)`` along the last axis.

    Examples
    --------
    >>> softmax(np.zeros((2, 4))).shape
    (2, 4)
    """
    e = np.exp(z - _highest(z))
    return e / e.sum(axis=-1, keepdims=True)


def _log_sum_exp(z):
    shift = _highest(z)
    return np.log(np.exp(z - shift).sum(axis=-1, keepdims=True)) + shift


softmax_cross_entropy = Head(
    "softmax_cross_entropy",
    softmax,
    lambda z, y: (y * (_log_sum_exp(z) - z)).sum(axis=-1),  # -sum_k y_k log o_k
    lambda o, y: o * y.sum(axis=-1, keepdims=True) - y,  # o - y only where the y_k sum to 1
)
sigmoid_cross_entropy = Head(
    "sigmoid_cross_entropy",
    sigmoid.f,
    lambda z, y: (softplus.f(z) - y * z).sum(axis=-1),  # -sum_k y_k log o_k + (1 - y_k) log(1 - o_k)
    lambda o, y: o - y,
)
squared_error = Head(
    "squared_error",
    lambda z: z * 1,
    lambda z, y: ((z - y) * (z - y)).sum(axis=-1) / 2,
    lambda o, y: o - y,
)

HEADS = {g.name: g for g in (softmax_cross_entropy, sigmoid_cross_entropy, squared_error)}


def head(g: str | Head) -> Head:
    """The output head called ``g``; a record is returned as it is.

    Raises
    ------
    ValueError
        If no head has that name.
    """
    return g if isinstance(g, Head) else choice("output head", g, HEADS)


def one_hot(labels, m: int, dtype=float):
    """Integer class labels as rows of zeros with a single one; shape ``labels.shape + (m,)``.

    Raises
    ------
    ValueError
        If a label is not an integer from 0 to m - 1.

    Examples
    --------
    >>> one_hot([2, 0], 3).shape
    (2, 3)
    """
    labels = np.asarray(labels)
    if labels.dtype.kind not in "iu" or labels.size and not (0 <= labels.min() and labels.max() < m):
        raise ValueError(f"labels must be integers from 0 to {m - 1}; got dtype {labels.dtype}, values {np.unique(labels)[:5]}")
    return np.eye(m, dtype=dtype)[labels]
