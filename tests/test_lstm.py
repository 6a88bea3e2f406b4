"""The LSTM: its formulas, entry by entry and for every size; tempting mistakes; bad input."""

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

from rnnlib import lstm, other_ways, readout, rnn
from rnnlib._records import added, leaves
from rnnlib.activations import ACTIVATIONS
from rnnlib.proof.shapes import variable

GATES = ("iota", "phi", "candidate", "psi")


@pytest.fixture
def net(rng):
    return floats(rng, lstm)


def test_step_is_the_formula_entry_by_entry(net):
    U, W, b = net.p
    x, s_prev = net.X[0], net.s_0
    a, (s, C) = lstm.step(net.p, x, s_prev)
    sigma = lambda v: 1 / (1 + np.exp(-v))  # noqa: E731
    h = len(b) // 4
    for k, i in np.ndindex(s.shape):
        pre = [sum(U[j, :] * x[k]) + sum(W[j, :] * s_prev.s[k]) + b[j] for j in (i, h + i, 2 * h + i, 3 * h + i)]
        iota, phi, candidate, psi = sigma(pre[0]), sigma(pre[1]), np.tanh(pre[2]), sigma(pre[3])
        assert a[k, i::h] == pytest.approx(pre, rel=1e-13)
        assert C[k, i] == pytest.approx(phi * s_prev.C[k, i] + iota * candidate, rel=1e-13)
        assert s[k, i] == pytest.approx(psi * np.tanh(C[k, i]), rel=1e-13)


@pytest.mark.parametrize("f", ACTIVATIONS)
@pytest.mark.parametrize("gate", ACTIVATIONS)
def test_every_gradient_matches_complex_step_with_any_activations(rng, f, gate):
    net = floats(rng, lstm.variant(gate), f=f, T=4, h=4)
    assert error(net.gradients(), complex_step(net)) < 1e-13


@pytest.mark.parametrize("head", ["softmax_cross_entropy", "sigmoid_cross_entropy"])
def test_every_gradient_matches_complex_step_with_other_heads(rng, head):
    net = floats(rng, lstm, head=head)
    assert error(net.gradients(), complex_step(net)) < 1e-13


def test_every_gradient_matches_autograd_of_another_forward(net):
    def loss(arguments):
        U, W, b, V, c, X, s_0, C_0 = arguments
        total = 0
        for k in range(X.shape[1]):
            s, C = s_0[k], C_0[k]
            for t in range(len(X)):
                a = anp.dot(U, X[t, k]) + anp.dot(W, s) + b
                i, f, new, o = (a[j * len(s) : (j + 1) * len(s)] for j in range(4))
                C = C / (1 + anp.exp(-f)) + (anp.exp(2 * new) - 1) / (anp.exp(2 * new) + 1) / (1 + anp.exp(-i))
                s = (anp.exp(C) - anp.exp(-C)) / (anp.exp(C) + anp.exp(-C)) / (1 + anp.exp(-o))
                total = total + net.weights[t, k] * anp.sum((anp.dot(V, s) + c - net.Y[t, k]) ** 2) / 2
        return total

    arguments = tuple(net.variables().values())
    assert net.loss() == pytest.approx(float(loss(arguments)), rel=1e-14)
    want = dict(zip(net.variables(), autograd.grad(loss)(arguments), strict=True))
    assert error(net.gradients(), want) < 1e-12


# every size a letter


def symbols(T):
    p = lstm.Params(stacked("U", GATES, "h", "n"), stacked("W", GATES, "h", "h"), stacked("b", GATES, "h"))
    return Symbols(lstm.variant, p, lstm.State(variable("s0", "B", "h"), variable("C0", "B", "h")), T)


def test_step_lemma_step_back_is_the_derivative_of_step_for_any_incoming_adjoint():
    net = symbols(1)
    adjoint = lstm.State(variable("adjoint", "B", "h"), variable("adjoint_C", "B", "h"))
    (step,) = net.steps
    delta, terms, dL_dx, dL_ds_prev = net.cell.step_back(net.p, *step, adjoint, net.f)
    L = contracted((adjoint.s, step.s.s), (adjoint.C, step.s.C))
    found = parts(terms, GATES) | {"x1": dL_dx, "s0": dL_ds_prev.s, "C0": dL_ds_prev.C}
    assert len(found) == 15
    for letter, gradient in found.items():
        assert net.is_gradient(gradient, letter, L), letter
    assert [block.axes for block in np.split(delta, 4, axis=-1)] == [(("B",), ("h",))] * 4


