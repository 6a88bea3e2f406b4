"""The readout z_t = V s_t + c, its loss at every step, and the weights that say which steps count.

The loss of a sequence is always L = Σ_t L_t with L_t = ω_t ℓ(z_t, y_t).
The last step, all steps, their mean and a padding mask are four choices of the weights ω_t
and one piece of code.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from rnnlib import losses
from rnnlib._validate import alike, array, fields, lengths_within, made_by, rows, step_count
from rnnlib.losses import Head, softmax_cross_entropy
from rnnlib.workspace import Workspace, pieces, product


class Params(NamedTuple):
    """Parameters of the readout: ``V`` (m, h) hidden to output, ``c`` (m,) bias."""

    V: Any
    c: Any


class Trace(NamedTuple):
    """What ``forward`` leaves for ``backward``.

    ``S`` the states s_1 … s_T (T, …, h), the caller's array and not a copy unless its dtype had to change;
    ``Z`` and ``O`` (T, …, m), the pre-activations z_t and the outputs o_t;
    ``L_t`` (T, …) the step losses, weights included, one for every sequence; ``L`` their sum, one number;
    ``epsilon`` (T, …, m), the error ε_t = ∂L_t/∂z_t with the weight ω_t inside.
    """

    S: Any
    Z: Any
    O: Any
    L_t: Any
    L: Any
    epsilon: Any


class Gradients(NamedTuple):
    """What ``backward`` returns.

    ``dL_dq`` a ``Params`` with dL/dV and dL/dc; ``dL_dS`` (T, …, h), the direct effect Vᵀ ε_t of every state.
    """

    dL_dq: Params
    dL_dS: Any


def step(q, s):
    """z_t = V s_t + c (eq-model-z). ``s`` is (B, h), one state a row; returns z, (B, m).

    Examples
    --------
    >>> step(Params(V=np.ones((2, 4)), c=np.zeros(2)), np.ones((5, 4))).shape
    (5, 2)
    """
    return s @ q.V.T + q.c


def step_back(q, s, epsilon):
    """One step's part of the readout's gradients, and what goes to the state.

    The terms ε_t s_tᵀ of dL/dV (eq-output-v) and ε_t of dL/dc (eq-output-c),
    and Vᵀ ε_t.

    Parameters
    ----------
    q : Params.
    s : (B, h), the states s_t.
    epsilon : (B, m), ε_t = ∂L_t/∂z_t.

    Returns
    -------
    terms : Params, summed over the batch.
    dL_ds : (B, h), Vᵀ ε_t, the effect of s_t on the loss of its own step.

    Examples
    --------
    >>> q = Params(V=np.ones((2, 4)), c=np.zeros(2))
    >>> terms, dL_ds = step_back(q, np.ones((5, 4)), np.ones((5, 2)))
    >>> terms.V.shape, terms.c.shape, dL_ds.shape
    ((2, 4), (2,), (5, 4))
    """
    return Params(V=epsilon.T @ s, c=epsilon.sum(axis=0)), epsilon @ q.V


def forward(q, S, Y, head: str | Head = softmax_cross_entropy, weights=None, work=None) -> Trace:
    """Outputs and losses of every step.

    Computes z_t = V s_t + c (eq-model-z), o_t = g(z_t) (eq-model-o), L = Σ_t ω_t ℓ(z_t, y_t) (eq-model-loss)
    and ε_t = ω_t ∂ℓ/∂z_t, for softmax and cross-entropy ω_t (o_t Σy_t − y_t) (eq-output-epsilon).

    Parameters
    ----------
    q : Params.
    S : (T, h) or (T, B, h), the states s_1 … s_T (that is ``trace.S[1:]``).
    Y : (T, m) or (T, B, m), the targets.
        One target for the whole sequence may come with a time axis of length 1;
        the weights say at which steps it counts.
    head : Head, or its name.
    weights : (T,) or (T, B), ω_t (eq-totals-weights); None for 1 at every step.
        See ``all_steps``, ``last_step``, ``mean``, ``mask``, ``last_valid``.
    work : Workspace, or None for new memory; the trace is in it, until the next call with it.

    Returns
    -------
    Trace.

    Raises
    ------
    ValueError
        If a shape does not fit, a number is not finite, or the head is unknown.

    Examples
    --------
    >>> q = Params(V=np.ones((2, 4)), c=np.zeros(2))
    >>> trace = forward(q, np.ones((5, 3, 4)), np.ones((1, 3, 2)), weights=last_step(5))
    >>> trace.O.shape, trace.L_t.shape
    ((5, 3, 2), (5, 3))
    """
    head, work = losses.head(head), work or Workspace()
    given, (q, S, Y, weights) = q, _inputs(q, S, Y, weights, head, work)
    Z, O, L_t, epsilon, parts = work.memory(_memory, S.shape[:-1], len(q.c), S.dtype)
    V_T, ones = work.factor("V", q.V.T, L_t.size), work.ones(len(q.c), S.dtype)
    for piece, z, rows_z, o, loss, error in parts:
        product(rows(S[piece]), V_T, rows_z)
        z += q.c
        y = Y if len(Y) == 1 else Y[piece]
        losses.evaluate(head, z, y, o, loss, error, ones)
    if weights is not None:
        weights = weights.reshape(weights.shape + (1,) * (L_t.ndim - weights.ndim))
        L_t *= weights
        epsilon *= weights[..., None]
    L = L_t.sum()
    if S.dtype != object and not np.isfinite(L):
        array("S", S)  # is it because of the states?
    trace = Trace(S, Z, O, L_t, L, epsilon)
    work.remember(trace, given, q)
    return trace


def _memory(work, shape, m, dtype):
    """Memory for Z, O, the losses and ε, and views of it for every piece of time."""
    Z, O, epsilon = (work.array(name, (*shape, m), dtype) for name in ("Z", "O", "epsilon"))
    L_t = work.array("L_t", shape, dtype)
    parts = [(k, Z[k], rows(Z[k]), O[k], L_t[k], epsilon[k]) for k in pieces(len(Z), Z[0].size)]
    return Z, O, L_t, epsilon, parts


def backward(q, trace: Trace, work=None) -> Gradients:
    """Gradients of the readout, and what it sends to the states.

    dL/dV = Σ ε_t s_tᵀ (eq-output-v), dL/dc = Σ ε_t (eq-output-c), and Vᵀ ε_t for every state.

    Parameters
    ----------
    q : Params, the same that made the trace.
    trace : Trace, from ``forward``.
    work : Workspace, or None for new memory; ``dL_dS`` is in it, until the next call with it.

    Returns
    -------
    Gradients, the parameters' summed over time and over the batch.

    Raises
    ------
    ValueError
        If a shape does not fit the trace or a number is not finite.

    Examples
    --------
    >>> q = Params(V=np.ones((2, 4)), c=np.zeros(2))
    >>> g = backward(q, forward(q, np.ones((5, 3, 4)), np.ones((5, 3, 2))))
    >>> g.dL_dq.V.shape, g.dL_dS.shape
    ((2, 4), (5, 3, 4))
    """
    work = work or Workspace()
    q, S, epsilon = _inputs_back(q, trace, work)
    every = rows(epsilon)
    dL_dq = Params(V=every.T.dot(rows(S)), c=work.sum_of_rows(every))
    dL_dS = work.array("dL_dS", S.shape, S.dtype)
    product(every, work.factor("V back", q.V, len(every)), rows(dL_dS))
    return Gradients(dL_dq, dL_dS)


def all_steps(T: int, dtype=float):
    """ω_t = 1 for every t: labelling, L is the sum of all step losses (eq-totals-weights).

    Examples
    --------
    >>> all_steps(3)
    array([1., 1., 1.])
    """
    return np.ones(step_count(T), dtype)


def last_step(T: int, dtype=float):
    """ω_T = 1 and 0 before: classification of a whole sequence from its last step (eq-totals-weights).

    Examples
    --------
    >>> last_step(3)
    array([0., 0., 1.])
    """
    return np.eye(step_count(T), dtype=dtype)[-1]


def mean(T: int, dtype=float):
    """ω_t = 1/T for every t: L is the mean of the step losses (eq-totals-weights).

    With ``dtype=object`` the weights are Fractions.

    Examples
    --------
    >>> mean(4)
    array([0.25, 0.25, 0.25, 0.25])
    """
    return np.ones(step_count(T), dtype) * (Fraction(1, T) if np.dtype(dtype) == object else 1 / T)


def mask(lengths, T: int, dtype=float):
    """ω_t = 1 while t ≤ length of the sequence and 0 on the padding after it; (T, B) (eq-totals-weights).

    Raises
    ------
    ValueError
        If a length is not an integer from 1 to T.

    Examples
    --------
    >>> mask([1, 3], T=3).T
    array([[1., 0., 0.],
           [1., 1., 1.]])
    """
    return (np.arange(1, step_count(T) + 1)[:, None] <= lengths_within(lengths, T)).astype(int).astype(dtype)


def last_valid(lengths, T: int, dtype=float):
    """ω_t = 1 at each sequence's own last step, else 0 (eq-totals-weights).

    ``lengths`` (B,), without the padding; returns (T, B).

    Raises
    ------
    ValueError
        If a length is not an integer from 1 to T.

    Examples
    --------
    >>> last_valid([1, 3], T=3).T
    array([[1., 0., 0.],
           [0., 0., 1.]])
    """
    ends = np.arange(1, step_count(T) + 1)[:, None] == lengths_within(lengths, T)
    return ends.astype(int).astype(dtype)


def _inputs(q, S, Y, weights, head, work):
    """The arguments of ``forward`` as arrays of fitting shapes and one dtype."""
    given = (*q, S, Y, weights) if type(q) is Params else ()
    # with the heads of losses L is finite only if the states are, and ``forward`` looks at that
    if given and work.familiar(given, (*q, None if head.name in losses.HEADS else S, Y, weights)):
        return q, S, Y, weights
    V, c = fields("q", q, Params)
    V = array("V", V, ("m", "h"))
    m, h = V.shape
    c = array("c", c, (m,), hint=f"V has shape {V.shape}")
    S = array("S", S, ("T", h), ("T", "B", h), hint=f"the states, time first; V has shape {V.shape}")
    steps = S.shape[:-1]
    Y = array("Y", Y, (*steps, m), (1, *steps[1:], m), hint="one_hot(labels, m) turns class labels into rows")
    named = {"Y": Y}
    if weights is not None:
        named["weights"] = array("weights", weights, steps[:1], steps, hint="one a step, or one a step and sequence")
    V, c, S, Y, *rest = alike({"V": V, "c": c}, {"S": S}, named)
    used = V, c, S, Y, rest[0] if rest else None
    if given:
        work.found_right(given, used)
    return Params(V, c), *used[2:]


def _inputs_back(q, trace, work):
    """The arguments of ``backward`` as arrays of one dtype."""
    S, epsilon = made_by("trace", trace, Trace).S, trace.epsilon
    if checked := work.recall(trace, q):
        return checked, S, epsilon
    V, c = fields("q", q, Params)
    h, m = S.shape[-1], epsilon.shape[-1]
    V = array("V", V, (m, h), hint=f"the trace has h = {h}, m = {m}")
    V, c, S, epsilon = alike({"V": V, "c": array("c", c, (m,))}, {"trace.S": S, "trace.epsilon": epsilon})
    return Params(V, c), S, epsilon
