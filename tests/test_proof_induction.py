r"""The theorems for every T hold, and each wrong variant is refused."""

import re

import pytest
from sympy import Sum

from rnnlib.proof import induction
from rnnlib.proof.induction import EPSILON, NotProved, P, Phi, T, adjoint, i, same_gradient, sum_of_paths, t
from rnnlib.proof.statement import check

W_LETTERS = {
    "D": r"\frac{\mathrm{d} s_{#}}{\mathrm{d} \operatorname{vec}(W)^\top}",
    "P": r"\frac{\partial^{+} s_{#}}{\partial \operatorname{vec}(W)^\top}",
}
U_LETTERS = {k: v.replace("(W)", "(U)") for k, v in W_LETTERS.items()}
THEOREMS = [sum_of_paths, adjoint, same_gradient]


@pytest.mark.parametrize("theorem", THEOREMS)
def test_theorem_is_proved(theorem):
    proved = theorem()
    assert proved.checks > 5 and len(proved.lines) == 5


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: sum_of_paths(lambda t: Sum(Phi(t, i) * P(i), (i, 2, t))),
        lambda: sum_of_paths(lambda t: Sum(Phi(t, i) * P(i), (i, 1, t - 1))),
        lambda: sum_of_paths(lambda t: Sum(Phi(t - 1, i) * P(i), (i, 1, t))),
        lambda: sum_of_paths(lambda t: Sum(P(i) * Phi(t, i), (i, 1, t))),
        lambda: sum_of_paths(lambda t: Sum(2 * Phi(t, i) * P(i), (i, 1, t))),
        lambda: sum_of_paths(rule=Phi.last_factor_out),
        lambda: adjoint(lambda i: Sum(EPSILON(t) * Phi(t, i), (t, 1, T))),
        lambda: adjoint(lambda i: Sum(EPSILON(t) * Phi(t, i - 1), (t, i, T))),
        lambda: adjoint(lambda i: Sum(Phi(t, i) * EPSILON(t), (t, i, T))),
        lambda: adjoint(lambda i: Sum(EPSILON(t) * Phi(t, i), (t, i, T - 1))),
        lambda: same_gradient(sign=-1),
        lambda: same_gradient(sign=0),
    ],
    ids=["starts at 2", "ends at t-1", "one factor short", "P on the left", "doubled", "wrong factor taken out", "all losses",
         "product one longer", "error on the right", "last loss dropped", "wrong sign", "no error"],
)  # fmt: skip
def test_wrong_variant_is_refused(wrong):
    with pytest.raises(NotProved):
        wrong()


@pytest.mark.parametrize("theorem", THEOREMS)
@pytest.mark.parametrize("letters", [U_LETTERS, W_LETTERS], ids="UW")
def test_every_line_of_the_derivation_is_executed_and_holds(theorem, letters):
    findings = check(theorem().executable(letters))
    assert len(findings) == 3 and all(f.holds() for f in findings), findings


def test_a_changed_line_would_not_hold():
    proved = same_gradient()
    wrong = proved.executable(W_LETTERS).replace(r"\varepsilon_{T}^\top V", r"\varepsilon_{1}^\top V")
    assert not any(f.holds() for f in check(wrong))


def test_theorem_states_its_claim_and_nothing_else():
    claim = sum_of_paths().fill(sum_of_paths().claim, W_LETTERS)
    assert sum_of_paths().states(claim + r", \qquad t = 1, \dots, T", W_LETTERS)
    assert not sum_of_paths().states(claim, U_LETTERS)
    assert not sum_of_paths().states(claim.replace("i=1", "i=2"), W_LETTERS)


def test_phi_is_the_descending_product():
    assert Phi(t + 2, t).args == (induction.J(t + 2) * induction.J(t + 1)).args
    assert Phi(t, t) == 1


def test_latex_has_a_reason_beside_every_line():
    for theorem in THEOREMS:
        text = theorem().latex(W_LETTERS)
        assert text.count(r"\text{") == len(theorem().lines) and not re.search(r"<\w+:", text)
