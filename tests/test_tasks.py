"""The book's trainings: what is promised is checked, sizes are data, an interrupted run goes on, and counting counts."""

import re
from collections import Counter

import numpy as np
import pytest

pytest.importorskip("babel")

from rnnlib import data, gru, model, one_hot, tasks
from rnnlib._records import leaves
from rnnlib.initialise import uniform_readout, uniform_rnn
from rnnlib.tasks import Problem, Promise, Task, learn, missed, names

TINY = names.SMALL._replace(h=6, epochs=2, batch=256)


def toy(settings):
    """Which of two letters came last."""
    rng = np.random.default_rng(0)
    X = rng.choice([-1.0, 1.0], size=(3, 8, 1))
    p, q = uniform_rnn(rng, 1, 4), uniform_readout(rng, 4, 2)
    score = lambda p, q: {"network": settings["score"]}  # noqa: E731
    batches = [(X, one_hot((X[..., 0] > 0).astype(int), 2))]
    return Problem(p, q, batches, {"epochs": settings["epochs"]}, score, {"counting": 0.5})


def toy_task(name="toy", score=0.9, bound=0.8):
    sizes = ({"score": 0.1, "epochs": 2}, {"score": score, "epochs": 3})
    return Task(name, "page", "which letter came last?", toy, *sizes, (Promise("network", ">", bound), Promise("counting", "<", "network")))


# -- every task --------------------------------------------------------------------------------------------


def test_names_of_tasks_differ_and_are_fit_for_files():
    found = [task.name for task in tasks.TASKS]
    assert len(set(found)) == len(found) and all(re.fullmatch(r"[a-z][a-z0-9-]*", name) for name in found)


@pytest.mark.parametrize("task", tasks.TASKS, ids=lambda task: task.name)
def test_full_and_small_are_two_sizes_of_one_record_and_something_is_promised(task):
    assert type(task.small) is type(task.full) and task.small != task.full
    assert task.promises and task.question


# -- promises ----------------------------------------------------------------------------------------------


def test_a_promise_may_name_a_number_or_another_score():
    scores = {"network": 0.8, "counting": 0.8}
    assert missed([Promise("network", ">", 0.79), Promise("network", "<", 0.81)], scores) == []
    assert missed([Promise("network", ">", "counting")], scores) == ["network is 0.8000; promised was more than 0.8000 (counting)"]
    assert missed([Promise("network", "<", 0.8)], scores) == ["network is 0.8000; promised was less than 0.8000"]
    assert len(missed([Promise("network", ">", 0.1)], {"network": float("nan")})) == 1


@pytest.mark.parametrize(
    ("promise", "message"),
    [
        (Promise("net", ">", 1), "a promise names the score 'net'; there are network"),
        (Promise("network", ">", "counting"), "a promise names the score 'counting'"),
        (Promise("network", ">=", 1), "has the relation '>='"),
    ],
)
def test_a_promise_about_nothing_is_an_error(promise, message):
    with pytest.raises(ValueError, match=message):
        missed([promise], {"network": 1.0})


def test_learn_scores_the_best_parameters_and_names_must_differ():
    problem = toy({"score": 1.0, "epochs": 3})
    seen = []
    problem = problem._replace(scores=lambda p, q: seen.append((p, q)) or {"network": 1.0})
    scores = iter([0.3, 0.2, 0.4])
    learnt = learn(problem, validation=lambda p, q: next(scores))
    assert seen == [learnt.run.best] and learnt.run.scores.tolist() == [0.3, 0.2, 0.4]
    assert learnt.scores == {"network": 1.0, "counting": 0.5}
    with pytest.raises(ValueError, match="'network' is the name of a score and of a baseline"):
        learn(problem._replace(baselines={"network": 0.0}))


def test_falling_adam_falls_and_stays():
    optimiser, p, state, steps = tasks.falling_adam(0.5, 4), np.zeros(1), None, []
    for _ in range(6):
        before = p
        p, state = optimiser(p, np.ones(1), state)
        steps.append(float((before - p)[0]))
    assert steps == pytest.approx([0.5, 0.375, 0.25, 0.125, 0.005, 0.005])
    with pytest.raises(ValueError, match="steps is 0"):
        tasks.falling_adam(0.5, 0)


# -- names -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def found():
    return names.load()


def test_no_spelling_is_in_two_parts_and_all_names_are_somewhere(found):
    parts = [{name.text for name in part} for part in found[:4]]
    assert sum(map(len, parts)) == len(set.union(*parts))
    assert len(set.union(*parts)) == sum(len(name.text) <= names.LONGEST for name in data.names(names.LANGUAGES))
    assert all(len(name.languages) == 1 for part in found[:3] for name in part)
    assert all(len(name.languages) > 1 for name in found.shared)


