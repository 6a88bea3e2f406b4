"""Which language is this name in? A GRU that reads the letters and answers after the last one.

The names are those of territories and languages in ten languages, from CLDR.
The counting that it is compared with: the largest language, and n-gram models with Laplace smoothing.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from rnnlib import data, gru, initialise, losses, model, readout, train
from rnnlib.tasks.task import Problem, Promise, Task, falling_adam

LANGUAGES = ("cy", "de", "en", "es", "fi", "fr", "hu", "it", "pl", "tr")
LONGEST = 24  # letters; a few names are longer and are left out
ALPHAS = (0.03, 0.1, 0.3, 1.0, 3.0)  # what counting may add to each count


class Settings(NamedTuple):
    """How large the network is and how it is trained.

    ``h`` hidden units, ``epochs``, ``batch`` names at once, Adam's first ``rate``, ``clip`` the longest gradient,
    ``hidden`` the part of the letters that are put to zero, drawn anew each time, ``seed`` for all that is drawn.
    """

    h: int
    epochs: int
    batch: int
    rate: float
    clip: float
    hidden: float
    seed: int


SMALL = Settings(h=64, epochs=16, batch=64, rate=0.01, clip=5.0, hidden=0.1, seed=0)
FULL = Settings(h=128, epochs=40, batch=32, rate=0.005, clip=5.0, hidden=0.3, seed=0)


class Data(NamedTuple):
    """The names: ``learn``, ``validation`` and ``test``, each in one language alone, ``shared`` in several, and the ``alphabet``."""

    learn: Any
    validation: Any
    test: Any
    shared: Any
    alphabet: data.Alphabet


def load() -> Data:
    """The names of at most 24 letters, set apart by spelling.

    Examples
    --------
    >>> names = load()
    >>> len(names.learn) > 5 * len(names.validation), {len(name.languages) for name in names.test}
    (True, {1})
    """
    names = [name for name in data.names(LANGUAGES) if len(name.text) <= LONGEST]
    alphabet = data.Alphabet.of(name.text for name in names)
    learn, test = data.split([name for name in names if len(name.languages) == 1])
    learn, validation = data.split(learn, test=0.125, seed=1)
    return Data(learn, validation, test, tuple(name for name in names if len(name.languages) > 1), alphabet)


def batch(names, alphabet, rng=None, hidden=0.0) -> train.Batch:
    """Names as one batch, in float32, read out after each one's last letter.

    With a generator, each letter is put to zero with chance ``hidden``.

    Examples
    --------
    >>> two = [data.Name("suomi", ("fi",)), data.Name("ede", ("cy",))]
    >>> found = batch(two, data.Alphabet("deimosu"))
    >>> found.X.shape, found.Y.shape, found.weights.argmax(axis=0)
    ((5, 2, 7), (1, 2, 10), array([4, 2]))
    """
    X, lengths = alphabet.batch([name.text for name in names], np.float32)
    if rng is not None:
        X *= (rng.random(X.shape[:2]) >= hidden)[..., None]
    Y = data.targets(names, LANGUAGES)[None]
    return train.Batch(X, Y, readout.last_valid(lengths, len(X)))


def epoch(names, alphabet, settings):
    """A function of a generator that returns one epoch's batches, names of about one length together.

    Examples
    --------
    >>> batches = epoch([data.Name("ede", ("cy",))] * 5, data.Alphabet("de"), SMALL._replace(batch=2))
    >>> [found.X.shape for found in batches(np.random.default_rng(0))]
    [(3, 2, 2), (3, 2, 2), (3, 1, 2)]
    """

    def batches(rng):
        mixed = [names[k] for k in rng.permutation(len(names))]
        mixed.sort(key=lambda name: len(name.text) // 3)  # little padding; within a length the order stays random
        parts = [mixed[k : k + settings.batch] for k in range(0, len(mixed), settings.batch)]
        parts.sort(key=len, reverse=True)
        order = [*rng.permutation(len(parts) - 1), len(parts) - 1]  # the rest, which is smaller, comes last
        return (batch(parts[k], alphabet, rng, settings.hidden) for k in order)

    return batches


def start(settings, n):
    """The first parameters (p, q), in float32.

    U is three times as large as usual, since only one entry of x_t is not 0.

    Examples
    --------
    >>> p, q = start(SMALL, n=60)
    >>> p.U.shape, q.V.shape, p.U.dtype
    ((192, 60), (10, 64), dtype('float32'))
    """
    rng = np.random.default_rng(settings.seed)
    h, m = settings.h, len(LANGUAGES)
    p = initialise.orthogonal_gru(rng, n, h, dtype=np.float32)
    q = initialise.uniform_readout(rng, h, m, dtype=np.float32)
    return p._replace(U=3 * p.U), q


def chances(p, q, names, alphabet):
    """What the network says after the last letter: (B, m), a row of probabilities for each name.

    Examples
    --------
    >>> alphabet = data.Alphabet("deimosu")
    >>> chances(*start(SMALL, n=7), [data.Name("suomi", ("fi",))], alphabet).shape
    (1, 10)
    """
    X, _, weights, *_ = batch(names, alphabet)
    S = gru.forward(p, X).S[1:]
    ends = weights.argmax(axis=0)
    return losses.softmax(readout.step(q, S[ends, np.arange(len(names))]))


class Reading(NamedTuple):
    """One name read by a network: ``O`` (T, m) what it says after each letter, ``sizes`` (T,) the length of each dL/dx_t."""

    O: Any
    sizes: Any


def read(p, q, name, alphabet) -> Reading:
    """What the network says after each letter, and how long dL/dx_t is.

    Examples
    --------
    >>> alphabet = data.Alphabet("deimosu")
    >>> p, q = start(SMALL, n=7)
    >>> O, sizes = read(p, q, data.Name("suomi", ("fi",)), alphabet)
    >>> O.shape, sizes.shape
    ((5, 10), (5,))
    """
    X, Y, weights, *_ = batch([name], alphabet)
    S = gru.forward(p, X).S[1:]
    O = losses.softmax(readout.step(q, S[:, 0]))
    g = model.loss_and_gradients(p, q, X, Y, cell=gru, weights=weights)
    return Reading(O, np.linalg.norm(g.dL_dX[:, 0], axis=1))


def right(chances, names) -> float:
    """The part of the names for which the largest chance is that of their language.

    Examples
    --------
    >>> right(np.eye(10)[[4, 4]], [data.Name("suomi", ("fi",)), data.Name("ede", ("cy",))])
    0.5
    """
    return float(np.mean([LANGUAGES[k] in name.languages for k, name in zip(np.argmax(chances, axis=1), names, strict=True)]))


def count(names, alphabet, k: int):
    """How often which letter follows which: (m, (n + 1)^(k - 1), n + 1).

    The rows are the k - 1 letters before.
    The last place of an axis is the edge of a name, before or after it.

    Examples
    --------
    >>> N = count([data.Name("ede", ("cy",))], data.Alphabet("de"), k=2)
    >>> N.shape, N[0].astype(int)  # rows: after d, after e, at the beginning
    ((10, 3, 3), array([[0, 1, 0],
           [1, 0, 1],
           [0, 1, 0]]))
    """
    n = len(alphabet) + 1
    N = np.zeros((len(LANGUAGES), n ** (k - 1), n))
    for name in names:
        before, letters = _grams(name.text, alphabet, k)
        for language in name.languages:
            part = 1 / len(name.languages)
            np.add.at(N[LANGUAGES.index(language)], (before, letters), part)
    return N


def counted_chances(N, shares, names, alphabet, k: int, alpha: float):
    """Bayes' rule with the counts N: (B, m), the logarithms of the chances.

    log P(language) + Σ log (N + α) / (Σ N + α (n + 1)), up to a constant;
    the sum goes over the letters of the name and the edge after them.

    Examples
    --------
    >>> alphabet = data.Alphabet("de")
    >>> names = [data.Name("ede", ("cy",)), data.Name("dd", ("de",))]
    >>> N = count(names, alphabet, k=2)
    >>> shares = np.full(10, 0.1)
    >>> found = counted_chances(N, shares, names, alphabet, k=2, alpha=1)
    >>> [LANGUAGES[best] for best in found.argmax(axis=1)]
    ['cy', 'de']
    """
    P = N + alpha
    P = np.log(P / P.sum(axis=-1, keepdims=True))
    sums = [P[:, *_grams(name.text, alphabet, k)].sum(axis=1) for name in names]
    return np.log(shares) + np.array(sums)


def counting(names: Data, k: int):
    """The part of the test that k-gram counting gets right, and its α: the one of ``ALPHAS`` that is best on the validation.

    Examples
    --------
    >>> score, alpha = counting(load(), k=1)
    >>> 0.4 < score < 0.7, alpha in ALPHAS
    (True, True)
    """
    N, shares = count(names.learn, names.alphabet, k), data.targets(names.learn, LANGUAGES).mean(axis=0)
    score = lambda part, alpha: right(counted_chances(N, shares, part, names.alphabet, k, alpha), part)  # noqa: E731
    alpha = max(ALPHAS, key=lambda alpha: score(names.validation, alpha))
    return score(names.test, alpha), alpha


def majority(names: Data) -> float:
    """The part of the test that is right if the language with the most names to learn from is always said.

    Examples
    --------
    >>> round(majority(load()), 1)
    0.1
    """
    shares = data.targets(names.learn, LANGUAGES).mean(axis=0)
    return right(np.tile(shares, (len(names.test), 1)), names.test)


def prepare(settings: Settings) -> Problem:
    """The task at one size; its scores are the parts of the test names that are right.

    Examples
    --------
    >>> problem = prepare(SMALL)
    >>> list(problem.baselines)
    ['majority', 'letters', 'pairs', 'triples']
    """
    names = load()
    p, q = start(settings, len(names.alphabet))
    steps = settings.epochs * -(-len(names.learn) // settings.batch)
    options = {
        "cell": gru,
        "optimiser": falling_adam(settings.rate, steps),
        "clip": settings.clip,
        "epochs": settings.epochs,
        "seed": settings.seed,
        "validation": lambda p, q: 1 - right(chances(p, q, names.validation, names.alphabet), names.validation),
    }
    baselines = {"majority": majority(names)}
    baselines |= {word: counting(names, k)[0] for k, word in enumerate(("letters", "pairs", "triples"), 1)}
    return Problem(
        p,
        q,
        epoch(names.learn, names.alphabet, settings),
        options,
        lambda p, q: {"network": right(chances(p, q, names.test, names.alphabet), names.test)},
        baselines,
        names,
    )


def _grams(text, alphabet, k):
    """For each letter of a text and the edge after it: the number of the k - 1 letters before it, and its own."""
    edge = len(alphabet)
    padded = np.concatenate([np.full(k - 1, edge), alphabet.indices(text), [edge]])
    before = np.zeros(len(text) + 1, int)
    for j in range(k - 1):
        before = before * (edge + 1) + padded[j : j + len(before)]
    return before, padded[k - 1 :]


TASK = Task(
    "names",
    "names",
    "which of ten languages is this name in?",
    prepare,
    SMALL,
    FULL,
    (Promise("network", ">", "pairs"), Promise("network", ">", "triples"), Promise("network", ">", 0.77)),
)
TASKS = (TASK,)
