"""With a workspace everything is as without one: the same numbers, the caller's arrays as they were, results that stay."""

import sys
from fractions import Fraction
from functools import partial

import numpy as np
import pytest
from generic_cell import both, floats, layers
from generic_point import SIZES, Point, error, fractions, generic, shapes

from rnnlib import Workspace, activation, losses, lstm, model, one_hot, optimise, other_ways, readout, rnn, train, workspace
from rnnlib._records import leaves, mapped
from rnnlib.activations import ACTIVATIONS, Activation, into, slope_into
from rnnlib.cells import Cell
from rnnlib.losses import HEADS
from rnnlib.workspace import PIECE, SMALL, fastest, passing, pieces, product

EVERY_ACTIVATION = pytest.mark.parametrize("f", ACTIVATIONS)
EVERY_HEAD = pytest.mark.parametrize("head", HEADS)
P = 2**31 - 1


def gradients(point, work=None, f="tanh", head="softmax_cross_entropy"):
    p, q = point.p, point.q
    return model.loss_and_gradients(p, q, point.X, point.Y, point.s_0, f=f, head=head, weights=point.weights, work=work)


def drawn(rng, **sizes):
    """Random floats, at a long sequence near some kink for sure."""
    point = Point(*(rng.normal(size=shape) for shape in shapes(**(SIZES | sizes))))
    return point._replace(W=point.W / len(point.b) ** 0.5, Y=abs(point.Y), weights=abs(point.weights))


def kept(g):
    return {name: np.copy(a) for name, a in leaves(g).items()}


def identical(one, other):
    one, other = leaves(one), leaves(other)
    return one.keys() == other.keys() and all(
        np.shape(one[k]) == np.shape(other[k])
        and np.asarray(one[k]).dtype == np.asarray(other[k]).dtype
        and np.array_equal(one[k], other[k])
        for k in one
    )


# the same results


@EVERY_ACTIVATION
@EVERY_HEAD
def test_results_are_those_without_whatever_the_call_before_was(rng, f, head):
    """Other numbers, other sizes, other precision, no batch, and back: one workspace for all."""
    work = Workspace()
    for sizes, dtype in ((dict(T=6), float), (dict(T=6), float), (dict(T=9, B=4), float), (dict(T=9, B=1), float),
                         (dict(T=9, B=0), float), (dict(T=6), np.float32), (dict(T=6), complex), (dict(T=6), float)):  # fmt: skip
        point = generic(rng, **sizes).of_dtype(dtype)
        assert identical(gradients(point, work, f, head), gradients(point, None, f, head))
        arguments = dict(f=f, head=head, weights=point.weights)
        L = model.loss(point.p, point.q, point.X, point.Y, point.s_0, work=work, **arguments)
        assert L == model.loss(point.p, point.q, point.X, point.Y, point.s_0, **arguments)


@pytest.mark.parametrize("B", [1, 3])
def test_results_are_those_without_in_many_pieces(rng, B):
    """Long enough for several pieces of time, wide enough for groups of rows."""
    point = drawn(rng, T=700, B=B, n=5, h=64, m=30)
    assert 700 * B * 64 > PIECE and 700 * B * 64 * 30 > SMALL
    work = Workspace()
    for _ in range(2):
        assert identical(gradients(point, work), gradients(point))


@pytest.mark.parametrize("weights", [None, readout.last_step(6), readout.mask([6, 2, 4], 6)])
def test_results_are_those_without_for_all_weights_and_one_target(rng, weights):
    point, work = generic(rng, T=6, B=3)._replace(weights=weights), Workspace()
    for Y in (point.Y, point.Y[:1], point.Y):
        at = point._replace(Y=Y)
        assert identical(gradients(at, work), gradients(at))


