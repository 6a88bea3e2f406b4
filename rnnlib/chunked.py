"""One long sequence in chunks that are computed side by side: the whole gradient, where the network forgets.

A step needs the state of the step before, so T steps are T small products one after the other.
A network that forgets hardly needs it: what a state v steps ago says about this one has gone through
a product of v Jacobians, and where the norm of that (eq-flow-bound) is below rounding any first state leads to the same one.
So the sequence is cut into K chunks, the rows of one batch.
Each is entered v steps early with the state 0, and on the way back v steps late with the adjoint 0:
about T/K + v steps one after the other in place of T.

Nothing is taken on trust. At every seam two states must agree, the one that a chunk begins with
and the one that the chunk before it ends with; and two adjoints.
Where they do not, the overlap v is doubled, and in the end the sequence is computed step after step.
``truncated.chunked`` is something else: it leaves out what would go back over the cuts.
"""

from __future__ import annotations

from math import inf, isqrt
from typing import Any, NamedTuple

import numpy as np

from rnnlib import model, readout, rnn
from rnnlib._records import added, leaves, mapped
from rnnlib._validate import array, fields
from rnnlib.activations import tanh
from rnnlib.losses import softmax_cross_entropy
from rnnlib.workspace import Workspace, passing

OVERLAP, ROUNDING, NARROW = 24, 16, 64  # steps; units of rounding; units of a network


class Seams(NamedTuple):
    """How a gradient was computed.

    ``chunks`` K, or 1 for step after step; ``overlaps`` those that were tried, the last of them enough if K > 1;
    ``states``, ``adjoints`` the largest differences at a seam, relative to the largest entry; 0 if there is no seam.
    """

    chunks: int
    overlaps: tuple[int, ...]
    states: float
    adjoints: float


class LossAndGradients(NamedTuple):
    """The fields of ``model.LossAndGradients``, and ``seams``, which says how they were computed."""

    L: Any
    dL_dp: Any
    dL_dq: Any
    dL_dX: Any
    dL_ds_0: Any
    seams: Seams


def loss_and_gradients(
    p, q, X, Y, s_0=None, *, cell=rnn, f=tanh, head=softmax_cross_entropy,
    weights=None, chunks=None, overlap=None, tolerance=None, work=None,
) -> LossAndGradients:
    """``model.loss_and_gradients`` of one sequence, in chunks side by side if the network forgets.

    Parameters
    ----------
    p, q, s_0, cell, f, head : as for ``model.loss_and_gradients``; a cell
        whose trace has ``s_T`` and whose ``backward`` takes what comes back to it.
    X : (T, n) or (T, 1, n), one sequence.
    Y : (T, m) or (T, 1, m), its targets; a time axis of length 1 for one target.
    weights : (T,) or (T, 1), ω_t (eq-totals-weights); None for 1 at every step.
    chunks : how many, at most; there are fewer where a chunk would not be
        longer than its overlap. None for a number that suits T and h.
    overlap : how many steps early and late a chunk is entered at first; None for 24.
    tolerance : how far two states at a seam may differ, relative to the largest,
        and two adjoints, relative to the largest and to the largest direct effect;
        None for 16 units of rounding.
    work : Workspace, or None for a new one; with the same one from call to call
        all is faster, and ``dL_dX`` is overwritten by the next call.
        The next call begins with the overlap that was enough,
        and stays with step after step if none was.

    Returns
    -------
    LossAndGradients. What is smaller than the tolerance beside the largest adjoint
    may be lost, such as dL/ds_0 of a network that has forgotten s_0.
    Exact and complex numbers are computed step after step:
    no tolerance is right for them, least of all in a complex step.

    Raises
    ------
    ValueError
        If X has more than one sequence, ``chunks``, ``overlap`` or ``tolerance``
        is not positive, or as ``model.loss_and_gradients``.

    Examples
    --------
    >>> p = rnn.Params(U=np.ones((4, 3)), W=np.eye(4) / 4, b=np.zeros(4))
    >>> q = readout.Params(V=np.ones((2, 4)), c=np.zeros(2))
    >>> g = loss_and_gradients(p, q, np.ones((500, 3)), np.ones((500, 2)), chunks=8)
    >>> g.dL_dp.W.shape, g.seams.chunks, g.seams.overlaps
    ((4, 4), 8, (24,))
    """
    X = array("X", X, ("T", "n"), ("T", 1, "n"), hint="one sequence, time first; model.loss_and_gradients takes batches")
    work, T, tried = work or Workspace(), len(X), ()
    most = _suiting(T, q) if chunks is None else _whole("chunks", chunks)
    first = OVERLAP if overlap is None else _whole("overlap", overlap)
    limit = None if tolerance is None else _above_zero(tolerance)
    real = _real((p, q, X, Y, s_0, weights))
    limit = limit or ROUNDING * float(np.finfo(_precision(p)).eps) if real else 0
    kept = work.memory(_to_begin_with, T, first)
    try:
        while real and (plan := _plan(T, kept[0], most))[0] > 1:
            tried += plan[1:]
            found = _in_chunks(cell, p, q, f, head, (X, Y, s_0, weights), *plan, limit, work)
            if found is not None:
                return LossAndGradients(*found[:-1], found[-1]._replace(overlaps=tried))
            kept[0] *= 2
    except ValueError:  # one pass will say what is wrong, in the shapes that the caller knows, or do without what was not to be had
        pass
    g = model.loss_and_gradients(p, q, X, Y, s_0, cell=cell, f=f, head=head, weights=weights, work=work.part("whole"))
    return LossAndGradients(*g, Seams(1, tried, 0.0, 0.0))


