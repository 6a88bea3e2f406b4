r"""Three theorems that hold for every T, proved with symbolic t and T and factors that do not commute.

``sum_of_paths``      D_t = P_t + J_t D_{t-1}, D_0 = 0          gives  D_t = Σ_{i≤t} Φ_{t,i} P_i
``adjoint``           λ_i = Σ_{t≥i} ε_t Φ_{t,i}                 obeys  λ_i = ε_i + λ_{i+1} J_{i+1}
``same_gradient``     Σ_t ε_t D_t = Σ_t λ_t P_t                 by summation by parts

A theorem is a derivation: lines with the rule of each beside it. The base case and the recursion are decided for symbolic t;
the moves that lead there (a term split off, a factor taken out of each product, then out of the sum) are made by functions that can do
nothing else, and are written out and compared at small t as well.
The letters are placeholders: a page says which derivative each stands for, and the claim is then compared, token by token,
with the equation typeset on the page.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sympy import Function, Mul, S, Sum, expand, symbols

from rnnlib.proof import tex

t, i, j, T = symbols("t i j T", integer=True, positive=True)


class NotProved(AssertionError):
    """A line of a derivation does not follow."""


def indexed(name: str):
    """A letter with one index whose values do not commute: ``J(t)``."""
    return type(name, (Function,), {"is_commutative": False, "nargs": 1})


J, P, D, LAMBDA, EPSILON, X = map(indexed, ("J", "P", "D", "Lambda", "Epsilon", "X"))


class Phi(Function):
    """Φ_{t,i} = J_t J_{t-1} ⋯ J_{i+1}, the latest factor on the left; Φ_{t,t} = 1."""

    is_commutative = False
    nargs = 2

    @classmethod
    def eval(cls, t, i):
        d = t - i
        if d.is_Integer and d >= 0:
            return Mul(*(J(t - k) for k in range(int(d))))
        return None

    def first_factor_out(self):
        """Φ_{t,i} = J_t Φ_{t-1,i}, for i < t."""
        t, i = self.args
        return J(t) * Phi(t - 1, i)

    def last_factor_out(self):
        """Φ_{t,i} = Φ_{t,i+1} J_{i+1}, for i < t."""
        t, i = self.args
        return Phi(t, i + 1) * J(i + 1)


@dataclass(frozen=True)
class Line:
    """One side of the chain of equalities, as the reader sees it, and why it equals the line before."""

    text: str
    rule: str


@dataclass(frozen=True)
class Theorem:
    """A proved statement.

    ``claim`` and the lines are LaTeX with ``<D:t>``-like slots for the placeholder letters; ``span`` is the range in which the lines,
    read in a page's notation, are also executed like any other equation of the book.
    """

    name: str
    says: str
    claim: str
    lines: tuple[Line, ...]
    span: str
    checks: int

    def fill(self, text: str, letters: dict[str, str]) -> str:
        """``text`` with each slot ``<D:t-1>`` replaced by the page's notation ``letters["D"]``, its ``#`` by the index."""
        out, rest = "", text
        while "<" in rest:
            before, rest = rest.split("<", 1)
            slot, rest = rest.split(">", 1)
            letter, index = slot.split(":")
            out += before + letters.get(letter, DEFAULT_LETTERS[letter]).replace("#", index)
        return out + rest

    def states(self, text: str, letters: dict[str, str]) -> bool:
        """Whether a typeset equation is this theorem's claim with the letters so read."""
        claim = tex.parse(self.fill(self.claim, letters))
        return claim.relations == tex.parse(text).relations

    def latex(self, letters: dict[str, str] | None = None) -> str:
        """The derivation as aligned lines with the rule beside each."""
        letters = letters or {}
        rows = []
        for k, line in enumerate(self.lines):
            text = self.fill(line.text, letters)
            rows.append((text if k == 0 else "&" + text) + rf" && \text{{{line.rule}}}")
        return "\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}"

    def executable(self, letters: dict[str, str]) -> str:
        """The lines as one chain of equations in the book's dialect, with the range they hold for."""
        chain = " ".join(self.fill(line.text, letters).replace("&", "") for line in self.lines)
        return chain + (rf", \qquad {self.span}" if self.span else "")


DEFAULT_LETTERS = {"D": "D_{#}", "P": "P_{#}", "J": "J_{#}", "lam": r"\lambda_{#}^\top", "eps": r"\varepsilon_{#}^\top V"}


class _Proof:
    """Equalities as they are established; each is compared at small values too, and counted."""

    def __init__(self):
        self.checks = 0

    def small(self, a, b, what, cases):
        for values in cases:
            self.checks += 1
            gap = expand((a - b).subs(values).doit())
            if gap != 0:
                raise NotProved(f"{what}: the two sides differ by {gap} at {values}")

    def symbolic(self, a, b, what):
        self.checks += 1
        gap = expand(a - b)
        if gap != 0:
            raise NotProved(f"{what}: the difference {gap} is not zero for symbolic indices")


