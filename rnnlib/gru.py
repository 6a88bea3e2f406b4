"""The GRU: one gate says how much of the state is made anew, another what of it the new part may see.

r_t = σ(a_r) the reset gate, u_t = σ(a_u) the update gate, s̃_t = f(a_s̃) the candidate. a_r and a_u are blocks of
U x_t + W s_{t-1} + b; the candidate's block has the reset gate in it, in one of two places:

reset "after" the product (PyTorch, cuDNN):      a_s̃ = U_s̃ x_t + b_s̃ + r_t ⊙ (W_s̃ s_{t-1} + b_s)
reset "before" the product (Cho et al., 2014):   a_s̃ = U_s̃ x_t + b_s̃ + W_s̃ (r_t ⊙ s_{t-1}) + b_s

The update gate is read in one of two ways:

update "keep" (Cho et al., 2014; PyTorch):       s_t = u_t ⊙ s_{t-1} + (1 − u_t) ⊙ s̃_t
update "replace" (Chung et al., 2014):           s_t = (1 − u_t) ⊙ s_{t-1} + u_t ⊙ s̃_t

"keep" and "replace" are the same networks with a_u negated.
"before" and "after" agree for all inputs if W_s̃ is diagonal and b_s = 0, and only then,
unless two units share one reset gate (equal rows of U_r and b_r); "before", b_s is only a part of b_s̃.
The functions here are PyTorch's variant; ``variant`` makes the others. The order of the blocks is PyTorch's.

``step`` and ``step_back`` are the formulas, made of operators and ``np.split``, ``np.concatenate`` only.
``forward`` and ``backward`` do the same over a whole sequence.
Arguments, records and precision are as in ``rnn``.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np

from rnnlib import _gated
from rnnlib._validate import alike, array, made_by, rows
from rnnlib.activations import Activation, activation, sigmoid, tanh
from rnnlib.cells import Cell

RESET, UPDATE = ("after", "before"), ("keep", "replace")


class Params(NamedTuple):
    """Parameters of the cell: ``U`` (3h, n) from the input, ``W`` (3h, h) from the state, ``b`` (3h,), ``b_s`` (h,).

    Three blocks of h rows, one under the other: reset gate, update gate, candidate.
    ``gates(p.W, axis=0)`` gives the three blocks, and writing to a block writes to ``p.W``.
    ``b_s`` is the bias beside W_s̃ s_{t-1}, which the reset gate multiplies, too, if it comes after the product.
    """

    U: Any
    W: Any
    b: Any
    b_s: Any


class Gates(NamedTuple):
    """Three things of one kind, one for each gate, in the order of the blocks: r, u, s̃."""

    r: Any
    u: Any
    candidate: Any


class Trace(NamedTuple):
    """What ``forward`` leaves for ``backward``.

    ``X`` the inputs (T, n) or (T, B, n); ``A`` (T, …, 3h) the pre-activations a_1 … a_T;
    ``G`` (T, …, 3h) the gates r_t, u_t, s̃_t;
    ``N`` (T, …, h) the state's way into the candidate: W_s̃ s_{t-1} + b_s if the reset gate comes after the product,
    r_t ⊙ s_{t-1} if before;
    ``S`` the T + 1 states s_0 … s_T; ``f`` the activation of the candidate, ``gate`` that of the gates;
    ``reset``, ``update`` the variant.

    ``X`` is the caller's array, not a copy, unless its dtype had to change.
    """

    X: Any
    A: Any
    G: Any
    N: Any
    S: Any
    f: Activation
    gate: Activation
    reset: str
    update: str

    @property
    def s_T(self):
        """The last state, (B, h) or (h,): the ``s_0`` of what follows."""
        return self.S[-1]


class Gradients(NamedTuple):
    """What ``backward`` returns: every gradient has the shape of what it differentiates.

    ``dL_dp`` a ``Params``; ``dL_dX`` the gradient for the inputs; ``dL_ds_0`` for the initial state;
    ``delta`` (T, …, 3h) the δ_t = dL/da_t, blocks in the order of the gates.
    """

    dL_dp: Params
    dL_dX: Any
    dL_ds_0: Any
    delta: Any


def gates(a, axis=-1) -> Gates:
    """The three blocks of ``a`` along an axis, as views: the last axis for a_t and b, the first for U, W.

    Examples
    --------
    >>> W = np.zeros((6, 2))
    >>> gates(W, axis=0).candidate[:] = np.eye(2)
    >>> W[4:]
    array([[1., 0.],
           [0., 1.]])
    """
    return Gates(*np.split(a, 3, axis=axis))


def step(p, x, s_prev, f=tanh, gate=sigmoid, reset="after", update="keep"):
    """One step forward: s_t from x_t and s_{t-1}.

    r_t = σ(a_r), u_t = σ(a_u) (eq-gru-gates), s̃_t = f(a_s̃), s_t = u_t ⊙ s_{t-1} + (1 − u_t) ⊙ s̃_t (eq-gru-state), with
    a_s̃ = U_s̃ x_t + b_s̃ + r_t ⊙ (W_s̃ s_{t-1} + b_s) (eq-gru-candidate), or as the variant says (see the module).
    The arguments are taken as they come; ``forward`` is the one that checks them.

    Parameters
    ----------
    p : Params.
    x : (B, n), the inputs x_t of B sequences, one a row.
    s_prev : (B, h), the states s_{t-1}.
    f : Activation of the candidate.
    gate : Activation of the two gates.
    reset : "after" or "before".
    update : "keep" or "replace".

    Returns
    -------
    a : (B, 3h), the pre-activations a_t.
    s : (B, h), the states s_t.

    References
    ----------
    Cho et al. (2014).

    Examples
    --------
    >>> p = Params(U=np.ones((12, 3)), W=np.ones((12, 4)), b=np.zeros(12), b_s=np.zeros(4))
    >>> a, s = step(p, np.ones((2, 3)), np.zeros((2, 4)))
    >>> a.shape, s.shape
    ((2, 12), (2, 4))
    """
    from_x, W = gates(x @ p.U.T + p.b), gates(p.W, axis=0)
    a_r = from_x.r + s_prev @ W.r.T
    a_u = from_x.u + s_prev @ W.u.T
    r, u = gate.f(a_r), gate.f(a_u)
    if reset == "after":
        a_candidate = from_x.candidate + r * (s_prev @ W.candidate.T + p.b_s)
    else:
        a_candidate = from_x.candidate + (r * s_prev) @ W.candidate.T + p.b_s
    s_tilde = f.f(a_candidate)
    kept, made = (u, 1 - u) if update == "keep" else (1 - u, u)
    return np.concatenate([a_r, a_u, a_candidate], axis=-1), kept * s_prev + made * s_tilde


def step_back(p, x, s_prev, a, s, dL_ds, f=tanh, gate=sigmoid, reset="after", update="keep"):
    """One step back: from λ_t = dL/ds_t to everything that step t passes on.

    With PyTorch's variant: δ_s̃ = f'(a_s̃) ⊙ (1 − u_t) ⊙ λ_t (eq-gru-delta-candidate),
    δ_u = σ'(a_u) ⊙ (s_{t-1} − s̃_t) ⊙ λ_t (eq-gru-delta-u),
    δ_r = σ'(a_r) ⊙ (W_s̃ s_{t-1} + b_s) ⊙ δ_s̃ (eq-gru-delta-r), and
    dL/ds_{t-1} = u_t ⊙ λ_t + W_rᵀ δ_r + W_uᵀ δ_u + W_s̃ᵀ (r_t ⊙ δ_s̃) (eq-gru-adjoint).
    With the reset before the product: δ_r = σ'(a_r) ⊙ s_{t-1} ⊙ W_s̃ᵀ δ_s̃ (eq-gru-before-back),
    and r_t ⊙ W_s̃ᵀ δ_s̃ goes to s_{t-1} (eq-gru-before-adjoint).

    Parameters
    ----------
    p, x, s_prev, f, gate, reset, update : as they were given to ``step``.
    a, s : what ``step`` returned.
    dL_ds : (B, h), λ_t, the losses of all later steps included.

    Returns
    -------
    delta : (B, 3h), δ_t = dL/da_t.
    terms : Params, step t's own terms of dL/dU, dL/dW, dL/db, dL/db_s, summed over the batch.
    dL_dx : (B, n), Uᵀ δ_t.
    dL_ds_prev : (B, h), what step t sends to s_{t-1}.

    References
    ----------
    Cho et al. (2014).

    Examples
    --------
    >>> p = Params(U=np.ones((12, 3)), W=np.ones((12, 4)), b=np.zeros(12), b_s=np.zeros(4))
    >>> x, s_prev = np.ones((2, 3)), np.zeros((2, 4))
    >>> a, s = step(p, x, s_prev)
    >>> delta, terms, dL_dx, dL_ds_prev = step_back(p, x, s_prev, a, s, np.ones((2, 4)))
    >>> delta.shape, terms.W.shape, dL_dx.shape, dL_ds_prev.shape
    ((2, 12), (12, 4), (2, 3), (2, 4))
    """
    (a_r, a_u, a_candidate), W = gates(a), gates(p.W, axis=0)
    r, u, s_tilde = gate.f(a_r), gate.f(a_u), f.f(a_candidate)
    kept, made = (u, 1 - u) if update == "keep" else (1 - u, u)
    more = s_prev - s_tilde if update == "keep" else s_tilde - s_prev
    delta_u = gate.df(a_u, u) * more * dL_ds
    delta_s = f.df(a_candidate, s_tilde) * made * dL_ds
    if reset == "after":
        beside = r * delta_s  # dL/d(W s_{t-1} + b_s)
        delta_r = gate.df(a_r, r) * (s_prev @ W.candidate.T + p.b_s) * delta_s
        W_candidate, to_prev = beside.T @ s_prev, beside @ W.candidate
    else:
        beside = delta_s
        delta_r = gate.df(a_r, r) * s_prev * (delta_s @ W.candidate)
        W_candidate = delta_s.T @ (r * s_prev)
        to_prev = r * (delta_s @ W.candidate)
    delta = np.concatenate([delta_r, delta_u, delta_s], axis=-1)
    terms = Params(
        U=delta.T @ x,
        W=np.concatenate([delta_r.T @ s_prev, delta_u.T @ s_prev, W_candidate]),
        b=delta.sum(axis=0),
        b_s=beside.sum(axis=0),
    )
    dL_ds_prev = kept * dL_ds + delta_r @ W.r + delta_u @ W.u + to_prev
    return delta, terms, delta @ p.U, dL_ds_prev


def forward(p, X, s_0=None, f=tanh, gate=sigmoid, reset="after", update="keep") -> Trace:
    """Run the GRU over a sequence, or over a batch of sequences of equal length.

    Computes r_t, u_t, s̃_t and s_t = u_t ⊙ s_{t-1} + (1 − u_t) ⊙ s̃_t for t = 1 … T, or as the variant says.

    Parameters
    ----------
    p : Params.
    X : (T, n) or (T, B, n), the inputs, time first.
    s_0 : (h,) or (B, h), or None for zeros; (h,) is shared by the whole batch.
    f : Activation of the candidate, or its name.
    gate : Activation of the two gates, or its name.
    reset : "after" or "before", where the reset gate stands with respect to the product with W_s̃.
    update : "keep" or "replace", what the update gate is the share of.

    Returns
    -------
    Trace, with ``S`` of shape (T + 1, h) or (T + 1, B, h).

    Raises
    ------
    ValueError
        If a shape does not fit, a number is not finite, or a name is unknown.

    References
    ----------
    Cho et al. (2014); Chung et al. (2014).

    Examples
    --------
    >>> p = Params(U=np.ones((12, 3)), W=np.ones((12, 4)), b=np.zeros(12), b_s=np.zeros(4))
    >>> forward(p, np.ones((5, 2, 3))).S.shape
    (6, 2, 4)
    """
    f, gate = activation(f), activation(gate)
    reset, update = _gated.one_of("reset", reset, *RESET), _gated.one_of("update", update, *UPDATE)
    p, X, s_0 = _inputs(p, X, s_0)
    h = len(p.b_s)
    A = (rows(X) @ p.U.T + p.b).reshape(*X.shape[:-1], 3 * h)  # U x_t + b for all t; the state's part is to come
    G, N = np.empty_like(A), np.empty((*A.shape[:-1], h), A.dtype)
    S = np.empty((len(X) + 1, *N.shape[1:]), A.dtype)
    S[0] = s_0
    (r, u, s_tilde), a_candidate = gates(G), gates(A).candidate
    A_both, G_both, W_both, W_candidate = A[..., : 2 * h], G[..., : 2 * h], p.W[: 2 * h].T, p.W[2 * h :].T
    for t in range(len(X)):
        A_both[t] += S[t] @ W_both
        G_both[t] = gate.f(A_both[t])
        if reset == "after":
            N[t] = S[t] @ W_candidate + p.b_s
            a_candidate[t] += r[t] * N[t]
        else:
            N[t] = r[t] * S[t]
            a_candidate[t] += N[t] @ W_candidate + p.b_s
        s_tilde[t] = f.f(a_candidate[t])
        kept, made = (u[t], 1 - u[t]) if update == "keep" else (1 - u[t], u[t])
        S[t + 1] = kept * S[t] + made * s_tilde[t]
    return Trace(X, A, G, N, S, f, gate, reset, update)


def backward(p, trace: Trace, dL_dS, dL_ds_T=None) -> Gradients:
    """Back-propagation through time: all gradients from the direct effect of every state on the loss.

    Going back from t = T: λ_t is the direct effect of s_t and what step t + 1 sends back; δ_t as in ``step_back``; then
    dL/dU = Σ δ_t x_tᵀ (eq-gru-u), dL/db = Σ δ_t (eq-gru-b), dL/dx_t = Uᵀ δ_t (eq-gru-x),
    and dL/dW (eq-gru-w, eq-gru-w-candidate), dL/db_s (eq-gru-b-s) are the sums of the steps' terms.

    Parameters
    ----------
    p : Params, the same that made the trace.
    trace : Trace, from ``forward``, of any variant.
    dL_dS : (T, h) or (T, B, h), the direct effect of each state s_1 … s_T on its own step's loss.
    dL_ds_T : (h,) or (B, h), what steps after T send back to s_T; None for nothing.
        The ``dL_ds_0`` of one piece of time is the ``dL_ds_T`` of the piece before.

    Returns
    -------
    Gradients, the parameters' summed over time and over the batch.

    Raises
    ------
    ValueError
        If a shape does not fit the trace or a number is not finite.

    References
    ----------
    Cho et al. (2014).

    Examples
    --------
    >>> p = Params(U=np.ones((12, 3)), W=np.ones((12, 4)), b=np.zeros(12), b_s=np.zeros(4))
    >>> g = backward(p, forward(p, np.ones((5, 2, 3))), dL_dS=np.ones((5, 2, 4)))
    >>> g.dL_dp.W.shape, g.dL_dX.shape, g.dL_ds_0.shape
    ((12, 4), (5, 2, 3), (2, 4))
    """
    p, trace, dL_dS, back = _inputs_back(p, trace, dL_dS, dL_ds_T)
    way = _back_after if trace.reset == "after" else _back_before
    delta, W, b_s, dL_ds_0 = way(p, trace, dL_dS, back)
    every = rows(delta)
    dL_dp = Params(U=every.T @ rows(trace.X), W=W, b=every.sum(axis=0), b_s=b_s)
    return Gradients(dL_dp, (every @ p.U).reshape(trace.X.shape), dL_ds_0, delta)


def variant(reset="after", update="keep", gate: str | Activation = sigmoid) -> Cell:
    """One of the four GRUs, as a cell of its own; "after" and "keep" are PyTorch's.

    The other ones: "before" (eq-gru-before-candidate), "replace" (eq-gru-replace-state).

    Raises
    ------
    ValueError
        If a name is unknown.

    Examples
    --------
    >>> variant(reset="before").name
    'gru (reset before, update keep)'
    """
    own = {
        "gate": activation(gate),
        "reset": _gated.one_of("reset", reset, *RESET),
        "update": _gated.one_of("update", update, *UPDATE),
    }
    return Cell(
        f"gru (reset {reset}, update {update})",
        partial(step, **own),
        partial(step_back, **own),
        partial(forward, **own),
        backward,
    )


def _back_after(p, trace, dL_dS, back):
    """With the reset after the product: δ, dL/dW, dL/db_s, dL/ds_0."""
    lam, kept, local = np.empty_like(dL_dS), *_local(trace)
    r, by_r = gates(trace.G).r, local.r * trace.N * local.candidate
    # beside: what λ_t is multiplied by to give dL/d(W s_{t-1} + …), then that
    beside = np.concatenate([by_r, local.u, r * local.candidate], axis=-1)
    blocks = beside.reshape(*dL_dS.shape[:-1], 3, -1)
    for t in reversed(range(len(dL_dS))):
        lam[t] = dL_dS[t] + back
        blocks[t] *= lam[t][..., None, :]
        back = kept[t] * lam[t] + beside[t] @ p.W
    delta = beside.copy()
    gates(delta).candidate[...] = local.candidate * lam
    dL_dW = rows(beside).T @ rows(trace.S[:-1])
    return delta, dL_dW, rows(gates(beside).candidate).sum(axis=0), back


def _back_before(p, trace, dL_dS, back):
    """Back through time with the reset before the product: δ, dL/dW, dL/db_s, dL/ds_0."""
    kept, local = _local(trace)
    S, r, W = trace.S[:-1], gates(trace.G).r, gates(p.W, axis=0)
    delta = np.concatenate([local.r * S, local.u, local.candidate], axis=-1)
    of, both = gates(delta), np.s_[..., : 2 * len(p.b_s)]
    for t in reversed(range(len(dL_dS))):
        lam = dL_dS[t] + back
        of.u[t] *= lam
        of.candidate[t] *= lam
        to_seen = of.candidate[t] @ W.candidate  # dL/d(r_t ⊙ s_{t-1})
        of.r[t] *= to_seen
        back = kept[t] * lam + r[t] * to_seen + delta[t][both] @ p.W[: 2 * len(p.b_s)]
    W = np.concatenate([rows(delta[both]).T @ rows(S), rows(of.candidate).T @ rows(trace.N)])
    return delta, W, rows(of.candidate).sum(axis=0), back


def _local(trace):
    """∂⁺s_t/∂s_{t-1} along the kept share, and σ'(a_r), ∂s_t/∂a_u, ∂s_t/∂a_s̃, of all steps at once."""
    a, (r, u, s_tilde), S = gates(trace.A), gates(trace.G), trace.S[:-1]
    f, gate = trace.f, trace.gate
    kept, made, more = (u, 1 - u, S - s_tilde) if trace.update == "keep" else (1 - u, u, s_tilde - S)
    return kept, Gates(gate.df(a.r, r), gate.df(a.u, u) * more, f.df(a.candidate, s_tilde) * made)


