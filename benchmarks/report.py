"""The table on the terminal: times, ratios, and what they say about the goals."""

from __future__ import annotations

from typing import NamedTuple

from benchmarks.grid import MEANS, SHARE, Cell, cells_of, goal
from benchmarks.measure import geometric_mean

OTHERS = {"torch": "PyTorch", "jax": "JAX", "autograd": "autograd", "textbook": "textbook"}


def head() -> str:
    """What the columns are."""
    titles = [f"{title}÷rnnlib" for title in OTHERS.values()] + ["rnnlib÷floor"]
    return f"{'kind':5}{'dtype':9}{'T':>5}{'B':>5}{'h':>5}{'rnnlib':>11}  " + "".join(f"{title:>18}" for title in titles)


def line(cell: Cell, seconds: float, ratios: dict) -> str:
    """One row: the time of rnnlib, and each ratio, with its goal where it has one; ! marks a goal that is missed."""
    wanted = goal(cell)
    shown = [entry(ratios.get(name), getattr(wanted, name, None), least=True) for name in OTHERS]
    shown.append(entry(ratios.get("floor"), wanted.floor, least=False))
    start = f"{cell.kind:5}{cell.dtype:9}{cell.T:5}{cell.B:5}{cell.h:5}{1e3 * seconds:8.3f} ms  "
    return start + "".join(f"{one:>18}" for one in shown)


def entry(ratio: float | None, bound: float | None, least: bool) -> str:
    """A ratio and its goal, such as ``2.10 (≥ 2)`` or ``1.90! (≥ 2)``; a dash where nothing was measured."""
    if ratio is None:
        return "–"
    if bound is None:
        return f"{ratio:.2f}"
    return f"{ratio:.2f}{'' if met(ratio, bound, least) else '!'} ({'≥' if least else '≤'} {bound:g})"


def met(ratio: float, bound: float, least: bool) -> bool:
    """Whether a ratio keeps to its bound."""
    return ratio >= bound if least else ratio <= bound


class Judged(NamedTuple):
    """A goal of a cell and what was measured: ``ratio`` is to be at least the bound, for the floor at most."""

    cell: Cell
    library: str
    ratio: float
    bound: float

    @property
    def met(self) -> bool:
        return met(self.ratio, self.bound, self.library != "floor")

    def nearly(self, share: float = SHARE) -> bool:
        """Whether the ratio keeps to this share of its bound."""
        return met(self.ratio, self.bound / share, False) if self.library == "floor" else met(self.ratio, self.bound * share, True)

    def __str__(self):
        sign = "≤" if self.library == "floor" else "≥"
        of = "rnnlib÷own products" if self.library == "floor" else f"{OTHERS[self.library]}÷rnnlib"
        return f"{self.cell}: {of} {self.ratio:.2f}, goal {sign} {self.bound:g}"


def judged(results) -> list[Judged]:
    """Every goal that was measured, in the pairs (cell, ratios)."""
    return [
        Judged(cell, name, ratios[name], bound)
        for cell, ratios in results
        for name in (*OTHERS, "floor")
        if (bound := getattr(goal(cell), name, None)) is not None and name in ratios
    ]


def means(results) -> dict:
    """(kind, dtype, library): the geometric mean of the ratios and over how many cells, where a mean has a goal."""
    found = {}
    for kind, dtype, name in MEANS:
        values = [ratios[name] for cell, ratios in results if (cell.kind, cell.dtype) == (kind, dtype) and name in ratios]
        if values:
            found[kind, dtype, name] = geometric_mean(values), len(values)
    return found


def verdicts(results) -> list[str]:
    """How many goals are met, library by library, the means that have a goal, and what could not be measured.

    ``results`` is a list of pairs (cell, ratios).
    """
    lines, every = [], judged(results)
    for name, title in {**OTHERS, "floor": "own products"}.items():
        of_name = [one.met for one in every if one.library == name]
        if of_name:
            lines.append(f"{title}: {sum(of_name)} of {len(of_name)} goals met")
    for (kind, dtype, name), (mean, count) in means(results).items():
        bound, whole = MEANS[kind, dtype, name], len(cells_of(kind, dtype))
        shown = entry(mean, bound if count == whole else None, least=True)
        of = "the whole grid" if count == whole else f"{count} of {whole} cells, too few for its goal of ≥ {bound:g}"
        lines.append(f"{OTHERS[name]}÷rnnlib, {kind} {dtype}: geometric mean {shown} over {of}")
    return lines + [in_chunks(cell, ratios) for cell, ratios in results if goal(cell).chunks]


def in_chunks(cell: Cell, ratios: dict) -> str:
    """What was measured of a computation in chunks of time, against its own goals: other ÷ chunks, and rnnlib ÷ chunks."""
    if "chunks" not in ratios:
        return f"in chunks of time, {cell}: not measured"
    found = {name: ratios[name] / ratios["chunks"] for name in ("torch", "jax") if name in ratios}
    shown = [f"{OTHERS[name]}÷chunks {entry(found.get(name), bound, least=True)}" for name, bound in chunk_goals(cell).items()]
    return f"in chunks of time, {cell}: {', '.join(shown)}, rnnlib÷chunks {1 / ratios['chunks']:.2f}"


def chunk_goals(cell: Cell) -> dict:
    """The goals of a computation in chunks of time: other ÷ chunks, at least."""
    return dict(zip(("torch", "jax"), goal(cell).chunks or (), strict=False))
