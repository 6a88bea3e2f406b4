"""The LSTM: a cell state C_t that is added to, and three gates that say what is kept, written and shown.

a_t = U x_t + W s_{t-1} + b (eq-lstm-a) has four blocks of h rows, in this order: input, forget, candidate, output.
ι_t = σ(a_ι), φ_t = σ(a_φ), C̃_t = f(a_C̃), ψ_t = σ(a_ψ) (eq-lstm-gates);
C_t = φ_t ⊙ C_{t-1} + ι_t ⊙ C̃_t (eq-lstm-cell); s_t = ψ_t ⊙ f(C_t) (eq-lstm-state).
The order of the blocks is PyTorch's.

``step`` and ``step_back`` are the formulas, made of operators and ``np.split``, ``np.concatenate`` only.
``forward`` and ``backward`` do the same over a whole sequence, one stretch of time after the other,
with one product for all gates of a step; they are checked to agree with the steps exactly.
Arguments, records and precision are as in ``rnn``, but for the state, which is a pair: ``State(s, C)``.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np

from rnnlib import _gated
from rnnlib._records import filled, leaves
from rnnlib._validate import alike, made_by, rows
from rnnlib.activations import Activation, activation, into, sigmoid, slope_into, tanh
from rnnlib.cells import Cell
from rnnlib.workspace import Workspace


class Params(NamedTuple):
    """Parameters of the cell: ``U`` (4h, n) from the input, ``W`` (4h, h) from the state, ``b`` (4h,).

    Four blocks of h rows, one under the other: input gate, forget gate, candidate, output gate.
    ``gates(p.W)`` gives the four blocks, and writing to a block writes to ``p.W``.
    """

    U: Any
    W: Any
    b: Any


class Gates(NamedTuple):
    """Four things of one kind, one for each gate, in the order of the blocks: ι, φ, C̃, ψ."""

    iota: Any
    phi: Any
    candidate: Any
    psi: Any


class State(NamedTuple):
    """The state of the cell, or its adjoint: ``s`` what the cell shows and ``C`` what it keeps, (B, h) each.

    States add up part by part.
    An array added to one is added to ``s``: the loss of a step sees s_t alone.

    Examples
    --------
    >>> State(1, 2) + State(10, 20)
    State(s=11, C=22)
    >>> np.ones(2) + State(1, 2)
    State(s=array([2., 2.]), C=2)
    """

    s: Any
    C: Any

    __array_ufunc__ = None  # so that array + State comes here, too

    def __add__(self, other):
        s, C = other if isinstance(other, State) else (other, 0)
        return State(self.s + s, self.C + C)

    __radd__ = __add__


class Trace(NamedTuple):
    """What ``forward`` leaves for ``backward``.

    ``X`` the inputs (T, n) or (T, B, n); ``G`` the ``Gates`` ι_t, φ_t, C̃_t, ψ_t of all steps, (T, …, h) each;
    ``A`` their pre-activations, likewise, or ``G`` once more if f is tanh and the gates are σ,
    whose slopes are made of their values; ``R`` (T, …, h) the values f(C_t);
    ``S`` and ``C`` the T + 1 states s_0 … s_T and cell states C_0 … C_T;
    ``f`` the activation of candidate and cell state, ``gate`` that of the gates.

    ``X`` is the caller's array, not a copy, unless its dtype had to change.
    """

    X: Any
    A: Gates
    G: Gates
    R: Any
    S: Any
    C: Any
    f: Activation
    gate: Activation

    @property
    def s_T(self):
        """The last state, (B, h) or (h,) each: the ``s_0`` of what follows."""
        return State(self.S[-1], self.C[-1])


class Gradients(NamedTuple):
    """What ``backward`` returns: every gradient has the shape of what it differentiates.

    ``dL_dp`` a ``Params``; ``dL_dX`` the gradient for the inputs; ``dL_ds_0`` a ``State`` with dL/ds_0, dL/dC_0;
    ``delta`` (T, …, 4h) the δ_t = dL/da_t, blocks in the order of the gates.
    """

    dL_dp: Params
    dL_dX: Any
    dL_ds_0: State
    delta: Any


def gates(a, axis=-1) -> Gates:
    """The four blocks of ``a`` along an axis, as views: the last axis for a_t, the first for U, W, b.

    Examples
    --------
    >>> b = np.zeros(8)
    >>> gates(b).phi[:] = 1  # the forget gate's bias
    >>> b
    array([0., 0., 1., 1., 0., 0., 0., 0.])
    """
    return Gates(*np.split(a, 4, axis=axis))


def step(p, x, s_prev, f=tanh, gate=sigmoid):
    """One step forward: from x_t and (s_{t-1}, C_{t-1}) to (s_t, C_t).

    a_t = U x_t + W s_{t-1} + b (eq-lstm-a); C_t = φ_t ⊙ C_{t-1} + ι_t ⊙ C̃_t (eq-lstm-cell);
    s_t = ψ_t ⊙ f(C_t) (eq-lstm-state), with the gates ι_t = σ(a_ι), φ_t = σ(a_φ), C̃_t = f(a_C̃), ψ_t = σ(a_ψ).
    The arguments are taken as they come; ``forward`` is the one that checks them.

    Parameters
    ----------
    p : Params.
    x : (B, n), the inputs x_t of B sequences, one a row.
    s_prev : State, (B, h) each.
    f : Activation of the candidate and of the cell state.
    gate : Activation of the three gates.

    Returns
    -------
    a : (B, 4h), the pre-activations a_t.
    s : State, (B, h) each.

    References
    ----------
    Hochreiter and Schmidhuber (1997); the forget gate: Gers, Schmidhuber and Cummins (2000).

    Examples
    --------
    >>> p = Params(U=np.ones((16, 3)), W=np.ones((16, 4)), b=np.zeros(16))
    >>> a, (s, C) = step(p, np.ones((2, 3)), State(np.zeros((2, 4)), np.zeros((2, 4))))
    >>> a.shape, s.shape, C.shape
    ((2, 16), (2, 4), (2, 4))
    """
    a = x @ p.U.T + s_prev.s @ p.W.T + p.b
    iota, phi, C_tilde, psi = _opened(gates(a), f, gate)
    C = phi * s_prev.C + iota * C_tilde
    return a, State(psi * f.f(C), C)


def step_back(p, x, s_prev, a, s, dL_ds, f=tanh, gate=sigmoid):
    """One step back: from (dL/ds_t, dL/dC_t) to everything that step t passes on.

    The whole effect of C_t is the one that comes back to it and the one by way of s_t:
    dL/dC_t + ψ_t ⊙ f'(C_t) ⊙ dL/ds_t (eq-lstm-mu). With it,
    δ_ι = σ'(a_ι) ⊙ C̃_t ⊙ dL/dC_t, δ_φ = σ'(a_φ) ⊙ C_{t-1} ⊙ dL/dC_t, δ_C̃ = f'(a_C̃) ⊙ ι_t ⊙ dL/dC_t,
    δ_ψ = σ'(a_ψ) ⊙ f(C_t) ⊙ dL/ds_t (eq-lstm-delta); then
    dL/ds_{t-1} = Wᵀ δ_t (eq-lstm-lambda) and dL/dC_{t-1} = φ_t ⊙ dL/dC_t.

    Parameters
    ----------
    p, x, s_prev, f, gate : as they were given to ``step``.
    a, s : what ``step`` returned.
    dL_ds : State, dL/ds_t and what later steps send to C_t, (B, h) each;
        an array is dL/ds_t, and nothing is sent to C_t.

    Returns
    -------
    delta : (B, 4h), δ_t = dL/da_t.
    terms : Params, step t's own terms of dL/dU, dL/dW, dL/db: δ_t x_tᵀ, δ_t s_{t-1}ᵀ and δ_t,
        summed over the batch.
    dL_dx : (B, n), Uᵀ δ_t.
    dL_ds_prev : State, Wᵀ δ_t and φ_t ⊙ dL/dC_t, (B, h) each.

    References
    ----------
    Graves and Schmidhuber (2005).

    Examples
    --------
    >>> p = Params(U=np.ones((16, 3)), W=np.ones((16, 4)), b=np.zeros(16))
    >>> x, s_prev = np.ones((2, 3)), State(np.zeros((2, 4)), np.zeros((2, 4)))
    >>> a, s = step(p, x, s_prev)
    >>> delta, terms, dL_dx, dL_ds_prev = step_back(p, x, s_prev, a, s, np.ones((2, 4)))
    >>> delta.shape, terms.W.shape, dL_dx.shape, dL_ds_prev.C.shape
    ((2, 16), (16, 4), (2, 3), (2, 4))
    """
    a_iota, a_phi, a_C, a_psi = gates(a)
    iota, phi, C_tilde, psi = _opened(gates(a), f, gate)
    shown = f.f(s.C)
    dL_ds, dL_dC = State(0, 0) + dL_ds
    dL_dC = dL_dC + psi * f.df(s.C, shown) * dL_ds
    delta = np.concatenate(
        [
            gate.df(a_iota, iota) * C_tilde * dL_dC,
            gate.df(a_phi, phi) * s_prev.C * dL_dC,
            f.df(a_C, C_tilde) * iota * dL_dC,
            gate.df(a_psi, psi) * shown * dL_ds,
        ],
        axis=-1,
    )
    terms = Params(U=delta.T @ x, W=delta.T @ s_prev.s, b=delta.sum(axis=0))
    return delta, terms, delta @ p.U, State(delta @ p.W, phi * dL_dC)


def forward(p, X, s_0=None, f=tanh, gate=sigmoid, work=None) -> Trace:
    """Run the LSTM over a sequence, or over a batch of sequences of equal length.

    Computes a_t (eq-lstm-a), the gates (eq-lstm-gates), C_t = φ_t ⊙ C_{t-1} + ι_t ⊙ C̃_t (eq-lstm-cell)
    and s_t = ψ_t ⊙ f(C_t) (eq-lstm-state) for t = 1 … T.

    Parameters
    ----------
    p : Params.
    X : (T, n) or (T, B, n), the inputs, time first.
    s_0 : State, (h,) or (B, h) each, or None for zeros; (h,) is shared by the whole batch.
    f : Activation of the candidate and of the cell state, or its name.
    gate : Activation of the three gates, or its name.
    work : Workspace, or None for new memory; the trace is in it, until the next call with it.

    Returns
    -------
    Trace, with ``S`` and ``C`` of shape (T + 1, h) or (T + 1, B, h).

    Raises
    ------
    ValueError
        If a shape does not fit, a number is not finite, or an activation is unknown.

    References
    ----------
    Hochreiter and Schmidhuber (1997); the forget gate: Gers, Schmidhuber and Cummins (2000).

    Examples
    --------
    >>> p = Params(U=np.ones((16, 3)), W=np.ones((16, 4)), b=np.zeros(16))
    >>> trace = forward(p, np.ones((5, 2, 3)))
    >>> trace.S.shape, trace.C.shape, trace.G.phi.shape
    ((6, 2, 4), (6, 2, 4), (5, 2, 4))
    """
    f, gate, work = activation(f), activation(gate), work or Workspace()
    given, (p, X, s_0) = p, _inputs(p, X, s_0)
    scale, open_gates, halve = _gated.opening(f, gate, X.dtype)
    f_into, spans, batch, h = into(f), _gated.spans(X, len(p.b)), _gated.batch(X), p.W.shape[1]
    U_T, W_T, b = _scaled(p, scale, batch, work)
    S, R, G, A = memory = _memory(X, h, halve, work)
    S[0], G[0, 4] = s_0
    steps = work.made("steps", partial(_steps, batch), *memory)
    Ux = _gated.side_by_side("Ux", (4, spans[0].stop, *batch, h), X.dtype, batch, work)
    Ws, both = work.array("Ws", (4, *batch, h), X.dtype), work.array("both", (2, *batch, h), X.dtype)
    inputs, (product, *into_Ws), add, multiply = list(Ux.swapaxes(0, 1)), _gated.product_with(W_T, Ws), np.add, np.multiply
    made, kept = both
    for span in spans:
        every = Ux[:, : span.stop - span.start].reshape(4, -1, h)
        add(np.matmul(rows(X[span]), U_T, every), b, every)
        for Ux_t, ((a, a_gates, a_C), (g, opened, first_two, last_two), s_prev, C_tilde, psi, C, R_t, s) in zip(
            inputs, steps[span], strict=False
        ):
            product(s_prev, *into_Ws)
            add(Ux_t, Ws, a)
            if halve:
                f_into(a, g)
                halve(opened)
            else:
                open_gates(a_gates, opened)
                f_into(a_C, C_tilde)
            multiply(first_two, last_two, both)  # ι_t ⊙ C̃_t, φ_t ⊙ C_{t-1}
            add(kept, made, C)
            f_into(C, R_t)
            multiply(psi, R_t, s)
    A, G, C = work.made("gates", _published, A, G)
    trace = Trace(X, A, G, R, S, C, f, gate)
    work.remember(trace, given, p)
    return trace


def backward(p, trace: Trace, dL_dS, dL_ds_T=None, work=None) -> Gradients:
    """Back-propagation through time: all gradients from the direct effect of every state on the loss.

    Going back from t = T: dL/ds_t is its direct effect and Wᵀ δ_{t+1} (eq-lstm-lambda);
    dL/dC_t is φ_{t+1} ⊙ dL/dC_{t+1} and ψ_t ⊙ f'(C_t) ⊙ dL/ds_t (eq-lstm-mu);
    δ_t as in ``step_back`` (eq-lstm-delta); then
    dL/dU = Σ δ_t x_tᵀ (eq-lstm-u), dL/dW = Σ δ_t s_{t-1}ᵀ (eq-lstm-w), dL/db = Σ δ_t (eq-lstm-b),
    dL/dx_t = Uᵀ δ_t (eq-lstm-x), dL/ds_0 = Wᵀ δ_1, dL/dC_0 = φ_1 ⊙ dL/dC_1 (eq-lstm-start).

    Parameters
    ----------
    p : Params, the same that made the trace.
    trace : Trace, from ``forward``.
    dL_dS : (T, h) or (T, B, h), the direct effect of each state s_1 … s_T on its own step's loss.
    dL_ds_T : State, (h,) or (B, h) each, what steps after T send back to s_T and C_T; None for nothing.
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
    Graves and Schmidhuber (2005).

    Examples
    --------
    >>> p = Params(U=np.ones((16, 3)), W=np.ones((16, 4)), b=np.zeros(16))
    >>> g = backward(p, forward(p, np.ones((5, 2, 3))), dL_dS=np.ones((5, 2, 4)))
    >>> g.dL_dp.W.shape, g.dL_dX.shape, g.dL_ds_0.C.shape
    ((16, 4), (5, 2, 3), (2, 4))
    """
    work = work or Workspace()
    p, trace, dL_dS, later = _inputs_back(p, trace, dL_dS, dL_ds_T, work)
    X, spans, effects = trace.X, _gated.spans(trace.X, len(p.b)), work.steps(dL_dS)
    delta, dL_dX, local, steps, factors = _memory_back(trace, spans[0].stop, work)
    back, back_C = (part.reshape(effects[0].shape).copy() for part in later)
    dL_ds, through, sums = np.empty_like(back), np.empty_like(back), None
    add, multiply = np.add, np.multiply
    for span in reversed(spans):
        _local(trace, span, local[: span.stop - span.start])
        now = _gated.back_over(effects[span], steps[span], factors)
        for effect, (d, d_C, d_psi, phi), (by_C, by_psi, by_s) in now:
            add(effect, back, dL_ds)
            multiply(by_s, dL_ds, through)
            add(back_C, through, back_C)  # dL/dC_t
            multiply(by_C, back_C, d_C)  # δ_ι, δ_φ, δ_C̃
            multiply(by_psi, dL_ds, d_psi)
            d.dot(p.W, back)
            multiply(phi, back_C, back_C)
        every = rows(delta[span])
        dL_dU, dL_dW = every.T.dot(rows(X[span])), every.T.dot(rows(trace.S[span]))
        sums = _gated.summed(sums, (dL_dU, dL_dW, work.sum_of_rows(every)))
        every.dot(p.U, rows(dL_dX[span]))
    dL_ds_0 = State(*(part.reshape(trace.S.shape[1:]) for part in (back, back_C)))
    return Gradients(Params(*sums), dL_dX, dL_ds_0, delta)


def variant(gate: str | Activation = sigmoid) -> Cell:
    """The LSTM with another activation of the gates, as a cell of its own.

    Raises
    ------
    ValueError
        If the activation is unknown.

    Examples
    --------
    >>> variant(gate="hard_tanh").name
    'lstm with gate hard_tanh'
    """
    gate = activation(gate)
    own = {"gate": gate}
    return Cell(
        f"lstm with gate {gate.name}",
        partial(step, **own),
        partial(step_back, **own),
        partial(forward, **own),
        backward,
    )


def _opened(a, f, gate):
    """The gates ι_t, φ_t, C̃_t, ψ_t from the blocks of a_t."""
    return Gates(gate.f(a.iota), gate.f(a.phi), f.f(a.candidate), gate.f(a.psi))


def _local(trace, span, out):
    """∂C_t/∂a_t for the first three gates, ∂s_t/∂a_ψ and ∂s_t/∂C_t, for the steps of a span, into ``out`` (…, 5, …, h)."""
    a, (iota, phi, C_tilde, psi) = (Gates(*(part[span] for part in gates)) for gates in (trace.A, trace.G))
    C_prev, C, R = trace.C[:-1][span], trace.C[1:][span], trace.R[span]
    slope, gate_slope = slope_into(trace.f), slope_into(trace.gate)
    by_iota, by_phi, by_C, by_psi, by_s = np.moveaxis(out, 1, 0)
    gate_slope(a.iota, iota, by_iota)
    by_iota *= C_tilde
    gate_slope(a.phi, phi, by_phi)
    by_phi *= C_prev
    slope(a.candidate, C_tilde, by_C)
    by_C *= iota
    gate_slope(a.psi, psi, by_psi)
    by_psi *= R
    slope(C, R, by_s)
    by_s *= psi


def _scaled(p, scale, batch, work):
    """Uᵀ, Wᵀ, b gate by gate, (4, n, h), (4, h, h), (4, 1, h), in the order ι, φ, ψ, C̃; all but C̃ multiplied by the scale."""
    scales = scale, scale, scale, 1
    (iota, phi, candidate, psi), U, W = gates(p.b), gates(p.U, 0), gates(p.W, 0)
    U_T = _gated.turned("U_T", (U.iota, U.phi, U.psi, U.candidate), scales, (1,), work)
    W_T = _gated.turned("W_T", (W.iota, W.phi, W.psi, W.candidate), scales, batch, work)
    return U_T, W_T, np.stack([iota * scale, phi * scale, psi * scale, candidate])[:, None]


def _memory(X, h, in_place, work):
    """S, R, and G and A, with blocks ι_t, φ_t, ψ_t, C̃_t, C_{t-1} for each step: the gates in place of the pre-activations?"""
    T, batch = len(X), X.shape[1:-1]
    S, R = work.array("S", (T + 1, *batch, h), X.dtype), work.array("R", (T, *batch, h), X.dtype)
    G = work.array("G", (T + 1, 5, *batch, h), X.dtype)
    return S, R, G, G if in_place else work.array("A", G.shape, X.dtype)


def _published(A, G):
    """The pre-activations, the gates and the cell states as they stand in the trace."""
    a, g = (Gates(M[:-1, 0], M[:-1, 1], M[:-1, 3], M[:-1, 2]) for M in (A, G))
    return (g if A is G else a), g, G[:, 4]


def _steps(batch, S, R, G, A):
    """What each step of ``forward`` reads and writes, as views."""
    S, R = (list(M.reshape(len(M), *batch, M.shape[-1])) for M in (S, R))
    A, G = (M.reshape(len(M), 5, *batch, M.shape[-1]) for M in (A, G))
    a = zip(A[:, :4], A[:, :3], A[:, 3], strict=True)
    g = zip(G[:, :4], G[:, :3], G[:, :2], G[:, 3:], strict=True)
    return list(zip(a, g, S, G[:, 3], G[:, 2], G[1:, 4], R, S[1:], strict=False))


def _memory_back(trace, longest, work):
    """δ and dL/dX; ``_local``'s factors for one span; views of δ_t (all, first three blocks, last) with φ_t, and of the factors."""
    X, batch, h, dtype = trace.X, _gated.batch(trace.X), trace.S.shape[-1], trace.S.dtype
    delta, dL_dX = work.array("delta", (*X.shape[:-1], 4 * h), dtype), work.array("dL_dX", X.shape, dtype)
    local = work.array("local", (longest, 5, *X.shape[1:-1], h), dtype)

    def steps(delta, phi):
        delta = delta.reshape(len(X), *batch, 4 * h)
        blocks = _gated.by_gate(delta, 4)
        return list(zip(delta, blocks[:, :3], blocks[:, 3], phi.reshape(len(X), *batch, h), strict=True))

    def factors(local):
        local = local.reshape(longest, 5, *batch, h)
        return list(zip(local[:, :3], local[:, 3], local[:, 4], strict=True))

    return delta, dL_dX, local, work.made("back", steps, delta, trace.G.phi), work.made("factors", factors, local)


