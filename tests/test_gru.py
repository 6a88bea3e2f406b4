"""The GRU in its four variants: formulas, entry by entry and for every size; when variants agree; mistakes; bad input."""

import re
from fractions import Fraction

import autograd
import autograd.numpy as anp
import numpy as np
import pytest
from generic_cell import complex_step, equal, floats, network
from generic_point import error, fractions
from symbolic_cell import Symbols, all_same, contracted, parts, stacked
from test_rnn import entry, mutated

from rnnlib import gru, lstm, other_ways, rnn
from rnnlib._records import added, leaves
from rnnlib.activations import ACTIVATIONS
from rnnlib.proof.shapes import variable

GATES = ("r", "u", "candidate")
VARIANTS = [(reset, update) for reset in gru.RESET for update in gru.UPDATE]
EVERY_VARIANT = pytest.mark.parametrize(("reset", "update"), VARIANTS)


def drawn(rng, reset, update, **sizes):
    return floats(rng, gru.variant(reset, update), **sizes)


def sigma(v):
    return 1 / (1 + np.exp(-v))


@EVERY_VARIANT
def test_step_is_the_formula_entry_by_entry(rng, reset, update):
    net = drawn(rng, reset, update)
    U, W, b, b_s = net.p
    x, s_prev = net.X[0], net.s_0
    a, s = net.cell.step(net.p, x, s_prev)
    h = len(b_s)
    for k in range(len(x)):
        a_r, a_u = (U[j : j + h] @ x[k] + W[j : j + h] @ s_prev[k] + b[j : j + h] for j in (0, h))
        r, u = sigma(a_r), sigma(a_u)
        for i in range(h):
            row = W[2 * h + i]
            seen = r[i] * (row @ s_prev[k] + b_s[i]) if reset == "after" else row @ (r * s_prev[k]) + b_s[i]
            a_i = U[2 * h + i] @ x[k] + b[2 * h + i] + seen
            share = u[i] if update == "keep" else 1 - u[i]
            assert a[k, [i, h + i, 2 * h + i]] == pytest.approx([a_r[i], a_u[i], a_i], rel=1e-12)
            assert s[k, i] == pytest.approx(share * s_prev[k, i] + (1 - share) * np.tanh(a_i), rel=1e-12)


@EVERY_VARIANT
@pytest.mark.parametrize("gate", ACTIVATIONS)
def test_every_gradient_matches_complex_step_with_any_gates(rng, reset, update, gate):
    net = floats(rng, gru.variant(reset, update, gate), f="tanh", T=4, h=4)
    assert error(net.gradients(), complex_step(net)) < 1e-13


@EVERY_VARIANT
def test_every_gradient_matches_complex_step_with_softmax(rng, reset, update):
    net = drawn(rng, reset, update, head="softmax_cross_entropy")
    assert error(net.gradients(), complex_step(net)) < 1e-13


@EVERY_VARIANT
def test_every_gradient_matches_autograd_of_another_forward(rng, reset, update):
    net = drawn(rng, reset, update)

    def loss(arguments):
        U, W, b, b_s, V, c, X, s_0 = arguments
        total, h = 0, len(b_s)
        for k in range(X.shape[1]):
            s = s_0[k]
            for t in range(len(X)):
                in_r, in_u, in_new = (anp.dot(U[j : j + h], X[t, k]) + b[j : j + h] for j in (0, h, 2 * h))
                r = 1 / (1 + anp.exp(-in_r - anp.dot(W[:h], s)))
                u = 1 / (1 + anp.exp(-in_u - anp.dot(W[h : 2 * h], s)))
                W_new = W[2 * h :]
                seen = r * (anp.dot(W_new, s) + b_s) if reset == "after" else anp.dot(W_new, r * s) + b_s
                new = 1 - 2 / (anp.exp(2 * (in_new + seen)) + 1)
                s = u * s + (1 - u) * new if update == "keep" else (1 - u) * s + u * new
                total = total + net.weights[t, k] * anp.sum((anp.dot(V, s) + c - net.Y[t, k]) ** 2) / 2
        return total

    arguments = tuple(net.variables().values())
    assert net.loss() == pytest.approx(float(loss(arguments)), rel=1e-14)
    want = dict(zip(net.variables(), autograd.grad(loss)(arguments), strict=True))
    assert error(net.gradients(), want) < 1e-12


