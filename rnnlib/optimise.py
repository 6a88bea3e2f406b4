"""What is done with gradients after they are computed. Nothing here computes one.

``clip_by_norm``   the whole parameter set at once: the nearest point of a ball, in the same direction;
``clip_by_value``  every entry for itself: the nearest point of a cube, in another direction.

A gradient is a record of arrays, or records of records, such as ``rnn.Params``,
``(dL_dp, dL_dq)`` for cell and readout together, or a single array; what comes back is of the same kind.
"""

from __future__ import annotations

from numbers import Real

import numpy as np

from rnnlib._records import leaves, mapped
from rnnlib._validate import array


def norm(gradient) -> float:
    """√(Σ g²) over all entries of all arrays of the gradient: its length as one long vector.

    Raises
    ------
    ValueError
        If there is no array in it, or an entry is not finite.

    Examples
    --------
    >>> norm((np.array([3.0]), np.array([[0.0, 4.0]])))
    5.0
    """
    parts = [_inexact(name, part) for name, part in _parts(gradient).items()]
    largest = max(float(np.abs(part).max()) for part in parts if part.size)
    if largest == 0:
        return 0.0
    return largest * float(np.sqrt(sum(np.sum(np.abs(part / largest) ** 2) for part in parts)))


def clip_by_norm(gradient, limit: float):
    """The gradient, at most ``limit`` long: g · min(1, limit / ‖g‖).

    It keeps its direction.
    Among all vectors of length at most ``limit`` it is the nearest to g.

    Parameters
    ----------
    gradient : a record of arrays, or records of records, or an array;
        its parts are clipped *together*.
    limit : a positive number.

    Returns
    -------
    A gradient of the same kind; if it is not longer than ``limit``,
    bit for bit the same numbers.

    Raises
    ------
    ValueError
        If an entry is not finite, the entries are exact numbers
        (a norm is a square root), or ``limit`` is not a positive number.

    References
    ----------
    Pascanu, Mikolov and Bengio (2013), algorithm 1.

    Examples
    --------
    >>> clip_by_norm(np.array([3.0, 4.0]), limit=1)
    array([0.6, 0.8])
    """
    _limit(limit)
    length = norm(gradient)
    return mapped(lambda g: _scaled(np.asarray(g), limit, length), gradient)


def clip_by_value(gradient, limit: float):
    """The gradient with every entry brought into [-limit, limit], each for itself.

    It does not keep its direction.

    Parameters
    ----------
    gradient, limit : as for ``clip_by_norm``; exact numbers are welcome.

    Returns
    -------
    A gradient of the same kind.

    Raises
    ------
    ValueError
        If an entry is not finite or complex, or ``limit`` is not a positive number.

    References
    ----------
    Mikolov (2012), section 3.2.2.

    Examples
    --------
    >>> clip_by_value(np.array([3.0, 0.4]), limit=1)
    array([1. , 0.4])
    """
    _limit(limit)
    for name, part in _parts(gradient).items():
        if part.dtype.kind == "c":
            raise ValueError(f"{name} is complex, and complex numbers have no order; clip the real gradient")
    return mapped(lambda g: _clipped(np.asarray(g), limit), gradient)


def _scaled(g, limit, length):
    """g · limit / length, without overflow however long it is; g itself if it is short enough."""
    return g.copy() if length <= limit else (g / length * float(limit)).astype(g.dtype if g.dtype.kind in "fc" else float)


def _clipped(g, limit):
    if g.dtype == object:
        return np.where(g > limit, limit, np.where(g < -limit, -limit, g))
    return np.clip(g, -float(limit), float(limit)).astype(g.dtype if g.dtype.kind == "f" else float)


def _parts(gradient):
    """The arrays of the gradient by name, checked."""
    found = {name or "the gradient": array(name or "the gradient", part) for name, part in leaves(gradient).items()}
    if not found or not any(part.size for part in found.values()):
        raise ValueError("the gradient holds no array; pass a record of arrays such as dL_dp, or one array")
    return found


def _inexact(name, part):
    if part.dtype == object:
        raise ValueError(f"{name} holds exact numbers, and a norm is a square root; clip them by value, or use floats")
    return part


def _limit(limit):
    if isinstance(limit, bool) or not isinstance(limit, Real) or not 0 < limit < np.inf:
        raise ValueError(f"limit is {limit!r}; it must be a positive number")
