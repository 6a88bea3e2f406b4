"""The readout: its own steps, the weights over time, padding that must not matter, bad input."""

import re
from fractions import Fraction

import numpy as np
import pytest
from generic_point import Point, exact, fractions, generic, same

from rnnlib import model, readout, rnn
from rnnlib.losses import HEADS

EVERY_HEAD = pytest.mark.parametrize("head", HEADS)


@pytest.fixture
def point(rng):
    return generic(rng)


@pytest.mark.parametrize("B", [0, 2])
def test_forward_and_backward_equal_their_steps_in_fractions(rng, B):
    point = exact(rng, B=B)
    S = fractions(rng, (len(point.X), *point.s_0.shape))
    trace = readout.forward(point.q, S, point.Y, "squared_error", point.weights)
    got = readout.backward(point.q, trace)
    batch = (lambda v: v) if B else (lambda v: v[None])
    total, L = None, 0
    for t in range(len(S)):
        z = readout.step(point.q, batch(S[t]))
        assert (batch(trace.Z[t]) == z).all() and (batch(trace.O[t]) == z).all()
        weight = np.reshape(point.weights[t], (-1, 1))
        epsilon = weight * (z - batch(point.Y[t]))
        assert (batch(trace.epsilon[t]) == epsilon).all()
        L += (weight * (z - batch(point.Y[t])) ** 2).sum() / 2
        terms, dL_ds = readout.step_back(point.q, batch(S[t]), epsilon)
        assert (batch(got.dL_dS[t]) == dL_ds).all()
        total = (
            terms if total is None else readout.Params(*(u + v for u, v in zip(total, terms, strict=True)))
        )
    assert same(got.dL_dq, total)
    assert trace.L == trace.L_t.sum() == L and isinstance(trace.L, Fraction)


@EVERY_HEAD
def test_weighted_loss_and_error_are_the_plain_ones_times_the_weight(point, head):
    S = rnn.forward(point.p, point.X, point.s_0).S[1:]
    plain = readout.forward(point.q, S, point.Y, head)
    got = readout.forward(point.q, S, point.Y, head, point.weights)
    np.testing.assert_array_equal(got.L_t, point.weights * plain.L_t)
    np.testing.assert_array_equal(got.epsilon, point.weights[..., None] * plain.epsilon)
    assert got.L == pytest.approx((point.weights * plain.L_t).sum(), rel=1e-14)
    assert plain.L_t.shape == point.weights.shape and got.L.shape == ()


# the weights over time


def losses_and_errors(point, weights):
    S = rnn.forward(point.p, point.X, point.s_0).S[1:]
    return readout.forward(point.q, S, point.Y, weights=weights)


def test_all_steps_is_the_default(point):
    T = len(point.X)
    none, ones = losses_and_errors(point, None), losses_and_errors(point, readout.all_steps(T))
    assert none.L == ones.L and (none.epsilon == ones.epsilon).all()


def test_last_step_counts_the_last_step_alone(point):
    T = len(point.X)
    got, every = losses_and_errors(point, readout.last_step(T)), losses_and_errors(point, None)
    assert got.L == every.L_t[-1].sum()
    assert (got.epsilon[:-1] == 0).all() and (got.epsilon[-1] == every.epsilon[-1]).all()


def test_mean_is_the_sum_over_T(point):
    T = len(point.X)
    got, every = losses_and_errors(point, readout.mean(T)), losses_and_errors(point, None)
    assert got.L == pytest.approx(every.L / T, rel=1e-14)
    np.testing.assert_allclose(got.epsilon, every.epsilon / T, rtol=1e-14)


def test_weights_for_each_step_are_those_for_each_step_and_sequence(point):
    per_step = point.weights[:, 0]
    got = point._replace(weights=per_step)
    want = point._replace(weights=np.stack([per_step] * point.X.shape[1], axis=1))
    assert got.loss() == want.loss()
    for name, gradient in got.gradients().items():
        np.testing.assert_array_equal(gradient, want.gradients()[name])


@pytest.mark.parametrize("weights", [readout.mask, readout.last_valid])
@EVERY_HEAD
@pytest.mark.parametrize("f", ["tanh", "relu"])
def test_padding_matters_to_nothing(rng, weights, head, f):
    """Inputs and targets after a sequence's end may hold anything: loss and gradients stay the same."""
    T, lengths = 6, np.array([6, 3, 1])
    point = generic(rng, T=T, B=3)._replace(weights=weights(lengths, T))
    padding = np.arange(T)[:, None] >= lengths
    other = point._replace(
        X=np.where(padding[..., None], 50 * rng.normal(size=point.X.shape), point.X),
        Y=np.where(padding[..., None], 50 * rng.normal(size=point.Y.shape), point.Y),
    )
    assert (other.X != point.X).any() and (other.Y != point.Y).any()
    assert other.loss(f, head) == point.loss(f, head)
    got, want = other.gradients(f, head), point.gradients(f, head)
    for name in want:
        np.testing.assert_array_equal(got[name], want[name])
    assert (got["X"][padding] == 0).all()
    if f == "tanh":  # no unit is off, so every other input counts
        assert (got["X"][~padding] != 0).all()


