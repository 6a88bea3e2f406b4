"""Memory that is used again from call to call.

Fresh memory costs more than the arithmetic that fills it once arrays are large: every page of it has to be brought in.
A ``Workspace`` keeps the arrays of one call for the next call that asks for the same shapes.
"""

from __future__ import annotations

import inspect
from functools import lru_cache
from math import prod

import numpy as np

from rnnlib._validate import finite, rows

LINE, PIECE = 64, 2**15  # bytes in a line of the cache; numbers in an array's share of it
SMALL = 10**6  # multiplications; up to here BLAS multiplies without copying the matrices first, where it can


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
        self._made = {}
        self._memories = {}
        self._steps = {}  # by the identity of an array that is kept here or in a part
        self._checked = self._kinds = None

    def array(self, name: str, shape: tuple, dtype) -> np.ndarray:
        """An array with any content, the same one as last time if shape and dtype are as they were."""
        kept = self._arrays.get(name)
        if kept is None or kept.shape != shape or kept.dtype != dtype:
            if kept is not None:
                self._steps.pop(id(kept), None)
            kept = self._arrays[name] = _aligned(shape, dtype)
            self._steps[id(kept)] = None
        return kept

    def memory(self, make, *key):
        """What ``make(self, *key)`` returns, arrays and views of them: made once, and anew when the key is another.

        Examples
        --------
        >>> work = Workspace()
        >>> work.memory(lambda work, n: list(work.array("a", (n, 2), float)), 3)[0].shape
        (2,)
        """
        kept = self._memories.get(make)
        if kept is None or kept[0] != key:
            kept = self._memories[make] = key, make(self, *key)
        return kept[1]

    def copy(self, name: str, a: np.ndarray) -> np.ndarray:
        """A copy of an array, row after row in memory."""
        kept = self.array(name, a.shape, a.dtype)
        kept[...] = a
        return kept

    def factor(self, name: str, M: np.ndarray, count: int) -> np.ndarray:
        """A matrix that ``count`` rows are to be multiplied with: a copy that products are faster with, if that pays.

        They are faster with a matrix that is row after row in memory, and with a small one that begins with a line of the cache.
        """
        in_order, large = M.flags.c_contiguous, M.size > SMALL / 16
        if count < 32 or (in_order and large) or (large and count < len(M) / 2):
            return M
        kept = self.array(name, M.shape, M.dtype)
        for k in range(0, M.shape[1], 32):  # strips, because the rows of a transposed matrix are far apart
            kept[:, k : k + 32] = M[:, k : k + 32]
        return kept

    def ones(self, count: int, dtype) -> np.ndarray:
        """A vector of ones, to sum with: a product sums several times faster than ``a.sum(axis=…)``."""
        kept = self._arrays.get("ones")
        if kept is None or len(kept) < count or kept.dtype != dtype:
            kept = self._arrays["ones"] = np.ones(count, dtype)
        return kept[:count]

    def sum_of_rows(self, a: np.ndarray) -> np.ndarray:
        """The sum of the rows of a matrix: 1ᵀ a."""
        return a.sum(axis=0) if a.dtype == object else self.ones(len(a), a.dtype).dot(a)

    def steps(self, a: np.ndarray) -> list:
        """The slices of an array in time, made only once for an array that is kept here.

        A batch of one sequence comes as vectors: a product with a vector costs less than one with a matrix of one row.

        Examples
        --------
        >>> [a.shape for a in Workspace().steps(np.zeros((3, 2, 4)))], [a.shape for a in Workspace().steps(np.zeros((2, 1, 4)))]
        ([(2, 4), (2, 4), (2, 4)], [(4,), (4,)])
        """
        found = self._steps.get(id(a))
        if found is None:
            found = list(a[:, 0] if a.ndim == 3 and a.shape[1] == 1 else a)
            if id(a) in self._steps:
                self._steps[id(a)] = found
        return found

    def part(self, name: str) -> Workspace:
        """A workspace inside this one, for a part of a larger cell: a layer, a direction."""
        if name not in self._parts:
            part = self._parts[name] = Workspace()
            part._steps = self._steps
        return self._parts[name]

    def familiar(self, given: tuple, uncertain: tuple) -> bool:
        """Whether these have the shapes and dtypes that were found right the last time, and the uncertain ones are finite."""
        return _kinds(given) == self._kinds and finite(uncertain)

    def found_right(self, given: tuple, used: tuple):
        """The check of the given arguments has ended well: if they can be used as they are, the next ones like them can, too."""
        as_they_are = all(a is b for a, b in zip(given, used, strict=True)) and used[0].dtype.kind in "fc"
        self._kinds = _kinds(given) if as_they_are else None

    def remember(self, trace, given, checked):
        """Keep what a ``forward`` has made of the parameters it was given, for the ``backward`` of its trace."""
        self._checked = trace, given, checked

    def recall(self, trace, given):
        """What the ``forward`` of this trace has made of these parameters; None if it was another one."""
        if self._checked is None or self._checked[0] is not trace or self._checked[1] is not given:
            return None
        return self._checked[2]

    def made(self, name: str, make, *arrays):
        """``make(*arrays)``, made only once as long as the arrays are the very same ones: lists of views, for example."""
        kept = self._made.get(name)
        if kept is None or any(one is not other for one, other in zip(kept[0], arrays, strict=True)):
            kept = self._made[name] = arrays, make(*arrays)
        return kept[1]

    @property
    def nbytes(self) -> int:
        """How much memory is kept, in bytes."""
        return sum(kept.nbytes for kept in self._arrays.values()) + sum(part.nbytes for part in self._parts.values())


