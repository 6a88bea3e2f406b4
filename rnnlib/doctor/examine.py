"""``diagnose``: run the reader's function at generic points, judge each gradient, and look for its numbers in the catalogue."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from rnnlib.activations import Activation
from rnnlib.doctor import catalogue, points, reader
from rnnlib.doctor.diagnosis import Diagnosis, Explanation, Verdict
from rnnlib.doctor.points import Point
from rnnlib.doctor.reader import Observation
from rnnlib.losses import Head

EXACT = 1e-9  # above this, double precision alone does not explain the error
SINGLE, HALF = 1e-4, 2e-2  # what single and half precision may cost
LARGE = 2**31  # from about here on a double is whole anyway
OTHERS = 3  # so many sets of mistakes with the same numbers are told


def diagnose(
    my_backward: Callable[..., Any],
    cell: Any = "rnn",
    *,
    f: str | Activation = "tanh",
    head: str | Head = "softmax_cross_entropy",
    targets: str = "soft",
    weights: str | None = None,
    array: Callable[[Any], Any] = np.asarray,
    batch: bool | None = None,
    seed: int = 0,
) -> Diagnosis:
    """Whether a backward pass of your own is right; if not, which mistake it is.

    The function is called at three random points, and what it returns is compared with rnnlib's gradients.
    If they differ, it is compared with the right pass spoiled by each mistake of the catalogue, and by each pair.
    What it raises, wrong shapes and numbers that are not finite are reported.

    Its arguments are recognised by their names, in any order, and it takes those it needs:
    ``p`` and ``q``, the parameters as in ``model.loss_and_gradients``, or single letters (``U``, ``W``, ``b``, ``V``, ``c``, …);
    ``X`` (T, B, n), ``Y`` (T, B, m), ``s_0`` and ``weights`` (T, B), the ω_t; or ``trace`` and ``dL_dS`` as ``rnn.backward`` does.
    With other names for all of them it is given ``p, q, X, Y, s_0, weights`` in this order, as many as it needs.
    What it does not take is left out of the network: no bias, s_0 = 0, ω_t = 1.

    It returns gradients by name, in a mapping or in records: "dL_dW", "dW", "grad_W" and "W" are all ∂L/∂W.
    A bare tuple is read in the order of the letters that it takes, or U, W, b, V, c. ``(loss, gradients)`` is fine, too.
    Only what it returns is judged.

    Parameters
    ----------
    my_backward : the function.
    cell : "rnn", "lstm", "gru", "gru_before", "gru_replace", "bidirectional", or the cell itself.
    f, head : the activation and the output head, or their names.
    targets : what Y holds: "soft" rows that sum to 1, "any" positive numbers, "one_hot" rows, or "labels", integers (T, B).
    weights : "all", "last" or "mean", if the function is written for these weights; None for random ones if it takes any, else 1.
    array : what makes the arrays it is given, for example ``torch.tensor`` or ``jax.numpy.asarray``.
    batch : False if it takes one sequence, X (T, n); None to try a batch first and one sequence if that fails.
    seed : for other points.

    Returns
    -------
    Diagnosis; print it.

    Raises
    ------
    ValueError
        If a name is unknown here, or the function needs arguments that are.

    Examples
    --------
    >>> from rnnlib import model
    >>> def my_backward(p, q, X, Y, s_0):
    ...     g = model.loss_and_gradients(p, q, X, Y, s_0)
    ...     return {"dW": g.dL_dp.W.T, "dV": g.dL_dq.V}
    >>> found = diagnose(my_backward)
    >>> found.wrong, found.names
    (('W',), ('dW-transposed',))
    """
    shapes = points.problem(cell).kind.shapes
    states = [letter for letter, axes in shapes.items() if axes[0] == "B"]
    call = reader.call_of(my_backward, shapes)
    takes = reader.letters_given(call, [letter for letter in shapes if letter not in states], states)
    problem = points.problem(cell, f, head, targets, weights, takes)

    def attempt(batched):
        at = points.generic(problem, seed, batched)
        seen = [reader.observe(my_backward, call, point, array) for point in at]
        return at, seen, judge(seen, at)

    at, seen, verdicts = attempt(batch is not False)
    notes = []
    if batch is None and not _sound(seen, verdicts):
        alone = attempt(False)
        if _sound(*alone[1:]):
            why = next((one.error for one in seen if one.error), "") or "the shapes of its results do not fit"
            at, seen, verdicts = alone
            notes.append(f"judged for one sequence, X (T, n); with a batch, X (T, B, n): {why}")
    if not seen[0].error and not all(verdict.right for verdict in verdicts):
        again = reader.observe(my_backward, call, at[0], array).gradients
        if any(not np.array_equal(again.get(part), value, equal_nan=True) for part, value in seen[0].gradients.items()):
            notes.append("called again with the same numbers it returns others; does it keep a sum that is not set to 0?")
    return conclude(problem, at, seen, verdicts, notes)


def conclude(problem, at, seen, verdicts, notes) -> Diagnosis:
    """The diagnosis from what was seen at the points."""
    if all(one.error == reader.UNFILLED for one in seen):
        return Diagnosis(problem.cell, (), notes=(reader.UNFILLED,))
    problems = _failures(seen, at)
    notes = [*notes, *dict.fromkeys(note for one in seen for note in one.notes), *_loss_notes(seen, at, verdicts)]
    explanations, tried = (), (0, 0)
    if any(not verdict.right for verdict in verdicts) or problems and verdicts:
        explanations, tried = explain(seen, at)
    if explanations and explanations[0].parts == tuple(v.part for v in verdicts):
        wrong = tuple(v.part for v in verdicts if not v.right)
        explanations = tuple(Explanation(e.mistakes, wrong, e.others) for e in explanations)
    return Diagnosis(problem.cell, tuple(verdicts), tuple(explanations), tuple(problems), tuple(notes), tried)


# -- right or wrong --------------------------------------------------------------------------------------------------


def judge(seen: list[Observation], at: tuple[Point, ...]) -> list[Verdict]:
    """One verdict for each gradient that was returned anywhere, the worst over the points."""
    parts = [part for part in at[0].problem.parts if any(part in one.gradients for one in seen)]
    return [_verdict(part, seen, at) for part in parts]


def _verdict(part, seen, at):
    """The worst over the points; if all are multiples of the right gradient, the note says which."""
    both = [(one.gradients[part], point.right[part]) for one, point in zip(seen, at) if part in one.gradients]
    errors = [relative_error(have, want) for have, want in both]
    worst = int(np.argmax(errors))
    (have, want), error = both[worst], errors[worst]
    factors = [_multiple(*pair) for pair in both]
    note = _note(have, want, error)
    if error > tolerance(have) and None not in factors:
        note = f"{' or '.join(dict.fromkeys(f'{k:.4g}' for k in factors))} times the right one"
    return Verdict(part, error, tolerance(have), note)


def relative_error(have, want, scale=0.0) -> float:
    """max |have − want| / max |want|; infinite for another shape and for numbers that are not finite."""
    if have.shape != want.shape or not np.isfinite(have).all():
        return math.inf
    return float(np.abs(have - want).max() / (max(np.abs(want).max(), scale) or 1.0))


def tolerance(array) -> float:
    """What the precision of the reader's numbers may cost."""
    return HALF if array.dtype.itemsize <= 2 else SINGLE


