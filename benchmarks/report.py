"""The table on the terminal: times, ratios, and what they say about the goals."""

from __future__ import annotations

from benchmarks.grid import MEANS, Cell, goal
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


def verdicts(results) -> list[str]:
    """How many goals are met, library by library, the means that have a goal, and what could not be measured.

    ``results`` is a list of pairs (cell, ratios).
    """
    lines = []
    for name, title in {**OTHERS, "floor": "own products"}.items():
        judged = [
            met(ratios[name], bound, name != "floor")
            for cell, ratios in results
            if (bound := getattr(goal(cell), name, None)) is not None and name in ratios
        ]
        if judged:
            lines.append(f"{title}: {sum(judged)} of {len(judged)} goals met")
    for (kind, dtype, name), bound in MEANS.items():
        values = [ratios[name] for cell, ratios in results if (cell.kind, cell.dtype) == (kind, dtype) and name in ratios]
        if values:
            mean = entry(geometric_mean(values), bound if len(values) == 27 else None, least=True)
            of = "the whole grid" if len(values) == 27 else f"{len(values)} of 27 cells, too few for its goal of ≥ {bound:g}"
            lines.append(f"{OTHERS[name]}÷rnnlib, {kind} {dtype}: geometric mean {mean} over {of}")
    chunked = sum(goal(cell).chunks is not None for cell, _ in results)
    if chunked:
        lines.append(f"in chunks of time: {chunked} goals not measured, rnnlib has no such function")
    return lines
