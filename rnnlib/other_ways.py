"""The same gradient by other ways: slow and obvious, kept as second opinions on ``rnn.backward``.

``by_steps``         the steps one after the other, as the formulas are written;
``sum_over_paths``   one term for every pair (i, t): the loss of step t, the immediate effect at step i, the Jacobians between;
``real_time``        real-time recurrent learning: the sensitivities of s_t carried forward.

Each takes what ``rnn.backward`` takes and returns what it returns.
"""

from __future__ import annotations

from functools import reduce
from typing import NamedTuple

import numpy as np

from rnnlib import rnn


class Step(NamedTuple):
    """One unrolled step: what ``step`` was given and what it returned."""

    x: object
    s_prev: object
    a: object
    s: object


class Immediate(NamedTuple):
    """Jacobians of one step of one sequence, s_{t-1} held fixed where the name says parameter.

    ``J`` = ∂s_t/∂s_{t-1} (h, h); ``D`` = diag f'(a_t) (h, h), which is also ∂⁺s_t/∂b;
    ``U`` = ∂⁺s_t/∂vec(U)ᵀ = x_tᵀ ⊗ D_t (h, n·h); ``W`` = ∂⁺s_t/∂vec(W)ᵀ = s_{t-1}ᵀ ⊗ D_t (h, h·h); vec is column-major.
    """

    J: np.ndarray
    D: np.ndarray
    U: np.ndarray
    W: np.ndarray


def unroll(cell, p, X, s_0, f):
    """The steps of a sequence as a list, made by ``cell.step`` alone. ``X`` is any list of (B, n)."""
    steps = []
    for x in X:
        s_prev = steps[-1].s if steps else s_0
        steps.append(Step(x, s_prev, *cell.step(p, x, s_prev, f)))
    return steps


def back_through(cell, p, steps, dL_dS, f, dL_ds_T=0):
    """Back through unrolled steps by ``cell.step_back`` alone.

    ``dL_dS`` lists the direct effect Vᵀ ε_t of each state, (B, h). Uses operators only, so it also runs on arrays of symbolic shape.
    Returns the list of δ_t, the summed parameter terms, the list of dL/dx_t, and dL/ds_0.
    """
    back, total, deltas, dL_dX = dL_ds_T, None, [], []
    for (x, s_prev, a, s), direct in zip(reversed(steps), reversed(dL_dS)):
        delta, terms, dL_dx, back = cell.step_back(p, x, s_prev, a, s, direct + back, f)
        total = terms if total is None else type(terms)(*(u + v for u, v in zip(total, terms)))
        deltas.insert(0, delta)
        dL_dX.insert(0, dL_dx)
    return deltas, total, dL_dX, back


def by_steps(p, trace, dL_dS, dL_ds_T=None) -> rnn.Gradients:
    """``rnn.backward`` as a plain loop over ``rnn.step_back``. Same arguments, same result."""
    X, S, one = trace.X, trace.S, trace.X.ndim == 2
    row = (lambda v: v[None]) if one else (lambda v: v)
    steps = [Step(*map(row, (X[t], S[t], trace.A[t], S[t + 1]))) for t in range(len(X))]
    back = 0 if dL_ds_T is None else row(dL_ds_T)
    deltas, total, dL_dX, back = back_through(rnn, p, steps, [row(v) for v in dL_dS], trace.f, back)
    back = back[0] if one else back
    return rnn.Gradients(total, np.reshape(dL_dX, X.shape), back, np.reshape(deltas, trace.A.shape))


def immediate(p, x, s_prev, a, s, f) -> Immediate:
    """The Jacobians of one step (eq-one-step-u, eq-one-step-w, eq-one-step-j) for one sequence: ``x`` (n,), the rest (h,)."""
    D = np.diag(f.df(a, s))
    return Immediate(J=D @ p.W, D=D, U=np.kron(x[None, :], D), W=np.kron(s_prev[None, :], D))


