from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any, TypeAlias

@dataclass(frozen=True)
class Cell:
    name: str
    step: Callable[..., Any]
    step_back: Callable[..., Any]
    forward: Callable[..., Any]
    backward: Callable[..., Any]

# Whatever takes a cell takes a module with the four functions, too: rnn, lstm, gru.
_Cell: TypeAlias = Cell | ModuleType

def name(cell: _Cell) -> str: ...
