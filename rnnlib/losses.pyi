from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from numpy.typing import ArrayLike, DTypeLike, NDArray

_Array: TypeAlias = NDArray[Any]

@dataclass(frozen=True)
class Head:
    name: str
    g: Callable[[_Array], _Array]
    loss: Callable[[_Array, _Array], _Array]
    epsilon: Callable[[_Array, _Array], _Array]

softmax_cross_entropy: Head
sigmoid_cross_entropy: Head
squared_error: Head
HEADS: dict[str, Head]
LARGE: dict[str, float]

def softmax(z: _Array) -> _Array: ...
def head(g: str | Head) -> Head: ...
def evaluate(
    head: Head, Z: _Array, Y: _Array, O: _Array, loss: _Array, epsilon: _Array, ones: _Array | None
) -> None: ...
def one_hot(labels: ArrayLike, m: int, dtype: DTypeLike = ...) -> _Array: ...
