"""Layers: what goes up, what comes down, states of several layers, mistakes, bad input."""

import re

import numpy as np
import pytest
from generic_cell import both, complex_step, equal, floats, layers, network
from generic_point import error, fractions
from symbolic_cell import Symbols, contracted
from test_rnn import mutated

from rnnlib import activation, bidirectional, gru, lstm, rnn, stacked
from rnnlib._records import leaves, mapped
from rnnlib.proof.shapes import variable


@pytest.fixture
def net(rng):
    return floats(rng, layers(lstm, rnn, gru))


def test_forward_is_one_layer_after_the_other(net):
    X, traces = net.X, []
    for cell, p, s_0 in zip((lstm, rnn, gru), net.p, net.s_0, strict=True):
        traces.append(cell.forward(p, X, s_0))
        X = traces[-1].S[1:]
    trace = net.trace()
    assert (trace.S == traces[-1].S).all()
    assert all((one.S == other.S).all() for one, other in zip(trace.layers, traces, strict=True))
    assert equal(trace.s_T, stacked.States(one.s_T for one in traces))


def test_two_layers_are_their_formulas_entry_by_entry_in_fractions(rng):
    """s_t = f(U x_t + W s_{t-1} + b) below and s'_t = f(U' s_t + W' s'_{t-1} + b') above."""
    net = network(layers(rnn, rnn), lambda *shape: fractions(rng, shape) / 2, T=3, n=2, h=3, f="hard_tanh")
    f = activation("hard_tanh").f
    S = net.trace().S
    for k in range(2):
        low, high = net.s_0[0][k], net.s_0[1][k]
        for t in range(3):
            low = f(net.p[0].U @ net.X[t, k] + net.p[0].W @ low + net.p[0].b)
            high = f(net.p[1].U @ low + net.p[1].W @ high + net.p[1].b)
            assert (S[t + 1, k] == high).all()


@pytest.mark.parametrize("cell", [rnn, lstm, gru, bidirectional.cell(rnn)], ids=["rnn", "lstm", "gru", "both"])
def test_one_layer_is_the_cell_itself(rng, cell):
    spec = both(rnn) if hasattr(cell, "name") else cell
    net = floats(rng, spec)
    one = net._replace(cell=stacked.cell(net.cell), p=(net.p,), s_0=stacked.States((net.s_0,)))
    assert one.loss() == net.loss()
    assert equal(tuple(one.gradients().values()), tuple(net.gradients().values()))


def test_layers_of_layers_are_the_layers_in_a_row(rng):
    net = floats(rng, layers(rnn, lstm, gru))
    nested = net._replace(
        cell=stacked.cell(rnn, stacked.cell(lstm, gru)),
        p=(net.p[0], net.p[1:]),
        s_0=stacked.States((net.s_0[0], stacked.States(net.s_0[1:]))),
    )
    assert equal(tuple(nested.gradients().values()), tuple(net.gradients().values()))
    trace, dL_dS = nested.trace(), rng.normal(size=net.trace().S[1:].shape)
    a, s = nested.cell.step(nested.p, nested.X[0], nested.s_0, rnn.tanh)
    assert isinstance(s[1], stacked.States)
    np.testing.assert_allclose(s.s, trace.S[1], rtol=1e-12)
    back = nested.cell.step_back(nested.p, nested.X[0], nested.s_0, a, s, dL_dS[0], rnn.tanh)
    assert leaves(back[3]).keys() == leaves(nested.s_0).keys()


def test_both_directions_of_layers_differ_from_layers_of_both(rng):
    """In PyTorch's stack each layer is bidirectional and the layer above reads both halves; these are other networks."""
    outer, inner = floats(rng, both(layers(rnn, rnn))), floats(rng, layers(both(rnn), both(rnn)))
    assert outer.p.forward[1].U.shape[1] == 5 and inner.p[1].forward.U.shape[1] == 11


def test_states_add_up_layer_by_layer_and_arrays_are_added_to_the_top():
    one = stacked.States((np.ones(2), lstm.State(np.ones(2), np.ones(2))))
    for total in (one + np.full(2, 5.0), np.full(2, 5.0) + one):
        assert isinstance(total, stacked.States)
        assert total[0].tolist() == [1, 1] and total.s.tolist() == [6, 6] and total[1].C.tolist() == [1, 1]
    assert equal(one + one, mapped(lambda a: 2 * a, one))
    with pytest.raises(ValueError, match="shorter"):
        one + stacked.States([1])


def test_step_lemma_of_two_layers_with_every_size_a_letter():
    """The layers have sizes of their own, h and m; the adjoint of the lower layer's state arrives, too."""
    low = rnn.Params(variable("U", "h", "n"), variable("W", "h", "h"), variable("b", "h"))
    top = rnn.Params(variable("U'", "m", "h"), variable("W'", "m", "m"), variable("b'", "m"))
    start = (variable("s0", "B", "h"), variable("s0'", "B", "m"))
    net = Symbols(lambda gate: stacked.cell(rnn, rnn), (low, top), start, 1)
    adjoint = stacked.States((variable("adjoint", "B", "h"), variable("adjoint'", "B", "m")))
    (step,) = net.steps
    _, terms, dL_dx, dL_ds_prev = net.cell.step_back(net.p, *step, adjoint, net.f)
    L = contracted((adjoint[0], step.s[0])) + contracted((adjoint[1], step.s[1]), ranges="Bm")
    found = {**terms[0]._asdict(), **{f"{k}'": v for k, v in terms[1]._asdict().items()}}
    found |= {"x1": dL_dx, "s0": dL_ds_prev[0], "s0'": dL_ds_prev[1]}
    assert len(found) == 9
    for letter, gradient in found.items():
        assert net.is_gradient(gradient, letter, L), letter


