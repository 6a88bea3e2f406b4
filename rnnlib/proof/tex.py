r"""The book's equation dialect: LaTeX that is typeset for the reader and executed by the checker.

A statement is a list of clauses set apart by ``\quad`` or ``\qquad``; each is a relation or a range::

    s_t = f(U x_t + W s_{t-1} + b), \qquad t = 1, \dots, T
    \Phi_{t,i} = \overleftarrow{\prod}_{j=i+1}^{t} J_j, \qquad 1 \le i \le t \le T

Expressions are built from

    U   s_{t-1}   \delta_t   \Phi_{t,i}            letters with subscripts for time
    U_{ik}   s_{t,i}                               … and for components, which makes them scalars
    U_\iota   a_{\phi,t}                           … and for the gate, before the time
    + - juxtaposition \odot \otimes ^\top ^{2} ( )   signs; \cdot multiplies like juxtaposition
    f(..)  f'(..)  g(..)  \ell(..)  \exp(..)  \log(..)
    \operatorname{diag}(..)  \operatorname{vec}(..)
    \lVert .. \rVert  \rho(..)  \sigma_{\min}(..)     2-norm, spectral radius, smallest singular value
    \max_{1 \le i \le T} ..  \sum_{t=1}^{T}         over a range
    \prod_{j=..}^{..}  \overleftarrow{\prod}_{..}^{..}  smallest j on the left; largest j on the left
    \frac{A}{B}   \frac{\partial A}{\partial B}
    \frac{\partial^{+} A}{\partial B}   \frac{\mathrm{d} A}{\mathrm{d} B}
    [i = p]                                        1 if the indices agree, else 0
    I   I_{m}   \mathbf{1}_{m}                     identity, of the size that fits or of a given one; column of ones

Rows of ``\begin{aligned}`` continue one another at ``&=``; what follows ``&&`` is the row's reason, in ``\text{..}``.
Anything else is an error: nothing is dropped in silence.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple


class TexError(SyntaxError):
    """The text is not in the dialect."""


class Node(NamedTuple):
    """A parsed expression: an operation and its parts."""

    op: str
    parts: tuple


@dataclass(frozen=True)
class Relation:
    """``left op right``, with op one of = \\le \\ge < >."""

    op: str
    left: Node
    right: Node


@dataclass(frozen=True)
class Range:
    """Index expressions in rising order, ``1 ≤ i ≤ t ≤ T``: what a statement holds for."""

    chain: tuple


@dataclass(frozen=True)
class Statement:
    """A parsed display equation."""

    tex: str
    relations: tuple[Relation, ...]
    ranges: tuple[Range, ...]
    reasons: tuple[str, ...] = field(default=())


_TOKEN = re.compile(
    r"(?P<space>\s+|\\[,;!:\s])"
    r"|(?P<word>\\mathrm\{d\}|\\operatorname\{[a-zA-Z]+\}|\\overleftarrow\{\\prod\}|\\mathbf\{1\}|\\tilde\{[Cs]\}|\\sigma'|\\[a-zA-Z]+)"
    r"|(?P<number>\d+)|(?P<letter>[a-zA-Z]'?)|(?P<sign>[-+=<>^_{}()\[\],.])|(?P<other>.)",
    re.S,
)
_SIZES = {r"\left", r"\right", r"\bigl", r"\bigr", r"\Bigl", r"\Bigr", r"\biggl", r"\biggr", r"\displaystyle"}  # no meaning but size
_RELATIONS = {"=": "=", "<": "<", ">": ">", r"\le": "<=", r"\leq": "<=", r"\ge": ">=", r"\geq": ">="}
_GREEK = {
    r"\alpha", r"\beta", r"\gamma", r"\delta", r"\varepsilon", r"\eta", r"\theta", r"\iota", r"\psi", r"\lambda", r"\mu", r"\rho",
    r"\sigma",
    r"\tau", r"\phi", r"\omega", r"\Phi", r"\Delta",
}  # fmt: skip
_FUNCTIONS = {"f", "f'", "g", r"\sigma'", r"\ell", r"\exp", r"\log", r"\tanh", r"\sigma", r"\rho"} | {
    r"\operatorname{diag}", r"\operatorname{vec}",
}  # fmt: skip
GATES = {r"\iota", r"\phi", r"\psi", r"\tilde{C}", r"\tilde{s}"}  # names of gates stand in subscripts too: U_\iota
_DOTS = {r"\dots", r"\ldots", r"\cdots"}


def tokens(tex: str) -> list[str]:
    """The text cut into tokens, spacing and bracket sizes left out."""
    out = []
    for match in _TOKEN.finditer(tex):
        if match.lastgroup == "other":
            raise TexError(f"unexpected character {match.group()!r} in {tex!r}")
        if match.lastgroup != "space" and match.group() not in _SIZES:
            out.append(match.group())
    return out


def parse(tex: str) -> Statement:
    """A display equation as relations and the ranges they hold for.

    Raises
    ------
    TexError
        If any part of the text is not in the dialect.
    """
    body = tex.strip()
    aligned = re.fullmatch(r"\\begin\{aligned\}(.*)\\end\{aligned\}\s*[.,]?", body, re.S)
    rows = [row for row in (aligned.group(1) if aligned else body).split(r"\\") if row.strip()]
    relations, ranges, reasons, last = [], [], [], None
    for row in rows:
        row, *reason = row.split("&&")
        if reason:
            reasons.append(_reason("&&".join(reason)))
        if "&" in row and not aligned:
            raise TexError(f"'&' outside aligned in {tex!r}")
        for clause in _clauses(tokens(row.replace("&", " "))):
            span = _range(clause)
            if span is not None:
                ranges.append(span)
                continue
            found = _Parser(clause, tex).relations(last)
            relations += found
            last = found[-1].right
    if not relations:
        raise TexError(f"no equation in {tex!r}")
    return Statement(tex.strip(), tuple(relations), tuple(ranges), tuple(reasons))


def _reason(text):
    text = text.strip()
    if not re.fullmatch(r"\\text\{.*\}[.,]?", text, re.S):
        raise TexError(f"a reason must stand in \\text{{...}}, found {text!r}")
    return text


def _clauses(toks):
    """Tokens between quads; a comma or full stop at a clause's end is punctuation."""
    clause, out = [], []
    for t in [*toks, r"\quad"]:
        if t in (r"\quad", r"\qquad"):
            while clause and clause[-1] in (",", "."):
                clause.pop()
            if clause:
                out.append(clause)
            clause = []
        else:
            clause.append(t)
    return out


