"""Index-notation derivatives for symbolic sizes, and the snares of plain SymPy that they avoid."""

import sympy as sp
from sympy import IndexedBase, KroneckerDelta, Sum, symbols

from rnnlib.proof.index import contract, derivative, equal, normal

n, h = symbols("n h", integer=True, positive=True)
i, j, k, p, q, r, t = symbols("i j k p q r t", integer=True)
U, W, x, s, b, v = map(IndexedBase, "UWxsbv")
a_i = Sum(U[i, k] * x[t, k], (k, 1, n)) + Sum(W[i, j] * s[t - 1, j], (j, 1, h)) + b[i]


def test_immediate_derivatives_of_the_pre_activation():
    assert derivative(a_i, U[p, q]) == KroneckerDelta(i, p) * x[t, q]
    assert derivative(a_i, W[p, q]) == KroneckerDelta(i, p) * s[t - 1, q]
    assert derivative(a_i, b[p]) == KroneckerDelta(i, p)
    assert derivative(a_i, x[t, q]) == U[i, q]
    assert derivative(a_i, s[t - 1, q]) == W[i, q]


def test_bound_index_with_the_name_of_the_denominators_is_not_captured():
    inner = Sum(U[i, k] * x[k], (k, 1, n))
    assert derivative(inner, U[i, k]) == x[k]
    plain = sp.diff(inner, U[i, k]).doit()
    assert plain != x[k], "SymPy no longer captures: the note in rnnlib.proof.index can go"


def test_nested_sums_and_functions():
    f = sp.Function("f")
    s_i = f(a_i)
    d = derivative(s_i, W[p, q])
    assert d.has(KroneckerDelta) and equal(d / s[t - 1, q] / KroneckerDelta(i, p), derivative(s_i, b[p]) / KroneckerDelta(i, p))


def test_equal_up_to_names_and_order_of_bound_indices():
    one = Sum(W[i, j] * Sum(W[j, k] * v[k], (k, 1, h)), (j, 1, h))
    two = Sum(W[i, q] * W[q, r] * v[r], (r, 1, h), (q, 1, h))
    assert equal(one, two)
    assert not equal(one, Sum(W[i, q] * W[r, q] * v[r], (r, 1, h), (q, 1, h)))
    assert not equal(one, 2 * two)


def test_sums_over_different_ranges_are_not_exchanged():
    one = Sum(U[i, k] * W[i, j], (k, 1, n), (j, 1, h))
    two = Sum(U[i, k] * W[i, j], (k, 1, h), (j, 1, n))
    assert not equal(one, two)


def test_deltas_contract():
    assert contract(Sum(KroneckerDelta(i, k) * x[k], (k, 1, n))) == x[i]
    assert contract(Sum(KroneckerDelta(i, k) * KroneckerDelta(k, j), (k, 1, n))) == KroneckerDelta(i, j)


def test_squares_of_sums_differentiate():
    loss = Sum(v[k] * v[k], (k, 1, h)) ** 2
    assert normal(derivative(loss, v[p]) - 4 * v[p] * Sum(v[k] ** 2, (k, 1, h))) == 0
