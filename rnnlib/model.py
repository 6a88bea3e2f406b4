"""A cell and a readout together: the whole model, its loss, and every gradient of it in one call."""

from __future__ import annotations

from typing import Any, NamedTuple

from rnnlib import readout, rnn
from rnnlib._validate import a_cell
from rnnlib.activations import tanh
from rnnlib.losses import softmax_cross_entropy
from rnnlib.workspace import Workspace, passing


class LossAndGradients(NamedTuple):
    """The loss ``L``, one number, and its gradients.

    ``dL_dp`` for the cell (dL/dU, dL/dW, dL/db), ``dL_dq`` for the readout (dL/dV, dL/dc),
    ``dL_dX`` for the inputs and ``dL_ds_0`` for the initial state, a row for every sequence.
    """

    L: Any
    dL_dp: Any
    dL_dq: Any
    dL_dX: Any
    dL_ds_0: Any


def loss(p, q, X, Y, s_0=None, *, cell=rnn, f=tanh, head=softmax_cross_entropy, weights=None, work=None):
    """L = Σ_t ω_t ℓ(z_t, y_t), summed over the batch (eq-model-loss).

    Arguments and errors as in ``loss_and_gradients``.

    Examples
    --------
    >>> import numpy as np
    >>> p = rnn.Params(U=np.ones((4, 3)), W=np.eye(4), b=np.zeros(4))
    >>> q = readout.Params(V=np.ones((2, 4)), c=np.zeros(2))
    >>> L = loss(p, q, np.ones((5, 3)), np.ones((5, 2)))
    >>> round(float(L), 4)  # ten targets of 1, each given the chance one half: 10 log 2
    6.9315
    """
    trace = a_cell(cell).forward(p, X, s_0, f, **passing(cell.forward, _part(work, "cell")))
    return readout.forward(q, trace.S[1:], Y, head, weights, _part(work, "readout")).L


def loss_and_gradients(
    p, q, X, Y, s_0=None, *, cell=rnn, f=tanh, head=softmax_cross_entropy, weights=None, work=None
) -> LossAndGradients:
    """The loss and every gradient: forward through cell and readout, then back through both.

    Computes L = Σ_t ω_t ℓ(z_t, y_t) (eq-model-loss), summed over the batch,
    then dL/dV (eq-output-v), dL/dc (eq-output-c), and from the errors ε_t = ∂L_t/∂z_t
    dL/dU (eq-gradient-u-outer), dL/dW (eq-gradient-w-outer), dL/db, dL/dx_t and dL/ds_0.

    Parameters
    ----------
    p : the cell's parameters, for example ``rnn.Params(U, W, b)``.
    q : ``readout.Params(V, c)``.
    X : (T, n) or (T, B, n), inputs, time first.
    Y : (T, m) or (T, B, m), targets; a time axis of length 1 for one target for the whole sequence.
    s_0 : (h,) or (B, h), or None for zeros.
    cell : the module of the cell.
    f : Activation, or its name.
    head : Head, or its name.
    weights : (T,) or (T, B), the weights ω_t over time (eq-totals-weights); None for 1 at every step.
    work : Workspace, or None for new memory; with the same one from call to call all is faster,
        ``dL_dX`` is overwritten by the next call, and all else that is returned stays.
        A cell whose functions take no ``work`` gets none.

    Returns
    -------
    LossAndGradients.

    Raises
    ------
    ValueError
        If a shape does not fit, a number is not finite, or a name is unknown.

    References
    ----------
    Werbos (1990).

    Examples
    --------
    >>> import numpy as np
    >>> p = rnn.Params(U=np.ones((4, 3)), W=np.eye(4), b=np.zeros(4))
    >>> q = readout.Params(V=np.ones((2, 4)), c=np.zeros(2))
    >>> g = loss_and_gradients(p, q, np.ones((5, 3)), np.ones((5, 2)))
    >>> g.dL_dp.W.shape, g.dL_dq.V.shape, g.dL_dX.shape
    ((4, 4), (2, 4), (5, 3))
    """
    inside, outside = _part(work, "cell"), _part(work, "readout")
    trace = a_cell(cell).forward(p, X, s_0, f, **passing(cell.forward, inside))
    out = readout.forward(q, trace.S[1:], Y, head, weights, outside)
    dL_dq, dL_dS = readout.backward(q, out, outside)
    back = cell.backward(p, trace, dL_dS, **passing(cell.backward, inside))
    return LossAndGradients(out.L, back.dL_dp, dL_dq, back.dL_dX, back.dL_ds_0)


def _part(work, name):
    if work is not None and not isinstance(work, Workspace):
        raise ValueError(f"work is {work!r}; it must be a Workspace, or None")
    return work and work.part(name)
