"""The simple recurrent network: s_t = f(U x_t + W s_{t-1} + b).

``step`` and ``step_back`` are the formulas, made of operators only; the book proves them for every size.
``forward`` and ``backward`` do the same over a whole sequence: what needs no earlier or later step is done
for a stretch of time at once, in a workspace; they are checked to agree with the steps exactly.

Formulas in the book are about columns.
In code a sequence is a *row*, so that ``a = U x`` reads ``a = x @ U.T``, and a batch has B rows.

Precision follows the parameters: with float32 parameters all is float32, whatever the data's precision.
Complex numbers (for the complex step) pass through, and so do object arrays of exact numbers
(Fractions, integers mod p).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from rnnlib._validate import alike, array, fields, finite, made_by, rows
from rnnlib.activations import Activation, activation, into, slope_into, tanh
from rnnlib.workspace import Workspace, fastest, product, stretches


class Params(NamedTuple):
    """Parameters of the cell: ``U`` (h, n) input to hidden, ``W`` (h, h) hidden to hidden, ``b`` (h,)."""

    U: Any
    W: Any
    b: Any


class Trace(NamedTuple):
    """What ``forward`` leaves for ``backward``.

    ``X`` the inputs (T, n) or (T, B, n); ``A`` the pre-activations a_1 … a_T;
    ``S`` the T + 1 states s_0 … s_T; ``f`` the activation.
    ``S[:-1]`` are the states that the inputs meet, ``S[1:]`` the states they make.

    ``X`` is the array that ``forward`` was given, not a copy, unless its dtype had to change:
    leave it as it is until ``backward`` has run.
    ``A`` and ``S`` are in the workspace that ``forward`` was given, or new.
    """

    X: Any
    A: Any
    S: Any
    f: Activation

    @property
    def s_T(self):
        """The last state, (B, h) or (h,): the ``s_0`` of what follows."""
        return self.S[-1]


class Gradients(NamedTuple):
    """What ``backward`` returns: every gradient has the shape of what it differentiates.

    ``dL_dp`` a ``Params`` with dL/dU, dL/dW, dL/db; ``dL_dX`` the gradient for the inputs;
    ``dL_ds_0`` for the initial state, a row for every sequence;
    ``delta`` the δ_t = dL/da_t of every step, shaped like ``A``.
    """

    dL_dp: Params
    dL_dX: Any
    dL_ds_0: Any
    delta: Any


def step(p, x, s_prev, f=tanh):
    """One step forward.

    a_t = U x_t + W s_{t-1} + b (eq-model-a), s_t = f(a_t) (eq-model-s).
    The arguments are taken as they come; ``forward`` checks them.

    Parameters
    ----------
    p : Params.
    x : (B, n), the inputs x_t of B sequences, one a row.
    s_prev : (B, h), the states s_{t-1}.
    f : Activation.

    Returns
    -------
    a, s : (B, h) each, the pre-activations a_t and the states s_t.

    References
    ----------
    Elman (1990).

    Examples
    --------
    >>> p = Params(U=np.ones((4, 3)), W=np.eye(4), b=np.zeros(4))
    >>> a, s = step(p, np.ones((2, 3)), np.zeros((2, 4)))
    >>> a.shape, s.shape
    ((2, 4), (2, 4))
    """
    a = x @ p.U.T + s_prev @ p.W.T + p.b
    return a, f.f(a)


def step_back(p, x, s_prev, a, s, dL_ds, f=tanh):
    """What step t passes back when λ_t = dL/ds_t comes in (eq-one-step-vjp).

    The arguments are taken as they come; ``backward`` checks its own.

    Parameters
    ----------
    p, x, s_prev, f : as they were given to ``step``.
    a, s : what ``step`` returned.
    dL_ds : (B, h), λ_t, the losses of all later steps included.

    Returns
    -------
    delta : (B, h), δ_t = f'(a_t) ⊙ λ_t = dL/da_t.
    terms : Params, step t's own terms of dL/dU, dL/dW, dL/db:
        δ_t x_tᵀ (eq-one-step-u), δ_t s_{t-1}ᵀ (eq-one-step-w) and δ_t,
        summed over the batch.
    dL_dx : (B, n), Uᵀ δ_t.
    dL_ds_prev : (B, h), J_tᵀ λ_t = Wᵀ δ_t (eq-one-step-j), for s_{t-1}.

    References
    ----------
    Werbos (1990).

    Examples
    --------
    >>> p = Params(U=np.ones((4, 3)), W=np.eye(4), b=np.zeros(4))
    >>> x, s_prev = np.ones((2, 3)), np.zeros((2, 4))
    >>> a, s = step(p, x, s_prev)
    >>> dL_ds = np.ones((2, 4))
    >>> delta, terms, dL_dx, dL_ds_prev = step_back(p, x, s_prev, a, s, dL_ds)
    >>> delta.shape, terms.U.shape, dL_dx.shape, dL_ds_prev.shape
    ((2, 4), (4, 3), (2, 3), (2, 4))
    """
    delta = dL_ds * f.df(a, s)
    terms = Params(U=delta.T @ x, W=delta.T @ s_prev, b=delta.sum(axis=0))
    return delta, terms, delta @ p.U, delta @ p.W


def forward(p, X, s_0=None, f=tanh, work=None) -> Trace:
    """Run the network over a sequence, or over a batch of sequences of equal length.

    Computes a_t = U x_t + W s_{t-1} + b (eq-model-a) and s_t = f(a_t) (eq-model-s) for t = 1 … T.

    Parameters
    ----------
    p : Params.
    X : (T, n) or (T, B, n), the inputs, time first.
    s_0 : (h,) or (B, h), or None for zeros; (h,) is shared by the whole batch.
    f : Activation, or its name.
    work : Workspace, or None for new memory; the trace is in it, until the next call with it.

    Returns
    -------
    Trace, with ``S`` of shape (T + 1, h) or (T + 1, B, h).

    Raises
    ------
    ValueError
        If a shape does not fit, a number is not finite, or the activation is unknown.

    References
    ----------
    Elman (1990).

    Examples
    --------
    >>> p = Params(U=np.ones((4, 3)), W=np.eye(4), b=np.zeros(4))
    >>> forward(p, np.ones((5, 2, 3))).S.shape
    (6, 2, 4)
    """
    f, work = activation(f), work or Workspace()
    given, (p, X, s_0) = p, _inputs(p, X, s_0, work)
    one = X[0].size == X.shape[-1] and len(p.b) <= 128 and X.dtype != object
    A, S = (_states_of_one if one else _states)(p, X, s_0, f, work)
    trace = Trace(X, A, S, f)
    work.remember(trace, given, p)
    return trace


def _states(p, X, s_0, f, work):
    """A and S, in a workspace."""
    A, S, Ws, parts = work.memory(_memory, X.shape[:-1], len(p.b), X.dtype)
    S[0] = 0 if s_0 is None else s_0
    count = A.size // len(p.b)
    U_T = work.factor("U", p.U.T, count)
    W_T = work.factor("W", p.W.T, count)
    f_into, times = into(f), fastest(Ws, W_T)
    for piece, all_a, rows_a, steps in parts:
        product(rows(X[piece]), U_T, rows_a)  # all U x_t at once
        all_a += p.b
        for a, s_prev, s in steps:
            times(s_prev, W_T, Ws)
            a += Ws  # a_t = U x_t + b + W s_{t-1}
            f_into(a, s)
    return A, S


def _memory(work, shape, h, dtype):
    """Memory for A, S and W s_{t-1}, and views of it for every stretch of time."""
    A = work.array("A", (*shape, h), dtype)
    S = work.array("S", (shape[0] + 1, *shape[1:], h), dtype)
    every_a, every_s = work.steps(A), work.steps(S)
    Ws = work.array("Ws", every_s[0].shape, dtype)
    steps = list(zip(every_a, every_s, every_s[1:], strict=False))
    return A, S, Ws, stretches(A, steps)


def _states_of_one(p, X, s_0, f, work):
    """A and S of one sequence, where calls cost more than numbers: a_t = [W U b] [s_{t-1}; x_t; 1], one product a step."""
    h, n = p.U.shape
    A, S, inputs, all_three, steps = work.memory(_memory_of_one, X.shape[:-1], h, n, X.dtype)
    S[0] = 0 if s_0 is None else s_0
    inputs[...] = rows(X)
    all_three[:h], all_three[h:-1], all_three[-1] = p.W.T, p.U.T, p.b
    f_into = into(f)
    for s_x_1, a, s in steps:
        s_x_1.dot(all_three, a)
        f_into(a, s)
    return A, S


def _memory_of_one(work, shape, h, n, dtype):
    """Memory for A, for the rows [s_{t-1}, x_t, 1], and for [W U b]ᵀ, and views of it."""
    T = shape[0]
    A, joint = work.array("A", (*shape, h), dtype), work.array("s x 1", (T + 1, h + n + 1), dtype)
    joint[:, -1] = 1
    S = joint[:, :h].reshape(T + 1, *shape[1:], h)
    steps = list(zip(joint, work.steps(A), joint[1:, :h], strict=False))
    return A, S, joint[:-1, h:-1], work.array("W U b", (h + n + 1, h), dtype), steps


def backward(p, trace: Trace, dL_dS, dL_ds_T=None, work=None) -> Gradients:
    """Back-propagation through time: all gradients of the loss.

    Going back from t = T, with δ_{T+1} = 0 (eq-two-directions-adjoint):
    λ_t = Vᵀ ε_t + Wᵀ δ_{t+1} and δ_t = f'(a_t) ⊙ λ_t; then
    dL/dU = Σ δ_t x_tᵀ (eq-gradient-u-outer),
    dL/dW = Σ δ_t s_{t-1}ᵀ (eq-gradient-w-outer), dL/db = Σ δ_t,
    dL/dx_t = Uᵀ δ_t, dL/ds_0 = Wᵀ δ_1.

    Parameters
    ----------
    p : Params, the same that made the trace.
    trace : Trace, from ``forward``.
    dL_dS : (T, h) or (T, B, h), the direct effect Vᵀ ε_t of each state
        s_1 … s_T on its own step's loss.
    dL_ds_T : (h,) or (B, h), what later steps send to s_T; None for nothing.
        A long sequence can be gone through in pieces:
        the ``dL_ds_0`` of one piece is the ``dL_ds_T`` of the piece before.
    work : Workspace, or None for new memory;
        ``dL_dX`` and ``delta`` are in it, until the next call with it.

    Returns
    -------
    Gradients, the parameters' summed over time and over the batch.

    Raises
    ------
    ValueError
        If a shape does not fit the trace or a number is not finite.

    References
    ----------
    Werbos (1990); a sequence in pieces: Williams and Peng (1990).

    Examples
    --------
    >>> p = Params(U=np.ones((4, 3)), W=np.eye(4), b=np.zeros(4))
    >>> trace = forward(p, np.ones((5, 2, 3)))
    >>> g = backward(p, trace, dL_dS=np.ones((5, 2, 4)))
    >>> g.dL_dp.W.shape, g.dL_dX.shape, g.dL_ds_0.shape
    ((4, 4), (5, 2, 3), (2, 4))
    """
    work = work or Workspace()
    p, (X, A, S, f), dL_dS, dL_ds_T = _inputs_back(p, trace, dL_dS, dL_ds_T, work)
    delta, back, start = _deltas(p.W, A, S, f, dL_dS, dL_ds_T, work)
    every = rows(delta[start:])  # before, δ_t is 0
    dL_dp = Params(U=every.T.dot(rows(X[start:])),
                   W=every.T.dot(rows(S[start:-1])),
                   b=work.sum_of_rows(every))
    dL_dX = work.array("dL_dX", X.shape, A.dtype)
    product(rows(delta), work.factor("U back", p.U, len(every)), rows(dL_dX))
    if dL_ds_T is None and A.dtype != object and not finite((dL_dp.b,)):
        array("dL_dS", dL_dS)  # is it because of these?
    return Gradients(dL_dp, dL_dX, back, delta)


def _deltas(W, A, S, f, dL_dS, dL_ds_T, work):
    """δ_1 … δ_T, dL/ds_0, and the number of first steps whose δ_t is known to be 0."""
    silent = _silent(dL_dS, f)
    most = 16 if silent else None
    delta, back, parts = work.memory(_memory_back, A.shape, A.dtype, most)
    back[...] = 0 if dL_ds_T is None else dL_ds_T.reshape(back.shape)
    W, start = work.factor("W back", W, delta.size // len(W)), 0
    effects = work.steps(dL_dS)
    df_into, times = slope_into(f), fastest(back, W)
    for piece, all_d, _, every_d in reversed(parts):
        df_into(A[piece], S[1:][piece], all_d)  # all f'(a_t) at once
        for d, effect in zip(reversed(every_d), reversed(effects[piece])):
            back += effect  # λ_t = Vᵀ ε_t + Wᵀ δ_{t+1}
            d *= back  # δ_t = f'(a_t) ⊙ λ_t
            times(d, W, back)
        if piece.start < silent and not d.any():  # nothing goes further back
            start, delta[: piece.start] = piece.start, 0
            break
    return delta, back.reshape(A.shape[1:]).copy(), start


def _memory_back(work, shape, dtype, most):
    """Memory for δ and Wᵀ δ_{t+1}, and views of it for every stretch of time."""
    delta = work.array("delta", shape, dtype)
    every_d = work.steps(delta)
    return delta, work.array("back", every_d[0].shape, dtype), stretches(delta, every_d, most)


def _silent(dL_dS, f):
    """How many first steps have no direct effect, so that once δ_t is 0 it remains so."""
    if dL_dS.dtype == object or f.slope == np.inf or dL_dS.item(0):
        return 0
    heard = rows(dL_dS.reshape(len(dL_dS), -1)).any(axis=1)
    return int(heard.argmax()) if heard.any() else len(heard)


def _inputs(p, X, s_0, work):
    """The arguments of ``forward`` as arrays of fitting shapes and one dtype."""
    given = (*p, X, s_0) if type(p) is Params else ()
    if given and work.familiar(given, given):
        return p, X, s_0
    U, W, b = fields("p", p, Params)
    W = array("W", W, ("h", "h"), hint="W must be square")
    h = len(W)
    U = array("U", U, (h, "n"), hint=f"W has shape {W.shape}")
    b = array("b", b, (h,), hint=f"W has shape {W.shape}")
    n = U.shape[1]
    X = array("X", X, ("T", n), ("T", "B", n), hint=f"time comes first, and U has shape {U.shape}")
    shape = (*X.shape[1:-1], h)
    named = {"X": X} if s_0 is None else {"X": X, "s_0": array("s_0", s_0, shape, (h,))}
    U, W, b, X, *rest = alike({"U": U, "W": W, "b": b}, named)
    used = U, W, b, X, rest[0] if rest else None
    if given:
        work.found_right(given, used)
    return Params(U, W, b), *used[3:]


def _inputs_back(p, trace, dL_dS, dL_ds_T, work=None):
    """The arguments of ``backward`` as arrays of fitting shapes and one dtype; None becomes zeros."""
    X, A, S, f = made_by("trace", trace, Trace)
    if work and dL_ds_T is None and (checked := work.recall(trace, p)):
        if type(dL_dS) is np.ndarray and dL_dS.shape == A.shape and dL_dS.dtype == A.dtype:
            return checked, trace, dL_dS, None  # its numbers are looked at in the end
    U, W, b = fields("p", p, Params)
    h, n = A.shape[-1], X.shape[-1]
    hint = f"the trace has n = {n}, h = {h}"
    U = array("U", U, (h, n), hint=hint)
    W = array("W", W, (h, h), hint=hint)
    b = array("b", b, (h,), hint=hint)
    dL_dS = array("dL_dS", dL_dS, A.shape, hint="one row for each of s_1 … s_T, none for s_0")
    dL_ds_T = np.zeros(A.shape[1:], int) if dL_ds_T is None else array("dL_ds_T", dL_ds_T, A.shape[1:])
    U, W, b, X, A, S, dL_dS, dL_ds_T = alike(
        {"U": U, "W": W, "b": b},
        {"trace.X": X, "trace.A": A, "trace.S": S},
        {"dL_dS": dL_dS, "dL_ds_T": dL_ds_T},
    )
    return Params(U, W, b), Trace(X, A, S, f), dL_dS, dL_ds_T