MISTAKES = {
    "nothing comes down": ("dL_dS = back[0].dL_dX", "dL_dS = 0 * back[0].dL_dX"),
    "every layer gets the top's effect": ("        dL_dS = back[0].dL_dX\n", ""),
    "layers from the bottom up": ("in reversed(list(enumerate(cells, 1)))", "in enumerate(cells, 1)"),
    "order of the layers": ("tuple(g.dL_dp for g in back)", "tuple(g.dL_dp for g in back[::-1])"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_tempting_mistake_is_far_off(rng, mistake):
    """Layers and inputs of one size, so that no shape tells."""
    spec = layers(rnn, rnn)
    net = floats(rng, spec, n=5)
    square = lambda: rnn.Params(*(rng.normal(size=s) / 5**0.5 for s in ((5, 5), (5, 5), (5,))))  # noqa: E731
    net = net._replace(p=(square(), square()), s_0=tuple(rng.normal(size=(2, 2, 5))))
    net = net._replace(q=net.q._replace(V=rng.normal(size=(4, 5))))
    right = complex_step(net)
    assert error(net.gradients(), right) < 1e-13
    wrong = mutated(stacked, "backward", *MISTAKES[mistake])

    class Cell:
        forward, backward = staticmethod(net.cell.forward), staticmethod(wrong)

    assert error(net._replace(cell=Cell).gradients(), right) > 1e-3


# bad input

low, high = rnn.Params(np.ones((4, 3)), np.eye(4), np.zeros(4)), rnn.Params(np.ones((5, 4)), np.eye(5), np.zeros(5))

FORWARD_ERRORS = [
    ("p", (low,), "p is a tuple of 1; it must be a tuple with one entry for each of the 2 layers"),
    ("p", low, "p is a Params of 3; it must be a tuple with one entry for each of the 2 layers"),
    ("p", None, "p is a NoneType; it must be a tuple with one entry for each of the 2 layers"),
    ("p", (low, low), "layer 2: X has shape (6, 2, 4); it must be (T, 3) or (T, B, 3)"),
    ("p", (high, low), "layer 1: X has shape (6, 2, 3); it must be (T, 4) or (T, B, 4)"),
    ("s_0", np.ones((2, 4)), "s_0 is a ndarray; it must be a tuple with one entry for each of the 2 layers"),
    ("s_0", (None, np.ones(4)), "layer 2: s_0 has shape (4,); it must be (2, 5) or (5,)"),
    ("f", "tahn", "layer 1: unknown activation 'tahn'"),
]


@pytest.mark.parametrize(("name", "value", "message"), FORWARD_ERRORS)
def test_forward_refuses(name, value, message):
    given = dict(cells=(rnn, rnn), p=(low, high), X=np.ones((6, 2, 3)), s_0=None, f="tanh")
    with pytest.raises(ValueError, match=re.escape(message)):
        stacked.forward(**{**given, name: value})


BACKWARD_ERRORS = [
    ("p", (low,), "p is a tuple of 1; it must be a tuple with one entry for each of the 2 layers"),
    ("p", (low, low), "layer 2: U has shape (4, 3); it must be (5, 4)"),
    ("trace", rnn.forward(low, np.ones((6, 3))), "it must be the stacked.Trace of stacked.forward"),
    ("dL_dS", np.ones((6, 2, 4)), "layer 2: dL_dS has shape (6, 2, 4); it must be (6, 2, 5)"),
    ("dL_ds_T", np.ones((2, 5)), "dL_ds_T is a ndarray; it must be a tuple with one entry for each of the 2 layers"),
    ("dL_ds_T", (np.ones(3), None), "layer 1: dL_ds_T has shape (3,); it must be (2, 4)"),
]


@pytest.mark.parametrize(("name", "value", "message"), BACKWARD_ERRORS)
def test_backward_refuses(name, value, message):
    trace = stacked.forward((rnn, rnn), (low, high), np.ones((6, 2, 3)))
    given = dict(p=(low, high), trace=trace, dL_dS=np.ones((6, 2, 5)), dL_ds_T=None)
    with pytest.raises(ValueError, match=re.escape(message)):
        stacked.backward(**{**given, name: value})


def test_cell_refuses_no_layers():
    with pytest.raises(ValueError, match=r"no cells were given; stacked\.cell needs one for each layer"):
        stacked.cell()


def test_lists_will_do_for_parameters_and_states(net):
    lists = net._replace(p=list(net.p), s_0=list(net.s_0))
    assert lists.loss() == net.loss()


def test_a_bidirectional_layer_has_no_step(rng):
    net = floats(rng, layers(both(rnn), gru))
    with pytest.raises(ValueError, match="a bidirectional cell has no step"):
        net.cell.step(net.p, net.X[0], net.s_0, rnn.tanh)
    assert not hasattr(net.trace(), "s_T")