def _note(have, want, error):
    if have.shape != want.shape:
        needed = f"shape {have.shape}, needed {want.shape}"
        if have.shape[1:] == want.shape and have.shape[0] > 1:
            return needed + "; is the sum over its first axis missing?"
        same = have.ndim == 2 and relative_error(have.T, want) <= tolerance(have)
        return needed + "; its transpose is right" if same else needed
    if not np.isfinite(have).all():
        bad = f"{np.count_nonzero(~np.isfinite(have))} of {have.size} numbers are not finite"
        return f"{bad}; look for 0/0, a log of 0, an exp that is too large"
    if error <= tolerance(have):
        return f"right to {-math.log10(error):.0f} digits" if error > EXACT and have.dtype.itemsize == 8 else ""
    if np.abs(have.imag).max() > SINGLE * np.abs(want).max():
        return "has an imaginary part"
    whole = have.size > 2 and have.any() and np.abs(have).max() < LARGE and np.array_equal(have, np.trunc(have.real))
    return "all are whole numbers; is it an array of integers?" if whole else ""


def _multiple(have, want):
    """The number that ``want`` is to be multiplied by to give ``have``, or None."""
    if have.shape != want.shape or not np.isfinite(have).all() or not want.any():
        return None
    factor = float(np.vdot(want, have).real / np.vdot(want, want).real)
    return factor if relative_error(have, factor * want, np.abs(want).max()) <= tolerance(have) else None


def _sound(seen, verdicts):
    """Whether the function ran everywhere and returned the right shapes."""
    return not any(one.error for one in seen) and not any("shape" in verdict.note for verdict in verdicts)


def _failures(seen, at):
    """Each error once, with the sizes where it was seen first."""
    first = {re.sub(r"\d+", "", one.error): (one.error, point.sizes) for one, point in reversed([*zip(seen, at)]) if one.error}
    return [f"{error} (with T, B, n, h, m = {', '.join(map(str, sizes))})" for error, sizes in reversed(first.values())]


def _loss_notes(seen, at, verdicts):
    """What a returned loss tells: another loss than rnnlib's, or the same."""
    pairs = [(one.loss, float(point.right["L"])) for one, point in zip(seen, at) if one.loss is not None]
    if not pairs or all(math.isclose(a, b, rel_tol=SINGLE) for a, b in pairs):
        wrong = any(not verdict.right for verdict in verdicts)
        return ["its loss is right: the mistake is on the way back"] if pairs and wrong else []
    return ["its loss is another one: look at the forward pass, or at the sums over time and batch"]