def _split(s, last):
    """The last (or first) term of a sum taken out."""
    if not isinstance(s, Sum) or len(s.limits) != 1:
        raise NotProved(f"the claim must be one sum; it is {s}")
    ((var, lo, hi),) = s.limits
    if last:
        return Sum(s.function, (var, lo, hi - 1)), s.function.subs(var, hi)
    return Sum(s.function, (var, lo + 1, hi)), s.function.subs(var, lo)


def _inside(s, rule):
    return Sum(s.function.replace(lambda e: isinstance(e, Phi), rule), *s.limits)


def _pull_out(s, left):
    """Factors at one end that do not depend on the summation index, moved out of the sum on their own side."""
    ((var, lo, hi),) = s.limits
    constant, factors = s.function.args_cnc()
    free = [var not in f.free_symbols for f in factors]
    k = 0
    while k < len(free) and free[k if left else -1 - k]:
        k += 1
    if left:
        return Mul(*factors[:k]) * Sum(Mul(*constant, *factors[k:]), (var, lo, hi))
    cut = len(factors) - k
    return Sum(Mul(*constant, *factors[:cut]), (var, lo, hi)) * Mul(*factors[cut:])


def sum_of_paths(closed: Callable | None = None, rule: Callable = Phi.first_factor_out) -> Theorem:
    """If D_t = P_t + J_t D_{t-1} and D_0 = 0, then D_t = Σ_{i=1}^{t} Φ_{t,i} P_i, for every t. By induction.

    ``closed`` replaces the claimed closed form, to show that a wrong one is refused.

    Raises
    ------
    NotProved
        If the base case or the step fails.
    """
    closed = closed or (lambda t: Sum(Phi(t, i) * P(i), (i, 1, t)))
    proof, small = _Proof(), [{t: k} for k in range(2, 7)]
    proof.symbolic(closed(S.Zero).doit(), S.Zero, "base case t = 0")
    claim = closed(t)
    rest, newest = _split(claim, last=True)
    proof.small(claim, rest + newest, "splitting off i = t", small)
    factored = _inside(rest, rule)
    proof.small(rest, factored, "taking J_t out of each product", small)
    pulled = _pull_out(factored, left=True)
    proof.small(factored, pulled, "moving J_t out of the sum", small)
    proof.symbolic(pulled + newest, P(t) + J(t) * closed(t - 1), "the recursion")
    lines = (
        Line(r"<D:t> &= \sum_{i=1}^{t} \Phi_{t,i} <P:i>", "the claim at $t$"),
        Line(r"= \sum_{i=1}^{t-1} \Phi_{t,i} <P:i> + <P:t>", r"the term $i = t$ split off; $\Phi_{t,t} = I$"),
        Line(r"= \sum_{i=1}^{t-1} <J:t> \Phi_{t-1,i} <P:i> + <P:t>", r"$\Phi_{t,i} = J_t \Phi_{t-1,i}$ for $i < t$"),
        Line(r"= <J:t> \left(\sum_{i=1}^{t-1} \Phi_{t-1,i} <P:i>\right) + <P:t>", "$J_t$ does not depend on $i$"),
        Line(r"= <J:t> <D:t-1> + <P:t>", "the claim at $t - 1$"),
    )
    return Theorem(
        "sum_of_paths",
        "by induction on t: base case and recursion with symbolic t in SymPy, factors in order, the moves between them also at t = 2 … 6",
        r"<D:t> = \sum_{i=1}^{t} \Phi_{t,i} <P:i>", lines, r"t = 1, \dots, T", proof.checks,
    )  # fmt: skip


