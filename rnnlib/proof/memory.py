"""How much memory a computation needs, as Python's own tracer counts it.

``peak_bytes``   the most that is held at any moment, the interpreter's objects included: it varies a little from run to run;
``kept_bytes``   the most that NumPy's arrays hold when a cell has run: the same number in every run.
"""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable
from functools import wraps

import numpy as np

from rnnlib import rnn


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


ARRAYS = tracemalloc.DomainFilter(True, np.lib.tracemalloc_domain)  # NumPy reports the memory of its arrays apart


class _Watched:
    """A cell that notes how many bytes of arrays are alive whenever one of its functions has run."""

    def __init__(self, cell):
        self._cell, self.most = cell, 0

    def __getattr__(self, name):
        function = getattr(self._cell, name)

        @wraps(function)
        def watched(*arguments, **options):
            result = function(*arguments, **options)
            traces = tracemalloc.take_snapshot().filter_traces([ARRAYS]).traces
            self.most = max(self.most, sum(trace.size for trace in traces))
            return result

        return watched


def kept_bytes(way: Callable, cell=rnn) -> int:
    """The most bytes of arrays that ``way(cell)`` has made and still holds when ``cell.forward`` or ``cell.backward`` has run.

    What lives only within one such function is not counted, and neither are Python's own objects.
    So the number depends on the code and the shapes alone.

    Raises
    ------
    RuntimeError
        If memory is being traced already.

    Examples
    --------
    >>> p = rnn.Params(U=np.ones((4, 3)), W=np.eye(4), b=np.zeros(4))
    >>> few, many = (kept_bytes(lambda cell: cell.forward(p, np.ones((T, 3)))) for T in (100, 200))
    >>> many - few > 100 * 8 * (4 + 4)  # A and S
    True
    """
    if tracemalloc.is_tracing():
        raise RuntimeError("tracemalloc is running already; stop it first, or the two counts mix")
    watched = _Watched(cell)
    tracemalloc.start()
    try:
        way(watched)
    finally:
        tracemalloc.stop()
    return watched.most
