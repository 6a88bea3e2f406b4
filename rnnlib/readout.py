r"""The readout z_t = V s_t + c, its loss at every step, and the weights that say which steps count.

The loss of a sequence is always L = Σ_t L_t with L_t = ω_t ℓ(z_t, y_t).
The last step, all steps, their mean and a padding mask are four choices of the weights ω_t and one piece of code.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from rnnlib._validate import array
from rnnlib.losses import Head, head, softmax_cross_entropy


class Params(NamedTuple):
    """Parameters of the readout: ``V`` (m, h) hidden to output, ``c`` (m,) bias."""

    V: Any
    c: Any


class Trace(NamedTuple):
    """What ``forward`` leaves: states ``S`` (T, …, h), ``Z`` and ``O`` (T, …, m), step losses ``L_t`` (T, …), their sum ``L``,
    and ``epsilon`` (T, …, m), the error ε_t = ∂L_t/∂z_t with the weight ω_t inside."""

    S: Any
    Z: Any
    O: Any
    L_t: Any
    L: Any
    epsilon: Any


class Gradients(NamedTuple):
    """What ``backward`` returns: ``dL_dq`` a ``Params`` with dL/dV and dL/dc; ``dL_dS`` (T, …, h), Vᵀ ε_t at every step."""

    dL_dq: Params
    dL_dS: Any


def step(q, s):
    """z_t = V s_t + c (eq-model-z). ``s`` is (B, h); returns (B, m)."""
    return s @ q.V.T + q.c


def step_back(q, s, epsilon):
    """Step t's terms ε_t s_tᵀ and ε_t of dL/dV and dL/dc, and Vᵀ ε_t, its direct effect through s_t (eq-output-v).

    Parameters
    ----------
    q : Params.
    s : (B, h), the states s_t.
    epsilon : (B, m), ε_t = ∂L_t/∂z_t.

    Returns
    -------
    terms : Params.
    dL_ds : (B, h).
    """
    return Params(V=epsilon.T @ s, c=epsilon.sum(axis=0)), epsilon @ q.V


def forward(q, S, Y, head: str | Head = softmax_cross_entropy, weights=None) -> Trace:
    """Outputs and losses of every step.

    Computes z_t = V s_t + c, o_t = g(z_t) and L = Σ_t ω_t ℓ(z_t, y_t) (eq-model-z, eq-model-loss).

    Parameters
    ----------
    q : Params.
    S : (T, h) or (T, B, h), the states s_1 … s_T (that is ``trace.S[1:]``).
    Y : (T, m) or (T, B, m), the targets; one target for the whole sequence may come with a time axis of length 1.
    head : Head, or its name.
    weights : (T,) or (T, B), ω_t; None for 1 at every step. See ``last_step``, ``mean``, ``mask``.

    Raises
    ------
    ValueError
        If a shape does not fit, a number is not finite, or the head is unknown.
    """
    head = _head(head)
    V = array("V", q.V, ("m", "h"))
    q = Params(V, array("c", q.c, (len(V),)))
    S = array("S", S, ("T", V.shape[1]), ("T", "B", V.shape[1]))
    full = (*S.shape[:-1], len(V))
    Y = np.broadcast_to(array("Y", Y, full, (1, *full[1:])), full)
    weights = all_steps(len(S), S.dtype) if weights is None else array("weights", weights, full[:1], full[:-1])
    weights = np.broadcast_to(weights.reshape(weights.shape + (1,) * (S.ndim - 1 - weights.ndim)), full[:-1])
    Z = S @ V.T + q.c
    O = head.g(Z)
    L_t = weights * head.loss(Z, Y)
    return Trace(S, Z, O, L_t, L_t.sum(), weights[..., None] * head.epsilon(O, Y))


def backward(q, trace: Trace) -> Gradients:
    """dL/dV = Σ ε_t s_tᵀ (eq-output-v), dL/dc = Σ ε_t (eq-output-c), and Vᵀ ε_t for every state."""
    rows = trace.epsilon.reshape(-1, trace.epsilon.shape[-1])
    states = trace.S.reshape(-1, trace.S.shape[-1])
    return Gradients(Params(V=rows.T @ states, c=rows.sum(axis=0)), trace.epsilon @ q.V)


def all_steps(T: int, dtype=float):
    """ω_t = 1 for every t: labelling, L is the sum of all step losses."""
    return np.ones(T, dtype)


def last_step(T: int, dtype=float):
    """ω_T = 1 and 0 before: classification of a whole sequence from its last step."""
    return np.eye(T, dtype=dtype)[-1]


def mean(T: int, dtype=float):
    """ω_t = 1/T for every t: L is the mean of the step losses."""
    return np.ones(T, dtype) / T


def mask(lengths, T: int, dtype=float):
    """(T, B): ω_t = 1 while t ≤ length of the sequence and 0 on the padding after it.

    Examples
    --------
    >>> mask([1, 3], T=3).T
    array([[1., 0., 0.],
           [1., 1., 1.]])
    """
    return (np.arange(1, T + 1)[:, None] <= _lengths(lengths, T)).astype(dtype)


def last_valid(lengths, T: int, dtype=float):
    """(T, B): ω_t = 1 at each sequence's own last step, before its padding, and 0 elsewhere.

    Examples
    --------
    >>> last_valid([1, 3], T=3).T
    array([[1., 0., 0.],
           [0., 0., 1.]])
    """
    return (np.arange(1, T + 1)[:, None] == _lengths(lengths, T)).astype(dtype)


def _lengths(lengths, T):
    lengths = array("lengths", lengths, ("B",))
    if lengths.dtype.kind not in "iu" or lengths.min() < 1 or lengths.max() > T:
        raise ValueError(f"lengths must be integers from 1 to T = {T}; got {lengths}")
    return lengths


_head = head  # the argument of ``forward`` has the same name
