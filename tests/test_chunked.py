"""In chunks side by side: the gradient of one pass where the network forgets, and where it does not, too; seams; bad input."""

import re

import numpy as np
import pytest
from generic_point import Point, error, exact, same

from rnnlib import Workspace, bidirectional, chunked, gru, lstm, model, readout, rnn, stacked
from rnnlib._records import leaves, mapped

HEADS_AND_SLOPES = [("tanh", "softmax_cross_entropy"), ("sigmoid", "squared_error"), ("relu", "squared_error")]


def forgetting(rng, T=300, radius=0.4, n=3, h=5, m=4, dtype=float):
    """One sequence and a network whose W shrinks every state."""
    W = rng.normal(size=(h, h))
    point = Point(
        rng.normal(size=(h, n)), radius * W / np.linalg.norm(W, 2), rng.normal(size=h), rng.normal(size=(m, h)), rng.normal(size=m),
        rng.normal(size=(T, n)), rng.normal(size=h), rng.uniform(0.1, 1.5, (T, m)), rng.uniform(0.2, 2, T),
    )  # fmt: skip
    return point.of_dtype(dtype)


def remembering(rng, T=300, **sizes):
    """W orthogonal: with the activation identity nothing is forgotten."""
    point = forgetting(rng, T, **sizes)
    return point._replace(W=np.linalg.qr(point.W)[0], X=point.X / T, b=0 * point.b)


def both(point, chunks=None, overlap=None, tolerance=None, work=None, **options):
    options = {"weights": point.weights} | options
    given = (point.p, point.q, point.X, point.Y, point.s_0)
    have = chunked.loss_and_gradients(*given, chunks=chunks, overlap=overlap, tolerance=tolerance, work=work, **options)
    return have, model.loss_and_gradients(*given, **options)


def apart(have, want):
    one, other = (leaves((g.dL_dp, g.dL_dq, g.dL_dX, g.dL_ds_0)) for g in (have, want))
    return max(error(one, other), abs(float(have.L) / float(want.L) - 1))


# a network that forgets


@pytest.mark.parametrize(("f", "head"), HEADS_AND_SLOPES)
@pytest.mark.parametrize(
    ("T", "chunks", "overlap"), [(300, 6, 48), (301, 6, 48), (299, 5, 50), (250, 5, 50), (151, 2, 49), (300, None, None)]
)
def test_the_gradient_of_one_pass(rng, f, head, T, chunks, overlap):
    have, want = both(forgetting(rng, T), chunks, overlap, f=f, head=head)
    assert have.seams.chunks > 1 and len(have.seams.overlaps) <= 2 + (overlap is None)
    assert apart(have, want) < 1e-13
    assert max(have.seams[2:]) <= 16 * np.finfo(float).eps


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_precision_is_that_of_the_parameters(rng, dtype):
    point = forgetting(rng).of_dtype(dtype)
    point = point._replace(X=point.X.astype(float), Y=point.Y.astype(np.float32))
    have, want = both(point, 6)
    assert have.seams.chunks > 1 and apart(have, want) < 100 * np.finfo(dtype).eps
    assert {k: np.asarray(a).dtype for k, a in leaves(have[:5]).items()} == {k: np.asarray(a).dtype for k, a in leaves(want[:5]).items()}


def test_a_batch_of_one_and_no_initial_state(rng):
    point = forgetting(rng, 301)
    one = point._replace(X=point.X[:, None], Y=point.Y[:, None], weights=point.weights[:, None], s_0=point.s_0[None])
    for given in (one, one._replace(s_0=point.s_0), one._replace(s_0=None), point._replace(s_0=None)):
        have, want = both(given, 6)
        assert have.seams.chunks > 1 and apart(have, want) < 1e-13


@pytest.mark.parametrize("weights", [None, readout.last_step(301), readout.mean(301), readout.mask([140], 301)[:, 0]])
def test_weights_and_one_target(rng, weights):
    point = forgetting(rng, 301)
    for at in (point, point._replace(Y=point.Y[:1])):
        have, want = both(at, 6, weights=weights)
        assert have.seams.chunks == 6 and apart(have._replace(dL_ds_0=want.dL_ds_0), want) < 1e-13
        assert abs(have.dL_ds_0 - want.dL_ds_0).max() < 1e-13 * abs(want.dL_dX).max()  # of the loss of step 301 there is nothing left


