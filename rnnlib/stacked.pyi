from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

from numpy.typing import ArrayLike, NDArray

from rnnlib.activations import Activation
from rnnlib.cells import Cell, _Cell
from rnnlib.workspace import Workspace

_Array: TypeAlias = NDArray[Any]
_Layers: TypeAlias = Sequence[Any]

class States(tuple[Any, ...]):
    __array_ufunc__: None
    @property
    def s(self) -> _Array: ...
    def __add__(self, other: Any) -> States: ...
    def __radd__(self, other: Any) -> States: ...

class Trace(NamedTuple):
    layers: tuple[Any, ...]
    cells: tuple[_Cell, ...]
    @property
    def S(self) -> _Array: ...
    @property
    def s_T(self) -> States: ...

class Gradients(NamedTuple):
    dL_dp: tuple[Any, ...]
    dL_dX: _Array
    dL_ds_0: States
    delta: tuple[Any, ...]

def step(
    cells: Sequence[_Cell], p: _Layers, x: _Array, s_prev: _Layers, f: Activation = ...
) -> tuple[tuple[Any, ...], States]: ...
def step_back(
    cells: Sequence[_Cell],
    p: _Layers,
    x: _Array,
    s_prev: _Layers,
    a: tuple[Any, ...],
    s: States,
    dL_ds: States | _Array,
    f: Activation = ...,
) -> tuple[tuple[Any, ...], tuple[Any, ...], _Array, States]: ...
def forward(
    cells: Sequence[_Cell],
    p: _Layers,
    X: ArrayLike,
    s_0: _Layers | None = None,
    f: str | Activation = ...,
    work: Workspace | None = None,
) -> Trace: ...
def backward(
    p: _Layers, trace: Trace, dL_dS: ArrayLike, dL_ds_T: _Layers | None = None, work: Workspace | None = None
) -> Gradients: ...
def cell(*cells: _Cell) -> Cell: ...
