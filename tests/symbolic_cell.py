"""Cells on symbols: every size a letter, every function opaque, and the derivative by the chain rule on symbols."""

from __future__ import annotations

import numpy as np

from rnnlib import other_ways
from rnnlib._records import leaves
from rnnlib.activations import Activation
from rnnlib.proof.blocks import Blocks
from rnnlib.proof.shapes import Array, Poly, Tape, fresh, same, variable


def stacked(letter, names, *axes):
    """An array of unknowns in blocks, one for each gate: U, W (h, …), or b (h,)."""
    return Blocks([variable(f"{letter}_{name}", *axes) for name in names], 0 if len(axes) == 2 else -1)


class Symbols:
    """A cell unrolled over T steps on symbols, with the tape that knows its derivatives."""

    def __init__(self, cell, p, s_0, T):
        self.tape, self.p = Tape(), p
        self.f, gate = self.opaque("f"), self.opaque("gate")
        self.cell = cell(gate)
        X = [variable(f"x{t}", "B", "n") for t in range(1, T + 1)]
        self.steps = other_ways.unroll(self.cell, p, X, s_0, self.f)

    def opaque(self, letter):
        """A function about which nothing is known; at an argument that it has met, it has the value it had."""
        met = []

        def at(argument):
            for seen, value, slope in met:
                if seen.axes == argument.axes and same(seen, argument):
                    return value, slope
            met.append((argument, *self.tape.elementwise(f"{letter}{len(met) + 1}", argument)))
            return met[-1][1:]

        return Activation(letter, lambda a: at(a)[0], lambda a, s: at(a)[1], f"{letter}(a)", float("inf"))

    def derivative(self, entry, letter, like):
        """d entry / d letter, an array of the shape of ``like``."""
        return Array(like.axes, lambda *ix: self.tape.derivative(entry, letter, tuple(k for i in ix for k in i)))

    def is_gradient(self, found, letter, entry):
        """Whether ``found`` is the derivative of ``entry`` by ``letter``; blocks one by one."""
        return same(found, self.derivative(entry, letter, found))


def contracted(*pairs, ranges="Bh"):
    """Σ over pairs (adjoint, s) of Σ_b Σ_i adjoint[b, i] s[b, i], as an entry."""
    total = Poly(())
    for adjoint, s in pairs:
        b, i = fresh((ranges[0],)), fresh((ranges[1],))
        total = total + (adjoint.at(b, i) * s.at(b, i)).summed(b).summed(i)
    return total


def parts(p, names):
    """{letter of every block: the block} of parameters or their gradients."""
    found = {}
    for letter, value in p._asdict().items():
        if isinstance(value, Blocks):
            found |= {f"{letter}_{name}": block for name, block in zip(names, np.split(value, len(names)), strict=True)}
        else:
            found[letter] = value
    return found


def all_same(one, other):
    """Whether two records of symbolic arrays are the same in every part."""
    one, other = leaves(one), leaves(other)
    return one.keys() == other.keys() and all(_same(one[k], other[k]) for k in one)


def _same(a, b):
    if isinstance(a, Blocks):
        return all(same(u, v) for u, v in zip(a.parts, b.parts, strict=True))
    return same(a, b)
