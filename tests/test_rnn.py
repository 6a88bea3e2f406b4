"""The simple network: forward and backward against their steps, pieces of time, tempting mistakes, bad input."""

import inspect
import re
from fractions import Fraction

import numpy as np
import pytest
from generic_point import (
    NAMES,
    WAYS,
    Point,
    complex_step,
    error,
    exact,
    generic,
    same,
    states_and_effects,
)

from rnnlib import activation, losses, readout, rnn
from rnnlib.activations import ACTIVATIONS

RATIONAL = ["identity", "relu", "hard_tanh"]


@pytest.fixture
def point(rng):
    return generic(rng)


# forward


@pytest.mark.parametrize("B", [0, 2])
@pytest.mark.parametrize("f", RATIONAL)
def test_forward_matches_step_after_step_in_fractions(rng, f, B):
    point = exact(rng, B=B)
    trace = rnn.forward(point.p, point.X, point.s_0, f)
    s = point.s_0
    assert (trace.S[0] == s).all()
    for t, x in enumerate(point.X):
        a, s = rnn.step(point.p, x, s, activation(f))
        assert (trace.A[t] == a).all() and (trace.S[t + 1] == s).all()
    assert all(isinstance(v, (Fraction, int)) for v in trace.S.flat)


@pytest.mark.parametrize("f", ACTIVATIONS)
def test_forward_matches_step_after_step(point, f):
    trace = rnn.forward(point.p, point.X, point.s_0, f)
    s = point.s_0
    for t, x in enumerate(point.X):
        a, s = rnn.step(point.p, x, s, activation(f))
        np.testing.assert_allclose(trace.A[t], a, rtol=1e-13, atol=1e-14)
        np.testing.assert_allclose(trace.S[t + 1], s, rtol=1e-13, atol=1e-14)


def test_step_matches_the_formula_entry_by_entry(point):
    U, W, b = point.p
    x, s_prev = point.X[0], point.s_0
    a, s = rnn.step(point.p, x, s_prev)
    for k, i in np.ndindex(a.shape):
        want = sum(U[i, j] * x[k, j] for j in range(len(x[k]))) + sum(
            W[i, j] * s_prev[k, j] for j in range(len(b))
        )
        assert a[k, i] == pytest.approx(want + b[i], rel=1e-13)
        assert s[k, i] == np.tanh(a[k, i])


def test_state_t_depends_on_exactly_x_1_to_x_t_and_s_0(point):
    T = len(point.X)
    S = rnn.forward(point.p, point.X, point.s_0).S
    for t in range(T):
        X = point.X.copy()
        X[t] += 0.5
        changed = (rnn.forward(point.p, X, point.s_0).S != S).any(axis=(1, 2))
        assert changed.tolist() == [k > t for k in range(T + 1)]
    assert (rnn.forward(point.p, point.X, point.s_0 + 0.5).S != S).any(axis=(1, 2)).all()


def test_trace_holds_the_callers_inputs_and_new_states(point):
    trace = rnn.forward(point.p, point.X, point.s_0)
    assert trace.X is point.X or np.shares_memory(trace.X, point.X)
    assert not any(np.shares_memory(new, old) for new in (trace.A, trace.S) for old in point)
    assert trace.f is ACTIVATIONS["tanh"]


# backward


@pytest.mark.parametrize("f", ACTIVATIONS)
@pytest.mark.parametrize("B", [0, 2])
def test_deltas_are_those_of_the_steps_bit_for_bit(rng, f, B):
    """The same products in the same order; only the sums over time are taken at once, and agree to rounding."""
    point = generic(rng, B=B)
    trace, dL_dS = states_and_effects(point, f, "squared_error")
    got = rnn.backward(point.p, trace, dL_dS)
    batch = (lambda v: v) if B else (lambda v: v[None])
    back, total = 0, None
    for t in reversed(range(len(dL_dS))):
        x, s_prev, a, s = (batch(v) for v in (trace.X[t], trace.S[t], trace.A[t], trace.S[t + 1]))
        delta, terms, dL_dx, _ = rnn.step_back(point.p, x, s_prev, a, s, batch(dL_dS[t] + back), trace.f)
        assert (batch(got.delta[t]) == delta).all()
        np.testing.assert_allclose(batch(got.dL_dX[t]), dL_dx, rtol=1e-12, atol=1e-13)
        back = got.delta[t] @ point.W
        total = terms if total is None else rnn.Params(*(u + v for u, v in zip(total, terms, strict=True)))
    assert (got.dL_ds_0 == back).all()
    assert error(got.dL_dp._asdict(), total._asdict()) < 1e-14