@pytest.mark.parametrize("f", ["identity", "relu"])
def test_a_long_sequence_is_exact_modulo_a_prime(rng, f):
    """Fifty steps of residues: whatever is done in place, at once, or in pieces is what the proved steps do one by one."""
    work = Workspace()
    for B in (2, 1):
        draw = lambda *shape: np.frompyfunc(Residue, 1, 1)(rng.integers(P, size=shape).astype(object))  # noqa: E731
        p = rnn.Params(draw(4, 3), draw(4, 4), draw(4))
        X, s_0, dL_dS = draw(50, B, 3), draw(B, 4), draw(50, B, 4)
        for _ in range(2):
            trace = rnn.forward(p, X, s_0, f, work)
            g = rnn.backward(p, trace, dL_dS, work=work)
        steps = other_ways.unroll(rnn, p, list(X), s_0, activation(f))
        deltas, dL_dp, dL_dX, dL_ds_0 = other_ways.back_through(rnn, p, steps, list(dL_dS), activation(f), 0 * s_0)
        assert all((a == step.s).all() for a, step in zip(trace.S[1:], steps, strict=True))
        exact = rnn.Gradients(dL_dp, np.stack(dL_dX), dL_ds_0, np.stack(deltas))
        assert all((leaves(g)[k] == v).all() for k, v in leaves(exact).items())


class Residue:
    """An integer modulo a prime, the positive half of which is above 0."""

    def __init__(self, n):
        self.n = int(n) % P

    def __add__(self, other):
        return Residue(self.n + getattr(other, "n", other))

    def __mul__(self, other):
        return Residue(self.n * getattr(other, "n", other))

    __radd__, __rmul__ = __add__, __mul__

    def __eq__(self, other):
        return self.n == getattr(other, "n", other) % P

    def __gt__(self, other):
        return self.n > P // 2

    __hash__ = None


def test_fractions_run_in_a_workspace(rng):
    work = Workspace()
    draw = lambda *shape: np.frompyfunc(lambda k: Fraction(int(k), 3), 1, 1)(rng.integers(-4, 5, size=shape))  # noqa: E731
    p, q, X, Y = rnn.Params(draw(4, 3), draw(4, 4), draw(4)), readout.Params(draw(2, 4), draw(2)), draw(5, 2, 3), draw(5, 2, 2)
    for _ in range(2):
        g = model.loss_and_gradients(p, q, X, Y, f="relu", head="squared_error", work=work)
    assert identical(g, model.loss_and_gradients(p, q, X, Y, f="relu", head="squared_error"))
    assert isinstance(g.L, Fraction)


# what is kept, and what is not touched


def test_the_callers_arrays_are_not_written(rng):
    point, work = generic(rng), Workspace()
    for a in point:
        a.flags.writeable = False
    for f in ACTIVATIONS:
        for head in HEADS:
            gradients(point, work, f, head)
    trace = rnn.forward(point.p, point.X, point.s_0, work=work)
    dL_dS = np.ones(trace.A.shape)
    dL_dS.flags.writeable = False
    rnn.backward(point.p, trace, dL_dS, np.ones(trace.A.shape[1:]), work=work)


def test_gradients_of_parameters_and_of_the_initial_state_outlive_the_next_call(rng):
    point, work = generic(rng), Workspace()
    first = gradients(point, work)
    before = kept((first.L, first.dL_dp, first.dL_dq, first.dL_ds_0))
    second = gradients(point._replace(X=2 * point.X, W=point.W / 2), work)
    after = leaves((first.L, first.dL_dp, first.dL_dq, first.dL_ds_0))
    assert all(np.array_equal(before[k], after[k]) for k in before)
    assert second.dL_dX is first.dL_dX  # this one is the workspace's


def test_two_workspaces_in_turns_do_not_disturb_each_other(rng):
    points, works = [generic(rng), generic(rng)], [Workspace(), Workspace()]
    traces = [rnn.forward(at.p, at.X, at.s_0, work=work) for at, work in zip(points, works, strict=True)]
    dL_dS = rng.normal(size=traces[0].A.shape)
    got = [rnn.backward(at.p, trace, dL_dS, work=work) for at, trace, work in zip(points, traces, works, strict=True)]
    for at, g in zip(points, got, strict=True):
        assert identical(g, rnn.backward(at.p, rnn.forward(at.p, at.X, at.s_0), dL_dS))


