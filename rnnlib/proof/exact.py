"""Exact arithmetic that rnnlib's functions run on: integers mod p, and dual numbers over any ring.

A polynomial identity that holds at a random point mod p = 2^61 − 1 holds identically, but for a chance of about degree / p
(Schwartz and Zippel). Functions such as f, exp and log are *oracles*: a random value for each argument, the same for the same argument,
with a random slope; exp and log keep the slopes that the chain rule needs, exp' = exp and log' = 1/x.
"""

from __future__ import annotations

import random

import numpy as np

from rnnlib.activations import Activation

P = 2**61 - 1


class Residue:
    """An integer mod p."""

    __slots__ = ("n",)

    def __init__(self, n: int):
        self.n = int(n) % P

    def __add__(self, other):
        n = _int(other)
        return NotImplemented if n is None else Residue(self.n + n)

    __radd__ = __add__

    def __mul__(self, other):
        n = _int(other)
        return NotImplemented if n is None else Residue(self.n * n)

    __rmul__ = __mul__

    def __neg__(self):
        return Residue(-self.n)

    def __sub__(self, other):
        n = _int(other)
        return NotImplemented if n is None else Residue(self.n - n)

    def __rsub__(self, other):
        return -self + other

    def __truediv__(self, other):
        n = _int(other)
        return NotImplemented if n is None else Residue(self.n * pow(n, -1, P))

    def __rtruediv__(self, other):
        return Residue(_int(other)) / self

    def __pow__(self, k: int):
        return Residue(pow(self.n, k, P))

    def __eq__(self, other):
        n = _int(other)
        return n is not None and (self.n - n) % P == 0

    def __hash__(self):
        return hash(self.n)

    def __repr__(self):
        return f"{self.n} mod p"


def _int(x):
    if isinstance(x, Residue):
        return x.n
    if isinstance(x, (int, np.integer)):
        return int(x)
    if isinstance(x, (float, np.floating)) and float(x).is_integer():
        return int(x)
    numerator, denominator = getattr(x, "numerator", None), getattr(x, "denominator", None)
    if isinstance(numerator, int) and isinstance(denominator, int):
        return numerator * pow(denominator, -1, P)
    return None


class Dual:
    """v + d·η with η² = 0: a value and its change. ``exp`` and ``log`` ask the oracle that made the number."""

    __slots__ = ("d", "oracle", "v")

    def __init__(self, v, d=0, oracle=None):
        self.v, self.d, self.oracle = v, d, oracle

    def _lift(self, other):
        return other if isinstance(other, Dual) else None if _int(other) is None else Dual(Residue(_int(other)), 0, self.oracle)

    def __add__(self, other):
        o = self._lift(other)
        return NotImplemented if o is None else Dual(self.v + o.v, self.d + o.d, self.oracle)

    __radd__ = __add__

    def __mul__(self, other):
        o = self._lift(other)
        return NotImplemented if o is None else Dual(self.v * o.v, self.v * o.d + self.d * o.v, self.oracle)

    __rmul__ = __mul__

    def __neg__(self):
        return Dual(-self.v, -self.d, self.oracle)

    def __sub__(self, other):
        o = self._lift(other)
        return NotImplemented if o is None else self + -o

    def __rsub__(self, other):
        return -self + other

    def __truediv__(self, other):
        o = self._lift(other)
        return NotImplemented if o is None else Dual(self.v / o.v, (self.d * o.v - self.v * o.d) / (o.v * o.v), self.oracle)

    def __rtruediv__(self, other):
        return self._lift(other) / self

    def __pow__(self, k: int):
        return Dual(self.v**k, k * self.v ** (k - 1) * self.d, self.oracle)

    def exp(self):
        e = self.oracle.value("exp", self.v)
        return Dual(e, e * self.d, self.oracle)

    def log(self):
        return Dual(self.oracle.value("log", self.v), self.d / self.v, self.oracle)

    def __eq__(self, other):
        o = self._lift(other)
        return o is not None and self.v == o.v and self.d == o.d

    __hash__ = None

    def __repr__(self):
        return f"{self.v} + η·{self.d}"


class Oracle:
    """Random elements mod p, and functions with random values that never change their mind."""

    def __init__(self, seed: int):
        self._random = random.Random(seed)
        self._memo = {}

    def element(self) -> Residue:
        return Residue(self._random.randrange(1, P))

    def value(self, function: str, argument: Residue) -> Residue:
        return self._memo.setdefault((function, argument), self.element())

    def array(self, *shape) -> np.ndarray:
        """Random residues as dual numbers with no change."""
        return self.lift(np.frompyfunc(lambda _: self.element(), 1, 1)(np.zeros(shape)))

    def lift(self, values) -> np.ndarray:
        out = np.empty(np.shape(values), dtype=object)
        for k in np.ndindex(out.shape):
            out[k] = Dual(values[k], Residue(0), self)
        return out

    def activation(self, letter: str = "f") -> Activation:
        """An activation about which nothing is known but that it has values and slopes."""

        def f(a):
            return Dual(self.value(letter, a.v), self.value(letter + "'", a.v) * a.d, self)

        def df(a):
            return Dual(self.value(letter + "'", a.v), Residue(0), self)

        f, df = np.frompyfunc(f, 1, 1), np.frompyfunc(df, 1, 1)
        return Activation("oracle", f, lambda a, s: df(a), "f(a)", float("inf"))
