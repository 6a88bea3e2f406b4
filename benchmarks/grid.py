"""What is measured, and the goals: every combination of cell, precision, T, B and h, as data."""

from __future__ import annotations

from typing import NamedTuple


class Goal(NamedTuple):
    """Bounds for the ratios of one cell of the grid; None where there is no goal.

    ``torch`` and ``jax``: time of the other library ÷ time of rnnlib, at least;
    ``floor``: time of rnnlib ÷ time of the matrix products alone, at most;
    ``chunks``: (torch, jax), the same two as above for a computation in chunks of time.
    """

    torch: float | None = None
    jax: float | None = None
    floor: float | None = None
    chunks: tuple[float, float] | None = None


class Cell(NamedTuple):
    """One cell of the grid: the kind of network, the precision, T steps, B sequences, h units."""

    kind: str
    dtype: str
    T: int
    B: int
    h: int

    @property
    def n(self) -> int:
        """The number of inputs, and of classes: min(h, 64)."""
        return min(self.h, 64)

    def __str__(self):
        return f"{self.kind} {self.dtype} T={self.T} B={self.B} h={self.h}"


KINDS, DTYPES = ("rnn", "lstm", "gru"), ("float32", "float64")
SHARE = 0.7  # of a goal: what is demanded where nobody looks at the numbers, on any machine
T_VALUES, B_VALUES, H_VALUES = (10, 100, 1000), (1, 32, 128), (16, 128, 512)

# (T, h): the goals at B = 1, 32, 128 for the simple network in float32, each as (PyTorch, JAX, floor)
RNN_FLOAT32 = {
    (10, 16): ((12, 3, 1.8), (7, 2, 2.1), (3.5, 1.25, 2.0)),
    (10, 128): ((8, 2, 1.3), (2.1, 1.1, 1.35), (1.5, 1.1, 1.15)),
    (10, 512): ((4.5, 1.4, 0.8), (1.33, 1.23, 1.07), (1.2, 1.25, 1.07)),
    (100, 16): ((18, 1.0, 1.5), (6, 1.1, 2.1), (3, 1.05, 2.1)),
    (100, 128): ((9.5, 1.0, 1.45), (2, 1.15, 1.2), (1.25, 1.4, 1.15)),
    (100, 512): ((3.4, 1.33, 1.0), (1.4, 1.6, 1.05), (1.25, 1.5, 1.04)),
    (1000, 16): ((16, 0.35, 1.6), (5.3, 1.1, 2.0), (2.9, 2.1, 2.0)),
    (1000, 128): ((9, 0.9, 1.3), (1.8, 1.5, 1.25), (1.6, 1.5, 1.15)),
    (1000, 512): ((4, 1.1, 1.1), (1.55, 1.6, 1.0), (1.35, 1.7, 1.03)),
}
CHUNKS = {(1000, 16): (90, 1.8), (1000, 128): (16, 1.4), (1000, 512): (5, 1.4)}  # B = 1

# (kind, dtype): at least this speed against PyTorch in every cell of the grid
NOT_SLOWER = {("rnn", "float64"): 1, ("lstm", "float64"): 1, ("lstm", "float32"): 0.8, ("gru", "float64"): 1, ("gru", "float32"): 1}
# (kind, dtype, library): at least this geometric mean over the whole grid
MEANS = {
    ("rnn", "float32", "torch"): 3.3,
    ("rnn", "float32", "jax"): 1.25,
    ("rnn", "float64", "torch"): 2.9,
    ("rnn", "float64", "jax"): 1.1,
    ("lstm", "float32", "torch"): 1,
}


def goal(cell: Cell) -> Goal:
    """The goal of a cell of the grid."""
    if (cell.kind, cell.dtype) != ("rnn", "float32"):
        large = cell.kind == "rnn" and cell.h == 512 and cell.B >= 32
        return Goal(torch=NOT_SLOWER[cell.kind, cell.dtype], floor=1.1 if large else None)
    place = cell.T, cell.h
    return Goal(*RNN_FLOAT32[place][B_VALUES.index(cell.B)], CHUNKS.get(place) if cell.B == 1 else None)


# The two largest sizes are left to the simple network: with three or four times its products a call takes up to 15 seconds.
FULL = [
    Cell(kind, dtype, T, B, h)
    for kind in KINDS
    for dtype in DTYPES
    for T in T_VALUES
    for h in H_VALUES
    for B in B_VALUES
    if kind == "rnn" or (T, h) != (1000, 512) or B == 1
]
# No narrow single sequence: there NumPy's time for a call stands against a compiled loop, and that differs from machine to machine.
CHECK = [
    Cell("rnn", "float32", 100, 1, 512),
    Cell("rnn", "float32", 100, 32, 128),
    Cell("rnn", "float32", 10, 128, 512),
    Cell("rnn", "float64", 100, 32, 16),
]
QUICK = [
    *CHECK,
    Cell("rnn", "float32", 100, 1, 16),
    Cell("lstm", "float32", 100, 32, 128),
    Cell("lstm", "float64", 100, 1, 16),
    Cell("gru", "float32", 100, 32, 128),
]


def cells_of(kind: str, dtype: str) -> list[Cell]:
    """The cells of the whole grid with this kind of network and this precision."""
    return [cell for cell in FULL if (cell.kind, cell.dtype) == (kind, dtype)]
