"""rnnlib: the gradients of recurrent networks, exactly as the book *Unrolled* derives and checks them.

Needs NumPy alone.
``rnnlib.proof`` (the checker), ``rnnlib.figures`` and ``rnnlib.data`` are imported on their own.
"""

from rnnlib import activations, initialise, losses, model, other_ways, readout, rnn
from rnnlib.activations import Activation, activation
from rnnlib.losses import Head, head, one_hot
from rnnlib.model import LossAndGradients, loss, loss_and_gradients

__version__ = "0.1.0"

__all__ = [
    "Activation",
    "Head",
    "LossAndGradients",
    "activation",
    "activations",
    "head",
    "initialise",
    "loss",
    "loss_and_gradients",
    "losses",
    "model",
    "one_hot",
    "other_ways",
    "readout",
    "rnn",
]
