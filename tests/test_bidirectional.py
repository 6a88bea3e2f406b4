"""Both directions: who has seen what, turned time, padding, the ends, mistakes, bad input."""

import re

import autograd
import autograd.numpy as anp
import numpy as np
import pytest
from generic_cell import both, build, complex_step, equal, floats, network
from generic_point import error, fractions
from test_rnn import mutated

from rnnlib import bidirectional, gru, lstm, model, other_ways, readout, rnn
from rnnlib._records import leaves, mapped
from rnnlib.activations import hard_tanh

T, B, SPLIT = 6, 2, 5  # the forward cell has 5 units, the backward cell 6
LENGTHS = [3, 6]


@pytest.fixture
def net(rng):
    return floats(rng, both(rnn))


# who has seen what


def depends(states, X):
    """depends[t, i]: whether the state of step t + 1 depends on x_{i+1}; by complex step, so that 0 is exactly 0."""
    found = []
    for i in range(len(X)):
        moved = X.astype(complex)
        moved[i] += 1e-30j
        found.append((states(moved).imag != 0).any(axis=(1, 2)))
    return np.array(found).T


UP_TO_T = np.tril(np.ones((T, T), bool))  # x_1 … x_t
FROM_T = np.triu(np.ones((T, T), bool))  # x_t … x_T


@pytest.mark.parametrize("spec", [both(rnn), both(lstm, gru), both(gru.variant("before"), rnn)])
def test_forward_states_depend_on_exactly_x_1_to_x_t_and_backward_states_on_exactly_x_t_to_x_T(rng, spec):
    net = floats(rng, spec)
    run = lambda X: net._replace(X=X).trace().S[1:]  # noqa: E731
    assert (depends(lambda X: run(X)[..., :SPLIT], net.X) == UP_TO_T).all()
    assert (depends(lambda X: run(X)[..., SPLIT:], net.X) == FROM_T).all()


def seed_formula(p, X, s_0):
    """The source's s_{b,t} = f(U_b x_t + W_b s_{t-1}): the same direction twice."""
    return rnn.forward(p.backward, X, s_0).S[1:]


def other_reading(p, X, s_0):
    """The same with the forward cell's s_{t-1}, the only other state that the formula could mean."""
    S = rnn.forward(p.forward, X, s_0).S[:-1]
    return np.tanh(X @ p.backward.U.T + S @ p.backward.W.T + p.backward.b)


@pytest.mark.parametrize("states", [seed_formula, other_reading])
def test_dependency_check_refutes_the_sources_own_formula(rng, states):
    one, other = (rnn.Params(rng.normal(size=(4, 3)), rng.normal(size=(4, 4)), rng.normal(size=4)) for _ in range(2))
    seen = depends(lambda X: states(bidirectional.Params(one, other), X, rng.normal(size=(B, 4))), rng.normal(size=(T, B, 3)))
    assert (seen == UP_TO_T).all() and not (seen == FROM_T).all()


def test_no_gradient_check_sees_that_the_sources_formula_is_the_wrong_forward(net, monkeypatch):
    """Its gradient is that of the wrong network, to the last digit: a forward pass needs a check of its own."""
    right = net.loss()
    monkeypatch.setattr(bidirectional, "turn", lambda A, lengths=None: A)
    assert (net.trace().S[1:, :, SPLIT:] == seed_formula(net.p, net.X, net.s_0.backward)).all()
    assert error(net.gradients(), complex_step(net)) < 1e-13
    assert abs(net.loss() / right - 1) > 0.01


def test_states_are_the_formulas_entry_by_entry(net):
    (U_f, W_f, b_f), (U_b, W_b, b_b) = net.p
    S = net.trace().S
    for k in range(B):
        s_f, s_b = net.s_0.forward[k], net.s_0.backward[k]
        assert (S[0, k] == np.concatenate([s_f, s_b])).all()
        for t in range(1, T + 1):
            s_f = np.tanh(U_f @ net.X[t - 1, k] + W_f @ s_f + b_f)
            np.testing.assert_allclose(S[t, k, :SPLIT], s_f, rtol=1e-12)
        for t in range(T, 0, -1):
            s_b = np.tanh(U_b @ net.X[t - 1, k] + W_b @ s_b + b_b)
            np.testing.assert_allclose(S[t, k, SPLIT:], s_b, rtol=1e-12)


