"""Formulas shown again: read from their own page, with the code looked up in the function's source."""

import ast
import importlib
import inspect
import json
import re
from pathlib import Path

import pytest

from rnnlib import rnn
from rnnlib.proof.sheet import Sheet, equation

BOOK = Path(__file__).resolve().parent.parent / "book"
PAGE = r"""# One step

$$
s_t = f(a_t), \qquad t = 1, \dots, T
$$ (eq-one-step-state)
"""
TEX = r"s_t = f(a_t), \qquad t = 1, \dots, T"
ENTRY = ("eq-one-step-state", rnn.step, "return a, f.f(a)")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_formula_is_read_from_its_page(folder):
    (folder / "one_step.md").write_text(PAGE, "utf8")
    assert equation("eq-one-step-state") == TEX
    shown = Sheet(ENTRY)._repr_markdown_()
    assert f"$$\n{TEX}\n$$" in shown
    assert "{eq}`eq-one-step-state`" in shown
    assert "{py:obj}`rnn.step <rnnlib.rnn.step>`: `return a, f.f(a)`" in shown


def test_the_formula_is_read_from_a_notebook_too(folder):
    cells = [{"cell_type": "markdown", "source": PAGE.splitlines(keepends=True)}]
    (folder / "one_step.ipynb").write_text(json.dumps({"cells": cells}), "utf8")
    assert equation("eq-one-step-state") == TEX


def test_alone_it_says_that_the_page_is_missing(folder):
    shown = Sheet(ENTRY)._repr_markdown_()
    assert "$$" not in shown
    assert "not beside this notebook" in shown


def test_a_label_that_its_page_does_not_have_is_an_error(folder):
    (folder / "one_step.md").write_text(PAGE, "utf8")
    with pytest.raises(KeyError, match="eq-one-step-stat; there are: eq-one-step-state"):
        equation("eq-one-step-stat")


def test_code_that_the_function_does_not_have_is_an_error(folder):
    with pytest.raises(ValueError, match=r"rnnlib.rnn.step has no code 'return s'"):
        Sheet(("eq-one-step-state", rnn.step, "return s"))
    Sheet(("eq-one-step-state", rnn.step, "trace = Trace(X, A, S, f)", rnn.forward))
    with pytest.raises(ValueError, match=r"rnnlib.rnn.backward has no code 'trace = Trace"):
        Sheet(("eq-one-step-state", rnn.step, "trace = Trace(X, A, S, f)", rnn.backward))


def test_a_docstring_is_no_code(folder):
    """What a docstring says can outlive the line it speaks of."""
    assert "Run the network over a sequence" in inspect.getsource(rnn.forward)
    with pytest.raises(ValueError, match=r"rnnlib.rnn.forward has no code 'Run the network"):
        Sheet(("eq-one-step-state", rnn.forward, "Run the network over a sequence"))


def sheets_of_the_book():
    """The calls of Sheet on the page of formulas, as code."""
    cells = re.findall(r"^```\{code-cell\}.*?\n(.*?)^```", (BOOK / "formula_sheet.md").read_text("utf8"), re.M | re.S)
    trees = [ast.parse(re.sub(r"^:.*\n", "", cell, flags=re.M)) for cell in cells]
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [ast.unparse(call) for call in calls if getattr(call.func, "id", None) == "Sheet"]


@pytest.mark.parametrize("call", sheets_of_the_book())
def test_each_line_on_the_sheet_is_whole_and_in_its_function(call, monkeypatch):
    """Faster than building the page: a reworded line of the library shows here."""
    monkeypatch.chdir(BOOK)
    modules = {name: importlib.import_module(f"rnnlib.{name}") for name in set(re.findall(r"\b([a-z_]+)\.[a-z_]+,", call))}
    sheet = eval(call, {**modules, "Sheet": Sheet})
    assert repr(sheet) == sheet._repr_markdown_()  # a notebook keeps both
    for entry in sheet.entries:
        ast.parse(f"{entry.code}: pass" if entry.code.startswith("for ") else entry.code)


def test_the_sheet_of_the_book_was_found():
    assert len(sheets_of_the_book()) > 10
