"""The points that a backward pass is tried at: random numbers at which no mistake can hide.

All sizes differ and none is 1, s_0 and the biases are random, W is not symmetric, the weights ω_t are all different.
The last point has n = h = m, for code that runs only where a missing transpose fits.
What a function does not take is left out of its network: biases and s_0 are 0, weights are 1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any, NamedTuple

import numpy as np

from rnnlib import activations, bidirectional, cells, gru, losses, lstm, model, readout, rnn
from rnnlib._gated import one_of
from rnnlib._records import leaves
from rnnlib._validate import choice
from rnnlib.doctor import catalogue

TARGETS = ("soft", "any", "one_hot", "labels")
WEIGHTS = {"all": readout.all_steps, "last": readout.last_step, "mean": readout.mean}


class Kind(NamedTuple):
    """A cell as the doctor sees it.

    ``shapes`` the parameters and initial states by letter, "4h" four blocks of h rows; ``cell`` the record of rnnlib;
    ``p`` and ``s_0`` make the parameters and the initial state from the letters;
    ``paths`` where rnnlib keeps the gradient by a letter, if not under the letter itself.
    """

    cell: Any
    shapes: dict
    p: Callable
    s_0: Callable
    paths: dict


READOUT = {"V": "mh", "c": "m"}


def _stacked(blocks):
    return {"U": f"{blocks}hn", "W": f"{blocks}hh", "b": f"{blocks}h"}


def _record(Params, *letters):
    return lambda a: Params(*(a[k] for k in letters))


def _both_ways(a):
    return bidirectional.Params(*(rnn.Params(*(a[f"{k}_{d}"] for k in "UWb")) for d in "fb"))


_GRU_SHAPES = {**_stacked(3), "b_s": "h", **READOUT, "s_0": "Bh"}
_GRU_RECORD = _record(gru.Params, "U", "W", "b", "b_s")
_TWO_WAYS = {f"{k}_{d}": axes for d in "fb" for k, axes in _stacked("").items()}
KINDS = {
    "rnn": Kind(rnn, {**_stacked(""), **READOUT, "s_0": "Bh"}, _record(rnn.Params, *"UWb"), lambda a: a["s_0"], {}),
    "lstm": Kind(
        lstm,
        {**_stacked(4), **READOUT, "s_0": "Bh", "C_0": "Bh"},
        _record(lstm.Params, *"UWb"),
        _record(lstm.State, "s_0", "C_0"),
        {"s_0.s": "s_0", "s_0.C": "C_0"},
    ),
    "gru": Kind(gru, _GRU_SHAPES, _GRU_RECORD, lambda a: a["s_0"], {}),
    "gru_before": Kind(gru.variant(reset="before"), _GRU_SHAPES, _GRU_RECORD, lambda a: a["s_0"], {}),
    "gru_replace": Kind(gru.variant(update="replace"), _GRU_SHAPES, _GRU_RECORD, lambda a: a["s_0"], {}),
    "bidirectional": Kind(
        bidirectional.cell(rnn),
        {**_TWO_WAYS, "V": "m2h", "c": "m", "s_f0": "Bh", "s_b0": "Bh"},
        _both_ways,
        _record(bidirectional.State, "s_f0", "s_b0"),
        {
            **{f"{way}.{k}": f"{k}_{way[0]}" for way in ("forward", "backward") for k in "UWb"},
            "s_0.forward": "s_f0", "s_0.backward": "s_b0",
        },
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Problem:
    """What a network is asked: its cell and the choices around it; ``takes`` are the letters that its function is given."""

    cell: str
    f: activations.Activation
    head: losses.Head
    targets: str
    weights: str | None
    takes: frozenset

    @property
    def kind(self) -> Kind:
        return KINDS[self.cell]

    @property
    def parts(self) -> tuple[str, ...]:
        """The letters that L is differentiated by: "U", "W", … and "X"."""
        return (*self.kind.shapes, "X")


def problem(cell="rnn", f="tanh", head="softmax_cross_entropy", targets="soft", weights=None, takes=None) -> Problem:
    """A problem, its words checked; ``takes`` None for everything.

    Raises
    ------
    ValueError
        If a word is unknown.

    Examples
    --------
    >>> problem("lstm").parts
    ('U', 'W', 'b', 'V', 'c', 's_0', 'C_0', 'X')
    """
    known = {**{k: k for k in KINDS}, **{cells.name(kind.cell): k for k, kind in KINDS.items()}}
    cell = choice("cell", cell if isinstance(cell, str) else cells.name(cell), known)
    one_of("targets", targets, *TARGETS)
    one_of("weights", weights, *WEIGHTS, None)
    takes = frozenset([*KINDS[cell].shapes, "weights"]) if takes is None else takes
    return Problem(cell, activations.activation(f), losses.head(head), targets, weights, takes)


@dataclass(eq=False)
class Point:
    """Numbers for every letter, and what the gradients are there.

    ``values`` has a batch axis throughout; ``batch`` says whether the reader's function sees it.
    ``right`` are rnnlib's own gradients and the loss.
    """

    problem: Problem
    values: dict
    batch: bool
    right: dict
    _single: dict = field(default_factory=dict)

    @property
    def sizes(self) -> tuple[int, ...]:
        """T, B, n, h, m."""
        (T, B, n), (m, h) = self.values["X"].shape, self.values["V"].shape
        return T, B, n, h // 2 if self.problem.cell == "bidirectional" else h, m

    @cached_property
    def _states(self):
        return catalogue.pass_of(self.problem.cell).states(self.variables())

    def spoiled(self, *mistakes) -> dict | None:
        """The gradients with these mistakes, by letter; None if their shapes do not fit here."""
        if len(mistakes) != 1:
            return self._run(mistakes)
        name = mistakes[0].name
        if name not in self._single:
            self._single[name] = self._run(mistakes)
        return self._single[name]

    def _run(self, mistakes):
        try:
            with np.errstate(all="ignore"):
                names = catalogue.pass_of(self.problem.cell).resume(self._states, catalogue.edits_of(*mistakes))
        except ValueError:  # NumPy's word for shapes that do not fit
            return None
        return {part: names["d" + part] for part in self.problem.parts}

    def variables(self) -> dict:
        """The arguments of the pass in ``rnnlib.doctor.passes``."""
        gated = {} if self.problem.cell in ("rnn", "bidirectional") else {"gate": activations.sigmoid}
        return {**self.values, "f": self.problem.f, "head": self.problem.head, **gated}


def draw(problem: Problem, sizes: dict, seed, batch=True) -> Point:
    """A random point of these sizes T, B, n, h, m; far from the kinks of relu and hard_tanh."""
    rng = np.random.default_rng(seed)
    while True:
        values = _values(problem, sizes, rng)
        p, q, s_0 = problem.kind.p(values), readout.Params(values["V"], values["c"]), problem.kind.s_0(values)
        if problem.f.name not in ("relu", "hard_tanh") or _far_from_kinks(problem, p, values["X"], s_0):
            break
    g = model.loss_and_gradients(
        p, q, values["X"], values["Y"], s_0,
        cell=problem.kind.cell, f=problem.f, head=problem.head, weights=values["weights"],
    )  # fmt: skip
    return Point(problem, values, batch, by_letter(problem.kind, leaves(g)))


def by_letter(kind, named) -> dict:
    """rnnlib's gradients under the doctor's letters."""
    found = {}
    for path, value in named.items():
        short = path.removeprefix("dL_dp.").removeprefix("dL_dq.").removeprefix("dL_d")
        found[kind.paths.get(short, short)] = value
    return found


def _values(problem, sizes, rng):
    T, B, m = (sizes[k] for k in "TBm")
    values = {}
    for letter, axes in {**problem.kind.shapes, "X": "TBn"}.items():
        shape = _shape(axes, sizes)
        values[letter] = rng.normal(size=shape) / np.sqrt(sizes["h"] if letter[0] in "WV" else 1)
        if letter not in problem.takes and letter[0] in "bcsC":
            values[letter] = 0 * values[letter]
    values["Y"] = _targets(problem, (T, B, m), rng)
    weights = rng.uniform(0.4, 1.6, size=(T, B))
    if problem.weights or "weights" not in problem.takes:
        weights = np.broadcast_to(WEIGHTS[problem.weights or "all"](T)[:, None], (T, B)).copy()
    return {**values, "weights": weights}


def _shape(axes, sizes):
    """("4", "h", "n") read from "4hn": the factor belongs to the size after it."""
    shape, factor = [], 1
    for letter in axes:
        if letter.isdigit():
            factor = int(letter)
        else:
            shape.append(factor * sizes[letter])
            factor = 1
    return tuple(shape)


def _targets(problem, shape, rng):
    if problem.targets in ("one_hot", "labels"):
        return losses.one_hot(rng.integers(shape[-1], size=shape[:-1]), shape[-1])
    if problem.head.name == "squared_error":
        return rng.normal(size=shape)
    Y = rng.uniform(0.1, 0.9, size=shape)
    if problem.targets == "soft" and problem.head.name == "softmax_cross_entropy":
        return Y / Y.sum(axis=-1, keepdims=True)
    return Y


def _far_from_kinks(problem, p, X, s_0):
    trace = problem.kind.cell.forward(p, X, s_0, problem.f)
    traces = (trace.forward, trace.backward) if problem.cell == "bidirectional" else (trace,)
    inner = [np.ravel(A) for t in traces for A in (t.A, getattr(t, "C", t.A))]
    return min(np.abs(np.concatenate(inner) - kink).min() for kink in (-1, 0, 1)) > 1e-3


@cache
def generic(problem: Problem, seed: int, batch: bool = True) -> tuple[Point, ...]:
    """Two points with sizes that all differ, then one with n = h = m; the same for the same seed."""
    sizes = [dict(zip("nhm", map(int, np.random.default_rng((seed, k)).permutation([3, 5, 6])), strict=True)) for k in (0, 1)]
    sizes = [{"T": 4, "B": 2, **sizes[0]}, {"T": 7, "B": 2, **sizes[1]}, dict(T=5, B=3, n=4, h=4, m=4)]
    if not batch:
        sizes = [{**each, "B": 1} for each in sizes]
    return tuple(draw(problem, each, (seed, k), batch) for k, each in enumerate(sizes))
