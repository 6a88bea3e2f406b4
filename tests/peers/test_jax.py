"""RNN, LSTM and GRU written with ``jax.lax.scan``, differentiated by JAX in float64, against rnnlib's gradients."""

import numpy as np
import pytest
from generic_cell import floats
from generic_point import error

from rnnlib import gru, lstm, rnn
from rnnlib._records import leaves

jax = pytest.importorskip("jax", reason="JAX is not installed; make test-peers installs it")


@pytest.fixture(autouse=True)
def double():
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", before)


def rnn_step(p, s, x):
    return jax.numpy.tanh(x @ p.U.T + s @ p.W.T + p.b)


def lstm_step(p, s, x):
    i, f, c, o = jax.numpy.split(x @ p.U.T + s.s @ p.W.T + p.b, 4, axis=-1)
    C = jax.nn.sigmoid(f) * s.C + jax.nn.sigmoid(i) * jax.numpy.tanh(c)
    return lstm.State(jax.nn.sigmoid(o) * jax.numpy.tanh(C), C)


def gru_step(p, s, x):
    h = s.shape[-1]
    a, k = x @ p.U.T + p.b, s @ p.W.T
    r, u = (jax.nn.sigmoid(a[:, i * h : (i + 1) * h] + k[:, i * h : (i + 1) * h]) for i in range(2))
    new = jax.numpy.tanh(a[:, 2 * h :] + r * (k[:, 2 * h :] + p.b_s))
    return u * s + (1 - u) * new


@pytest.mark.parametrize(("cell", "step"), [(rnn, rnn_step), (lstm, lstm_step), (gru, gru_step)], ids=["rnn", "lstm", "gru"])
def test_loss_and_every_gradient_match_jax(rng, cell, step):
    net = floats(rng, cell)

    def loss(p, q, X, s_0):
        def one(s, x):
            s = step(p, s, x)
            return s, getattr(s, "s", s)

        _, S = jax.lax.scan(one, s_0, X)
        Z = S @ q.V.T + q.c
        return (net.weights * ((Z - net.Y) ** 2).sum(-1) / 2).sum()  # the head is squared_error

    L, found = jax.value_and_grad(loss, argnums=(0, 1, 2, 3))(net.p, net.q, net.X, net.s_0)
    assert pytest.approx(float(net.loss()), rel=1e-13) == float(L)
    assert error(leaves(tuple(found)), net.gradients()) < 1e-12
    assert {np.asarray(a).dtype for a in leaves(tuple(found)).values()} == {np.dtype(float)}
