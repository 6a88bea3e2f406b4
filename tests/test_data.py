"""rnnlib.data: the CLDR names, the alphabet that encodes them, and a split that leaks nothing."""

import builtins
import subprocess
import sys

import numpy as np
import pytest

from rnnlib import data, losses, readout, rnn

LANGUAGES = ("en", "fi", "it", "tr")


@pytest.fixture(scope="module")
def found():
    return data.names(LANGUAGES)


# -- the alphabet


def test_decode_takes_encode_back():
    alphabet = data.Alphabet.of(["côte d'ivoire", "đức"])
    for text in ("côte d'ivoire", "đức", "e"):
        assert alphabet.decode(alphabet.encode(text)) == text


def test_encode_is_one_hot_with_time_first():
    X = data.Alphabet("xyz").encode("zx", dtype=np.float32)
    assert X.dtype == np.float32
    assert X.tolist() == [[0, 0, 1], [1, 0, 0]]


def test_batch_columns_are_the_encoded_texts_and_the_padding_is_zero():
    alphabet, texts = data.Alphabet("abc"), ["cab", "a", "bc"]
    X, lengths = alphabet.batch(texts)
    assert X.shape == (3, 3, 3) and lengths.tolist() == [3, 1, 2]
    for k, text in enumerate(texts):
        assert np.array_equal(X[: lengths[k], k], alphabet.encode(text))
        assert not X[lengths[k] :, k].any()
        assert alphabet.decode(X[: lengths[k], k]) == text


def test_batch_has_the_lengths_that_readout_takes():
    X, lengths = data.Alphabet("abc").batch(["cab", "a"])
    assert readout.mask(lengths, len(X)).T.tolist() == [[1, 1, 1], [1, 0, 0]]
    assert readout.last_valid(lengths, len(X)).T.tolist() == [[0, 0, 1], [1, 0, 0]]


def test_batched_states_match_states_of_single_texts(rng):
    alphabet, texts = data.Alphabet("abcde"), ["cabed", "be", "add"]
    p = rnn.Params(rng.normal(size=(4, 5)), rng.normal(size=(4, 4)), rng.normal(size=4))
    X, lengths = alphabet.batch(texts)
    S = rnn.forward(p, X).S
    for k, text in enumerate(texts):
        np.testing.assert_allclose(S[: lengths[k] + 1, k], rnn.forward(p, alphabet.encode(text)).S, rtol=0, atol=1e-15)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda a: a.encode(""), "the text is empty"),
        (lambda a: a.batch(["ab", ""]), "the text is empty"),
        (lambda a: a.encode("abd"), "the letter 'd' of 'abd' is not in the alphabet 'abc'"),
        (lambda a: a.batch([]), "texts is empty"),
        (lambda a: a.batch("abc"), r"texts is 'abc'; it must be a list"),
        (lambda a: a.encode(data.Name("ab", ("en",))), "is no text"),
        (lambda a: a.encode(3), "3 is no text"),
        (lambda a: a.decode([[1, 0, 0], [0, 0, 0]]), "row 1 of X is not one-hot"),
        (lambda a: a.decode([[2, -1, 0]]), "row 0 of X is not one-hot"),
        (lambda a: a.decode([[1, 0]]), r"X has shape \(1, 2\); it must be \(T, 3\)"),
    ],
)
def test_alphabet_says_what_is_wrong(call, words):
    with pytest.raises(ValueError, match=words):
        call(data.Alphabet("abc"))


@pytest.mark.parametrize(("letters", "words"), [("", "at least one letter"), ("abca", "'a' stands twice"), (5, "5")])
def test_alphabet_needs_distinct_letters(letters, words):
    with pytest.raises(ValueError, match=words):
        data.Alphabet(letters)


# -- the names


def test_names_know_their_languages(found):
    known = {name.text: name.languages for name in found}
    assert known["suomi"] == ("fi",)  # the language and the country
    assert known["gabon"][:2] == ("en", "fi")
    assert known["almanya"] == ("tr",) and known["germania"] == ("it",)
    assert len(known) == len(found) > 1000


def test_names_are_clean_sorted_and_the_same_each_time(found):
    texts = [name.text for name in found]
    assert texts == sorted(texts)
    assert all(text == text.lower() == " ".join(text.split()) for text in texts)
    assert all(letter.isalpha() or letter in " '-" for text in texts for letter in text)
    assert data.names(LANGUAGES) == found


