from typing import Any, NamedTuple, TypeAlias

from numpy.typing import ArrayLike, DTypeLike, NDArray

from rnnlib.losses import Head
from rnnlib.workspace import Workspace

_Array: TypeAlias = NDArray[Any]

class Params(NamedTuple):
    V: _Array
    c: _Array

class Trace(NamedTuple):
    S: _Array
    Z: _Array
    O: _Array
    L_t: _Array
    L: Any
    epsilon: _Array

class Gradients(NamedTuple):
    dL_dq: Params
    dL_dS: _Array

def step(q: Params, s: _Array) -> _Array: ...
def step_back(q: Params, s: _Array, epsilon: _Array) -> tuple[Params, _Array]: ...
def forward(
    q: Params,
    S: ArrayLike,
    Y: ArrayLike,
    head: str | Head = ...,
    weights: ArrayLike | None = None,
    work: Workspace | None = None,
) -> Trace: ...
def backward(q: Params, trace: Trace, work: Workspace | None = None) -> Gradients: ...
def all_steps(T: int, dtype: DTypeLike = ...) -> _Array: ...
def last_step(T: int, dtype: DTypeLike = ...) -> _Array: ...
def mean(T: int, dtype: DTypeLike = ...) -> _Array: ...
def mask(lengths: ArrayLike, T: int, dtype: DTypeLike = ...) -> _Array: ...
def last_valid(lengths: ArrayLike, T: int, dtype: DTypeLike = ...) -> _Array: ...