def adjoint(closed: Callable | None = None) -> Theorem:
    """λ_i = Σ_{t=i}^{T} ε_t Φ_{t,i} obeys λ_i = ε_i + λ_{i+1} J_{i+1} and λ_T = ε_T, for every T (rows, so products read left to right).

    ε_t stands here for the row that the loss of step t sends into the state s_t, on the pages ε_tᵀ V.

    Raises
    ------
    NotProved
        If a step fails.
    """
    closed = closed or (lambda i: Sum(EPSILON(t) * Phi(t, i), (t, i, T)))
    proof, small = _Proof(), [{i: a, T: b} for a in (1, 2, 3) for b in range(a + 1, 7)]
    proof.symbolic(closed(T).doit(), EPSILON(T), "the last step")
    claim = closed(i)
    rest, first = _split(claim, last=False)
    proof.small(claim, rest + first, "splitting off t = i", small)
    factored = _inside(rest, Phi.last_factor_out)
    proof.small(rest, factored, "taking J_{i+1} out of each product", small)
    pulled = _pull_out(factored, left=False)
    proof.small(factored, pulled, "moving J_{i+1} out of the sum", small)
    proof.symbolic(pulled + first, EPSILON(i) + closed(i + 1) * J(i + 1), "the recursion")
    lines = (
        Line(r"<lam:i> &= \sum_{t=i}^{T} <eps:t> \Phi_{t,i}", "every later loss, by every step between"),
        Line(r"= <eps:i> + \sum_{t=i+1}^{T} <eps:t> \Phi_{t,i}", r"the term $t = i$ split off; $\Phi_{i,i} = I$"),
        Line(r"= <eps:i> + \sum_{t=i+1}^{T} <eps:t> \Phi_{t,i+1} <J:i+1>", r"$\Phi_{t,i} = \Phi_{t,i+1} J_{i+1}$ for $t > i$"),
        Line(r"= <eps:i> + \left(\sum_{t=i+1}^{T} <eps:t> \Phi_{t,i+1}\right) <J:i+1>", "$J_{i+1}$ does not depend on $t$"),
        Line(r"= <eps:i> + <lam:i+1> <J:i+1>", "the first line at $i + 1$"),
    )
    return Theorem(
        "adjoint",
        "for symbolic i and T: the last step and the recursion in SymPy, factors kept in order, the moves between them also at i < T ≤ 6",
        r"<lam:i> = \sum_{t=i}^{T} <eps:t> \Phi_{t,i}", lines, r"1 \le i < T", proof.checks,
    )  # fmt: skip


def same_gradient(sign: int = 1) -> Theorem:
    """Σ_t ε_t D_t = Σ_t λ_t P_t for every T: forward mode and backward mode give one gradient. By summation by parts.

    ε_t is the row of `adjoint`.
    The forward recursion gives P_t = D_t − J_t D_{t-1}, the backward one λ_t J_t = λ_{t-1} − ε_{t-1}; then
    λ_t P_t = (λ_t D_t − λ_{t-1} D_{t-1}) + ε_{t-1} D_{t-1}, whose first part telescopes.
    ``sign=-1`` takes the backward recursion with the wrong sign, to show that it is refused.

    Raises
    ------
    NotProved
        If the terms do not telescope or the ends do not fit.
    """
    proof = _Proof()
    ends = {D(S.Zero): 0, LAMBDA(T): EPSILON(T), EPSILON(S.Zero): 0}

    def product(t):
        return LAMBDA(t) * D(t)

    term = expand(LAMBDA(t) * (D(t) - J(t) * D(t - 1)))  # λ_t P_t by the forward recursion
    term = term.subs(LAMBDA(t) * J(t), LAMBDA(t - 1) - sign * EPSILON(t - 1))  # … and the backward one
    proof.symbolic(term, product(t) - product(t - 1) + EPSILON(t - 1) * D(t - 1), "one term is a difference and an error")
    telescoped = Sum(X(t) - X(t - 1), (t, 1, T)).doit()
    proof.symbolic(telescoped, X(T) - X(S.Zero), "the sum telescopes")
    boundary = telescoped.replace(X, product).subs(ends)
    proof.symbolic(boundary, EPSILON(T) * D(T), "the ends: D_0 = 0 and λ_T = ε_T")
    shifted = Sum(EPSILON(t - 1) * D(t - 1), (t, 1, T))
    for k in range(1, 6):
        whole = Sum(EPSILON(t) * D(t), (t, 1, T))
        proof.symbolic((boundary + shifted - whole).subs(T, k).doit().subs(ends), S.Zero, "the shifted sum")
    lines = (
        Line(r"\sum_{t=1}^{T} <lam:t> <P:t> &= \sum_{t=1}^{T} <lam:t> \left(<D:t> - <J:t> <D:t-1>\right)", "the forward recursion"),
        Line(r"= \sum_{t=1}^{T} \left(<lam:t> <D:t> - \left(<lam:t-1> - <eps:t-1>\right) <D:t-1>\right)",
             "the backward recursion at $t - 1$"),
        Line(r"= <lam:T> <D:T> - <lam:0> <D:0> + \sum_{t=1}^{T} <eps:t-1> <D:t-1>", "the differences telescope"),
        Line(r"= <eps:T> <D:T> + \sum_{t=1}^{T} <eps:t-1> <D:t-1>", "the two ends"),
        Line(r"= \sum_{t=1}^{T} <eps:t> <D:t>", "the index shifted by one"),
    )  # fmt: skip
    return Theorem(
        "same_gradient", "by summation by parts: with symbolic t the term is a difference plus an error, and the ends fit",
        r"\sum_{t=1}^{T} <eps:t> <D:t> = \sum_{t=1}^{T} <lam:t> <P:t>", lines, "", proof.checks,
    )  # fmt: skip
