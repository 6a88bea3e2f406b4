from typing import Any, TypeVar

from numpy.typing import ArrayLike

from rnnlib import readout
from rnnlib.activations import Activation
from rnnlib.cells import _Cell
from rnnlib.losses import Head
from rnnlib.model import LossAndGradients
from rnnlib.workspace import Workspace

_P = TypeVar("_P")

def segment(T: int) -> int: ...
def loss_and_gradients(
    p: _P,
    q: readout.Params,
    X: ArrayLike,
    Y: ArrayLike,
    s_0: Any = None,
    *,
    cell: _Cell = ...,
    f: str | Activation = ...,
    head: str | Head = ...,
    weights: ArrayLike | None = None,
    every: int | None = None,
    inputs: bool = True,
    work: Workspace | None = None,
) -> LossAndGradients[_P]: ...
