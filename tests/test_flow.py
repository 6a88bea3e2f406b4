"""Gradient flow: Jacobians against the complex step, products and pairs exactly, bounds, lengths that underflow, bad input."""

import itertools
import re
from fractions import Fraction

import numpy as np
import pytest
from generic_point import exact, fractions, generic, states_and_effects

from rnnlib import bidirectional, cells, flow, gru, lstm, rnn, stacked
from rnnlib._records import leaves, mapped
from rnnlib.activations import ACTIVATIONS

RATIONAL = ["identity", "relu", "hard_tanh"]


@pytest.fixture
def point(rng):
    return generic(rng, B=0)


def of_state(point, f, t, i):
    """ds_t/ds_i by the complex step: nothing of rnnlib's gradients is used."""
    S = rnn.forward(point.p, point.X, point.s_0, f).S
    columns = []
    for k in range(S.shape[1]):
        s = S[i].astype(complex)
        s[k] += 1e-30j
        columns.append(rnn.forward(point.p, point.X[i:t], s, f).S[-1].imag / 1e-30 if t > i else s.imag / 1e-30)
    return np.column_stack(columns)


@pytest.mark.parametrize("f", ACTIVATIONS)
def test_products_match_complex_step(point, f):
    J = flow.jacobians(point.p, rnn.forward(point.p, point.X, point.s_0, f))
    for t in range(len(J) + 1):
        products = flow.products(J, t)
        assert products.shape == (t + 1, *J.shape[1:])
        for i, product in enumerate(products):
            want = of_state(point, f, t, i)
            assert np.abs(product - want).max() <= 1e-13 * np.abs(want).max()


@pytest.mark.parametrize("f", RATIONAL)
def test_jacobians_and_products_are_exact_in_fractions(rng, f):
    point = exact(rng, B=0, T=5)
    trace = rnn.forward(point.p, point.X, point.s_0, f)
    J = flow.jacobians(point.p, trace)
    for t in range(5):
        D = np.diag(trace.f.df(trace.A[t], trace.S[t + 1]))
        assert (J[t] == D @ point.W).all()
    last = flow.products(J)
    assert (last[5] == np.eye(3, dtype=int)).all() and (last[2] == J[4] @ J[3] @ J[2]).all()
    assert all(isinstance(v, (Fraction, int)) for v in last.flat)


def flat(state):
    """The arrays of a state side by side."""
    return np.concatenate([flat(part) for part in state], axis=-1) if isinstance(state, tuple) else state


def one_of_each_cell(rng):
    """Cell, parameters, initial state, for inputs of 3 entries."""

    def draw(*shape):
        return rng.normal(size=shape)

    gated = gru.Params(draw(12, 3), draw(12, 4), draw(12), draw(4))
    long = lstm.Params(draw(16, 3), draw(16, 4), draw(16))
    above = gru.Params(draw(6, 4), draw(6, 2), draw(6), draw(2))
    pair = lstm.State(draw(4), draw(4))
    yield rnn, rnn.Params(draw(4, 3), draw(4, 4), draw(4)), draw(4)
    for reset, update in itertools.product(gru.RESET, gru.UPDATE):
        yield gru.variant(reset, update), gated, draw(4)
    yield lstm, long, pair
    yield stacked.cell(lstm, gru), (long, above), stacked.States((pair, draw(2)))


def test_jacobians_of_any_cell_match_complex_step(rng):
    X = rng.normal(size=(5, 3))
    for cell, p, s_0 in one_of_each_cell(rng):
        J, s = flow.cell_jacobians(cell, p, X, s_0), s_0
        for x, J_t in zip(X, J, strict=True):
            rows = iter(np.split(1e-30j * np.eye(len(J_t)), np.cumsum([len(v) for v in leaves(s).values()])[:-1], axis=1))
            moved = mapped(lambda part, rows=rows: part + next(rows), s)
            want = flat(cell.step(p, np.tile(x, (len(J_t), 1)), moved)[1]).imag.T / 1e-30
            assert np.abs(J_t - want).max() <= 1e-13 * np.abs(want).max(), cells.name(cell)
            s = cell.forward(p, x[None], s).s_T


