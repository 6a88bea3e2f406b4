"""Checkpoints: the same gradients, exactly and bit for bit; memory that grows as √T; any cell; bad input."""

import re

import numpy as np
import pytest
from generic_point import Point, error, exact, generic, same

from rnnlib import checkpointed, gru, lstm, model, readout, rnn
from rnnlib._records import added, leaves
from rnnlib.proof.cost import exponent
from rnnlib.proof.memory import kept_bytes, peak_bytes

RATIONAL = ["identity", "relu", "hard_tanh"]


def both(point, every=None, **options):
    arguments = (point.p, point.q, point.X, point.Y, point.s_0)
    options = {"weights": point.weights} | options
    return checkpointed.loss_and_gradients(*arguments, every=every, **options), model.loss_and_gradients(*arguments, **options)


def named(g):
    return leaves((g.dL_dp, g.dL_dq, g.dL_dX, g.dL_ds_0))


# the same gradients


@pytest.mark.parametrize("every", [None, 1, 2, 3, 7, 100])
@pytest.mark.parametrize("f", RATIONAL)
@pytest.mark.parametrize("B", [0, 2])
def test_the_same_fractions_as_one_pass(rng, every, f, B):
    have, want = both(exact(rng, T=7, B=B), every, f=f, head="squared_error")
    assert same(have[1:], want[1:]) and have.L == want.L


@pytest.mark.parametrize("every", [None, 1, 3, 5])
def test_bit_for_bit_as_one_pass_where_floats_are_exact(rng, every):
    """Small integers: every sum and product is exact in float64, so any order gives the same bits."""
    point = Point(*(rng.integers(-2, 3, size=a.shape).astype(float) for a in generic(rng, T=9)))
    point = point._replace(W=np.sign(point.W) * np.eye(len(point.b)))
    have, want = both(point, every, f="relu", head="squared_error")
    assert same(have[1:], want[1:]) and have.L == want.L
    assert any(np.abs(v).max() > 1 for v in named(want).values())


@pytest.mark.parametrize("every", [2, 3, 4])
def test_bit_for_bit_as_the_pieces_with_all_traces_kept(rng, every):
    point = generic(rng, T=10)
    have, _ = both(point, every)
    cuts = [slice(a, a + every) for a in range(0, 10, every)]
    traces, s_0 = [], point.s_0
    for cut in cuts:
        traces.append(rnn.forward(point.p, point.X[cut], s_0))
        s_0 = traces[-1].S[-1]
    later, total = None, None
    for cut, trace in zip(reversed(cuts), reversed(traces), strict=True):
        out = readout.forward(point.q, trace.S[1:], point.Y[cut], weights=point.weights[cut])
        dL_dq, dL_dS = readout.backward(point.q, out)
        back = rnn.backward(point.p, trace, dL_dS, later)
        later, found = back.dL_ds_0, (back.dL_dp, dL_dq)
        total = found if total is None else added(total, found)
        assert (have.dL_dX[cut] == back.dL_dX).all()
    assert same((have.dL_dp, have.dL_dq), total) and (have.dL_ds_0 == later).all()


@pytest.mark.parametrize("f", ["tanh", "sigmoid", "softplus"])
def test_to_rounding_as_one_pass(rng, f):
    have, want = both(generic(rng, T=30), f=f)
    assert error(named(have), named(want)) < 1e-14 and have.L == pytest.approx(want.L, rel=1e-14)


def parameters(cell, rng, n, h):
    blocks = {rnn: 1, lstm: 4, gru: 3}[cell]
    shapes = {"U": (blocks * h, n), "W": (blocks * h, h), "b": (blocks * h,)}
    return cell.Params(*(rng.normal(size=shapes.get(name, (h,))) / h**0.5 for name in cell.Params._fields))


@pytest.mark.parametrize("cell", [rnn, lstm, gru], ids=lambda cell: cell.__name__)
@pytest.mark.parametrize("B", [(), (2,)])
def test_any_cell(rng, cell, B):
    n, h, m, T = 3, 4, 2, 11
    p, q = parameters(cell, rng, n, h), readout.Params(rng.normal(size=(m, h)), rng.normal(size=m))
    X, Y = rng.normal(size=(T, *B, n)), rng.uniform(size=(T, *B, m))
    want = model.loss_and_gradients(p, q, X, Y, cell=cell)
    for every in (None, 2, 11):
        have = checkpointed.loss_and_gradients(p, q, X, Y, cell=cell, every=every)
        assert error(named(have), named(want)) < 1e-13 and type(have.dL_ds_0) is type(want.dL_ds_0)


def test_one_target_for_the_whole_sequence_and_weights_a_sequence(rng):
    point = generic(rng, T=6)
    last = readout.last_valid([4, 6], 6)
    have, want = both(point._replace(Y=point.Y[:1], weights=last), every=4)
    assert error(named(have), named(want)) < 1e-14
    have, want = both(point, every=4, weights=None)
    assert error(named(have), named(want)) < 1e-14