def test_the_order_of_languages_is_the_one_asked_for():
    known = {name.text: name.languages for name in data.names(("fi", "en"))}
    assert known["gabon"] == ("fi", "en")


def test_small_letters_follow_the_rules_of_turkish():
    texts = {name.text for name in data.names(["tr"])}
    assert "italya" in texts and "ıstranca" not in texts
    assert not any("\u0307" in text for text in texts)  # İ must not leave its dot behind
    assert {name.text for name in data.names(["tr"], lower=False)} >= {"İtalya"}


def test_kinds_are_two_parts_of_the_whole():
    texts = {kind: {name.text for name in data.names(["fi"], kinds=[kind])} for kind in data.KINDS}
    assert "ranska" in texts["territories"] & texts["languages"]  # France and French
    assert "saksa" in texts["languages"] and "alankomaat" not in texts["languages"]
    assert texts["territories"] | texts["languages"] == {name.text for name in data.names(["fi"])}


def test_alphabet_limits_the_names():
    alphabet = data.Alphabet("abcdefghijklmnopqrstuvwxyz")
    some = data.names(["fi"], alphabet=alphabet)
    assert all(set(name.text) <= set(alphabet.letters) for name in some)
    assert "suomi" in {name.text for name in some}
    assert "itävalta" not in {name.text for name in some}
    assert 0 < len(some) < len(data.names(["fi"]))


def test_scripts_beyond_latin_come_through():
    texts = {name.text for name in data.names(["hi", "ja", "el"])}
    assert {"जापान", "日本", "ιαπωνία"} <= texts


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: data.names(["xx"]), "unknown language 'xx'; it must be a CLDR code"),
        (lambda: data.names(["Finnish"]), "unknown language 'Finnish'; did you mean 'fi'"),
        (lambda: data.names([""]), "unknown language ''"),
        (lambda: data.names("fi"), r"languages is 'fi'; it must be a list, even of one: \['fi'\]"),
        (lambda: data.names([]), "languages is empty"),
        (lambda: data.names(["fi", "fi"]), "languages has 'fi' twice"),
        (lambda: data.names([3]), "languages has the entry 3"),
        (lambda: data.names(["fi"], kinds=["cities"]), "unknown kind 'cities'; known are: territories, languages"),
        (lambda: data.names(["el"], alphabet=data.Alphabet("abc")), "no name is left in 'el'"),
    ],
)
def test_names_say_what_is_wrong(call, words):
    with pytest.raises(ValueError, match=words):
        call()


# -- learn and test


def test_no_spelling_is_on_both_sides(found):
    learn, test = data.split(found)
    assert not {name.text for name in learn} & {name.text for name in test}
    assert sorted(learn + test) == sorted(found)


def test_no_spelling_leaks_between_languages_that_are_read_apart():
    """A name of two languages goes the same way in each, even where one writes it with a capital."""
    learn_en, test_en = data.split(data.names(["en"], lower=False))
    learn_fi, test_fi = data.split(data.names(["fi"], lower=False))
    small = lambda names: {name.text.casefold() for name in names}  # noqa: E731
    assert len(small(learn_en + test_en) & small(learn_fi + test_fi)) > 100
    assert not small(learn_en + learn_fi) & small(test_en + test_fi)


def test_a_split_that_looks_at_languages_one_by_one_would_leak(found, rng):
    """The alarm works: the usual split, row by row, does put spellings on both sides."""
    rows = [(name.text, language) for name in found for language in name.languages]
    side = rng.random(len(rows)) < 0.2
    learn = {text for (text, _), held in zip(rows, side, strict=True) if not held}
    test = {text for (text, _), held in zip(rows, side, strict=True) if held}
    assert len(learn & test) > 20


def test_split_has_about_the_part_asked_for_and_depends_on_the_seed(found):
    for part in (0.1, 0.2, 0.5):
        _, test = data.split(found, test=part)
        spread = (part * (1 - part) / len(found)) ** 0.5
        assert abs(len(test) / len(found) - part) < 4 * spread
    assert data.split(found, seed=1) != data.split(found, seed=2)


