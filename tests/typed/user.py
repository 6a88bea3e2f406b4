"""What a user of rnnlib writes, for mypy --strict: each ``assert_type`` says what the type checker knows. It also runs."""

from functools import partial
from typing import Any, assert_type

import numpy as np
from numpy.typing import NDArray

import rnnlib
from rnnlib import (
    bidirectional,
    checkpointed,
    chunked,
    flow,
    gru,
    initialise,
    lstm,
    optimise,
    other_ways,
    readout,
    rnn,
    stacked,
    train,
    truncated,
)

Array = NDArray[Any]
rng = np.random.default_rng(0)
p, q = initialise.uniform_rnn(rng, n=3, h=5), initialise.uniform_readout(rng, h=5, m=2)
X, Y = rng.normal(size=(7, 3)), rnnlib.one_hot([0, 1, 1, 0, 1, 0, 0], 2)

g = rnnlib.loss_and_gradients(p, q, X, Y, f="tanh", head=rnnlib.head("softmax_cross_entropy"))
assert_type(g.dL_dp, rnn.Params)
assert_type(g.dL_dp.W, Array)
assert_type(g.dL_dq, readout.Params)
assert_type(checkpointed.loss_and_gradients(p, q, X, Y).dL_dp, rnn.Params)
assert_type(chunked.loss_and_gradients(p, q, X, Y, chunks=3).dL_dp, rnn.Params)
assert_type(truncated.chunk(p, q, X, Y).gradients.dL_dp, rnn.Params)

trace = rnn.forward(p, X, work=rnnlib.Workspace())
back = rnn.backward(p, trace, dL_dS=rng.normal(size=(7, 5)))
assert_type(trace.s_T, Array)
assert_type(back.dL_dp.b, Array)
assert_type(rnn.step(p, X, np.zeros((7, 5))), tuple[Array, Array])
assert_type(other_ways.real_time(p, trace, trace.S[1:]), rnn.Gradients)
assert_type(flow.log_bounds(flow.jacobians(p, trace)), tuple[Array, Array])

p_lstm = initialise.orthogonal_lstm(rng, n=3, h=5)
assert_type(rnnlib.loss_and_gradients(p_lstm, q, X, Y, cell=lstm).dL_dp, lstm.Params)
assert_type(lstm.forward(p_lstm, X).s_T, lstm.State)
assert_type(lstm.forward(p_lstm, X).s_T + lstm.forward(p_lstm, X).s_T, lstm.State)
assert_type(lstm.forward(p_lstm, X).G.phi, Array)

p_gru = initialise.orthogonal_gru(rng, n=3, h=5)
assert_type(gru.forward(p_gru, X, reset="before").G.u, Array)
both = bidirectional.cell(gru, gru.variant("before"))
layers = stacked.cell(gru, rnn)
p_2 = (p_gru, initialise.uniform_rnn(rng, n=5, h=5))
assert_type(rnnlib.loss_and_gradients(p_2, q, X, Y, cell=layers).dL_dp, tuple[gru.Params, rnn.Params])

step = optimise.sgd(p, g.dL_dp, rate=0.1, momentum=0.9)
assert_type(step.p, rnn.Params)
assert_type(optimise.clip_by_norm(g.dL_dp, limit=1), rnn.Params)
run = train.fit(p_gru, q, [(X, Y), train.Batch(X, Y)], cell=gru, optimiser=partial(optimise.adam, rate=0.01), epochs=1)
assert_type(run.p, gru.Params)
assert_type(run.best, tuple[gru.Params, readout.Params])


def my_backward(p: rnn.Params, q: readout.Params, X: Array, Y: Array) -> dict[str, Array]:
    return {"dW": rnnlib.loss_and_gradients(p, q, X, Y).dL_dp.W}


found = rnnlib.diagnose(my_backward, seed=1)
assert_type(found.names, tuple[str, ...])
assert not found.wrong
