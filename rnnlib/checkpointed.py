"""The whole gradient with the memory of √T states: keep every √T-th state, compute the others again.

``rnn.forward`` and ``rnn.backward`` keep all T pre-activations and states.
Here the first pass keeps the states between segments of about √T steps and forgets the rest.
The second pass takes the segments from the last to the first: it runs each again from its kept state,
goes back through it, and hands the adjoint to the segment before.
Nothing is left out; the price is one more forward pass.
"""

from __future__ import annotations

from math import isqrt

import numpy as np

from rnnlib import readout, rnn
from rnnlib._records import added, mapped
from rnnlib._validate import a_cell, array, step_count
from rnnlib.activations import tanh
from rnnlib.losses import softmax_cross_entropy
from rnnlib.model import LossAndGradients
from rnnlib.workspace import Workspace, passing


def segment(T: int) -> int:
    """⌈√T⌉: with segments of k steps, T/k kept states and k states of one segment are fewest at k = √T.

    Examples
    --------
    >>> segment(100), segment(101)
    (10, 11)
    """
    return isqrt(step_count(T) - 1) + 1


def loss_and_gradients(
    p, q, X, Y, s_0=None, *, cell=rnn, f=tanh, head=softmax_cross_entropy,
    weights=None, every=None, inputs=True, work=None,
) -> LossAndGradients:
    """``model.loss_and_gradients`` with the memory of about √T steps, not T.

    Parameters
    ----------
    p, q, X, Y, s_0, cell, f, head, weights : as for
        ``model.loss_and_gradients``; any cell whose trace has ``s_T``
        and whose ``backward`` takes what comes back to it.
    every : how many steps a segment has; None for ⌈√T⌉.
    inputs : False to leave out dL/dX, which alone needs as much memory as X;
        it is then None.
    work : Workspace, or None for a new one; one segment at a time is in it.

    Returns
    -------
    LossAndGradients.
    The same numbers, bit for bit, as with these segments and all traces kept.
    One pass over the whole sequence takes the sums over time in another order:
    exact numbers come out the same, floats to rounding.

    Raises
    ------
    ValueError
        If ``every`` is not a positive integer, the cell has no state to carry
        on, or as ``model.loss_and_gradients``.

    References
    ----------
    Chen, Xu, Zhang and Guestrin (2016);
    Gruslys, Munos, Danihelka, Lanctot and Graves (2016).

    Examples
    --------
    >>> p = rnn.Params(U=np.ones((4, 3)), W=np.eye(4), b=np.zeros(4))
    >>> q = readout.Params(V=np.ones((2, 4)), c=np.zeros(2))
    >>> g = loss_and_gradients(p, q, np.ones((50, 3)), np.ones((50, 2)))
    >>> g.dL_dp.W.shape, g.dL_dX.shape
    ((4, 4), (50, 3))
    """
    X, Y, weights = _over_time(X, Y, weights)
    pieces, work = _pieces(len(X), every), work or Workspace()
    outside, inside = work.part("readout"), work.part("cell")
    starts = _starts(a_cell(cell), p, X, s_0, f, pieces, inside)
    L, total, later, dL_dX = [], None, None, None
    for piece, start in zip(reversed(pieces), reversed(starts), strict=True):
        kept = passing(cell.forward, inside)
        trace = cell.forward(p, X[piece], start, f, **kept)
        share = None if weights is None else weights[piece]
        out = readout.forward(q, trace.S[1:], Y[piece], head, share, outside)
        dL_dq, dL_dS = readout.backward(q, out, outside)
        kept = passing(cell.backward, inside)
        back = cell.backward(p, trace, dL_dS, later, **kept)
        later, found = back.dL_ds_0, (back.dL_dp, dL_dq)
        total = found if total is None else added(total, found)
        L.append(out.L)
        if inputs and dL_dX is None:
            dL_dX = np.empty(X.shape, back.dL_dX.dtype)
        if inputs:
            dL_dX[piece] = back.dL_dX
        del trace, out, dL_dS, back  # before the next segment is computed
    return LossAndGradients(sum(L[::-1]), *total, dL_dX, later)


def _starts(cell, p, X, s_0, f, pieces, inside):
    """The state before each piece; the traces are forgotten."""
    starts = [s_0]
    for piece in pieces[:-1]:
        kept = passing(cell.forward, inside)
        trace = cell.forward(p, X[piece], starts[-1], f, **kept)
        if not hasattr(trace, "s_T"):
            raise ValueError("this cell's trace has no s_T, a last state from which a next segment could go on")
        starts.append(mapped(lambda a: a.copy(), trace.s_T))  # a view would keep the whole trace
        del trace
    return starts


def _over_time(X, Y, weights):
    """X, Y and the weights as arrays with T entries along time, so that they can be cut together."""
    X = array("X", X, ("T", "n"), ("T", "B", "n"), hint="time comes first")
    T, batch = len(X), X.shape[1:-1]
    Y = array("Y", Y, (T, *batch, "m"), (1, *batch, "m"), hint=f"X has shape {X.shape}")
    if weights is not None:
        weights = array("weights", weights, (T,), (T, *batch), hint="one a step, or one a step and sequence")
    return X, np.broadcast_to(Y, (T, *Y.shape[1:])), weights


def _pieces(T, every):
    every = segment(T) if every is None else every
    if isinstance(every, bool) or not isinstance(every, (int, np.integer)) or every < 1:
        raise ValueError(f"every is {every!r}; it must be the number of steps of a segment, an integer of at least 1")
    return [slice(a, a + every) for a in range(0, T, every)]
