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
from rnnlib.doctor import diagnose, diagnose_formula
from rnnlib.losses import Head, head, one_hot
from rnnlib.model import LossAndGradients, loss, loss_and_gradients
from rnnlib.workspace import Workspace

__version__: str

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
