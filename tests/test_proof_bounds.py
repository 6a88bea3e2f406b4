r"""Inequalities: right ones hold with a margin, folklore is refuted, premises count."""

import pytest

from rnnlib.proof import Page
from rnnlib.proof.bounds import bound
from rnnlib.proof.page import CheckFailed
from rnnlib.proof.tex import TexError

PAIRS = r", \qquad 1 \le i < t \le T"


@pytest.mark.parametrize(
    "text",
    [
        r"\lVert \Phi_{t,i} \rVert_2 \le \eta^{t-i}" + PAIRS,
        r"\lVert J_t \rVert_2 \le \gamma \lVert W \rVert_2, \qquad t = 1, \dots, T",
        r"\rho(W) \le \lVert W \rVert_2",
        r"\lVert J_t \rVert_2 \ge \sigma_{\min}(D_t) \lVert W \rVert_2, \qquad t = 1, \dots, T",
        r"\lVert \Phi_{t,i} \rVert_2 < 1, \qquad \eta < 1, \qquad \eta \le 1" + PAIRS,
        r"\lVert s_t \rVert_2 \le \lVert s_0 \rVert_2 + h, \qquad t = 1, \dots, T",
        r"\max_{1 \le j \le T} \lVert J_j \rVert_2 \le \eta",
    ],
)
def test_bound_holds(text):
    margin = bound(text)
    assert margin.holds() and 0 < margin.largest <= margin.worst, margin


@pytest.mark.parametrize(
    "text",
    [
        r"\lVert \Phi_{t,i} \rVert_2 \le 1" + PAIRS,
        r"\lVert \Phi_{t,i} \rVert_2 \le \gamma^{t-i} \rho(W)^{t-i}" + PAIRS,
        r"\lVert \Phi_{t,i} \rVert_2 \ge \eta^{t-i}" + PAIRS,
        r"\lVert W \rVert_2 \le \rho(W)",
    ],
)
def test_folklore_is_refuted_by_a_lot(text):
    margin = bound(text)
    assert not margin.holds() and margin.worst > 1.1


def test_sigmoid_has_its_own_slope():
    assert bound(r"\lVert \Phi_{t,i} \rVert_2 \le \eta^{t-i}" + PAIRS, f="sigmoid relu identity").holds()
    assert bound(r"\eta \le \frac{1}{4} \lVert W \rVert_2", f="sigmoid").holds()


def test_search_gets_closer_than_the_draws():
    margin = bound(r"\lVert J_t \rVert_2 \le \eta, \qquad t = 1, \dots, T", draws=20)
    assert 0.9 < margin.largest <= margin.worst <= 1 + 1e-12


def test_what_is_no_bound_says_so():
    with pytest.raises(TexError, match=r"a bound needs \\le"):
        bound(r"s_t = s_t, \qquad t = 1, \dots, T")
    with pytest.raises(TexError, match="premises hold at 0 of"):
        bound(r"\rho(W) \le \eta, \qquad \eta < 0")


def test_page_records_a_bound_and_refuses_a_wrong_one():
    source = r"$$ \rho(W) \le \lVert W \rVert_2 $$ (eq-one)" + "\n\n" + r"$$ \lVert W \rVert_2 \le \rho(W) $$ (eq-two)"
    page = Page("p", source)
    evidence = page.bound("eq-one")
    assert evidence.kind == "bound" and "random networks" in evidence.evidence[0]
    with pytest.raises(CheckFailed, match=r"the bound \(eq-two\) does not hold: the left side reaches"):
        page.bound("eq-two")


def test_page_refutes_a_wrong_bound_and_not_a_right_one():
    source = r"$$ \rho(W) \le \lVert W \rVert_2 $$ (eq-one)" + "\n\n" + r"$$ \lVert W \rVert_2 \le \rho(W) $$ (eq-two)"
    page = Page("p", source)
    evidence = page.refute_bound("eq-two")
    assert evidence.kind == "refuted" and "the left side reaches" in evidence.evidence[0]
    with pytest.raises(CheckFailed, match=r"the bound \(eq-one\) is shown as a mistake, but the left side reaches only"):
        page.refute_bound("eq-one")


def test_evidence_of_a_lower_bound_names_the_sides_the_other_way_round():
    source = r"$$ \lVert W \rVert_2 \ge \rho(W) $$ (eq-one)" + "\n\n" + r"$$ \rho(W) \ge \lVert W \rVert_2 $$ (eq-two)"
    page = Page("p", source)
    assert "right side at most" in page.bound("eq-one").evidence[0]
    assert "the right side reaches" in page.refute_bound("eq-two").evidence[0]
