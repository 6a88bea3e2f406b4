from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

from numpy.typing import ArrayLike, NDArray

from rnnlib import rnn
from rnnlib.activations import Activation
from rnnlib.cells import _Cell

_Array: TypeAlias = NDArray[Any]

# unroll and back_through also run on symbols, so their steps have no type of their own.
class Step(NamedTuple):
    x: Any
    s_prev: Any
    a: Any
    s: Any

class Immediate(NamedTuple):
    J: _Array
    D: _Array
    U: _Array
    W: _Array

def unroll(cell: _Cell, p: Any, X: Sequence[Any] | _Array, s_0: Any, f: Activation) -> list[Step]: ...
def back_through(
    cell: _Cell, p: Any, steps: list[Step], dL_dS: Sequence[Any] | _Array, f: Activation, dL_ds_T: Any = 0
) -> tuple[list[Any], Any, list[Any], Any]: ...
def by_steps(p: rnn.Params, trace: rnn.Trace, dL_dS: ArrayLike, dL_ds_T: ArrayLike | None = None) -> rnn.Gradients: ...
def immediate(p: rnn.Params, x: _Array, s_prev: _Array, a: _Array, s: _Array, f: Activation) -> Immediate: ...
def sum_over_paths(
    p: rnn.Params, trace: rnn.Trace, dL_dS: ArrayLike, dL_ds_T: ArrayLike | None = None, *, share_products: bool = True
) -> rnn.Gradients: ...
def real_time(p: rnn.Params, trace: rnn.Trace, dL_dS: ArrayLike, dL_ds_T: ArrayLike | None = None) -> rnn.Gradients: ...
