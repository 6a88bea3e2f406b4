"""What the cells with gates have in common: what they check, and how their sequences are gone through.

Forward, one call multiplies the states of a step with W, gate by gate: (gates, B, h), each block in one piece in memory,
so that one elementwise call will do for several gates.
For a single state that is one product, a row with a block for each gate.
Back, δ_t is such a row, and its product with W is one product for all gates.
"""

from __future__ import annotations

import numpy as np

from rnnlib._validate import array, fields
from rnnlib.activations import into, sigmoid, tanh

ROWS = 512  # of products over several steps, at least: enough for their speed, few enough for the processor's cache


def parameters(p, record, blocks, h="h", n="n", hint=""):
    """The fields of ``p`` as arrays, by name: U, W and b with ``blocks`` blocks of h rows, further biases with h.

    ``h`` and ``n`` are numbers once a trace has fixed them.
    """
    named = dict(zip(record._fields, fields("p", p, record), strict=True))
    many = f"{blocks}h" if h == "h" else blocks * h
    W = array("W", named["W"], (many, h), hint=hint or f"W has {blocks} blocks of h rows, one under the other")
    h = W.shape[1]
    hint = hint or f"W has shape {W.shape}"
    shapes = {"W": W.shape, "U": (blocks * h, n), "b": (blocks * h,)}
    checked = {name: array(name, value, shapes.get(name, (h,)), hint=hint) for name, value in named.items()}
    return {**checked, "W": W}


def sequence(X, U):
    """``X`` as an array (T, n) or (T, B, n)."""
    n = U.shape[1]
    return array("X", X, ("T", n), ("T", "B", n), hint=f"time comes first, and U has shape {U.shape}")


def state(name, value, record, *shapes):
    """The parts of a state as arrays, by name: {"s_0.s": …, "s_0.C": …}; None is zeros of the first shape."""
    parts = [f"{name}.{field}" for field in record._fields]
    if value is None:
        return dict.fromkeys(parts, np.zeros(shapes[0], int))
    given = fields(name, value, record)
    return {part: array(part, one, *shapes) for part, one in zip(parts, given, strict=True)}


def effects(dL_dS, states):
    """dL_dS as an array of the shape of the states s_1 … s_T."""
    return array("dL_dS", dL_dS, states.shape, hint="one row for each of s_1 … s_T, none for s_0")


def one_of(name, value, *options):
    """``value``, if it is one of the options."""
    if value not in options:
        raise ValueError(f"{name} is {value!r}; it must be " + " or ".join(map(repr, options)))
    return value


def batch(X):
    """The axes between time and size: (B,), or none for a batch of one, as a product with a vector costs less."""
    return () if X.ndim == 2 or X.shape[1] == 1 else X.shape[1:-1]


def spans(X, size):
    """The steps of the sequences in stretches that are worked on together.

    ``size`` is how many rows the weights have:
    with as many rows in a product, adding it to the sum of the others costs little beside it.

    Examples
    --------
    >>> spans(np.zeros((10, 128, 3)), 64)
    [slice(0, 4, None), slice(4, 8, None), slice(8, 10, None)]
    """
    k = -(-max(ROWS, size) // (X[0].size // X.shape[-1]))
    return [slice(t, min(t + k, len(X))) for t in range(0, len(X), k)]


def by_gate(A, count):
    """Rows with ``count`` blocks, (T, …, count h), as blocks (T, count, …, h): a view."""
    return np.moveaxis(A.reshape(*A.shape[:-1], count, -1), -2, 1)


def gate_first(work, name, shape, dtype, single):
    """An array (gates, …, h), whose gates lie side by side in memory for a single sequence."""
    if single:
        return work.array(name, (shape[1], shape[0], *shape[2:]), dtype).swapaxes(0, 1)
    return work.array(name, shape, dtype)


def turned(name, blocks, scales, batch, work):
    """The transposed blocks of a matrix, (gates, columns, rows), each multiplied by its scale."""
    (h, columns), dtype = blocks[0].shape, blocks[0].dtype
    out = side_by_side(name, (len(blocks), columns, h), dtype, batch, work)
    for block, scale, to in zip(blocks, scales, out, strict=True):
        for k in range(0, h, 64):  # few rows at a time, as their columns are far apart
            np.multiply(block[k : k + 64].T, scale, to[:, k : k + 64])
    return out


def side_by_side(name, shape, dtype, batch, work):
    """An array (gates, steps, …, h) with each gate for itself in memory, or all gates of a step together if there is no batch."""
    if batch:
        return work.array(name, shape, dtype)
    return work.array(name, (shape[1], shape[0], *shape[2:]), dtype).swapaxes(0, 1)


def product_with(W_T, out):
    """A function and its last two arguments: ``product(s, W_T, out)`` is W s, gate by gate (gates, …, h).

    With a single state it is one product for all gates.
    """
    if out.ndim > 2:
        return np.matmul, W_T, out
    return np.ndarray.dot, W_T.swapaxes(0, 1).reshape(W_T.shape[1], -1), out.reshape(-1)


def opening(f, gate, dtype):
    """A scale c, ``open(a, out)`` that writes gate(a / c), and ``halve(out)`` for tanh and σ in place, else None.

    σ(a) = (1 + tanh(a/2)) / 2, so c = 1/2: the parameters are halved beforehand, which is exact,
    and one call of tanh will do for gates and candidate; their slopes are made of their values.
    """
    if f.f is not tanh.f or gate.f is not sigmoid.f or dtype.kind == "O":
        return 1, into(gate), None
    half = np.array(0.5, dtype)

    def halve(out):
        """(1 + out) / 2."""
        np.multiply(out, half, out)
        np.add(out, half, out)

    def write(a, out):
        np.tanh(a, out)
        halve(out)

    return half, write, halve


def back_over(*lists):
    """The entries of lists side by side, from the last to the first; the shortest list says how many there are."""
    return reversed(list(zip(*lists, strict=False)))


def summed(sums, terms):
    """The terms added to the sums, in place; None is no sums yet."""
    if sums is not None:
        for total, term in zip(sums, terms, strict=True):
            total += term
    return terms if sums is None else sums
