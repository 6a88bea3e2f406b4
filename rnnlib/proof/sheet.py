"""Formulas of the book shown again on another page, without being typed again.

The text of an equation is read from the page that derives it, by its label; the line of code that computes it is looked up in
the function's own source. A label or a line that is not there is an error, so the copy cannot differ from the original.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from rnnlib.proof.page import _read, labelled_equations


class Entry(NamedTuple):
    """One formula: its label, the function that computes it, and the piece of source that does.

    ``helper`` is the function whose source holds the piece, if it is not ``function`` itself.
    """

    label: str
    function: Callable
    code: str
    helper: Callable | None = None


class Sheet:
    """Formulas with their numbers, functions and code, shown as Markdown.

    Parameters
    ----------
    entries : ``(label, function, code)`` or ``(label, function, code, helper)`` each.

    Raises
    ------
    KeyError
        If the page of a label is there and has no such equation.
    ValueError
        If the code is not in the source of the function.

    A notebook of the book that was downloaded alone carries the formulas with their numbers; elsewhere, where the pages are missing,
    it says so in place of the formula.
    """

    def __init__(self, *entries: Sequence):
        self.entries = [Entry(*entry) for entry in entries]
        self.formulas = [equation(entry.label) for entry in self.entries]
        for entry in self.entries:
            source = entry.helper or entry.function
            if entry.code not in code_of(source):
                raise ValueError(f"{name_of(source)} has no code {entry.code!r}; the sheet must show what the function does")

    def _repr_markdown_(self) -> str:
        return "\n\n".join(self._block(entry, tex) for entry, tex in zip(self.entries, self.formulas, strict=True))

    def __repr__(self) -> str:
        return self._repr_markdown_()  # where Markdown is not shown; it must not name a place in memory

    @staticmethod
    def _block(entry, tex):
        name = name_of(entry.function)
        missing = f"*The formula ({entry.label}) is on another page of the book, which is not beside this notebook.*"
        formula = f"$$\n{tex}\n$$" if tex else missing
        short, number = name.removeprefix("rnnlib."), carried(entry.label).get("number")
        where = f"{number}, `{short}`" if number else f"{{eq}}`{entry.label}`, {{py:obj}}`{short} <{name}>`"
        return f"{formula}\n\n{where}: `{entry.code}`"


def code_of(function: Callable) -> str:
    """The source of a function without its docstring, which may speak of lines that are not there."""
    return inspect.getsource(function).replace(function.__doc__ or "", "")


def name_of(function: Callable) -> str:
    """The full name under which the API page lists a function."""
    return f"{function.__module__}.{function.__qualname__}"


def equation(label: str) -> str:
    """The text of a labelled equation of the book, '' if its page is not at hand.

    Raises
    ------
    KeyError
        If the page is at hand and has no such equation.
    """
    words = label.removeprefix("eq-").split("-")
    for length in range(len(words), 0, -1):
        try:
            equations = labelled_equations(_read("_".join(words[:length])))
        except FileNotFoundError:
            continue
        if label not in equations:
            raise KeyError(f"no equation of its page is labelled {label}; there are: {', '.join(equations)}")
        return equations[label]
    return carried(label).get("tex", "")


def carried(label: str) -> dict[str, str]:
    """Text and number of an equation that a notebook here has brought along from its page, or nothing."""
    for path in sorted(Path().glob("*.ipynb")):
        found = json.loads(path.read_text("utf8")).get("metadata", {}).get("equations", {})
        if label in found:
            return found[label]
    return {}