def test_every_gradient_matches_autograd_of_another_forward(net):
    def loss(arguments):
        U_f, W_f, b_f, U_b, W_b, b_b, V, c, X, first, last = arguments
        total = 0
        for k in range(B):
            s_f, s_b, onward, back = first[k], last[k], [], []
            for t in range(T):
                s_f = anp.tanh(anp.dot(U_f, X[t, k]) + anp.dot(W_f, s_f) + b_f)
                s_b = anp.tanh(anp.dot(U_b, X[T - 1 - t, k]) + anp.dot(W_b, s_b) + b_b)
                onward, back = [*onward, s_f], [s_b, *back]
            for t in range(T):
                z = anp.dot(V, anp.concatenate([onward[t], back[t]])) + c
                total = total + net.weights[t, k] * anp.sum((z - net.Y[t, k]) ** 2) / 2
        return total

    arguments = tuple(net.variables().values())
    assert net.loss() == pytest.approx(float(loss(arguments)), rel=1e-14)
    want = dict(zip(net.variables(), autograd.grad(loss)(arguments), strict=True))
    assert error(net.gradients(), want) < 1e-12


@pytest.mark.parametrize("cells", [(rnn, rnn), (lstm.variant("hard_tanh"), gru.variant(gate="hard_tanh"))], ids=["rnn", "lstm, gru"])
def test_backward_is_each_cells_own_steps_in_fractions(rng, cells):
    net = network(both(*cells), lambda *shape: fractions(rng, shape) / 2, T=3, n=2, h=2, m=2, f="hard_tanh")
    trace = net.trace()
    dL_dS = net.effects(trace)
    g = net.cell.backward(net.p, trace, dL_dS)

    def alone(cell, p, X, s_0, direct):
        steps = other_ways.unroll(cell, p, X, s_0, hard_tanh)
        deltas, dL_dp, dL_dX, dL_ds_0 = other_ways.back_through(cell, p, steps, direct, hard_tanh)
        return np.stack(deltas), dL_dp, np.stack(dL_dX), dL_ds_0

    h = trace.forward.S.shape[-1]
    on = alone(cells[0], net.p.forward, list(net.X), net.s_0.forward, list(dL_dS[..., :h]))
    back = alone(cells[1], net.p.backward, list(net.X)[::-1], net.s_0.backward, list(dL_dS[..., h:])[::-1])
    assert equal(g.delta, bidirectional.Deltas(on[0], back[0][::-1]))
    assert equal(g.dL_dp, bidirectional.Params(on[1], back[1]))
    assert equal(g.dL_dX, on[2] + back[2][::-1])
    assert equal(g.dL_ds_0, bidirectional.State(on[3], back[3]))


# turned time


def test_turned_time_turns_the_states_and_changes_the_cells_over(rng):
    """Both directions of x_T … x_1 with the cells changed over are those of x_1 … x_T, turned and changed over."""
    net = floats(rng, both(lstm, gru))
    S = net.trace().S
    other = bidirectional.forward((gru, lstm), bidirectional.Params(*net.p[::-1]), net.X[::-1], bidirectional.State(*net.s_0[::-1]))
    np.testing.assert_array_equal(other.S[1:, :, :6], S[:0:-1, :, SPLIT:])
    np.testing.assert_array_equal(other.S[1:, :, 6:], S[:0:-1, :, :SPLIT])


