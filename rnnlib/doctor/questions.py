"""The book's questions whose answer is no gradient of L: a forward pass, a product, a bound, a cut gradient, a floor.

``answer`` calls the reader's function with drawn arguments and compares what it returns with rnnlib's own;
where they differ, the numbers are looked for among the slips that one makes at this question.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from rnnlib import flow, optimise, rnn, truncated
from rnnlib.doctor import reader
from rnnlib.doctor.catalogue import Mistake
from rnnlib.doctor.diagnosis import Diagnosis, Explanation, Verdict
from rnnlib.doctor.examine import relative_error

TOLERANCE = 1e-12  # tight, so that a difference quotient is no derivative
DRAWS = 6


class Pair(NamedTuple):
    """Two arrays that are one gradient."""

    first: Any
    second: Any


class Question(NamedTuple):
    """What is asked: ``about`` names the result, ``right`` gives it for what ``draw`` makes of a generator.

    ``page`` and ``label`` say where the book has it; ``slips`` are wrong functions, each with what it does and why that is wrong.
    """

    about: str
    page: str
    label: str
    draw: Callable[[np.random.Generator], tuple]
    right: Callable
    slips: dict[tuple[str, str], Callable]


def answer(question: str, mine: Callable[..., Any]) -> Diagnosis:
    """Whether a function of your own answers one of the book's questions; if not, which slip gives its numbers.

    The function is called with six sets of random arguments, by position.
    What it raises, wrong shapes and numbers that are not finite are reported; one that returns ``...`` is not answered yet.

    Parameters
    ----------
    question : the name that the exercise gives.
    mine : the answer, a function of what the exercise names; it returns an array, a number, or a tuple of arrays.

    Returns
    -------
    Diagnosis; print it.

    Raises
    ------
    ValueError
        If there is no such question, or ``mine`` is no function.

    Examples
    --------
    >>> found = answer("largest factor", lambda W, gamma: gamma * np.abs(np.linalg.eigvals(W)).max())
    >>> print(found.explanations[0].mistakes[0].says)
    the spectral radius stands where the 2-norm belongs
    """
    if question not in QUESTIONS:
        raise ValueError(f"unknown question {question!r}; known are: {', '.join(QUESTIONS)}")
    asked = QUESTIONS[question]
    if not callable(mine):
        raise ValueError(f"mine is a {type(mine).__name__}; it must be a function")
    drawn = [asked.draw(np.random.default_rng(seed)) for seed in range(DRAWS)]
    right = [_parts(asked.right(*values)) for values in drawn]
    given, problems = [], {}
    for values, want in zip(drawn, right, strict=True):
        found, error = _called(mine, values, want)
        if error == reader.UNFILLED:
            return Diagnosis("rnn", (), notes=(error,))
        problems |= {error: None} if error else {}
        given.append(found)
    if all(found is None for found in given):
        return Diagnosis("rnn", (), problems=tuple(problems))
    errors = [_error(found, want) for found, want in zip(given, right, strict=True) if found is not None]
    verdict = Verdict(asked.about, max(errors), TOLERANCE, next(filter(None, map(_note, given, right)), ""))
    if verdict.right and not problems:
        return Diagnosis("rnn", (verdict,))
    these = [slip for slip in _slips(question) if _fits(asked.slips[slip.says, slip.why], drawn, given)]
    explanations = (Explanation(tuple(these[:1]), (asked.about,), tuple((slip,) for slip in these[1:])),) if these else ()
    return Diagnosis("rnn", (verdict,), explanations, tuple(problems), tried=(len(asked.slips), 0))


def _called(mine, values, want):
    """What the function returns, as parts like those that are wanted, and how it failed."""
    try:
        with np.errstate(all="ignore"):
            result = mine(*(v.copy() if isinstance(v, np.ndarray) else v for v in values))
    except Exception as failure:  # whatever the reader's code raises is an answer
        return None, reader._told(failure, mine)
    if result is ... or isinstance(result, (tuple, list)) and any(part is ... for part in result):
        return None, reader.UNFILLED
    if result is None:
        return None, "it returned nothing; is the return missing?"
    try:
        if len(want) > 1 and (not isinstance(result, (tuple, list)) or len(result) != len(want)):
            return None, f"it returned a {type(result).__name__}; needed are {len(want)} arrays"
        return _parts(result if len(want) > 1 else reader.as_array(result)), ""
    except ValueError as bad:
        return None, str(bad)


def _parts(result):
    return tuple(map(reader.as_array, result)) if isinstance(result, (tuple, list)) else (reader.as_array(result),)


def _error(have, want):
    """The relative error of all parts as one vector; infinite for a wrong shape."""
    if any(a.shape != b.shape for a, b in zip(have, want, strict=True)):
        return math.inf
    return relative_error(*(np.concatenate([part.ravel() for part in parts]) for parts in (have, want)))


def _note(have, want):
    wrong = [(a.shape, b.shape) for a, b in zip(have or (), want) if a.shape != b.shape]
    return f"shape {wrong[0][0]}, needed {wrong[0][1]}" if wrong else ""


def _slips(question):
    asked = QUESTIONS[question]
    return [Mistake(f"{question}-{k}", *words, asked.page, asked.label, (), ()) for k, words in enumerate(asked.slips, 1)]


def _fits(slip, drawn, given):
    """Whether a slip gives the reader's numbers wherever the reader's function has any, and fails where it fails."""
    for values, found in zip(drawn, given, strict=True):
        try:
            numbers = _parts(slip(*values))
        except ValueError:  # NumPy's word for shapes that do not fit
            numbers = None
        if (numbers is None) != (found is None) or found is not None and not _error(found, numbers) <= TOLERANCE:
            return False
    return True


# -- the questions ---------------------------------------------------------------------------------------------------


def _sizes(rng, count):
    """Different sizes, none of them 1; at every third draw all are equal, for what fits only there."""
    sizes = rng.permutation([2, 3, 4, 5])[:count].tolist()
    return [4] * count if rng.random() < 1 / 3 else sizes


def _draw_rows(rng):
    B, h = _sizes(rng, 2)
    return rng.normal(size=(6, B, h)), rng.normal(size=(7, B, h))


def _draw_pass(rng):
    n, h = _sizes(rng, 2)
    shapes = (h, n), (h, h), (h,), (6, n), (h,)
    return tuple(rng.normal(size=shape) for shape in shapes)


def _states(U, W, b, X, s_0, step=lambda U, W, b, x, s: np.tanh(U @ x + W @ s + b)):
    S = [s_0]
    for x in X:
        S.append(step(U, W, b, x, S[-1]))
    return np.array(S[1:])


def _step(step):
    return lambda *values: _states(*values, step)


def _draw_slope(rng):
    k = rng.uniform(0.5, 1.5)
    return (lambda x: np.exp(k * x) * np.sin(x)), rng.uniform(0.3, 1.2)


def _slope(fn, x):
    return np.imag(fn(x + 1e-200j)) / 1e-200


def _draw_jacobians(rng):
    i = int(rng.integers(1, 3))
    return rng.normal(size=(6, 3, 3)), int(rng.integers(i + 2, 6)), i


def _product(J, t, i):
    """J_t ⋯ J_{i+1}; ``J[0]`` is J_1."""
    return flow.products(J, t)[i]


def _rising(J, t, i):
    return np.linalg.multi_dot([np.eye(3), *J[i:t], np.eye(3)])


def _draw_window(rng):
    n, h = _sizes(rng, 2)
    p = rnn.Params(rng.normal(size=(h, n)), rng.normal(size=(h, h)), rng.normal(size=h))
    trace = rnn.forward(p, rng.normal(size=(7, 2, n)), rng.normal(size=(2, h)))
    return p, trace, rng.normal(size=(7, 2, h)), int(rng.integers(2, 5))


def _window(p, trace, dL_dS, k):
    return truncated.window(p, trace, dL_dS, k).dL_dp.W


def _draw_clip(rng):
    limit = rng.uniform(0.5, 1.5)
    g = Pair(rng.normal(size=(3, 2)), rng.normal(size=4))
    k = limit / optimise.norm(g) * (0.5 if rng.random() < 0.3 else 3)  # some are short enough
    return k * g.first, k * g.second, limit


def _clip(one, two, limit):
    return tuple(optimise.clip_by_norm(Pair(one, two), limit))


def _scale_always(one, two, limit):
    k = limit / optimise.norm(Pair(one, two))
    return k * one, k * two


def _without_limit(one, two, limit):
    k = 1 / max(1, optimise.norm(Pair(one, two)))
    return k * one, k * two


def _floor(chances, seen=(0,)):
    from rnnlib.data import floor  # the data are not loaded for the doctor's sake

    return floor(chances, seen)


def _entropy(p):
    return float(np.mean(-p * np.log(p) - (1 - p) * np.log(1 - p)))


QUESTIONS: dict[str, Question] = {
    "rows": Question(
        "the sum", "gradient_w", "eq-gradient-w-outer", _draw_rows,
        lambda delta, S: np.einsum("tbi,tbj->ij", delta, S[:-1]),
        {
            ("s_t stands where s_{t-1} belongs", "S[0] is s_0, and delta[0] is δ_1: S[:-1] are the states before."):
                lambda delta, S: np.einsum("tbi,tbj->ij", delta, S[1:]),
            ("it is transposed", "δ is the column, so its index is that of the rows."):
                lambda delta, S: np.einsum("tbi,tbj->ji", delta, S[:-1]),
            ("it is a mean over the batch", "Each sequence adds its own term."):
                lambda delta, S: np.einsum("tbi,tbj->ij", delta, S[:-1]) / delta.shape[1],
        },
    ),
    "slope": Question("the slope", "checking", "sec-checking-numeric", _draw_slope, _slope, {}),
    "states": Question(
        "the states", "model", "eq-model-s", _draw_pass, _states,
        {
            ("W is transposed", "Only rows of a batch need s @ W.T; a column is W @ s."):
                _step(lambda U, W, b, x, s: np.tanh(U @ x + W.T @ s + b)),
            ("the bias is left out", "a_t has three terms."): _step(lambda U, W, b, x, s: np.tanh(U @ x + W @ s)),
            ("the pre-activations are returned", "s_t is f(a_t)."): _step(lambda U, W, b, x, s: U @ x + W @ np.tanh(s) + b),
            ("the state before is left out", "Without W s_{t-1} no step knows of another."):
                _step(lambda U, W, b, x, s: np.tanh(U @ x + b)),
            ("it starts from 0, not from s_0", "At t = 1 the state before is s_0."):
                lambda U, W, b, X, s_0: _states(U, W, b, X, 0 * s_0),
            ("every step starts from s_0", "The state has to be handed on from step to step."):
                lambda U, W, b, X, s_0: np.tanh(X @ U.T + W @ s_0 + b),
        },
    ),
    "product": Question(
        "the product", "notation", "eq-notation-phi", _draw_jacobians, _product,
        {
            ("the factors stand in the order of time", "The latest is on the left: J_{i+1} is applied first."): _rising,
            ("J_i is in the product", "J_i leads from s_{i-1} to s_i; after s_i the first is J_{i+1}."):
                lambda J, t, i: _product(J, t, i - 1),
            ("J_{i+1} is missing", "It leads from s_i to s_{i+1}."): lambda J, t, i: _product(J, t, i + 1),
            ("J_t is missing", "It leads from s_{t-1} to s_t."): lambda J, t, i: _product(J, t - 1, i),
            ("the factors are those of one step later", "J_1 is J[0] in Python."): lambda J, t, i: _product(J[1:], t, i),
            ("it is transposed", "A Jacobian has the derivative's numerator in its rows."): lambda J, t, i: _product(J, t, i).T,
        },
    ),
    "largest factor": Question(
        "the factor η", "flow", "eq-flow-bound",
        lambda rng: (rng.normal(size=(4, 4)), rng.uniform(0.2, 0.9)),
        lambda W, gamma: gamma * np.linalg.norm(W, 2),
        {
            ("the spectral radius stands where the 2-norm belongs", "Eigenvalues say what happens in the long run, not in one step."):
                lambda W, gamma: gamma * np.abs(np.linalg.eigvals(W)).max(),
            ("the Frobenius norm stands where the 2-norm belongs",
             "np.linalg.norm(W) takes all singular values together; with 2 it takes the largest."):
                lambda W, gamma: gamma * np.linalg.norm(W),
            ("γ is left out", "Each step has the slope of f, too."): lambda W, gamma: np.linalg.norm(W, 2),
        },
    ),
    "clip": Question(
        "both parts", "remedies", "prop-remedies-projection", _draw_clip, _clip,
        {
            ("each part is clipped by itself", "Then the parts change their proportion, and the gradient its direction."):
                lambda one, two, limit: (optimise.clip_by_norm(one, limit), optimise.clip_by_norm(two, limit)),
            ("every entry is clipped by itself", "That is clipping by value, and it turns the gradient."):
                lambda one, two, limit: (np.clip(one, -limit, limit), np.clip(two, -limit, limit)),
            ("short gradients are made longer", "What is not too long is left as it is."): _scale_always,
            ("it is clipped to length 1, not to the limit", "The factor is θ / ‖g‖."): _without_limit,
        },
    ),
    "window": Question(
        "∂L/∂W, cut", "truncated", "eq-truncated-window", _draw_window, _window,
        {
            ("nothing is left out", "That is the whole gradient."): lambda p, trace, dL_dS, k: rnn.backward(p, trace, dL_dS).dL_dp.W,
            ("it reaches one step too far", "t - i < k: with its own step it is k steps."):
                lambda p, trace, dL_dS, k: _window(p, trace, dL_dS, k + 1),
            ("it stops one step too early", "t - i < k: with its own step it is k steps."):
                lambda p, trace, dL_dS, k: _window(p, trace, dL_dS, k - 1),
            ("these are chunks of k steps", "In a chunk the later losses reach further back than the earlier ones."):
                lambda p, trace, dL_dS, k: truncated.chunked(p, trace, dL_dS, k).dL_dp.W,
            ("only the loss of the last step goes back", "Every loss reaches back over its own k steps."):
                lambda p, trace, dL_dS, k: _window(p, trace, dL_dS * (np.arange(len(dL_dS)) == len(dL_dS) - 1)[:, None, None], k),
        },
    ),
    "floor": Question(
        "the floor", "floors", "prop-floors-seen",
        lambda rng: (rng.uniform(0.1, 0.9, size=(2, 2)),),
        _floor,
        {
            ("nothing is used", "Who sees the first bit knows which row it is."): lambda chances: _entropy(chances.mean()),
            ("both bits are used", "The second bit is hidden: first the mean over it, then the entropy."): _entropy,
            ("it is that of who sees the second bit", "Rows are the first bit."): lambda chances: _floor(chances, seen=(1,)),
            ("it is in bits", "Cross-entropy is in nats: the natural logarithm."): lambda chances: _floor(chances) / np.log(2),
        },
    ),
}  # fmt: skip
