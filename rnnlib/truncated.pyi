from typing import Any, Generic, NamedTuple, TypeVar

from numpy.random import Generator
from numpy.typing import ArrayLike

from rnnlib import readout, rnn
from rnnlib.activations import Activation
from rnnlib.cells import _Cell
from rnnlib.losses import Head
from rnnlib.model import LossAndGradients
from rnnlib.workspace import Workspace

_P = TypeVar("_P")

class Chunk(NamedTuple, Generic[_P]):
    gradients: LossAndGradients[_P]
    s_T: Any

def window_pairs(T: int, k: int) -> int: ...
def chunk_pairs(T: int, k: int) -> int: ...
def window(p: rnn.Params, trace: rnn.Trace, dL_dS: ArrayLike, k: int) -> rnn.Gradients: ...
def chunked(p: rnn.Params, trace: rnn.Trace, dL_dS: ArrayLike, k: int) -> rnn.Gradients: ...
def chunk(
    p: _P,
    q: readout.Params,
    X: ArrayLike,
    Y: ArrayLike,
    s_0: Any = None,
    *,
    cell: _Cell = ...,
    f: str | Activation = ...,
    head: str | Head = ...,
    weights: ArrayLike | None = None,
    work: Workspace | None = None,
) -> Chunk[_P]: ...
def handed_on(p: rnn.Params, trace: rnn.Trace, dL_dS: ArrayLike, factors: ArrayLike) -> rnn.Gradients: ...
def randomised(rng: Generator, p: rnn.Params, trace: rnn.Trace, dL_dS: ArrayLike, keep: ArrayLike) -> rnn.Gradients: ...
