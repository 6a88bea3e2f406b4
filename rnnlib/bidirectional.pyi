from typing import Any, NamedTuple, TypeAlias

from numpy.typing import ArrayLike, NDArray

from rnnlib.activations import Activation
from rnnlib.cells import Cell, _Cell
from rnnlib.workspace import Workspace

_Array: TypeAlias = NDArray[Any]
_Cells: TypeAlias = _Cell | tuple[_Cell, _Cell]

class Params(NamedTuple):
    forward: Any
    backward: Any

class State(NamedTuple):
    forward: Any
    backward: Any

class Deltas(NamedTuple):
    forward: Any
    backward: Any

class Trace(NamedTuple):
    S: _Array
    forward: Any
    backward: Any
    cells: tuple[_Cell, _Cell]
    lengths: _Array | None
    align: bool

class Gradients(NamedTuple):
    dL_dp: Params
    dL_dX: _Array
    dL_ds_0: State
    delta: Deltas

def turn(A: _Array, lengths: ArrayLike | None = None) -> _Array: ...
def forward(
    cells: _Cells,
    p: Params,
    X: ArrayLike,
    s_0: State | None = None,
    f: str | Activation = ...,
    lengths: ArrayLike | None = None,
    align: bool = True,
    work: Workspace | None = None,
) -> Trace: ...
def backward(
    p: Params, trace: Trace, dL_dS: ArrayLike, dL_ds_T: State | None = None, work: Workspace | None = None
) -> Gradients: ...
def ends(trace: Trace) -> _Array: ...
def at_ends(trace: Trace, dL_dends: ArrayLike) -> _Array: ...
def cell(
    forward_cell: _Cell, backward_cell: _Cell | None = None, *, lengths: ArrayLike | None = None, align: bool = True
) -> Cell: ...
