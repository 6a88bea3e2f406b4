"""Memory that is used again from call to call.

Fresh memory costs more than the arithmetic that fills it once arrays are large: every page of it has to be brought in.
A ``Workspace`` keeps the arrays of one call for the next call that asks for the same shapes.
"""

from __future__ import annotations

import numpy as np


class Workspace:
    """Arrays by name, kept from call to call.

    What was computed in a workspace is overwritten by the next call that is given the same workspace:
    copy what is to be kept.
    One workspace serves one computation at a time; threads need one each.

    Examples
    --------
    >>> work = Workspace()
    >>> first = work.array("A", (2, 3), np.float32)
    >>> work.array("A", (2, 3), np.float32) is first
    True
    >>> work.array("A", (4, 3), np.float32).shape
    (4, 3)
    """

    def __init__(self):
        self._arrays = {}
        self._parts = {}

    def array(self, name: str, shape: tuple, dtype) -> np.ndarray:
        """An array with any content, the same one as last time if shape and dtype are as they were."""
        kept = self._arrays.get(name)
        if kept is None or kept.shape != shape or kept.dtype != dtype:
            kept = self._arrays[name] = np.empty(shape, dtype)
        return kept

    def part(self, name: str) -> Workspace:
        """A workspace inside this one, for a part of a larger cell: a layer, a direction."""
        return self._parts.setdefault(name, Workspace())

    @property
    def nbytes(self) -> int:
        """How much memory is kept, in bytes."""
        return sum(kept.nbytes for kept in self._arrays.values()) + sum(part.nbytes for part in self._parts.values())
