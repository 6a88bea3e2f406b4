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
from rnnlib._validate import array
from rnnlib.activations import tanh
from rnnlib.losses import softmax_cross_entropy
from rnnlib.workspace import Workspace, passing

OVERLAP, ROUNDING = 32, 16  # steps; units of rounding


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
    overlap : how many steps early and late a chunk is entered at first; None for 32.
    tolerance : how far two states at a seam may differ, relative to the largest,
        and two adjoints, relative to the largest and to the largest direct effect;
        None for 16 units of rounding.
    work : Workspace, or None for a new one; with the same one from call to call
        all is faster, and ``dL_dX`` is overwritten by the next call.
        The next call begins with the overlap that was enough,
        and stays with step after step if none was.

    Returns
    -------
    LossAndGradients. Exact and complex numbers are computed step after step:
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
    ((4, 4), 8, (32,))
    """
    X = array("X", X, ("T", "n"), ("T", 1, "n"), hint="one sequence, time first; model.loss_and_gradients takes batches")
    work, T, tried = work or Workspace(), len(X), ()
    most = None if chunks is None else _whole("chunks", chunks)
    first = OVERLAP if overlap is None else _whole("overlap", overlap)
    limit = None if tolerance is None else _above_zero(tolerance)
    real = _real((p, q, X, Y, s_0, weights))
    kept = work.memory(_to_begin_with, T, first)
    while real and (K := _many(T, kept[0], most)) > 1:
        tried += (kept[0],)
        found = _attempt(cell, p, q, f, head, (X, Y, s_0, weights), K, kept[0], limit, work)
        if found is not None:
            return LossAndGradients(*found[:-1], found[-1]._replace(overlaps=tried))
        kept[0] *= 2
    g = model.loss_and_gradients(p, q, X, Y, s_0, cell=cell, f=f, head=head, weights=weights, work=work.part("whole"))
    return LossAndGradients(*g, Seams(1, tried, 0.0, 0.0))


def _attempt(cell, p, q, f, head, data, K, v, limit, work):
    """The gradients by K chunks with an overlap of v steps, or None if the seams differ by more than the limit."""
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            return _in_chunks(cell, p, q, f, head, data, K, v, limit, work)
    except ValueError:  # the whole sequence will say what is wrong, in the shapes that the caller knows
        return None


def _in_chunks(cell, p, q, f, head, data, K, v, limit, work):
    first, rest, outside = work.part("first"), work.part("rest"), work.part("readout")  # v steps, L - v steps, L steps
    in_first, in_rest = passing(cell.forward, first), passing(cell.forward, rest)
    dtype = _precision(p)
    limit = limit or ROUNDING * float(np.finfo(dtype).eps)
    X, Y, weights = _cut(*data[:2], data[3], K, dtype, work)
    L = len(X)

    early = cell.forward(p, X[L - v :], None, f, **in_first).s_T
    start = mapped(_moved_on, early, mapped(lambda _: None, early) if data[2] is None else data[2])
    one = cell.forward(p, X[:v], start, f, **in_first)
    two = cell.forward(p, X[v:], one.s_T, f, **in_rest)
    states = _apart(start, two.s_T)
    if not states <= limit:
        return None

    S = work.array("S", (L, *two.S.shape[1:]), two.S.dtype)
    S[:v], S[v:] = one.S[1:], two.S[1:]
    out = readout.forward(q, S, Y, head, weights, outside)
    dL_dq, dL_dS = readout.backward(q, out, outside)

    late = cell.backward(p, one, dL_dS[:v], **in_first).dL_ds_0
    end = mapped(_moved_back, late)
    g_two = cell.backward(p, two, dL_dS[v:], end, **in_rest)
    g_one = cell.backward(p, one, dL_dS[:v], g_two.dL_ds_0, **in_first)
    adjoints = _apart(g_one.dL_ds_0, end, _largest(dL_dS))
    if not adjoints <= limit or not np.isfinite(out.L):
        return None

    dL_dX = work.array("dL_dX", (K, L, X.shape[-1]), g_one.dL_dX.dtype)
    dL_dX[:, :v], dL_dX[:, v:] = g_one.dL_dX.swapaxes(0, 1), g_two.dL_dX.swapaxes(0, 1)
    dL_dX = dL_dX.reshape(K * L, -1)[: len(data[0])].reshape(data[0].shape)
    dL_ds_0 = mapped(lambda a: a[0] if data[0].ndim == 2 else a[:1], g_one.dL_ds_0)
    return out.L, added(g_one.dL_dp, g_two.dL_dp), dL_dq, dL_dX, dL_ds_0, Seams(K, (), states, adjoints)


def _many(T, v, most):
    """How many chunks: as many as asked for, or about √T, and so few that each is longer than v steps; none is empty."""
    K = min(2 * isqrt(T) if most is None else most, T // (v + 1))
    return -(-T // -(-T // K)) if K > 1 else 1


def _cut(X, Y, weights, K, dtype, work):
    """X, Y and the weights with a chunk in every column; the steps that the last chunk has too many weigh nothing."""
    T = len(X)
    L = -(-T // K)
    if len(Y := array("Y", Y, (T, "m"), (T, 1, "m"), (1, "m"), (1, 1, "m"))) == 1:
        Y = np.broadcast_to(Y.reshape(1, 1, -1), (1, K, Y.shape[-1]))
    else:
        Y = _columns(work, "Y", Y, K, L, Y.dtype)
    if weights is not None:
        weights = array("weights", weights, (T,), (T, 1))
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


def _moved_on(s_T, s_0):
    """The states that chunks begin with: s_0, then those that the chunk before has been left with."""
    if s_0 is not None and np.shape(s_0) not in (s_T[0].shape, s_T[:1].shape):
        raise ValueError("s_0")
    start = np.empty_like(s_T)
    start[0], start[1:] = 0 if s_0 is None else s_0, s_T[:-1]
    return start


def _moved_back(dL_ds_0):
    """What comes back to the chunks: the adjoint at the beginning of the next one, nothing to the last."""
    end = np.empty_like(dL_ds_0)
    end[:-1], end[-1] = dL_ds_0[1:], 0
    return end


def _apart(begins, ends, least=0.0):
    """The largest difference between the beginning of a chunk and the end of the one before, relative to the largest entry."""
    found = 0.0
    for u, v in zip(leaves(begins).values(), leaves(ends).values(), strict=True):
        difference, size = _largest(u[1:] - v[:-1]), max(_largest(v), least)
        found = max(found, difference / size if size else inf * difference if difference else 0.0)
    return found if found == found else inf


def _largest(a):
    return float(max(a.max(), -a.min()))


def _real(given):
    """Whether no array is of complex or exact numbers."""
    return not any(np.asarray(a).dtype.kind in "cO" for a in leaves(given).values())


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