CELLS = {"lstm": (lstm, 4), "gru": (gru, 3)}


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("start", [False, True])
@pytest.mark.parametrize("overlap", [96, 128])  # of 175 steps; with 128 a chunk is its overlap
def test_other_cells(rng, name, start, overlap):
    cell, blocks = CELLS[name]
    shapes = {"U": (blocks * 5, 3), "W": (blocks * 5, 5), "b": (blocks * 5,)}
    p = cell.Params(*(0.3 * rng.normal(size=shapes.get(field, (5,))) for field in cell.Params._fields))
    point, s_0 = forgetting(rng, 700), cell.forward(p, rng.normal(size=(2, 3))).s_T if start else None
    have = chunked.loss_and_gradients(p, point.q, point.X, point.Y, s_0, cell=cell, chunks=4, overlap=overlap)
    want = model.loss_and_gradients(p, point.q, point.X, point.Y, s_0, cell=cell)
    assert have.seams[:2] == (4, (96 if overlap == 96 else 175,))
    assert apart(have, want) < 1e-12 and type(have.dL_ds_0) is type(want.dL_ds_0)


def test_layers(rng):
    low, high = forgetting(rng), forgetting(rng, n=5)
    have = chunked.loss_and_gradients((low.p, high.p), high.q, low.X, low.Y, cell=stacked.cell(rnn, rnn), chunks=4, overlap=64)
    want = model.loss_and_gradients((low.p, high.p), high.q, low.X, low.Y, cell=stacked.cell(rnn, rnn))
    assert have.seams.chunks == 4 and apart(have, want) < 1e-12


# a network that does not


def test_a_network_that_remembers_is_computed_step_after_step(rng):
    have, want = both(remembering(rng), f="identity", head="squared_error")
    assert have.seams == (1, (25, 50, 100), 0, 0)
    assert same(have[1:5], want[1:]) and have.L == want.L


def test_a_forgetting_forward_pass_is_not_enough(rng):
    """s_0 and all inputs are 0, so every state is 0 and every seam of states agrees; the adjoints do not."""
    point = remembering(rng)
    point = point._replace(X=0 * point.X, s_0=0 * point.s_0)
    have, want = both(point, f="identity", head="squared_error")
    assert have.seams.chunks == 1 and len(have.seams.overlaps) == 3
    assert same(have[1:5], want[1:])


def test_the_overlap_is_doubled_until_the_seams_agree(rng):
    point = forgetting(rng, 400, radius=0.7)
    point = point._replace(W=0.7 * np.linalg.qr(point.W)[0])  # 0.7 each step: 100 steps for 16 units of rounding
    have, want = both(point, 4, 7, f="identity", head="squared_error")
    assert have.seams.chunks > 1 and have.seams.overlaps[:4] == (7, 14, 28, 56) and have.seams.overlaps[-1] >= 90
    assert apart(have, want) < 1e-12


def test_fewer_chunks_with_a_long_overlap_and_none_shorter_than_it(rng):
    have, want = both(forgetting(rng), 300, 60)
    assert have.seams.chunks == 5 and have.seams.overlaps == (60,) and apart(have, want) < 1e-13


def test_the_tolerance_is_kept_to(rng):
    """With a short overlap seams differ by what is not forgotten; a coarse tolerance takes it, and the record says how much."""
    point, found = forgetting(rng), {}
    for tolerance in (1e-3, 1e-6, 1e-9):
        have, want = both(point, 8, 2, tolerance)
        found[tolerance] = have.seams
        assert 0 < max(have.seams[2:]) <= tolerance and apart(have, want) < 10 * tolerance
    assert found[1e-3].overlaps < found[1e-6].overlaps < found[1e-9].overlaps


def test_without_a_tolerance_it_is_sixteen_units_of_rounding(rng):
    points, eps = [forgetting(rng, radius=radius) for radius in (0.2, 0.3, 0.4, 0.5)], np.finfo(float).eps
    tried = {limit: [both(p, 4, v, limit)[0].seams.overlaps for p in points for v in range(6, 30)] for limit in (None, 16 * eps, eps)}
    assert tried[None] == tried[16 * eps] != tried[eps]