@pytest.mark.parametrize("k", [1, 2, 3])
def test_counts_are_those_of_a_dictionary(k):
    alphabet = data.Alphabet("abc")
    some = [data.Name("abca", ("cy",)), data.Name("ba", ("cy",)), data.Name("cab", ("en",))]
    N = names.count(some, alphabet, k)
    expected = Counter()
    for name in some:
        text = "^" * (k - 1) + name.text + "^"
        expected.update((name.languages[0], text[i : i + k]) for i in range(len(text) - k + 1))
    symbols = "abc^"
    for (language, gram), times in expected.items():
        before = sum(symbols.index(c) * 4 ** (k - 2 - j) for j, c in enumerate(gram[:-1]))
        assert N[names.LANGUAGES.index(language), before, symbols.index(gram[-1])] == times
    assert N.sum() == sum(expected.values())


def test_counted_chances_are_bayes_rule_written_out():
    alphabet, alpha = data.Alphabet("ab"), 0.5
    some = [data.Name("ab", ("cy",)), data.Name("aab", ("cy",)), data.Name("ba", ("de",))]
    shares = np.full(10, 0.1)
    shares[0] = 0.4
    (found,) = names.counted_chances(names.count(some, alphabet, 2), shares, [data.Name("ab", ("cy",))], alphabet, 2, alpha)
    # Welsh: at the beginning a, a (2 times); after a: a, b, b; after b: the edge twice
    expected = np.log(0.4) + np.log(2.5 / 3.5) + np.log(2.5 / 4.5) + np.log(2.5 / 3.5)
    assert found[0] == pytest.approx(expected)
    assert found[2] == pytest.approx(np.log(0.1) + 3 * np.log(1 / 3))  # English has no counts: all three symbols alike


def test_batches_have_every_name_once_and_hide_letters(found):
    batches = list(names.epoch(found.learn, found.alphabet, TINY)(np.random.default_rng(0)))
    assert sum(batch.X.shape[1] for batch in batches) == len(found.learn)
    assert all((batch.weights.sum(axis=0) == 1).all() for batch in batches)
    last = [batch.weights.argmax(axis=0) for batch in batches]
    assert sorted(np.concatenate(last) + 1) == sorted(len(name.text) for name in found.learn)
    shown = sum(batch.X.sum() for batch in batches) / sum(len(name.text) for name in found.learn)
    assert shown == pytest.approx(1 - TINY.hidden, abs=0.01)
    assert {batch.X.dtype for batch in batches} == {np.dtype(np.float32)}
    assert len(list(names.epoch(found.learn[:5], found.alphabet, TINY)(np.random.default_rng(0)))) == 1


def test_padding_does_not_change_an_answer(found):
    p, q = names.start(TINY, len(found.alphabet))
    some = sorted(found.test, key=lambda name: len(name.text))[:: len(found.test) // 6]
    together = names.chances(p, q, some, found.alphabet)
    alone = np.concatenate([names.chances(p, q, [name], found.alphabet) for name in some])
    assert together == pytest.approx(alone, abs=1e-6) and together.sum(axis=1) == pytest.approx(1, abs=1e-5)


def test_reading_agrees_with_the_answer_and_the_gradient_with_a_small_step(found):
    p, q = names.start(TINY, len(found.alphabet))
    name = found.test[7]
    O, sizes = names.read(p, q, name, found.alphabet)
    assert O[-1] == pytest.approx(names.chances(p, q, [name], found.alphabet)[0], abs=1e-6)
    p, q = (type(part)(*(a.astype(float) for a in part)) for part in (p, q))
    X, Y, weights, *_ = names.batch([name], found.alphabet)
    g = model.loss_and_gradients(p, q, X, Y, cell=gru, weights=weights).dL_dX[2, 0]
    step = np.zeros_like(X, complex)
    step[2, 0] = 1e-30j * g / np.linalg.norm(g)  # along the gradient the slope is its length
    slope = model.loss(p, q, X + step, Y, cell=gru, weights=weights).imag / 1e-30
    assert sizes[2] == pytest.approx(slope, rel=1e-4)


def test_a_tiny_network_learns_and_goes_on_bit_for_bit(tmp_path):
    problem = names.prepare(TINY)
    whole = learn(problem)
    assert whole.run.losses[-1] < whole.run.losses[0] and whole.scores["network"] > whole.scores["majority"]
    learn(problem, epochs=1, path=tmp_path / "run.npz")
    resumed = learn(problem, path=tmp_path / "run.npz")
    one, other = leaves(whole.run), leaves(resumed.run)
    assert one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


def test_counting_is_strong_and_in_order():
    """What the page says about counting: each letter alone is far above the majority, pairs far above letters."""
    scores = names.prepare(TINY).baselines
    assert scores["majority"] < 0.2 < 0.5 < scores["letters"] < 0.6 < 0.7 < scores["triples"] < scores["pairs"] < 0.76