def test_jacobians_of_any_cell_are_exact_in_fractions(rng):
    point = exact(rng, B=0, T=4)
    J = flow.cell_jacobians(rnn, point.p, point.X, point.s_0, "hard_tanh")
    assert (J == flow.jacobians(point.p, rnn.forward(point.p, point.X, point.s_0, "hard_tanh"))).all()


def test_a_cell_that_reads_both_ways_has_no_jacobian_of_a_step(point):
    both = bidirectional.Params(point.p, point.p)
    with pytest.raises(ValueError, match=r"bidirectional \(rnn, rnn\) has no s_T: it reads both ways"):
        flow.cell_jacobians(bidirectional.cell(rnn), both, point.X)


@pytest.mark.parametrize("f", RATIONAL)
def test_pairs_add_up_to_backward_exactly_in_fractions(rng, f):
    point = exact(rng, B=0, T=5)
    trace, dL_dS = states_and_effects(point, f, "squared_error")
    delta, whole = flow.pairs(point.p, trace, dL_dS), rnn.backward(point.p, trace, dL_dS)
    assert (delta.sum(axis=0) == whole.delta).all()
    terms = sum(np.outer(delta[t, i], trace.S[i]) for t in range(5) for i in range(t + 1))
    assert (terms == whole.dL_dp.W).all()
    assert not delta[np.triu_indices(5, 1)].any()


def test_a_pair_is_its_own_loss_and_its_own_use(rng):
    """Row t alone is backward with the loss of step t alone; δ_{t,i} = D_i Φ_{t,i}ᵀ Vᵀ ε_t entry by entry."""
    point = exact(rng, B=0, T=5)
    trace, dL_dS = states_and_effects(point, "identity", "squared_error")
    delta, J = flow.pairs(point.p, trace, dL_dS), flow.jacobians(point.p, trace)
    for t in range(5):
        alone = np.where(np.arange(5)[:, None] == t, dL_dS, 0)
        assert (delta[t] == rnn.backward(point.p, trace, alone).delta).all()
        for i in range(t + 1):
            assert (delta[t, i] == flow.products(J, t + 1)[i + 1].T @ dL_dS[t]).all()  # f' = 1


@pytest.mark.parametrize("f", ACTIVATIONS)
def test_contributions_are_the_norms_of_the_terms(point, f):
    trace, dL_dS = states_and_effects(point, f, "squared_error")
    delta, sizes = flow.pairs(point.p, trace, dL_dS), flow.contributions(point.p, trace, dL_dS)
    for t, i in np.ndindex(delta.shape[:2]):
        at = [np.outer(delta[t, i], v) for v in (point.X[i], trace.S[i], [1])]
        np.testing.assert_allclose([size[t, i] for size in sizes], [np.linalg.norm(term) for term in at], rtol=1e-13)
        np.testing.assert_allclose(sizes.W[t, i], np.linalg.norm(at[1], 2), rtol=1e-13)


@pytest.mark.parametrize("f", ACTIVATIONS)
def test_norms_lie_between_the_bounds(point, f):
    trace = rnn.forward(point.p, point.X, point.s_0, f)
    J = flow.jacobians(point.p, trace)
    for t in range(len(J) + 1):
        norms, (lower, upper) = flow.log_norms(J, t), flow.log_bounds(J, t)
        want = [np.linalg.norm(product, 2) for product in flow.products(J, t)[::-1]]
        np.testing.assert_allclose(np.exp(norms), want, rtol=1e-12)
        assert (lower <= norms + 1e-12).all() and (norms <= upper + 1e-12).all()
        assert (upper <= np.arange(t + 1) * np.log(flow.eta(point.p, f)) + 1e-12).all()


def test_eta_is_attained_and_exceeded_by_nothing(rng):
    """Linear and rank one: ‖Φ‖ = η^k exactly. The slope is in it: a quarter for sigmoid."""
    u = np.array([3.0, 4.0]) / 5
    p = rnn.Params(np.ones((2, 1)), 1.5 * np.outer(u, u), np.zeros(2))
    J = flow.jacobians(p, rnn.forward(p, np.zeros((7, 1)), f="identity"))
    np.testing.assert_allclose(flow.log_norms(J), np.arange(8) * np.log(1.5), atol=1e-13)
    assert flow.eta(p, "identity") == pytest.approx(1.5) and flow.eta(p, "sigmoid") == pytest.approx(0.375)


