"""What the checker works on, made readable: the tree of a parsed equation, the entry of an array of symbolic shape."""

from __future__ import annotations

import re

from rnnlib.proof.shapes import DELTA, Array, Index
from rnnlib.proof.tex import Node, Relation

BOUND = "jklqruvw"  # names for indices that are summed over, those left that the caller does not use
_SIGN = {"add": "+", "mul": "·", "odot": "⊙", "kron": "⊗", "T": "ᵀ", "neg": "−"}


def tree(part: Relation | Node) -> str:
    """A parsed relation or expression, one operation or letter a line, what it acts on below it and further in.

    Examples
    --------
    >>> from rnnlib.proof import tex
    >>> print(tree(tex.parse(r"z_t = V s_t + c").relations[0]))
    =
      z [t]
      +
        ·
          V
          s [t]
        c
    """
    return "\n".join(_tree(part, 0))


def _tree(part, depth):
    inner = [part.left, part.right] if isinstance(part, Relation) else [p for p in part.parts if isinstance(p, Node)]
    yield "  " * depth + _head(part)
    for p in inner:
        yield from _tree(p, depth + 1)


def _head(part):
    if isinstance(part, Relation):
        return part.op
    if part.op == "name":
        letter, *subscripts = part.parts
        return letter.lstrip("\\") + (f" [{', '.join(map(_index, subscripts))}]" if subscripts else "")
    plain = [_index(p) for p in part.parts if not isinstance(p, Node)]
    return " ".join([_SIGN.get(part.op, "" if part.op in ("call", "number") else part.op), *plain]).strip()


def _index(index):
    """An index expression as it is written."""
    if isinstance(index, tuple):
        sign, left, right = index
        return f"{_index(left)} {sign} {_index(right)}"
    return str(index).lstrip("\\")


def entry(array: Array, *names: str) -> str:
    """LaTeX of one entry of an array of symbolic shape, in its normal form.

    ``names`` are the letters for the entry's own indices, one for each axis that is longer than 1.
    The symbol that stands for f' at step t is written f'(a_t), the opaque ε_t as such.

    Raises
    ------
    ValueError
        If there are more or fewer names than such axes.

    Examples
    --------
    >>> from rnnlib.proof.shapes import variable
    >>> entry(variable("V", "m", "h").T @ variable("e2", "m", ""), "i")
    '\\\\sum_{j=1}^{m} V_{ji} \\\\varepsilon_{2,j}'
    """
    long = [axis for axis in array.axes if axis]
    if len(names) != len(long) or any(len(axis) > 1 for axis in long):
        raise ValueError(f"the array has {len(long)} axes longer than 1, each to be named by one letter; got {names}")
    own = {Index(-1000 - k, axis[0]): name for k, (axis, name) in enumerate(zip(long, names, strict=True))}
    places = iter(own)
    found = array.at(*((next(places),) if axis else () for axis in array.axes)).normal()
    bound = [letter for letter in BOUND if letter not in names]
    terms = sorted((_term(c, ranges, factors, own, bound) for (factors, ranges), c in found.items()), key=lambda t: (len(t), t))
    return " + ".join(terms).replace("+ -", "- ") or "0"


def _term(coefficient, ranges, factors, own, bound):
    names = {**own, **{Index(-k, r): letter for k, (r, letter) in enumerate(zip(ranges, bound, strict=False), 1)}}
    sums = "".join(rf"\sum_{{{letter}=1}}^{{{r}}} " for r, letter in zip(ranges, bound, strict=False))
    sign = "" if coefficient == 1 else "-" if coefficient == -1 else f"{coefficient} "
    return sign + sums + " ".join(_factor(letter, [names[k] for k in ix]) for letter, ix in factors)


def _factor(letter, indices):
    if letter == DELTA:
        return f"[{indices[0]} = {indices[1]}]"
    word, time, slope = re.fullmatch(r"([a-zA-Z])(\d*)('?)", letter).groups()
    subscript = f"{time}," * bool(time) + "".join(indices)
    if slope:
        return f"f'(a_{{{subscript}}})"
    return (r"\varepsilon" if word == "e" else word) + f"_{{{subscript}}}"
