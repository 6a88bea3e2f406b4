"""Formulas in LaTeX: the wrong ones of the book are named, its right ones are right, and what cannot be read is reported."""

import re

import pytest

from rnnlib import diagnose_formula
from rnnlib.doctor import named
from rnnlib.proof.page import labelled_equations

# Wrong formulas of the book about gradients and adjoints, and the mistake that each is
WRONG = {
    "eq-index-wrong": "dW-new-state",
    "eq-output-epsilon-wrong": "eps-targets-sum-1",
    "eq-output-epsilon-sign-wrong": "eps-sign",
    "eq-output-v-before-wrong": "dV-old-state",
    "eq-output-v-transposed-wrong": "dV-transposed",
    "eq-gradient-u-wrong-no-past": "lam-no-recursion",
    "eq-gradient-u-wrong-no-slope": "dU-no-slope",
    "eq-gradient-u-wrong-input-before": "dU-old-input",
    "eq-gradient-w-wrong-state": "dW-new-state",
    "eq-gradient-w-wrong-first": "dW-first-dropped",
    "eq-gradient-w-wrong-transposed": "dW-transposed",
    "eq-gradient-w-wrong-early": "dW-early",
    "eq-gradient-w-wrong-no-slope": "dW-no-slope",
    "eq-gradient-w-wrong-swapped": "lam-swapped",
    "eq-two-directions-wrong-index": "lam-early-slope",
    "eq-two-directions-wrong-transpose": "lam-transposed",
    "eq-two-directions-wrong-s0": "ds_0-no-W",
    "eq-totals-last-w-wrong": "dW-last-alone",
    "eq-totals-all-w-wrong": "eps-last-alone",
    "eq-lstm-wrong-slope": "mu-early-slope",
    "eq-lstm-wrong-shown": "mu-no-state",
    "eq-lstm-wrong-carry": "mu-no-carry",
    "eq-lstm-wrong-step": "mu-own-gate",
    "eq-lstm-wrong-phi": "d_phi-new-cell",
    "eq-lstm-wrong-gate": "d_iota-no-slope",
    "eq-lstm-wrong-psi": "d_psi-cell",
    "eq-lstm-wrong-constant": "lam-candidate-alone",
    "eq-lstm-wrong-truncated": "lam-no-recursion",
    "eq-gru-wrong-w": "dW_s-no-reset",
    "eq-gru-wrong-b-s": "db_s-no-reset",
    "eq-gru-wrong-straight": "back-no-straight",
    "eq-gru-wrong-back": "back-no-reset",
    "eq-gru-wrong-bias": "d_r-no-bias",
    "eq-gru-wrong-sign": "d_u-sign",
    "eq-gru-wrong-place": "d_r-before",
    "eq-bidirectional-wrong-index": "lam_b-direction",
    "eq-bidirectional-wrong-state": "dW_b-state-before",
    "eq-bidirectional-wrong-x": "dX-forward-alone",
    "eq-bidirectional-wrong-end": "ds_b0-wrong-end",
    "eq-museum-immediate": "lam-no-recursion",
    "eq-museum-rising": "lam-rising",
    "eq-museum-next-state": "delta-next-state",
    "eq-museum-set": "mu-no-carry",
    "eq-museum-gate": "d_phi-value",
    "eq-museum-copied": "db-copied",
    "eq-museum-other-bias": "a-other-bias",
    "eq-museum-first-index": "dW-first-index",
    "eq-museum-diagonal": "eps-softmax-diagonal",
    "eq-museum-back-transposed": "lam-transposed",
}


@pytest.fixture(scope="module")
def equations(root):
    """{label: LaTeX} of all pages."""
    return {k: v for page in sorted((root / "book").glob("*.md")) for k, v in labelled_equations(page.read_text()).items()}


def network(label):
    if label in ("eq-museum-set", "eq-museum-gate", "eq-museum-copied", "eq-museum-other-bias"):
        return "lstm"
    stem = label.removeprefix("eq-").partition("-")[0]
    return stem if stem in ("lstm", "gru", "bidirectional") else "rnn"


@pytest.mark.parametrize("label", WRONG)
def test_a_wrong_formula_of_the_book_is_named(label, equations):
    found = diagnose_formula(equations[label], network(label))
    assert found.names == (WRONG[label],), found
    assert not found.right and found.verdicts[0].error > 1e-2


@pytest.mark.parametrize(
    "label",
    ["eq-two-directions-adjoint", "eq-two-directions-s0", "eq-gradient-w-outer", "eq-output-v", "eq-lstm-mu", "eq-lstm-delta",
     "eq-gru-adjoint", "eq-gru-delta-r", "eq-bidirectional-w-backward", "eq-bidirectional-x", "eq-one-step-j"],
)  # fmt: skip
def test_a_right_formula_of_the_book_is_right(label, equations):
    found = diagnose_formula(equations[label], network(label))
    assert found.right and found.explanations == (), found
    assert "It is right." in str(found)


@pytest.mark.parametrize(
    "formula, name",
    [
        (r"\lambda_t = V^\top \varepsilon_t + W^\top \lambda_{t+1}, \qquad 1 \le t < T", "lam-no-slope"),
        (r"\lambda_t = 2 V^\top \varepsilon_t + W^\top \delta_{t+1}, \qquad 1 \le t < T", "lam-direct-twice"),
        (r"\delta_t = f'(s_t) \odot \lambda_t, \qquad t = 1, \dots, T", "slope-of-s"),
        (r"\frac{\partial L}{\partial b} = \sum_{t=1}^{T} \lambda_t", "db-no-slope"),
        (r"\frac{\partial L}{\partial x_t} = U^\top \lambda_t, \qquad t = 1, \dots, T", "dX-no-slope"),
        (r"\frac{\partial L}{\partial x_t} = U \delta_t, \qquad t = 1, \dots, T", "dX-transposed"),
        (r"\varepsilon_t = o_t \mathbf{1}_m^\top y_t - y_t, \qquad t = 1, \dots, T", "eps-no-weight"),
    ],
)
def test_further_wrong_formulas_are_named(formula, name):
    assert diagnose_formula(formula).names == (name,)


