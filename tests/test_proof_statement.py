r"""Equations executed: right ones hold everywhere, each of the typical mistakes is refused, and what cannot be read says so."""

import inspect

import pytest

from rnnlib import rnn
from rnnlib.proof import points, statement
from rnnlib.proof.points import Ambiguous
from rnnlib.proof.shapes import ShapeError
from rnnlib.proof.statement import check
from rnnlib.proof.tex import TexError

SUM = r"\frac{\partial L}{\partial W} = "
PATHS = SUM + r"\sum_{t=1}^{T} \sum_{i=1}^{t} D_i \left(\prod_{j=i+1}^{t} W^\top D_j\right) V^\top \varepsilon_t s_{i-1}^\top"
T_RANGE = r", \qquad t = 1, \dots, T"

RIGHT = [
    r"a_t = U x_t + W s_{t-1} + b" + T_RANGE,
    r"s_t = f(U x_t + W s_{t-1} + b)" + T_RANGE,
    r"z_t = V s_t + c" + T_RANGE,
    r"a_{t,i} = \sum_{k=1}^{n} U_{ik} x_{t,k} + \sum_{j=1}^{h} W_{ij} s_{t-1,j} + b_i" + T_RANGE,
    r"\delta_t = f'(a_t) \odot \lambda_t, \qquad \lambda_t = V^\top \varepsilon_t + W^\top \delta_{t+1}, \qquad t = T, \dots, 1",
    r"\Phi_{t,i} = \overleftarrow{\prod}_{j=i+1}^{t} J_j, \qquad 1 \le i \le t \le T",
    r"\Phi_{t,t} = I" + T_RANGE,
    r"J_t = D_t W" + T_RANGE,
    r"\frac{\partial^{+} s_t}{\partial \operatorname{vec}(U)^\top} = x_t^\top \otimes D_t" + T_RANGE,
    r"\frac{\partial^{+} s_{t,i}}{\partial W_{pq}} = f'(a_{t,i}) [i = p] s_{t-1,q}" + T_RANGE,
    r"\frac{\partial s_t}{\partial x_t} = D_t U" + T_RANGE,
    r"M_t = J_t M_{t-1} + s_{t-1}^\top \otimes D_t" + T_RANGE,
    r"\lambda_t^\top (s_{t-1}^\top \otimes D_t) = \operatorname{vec}(D_t \lambda_t s_{t-1}^\top)^\top" + T_RANGE,
    r"\frac{\partial L_t}{\partial W} = "
    r"\sum_{i=1}^{t} D_i \left(\prod_{j=i+1}^{t} W^\top D_j\right) V^\top \varepsilon_t s_{i-1}^\top" + T_RANGE,
    SUM + r"\sum_{t=1}^{T} \delta_t s_{t-1}^\top",
    PATHS,
    r"\frac{\partial L}{\partial U} = \sum_{t=1}^{T} \delta_t x_t^\top",
    r"\frac{\partial L}{\partial V} = \sum_{t=1}^{T} \varepsilon_t s_t^\top",
    r"\frac{\partial L}{\partial b} = \sum_{t=1}^{T} \delta_t",
    r"\frac{\partial L}{\partial c} = \sum_{t=1}^{T} \varepsilon_t",
    r"\frac{\partial L}{\partial x_t} = U^\top \delta_t" + T_RANGE,
    r"\frac{\partial L}{\partial s_0} = W^\top \delta_1",
]

