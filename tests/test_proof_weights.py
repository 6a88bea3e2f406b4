"""Statements about special weights ω_t: the checker puts rnnlib's own weights in the place of the random ones."""

import pytest

from rnnlib.proof import Page
from rnnlib.proof.page import CheckFailed
from rnnlib.proof.statement import check

EVERY = r", \qquad t = 1, \dots, T"
LAST = r"\frac{\partial L}{\partial V} = \varepsilon_T s_T^\top"
MEAN = r"L = \frac{1}{T} \sum_{t=1}^{T} \ell(z_t, y_t)"
ALL = r"L_t = \ell(z_t, y_t)" + EVERY
LAST_IN_W = r"\frac{\partial L}{\partial W} = \delta_T s_{T-1}^\top"


@pytest.mark.parametrize(("text", "weights"), [(LAST, "last"), (MEAN, "mean"), (ALL, "all")])
def test_holds_with_its_own_weights_and_with_no_others(text, weights):
    for other in ("all", "last", "mean", None):
        findings = check(text, weights=other)
        assert {f.kind for f in findings} >= {"exact", "float"}
        assert all(f.holds() == (other == weights) for f in findings if f.kind != "symbolic")


def test_last_step_weights_still_collect_dW_from_every_step():
    assert not any(f.holds() for f in check(LAST_IN_W, weights="last"))


def test_page_names_the_weights_and_refuses_the_statement_without_them():
    page = Page("some", f"$$\n{LAST}\n$$ (eq-some-last)")
    assert all("weights last" in row for row in page.check("eq-some-last", weights="last").evidence[:2])
    with pytest.raises(CheckFailed):
        page.check("eq-some-last")


def test_unknown_weights_are_named():
    with pytest.raises(ValueError, match="unknown weights 'first'; known are: all, last, mean"):
        check(LAST, weights="first")
