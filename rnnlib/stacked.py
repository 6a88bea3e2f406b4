"""Cells in layers: the states of one layer are the inputs of the next.

Layer 1 reads x_t, layer l reads s_t of layer l - 1, and the readout sees the top layer alone.
Any cells will do, bidirectional ones among them.
Parameters, states and δ are tuples with one entry for each layer, from the bottom up.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

from rnnlib._validate import made_by, within
from rnnlib.activations import tanh
from rnnlib.cells import Cell, name
from rnnlib.workspace import Workspace, passing


class States(tuple):
    """A state for each layer, from the bottom up, or their adjoints.

    An array added to it is added to the top layer's: a loss sees the top layer alone.

    Examples
    --------
    >>> States((1, 2)) + 10
    States((1, 12))
    >>> States((1, 2)) + States((1, 2))
    States((2, 4))
    """

    __slots__ = ()
    __array_ufunc__ = None  # so that array + States comes here, too

    @property
    def s(self):
        """What the top layer shows."""
        return _shown(self[-1])

    def __add__(self, other):
        if isinstance(other, tuple):
            return States(one + more for one, more in zip(self, other, strict=True))
        return States((*self[:-1], self[-1] + other))

    __radd__ = __add__

    def __repr__(self):
        return f"States({tuple(self)!r})"


class Trace(NamedTuple):
    """What ``forward`` leaves for ``backward``: the traces of the ``layers``, from the bottom up, and their ``cells``."""

    layers: tuple
    cells: tuple

    @property
    def S(self):
        """The T + 1 states of the top layer."""
        return self.layers[-1].S

    @property
    def s_T(self):
        """The last state of every layer: the ``s_0`` of what follows."""
        return States(layer.s_T for layer in self.layers)


class Gradients(NamedTuple):
    """What ``backward`` returns.

    ``dL_dp``, ``dL_ds_0`` and ``delta`` have an entry for each layer; ``dL_dX`` is for the inputs of the bottom one.
    """

    dL_dp: tuple
    dL_dX: Any
    dL_ds_0: States
    delta: tuple


def step(cells, p, x, s_prev, f=tanh):
    """One step of every layer, from the bottom up.

    Parameters
    ----------
    cells : one for each layer.
    p : their parameters, one entry for each layer.
    x : (B, n), the inputs x_t of B sequences, one a row.
    s_prev : their states of step t - 1, one entry for each layer.
    f : Activation of all cells.

    Returns
    -------
    a : tuple, the pre-activations of every layer.
    s : States.

    Examples
    --------
    >>> import numpy as np
    >>> from rnnlib import rnn
    >>> p = rnn.Params(U=np.ones((4, 3)), W=np.eye(4), b=np.zeros(4)), rnn.Params(np.eye(4), np.eye(4), np.zeros(4))
    >>> a, s = step((rnn, rnn), p, np.ones((2, 3)), (np.zeros((2, 4)), np.zeros((2, 4))))
    >>> s.s.shape
    (2, 4)
    """
    made = []
    for cell, p_l, prev in zip(cells, p, s_prev, strict=True):
        made.append(cell.step(p_l, x, prev, f))
        x = _shown(made[-1][1])
    a, s = zip(*made, strict=True)
    return a, States(s)


def step_back(cells, p, x, s_prev, a, s, dL_ds, f=tanh):
    """One step back through every layer, from the top down: dL/dx_t of a layer goes to the state of the layer below.

    Parameters
    ----------
    cells, p, x, s_prev, f : as they were given to ``step``.
    a, s : what ``step`` returned.
    dL_ds : States, what is sent to the state of every layer; an array is for the top layer.

    Returns
    -------
    delta, terms : tuples with an entry for each layer.
    dL_dx : (B, n).
    dL_ds_prev : States.

    Examples
    --------
    >>> import numpy as np
    >>> from rnnlib import rnn
    >>> p = rnn.Params(U=np.ones((4, 3)), W=np.eye(4), b=np.zeros(4)), rnn.Params(np.eye(4), np.eye(4), np.zeros(4))
    >>> x, s_prev = np.ones((2, 3)), (np.zeros((2, 4)), np.zeros((2, 4)))
    >>> a, s = step((rnn, rnn), p, x, s_prev)
    >>> delta, terms, dL_dx, dL_ds_prev = step_back((rnn, rnn), p, x, s_prev, a, s, np.ones((2, 4)))
    >>> dL_dx.shape, len(dL_ds_prev)
    ((2, 3), 2)
    """
    dL_ds = States([0] * len(cells)) + dL_ds
    inputs = (x, *map(_shown, s[:-1]))
    back, dL_dx = [], 0
    for cell, *given, send in reversed(list(zip(cells, p, inputs, s_prev, a, s, dL_ds, strict=True))):
        delta, terms, dL_dx, to_prev = cell.step_back(*given, send + dL_dx, f)
        back.insert(0, (delta, terms, to_prev))
    delta, terms, to_prev = zip(*back, strict=True)
    return delta, terms, dL_dx, States(to_prev)


def forward(cells, p, X, s_0=None, f=tanh, work=None) -> Trace:
    """Run the layers over a sequence or a batch, one after the other.

    Parameters
    ----------
    cells : one for each layer, from the bottom up.
    p : their parameters, one entry for each layer.
    X : (T, n) or (T, B, n), the inputs of the bottom layer, time first.
    s_0 : the initial states, one entry for each layer, each as its cell takes it or None; or None.
    f : Activation of all cells, or its name.
    work : Workspace, or None for new memory; the trace is in it, until the next call with it.
        A cell whose functions take no ``work`` gets none.

    Returns
    -------
    Trace.

    Raises
    ------
    ValueError
        If the numbers of layers differ; errors of a cell say in which layer.

    References
    ----------
    Graves, Mohamed and Hinton (2013).

    Examples
    --------
    >>> import numpy as np
    >>> from rnnlib import rnn
    >>> p = rnn.Params(U=np.ones((4, 3)), W=np.eye(4), b=np.zeros(4)), rnn.Params(np.eye(4), np.eye(4), np.zeros(4))
    >>> forward((rnn, rnn), p, np.ones((5, 2, 3))).S.shape
    (6, 2, 4)
    """
    p, s_0 = _layers("p", p, cells), _layers("s_0", s_0, cells)
    layers, work = [], work or Workspace()
    for number, (cell, p_l, start) in enumerate(zip(cells, p, s_0, strict=True), 1):
        with within(f"layer {number}"):
            inside = passing(cell.forward, work.part(f"layer {number}"))
            layers.append(cell.forward(p_l, X, start, f, **inside))
        X = layers[-1].S[1:]
    return Trace(tuple(layers), tuple(cells))


def backward(p, trace: Trace, dL_dS, dL_ds_T=None, work=None) -> Gradients:
    """Back through the layers from the top down: dL/dX of a layer is the direct effect of the states below it.

    Parameters
    ----------
    p : the parameters that made the trace, one entry for each layer.
    trace : Trace, from ``forward``.
    dL_dS : (T, h) or (T, B, h), the direct effect of the top layer's states on the losses.
    dL_ds_T : what is sent to the last state of each layer, one entry for each, each as its cell takes it or None; or None.
    work : Workspace, or None for new memory; ``dL_dX`` and ``delta`` are in it, until the next call with it.

    Returns
    -------
    Gradients.

    Raises
    ------
    ValueError
        If the numbers of layers differ; errors of a cell say in which layer.

    Examples
    --------
    >>> import numpy as np
    >>> from rnnlib import rnn
    >>> p = rnn.Params(U=np.ones((4, 3)), W=np.eye(4), b=np.zeros(4)), rnn.Params(np.eye(4), np.eye(4), np.zeros(4))
    >>> g = backward(p, forward((rnn, rnn), p, np.ones((5, 2, 3))), np.ones((5, 2, 4)))
    >>> g.dL_dX.shape, g.dL_dp[1].U.shape
    ((5, 2, 3), (4, 4))
    """
    layers, cells = made_by("trace", trace, Trace)
    p, later = _layers("p", p, cells), _layers("dL_ds_T", dL_ds_T, cells)
    back, work = [], work or Workspace()
    for number, cell in reversed(list(enumerate(cells, 1))):
        with within(f"layer {number}"):
            inside, at = passing(cell.backward, work.part(f"layer {number}")), number - 1
            back.insert(0, cell.backward(p[at], layers[at], dL_dS, later[at], **inside))
        dL_dS = back[0].dL_dX
    return Gradients(
        tuple(g.dL_dp for g in back), dL_dS, States(g.dL_ds_0 for g in back), tuple(g.delta for g in back)
    )


def cell(*cells) -> Cell:
    """A cell made of layers: what ``model.loss_and_gradients`` takes, and what can be stacked or run both ways in turn.

    Examples
    --------
    >>> from rnnlib import gru, lstm
    >>> cell(lstm, gru).name
    'stacked (lstm, gru)'
    """
    if not cells:
        raise ValueError("no cells were given; stacked.cell needs one for each layer")
    return Cell(
        f"stacked ({', '.join(map(name, cells))})",
        partial(step, cells),
        partial(step_back, cells),
        partial(forward, cells),
        backward,
    )


def _shown(state):
    """What a cell shows of its state: the state itself, or its part s."""
    return getattr(state, "s", state)


def _layers(what, given, cells):
    """A tuple with one entry for each layer; None becomes None for each, except for parameters."""
    if given is None and what != "p":
        return (None,) * len(cells)
    if not isinstance(given, (tuple, list)) or hasattr(given, "_fields") or len(given) != len(cells):
        many = f" of {len(given)}" if isinstance(given, (tuple, list)) else ""
        raise ValueError(
            f"{what} is a {type(given).__name__}{many}; it must be a tuple with one entry for each of the {len(cells)} layers"
        )
    return tuple(given)
