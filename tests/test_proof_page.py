r"""The page API: reads the page's own text, shows evidence, raises when an equation fails."""

import html
import json
import re

import pytest

from rnnlib.proof import Page, induction
from rnnlib.proof.page import CheckFailed, labelled_equations

SOURCE = r"""
# A page

Inline $x$ and an unlabelled formula

$$ a = b $$

$$
\frac{\partial L}{\partial W} = \sum_{t=1}^{T} \delta_t s_{t-1}^\top
$$ (eq-right)

:::{prf:theorem} In a directive
:label: thm
$$ \frac{\partial L}{\partial W} = \sum_{t=1}^{T} \delta_t s_t^\top $$ (eq-wrong)
:::

```{code-cell} ipython3
text = "$$ in = code $$ (eq-not-here)"
```

````{note}
$$ \Phi_{t,i} = \prod_{j=i+1}^{t} J_j, \qquad 1 \le i \le t \le T $$ (eq-order)
````

$$ a_t = U s_t, \qquad t = 1, \dots, T $$ (eq-shape)

$$
\frac{\mathrm{d} s_t}{\mathrm{d} \operatorname{vec}(U)^\top}
= \sum_{i=1}^{t} \Phi_{t,i} \frac{\partial^{+} s_i}{\partial \operatorname{vec}(U)^\top}, \qquad t = 1, \dots, T
$$ (eq-paths)
"""
LETTERS = {
    "D": r"\frac{\mathrm{d} s_{#}}{\mathrm{d} \operatorname{vec}(U)^\top}",
    "P": r"\frac{\partial^{+} s_{#}}{\partial \operatorname{vec}(U)^\top}",
}


@pytest.fixture
def page():
    return Page("a_page", SOURCE)


def test_labelled_equations_are_found_also_in_directives_but_not_in_code():
    assert list(labelled_equations(SOURCE)) == ["eq-right", "eq-wrong", "eq-order", "eq-shape", "eq-paths"]


def test_a_label_that_stands_twice_is_an_error():
    with pytest.raises(ValueError, match="eq-a stands twice"):
        labelled_equations("$$ a = b $$ (eq-a)\n\n$$ a = c $$ (eq-a)")


def test_check_gives_evidence_with_attained_numbers(page):
    evidence = page.check("eq-right")
    assert evidence.kind == "identity" and evidence.function == "rnnlib.rnn.backward"
    assert 0 < evidence.errors["float"] < 1e-13
    assert any("for all sizes" in row for row in evidence.evidence)
    assert any(re.search(r"relative error \d\.\de-1\d", row) for row in evidence.evidence)
    assert any("rnnlib.rnn.backward returns the same" in row for row in evidence.evidence)


def test_evidence_carries_the_exact_text_for_the_ledger(page):
    shown = page.check("eq-right")._repr_html_()
    record = json.loads(html.unescape(re.search(r'data-check="(.*?)"', shown).group(1)))
    assert record["tex"] == r"\frac{\partial L}{\partial W} = \sum_{t=1}^{T} \delta_t s_{t-1}^\top"
    assert set(record) == {"page", "label", "kind", "tex", "evidence", "function"}
    assert record["page"] == "a_page" and record["label"] == "eq-right"


def test_wrong_equation_stops_the_page_and_says_where(page):
    with pytest.raises(CheckFailed, match=r"a_page: equation \(eq-wrong\) does not hold: .*T = 1.*mod.*float64"):
        page.check("eq-wrong")
    assert page.records == []


def test_shape_error_is_told_in_letters(page):
    with pytest.raises(CheckFailed, match=r"cannot multiply \(h, n\) by \(h, 1\)"):
        page.check("eq-shape")


def test_refute_says_by_how_much_and_from_which_length_on(page):
    evidence = page.refute("eq-wrong")
    assert evidence.kind == "refuted"
    assert any(re.search(r"wrong by \d+(\.\d+)? %", row) for row in evidence.evidence)
    assert any("holds at T = 1, 2 and fails at T = 3" in row for row in page.refute("eq-order").evidence)


def test_refute_raises_when_the_formula_is_right(page):
    with pytest.raises(CheckFailed, match=r"\(eq-right\) is shown as a mistake, but it is not refuted"):
        page.refute("eq-right")


def test_theorem_is_tied_to_the_typeset_equation(page):
    evidence = page.check("eq-paths", every_T=induction.sum_of_paths(), letters=LETTERS)
    assert evidence.kind == "theorem" and evidence.evidence[0].startswith("proved for every T by induction")
    with pytest.raises(CheckFailed, match="is not what the theorem sum_of_paths proves"):
        page.check("eq-right", every_T=induction.sum_of_paths(), letters=LETTERS)


def test_unchecked_labels_are_listed(page):
    page.check("eq-right")
    assert page.unchecked() == ["eq-wrong", "eq-order", "eq-shape", "eq-paths"]


def test_unknown_label_lists_the_labels_there_are(page):
    with pytest.raises(KeyError, match="no equation labelled eq-nothing; its labels are: eq-right"):
        page.check("eq-nothing")


def test_source_is_found_as_markdown_and_as_notebook(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"looked for one\.md, one\.ipynb"):
        Page("one")
    cells = [{"cell_type": "markdown", "source": ["$$ a = b $$ ", "(eq-a)"]}, {"cell_type": "code", "source": ["$$ c = d $$ (eq-c)"]}]
    (tmp_path / "one.ipynb").write_text(json.dumps({"cells": cells}))
    assert Page("one").equations == {"eq-a": "a = b"}
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "two.md").write_text("$$ a = c $$ (eq-b)")
    assert Page("two").equations == {"eq-b": "a = c"}


def test_refuted_evidence_is_marked_in_words_too(page):
    assert "refuted" in page.refute("eq-wrong")._repr_html_()
    assert "eq-wrong" in repr(page.records[-1])
