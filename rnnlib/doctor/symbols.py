r"""The simple network's pass on arrays of symbolic shape: for every n, h, m and B, every f, and the loss of softmax.

``rnnlib.doctor.passes.rnn`` runs here line by line, right or spoiled; f is opaque.
Of the loss one thing is known, the lemma ∂ℓ/∂z = o Σy − y (eq-output-epsilon).
The derivative of L comes from the chain rule along the run (``rnnlib.proof.shapes.Tape``), not from a formula.
Needs ``rnnlib.proof``.
"""

from __future__ import annotations

import itertools
from types import SimpleNamespace

from rnnlib.activations import Activation
from rnnlib.doctor import catalogue
from rnnlib.proof.shapes import Array, ShapeError, Tape, atom, fresh, same, variable

AXES = {"U": "hn", "W": "hh", "b": "h", "V": "mh", "c": "m", "s_0": "Bh"}


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
    """The right run with T steps: its variables after each line, and the derivatives of its loss."""

    def __init__(self, T: int):
        self.T, self.tape = T, Tape()
        self._known, self._outputs, self._number = [], [], itertools.count(1)
        self.arguments = {k: variable(k, *axes) for k, axes in AXES.items()}
        for name, axes in {"X": "Bn", "Y": "Bm", "weights": "B"}.items():
            self.arguments[name] = Steps(variable(f"{name}{t}", *axes) for t in range(1, T + 1))
        self.arguments["weights"] = Steps(map(Column, self.arguments["weights"]))
        self.arguments["Y"].shape = T, Size("B"), Size("m")
        self.arguments["f"] = Activation("f", lambda a: self._f(a)[0], lambda a, s: self._f(a)[1], "f(a)", float("inf"))
        self.arguments["head"] = SimpleNamespace(g=self._output, loss=self._loss, epsilon=_epsilon)
        self.arguments["np"] = SimpleNamespace(stack=Steps, zeros_like=lambda a: 0 * a, ones_like=lambda a: 0 * a + 1)
        self.arguments["softmax_back"] = lambda o, row: o * row - o * Column((o * row).sum(axis=1))
        self.states = catalogue.pass_of("rnn").states(self.arguments)
        self.derivatives = self._derivatives(self.states[-1]["L"])

    def caught(self, mistake: catalogue.Mistake) -> bool:
        """Whether a gradient of the spoiled pass is not the derivative of the spoiled pass's loss, for some size."""
        try:
            names = catalogue.pass_of("rnn").resume(self.states, mistake.edits)
            right = self.derivatives if same(names["L"], self.states[-1]["L"]) else self._derivatives(names["L"])
            return not all(_same(names["d" + part], value) for part, value in right.items())
        except ShapeError:
            return True

    def _f(self, argument):
        """f and f'; at an argument that was met before they are what they were there."""
        for seen, value, slope in self._known:
            if seen.axes == argument.axes and same(seen, argument):
                return value, slope
        self._known.append((argument, *self.tape.elementwise(f"f{next(self._number)}", argument)))
        return self._known[-1][1:]

    def _output(self, z):
        for seen, o in self._outputs:
            if same(seen, z):
                return o
        self._outputs.append((z, variable(f"o{next(self._number)}", "B", "m")))
        return self._outputs[-1][1]

    def _loss(self, z, y):
        letter, epsilon = f"l{next(self._number)}", _epsilon(self._output(z), y)

        def rule(row, d):
            k = fresh(("m",))
            return (epsilon.at(row, k) * d(z.at(row, k))).summed(k)

        self.tape.rules[letter] = rule
        return variable(letter, "B")

    def _derivatives(self, loss):
        """The derivative of the loss by every letter; a list for the inputs."""
        L = loss.at()

        def by(letter, *axes):
            like = variable(letter, *axes)
            return Array(like.axes, lambda *ix: self.tape.derivative(L, letter, tuple(itertools.chain.from_iterable(ix))))

        found = {k: by(k, *axes) for k, axes in AXES.items()}
        return found | {"X": [by(f"X{t}", "B", "n") for t in range(1, self.T + 1)]}


def _epsilon(o, y):
    """o Σy − y."""
    return o * Column(y.sum(axis=1)) - y


def _same(have, want):
    if isinstance(want, list):
        return len(have) == len(want) and all(map(same, have, want))
    return same(have, want)