@pytest.mark.parametrize("B", [0, 1, 2])
def test_single_precision_stays_single(rng, B):
    point, work = generic(rng, B=B).of_dtype(np.float32), Workspace()
    p, q = point.p, point.q
    for f in ACTIVATIONS:
        for head in HEADS:
            trace = rnn.forward(p, point.X, point.s_0, f, work)
            out = readout.forward(q, trace.S[1:], point.Y, head, point.weights, work.part("readout"))
            dL_dq, dL_dS = readout.backward(q, out, work.part("readout"))
            g = rnn.backward(p, trace, dL_dS, work=work)
            assert {a.dtype for a in (trace.A, trace.S, *out, *dL_dq, dL_dS, *g.dL_dp, *g[1:])} == {np.dtype(np.float32)}
    stored = [a for part in (work, work.part("readout")) for a in part._arrays.values()]
    assert {a.dtype for a in stored} == {np.dtype(np.float32)}


def test_the_same_memory_is_used_again(rng):
    point, work = generic(rng), Workspace()
    gradients(point, work)
    size, memory = work.nbytes, {id(a) for part in work._parts.values() for a in part._arrays.values()}
    gradients(point, work)
    assert work.nbytes == size > 0
    assert {id(a) for part in work._parts.values() for a in part._arrays.values()} == memory


# checks that are made once


BAD = {"U": "U must be finite", "W": "W must be finite", "b": "b must be finite", "V": "V must be finite", "c": "c must be finite",
       "X": "X must be finite", "Y": "Y must be finite", "s_0": "s_0 must be finite", "weights": "weights must be finite"}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_number_that_is_not_finite_is_found_in_the_second_call_too(rng, name, value):
    point, work = generic(rng), Workspace()
    gradients(point, work)
    spoilt = getattr(point, name).copy()
    spoilt.flat[-1] = value
    with pytest.raises(ValueError, match=BAD[name]):
        gradients(point._replace(**{name: spoilt}), work)
    assert identical(gradients(point, work), gradients(point))


@pytest.mark.parametrize("name", ["U", "W", "b", "V", "c", "X", "Y", "s_0", "weights"])
def test_a_wrong_shape_is_found_in_the_second_call_too(rng, name):
    point, work = generic(rng), Workspace()
    gradients(point, work)
    for wrong in (point._replace(**{name: np.ones((7, 7, 7, 7))}), point._replace(**{name: "text"})):
        with pytest.raises(ValueError, match=f"{name} has "):
            gradients(wrong, work)


def test_numbers_whose_squares_overflow_are_finite(rng):
    point, work = generic(rng), Workspace()
    large = point._replace(X=point.X * 1e200, U=point.U * 1e-200)
    for _ in range(2):
        g = gradients(large, work)
    assert np.isfinite(g.L) and identical(g, gradients(large))


def test_states_and_effects_that_are_not_finite_are_found(rng):
    point, work = generic(rng), Workspace()
    p = point.p  # the same record both times, so that backward need not check it again
    trace = rnn.forward(p, point.X, point.s_0, work=work)
    bad = np.ones(trace.A.shape)
    bad[2, 1, 0] = np.nan
    for later in (None, np.ones_like(point.s_0)):
        with pytest.raises(ValueError, match=r"dL_dS must be finite; its entry \(2, 1, 0\) is nan"):
            rnn.backward(p, trace, bad, later, work=work)
    with np.errstate(all="ignore"):
        assert rnn.backward(p, trace, np.full_like(bad, 1e308), work=work).dL_dp.b.dtype == float  # it overflows; the effects are finite
    for head in (*HEADS, losses.Head("mine", *[getattr(losses.squared_error, k) for k in ("g", "loss", "epsilon")])):
        out = Workspace()
        readout.forward(point.q, trace.S[1:], point.Y, head, point.weights, out)
        with pytest.raises(ValueError, match=r"S must be finite; its entry \(2, 1, 0\) is nan"):
            readout.forward(point.q, bad, point.Y, head, 0 * point.weights, out)


