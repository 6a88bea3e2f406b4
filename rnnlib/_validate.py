"""Checks of what the caller passes in: each error says what came and what was needed."""

from __future__ import annotations

import numpy as np


def choice(kind, name, table):
    """table[name], or a ValueError that lists the names there are."""
    try:
        return table[name]
    except (KeyError, TypeError):
        known = ", ".join(sorted(table))
        raise ValueError(f"unknown {kind} {name!r}; known are: {known}") from None


def array(name, value, *shape_patterns):
    """``value`` as an array whose shape fits one of the patterns, with finite numbers in it.

    A pattern is a tuple of sizes and letters; a letter stands for any size of at least 1.
    """
    a = np.asarray(value)
    if not any(_fits(a.shape, pattern) for pattern in shape_patterns):
        wanted = " or ".join(_show(pattern) for pattern in shape_patterns)
        raise ValueError(f"{name} has shape {a.shape}; it must be {wanted}")
    return finite(name, a)


def finite(name, a):
    """``a``, or a ValueError that names the first entry that is NaN or infinite."""
    if a.dtype.kind in "fc" and not np.isfinite(a).all():
        where = tuple(int(k) for k in np.argwhere(~np.isfinite(a))[0])
        raise ValueError(f"{name} must be finite; its entry {where} is {a[where]}")
    if a.dtype.kind not in "fciubO":
        raise ValueError(f"{name} has dtype {a.dtype}; it must hold numbers")
    return a


def _fits(shape, pattern):
    return len(shape) == len(pattern) and all(
        have >= 1 if isinstance(want, str) else have == want for have, want in zip(shape, pattern)
    )


def _show(pattern):
    return "(" + ", ".join(str(p) for p in pattern) + ("," if len(pattern) == 1 else "") + ")"