# -- which mistake ---------------------------------------------------------------------------------------------------


def explain(seen: list[Observation], at: tuple[Point, ...]) -> tuple[tuple[Explanation, ...], tuple[int, int]]:
    """The mistakes that give what was seen, and how many were tried, alone and in pairs."""
    numbered = [k for k, one in enumerate(seen) if one.gradients]
    if not numbered:
        return (), (0, 0)
    search = _Search(seen, at, numbered[0])
    sets = search.alone() or search.pairs() or search.several()
    if sets:
        return (Explanation(sets[0], tuple(search.parts), tuple(sets[1 : 1 + OTHERS])),), search.tried
    return search.part_by_part(), search.tried


class _Search:
    """One reader's numbers against the catalogue; most is decided at one point, ``main``, the rest only confirms."""

    def __init__(self, seen, at, main):
        self.seen, self.at, self.main = seen, at, main
        self.parts = [part for part in at[main].problem.parts if part in seen[main].gradients]
        self.cell = at[main].problem.cell
        self.changes = self._alive()
        right = at[main].right
        self.wrong = {part for part in self.parts if not self._equal(main, part, right)}
        self.tried = (len(self.changes), 0)

    def _alive(self):
        """{mistake: the parts that it changes} for those that change what was returned."""
        point, found = self.at[self.main], {}
        for mistake in catalogue.fitting(self.cell):
            numbers = point.spoiled(mistake)
            if numbers is not None:
                changed = {part for part in self.parts if relative_error(numbers[part], point.right[part]) > SINGLE}
                if changed:
                    found[mistake] = changed
        return found

    def _equal(self, k, part, numbers):
        have = self.seen[k].gradients.get(part)
        if have is None or numbers is None:
            return False
        return relative_error(have, numbers[part], np.abs(self.at[k].right[part]).max()) <= tolerance(have)

    def _fits(self, mistakes, parts=None, at_main=None):
        """Whether these mistakes give the reader's numbers at all points, or fail where the reader's function does."""
        for k in (self.main, *(k for k in range(len(self.at)) if k != self.main)):
            numbers = at_main if k == self.main and at_main is not None else self.at[k].spoiled(*mistakes)
            if self.seen[k].error:
                if numbers is not None:
                    return False
            elif not all(self._equal(k, part, numbers) for part in parts or self.parts):
                return False
        return True

    def alone(self):
        return [(mistake,) for mistake in self.changes if self._fits((mistake,))]

    def pairs(self):
        """Pairs that give everything.

        What one mistake alone does not change, it does not change in company: there the other's numbers must be the reader's.
        """
        point = self.at[self.main]
        own = {m: {p for p in c if self._equal(self.main, p, point.spoiled(m))} for m, c in self.changes.items()}
        candidates = [m for m, changed in self.changes.items() if changed <= self.wrong]
        found = []
        for one, two in itertools.combinations(candidates, 2):
            a, b = self.changes[one], self.changes[two]
            if a | b == self.wrong and a - b <= own[one] and b - a <= own[two] and catalogue.together(self.cell, one, two):
                if self._fits((one, two)):
                    found.append((one, two))
        self.tried = (len(self.changes), math.comb(len(self.changes), 2))
        return found

    def several(self):
        """More than two: one mistake, or none, that reaches far, and for each gradient still unexplained one that is about it alone."""
        local = {part: [m for m, changed in self.changes.items() if changed == {part}] for part in self.parts}
        far = [m for m, changed in self.changes.items() if len(changed) > 1 and any(self._at_main((m,), p) for p in changed)]
        for start in [(), *((m,) for m in far)]:
            mistakes = start
            for part in self.parts:
                if not self._at_main(mistakes, part):
                    more = (m for m in local[part] if catalogue.together(self.cell, *mistakes, m) and self._at_main((*mistakes, m), part))
                    mistakes = (*mistakes, *itertools.islice(more, 1))
            if mistakes and self._fits(mistakes):
                return [mistakes]
        return []

    def _at_main(self, mistakes, part):
        return self._equal(self.main, part, self.at[self.main].spoiled(*mistakes))

    def part_by_part(self):
        """An explanation for each gradient that a mistake explains, whatever it does to the others."""
        found = {}
        for part in self.parts:
            if part in self.wrong and (these := self._explaining(part)):
                found.setdefault(these[0], []).append(part)
        return tuple(Explanation((mistake,), tuple(parts)) for mistake, parts in found.items())

    def _explaining(self, part):
        """Mistakes that give this gradient, those first that touch the fewest."""
        these = [m for m, changed in self.changes.items() if part in changed and self._fits((m,), [part])]
        return sorted(these, key=lambda m: len(self.changes[m]))

