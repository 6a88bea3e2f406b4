"""How much memory a computation needs at its peak, as Python's own tracer counts it."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable


def peak_bytes(function: Callable) -> int:
    """The most bytes that one call of ``function`` holds at a time, above what was held before it.

    NumPy reports its arrays to ``tracemalloc``, so the count is of arrays and objects, not of what the system lends.
    What the function returns is included.
    It is called once before it is measured: imports, caches and the interpreter's stock of small objects are then filled.

    Raises
    ------
    RuntimeError
        If memory is being traced already.

    Examples
    --------
    >>> import numpy as np
    >>> 8e6 < peak_bytes(lambda: np.zeros(1_000_000)) < 8.1e6
    True
    """
    if tracemalloc.is_tracing():
        raise RuntimeError("tracemalloc is running already; stop it first, or the two counts mix")
    function()
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        function()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
