"""What a cell is: four functions, in a module or in a record.

``rnn``, ``lstm`` and ``gru`` are cells as they are.
``gru.variant``, ``lstm.variant``, ``bidirectional.cell`` and ``stacked.cell`` make more of them.
Whatever takes a ``cell`` (``model.loss_and_gradients``, ``other_ways.unroll``, …) takes any of these.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rnnlib._validate import a_cell


@dataclass(frozen=True)
class Cell:
    """The four functions of a recurrent cell, with the arguments and results that those of ``rnn`` have.

    A state is an array, or a record of arrays such as ``lstm.State``;
    ``s_0``, ``dL_ds_T`` and ``dL_ds_0`` are then records of the same kind.

    Attributes
    ----------
    name : what the cell is called in messages.
    step : ``step(p, x, s_prev, f)`` gives a_t and s_t.
    step_back : ``step_back(p, x, s_prev, a, s, dL_ds, f)`` gives δ_t, the parameters' terms, dL/dx_t
        and dL/ds_{t-1}.
    forward : ``forward(p, X, s_0, f)`` gives a trace, whose ``S`` holds T + 1 states as arrays
        and whose ``s_T`` is the last state, ready to be the ``s_0`` of what follows.
    backward : ``backward(p, trace, dL_dS, dL_ds_T)`` gives ``Gradients(dL_dp, dL_dX, dL_ds_0, delta)``.

    Examples
    --------
    >>> from rnnlib import rnn
    >>> Cell("twin", rnn.step, rnn.step_back, rnn.forward, rnn.backward).name
    'twin'
    """

    name: str
    step: Callable[..., Any]
    step_back: Callable[..., Any]
    forward: Callable[..., Any]
    backward: Callable[..., Any]


def name(cell) -> str:
    """What a cell is called: the name of its record, or of its module.

    Examples
    --------
    >>> from rnnlib import lstm
    >>> name(lstm)
    'lstm'
    """
    cell = a_cell(cell)
    return getattr(cell, "name", None) or getattr(cell, "__name__", repr(cell)).removeprefix("rnnlib.")
