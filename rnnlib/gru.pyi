from typing import Any, Literal, NamedTuple, TypeAlias

from numpy.typing import ArrayLike, NDArray

from rnnlib.activations import Activation
from rnnlib.cells import Cell
from rnnlib.workspace import Workspace

_Array: TypeAlias = NDArray[Any]
_Reset: TypeAlias = Literal["after", "before"]
_Update: TypeAlias = Literal["keep", "replace"]

RESET: tuple[str, str]
UPDATE: tuple[str, str]

class Params(NamedTuple):
    U: _Array
    W: _Array
    b: _Array
    b_s: _Array

class Gates(NamedTuple):
    r: _Array
    u: _Array
    candidate: _Array

class Trace(NamedTuple):
    X: _Array
    A: Gates
    G: Gates
    N: _Array
    S: _Array
    f: Activation
    gate: Activation
    reset: str
    update: str
    @property
    def s_T(self) -> _Array: ...

class Gradients(NamedTuple):
    dL_dp: Params
    dL_dX: _Array
    dL_ds_0: _Array
    delta: _Array

def gates(a: _Array, axis: int = -1) -> Gates: ...
def step(
    p: Params,
    x: _Array,
    s_prev: _Array,
    f: Activation = ...,
    gate: Activation = ...,
    reset: _Reset = "after",
    update: _Update = "keep",
) -> tuple[_Array, _Array]: ...
def step_back(
    p: Params,
    x: _Array,
    s_prev: _Array,
    a: _Array,
    s: _Array,
    dL_ds: _Array,
    f: Activation = ...,
    gate: Activation = ...,
    reset: _Reset = "after",
    update: _Update = "keep",
) -> tuple[_Array, Params, _Array, _Array]: ...
def forward(
    p: Params,
    X: ArrayLike,
    s_0: ArrayLike | None = None,
    f: str | Activation = ...,
    gate: str | Activation = ...,
    reset: _Reset = "after",
    update: _Update = "keep",
    work: Workspace | None = None,
) -> Trace: ...
def backward(
    p: Params, trace: Trace, dL_dS: ArrayLike, dL_ds_T: ArrayLike | None = None, work: Workspace | None = None
) -> Gradients: ...
def variant(reset: _Reset = "after", update: _Update = "keep", gate: str | Activation = ...) -> Cell: ...