@pytest.mark.parametrize("f", ACTIVATIONS)
def test_gradients_are_those_of_their_own_formulas(point, f):
    """dL/dU, dL/dW, dL/db, dL/dX, dL/ds_0 from the δ that ``backward`` returns, entry by entry."""
    trace, dL_dS = states_and_effects(point, f, "squared_error")
    g = rnn.backward(point.p, trace, dL_dS)
    assert error(
        {"U": g.dL_dp.U, "W": g.dL_dp.W, "b": g.dL_dp.b, "X": g.dL_dX, "s_0": g.dL_ds_0},
        {
            "U": np.einsum("tbi,tbj->ij", g.delta, trace.X),
            "W": np.einsum("tbi,tbj->ij", g.delta, trace.S[:-1]),
            "b": np.einsum("tbi->i", g.delta),
            "X": np.einsum("tbi,ij->tbj", g.delta, point.U),
            "s_0": np.einsum("bi,ij->bj", g.delta[0], point.W),
        },
    ) < 1e-14  # fmt: skip


@pytest.mark.parametrize("f", RATIONAL)
@pytest.mark.parametrize("B", [0, 2])
def test_two_pieces_of_time_are_the_whole_in_fractions(rng, f, B):
    point = exact(rng, B=B, T=5)
    trace, dL_dS = states_and_effects(point, f, "squared_error")
    whole = rnn.backward(point.p, trace, dL_dS)
    for cut in range(1, 5):
        first = rnn.forward(point.p, point.X[:cut], point.s_0, f)
        last = rnn.forward(point.p, point.X[cut:], first.S[-1], f)
        later = rnn.backward(point.p, last, dL_dS[cut:])
        earlier = rnn.backward(point.p, first, dL_dS[:cut], later.dL_ds_0)
        joined = rnn.Gradients(
            rnn.Params(*(u + v for u, v in zip(earlier.dL_dp, later.dL_dp, strict=True))),
            np.concatenate([earlier.dL_dX, later.dL_dX]),
            earlier.dL_ds_0,
            np.concatenate([earlier.delta, later.delta]),
        )
        assert same(joined, whole)
        if f == "identity":  # no unit is off, so what is carried over counts
            assert not same(rnn.backward(point.p, first, dL_dS[:cut]), earlier)


@pytest.mark.parametrize(("f", "kinks"), [("relu", (0, 0)), ("hard_tanh", (-1, 1))])
def test_nothing_goes_back_through_a_unit_at_its_kink(f, kinks):
    """Without U and W every a_t is b: the first two units stand on kinks, the third is on the slope."""
    b = np.array([*kinks, Fraction(1, 2)], dtype=object)
    p = rnn.Params(np.zeros((3, 2), int), np.zeros((3, 3), int), b)
    g = rnn.backward(p, rnn.forward(p, np.ones((4, 2), int), f=f), np.ones((4, 3), int))
    assert g.delta.tolist() == [[0, 0, 1]] * 4
    assert g.dL_dp.b.tolist() == [0, 0, 4]


def test_trace_and_gradients_are_the_callers_to_keep(point):
    trace, dL_dS = states_and_effects(point, "tanh", "squared_error")
    first = rnn.backward(point.p, trace, dL_dS)
    kept = [a.copy() for a in (*first.dL_dp, *first[1:])]
    second = rnn.backward(point.p, trace, dL_dS * 2)
    assert all((a == k).all() for a, k in zip((*first.dL_dp, *first[1:]), kept, strict=True))
    assert (second.delta != first.delta).any()


def test_integers_as_objects_stay_integers(rng):
    """Exact numbers of any kind: neither floats nor Fractions come in between."""
    point = Point(*(np.array(rng.integers(-2, 3, size=a.shape), dtype=object) for a in generic(rng, T=12)))
    trace = rnn.forward(point.p, point.X, point.s_0, "relu")
    g = rnn.backward(point.p, trace, (trace.S[1:] @ point.V.T - point.Y) @ point.V)
    assert all(type(v) is int for a in (*g.dL_dp, *g[1:]) for v in a.flat)