WRONG = {
    "s_t for s_{t-1}": (SUM + r"\sum_{t=1}^{T} \delta_t s_t^\top", 1),
    "transposed": (SUM + r"\sum_{t=1}^{T} s_{t-1} \delta_t^\top", 1),
    "first step dropped": (SUM + r"\sum_{t=2}^{T} \delta_t s_{t-1}^\top", 1),
    "last step dropped": (SUM + r"\sum_{t=1}^{T-1} \delta_t s_{t-1}^\top", 1),
    "last step only": (SUM + r"\delta_T s_{T-1}^\top", 2),
    "only the loss of the same step": (SUM + r"\sum_{t=1}^{T} D_t V^\top \varepsilon_t s_{t-1}^\top", 2),
    "f' missing": (SUM + r"\sum_{t=1}^{T} \lambda_t s_{t-1}^\top", 1),
    "product in the wrong order": (PATHS.replace(r"\prod_", r"\overleftarrow{\prod}_"), 3),
    "product one factor short": (PATHS.replace("j=i+1", "j=i+2"), 2),
    "product one factor long": (PATHS.replace("j=i+1", "j=i"), 1),
    "paths from i = 2": (PATHS.replace(r"\sum_{i=1}", r"\sum_{i=2}"), 1),
    "path truncated to one step": (PATHS.replace(r"\sum_{i=1}^{t}", r"\sum_{i=t}^{t}"), 2),
    "W for its transpose on the way": (PATHS.replace(r"W^\top D_j", "W D_j"), 2),
    "the cell's W and V exchanged": (PATHS.replace(r"V^\top", r"W^\top"), 1),
    "x_{t-1} for x_t": (r"\frac{\partial L}{\partial U} = \sum_{t=2}^{T} \delta_t x_{t-1}^\top", 1),
    "s_{t-1} for s_t in V": (r"\frac{\partial L}{\partial V} = \sum_{t=1}^{T} \varepsilon_t s_{t-1}^\top", 1),
    "V from the last step only": (r"\frac{\partial L}{\partial V} = \varepsilon_T s_T^\top", 2),
    "bias from the last step only": (r"\frac{\partial L}{\partial b} = \delta_T", 2),
    "s_0 without W": (r"\frac{\partial L}{\partial s_0} = \delta_1", 1),
    "x with W": (r"\frac{\partial L}{\partial x_t} = W^\top \delta_t" + T_RANGE, 1),
    "adjoint not transposed": (r"\delta_t = f'(a_t) \odot (V^\top \varepsilon_t + W \delta_{t+1})" + T_RANGE, 2),
    "recurrent term forgotten": (r"\delta_t = f'(a_t) \odot V^\top \varepsilon_t" + T_RANGE, 2),
    "adjoint of the same step": (r"\delta_t = f'(a_t) \odot (V^\top \varepsilon_t + W^\top \delta_t)" + T_RANGE, 1),
    "adjoint added twice": (r"\lambda_t = V^\top \varepsilon_t + W^\top \delta_{t+1} + W^\top \delta_{t+1}" + T_RANGE, 2),
    "bias forgotten": (r"a_t = U x_t + W s_{t-1}" + T_RANGE, 1),
    "state of the same step": (r"a_t = U x_t + W s_t + b" + T_RANGE, 1),
    "ascending product": (r"\Phi_{t,i} = \prod_{j=i+1}^{t} J_j, \qquad 1 \le i \le t \le T", 3),
    "the seed's literal recursion": (
        r"\frac{\mathrm{d} s_t}{\mathrm{d} \operatorname{vec}(U)^\top} = \frac{\mathrm{d} s_t}{\mathrm{d} \operatorname{vec}(U)^\top}"
        r" + J_t \frac{\mathrm{d} s_{t-1}}{\mathrm{d} \operatorname{vec}(U)^\top}" + T_RANGE, 2),
    "Kronecker factors exchanged": (
        r"\frac{\partial^{+} s_t}{\partial \operatorname{vec}(W)^\top} = D_t \otimes s_{t-1}^\top" + T_RANGE, 1),
}  # fmt: skip


@pytest.mark.parametrize("text", RIGHT)
def test_right_equations_hold_at_every_kind_of_point(text):
    findings = check(text)
    assert [f.kind for f in findings] == ["symbolic", "exact", "float"]
    assert all(f.holds() for f in findings), findings