@pytest.mark.parametrize("change", ["no forget gate", "cell state forgotten", "s for C"])
def test_step_lemma_fails_for_a_wrong_adjoint(change):
    net = symbols(1)
    adjoint = lstm.State(variable("adjoint", "B", "h"), variable("adjoint_C", "B", "h"))
    (step,) = net.steps
    _, _, _, back = net.cell.step_back(net.p, *step, adjoint, net.f)
    L = contracted((adjoint.s, step.s.s), (adjoint.C, step.s.C))
    wrong = {"no forget gate": adjoint.C, "cell state forgotten": back.C - back.C, "s for C": back.s}[change]
    assert net.is_gradient(back.C, "C0", L) and not net.is_gradient(wrong, "C0", L)


def test_chunk_lemma_back_over_two_parts_with_the_adjoint_carried_is_back_over_the_whole():
    net, first = symbols(2), 1
    direct = [variable(f"e{t}", "B", "h") for t in (1, 2)]
    later = lstm.State(variable("later", "B", "h"), variable("later_C", "B", "h"))

    def back(part, arriving):
        return other_ways.back_through(net.cell, net.p, net.steps[part], direct[part], net.f, arriving)

    whole, tail = back(slice(None), later), back(slice(first, None), later)
    head = back(slice(first), tail[3])
    assert all_same(added(head[1], tail[1]), whole[1])
    assert all_same(tuple(head[0] + tail[0]), tuple(whole[0]))
    assert all_same(tuple(head[2] + tail[2]), tuple(whole[2]))
    assert all_same(head[3], whole[3])


@pytest.mark.parametrize("T", [1, 2])
def test_back_through_is_the_total_derivative_with_every_size_a_letter(T):
    net = symbols(T)
    direct = [variable(f"e{t}", "B", "h") for t in range(1, T + 1)]
    L = contracted(*zip(direct, (step.s.s for step in net.steps), strict=True))
    _, terms, dL_dX, dL_ds_0 = other_ways.back_through(net.cell, net.p, net.steps, direct, net.f)
    found = parts(terms, GATES) | {f"x{t}": g for t, g in enumerate(dL_dX, 1)} | {"s0": dL_ds_0.s, "C0": dL_ds_0.C}
    for letter, gradient in found.items():
        assert net.is_gradient(gradient, letter, L), letter


# what the cell state is for


def test_without_recurrent_weights_the_forget_gates_alone_carry_the_cell_state_back(net):
    """dC_T/dC_0 = ∏ φ_t: no matrix and no slope of an activation is in it."""
    p = net.p._replace(W=0 * net.p.W)
    trace = lstm.forward(p, net.X, net.s_0)
    last = lstm.State(np.zeros((2, 5)), np.ones((2, 5)))
    back = lstm.backward(p, trace, np.zeros((6, 2, 5)), last).dL_ds_0
    np.testing.assert_allclose(back.C, np.prod(trace.G.phi, axis=0), rtol=1e-13)
    assert (back.s == 0).all()


def test_gates_are_views_in_the_order_of_the_blocks(net):
    a = np.arange(8.0)
    assert [g.tolist() for g in lstm.gates(a)] == [[0, 1], [2, 3], [4, 5], [6, 7]]
    lstm.gates(net.p.W, axis=0).phi[:] = 7
    assert (net.p.W[5:10] == 7).all() and (net.p.W[10:] != 7).all()


def test_states_add_up_part_by_part_and_arrays_are_added_to_s():
    state = lstm.State(np.ones(2), np.full(2, 10.0))
    for total in (state + np.ones(2), np.ones(2) + state):
        assert isinstance(total, lstm.State)
        assert total.s.tolist() == [2, 2] and total.C.tolist() == [10, 10]
    assert equal(state + state, lstm.State(2 * state.s, 2 * state.C))
    assert equal(sum([state, state]), state + state)


def test_trace_holds_the_gates_and_the_callers_inputs(net):
    trace = net.trace()
    assert np.shares_memory(trace.X, net.X)
    iota, phi, candidate, psi = trace.G
    np.testing.assert_allclose(trace.C[1:], phi * trace.C[:-1] + iota * candidate, rtol=1e-14, atol=1e-15)
    np.testing.assert_allclose(trace.S[1:], psi * np.tanh(trace.C[1:]), rtol=1e-14)
    assert equal(trace.s_T, lstm.State(trace.S[-1], trace.C[-1]))


# tempting mistakes: each is a change to the source of ``backward`` or of what it calls, and each must be far off

