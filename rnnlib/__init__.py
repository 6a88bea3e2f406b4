"""rnnlib: the gradients of recurrent networks, exactly as the book *Unrolled* derives and checks them.

Needs NumPy alone.
``rnnlib.proof`` (the checker), ``rnnlib.figures`` and ``rnnlib.data`` are imported on their own;
``rnnlib.doctor``, with ``diagnose`` and ``diagnose_formula``, when it is first asked for.
"""

from importlib import import_module as _import_module

from rnnlib import (
    activations,
    bidirectional,
    cells,
    checkpointed,
    chunked,
    flow,
    gru,
    initialise,
    interop,
    losses,
    lstm,
    model,
    optimise,
    other_ways,
    readout,
    rnn,
    stacked,
    train,
    truncated,
    workspace,
)
from rnnlib.activations import Activation, activation
from rnnlib.losses import Head, head, one_hot
from rnnlib.model import LossAndGradients, loss, loss_and_gradients
from rnnlib.workspace import Workspace

__version__ = "0.1.0"

__all__ = [
    "Activation",
    "Head",
    "LossAndGradients",
    "Workspace",
    "activation",
    "activations",
    "bidirectional",
    "cells",
    "checkpointed",
    "chunked",
    "diagnose",
    "diagnose_formula",
    "flow",
    "gru",
    "head",
    "initialise",
    "interop",
    "loss",
    "loss_and_gradients",
    "losses",
    "lstm",
    "model",
    "one_hot",
    "optimise",
    "other_ways",
    "readout",
    "rnn",
    "stacked",
    "train",
    "truncated",
    "workspace",
]


def __getattr__(name):
    """The doctor, imported when it is first asked for."""
    if name in ("doctor", "diagnose", "diagnose_formula"):
        doctor = _import_module("rnnlib.doctor")
        return doctor if name == "doctor" else getattr(doctor, name)
    raise AttributeError(f"module 'rnnlib' has no attribute {name!r}")
