"""A parsed equation, evaluated side by side wherever it has a meaning."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass

from rnnlib.proof import points, tex
from rnnlib.proof.networks import NETWORKS
from rnnlib.proof.points import SIZES, Ambiguous, NotHere
from rnnlib.proof.shapes import ShapeError, Undefined
from rnnlib.proof.tex import Node, TexError, integer, letters_of

EXACT_T, FLOAT_T = 5, 20
GENERIC_SIZES = (3, 5, 4)  # n, h, m: all different, none of them 1
FLOAT_TOLERANCE = 1e-13


@dataclass(frozen=True)
class Finding:
    """What one kind of point says about a statement.

    ``error`` is the worst of all relations and indices: 0 or infinity where the arithmetic is exact, normwise relative else.
    ``library`` is the same for rnnlib's own gradients, None if the statement has none; ``note`` tells of the first failure.
    """

    kind: str
    T: tuple[int, ...]
    error: float
    library: float | None = None
    note: str = ""

    def holds(self, tolerance=FLOAT_TOLERANCE) -> bool:
        limit = tolerance if self.kind == "float" else 0.0
        return self.error <= limit and (self.library is None or self.library <= limit)


IDENTITY = Node("identity", ())


class Evaluator:
    """The value of parsed expressions at one point, for given times and component indices."""

    def __init__(self, point, times, components, aliases):
        self.point, self.times, self.components, self.aliases = point, times, components, aliases

    def __call__(self, node):
        return self.point.scalar(getattr(self, "_" + node.op)(*node.parts))

    def within(self, times=(), components=()):
        return Evaluator(self.point, {**self.times, **dict(times)}, {**self.components, **dict(components)}, self.aliases)

    # -- letters

    def _number(self, value):
        return value

    def _name(self, *parts):
        letter, subscripts = self._read(parts)
        if letter == "I":
            return self.point.eye(subscripts[0]) if subscripts else IDENTITY
        if letter == "T" and not subscripts:
            return self.times["T"]
        if letter in SIZES and not subscripts:
            return self.point.size(letter)
        if letter == r"\mathbf{1}":
            return self.point.ones(subscripts[0])
        times, components = self._split(letter, subscripts)
        whole = self.point.value(letter, times)
        if not components or not self.point.is_array(whole):
            return whole
        return self.point.entry(whole, components)

    def _read(self, parts):
        return read(parts, self.point.network.vocabulary, self.aliases)

    def _split(self, letter, subscripts):
        vocabulary = self.point.network.vocabulary
        if letter not in vocabulary:
            raise TexError(f"the letter {letter} has no meaning in the book's notation for the network {self.point.network.name}")
        known = vocabulary[letter]
        count = 0 if letter == "L" and not subscripts else known[0]
        times = tuple(integer(k, self.times) for k in subscripts[:count])
        components = tuple(self._component(k) for k in subscripts[count:])
        if len(times) != count or len(components) not in (0, len(known[1])):
            raise TexError(f"{letter} takes {known[0]} time subscripts and {len(known[1])} or no components, got {subscripts}")
        return times, components

    def _component(self, k):
        if isinstance(k, str) and k in self.components:
            return self.components[k]
        if isinstance(k, int) and self.point.kind != "symbolic":
            return k - 1
        raise NotHere(f"component {k}")

    def _derivative(self, kind, above, below):
        vec = copy = None
        if below.op == "T":  # ∂/∂vec(W)ᵀ
            (inner,) = below.parts
            if inner.op != "call" or inner.parts[0] != "vec":
                raise TexError("below the bar only vec(..) may be transposed")
            below, vec = inner.parts[1], True
        if below.op == "copy":
            copy = integer(below.parts[1], self.times)
            below = below.parts[0]
        if above.op != "name" or below.op != "name":
            raise TexError("a derivative is of a letter with respect to a letter")
        (letter, subscripts), (below_letter, below_subscripts) = self._read(above.parts), self._read(below.parts)
        times, components = self._split(letter, subscripts)
        below_times, below_components = self._split(below_letter, below_subscripts)
        network = self.point.network
        parallel = len(network.states) > 1 and below_letter in network.states and letter != "L"  # one state acts through the other
        if kind == "partial" and letter != "L" and (below_letter in network.recurrent or parallel):
            raise Ambiguous(
                f"the partial derivative of {letter}_t with respect to {below_letter} can be read in two ways: "
                r"write \partial^{+} (immediate) or \mathrm{d} (total)"
            )
        if kind == "immediate" and letter not in (*network.states, *network.inner):
            raise Ambiguous(f"an immediate derivative is defined for a_t and s_t, not for {letter}")
        matrix = below_letter in network.parameters and len(network.parameters[below_letter]) == 2
        if matrix and self.point.kind != "symbolic" and self.point.value(below_letter, ()).size == 1:
            vec = True  # the scalar case: one entry, so its place does not matter
        if matrix and letter != "L" and not vec and not below_components:
            raise ShapeError(f"d{letter}/d{below_letter} is of third order; write vec({below_letter})^T below, or components")
        kind = "immediate" if kind == "immediate" else "total"
        whole = self.point.derivative(kind, (letter, times), (below_letter, below_times), bool(vec), copy)
        at = (*components, *below_components)
        return self.point.entry(whole, at) if at else whole

    def _call(self, function, *arguments):
        return self.point.call(function, *(self(a) for a in arguments))

    def _agree(self, i, j):
        return self.point.agree(self._component(i), self._component(j))

    # -- operations

    def _neg(self, a):
        return self(a) * -1

    def _add(self, a, b):
        a, b = self(a), self(b)
        if a is IDENTITY or b is IDENTITY:
            a, b = (b, a) if a is IDENTITY else (a, b)
            b = self.point.eye_like(a)
        if self._zero(a) or self._zero(b):
            return b if self._zero(a) else a
        if self.point.is_array(a) != self.point.is_array(b):
            raise ShapeError("a number is added to an array")
        if self.point.is_array(a) and hasattr(a, "shape") and a.shape != b.shape:
            raise ShapeError(f"shapes {a.shape} and {b.shape} are added")
        return a + b

    @staticmethod
    def _zero(v):
        return isinstance(v, int) and v == 0

    def _mul(self, a, b):
        a, b = self(a), self(b)
        if self._zero(a) or self._zero(b):
            return 0
        if a is IDENTITY or b is IDENTITY:
            return b if a is IDENTITY else a
        return self.point.matmul(a, b) if self.point.is_array(a) and self.point.is_array(b) else a * b

    def _odot(self, a, b):
        a, b = self(a), self(b)
        if self._zero(a) or self._zero(b):
            return 0
        if self.point.is_array(a) and hasattr(a, "shape") and getattr(b, "shape", ()) != a.shape:
            raise ShapeError(f"shapes {a.shape} and {getattr(b, 'shape', ())} are multiplied elementwise")
        return a * b

    def _kron(self, a, b):
        a, b = self(a), self(b)
        if a is IDENTITY or b is IDENTITY:
            raise TexError("an identity in a Kronecker product needs its size: write I_m, I_h or I_n")
        return self.point.kron(a, b)

    def _T(self, a):
        v = self(a)
        return self.point.transpose(v) if self.point.is_array(v) else v

    def _pow(self, a, exponent):
        v, k = self(a), integer(exponent, self.times)
        if k < 0:
            raise NotHere("a negative power")
        out = IDENTITY if self.point.is_array(v) else 1
        for _ in range(k):
            out = v if out is IDENTITY else self.point.matmul(out, v) if self.point.is_array(v) else out * v
        return out

    def _norm(self, a):
        return self.point.call("norm", self(a))

    def _max(self, var, first, last, body):
        values = [self.within({var: k})(body) for k in range(integer(first, self.times), integer(last, self.times) + 1)]
        return self.point.call("max", *values)

    def _divide(self, a, b):
        return self.point.divide(self(a), self(b))

    def _sum(self, var, first, last, body):
        if last in SIZES:
            if first != 1:
                raise TexError(f"a sum over components runs from 1 to {last}")
            return self.point.sum_over(last, lambda k: self.within(components={var: k})(body))
        total = 0
        for k in range(integer(first, self.times), integer(last, self.times) + 1):
            value = self.within({var: k})(body)
            total = value if self._zero(total) else total if self._zero(value) else total + value
        return total

    def _prod(self, var, first, last, body, falling=False):
        steps = range(integer(first, self.times), integer(last, self.times) + 1)
        out = IDENTITY
        for k in reversed(steps) if falling else steps:
            value = self.within({var: k})(body)
            if out is IDENTITY:
                out = value
            else:
                out = self.point.matmul(out, value) if self.point.is_array(value) else out * value
        return out

    def _down(self, var, first, last, body):
        return self._prod(var, first, last, body, falling=True)


def read(parts, vocabulary, aliases):
    """The letter of a name and its subscripts; a gate's name in the first subscript belongs to the letter: U_ι."""
    letter, *subscripts = parts
    letter = aliases.get(letter, letter)
    if subscripts and isinstance(subscripts[0], str) and f"{letter}_{subscripts[0]}" in vocabulary:
        return f"{letter}_{subscripts[0]}", tuple(subscripts[1:])
    return letter, tuple(subscripts)