@np.errstate(over="ignore", invalid="ignore")
def _in_chunks(cell, p, q, f, head, data, K, v, limit, work):
    """The gradients by K chunks with an overlap of v steps, or None if a seam differs by more than the limit."""
    X, Y, weights = _cut(*data[:2], data[3], K, _precision(p), work)
    parts = [(slice(0, v), work.part("first"))] + [(slice(v, len(X)), work.part("rest"))] * (len(X) > v)

    early = _last(cell.forward(p, X[len(X) - v :], None, f, **passing(cell.forward, parts[0][1])))
    start = s = mapped(_to_the_next, early) if data[2] is None else mapped(_to_the_next, early, data[2])
    traces = []
    for piece, part in parts:
        traces.append(cell.forward(p, X[piece], s, f, **passing(cell.forward, part)))
        s = traces[-1].s_T
    if not (states := _apart(start, s)) <= limit:
        return None

    out = readout.forward(q, _states(traces, work), Y, head, weights, work.part("readout"))
    dL_dq, dL_dS = readout.backward(q, out, work.part("readout"))

    end = back = mapped(_to_the_one_before, _late(cell, p, traces[0], dL_dS[:v], parts[0][1]))
    dL_dp, dL_dX = None, work.array("dL_dX", (K, len(X), X.shape[-1]), dL_dS.dtype)
    for (piece, part), trace in zip(reversed(parts), reversed(traces), strict=True):
        g = cell.backward(p, trace, dL_dS[piece], back, **passing(cell.backward, part))
        dL_dp, back = g.dL_dp if dL_dp is None else added(g.dL_dp, dL_dp), g.dL_ds_0
        dL_dX[:, piece] = g.dL_dX.swapaxes(0, 1)
    if not (adjoints := _apart(back, end, _largest(dL_dS))) <= limit or not np.isfinite(out.L):
        return None
    dL_dX = dL_dX.reshape(-1, X.shape[-1])[: len(data[0])].reshape(data[0].shape)
    dL_ds_0 = mapped(lambda a: a[0] if data[0].ndim == 2 else a[:1], back)
    return out.L, dL_dp, dL_dq, dL_dX, dL_ds_0, Seams(K, (), states, adjoints)


def _last(trace):
    if not hasattr(trace, "s_T"):
        raise ValueError("this cell's trace has no s_T, a last state from which a next chunk could go on")
    return trace.s_T


def _late(cell, p, trace, dL_dS, part):
    """dL/ds_0 of these steps alone; the simple network need not make the gradients of its parameters for it."""
    if cell is rnn and dL_dS.dtype == trace.A.dtype:
        return rnn._deltas(p.W, trace.A, trace.S, trace.f, dL_dS, None, part)[1]
    return cell.backward(p, trace, dL_dS, **passing(cell.backward, part)).dL_ds_0


def _states(traces, work):
    """s_1 … s_L of all chunks."""
    parts = [trace.S[1:] for trace in traces]
    if len(parts) == 1:
        return parts[0]
    shape = sum(map(len, parts)), *parts[0].shape[1:]
    return np.concatenate(parts, out=work.array("S", shape, parts[0].dtype))