def _aligned(shape, dtype):
    """A new array that begins with a line of the cache: products with it are up to a third faster."""
    dtype = np.dtype(dtype)
    if dtype.hasobject:
        return np.empty(shape, dtype)
    nbytes = prod(shape) * dtype.itemsize
    memory = np.empty(nbytes + LINE, np.uint8)
    start = -memory.ctypes.data % LINE
    return memory[start : start + nbytes].view(dtype).reshape(shape)


def product(a, b, out):
    """``a.dot(b, out)``, in groups of rows that are small products each, which is up to a third faster.

    Examples
    --------
    >>> out = np.empty((300, 64))
    >>> product(np.ones((300, 128)), np.ones((128, 64)), out)
    >>> bool((out == 128).all())
    True
    """
    k = SMALL // b.size // 16 * 16
    if len(a) <= k or not k:
        a.dot(b, out)
        return
    for i in range(0, len(a), k):
        a[i : i + k].dot(b, out[i : i + k])


def fastest(a, b):
    """The function to call for ``a.dot(b, out)`` again and again: the method itself if the product is small.

    Examples
    --------
    >>> fastest(np.ones((2, 3)), np.ones((3, 4))).__name__, fastest(np.ones((500, 128)), np.ones((128, 128))).__name__
    ('dot', 'product')
    """
    return np.ndarray.dot if a.size * b.shape[1] <= SMALL else product


def pieces(T: int, size: int, most: int | None = None) -> list:
    """Slices that cut T steps into pieces: what belongs to one piece stays in the cache from one operation to the next.

    ``size`` is how many numbers the largest array has for one step; ``most`` is how many steps a piece may have.

    Examples
    --------
    >>> pieces(5, 16), pieces(5, PIECE // 2)
    ([slice(0, 5, None)], [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)])
    """
    k = min(max(PIECE // size, 1), most or T)
    return [slice(t, min(t + k, T)) for t in range(0, T, k)]


def stretches(A, steps: list, most: int | None = None) -> list:
    """``A`` and what belongs to its steps cut as by ``pieces``: the slice, A in it, its rows, and the list's share.

    Examples
    --------
    >>> [(piece, part.shape, every.shape, steps) for piece, part, every, steps in stretches(np.zeros((3, 2, 4)), [1, 2, 3], 2)]
    [(slice(0, 2, None), (2, 2, 4), (4, 4), [1, 2]), (slice(2, 3, None), (1, 2, 4), (2, 4), [3])]
    """
    return [(piece, A[piece], rows(A[piece]), steps[piece]) for piece in pieces(len(A), A[0].size, most)]


def _kinds(given):
    return [(a.shape, a.dtype) if type(a) is np.ndarray else a for a in given]


@lru_cache(maxsize=256)
def _takes_work(function) -> bool:
    try:
        return "work" in inspect.signature(function).parameters
    except (TypeError, ValueError):  # it has no signature to be read
        return False


def passing(function, work: Workspace | None) -> dict:
    """The workspace as an argument for a function that takes one, and nothing for one that does not.

    Examples
    --------
    >>> from rnnlib import rnn
    >>> sorted(passing(rnn.forward, Workspace())), passing(rnn.forward, None), passing(rnn.step, Workspace())
    (['work'], {}, {})
    """
    return {} if work is None or not _takes_work(function) else {"work": work}
