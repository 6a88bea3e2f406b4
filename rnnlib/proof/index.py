r"""Derivatives in index notation with SymPy, for sizes that are symbols.

SymPy differentiates ``Sum(U[i, k]*x[k], (k, 1, n))`` with respect to ``U[p, q]`` to a sum of Kronecker deltas, which is what one wants,
with two snares that this module removes: a bound index of the same name as the one in the denominator is captured
(sympy issue 21891), and summing the deltas gives nested ``Piecewise``. An ``IndexedBase`` such as s[t-1, j] is held fixed:
what comes out is the *immediate* derivative.
"""

from __future__ import annotations

import itertools

import sympy as sp
from sympy import Add, Dummy, KroneckerDelta, Mul, Sum


def derivative(expression, symbol):
    """∂ expression / ∂ symbol for an indexed symbol such as ``W[p, q]``; all indices are taken to lie in their ranges.

    Examples
    --------
    >>> U, x = sp.IndexedBase("U"), sp.IndexedBase("x")
    >>> i, k, p, q, n = sp.symbols("i k p q n", integer=True)
    >>> derivative(Sum(U[i, k] * x[k], (k, 1, n)), U[p, q])
    KroneckerDelta(i, p)*x[q]
    """
    return contract(_primed(sp.diff(_rename_apart(sp.sympify(expression)), symbol)))


def _primed(expression):
    """SymPy's ``Subs(Derivative(f(ξ), ξ), ξ, a)`` written as f'(a)."""

    def prime(e):
        (point,) = e.point
        return sp.Function(e.expr.expr.func.__name__ + "'")(point)

    def is_slope(e):
        return isinstance(e, sp.Subs) and isinstance(e.expr, sp.Derivative) and e.expr.expr.is_Function

    return expression.replace(is_slope, prime)


def contract(expression):
    """Every Σ_k δ_{kq} F_k replaced by F_q."""
    expression = sp.sympify(expression)
    while True:
        simpler = expression.replace(lambda e: isinstance(e, Sum), _contract_sum)
        if simpler == expression:
            return simpler
        expression = simpler


def equal(a, b) -> bool:
    """Whether two expressions are the same polynomial in indexed symbols and their sums, however the bound indices are named."""
    return normal(sp.sympify(a) - sp.sympify(b)) == 0


def normal(expression, depth: int = 0):
    """Products spread out, deltas contracted, bound indices named in a canonical way."""
    expression = _inside_functions(_flat(_rename_apart(sp.sympify(expression))), depth)
    expression = _inside_functions(_flat(contract(expression)), depth)
    return Add(*(_canonical_term(term, depth) for term in Add.make_args(sp.expand(expression))))


def _rename_apart(expression):
    """Bound indices made new, so that none has the name of an index outside its sum."""

    def rename(s):
        new = {var: Dummy(var.name, integer=True) for var, *_ in s.limits}
        return Sum(s.function.xreplace(new), *((new[var], lo, hi) for var, lo, hi in s.limits))

    return expression.replace(lambda e: isinstance(e, Sum), rename)


def _flat(expression):
    """Σ_j (a_j Σ_k b_jk + c_j) as Σ_j Σ_k a_j b_jk + Σ_j c_j: sums over products only, no sum inside a sum."""

    def spread(s):
        out = []
        for term in Add.make_args(sp.expand(s.function)):
            factors = Mul.make_args(term)
            inner = [f for f in factors if isinstance(f, Sum)]
            body = Mul(*(f for f in factors if not isinstance(f, Sum)), *(f.function for f in inner))
            out.append(Sum(body, *(limit for f in inner for limit in f.limits), *s.limits))
        return Add(*out)

    while True:
        simpler = sp.expand(expression.replace(lambda e: isinstance(e, Sum), spread))
        if simpler == expression:
            return simpler
        expression = simpler


def _contract_sum(s):
    body, limits = sp.expand(s.function), list(s.limits)
    if isinstance(body, Add):
        return Add(*(_contract_sum(Sum(term, *limits)) for term in body.args))
    for limit in limits:
        for d in body.atoms(KroneckerDelta):
            if limit[0] in d.free_symbols and d in Mul.make_args(body):
                i, j = d.args
                body = (body / d).subs(limit[0], j if i == limit[0] else i)
                rest = [other for other in limits if other is not limit]
                return _contract_sum(Sum(body, *rest)) if rest else body
    constant, body = body.as_independent(*(limit[0] for limit in limits), as_Add=False)
    return constant * Sum(body, *limits)


def _inside_functions(expression, depth):
    """The arguments of the outermost functions brought to normal form, so that equal arguments are identical."""
    outer = _outer_functions(expression)
    return expression.xreplace({g: g.func(*(normal(a, depth + 1) for a in g.args)) for g in outer})


def _outer_functions(e):
    if isinstance(e, sp.Function) and not isinstance(e, KroneckerDelta):
        return {e}
    if isinstance(e, sp.Pow) and e.base.has(Sum) and not (e.exp.is_Integer and e.exp > 0):
        return {e}
    return set().union(*(_outer_functions(a) for a in e.args))


def _canonical_term(term, depth):
    number, term = term.as_coeff_Mul()  # outside, so that equal sums of opposite sign cancel
    factors = Mul.make_args(term)
    sums = [f for f in factors if isinstance(f, Sum)]
    limits = [limit for s in sums for limit in s.limits]
    if not limits:
        return number * term
    body = Mul(*(f for f in factors if not isinstance(f, Sum)), *(s.function for s in sums))
    limits.sort(key=lambda limit: str(limit[1:]))
    candidates = []
    for order in itertools.permutations(range(len(limits))):
        if any(limits[a][1:] != limits[b][1:] for a, b in enumerate(order)):
            continue
        new = {limits[a][0]: sp.Symbol(f"_{depth}_{k}", integer=True) for k, a in enumerate(order)}
        candidates.append(Sum(body.xreplace(new), *((new[limits[a][0]], *limits[a][1:]) for a in order)))
    return number * min(candidates, key=sp.default_sort_key)