def sum_over_paths(p, trace, dL_dS, dL_ds_T=None, *, share_products=True) -> rnn.Gradients:
    """The sum over all pairs i ≤ t, taken literally (eq-gradient-u-paths, eq-gradient-w-paths).

    dL/dvec(W)ᵀ = Σ_t Σ_{i≤t} ε_tᵀ V (J_t J_{t-1} ⋯ J_{i+1}) ∂⁺s_i/∂vec(W)ᵀ, and the same for U, b, x_i; for s_0 the product runs down to J_1.

    Parameters
    ----------
    p, trace, dL_dS, dL_ds_T : as for ``rnn.backward``.
    share_products : True to extend each product by one factor as i falls, O(T²) products in all;
        False to multiply every product from scratch, O(T³).
    """
    return _per_sequence(_paths, p, trace, dL_dS, dL_ds_T, share_products)


def _paths(p, trace, dL_dS, share_products):
    X, A, S, f = trace
    T, steps = len(X), [immediate(p, X[t], S[t], A[t], S[t + 1], f) for t in range(len(X))]
    total, delta, dL_ds_0 = [0, 0, 0], [0] * T, 0
    for t in range(T):
        from_t = dL_dS[t]  # ε_tᵀ V, then times J_t, J_{t-1}, … as i falls
        for i in range(t, -1, -1):
            row = from_t if share_products else reduce(np.matmul, [steps[j].J for j in range(t, i, -1)], dL_dS[t])
            total = [have + row @ new for have, new in zip(total, (steps[i].U, steps[i].W, steps[i].D))]
            delta[i] = delta[i] + row @ steps[i].D
            from_t = row @ steps[i].J
        dL_ds_0 = dL_ds_0 + from_t
    return _gradients(p, total, np.stack(delta) @ p.U, dL_ds_0, np.stack(delta))


def real_time(p, trace, dL_dS, dL_ds_T=None) -> rnn.Gradients:
    """Real-time recurrent learning (eq-two-directions-rtrl): M_t = J_t M_{t-1} + ∂⁺s_t, M_0 = 0, and dL/dvec(θ)ᵀ = Σ_t ε_tᵀ V M_t.

    Never looks back, and needs memory for ds_t/dvec(W)ᵀ, h·h² numbers, instead of the past.
    ``dL_dX`` and ``delta`` are None: going forward they would need a sensitivity for every earlier step.
    """
    return _per_sequence(_real_time, p, trace, dL_dS, dL_ds_T)


def _real_time(p, trace, dL_dS):
    X, A, S, f = trace
    M, total = [0, 0, 0, np.eye(len(p.b), dtype=int)], [0, 0, 0, 0]  # for U, W, b, and s_0
    for t in range(len(X)):
        now = immediate(p, X[t], S[t], A[t], S[t + 1], f)
        if t == 0:
            M = [now.U, now.W, now.D, now.J @ M[3]]
        else:
            M = [now.J @ M[0] + now.U, now.J @ M[1] + now.W, now.J @ M[2] + now.D, now.J @ M[3]]
        total = [have + dL_dS[t] @ sensitivity for have, sensitivity in zip(total, M)]
    return _gradients(p, total[:3], None, total[3], None)


def _gradients(p, total, dL_dX, dL_ds_0, delta):
    """Row vectors dL/dvec(θ)ᵀ put back into the shapes of U, W, b (vec is column-major)."""
    U, W, b = total
    return rnn.Gradients(rnn.Params(U.reshape(p.U.shape, order="F"), W.reshape(p.W.shape, order="F"), b), dL_dX, dL_ds_0, delta)


def _per_sequence(way, p, trace, dL_dS, dL_ds_T, *options):
    """Run ``way`` on each sequence of a batch; parameter gradients add up, the others stay apart."""
    if dL_ds_T is not None:  # what later steps send to s_T is a direct effect on s_T like any other
        dL_dS = np.concatenate([dL_dS[:-1], dL_dS[-1:] + dL_ds_T])
    if trace.X.ndim == 2:
        return way(p, trace, dL_dS, *options)
    X, A, S, f = trace
    each = [way(p, rnn.Trace(X[:, k], A[:, k], S[:, k], f), dL_dS[:, k], *options) for k in range(X.shape[1])]
    dL_dp = rnn.Params(*(sum(terms) for terms in zip(*(g.dL_dp for g in each))))
    together = lambda parts, axis: None if parts[0] is None else np.stack(parts, axis)  # noqa: E731
    return rnn.Gradients(
        dL_dp,
        together([g.dL_dX for g in each], 1),
        together([g.dL_ds_0 for g in each], 0),
        together([g.delta for g in each], 1),
    )
