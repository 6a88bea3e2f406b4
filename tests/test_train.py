"""The training loop: it learns, and a run that was interrupted ends bit for bit where one that was not ends."""

import os
import re
import sys
import types
from functools import partial

import numpy as np
import pytest
from generic_cell import both, build, floats, layers

from rnnlib import bidirectional, gru, lstm, model, one_hot, optimise, readout, rnn, train
from rnnlib._records import leaves, mapped

ADAM = partial(optimise.adam, rate=0.05)
CELLS = {"rnn": rnn, "lstm": lstm, "bidirectional": both(lstm, gru), "stacked": layers(rnn, lstm)}


class Stop(Exception):
    """An interruption."""


def problem(rng, spec=rnn, dtype=float, batches=4):
    """Which sign came first, and which last: four classes, so that both ends of the sequence must be known."""
    cell, p, _, out = build(spec, lambda *shape: rng.normal(size=shape) * 0.3, 2, 6, ())
    q = readout.Params(rng.normal(size=(4, out)) * 0.3, np.zeros(4))
    p, q = mapped(lambda a: a.astype(dtype), (p, q))
    made = []
    for _ in range(batches):
        X = rng.choice([-1.0, 1.0], size=(5, 16, 2))
        Y = one_hot((X[0, :, 0] > 0) + 2 * (X[-1, :, 1] > 0), 4)
        made.append((X, Y[None], readout.last_step(5)))
    return cell, p, q, made


def same(one, other):
    """Whether two records have the same arrays at the same places, bit for bit."""
    one, other = (
        {name: (np.asarray(a).dtype, np.shape(a), np.asarray(a).tobytes()) for name, a in leaves(record).items()}
        for record in (one, other)
    )
    return one == other


def stop_after(epochs):
    def callback(run):
        if len(run.losses) == epochs:
            raise Stop

    return callback


@pytest.mark.parametrize("spec", CELLS)
def test_a_small_problem_is_learnt(rng, spec):
    """The chance level is log 4; the bidirectional network is read where both of its cells have seen all."""
    cell, p, q, batches = problem(rng, CELLS[spec])
    if spec == "bidirectional":
        cell = bidirectional.cell(lstm, gru, align=False)
    kept = mapped(np.copy, (p, q))
    run = train.fit(p, q, batches, cell=cell, optimiser=ADAM, clip=1.0, epochs=60)
    assert run.losses[0] > 1 and run.losses[-1] < 0.1 < np.log(4)
    assert same((p, q), kept) and type(run.p) is type(p)


def test_one_epoch_of_one_batch_is_one_step_on_the_mean_over_its_sequences(rng):
    _, p, q, (batch, *_) = problem(rng)
    X, Y, weights = batch
    g = model.loss_and_gradients(p, q, X, Y, weights=weights)
    mean = mapped(lambda a: a / 16, (g.dL_dp, g.dL_dq))
    sgd = partial(optimise.sgd, rate=0.5)
    run = train.fit(p, q, [batch], optimiser=sgd, epochs=1)
    assert same((run.p, run.q), sgd((p, q), mean).p) and run.losses == [pytest.approx(g.L / 16)]
    limit = optimise.norm(mean) / 3
    run = train.fit(p, q, [batch], optimiser=sgd, epochs=1, clip=limit)
    assert same((run.p, run.q), sgd((p, q), optimise.clip_by_norm(mean, limit)).p)


def test_single_sequences_start_states_and_cells_of_their_own_are_used(rng):
    net = floats(rng, rnn, B=0)
    g = model.loss_and_gradients(net.p, net.q, net.X, net.Y, net.s_0, cell=net.cell, weights=net.weights)
    sgd = partial(optimise.sgd, rate=0.5)
    run = train.fit(net.p, net.q, [train.Batch(net.X, net.Y, net.weights, net.s_0, rnn)], cell=lstm, optimiser=sgd, epochs=1)
    assert same((run.p, run.q), sgd((net.p, net.q), (g.dL_dp, g.dL_dq)).p)


@pytest.mark.parametrize("spec", CELLS)
@pytest.mark.parametrize("dtype", [float, np.float32])
@pytest.mark.parametrize("optimiser", [ADAM, partial(optimise.sgd, rate=0.1, momentum=0.9)])
def test_interrupted_and_taken_up_again_is_uninterrupted_bit_for_bit(rng, tmp_path, spec, dtype, optimiser):
    cell, p, q, (held, *batches) = problem(rng, CELLS[spec], dtype)
    fit = partial(train.fit, p, q, batches, cell=cell, optimiser=optimiser, clip=0.5, epochs=7, seed=3, validation=[held])
    whole, path = fit(), tmp_path / "run.npz"
    for epochs in (2, 5):  # stopped twice
        with pytest.raises(Stop):
            fit(path=path, callback=stop_after(epochs))
    again = fit(path=path)
    assert same(again, whole) and len(again.losses) == 7
    assert {a.dtype for a in leaves((again.p, again.q, again.best)).values()} == {np.dtype(dtype)}
    assert same(fit(path=path, epochs=3), whole)  # nothing is left to do
    assert os.listdir(tmp_path) == ["run.npz"]