def _plan(T, v, most):
    """How many chunks, none of them empty or shorter than the overlap v, and the overlap; 1 chunk if nothing is to be gained.

    A few steps more than v are overlap, too: they are not worth a run of their own.
    """
    if (K := min(most, T // v)) < 2:
        return 1, v
    L = -(-T // K)
    if 2 * L < 3 * v:
        v = L
    return (-(-T // L), v) if 2 * v < T else (1, v)


def _suiting(T, q):
    """2√T chunks, where a call costs more than the numbers in it; fewer for wide states, where the overlap costs most."""
    V, _ = fields("q", q, readout.Params)
    return max(1, 2 * isqrt(T) if np.shape(V)[-1:] <= (NARROW,) else isqrt(T) * 2 // 3)


def _cut(X, Y, weights, K, dtype, work):
    """X, Y and the weights with a chunk in every column; the steps that the last chunk has too many weigh nothing."""
    T, *one = X.shape[:-1]
    L = -(-T // K)
    if len(Y := array("Y", Y, (T, *one, "m"), (1, *one, "m"))) == 1:
        Y = np.broadcast_to(Y.reshape(1, 1, -1), (1, K, Y.shape[-1]))
    else:
        Y = _columns(work, "Y", Y, K, L, Y.dtype)
    if weights is not None:
        weights = array("weights", weights, (T,), (T, *one))
        weights = _columns(work, "weights", weights, K, L, weights.dtype)[..., 0]
    elif K * L > T:
        weights = work.memory(_ones_then_zeros, T, K, L, dtype)
    return _columns(work, "X", X, K, L, dtype), Y, weights


def _columns(work, name, a, K, L, dtype):
    """(T, …) as (L, K, …), zeros at the end of the last chunk."""
    whole = len(a) // L
    kept = work.array(name, (L, K, a.size // len(a)), dtype)
    side_by_side = kept.swapaxes(0, 1)
    side_by_side[:whole] = a[: whole * L].reshape(whole, L, -1)
    if whole < K:
        left = len(a) - whole * L
        side_by_side[whole, :left], side_by_side[whole, left:] = a[whole * L :].reshape(left, -1), 0
    return kept


def _ones_then_zeros(work, T, K, L, dtype):
    return (np.arange(K * L) < T).astype(dtype).reshape(K, L).T.copy()


def _to_begin_with(work, T, overlap):
    return [overlap]


def _to_the_next(s_T, s_0=0):
    """The states that chunks begin with: s_0, and what the chunk before was left with."""
    if np.ndim(s_0) and np.shape(s_0) not in (s_T[0].shape, s_T[:1].shape):
        raise ValueError("s_0 is not of one sequence")
    start = np.empty_like(s_T)
    start[0], start[1:] = s_0, s_T[:-1]
    return start


def _to_the_one_before(dL_ds_0):
    """What comes back to the chunks: the adjoint at the beginning of the next one; nothing to the last."""
    end = np.empty_like(dL_ds_0)
    end[:-1], end[-1] = dL_ds_0[1:], 0
    return end


def _apart(begins, ends, least=0.0):
    """The largest difference between the beginning of a chunk and the end of the one before, relative to the largest entry."""
    found = 0.0
    for u, v in zip(leaves(begins).values(), leaves(ends).values(), strict=True):
        difference, size = _largest(u[1:] - v[:-1]), max(_largest(v), least)
        found = float(np.maximum(found, difference / size if size else inf * difference if difference else 0.0))  # no number stays none
    return found if found == found else inf


def _largest(a):
    return float(max(a.max(), -a.min()))


def _real(given):
    """Whether no array is of complex or exact numbers."""
    return not any((a if hasattr(a, "dtype") else np.asarray(a)).dtype.kind in "cO" for a in leaves(given).values())


def _precision(p):
    """That of the parameters, as everywhere."""
    floats = [a.dtype for a in map(np.asarray, leaves(p).values()) if a.dtype.kind == "f"]
    return np.result_type(*floats or [np.float64])


def _whole(name, value):
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise ValueError(f"{name} is {value!r}; it must be an integer of at least 1")
    return int(value)


def _above_zero(tolerance):
    if isinstance(tolerance, bool) or not isinstance(tolerance, (int, float, np.number)) or not 0 < tolerance < inf:
        raise ValueError(f"tolerance is {tolerance!r}; it must be a positive number, such as 1e-6")
    return float(tolerance)
