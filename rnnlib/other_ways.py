"""The same gradient by other ways: slow and obvious, kept as second opinions on ``rnn.backward``.

``by_steps``         the steps one after the other, as the formulas are written;
``sum_over_paths``   one term for every pair (i, t): the loss of step t, the immediate effect at step i,
                     the Jacobians between;
``real_time``        real-time recurrent learning: the sensitivities of s_t carried forward.

Each takes what ``rnn.backward`` takes, raises what it raises, and returns what it returns.
"""

from __future__ import annotations

from functools import reduce
from typing import Any, NamedTuple

import numpy as np

from rnnlib import rnn
from rnnlib._records import added


class Step(NamedTuple):
    """One unrolled step: what ``step`` was given and what it returned."""

    x: Any
    s_prev: Any
    a: Any
    s: Any


class Immediate(NamedTuple):
    """Jacobians of one step of one sequence; those for parameters hold s_{t-1} fixed.

    ``J`` = ∂s_t/∂s_{t-1} = D_t W (h, h); ``D`` = diag f'(a_t) (h, h), which is also ∂⁺s_t/∂b;
    ``U`` = ∂⁺s_t/∂vec(U)ᵀ = x_tᵀ ⊗ D_t (h, n·h); ``W`` = ∂⁺s_t/∂vec(W)ᵀ = s_{t-1}ᵀ ⊗ D_t (h, h·h);
    vec is column-major.
    """

    J: Any
    D: Any
    U: Any
    W: Any


def unroll(cell, p, X, s_0, f):
    """The steps of a sequence as a list of ``Step``, made by ``cell.step`` alone.

    ``X`` lists the inputs x_1 … x_T, (B, n) each; ``s_0`` is (B, h).
    Uses operators only, so it also runs on arrays of symbolic shape.

    Examples
    --------
    >>> p = rnn.Params(U=np.ones((4, 3)), W=np.eye(4), b=np.zeros(4))
    >>> [step.s.shape for step in unroll(rnn, p, [np.ones((2, 3))] * 3, np.zeros((2, 4)), rnn.tanh)]
    [(2, 4), (2, 4), (2, 4)]
    """
    steps = []
    for x in X:
        s_prev = steps[-1].s if steps else s_0
        steps.append(Step(x, s_prev, *cell.step(p, x, s_prev, f)))
    return steps


def back_through(cell, p, steps, dL_dS, f, dL_ds_T=0):
    """Back through unrolled steps by ``cell.step_back`` alone (eq-two-directions-adjoint).

    ``dL_dS`` lists the direct effect Vᵀ ε_t of each state, (B, h).
    Uses operators only, so it also runs on arrays of symbolic shape.
    Returns the list of δ_t, the summed parameter terms, the list of dL/dx_t, and dL/ds_0.

    Examples
    --------
    >>> p = rnn.Params(U=np.ones((4, 3)), W=np.eye(4), b=np.zeros(4))
    >>> steps = unroll(rnn, p, [np.ones((2, 3))] * 3, np.zeros((2, 4)), rnn.tanh)
    >>> deltas, dL_dp, dL_dX, dL_ds_0 = back_through(rnn, p, steps, [np.ones((2, 4))] * 3, rnn.tanh)
    >>> len(deltas), dL_dp.W.shape, dL_ds_0.shape
    (3, (4, 4), (2, 4))
    """
    back, total, deltas, dL_dX = dL_ds_T, None, [], []
    for (x, s_prev, a, s), direct in zip(reversed(steps), reversed(dL_dS), strict=True):
        delta, terms, dL_dx, back = cell.step_back(p, x, s_prev, a, s, back + direct, f)
        total = terms if total is None else added(total, terms)
        deltas.insert(0, delta)
        dL_dX.insert(0, dL_dx)
    return deltas, total, dL_dX, back