# tempting mistakes: each is a change to the source of ``backward``, and each must be far off


def mutated(module, function, old, new):
    """``function`` of ``module`` with ``old`` in its source replaced by ``new``."""
    source = inspect.getsource(getattr(module, function))
    assert source.count(old) == 1, f"{old!r} is not once in {function}: bring this list up to date"
    names = dict(vars(module))
    exec(source.replace(old, new), names)
    return names[function]


LOOP_MISTAKES = {
    "W not transposed on the way back": ("times(d, W, back)", "times(d, W.T, back)"),
    "f' missing": ("df_into(A[piece], S[1:][piece], all_d)", "all_d[...] = 1"),
    "f' of the step before": ("S[1:][piece], all_d", "S[piece], all_d"),
    "f' one step late": ("df_into(A[piece], S[1:][piece], ", "df_into(np.roll(A, 1, 0)[piece], np.roll(S[1:], 1, 0)[piece], "),
    "f' of the state, not of a": ("df_into(A[piece], S[1:][piece], all_d)", "all_d[...] = 1 - A[piece] ** 2"),
    "first step dropped": ("reversed(every_d)", "reversed(every_d[1:])"),
    "last step's loss dropped": ("back += effect", "back += effect if d is not every_d[-1] else 0"),
    "nothing comes back": ("back += effect", "back[...] = effect"),
    "what comes back counts twice": ("back += effect", "back += back + effect"),
    "only what comes back": ("back += effect", "back += effect if d is every_d[-1] else 0"),
    "effects one step late": ("effects[piece]", "(effects[:1] + effects[:-1])[piece]"),
    "adjoint of the state sent on, without W": ("times(d, W, back)", "back[...] = d"),
    "truncated after a step": ("times(d, W, back)", "times(d, W * (d is every_d[-1]), back)"),
    "W before f'": ("d *= back", "d[...] = np.diag(W) * back"),
}
CELL_MISTAKES = {
    "s_t for s_{t-1} in dL/dW": ("rows(S[start:-1])", "rows(S[start + 1:])"),
    "s_0 taken as zeros in dL/dW": ("rows(S[start:-1])", "rows(np.concatenate([0 * S[:1], S[1:-1]]))"),
    "dL/dW transposed": ("W=every.T.dot(rows(S[start:-1]))", "W=rows(S[start:-1]).T.dot(every)"),
    "x_{t-1} for x_t in dL/dU": ("rows(X[start:])", "rows(np.roll(X, 1, 0))"),
    "dL/dU of the last step only": ("U=every.T.dot(rows(X[start:]))", "U=delta[-1].T @ X[-1]"),
    "dL/db of the last step only": ("b=work.sum_of_rows(every)", "b=delta[-1].sum(axis=0)"),
    "dL/db a mean": ("b=work.sum_of_rows(every)", "b=every.mean(axis=0)"),
    "dL/ds_0 without W": ("return Gradients(dL_dp, dL_dX, back,", "return Gradients(dL_dp, dL_dX, delta[0],"),
    "dL/dX of the state's adjoint": ("product(rows(delta), ", "product(rows(dL_dS), "),
}  # fmt: skip
READOUT_MISTAKES = {
    "s_{t-1} for s_t in dL/dV": ("every.T.dot(rows(S))", "every.T.dot(rows(np.roll(S, 1, 0)))"),
    "dL/dV of the last step only": ("V=every.T.dot(rows(S))", "V=epsilon[-1].T @ S[-1]"),
    "dL/dc of the last step only": ("c=work.sum_of_rows(every)", "c=epsilon[-1].sum(axis=0)"),
    "V times the output, not the error": ("product(every, ", "product(rows(trace.O), "),
}
FORWARD_MISTAKES = {
    "weights forgotten in the error": ("epsilon *= weights[..., None]", "epsilon *= 1"),
    "weights of the step before": ("epsilon *= weights[..., None]", "epsilon *= np.roll(weights, 1, 0)[..., None]"),
}
ERROR_MISTAKES = {  # where softmax and its loss share an exponential
    "sum of the targets forgotten": ("if (of_targets == 1).all():", "if True:"),
    "sign of the error": ("epsilon -= Y", "np.subtract(Y, epsilon, epsilon)"),
    "error without the target": ("epsilon -= Y", "epsilon -= 0"),
    "outputs not normed": ("O /= total[..., None]", "O /= 1"),
}
MISTAKES = {
    name: (module, function, *change)
    for module, function, table in (
        (rnn, "_deltas", LOOP_MISTAKES),
        (rnn, "backward", CELL_MISTAKES),
        (readout, "backward", READOUT_MISTAKES),
        (readout, "forward", FORWARD_MISTAKES),
        (losses, "_softmax_cross_entropy", ERROR_MISTAKES),
    )
    for name, change in table.items()
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_tempting_mistake_is_far_off(point, monkeypatch, mistake):
    right = complex_step(point, Point.loss)
    assert error(point.gradients(), right) < 1e-13
    module, function, old, new = MISTAKES[mistake]
    monkeypatch.setattr(module, function, mutated(module, function, old, new))
    assert error(point.gradients(), right) > 1e-3


# bad input: one error that says what came and what was needed


def arguments():
    """Good arguments, n = 3, h = 4, T = 5, B = 2, to be spoilt one at a time."""
    p = dict(U=np.ones((4, 3)), W=np.eye(4), b=np.zeros(4))
    return p, dict(X=np.ones((5, 2, 3)), s_0=np.zeros((2, 4)), f="tanh")


def entry(shape, value, dtype=float):
    a = np.ones(shape, dtype)
    a.flat[1] = value
    return a


FORWARD_ERRORS = [
    ("W", np.ones((3, 4)), "W has shape (3, 4); it must be (h, h) (W must be square)"),
    ("W", np.ones(4), "W has shape (4,); it must be (h, h)"),
    ("W", np.ones((0, 0)), "W has shape (0, 0); it must be (h, h), and no size may be 0"),
    ("W", entry((4, 4), np.nan), "W must be finite; its entry (0, 1) is nan"),
    ("W", None, "W is None; it must be an array of shape (h, h)"),
    ("W", [[1, 2], [3]], "W cannot be read as an array of shape (h, h): "),
    ("U", np.ones((3, 4)), "U has shape (3, 4); it must be (4, n) (W has shape (4, 4))"),
    ("U", np.ones((4, 0)), "U has shape (4, 0); it must be (4, n), and no size may be 0"),
    ("U", np.full((4, 3), "1"), "U has dtype <U1; it must hold numbers"),
    ("b", np.ones((1, 4)), "b has shape (1, 4); it must be (4,)"),
    ("b", 0.0, "b has shape (); it must be (4,)"),
    ("X", np.ones((5, 2, 4)), "X has shape (5, 2, 4); it must be (T, 3) or (T, B, 3) (time comes first"),
    ("X", np.ones(5), "X has shape (5,); it must be (T, 3) or (T, B, 3)"),
    ("X", np.ones((1, 5, 2, 3)), "X has shape (1, 5, 2, 3); it must be (T, 3) or (T, B, 3)"),
    ("X", np.ones((0, 3)), "X has shape (0, 3); it must be (T, 3) or (T, B, 3), and no size may be 0"),
    ("X", np.ones((5, 0, 3)), "X has shape (5, 0, 3); it must be (T, 3) or (T, B, 3), and no size may be 0"),
    ("X", entry((5, 2, 3), np.inf), "X must be finite; its entry (0, 0, 1) is inf"),
    ("X", entry((5, 2, 3), complex(0, np.nan), complex), "X must be finite; its entry (0, 0, 1) is nanj"),
    ("X", entry((5, 2, 3), None, object), "X is an object array, which must hold exact numbers such as Fractions; "
                                          "its entry (0, 0, 1) is None"),
    ("X", entry((5, 2, 3), 0.5, object), "its entry (0, 0, 1) is 0.5; for floats use a dtype such as float64"),
    ("X", entry((5, 2, 3), Fraction(1, 2), object), "X must not meet U (float64), W (float64), b (float64), s_0 (float64): "
                                                    "an object array holds exact numbers"),
    ("X", np.ma.masked_array(np.ones((5, 2, 3))), "X is a masked array, and its mask would be lost; fill it"),
    ("X", None, "X is None; it must be an array of shape (T, 3) or (T, B, 3)"),
    ("X", "text", "X has dtype <U4; it must hold numbers"),
    ("X", np.ones((5, 2, 3), "datetime64[s]"), "X has dtype datetime64[s]; it must hold numbers"),
    ("s_0", np.ones((3, 4)), "s_0 has shape (3, 4); it must be (2, 4) or (4,)"),
    ("s_0", np.ones(3), "s_0 has shape (3,); it must be (2, 4) or (4,)"),
    ("s_0", [1, 2, 3, np.nan], "s_0 must be finite; its entry (3,) is nan"),
    ("f", "tahn", "unknown activation 'tahn'; known are: hard_tanh, identity"),
    ("f", np.tanh, "unknown activation <ufunc 'tanh'>; known are: hard_tanh, identity"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value", "message"), FORWARD_ERRORS)
def test_forward_refuses(name, value, message):
    p, rest = arguments()
    (p if name in p else rest)[name] = value
    with pytest.raises(ValueError, match=re.escape(message)):
        rnn.forward(rnn.Params(**p), **rest)


@pytest.mark.parametrize(
    ("p", "kind"),
    [(None, "NoneType"), ((1, 2, 3), "tuple"), (readout.Params(1, 2), "readout.Params"), ({"U": 1}, "dict")],
)
def test_forward_refuses_parameters_of_another_kind(p, kind):
    with pytest.raises(ValueError, match=rf"p is a {kind}; it must be rnn.Params\(U, W, b\)"):
        rnn.forward(p, np.ones((5, 3)))


BACKWARD_ERRORS = [
    ("dL_dS", np.ones((6, 2, 4)), "dL_dS has shape (6, 2, 4); it must be (5, 2, 4) (one row for each of s_1 … s_T, none for s_0)"),
    ("dL_dS", np.ones((5, 4)), "dL_dS has shape (5, 4); it must be (5, 2, 4)"),
    ("dL_dS", entry((5, 2, 4), np.nan), "dL_dS must be finite; its entry (0, 0, 1) is nan"),
    ("dL_dS", None, "dL_dS is None; it must be an array of shape (5, 2, 4)"),
    ("dL_ds_T", np.ones(4), "dL_ds_T has shape (4,); it must be (2, 4)"),
    ("dL_ds_T", np.full((2, 4), "1"), "dL_ds_T has dtype <U1; it must hold numbers"),
    ("dL_ds_T", np.full((2, 4), Fraction(1)), "dL_ds_T must not meet U (float64), W (float64)"),
    ("p", rnn.Params(np.ones((4, 2)), np.eye(4), np.zeros(4)), "U has shape (4, 2); it must be (4, 3) (the trace has n = 3, h = 4)"),
    ("p", rnn.Params(np.ones((4, 3)), np.eye(3), np.zeros(4)), "W has shape (3, 3); it must be (4, 4) (the trace has n = 3, h = 4)"),
    ("p", rnn.Params(np.ones((4, 3)), np.eye(4), np.zeros(3)), "b has shape (3,); it must be (4,)"),
    ("p", np.eye(4), "p is a ndarray; it must be rnn.Params(U, W, b)"),
    ("trace", (1, 2, 3, 4), "trace is a tuple; it must be the rnn.Trace of rnn.forward"),
    ("trace", readout.Trace(*range(6)), "trace is a readout.Trace; it must be the rnn.Trace of rnn.forward"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value", "message"), BACKWARD_ERRORS)
def test_backward_and_the_other_ways_refuse(name, value, message):
    p, rest = arguments()
    p = rnn.Params(**p)
    given = dict(p=p, trace=rnn.forward(p, **rest), dL_dS=np.ones((5, 2, 4)), dL_ds_T=np.ones((2, 4)))
    given[name] = value
    for way in (rnn.backward, *WAYS.values()):
        with pytest.raises(ValueError, match=re.escape(message)):
            way(*given.values())


def test_numbers_that_overflow_are_refused_by_the_readout_with_their_place():
    """An untamed net overflows of itself: NumPy 2 warns, NumPy 1 does not, and the loss is not computed from infinities."""
    p = rnn.Params(np.ones((2, 1)), np.full((2, 2), 1e200), np.zeros(2))
    with np.errstate(over="ignore"):
        trace = rnn.forward(p, np.ones((4, 1)), f="relu")
    with pytest.raises(ValueError, match=r"S must be finite; its entry \(2, 0\) is inf"):
        readout.forward(readout.Params(np.ones((1, 2)), np.zeros(1)), trace.S[1:], np.ones((4, 1)))


def test_names_of_the_generic_point_are_those_of_the_records():
    assert NAMES == (*rnn.Params._fields, *readout.Params._fields, "X", "s_0")
