"""What the caller passes in, checked and made alike.

Each error says what came, what was needed and, where it helps, what to do.
"""

from __future__ import annotations

from contextlib import contextmanager
from math import isfinite

import numpy as np

NOT_EXACT = (float, complex, np.inexact, str, bytes, list, tuple, dict, set, type(None))


def choice(kind, name, table):
    """``table[name]``, or a ValueError that lists the names there are."""
    try:
        return table[name]
    except (KeyError, TypeError):
        known = ", ".join(sorted(table))
        raise ValueError(
            f"unknown {kind} {name!r}; known are: {known}; a record of your own will do, too"
        ) from None


def fields(name, value, record):
    """The fields of ``value`` that ``record``, a class of named tuples, has."""
    try:
        return tuple(getattr(value, field) for field in record._fields)
    except AttributeError:
        wanted = f"{_name(record)}({', '.join(record._fields)})"
        raise ValueError(f"{name} is a {_name(type(value))}; it must be {wanted}") from None


def made_by(name, value, record):
    """``value``, if a ``forward`` made it: a record of just this kind."""
    if not isinstance(value, record):
        forward = _name(record).replace(record.__name__, "forward")
        raise ValueError(f"{name} is a {_name(type(value))}; it must be the {_name(record)} of {forward}")
    return value


def a_cell(value):
    """``value``, if it can run forward."""
    if not hasattr(value, "forward"):
        raise ValueError(f"cell is {value!r}; it must be a cell: a module such as rnnlib.lstm, or a cells.Cell")
    return value


def generator(rng):
    """``rng``, if it is a generator."""
    if not isinstance(rng, np.random.Generator):
        raise ValueError(f"rng is {rng!r}; it must be a generator, for example numpy.random.default_rng(0)")
    return rng


def array(name, value, *patterns, hint=""):
    """``value`` as an array of finite numbers whose shape fits one of the patterns.

    A pattern is a tuple of sizes and letters.
    A letter stands for any size of at least 1, the same wherever it recurs; "4h" is four times the size h.
    Without a pattern every shape will do.
    The array is the caller's own if it is one already; nothing here writes to it.
    """
    if type(value) is not np.ndarray:
        value = _array(name, value, patterns, hint)
    if value.dtype.kind not in "fciubO":
        raise ValueError(f"{name} has dtype {value.dtype}; it must hold numbers")
    if patterns and not any(_fits(value.shape, pattern) for pattern in patterns):
        empty = ", and no size may be 0" if 0 in value.shape else ""
        raise ValueError(f"{name} has shape {value.shape}; it must be {_wanted(patterns)}{empty}{_bracketed(hint)}")
    return _numbers(name, value)


def _array(name, value, patterns, hint):
    """``value`` as an array of any kind."""
    if value is None:
        raise ValueError(f"{name} is None; it must be an array of shape {_wanted(patterns)}{_bracketed(hint)}")
    if np.ma.isMaskedArray(value):
        raise ValueError(
            f"{name} is a masked array, and its mask would be lost; "
            "fill it, and leave steps out by giving them the weight 0"
        )
    try:
        return np.asarray(value)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{name} cannot be read as an array of shape {_wanted(patterns)}: {error}") from None


