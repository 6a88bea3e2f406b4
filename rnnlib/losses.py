"""Output heads: an output activation and its loss, with ε = ∂ℓ/∂z.

A head turns the output pre-activation ``z`` (last axis ``m``) into the output ``o = g(z)``
and compares it with a target ``y``.
Each loss is computed from ``z``, which is stable where ``log(g(z))`` is not.
For sigmoid and squared error ε = o − y.
For softmax ε = o·Σy − y (eq-output-epsilon), which is o − y where the targets of a step sum to 1.
On object arrays NumPy calls the methods of the entries, ``.exp()`` and ``.log()`` for softmax.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from rnnlib._validate import array, choice, rows
from rnnlib.activations import sigmoid, softplus


@dataclass(frozen=True)
class Head:
    """An output activation with its loss: o = g(z) (eq-model-o), ℓ(z, y), and ε = ∂ℓ/∂z.

    All three functions take arrays with the output's m entries along the last axis, and keep the other axes.

    Attributes
    ----------
    name : what ``head(name)`` finds it by.
    g : ``o = g(z)``, shaped like ``z``.
    loss : ``loss(z, y)``, summed over the last axis: one number a row.
    epsilon : ``epsilon(o, y)``, the derivative of ``loss`` with respect to ``z``, shaped like ``z``.
    """

    name: str
    g: Callable = field(repr=False)
    loss: Callable = field(repr=False)
    epsilon: Callable = field(repr=False)


def softmax(z):
    """Softmax along the last axis: o_k = exp(z_k) / Σ_j exp(z_j) (eq-model-o).

    The largest entry is subtracted first, which changes nothing but keeps ``exp`` from overflowing.

    References
    ----------
    Bridle (1990).

    Examples
    --------
    >>> softmax(np.zeros((2, 4))).tolist()
    [[0.25, 0.25, 0.25, 0.25], [0.25, 0.25, 0.25, 0.25]]
    """
    e = np.exp(_lowered(np.asarray(z)))
    return e / e.sum(axis=-1, keepdims=True)


def _minus_log_softmax(z):
    """-log o_k = log Σ_j exp(z_j) - z_k, the largest entry subtracted first."""
    z = _lowered(z)
    return np.log(np.exp(z).sum(axis=-1, keepdims=True)) - z


def _lowered(z):
    """z less the largest real part of each row; exact numbers stay as is."""
    return z if z.dtype == object else z - z.real.max(axis=-1, keepdims=True)


softmax_cross_entropy = Head(
    "softmax_cross_entropy",
    softmax,
    lambda z, y: (y * _minus_log_softmax(z)).sum(axis=-1),  # -Σ_k y_k log o_k
    lambda o, y: o * y.sum(axis=-1, keepdims=True) - y,  # o - y only if Σ y = 1
)
sigmoid_cross_entropy = Head(
    "sigmoid_cross_entropy",
    sigmoid.f,
    # ℓ = -Σ_k y_k log o_k + (1 - y_k) log(1 - o_k)
    lambda z, y: (softplus.f(z) - y * z).sum(axis=-1),
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
        If no head has that name; the error lists the names there are.

    Examples
    --------
    >>> head("squared_error").epsilon(np.array([3.0]), np.array([1.0]))
    array([2.])
    """
    return g if isinstance(g, Head) else choice("output head", g, HEADS)


def evaluate(head: Head, Z, Y, O, loss, epsilon, ones):
    """Write the outputs o = g(z), the losses ℓ(z, y), one a row, and ε = ∂ℓ/∂z into three arrays.

    ``Y`` may have a time axis of length 1 where ``Z`` has T steps.
    Softmax and its loss share one exponential; with ``ones``, m of them, it sums by products, which is faster.

    Examples
    --------
    >>> O, loss, epsilon = np.empty((1, 1)), np.empty(1), np.empty((1, 1))
    >>> evaluate(head("squared_error"), np.array([[3.0]]), np.array([[1.0]]), O, loss, epsilon, np.ones(1))
    >>> O, loss, epsilon
    (array([[3.]]), array([2.]), array([[2.]]))
    """
    if head is softmax_cross_entropy and Z.dtype.kind == "f":
        _softmax_cross_entropy(Z, Y, O, loss, epsilon, ones)
    else:
        Y = np.broadcast_to(Y, Z.shape)
        O[...], loss[...] = head.g(Z), head.loss(Z, Y)
        epsilon[...] = head.epsilon(O, Y)


def _softmax_cross_entropy(Z, Y, O, loss, epsilon, ones):
    """What ``evaluate`` promises for softmax, from one exponential: -log o_k = log Σ_j exp(z_j) - z_k."""
    if not _exp_is_safe(Z):
        Z = np.subtract(Z, _too_large(Z), epsilon)
    np.exp(Z, O)
    total = rows(O).dot(ones).reshape(loss.shape)
    O /= total[..., None]
    np.multiply(Y, Z, epsilon)
    of_targets = rows(Y).dot(ones).reshape(Y.shape[:-1])
    loss[...] = of_targets * np.log(total)
    loss -= rows(epsilon).dot(ones).reshape(loss.shape)
    if (of_targets == 1).all():
        np.subtract(O, Y, epsilon)
    else:
        np.multiply(O, of_targets[..., None], epsilon)
        epsilon -= Y


def _exp_is_safe(Z):
    """Whether neither exp(z) nor its sum can overflow or vanish, since no |z| is too large."""
    most = LARGE[Z.dtype.char]
    # the sum of squares is one pass, and if it is small no z is large
    return np.vdot(Z, Z) <= most * most or (Z.max() <= most and Z.min() >= -most)


def _too_large(Z):
    """The largest entry of each row that needs it subtracted, and 0 for the others, which stay as they are."""
    largest = Z.max(axis=-1, keepdims=True)
    largest[abs(largest) <= LARGE[Z.dtype.char]] = 0
    return largest


# a third of the z at which exp(z) overflows, so that sums of it do not, either
LARGE = {np.dtype(t).char: float(np.log(np.finfo(t).max)) / 3 for t in (np.float16, np.float32, np.float64, np.longdouble)}


def one_hot(labels, m: int, dtype=float):
    """Integer class labels as rows of zeros with a single one; shape ``labels.shape + (m,)``.

    Raises
    ------
    ValueError
        If a label is not an integer from 0 to m - 1.

    Examples
    --------
    >>> one_hot([2, 0], 3)
    array([[0., 0., 1.],
           [1., 0., 0.]])
    """
    if not isinstance(m, (int, np.integer)) or m < 1:
        raise ValueError(f"m is {m!r}; it must be the number of classes, an integer of at least 1")
    labels = array("labels", labels)
    if labels.dtype.kind not in "iu":
        raise ValueError(f"labels has dtype {labels.dtype}; it must hold integers from 0 to m - 1 = {m - 1}")
    if (wrong := labels[(labels < 0) | (labels >= m)]).size:
        raise ValueError(f"labels has the entry {wrong[0]}; it must hold integers from 0 to m - 1 = {m - 1}")
    return np.eye(m, dtype=dtype)[labels]
