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
``forward`` and ``backward`` do the same over a whole sequence, one stretch of time after the other;
they are checked to agree with the steps exactly.
Arguments, records and precision are as in ``rnn``.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np

from rnnlib import _gated
from rnnlib._records import filled, leaves
from rnnlib._validate import alike, array, made_by, rows
from rnnlib.activations import Activation, activation, into, sigmoid, slope_into, tanh
from rnnlib.cells import Cell
from rnnlib.workspace import Workspace

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

    ``X`` the inputs (T, n) or (T, B, n); ``G`` the ``Gates`` r_t, u_t, s̃_t of all steps, (T, …, h) each;
    ``A`` their pre-activations, likewise, or ``G`` once more if f is tanh and the gates are σ,
    whose slopes are made of their values;
    ``N`` (T, …, h) the state's way into the candidate: W_s̃ s_{t-1} + b_s if the reset gate comes after the product,
    r_t ⊙ s_{t-1} if before;
    ``S`` the T + 1 states s_0 … s_T; ``f`` the activation of the candidate, ``gate`` that of the gates;
    ``reset``, ``update`` the variant.

    ``X`` is the caller's array, not a copy, unless its dtype had to change.
    """

    X: Any
    A: Gates
    G: Gates
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


def forward(p, X, s_0=None, f=tanh, gate=sigmoid, reset="after", update="keep", work=None) -> Trace:
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
    work : Workspace, or None for new memory; the trace is in it, until the next call with it.

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
    given, work, (p, X, s_0) = p, work or Workspace(), _inputs(p, X, s_0)
    scale, open_gates, halve = _gated.opening(f, gate, X.dtype)
    f_into, spans, batch, h = into(f), _gated.spans(X, len(p.b)), _gated.batch(X), len(p.b_s)
    U_T, W_T, W_s_T, b = _scaled(p, scale, reset, batch, work)
    S, N, G, A = memory = _memory(X, h, halve, work)
    S[0] = s_0
    steps = work.made("steps", partial(_steps, batch), *memory)
    Ux = _gated.side_by_side("Ux", (3, spans[0].stop, *batch, h), X.dtype, batch, work)
    Ws, new = work.array("Ws", (len(W_T), *batch, h), X.dtype), work.array("new", (*batch, h), X.dtype)
    inputs, (product, *into_Ws) = list(zip(Ux[:2].swapaxes(0, 1), Ux[2], strict=True)), _gated.product_with(W_T, Ws)
    Ws_gates, Ws_s, add, multiply, one = Ws[:2], Ws[-1], np.add, np.multiply, np.ones((), X.dtype)
    for span in spans:
        every = Ux[:, : span.stop - span.start].reshape(3, -1, h)
        add(np.matmul(rows(X[span]), U_T, every), b, every)
        for (x_gates, x_s), (s_prev, (a_gates, a_s), opened, (r, u, s_tilde), n, s) in zip(inputs, steps[span], strict=False):
            product(s_prev, *into_Ws)
            add(x_gates, Ws_gates, a_gates)
            open_gates(a_gates, opened)
            if reset == "after":
                add(Ws_s, p.b_s, n)
                multiply(r, n, a_s)
            else:
                multiply(r, s_prev, n)
                n.dot(W_s_T, a_s)
            add(a_s, x_s, a_s)
            f_into(a_s, s_tilde)
            shared, rest = (s_prev, s_tilde) if update == "keep" else (s_tilde, s_prev)
            multiply(u, shared, s)
            np.subtract(one, u, new)
            multiply(new, rest, new)
            add(s, new, s)
    trace = Trace(X, *work.made("gates", _published, A, G), N, S, f, gate, reset, update)
    work.remember(trace, given, p)
    return trace


def backward(p, trace: Trace, dL_dS, dL_ds_T=None, work=None) -> Gradients:
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
    work : Workspace, or None for new memory; ``dL_dX`` and ``delta`` are in it, until the next call with it.

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
    work = work or Workspace()
    p, trace, dL_dS, dL_ds_T = _inputs_back(p, trace, dL_dS, dL_ds_T, work)
    X, effects, spans = trace.X, work.steps(dL_dS), _gated.spans(trace.X, len(p.b))
    delta = work.array("delta", (*X.shape[:-1], 3 * trace.S.shape[-1]), dL_dS.dtype)
    dL_dX = work.array("dL_dX", X.shape, dL_dS.dtype)
    way = _back_after if trace.reset == "after" else _back_before
    back, sums = dL_ds_T.reshape(effects[0].shape).copy(), None
    for span in reversed(spans):
        dL_dW, dL_db_s = way(p, trace, span, effects[span], back, delta, work)
        every = rows(delta[span])
        terms = every.T.dot(rows(X[span])), dL_dW, work.sum_of_rows(every), dL_db_s
        sums = _gated.summed(sums, terms)
        every.dot(p.U, rows(dL_dX[span]))
    return Gradients(Params(*sums), dL_dX, back.reshape(dL_ds_T.shape), delta)


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


def _back_after(p, trace, span, effects, back, delta, work):
    """Over one span, the reset after the product.

    Fills ``delta`` and ``back``; returns dL/dW and dL/db_s.
    """
    h, count = trace.S.shape[-1], span.stop - span.start
    beside, adjoints, local, steps = _memory_after(trace, work)
    by_r, by_u, by_beside, by_s, kept = np.moveaxis(local[:count], 1, 0)
    _local(trace, span, by_r, by_u, by_s, kept)
    by_r *= trace.N[span]
    by_r *= by_s
    np.multiply(trace.G.r[span], by_s, by_beside)
    through, add, multiply = np.empty_like(back), np.add, np.multiply
    now = _gated.back_over(effects, steps[:count])
    for effect, (b, b_blocks, lam, by_lam, kept_t) in now:
        add(effect, back, lam)
        multiply(by_lam, lam, b_blocks)  # dL/d(W s_{t-1} + …)
        b.dot(p.W, back)
        multiply(kept_t, lam, through)
        add(back, through, back)
    delta[span] = beside[:count].reshape(delta[span].shape)
    lam = adjoints[:count].reshape(by_s.shape)
    multiply(by_s, lam, gates(delta[span]).candidate)
    every = rows(beside[:count])
    dL_dW = every.T.dot(rows(trace.S[span]))
    return dL_dW, work.sum_of_rows(every)[2 * h :]


def _back_before(p, trace, span, effects, back, delta, work):
    """Over one span, the reset before the product: as ``_back_after``."""
    h, count = trace.S.shape[-1], span.stop - span.start
    local, factors, steps = _memory_before(trace, delta, work)
    by_r, by_u, by_s, kept = np.moveaxis(local[:count], 1, 0)
    _local(trace, span, by_r, by_u, by_s, kept)
    by_r *= trace.S[span]
    (lam, seen), W_both, W_s = np.empty((2, *back.shape), back.dtype), p.W[: 2 * h], p.W[2 * h :]
    add, multiply = np.add, np.multiply
    for effect, (d_both, d_r, d_us, d_s, r), (by_seen, by_lam, kept_t) in _gated.back_over(effects, steps[span], factors):
        add(effect, back, lam)
        multiply(by_lam, lam, d_us)
        d_s.dot(W_s, seen)  # dL/d(r_t ⊙ s_{t-1})
        multiply(by_seen, seen, d_r)
        d_both.dot(W_both, back)
        multiply(r, seen, seen)
        add(back, seen, back)
        multiply(kept_t, lam, lam)
        add(back, lam, back)
    both, candidate = np.split(rows(delta[span]), [2 * h], axis=1)
    both, candidate = np.ascontiguousarray(both), np.ascontiguousarray(candidate)
    W = np.concatenate([both.T.dot(rows(trace.S[span])), candidate.T.dot(rows(trace.N[span]))])
    return W, work.sum_of_rows(candidate)


def _local(trace, span, by_r, by_u, by_s, kept):
    """σ'(a_r), ∂s_t/∂a_u, ∂s_t/∂a_s̃, and ∂⁺s_t/∂s_{t-1} along the kept share, for the steps of a span."""
    a, (r, u, s_tilde) = (Gates(*(part[span] for part in gates)) for gates in (trace.A, trace.G))
    S, slope, gate_slope = trace.S[:-1][span], slope_into(trace.f), slope_into(trace.gate)
    kept[...], made, more = (u, 1 - u, S - s_tilde) if trace.update == "keep" else (1 - u, u, s_tilde - S)
    gate_slope(a.r, r, by_r)
    gate_slope(a.u, u, by_u)
    by_u *= more
    slope(a.candidate, s_tilde, by_s)
    by_s *= made