def test_other_parameters_on_the_way_back_are_checked(rng):
    point, work = generic(rng), Workspace()
    trace = rnn.forward(point.p, point.X, point.s_0, work=work)
    with pytest.raises(ValueError, match="W must be finite"):
        rnn.backward(point.p._replace(W=point.W * np.nan), trace, np.ones(trace.A.shape), work=work)


# softmax without the row maximum


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scale", [1e-3, 1, 20, 60, 200, 1e3, 1e4])
def test_softmax_is_right_at_every_size(rng, dtype, scale):
    """Rows of all sizes in one array; the reference subtracts every row's largest entry, in double precision."""
    Z = (rng.normal(size=(40, 5)) * scale * np.logspace(-3, 0, 40)[:, None]).astype(dtype)
    Z[3], Z[4, 1:] = scale, -scale
    Y = rng.uniform(size=Z.shape).astype(dtype)
    O, loss, epsilon = np.empty_like(Z), np.empty(40, dtype), np.empty_like(Z)
    losses.evaluate(losses.softmax_cross_entropy, Z, Y, O, loss, epsilon, np.ones(5, dtype))
    wide = Z.astype(float)
    low = wide - wide.max(axis=1, keepdims=True)
    o = np.exp(low) / np.exp(low).sum(axis=1, keepdims=True)
    minus_log = np.log(np.exp(low).sum(axis=1, keepdims=True)) - low
    tolerance = 40 * np.finfo(dtype).eps
    np.testing.assert_allclose(O, o, rtol=tolerance * max(scale, 1), atol=np.finfo(dtype).tiny)
    np.testing.assert_allclose(loss, (Y * minus_log).sum(axis=1), rtol=tolerance, atol=tolerance * scale)
    np.testing.assert_allclose(epsilon, o * Y.sum(axis=1, keepdims=True) - Y, atol=tolerance * max(scale, 1))


def test_the_row_maximum_is_subtracted_where_it_must_be_and_nowhere_else(rng, monkeypatch):
    seen = []
    subtracted = losses._too_large
    monkeypatch.setattr(losses, "_too_large", lambda Z: seen.append(subtracted(Z)) or seen[-1])
    Z = rng.normal(size=(6, 4))
    O, loss, epsilon = np.empty_like(Z), np.empty(6), np.empty_like(Z)
    run = partial(losses.evaluate, losses.softmax_cross_entropy)
    run(Z, np.eye(4)[:1], O, loss, epsilon, np.ones(4))
    assert not seen
    Z[2] += 1e4
    run(Z, np.eye(4)[:1], O, loss, epsilon, np.ones(4))
    assert np.flatnonzero(seen[0]).tolist() == [2] and np.isfinite(loss).all()
    readout.forward(readout.Params(1e3 * np.ones((4, 2)), np.zeros(4)), np.ones((6, 2)), np.eye(4)[:1])
    assert len(seen) == 2 and (seen[1] == 2e3).all()


# stopping where nothing goes further back


def test_a_loss_at_the_last_step_stops_exactly_where_delta_is_zero(rng):
    """W is small, so δ underflows to 0 after some steps; from there on all is 0, with and without stopping."""
    T = 400
    point = drawn(rng, T=T)
    point = point._replace(W=point.W / 100)
    trace = rnn.forward(point.p, point.X, point.s_0)
    dL_dS = np.zeros(trace.A.shape)
    dL_dS[-1] = 1
    stopping = rnn.backward(point.p, trace, dL_dS)
    first = int(np.flatnonzero(stopping.delta.any(axis=(1, 2)))[0])
    assert 50 < first < T - 50 and not stopping.dL_ds_0.any() and not stopping.dL_dX[:first].any()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rnn, "_silent", lambda dL_dS, f: 0)
        to_the_end = rnn.backward(point.p, trace, dL_dS)
    for name in ("dL_dX", "dL_ds_0", "delta"):
        np.testing.assert_array_equal(getattr(stopping, name), getattr(to_the_end, name))
    for one, other in zip(stopping.dL_dp, to_the_end.dL_dp, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-13)  # sums of other lengths
    dL_dS[0, 0, 0] = 1e-300  # one effect at the first step, and nothing may be left out
    whole = rnn.backward(point.p, trace, dL_dS)
    assert whole.delta[0].any() and whole.dL_ds_0.any() and whole.dL_dp.U.any()
    np.testing.assert_array_equal(whole.delta[1:], stopping.delta[1:])


