"""What places and languages are called in hundreds of languages.

The names are those of the Unicode Common Locale Data Repository (CLDR), which the package Babel ships.
``names`` reads them, ``Alphabet`` turns them into arrays, ``split`` into a part to learn from and a part to be tested on.
Babel is imported when ``names`` is called, not before; all else needs NumPy alone.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from rnnlib._validate import array

KINDS = ("territories", "languages")
_PLAIN = str.maketrans({"\u2019": "'", "\u2018": "'", "\u02bc": "'", "\u2010": "-", "\u2011": "-"})
_DOTLESS = str.maketrans({"İ": "i", "I": "ı"})  # how Turkish and its kin write the small letters


class Name(NamedTuple):
    """A name and every language, of those asked for, in which it is written so."""

    text: str
    languages: tuple[str, ...]


class Batch(NamedTuple):
    """Texts of several lengths as one array: ``X`` (T, B, n), time first, and their ``lengths`` (B,).

    After its own length a text is followed by zeros.
    ``readout.mask`` and ``readout.last_valid`` make the weights that keep this padding out of the loss.
    """

    X: Any
    lengths: Any


@dataclass(frozen=True)
class Alphabet:
    """The letters that a network can read, each with its place in a one-hot row.

    Parameters
    ----------
    letters : the n letters, none of them twice; one character is one letter.

    Raises
    ------
    ValueError
        If there is none, or one stands twice.

    Examples
    --------
    >>> alphabet = Alphabet("abc")
    >>> alphabet.encode("cab")
    array([[0., 0., 1.],
           [1., 0., 0.],
           [0., 1., 0.]])
    >>> alphabet.decode(alphabet.encode("cab"))
    'cab'
    """

    letters: str

    def __post_init__(self):
        if not isinstance(self.letters, str) or not self.letters:
            raise ValueError(f"letters is {self.letters!r}; it must be a string of at least one letter")
        twice = sorted({letter for letter in self.letters if self.letters.count(letter) > 1})
        if twice:
            raise ValueError(f"the letter {twice[0]!r} stands twice in {self.letters!r}; it needs one place")

    @classmethod
    def of(cls, texts: Iterable[str]) -> Alphabet:
        """The alphabet of all letters that occur in the texts, sorted.

        Examples
        --------
        >>> Alphabet.of(["banana", "fig"]).letters
        'abfgin'
        """
        return cls("".join(sorted(set().union(*(_text(text) for text in _many("texts", texts))))))

    def __len__(self):
        return len(self.letters)

    def indices(self, text: str):
        """The letters' places, (T,), integers from 0 to n - 1.

        Raises
        ------
        ValueError
            If the text is empty, or has a letter that is not in the alphabet.

        Examples
        --------
        >>> Alphabet("abc").indices("cab")
        array([2, 0, 1])
        """
        for letter in _text(text):
            if letter not in self.letters:
                raise ValueError(
                    f"the letter {letter!r} of {text!r} is not in the alphabet {self.letters!r}; "
                    "make one with Alphabet.of(texts), or leave such names out with names(..., alphabet=...)"
                )
        return np.array([self.letters.index(letter) for letter in text])

    def encode(self, text: str, dtype=float):
        """One text as one-hot rows x_1 … x_T, (T, n).

        Raises
        ------
        ValueError
            As ``indices``.

        Examples
        --------
        >>> Alphabet("abcd").encode("dad").shape
        (3, 4)
        """
        return np.eye(len(self), dtype=dtype)[self.indices(text)]

    def decode(self, X) -> str:
        """The text of one-hot rows (T, n); ``encode`` backwards.

        A text of a batch is ``decode(X[:length, k])``.

        Raises
        ------
        ValueError
            If a row is not one-hot; rows of padding are not.

        Examples
        --------
        >>> Alphabet("abc").decode([[0, 0, 1], [1, 0, 0]])
        'ca'
        """
        X = array("X", X, ("T", len(self)), hint=f"the alphabet has {len(self)} letters")
        wrong = np.flatnonzero(((X != 0) & (X != 1)).any(axis=1) | (X.sum(axis=1) != 1))
        if wrong.size:
            raise ValueError(f"row {wrong[0]} of X is not one-hot; if it is padding, cut it off: X[:length, k] is text k")
        return "".join(self.letters[k] for k in X.argmax(axis=1))

    def batch(self, texts: Iterable[str], dtype=float) -> Batch:
        """Texts of any lengths as one array (T, B, n), T the longest length, padded with zeros.

        Raises
        ------
        ValueError
            If there is no text, and as ``indices``.

        Examples
        --------
        >>> X, lengths = Alphabet("abc").batch(["cab", "a"])
        >>> X.shape, lengths.tolist()
        ((3, 2, 3), [3, 1])
        """
        texts = _many("texts", texts)
        lengths = np.array([len(_text(text)) for text in texts])
        X = np.zeros((lengths.max(), len(texts), len(self)), dtype)
        for k, text in enumerate(texts):
            X[np.arange(len(text)), k, self.indices(text)] = 1
        return Batch(X, lengths)


def names(languages: Sequence[str], kinds: Sequence[str] = KINDS, lower: bool = True, alphabet=None):
    """What territories and languages are called in some languages, from the CLDR data of Babel.

    One entry a spelling: a name that several of the languages write alike is one ``Name`` with all of them.
    Names are cleaned: composed letters (NFC), single spaces, the plain apostrophe and hyphen.
    A name with anything but letters, spaces, apostrophes and hyphens, such as a bracket, is left out.

    Parameters
    ----------
    languages : CLDR codes, for example ``("en", "fi", "pt_PT")``.
    kinds : "territories", "languages" or both: whose names.
    lower : whether to write all in small letters, by the rules of the language (Turkish I is ı).
    alphabet : Alphabet; names with a letter outside it are left out. None for no limit.

    Returns
    -------
    tuple of Name, sorted by text; each has its languages in the order in which they were asked for.

    Raises
    ------
    ImportError
        If Babel is not installed.
    ValueError
        If a language or a kind is unknown, a language comes twice, or no name is left in a language.

    References
    ----------
    Unicode Common Locale Data Repository, in the version that the installed Babel carries.

    Examples
    --------
    >>> found = names(["en", "fi"], kinds=["territories"])
    >>> [name for name in found if name.text in ("finland", "suomi", "gabon")]  # doctest: +NORMALIZE_WHITESPACE
    [Name(text='finland', languages=('en',)), Name(text='gabon', languages=('en', 'fi')),
     Name(text='suomi', languages=('fi',))]
    """
    kinds = _distinct("kinds", kinds)
    if wrong := [kind for kind in kinds if kind not in KINDS]:
        raise ValueError(f"unknown kind {wrong[0]!r}; known are: {', '.join(KINDS)}")
    found: dict[str, list[str]] = {}
    for language in _distinct("languages", languages):
        locale = _locale(language)
        cleaned = {_clean(name, language, lower) for kind in kinds for name in getattr(locale, kind).values()}
        cleaned = {text for text in cleaned if _usable(text, alphabet)}
        if not cleaned:
            raise ValueError(f"no name is left in {language!r}: CLDR has none of this kind, or the alphabet admits none")
        for text in cleaned:
            found.setdefault(text, []).append(language)
    return tuple(Name(text, tuple(found[text])) for text in sorted(found))


def split(names: Iterable[Name], test: float = 0.2, seed: int = 0):
    """Names to learn from and names to be tested on; about the part ``test`` of them for the test.

    The side is drawn from the spelling alone, by a hash, capital and small letters taken as the same.
    So a spelling is never on both sides, whatever the languages it belongs to,
    and no name changes sides when languages are added, or from one machine to another.

    Parameters
    ----------
    names : Name records, as ``names`` returns them.
    test : the part for the test, between 0 and 1.
    seed : another number gives another split.

    Returns
    -------
    (learn, test), two tuples of Name in the order they came.

    Raises
    ------
    ValueError
        If ``test`` is not between 0 and 1, or if one side is empty.

    Examples
    --------
    >>> found = names(["en", "fi"], kinds=["territories"])
    >>> learn, held_out = split(found)
    >>> {name.text for name in learn} & {name.text for name in held_out}
    set()
    """
    if not 0 < test < 1:
        raise ValueError(f"test is {test!r}; it must be a part between 0 and 1, for example 0.2")
    names = _many("names", names)
    held_out = tuple(name for name in names if _draw(name.text, seed) < test)
    learn = tuple(name for name in names if _draw(name.text, seed) >= test)
    if not (learn and held_out):
        raise ValueError(
            f"{len(learn)} names to learn from and {len(held_out)} for the test; "
            "each side needs at least one: give more names or another part"
        )
    return learn, held_out


def targets(names: Iterable[Name], languages: Sequence[str], dtype=float):
    """What a classifier of languages should say: (B, m), 1/k for each of the k languages of a name.

    The rows sum to 1. ``targets(...)[None]`` is one target for the whole sequence, as ``readout.forward`` takes it.

    Parameters
    ----------
    names : B Name records.
    languages : the m codes, one a column.

    Raises
    ------
    ValueError
        If a name belongs to a language that has no column.

    Examples
    --------
    >>> targets([Name("gabon", ("en", "fi")), Name("suomi", ("fi",))], ["en", "fi"])
    array([[0.5, 0.5],
           [0. , 1. ]])
    """
    names, languages = _many("names", names), _distinct("languages", languages)
    Y = np.zeros((len(names), len(languages)), dtype)
    for k, name in enumerate(names):
        for language in name.languages:
            if language not in languages:
                raise ValueError(f"the name {name.text!r} is in {language!r}; that has no column among {', '.join(languages)}")
            Y[k, languages.index(language)] = 1 / len(name.languages)
    return Y


def _locale(language):
    """Babel's record of a language; Babel is imported here and nowhere else."""
    try:
        from babel import Locale, UnknownLocaleError
    except ImportError as error:
        raise ImportError(
            "rnnlib.data.names reads the CLDR names that Babel ships, which is not installed; install it with: pip install 'rnnlib[data]'"
        ) from error
    try:
        return Locale.parse(language.replace("-", "_"))
    except (UnknownLocaleError, ValueError):
        codes = {name.lower(): code for code, name in Locale("en").languages.items()}
        code = codes.get(language.lower())
        hint = f"did you mean {code!r}?" if code else "it must be a CLDR code such as 'en', 'fi' or 'pt_PT'"
        raise ValueError(f"unknown language {language!r}; {hint}") from None


