"""Clipping: by norm keeps the direction and is a projection, by value is not; SGD and Adam by hand; bad input."""

import re
from fractions import Fraction
from functools import partial

import numpy as np
import pytest
from generic_cell import both, floats, layers
from generic_point import exact, generic

from rnnlib import gru, lstm, model, optimise, readout, rnn
from rnnlib._records import leaves, mapped


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


# SGD and Adam

SGD = partial(optimise.sgd, rate=0.3, momentum=0.7)
ADAM = partial(optimise.adam, rate=0.3, beta_1=0.8, beta_2=0.95, eps=1e-3)
EVERY_OPTIMISER = pytest.mark.parametrize("step", [optimise.sgd, SGD, optimise.adam, ADAM])


def named(step):
    """``step``, with a rate if it has none."""
    return step if isinstance(step, partial) else partial(step, rate=0.1)


def after(step, p, gradients, state=None):
    for g in gradients:
        p, state = step(p, g, state)
    return p, state


def test_sgd_three_steps_by_hand(rng):
    p, g_1, g_2, g_3 = rng.normal(size=(4, 2, 3))
    have, state = after(SGD, p, (g_1, g_2, g_3))
    u_1, u_2, u_3 = g_1, 0.7 * g_1 + g_2, 0.49 * g_1 + 0.7 * g_2 + g_3
    np.testing.assert_allclose(have, p - 0.3 * (u_1 + u_2 + u_3), rtol=1e-13)
    np.testing.assert_allclose(state.velocity, u_3, rtol=1e-13)
    assert (optimise.sgd(p, g_1, rate=0.3).p == p - 0.3 * g_1).all()


def test_adam_two_steps_by_hand():
    """In plain numbers, m and v written out as weighted means of what came: bias correction makes the weights sum to 1."""
    p, (g_1, g_2) = 0.5, (2.0, -0.25)
    first = p - 0.3 * g_1 / (abs(g_1) + 1e-3)
    m = (0.8 * g_1 + g_2) / (0.8 + 1)
    v = (0.95 * g_1**2 + g_2**2) / (0.95 + 1)
    one = ADAM(np.array([p]), np.array([g_1]))
    two = ADAM(one.p, np.array([g_2]), one.state)
    assert one.p[0] == pytest.approx(first, rel=1e-14) and one.state.t == 1
    assert two.p[0] == pytest.approx(first - 0.3 * m / (v**0.5 + 1e-3), rel=1e-14) and two.state.t == 2
    uncorrected = first - 0.3 * (0.16 * g_1 + 0.2 * g_2) / ((0.0475 * g_1**2 + 0.05 * g_2**2) ** 0.5 + 1e-3)
    assert abs(two.p[0] - uncorrected) > 0.02  # the tempting wrong formula


@EVERY_OPTIMISER
@pytest.mark.parametrize(
    "spec", [rnn, gru.variant("before"), both(lstm), layers(lstm, both(gru))], ids=["rnn", "gru", "both lstm", "lstm, both gru"]
)
def test_whole_records_are_stepped_array_by_array(rng, step, spec):
    net, step = floats(rng, spec), named(step)
    p, gradients = (net.p, net.q), [mapped(lambda a: None if a is None else rng.normal(size=a.shape), (net.p, net.q)) for _ in range(2)]
    have, _ = after(step, p, gradients)
    assert leaves(have).keys() == leaves(p).keys() and type(have[0]) is type(p[0])
    for name, a in leaves(p).items():
        assert (leaves(have)[name] == after(step, a, [leaves(g)[name] for g in gradients])[0]).all()


def test_none_in_a_record_stays_none(rng):
    p = gru.Params(*rng.normal(size=(3, 2, 2)), None)
    have, state = after(ADAM, p, (p, p))
    assert have.b_s is None and state.m.b_s is None and have.U.shape == (2, 2)


@EVERY_OPTIMISER
def test_an_optimiser_keeps_precision_and_changes_nothing_of_the_callers(rng, step):
    step = named(step)
    for p, kind in ((rng.normal(size=3).astype(np.float32), np.float32), (np.array([1, 2, 3]), float)):
        g = rng.normal(size=3)
        one = step(p, g)
        kept = mapped(np.copy, (p, g, one))
        two = step(one.p, g, one.state)
        assert all((a == b).all() for a, b in zip(leaves((p, g, one)).values(), leaves(kept).values(), strict=True))
        arrays = [np.asarray(a) for a in leaves((one, two)).values() if np.ndim(a)]
        assert {a.dtype for a in arrays} == {np.dtype(kind)}
        assert not any(np.shares_memory(a, b) for a in leaves(two).values() for b in (p, g, *leaves(one).values()))


@EVERY_OPTIMISER
def test_an_optimiser_refuses(step):
    step = named(step)
    p = rnn.Params(np.ones((2, 3)), np.ones((2, 2)), np.ones(2))
    state = step(p, p).state
    cases = [
        ((p, p[:2]), "dL_dp has the parts 0, 1; it must have those of p, which are U, W, b"),
        ((p, p._replace(b=np.ones(3))), "dL_dp.b has shape (3,); it must be (2,)"),
        ((p, p._replace(W=np.full((2, 2), np.nan))), "dL_dp.W must be finite; its entry (0, 0) is nan"),
        ((p, p._replace(b=np.ones(2) * 1j)), "p.b or its gradient has complex numbers; an optimiser needs real floats"),
        ((mapped(lambda a: a.astype(int).astype(object), p),) * 2, "p.U or its gradient has exact numbers"),
        (((), ()), "p holds no array"),
        ((p, p, (1, 2)), "state is a tuple; it must be the"),
        ((p.W, p.W, state), "has the parts U, W, b; it must have those of p, which are one array"),
    ]
    for arguments, text in cases:
        with pytest.raises(ValueError, match=re.escape(text)):
            step(*arguments)


@pytest.mark.parametrize(("step", "name", "wrong"), [
    (optimise.sgd, "rate", (0, -1, np.inf, None, True)), (optimise.sgd, "momentum", (-0.1, 1, "0")),
    (optimise.adam, "rate", (0, np.nan)), (optimise.adam, "beta_1", (1, -0.1)), (optimise.adam, "beta_2", (1.0, None)),
    (optimise.adam, "eps", (0, "x")),
])  # fmt: skip
def test_settings_of_optimisers_are_refused(step, name, wrong):
    for value in wrong:
        with pytest.raises(ValueError, match=re.escape(f"{name} is {value!r}; it must be a")):
            step(np.ones(2), np.ones(2), **{"rate": 0.1} | {name: value})