def test_the_modules_functions_are_pytorchs_variant(rng):
    net = drawn(rng, "after", "keep")
    assert equal(tuple(net.gradients().values()), tuple(net._replace(cell=gru).gradients().values()))


# when variants agree


def candidate(p, W):
    """The same parameters with another W_s̃."""
    return p._replace(W=np.concatenate([p.W[: 2 * len(W)], W]))


@pytest.mark.parametrize("update", gru.UPDATE)
def test_reset_before_and_after_agree_for_a_diagonal_matrix_in_fractions(rng, update):
    """W_s̃ diagonal and b_s = 0: r ⊙ (W_s̃ s) = W_s̃ (r ⊙ s), number by number."""
    net = network(gru.variant("after", update, "hard_tanh"), lambda *shape: fractions(rng, shape) / 2, T=3, n=2, h=3, m=2, f="hard_tanh")
    diagonal = np.diag(fractions(rng, (3,))) + 0 * Fraction(1)
    p = candidate(net.p, diagonal)._replace(b_s=0 * net.p.b_s)
    other = gru.variant("before", update, "hard_tanh")
    assert (net.cell.forward(p, net.X, net.s_0, net.f).S == other.forward(p, net.X, net.s_0, net.f).S).all()


def test_reset_before_and_after_differ_for_every_other_matrix(rng):
    """One entry W_s̃[i, j], i ≠ j, is enough: at s = e_j the candidate sees r_i or r_j times it."""
    for i, j in ((0, 1), (2, 0), (1, 2)):
        net = network(gru, lambda *shape: rng.normal(size=shape), T=1, h=3, B=1)
        W = np.diag(rng.normal(size=3))
        W[i, j] = 0.5
        p = candidate(net.p, W)._replace(b_s=np.zeros(3))
        s = np.eye(3)[j][None]
        a, b = (gru.step(p, net.X[0], s, reset=reset)[0] for reset in gru.RESET)
        r = sigma(gru.gates(a).r[0])
        apart = (gru.gates(a).candidate - gru.gates(b).candidate)[0]
        assert apart[i] == pytest.approx((r[i] - r[j]) * 0.5, rel=1e-12)
        assert abs(apart[i]) > 1e-3
        assert np.abs(np.delete(apart, i)).max() < 1e-15


def test_reset_before_and_after_differ_by_the_bias_that_the_gate_multiplies(rng):
    net = network(gru, lambda *shape: rng.normal(size=shape), T=1, h=3, B=1)
    p = candidate(net.p, np.diag([1.0, 2, 3]))
    a, b = (gru.step(p, net.X[0], net.s_0, reset=reset)[0] for reset in gru.RESET)
    r = sigma(gru.gates(a).r)
    np.testing.assert_allclose((gru.gates(a).candidate - gru.gates(b).candidate), (r - 1) * p.b_s, rtol=1e-12)