def _scaled(p, scale, reset, batch, work):
    """Uᵀ, Wᵀ, b gate by gate, (3, n, h), (3, h, h), (3, 1, h), the gates' multiplied by the scale.

    With the reset before, Wᵀ is of the gates alone, W_s̃ᵀ comes after it, and b_s is in b.
    """
    scales, together = (scale, scale, 1), 3 if reset == "after" else 2
    (b_r, b_u, b_s), blocks = gates(p.b), gates(p.W, 0)
    U_T = _gated.turned("U_T", gates(p.U, 0), scales, (1,), work)
    W_T = _gated.turned("W_T", blocks[:together], scales[:together], batch, work)
    W_s_T = None
    if reset == "before":
        [W_s_T], b_s = _gated.turned("W_s_T", blocks[2:], (1,), (1,), work), b_s + p.b_s
    return U_T, W_T, W_s_T, np.stack([b_r * scale, b_u * scale, b_s])[:, None]


def _memory(X, h, in_place, work):
    """S, N, and G and A, the gates' blocks (T, 3, …, h): the gates in place of the pre-activations?"""
    T, batch = len(X), X.shape[1:-1]
    S, N = work.array("S", (T + 1, *batch, h), X.dtype), work.array("N", (T, *batch, h), X.dtype)
    G = work.array("G", (T, 3, *batch, h), X.dtype)
    return S, N, G, G if in_place else work.array("A", G.shape, X.dtype)