def test_stopping_leaves_nothing_of_the_call_before_in_the_memory(rng):
    """δ of the first call is nowhere 0, that of the second is 0 up to a step with all units off; both are in the same memory."""
    T, work = 60, Workspace()
    p = rnn.Params(abs(rng.normal(size=(4, 3))), abs(rng.normal(size=(4, 4))) / 9, np.zeros(4))
    X, dL_dS = abs(rng.normal(size=(T, 2, 3))) + 0.1, np.zeros((T, 2, 4))
    rnn.backward(p, rnn.forward(p, X, f="relu", work=work), dL_dS + 1, work=work)
    X[40], dL_dS[-1] = -100, 1
    trace = rnn.forward(p, X, f="relu", work=work)
    g, slow = rnn.backward(p, trace, dL_dS, work=work), other_ways.by_steps(p, trace, dL_dS)
    assert not g.delta[:41].any() and g.delta[41:].all()
    assert error(leaves(g), leaves(slow)) < 1e-13


def test_nothing_stops_at_zero_where_a_slope_may_be_infinite(rng):
    """W = 0, so δ is 0 at once before the only loss; but the slope at a = 0 is infinite, and ∞ · 0 is no number."""
    root = Activation("root", lambda a: np.sign(a) * np.sqrt(abs(a)), lambda a, s: 0.5 / abs(s), "sign(a)*sqrt(Abs(a))", np.inf)
    p, X, dL_dS = rnn.Params(np.eye(4), np.zeros((4, 4)), np.zeros(4)), rng.normal(size=(60, 2, 4)), np.zeros((60, 2, 4))
    X[3], dL_dS[-1] = 0, 1
    with np.errstate(all="ignore"):
        trace = rnn.forward(p, X, f=root)
        g, slow = rnn.backward(p, trace, dL_dS), other_ways.by_steps(p, trace, dL_dS)
    assert np.isnan(slow.delta[3]).all()
    np.testing.assert_array_equal(np.isnan(g.delta), np.isnan(slow.delta))


def test_stopping_saves_the_steps_that_are_left_out(rng):
    """Counted: how often the weights are multiplied with."""
    T, calls = 400, []
    point = drawn(rng, T=T)
    point = point._replace(W=point.W / 100)
    trace = rnn.forward(point.p, point.X, point.s_0)
    dL_dS = np.zeros(trace.A.shape)
    dL_dS[-1] = 1

    def counted(a, b):
        return lambda a, b, out: calls.append(1) or a.dot(b, out)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rnn, "fastest", counted)
        rnn.backward(point.p, trace, dL_dS)
        stopped, calls[:] = len(calls), []
        rnn.backward(point.p, trace, dL_dS + 1e-9)
    assert len(calls) == T and stopped < T // 2


@pytest.mark.parametrize("later", [0, 1])
def test_steps_without_effects_are_gone_through_while_delta_is_not_zero(rng, later):
    """W is large enough that nothing underflows: no step is left out, whether something comes from later or not."""
    point = drawn(rng, T=40)
    trace = rnn.forward(point.p, point.X, point.s_0)
    dL_dS = np.zeros(trace.A.shape)
    dL_dS[-1] = 1 - later
    g = rnn.backward(point.p, trace, dL_dS, np.full(trace.A.shape[1:], float(later)))
    assert g.delta.any(axis=(1, 2)).all()
    assert not rnn.backward(point.p, trace, 0 * dL_dS).delta.any()


