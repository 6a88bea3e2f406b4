"""What the cells with gates check alike: parameters with several blocks of rows, and the sequence they meet."""

from __future__ import annotations

import numpy as np

from rnnlib._validate import array, fields


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
