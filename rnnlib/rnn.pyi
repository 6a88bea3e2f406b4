from typing import Any, NamedTuple, TypeAlias

from numpy.typing import ArrayLike, NDArray

from rnnlib.activations import Activation
from rnnlib.workspace import Workspace

_Array: TypeAlias = NDArray[Any]

class Params(NamedTuple):
    U: _Array
    W: _Array
    b: _Array

class Trace(NamedTuple):
    X: _Array
    A: _Array
    S: _Array
    f: Activation
    @property
    def s_T(self) -> _Array: ...

class Gradients(NamedTuple):
    dL_dp: Params
    dL_dX: _Array
    dL_ds_0: _Array
    delta: _Array

def step(p: Params, x: _Array, s_prev: _Array, f: Activation = ...) -> tuple[_Array, _Array]: ...
def step_back(
    p: Params, x: _Array, s_prev: _Array, a: _Array, s: _Array, dL_ds: _Array, f: Activation = ...
) -> tuple[_Array, Params, _Array, _Array]: ...
def forward(
    p: Params,
    X: ArrayLike,
    s_0: ArrayLike | None = None,
    f: str | Activation = ...,
    work: Workspace | None = None,
) -> Trace: ...
def backward(
    p: Params, trace: Trace, dL_dS: ArrayLike, dL_ds_T: ArrayLike | None = None, work: Workspace | None = None
) -> Gradients: ...