def _inputs(p, X, s_0):
    """The arguments of ``forward`` as arrays of fitting shapes and one dtype."""
    p = _gated.parameters(p, Params, blocks=3)
    X = _gated.sequence(X, p["U"])
    shape = (*X.shape[1:-1], p["W"].shape[1])
    s_0 = np.zeros(shape, int) if s_0 is None else array("s_0", s_0, shape, shape[-1:])
    *p, X, s_0 = alike(p, {"X": X, "s_0": s_0})
    return Params(*p), X, s_0


def _inputs_back(p, trace, dL_dS, dL_ds_T):
    """The arguments of ``backward`` as arrays of fitting shapes and one dtype; None becomes zeros."""
    *arrays, f, gate, reset, update = made_by("trace", trace, Trace)
    n, h = trace.X.shape[-1], trace.S.shape[-1]
    p = _gated.parameters(p, Params, 3, h, n, hint=f"the trace has n = {n}, h = {h}")
    dL_dS = _gated.effects(dL_dS, trace.S[1:])
    shape = trace.S.shape[1:]
    dL_ds_T = np.zeros(shape, int) if dL_ds_T is None else array("dL_ds_T", dL_ds_T, shape)
    named = {f"trace.{name}": value for name, value in zip(Trace._fields, arrays, strict=False)}
    *both, dL_dS, dL_ds_T = alike(p, named, {"dL_dS": dL_dS, "dL_ds_T": dL_ds_T})
    p, arrays = both[: len(p)], both[len(p) :]
    return Params(*p), Trace(*arrays, f, gate, reset, update), dL_dS, dL_ds_T
