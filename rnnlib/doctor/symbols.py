r"""The passes on arrays of symbolic shape: for every n, h, m and B, every f and gate, and the loss of softmax.

A function of ``rnnlib.doctor.passes`` runs here line by line, right or spoiled; f and the gates' function are opaque.
Of the loss one thing is known, the lemma ∂ℓ/∂z = o Σy − y (eq-output-epsilon).
The derivative of L comes from the chain rule along the run (``rnnlib.proof.shapes.Tape``), not from a formula.
Needs ``rnnlib.proof``.
"""

from __future__ import annotations

import itertools
import re
from types import SimpleNamespace

import numpy as np

from rnnlib.activations import Activation
from rnnlib.doctor import catalogue, points
from rnnlib.proof.blocks import Blocks
from rnnlib.proof.shapes import Array, ShapeError, Tape, atom, fresh, same, variable

LENGTHS = {"rnn": 3, "lstm": 2, "gru": 2, "bidirectional": 3}  # the most steps: with gates, three make too many terms to be written out


class Size:
    """The letter of a size; an array can be divided by it."""

    def __init__(self, letter):
        self.letter = letter

    def __rtruediv__(self, array):
        return array * atom(f"1/{self.letter}")


class Steps(list):
    """What a pass takes for X, Y or the weights: one array a step."""

    def __getitem__(self, at):
        return self if isinstance(at, tuple) else super().__getitem__(at)  # weights[..., None]


class Column:
    """A vector (B,) as the column (B, 1): one number for each row of what it multiplies."""

    def __init__(self, vector):
        self.vector = vector

    def __mul__(self, other):
        if isinstance(other, int):
            return Column(other * self.vector)
        return Array(other.axes, lambda b, *rest: self.vector.at(b) * other.at(b, *rest))

    __rmul__ = __mul__

    def __getitem__(self, at):  # omega[t][:, 0]
        return self.vector


class Run:
    """The right run of a cell with T steps: its variables after each line, and the derivatives of its loss."""

    def __init__(self, T: int, cell: str = "rnn"):
        self.T, self.tape, self.program = T, Tape(), catalogue.pass_of(cell)
        self.shapes = points.KINDS[cell].shapes
        self._known, self._outputs, self._errors, self._number = {"f": [], "gate": []}, [], [], itertools.count(1)
        self.arguments = {k: _in_blocks(variable, k, axes) for k, axes in self.shapes.items()}
        for name, axes in {"X": "Bn", "Y": "Bm", "weights": "B"}.items():
            self.arguments[name] = Steps(variable(f"{name}{t}", *axes) for t in range(1, T + 1))
        self.arguments["weights"] = Steps(map(Column, self.arguments["weights"]))
        self.arguments["Y"].shape = T, Size("B"), Size("m")
        self.arguments |= {k: self._opaque(k) for k in self._known}
        self.arguments["head"] = SimpleNamespace(g=self._output, loss=self._loss, epsilon=self._epsilon)
        self.arguments["np"] = SimpleNamespace(
            stack=Steps, zeros_like=lambda a: 0 * a, ones_like=lambda a: 0 * a + 1, reciprocal=self._reciprocal,
            split=np.split, concatenate=np.concatenate,
        )  # fmt: skip
        self.arguments["softmax_back"] = lambda o, row: o * row - o * Column((o * row).sum(axis=1))
        self.states = self.program.states(self.arguments)
        self.derivatives = self._derivatives(self.states[-1]["L"])

    def caught(self, mistake: catalogue.Mistake) -> bool:
        """Whether a gradient of the spoiled pass is not the derivative of the spoiled pass's loss, for some size."""
        try:
            names = self.program.resume(self.states, mistake.edits)
            right = self.derivatives if same(names["L"], self.states[-1]["L"]) else self._derivatives(names["L"])
            return not all(self._same(names["d" + part], value) for part, value in right.items())
        except ShapeError:
            return True

    def _opaque(self, name):
        """A function about which nothing is known; at an argument that was met before, its value and slope are what they were there."""

        def at(a):
            for seen, *both in self._known[name]:
                if seen.axes == a.axes and same(seen, a):
                    return both
            self._known[name].append((a, *self.tape.elementwise(f"{name}{next(self._number)}", a)))
            return self._known[name][-1][1:]

        return Activation(name, lambda a: at(a)[0], lambda a, s: at(a)[1], "f(a)", float("inf"))

    def _reciprocal(self, a):
        """1/a as letters of their own; only ever on the way back, so it has no derivative."""
        return variable(f"1/{next(self._number)}", *a.axes)

    def _output(self, z):
        for seen, o in self._outputs:
            if same(seen, z):
                return o
        self._outputs.append((z, variable(f"o{next(self._number)}", "B", "m")))
        return self._outputs[-1][1]

    def _loss(self, z, y):
        letter, epsilon = f"l{next(self._number)}", self._epsilon(self._output(z), y)

        def rule(row, d):
            k = fresh(("m",))
            return (epsilon.at(row, k) * d(z.at(row, k))).summed(k)

        self.tape.rules[letter] = rule
        return variable(letter, "B")

    def _epsilon(self, o, y):
        """o Σy − y, under a name of its own."""
        for seen, targets, epsilon in self._errors:
            if same(seen, o) and same(targets, y):
                return epsilon
        self._errors.append((o, y, self.tape.alias(f"e{next(self._number)}", o * Column(y.sum(axis=1)) - y)))
        return self._errors[-1][2]

    def _derivatives(self, loss):
        """The derivative of the loss by every letter; a list for the inputs."""
        L = loss.at()

        def by(letter, *axes):
            like = variable(letter, *axes)
            return Array(like.axes, lambda *ix: self.tape.derivative(L, letter, tuple(itertools.chain.from_iterable(ix))))

        found = {k: _in_blocks(by, k, axes) for k, axes in self.shapes.items()}
        return found | {"X": [by(f"X{t}", "B", "n") for t in range(1, self.T + 1)]}

    def _same(self, have, want):
        if isinstance(want, list):
            return len(have) == len(want) and all(map(self._same, have, want))
        if isinstance(want, Blocks):
            axes = isinstance(have, Blocks) and (have.axis == want.axis or len(want.parts[0].axes) == 1)
            return axes and len(have.parts) == len(want.parts) and all(map(self._same, have.parts, want.parts))
        return isinstance(have, Array) and self.tape.same(have, want)


def _in_blocks(make, letter, axes):
    """``make(letter, "h", "n")`` for "hn"; for "4hn" four of them, one above the other, for "m2h" two side by side."""
    count, plain = re.search(r"\d|$", axes)[0], re.sub(r"\d", "", axes)
    if not count:
        return make(letter, *plain)
    return Blocks([make(f"{letter}.{k}", *plain) for k in range(int(count))], -axes.index(count))