def _range(toks):
    """``t = 1, \\dots, T`` or ``1 \\le i \\le t`` as a Range; None if the clause is not of that form."""
    p = _Parser(toks, " ".join(toks))
    if any(t in _DOTS for t in toks):
        var = p.take()
        p.take("=")
        first = p.index()
        p.take(",")
        p.take()
        p.take(",")
        last = p.index()
        p.end()
        falling = isinstance(first, str) and first == "T" and not isinstance(last, str)
        return Range((last, var, first) if falling else (first, var, last))
    try:
        chain = [p.index()]
        while p.peek() in (r"\le", "<"):
            strict = p.take() == "<"
            if strict:
                chain.append(("+", chain[-1], 1))  # the letter itself stays: it may be bounded from below as well
            chain.append(p.index())
        p.end()
    except TexError:
        return None
    return Range(tuple(chain)) if len(chain) > 1 else None


class _Parser:
    """Recursive descent over a token list."""

    def __init__(self, toks, tex):
        self.toks, self.at, self.tex = toks, 0, tex

    def peek(self, ahead=0):
        k = self.at + ahead
        return self.toks[k] if k < len(self.toks) else None

    def take(self, want=None):
        t = self.peek()
        if t is None or want is not None and t != want:
            raise TexError(f"expected {want or 'more'!r}, found {t or 'the end'!r} in {self.tex!r}")
        self.at += 1
        return t

    def accept(self, *wanted):
        if self.peek() in wanted:
            return self.take()
        return None

    def end(self):
        if self.peek() is not None:
            raise TexError(f"cannot read {' '.join(self.toks[self.at :])!r} in {self.tex!r}")

    def relations(self, last):
        """Sides joined by relation signs; a clause that starts with a sign goes on from ``last``."""
        left = last if self.peek() in _RELATIONS else self.sum()
        if left is None:
            raise TexError(f"nothing stands left of {self.peek()!r} in {self.tex!r}")
        found = []
        while self.peek() in _RELATIONS:
            op = _RELATIONS[self.take()]
            right = self.sum()
            found.append(Relation(op, left, right))
            left = right
        self.end()
        if not found:
            raise TexError(f"no relation in {' '.join(self.toks)!r}")
        return found

    def sum(self):
        left = Node("neg", (self.elementwise(),)) if self.accept("-") else self.elementwise()
        while sign := self.accept("+", "-"):
            right = self.elementwise()
            left = Node("add", (left, right if sign == "+" else Node("neg", (right,))))
        return left

    def elementwise(self):
        left = self.product()
        while sign := self.accept(r"\odot", r"\otimes"):
            left = Node({r"\odot": "odot", r"\otimes": "kron"}[sign], (left, self.product()))
        return left

    def product(self):
        left = self.power()
        while self.peek() not in (None, "+", "-", ")", "}", "]", ",", r"\odot", r"\otimes", r"\rVert", *_RELATIONS):
            self.accept(r"\cdot")
            left = Node("mul", (left, self.power()))
        return left

    def power(self):
        base = self.atom()
        while self.accept("^"):
            if self.accept(r"\top"):
                base = Node("T", (base,))
                continue
            if self.peek() != "{":
                t = self.take()
                if not t.isdigit():
                    raise TexError(f"cannot read the exponent {t!r} in {self.tex!r}")
                base = Node("pow", (base, int(t)))
                continue
            self.take("{")
            if self.accept(r"\top"):
                base = Node("T", (base,))
            elif self.peek() == "(":  # W^{(t)}: the copy of a parameter that step t uses
                self.take("(")
                base = Node("copy", (base, self.index()))
                self.take(")")
            else:
                base = Node("pow", (base, self.index()))
            self.take("}")
        return base

    def atom(self):
        t = self.peek()
        if t is None:
            raise TexError(f"something is missing at the end of {self.tex!r}")
        if self.accept("("):
            inner = self.sum()
            self.take(")")
            return inner
        if self.accept(r"\lVert"):
            inner = self.sum()
            self.take(r"\rVert")
            if self.accept("_"):  # the 2-norm is the only one in the book
                self.take("2")
            return Node("norm", (inner,))
        if self.accept(r"\max"):
            return self.largest()
        if t == r"\sigma" and self.peek(1) == "_":  # the smallest singular value
            for want in (r"\sigma", "_", "{", r"\min", "}", "("):
                self.take(want)
            inner = self.sum()
            self.take(")")
            return Node("call", ("least", inner))
        if self.accept("["):
            i = self.index()
            self.take("=")
            j = self.index()
            self.take("]")
            return Node("agree", (i, j))
        if t in (r"\sum", r"\prod", r"\overleftarrow{\prod}"):
            return self.repeated()
        if self.accept(r"\frac", r"\tfrac", r"\dfrac"):
            return self.fraction()
        if t in _FUNCTIONS and self.peek(1) == "(":
            name = self.take()
            self.take("(")
            args = [self.sum()]
            while self.accept(","):
                args.append(self.sum())
            self.take(")")
            return Node("call", (name.removeprefix(r"\operatorname{").rstrip("}"), *args))
        if t.isdigit():
            return Node("number", (int(self.take()),))
        return self.name()

    def repeated(self):
        op = {r"\sum": "sum", r"\prod": "prod", r"\overleftarrow{\prod}": "down"}[self.take()]
        self.take("_")
        self.take("{")
        var = self.take()
        self.take("=")
        first = self.index()
        self.take("}")
        self.take("^")
        last = self.group(self.index)
        return Node(op, (var, first, last, self.elementwise() if op == "sum" else self.product()))

    def largest(self):
        r"""``\max_{1 \le i \le T} a_i``: the largest of some numbers."""
        self.take("_")
        self.take("{")
        first = self.index()
        self.take(r"\le")
        var = self.take()
        self.take(r"\le")
        last = self.index()
        self.take("}")
        return Node("max", (var, first, last, self.product()))

    def group(self, rule):
        """``{..}``, or a single token."""
        if self.accept("{"):
            inner = rule()
            self.take("}")
            return inner
        return _Parser([self.take()], self.tex).index()

    def fraction(self):
        kind = self.derivative_sign(peek=True)
        self.take("{")
        if not kind:
            above = self.sum()
            self.take("}")
            self.take("{")
            below = self.sum()
            self.take("}")
            return Node("divide", (above, below))
        self.derivative_sign()
        above = self.power()
        self.take("}")
        self.take("{")
        below_kind = self.derivative_sign()
        if below_kind != kind.replace("immediate", "partial"):
            raise TexError(f"the two derivative signs of a fraction differ in {self.tex!r}")
        below = self.power()
        self.take("}")
        return Node("derivative", (kind, above, below))

    def derivative_sign(self, peek=False):
        start = self.at
        if peek:
            self.at += 1  # past the brace
        kind = None
        if self.accept(r"\mathrm{d}"):
            kind = "total"
        elif self.accept(r"\partial"):
            kind = "partial"
            if self.accept("^"):
                braced = self.accept("{")
                self.take("+")
                if braced:
                    self.take("}")
                kind = "immediate"
        if peek:
            self.at = start
        return kind

    def name(self):
        t = self.take()
        if not (re.fullmatch(r"[a-zA-Z]", t) or t in _GREEK or t in GATES or t == r"\mathbf{1}"):
            raise TexError(f"{t!r} is not in the dialect, in {self.tex!r}")
        subscripts = ()
        if self.accept("_"):
            subscripts = self.subscripts()
        return Node("name", (t, *subscripts))

    def subscripts(self):
        if not self.accept("{"):
            return (_Parser([self.take()], self.tex).index(),)
        found = [self.index()]
        while self.peek() != "}":
            self.accept(",")
            found.append(self.index())
        self.take("}")
        return tuple(found)

    def index(self):
        """An integer expression: letters and numbers with + and -."""
        left = self.index_atom()
        while sign := self.accept("+", "-"):
            left = (sign, left, self.index_atom())
        return left

    def index_atom(self):
        t = self.take()
        if t.isdigit():
            return int(t)
        if re.fullmatch(r"[a-zA-Z]", t) or t == r"\tau" or t in GATES:
            return t
        raise TexError(f"{t!r} is no index, in {self.tex!r}")


def integer(index, values: dict[str, int]) -> int:
    """The value of an index expression."""
    if isinstance(index, int):
        return index
    if isinstance(index, str):
        if index not in values:
            raise TexError(f"the index {index!r} has no range; write for example '\\qquad {index} = 1, \\dots, T'")
        return values[index]
    sign, a, b = index
    return integer(a, values) + integer(b, values) * (1 if sign == "+" else -1)


def letters_of(index) -> set[str]:
    """The letters in an index expression."""
    if isinstance(index, str):
        return {index}
    return set() if isinstance(index, int) else letters_of(index[1]) | letters_of(index[2])
