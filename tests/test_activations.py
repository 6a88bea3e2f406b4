"""Activations: values against their SymPy text, derivatives against the complex step, kinks, dtypes."""

from fractions import Fraction

import numpy as np
import pytest
import sympy

from rnnlib.activations import ACTIVATIONS, Activation, activation

EVERY = pytest.mark.parametrize("f", ACTIVATIONS.values(), ids=ACTIVATIONS)
PLAIN = np.array([-7.3, -2.1, -1.3, -0.6, -0.02, 0.03, 0.7, 0.99, 1.2, 3.4, 8.1])  # no kink
LARGE = np.array([-1e300, -1e4, -745.2, -710.0, -40.0, 0.0, 40.0, 710.0, 745.2, 1e4, 1e300])


@EVERY
def test_value_matches_its_sympy_text(f):
    a = sympy.Symbol("a")
    text = sympy.sympify(f.expr, locals={"a": a})
    want = [float(text.subs(a, sympy.Float(float(at), 40)).evalf(30)) for at in PLAIN]
    np.testing.assert_allclose(f.f(PLAIN), want, rtol=1e-15, atol=2e-16)


@EVERY
def test_derivative_matches_derivative_of_its_sympy_text(f):
    a = sympy.Symbol("a", real=True)
    slope = sympy.diff(sympy.sympify(f.expr, locals={"a": a}), a)
    want = [float(slope.subs(a, sympy.Float(float(at), 40)).evalf(30)) for at in PLAIN]
    np.testing.assert_allclose(f.df(PLAIN, f.f(PLAIN)), want, rtol=1e-13, atol=2e-16)


@EVERY
def test_derivative_matches_complex_step(f):
    got = f.df(PLAIN, f.f(PLAIN))
    np.testing.assert_allclose(got, f.f(PLAIN + 1e-30j).imag / 1e-30, rtol=1e-13, atol=2e-16)


@EVERY
def test_large_arguments_neither_overflow_nor_warn(f):
    s = f.f(LARGE)
    slope = f.df(LARGE, s)
    assert np.isfinite(s).all() and np.isfinite(slope).all()
    assert (np.diff(s) >= 0).all()
    np.testing.assert_allclose(slope, f.f(LARGE + 1e-30j).imag / 1e-30, rtol=1e-13, atol=2e-16)


@EVERY
def test_slope_is_the_largest_derivative(f):
    a = np.concatenate([np.linspace(-60, 60, 24001), LARGE])
    slopes = np.abs(f.df(a, f.f(a)))
    assert slopes.max() <= f.slope
    assert slopes.max() == pytest.approx(f.slope, rel=1e-12)


@EVERY
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.complex128])
def test_dtype_stays_what_it_is(f, dtype):
    a = np.array([[-2, -0.5], [0, 3]], dtype)
    assert f.f(a).dtype == f.df(a, f.f(a)).dtype == dtype
    assert f.f(a).shape == f.df(a, f.f(a)).shape == a.shape


@EVERY
def test_numbers_are_taken_as_well_as_arrays(f):
    assert np.ndim(f.f(0.5)) == 0 and f.f(0.5) == f.f(np.array([0.5]))[0]
    assert f.df(0.5, f.f(0.5)) == f.df(np.array([0.5]), f.f(np.array([0.5])))[0]


@EVERY
def test_argument_is_neither_changed_nor_returned(f):
    a = PLAIN.copy()
    s = f.f(a)
    f.df(a, s)
    assert not np.shares_memory(a, s)
    assert (a == PLAIN).all()


@pytest.mark.parametrize(("name", "kinks"), [("relu", [0]), ("hard_tanh", [-1, 1])])
def test_derivative_is_0_at_a_kink_by_formula_and_by_complex_step(name, kinks):
    f, a = activation(name), np.array(kinks, float)
    assert (f.df(a, f.f(a)) == 0).all()
    for step in (1e-30j, -1e-30j):
        assert (f.f(a + step).imag == 0).all()


@pytest.mark.parametrize("name", ["identity", "relu", "hard_tanh"])
def test_fractions_stay_fractions(name):
    f = activation(name)
    a = np.array([Fraction(k, 3) for k in range(-5, 6)], dtype=object)
    s = f.f(a)
    low, high = {"identity": (-9, 9), "relu": (0, 9), "hard_tanh": (-1, 1)}[name]
    assert list(s) == [min(max(v, low), high) for v in a]
    assert list(f.df(a, s)) == [int(low < v < high) for v in a]
    assert not any(isinstance(v, float) for v in (*s, *f.df(a, s)))


def test_relu_of_a_negative_number_is_a_plain_zero():
    s = activation("relu").f(np.array([-1.0, -0.0]))
    assert not np.signbit(s[0]) and not np.signbit(activation("relu").df(s - 1, s)).any()


def test_activation_returns_a_record_as_it_is():
    mine = Activation("square", lambda a: a * a, lambda a, s: 2 * a, "a**2", float("inf"))
    assert activation(mine) is mine
    assert all(activation(name) is f and f.name == name for name, f in ACTIVATIONS.items())


@pytest.mark.parametrize("wrong", ["Tanh", "", None, np.tanh, ["tanh"], 3])
def test_unknown_name_lists_the_known_ones(wrong):
    with pytest.raises(
        ValueError, match=r"unknown activation .*known are: hard_tanh, identity, relu, .*tanh"
    ):
        activation(wrong)
