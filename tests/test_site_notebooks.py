"""The text of a downloaded notebook: what roles and directives lead to, in their place; formulas of other pages that it brings along."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from notebooks import Plain, borrowed, left_over

from rnnlib import rnn
from rnnlib.proof.sheet import Sheet

NUMBERS = {"book/one": {"displaymath": {"equation-eq-one-a": (7, 1)}, "theorem": {"thm-one": (7, 2)}, "exercise": {"ex-one": (7, 3)}}}
PAGE = "$$\ns_t = f(a_t)\n$$ (eq-one-a)\n"


@pytest.fixture
def plain(tmp_path):
    (tmp_path / "code.py").write_text("def f():\n    x = 1\n    return x\n", "utf8")
    person = SimpleNamespace(prelast_names=[], last_names=["Werbos"])
    entry = SimpleNamespace(persons={"author": [person]}, fields={"year": "1990", "title": "What it does"})
    row = {"source": "line 1", "formula": "s_t", "status": "corrected", "note": "f"}
    row |= {"label": "eq-one-a", "function": "rnn.step", "test": "tests/t.py::t"}
    (tmp_path / "book").mkdir()
    (tmp_path / "book/formula_map.yml").write_text(json.dumps([row]), "utf8")
    env = SimpleNamespace(
        srcdir=str(tmp_path), toc_fignumbers=NUMBERS, titles={"book/one": SimpleNamespace(astext=lambda: "One step")},
        config=SimpleNamespace(source_encoding="utf-8"), doc2path=lambda name: str(tmp_path / "page.md"),
        domaindata={"std": {"labels": {"sec-two": ("book/one", "two", "The second")}},
                    "cite": {"bibdata": SimpleNamespace(data=SimpleNamespace(entries={"werbos1990": entry}))}},
    )  # fmt: skip
    return Plain(env, "book/page")


ROLES = {
    "{eq}`eq-one-a`": "(7.1)",
    "{doc}`one` and {doc}`the first <one>`": "*One step* and the first",
    "{prf:ref}`thm-one`, {ref}`ex-one`, {ref}`sec-two`": "Theorem 7.2, Exercise 7.3, *The second*",
    "{py:obj}`rnn.step <rnnlib.rnn.step>`, {py:obj}`~rnnlib.rnn.step`": "`rnn.step`, `rnnlib.rnn.step`",
    "{term}`path`, {download}`a.py`": "path, `a.py`",
    "{cite:t}`werbos1990`, {cite:p}`werbos1990`": "Werbos (1990), (Werbos, 1990)",
    PAGE.strip(): PAGE.strip() + " · (7.1)",
    "(sec-two)=\n## The second": "## The second",
    ":::{exercise} easy\n:label: ex-one\nShow {eq}`eq-one-a`.\n:::": "**Exercise 7.3 (easy).**\n\nShow (7.1).",
    "```{solution-start} ex-one\n:class: dropdown\n```\nDone.\n```{solution-end}\n```": "**Solution of Exercise 7.3.**\nDone.",
    ":::{div} cards\n| a | b |\n|---|---|\n| {eq}`eq-one-a` | 2 |\n:::": "| a | b |\n|---|---|\n| (7.1) | 2 |",
    '```{literalinclude} code.py\n:pyobject: f\n:start-at: "x ="\n:dedent: 4\n```': "```python\nx = 1\nreturn x\n```",
    "```{formula-map}\n```": "| In the note | Here | Equation, function, test |\n| --- | --- | --- |\n"
    "| line 1: $s_t$ | corrected: f | (7.1), `rnn.step`, `t.py::t` |",
    "```python\n{eq}`eq-one-a`\n```": "```python\n{eq}`eq-one-a`\n```",  # code stays as it is
}


@pytest.mark.parametrize("source", ROLES)
def test_what_only_sphinx_understands_is_resolved(plain, source):
    assert plain.text(source) == ROLES[source]


@pytest.mark.parametrize("text", [":::{unknown} word\nText.\n:::", "```{unknown}\n```", ":label: ex-one"])
def test_what_could_not_be_resolved_is_found(plain, text):
    assert left_over(plain.text(text)) == text.split("\n")[0].removesuffix(" ex-one")


@pytest.mark.parametrize("text", ["a {role}`word`", "(sec-two)=", ":::{note}", "```{note} head", ":label: ex-one"])
def test_each_thing_that_only_sphinx_understands_is_seen(text):
    assert left_over(f"Before.\n\n{text}\n") in text


def test_code_may_show_what_sphinx_understands():
    assert left_over("Write\n\n```\n{eq}`eq-one-a`\n```\n\nand build.") is None


def test_what_is_not_there_keeps_its_label_as_the_build_warns_of_it(plain):
    assert plain.text("{eq}`eq-gone`, {ref}`sec-gone`, {doc}`gone`") == "(eq-gone), *sec-gone*, *gone*"


def test_a_sheet_shows_the_formulas_that_its_notebook_brings_along(plain, tmp_path, monkeypatch):
    (tmp_path / "one.md").write_text(PAGE, "utf8")
    brought = borrowed(tmp_path / "page.md", 'Sheet(("eq-one-a", rnn.step, "f.f(a)"))', plain)
    assert brought == {"eq-one-a": {"tex": "s_t = f(a_t)", "number": "(7.1)"}}
    folder = tmp_path / "alone"
    folder.mkdir()
    (folder / "page.ipynb").write_text(json.dumps({"cells": [], "metadata": {"equations": brought}}), "utf8")
    monkeypatch.chdir(folder)
    shown = Sheet(("eq-one-a", rnn.step, "return a, f.f(a)"))._repr_markdown_()
    assert shown == "$$\ns_t = f(a_t)\n$$\n\n(7.1), `rnn.step`: `return a, f.f(a)`"
