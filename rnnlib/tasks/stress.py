"""Where is the stress? Two LSTMs of about as many parameters that label every vowel of a word: one reads both ways, one onward.

The words are those of the CMU pronouncing dictionary.
The counting that they are compared with: the most frequent stress of all, and of a window of phones around the vowel.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache, partial
from typing import Any, NamedTuple

import numpy as np

from rnnlib import bidirectional, initialise, losses, lstm, readout
from rnnlib._records import leaves
from rnnlib.data import stress
from rnnlib.tasks.task import Problem, Promise, Task, falling_adam

N, M = len(stress.PHONES), len(stress.STRESSES)
#: Phones to the left and to the right of the vowel that counting sees, by the name of the baseline.
WINDOWS = {"counting, left": (5, 0), "counting, two a side": (2, 2), "counting, best": (2, 8)}


class Settings(NamedTuple):
    """How large the network is and how it is trained.

    ``both`` whether it reads both ways, ``h`` hidden units (of each direction), ``epochs`` of ``words`` words each,
    drawn anew from all words to learn from, ``batch`` words at once, Adam's first ``rate``, ``clip`` the longest gradient,
    ``seed`` for all that is drawn.
    """

    both: bool
    h: int
    epochs: int
    words: int
    batch: int
    rate: float
    clip: float
    seed: int


SMALL = Settings(both=True, h=32, epochs=10, words=6_000, batch=64, rate=0.02, clip=1.0, seed=0)
FULL = Settings(both=True, h=64, epochs=12, words=46_000, batch=128, rate=0.01, clip=1.0, seed=0)
ONWARD_SMALL = SMALL._replace(both=False, h=51)
ONWARD_FULL = FULL._replace(both=False, h=97)


class Data(NamedTuple):
    """The words to ``learn`` from, for the ``validation`` after each epoch, and for the ``test``; no row of phones in two of them."""

    learn: Any
    validation: Any
    test: Any


def load(words: Iterable[stress.Word] | None = None) -> Data:
    """The words of two or more vowels, or the given ones: 10 % for the test, and 2 % of the others for the validation.

    Examples
    --------
    >>> found = load(stress.words()[:5000])
    >>> len(found.learn), len(found.validation), len(found.test)
    (4409, 92, 499)
    """
    learn, test = stress.split(stress.words() if words is None else words)
    learn, validation = stress.split(learn, test=0.02, seed=1)
    return Data(learn, validation, test)


def cell(both: bool, lengths=None):
    """The LSTM; or one each way, which needs the lengths of padded words.

    Examples
    --------
    >>> cell(both=True).name
    'bidirectional (lstm, lstm)'
    """
    return bidirectional.cell(lstm, lengths=lengths) if both else lstm


def start(settings: Settings):
    """The first parameters (p, q), in float32; U is three times as large as usual, since only one entry of x_t is not 0.

    Examples
    --------
    >>> p, q = start(SMALL)
    >>> p.backward.U.shape, q.V.shape, p.forward.U.dtype
    ((128, 39), (3, 64), dtype('float32'))
    """
    rng, h = np.random.default_rng(settings.seed), settings.h
    draw = lambda: initialise.orthogonal_lstm(rng, N, h, dtype=np.float32)  # noqa: E731
    ways = [p._replace(U=3 * p.U) for p in (draw() for _ in range(1 + settings.both))]
    q = initialise.uniform_readout(rng, h * len(ways), M, dtype=np.float32)
    return (bidirectional.Params(*ways) if settings.both else ways[0]), q


def size(*parameters) -> int:
    """How many numbers the parameters are.

    Examples
    --------
    >>> size(*start(SMALL)), size(*start(ONWARD_SMALL)), size(*start(FULL)), size(*start(ONWARD_FULL))
    (18627, 18720, 53635, 53450)
    """
    return sum(part.size for part in leaves(parameters).values())


def epoch(words, settings: Settings):
    """A function of a generator that draws one epoch's words and returns their batches.

    Examples
    --------
    >>> batches = epoch([stress.word("owe", "OW1")] * 5, SMALL._replace(words=4, batch=3))
    >>> [found.X.shape for found in batches(np.random.default_rng(0))]
    [(1, 3, 39), (1, 1, 39)]
    """
    own = partial(cell, settings.both)

    def batches(rng):
        drawn = rng.choice(len(words), min(settings.words, len(words)), replace=False)
        return stress.batches([words[k] for k in drawn], settings.batch, rng, own)

    return batches


def chances(p, q, words, both: bool):
    """What the network says of every vowel: (N, 3), a row of probabilities, word after word as in ``stress.stresses``.

    Examples
    --------
    >>> chances(*start(SMALL), [stress.word("happy", "HH AE1 P IY0"), stress.word("owe", "OW1")], both=True).shape
    (3, 3)
    """
    words, owner = list(words), stress.owners(words)
    found, order = np.empty((len(owner), M), np.float32), np.argsort([len(one.phones) for one in words], kind="stable")
    first = np.searchsorted(owner, np.arange(len(words)))  # where each word's vowels begin
    for k in range(0, len(words), 1024):
        piece = order[k : k + 1024]
        X, _, weights, lengths = stress.batch([words[place] for place in piece])
        S = cell(both, lengths).forward(p, X).S[1:]
        b, t = np.nonzero(weights.T)  # vowel after vowel of word after word
        many = np.bincount(b)
        place = np.repeat(first[piece], many) + np.arange(len(b)) - np.repeat(np.cumsum(many) - many, many)
        found[place] = losses.softmax(readout.step(q, S[t, b]))
    return found


def right(said, words) -> tuple[float, float]:
    """Which part of the vowels bears the stress that was said, and which part of the words is right in all its vowels.

    Examples
    --------
    >>> right([1, 0, 0], [stress.word("happy", "HH AE1 P IY0"), stress.word("owe", "OW1")])
    (0.6666666666666666, 0.5)
    """
    good, owner = np.equal(said, stress.stresses(words)), stress.owners(words)
    return float(good.mean()), float((np.bincount(owner, ~good) == 0).mean())


def counted(words: Data) -> dict[str, float]:
    """The parts of the test's vowels that are right without a network, by the name of what was counted.

    Examples
    --------
    >>> list(counted(load(stress.words()[:5000])))
    ['majority', 'counting, left', 'counting, two a side', 'counting, best']
    """
    return dict(_counted(Data(*map(tuple, words))))


@lru_cache(maxsize=2)
def _counted(words):
    truth = stress.stresses(words.test)
    found = {"majority": float((truth == np.bincount(stress.stresses(words.learn)).argmax()).mean())}
    guesses = {name: stress.guess(stress.count(words.learn, *sides), words.test) for name, sides in WINDOWS.items()}
    return found | {name: right(said, words.test)[0] for name, said in guesses.items()}


def prepare(settings: Settings, words: Data | None = None) -> Problem:
    """The task at one size; its scores are the parts of the test's vowels and words that are right.

    ``words`` are those of ``load()``, if they are at hand already.

    Examples
    --------
    >>> problem = prepare(SMALL, load(stress.words()[:5000]))
    >>> problem.options["cell"].name, len(problem.baselines)
    ('bidirectional (lstm, lstm)', 4)
    """
    words, both = load() if words is None else words, settings.both
    p, q = start(settings)
    drawn = min(settings.words, len(words.learn))
    options = {
        "cell": cell(both),
        "optimiser": falling_adam(settings.rate, settings.epochs * -(-drawn // settings.batch)),
        "clip": settings.clip,
        "epochs": settings.epochs,
        "seed": settings.seed,
        "validation": lambda p, q: 1 - right(chances(p, q, words.validation, both).argmax(axis=1), words.validation)[0],
    }
    name = "both sides" if both else "left only"

    def scores(p, q):
        vowels, whole = right(chances(p, q, words.test, both).argmax(axis=1), words.test)
        return {name: vowels, f"{name}, whole words": whole}

    return Problem(p, q, epoch(words.learn, settings), options, scores, counted(words), words)


TASK = Task(
    "stress",
    "stress",
    "what stress does each vowel of an English word bear? Read both ways",
    prepare,
    SMALL,
    FULL,
    (Promise("both sides", ">", 0.88), Promise("both sides", ">", "counting, best")),
)
ONWARD = Task(
    "stress-left",
    "stress",
    "the same, read from the left only",
    prepare,
    ONWARD_SMALL,
    ONWARD_FULL,
    (Promise("left only", ">", 0.79), Promise("left only", "<", "counting, two a side")),
)
TASKS = (TASK, ONWARD)