def test_the_backward_cell_is_the_cell_over_the_turned_inputs(rng):
    """The time-reversal lemma, with nothing of ``bidirectional`` on the other side."""
    net = floats(rng, both(rnn, lstm))
    S = lstm.forward(net.p.backward, net.X[::-1].copy(), net.s_0.backward).S
    np.testing.assert_allclose(net.trace().S[1:, :, SPLIT:], S[:0:-1], rtol=1e-13)


@pytest.mark.parametrize("lengths", [None, [4, 1, 7]])
def test_turning_twice_changes_nothing(rng, lengths):
    A = rng.normal(size=(7, 3, 2))
    turned = bidirectional.turn(A, lengths)
    assert (bidirectional.turn(turned, lengths) == A).all() and (turned != A).any()


def test_turn_keeps_the_padding_in_place():
    A = np.arange(1, 9).reshape(4, 2)
    assert bidirectional.turn(A, [2, 4]).tolist() == [[3, 8], [1, 6], [5, 4], [7, 2]]


# padding

PADDED = [both(rnn), both(lstm, gru), both(gru, lstm, align=False)]


@pytest.mark.parametrize("spec", PADDED)
def test_a_padded_sequence_is_the_sequence_without_its_padding(rng, spec):
    net = floats(rng, spec._replace(options={**spec.options, "lengths": LENGTHS}))
    trace = net.trace()
    dL_dS = rng.normal(size=trace.S[1:].shape)
    whole, alone = net.cell.backward(net.p, trace, dL_dS), []
    cell = bidirectional.cell(spec.forward, spec.backward, **spec.options)
    for k, length in enumerate(LENGTHS):
        short = cell.forward(net.p, net.X[:length, k], mapped(lambda s, k=k: s[k], net.s_0))
        np.testing.assert_allclose(trace.S[: length + 1, k], short.S, rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(bidirectional.ends(trace)[k], bidirectional.ends(short), rtol=1e-12)
        assert (trace.S[length + 1 :, k] == 0).all()
        alone.append(cell.backward(net.p, short, dL_dS[:length, k]))
        np.testing.assert_allclose(whole.dL_dX[:length, k], alone[-1].dL_dX, rtol=1e-11, atol=1e-13)
        assert (whole.dL_dX[length:, k] == 0).all()
        for one, other in zip(leaves(whole.dL_ds_0).values(), leaves(alone[-1].dL_ds_0).values(), strict=True):
            np.testing.assert_allclose(one[k], other, rtol=1e-11, atol=1e-13)
    total = mapped(lambda u, v: u + v, alone[0].dL_dp, alone[1].dL_dp)
    assert error(leaves(whole.dL_dp), leaves(total)) < 1e-13


def test_what_is_on_the_padding_changes_nothing(rng):
    net = floats(rng, both(lstm, gru, lengths=LENGTHS))
    X, Y = net.X.copy(), net.Y.copy()
    X[3:, 0], Y[3:, 0] = 1e6, 0
    weights = net.weights * readout.mask(LENGTHS, T)
    one, other = net._replace(weights=weights), net._replace(X=X, Y=Y, weights=weights)
    assert one.loss() == other.loss()
    want = one.gradients()
    assert all((g == want[name]).all() for name, g in other.gradients().items())


def test_without_lengths_the_padding_is_read_first(rng):
    """Why lengths are needed: turned as a whole, the backward cell has been through the padding before it reaches x_T."""
    net = floats(rng, both(rnn, lengths=LENGTHS))
    S, naive = net.trace().S[1:4, 0], bidirectional.forward(rnn, net.p, net.X, net.s_0).S[1:4, 0]
    assert (S[:, :SPLIT] == naive[:, :SPLIT]).all()
    assert (S[:, SPLIT:] != naive[:, SPLIT:]).all()


# the ends


def test_the_ends_have_seen_everything_and_the_last_row_has_not(rng):
    net = floats(rng, both(rnn))
    run = lambda X: net._replace(X=X).trace()  # noqa: E731
    assert depends(lambda X: bidirectional.ends(run(X))[None, :, :SPLIT], net.X).all()
    assert depends(lambda X: bidirectional.ends(run(X))[None, :, SPLIT:], net.X).all()
    last = depends(lambda X: run(X).S[-1:, :, SPLIT:], net.X)
    assert last.tolist() == [[False] * (T - 1) + [True]]  # correction 13: s_{b,T} has seen x_T alone


@pytest.mark.parametrize(("batch", "lengths"), [(0, None), (B, None), (B, LENGTHS)])
@pytest.mark.parametrize("align", [True, False])
def test_at_ends_is_the_adjoint_of_ends(rng, lengths, align, batch):
    net = floats(rng, both(rnn, lengths=lengths, align=align), B=batch)
    trace = net.trace()
    d = rng.normal(size=bidirectional.ends(trace).shape)
    assert np.sum(bidirectional.at_ends(trace, d) * trace.S[1:]) == pytest.approx(np.sum(d * bidirectional.ends(trace)), rel=1e-13)


@pytest.mark.parametrize("lengths", [None, LENGTHS])
def test_a_loss_of_the_ends_has_the_gradient_of_complex_step(rng, lengths):
    net = floats(rng, both(lstm, gru, lengths=lengths))
    d = rng.normal(size=(B, 11))
    at = net.of_dtype(complex)
    g = net.cell.backward(net.p, net.trace(), bidirectional.at_ends(net.trace(), d))
    for name, a in at.variables().items():
        if name[0] == "1":  # the readout has no part in it
            continue
        want = np.empty(a.shape)
        for index in np.ndindex(a.shape):
            kept, a[index] = a[index], a[index] + 1e-30j
            want[index] = np.sum(d * bidirectional.ends(at.trace())).imag / 1e-30
            a[index] = kept
        found = leaves((g.dL_dp, (), g.dL_dX, g.dL_ds_0))[name]
        assert error({name: found}, {name: want}) < 1e-13


@pytest.mark.parametrize("lengths", [None, LENGTHS])
def test_unaligned_the_last_step_is_a_readout_of_the_ends(rng, lengths):
    """One code path: the weights of the last step, over states in each cell's own order."""
    net = floats(rng, both(lstm, gru, align=False, lengths=lengths))
    weights = np.outer(readout.last_step(T), np.ones(B)) if lengths is None else readout.last_valid(lengths, T)
    net = net._replace(weights=weights)
    z = bidirectional.ends(net.trace()) @ net.q.V.T + net.q.c
    last = net.Y[[t - 1 for t in (lengths or [T, T])], range(B)]
    assert net.loss() == pytest.approx(np.sum((z - last) ** 2) / 2, rel=1e-13)
    assert error(net.gradients(), complex_step(net)) < 1e-13


def test_what_comes_back_to_the_last_states_is_what_the_ends_send(rng):
    net = floats(rng, both(rnn))
    trace, d = net.trace(), rng.normal(size=(B, 11))
    one = net.cell.backward(net.p, trace, np.zeros_like(trace.S[1:]), bidirectional.State(d[:, :SPLIT], d[:, SPLIT:]))
    other = net.cell.backward(net.p, trace, bidirectional.at_ends(trace, d))
    assert error(leaves(tuple(one)), leaves(tuple(other))) < 1e-14


def test_cell_states_of_an_lstm_take_part(rng):
    """dL_ds_T reaches C_T of the forward cell and C_1 of the backward cell."""
    net = floats(rng, both(lstm))
    later = mapped(lambda s: rng.normal(size=s.shape), net.s_0)
    g = net.cell.backward(net.p, net.trace(), np.zeros((T, B, 11)), later)
    at = net.of_dtype(complex)
    b = at.p.backward.b
    want = np.empty(b.shape)
    for i in range(len(b)):
        kept, b[i] = b[i], b[i] + 1e-30j
        trace = at.trace()
        total = sum(np.sum(u * v) for u, v in zip(later.backward, trace.backward.s_T, strict=True))
        want[i], b[i] = total.imag / 1e-30, kept
    assert error({"b": g.dL_dp.backward.b}, {"b": want}) < 1e-13


# tempting mistakes

MISTAKES = {
    "inputs of the backward cell not turned": ("forward", "cells[1].forward(p[1], X_turned,", "cells[1].forward(p[1], X,"),
    "states of the backward cell not turned back": ("forward", "turn(S_b, lengths) if align", "S_b if align"),
    "effects not turned on the way back": ("backward", "turn(dL_dS_b, lengths) if align else dL_dS_b", "dL_dS_b"),
    "dL/dx of the backward cell not turned": ("backward", "dL_dX += turn(g_b.dL_dX, lengths)", "dL_dX += g_b.dL_dX"),
    "dL/dx of the forward cell only": ("backward", "dL_dX += turn(g_b.dL_dX, lengths)", "pass"),
    "halves changed over": ("backward", "dL_dS_f, dL_dS_b = np.split(dL_dS, [onward.S.shape[-1]], axis=-1)",
                            "dL_dS_b, dL_dS_f = np.split(dL_dS, [back.S.shape[-1]], axis=-1)"),
    "initial states changed over": ("backward", "State(g_f.dL_ds_0, g_b.dL_ds_0)", "State(g_b.dL_ds_0, g_f.dL_ds_0)"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_tempting_mistake_is_far_off(rng, mistake):
    """Against the gradient of the right network; the first two are mistakes in the forward pass."""
    net = floats(rng, both(rnn))
    same_size = build(both(rnn), lambda *shape: rng.normal(size=shape), 3, 5, (B,))
    if "changed over" in mistake:  # both cells of one size, or the shapes would tell
        one = same_size.p.forward
        p = bidirectional.Params(one, rnn.Params(*(rng.normal(size=a.shape) for a in one)))
        s_0 = bidirectional.State(same_size.s_0.forward, rng.normal(size=(B, 5)))
        net = net._replace(p=p, s_0=s_0, q=readout.Params(rng.normal(size=(4, 10)), net.q.c))
    right = complex_step(net)
    assert error(net.gradients(), right) < 1e-13
    function, old, new = MISTAKES[mistake]
    wrong = mutated(bidirectional, function, old, new)

    class Cell:
        forward = staticmethod(net.cell.forward)
        backward = staticmethod(bidirectional.backward)

    if function == "backward":
        Cell.backward = staticmethod(wrong)
    else:
        Cell.forward = staticmethod(lambda p, X, s_0, f: wrong(rnn, p, X, s_0, f))
    assert error(net._replace(cell=Cell).gradients(), right) > 1e-3


# bad input


def arguments():
    one = rnn.Params(np.ones((4, 3)), np.eye(4), np.zeros(4))
    p = bidirectional.Params(one, one)
    return dict(cells=rnn, p=p, X=np.ones((5, 2, 3)), s_0=None, f="tanh", lengths=None)


one, wide = rnn.Params(np.ones((4, 3)), np.eye(4), np.zeros(4)), rnn.Params(np.ones((4, 2)), np.eye(4), np.zeros(4))

FORWARD_ERRORS = [
    ("cells", (rnn, rnn, rnn), "cells has 3 cells; it must be one cell, or a pair (forward, backward)"),
    ("p", one, "p is a rnn.Params; it must be bidirectional.Params(forward, backward)"),
    ("p", bidirectional.Params(one, None), "backward direction: p is a NoneType; it must be rnn.Params(U, W, b)"),
    ("p", bidirectional.Params(wide, one), "forward direction: X has shape (5, 2, 3); it must be (T, 2) or (T, B, 2)"),
    ("X", np.ones(5), "X has shape (5,); it must be (T, n) or (T, B, n) (time comes first)"),
    ("s_0", np.ones(8), "s_0 is a ndarray; it must be bidirectional.State(forward, backward)"),
    ("s_0", bidirectional.State(None, np.ones(3)), "backward direction: s_0 has shape (3,); it must be (2, 4) or (4,)"),
    ("f", "tahn", "forward direction: unknown activation 'tahn'"),
    ("lengths", [5], "lengths has shape (1,); it must be (2,) (one length for each sequence of the batch)"),
    ("lengths", [5, 6], "lengths has the entry 6; it must hold integers from 1 to T = 5"),
    ("lengths", [0, 5], "lengths has the entry 0; it must hold integers from 1 to T = 5"),
    ("lengths", [2.5, 5], "lengths has dtype float64; it must hold integers from 1 to T = 5"),
]


@pytest.mark.parametrize(("name", "value", "message"), FORWARD_ERRORS)
def test_forward_refuses(name, value, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        bidirectional.forward(**{**arguments(), name: value})


def test_lengths_of_a_single_sequence_are_refused():
    with pytest.raises(ValueError, match="lengths is given, but X is a single sequence"):
        bidirectional.forward(**{**arguments(), "X": np.ones((5, 3)), "lengths": [5]})


BACKWARD_ERRORS = [
    ("p", one, "p is a rnn.Params; it must be bidirectional.Params(forward, backward)"),
    ("p", bidirectional.Params(one, wide), "backward direction: U has shape (4, 2); it must be (4, 3)"),
    ("trace", rnn.forward(one, np.ones((5, 3))), "it must be the bidirectional.Trace of bidirectional.forward"),
    ("dL_dS", np.ones((5, 2, 4)), "dL_dS has shape (5, 2, 4); it must be (5, 2, 8) (one row for each of s_1 … s_T, [forward; backward])"),
    ("dL_ds_T", np.ones((2, 8)), "dL_ds_T is a ndarray; it must be bidirectional.State(forward, backward)"),
    ("dL_ds_T", bidirectional.State(np.ones((2, 3)), None), "forward direction: dL_ds_T has shape (2, 3); it must be (2, 4)"),
]


@pytest.mark.parametrize(("name", "value", "message"), BACKWARD_ERRORS)
def test_backward_refuses(name, value, message):
    given = arguments()
    trace = bidirectional.forward(**given)
    given = dict(p=given["p"], trace=trace, dL_dS=np.ones((5, 2, 8)), dL_ds_T=None)
    with pytest.raises(ValueError, match=re.escape(message)):
        bidirectional.backward(**{**given, name: value})


def test_backward_refuses_dL_ds_T_with_lengths():
    given = arguments()
    trace = bidirectional.forward(**{**given, "lengths": [3, 5]})
    later = bidirectional.State(np.ones((2, 4)), np.ones((2, 4)))
    with pytest.raises(ValueError, match="at_ends puts it into dL_dS"):
        bidirectional.backward(given["p"], trace, np.ones((5, 2, 8)), later)


def test_at_ends_refuses_another_shape(net):
    with pytest.raises(ValueError, match=r"dL_dends has shape \(11,\); it must be \(2, 11\)"):
        bidirectional.at_ends(net.trace(), np.ones(11))


def test_there_is_no_step_and_no_last_state_to_go_on_from(net):
    for function in (net.cell.step, net.cell.step_back):
        with pytest.raises(ValueError, match="a bidirectional cell has no step"):
            function(net.p, net.X[0], net.s_0, rnn.tanh)
    assert not hasattr(net.trace(), "s_T")


def test_a_cell_for_both_directions_and_a_pair_are_the_same(net):
    S = bidirectional.forward(rnn, net.p, net.X, net.s_0).S
    assert (S == bidirectional.forward((rnn, rnn), net.p, net.X, net.s_0).S).all() and (S == net.trace().S).all()
    assert (S == bidirectional.cell(rnn, rnn).forward(net.p, net.X, net.s_0).S).all()


def test_model_takes_it(net):
    g = model.loss_and_gradients(net.p, net.q, net.X, net.Y, cell=bidirectional.cell(rnn))
    assert g.dL_dp.forward.W.shape == (5, 5) and g.dL_dp.backward.W.shape == (6, 6) and g.dL_dq.V.shape == (4, 11)