def check(
    text: str, *, T=None, head=None, f=None, weights=None, aliases=None, sizes=GENERIC_SIZES, network="rnn"
) -> list[Finding]:
    """Evaluate a statement wherever it has a meaning; one ``Finding`` a kind of point.

    Parameters
    ----------
    text : the equation, in the dialect of ``rnnlib.proof.tex``.
    T : the lengths at which it is checked with symbolic sizes; the network's own if not given.
    head, f : names of the output head and the activation at the points with numbers, if the statement is about one;
        with ``head``, ``f`` or ``weights`` given, or ``sizes`` other than the generic ones, symbolic sizes are left out.
    weights : "all", "last" or "mean", if the statement is about these weights ω_t; random ones else.
    aliases : letters that stand for other letters, for the scalar case: {"w": "W"}.
    network : the name of the network whose letters these are, of ``rnnlib.proof.networks``.

    Raises
    ------
    TexError
        If the text is not in the dialect, or uses a letter that has no meaning, or an index that has no range.
    """
    statement, aliases = tex.parse(text), aliases or {}
    findings, reasons = [], []
    plan = [("exact", EXACT_T), ("float", FLOAT_T)] if f is None else [("float", FLOAT_T)]
    if head is None and f is None and weights is None and sizes == GENERIC_SIZES:
        plan.insert(0, ("symbolic", T or NETWORKS[network].lengths))
    output = _of_output(statement)
    for kind, length in plan:
        try:
            findings.append(_at_all(statement, kind, length, head, f, weights, aliases, sizes, output, network))
        except NotHere as why:
            reasons.append(f"{kind}: {why}")
    if not findings:
        raise TexError(f"the statement has no meaning at any kind of point ({'; '.join(reasons)}): {text}")
    return findings


