from typing import Any, Generic, NamedTuple, TypeVar

# Parameters, or their gradient: a record of arrays, records of records, or an array. What comes out is of the kind that went in.
_R = TypeVar("_R")

class Step(NamedTuple, Generic[_R]):
    p: _R
    state: Any

class SGDState(NamedTuple):
    velocity: Any

class AdamState(NamedTuple):
    t: int
    m: Any
    v: Any

def norm(gradient: Any) -> float: ...
def clip_by_norm(gradient: _R, limit: float) -> _R: ...
def clip_by_value(gradient: _R, limit: float) -> _R: ...
def sgd(p: _R, dL_dp: _R, state: SGDState | None = None, *, rate: float, momentum: float = 0.0) -> Step[_R]: ...
def adam(
    p: _R,
    dL_dp: _R,
    state: AdamState | None = None,
    *,
    rate: float = 0.001,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    eps: float = 1e-08,
) -> Step[_R]: ...
