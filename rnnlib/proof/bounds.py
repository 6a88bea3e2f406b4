r"""Inequalities: evaluated at many random networks, and pushed towards equality by a search for the worst one.

A bound is proved in the text of its page; what is done here can refute it, and shows how tight it is. A relation ``<`` in the same
statement, such as ``\eta < 1``, is a premise: networks that do not satisfy it are passed over.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rnnlib.proof import tex
from rnnlib.proof.points import ArrayPoint
from rnnlib.proof.statement import Evaluator, assignments

ROUNDING = 1e-12  # the left side may exceed the right one by this part of it …
FLOOR = 1e-13  # … or by this much: what is left of numbers of order 1 when a state saturates
SIZES = ((3, 5, 4), (2, 3, 3), (1, 1, 2))  # n, h, m
LENGTH = 6


@dataclass(frozen=True)
class Margin:
    """What was seen of an inequality a ≤ b.

    ``networks`` random ones satisfied the premises; at each, ``comparisons`` in all, a / b was at most ``largest``.
    ``worst`` is the largest a / b found by the search that starts from the closest of them.
    """

    networks: int
    comparisons: int
    largest: float
    worst: float

    def holds(self) -> bool:
        return max(self.largest, self.worst) <= 1 + ROUNDING


def bound(text: str, *, f="tanh", draws: int = 200, search: int = 100, seed: int = 0) -> Margin:
    """Evaluate the inequalities of a statement at random networks of several sizes, scales of W and scales of the inputs.

    Parameters
    ----------
    text : a statement with at least one ``\\le`` or ``\\ge``.
    f : the activation, or several names separated by spaces.
    draws : how many networks; at least a quarter must satisfy the premises.
    search : how many steps of the search for the worst network.

    Raises
    ------
    TexError
        If the statement has no inequality, or its premises hold too rarely for the check to say anything.
    """
    statement = tex.parse(text)
    if not any(r.op in ("<=", ">=") for r in statement.relations):
        raise tex.TexError(f"a bound needs \\le or \\ge: {text}")
    rng, names = np.random.default_rng(seed), f.split()
    found, comparisons = [], 0
    for k in range(draws):
        place = (10 ** rng.uniform(-1.5, 0.7), 10 ** rng.uniform(-4, 0.5))
        network = names[k % len(names)], SIZES[k % len(SIZES)], k
        ratios = _ratios(statement, *network, place)
        if ratios:
            found.append((max(ratios), place, network))
            comparisons += len(ratios)
    if len(found) < draws / 4:
        raise tex.TexError(f"the premises hold at {len(found)} of {draws} random networks only: {text}")
    largest, place, network = max(found, key=lambda item: item[0])
    worst = largest
    for step in range(search):
        width = 0.5 * 0.96**step
        tried = tuple(float(v * np.exp(width * rng.normal())) for v in place)
        ratios = _ratios(statement, *network, tried)
        if ratios and max(ratios) > worst:
            worst, place = max(ratios), tried
    return Margin(len(found), comparisons, largest, worst)


def _ratios(statement, f, sizes, seed, scales):
    """left / right of every inequality at every time; [] if a premise does not hold."""
    point = ArrayPoint(LENGTH, sizes, exact=False, f=f, seed=seed, scales=scales)
    ratios = []
    for times in assignments(statement, LENGTH):
        value = Evaluator(point, times, {}, {})
        for relation in statement.relations:
            left, right = float(value(relation.left)), float(value(relation.right))
            if relation.op in (">=", ">"):
                left, right = right, left
            if relation.op in ("<", ">"):
                if not left < right:
                    return []
            elif relation.op in ("<=", ">="):
                over = left - right > FLOOR
                ratios.append(left / right if right and (over or left <= right) else float("inf") if over else float(left > 0))
            elif abs(left - right) > ROUNDING * max(abs(left), abs(right)):
                ratios.append(float("inf"))  # an equation among the bounds
    return ratios