@pytest.mark.parametrize("reset", gru.RESET)
def test_keep_and_replace_are_the_same_networks_with_a_u_negated(rng, reset):
    net = drawn(rng, reset, "keep")
    h = len(net.p.b_s)
    sign = np.repeat([1.0, -1, 1], h)
    p = net.p._replace(U=net.p.U * sign[:, None], W=net.p.W * sign[:, None], b=net.p.b * sign)
    other = gru.variant(reset, "replace")
    np.testing.assert_allclose(other.forward(p, net.X, net.s_0).S, net.trace().S, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("update", gru.UPDATE)
def test_with_the_reset_before_the_product_b_s_is_a_part_of_the_other_bias(rng, update):
    g = drawn(rng, "before", update).gradients()
    assert error({"b": g["0.b_s"]}, {"b": g["0.b"][10:]}) < 1e-14
    g = drawn(rng, "after", update).gradients()
    assert error({"b": g["0.b_s"]}, {"b": g["0.b"][10:]}) > 0.05


def test_an_update_gate_that_keeps_all_carries_the_adjoint_back_unchanged(rng):
    net = drawn(rng, "after", "keep")
    b = net.p.b.copy()
    gru.gates(b).u[:] = 800  # σ is exactly 1
    p = net.p._replace(b=b)
    trace = gru.forward(p, net.X, net.s_0)
    last = rng.normal(size=net.s_0.shape)
    assert (trace.S == net.s_0).all()
    assert (gru.backward(p, trace, np.zeros_like(trace.S[1:]), last).dL_ds_0 == last).all()


# every size a letter


def symbols(T, reset, update):
    p = gru.Params(
        stacked("U", GATES, "h", "n"), stacked("W", GATES, "h", "h"), stacked("b", GATES, "h"), variable("b_s", "h")
    )
    return Symbols(lambda gate: gru.variant(reset, update, gate), p, variable("s0", "B", "h"), T)


@EVERY_VARIANT
def test_step_lemma_step_back_is_the_derivative_of_step_for_any_incoming_adjoint(reset, update):
    net = symbols(1, reset, update)
    adjoint = variable("adjoint", "B", "h")
    (step,) = net.steps
    delta, terms, dL_dx, dL_ds_prev = net.cell.step_back(net.p, *step, adjoint, net.f)
    L = contracted((adjoint, step.s))
    found = parts(terms, GATES) | {"x1": dL_dx, "s0": dL_ds_prev}
    assert len(found) == 12
    for letter, gradient in found.items():
        assert net.is_gradient(gradient, letter, L), letter
    assert [block.axes for block in np.split(delta, 3, axis=-1)] == [(("B",), ("h",))] * 3


def test_step_lemma_tells_the_variants_apart():
    """The step of one variant, the step back of another: not the derivative."""
    for other in VARIANTS[1:]:
        net, adjoint = symbols(1, "after", "keep"), variable("adjoint", "B", "h")
        (step,) = net.steps
        gate = net.cell.step.keywords["gate"]
        back = gru.variant(*other, gate).step_back(net.p, *step, adjoint, net.f)[3]
        assert not net.is_gradient(back, "s0", contracted((adjoint, step.s))), other


@EVERY_VARIANT
def test_chunk_lemma_back_over_two_parts_with_the_adjoint_carried_is_back_over_the_whole(reset, update):
    net = symbols(2, reset, update)
    direct, later = [variable(f"e{t}", "B", "h") for t in (1, 2)], variable("later", "B", "h")

    def back(part, arriving):
        return other_ways.back_through(net.cell, net.p, net.steps[part], direct[part], net.f, arriving)

    whole, tail = back(slice(None), later), back(slice(1, None), later)
    head = back(slice(1), tail[3])
    assert all_same(added(head[1], tail[1]), whole[1])
    assert all_same(tuple(head[0] + tail[0]), tuple(whole[0]))
    assert all_same(tuple(head[2] + tail[2]), tuple(whole[2]))
    assert all_same(head[3], whole[3])


@EVERY_VARIANT
def test_back_through_is_the_total_derivative_with_every_size_a_letter(reset, update):
    net = symbols(2, reset, update)
    direct = [variable(f"e{t}", "B", "h") for t in (1, 2)]
    L = contracted(*zip(direct, (step.s for step in net.steps), strict=True))
    _, terms, dL_dX, dL_ds_0 = other_ways.back_through(net.cell, net.p, net.steps, direct, net.f)
    found = parts(terms, GATES) | {f"x{t}": g for t, g in enumerate(dL_dX, 1)} | {"s0": dL_ds_0}
    for letter, gradient in found.items():
        assert net.is_gradient(gradient, letter, L), letter


# tempting mistakes

BOTH_MISTAKES = {
    "update gate read the other way": ("_local", '== "keep"', '== "replace"'),
    "kept share forgotten": ("_local", "kept[...], made, more = (u, 1 - u,", "kept[...], made, more = (0, 1 - u,"),
    "s̃ alone in the update gate": ("_local", "(u, 1 - u, S - s_tilde)", "(u, 1 - u, -s_tilde)"),
    "sign of the update gate": ("_local", "(u, 1 - u, S - s_tilde)", "(u, 1 - u, s_tilde - S)"),
    "s_t for s_{t-1} in the update gate": ("_local", "(u, 1 - u, S - s_tilde)", "(u, 1 - u, trace.S[1:][span] - s_tilde)"),
    "share of the candidate forgotten": ("_local", "by_s *= made", "pass"),
    "slope of the candidate forgotten": ("_local", "slope(a.candidate, s_tilde, by_s)", "by_s[...] = 1"),
    "slope of the reset gate forgotten": ("_local", "gate_slope(a.r, r, by_r)", "by_r[...] = 1"),
    "dL/dU of the last step only": ("backward", "every.T.dot(rows(X[span]))", "delta[-1].T.dot(X[-1])"),
}  # fmt: skip
AFTER_MISTAKES = {
    "b_s without the reset gate": ("_back_after", "work.sum_of_rows(every)[2 * h :]", "work.sum_of_rows(rows(delta[span]))[2 * h :]"),
    "dL/dW without the reset gate": ("_back_after", "every.T.dot(rows(trace.S[span]))", "rows(delta[span]).T.dot(rows(trace.S[span]))"),
    "s_t for s_{t-1} in dL/dW": ("_back_after", "rows(trace.S[span])", "rows(trace.S[1:][span])"),
    "dL/db with the reset gate": ("_back_after", "multiply(by_s, lam, gates(delta[span]).candidate)", "pass"),
    "reset gate forgotten on the way back": ("_back_after", "np.multiply(trace.G.r[span], by_s, by_beside)", "by_beside[...] = by_s"),
    "W_s̃ s without its bias in the reset gate": ("_back_after", "by_r *= trace.N[span]", "by_r *= trace.N[span] - p.b_s"),
    "reset gate as if before the product": ("_back_after", "by_r *= trace.N[span]", "by_r *= trace.S[span]"),
    "nothing comes back": ("_back_after", "add(effect, back, lam)", "lam[...] = effect"),
    "nothing comes back through the gates": ("_back_after", "b.dot(p.W, back)", "back[...] = 0"),
}  # fmt: skip
BEFORE_MISTAKES = {
    "s_{t-1} for r ⊙ s_{t-1} in dL/dW": ("_back_before", "rows(trace.N[span])", "rows(trace.S[span])"),
    "reset gate forgotten on the way back": ("_back_before", "multiply(r, seen, seen)", "pass"),
    "s_{t-1} forgotten in the reset gate": ("_back_before", "by_r *= trace.S[span]", "pass"),
    "W_s̃ not transposed": ("_back_before", "d_s.dot(W_s, seen)", "d_s.dot(W_s.T, seen)"),
    "reset gate sends nothing back": ("_back_before", "d_both.dot(W_both, back)", "d_us[0].dot(gates(p.W, 0).u, back)"),
    "reset as if after the product": ("_back_before", "d_s.dot(W_s, seen)", "multiply(d_s, trace.S[0] @ W_s.T, seen)"),
    "kept share forgotten": ("_back_before", "multiply(kept_t, lam, lam)", "lam[...] = 0"),
}  # fmt: skip
MISTAKES = [
    *((reset, *change) for reset in gru.RESET for change in BOTH_MISTAKES.values()),
    *(("after", *change) for change in AFTER_MISTAKES.values()),
    *(("before", *change) for change in BEFORE_MISTAKES.values()),
]
NAMES = [*BOTH_MISTAKES, *BOTH_MISTAKES, *AFTER_MISTAKES, *BEFORE_MISTAKES]


@pytest.mark.parametrize(("reset", "function", "old", "new"), MISTAKES, ids=NAMES)
def test_a_tempting_mistake_is_far_off(rng, monkeypatch, reset, function, old, new):
    net = drawn(rng, reset, "keep")._replace(cell=gru if reset == "after" else gru.variant("before"))
    right = complex_step(net)
    assert error(net.gradients(), right) < 1e-13
    monkeypatch.setattr(gru, function, mutated(gru, function, old, new))
    cell = gru if reset == "after" else gru.variant("before")  # the record holds the function, not its name
    assert error(net._replace(cell=cell).gradients(), right) > 1e-3


# bad input: one error that says what came and what was needed


def arguments():
    """Good arguments, n = 3, h = 4, T = 5, B = 2, to be spoilt one at a time."""
    p = dict(U=np.ones((12, 3)), W=np.ones((12, 4)), b=np.zeros(12), b_s=np.zeros(4))
    return p, dict(X=np.ones((5, 2, 3)), s_0=np.zeros((2, 4)), f="tanh", gate="sigmoid", reset="after", update="keep")


FORWARD_ERRORS = [
    ("W", np.ones((13, 4)), "W has shape (13, 4); it must be (3h, h) (W has 3 blocks of h rows, one under the other)"),
    ("W", np.ones((16, 4)), "W has shape (16, 4); it must be (3h, h)"),
    ("U", np.ones((4, 3)), "U has shape (4, 3); it must be (12, n) (W has shape (12, 4))"),
    ("b", np.ones(4), "b has shape (4,); it must be (12,) (W has shape (12, 4))"),
    ("b_s", np.ones(12), "b_s has shape (12,); it must be (4,) (W has shape (12, 4))"),
    ("b_s", entry(4, np.nan), "b_s must be finite; its entry (1,) is nan"),
    ("X", np.ones((5, 2, 4)), "X has shape (5, 2, 4); it must be (T, 3) or (T, B, 3) (time comes first"),
    ("X", entry((5, 2, 3), Fraction(1, 2), object), "X must not meet U (float64), W (float64), b (float64), b_s (float64)"),
    ("s_0", np.ones(3), "s_0 has shape (3,); it must be (2, 4) or (4,)"),
    ("s_0", lstm.State(np.ones((2, 4)), np.ones((2, 4))), "s_0 has shape (2, 2, 4); it must be (2, 4) or (4,)"),
    ("f", "tahn", "unknown activation 'tahn'; known are: hard_tanh, identity"),
    ("gate", "sigmod", "unknown activation 'sigmod'; known are: hard_tanh, identity"),
    ("reset", "between", "reset is 'between'; it must be 'after' or 'before'"),
    ("update", None, "update is None; it must be 'keep' or 'replace'"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value", "message"), FORWARD_ERRORS)
def test_forward_refuses(name, value, message):
    p, rest = arguments()
    (p if name in p else rest)[name] = value
    with pytest.raises(ValueError, match=re.escape(message)):
        gru.forward(gru.Params(**p), **rest)


BACKWARD_ERRORS = [
    ("dL_dS", np.ones((6, 2, 4)), "dL_dS has shape (6, 2, 4); it must be (5, 2, 4) (one row for each of s_1 … s_T, none for s_0)"),
    ("dL_ds_T", np.ones(4), "dL_ds_T has shape (4,); it must be (2, 4)"),
    ("p", gru.Params(np.ones((12, 2)), np.ones((12, 4)), np.zeros(12), np.zeros(4)),
     "U has shape (12, 2); it must be (12, 3) (the trace has n = 3, h = 4)"),
    ("p", rnn.Params(np.ones((4, 3)), np.eye(4), np.zeros(4)), "p is a rnn.Params; it must be gru.Params(U, W, b, b_s)"),
    ("trace", rnn.Trace(*range(4)), "it must be the gru.Trace of gru.forward"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value", "message"), BACKWARD_ERRORS)
@pytest.mark.parametrize("reset", gru.RESET)
def test_backward_refuses(name, value, message, reset):
    p, rest = arguments()
    p = gru.Params(**p)
    trace = gru.forward(p, **{**rest, "reset": reset})
    given = dict(p=p, trace=trace, dL_dS=np.ones((5, 2, 4)), dL_ds_T=np.ones((2, 4)))
    given[name] = value
    with pytest.raises(ValueError, match=re.escape(message)):
        gru.backward(*given.values())


@pytest.mark.parametrize("wrong", [{"reset": "middle"}, {"update": "half"}, {"gate": "step"}])
def test_variant_refuses_unknown_names(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong.values()))):
        gru.variant(**wrong)


def test_integers_as_objects_stay_integers(rng):
    draw = lambda *shape: np.array(rng.integers(-2, 3, size=shape), dtype=object)  # noqa: E731
    for reset, update in VARIANTS:
        net = network(gru.variant(reset, update, "relu"), draw, T=4, f="relu")
        trace = net.trace()
        g = net.cell.backward(net.p, trace, draw(*trace.S[1:].shape))
        assert all(type(v) is int for a in leaves(tuple(g)).values() for v in a.flat)