def test_parameters_in_another_memory_layout_are_taken_up_bit_for_bit_too(rng, tmp_path):
    _, p, q, batches = problem(rng)
    p = p._replace(U=np.asfortranarray(p.U), W=p.W.T)

    def by_columns(theta, g, state):
        theta, state = ADAM(theta, g, state)
        return mapped(np.asfortranarray, theta), state

    fit = partial(train.fit, p, q, batches, optimiser=by_columns, epochs=4, path=None)
    with pytest.raises(Stop):
        fit(path=tmp_path / "run.npz", callback=stop_after(1))
    whole = fit()
    assert same(fit(path=tmp_path / "run.npz"), whole)
    assert all(a.flags.c_contiguous for a in leaves((whole.p, whole.q)).values())  # as those out of a file


def test_batches_drawn_by_a_function_are_taken_up_bit_for_bit_too(rng, tmp_path):
    _, p, q, ((X, Y, weights), *_) = problem(rng)

    def batches(rng):
        for k in np.split(rng.permutation(16), 4):
            yield X[:, k] + 0.1 * rng.normal(size=(5, 4, 2)), Y[:, k], weights

    fit = partial(train.fit, p, q, batches, epochs=4)
    with pytest.raises(Stop):
        fit(path=tmp_path / "run.npz", callback=stop_after(2))
    assert same(fit(path=tmp_path / "run.npz"), fit())


def test_the_same_seed_is_the_same_run_and_another_is_another(rng):
    _, p, q, batches = problem(rng)
    one, again, other = (train.fit(p, q, batches, epochs=3, seed=seed) for seed in (1, 1, 2))
    assert same(one, again) and not same(one.p, other.p)


def test_an_interruption_within_an_epoch_or_a_failed_save_leaves_the_last_epoch(rng, tmp_path, monkeypatch):
    _, p, q, batches = problem(rng)
    path = tmp_path / "run.npz"
    train.fit(p, q, batches, epochs=2, path=path)
    before = path.read_bytes()

    def breaks_off(file, **arrays):
        file.write(b"half")
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(np, "savez", breaks_off)
        with pytest.raises(OSError, match="no space left"):
            train.fit(p, q, batches, epochs=3, path=path)
    calls = []

    def cut(theta, g, state):
        calls.append(state)
        if len(calls) == 4:  # one call asks for the state's kind
            raise Stop
        return optimise.adam(theta, g, state)

    with pytest.raises(Stop):
        train.fit(p, q, batches, epochs=3, path=path, optimiser=cut)
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["run.npz"]


def test_the_file_is_put_in_place_whole_and_at_once(rng, tmp_path, monkeypatch):
    """At the moment of replacing, the old file is untouched and the new one complete."""
    _, p, q, batches = problem(rng)
    path, replace, seen = tmp_path / "run.npz", os.replace, []
    train.fit(p, q, batches, epochs=1, path=path)

    def watched(new, old):
        for name in (old, new):
            with np.load(name) as file:
                seen.append(file["run.losses"].size)
        replace(new, old)

    monkeypatch.setattr(os, "replace", watched)
    train.fit(p, q, batches, epochs=3, path=path)
    assert seen == [1, 2, 2, 3]


def test_early_stop_keeps_the_best_and_resumes_stopped(rng, tmp_path):
    _, p, q, batches = problem(rng)
    wanted = iter([3.0, 2.0, 2.5, 2.0, 2.1, 0.0])
    seen = []
    fit = partial(train.fit, p, q, batches, epochs=20, patience=3, path=tmp_path / "run.npz")
    run = fit(validation=lambda *_: next(wanted), callback=seen.append)
    assert run.scores.tolist() == [3.0, 2.0, 2.5, 2.0, 2.1] and len(run.losses) == 5
    assert same(run.best, (seen[1].p, seen[1].q)) and not same(run.best, (run.p, run.q))
    assert same(fit(validation=lambda *_: next(wanted)), run) and next(wanted) == 0.0


def test_scores_are_the_mean_loss_of_a_sequence_not_learnt_from(rng):
    _, p, q, (one, other, *batches) = problem(rng)
    other = tuple(a[:, :5] if a.ndim > 1 else a for a in other)
    run = train.fit(p, q, batches, epochs=2, validation=[one, other])
    L = [model.loss(run.p, run.q, X, Y, weights=w) for X, Y, w in (one, other)]
    assert run.scores[-1] == pytest.approx(sum(L) / 21)


# files and settings that will not do


