"""Arrays of symbolic shape: the sizes n, h, m, B are letters, so what is equal here is equal for every size.

An entry of such an array is a sum of terms ``coefficient · Σ over bound indices of a product of factors``; a factor is a letter
with its indices, for example W[i, k]. Terms are kept in a normal form in which equal expressions are identical:
Kronecker deltas are contracted and bound indices are named in a canonical way.

A function made of operators (``@ .T + - * .sum``) runs on these arrays unchanged, ``rnnlib.rnn.step`` among them,
and a product whose inner sizes differ is an error, as it should be.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable
from fractions import Fraction
from numbers import Rational
from typing import NamedTuple

DELTA = "δ"


class ShapeError(TypeError):
    """Two arrays whose symbolic shapes do not fit together."""


class Undefined(LookupError):
    """A statement asks for something that the network does not have: a step outside the sequence, f at a strange argument."""


class Index(NamedTuple):
    """An index that runs over the range named by a letter."""

    id: int
    range: str


_ids = itertools.count(1)


def fresh(axis: tuple[str, ...]) -> tuple[Index, ...]:
    """New indices for an axis. An axis is a tuple of ranges: ``('h',)`` is h long, ``('n', 'h')`` is n·h long, ``()`` is one long."""
    return tuple(Index(next(_ids), r) for r in axis)


class Poly:
    """A sum of terms (coefficient, bound indices, factors), a factor being (letter, indices)."""

    __slots__ = ("terms",)

    def __init__(self, terms):
        self.terms = tuple(terms)

    def __add__(self, other):
        return Poly(self.terms + _poly(other).terms)

    __radd__ = __add__

    def __neg__(self):
        return Poly((-c, bound, factors) for c, bound, factors in self.terms)

    def __sub__(self, other):
        return self + -_poly(other)

    def __rsub__(self, other):
        return _poly(other) - self

    def __mul__(self, other):
        if isinstance(other, Array):
            return NotImplemented
        products = []
        for (c, bound, factors), term in itertools.product(self.terms, _poly(other).terms):
            c2, bound2, factors2 = _rename(term, {})  # bound indices of the right-hand term are made new: no capture
            products.append((c * c2, bound + bound2, factors + factors2))
        return Poly(products)

    __rmul__ = __mul__

    def substitute(self, new: dict[Index, Index]) -> Poly:
        """Free indices replaced; bound ones are renamed apart."""
        return Poly(_rename(term, new) for term in self.terms)

    def summed(self, indices: tuple[Index, ...]) -> Poly:
        """The sum over free indices, which become bound."""
        return Poly((c, bound + indices, factors) for c, bound, factors in self.terms)

    def normal(self) -> dict:
        """{(factors, bound ranges): coefficient} with equal terms merged; empty if and only if the sum is zero."""
        collected = defaultdict(int)
        for c, bound, factors in self.terms:
            collected[_canonical(*_contract(list(bound), list(factors)))] += c
        return {key: c for key, c in collected.items() if c}

    def collected(self) -> Poly:
        """The same sum with equal terms merged."""
        return Poly((c, tuple(Index(-k, r) for k, r in enumerate(ranges, 1)), factors) for (factors, ranges), c in self.normal().items())

    def is_zero(self) -> bool:
        return not self.normal()


def _poly(value) -> Poly:
    return value if isinstance(value, Poly) else Poly(((value, (), ()),) if value else ())


def _rename(term, new):
    c, bound, factors = term
    new = {**new, **{k: Index(next(_ids), k.range) for k in bound}}
    return c, tuple(new[k] for k in bound), tuple((name, tuple(new.get(k, k) for k in ix)) for name, ix in factors)


def _contract(bound, factors):
    """Σ_k δ_{kq} F_k = F_q, as long as there is a delta with a bound index in it."""
    while True:
        for position, (name, ix) in enumerate(factors):
            if name != DELTA:
                continue
            i, j = ix
            if i != j and i not in bound:
                i, j = j, i
            if i == j or i in bound:
                del factors[position]
                if i != j:
                    bound.remove(i)
                    factors = [(name2, tuple(j if k == i else k for k in ix2)) for name2, ix2 in factors]
                break
        else:
            return bound, [(name, tuple(sorted(ix)) if name == DELTA else ix) for name, ix in factors]


def _canonical(bound, factors):
    """The term with its bound indices named -1, -2, …, the same for every way of naming them.

    Indices are told apart by where they stand (refined until stable); only those that still look alike are permuted.
    """
    free = {k: (1, k) for _, ix in factors for k in ix if k not in bound}
    look = {k: (0, k.range) for k in bound}
    for _ in bound:
        seen = {k: [] for k in bound}
        for name, ix in factors:
            around = tuple(look.get(k) or free[k] for k in ix)
            for place, k in enumerate(ix):
                if k in seen:
                    seen[k].append((name, place, around))
        described = {k: (look[k], repr(sorted(map(repr, seen[k])))) for k in bound}
        ranks = {d: r for r, d in enumerate(sorted(set(described.values()), key=repr))}
        refined = {k: (0, k.range, ranks[described[k]]) for k in bound}
        if len(set(refined.values())) == len(set(look.values())):
            look = refined
            break
        look = refined
    classes = [list(g) for _, g in itertools.groupby(sorted(bound, key=lambda k: look[k]), key=lambda k: look[k])]
    best = None
    for arrangement in itertools.product(*(itertools.permutations(c) for c in classes)):
        order = [k for group in arrangement for k in group]
        name_of = {k: Index(-p, k.range) for p, k in enumerate(order, 1)}
        renamed = sorted(
            (name, tuple(sorted(t)) if name == DELTA else t)
            for name, t in ((name, tuple(name_of.get(k, k) for k in ix)) for name, ix in factors)
        )
        key = (tuple(renamed), tuple(k.range for k in order))
        best = key if best is None or key < best else best
    return best


def atom(letter: str, *indices: Index) -> Poly:
    """A single factor."""
    return Poly(((1, (), ((letter, indices),)),))


def delta(i: tuple[Index, ...], j: tuple[Index, ...]) -> Poly:
    """1 where two multi-indices agree, else 0."""
    return Poly(((1, (), tuple((DELTA, (p, q)) for p, q in zip(i, j, strict=True))),))


class Array:
    """An abstract array: ``axes`` are tuples of ranges, ``at(i, j)`` is an entry."""

    __array_ufunc__ = None  # NumPy scalars leave arithmetic to us
    __slots__ = ("_entry", "_places", "axes")

    def __init__(self, axes, entry: Callable[..., Poly]):
        self.axes = tuple(axes)
        self._places = tuple(fresh(axis) for axis in self.axes)
        self._entry = _poly(entry(*self._places)).collected()

    def __array_function__(self, function, types, args, kwargs):
        from rnnlib.proof.blocks import Blocks  # stacking makes blocks, and blocks are made of arrays

        return Blocks.__array_function__(self, function, types, args, kwargs)

    def at(self, *indices: tuple[Index, ...]) -> Poly:
        """The entry at one multi-index an axis."""
        places = itertools.chain.from_iterable(self._places)
        return self._entry.substitute(dict(zip(places, itertools.chain.from_iterable(indices), strict=True)))

    @property
    def T(self) -> Array:
        return Array(self.axes[::-1], lambda *ix: self.at(*ix[::-1]))

    def _broadcast(self, other, op):
        if not isinstance(other, (Array, Poly, Rational)):
            return NotImplemented
        if not isinstance(other, Array):
            return Array(self.axes, lambda *ix: op(self.at(*ix), _poly(other)))
        long = self if len(self.axes) >= len(other.axes) else other
        for a in (self, other):
            if a.axes != long.axes[len(long.axes) - len(a.axes) :]:
                raise ShapeError(f"shapes {shape_text(self)} and {shape_text(other)} do not fit elementwise")
        def last(a, ix):
            return a.at(*ix[len(ix) - len(a.axes) :])

        return Array(long.axes, lambda *ix: op(last(self, ix), last(other, ix)))

    def __add__(self, other):
        return self._broadcast(other, lambda a, b: a + b)

    def __radd__(self, other):
        return self if isinstance(other, int) and other == 0 else self + other

    def __sub__(self, other):
        return self._broadcast(other, lambda a, b: a - b)

    def __rsub__(self, other):
        return -self + other

    def __neg__(self):
        return Array(self.axes, lambda *ix: -self.at(*ix))

    def __mul__(self, other):
        return self._broadcast(other, lambda a, b: a * b)

    __rmul__ = __mul__

    def __truediv__(self, other):
        return self * Fraction(1, other) if isinstance(other, Rational) else NotImplemented

    def __pow__(self, k: int):
        return self if k == 1 else self * self ** (k - 1)

    def __matmul__(self, other):
        if not isinstance(other, Array):
            return NotImplemented
        if self.axes[-1] != other.axes[0]:
            raise ShapeError(f"cannot multiply {shape_text(self)} by {shape_text(other)}")

        def entry(*ix):
            k, left = fresh(self.axes[-1]), len(self.axes) - 1
            return (self.at(*ix[:left], k) * other.at(k, *ix[left:])).summed(k)

        return Array(self.axes[:-1] + other.axes[1:], entry)

    def sum(self, axis=0):
        def entry(*ix):
            k = fresh(self.axes[axis])
            return self.at(*ix[:axis], k, *ix[axis:]).summed(k)

        return Array(self.axes[:axis] + self.axes[axis + 1 :], entry)


def shape_text(a: Array) -> str:
    """A symbolic shape in words: (h, n·h)."""
    return "(" + ", ".join("·".join(axis) or "1" for axis in a.axes) + ")"


def variable(letter: str, *axes) -> Array:
    """An array of unknowns. An axis may be given as the letter of its range, or ``''`` for length 1."""
    axes = tuple(_axis(a) for a in axes)
    return Array(axes, lambda *ix: atom(letter, *itertools.chain.from_iterable(ix)))


def _axis(a):
    return a if isinstance(a, tuple) else (a,) if a else ()


def eye(axis) -> Array:
    """The identity matrix of an axis."""
    axis = _axis(axis)
    return Array((axis, axis), delta)


def ones(*axes) -> Array:
    return Array(tuple(_axis(a) for a in axes), lambda *ix: _poly(1))


def diag(column: Array) -> Array:
    """diag(v) of a column (h, 1)."""
    _need(column, "diag", column.axes[1:] == ((),))
    return Array((column.axes[0],) * 2, lambda i, j: delta(i, j) * column.at(i, ()))


def vec(matrix: Array) -> Array:
    """The columns of a matrix, one under the other: entry (q, p) of the long axis is entry [p, q]."""
    rows, columns = matrix.axes
    return Array((columns + rows, ()), lambda k, _: matrix.at(k[len(columns) :], k[: len(columns)]))


def kron(a: Array, b: Array) -> Array:
    """The Kronecker product: the left factor's index is the slow one."""
    axes = tuple(p + q for p, q in zip(a.axes, b.axes, strict=True))
    split = [len(p) for p in a.axes]
    return Array(axes, lambda *ix: a.at(*(k[:s] for k, s in zip(ix, split))) * b.at(*(k[s:] for k, s in zip(ix, split))))