@pytest.mark.parametrize(
    "formula, network, name",
    [
        (r"a_t = U x_t + W^\top s_{t-1} + b, \qquad t = 1, \dots, T", "rnn", "a-transposed"),
        (r"a_t = U x_t + W s_{t-1}, \qquad t = 1, \dots, T", "rnn", "a-no-bias"),
        (r"z_t = V s_t, \qquad t = 1, \dots, T", "rnn", "z-no-bias"),
        (r"a_{\phi,t} = U_\phi x_t + W_\phi s_{t-1} + b_\psi, \qquad t = 1, \dots, T", "lstm", "a-other-bias"),
        (r"s_t = (\mathbf{1}_h - u_t) \odot s_{t-1} + u_t \odot \tilde{s}_t, \qquad t = 1, \dots, T", "gru", "update-replaces"),
    ],
)
def test_a_wrong_step_of_the_way_forward_is_named(formula, network, name):
    found = diagnose_formula(formula, network)
    assert found.names == (name,), found
    assert not found.right


def test_two_mistakes_in_one_formula_are_named():
    found = diagnose_formula(r"\frac{\partial L}{\partial W} = -\sum_{t=1}^{T} \delta_t s_t^\top")
    assert set(found.names) == {"eps-sign", "dW-new-state"}


def test_the_variant_of_a_network_is_what_counts(equations):
    assert diagnose_formula(equations["eq-gru-wrong-place"], "gru_before").right


def test_an_unknown_mistake_and_a_formula_of_another_kind():
    unknown = diagnose_formula(r"\frac{\partial L}{\partial W} = 7 W")
    assert unknown.names == () and "not known" in str(unknown)
    component = diagnose_formula(r"\frac{\partial L}{\partial b_i} = \sum_{t=1}^{T} s_{t,i}")
    assert not component.right and component.names == ()
    jacobian = diagnose_formula(r"J_t = D_t W^\top, \qquad t = 1, \dots, T")
    assert not jacobian.right and jacobian.names == () and "no mistakes to compare" in str(jacobian)


def test_shapes_that_do_not_fit_are_told():
    found = diagnose_formula(r"\lambda_t = V \varepsilon_t + W^\top \delta_{t+1}, \qquad t = 1, \dots, T")
    assert found.verdicts[0].error == float("inf") and "cannot multiply" in found.verdicts[0].note
    assert found.names == ("lam-V-transposed",)  # where n = h = m the shapes fit, and the numbers tell


@pytest.mark.parametrize(
    "formula, text",
    [
        (r"\frac{\partial L}{\partial W} = \foo", "not in the dialect"),
        (r"\frac{\partial s_t}{\partial W} = 0, \qquad t = 1, \dots, T", "two ways"),
        (r"\lambda_t = 0, \qquad T < t \le T", "holds for some index"),
        (r"\lVert W \rVert \le 1", "an equation is needed"),
        (r"\frac{\partial L}{\partial W} = \sum_{t=1}^{T} \delta_t s_{t-1}^T", r"a transpose is ^\top"),
        (r"\frac{\partial L}{\partial W} = \sum_t \delta_t s_{t-1}^\top", r"a sum has its limits: \sum_{t=1}^{T}"),
        (r"\frac{\partial L}{\partial W} = \sum_{t=1}^{T \delta_t s_{t-1}^\top", "5 opening and 4 closing braces"),
        (r"\frac{dL}{dW} = \sum_{t=1}^{T} \delta_t s_{t-1}^\top", r"a derivative of L is \frac{\partial L}{\partial W}"),
        (r"\frac{\partial L}{\partial W} = \sum_{t=1}^{T} \delta_t h_{t-1}^\top", "the state is s_t"),
        (r"\delta_t = f'(q_t) \odot \lambda_t, \qquad t = 1, \dots, T", "letters with a meaning here: U, W, b"),
        (r"\mu_t = \psi_t \odot \lambda_t, \qquad t = 1, \dots, T", r'\mu is a letter of network="lstm"'),
        (r"\lambda_t = V^\top \epsilon_t, \qquad t = 1, \dots, T", r"the error at the output is \varepsilon"),
        (r"\delta_t = f'(a_t) * \lambda_t, \qquad t = 1, \dots, T", r"a product entry by entry is \odot"),
        (r"\lambda_t = V^\top \varepsilon_t, \qquad t = 1, ..., T", r"the dots between 1 and T are \dots"),
        (r"$\lambda_T = V^\top \varepsilon_T$", "leave the dollar signs out"),
        ("\x0crac{\\partial L}{\\partial b} = 0", "put an r before the quotation mark"),
    ],
)
def test_what_cannot_be_read_is_reported(formula, text):
    found = diagnose_formula(formula)
    assert not found.right and text in found.problems[0]


def test_every_wrong_formula_is_explained_where_the_catalogue_says(equations):
    assert all(named(name).label in equations for name in WRONG.values())


def test_on_a_page_the_commands_in_a_note_are_code():
    said = diagnose_formula(r"\frac{\partial L}{\partial W} = \sum_{t=1}^{T} \delta_t s_{t-1}")
    assert "outer product" in str(said)
    assert not re.search(r"\\odot|\\top", re.sub("<code>.*?</code>", "", said._repr_html_()))
