"""What a task is: data, a network to start from, the sizes to train it at, its scores, and what they promise.

``learn`` trains a task at one of its sizes.
A page of the book calls it with ``task.small``; ``make train`` with ``task.full``.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from rnnlib import optimise, train

_RELATIONS = {">": operator.gt, "<": operator.lt}


class Problem(NamedTuple):
    """A task at one size, ready to be trained.

    ``p``, ``q`` the first parameters and ``batches`` what to learn from, as ``train.fit`` takes them;
    ``options`` the other arguments of ``train.fit`` (cell, optimiser, epochs, seed, validation, …);
    ``scores`` a function of (p, q) that gives the network's scores on held-out data by name;
    ``baselines`` the scores of those that it is to be better than, by name;
    ``data`` whatever else a page shows, in a record of the task's own.
    """

    p: Any
    q: Any
    batches: Any
    options: Mapping[str, Any]
    scores: Callable[[Any, Any], Mapping[str, float]]
    baselines: Mapping[str, float]
    data: Any = None


class Promise(NamedTuple):
    """What must hold after training: the score named ``score`` is ``relation`` (">" or "<") ``bound``.

    ``bound`` is a number, or the name of another score or baseline.
    """

    score: str
    relation: str
    bound: float | str


@dataclass(frozen=True)
class Task:
    """One of the book's trainings.

    Attributes
    ----------
    name : its name, for ``make train`` and for messages.
    page : the stem of the page it belongs to; several tasks may share one.
    question : what the network is asked, in a few words.
    prepare : ``prepare(settings)`` gives the ``Problem`` of that size; the same settings give the same problem.
    small, full : settings, a record each: for a page, and for ``make train``.
    promises : what must hold after the full training.
    """

    name: str
    page: str
    question: str
    prepare: Callable[[Any], Problem]
    small: Any
    full: Any
    promises: tuple[Promise, ...] = field(default=())


class Learnt(NamedTuple):
    """A trained task: the ``problem``, its ``run`` (``train.Run``), and ``scores``, those of ``run.best`` and the baselines."""

    problem: Problem
    run: train.Run
    scores: Mapping[str, float]


def falling_adam(rate: float, steps: int):
    """Adam with a rate that falls in a straight line from ``rate`` to a hundredth of it, over ``steps`` steps.

    Where it is on that line it reads from Adam's own state, so that a run that is taken up again goes on down the same line.

    Raises
    ------
    ValueError
        As ``optimise.adam``; or if ``steps`` is not a positive integer.

    Examples
    --------
    >>> import numpy as np
    >>> optimiser, p, state = falling_adam(rate=0.5, steps=2), np.zeros(1), None
    >>> for _ in range(3):
    ...     p, state = optimiser(p, np.ones(1), state)
    ...     print(p.round(4))
    [-0.5]
    [-0.75]
    [-0.755]
    """
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
        raise ValueError(f"steps is {steps!r}; it must be a positive integer")

    def optimiser(p, gradient, state=None):
        done = min((state.t if state else 0) / steps, 1)
        return optimise.adam(p, gradient, state, rate=rate * max(1 - done, 0.01))

    return optimiser


def learn(problem: Problem, **options) -> Learnt:
    """Train a problem and score what came out.

    The scores are those of ``run.best``: the parameters of the lowest validation, or the last ones if there is none.

    Parameters
    ----------
    problem : Problem, for example ``names.TASK.prepare(names.TASK.small)``.
    options : further arguments of ``train.fit``, or others in the place of the problem's: path, progress, callback, epochs.

    Raises
    ------
    ValueError
        As ``train.fit``; or if a score and a baseline have the same name.

    Examples
    --------
    >>> import numpy as np
    >>> from rnnlib import initialise, model, one_hot
    >>> rng = np.random.default_rng(0)
    >>> X = rng.choice([-1.0, 1.0], size=(3, 8, 1))  # which of the two letters came last?
    >>> Y = one_hot((X[..., 0] > 0).astype(int), 2)
    >>> p, q = initialise.uniform_rnn(rng, n=1, h=4), initialise.uniform_readout(rng, h=4, m=2)
    >>> scores = lambda p, q: {"network": float(model.loss(p, q, X, Y)) / 8}
    >>> learnt = learn(Problem(p, q, [(X, Y)], {"epochs": 5}, scores, {"guess": 3 * float(np.log(2))}))
    >>> list(learnt.scores), learnt.scores["network"] < learnt.scores["guess"]
    (['network', 'guess'], True)
    """
    run = train.fit(problem.p, problem.q, problem.batches, **{**problem.options, **options})
    scores = dict(problem.scores(*run.best))
    if twice := sorted(scores.keys() & problem.baselines.keys()):
        raise ValueError(f"{twice[0]!r} is the name of a score and of a baseline; each needs its own")
    return Learnt(problem, run, {**scores, **problem.baselines})


def missed(promises, scores: Mapping[str, float]) -> list[str]:
    """The promises that the scores do not keep, each as a sentence.

    Raises
    ------
    ValueError
        If a promise names a score that there is not, or its relation is not ">" or "<".

    Examples
    --------
    >>> missed([Promise("network", ">", "guess"), Promise("network", ">", 0.9)], {"network": 0.8, "guess": 0.5})
    ['network is 0.8000; promised was more than 0.9000']
    """
    found = []
    for score, relation, bound in promises:
        for name in [score, *([bound] if isinstance(bound, str) else [])]:
            if name not in scores:
                raise ValueError(f"a promise names the score {name!r}; there are {', '.join(scores)}")
        if relation not in _RELATIONS:
            raise ValueError(f"a promise has the relation {relation!r}; it must be '>' or '<'")
        limit = scores[bound] if isinstance(bound, str) else bound
        if not _RELATIONS[relation](scores[score], limit):
            words = f"{'more' if relation == '>' else 'less'} than {limit:.4f}"
            found.append(f"{score} is {scores[score]:.4f}; promised was {words}{f' ({bound})' if isinstance(bound, str) else ''}")
    return found