def _clean(name, language, lower):
    text = " ".join(unicodedata.normalize("NFC", name).translate(_PLAIN).split())
    if not lower:
        return text
    turkic = language.replace("-", "_").split("_")[0] in ("az", "tr")
    return unicodedata.normalize("NFC", (text.translate(_DOTLESS) if turkic else text).lower())


def _usable(text, alphabet):
    """Whether a text has letters (with the marks they carry), spaces, apostrophes and hyphens alone."""
    if alphabet is not None and not set(text) <= set(alphabet.letters):
        return False
    return bool(text) and all(c in " '-" or unicodedata.category(c)[0] in "LM" for c in text)


def _draw(text, seed):
    """A number in [0, 1) that depends on the spelling and the seed alone."""
    digest = hashlib.sha256(f"{seed}:{text.casefold()}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def _text(text):
    if not isinstance(text, str):
        raise ValueError(f"{text!r} is no text; it must be a string of letters (a Name's is name.text)")
    if not text:
        raise ValueError("the text is empty; a sequence needs at least one letter")
    return text


def _many(what, values):
    """The values as a tuple; a single string in their place is an error, since its letters are not meant."""
    if isinstance(values, (str, Name)):
        raise ValueError(f"{what} is {values!r}; it must be a list, even of one: [{values!r}]")
    values = tuple(values)
    if not values:
        raise ValueError(f"{what} is empty; it needs at least one entry")
    return values


def _distinct(what, values):
    values = _many(what, values)
    for value in values:
        if not isinstance(value, str):
            raise ValueError(f"{what} has the entry {value!r}; each must be a string")
        if values.count(value) > 1:
            raise ValueError(f"{what} has {value!r} twice; each may come once")
    return values
