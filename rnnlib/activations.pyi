from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from numpy.typing import NDArray

_Array: TypeAlias = NDArray[Any]

@dataclass(frozen=True)
class Activation:
    name: str
    f: Callable[[_Array], _Array]
    df: Callable[[_Array, _Array], _Array]
    expr: str
    slope: float

identity: Activation
tanh: Activation
sigmoid: Activation
relu: Activation
softplus: Activation
hard_tanh: Activation
ACTIVATIONS: dict[str, Activation]
IN_PLACE: dict[Callable[..., Any], Callable[..., Any]]

def into(f: Activation) -> Callable[[_Array, _Array], Any]: ...
def slope_into(f: Activation) -> Callable[[_Array, _Array, _Array], Any]: ...
def activation(f: str | Activation) -> Activation: ...
