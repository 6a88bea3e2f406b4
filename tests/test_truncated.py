"""Truncation: which pairs are kept, exactly; nothing lost at k ≥ T; random truncation without bias; bad input."""

import itertools
import re
from fractions import Fraction

import numpy as np
import pytest
from generic_point import error, exact, fractions, generic, same, states_and_effects

from rnnlib import cells, flow, lstm, readout, rnn, truncated
from rnnlib._records import added, leaves

RATIONAL = ["identity", "relu", "hard_tanh"]
FORMS = {"window": truncated.window, "chunked": truncated.chunked}
KEPT = {"window": lambda t, i, k: t - i < k, "chunked": lambda t, i, k: (t - 1) // k == (i - 1) // k}
T = 7


@pytest.fixture
def point(rng):
    return exact(rng, T=T)


def named(g):
    return {**g.dL_dp._asdict(), "X": g.dL_dX, "s_0": g.dL_ds_0, "delta": g.delta}


# which pairs are kept


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("k", range(1, T + 1))
@pytest.mark.parametrize("f", RATIONAL)
def test_exactly_the_kept_pairs_are_summed_in_fractions(rng, form, k, f):
    point = exact(rng, T=T, B=0)
    trace, dL_dS = states_and_effects(point, f, "squared_error")
    every = flow.pairs(point.p, trace, dL_dS)
    kept = [(t, i) for t in range(1, T + 1) for i in range(1, t + 1) if KEPT[form](t, i, k)]
    delta = np.array([sum(every[t - 1, j] for t, i in kept if i == j + 1) for j in range(T)])
    got = FORMS[form](point.p, trace, dL_dS, k)
    assert (got.delta == delta).all()
    assert (got.dL_dp.W == delta.T @ trace.S[:-1]).all() and (got.dL_dp.U == delta.T @ trace.X).all()
    assert (got.dL_dp.b == delta.sum(axis=0)).all() and (got.dL_dX == delta @ point.U).all()
    assert (got.dL_ds_0 == delta[0] @ point.W).all()


@pytest.mark.parametrize("length", range(1, 10))
@pytest.mark.parametrize("k", range(1, 12))
def test_pairs_are_counted_right(length, k):
    pairs = [(t, i) for t in range(1, length + 1) for i in range(1, t + 1)]
    assert truncated.window_pairs(length, k) == sum(KEPT["window"](t, i, k) for t, i in pairs)
    assert truncated.chunk_pairs(length, k) == sum(KEPT["chunked"](t, i, k) for t, i in pairs)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("k", [T, T + 1, 100])
@pytest.mark.parametrize("B", [0, 2])
def test_nothing_is_lost_when_k_is_at_least_T_in_fractions(rng, form, k, B):
    point = exact(rng, T=T, B=B)
    trace, dL_dS = states_and_effects(point, "hard_tanh", "squared_error")
    assert same(FORMS[form](point.p, trace, dL_dS, k), rnn.backward(point.p, trace, dL_dS))


@pytest.mark.parametrize("k", [T, T + 3])
def test_nothing_is_lost_when_k_is_at_least_T_in_floats(rng, k):
    point = generic(rng, T=T)
    trace, dL_dS = states_and_effects(point, "tanh", "softmax_cross_entropy")
    whole = rnn.backward(point.p, trace, dL_dS)
    assert same(truncated.chunked(point.p, trace, dL_dS, k), whole)  # bit for bit: it is the same call
    assert error(named(truncated.window(point.p, trace, dL_dS, k)), named(whole)) < 1e-14


@pytest.mark.parametrize("form", FORMS)
def test_a_batch_is_its_sequences(rng, form):
    point = exact(rng, T=T, B=2)
    trace, dL_dS = states_and_effects(point, "identity", "squared_error")
    both = FORMS[form](point.p, trace, dL_dS, 3)
    each = [
        FORMS[form](point.p, rnn.Trace(trace.X[:, b], trace.A[:, b], trace.S[:, b], trace.f), dL_dS[:, b], 3)
        for b in range(2)
    ]
    assert same(both.dL_dp, added(each[0].dL_dp, each[1].dL_dp))
    assert all((both.delta[:, b] == each[b].delta).all() for b in range(2))


@pytest.mark.parametrize("form", FORMS)
def test_what_is_left_out_counts(rng, form):
    """The alarm: with k < T the result is no gradient."""
    point = generic(rng, T=T)
    trace, dL_dS = states_and_effects(point, "tanh", "softmax_cross_entropy")
    whole = named(rnn.backward(point.p, trace, dL_dS))
    wrong = [error(named(FORMS[form](point.p, trace, dL_dS, k)), whole) for k in (1, 3)]
    assert min(wrong) > 1e-2


def test_the_sign_can_flip():
    """Linear, scalar, w = 0.9, x = (5, -5.5, 0, 0), the loss is s_4: 2.25 in full and -1.8 over the last two steps."""
    p = rnn.Params(*(np.array(v, object) for v in ([[1]], [[Fraction(9, 10)]], [0])))
    X = np.array([[5], [Fraction(-11, 2)], [0], [0]], object)
    trace, dL_dS = rnn.forward(p, X, np.array([0], object), "identity"), np.array([[0], [0], [0], [1]], object)
    assert rnn.backward(p, trace, dL_dS).dL_dp.W.item() == Fraction(9, 4)
    for form in FORMS.values():
        assert form(p, trace, dL_dS, 2).dL_dp.W.item() == Fraction(-9, 5)


# chunk after chunk


@pytest.mark.parametrize("k", [1, 2, 3, T])
def test_chunk_after_chunk_is_chunked_in_fractions(rng, k):
    point = exact(rng, T=T, B=2)
    trace, dL_dS = states_and_effects(point, "relu", "squared_error")
    want, s_0, total = truncated.chunked(point.p, trace, dL_dS, k), point.s_0, None
    for a in range(0, T, k):
        cut = slice(a, a + k)
        g, s_0 = truncated.chunk(
            point.p, point.q, point.X[cut], point.Y[cut], s_0,
            f="relu", head="squared_error", weights=point.weights[cut],
        )  # fmt: skip
        total = g.dL_dp if total is None else added(total, g.dL_dp)
        assert (g.dL_dX == want.dL_dX[cut]).all()
    assert same(total, want.dL_dp) and (s_0 == trace.S[-1]).all()


def test_chunks_of_an_lstm_carry_both_parts_of_its_state(rng):
    n, h, m = 3, 4, 2
    p = lstm.Params(rng.normal(size=(4 * h, n)), rng.normal(size=(4 * h, h)), rng.normal(size=4 * h))
    q = readout.Params(rng.normal(size=(m, h)), rng.normal(size=m))
    X, Y = rng.normal(size=(6, n)), rng.uniform(size=(6, m))
    whole = lstm.forward(p, X)
    first = truncated.chunk(p, q, X[:4], Y[:4], cell=lstm)
    second = truncated.chunk(p, q, X[4:], Y[4:], first.s_T, cell=lstm)
    np.testing.assert_allclose(first.s_T.C, whole.C[4], rtol=1e-13)
    np.testing.assert_allclose(second.s_T.s, whole.S[-1], rtol=1e-13)
    assert cells.name(lstm) == "lstm" and set(leaves(second.gradients.dL_dp)) == {"U", "W", "b"}


# factors and random truncation


def test_factors_of_one_are_backward_and_zeros_are_chunks_exactly(rng):
    point = exact(rng, T=T, B=2)
    trace, dL_dS = states_and_effects(point, "hard_tanh", "squared_error")
    ones = np.ones(T - 1, int)
    assert same(truncated.handed_on(point.p, trace, dL_dS, ones), rnn.backward(point.p, trace, dL_dS))
    for k in range(1, T):
        factors = (np.arange(1, T) % k != 0).astype(int) if k > 1 else 0 * ones
        assert same(truncated.handed_on(point.p, trace, dL_dS, factors), truncated.chunked(point.p, trace, dL_dS, k))


def test_a_pair_counts_the_product_of_its_factors(rng):
    point, factors = exact(rng, T=T, B=0), fractions(rng, (T - 1,))
    trace, dL_dS = states_and_effects(point, "identity", "squared_error")
    every = flow.pairs(point.p, trace, dL_dS)
    for t, i in np.ndindex(T, T):
        every[t, i] *= np.prod(factors[i:t], initial=1)
    assert (truncated.handed_on(point.p, trace, dL_dS, factors).delta == every.sum(axis=0)).all()


@pytest.mark.parametrize("keep", [Fraction(1, 2), Fraction(9, 10), [Fraction(1, 3), Fraction(1), Fraction(2, 3), Fraction(1, 7)]])
def test_the_mean_over_all_draws_is_the_whole_gradient_exactly(rng, keep):
    """All 2^(T-1) patterns of cuts, each with its chance: no bias at all."""
    point = exact(rng, T=5, B=2)
    trace, dL_dS = states_and_effects(point, "relu", "squared_error")
    chances, mean = np.broadcast_to(np.array(keep, object), (4,)), None
    for kept in itertools.product((0, 1), repeat=4):
        chance = np.prod([c if k else 1 - c for k, c in zip(kept, chances, strict=True)])
        g = truncated.handed_on(point.p, trace, dL_dS, np.array(kept, object) / chances)
        part = rnn.Gradients(*(rnn.Params(*(chance * v for v in g.dL_dp)), *(chance * v for v in g[1:])))
        mean = part if mean is None else added(mean, part)
    assert same(mean, rnn.backward(point.p, trace, dL_dS))


def test_without_the_factor_the_mean_is_biased(rng):
    """The alarm: cutting at random and not making up for it loses the far pairs on average."""
    point = exact(rng, T=5, B=0)
    trace, dL_dS = states_and_effects(point, "identity", "squared_error")
    mean = sum(
        truncated.handed_on(point.p, trace, dL_dS, np.array(kept, object)).dL_dp.W / Fraction(16)
        for kept in itertools.product((0, 1), repeat=4)
    )
    assert (mean != rnn.backward(point.p, trace, dL_dS).dL_dp.W).any()


def test_randomised_draws_what_it_says(rng):
    """Each draw is one of the enumerated ones, every sequence of a batch with cuts of its own, the seed decides."""
    point = generic(rng, T=4, B=2)
    trace, dL_dS = states_and_effects(point, "tanh", "squared_error")
    keep = np.array([0.3, 0.5, 0.8])
    patterns = {
        kept: truncated.handed_on(point.p, trace, dL_dS, np.array(kept) / keep).delta
        for kept in itertools.product((0, 1), repeat=3)
    }
    seen = [[], []]
    for seed in range(400):
        delta = truncated.randomised(np.random.default_rng(seed), point.p, trace, dL_dS, keep).delta
        for b in range(2):
            (kept,) = [k for k, want in patterns.items() if np.allclose(delta[:, b], want[:, b], rtol=1e-12, atol=0)]
            seen[b].append(kept)
    assert seen[0] != seen[1]
    np.testing.assert_allclose(np.mean(seen, axis=(0, 1)), keep, atol=4 * 0.5 / 800**0.5)
    again = truncated.randomised(np.random.default_rng(7), point.p, trace, dL_dS, keep)
    assert same(again, truncated.randomised(np.random.default_rng(7), point.p, trace, dL_dS, keep))


def test_keeping_everything_is_backward(rng):
    point = generic(rng, T=5)
    trace, dL_dS = states_and_effects(point, "tanh", "squared_error")
    got = truncated.randomised(rng, point.p, trace, dL_dS, keep=1)
    assert error(named(got), named(rnn.backward(point.p, trace, dL_dS))) < 1e-15


@pytest.mark.parametrize("way", [truncated.window, truncated.chunked])
def test_a_sequence_of_one_step(rng, way):
    point = exact(rng, T=1)
    trace, dL_dS = states_and_effects(point, "identity", "squared_error")
    whole = rnn.backward(point.p, trace, dL_dS)
    assert same(way(point.p, trace, dL_dS, 1), whole)
    assert same(truncated.handed_on(point.p, trace, dL_dS, np.zeros(0, int)), whole)


def test_single_precision_stays_single(rng):
    point = generic(rng, T=5).of_dtype(np.float32)
    trace, dL_dS = states_and_effects(point, "tanh", "squared_error")
    for g in (
        truncated.window(point.p, trace, dL_dS, 2),
        truncated.chunked(point.p, trace, dL_dS, 2),
        truncated.randomised(rng, point.p, trace, dL_dS, 0.5),
    ):
        assert {v.dtype for v in leaves(g).values()} == {np.dtype(np.float32)}


# bad input


@pytest.mark.parametrize("k", [0, -1, 2.0, "2", None, True])
def test_lengths_are_refused(point, k):
    trace, dL_dS = states_and_effects(point, "identity", "squared_error")
    message = re.escape(f"k is {k!r}; it must be a number of steps, an integer of at least 1")
    for way in FORMS.values():
        with pytest.raises(ValueError, match=message):
            way(point.p, trace, dL_dS, k)
    for count in (truncated.window_pairs, truncated.chunk_pairs):
        with pytest.raises(ValueError, match=message):
            count(T, k)


@pytest.mark.parametrize(
    ("factors", "message"),
    [
        (np.ones(T), f"factors has shape ({T},); it must be ({T - 1},) or ({T - 1}, 2) (one for each step but the last)"),
        (1.0, f"factors has shape (); it must be ({T - 1},)"),
        ([np.nan] * (T - 1), "factors must be finite"),
    ],
)
def test_factors_are_refused(rng, factors, message):
    point = generic(rng, T=T)
    trace, dL_dS = states_and_effects(point, "tanh", "squared_error")
    with pytest.raises(ValueError, match=re.escape(message)):
        truncated.handed_on(point.p, trace, dL_dS, factors)


@pytest.mark.parametrize(
    ("keep", "message"),
    [
        (0, "keep has the entry 0.0; it must be a chance above 0 and at most 1"),
        ([0.5] * 5 + [1.5], "keep has the entry 1.5;"),
        ([0.5] * T, f"keep has shape ({T},); it must be () or ({T - 1},)"),
    ],
)
def test_chances_are_refused(rng, keep, message):
    point = generic(rng, T=T)
    trace, dL_dS = states_and_effects(point, "tanh", "squared_error")
    with pytest.raises(ValueError, match=re.escape(message)):
        truncated.randomised(rng, point.p, trace, dL_dS, keep)
    with pytest.raises(ValueError, match="rng is 3; it must be a generator"):
        truncated.randomised(3, point.p, trace, dL_dS, 0.5)


@pytest.mark.parametrize("way", [*FORMS.values(), lambda *a: truncated.handed_on(*a[:3], np.ones(T - 1))])
def test_what_backward_refuses_is_refused(point, way):
    trace, dL_dS = states_and_effects(point, "identity", "squared_error")
    with pytest.raises(ValueError, match=re.escape("dL_dS has shape (6, 2, 3); it must be (7, 2, 3)")):
        way(point.p, trace, dL_dS[1:], 2)
    with pytest.raises(ValueError, match=r"it must be the rnn\.Trace of rnn\.forward"):
        way(point.p, tuple(trace), dL_dS, 2)


@pytest.mark.parametrize("count", [truncated.window_pairs, truncated.chunk_pairs])
@pytest.mark.parametrize(("T", "k", "named"), [(0, 3, "T is 0"), (-2, 3, "T is -2"), (4.0, 2, "T is 4.0"), (4, 0, "k is 0")])
def test_pairs_of_no_steps_are_refused(count, T, k, named):
    with pytest.raises(ValueError, match=named):
        count(T, k)
