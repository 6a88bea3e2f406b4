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
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


def run_cell(source, namespace, where):
    """Run a cell as a notebook does: the value of a last expression is shown."""
    tree = ast.parse(source, where)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, where, "exec"), namespace)
    if last is not None:
        value = eval(compile(ast.Expression(last.value), where, "eval"), namespace)
        for form in ("_repr_html_", "_repr_latex_"):
            getattr(value, form, lambda: None)()


@pytest.mark.parametrize("name", PAGES)
def test_page_runs_and_every_labelled_equation_is_checked(name, monkeypatch):
    monkeypatch.chdir(BOOK)
    monkeypatch.setenv("MPLBACKEND", "agg")
    namespace = {"__name__": "__main__"}
    for number, source in enumerate(code_cells(name), 1):
        run_cell(source, namespace, f"{name}.md, cell {number}")
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