@pytest.mark.parametrize(
    ("weights", "alone"), [(readout.mask, None), (readout.last_valid, readout.last_step)]
)
def test_padded_sequences_are_the_sequences_without_padding(rng, weights, alone):
    T, lengths = 6, [6, 3, 1]
    point = generic(rng, T=T, B=3)._replace(weights=weights(lengths, T))
    L, dL_dW, dL_dV = 0, 0, 0
    for k, length in enumerate(lengths):
        one = Point(*point.p, *point.q, point.X[:length, k], point.s_0[k], point.Y[:length, k], None)
        g = model.loss_and_gradients(one.p, one.q, one.X, one.Y, one.s_0, weights=alone and alone(length))
        L, dL_dW, dL_dV = L + g.L, dL_dW + g.dL_dp.W, dL_dV + g.dL_dq.V
    assert point.loss() == pytest.approx(L, rel=1e-14)
    np.testing.assert_allclose(point.gradients()["W"], dL_dW, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(point.gradients()["V"], dL_dV, rtol=1e-12, atol=1e-14)


def test_a_last_step_loss_reaches_every_step_of_U_and_W_but_one_of_V(point):
    trace = losses_and_errors(point, readout.last_step(len(point.X)))
    dL_dq, dL_dS = readout.backward(point.q, trace)
    cell = rnn.forward(point.p, point.X, point.s_0)
    delta = rnn.backward(point.p, cell, dL_dS).delta
    assert (np.abs(delta).max(axis=(1, 2)) > 0).all()
    np.testing.assert_allclose(dL_dq.V, trace.epsilon[-1].T @ cell.S[-1], rtol=1e-14)


def test_one_target_may_stand_for_the_whole_sequence(point):
    T = len(point.X)
    one, every = point._replace(Y=point.Y[:1]), point._replace(Y=np.repeat(point.Y[:1], T, axis=0))
    assert one.loss() == every.loss()
    for name, gradient in one.gradients().items():
        np.testing.assert_array_equal(gradient, every.gradients()[name])


def test_a_mask_may_be_booleans(point):
    mask = readout.mask([6, 2], 6)
    got = point._replace(weights=mask.astype(bool))
    assert got.loss() == point._replace(weights=mask).loss()
    assert got.gradients()["W"].dtype == float


@pytest.mark.parametrize("dtype", [np.float32, np.float64, int])
def test_weights_have_the_dtype_asked_for(dtype):
    for weights in (readout.all_steps(3, dtype), readout.last_step(3, dtype), readout.mask([1, 2], 3, dtype),
                    readout.last_valid([1, 2], 3, dtype)):  # fmt: skip
        assert weights.dtype == dtype
    assert readout.mean(4, np.float32).dtype == np.float32


def test_weights_for_exact_numbers_are_exact(rng):
    point = exact(rng, T=3)
    for weights in (
        readout.last_step(3, object),
        readout.all_steps(3, object),
        readout.mask([1, 3], 3, object),
        readout.last_valid([1, 3], 3, object),
        readout.last_step(3, int),
        3 * readout.mean(3, object),
    ):
        assert all(v == int(v) and not isinstance(v, (bool, float)) for v in weights.flat)
        assert isinstance(point._replace(weights=weights).loss("relu", "squared_error"), Fraction)


# bad input


def spoilt(shape, value, dtype=float):
    a = np.ones(shape, dtype)
    a.flat[1] = value
    return a


FORWARD_ERRORS = [
    ("q", (1, 2), "q is a tuple; it must be readout.Params(V, c)"),
    ("q", rnn.Params(1, 2, 3), "q is a rnn.Params; it must be readout.Params(V, c)"),
    ("q", readout.Params(np.ones(4), np.ones(2)), "V has shape (4,); it must be (m, h)"),
    ("q", readout.Params(np.ones((2, 4)), np.ones(4)), "c has shape (4,); it must be (2,) (V has shape (2, 4))"),
    ("q", readout.Params(spoilt((2, 4), np.nan), np.ones(2)), "V must be finite; its entry (0, 1) is nan"),
    ("S", np.ones((5, 3, 2)), "S has shape (5, 3, 2); it must be (T, 4) or (T, B, 4) (the states, time first; V has shape (2, 4))"),
    ("S", np.ones((0, 3, 4)), "S has shape (0, 3, 4); it must be (T, 4) or (T, B, 4), and no size may be 0"),
    ("S", None, "S is None; it must be an array of shape (T, 4) or (T, B, 4)"),
    ("Y", np.ones((5, 3)), "Y has shape (5, 3); it must be (5, 3, 2) or (1, 3, 2) (one_hot(labels, m) turns class labels"),
    ("Y", np.ones((6, 3, 2)), "Y has shape (6, 3, 2); it must be (5, 3, 2) or (1, 3, 2)"),
    ("Y", np.ones((5, 1, 2)), "Y has shape (5, 1, 2); it must be (5, 3, 2) or (1, 3, 2)"),
    ("Y", spoilt((5, 3, 2), -np.inf), "Y must be finite; its entry (0, 0, 1) is -inf"),
    ("Y", np.full((5, 3, 2), Fraction(1)), "Y must not meet V (float64), c (float64), S (float64), weights (float64): an object"),
    ("weights", np.ones(3), "weights has shape (3,); it must be (5,) or (5, 3) (one a step, or one a step and sequence)"),
    ("weights", np.ones((5, 1)), "weights has shape (5, 1); it must be (5,) or (5, 3)"),
    ("weights", np.ones((5, 3, 1)), "weights has shape (5, 3, 1); it must be (5,) or (5, 3)"),
    ("weights", [1, 1, 1, 1, np.nan], "weights must be finite; its entry (4,) is nan"),
    ("weights", "mean", "weights has dtype <U4; it must hold numbers"),
    ("head", "mse", "unknown output head 'mse'; known are: sigmoid_cross_entropy, softmax_cross_entropy, squared_error"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value", "message"), FORWARD_ERRORS)
def test_forward_refuses(name, value, message):
    q = readout.Params(np.ones((2, 4)), np.zeros(2))
    given = dict(q=q, S=np.ones((5, 3, 4)), Y=np.ones((5, 3, 2)), weights=np.ones(5))
    given[name] = value
    with pytest.raises(ValueError, match=re.escape(message)):
        readout.forward(**given)


@pytest.mark.parametrize(
    ("q", "trace", "message"),
    [
        (None, np.ones(3), "trace is a ndarray; it must be the readout.Trace of readout.forward"),
        (None, rnn.Trace(*range(4)), "trace is a rnn.Trace; it must be the readout.Trace of readout.forward"),
        ((1, 2), None, "q is a tuple; it must be readout.Params(V, c)"),
        (
            readout.Params(np.ones((2, 3)), np.ones(2)),
            None,
            "V has shape (2, 3); it must be (2, 4) (the trace has h = 4, m = 2)",
        ),
        (readout.Params(np.ones((2, 4)), np.ones(3)), None, "c has shape (3,); it must be (2,)"),
    ],
)
def test_backward_refuses(q, trace, message):
    good = readout.Params(np.ones((2, 4)), np.zeros(2))
    made = readout.forward(good, np.ones((5, 3, 4)), np.ones((5, 3, 2)))
    with pytest.raises(ValueError, match=re.escape(message)):
        readout.backward(good if q is None else q, made if trace is None else trace)


@pytest.mark.parametrize("weights", [readout.mask, readout.last_valid])
@pytest.mark.parametrize(
    ("lengths", "T", "message"),
    [
        ([1, 7], 6, "lengths has the entry 7; it must hold integers from 1 to T = 6"),
        ([0, 3], 6, "lengths has the entry 0; it must hold integers from 1 to T = 6"),
        ([1.0, 2.0], 6, "lengths has dtype float64; it must hold integers from 1 to T = 6"),
        ([], 6, "lengths has shape (0,); it must be (B,), and no size may be 0"),
        (3, 6, "lengths has shape (); it must be (B,)"),
        ([1, 2], 6.0, "T is 6.0; it must be the number of steps, an integer of at least 1"),
    ],
)
def test_lengths_are_refused(weights, lengths, T, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        weights(lengths, T)


@pytest.mark.parametrize("weights", [readout.all_steps, readout.last_step, readout.mean])
@pytest.mark.parametrize("T", [0, -1, 2.0, None, "3"])
def test_numbers_of_steps_are_refused(weights, T):
    with pytest.raises(
        ValueError, match=r"T is .*; it must be the number of steps, an integer of at least 1"
    ):
        weights(T)