def seams_by_hand(point, K, L, v):
    """The differences at the seams, each chunk by itself: entered v steps early with 0, on the way back v steps late."""
    X, Y, weights = (a.reshape(K, L, *a.shape[1:]) for a in (point.X, point.Y, point.weights))
    start = [point.s_0, *(rnn.forward(point.p, X[k, L - v :]).S[-1] for k in range(K - 1))]
    traces = [rnn.forward(point.p, X[k], start[k]) for k in range(K)]
    ends = np.array([trace.S[-1] for trace in traces])
    outs = [readout.forward(point.q, trace.S[1:], Y[k], weights=weights[k]) for k, trace in enumerate(traces)]
    direct = [readout.backward(point.q, out).dL_dS for out in outs]
    late = [rnn.backward(point.p, rnn.forward(point.p, X[k, :v], start[k]), direct[k][:v]).dL_ds_0 for k in range(1, K)]
    back = [rnn.backward(point.p, traces[k], direct[k], late[k] if k < K - 1 else 0 * point.s_0).dL_ds_0 for k in range(K)]
    states = abs(np.array(start[1:]) - ends[:-1]).max() / abs(ends).max()
    return states, abs(np.array(back[1:]) - late).max() / max(abs(np.array(late)).max(), abs(np.array(direct)).max())


@pytest.mark.parametrize("silent", [False, True])
def test_the_record_says_how_large_the_differences_are_and_the_limit_itself_is_let_pass(rng, silent):
    point = forgetting(rng, 48)
    if silent:  # all states are 0, and only adjoints differ
        point = point._replace(X=0 * point.X, b=0 * point.b, s_0=0 * point.s_0)
    seams = both(point, 4, 4, 1.0)[0].seams
    with np.errstate(invalid="ignore"):
        by_hand = np.nan_to_num(seams_by_hand(point, 4, 12, 4))
    assert seams[:2] == (4, (4,)) and (seams.states > seams.adjoints) == (not silent)
    np.testing.assert_allclose(seams[2:], by_hand, rtol=1e-9)
    assert both(point, 4, 4, max(seams[2:]))[0].seams == seams
    assert both(point, 4, 4, np.nextafter(max(seams[2:]), 0))[0].seams.overlaps[:2] == (4, 8)


def test_how_far_two_sides_of_the_seams_are_apart():
    """The beginning of a chunk against the end of the one before, relative to the largest end or to what is given."""
    begins, ends = np.array([[9.0, 9], [1, 2], [3, 4]]), np.array([[1, 2.5], [3, 4.25], [8, -10]])
    assert chunked._apart(begins, ends) == 0.05 and chunked._apart(begins, ends, 20.0) == 0.025
    assert chunked._apart(lstm.State(begins, ends), lstm.State(ends, begins)) == chunked._apart(ends, begins) == 12 / 9
    assert chunked._apart(0 * begins, 0 * ends) == 0 and chunked._apart(begins, 0 * ends) == np.inf
    assert chunked._apart(begins, np.full((3, 2), np.nan)) == np.inf
    assert chunked._largest(np.array([-3.0, 2])) == chunked._largest(np.array([3.0, -2])) == 3


def test_a_loss_that_overflows_is_left_to_one_pass(rng):
    """Every error is finite, and so is every gradient; their squares are not."""
    point = forgetting(rng)
    with np.errstate(over="ignore"):
        have, want = both(point._replace(Y=1e155 * point.Y), 6, 48, head="squared_error")
    assert have.seams.chunks == 1 and have.L == want.L == np.inf and same(have[1:5], want[1:])


def test_without_the_comparison_it_is_wrong(rng, monkeypatch):
    """The alarm: seams that nobody looks at."""
    monkeypatch.setattr(chunked, "_apart", lambda *_: 0.0)
    have, want = both(remembering(rng), f="identity", head="squared_error")
    assert apart(have, want) > 1e-2


@pytest.mark.parametrize("side", ["_to_the_next", "_to_the_one_before"])
def test_a_state_or_an_adjoint_that_is_not_handed_on_is_seen(rng, monkeypatch, side):
    monkeypatch.setattr(chunked, side, lambda a, s_0=0: 0 * a)
    have, want = both(forgetting(rng), 6)
    assert have.seams.chunks == 1 and same(have[1:5], want[1:])


def test_states_that_overflow_from_zero_are_left_to_one_pass(rng):
    """s_0 is a fixed point of s ↦ 2 s - 1 that a start from 0 runs away from."""
    p, q = rnn.Params(np.zeros((1, 1)), np.full((1, 1), 2e9), np.full(1, 1 - 2e9)), readout.Params(np.ones((1, 1)), np.zeros(1))
    given = (p, q, np.zeros((300, 1)), np.zeros((300, 1)), np.ones(1))
    have = chunked.loss_and_gradients(*given, f="identity", head="squared_error", weights=readout.mask([3], 300)[:, 0])
    want = model.loss_and_gradients(*given, f="identity", head="squared_error", weights=readout.mask([3], 300)[:, 0])
    assert have.seams.chunks == 1 and same(have[1:5], want[1:])


