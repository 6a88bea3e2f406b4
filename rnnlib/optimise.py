"""What is done with gradients after they are computed. Nothing here computes one.

``clip_by_norm``   the whole parameter set at once: the nearest point of a ball, in the same direction;
``clip_by_value``  every entry for itself: the nearest point of a cube, in another direction;
``sgd``            a step against the gradient, or against its decaying sum (momentum);
``adam``           a step of about the same size in every entry.

An optimiser takes parameters, their gradient and its own state, and returns new ones of both; nothing is changed in place.
A gradient is a record of arrays, or records of records, such as ``rnn.Params``,
``(dL_dp, dL_dq)`` for cell and readout together, or a single array; what comes back is of the same kind.
"""

from __future__ import annotations

from numbers import Real
from typing import Any, NamedTuple

import numpy as np

from rnnlib._records import filled, leaves, mapped
from rnnlib._validate import alike, array


class Step(NamedTuple):
    """What an optimiser returns: the new parameters ``p``, and the ``state`` that its next step needs."""

    p: Any
    state: Any


class SGDState(NamedTuple):
    """What ``sgd`` remembers: the ``velocity`` u, a record of the parameters' kind."""

    velocity: Any


class AdamState(NamedTuple):
    """What ``adam`` remembers: the number ``t`` of steps done, and decaying means ``m`` of g and ``v`` of g²."""

    t: int
    m: Any
    v: Any


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


def sgd(p, dL_dp, state: SGDState | None = None, *, rate: float, momentum: float = 0.0) -> Step:
    """A step of stochastic gradient descent: u ← μ u + g, then p ← p - η u.

    g is the gradient, η the ``rate``, μ the ``momentum``; u is 0 at the start.
    With μ = 0 it is p ← p - η g.

    Parameters
    ----------
    p : the parameters, a record of arrays, or records of records, or an array;
        their precision is kept.
    dL_dp : the gradient, a record of the same kind.
    state : the state that the step before returned; None at the first step.
    rate : a positive number.
    momentum : a number from 0 to below 1.

    Returns
    -------
    Step, with an SGDState.

    Raises
    ------
    ValueError
        If the gradient or the state does not fit the parameters, a number is not finite, complex or exact,
        or ``rate`` or ``momentum`` is out of its range.

    References
    ----------
    Polyak (1964); in this form, without the rate inside u: Sutskever et al. (2013), with η u for their -v.

    Examples
    --------
    >>> p, state = sgd(np.array([1.0, 2.0]), np.array([1.0, -1.0]), rate=0.5)
    >>> p
    array([0.5, 2.5])
    """
    rate, momentum = _positive("rate", rate), _fraction("momentum", momentum)
    p, g, u = _together(p, dL_dp, state, SGDState, "velocity")
    u = _each(lambda u, g: momentum * u + g, u, g)
    return Step(_each(lambda p, u: p - rate * u, p, u), SGDState(u))


def adam(
    p, dL_dp, state: AdamState | None = None, *, rate: float = 0.001, beta_1: float = 0.9, beta_2: float = 0.999, eps: float = 1e-8
) -> Step:
    """A step of Adam: p ← p - η m̂ / (√v̂ + ε), entry by entry.

    t ← t + 1,
    m ← β₁ m + (1 - β₁) g,
    v ← β₂ v + (1 - β₂) g²,
    m̂ = m / (1 - β₁ᵗ) and v̂ = v / (1 - β₂ᵗ),
    which undo the pull of the zeros that m and v start from.
    The first step is η g / (|g| + ε): about η in every entry, whatever the size of g.

    Parameters
    ----------
    p, dL_dp, state : as for ``sgd``.
    rate : η, a positive number.
    beta_1, beta_2 : how much of m and of v is kept at each step, from 0 to below 1.
    eps : ε, a positive number.

    Returns
    -------
    Step, with an AdamState.

    Raises
    ------
    ValueError
        As ``sgd``.

    References
    ----------
    Kingma and Ba (2015), algorithm 1.

    Examples
    --------
    >>> p, state = adam(np.array([1.0, 2.0]), np.array([10.0, -0.1]), rate=0.5)
    >>> p.round(6), state.t
    (array([0.5, 2.5]), 1)
    """
    rate, eps = _positive("rate", rate), _positive("eps", eps)
    beta_1, beta_2 = _fraction("beta_1", beta_1), _fraction("beta_2", beta_2)
    p, g, m, v = _together(p, dL_dp, state, AdamState, "m", "v")
    t = state.t + 1 if state else 1
    m = _each(lambda m, g: beta_1 * m + (1 - beta_1) * g, m, g)
    v = _each(lambda v, g: beta_2 * v + (1 - beta_2) * g**2, v, g)
    m_scale, v_scale = 1 - beta_1**t, 1 - beta_2**t
    p = _each(lambda p, m, v: p - rate * (m / m_scale) / (np.sqrt(v / v_scale) + eps), p, m, v)
    return Step(p, AdamState(t, m, v))


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
    _positive("limit", limit)


def _together(p, dL_dp, state, kind, *names):
    """The arrays of parameters, gradient and the state's named records, checked, each in its parameter's precision."""
    if state is not None and not isinstance(state, kind):
        raise ValueError(f"state is a {type(state).__name__}; it must be the {kind.__name__} of the step before, or None")
    if not (parts := leaves(p)):
        raise ValueError("p holds no array; pass a record of arrays such as rnn.Params, or one array")
    records = {"dL_dp": dL_dp} | {f"state.{name}": getattr(state, name) for name in names if state}
    for what, record in records.items():
        if (have := leaves(record)).keys() != parts.keys():
            raise ValueError(f"{what} has the parts {_list(have)}; it must have those of p, which are {_list(parts)}")
    columns = zip(*(_one_dtype(place, part, records) for place, part in parts.items()))
    found = [filled(p, column) for column in columns]
    return found if state else found + [_each(np.zeros_like, found[0])] * len(names)


def _one_dtype(place, part, records):
    """The parameter at one place, and beside it what each of the records has there."""
    part = array(_at("p", place), part)
    beside = {_at(what, place): array(_at(what, place), leaves(record)[place], part.shape) for what, record in records.items()}
    found = alike({_at("p", place): part}, beside)
    if found[0].dtype.kind != "f":
        what = "exact" if found[0].dtype == object else "complex"
        raise ValueError(f"{_at('p', place)} or its gradient has {what} numbers; an optimiser needs real floats")
    return found


def _each(function, *records):
    """``mapped``, with None left where a record has None."""
    return mapped(lambda first, *rest: None if first is None else function(first, *rest), *records)


def _at(what, place):
    return f"{what}.{place}" if place else what


def _list(parts):
    return ", ".join(name or "one array" for name in parts) or "none"


def _positive(name, value):
    if isinstance(value, bool) or not isinstance(value, Real) or not 0 < value < np.inf:
        raise ValueError(f"{name} is {value!r}; it must be a positive number")
    return float(value)


def _fraction(name, value):
    if isinstance(value, bool) or not isinstance(value, Real) or not 0 <= value < 1:
        raise ValueError(f"{name} is {value!r}; it must be a number from 0 to below 1")
    return float(value)
