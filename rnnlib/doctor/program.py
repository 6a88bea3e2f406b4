"""A pass of ``rnnlib.doctor.passes`` as lines that can be replaced one by one.

A function's source is read once and cut into its assignments.
A run executes them in order; a line that has been replaced is compiled alone, once.
So thousands of variants of a pass cost no more than running them.
"""

from __future__ import annotations

import ast
import inspect
import itertools
from functools import cache
from typing import NamedTuple

from rnnlib.doctor import passes


class Edit(NamedTuple):
    """In the line that assigns to ``line``, ``new`` in place of ``old``; an empty ``old`` appends to the line."""

    line: str
    old: str
    new: str


class Conflict(ValueError):
    """The line is not there, or does not hold the text to be replaced: another edit may have taken it away."""


class Loop(NamedTuple):
    """``for t in steps``: the code of what t runs through, and the lines within."""

    over: object
    lines: tuple


class Program:
    """The lines of one function of ``passes``, and ways to run them.

    ``lines`` maps what a line assigns to ("lam[t]", "dW") to its text, ``place`` a text to the first block that it is in.
    """

    def __init__(self, function, edits=()):
        source = inspect.getsource(function)
        body = ast.parse(source).body[0].body[1:-1]  # without the docstring and the return
        self.lines: dict[str, str] = {}
        self.blocks = tuple(self._block(source, node) for node in body)
        if edits:
            self._become(self.edited(edits))
        self.place = {line: k for k, block in reversed([*enumerate(self.blocks)]) for line in getattr(block, "lines", (block,))}

    def _block(self, source, node):
        if isinstance(node, ast.For):
            return Loop(_code(ast.unparse(node.iter), "eval"), tuple(self._line(source, inner) for inner in node.body))
        return self._line(source, node)

    def _line(self, source, node):
        text = ast.get_source_segment(source, node)
        self.lines[text.partition(" = ")[0]] = text
        return text

    def _become(self, new):
        self.lines = {name: new.get(text, text) for name, text in self.lines.items()}
        self.blocks = tuple(
            block._replace(lines=tuple(new.get(line, line) for line in block.lines)) if isinstance(block, Loop) else new.get(block, block)
            for block in self.blocks
        )

    def edited(self, edits) -> dict[str, str]:
        """{old line: new line} after all edits.

        Raises
        ------
        Conflict
            If an edit does not find its text, or two edits overlap.
        """
        by_line: dict[str, list[Edit]] = {}
        for edit in edits:
            if edit.line not in self.lines:
                raise Conflict(f"there is no line for {edit.line}")
            by_line.setdefault(self.lines[edit.line], []).append(edit)
        return {text: _edited(text, these) for text, these in by_line.items()}

    def run(self, arguments: dict, edits=(), until=None) -> dict:
        """All variables after a run with these arguments; errors of an edited line come through.

        The run ends with the block that makes ``until``, if that is given.
        """
        new, names = self.edited(edits), {**vars(passes), **arguments}
        for block in self.blocks if until is None else self.blocks[: self.place[self.lines[until]] + 1]:
            _execute(block, names, new)
        return names

    def states(self, arguments: dict) -> tuple[dict, ...]:
        """The variables before each block of a run, and after the last."""
        states = [{**vars(passes), **arguments}]
        for block in self.blocks:
            states.append(_copied(states[-1]))
            _execute(block, states[-1], {})
        return tuple(states)

    def resume(self, states, edits) -> dict:
        """The variables after a run with edits, begun at the first block where it leaves the run that ``states`` is of."""
        new = self.edited(edits)
        first = min((self.place[line] for line in new), default=len(self.blocks))
        names = _copied(states[first])
        for block in self.blocks[first:]:
            _execute(block, names, new)
        return names

    def one_step(self, names, edits, variable, t) -> dict:
        """The variables of a finished run after the step t that makes the variable has been run again, with these edits.

        What the steps send back is made again before, from what the finished run has: it goes into the next step.
        """
        new, names = self.edited(edits), _copied(names)
        sent = [text for line, text in self.lines.items() if line.startswith(("back", "carry")) and line.endswith("[t]")]
        for k in range(names["T"], 0, -1):
            _execute_at(k, sent, names, new)
        line = self.lines.get(f"{variable}[t]") or self.lines[variable]
        _execute_at(t, getattr(self.blocks[self.place[line]], "lines", (line,)), names, new)
        return names


def _edited(text, edits):
    """A line after its edits; what they replace must not overlap."""
    spans = []
    for _, old, new in edits:
        if old and text.count(old) != 1:
            raise Conflict(f"{old!r} is not once in {text!r}")
        if old:
            spans.append((text.index(old), text.index(old) + len(old), new))
    spans.sort()
    if any(one[1] > two[0] for one, two in itertools.pairwise(spans)):
        raise Conflict(f"two edits of {text!r} overlap")
    for start, end, new in reversed(spans):
        text = text[:start] + new + text[end:]
    for edit in edits:
        text = text if edit.old else _appended(text, edit.new)
    return text


def _execute_at(t, lines, names, new):
    names["t"] = t
    for text in lines:
        exec(_code(new.get(text, text)), names)


def _execute(block, names, new):
    """Run a line, or a loop, with the lines that are new in place of the old."""
    if isinstance(block, str):
        exec(_code(new.get(block, block)), names)
        return
    codes = [_code(new.get(line, line)) for line in block.lines]
    for t in eval(block.over, names):
        names["t"] = t
        for code in codes:
            exec(code, names)


def _copied(names):
    """The variables, with the dictionaries that runs write to as copies of their own."""
    return {name: value.copy() if type(value) is dict else value for name, value in names.items()}


def _appended(text, new):
    """``dV = sum(…)`` and `` / B`` as ``dV = sum(…) / B``; the right side in brackets where it is a sum or a product."""
    left, right = text.split(" = ", 1)
    whole = isinstance(ast.parse(right, mode="eval").body, ast.Call)
    return f"{left} = {right}{new}" if whole else f"{left} = ({right}){new}"


@cache
def _code(text, mode="exec"):
    return compile(text, f"<{text}>", mode)