def _inputs(p, X, s_0):
    """The arguments of ``forward`` as arrays of fitting shapes and one dtype."""
    p = _gated.parameters(p, Params, blocks=4)
    X = _gated.sequence(X, p["U"])
    shape = (*X.shape[1:-1], p["W"].shape[1])
    s_0 = _gated.state("s_0", s_0, State, shape, shape[-1:])
    U, W, b, X, *s_0 = alike(p, {"X": X, **s_0})
    return Params(U, W, b), X, State(*(np.broadcast_to(part, shape) for part in s_0))


def _inputs_back(p, trace, dL_dS, dL_ds_T, work):
    """The arguments of ``backward`` as arrays of fitting shapes and one dtype; None becomes zeros."""
    X, A, G, _, S, _, f, gate = made_by("trace", trace, Trace)
    if dL_ds_T is None and (checked := work.recall(trace, p)):
        dL_dS = _gated.effects(dL_dS, S[1:])
        if dL_dS.dtype == S.dtype:
            return checked, trace, dL_dS, State(*np.zeros((2, *S.shape[1:]), S.dtype))
    n, h = X.shape[-1], S.shape[-1]
    p = _gated.parameters(p, Params, 4, h, n, hint=f"the trace has n = {n}, h = {h}")
    dL_dS = _gated.effects(dL_dS, S[1:])
    later = _gated.state("dL_ds_T", dL_ds_T, State, S.shape[1:])
    kept = trace._replace(A=None if A is G else A, f=None, gate=None)
    U, W, b, *arrays, dL_dS, s, C = alike(p, leaves(kept, "trace"), {"dL_dS": dL_dS, **later})
    kept = filled(kept, arrays)
    trace = kept._replace(A=kept.A or kept.G, f=f, gate=gate)
    return Params(U, W, b), trace, dL_dS, State(s, C)