@pytest.mark.parametrize("mistake", WRONG)
def test_typical_mistakes_fail_at_every_kind_of_point_and_by_a_lot(mistake):
    text, first_T = WRONG[mistake]
    symbolic, exact, floating = check(text)
    assert not symbolic.holds() and not exact.holds()
    assert floating.error > 1e-2
    for T in (1, 2, 3):
        assert check(text, T=(T,))[0].holds() == (T < first_T), f"first noticed at T = {first_T}"


@pytest.mark.parametrize(
    ("text", "head"),
    [
        (r"\frac{\partial o_t}{\partial z_t} = \operatorname{diag}(o_t) - o_t o_t^\top" + T_RANGE, "softmax_cross_entropy"),
        (r"\varepsilon_t = \omega_t (o_t \mathbf{1}_m^\top y_t - y_t)" + T_RANGE, "softmax_cross_entropy"),
        (r"o_{t,k} = \frac{\exp(z_{t,k})}{\sum_{j=1}^{m} \exp(z_{t,j})}" + T_RANGE, "softmax_cross_entropy"),
        (r"\varepsilon_t = \omega_t (o_t - y_t)" + T_RANGE, "squared_error"),
        (r"L_t = \frac{1}{2} \omega_t (z_t - y_t)^\top (z_t - y_t)" + T_RANGE, "squared_error"),
    ],
)
def test_output_heads_exactly_and_in_numbers(text, head):
    findings = check(text, head=head)
    assert [f.kind for f in findings] == ["exact", "float"]
    assert all(f.holds() for f in findings), findings


def test_softmax_error_without_the_sum_of_the_targets_fails():
    findings = check(r"\varepsilon_t = \omega_t (o_t - y_t)" + T_RANGE, head="softmax_cross_entropy")
    assert not any(f.holds() for f in findings)
    assert findings[-1].error > 0.1


def test_a_statement_about_one_head_does_not_hold_for_every_loss():
    findings = check(r"\frac{\partial o_t}{\partial z_t} = \operatorname{diag}(o_t) - o_t o_t^\top" + T_RANGE)
    assert not findings[0].holds() and findings[0].kind == "symbolic"


def test_chain_through_an_unknown_output_function_holds_for_every_one():
    text = r"\frac{\partial L_t}{\partial z_t} = \left(\frac{\partial o_t}{\partial z_t}\right)^\top \frac{\partial L_t}{\partial o_t}"
    (finding,) = check(text + T_RANGE)
    assert finding.kind == "symbolic" and finding.holds()
    (finding,) = check(text.replace(r"\left(\frac{\partial o_t}{\partial z_t}\right)^\top", r"\frac{\partial o_t}{\partial z_t}") + T_RANGE)
    assert not finding.holds()


def test_activation_specific_statements():
    text = r"\frac{\partial s_t}{\partial a_t} = I - \operatorname{diag}(s_t \odot s_t)" + T_RANGE
    assert check(text, f="tanh")[0].holds()
    assert not check(text, f="sigmoid")[0].holds()


SCALAR = {"sizes": (1, 1, 1), "aliases": {"u": "U", "w": "W", "v": "V"}}


def test_scalar_case():
    assert all(f.holds() for f in check(r"\frac{\mathrm{d} s_2}{\mathrm{d} w} = f'(a_2) s_1 + f'(a_2) w f'(a_1) s_0", **SCALAR))
    assert not any(f.holds() for f in check(r"\frac{\mathrm{d} s_2}{\mathrm{d} w} = f'(a_2) s_1 + w f'(a_1) s_0", **SCALAR))


def test_scalar_case_cannot_tell_the_order_of_a_product():
    assert all(f.holds() for f in check(PATHS.replace(r"\prod_", r"\overleftarrow{\prod}_"), sizes=(1, 1, 1)))