def _at_all(statement, kind, length, head, f, weights, aliases, sizes, output, network):
    if kind == "symbolic":
        made = [points.symbolic_point(T, output, network) for T in length]
    else:
        arguments = (sizes, kind == "exact", f or "tanh", head or "softmax_cross_entropy", weights)
        made = [points.array_point(length, *arguments, seed, network) for seed in (1, 2)]
    worst, library, note, evaluated = 0.0, None, "", 0
    for point in made:
        for times in assignments(statement, point.T):
            evaluated += 1
            for relation in statement.relations:
                if relation.op != "=":
                    raise NotHere("an inequality; use a bound")
                try:
                    error, code = compare(relation, point, times, aliases)
                except ShapeError as bad:
                    error, code = float("inf"), None
                    note = note or f"shapes do not fit: {bad}"
                except Undefined as bad:
                    error, code = float("inf"), None
                    note = note or str(bad)
                if error > FLOAT_TOLERANCE and not note:
                    where = ", ".join(f"{k} = {v}" for k, v in times.items())
                    note = f"the sides differ at {where}"
                worst = max(worst, error)
                library = library if code is None else max(code, library or 0.0)
    if not evaluated:
        raise TexError(f"no index satisfies the ranges of {statement.tex}")
    return Finding(kind, tuple(p.T for p in made[: len(length) if kind == "symbolic" else 1]), worst, library, note)


