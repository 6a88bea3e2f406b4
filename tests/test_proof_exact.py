"""Integers mod p and dual numbers, and rnnlib's fast functions exact on them at T = 50."""

import numpy as np
import pytest

from rnnlib import losses, other_ways, readout, rnn
from rnnlib.proof.exact import Dual, Oracle, P, Residue


@pytest.fixture
def oracle():
    return Oracle(seed=7)


def test_residues_are_a_field(oracle):
    for _ in range(50):
        a, b, c = (oracle.element() for _ in range(3))
        assert a * (b + c) == a * b + a * c
        assert a - b == -(b - a)
        assert a / b * b == a
        assert (1 / a) * a == 1
        assert a != a + 1
    assert Residue(P) == 0


def test_numbers_that_are_no_integers_are_refused():
    with pytest.raises(TypeError):
        Residue(1) + 0.5
    with pytest.raises(TypeError):
        Dual(Residue(1), Residue(0)) * "x"


def test_dual_numbers_obey_the_product_quotient_and_exp_rules(oracle):
    x = Dual(oracle.element(), Residue(1), oracle)
    y = Dual(oracle.element(), Residue(0), oracle)
    assert (x * x * y).d == 2 * x.v * y.v
    assert (y / x).d == -y.v / (x.v * x.v)
    assert (x * x).exp().d == (x * x).exp().v * 2 * x.v
    assert (x * y).log().d == 1 / x.v
    assert (3 - x).d == -1
    assert (1 / x).d == -1 / (x.v * x.v)


def test_oracle_gives_the_same_value_to_the_same_argument(oracle):
    a = oracle.element()
    assert oracle.value("f", a) == oracle.value("f", a)
    assert oracle.value("f", a) != oracle.value("g", a)
    assert oracle.value("f", a) != oracle.value("f", a + 1)


def plain(array):
    return np.frompyfunc(lambda k: k.v, 1, 1)(array)


class Net:
    """The network mod p, with a random direction for every parameter, input and initial state."""

    def __init__(self, T, B, n, h, m, seed=3, head=losses.softmax_cross_entropy):
        self.oracle, self.head = Oracle(seed), head
        draw = self.oracle.array
        shapes = {"U": (h, n), "W": (h, h), "b": (h,), "V": (m, h), "c": (m,), "X": (T, B, n), "s_0": (B, h)}
        self.at = {k: draw(*s) for k, s in shapes.items()}
        self.direction = {k: plain(draw(*s)) for k, s in shapes.items()}
        self.Y, self.weights, self.f = draw(T, B, m), draw(T, B), self.oracle.activation()

    def parts(self, values):
        p = rnn.Params(values["U"], values["W"], values["b"])
        return p, readout.Params(values["V"], values["c"])

    def forward(self, values):
        p, q = self.parts(values)
        trace = rnn.forward(p, values["X"], values["s_0"], self.f)
        return trace, readout.forward(q, trace.S[1:], self.Y, self.head, self.weights)

    def directional(self):
        """The derivative of the loss along the random direction, by dual numbers, through forward alone."""
        move = np.frompyfunc(lambda k, d: Dual(k.v, d, self.oracle), 2, 1)
        return self.forward({k: move(v, self.direction[k]) for k, v in self.at.items()})[1].L.d

    def gradients(self, way):
        p, q = self.parts(self.at)
        trace, out = self.forward(self.at)
        dL_dq, dL_dS = readout.backward(q, out)
        back = way(p, trace, dL_dS)
        return {**back.dL_dp._asdict(), **dL_dq._asdict(), "X": back.dL_dX, "s_0": back.dL_ds_0}

    def along(self, gradients):
        """Σ ⟨gradient, direction⟩."""
        total = Residue(0)
        for name, g in gradients.items():
            total = total + (plain(g) * self.direction[name]).sum()
        return total


@pytest.mark.parametrize("head", [losses.softmax_cross_entropy, losses.squared_error], ids=lambda head: head.name)
def test_backward_is_exact_mod_p_at_T_50(head):
    net = Net(T=50, B=2, n=3, h=16, m=4, head=head)
    assert net.along(net.gradients(rnn.backward)) == net.directional()


def test_a_single_wrong_entry_is_noticed_mod_p():
    net = Net(T=50, B=2, n=3, h=6, m=4)
    g = net.gradients(rnn.backward)
    for name in g:
        wrong = g[name].copy()
        wrong.flat[-1] = wrong.flat[-1] + 1
        assert net.along({**g, name: wrong}) != net.directional(), name


@pytest.mark.parametrize("way", [other_ways.by_steps, other_ways.sum_over_paths, other_ways.real_time], ids=lambda way: way.__name__)
def test_other_ways_equal_backward_mod_p(way):
    net = Net(T=12, B=2, n=3, h=5, m=4)
    ours, theirs = net.gradients(rnn.backward), net.gradients(way)
    for name, g in theirs.items():
        if g is not None:
            assert np.array_equal(plain(g), plain(ours[name])), name


def test_sum_over_paths_with_products_from_scratch_equals_backward_mod_p():
    net = Net(T=6, B=2, n=3, h=4, m=3)
    literal = net.gradients(lambda *a: other_ways.sum_over_paths(*a, share_products=False))
    for name, g in net.gradients(rnn.backward).items():
        assert np.array_equal(plain(g), plain(literal[name])), name


def test_steps_one_by_one_equal_backward_mod_p_at_T_50():
    net = Net(T=50, B=2, n=3, h=8, m=4)
    ours, theirs = net.gradients(rnn.backward), net.gradients(other_ways.by_steps)
    for name, g in ours.items():
        assert np.array_equal(plain(g), plain(theirs[name])), name


def test_backward_in_two_parts_equals_backward_mod_p():
    net = Net(T=9, B=2, n=3, h=5, m=4)
    p, q = net.parts(net.at)
    trace, out = net.forward(net.at)
    dL_dS = readout.backward(q, out).dL_dS
    whole = rnn.backward(p, trace, dL_dS)
    cut = lambda a, b: rnn.Trace(trace.X[a:b], trace.A[a:b], trace.S[a : b + 1], trace.f)  # noqa: E731
    tail = rnn.backward(p, cut(4, 9), dL_dS[4:])
    head = rnn.backward(p, cut(0, 4), dL_dS[:4], tail.dL_ds_0)
    for a, b, c in zip(head.dL_dp, tail.dL_dp, whole.dL_dp):
        assert np.array_equal(plain(a + b), plain(c))
    assert np.array_equal(plain(head.dL_ds_0), plain(whole.dL_ds_0))