def alike(*groups):
    """All arrays of the groups, one after the other, in one dtype.

    Each group maps names to arrays.
    The first group that has floats in it decides the precision, float64 if none has:
    parameters come first, so that a float32 network stays float32 whatever the precision of its data.
    Complex numbers anywhere make all complex, as the complex step needs.
    Exact numbers (dtype object) make all exact, and do not mix with floats.
    """
    arrays = [a for group in groups for a in group.values()]
    dtype = arrays[0].dtype
    if dtype.kind in "fc" and dtype.isnative and all(a.dtype == dtype for a in arrays):
        return arrays
    named = {name: a for group in groups for name, a in group.items()}
    kinds = {name: a.dtype.kind for name, a in named.items()}
    if "O" in kinds.values():
        exact = [name for name in kinds if kinds[name] == "O"]
        if floats := [f"{name} ({named[name].dtype})" for name in kinds if kinds[name] in "fc"]:
            raise ValueError(
                f"{', '.join(exact)} must not meet {', '.join(floats)}: an object array holds exact numbers, "
                "which floats would make inexact; give floats throughout, or exact numbers throughout"
            )
        dtype = np.dtype(object)
    else:
        floats = ([a.dtype for a in group.values() if a.dtype.kind in "fc"] for group in groups)
        dtype = np.result_type(*next(filter(None, floats), [np.float64]))
        if "c" in kinds.values():
            dtype = np.result_type(dtype, np.complex64)
    return [a.astype(dtype, copy=False) for a in named.values()]


@contextmanager
def within(where):
    """Say in which part of a larger cell an error arose."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error


def step_count(T):
    """``T``, if it is a number of steps."""
    if not isinstance(T, (int, np.integer)) or T < 1:
        raise ValueError(f"T is {T!r}; it must be the number of steps, an integer of at least 1")
    return T


def lengths_within(lengths, T, B="B"):
    """``lengths`` as an array of B integers from 1 to T."""
    T, lengths = step_count(T), array("lengths", lengths, (B,), hint="one length for each sequence of the batch")
    if lengths.dtype.kind not in "iu":
        raise ValueError(f"lengths has dtype {lengths.dtype}; it must hold integers from 1 to T = {T}")
    if (wrong := lengths[(lengths < 1) | (lengths > T)]).size:
        raise ValueError(f"lengths has the entry {wrong[0]}; it must hold integers from 1 to T = {T}")
    return lengths


def finite(arrays):
    """Whether the sum of all squares is finite, which proves that all entries are; None is passed over.

    Entries whose squares overflow are finite and not proved to be.
    """
    return isfinite(sum([np.vdot(a, a).real for a in arrays if a is not None]))


def rows(A):
    """(T, B, k) or (T, k) as one matrix with k columns: all steps of all sequences, one a row."""
    return A.reshape(-1, A.shape[-1])


def _numbers(name, a):
    """``a``, or a ValueError that names the first entry that is no usable number."""
    if a.dtype.kind in "fc" and not finite((a,)) and not np.isfinite(a).all():
        where = tuple(int(k) for k in np.argwhere(~np.isfinite(a))[0])
        raise ValueError(f"{name} must be finite; its entry {where} is {a[where]}")
    if a.dtype.kind == "O":
        for where, entry in np.ndenumerate(a):
            if isinstance(entry, NOT_EXACT):
                raise ValueError(
                    f"{name} is an object array, which must hold exact numbers such as Fractions; "
                    f"its entry {where} is {entry!r}; for floats use a dtype such as float64"
                )
    return a


def _name(kind):
    """A class by name, with its module if it is one of ours: ``rnn.Trace``, ``tuple``."""
    module = kind.__module__
    return f"{module.removeprefix('rnnlib.')}.{kind.__name__}" if module.startswith("rnnlib.") else kind.__name__


def _fits(shape, pattern):
    if shape == pattern:
        return True
    if len(shape) != len(pattern):
        return False
    sizes = {}
    for have, want in zip(shape, pattern, strict=True):
        if have != want and not (isinstance(want, str) and have >= 1 and _is(have, want, sizes)):
            return False
    return True


def _is(have, want, sizes):
    """Whether a size is that of a letter, or of a letter with a factor before it."""
    times = int(want[:-1] or 1)
    return have % times == 0 and have // times == sizes.setdefault(want[-1], have // times)


def _show(pattern):
    return "(" + ", ".join(str(p) for p in pattern) + ("," if len(pattern) == 1 else "") + ")"


def _wanted(patterns):
    return " or ".join(dict.fromkeys(map(_show, patterns))) or "(...)"


def _bracketed(hint):
    return f" ({hint})" if hint else ""