def test_without_handing_the_adjoint_on_it_is_wrong(rng, monkeypatch):
    """The alarm: what truncation does, done here by mistake."""
    point, backward = generic(rng, T=9), rnn.backward
    monkeypatch.setattr(rnn, "backward", lambda p, trace, dL_dS, later=None: backward(p, trace, dL_dS))
    have, want = both(point, every=3)
    assert error(named(have), named(want)) > 1e-2


def test_inputs_can_be_left_out(rng):
    point = generic(rng, T=6)
    g = checkpointed.loss_and_gradients(point.p, point.q, point.X, point.Y, inputs=False)
    assert g.dL_dX is None and g.dL_dp.W.shape == point.W.shape


def test_single_precision_stays_single(rng):
    have, _ = both(generic(rng, T=7).of_dtype(np.float32))
    assert {v.dtype for v in named(have).values()} == {np.dtype(np.float32)}


# memory


LENGTHS = [512, 2048, 8192]


def peak(way, T, **options):
    rng = np.random.default_rng(0)
    n, h, m = 2, 24, 2
    p, q = parameters(rnn, rng, n, h), readout.Params(rng.normal(size=(m, h)), rng.normal(size=m))
    X, Y = rng.normal(size=(T, 8, n)), rng.uniform(size=(T, 8, m))
    return peak_bytes(lambda: way(p, q, X, Y, **options))


def test_memory_grows_as_the_root_of_T_and_without_checkpoints_as_T():
    kept = [peak(model.loss_and_gradients, T) for T in LENGTHS]
    rooted = [peak(checkpointed.loss_and_gradients, T, inputs=False) for T in LENGTHS]
    assert 0.95 < exponent(LENGTHS, kept) < 1.05
    assert 0.35 < exponent(LENGTHS, rooted) < 0.6
    assert rooted[-1] < kept[-1] / 15


def test_memory_needs_the_traces_to_be_let_go():
    """Segments that are too long or too short cost more than √T ones."""
    best, long, short = (peak(checkpointed.loss_and_gradients, 1024, every=k, inputs=False) for k in (32, 512, 1))
    assert best < long / 5 and best < short / 2


@pytest.mark.parametrize(("T", "k"), [(1, 1), (2, 2), (4, 2), (5, 3), (9, 3), (10, 4), (10**6, 10**3)])
def test_segment_is_the_root_rounded_up(T, k):
    assert checkpointed.segment(T) == k


def test_peak_bytes_counts_the_peak_and_refuses_to_be_nested():
    def holds(count):
        arrays = [np.ones(100_000) for _ in range(count)]
        del arrays
        return None

    assert peak_bytes(lambda: holds(5)) == pytest.approx(5 * 800_000, rel=0.01)
    with pytest.raises(RuntimeError, match="tracemalloc is running already"):
        peak_bytes(lambda: peak_bytes(lambda: None))


def test_kept_bytes_is_exact_and_refuses_to_be_nested():
    """A list of arrays of known size, one more after each step of a cell; the same number every time."""

    class cell:
        def forward(size):
            return np.ones(size)

    for counts in ([1000] * 5, [3000, 1000]):
        assert kept_bytes(lambda cell, counts=counts: [cell.forward(size) for size in counts], cell) == 8 * sum(counts)
    assert kept_bytes(lambda cell: [cell.forward(1000).sum() for _ in range(5)], cell) < 8 * 1000 + 100  # let go, but for the sums
    with pytest.raises(RuntimeError, match="tracemalloc is running already"):
        kept_bytes(lambda _: kept_bytes(lambda _: None))


# bad input


@pytest.mark.parametrize("every", [0, -1, 2.0, "2", True])
def test_segments_are_refused(rng, every):
    with pytest.raises(ValueError, match=re.escape(f"every is {every!r}; it must be the number of steps of a segment")):
        both(generic(rng), every)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(X=np.ones(6)), "X has shape (6,); it must be (T, n) or (T, B, n) (time comes first)"),
        (dict(X=np.ones((6, 2, 4))), "X has shape (3, 2, 4); it must be (T, 3) or (T, B, 3)"),
        (dict(Y=np.ones((5, 2, 4))), "Y has shape (5, 2, 4); it must be (6, 2, m) or (1, 2, m) (X has shape (6, 2, 3))"),
        (dict(weights=np.ones(5)), "weights has shape (5,); it must be (6,) or (6, 2)"),
        (dict(s_0=np.ones(4)), "s_0 has shape (4,); it must be (2, 5) or (5,)"),
    ],
)
def test_bad_input_is_refused(rng, change, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        both(generic(rng)._replace(**change))


def test_a_cell_without_a_last_state_is_refused(rng):
    class NoState:
        @staticmethod
        def forward(p, X, s_0, f):
            return tuple(rnn.forward(p, X, s_0, f))

    point = generic(rng)
    with pytest.raises(ValueError, match="this cell's trace has no s_T"):
        checkpointed.loss_and_gradients(point.p, point.q, point.X, point.Y, cell=NoState)
