"""Clipping: by norm keeps the direction and is a projection, by value is not; whole parameter sets; bad input."""

import re
from fractions import Fraction

import numpy as np
import pytest
from generic_point import exact, generic

from rnnlib import model, optimise, readout, rnn


@pytest.fixture
def gradient(rng):
    """dL/d(everything): a record of records, as cell and readout have."""
    point = generic(rng)
    g = model.loss_and_gradients(point.p, point.q, point.X, point.Y, point.s_0)
    return g.dL_dp, g.dL_dq


def flat(gradient):
    return np.concatenate([np.ravel(part) for record in gradient for part in record])


def cosine(u, v):
    return float(u @ v / (np.linalg.norm(u) * np.linalg.norm(v)))


def test_norm_is_that_of_one_long_vector(gradient):
    assert optimise.norm(gradient) == pytest.approx(np.linalg.norm(flat(gradient)), rel=1e-14)


@pytest.mark.parametrize("part", [1e-6, 0.3, 0.999])
def test_by_norm_has_the_limit_as_its_length_and_keeps_direction_and_kind(gradient, part):
    limit = part * optimise.norm(gradient)
    clipped = optimise.clip_by_norm(gradient, limit)
    assert optimise.norm(clipped) == pytest.approx(limit, rel=1e-14)
    assert cosine(flat(clipped), flat(gradient)) == pytest.approx(1, abs=1e-14)
    assert [type(record) for record in clipped] == [rnn.Params, readout.Params]
    assert all(c.shape == g.shape for c, g in zip(clipped[0], gradient[0], strict=True))


def test_the_whole_set_is_clipped_together_and_not_each_array(gradient):
    """Array by array the direction would change: each would have the same length."""
    whole = optimise.clip_by_norm(gradient, 0.1)
    apart = tuple(type(r)(*(optimise.clip_by_norm(part, 0.1) for part in r)) for r in gradient)
    assert cosine(flat(whole), flat(gradient)) == pytest.approx(1, abs=1e-14)
    assert cosine(flat(apart), flat(gradient)) < 0.97


def test_by_norm_leaves_a_short_gradient_bit_for_bit(gradient):
    for limit in (optimise.norm(gradient), 1e9):
        clipped = optimise.clip_by_norm(gradient, limit)
        assert (flat(clipped) == flat(gradient)).all()
        assert not np.shares_memory(clipped[0].W, gradient[0].W)


def test_by_value_bounds_every_entry_and_turns_the_gradient(gradient):
    limit = 0.2 * np.abs(flat(gradient)).max()
    clipped = optimise.clip_by_value(gradient, limit)
    assert np.abs(flat(clipped)).max() == limit
    assert ((flat(clipped) == flat(gradient)) == (np.abs(flat(gradient)) <= limit)).all()
    assert cosine(flat(clipped), flat(gradient)) < 0.99


def test_each_is_the_nearest_point_of_its_set(rng):
    """Projection: against 4000 random points of the ball, and of the cube, nothing is nearer; and twice is once."""
    g = rng.normal(size=5) * 3
    directions = rng.normal(size=(4000, 5))
    ball = directions / np.linalg.norm(directions, axis=1, keepdims=True) * rng.uniform(size=(4000, 1)) ** 0.2
    cube = rng.uniform(-1, 1, size=(4000, 5))
    for clip, others in ((optimise.clip_by_norm, ball), (optimise.clip_by_value, cube)):
        nearest = clip(g, 1)
        assert np.linalg.norm(others - g, axis=1).min() > np.linalg.norm(nearest - g)
        np.testing.assert_allclose(clip(nearest, 1), nearest, rtol=1e-15)


def test_a_gradient_of_zeros_stays_zero():
    zeros = rnn.Params(np.zeros((2, 3)), np.zeros((2, 2)), np.zeros(2))
    assert optimise.norm(zeros) == 0 and not flat((optimise.clip_by_norm(zeros, 1),)).any()


@pytest.mark.parametrize("size", [1e-200, 1e200])
def test_lengths_whose_squares_are_no_floats(size):
    g = np.array([3.0, 4.0]) * size
    assert optimise.norm(g) == pytest.approx(5 * size)
    np.testing.assert_allclose(optimise.clip_by_norm(g, size), np.array([0.6, 0.8]) * size, rtol=1e-15)


def test_precision_is_kept_and_the_input_left_alone():
    g = np.array([3, 4], np.float32)
    for clip in (optimise.clip_by_norm, optimise.clip_by_value):
        assert clip(g, 1).dtype == np.float32 and clip(np.array([3, 4]), 1.5).dtype == float
    assert g.tolist() == [3, 4]


def test_by_value_is_exact_in_fractions(rng):
    W = exact(rng).W
    clipped = optimise.clip_by_value(W, Fraction(1, 2))
    assert (clipped == np.array([[min(max(v, Fraction(-1, 2)), Fraction(1, 2)) for v in row] for row in W])).all()
    assert all(isinstance(v, Fraction) for v in clipped.flat)


# bad input


@pytest.mark.parametrize("clip", [optimise.clip_by_norm, optimise.clip_by_value])
@pytest.mark.parametrize("limit", [0, -1.0, np.nan, np.inf, "1", None, True])
def test_limits_are_refused(clip, limit):
    with pytest.raises(ValueError, match=re.escape(f"limit is {limit!r}; it must be a positive number")):
        clip(np.ones(2), limit)


@pytest.mark.parametrize("clip", [optimise.clip_by_norm, optimise.clip_by_value])
@pytest.mark.parametrize(
    ("gradient", "message"),
    [
        (rnn.Params(np.ones(2), np.array([[1.0, np.nan]]), np.ones(1)), "W must be finite; its entry (0, 1) is nan"),
        (np.array([np.inf]), "the gradient must be finite; its entry (0,) is inf"),
        ((), "the gradient holds no array"),
        (None, "the gradient holds no array"),
        (np.zeros(0), "the gradient holds no array"),
        ("text", "the gradient has dtype <U4; it must hold numbers"),
    ],
)
def test_gradients_are_refused(clip, gradient, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        clip(gradient, 1)


def test_exact_numbers_have_no_norm_and_complex_ones_no_order(rng):
    with pytest.raises(ValueError, match="W holds exact numbers, and a norm is a square root; clip them by value"):
        optimise.clip_by_norm(exact(rng).p._replace(U=np.ones((3, 2))), 1)
    with pytest.raises(ValueError, match="the gradient is complex, and complex numbers have no order"):
        optimise.clip_by_value(np.array([1j]), 1)


def test_an_empty_part_has_no_length():
    gradient = (np.zeros((0, 3)), np.array([3.0, 4.0]))
    assert optimise.norm(gradient) == 5.0
    empty, clipped = optimise.clip_by_norm(gradient, 1.0)
    assert empty.shape == (0, 3)
    np.testing.assert_allclose(clipped, [0.6, 0.8])