def compare(relation, point, times, aliases):
    """The error of one relation at one point and time, all component indices together, and that of rnnlib's own result (or None)."""
    ranges = {}
    for side in (relation.left, relation.right):
        for var, size in _component_letters(side, point.network.vocabulary, aliases).items():
            if ranges.setdefault(var, size) != size:
                raise TexError(f"the index {var} runs over {ranges[var]} in one place and {size} in another")
    bound_later = [k for k in ranges if k in times]
    if bound_later:
        raise TexError(f"the index {bound_later[0]} is a time in one place and a component in another")
    names, values = list(ranges), [point.component_values(size) for size in ranges.values()]
    lefts, rights, code = [], [], None
    for at in itertools.product(*values):
        value = Evaluator(point, times, dict(zip(names, at)), aliases)
        left, right = value(relation.left), value(relation.right)
        if left is IDENTITY or right is IDENTITY:
            array = right if left is IDENTITY else left
            array = 0 if array is IDENTITY else array
            left, right = array, point.eye_like(array) if point.is_array(array) else array
        lefts.append(left)
        rights.append(right)
        if names or getattr(point, "open_output", False):
            continue
        for side, val in ((relation.left, left), (relation.right, right)):
            key = _library_key(side, value)
            if key is not None and key in point.library():
                code = max(code or 0.0, point.error(val, point.scalar(point.library()[key])))
    return point.error_of_all(lefts, rights), code


def library_of(node: Node, network, aliases=None) -> str:
    """The rnnlib function that computes this side, ``''`` if it is none of the library's results."""
    if node.op == "derivative" and node.parts[1] == Node("name", ("L",)) and node.parts[2].op == "name":
        letter, _ = read(node.parts[2].parts, network.vocabulary, aliases or {})
        return network.functions.get("d" + letter, "")
    if node.op == "name":
        letter, subscripts = read(node.parts, network.vocabulary, aliases or {})
        return network.functions.get(letter, "") if len(subscripts) == 1 else ""
    return ""


def _library_key(node, value):
    """Where ``library()`` keeps what a side stands for; None if it is no result of the library's gradients."""
    network = value.point.network
    if node.op == "name":
        letter, subscripts = read(node.parts, network.vocabulary, value.aliases)
        if letter not in network.adjoints or not subscripts:
            return None
        return network.adjoints[letter], integer(subscripts[0], value.times)
    if node.op != "derivative" or not library_of(node, network, value.aliases):
        return None
    letter, subscripts = read(node.parts[2].parts, network.vocabulary, value.aliases)
    return (letter, integer(subscripts[0], value.times)) if subscripts else letter


def assignments(statement, T):
    """All times that satisfy the ranges; at most 24, chosen at random but the same each time, for long sequences."""
    letters = sorted({k for r in statement.ranges for part in r.chain for k in letters_of(part)} - {"T"})
    found = []
    for values in itertools.product(range(0, T + 2), repeat=len(letters)):
        times = {**dict(zip(letters, values)), "T": T}
        chains = [[integer(part, times) for part in r.chain] for r in statement.ranges]
        if all(a <= b for chain in chains for a, b in itertools.pairwise(chain)):
            found.append(times)
    if len(found) > 24:
        found = [found[0], found[-1], *random.Random(0).sample(found, 22)]
    return found


def _walk(node):
    yield node
    for part in node.parts:
        if isinstance(part, Node):
            yield from _walk(part)


def _of_output(statement):
    """Whether a derivative in the statement is of, or with respect to, the output o_t."""
    sides = [side for r in statement.relations for side in (r.left, r.right)]
    return any(
        node.op == "derivative" and any(part.op == "name" and part.parts[0] == "o" for part in node.parts[1:])
        for side in sides for node in _walk(side)
    )  # fmt: skip


def _component_letters(node, vocabulary, aliases, bound=frozenset()):
    """{index letter: its range} for the free component indices of an expression."""
    if node.op == "sum" and node.parts[2] in SIZES:
        bound = bound | {node.parts[0]}
    found = {}
    if node.op == "name":
        letter, subs = read(node.parts, vocabulary, aliases)
        if letter in vocabulary:
            count, axes = vocabulary[letter]
            for sub, size in zip(subs[count:], axes):
                if isinstance(sub, str) and sub not in bound:
                    found[sub] = size
    for part in node.parts:
        if isinstance(part, Node):
            for var, size in _component_letters(part, vocabulary, aliases, bound).items():
                if found.setdefault(var, size) != size:
                    raise TexError(f"the index {var} runs over {found[var]} in one place and {size} in another")
    return found
