"""What is not answered yet, the book's questions that are not about a gradient, and the exercises of every chapter."""

import re
from pathlib import Path

import numpy as np
import pytest
import yaml

from rnnlib import doctor, optimise, rnn
from rnnlib.doctor.questions import QUESTIONS
from rnnlib.doctor.reader import UNFILLED
from rnnlib.proof import numeric

ROOT = Path(__file__).resolve().parents[1]


# -- not answered yet


def zeros_and_dots(p, q, X, Y, s_0):
    return {"dW": ..., "dU": ...}


def calculated_with_dots(p, q, X, Y, s_0):
    lam = ...
    return {"dW": lam @ p.W}


@pytest.mark.parametrize("function", [zeros_and_dots, calculated_with_dots, lambda p, q, X, Y, s_0: ...])
def test_a_backward_pass_that_is_not_written_yet_is_no_mistake(function):
    found = doctor.diagnose(function)
    assert not found.right and not found.wrong and not found.problems
    assert found.notes == (UNFILLED,) and UNFILLED in str(found) and UNFILLED in found._repr_html_()


def test_dots_of_an_index_are_no_open_place():
    def fails(p, q, X, Y, s_0):
        return {"dW": X[..., 0] @ p.W[..., 99]}

    assert "IndexError" in doctor.diagnose(fails).problems[0]


def test_what_is_written_already_is_judged():
    def half(p, q, X, Y, s_0):
        return {"dW": rnn.backward(p, rnn.forward(p, X, s_0), np.ones((*X.shape[:2], len(p.W)))).dL_dp.W, "dU": ...}

    assert doctor.diagnose(half).wrong == ("W",)


@pytest.mark.parametrize("right_side", ["...", "…", r"V^\top \varepsilon_t + ..."])
def test_a_formula_that_is_not_written_yet_is_no_mistake(right_side):
    found = doctor.diagnose_formula(rf"\lambda_t = {right_side}, \qquad t = 1, \dots, T")
    assert found.notes == (UNFILLED,) and not found.verdicts and not found.problems


def test_a_formula_is_shown_as_code_and_words_as_text():
    found = doctor.diagnose_formula(r"\frac{\partial L}{\partial b} = \delta_1")
    assert r"<code>\frac{\partial L}{\partial b}</code>" in found._repr_html_()
    assert "<td>the factor η</td>" in doctor.answer("largest factor", lambda W, gamma: gamma)._repr_html_()


# -- questions


@pytest.mark.parametrize("question", QUESTIONS)
def test_right_answer_is_right(question):
    found = doctor.answer(question, QUESTIONS[question].right)
    assert found.right and not found.explanations and found.verdicts[0].error == 0
    assert QUESTIONS[question].about in str(found) and ("∂" not in str(found) or "cut" in str(found))


@pytest.mark.parametrize(("question", "words"), [(k, words) for k, asked in QUESTIONS.items() for words in asked.slips])
def test_every_slip_is_named_first_and_alone(question, words):
    found = doctor.answer(question, QUESTIONS[question].slips[words])
    assert found.wrong
    (explanation,) = found.explanations
    assert explanation.mistakes[0].says == words[0] and not explanation.others
    said = " ".join(str(found).split())  # its lines are wrapped
    assert words[0] in said and words[1] in said and "with this slip" in said
    assert f'href="{QUESTIONS[question].page}.html#' in found._repr_html_()


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_is_explained_where_it_says(question):
    asked = QUESTIONS[question]
    text = (ROOT / "book" / f"{asked.page}.md").read_text("utf8")
    assert re.search(rf"\({asked.label}\)|:label: {asked.label}\n", text)


@pytest.mark.parametrize("question", QUESTIONS)
def test_an_answer_that_is_not_written_yet_is_no_mistake(question):
    found = doctor.answer(question, lambda *values: ...)
    assert found.notes == (UNFILLED,) and not found.verdicts and not found.problems


def test_the_slope_by_a_difference_is_not_exact_enough():
    assert doctor.answer("slope", lambda fn, x: numeric.complex_step(fn, x)).right
    found = doctor.answer("slope", lambda fn, x: (fn(x + 1e-6) - fn(x - 1e-6)) / 2e-6)
    assert found.wrong and found.verdicts[0].error < 1e-8


def test_answers_written_in_another_way_are_right():
    def rows(delta, S):
        return sum(d.T @ s for d, s in zip(delta, S))

    def clip(one, two, limit):
        length = np.sqrt((one**2).sum() + (two**2).sum())
        return [part * min(1, limit / length) for part in (one, two)]

    assert doctor.answer("rows", rows).right
    assert doctor.answer("clip", clip).verdicts[0].error < 1e-15
    assert doctor.answer("clip", clip).right


def test_another_mistake_is_said_to_be_unknown():
    found = doctor.answer("largest factor", lambda W, gamma: 2 * gamma * np.linalg.norm(W, 2))
    assert found.wrong and not found.explanations and "not known" in str(found)


