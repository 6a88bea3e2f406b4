"""Arrays of symbolic shape in blocks: several of them side by side along one axis, as LSTM and GRU stack their gates.

``np.split`` and ``np.concatenate`` along that axis take blocks apart and put them together, and products meet block by block,
so that functions written for one stacked array, ``rnnlib.lstm.step`` among them, run on blocks whose sizes are letters.
"""

from __future__ import annotations

import functools
import operator

import numpy as np

from rnnlib.proof.shapes import Array, ShapeError, shape_text


class Blocks:
    """Blocks along the first (``axis=0``) or the last (``axis=-1``) axis of a matrix, or along the axis of a vector."""

    __array_ufunc__ = None
    __slots__ = ("axis", "parts")

    def __init__(self, parts, axis):
        self.parts, self.axis = list(parts), axis

    def __array_function__(self, function, types, args, kwargs):
        if function is np.split:
            return _split(*args, **kwargs)
        if function is np.concatenate:
            return _concatenate(*args, **kwargs)
        return NotImplemented

    @property
    def T(self):
        return Blocks([p.T for p in self.parts], -1 - self.axis)

    def _map(self, other, op):
        """Block by block with another array in the same blocks, or with a number."""
        if isinstance(other, Blocks):
            vectors = any(len(p.axes) == 1 for p in (*self.parts, *other.parts))
            if len(self.parts) != len(other.parts) or self.axis != other.axis and not vectors:
                raise ShapeError(f"blocks {_text(self)} and {_text(other)} do not fit elementwise")
            return Blocks([op(a, b) for a, b in zip(self.parts, other.parts)], self.axis)
        if isinstance(other, Array):
            raise ShapeError(f"blocks {_text(self)} and one array {shape_text(other)} do not fit elementwise")
        return Blocks([op(a, other) for a in self.parts], self.axis)

    def __add__(self, other):
        return self._map(other, operator.add)

    def __radd__(self, other):
        return self if isinstance(other, int) and other == 0 else self + other

    def __mul__(self, other):
        return self._map(other, operator.mul)

    __rmul__ = __mul__

    def __matmul__(self, other):
        if self.axis == 0:
            return Blocks([p @ other for p in self.parts], 0)
        if not isinstance(other, Blocks) or other.axis != 0 or len(other.parts) != len(self.parts):
            raise ShapeError(f"cannot multiply blocks {_text(self)} by {_text(other)}")
        return functools.reduce(operator.add, (a @ b for a, b in zip(self.parts, other.parts)))

    def __rmatmul__(self, other):
        if self.axis != -1:
            raise ShapeError(f"cannot multiply {_text(other)} by blocks {_text(self)}")
        return Blocks([other @ p for p in self.parts], -1)

    def sum(self, axis=0):
        if self.axis != -1 or axis != 0:
            raise ShapeError("blocks are summed over the other axis only")
        return Blocks([p.sum(axis=0) for p in self.parts], -1)


def _split(blocks, count, axis=0):
    vector = all(len(p.axes) == 1 for p in blocks.parts)
    if count != len(blocks.parts) or axis not in (blocks.axis, blocks.axis % 2) and not vector:
        raise ShapeError(f"{len(blocks.parts)} blocks along axis {blocks.axis} cannot be split in {count} along axis {axis}")
    return list(blocks.parts)


def _concatenate(parts, axis=0):
    return Blocks(parts, axis if axis == -1 else -1 if axis == 1 else 0)


def _text(v):
    if isinstance(v, Blocks):
        return "[" + ", ".join(shape_text(p) for p in v.parts) + "]"
    return shape_text(v) if isinstance(v, Array) else repr(v)