def test_split_is_the_same_on_every_machine():
    """Spelt out, so that a change of the rule, which would mix old learning with new tests, is noticed."""
    some = [data.Name(text, ("en",)) for text in ("finland", "france", "gabon", "germany", "italy", "japan", "peru")]
    assert [name.text for name in data.split(some, test=0.5)[1]] == ["france", "germany", "italy", "peru"]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda n: data.split(n, test=0), "test is 0; it must be a part between 0 and 1"),
        (lambda n: data.split(n, test=1.0), "test is 1.0"),
        (lambda n: data.split([]), "names is empty"),
        (lambda n: data.split(n[0]), "it must be a list, even of one"),
        (lambda n: data.split(n[:1]), "each side needs at least one"),
    ],
)
def test_split_says_what_is_wrong(found, call, words):
    with pytest.raises(ValueError, match=words):
        call(found)


def test_targets_share_one_among_the_languages(found):
    Y = data.targets(found, LANGUAGES)
    np.testing.assert_allclose(Y.sum(axis=1), 1, rtol=1e-15)
    assert [tuple(np.array(LANGUAGES)[row > 0]) for row in Y] == [name.languages for name in found]
    with pytest.raises(ValueError, match="is in 'fi'; that has no column among en, it"):
        data.targets([data.Name("suomi", ("fi",))], ["en", "it"])


# -- the package that carries the data


def test_importing_the_library_does_not_import_babel():
    code = "import sys, rnnlib, rnnlib.data; rnnlib.data.Alphabet('ab').encode('ba'); print('babel' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"


def test_without_babel_the_error_says_what_to_install(monkeypatch):
    real = builtins.__import__

    def without_babel(name, *rest):
        if name.split(".")[0] == "babel":
            raise ImportError(f"No module named {name!r}")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without_babel)
    with pytest.raises(ImportError, match=r"pip install 'rnnlib\[data\]'"):
        data.names(["en"])


def test_adding_asks_for_the_sum_of_the_two_marked_numbers(rng):
    X, Y, weights = data.adding(rng, T=11, B=500)
    assert X.shape == (11, 500, 2) and Y.shape == (1, 500, 1)
    assert np.array_equal(X[:5, :, 1].sum(axis=0), np.ones(500)) and np.array_equal(X[5:, :, 1].sum(axis=0), np.ones(500))
    np.testing.assert_allclose(Y[0, :, 0], (X[:, :, 0] * X[:, :, 1]).sum(axis=0), rtol=0, atol=0)
    assert np.array_equal(weights, np.eye(11)[-1])


def test_adding_without_memory_has_the_floor_of_one_sixth(rng):
    Y = data.adding(rng, T=6, B=400_000).Y
    assert ((Y - 1) ** 2).mean() == pytest.approx(1 / 6, rel=1e-2)


def test_copying_asks_for_the_first_symbols_at_the_end(rng):
    X, Y, weights = data.copying(rng, T=7, B=50, symbols=4, length=3)
    shown, asked = X.argmax(axis=-1), Y.argmax(axis=-1)
    assert np.array_equal(shown[:3], asked[-3:]) and (asked[:-3] == 4).all() and (shown[:3] < 4).all()
    assert np.array_equal(np.argwhere(shown == 5)[:, 0], np.full(50, 3 + 7 - 1))
    assert len(X) == 7 + 2 * 3 and weights.sum() == pytest.approx(1)


@pytest.mark.parametrize("T", [1, 30, 100])
def test_copying_without_memory_has_its_floor(rng, T):
    task = data.copying(rng, T, B=20)
    Z = np.full(task.Y.shape, -40.0)
    Z[:-10, :, 8], Z[-10:, :, :8] = 40, 0
    loss = (task.weights[:, None] * losses.softmax_cross_entropy.loss(Z, task.Y)).sum(axis=0).mean()
    assert loss == pytest.approx(10 * np.log(8) / (T + 20), rel=1e-12)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda rng: data.adding(rng, 1, 3), "T must be a whole number of at least 2; got 1"),
        (lambda rng: data.adding(rng, 5, 0), "B must be a whole number of at least 1; got 0"),
        (lambda rng: data.copying(rng, 2.5, 3), "T must be a whole number of at least 1; got 2.5"),
        (lambda rng: data.copying(rng, 5, 3, symbols=0), "symbols must be"),
    ],
)
def test_a_task_that_cannot_be_drawn_says_why(rng, make, says):
    with pytest.raises(ValueError, match=says):
        make(rng)
