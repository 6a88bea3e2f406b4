from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar

from numpy.typing import ArrayLike, NDArray

from rnnlib import readout
from rnnlib.activations import Activation
from rnnlib.cells import _Cell
from rnnlib.losses import Head
from rnnlib.workspace import Workspace

_P = TypeVar("_P")
_Array: TypeAlias = NDArray[Any]

# dL_dp is a record of the kind of p; L is a number of the arrays' kind, and dL_ds_0 what the cell has for a state.
class LossAndGradients(NamedTuple, Generic[_P]):
    L: Any
    dL_dp: _P
    dL_dq: readout.Params
    dL_dX: _Array
    dL_ds_0: Any

def loss(
    p: Any,
    q: readout.Params,
    X: ArrayLike,
    Y: ArrayLike,
    s_0: Any = None,
    *,
    cell: _Cell = ...,
    f: str | Activation = ...,
    head: str | Head = ...,
    weights: ArrayLike | None = None,
    work: Workspace | None = None,
) -> Any: ...
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
    work: Workspace | None = None,
) -> LossAndGradients[_P]: ...
