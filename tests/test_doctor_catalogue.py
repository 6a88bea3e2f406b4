"""The catalogue of mistakes: the passes are right, every mistake spoils one, and no two do the same."""

import inspect
import itertools

import numpy as np
import pytest

from rnnlib import activations
from rnnlib.doctor import MISTAKES, catalogue, fitting, named, passes, points, program

CELLS = list(points.KINDS)


def error(have, want):
    """The largest normwise relative error over the letters of ``have``; infinite where a shape differs."""
    if have is None:
        return np.inf
    shapes = any(have[k].shape != want[k].shape for k in have)
    return np.inf if shapes else max(np.abs(have[k] - want[k]).max() / (np.abs(want[k]).max() or 1) for k in have)


def test_there_are_at_least_forty_mistakes_with_names_of_their_own():
    assert len(MISTAKES) >= 40
    assert len({m.name for m in MISTAKES}) == len(MISTAKES)
    assert {cell for m in MISTAKES for cell in m.cells} == {"rnn", "lstm", "gru", "bidirectional"}


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda m: m.name)
def test_mistake_is_explained_where_it_says(mistake, root):
    assert f"({mistake.label})" in (root / "book" / f"{mistake.page}.md").read_text()
    assert mistake.says and mistake.why.endswith(".") and not mistake.says.endswith(".")


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda m: m.name)
def test_mistake_fits_the_pass_of_every_cell_that_it_names(mistake):
    for cell in mistake.cells:
        assert catalogue.together(cell, mistake)
        assert all(right != wrong for right, wrong in mistake.lines(cell))


@pytest.mark.parametrize("head", ["softmax_cross_entropy", "sigmoid_cross_entropy", "squared_error"])
@pytest.mark.parametrize("cell", CELLS)
def test_pass_is_right(cell, head):
    for f in activations.ACTIVATIONS:
        for point in points.generic(points.problem(cell, f, head, targets="any"), seed=3):
            assert error(point.spoiled(), point.right) < 1e-12


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru", "bidirectional"])
def test_pass_run_line_by_line_is_the_function(cell):
    point = points.generic(points.problem(cell), seed=0)[0]
    called, run = getattr(passes, cell)(**point.variables()), catalogue.pass_of(cell).run(point.variables())
    assert all(np.array_equal(called["d" + part], run["d" + part]) for part in point.problem.parts)


@pytest.mark.parametrize("cell", CELLS)
def test_run_taken_up_in_the_middle_is_the_whole_run(cell):
    point = points.generic(points.problem(cell), seed=0)[2]
    for mistake in fitting(cell):
        whole = catalogue.pass_of(cell).run(point.variables(), mistake.edits)
        assert all(np.array_equal(whole["d" + part], value) for part, value in point.spoiled(mistake).items())


@pytest.mark.parametrize("cell", CELLS)
def test_every_mistake_is_seen_and_no_two_are_the_same(cell):
    point = points.generic(points.problem(cell, targets="any"), seed=0)[2]
    found = {m.name: point.spoiled(m) for m in fitting(cell)}
    assert None not in found.values()
    assert {name: e for name, numbers in found.items() if (e := error(numbers, point.right)) < 1e-2} == {}
    assert [(a, b) for a, b in itertools.combinations(found, 2) if error(found[a], found[b]) < 1e-3] == []


def test_what_a_variant_leaves_out_changes_nothing_there():
    point = points.generic(points.problem("gru_before"), seed=0)[0]
    for name in catalogue.NONE_THERE["gru_before"]:
        assert error(point.spoiled(named(name)), point.right) < 1e-12


def test_every_line_of_a_pass_is_an_assignment_of_its_own():
    for cell in ("rnn", "lstm", "gru", "bidirectional"):
        body = inspect.getsource(getattr(passes, cell)).splitlines()
        lines = [line.strip() for line in body if " = " in line and not line.strip().startswith(("def", '"'))]
        assert set(lines) == set(catalogue.pass_of(cell).lines.values())


def test_mistakes_at_the_same_piece_do_not_go_together():
    assert not catalogue.together("rnn", named("slope-missing"), named("slope-of-s"))
    assert not catalogue.together("rnn", named("lam-transposed"), named("lam-no-W"))  # one's text is within the other's
    assert catalogue.together("rnn", named("slope-missing"), named("slope-twice"))
    with pytest.raises(program.Conflict, match="no line"):
        catalogue.pass_of("rnn").edited([program.Edit("mu[t]", "a", "b")])
    with pytest.raises(KeyError, match="nonesuch"):
        named("nonesuch")
