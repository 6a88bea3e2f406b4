from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar

from numpy.typing import ArrayLike, NDArray

from rnnlib import readout
from rnnlib.activations import Activation
from rnnlib.cells import _Cell
from rnnlib.losses import Head
from rnnlib.workspace import Workspace

_P = TypeVar("_P")
_Array: TypeAlias = NDArray[Any]

OVERLAP: int
ROUNDING: int
NARROW: int

class Seams(NamedTuple):
    chunks: int
    overlaps: tuple[int, ...]
    states: float
    adjoints: float

class LossAndGradients(NamedTuple, Generic[_P]):
    L: Any
    dL_dp: _P
    dL_dq: readout.Params
    dL_dX: _Array
    dL_ds_0: Any
    seams: Seams

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
    chunks: int | None = None,
    overlap: int | None = None,
    tolerance: float | None = None,
    work: Workspace | None = None,
) -> LossAndGradients[_P]: ...