def test_copies_of_a_parameter_add_up():
    assert all(f.holds() for f in check(SUM + r"\sum_{t=1}^{T} \frac{\partial L}{\partial W^{(t)}}"))
    assert not any(f.holds() for f in check(SUM + r"\sum_{t=2}^{T} \frac{\partial L}{\partial W^{(t)}}"))


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        (r"\frac{\partial s_t}{\partial W} = 0" + T_RANGE, Ambiguous, r"write \\partial\^\{\+\}"),
        (r"\frac{\partial^{+} L}{\partial W} = 0", Ambiguous, "immediate derivative is defined for"),
        (r"s_t = a_t", TexError, "has no range"),
        (r"q_t = a_t" + T_RANGE, TexError, "letter q has no meaning"),
        (r"s_{t,i} = x_{t,i}" + T_RANGE, TexError, "runs over h in one place and n in another"),
        (r"s_{t,t} = s_{t,t}" + T_RANGE, TexError, "is a time in one place and a component in another"),
        (r"U_i = U_i", TexError, "subscripts"),
        (r"s_t = a_t, \qquad 5 \le t \le 4", TexError, "no index satisfies"),
        (r"a_{t,i} = \sum_{k=2}^{n} U_{ik} x_{t,k}" + T_RANGE, TexError, "runs from 1 to n"),
    ],
)
def test_what_cannot_be_read_says_why(text, error, says):
    with pytest.raises(error, match=says):
        check(text)


def test_third_order_derivative_is_refused():
    findings = check(r"\frac{\mathrm{d} s_t}{\mathrm{d} W} = 0" + T_RANGE)
    assert all("third order" in f.note for f in findings)


def test_shapes_that_do_not_fit_are_reported_with_their_letters():
    assert "(h, n) by (h, 1)" in check(r"a_t = U s_t" + T_RANGE)[0].note


# -- mistakes in the code: rnnlib's own gradients are compared as well ----------------------------------------------------

CODE_MISTAKES = {
    "W transposed on the way back": ("delta @ p.W", "delta @ p.W.T"),
    "f' missing": ("dL_ds * f.df(a, s)", "dL_ds"),
    "s_t for s_{t-1}": ("delta.T @ s_prev", "delta.T @ s"),
    "dW transposed": ("W=delta.T @ s_prev", "W=s_prev.T @ delta"),
    "dW of the adjoint": ("W=delta.T @ s_prev", "W=dL_ds.T @ s_prev"),
    "adjoint passed on without f'": ("delta @ p.U, delta @ p.W", "delta @ p.U, dL_ds @ p.W"),
    "adjoint dropped": ("delta @ p.U, delta @ p.W", "delta @ p.U, 0 * s_prev"),
    "bias doubled": ("delta.sum(axis=0)", "2 * delta.sum(axis=0)"),
}


@pytest.mark.parametrize("mistake", CODE_MISTAKES)
def test_a_mistake_in_step_back_is_noticed_with_symbolic_sizes(mistake, monkeypatch):
    source = inspect.getsource(rnn.step_back)
    old, new = CODE_MISTAKES[mistake]
    assert source.count(old) == 1
    namespace = dict(vars(rnn))
    exec(source.replace(old, new), namespace)
    monkeypatch.setattr(rnn, "step_back", namespace["step_back"])
    monkeypatch.setattr(points, "symbolic_point", lambda T, output, network: points.SymbolicPoint(T, output))
    failing = [text for text in RIGHT if r"\partial L}{" in text or r"\delta_t =" in text]
    noticed = [text for text in failing if not check(text, T=(3,))[0].holds()]
    assert noticed, "no labelled gradient equation notices this mistake in rnnlib"


def test_library_functions_are_found_by_the_left_side():
    (relation,) = statement.tex.parse(RIGHT[-1]).relations
    assert statement.library_of(relation.left, points.RNN) == "rnnlib.rnn.backward"


def test_transposing_a_number_of_the_wrong_shape_is_a_shape_error():
    with pytest.raises(ShapeError):
        points.SymbolicPoint(1).call("diag", points.SymbolicPoint(1).parameter("W"))
