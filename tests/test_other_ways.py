"""The other ways to the gradient against ``rnn.backward``: exactly in Fractions, kinks too, and in floats."""

import numpy as np
import pytest
from generic_point import WAYS, exact, fractions, generic, same, states_and_effects

from rnnlib import other_ways, rnn
from rnnlib.activations import ACTIVATIONS, activation

EVERY_WAY = pytest.mark.parametrize("way", WAYS)
RATIONAL = ["identity", "relu", "hard_tanh"]


@EVERY_WAY
@pytest.mark.parametrize("f", RATIONAL)
@pytest.mark.parametrize("B", [0, 1, 2])
def test_way_equals_backward_in_fractions(rng, way, f, B):
    point = exact(rng, B=B)
    trace, dL_dS = states_and_effects(point, f, "squared_error")
    dL_ds_T = fractions(rng, trace.S[0].shape)
    for later in (None, dL_ds_T):
        assert same(WAYS[way](point.p, trace, dL_dS, later), rnn.backward(point.p, trace, dL_dS, later))


@pytest.mark.parametrize(("f", "kinks"), [("relu", {0}), ("hard_tanh", {-1, 1})])
def test_way_equals_backward_on_the_kinks(rng, f, kinks):
    """Parameters and data of -1, 0 and 1: many pre-activations fall on the kinks themselves."""
    point = exact(rng, T=6, B=3)
    small = {name: rng.integers(-1, 2, getattr(point, name).shape) for name in ("U", "W", "b", "X", "s_0")}
    point = point._replace(**{name: a.astype(object) for name, a in small.items()})
    trace, dL_dS = states_and_effects(point, f, "squared_error")
    assert kinks <= set(trace.A.flat)
    for way in WAYS.values():
        assert same(way(point.p, trace, dL_dS), rnn.backward(point.p, trace, dL_dS))


@EVERY_WAY
@pytest.mark.parametrize("f", ACTIVATIONS)
def test_way_matches_backward_in_floats(rng, way, f):
    point = generic(rng)
    trace, dL_dS = states_and_effects(point, f, "softmax_cross_entropy")
    got, want = WAYS[way](point.p, trace, dL_dS), rnn.backward(point.p, trace, dL_dS)
    for have, need in zip((*got.dL_dp, *got[1:]), (*want.dL_dp, *want[1:]), strict=True):
        if have is not None:
            assert have.shape == need.shape
            assert np.abs(have - need).max() < 1e-13 * np.abs(need).max()


@EVERY_WAY
@pytest.mark.parametrize("dtype", [np.float32, np.complex128])
def test_dtype_stays_what_it_is(rng, way, dtype):
    point = generic(rng).of_dtype(dtype)
    trace, dL_dS = states_and_effects(point, "relu", "squared_error")
    g = WAYS[way](point.p, trace, dL_dS)
    assert {a.dtype for a in (*g.dL_dp, *g[1:]) if a is not None} == {np.dtype(dtype)}


@EVERY_WAY
def test_only_real_time_leaves_something_out(rng, way):
    point = exact(rng)
    g = WAYS[way](point.p, *states_and_effects(point, "relu", "squared_error"))
    left_out = {name for name, value in g._asdict().items() if value is None}
    assert left_out == ({"dL_dX", "delta"} if way == "real_time" else set())


@EVERY_WAY
def test_lists_are_taken_as_arrays(rng, way):
    point = exact(rng)
    trace, dL_dS = states_and_effects(point, "relu", "squared_error")
    lists = rnn.Params(*(a.tolist() for a in point.p))
    assert same(WAYS[way](lists, trace, dL_dS.tolist()), WAYS[way](point.p, trace, dL_dS))


@EVERY_WAY
def test_nothing_the_caller_owns_is_changed_or_returned(rng, way):
    point = generic(rng)
    trace, dL_dS = states_and_effects(point, "tanh", "squared_error")
    dL_ds_T = np.ones_like(point.s_0)
    given = (*point.p, *trace[:3], dL_dS, dL_ds_T)
    for a in given:
        a.flags.writeable = False
    g = WAYS[way](point.p, trace, dL_dS, dL_ds_T)
    assert not any(np.shares_memory(a, b) for a in (*g.dL_dp, *g[1:]) if a is not None for b in given)


def test_immediate_jacobians_match_complex_step(rng):
    """∂⁺s_t/∂vec(U)ᵀ and the others, column by column, s_{t-1} held fixed, vec column-major."""
    point, f = generic(rng, B=0), activation("tanh")
    x, s_prev = point.X[0], point.s_0
    a, s = rnn.step(point.p, x, s_prev, f)
    now = other_ways.immediate(point.p, x, s_prev, a, s, f)

    def jacobian(value, step):
        columns = []
        for k in range(value.size):
            moved = value.astype(complex).ravel(order="F")
            moved[k] += 1e-30j
            columns.append(step(moved.reshape(value.shape, order="F")).imag / 1e-30)
        return np.stack(columns, axis=1)

    p = point.p
    for got, want in (
        (now.U, jacobian(p.U, lambda U: rnn.step(p._replace(U=U), x, s_prev, f)[1])),
        (now.W, jacobian(p.W, lambda W: rnn.step(p._replace(W=W), x, s_prev, f)[1])),
        (now.D, jacobian(p.b, lambda b: rnn.step(p._replace(b=b), x, s_prev, f)[1])),
        (now.J, jacobian(s_prev, lambda s: rnn.step(p, x, s, f)[1])),
    ):
        np.testing.assert_allclose(got, want, rtol=1e-13, atol=1e-15)


def test_the_product_of_jacobians_the_wrong_way_round_is_far_off(rng, monkeypatch):
    """J_{i+1} ⋯ J_t for J_t ⋯ J_{i+1}: the ascending order of the note this book began with."""
    point = generic(rng)
    trace, dL_dS = states_and_effects(point, "tanh", "softmax_cross_entropy")
    monkeypatch.setattr(other_ways, "reduce", lambda op, factors, row: _chain(op, factors[::-1], row))
    wrong = other_ways.sum_over_paths(point.p, trace, dL_dS, share_products=False).dL_dp.W
    right = rnn.backward(point.p, trace, dL_dS).dL_dp.W
    assert np.abs(wrong - right).max() > 1e-3 * np.abs(right).max()


def _chain(op, factors, row):
    for factor in factors:
        row = op(row, factor)
    return row


@pytest.mark.parametrize("f", RATIONAL)
def test_unroll_and_back_through_are_forward_and_backward(rng, f):
    point = exact(rng)
    trace, dL_dS = states_and_effects(point, f, "squared_error")
    steps = other_ways.unroll(rnn, point.p, list(point.X), point.s_0, activation(f))
    for step, a, before, after in zip(steps, trace.A, trace.S[:-1], trace.S[1:], strict=True):
        assert same((step.a, step.s_prev, step.s), (a, before, after))
    deltas, dL_dp, dL_dX, dL_ds_0 = other_ways.back_through(rnn, point.p, steps, list(dL_dS), activation(f))
    got = rnn.Gradients(dL_dp, np.stack(dL_dX), dL_ds_0, np.stack(deltas))
    assert same(got, rnn.backward(point.p, trace, dL_dS))
    with pytest.raises(ValueError, match="zip"):
        other_ways.back_through(rnn, point.p, steps, list(dL_dS)[1:], activation(f))
