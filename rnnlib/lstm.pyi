from typing import Any, NamedTuple, TypeAlias

from numpy.typing import ArrayLike, NDArray

from rnnlib.activations import Activation
from rnnlib.cells import Cell
from rnnlib.workspace import Workspace

_Array: TypeAlias = NDArray[Any]

class Params(NamedTuple):
    U: _Array
    W: _Array
    b: _Array

class Gates(NamedTuple):
    iota: _Array
    phi: _Array
    candidate: _Array
    psi: _Array

class State(NamedTuple):
    s: _Array
    C: _Array
    def __add__(self, other: Any) -> State: ...
    def __radd__(self, other: Any) -> State: ...

class Trace(NamedTuple):
    X: _Array
    A: Gates
    G: Gates
    R: _Array
    S: _Array
    C: _Array
    f: Activation
    gate: Activation
    @property
    def s_T(self) -> State: ...

class Gradients(NamedTuple):
    dL_dp: Params
    dL_dX: _Array
    dL_ds_0: State
    delta: _Array

def gates(a: _Array, axis: int = -1) -> Gates: ...
def step(
    p: Params, x: _Array, s_prev: State, f: Activation = ..., gate: Activation = ...
) -> tuple[_Array, State]: ...
def step_back(
    p: Params,
    x: _Array,
    s_prev: State,
    a: _Array,
    s: State,
    dL_ds: State | _Array,
    f: Activation = ...,
    gate: Activation = ...,
) -> tuple[_Array, Params, _Array, State]: ...
def forward(
    p: Params,
    X: ArrayLike,
    s_0: State | None = None,
    f: str | Activation = ...,
    gate: str | Activation = ...,
    work: Workspace | None = None,
) -> Trace: ...
def backward(
    p: Params, trace: Trace, dL_dS: ArrayLike, dL_ds_T: State | None = None, work: Workspace | None = None
) -> Gradients: ...
def variant(gate: str | Activation = ...) -> Cell: ...
