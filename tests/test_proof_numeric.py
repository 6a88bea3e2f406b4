"""Complex step and central difference on functions whose derivative is known."""

import numpy as np
import pytest

from rnnlib.proof.numeric import central_difference, complex_step, relative_error

X = np.array([[0.3, -1.2], [2.0, 0.7]])


def cubic(x):
    return (x**3).sum()


def test_complex_step_matches_the_derivative_to_rounding():
    assert relative_error(complex_step(lambda x: np.exp(x).sum(), X), np.exp(X)) < 1e-15


def test_complex_step_does_not_depend_on_the_step():
    for step in (1e-8, 1e-100, 1e-200):
        assert relative_error(complex_step(lambda x: np.tanh(x).sum(), X, step), 1 - np.tanh(X) ** 2) < 1e-15


def test_central_difference_is_of_second_order():
    errors = [relative_error(central_difference(lambda x: np.exp(x).sum(), X, step), np.exp(X)) for step in (1e-2, 5e-3, 2.5e-3)]
    assert errors[0] / errors[1] == pytest.approx(4, rel=1e-2)
    assert errors[1] / errors[2] == pytest.approx(4, rel=1e-2)


def test_central_difference_drowns_in_rounding_at_tiny_steps():
    assert relative_error(central_difference(cubic, X, 1e-13), 3 * X**2) > 1e-5
    assert relative_error(central_difference(cubic, X, 1e-5), 3 * X**2) < 1e-9


def test_arguments_are_not_changed():
    before = X.copy()
    complex_step(cubic, X)
    central_difference(cubic, X)
    assert np.array_equal(before, X)


def test_errors_say_what_came():
    with pytest.raises(ValueError, match=r"shapes \(2,\) and \(3,\)"):
        relative_error(np.ones(2), np.ones(3))
    with pytest.raises(ValueError, match=r"returned shape \(2, 2\)"):
        complex_step(lambda x: x, X)
