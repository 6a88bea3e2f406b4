from collections.abc import Callable, Iterable
from os import PathLike
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rnnlib import readout
from rnnlib.activations import Activation
from rnnlib.cells import _Cell
from rnnlib.losses import Head

_P = TypeVar("_P")

class Batch(NamedTuple):
    X: ArrayLike
    Y: ArrayLike
    weights: ArrayLike | None = None
    s_0: Any = None
    cell: _Cell | None = None

class Run(NamedTuple, Generic[_P]):
    p: _P
    q: readout.Params
    best: tuple[_P, readout.Params]
    state: Any
    losses: NDArray[np.float64]
    scores: NDArray[np.float64]

_Batches: TypeAlias = Iterable[Batch | tuple[Any, ...]]

def fit(
    p: _P,
    q: readout.Params,
    batches: _Batches | Callable[[np.random.Generator], _Batches],
    *,
    cell: _Cell = ...,
    f: str | Activation = ...,
    head: str | Head = ...,
    optimiser: Callable[..., Any] = ...,
    clip: float | None = None,
    epochs: int = 10,
    seed: int = 0,
    validation: _Batches | Callable[[_P, readout.Params], float] | None = None,
    patience: int | None = None,
    path: str | PathLike[str] | None = None,
    progress: bool = False,
    callback: Callable[[Run[_P]], Any] | None = None,
) -> Run[_P]: ...