def test_failures_and_shapes_are_reported():
    def fails(W, gamma):
        raise RuntimeError("no idea")

    assert "RuntimeError: no idea" in doctor.answer("largest factor", fails).problems[0]
    assert "shape (4, 4)" in str(doctor.answer("largest factor", lambda W, gamma: W))
    assert "2 arrays" in doctor.answer("clip", lambda one, two, limit: one).problems[0]
    assert not doctor.answer("largest factor", lambda W, gamma: np.nan).right
    assert "array of numbers" in doctor.answer("largest factor", lambda W, gamma: "η").problems[0]
    assert "it returned nothing" in doctor.answer("largest factor", lambda W, gamma: None).problems[0]


def test_what_fails_at_some_draws_only_is_not_right():
    def sometimes(delta, S):
        if delta.shape[1] != delta.shape[2]:
            raise ValueError("only where it fits")
        return QUESTIONS["rows"].right(delta, S)

    found = doctor.answer("rows", sometimes)
    assert not found.right and found.problems


def test_short_and_long_gradients_are_drawn():
    drawn = [QUESTIONS["clip"].draw(np.random.default_rng(seed)) for seed in range(6)]
    longer = [np.hypot(optimise.norm(one), optimise.norm(two)) > limit for one, two, limit in drawn]
    assert any(longer) and not all(longer)


def test_wrong_questions_are_errors():
    with pytest.raises(ValueError, match="known are: rows"):
        doctor.answer("row", rnn.forward)
    with pytest.raises(ValueError, match="must be a function"):
        doctor.answer("rows", 1)


# -- the exercises of every chapter

LEVELS = ("easy", "medium", "hard")
OPENING = re.compile(r"^(?::::+|```+)\{exercise(?:-start)?\} *(\w*)(, with the doctor)?\n:label: (\S+)\n", re.M)
CELL = re.compile(r"^```\{code-cell\} ipython3\n(.*?)^```$", re.M | re.S)
DOCTOR = re.compile(r"\b(?:diagnose|diagnose_formula|answer)\(")


def chapters():
    """The pages of all parts of the table of contents but the last, the back matter."""
    parts = yaml.safe_load((ROOT / "_toc.yml").read_text("utf8"))["parts"]
    assert parts[-1]["caption"] == "Back matter"
    return [Path(chapter["file"]).name for part in parts[:-1] for chapter in part["chapters"]]


def exercises(name):
    """{label: (level, whether it says "with the doctor", the exercise, its solution)} of a page, in order."""
    text = (ROOT / "book" / f"{name}.md").read_text("utf8")
    section = re.search(r"^## Exercises\n(.*?)(?=^## )", text, re.M | re.S)[1]
    starts = [*OPENING.finditer(section)]
    assert len(starts) == text.count("{exercise}") + text.count("{exercise-start}"), "an exercise that this test cannot read"
    ends = [start.start() for start in starts[1:]] + [len(section)]
    found = {}
    for start, end in zip(starts, ends):
        asked, directive, solved = section[start.end() : end].partition("{solution")
        found[start[3]] = (start[1], bool(start[2]), asked, directive + solved)
    return found


@pytest.mark.parametrize("name", chapters())
def test_a_chapter_has_graded_exercises_with_solutions_and_one_that_checks_itself(name):
    found = exercises(name)
    assert len(found) >= 3
    levels = [LEVELS.index(level) for level, *_ in found.values()]
    assert levels == sorted(levels), "from easy to hard"
    for label, (_, by_doctor, asked, solution) in found.items():
        assert solution.count("{solution") - solution.count("{solution-end}") == 1 and ":class: dropdown" in solution
        assert re.match(rf"\{{solution(-start)?\}} {label}\n:label: {label.replace('ex-', 'sol-', 1)}\n", solution)
        if by_doctor:
            (cell,) = CELL.findall(asked)
            assert "..." in cell and DOCTOR.search(cell.strip().splitlines()[-1]), f"{label}: a cell to fill in that ends with the doctor"
            assert any(DOCTOR.search(cell) for cell in CELL.findall(solution)), f"{label}: the doctor judges the solution"
    judged = [any(map(DOCTOR.search, CELL.findall(solution))) for *_, solution in found.values()]
    assert all(judged) if name == "doctor" else any(by_doctor for _, by_doctor, *_ in found.values())


def test_there_are_many_exercises_and_every_question_is_asked():
    found = [one for name in chapters() for one in exercises(name).values()]
    assert len(found) >= 120
    assert sum(by_doctor for _, by_doctor, *_ in found) >= 24
    asked = set(re.findall(r'\banswer\("(.*?)", ', "".join(text for *_, text, _ in found)))
    assert asked == {*QUESTIONS}


CELLS_TO_FILL = [
    pytest.param(cell, id=label)
    for name in chapters()
    for label, (_, by_doctor, asked, _) in exercises(name).items()
    if by_doctor and "torch" not in asked
    for cell in CELL.findall(asked)
]


@pytest.mark.parametrize("cell", CELLS_TO_FILL)
def test_a_cell_to_fill_in_says_so_and_does_not_fail(cell):
    names = {}
    exec("import numpy as np\nimport rnnlib\nfrom rnnlib import bidirectional, gru, readout, rnn", names)
    body, last = cell.rstrip().rsplit("\n", 1)
    exec(body, names)
    found = eval(last, names)
    assert found.notes == (UNFILLED,) and not found.problems and not found.verdicts
