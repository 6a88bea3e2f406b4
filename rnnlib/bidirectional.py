"""Two cells over the same inputs: one reads from x_1 on, the other from x_T back.

s_{f,t} = step(x_t, s_{f,t-1}) from s_{f,0}, and s_{b,t} = step(x_t, s_{b,t+1}) from s_{b,T+1}, zeros unless given.
The state of step t is [s_{f,t}; s_{b,t}], one above the other: s_{f,t} has seen x_1 … x_t, s_{b,t} has seen x_t … x_T.
What has seen the whole sequence are the ends [s_{f,T}; s_{b,1}]: see ``ends``, and ``align=False``.

Sequences of unequal length share a batch with padding after their ends.
With ``lengths``, each is read back from its own last step, and all states on the padding are 0.

``forward`` takes any cell, or a pair of cells; ``cell`` makes a cell of it, which can be stacked and trained like others.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np

from rnnlib._records import mapped
from rnnlib._validate import array, fields, lengths_within, made_by, within
from rnnlib.activations import tanh
from rnnlib.cells import Cell, name
from rnnlib.workspace import Workspace, passing


class Params(NamedTuple):
    """Parameters of the two cells: ``forward`` and ``backward``, each of the kind its cell takes."""

    forward: Any
    backward: Any


class State(NamedTuple):
    """A state of each cell: as ``s_0`` it is s_{f,0} and s_{b,T+1}, and ``dL_ds_T`` is about s_{f,T} and s_{b,1}."""

    forward: Any
    backward: Any


class Deltas(NamedTuple):
    """The δ of each cell, both with time as in ``X``: row t - 1 belongs to x_t."""

    forward: Any
    backward: Any


class Trace(NamedTuple):
    """What ``forward`` leaves for ``backward``.

    ``S`` (T + 1, …, h_f + h_b): S[t] = [s_{f,t}; s_{b,t}], and S[0] = [s_{f,0}; s_{b,T+1}], what was there before;
    ``forward`` and ``backward`` the traces of the two cells, the latter over the turned inputs;
    ``cells``, ``lengths``, ``align`` as they were given.

    There is no ``s_T``: a sequence that is read both ways cannot be gone through in pieces.
    """

    S: Any
    forward: Any
    backward: Any
    cells: tuple
    lengths: Any
    align: bool


class Gradients(NamedTuple):
    """What ``backward`` returns: every gradient has the shape of what it differentiates.

    ``dL_dp`` a ``Params``; ``dL_dX`` the sum of what both cells send to the inputs;
    ``dL_ds_0`` a ``State`` with dL/ds_{f,0} and dL/ds_{b,T+1}; ``delta`` a ``Deltas``.
    """

    dL_dp: Params
    dL_dX: Any
    dL_ds_0: State
    delta: Deltas


def turn(A, lengths=None):
    """Time turned round: A_T … A_1; with ``lengths``, each sequence within its own length, its padding left in place.

    Turning twice changes nothing.

    Parameters
    ----------
    A : (T, …) or, with lengths, (T, B, …).
    lengths : (B,), integers from 1 to T, or None.

    Examples
    --------
    >>> turn(np.array([[1, 1], [2, 2], [3, 0]]), lengths=[3, 2])
    array([[3, 2],
           [2, 1],
           [1, 0]])
    """
    if lengths is None:
        return A[::-1]
    t, lengths = np.arange(len(A))[:, None], lengths_within(lengths, len(A), A.shape[1])
    order = np.where(t < lengths, lengths - 1 - t, t)
    return A[order, np.arange(len(lengths))]


def forward(cells, p, X, s_0=None, f=tanh, lengths=None, align=True, work=None) -> Trace:
    """Run one cell over the sequence and one back over it, and put their states side by side.

    s_{f,t} from x_t and s_{f,t-1} (eq-bidirectional-forward), s_{b,t} from x_t and s_{b,t+1} (eq-bidirectional-backward);
    S[t] = [s_{f,t}; s_{b,t}], which a readout multiplies by V = [V_f V_b] (eq-bidirectional-readout).

    Parameters
    ----------
    cells : a cell for both directions, or a pair of cells.
    p : Params.
    X : (T, n) or (T, B, n), the inputs, time first.
    s_0 : State with s_{f,0} and s_{b,T+1}, each as its cell takes it or None for zeros; or None.
    f : Activation of both cells, or its name.
    lengths : (B,), the number of steps of each sequence before its padding; None if all have T.
    align : True for S[t] = [s_{f,t}; s_{b,t}];
        False for S[t] = [s_{f,t}; s_{b,T+1-t}], what both cells have after t steps of their own,
        so that the last step holds the ends: for a loss at ``readout.last_step`` or ``readout.last_valid``.
    work : Workspace, or None for new memory; the trace is in it, until the next call with it.
        A cell whose functions take no ``work`` gets none.

    Returns
    -------
    Trace, with ``S`` of shape (T + 1, h_f + h_b) or (T + 1, B, h_f + h_b).

    Raises
    ------
    ValueError
        If a shape does not fit, a number is not finite, or a length is not from 1 to T;
        errors of one cell say in which direction.

    References
    ----------
    Schuster and Paliwal (1997).

    Examples
    --------
    >>> from rnnlib import rnn
    >>> p = rnn.Params(U=np.ones((4, 3)), W=np.eye(4), b=np.zeros(4))
    >>> forward(rnn, Params(p, p), np.ones((5, 2, 3))).S.shape
    (6, 2, 8)
    """
    cells = _pair(cells)
    p = fields("p", p, Params)
    X = array("X", X, ("T", "n"), ("T", "B", "n"), hint="time comes first")
    s_0 = (None, None) if s_0 is None else fields("s_0", s_0, State)
    lengths = _lengths(lengths, X)
    work = work or Workspace()
    inside = _parts(cells, "forward", work)
    X_turned = work.copy("X turned", turn(X, lengths))
    with within("forward direction"):
        onward = cells[0].forward(p[0], X, s_0[0], f, **inside[0])
    with within("backward direction"):
        back = cells[1].forward(p[1], X_turned, s_0[1], f, **inside[1])
    S_f, S_b = onward.S, back.S
    h, dtype = S_f.shape[-1], np.result_type(S_f, S_b)
    S = work.array("S", (*S_f.shape[:-1], h + S_b.shape[-1]), dtype)
    S[0, ..., :h], S[0, ..., h:] = S_f[0], S_b[0]
    S[1:, ..., :h] = _without_padding(S_f[1:], lengths)
    S_b = _without_padding(S_b[1:], lengths)
    S[1:, ..., h:] = turn(S_b, lengths) if align else S_b
    return Trace(S, onward, back, cells, lengths, bool(align))


def backward(p, trace: Trace, dL_dS, dL_ds_T=None, work=None) -> Gradients:
    """Back-propagation through both cells, each against its own direction of reading.

    The forward cell from t = T to 1 (eq-bidirectional-delta-forward, eq-bidirectional-w-forward),
    the backward cell from t = 1 to T (eq-bidirectional-w-backward);
    dL/dx_t is the sum of both (eq-bidirectional-x), dL/ds_{f,0} and dL/ds_{b,T+1} come from one each (eq-bidirectional-s0).

    Parameters
    ----------
    p : Params, the same that made the trace.
    trace : Trace, from ``forward``.
    dL_dS : (T, h_f + h_b) or (T, B, h_f + h_b), the direct effect of each state on its own step's loss;
        what it says about padding is not used.
    dL_ds_T : State, what is sent to s_{f,T} and to s_{b,1} from elsewhere, each as its cell takes it, or None; or None.
        With lengths it must be None: ``at_ends`` puts such effects into ``dL_dS``.
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
    Schuster and Paliwal (1997).

    Examples
    --------
    >>> from rnnlib import rnn
    >>> one = rnn.Params(U=np.ones((4, 3)), W=np.eye(4), b=np.zeros(4))
    >>> p = Params(one, one)
    >>> g = backward(p, forward(rnn, p, np.ones((5, 2, 3))), dL_dS=np.ones((5, 2, 8)))
    >>> g.dL_dp.backward.W.shape, g.dL_dX.shape, g.dL_ds_0.backward.shape
    ((4, 4), (5, 2, 3), (2, 4))
    """
    S, onward, back, cells, lengths, align = made_by("trace", trace, Trace)
    p = fields("p", p, Params)
    dL_dS = array("dL_dS", dL_dS, S[1:].shape, hint="one row for each of s_1 … s_T, [forward; backward]")
    later = (None, None) if dL_ds_T is None else fields("dL_ds_T", dL_ds_T, State)
    if lengths is not None and dL_ds_T is not None:
        raise ValueError("dL_ds_T is given, and so were lengths; bidirectional.at_ends puts it into dL_dS")
    dL_dS = _without_padding(dL_dS, lengths)
    dL_dS_f, dL_dS_b = np.split(dL_dS, [onward.S.shape[-1]], axis=-1)
    dL_dS_b = turn(dL_dS_b, lengths) if align else dL_dS_b
    work = work or Workspace()
    inside = _parts(cells, "backward", work)
    dL_dS_f = work.copy("dL_dS_f", dL_dS_f)
    dL_dS_b = work.copy("dL_dS_b", dL_dS_b)
    with within("forward direction"):
        g_f = cells[0].backward(p[0], onward, dL_dS_f, later[0], **inside[0])
    with within("backward direction"):
        g_b = cells[1].backward(p[1], back, dL_dS_b, later[1], **inside[1])
    dL_dp = Params(g_f.dL_dp, g_b.dL_dp)
    dL_dX = work.copy("dL_dX", g_f.dL_dX)
    dL_dX += turn(g_b.dL_dX, lengths)
    dL_ds_0 = State(g_f.dL_ds_0, g_b.dL_ds_0)
    delta = Deltas(g_f.delta, mapped(lambda d: turn(d, lengths), g_b.delta))
    return Gradients(dL_dp, dL_dX, dL_ds_0, delta)


def ends(trace: Trace):
    """[s_{f,T}; s_{b,1}], (h_f + h_b,) or (B, h_f + h_b): the two states that have seen the whole sequence.

    With lengths, T is each sequence's own.
    The last row of ``S`` is something else: its half s_{b,T} has seen x_T alone,
    and a loss there leaves one term of dL/dW_b (eq-bidirectional-last).

    Examples
    --------
    >>> from rnnlib import rnn
    >>> p = rnn.Params(U=np.ones((1, 1)), W=np.eye(1), b=np.zeros(1))
    >>> trace = forward(rnn, Params(p, p), np.array([[1], [2], [4]]), f="identity")
    >>> ends(trace), trace.S[-1]
    (array([7., 7.]), array([7., 4.]))
    """
    both = (made_by("trace", trace, Trace).forward.S, trace.backward.S)
    if trace.lengths is None:
        return np.concatenate([S[-1] for S in both], axis=-1)
    return np.concatenate([S[trace.lengths, np.arange(len(trace.lengths))] for S in both], axis=-1)


def at_ends(trace: Trace, dL_dends):
    """What ``backward`` needs as ``dL_dS`` if the loss sees the ends alone: dL/d[s_{f,T}; s_{b,1}] in its places, else 0.

    Parameters
    ----------
    trace : Trace, from ``forward``.
    dL_dends : (h_f + h_b,) or (B, h_f + h_b), the effect of ``ends(trace)`` on the loss.

    Raises
    ------
    ValueError
        If the shape does not fit the trace.

    Examples
    --------
    >>> from rnnlib import rnn
    >>> p = rnn.Params(U=np.ones((1, 1)), W=np.eye(1), b=np.zeros(1))
    >>> trace = forward(rnn, Params(p, p), np.ones((3, 1)))
    >>> at_ends(trace, [5, 6]).tolist()
    [[0, 6], [0, 0], [5, 0]]
    """
    S = made_by("trace", trace, Trace).S
    dL_dends = array("dL_dends", dL_dends, S.shape[1:], hint="the shape of ends(trace)")
    h = trace.forward.S.shape[-1]
    dL_dS = np.zeros(S[1:].shape, dL_dends.dtype)
    last = -1 if trace.lengths is None else (trace.lengths - 1, np.arange(len(trace.lengths)))
    dL_dS[last] = dL_dends
    if trace.align:
        dL_dS[..., h:] = turn(dL_dS[..., h:], trace.lengths)
    return dL_dS


def cell(forward_cell, backward_cell=None, *, lengths=None, align=True) -> Cell:
    """A cell that reads both ways: what ``model.loss_and_gradients`` and ``stacked.cell`` take.

    It has no step of its own: s_{b,t} needs the inputs after t.

    Parameters
    ----------
    forward_cell, backward_cell : cells; one for both if the second is None.
    lengths, align : as ``forward`` takes them.

    Examples
    --------
    >>> from rnnlib import gru, rnn
    >>> cell(rnn, gru).name
    'bidirectional (rnn, gru)'
    """
    cells = (forward_cell, forward_cell if backward_cell is None else backward_cell)
    return Cell(
        f"bidirectional ({name(cells[0])}, {name(cells[1])})",
        _no_step,
        _no_step,
        partial(_forward, cells, lengths, align),
        backward,
    )


def _forward(cells, lengths, align, p, X, s_0=None, f=tanh, work=None):
    return forward(cells, p, X, s_0, f, lengths, align, work)


def _parts(cells, function, work):
    """For each direction, the argument ``work`` of this function of its cell, if it takes one."""
    parts = zip(cells, ("forward", "backward"), strict=True)
    return [passing(getattr(cell, function), work.part(direction)) for cell, direction in parts]


def _no_step(*_):
    raise ValueError("a bidirectional cell has no step: the state s_{b,t} needs all inputs after t; use forward and backward")


def _pair(cells):
    if not isinstance(cells, tuple):
        return cells, cells
    if len(cells) != 2:
        raise ValueError(f"cells has {len(cells)} cells; it must be one cell, or a pair (forward, backward)")
    return cells


def _lengths(lengths, X):
    if lengths is None:
        return None
    if X.ndim == 2:
        raise ValueError("lengths is given, but X is a single sequence; leave its padding out, or give X a batch axis")
    return lengths_within(lengths, len(X), X.shape[1])


def _without_padding(A, lengths):
    """``A`` with zeros on the padding."""
    if lengths is None:
        return A
    return np.where((np.arange(len(A))[:, None] < lengths)[..., None], A, 0)