def test_a_damaged_file_is_refused_wherever_it_is_cut_or_changed(rng, tmp_path):
    _, p, q, batches = problem(rng)
    path = tmp_path / "run.npz"
    fit = partial(train.fit, p, q, batches, path=path)
    whole = fit(epochs=1)
    good = path.read_bytes()
    damaged = [b"", b"text", good[: len(good) // 2], good[:-1], good[len(good) // 3 :]]
    for data in damaged:
        path.write_bytes(data)
        with pytest.raises(ValueError, match=r"run\.npz cannot be read as a saved run \(.*delete it to begin anew"):
            fit(epochs=1)
    refused = 0
    for place in rng.integers(len(good), size=150):  # one wrong byte: an error, or a byte that nobody reads
        path.write_bytes(good[:place] + bytes([good[place] ^ 255]) + good[place + 1 :])
        try:
            assert same(fit(epochs=1), whole)
        except ValueError as error:
            assert "delete it to begin anew" in str(error)
            refused += 1
    assert refused > 75


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (dict(cell=lstm), "it says 'cell rnn, tanh, softmax_cross_entropy, seed 0, no validation', this one is 'cell lstm,"),
        (dict(seed=1), "seed 0, no validation', this one is 'cell rnn, tanh, softmax_cross_entropy, seed 1,"),
        (dict(f="relu"), "this one is 'cell rnn, relu,"),
        (dict(validation=lambda *_: 0), "seed 0, validation'"),
        (dict(optimiser=partial(optimise.sgd, rate=1)), "state.velocity.0.U is missing, not float64(6, 2)"),
        (dict(q=readout.Params(np.zeros((3, 6)), np.zeros(3))), "q.V is float64(4, 6), not float64(3, 6)"),
        (dict(q=readout.Params(np.zeros((4, 6), np.float32), np.zeros(4))), "q.V is float64(4, 6), not float32(4, 6)"),
    ],
)
def test_a_file_of_another_run_is_refused_and_left_alone(rng, tmp_path, other, message):
    _, p, q, batches = problem(rng)
    path = tmp_path / "run.npz"
    train.fit(p, q, batches, epochs=1, path=path)
    before = path.read_bytes()
    with pytest.raises(ValueError, match=re.escape(message)):
        train.fit(**dict(p=p, q=q, batches=batches, epochs=2, path=path) | other)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (dict(epochs=-1), "epochs is -1; it must be an integer of at least 0"),
        (dict(seed=None), "seed is None; it must be an integer"),
        (dict(patience=0, validation=lambda *_: 0), "patience is 0; it must be an integer of at least 1"),
        (dict(patience=2), "patience is given and validation is not"),
        (dict(path="no/such/run.npz"), "path is 'no/such/run.npz'; its folder does not exist"),
        (dict(batches=[]), "batches is empty; there must be at least one batch"),
        (dict(batches=3), "batches is a int; it must be batches in a list, or a function"),
        (dict(batches=[np.ones(3)]), "a batch is a ndarray; it must be (X, Y)"),
        (dict(batches=lambda rng: []), "there is no batch in epoch 0"),
        (dict(validation=[]), "validation is empty"),
        (dict(validation=lambda *_: np.nan), "the validation of epoch 0 is nan"),
        (dict(cell=lstm), "W has shape (6, 6); it must be (4h, h)"),
        (dict(clip=0), "limit is 0; it must be a positive number"),
        (dict(f="tan"), "unknown activation 'tan'"),
    ],
)
def test_settings_are_refused(rng, wrong, message):
    _, p, q, batches = problem(rng)
    with pytest.raises(ValueError, match=re.escape(message)):
        train.fit(**dict(p=p, q=q, batches=batches) | wrong)


def test_a_loss_that_is_no_number_is_named(rng):
    _, p, q, batches = problem(rng)
    with np.errstate(all="ignore"), pytest.raises(ValueError, match=r"lower the rate, or clip the gradient|must be finite"):
        train.fit(p, q, batches, f="identity", head="squared_error", optimiser=partial(optimise.sgd, rate=1e9), epochs=50)


# the bar


def test_the_bar_counts_batches_and_is_not_needed(rng, monkeypatch):
    _, p, q, batches = problem(rng)
    seen = []

    class Bar:
        def __init__(self, total, unit):
            seen.append(total)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            seen.append("closed")

        def set_postfix(self, **_):
            pass

        def update(self):
            seen.append(1)

    monkeypatch.setitem(sys.modules, "tqdm", types.SimpleNamespace(tqdm=Bar))
    with_bar = train.fit(p, q, batches, epochs=3, progress=True)
    assert seen == [12, *[1] * 12, "closed"]
    monkeypatch.setitem(sys.modules, "tqdm", None)  # as if it were not installed
    assert same(train.fit(p, q, batches, epochs=3, progress=True), with_bar)


def test_the_real_bar_shows_the_loss(rng, capsys):
    pytest.importorskip("tqdm")
    _, p, q, batches = problem(rng)
    train.fit(p, q, batches, epochs=2, progress=True)
    assert re.search(r"8/8.*epoch=2, loss=\d\.\d{4}", capsys.readouterr().err)
