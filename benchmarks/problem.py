"""The problem every library is given: one network, one batch, and how its answers are compared."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from benchmarks.grid import Cell
from rnnlib import gru, initialise, losses, lstm, rnn

MODULES = {"rnn": rnn, "lstm": lstm, "gru": gru}
BLOCKS = {"rnn": 1, "lstm": 4, "gru": 3}
TOLERANCE = {"float32": 1e-4, "float64": 1e-10}


class Problem(NamedTuple):
    """A network and a batch: parameters ``p`` and ``q``, inputs ``X`` (T, B, n), initial state ``s_0``,
    classes ``labels`` (T, B), and the same as rows with a single one, ``Y`` (T, B, m)."""

    cell: Cell
    p: Any
    q: Any
    X: Any
    s_0: Any
    labels: Any
    Y: Any


class Disagreement(Exception):
    """Two libraries do not find the same loss or gradient, so their times say nothing."""


def make(cell: Cell, seed: int = 0) -> Problem:
    """A random problem: parameters uniform in ±1/√h, inputs and initial state Gaussian, a class at every step."""
    rng = np.random.default_rng(seed)
    _, dtype, T, B, h = cell
    n, k = cell.n, BLOCKS[cell.kind]

    def uniform(*shape):
        return rng.uniform(-(h**-0.5), h**-0.5, shape).astype(dtype)

    def gaussian(*shape):
        return rng.normal(size=shape).astype(dtype)

    shapes = [(k * h, n), (k * h, h), (k * h,)] + [(h,)] * (cell.kind == "gru")
    p = MODULES[cell.kind].Params(*(uniform(*shape) for shape in shapes))
    q = initialise.uniform_readout(rng, h, n, dtype)
    s_0 = lstm.State(gaussian(B, h), gaussian(B, h)) if cell.kind == "lstm" else gaussian(B, h)
    labels = rng.integers(n, size=(T, B))
    return Problem(cell, p, q, gaussian(T, B, n), s_0, labels, losses.one_hot(labels, n).astype(dtype))


def answer(L, dL_dp, dL_dq, dL_dX, dL_ds_0) -> dict:
    """The loss and the gradients by name, the parts of records one by one."""
    found = {"L": L, "X": dL_dX}
    for record in (dL_dp, dL_dq, dL_ds_0):
        found |= record._asdict() if hasattr(record, "_fields") else {"s_0": record}
    return {name: np.asarray(value) for name, value in found.items()}


def difference(found, expected) -> float:
    """‖found − expected‖ ÷ ‖expected‖ (the square root of the sum of squares); 0 if both are 0."""
    found, expected = np.asarray(found, float), np.asarray(expected, float)
    if found.shape != expected.shape:
        return float("inf")
    size, distance = np.linalg.norm(expected), np.linalg.norm(found - expected)
    return 0.0 if distance == 0 else float(distance / size) if size else float("inf")


def agree(cell: Cell, name: str, found: dict, expected: dict) -> float:
    """The greatest difference between two answers.

    Raises
    ------
    Disagreement
        If a difference is above the tolerance of the precision, or not a number, or the names differ.
    """
    if found.keys() != expected.keys():
        raise Disagreement(f"{cell}: {name} has found {sorted(found)}, rnnlib {sorted(expected)}; nothing was timed")
    differences = {key: difference(found[key], expected[key]) for key in expected}
    limit = TOLERANCE[cell.dtype]
    wrong = {key: value for key, value in differences.items() if not value <= limit}
    if wrong:
        listed = ", ".join(f"{key} by {value:.1e}" for key, value in wrong.items())
        raise Disagreement(
            f"{cell}: {name} and rnnlib disagree about {listed} (relative to the norm; at most {limit:.0e} may be rounding); "
            "nothing was timed. Find out which is wrong before measuring again."
        )
    return max(differences.values())


def rows(array):
    """All steps of all sequences as rows: (T, B, n) as (T·B, n)."""
    return array.reshape(-1, array.shape[-1])


