"""What of ``interop`` needs no PyTorch: ONNX's operators, computed as ONNX's own documents write them, and the errors without PyTorch.

The comparisons with PyTorch are in tests/peers.
"""

import sys

import numpy as np
import pytest
from generic_cell import both, floats, layers
from generic_point import error

from rnnlib import bidirectional, gru, interop, lstm, rnn


def sigma(v):
    return 1 / (1 + np.exp(-v))


def onnx_direction(op, X, W, R, B, h_0, c_0, linear_before_reset=0):
    """One direction of an operator, in the letters of its documentation; the states H_1 … H_T."""
    h, H, C, found = R.shape[1], h_0, c_0, []
    split = lambda a: [a[k : k + h] for k in range(0, len(a), h)]  # noqa: E731
    Wb, Rb = split(B[: len(W)]), split(B[len(W) :])
    W, R = split(W), split(R)
    for x in X:
        if op == "RNN":
            H = np.tanh(x @ W[0].T + H @ R[0].T + Wb[0] + Rb[0])
        elif op == "LSTM":
            i, o, f, c = (x @ W[k].T + H @ R[k].T + Wb[k] + Rb[k] for k in range(4))
            C = sigma(f) * C + sigma(i) * np.tanh(c)
            H = sigma(o) * np.tanh(C)
        else:
            z, r = (sigma(x @ W[k].T + H @ R[k].T + Wb[k] + Rb[k]) for k in range(2))
            if linear_before_reset:
                hidden = np.tanh(x @ W[2].T + r * (H @ R[2].T + Rb[2]) + Wb[2])
            else:
                hidden = np.tanh(x @ W[2].T + (r * H) @ R[2].T + Rb[2] + Wb[2])
            H = (1 - z) * hidden + z * H
        found.append(H)
    return np.stack(found)


def onnx(operator, X, starts):
    """Y of an operator: (T, directions, B, h)."""
    reset = {k: v for k, v in operator.attributes.items() if k == "linear_before_reset"}
    Y = []
    for way in range(len(operator.W)):
        h_0, c_0 = starts[way] if isinstance(starts[way], lstm.State) else (starts[way], None)
        turned = X[::-1] if way else X
        H = onnx_direction(operator.op, turned, operator.W[way], operator.R[way], operator.B[way], h_0, c_0, **reset)
        Y.append(H[::-1] if way else H)
    return np.stack(Y, axis=1)


@pytest.mark.parametrize(
    ("cell", "reset"),
    [(rnn, "after"), (lstm, "after"), (gru, "after"), (gru.variant("before"), "before")],
    ids=["rnn", "lstm", "gru after", "gru before"],
)
def test_onnx_operators_give_the_same_states(rng, cell, reset):
    net = floats(rng, cell)
    operator = interop.to_onnx(net.p, reset=reset)
    Y = onnx(operator, net.X, [net.s_0])
    assert error({"S": net.trace().S[1:]}, {"S": Y[:, 0]}) < 1e-14
    assert operator.attributes["direction"] == "forward" and operator.attributes["hidden_size"] == 5


@pytest.mark.parametrize("cell", [rnn, lstm, gru])
def test_onnx_operators_give_the_same_states_in_both_directions(rng, cell):
    one, other = floats(rng, cell), floats(rng, cell)
    p, s_0 = bidirectional.Params(one.p, other.p), bidirectional.State(one.s_0, other.s_0)
    operator = interop.to_onnx(p)
    Y = onnx(operator, one.X, s_0)
    want = bidirectional.forward(cell, p, one.X, s_0).S[1:]
    assert error({"S": want}, {"S": np.concatenate([Y[:, 0], Y[:, 1]], axis=-1)}) < 1e-14
    assert operator.attributes["direction"] == "bidirectional"


def test_rnnlibs_order_of_gates_is_not_onnx_order(rng):
    """The tempting mistake: the same arrays handed over as they are."""
    for cell in (lstm, gru):
        net = floats(rng, cell)
        operator = interop.to_onnx(net.p)
        as_they_are = operator._replace(W=net.p.U[None], R=net.p.W[None])
        S = net.trace().S[1:]
        assert error({"S": onnx(as_they_are, net.X, [net.s_0])[:, 0]}, {"S": S}) > 1e-2


def test_linear_before_reset_is_reset_after_the_product(rng):
    net = floats(rng, gru)
    for reset, other in (("after", "before"), ("before", "after")):
        Y = onnx(interop.to_onnx(net.p, reset=other), net.X, [net.s_0])[:, 0]
        assert error({"S": Y}, {"S": gru.forward(net.p, net.X, net.s_0, reset=reset).S[1:]}) > 1e-2


def test_to_onnx_refuses(rng):
    with pytest.raises(ValueError, match="reset is 'never'; it must be 'after' or 'before'"):
        interop.to_onnx(floats(rng, gru).p, reset="never")
    with pytest.raises(ValueError, match="the layers differ in kind, directions or number of units"):
        interop.to_onnx(floats(rng, both(lstm, gru)).p)
    with pytest.raises(ValueError, match=r"p holds a builtins\.tuple; it must hold rnn\.Params, lstm\.Params or gru\.Params"):
        interop.to_onnx(floats(rng, layers(rnn, rnn)).p)


def test_without_pytorch_the_error_says_what_to_do(rng, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    p = floats(rng, rnn).p
    for call in (
        lambda: interop.to_torch(p),
        lambda: interop.from_torch(None),
        lambda: interop.gradients_from_torch(None),
        lambda: interop.state_to_torch(np.ones(3)),
        lambda: interop.state_from_torch(None, None),
        lambda: interop.readout_from_torch(None),
        lambda: interop.readout_to_torch(None),
        lambda: interop.one_bias(None),
        lambda: interop.as_torch_function(interop.Network(rnn, p, "tanh")),
        lambda: interop.tensors_of(p),
    ):
        with pytest.raises(ImportError, match="PyTorch is not installed, and this function needs it: pip install torch"):
            call()