# what the fast core is made of


@EVERY_ACTIVATION
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
def test_in_place_is_what_the_record_says(rng, f, dtype):
    f, a = activation(f), rng.normal(size=(3, 4)).astype(dtype)
    s, slope = np.empty_like(a), np.empty_like(a)
    into(f)(a, s)
    slope_into(f)(a, s, slope)
    np.testing.assert_allclose(s, f.f(a), rtol=4 * np.finfo(dtype).eps)
    np.testing.assert_allclose(slope, f.df(a, s), rtol=4 * np.finfo(dtype).eps)


@pytest.mark.parametrize("name", ["f", "df"])
def test_a_twin_of_a_record_is_computed_by_its_own_functions(name):
    import dataclasses

    twin = dataclasses.replace(activation("tanh"), **{name: lambda a, s=None: 5 + 0 * a})
    out = np.zeros(3)
    (into(twin) if name == "f" else partial(slope_into(twin), np.zeros(3)))(np.zeros(3), out)
    assert out.tolist() == [5, 5, 5]


@pytest.mark.parametrize("shape", [(1, 3, 4), (700, 128, 64), (123, 128, 96), (7, 1200, 1000)])
def test_product_in_groups_of_rows_is_the_product(rng, shape):
    N, k, m = shape
    a, b, out = rng.normal(size=(N, k)), rng.normal(size=(k, m)), np.full((N, m), np.nan)
    product(a, b, out)
    np.testing.assert_allclose(out, a @ b, rtol=1e-12, atol=1e-12)
    fastest(a, b)(a, b, out)
    np.testing.assert_allclose(out, a @ b, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("most", [None, 3])
@pytest.mark.parametrize("size", [1, PIECE // 5, PIECE, 10 * PIECE])
def test_pieces_are_all_of_time_in_order(size, most):
    found = pieces(17, size, most)
    assert [t for piece in found for t in range(17)[piece]] == list(range(17))
    assert max(piece.stop - piece.start for piece in found) <= (most or 17)


@pytest.mark.parametrize("dtype", [np.float32, np.complex128, np.int8])
@pytest.mark.parametrize("shape", [(1,), (3, 5), (7, 2, 3)])
def test_memory_begins_with_a_line_of_the_cache(dtype, shape):
    a = Workspace().array("a", shape, dtype)
    assert a.ctypes.data % 64 == 0 and a.shape == shape and a.dtype == dtype and a.flags.c_contiguous and a.flags.writeable


def test_ones_are_ones_for_every_count_and_dtype():
    work = Workspace()
    for count, dtype in ((3, float), (7, float), (2, float), (2, np.float32), (2, complex)):
        assert work.ones(count, dtype).tolist() == [1] * count and work.ones(count, dtype).dtype == dtype


def test_steps_of_an_array_of_another_are_not_kept():
    work = Workspace()
    mine, other = work.array("a", (3, 2, 4), float), np.zeros((3, 2, 4))
    assert work.steps(mine) is work.steps(mine) and work.part("layer").steps(mine) is work.steps(mine)
    assert work.steps(other) is not work.steps(other)
    count = sys.getrefcount(other)
    work.steps(other)
    assert sys.getrefcount(other) == count


# cells


CELLS = {"rnn": rnn, "lstm": lstm, "bidirectional": both(rnn, lstm), "stacked": layers(rnn, lstm)}


@pytest.mark.parametrize("spec", CELLS)
def test_every_cell_runs_in_a_workspace(rng, spec):
    net, work = floats(rng, CELLS[spec]), Workspace()
    for _ in range(2):
        net = net._replace(X=net.X + 0.1)
        given = dict(cell=net.cell, f=net.f, head=net.head, weights=net.weights)
        g = model.loss_and_gradients(net.p, net.q, net.X, net.Y, net.s_0, work=work, **given)
        assert identical(g, model.loss_and_gradients(net.p, net.q, net.X, net.Y, net.s_0, **given))


def test_a_cell_that_takes_no_workspace_gets_none(rng):
    cell = Cell(
        "plain", rnn.step, rnn.step_back, lambda p, X, s_0, f: rnn.forward(p, X, s_0, f),
        lambda p, trace, dL_dS, dL_ds_T=None: rnn.backward(p, trace, dL_dS, dL_ds_T),
    )  # fmt: skip
    point, work = generic(rng), Workspace()
    g = model.loss_and_gradients(point.p, point.q, point.X, point.Y, point.s_0, cell=cell, weights=point.weights, work=work)
    assert identical(g, gradients(point))
    assert passing(cell.forward, work) == {} and passing(rnn.forward, work) == {"work": work} and passing(np.dot, work) == {}


def test_fit_uses_one_workspace_and_ends_where_it_would_without(rng, monkeypatch):
    point = generic(rng, T=6, B=4)
    batches = [(rng.normal(size=point.X.shape), one_hot(rng.integers(5, size=(6, 4)), 5)) for _ in range(3)]
    original, seen = model.loss_and_gradients, []

    def without(*arguments, work, **options):
        seen.append(work)
        return original(*arguments, **options)

    q = readout.Params(rng.normal(size=(5, len(point.W))), np.zeros(5))
    learn = partial(train.fit, point.p, q, batches, optimiser=partial(optimise.sgd, rate=0.1), epochs=3)
    have = learn()
    monkeypatch.setattr(model, "loss_and_gradients", without)
    assert identical(mapped(np.asarray, (have.p, have.q)), mapped(np.asarray, learn()[:2]))
    assert len(seen) == 9 and isinstance(seen[0], Workspace) and all(work is seen[0] for work in seen)


# pieces of one step, or of a few, so that a short sequence has many


@EVERY_ACTIVATION
@pytest.mark.parametrize("B", [0, 1, 2])
def test_many_pieces_are_one_whole(rng, f, B, monkeypatch):
    point = generic(rng, T=9, B=B)
    whole = leaves(gradients(point, f=f))
    for size in (1, 13, 25):
        monkeypatch.setattr(workspace, "PIECE", size)
        assert error(leaves(gradients(point, f=f)), whole) < 1e-13


@pytest.mark.parametrize("first", [0, 3])
@pytest.mark.parametrize("exact", [False, True])
def test_a_step_with_all_units_off_stops_nothing_while_earlier_steps_have_effects(rng, first, exact, monkeypatch):
    """δ_6 is 0, in the middle, and a step before it has an effect: what does not come from later comes from there."""
    monkeypatch.setattr(workspace, "PIECE", 1)
    draw = (lambda *shape: fractions(rng, shape)) if exact else (lambda *shape: rng.normal(size=shape))
    p = rnn.Params(abs(draw(4, 3)), draw(4, 4) / 2, 0 * draw(4))
    X, s_0, dL_dS = abs(draw(9, 2, 3)) + 1, draw(2, 4), draw(9, 2, 4)
    X[5] *= -100
    dL_dS[:5] *= 0
    dL_dS[first, 1, 2] += Fraction(1, 9) if exact else 1 / 9  # of one unit of one sequence, and small
    trace = rnn.forward(p, X, s_0, "relu")
    g = rnn.backward(p, trace, dL_dS)
    steps = other_ways.unroll(rnn, p, list(X), s_0, activation("relu"))
    deltas, dL_dp, dL_dX, dL_ds_0 = other_ways.back_through(rnn, p, steps, list(dL_dS), activation("relu"), 0 * s_0)
    assert not g.delta[5].any() and g.delta[first].any() and g.dL_ds_0.any()
    assert error(leaves(g), leaves(rnn.Gradients(dL_dp, np.stack(dL_dX), dL_ds_0, np.stack(deltas)))) < 1e-13