def _published(A, G):
    """The blocks as they stand in the trace."""
    a, g = (Gates(M[:, 0], M[:, 1], M[:, 2]) for M in (A, G))
    return (g if A is G else a), g


def _steps(batch, S, N, G, A):
    """What each step of ``forward`` reads and writes, as views."""
    S, N = (list(M.reshape(len(M), *batch, M.shape[-1])) for M in (S, N))
    A, G = (M.reshape(len(M), 3, *batch, M.shape[-1]) for M in (A, G))
    a, each = zip(A[:, :2], A[:, 2], strict=True), zip(*(G[:, k] for k in range(3)), strict=True)
    return list(zip(S, a, G[:, :2], each, N, S[1:], strict=False))


def _memory_after(trace, work):
    """For one span: dL/d(W s_{t-1} + …), λ_t, factors by which λ_t is multiplied; and all that step by step, as views."""
    X, h, dtype = trace.X, trace.S.shape[-1], trace.S.dtype
    batch, longest = _gated.batch(X), _gated.spans(X, 3 * h)[0].stop
    beside = work.array("beside", (longest, *batch, 3 * h), dtype)
    adjoints = work.array("adjoints", (longest, *batch, h), dtype)
    local = work.array("local", (longest, 5, *X.shape[1:-1], h), dtype)

    def steps(beside, adjoints, local):
        local = local.reshape(longest, 5, *batch, h)
        return list(zip(beside, _gated.by_gate(beside, 3), adjoints, local[:, :3], local[:, 4], strict=True))

    return beside, adjoints, local, work.made("back", steps, beside, adjoints, local)


def _memory_before(trace, delta, work):
    """Factors for one span, and step by step, as views, the factors, and δ_t (r and u; r; u and s̃; s̃) with r_t."""
    X, h = trace.X, trace.S.shape[-1]
    batch, longest = _gated.batch(X), _gated.spans(X, 3 * h)[0].stop
    local = work.array("local", (longest, 4, *X.shape[1:-1], h), delta.dtype)

    def steps(delta, r):
        delta = delta.reshape(len(X), *batch, 3 * h)
        blocks = _gated.by_gate(delta, 3)
        return list(zip(delta[..., : 2 * h], blocks[:, 0], blocks[:, 1:], blocks[:, 2], r.reshape(len(X), *batch, h), strict=True))

    def factors(local):
        local = local.reshape(longest, 4, *batch, h)
        return list(zip(local[:, 0], local[:, 1:3], local[:, 3], strict=True))

    return local, work.made("factors", factors, local), work.made("back", steps, delta, trace.G.r)


def _inputs(p, X, s_0):
    """The arguments of ``forward`` as arrays of fitting shapes and one dtype."""
    p = _gated.parameters(p, Params, blocks=3)
    X = _gated.sequence(X, p["U"])
    shape = (*X.shape[1:-1], p["W"].shape[1])
    s_0 = np.zeros(shape, int) if s_0 is None else array("s_0", s_0, shape, shape[-1:])
    *p, X, s_0 = alike(p, {"X": X, "s_0": s_0})
    return Params(*p), X, s_0


def _inputs_back(p, trace, dL_dS, dL_ds_T, work):
    """The arguments of ``backward`` as arrays of fitting shapes and one dtype; None becomes zeros."""
    X, A, G, _, S, *_ = made_by("trace", trace, Trace)
    if dL_ds_T is None and (checked := work.recall(trace, p)):
        dL_dS = _gated.effects(dL_dS, S[1:])
        if dL_dS.dtype == S.dtype:
            return checked, trace, dL_dS, np.zeros(S.shape[1:], S.dtype)
    n, h = X.shape[-1], S.shape[-1]
    p = _gated.parameters(p, Params, 3, h, n, hint=f"the trace has n = {n}, h = {h}")
    dL_dS, shape = _gated.effects(dL_dS, S[1:]), S.shape[1:]
    dL_ds_T = np.zeros(shape, int) if dL_ds_T is None else array("dL_ds_T", dL_ds_T, shape)
    kept = trace._replace(A=None if A is G else A, f=None, gate=None, reset=None, update=None)
    *both, dL_dS, dL_ds_T = alike(p, leaves(kept, "trace"), {"dL_dS": dL_dS, "dL_ds_T": dL_ds_T})
    kept = filled(kept, both[len(p) :])
    trace = trace._replace(X=kept.X, A=kept.A or kept.G, G=kept.G, N=kept.N, S=kept.S)
    return Params(*both[: len(p)]), trace, dL_dS, dL_ds_T
