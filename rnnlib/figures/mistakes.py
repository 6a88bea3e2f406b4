"""The picture of what checks catch: a row for each mistake, a column for each check."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from .canvas import Canvas
from .style import Figure, words_width

CELL, ROW, LEVELS = 30, 17, 4


def caught(
    groups: Mapping[str, Mapping[str, Sequence]], checks: Sequence[str], split: int = 0, kinds: Sequence[str] = (), name: str = "caught"
) -> Figure:
    """What each check catches: a small dot where it catches a mistake, a full square where it misses it, nothing where it does not run.

    `groups` maps the name of a group to its rows, a row's name to True, False or None for each of the `checks`.
    A line stands before the check number `split`; `kinds` are the two names above what it parts.
    `name` is the figure's own, if there are several on a page.

    >>> caught({"sums": {"first step left out": [True, False]}}, ["T = 3", "s_0 = 0"]).name
    'caught'
    """
    rows = [row for members in groups.values() for row in members.items()]
    checks = [str(check) for check in checks]
    if not rows or not checks or any(len(marks) != len(checks) for _, marks in rows):
        raise ValueError(f"every row must have {len(checks)} marks, one a check, and there must be a row")
    if kinds and not (len(kinds) == 2 and 0 < split < len(checks)):
        raise ValueError(f"kinds are the names of what stands before and after the check {split}; got {kinds!r}")
    levels, left = min(LEVELS, len(checks)), 12 + max(words_width(row, 13) for row, _ in rows)
    width = max(left + CELL * (k + 0.5) + words_width(check, 13) for k, check in enumerate(checks)) + 8
    top = ROW * len(rows) + 22 * len(groups) + 8
    canvas = Canvas(width, top + 20 * levels + (34 if kinds else 10))
    _heads(canvas, checks, left, top, levels)
    y, dots = top - 4, []
    for group, members in groups.items():
        y -= 22
        canvas.text(0, y + 8, group.replace("_", " "), 14, "muted", ha="left", math=False)
        canvas.line([words_width(group, 14) + 8, left + CELL * len(checks)], [y + 8] * 2, "muted", linewidth=0.6, alpha=0.6)
        for row, marks in members.items():
            y -= ROW
            canvas.text(left - 8, y + ROW / 2, row, 13, ha="right", math=False)
            for k, mark in enumerate(marks):
                x = left + CELL * (k + 0.5)
                if mark:
                    dots.append((x, y + ROW / 2))
                elif mark is not None:
                    canvas.rectangle(x - 8, y + 2, 16, ROW - 4, "refuted")
    if dots:
        canvas.specks(*np.array(dots).T, r=1.5)
    if split:
        canvas.line([left + CELL * split] * 2, [2, top - 4], linewidth=1.0, alpha=0.7)
    for kind, first in zip(kinds, (0, split)):
        canvas.text(left + CELL * (first + 0.5), top + 20 * levels + 18, kind, 15, ha="left")
    return canvas.figure(name, _alt(rows, checks))


def _heads(canvas, checks, left, top, levels):
    """The names of the checks on a falling staircase, so that they have room, each beside a line down to its column.

    The line is left out where it would cross the name of an earlier column.
    """
    reach = [0.0] * levels  # how far the last name of a level goes
    for k, name in enumerate(checks):
        x, level = left + CELL * (k + 0.5), (levels - 1 - k) % levels
        free = [at for at in range(level) if reach[at] < x]
        for low, high in [(-2, 0), *((20 * at, 20 * at + 20) for at in free), (20 * level, 20 * level + 17)]:
            canvas.line([x, x], [top + low, top + high], "muted", linewidth=0.8)
        canvas.text(x + 4, top + 20 * level + 10, name, 13, ha="left")
        reach[level] = x + 6 + words_width(name, 13)


def _alt(rows, checks):
    counts = [sum(marks[k] is False for _, marks in rows) for k in range(len(checks))]
    words = [f"{name.replace('$', '')}: {count}" for name, count in zip(checks, counts, strict=True)]
    said = f"A table of {len(rows)} mistakes against {len(checks)} checks, with a square where a check misses a mistake."
    return f"{said} Missed by {', '.join(words)}."
