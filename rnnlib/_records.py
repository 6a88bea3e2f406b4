"""Records inside records: the parameters, states and gradients of cells that are made of other cells."""

from __future__ import annotations


def mapped(function, *records):
    """``function`` of the arrays that stand at the same place in each record; a bare array is its own record."""
    first = records[0]
    if not isinstance(first, tuple):
        return function(*records)
    parts = [mapped(function, *fields) for fields in zip(*records, strict=True)]
    return type(first)(*parts) if hasattr(first, "_fields") else type(first)(parts)


def added(one, other):
    """Two records of the same kind, added array by array."""
    return mapped(lambda u, v: u + v, one, other)


def leaves(record, name=""):
    """The arrays of a record by their place in it: {"forward.U": …, "0.b": …}; None is left out."""
    if record is None:
        return {}
    if not isinstance(record, tuple):
        return {name: record}
    keys = getattr(record, "_fields", range(len(record)))
    found = {}
    for key, part in zip(keys, record, strict=True):
        found |= leaves(part, f"{name}.{key}" if name else str(key))
    return found


def filled(record, values):
    """The record with its arrays replaced by the values, which come in the order of ``leaves``; None stays None."""
    values = iter(values)
    return mapped(lambda old: None if old is None else next(values), record)