def by_steps(p, trace: rnn.Trace, dL_dS, dL_ds_T=None) -> rnn.Gradients:
    """``rnn.backward`` as a plain loop over ``rnn.step_back`` (eq-one-step-vjp).

    Same arguments, same errors, same result.

    Examples
    --------
    >>> p = rnn.Params(U=np.ones((4, 3)), W=np.eye(4), b=np.zeros(4))
    >>> by_steps(p, rnn.forward(p, np.ones((5, 2, 3))), np.ones((5, 2, 4))).dL_dX.shape
    (5, 2, 3)
    """
    p, trace, dL_dS, dL_ds_T = rnn._inputs_back(p, trace, dL_dS, dL_ds_T)
    X, A, S, f = trace
    batch = (lambda v: v[None]) if X.ndim == 2 else (lambda v: v)  # a single sequence is a batch of one
    steps = [Step(batch(X[t]), batch(S[t]), batch(A[t]), batch(S[t + 1])) for t in range(len(X))]
    deltas, dL_dp, dL_dX, back = back_through(rnn, p, steps, [batch(v) for v in dL_dS], f, batch(dL_ds_T))
    dL_dX, deltas = np.reshape(dL_dX, X.shape), np.reshape(deltas, A.shape)
    return rnn.Gradients(dL_dp, dL_dX, back.reshape(S[0].shape), deltas)


def immediate(p, x, s_prev, a, s, f) -> Immediate:
    """The Jacobians of one step (eq-one-step-u, eq-one-step-w, eq-one-step-j) for one sequence.

    ``x`` is (n,); ``s_prev``, ``a`` and ``s`` are (h,).

    References
    ----------
    The immediate partial ∂⁺: Pascanu, Mikolov and Bengio (2013).

    Examples
    --------
    >>> p = rnn.Params(U=np.ones((4, 3)), W=np.eye(4), b=np.zeros(4))
    >>> now = immediate(p, np.ones(3), np.zeros(4), np.zeros(4), np.zeros(4), rnn.tanh)
    >>> now.J.shape, now.U.shape, now.W.shape
    ((4, 4), (4, 12), (4, 16))
    """
    D = np.diag(f.df(a, s))
    return Immediate(J=D @ p.W, D=D, U=np.kron(x[None, :], D), W=np.kron(s_prev[None, :], D))


def sum_over_paths(p, trace: rnn.Trace, dL_dS, dL_ds_T=None, *, share_products=True) -> rnn.Gradients:
    """The sum over all pairs i ≤ t, taken literally (eq-gradient-u-paths, eq-gradient-w-paths).

    dL/dvec(W)ᵀ = Σ_t Σ_{i≤t} ε_tᵀ V (J_t J_{t-1} ⋯ J_{i+1}) ∂⁺s_i/∂vec(W)ᵀ,
    and the same for U, b, x_i; for s_0 the product runs down to J_1.

    Parameters
    ----------
    p, trace, dL_dS, dL_ds_T : as for ``rnn.backward``.
    share_products : True to extend each product by one factor as i falls, O(T²) products in all;
        False to multiply every product from scratch, O(T³).

    References
    ----------
    Pascanu, Mikolov and Bengio (2013), equations 3 to 5.

    Examples
    --------
    >>> p = rnn.Params(U=np.ones((4, 3)), W=np.eye(4), b=np.zeros(4))
    >>> sum_over_paths(p, rnn.forward(p, np.ones((5, 2, 3))), np.ones((5, 2, 4))).dL_dp.W.shape
    (4, 4)
    """
    return _per_sequence(_paths, p, trace, dL_dS, dL_ds_T, share_products)


