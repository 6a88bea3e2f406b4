r"""Every page runs from top to bottom, and every labelled equation is checked as it is typeset, without building the book."""

import ast
import re
from pathlib import Path

import jupytext
import pytest

from rnnlib.proof import Page
from rnnlib.proof.page import labelled_equations

BOOK = Path(__file__).resolve().parents[1] / "book"
PAGES = sorted(path.stem for path in BOOK.glob("*.md"))


def code_cells(name):
    """The code cells of a page, as the notebook of that page would have them."""
    notebook = jupytext.read(BOOK / f"{name}.md")
    return [ast.parse(cell.source, f"{name}.md") for cell in notebook.cells if cell.cell_type == "code"]


def checking_cells(cells):
    """The cells that check equations, and those that make what these use; figures, timings and training are left to the build."""
    wanted, kept = set(), []
    for cell in reversed(cells):
        names = [node for node in ast.walk(cell) if isinstance(node, ast.Name)]
        made = {n.id for n in names if isinstance(n.ctx, ast.Store)} | {
            (alias.asname or alias.name).split(".")[0]
            for node in ast.walk(cell) if isinstance(node, (ast.Import, ast.ImportFrom)) for alias in node.names
        } | {node.name for node in ast.walk(cell) if isinstance(node, (ast.FunctionDef, ast.ClassDef))}  # fmt: skip
        if re.search(r"\bpage\.\w+\(", ast.unparse(cell)) or made & wanted:
            kept.insert(0, cell)
            wanted = (wanted - made) | {n.id for n in names if isinstance(n.ctx, ast.Load)}
    return kept


@pytest.mark.parametrize("name", PAGES)
def test_every_labelled_equation_is_checked_as_it_is_typeset(name, monkeypatch):
    monkeypatch.chdir(BOOK)
    monkeypatch.setenv("MPLBACKEND", "agg")
    namespace = {"__name__": "__main__"}
    for cell in checking_cells(code_cells(name)):
        exec(compile(cell, f"{name}.md", "exec"), namespace)
    equations = labelled_equations((BOOK / f"{name}.md").read_text("utf8"))
    records = [record for page in namespace.values() if isinstance(page, Page) for record in page.records]
    assert {record.label: record.tex for record in records} == equations
    assert len(records) == len(equations), "an equation is checked twice"
    assert all(record.page == name and record.evidence for record in records)


def test_labels_are_unique_over_the_book():
    seen = {}
    for name in PAGES:
        for label in labelled_equations((BOOK / f"{name}.md").read_text("utf8")):
            assert label.startswith("eq-" + name.replace("_", "-")), f"{label} on {name} should begin with the page's name"
            assert label not in seen, f"{label} is on {seen[label]} and on {name}"
            seen[label] = name


@pytest.mark.parametrize("name", PAGES)
def test_page_has_the_header_that_makes_it_a_notebook(name):
    text = (BOOK / f"{name}.md").read_text("utf8")
    if "{code-cell}" in text:
        assert "format_name: myst" in text, "without format_name: myst the page is silently no notebook"
    assert "description:" in text.split("---")[1], "a page needs a description"


def test_docstring_labels_are_on_a_page():
    labels = {label for name in PAGES for label in labelled_equations((BOOK / f"{name}.md").read_text("utf8"))}
    for path in (BOOK.parent / "rnnlib").glob("*.py"):
        for label in re.findall(r"\beq-[a-z0-9-]+", path.read_text("utf8")):
            assert label in labels, f"{path.name} names {label}, which is on no page"
