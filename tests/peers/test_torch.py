"""rnnlib against PyTorch: the same point, PyTorch's differentiation, and its own recurrent network."""

import numpy as np
import pytest
from generic_point import NAMES, SIZES, error, generic

from rnnlib import model, one_hot, readout, rnn
from rnnlib.activations import ACTIVATIONS
from rnnlib.losses import HEADS

torch = pytest.importorskip("torch", reason="PyTorch is not installed; make test-peers installs it")
torch.set_num_threads(1)

EVERY_ACTIVATION = pytest.mark.parametrize("f", ACTIVATIONS)
EVERY_HEAD = pytest.mark.parametrize("head", HEADS)
F = torch.nn.functional

TORCH_ACTIVATION = {
    "identity": lambda a: a,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "relu": torch.relu,
    "softplus": F.softplus,
    "hard_tanh": F.hardtanh,
}
TORCH_LOSS = {
    "softmax_cross_entropy": lambda z, y: -(y * F.log_softmax(z, dim=-1)).sum(-1),
    "sigmoid_cross_entropy": lambda z, y: F.binary_cross_entropy_with_logits(z, y, reduction="none").sum(-1),
    "squared_error": lambda z, y: F.mse_loss(z, y, reduction="none").sum(-1) / 2,
}


@pytest.fixture
def point(rng):
    return generic(rng)


def tensors(point, dtype):
    """The point's arrays as leaves of a graph, Y and weights without gradients."""
    point = type(point)(*(torch.tensor(a, dtype=dtype) for a in point))
    for name in NAMES:
        getattr(point, name).requires_grad_()
    return point


def losses(point, S, head):
    return (point.weights * TORCH_LOSS[head](S @ point.V.T + point.c, point.Y)).sum()


def gradients(point, L):
    found = torch.autograd.grad(L, [getattr(point, name) for name in NAMES])
    return {name: g.numpy() for name, g in zip(NAMES, found, strict=True)}


def by_operations(point, f, head):
    """The network written with PyTorch's operations, step after step."""
    s, S = point.s_0, []
    for x in point.X:
        s = TORCH_ACTIVATION[f](x @ point.U.T + s @ point.W.T + point.b)
        S.append(s)
    return losses(point, torch.stack(S), head)


def by_module(point, nonlinearity, head):
    """torch.nn.RNN with the same weights: weight_ih = U, weight_hh = W, bias_ih = b, bias_hh = 0."""
    h, n = point.U.shape
    cell = torch.nn.RNN(n, h, nonlinearity=nonlinearity, dtype=point.U.dtype)
    weights = {
        "weight_ih_l0": point.U,
        "weight_hh_l0": point.W,
        "bias_ih_l0": point.b,
        "bias_hh_l0": 0 * point.b,
    }
    S, _ = torch.func.functional_call(cell, weights, (point.X, point.s_0[None]))
    return losses(point, S, head)


@EVERY_ACTIVATION
@EVERY_HEAD
def test_every_gradient_matches_torch_operations(point, f, head):
    other = tensors(point, torch.float64)
    L = by_operations(other, f, head)
    assert point.loss(f, head) == pytest.approx(L.item(), rel=1e-13)
    assert error(point.gradients(f, head), gradients(other, L)) < 1e-12


@pytest.mark.parametrize("f", ["tanh", "relu"])
@EVERY_HEAD
def test_every_gradient_matches_torch_nn_rnn(point, f, head):
    other = tensors(point, torch.float64)
    L = by_module(other, f, head)
    assert point.loss(f, head) == pytest.approx(L.item(), rel=1e-13)
    assert error(point.gradients(f, head), gradients(other, L)) < 1e-12


@EVERY_ACTIVATION
@EVERY_HEAD
def test_float32_is_as_near_to_float64_as_torch_is(rng, f, head):
    """Both round; ours may be a few times as far from the float64 gradient as PyTorch's, and never 2e-5 away."""
    point = generic(rng, T=20, B=4).of_dtype(np.float32)
    exact = point.of_dtype(float).gradients(f, head)
    other = tensors(point, torch.float32)
    ours = error(point.gradients(f, head), exact)
    theirs = error(gradients(other, by_operations(other, f, head)), exact)
    assert ours < 2e-5
    assert ours < 4 * theirs + 1e-6


def test_class_labels_match_torch_cross_entropy(rng, point):
    """One-hot rows, and the mean over steps and sequences, are PyTorch's cross_entropy of class labels."""
    T, B, m = (SIZES[k] for k in "TBm")
    labels = rng.integers(0, m, size=(T, B))
    S = rnn.forward(point.p, point.X, point.s_0).S[1:]
    L = model.loss(point.p, point.q, point.X, one_hot(labels, m), point.s_0, weights=readout.mean(T)) / B
    z = torch.tensor(S @ point.V.T + point.c)
    assert (
        pytest.approx(F.cross_entropy(z.reshape(-1, m), torch.tensor(labels).reshape(-1)).item(), rel=1e-14)
        == L
    )
