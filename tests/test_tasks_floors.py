"""rnnlib.tasks.floors: what a network is shown and taught, and that it ends above its floor or below it as it should."""

import numpy as np
import pytest

from rnnlib import data, model, rnn, tasks, truncated
from rnnlib.tasks import floors
from rnnlib.tasks.floors import Settings


def first_batch(settings):
    return next(iter(floors.prepare(settings).batches(np.random.default_rng(1))))


def test_sees_shows_the_last_steps_alone():
    whole = Settings("adding", "gru", T=12)
    X, Y, weights = first_batch(whole)
    X_5, Y_5, weights_5 = first_batch(whole._replace(sees=5))
    assert np.array_equal(X[-5:], X_5) and np.array_equal(Y, Y_5) and np.array_equal(weights[-5:], weights_5)


def test_back_truncates_the_gradient_and_not_the_forward_pass():
    settings = Settings("add-delay", "rnn", T=12, h=4, B=3)
    whole, cut = floors.prepare(settings), floors.prepare(settings._replace(back=3))
    X, Y, weights = first_batch(settings)
    options = dict(head="sigmoid_cross_entropy", weights=weights)
    g = model.loss_and_gradients(whole.p, whole.q, X, Y, cell=rnn, **options)
    g_3 = model.loss_and_gradients(whole.p, whole.q, X, Y, cell=cut.options["cell"], **options)
    assert g.L == g_3.L
    assert np.array_equal(g.dL_dq.V, g_3.dL_dq.V) and not np.allclose(g.dL_dp.W, g_3.dL_dp.W, rtol=1e-3)
    trace = rnn.forward(whole.p, X)
    effects = np.random.default_rng(2).normal(size=(12, 3, 4))
    want = truncated.window(whole.p, trace, effects, 3).dL_dp.W
    assert np.array_equal(floors.truncated_cell(3).backward(whole.p, trace, effects).dL_dp.W, want)
    with pytest.raises(ValueError, match="only 'rnn' has a truncated gradient"):
        floors.prepare(Settings("adding", "gru", T=12, back=3))


def test_floors_are_those_of_the_tasks():
    found = {kind: floors.prepare(Settings(kind, "rnn", T=12, tested=3)).baselines["floor"] for kind in floors.KINDS}
    assert found["add-delay"] == data.floor(data.add_delay_chances())
    assert found["xor"] == pytest.approx(np.log(2)) and found["adding"] == 1 / 6
    assert found["copying"] == pytest.approx(10 * np.log(8) / 32)


def test_the_score_of_adding_is_the_squared_error():
    problem = floors.prepare(Settings("adding", "rnn", T=10, tested=50))
    silent = problem.q._replace(V=0 * problem.q.V, c=np.ones(1))  # always says 1
    assert problem.scores(problem.p, silent)["network"] == pytest.approx(np.mean((problem.data[1] - 1) ** 2))


@pytest.mark.parametrize("cell", floors.CELLS)
def test_every_cell_shows_h_states(cell):
    problem = floors.prepare(Settings("xor", cell, T=6, h=8, tested=5))
    assert np.isfinite(problem.scores(problem.p, problem.q)["network"]) and problem.q.V.shape == (1, 8)


def test_xor_two_layers_go_below_the_floor_and_one_layer_does_not():
    scores = {name: tasks.learn(floors.prepare(settings)).scores for name, settings in floors.XOR.items()}
    assert scores["both, second layer"]["network"] < 0.02
    for name in ("rnn", "both directions"):
        assert abs(scores[name]["network"] - np.log(2)) < 0.003
