"""The ledger's rule and the formula map, without a build: each fault alone is found."""

from __future__ import annotations

import html
import json
from types import SimpleNamespace

import formula_map
import ledger
import pytest
from docutils import nodes

CHECK = {"label": "eq-a", "kind": "identity", "tex": "a = b", "evidence": ["exact"], "function": "", "page": "one"}


def environment(**pages):
    return SimpleNamespace(ledger_pages={doc: {"equations": eqs, "checks": checks} for doc, (eqs, checks) in pages.items()})


def test_an_equation_checked_once_as_typeset_is_no_problem():
    assert ledger.problems(environment(one=([("eq-a", "a = b")], [CHECK])), set()) == []


@pytest.mark.parametrize(
    ("pages", "says"),
    [
        ({"one": ([("eq-a", "a = b")], [])}, "one: equation (eq-a) has no check"),
        ({"one": ([("eq-a", "a = c")], [CHECK])}, "one: equation (eq-a) is typeset differently"),
        ({"one": ([("eq-a", "a = b")], [CHECK, CHECK])}, "one: equation (eq-a) is checked twice"),
        ({"one": ([("eq-a", "a = b")], [CHECK]), "two": ([], [CHECK])}, "two: equation (eq-a) is checked twice, first on one"),
        ({"one": ([], [CHECK])}, "one: the check of (eq-a) is of no labelled equation"),
        ({"one": ([], [CHECK]), "two": ([("eq-a", "a = b")], [])}, "one: equation (eq-a) is checked here but typeset on two"),
        ({"one": ([("eq-a", "a = b")], [CHECK | {"function": "rnnlib.no"}])}, "one: the check of (eq-a) names rnnlib.no"),
    ],
)
def test_each_fault_is_found(pages, says):
    found = ledger.problems(environment(**pages), {"rnnlib.rnn.step"})
    assert len(found) == 1 and found[0].startswith(says)


def test_evidence_is_read_from_the_html_of_the_page():
    evidence = f'<div class="evidence" data-check="{html.escape(json.dumps(CHECK))}">exact</div>'
    page = nodes.container("", nodes.raw("", evidence, format="html"), nodes.raw("", evidence, format="latex"))
    assert ledger.checks_of(page, "one") == [CHECK]


@pytest.mark.parametrize(
    ("escaped", "says"),
    [
        ("{not json", "one: the evidence '{not json' is not JSON"),
        (json.dumps({"label": "eq-a"}), r"one: the evidence of \(eq-a\) lacks evidence, function, kind, page, tex"),
        (json.dumps(CHECK | {"kind": "guess"}), r"one: \(eq-a\) is of kind 'guess'"),
    ],
)
def test_bad_evidence_is_refused(escaped, says):
    with pytest.raises(ledger.LedgerError, match=says):
        ledger.read_check(html.escape(escaped), "one")


def test_a_row_of_the_formula_map_needs_every_field(tmp_path):
    (tmp_path / "map.yml").write_text("- source: here\n")
    with pytest.raises(ValueError, match="row 1: needs exactly source, formula"):
        formula_map.load(tmp_path / "map.yml")


def test_the_test_of_a_row_must_exist(tmp_path):
    (tmp_path / "test_x.py").write_text("def test_a(): pass\nclass TestB:\n    def test_c(self): pass\n")
    assert formula_map.test_exists("test_x.py::test_a", tmp_path)
    assert formula_map.test_exists("test_x.py::TestB::test_c", tmp_path)
    assert formula_map.test_exists("test_x.py::test_a[case]", tmp_path)
    for missing in ("test_x.py::test_c", "test_x.py::TestB::test_a", "test_y.py::test_a", "test_x.py"):
        assert not formula_map.test_exists(missing, tmp_path)


def test_no_line_breaks_within_a_number_or_a_shape():
    said = ledger.tied("exact, (n, h, m) = (3, 5, 4); at T = 20: relative error 6.0e-16")
    assert said.astext() == "exact, (n, h, m) = (3, 5, 4); at T = 20: relative error 6.0e-16"
    assert [part.astext() for part in said.findall(nodes.inline)] == ["(n, h, m)", "(3, 5, 4)", "T = 20", "6.0e-16"]