@pytest.mark.parametrize(("size", "sign"), [(1e-3, -1), (1e3, 1)])
def test_logarithms_go_on_where_floats_end(size, sign):
    J = np.array([size * np.eye(3)] * 400)
    assert flow.log_norms(J)[-1] == pytest.approx(sign * 1200 * np.log(10))
    assert flow.log_bounds(J)[0][-1] == pytest.approx(sign * 1200 * np.log(10))
    if sign < 0:
        assert not flow.products(J)[0].any()  # in floats it is 0


def test_a_product_that_is_zero_is_minus_infinity():
    nilpotent = np.array([[[0.0, 1], [0, 0]]] * 4)
    assert flow.log_norms(nilpotent).tolist() == [0, 0, -np.inf, -np.inf, -np.inf]
    assert flow.log_bounds(nilpotent)[0].tolist() == [0, *[-np.inf] * 4]


@pytest.mark.parametrize("f", ["tanh", "sigmoid", "softplus", "identity"])
def test_determinant_matches_the_jacobians(point, f):
    trace = rnn.forward(point.p, point.X, point.s_0, f)
    J = flow.jacobians(point.p, trace)
    np.testing.assert_allclose(flow.log_abs_det(point.p, trace), np.linalg.slogdet(J)[1], rtol=1e-12)


def test_determinant_of_a_flat_unit_is_minus_infinity():
    p = rnn.Params(np.ones((2, 1)), np.eye(2), np.array([-9.0, 1]))
    assert flow.log_abs_det(p, rnn.forward(p, np.ones((3, 1)), f="relu")).tolist() == [-np.inf] * 3


def test_order_of_the_factors_counts(rng):
    J = fractions(rng, (3, 2, 2))
    assert (flow.products(J)[0] == J[2] @ J[1] @ J[0]).all() and (flow.products(J)[0] != J[0] @ J[1] @ J[2]).any()


# bad input


@pytest.mark.parametrize("way", [flow.jacobians, flow.log_abs_det])
def test_a_batch_is_refused(rng, way):
    batch = generic(rng)
    trace = rnn.forward(batch.p, batch.X)
    with pytest.raises(ValueError, match=r"trace is of a batch, its X has shape \(6, 2, 3\)"):
        way(batch.p, trace)
    with pytest.raises(ValueError, match="run forward on X"):
        flow.pairs(batch.p, trace, np.ones(trace.A.shape))


def test_pairs_refuse_effects_of_another_shape(point):
    trace = rnn.forward(point.p, point.X)
    with pytest.raises(ValueError, match=re.escape("dL_dS has shape (7, 5); it must be (6, 5) (one row for each of s_1")):
        flow.pairs(point.p, trace, np.ones((7, 5)))
    with pytest.raises(ValueError, match=re.escape("trace is a tuple; it must be the rnn.Trace of rnn.forward")):
        flow.jacobians(point.p, tuple(trace))


@pytest.mark.parametrize("way", [flow.products, flow.log_norms, flow.log_bounds])
@pytest.mark.parametrize(
    ("J", "t", "message"),
    [
        (np.ones((3, 2, 4)), None, "J has shape (3, 2, 4); it must be (T, h, h)"),
        (np.ones((2, 2)), None, "J has shape (2, 2); it must be (T, h, h)"),
        (np.full((3, 2, 2), np.nan), None, "J must be finite"),
        (np.ones((3, 2, 2)), 4, "t is 4; it must be a step, an integer from 0 to T = 3"),
        (np.ones((3, 2, 2)), -1, "t is -1;"),
        (np.ones((3, 2, 2)), 1.0, "t is 1.0;"),
        (np.ones((3, 2, 2)), True, "t is True;"),
    ],
)
def test_products_refuse(way, J, t, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        way(J, t)


def test_eta_refuses():
    with pytest.raises(ValueError, match="W must be square"):
        flow.eta(rnn.Params(np.ones((4, 3)), np.ones((4, 3)), np.zeros(4)))
    with pytest.raises(ValueError, match="unknown activation 'tan'"):
        flow.eta(rnn.Params(np.ones((4, 3)), np.eye(4), np.zeros(4)), "tan")


def test_complex_jacobians_keep_their_imaginary_part():
    J = np.array([[[2j]]] * 3)
    assert flow.log_norms(J)[-1] == pytest.approx(3 * np.log(2)) and flow.products(J)[0, 0, 0] == -8j