def _need(a, what, ok):
    if not ok:
        raise ShapeError(f"{what} needs a column, got shape {shape_text(a)}")


def same(a, b) -> bool:
    """Equality for every value of every size. A number compares with an array entry by entry."""
    return _difference(a, b).is_zero()


def _difference(a, b) -> Poly:
    """An entry of a − b at indices of its own."""
    if isinstance(a, Array) and isinstance(b, Array) and a.axes != b.axes:
        raise ShapeError(f"shapes {shape_text(a)} and {shape_text(b)} differ")
    axes = a.axes if isinstance(a, Array) else b.axes if isinstance(b, Array) else ()
    ix = tuple(fresh(axis) for axis in axes)
    left, right = (v.at(*ix) if isinstance(v, Array) else _poly(v) for v in (a, b))
    return left - right


class Tape:
    """Derivatives of symbols that were defined by opaque functions.

    ``rules[letter](indices, d)`` says how an entry of a defined symbol changes when ``d`` gives the change of any entry;
    a symbol without a rule is an independent variable.
    """

    def __init__(self):
        self.rules = {}
        self.aliases = {}
        self.known = []  # (argument, value, derivative, function) of every opaque elementwise function seen

    def alias(self, letter: str, value: Array) -> Array:
        """A symbol that stands for ``value``, so that one can differentiate with respect to it."""
        axes = value.axes

        def rule(ix, d):
            return d(value.at(*_split(ix, axes)))

        self.rules[letter], self.aliases[letter] = rule, value
        return variable(letter, *axes)

    def expanded(self, poly: Poly) -> Poly:
        """The same entry with every alias replaced by what it stands for."""
        out = Poly(())
        for c, bound, factors in poly.terms:
            term = Poly(((c, (), ()),))
            for name, ix in factors:
                value = self.aliases.get(name)
                one = Poly(((1, (), ((name, ix),)),)) if value is None else self.expanded(value.at(*_split(ix, value.axes)))
                term = term * one
            out = out + term.summed(bound)
        return out.collected()

    def same(self, a, b) -> bool:
        """``same`` with every alias replaced by what it stands for."""
        return self._zero(_difference(a, b))

    def _zero(self, difference):
        return difference.is_zero() or self.expanded(difference).is_zero()

    def elementwise(self, letter: str, argument: Array, name: str | None = None, function: str = "f") -> tuple[Array, Array]:
        """An opaque function of ``argument``: new symbols for f and f', with df[i] = f'[i] · d argument[i].

        ``name`` gives the argument a symbol of its own.
        """
        value, slope = variable(letter, *argument.axes), variable(letter + "'", *argument.axes)
        inner = self.alias(name, argument) if name else argument

        def rule(ix, d):
            at = _split(ix, argument.axes)
            return slope.at(*at) * d(inner.at(*at))

        self.rules[letter] = rule
        self.known.append((argument, value, slope, function))
        return value, slope

    def lookup(self, argument: Array, function: str = "f") -> tuple[Array, Array]:
        """f and f' at an argument where f was taken before."""
        for seen, value, slope, of in self.known:
            if of == function and seen.axes == argument.axes and self.same(seen, argument):
                return value, slope
        raise Undefined("f is taken at an argument that is none of the network's pre-activations")

    def derivative(self, entry: Poly, letter: str, at: tuple[Index, ...], hold=frozenset()) -> Poly:
        """d entry / d letter[at], by the chain rule through every rule except those of the letters held fixed."""

        def d(poly):
            out = Poly(())
            for c, bound, factors in poly.terms:
                for k, (name, ix) in enumerate(factors):
                    if name == letter:
                        change = delta(ix, at)
                    elif name in self.rules and name not in hold:
                        change = self.rules[name](ix, d)
                    else:
                        continue
                    out = out + (Poly(((c, (), factors[:k] + factors[k + 1 :]),)) * change).summed(bound)
            return out.collected()

        return d(entry.substitute({}))


def _split(ix, axes):
    """A flat tuple of indices cut into one multi-index an axis."""
    flat = iter(ix)
    return tuple(tuple(itertools.islice(flat, len(axis))) for axis in axes)