# a workspace


def test_a_workspace_keeps_the_overlap_and_gives_the_same(rng):
    work = Workspace()
    point = forgetting(rng, 301, radius=0.7)
    first, want = both(point, 4, 8, work=work)
    again, _ = both(point, 4, 8, work=work)
    assert len(first.seams.overlaps) > 1 and again.seams.overlaps == first.seams.overlaps[-1:]
    for g in (first, again):
        assert apart(g._replace(dL_dX=again.dL_dX), want) < 1e-13
    kept = mapped(np.copy, (again.dL_dp, again.dL_dq, again.dL_ds_0))
    both(forgetting(rng, 301), 4, 8, work=work)
    assert same(kept, (again.dL_dp, again.dL_dq, again.dL_ds_0))


def test_a_workspace_keeps_that_no_overlap_was_enough(rng):
    work, point = Workspace(), remembering(rng)
    tried = [both(point, work=work, f="identity", head="squared_error")[0].seams.overlaps for _ in range(2)]
    assert tried == [(25, 50, 100), ()]


def test_nothing_of_the_caller_is_written(rng):
    point = forgetting(rng, 301)
    before = mapped(np.copy, point)
    both(point, 6)
    assert same(point, before)


# what is not for chunks


def test_exact_numbers_are_exact(rng):
    point = exact(rng, T=6, B=0)
    have, want = both(point, 2, 1, f="relu", head="squared_error")
    assert have.seams == (1, (), 0, 0) and same(have[1:5], want[1:]) and have.L == want.L


def test_a_complex_step_is_not_lost(rng):
    point = forgetting(rng).of_dtype(complex)
    point = point._replace(s_0=point.s_0 + 1e-30j)
    have, want = both(point, 6)
    assert have.seams.chunks == 1 and have.L.imag == want.L.imag != 0


@pytest.mark.parametrize("T", [1, 2, 31, 63])
def test_a_short_sequence(rng, T):
    have, want = both(forgetting(rng, T))
    assert have.seams.chunks == 1 and same(have[1:5], want[1:])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"chunks": 0}, "chunks is 0; it must be an integer of at least 1"),
        ({"chunks": 2.5}, "chunks is 2.5"),
        ({"chunks": True}, "chunks is True"),
        ({"overlap": -3}, "overlap is -3; it must be an integer of at least 1"),
        ({"tolerance": 0}, "tolerance is 0; it must be a positive number"),
        ({"tolerance": float("nan")}, "tolerance is nan"),
        ({"tolerance": "little"}, "tolerance is 'little'"),
        ({"X": np.ones((300, 2, 3))}, r"X has shape (300, 2, 3); it must be (T, n) or (T, 1, n)"),
        ({"X": np.ones((300, 7))}, r"X has shape (300, 7); it must be (T, 3) or (T, B, 3)"),
        ({"Y": np.ones((299, 4))}, r"Y has shape (299, 4); it must be (300, 4) or (1, 4)"),
        ({"s_0": np.ones(1)}, r"s_0 has shape (1,); it must be (5,)"),
        ({"s_0": np.full(5, np.inf)}, "s_0 must be finite; its entry (0,) is inf"),
        ({"weights": np.ones(3)}, "weights has shape (3,); it must be (300,)"),
        ({"W": np.ones((5, 4))}, "W has shape (5, 4)"),
        ({"f": "nonesuch"}, "unknown activation 'nonesuch'"),
        ({"head": "nonesuch"}, "unknown output head 'nonesuch'"),
    ],
)
def test_errors_say_what_came(rng, change, message):
    point = forgetting(rng)
    point = point._replace(**{name: change[name] for name in change.keys() & set(Point._fields)})
    with pytest.raises(ValueError, match=re.escape(message)):
        both(point, **{name: change[name] for name in change.keys() - set(Point._fields)}, weights=point.weights)


def test_a_cell_that_reads_both_ways_is_computed_in_one_pass(rng):
    point, cell = forgetting(rng), bidirectional.cell(rnn)
    p = bidirectional.Params(point.p, point.p)
    q = readout.Params(rng.normal(size=(4, 10)), point.c)
    have = chunked.loss_and_gradients(p, q, point.X, point.Y, cell=cell, chunks=4)
    want = model.loss_and_gradients(p, q, point.X, point.Y, cell=cell)
    assert have.seams.chunks == 1 and same(have[1:5], want[1:])
