r"""The simple recurrent network: s_t = f(U x_t + W s_{t-1} + b).

``step`` and ``step_back`` are the formulas, made of operators only; the book proves them for every size.
``forward`` and ``backward`` do the same over a whole sequence, with as few and as large matrix products as can be,
and are checked to agree with the steps exactly.

Formulas in the book are about columns; in code a sequence is a *row*, so that ``a = U x`` reads ``a = x @ U.T``
and a batch of B sequences is a matrix with B rows.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from rnnlib._validate import array
from rnnlib.activations import Activation, activation, tanh


class Params(NamedTuple):
    """Parameters of the cell: ``U`` (h, n) input to hidden, ``W`` (h, h) hidden to hidden, ``b`` (h,) bias."""

    U: Any
    W: Any
    b: Any


class Trace(NamedTuple):
    """What ``forward`` leaves for ``backward``.

    ``X`` the inputs (T, n) or (T, B, n); ``A`` the pre-activations a_1 … a_T; ``S`` the T + 1 states s_0 … s_T;
    ``f`` the activation. ``S[:-1]`` are the states that the inputs meet, ``S[1:]`` the states they make.
    """

    X: Any
    A: Any
    S: Any
    f: Activation


class Gradients(NamedTuple):
    """What ``backward`` returns: every gradient has the shape of what it differentiates.

    ``dL_dp`` a ``Params`` with dL/dU, dL/dW, dL/db; ``dL_dX`` the gradient for the inputs; ``dL_ds_0`` for the initial state;
    ``delta`` the δ_t = dL/da_t of every step, shaped like ``A``.
    """

    dL_dp: Params
    dL_dX: Any
    dL_ds_0: Any
    delta: Any


def step(p, x, s_prev, f=tanh):
    """One step forward: a_t = U x_t + W s_{t-1} + b, s_t = f(a_t) (eq-model-a, eq-model-s).

    Parameters
    ----------
    p : Params.
    x : (B, n), the inputs x_t of B sequences, one a row.
    s_prev : (B, h), the states s_{t-1}.
    f : Activation.

    Returns
    -------
    a, s : (B, h) each, the pre-activations a_t and the states s_t.
    """
    a = x @ p.U.T + s_prev @ p.W.T + p.b
    return a, f.f(a)


def step_back(p, x, s_prev, a, s, dL_ds, f=tanh):
    """One step back: from λ_t = dL/ds_t to everything that step t passes on (eq-one-step-vjp).

    Parameters
    ----------
    p, x, s_prev, f : as they were given to ``step``.
    a, s : what ``step`` returned.
    dL_ds : (B, h), λ_t, the losses of all later steps included.

    Returns
    -------
    delta : (B, h), δ_t = f'(a_t) ⊙ λ_t = dL/da_t.
    terms : Params, step t's own terms δ_t x_tᵀ, δ_t s_{t-1}ᵀ, δ_t of dL/dU, dL/dW, dL/db.
    dL_dx : (B, n), Uᵀ δ_t.
    dL_ds_prev : (B, h), Wᵀ δ_t, what step t sends to s_{t-1}.
    """
    delta = dL_ds * f.df(a, s)
    terms = Params(U=delta.T @ x, W=delta.T @ s_prev, b=delta.sum(axis=0))
    return delta, terms, delta @ p.U, delta @ p.W


def forward(p, X, s_0=None, f=tanh) -> Trace:
    """Run the network over a sequence, or over a batch of sequences of equal length.

    Computes a_t = U x_t + W s_{t-1} + b and s_t = f(a_t) for t = 1 … T (eq-model-a, eq-model-s).

    Parameters
    ----------
    p : Params.
    X : (T, n) or (T, B, n).
    s_0 : (h,) or (B, h), or None for zeros; (h,) is shared by the whole batch.
    f : Activation, or its name.

    Returns
    -------
    Trace, with ``S`` of shape (T + 1, h) or (T + 1, B, h).

    Raises
    ------
    ValueError
        If a shape does not fit, a number is not finite, or the activation is unknown.

    Examples
    --------
    >>> p = Params(U=np.ones((4, 3)), W=np.eye(4), b=np.zeros(4))
    >>> forward(p, np.ones((5, 2, 3))).S.shape
    (6, 2, 4)
    """
    p, X, s_0, f = _inputs(p, X, s_0, f)
    T, h = len(X), len(p.b)
    dtype = np.result_type(X, s_0, *p)
    A = (_rows(X) @ p.U.T + p.b).reshape(*X.shape[:-1], h).astype(dtype, copy=False)  # U x_t + b, all t at once
    S = np.empty((T + 1, *A.shape[1:]), dtype)
    S[0] = s_0
    for t in range(T):
        A[t] += S[t] @ p.W.T
        S[t + 1] = f.f(A[t])
    return Trace(X, A, S, f)


def backward(p, trace: Trace, dL_dS, dL_ds_T=None) -> Gradients:
    """Back-propagation through time: all gradients from the direct effect of every state on the loss.

    Going back from t = T, with δ_{T+1} = 0 (eq-two-directions-adjoint):
    λ_t = Vᵀ ε_t + Wᵀ δ_{t+1} and δ_t = f'(a_t) ⊙ λ_t; then
    dL/dU = Σ δ_t x_tᵀ (eq-gradient-u-outer), dL/dW = Σ δ_t s_{t-1}ᵀ (eq-gradient-w-outer), dL/db = Σ δ_t,
    dL/dx_t = Uᵀ δ_t, dL/ds_0 = Wᵀ δ_1.

    Parameters
    ----------
    p : Params, the same that made the trace.
    trace : Trace, from ``forward``.
    dL_dS : (T, h) or (T, B, h), the direct effect Vᵀ ε_t of each state s_1 … s_T on its own step's loss.
    dL_ds_T : (h,) or (B, h), what steps after T send back to s_T; None for nothing.
        This is how a long sequence is gone through in pieces.

    Returns
    -------
    Gradients, summed over time and over the batch.

    Raises
    ------
    ValueError
        If a shape does not fit or a number is not finite.
    """
    X, A, S, f = trace
    dL_dS = array("dL_dS", dL_dS, A.shape)
    back = 0 if dL_ds_T is None else array("dL_ds_T", dL_ds_T, A.shape[1:])
    delta = np.empty(A.shape, np.result_type(A, dL_dS, *([] if dL_ds_T is None else [back])))
    for t in reversed(range(len(X))):
        delta[t] = (dL_dS[t] + back) * f.df(A[t], S[t + 1])
        back = delta[t] @ p.W
    rows = _rows(delta)
    dL_dp = Params(U=rows.T @ _rows(X), W=rows.T @ _rows(S[:-1]), b=rows.sum(axis=0))
    return Gradients(dL_dp, delta @ p.U, back, delta)


def _rows(A):
    """(T, B, k) or (T, k) as one matrix with k columns: all steps of all sequences, one a row."""
    return A.reshape(-1, A.shape[-1])


def _inputs(p, X, s_0, f):
    """The arguments of ``forward`` as arrays of fitting shapes."""
    W = array("W", p.W, ("h", "h"))
    h = len(W)
    if W.shape != (h, h):
        raise ValueError(f"W has shape {W.shape}; it must be square, (h, h)")
    U = array("U", p.U, (h, "n"))
    b = array("b", p.b, (h,))
    n = U.shape[1]
    X = array("X", X, ("T", n), ("T", "B", n))
    shape = (*X.shape[1:-1], h)
    s_0 = np.zeros(shape, np.result_type(X, U)) if s_0 is None else array("s_0", s_0, shape, (h,))
    return Params(U, W, b), X, s_0, activation(f)