def real_time(p, trace: rnn.Trace, dL_dS, dL_ds_T=None) -> rnn.Gradients:
    """Real-time recurrent learning: sensitivities carried forward (eq-two-directions-rtrl).

    M_t = J_t M_{t-1} + ∂⁺s_t/∂vec(θ)ᵀ with M_0 = 0, and dL/dvec(θ)ᵀ = Σ_t ε_tᵀ V M_t for θ = U, W, b.
    Never looks back, and needs memory for ds_t/dvec(W)ᵀ, h·h² numbers, instead of the past.
    ``dL_dX`` and ``delta`` are None: going forward they would need a sensitivity for every earlier step.

    Parameters
    ----------
    p, trace, dL_dS, dL_ds_T : as for ``rnn.backward``.

    References
    ----------
    Williams and Zipser (1989).

    Examples
    --------
    >>> p = rnn.Params(U=np.ones((4, 3)), W=np.eye(4), b=np.zeros(4))
    >>> real_time(p, rnn.forward(p, np.ones((5, 2, 3))), np.ones((5, 2, 4))).dL_dp.U.shape
    (4, 3)
    """
    return _per_sequence(_real_time, p, trace, dL_dS, dL_ds_T)


def _paths(p, trace, dL_dS, share_products):
    X, A, S, f = trace
    T = len(X)
    steps = [immediate(p, X[t], S[t], A[t], S[t + 1], f) for t in range(T)]
    J = [step.J for step in steps]
    total, delta, dL_ds_0 = [0, 0, 0], [0] * T, 0
    for t in range(T):
        from_t = dL_dS[t]  # ε_tᵀ V, then times J_t, J_{t-1}, … as i falls
        for i in range(t, -1, -1):
            row = from_t if share_products else reduce(np.matmul, J[t:i:-1], dL_dS[t])
            at_i = row @ steps[i].U, row @ steps[i].W, row @ steps[i].D
            total = [have + term for have, term in zip(total, at_i, strict=True)]
            delta[i] = delta[i] + at_i[2]
            from_t = row @ J[i]
        dL_ds_0 = dL_ds_0 + from_t
    return _gradients(p, total, np.stack(delta) @ p.U, dL_ds_0, np.stack(delta))


def _real_time(p, trace, dL_dS):
    X, A, S, f = trace
    M, total = None, [0, 0, 0, 0]  # for U, W, b, and s_0
    for t in range(len(X)):
        now = immediate(p, X[t], S[t], A[t], S[t + 1], f)
        if M is None:  # M_0 = 0, but ds_0/ds_0ᵀ = I
            M = [now.U, now.W, now.D, now.J]
        else:
            M = [now.J @ M[0] + now.U, now.J @ M[1] + now.W,
                 now.J @ M[2] + now.D, now.J @ M[3]]
        terms = [dL_dS[t] @ sensitivity for sensitivity in M]
        total = [have + term for have, term in zip(total, terms, strict=True)]
    return _gradients(p, total[:3], None, total[3], None)


def _gradients(p, total, dL_dX, dL_ds_0, delta):
    """Row vectors dL/dvec(θ)ᵀ put back into the shapes of U, W, b (vec is column-major)."""
    U, W, b = total
    dL_dp = rnn.Params(U.reshape(p.U.shape, order="F"), W.reshape(p.W.shape, order="F"), b)
    return rnn.Gradients(dL_dp, dL_dX, dL_ds_0, delta)


def _per_sequence(way, p, trace, dL_dS, dL_ds_T, *options):
    """Run ``way`` on each sequence of a batch; parameter gradients add up, the others stay apart."""
    p, trace, dL_dS, dL_ds_T = rnn._inputs_back(p, trace, dL_dS, dL_ds_T)
    dL_dS = np.concatenate([dL_dS[:-1], dL_dS[-1:] + dL_ds_T])  # one more direct effect on s_T
    X, A, S, f = trace
    if X.ndim == 2:
        return way(p, trace, dL_dS, *options)
    each = [way(p, rnn.Trace(X[:, k], A[:, k], S[:, k], f), dL_dS[:, k], *options) for k in range(X.shape[1])]
    return rnn.Gradients(
        rnn.Params(*(sum(terms) for terms in zip(*(g.dL_dp for g in each), strict=True))),
        _side_by_side([g.dL_dX for g in each], axis=1),
        _side_by_side([g.dL_ds_0 for g in each], axis=0),
        _side_by_side([g.delta for g in each], axis=1),
    )


def _side_by_side(parts, axis):
    return None if parts[0] is None else np.stack(parts, axis)
