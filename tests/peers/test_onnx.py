"""``interop.to_onnx`` against ONNX Runtime, which computes the operators in float32."""

import numpy as np
import pytest
from generic_cell import floats
from generic_point import error

from rnnlib import bidirectional, gru, interop, lstm, rnn

onnx = pytest.importorskip("onnx", reason="ONNX is not installed; make test-peers installs it")
runtime = pytest.importorskip("onnxruntime", reason="ONNX Runtime is not installed; make test-peers installs it")


def run(operator, X):
    """Y of a model that is this operator alone, directions side by side: (T, B, directions · h)."""
    inputs = {name: a.astype(np.float32) for name, a in (("X", X), ("W", operator.W), ("R", operator.R), ("B", operator.B))}
    info = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node(operator.op, list(inputs), ["Y"], **operator.attributes)],
        "one operator",
        [info(name, onnx.TensorProto.FLOAT, a.shape) for name, a in inputs.items()],
        [info("Y", onnx.TensorProto.FLOAT, None)],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 22)], ir_version=10)
    (Y,) = runtime.InferenceSession(model.SerializeToString()).run(None, inputs)
    return np.concatenate(list(np.moveaxis(Y, 1, 0)), axis=-1)


@pytest.mark.parametrize("both", [False, True], ids=["forward", "both"])
@pytest.mark.parametrize(
    ("cell", "reset"),
    [(rnn, "after"), (lstm, "after"), (gru, "after"), (gru.variant("before"), "before")],
    ids=["rnn", "lstm", "gru after", "gru before"],
)
def test_states_match_onnx_runtime(rng, cell, reset, both):
    one, other = floats(rng, cell), floats(rng, cell)
    p = bidirectional.Params(one.p, other.p) if both else one.p
    S = (bidirectional.cell(cell) if both else cell).forward(p, one.X).S[1:]
    assert error({"S": run(interop.to_onnx(p, reset), one.X)}, {"S": S}) < 2e-6