MISTAKES = {
    "cell state carries nothing back": ("backward", "multiply(phi, back_C, back_C)", "back_C[...] = 0"),
    "forget gate missing on the way back": ("backward", "multiply(phi, back_C, back_C)", "pass"),
    "forget gate of the step before": ("_memory_back", "phi.reshape(len(X), *batch, h)", "np.roll(phi.reshape(len(X), *batch, h), 1, 0)"),
    "state carries nothing back": ("backward", "add(effect, back, dL_ds)", "dL_ds[...] = effect"),
    "output gate forgotten on the way to C": ("_local", "by_s *= psi", "pass"),
    "slope of f(C) forgotten": ("_local", "slope(C, R, by_s)", "by_s[...] = 1"),
    "slope of f at the state instead of the cell state": ("_local", "slope(C, R, by_s)", "slope(C, trace.S[1:][span], by_s)"),
    "effect of s_t on C_t forgotten": ("backward", "add(back_C, through, back_C)", "pass"),
    "what comes back to C_t counts twice": ("backward", "add(back_C, through, back_C)", "add(2 * back_C, through, back_C)"),
    "output gate fed from the cell state": ("backward", "multiply(by_psi, dL_ds, d_psi)", "multiply(by_psi, back_C, d_psi)"),
    "W not transposed, block by block": ("backward", "d.dot(p.W, back)",
                                         "back[...] = sum(e @ w.T for e, w in zip(gates(d), gates(p.W, 0)))"),
    "s_t for s_{t-1} in dL/dW": ("backward", "rows(trace.S[span])", "rows(trace.S[1:][span])"),
    "C_{t-1} for s_{t-1} in dL/dW": ("backward", "rows(trace.S[span])", "rows(trace.C[span])"),
    "dL/db of the last step only": ("backward", "work.sum_of_rows(every)", "work.sum_of_rows(delta[-1])"),
    "dL/dC_0 without the forget gate": ("backward", "for part in (back, back_C)", "for part in (back, back_C / phi)"),
    "dL/ds_0 and dL/dC_0 changed over": ("backward", "for part in (back, back_C)", "for part in (back_C, back)"),
    "C_t for C_{t-1} in the forget gate": ("_local", "by_phi *= C_prev", "by_phi *= C"),
    "s_{t-1} for C_{t-1} in the forget gate": ("_local", "by_phi *= C_prev", "by_phi *= trace.S[span]"),
    "input gate for the candidate": ("_local", "by_iota *= C_tilde", "by_iota *= iota"),
    "candidate for the input gate": ("_local", "by_C *= iota", "by_C *= C_tilde"),
    "slope of the gates for the candidate": ("_local", "slope(a.candidate, C_tilde, by_C)", "gate_slope(a.candidate, C_tilde, by_C)"),
    "slope of f for a gate": ("_local", "gate_slope(a.phi, phi, by_phi)", "slope(a.phi, phi, by_phi)"),
    "C_t for f(C_t) in the output gate": ("_local", "by_psi *= R", "by_psi *= C"),
    "order of the gates as in ONNX": ("_local", "by_phi, by_C, by_psi, by_s =", "by_psi, by_phi, by_C, by_s ="),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_tempting_mistake_is_far_off(net, monkeypatch, mistake):
    right = complex_step(net)
    assert error(net.gradients(), right) < 1e-13
    function, old, new = MISTAKES[mistake]
    monkeypatch.setattr(lstm, function, mutated(lstm, function, old, new))
    assert error(net.gradients(), right) > 1e-3


# bad input: one error that says what came and what was needed


def arguments():
    """Good arguments, n = 3, h = 4, T = 5, B = 2, to be spoilt one at a time."""
    p = dict(U=np.ones((16, 3)), W=np.ones((16, 4)), b=np.zeros(16))
    return p, dict(X=np.ones((5, 2, 3)), s_0=lstm.State(np.zeros((2, 4)), np.zeros(4)), f="tanh", gate="sigmoid")


def state(s, C):
    return lstm.State(s, C)


FORWARD_ERRORS = [
    ("W", np.ones((15, 4)), "W has shape (15, 4); it must be (4h, h) (W has 4 blocks of h rows, one under the other)"),
    ("W", np.ones((4, 4)), "W has shape (4, 4); it must be (4h, h)"),
    ("W", np.ones((0, 0)), "W has shape (0, 0); it must be (4h, h), and no size may be 0"),
    ("W", entry((16, 4), np.nan), "W must be finite; its entry (0, 1) is nan"),
    ("U", np.ones((4, 3)), "U has shape (4, 3); it must be (16, n) (W has shape (16, 4))"),
    ("b", np.ones(4), "b has shape (4,); it must be (16,) (W has shape (16, 4))"),
    ("X", np.ones((5, 2, 4)), "X has shape (5, 2, 4); it must be (T, 3) or (T, B, 3) (time comes first"),
    ("X", entry((5, 2, 3), Fraction(1, 2), object), "X must not meet U (float64), W (float64), b (float64), s_0.s (float64)"),
    ("s_0", np.zeros((2, 4)), "s_0 is a ndarray; it must be lstm.State(s, C)"),
    ("s_0", state(np.ones((3, 4)), np.ones(4)), "s_0.s has shape (3, 4); it must be (2, 4) or (4,)"),
    ("s_0", state(np.ones(4), np.ones(3)), "s_0.C has shape (3,); it must be (2, 4) or (4,)"),
    ("s_0", state(np.ones(4), None), "s_0.C is None; it must be an array of shape (2, 4) or (4,)"),
    ("f", "tahn", "unknown activation 'tahn'; known are: hard_tanh, identity"),
    ("gate", "sigmod", "unknown activation 'sigmod'; known are: hard_tanh, identity"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value", "message"), FORWARD_ERRORS)
def test_forward_refuses(name, value, message):
    p, rest = arguments()
    (p if name in p else rest)[name] = value
    with pytest.raises(ValueError, match=re.escape(message)):
        lstm.forward(lstm.Params(**p), **rest)


def test_forward_refuses_parameters_of_another_kind():
    with pytest.raises(ValueError, match=r"p is a ndarray; it must be lstm.Params\(U, W, b\)"):
        lstm.forward(np.eye(4), np.ones((5, 3)))
    with pytest.raises(ValueError, match=r"W has shape \(4, 4\); it must be \(4h, h\)"):
        lstm.forward(rnn.Params(np.ones((4, 3)), np.eye(4), np.zeros(4)), np.ones((5, 3)))


BACKWARD_ERRORS = [
    ("dL_dS", np.ones((6, 2, 4)), "dL_dS has shape (6, 2, 4); it must be (5, 2, 4) (one row for each of s_1 … s_T, none for s_0)"),
    ("dL_dS", entry((5, 2, 4), np.nan), "dL_dS must be finite; its entry (0, 0, 1) is nan"),
    ("dL_ds_T", np.ones((2, 4)), "dL_ds_T is a ndarray; it must be lstm.State(s, C)"),
    ("dL_ds_T", state(np.ones(4), np.ones((2, 4))), "dL_ds_T.s has shape (4,); it must be (2, 4)"),
    ("dL_ds_T", state(np.ones((2, 4)), np.full((2, 4), Fraction(1))), "dL_ds_T.C must not meet U (float64), W (float64)"),
    ("p", lstm.Params(np.ones((16, 2)), np.ones((16, 4)), np.zeros(16)),
     "U has shape (16, 2); it must be (16, 3) (the trace has n = 3, h = 4)"),
    ("p", lstm.Params(np.ones((16, 3)), np.ones((12, 3)), np.zeros(16)),
     "W has shape (12, 3); it must be (16, 4) (the trace has n = 3, h = 4)"),
    ("p", np.eye(4), "p is a ndarray; it must be lstm.Params(U, W, b)"),
    ("trace", (1, 2), "trace is a tuple; it must be the lstm.Trace of lstm.forward"),
    ("trace", rnn.Trace(*range(4)), "trace is a rnn.Trace; it must be the lstm.Trace of lstm.forward"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value", "message"), BACKWARD_ERRORS)
def test_backward_refuses(name, value, message):
    p, rest = arguments()
    p = lstm.Params(**p)
    given = dict(p=p, trace=lstm.forward(p, **rest), dL_dS=np.ones((5, 2, 4)), dL_ds_T=state(*np.ones((2, 2, 4))))
    given[name] = value
    with pytest.raises(ValueError, match=re.escape(message)):
        lstm.backward(*given.values())


def test_variant_refuses_an_unknown_gate():
    with pytest.raises(ValueError, match="unknown activation 'step'"):
        lstm.variant("step")


def test_integers_as_objects_stay_integers(rng):
    draw = lambda *shape: np.array(rng.integers(-2, 3, size=shape), dtype=object)  # noqa: E731
    net = network(lstm.variant("relu"), draw, f="relu")
    trace = net.trace()
    g = net.cell.backward(net.p, trace, draw(*trace.S[1:].shape))
    assert all(type(v) is int for a in leaves(tuple(g)).values() for v in a.flat)


def test_backward_in_fractions_is_the_derivative_of_a_polynomial(rng):
    """With f and gates the identity the loss is a polynomial: its central difference of two steps is exact enough to extrapolate."""
    net = network(lstm.variant("identity"), lambda *shape: fractions(rng, shape), T=2, n=1, h=1, m=1, B=2, f="identity")
    g, step = net.gradients(), Fraction(1, 10**9)
    for name, a in net.variables().items():
        for index in np.ndindex(a.shape):
            kept = a[index]
            a[index] = kept + step
            up = net.loss()
            a[index] = kept - step
            down = net.loss()
            a[index] = kept
            assert abs((up - down) / (2 * step) - g[name][index]) < Fraction(1, 10**12), name


def test_readout_takes_the_states(net):
    out = readout.forward(net.q, net.trace().S[1:], net.Y, "squared_error")
    assert out.Z.shape == net.Y.shape
