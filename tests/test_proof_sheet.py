"""Formulas shown again: read from their own page, with the code looked up in the function's source."""

import json

import pytest

from rnnlib import rnn
from rnnlib.proof.sheet import Sheet, equation

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
