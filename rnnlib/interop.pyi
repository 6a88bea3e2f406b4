from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple, TypeAlias

from numpy.typing import ArrayLike, NDArray

from rnnlib import readout
from rnnlib.cells import _Cell

# PyTorch need not be installed, so its modules and tensors are of no type here.
_Module: TypeAlias = Any
_Array: TypeAlias = NDArray[Any]

CELLS: dict[type, ModuleType]
CLASSES: dict[type, str]

class Network(NamedTuple):
    cell: _Cell
    p: Any
    f: str

class Onnx(NamedTuple):
    op: str
    W: _Array
    R: _Array
    B: _Array
    attributes: dict[str, Any]

def from_torch(module: _Module, lengths: ArrayLike | None = None) -> Network: ...
def gradients_from_torch(module: _Module) -> Any: ...
def to_torch(p: Any, f: str = "tanh") -> _Module: ...
def readout_from_torch(module: _Module) -> readout.Params: ...
def readout_to_torch(q: readout.Params) -> _Module: ...
def one_bias(module: _Module) -> _Module: ...
def as_torch_function(net: Network) -> Callable[..., Any]: ...
def tensors_of(p: Any) -> list[Any]: ...
def state_to_torch(s: Any) -> Any: ...
def state_from_torch(module: _Module, state: Any) -> Any: ...
def to_onnx(p: Any, reset: str = "after") -> Onnx: ...
