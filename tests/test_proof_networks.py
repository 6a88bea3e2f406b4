r"""LSTM, GRU and bidirectional network: their equations hold at every kind of point, mistakes in them fail."""

import pytest

from rnnlib.proof.networks import NETWORKS
from rnnlib.proof.points import Ambiguous, array_point, symbolic_point
from rnnlib.proof.statement import check
from rnnlib.proof.tex import TexError

EACH = r", \qquad t = 1, \dots, T"
RIGHT = {
    "lstm": [
        r"\iota_t = \sigma(U_\iota x_t + W_\iota s_{t-1} + b_\iota)" + EACH,
        r"\tilde{C}_t = f(a_{\tilde{C},t})" + EACH,
        r"C_t = \phi_t \odot C_{t-1} + \iota_t \odot \tilde{C}_t" + EACH,
        r"s_t = \psi_t \odot f(C_t)" + EACH,
        r"\delta_{\phi,t} = \mu_t \odot C_{t-1} \odot \sigma'(a_{\phi,t})" + EACH,
        r"\delta_{\psi,t} = \lambda_t \odot f(C_t) \odot \sigma'(a_{\psi,t})" + EACH,
        r"\frac{\partial L}{\partial W_\phi} = \sum_{t=1}^{T} \delta_{\phi,t} s_{t-1}^\top",
        r"\frac{\partial L}{\partial C_0} = \phi_1 \odot \mu_1",
        r"\frac{\partial^{+} C_t}{\partial C_{t-1}} = \operatorname{diag}(\phi_t)" + EACH,
    ],
    "gru": [
        r"s_t = u_t \odot s_{t-1} + (\mathbf{1}_h - u_t) \odot \tilde{s}_t" + EACH,
        r"a_{\tilde{s},t} = U_{\tilde{s}} x_t + b_{\tilde{s}} + r_t \odot (W_{\tilde{s}} s_{t-1} + b_s)" + EACH,
        r"\delta_{u,t} = \sigma'(a_{u,t}) \odot (s_{t-1} - \tilde{s}_t) \odot \lambda_t" + EACH,
        r"\frac{\partial L}{\partial W_{\tilde{s}}} = \sum_{t=1}^{T} (r_t \odot \delta_{\tilde{s},t}) s_{t-1}^\top",
        r"\frac{\partial L}{\partial b_s} = \sum_{t=1}^{T} r_t \odot \delta_{\tilde{s},t}",
    ],
    "gru_before": [
        r"a_{\tilde{s},t} = U_{\tilde{s}} x_t + b_{\tilde{s}} + W_{\tilde{s}} (r_t \odot s_{t-1}) + b_s" + EACH,
        r"\delta_{r,t} = \sigma'(a_{r,t}) \odot s_{t-1} \odot W_{\tilde{s}}^\top \delta_{\tilde{s},t}" + EACH,
    ],
    "gru_replace": [r"s_t = (\mathbf{1}_h - u_t) \odot s_{t-1} + u_t \odot \tilde{s}_t" + EACH],
    "bidirectional": [
        r"s_{b,t} = f(U_b x_t + W_b s_{b,t+1} + b_b)" + EACH,
        r"z_t = V_f s_{f,t} + V_b s_{b,t} + c" + EACH,
        r"\delta_{b,t} = f'(a_{b,t}) \odot (V_b^\top \varepsilon_t + W_b^\top \delta_{b,t-1})" + EACH,
        r"\delta_{f,t} = f'(a_{f,t}) \odot (V_f^\top \varepsilon_t + W_f^\top \delta_{f,t+1})" + EACH,
        r"\frac{\partial L}{\partial W_b} = \sum_{t=1}^{T} \delta_{b,t} s_{b,t+1}^\top",
        r"\frac{\partial L}{\partial x_t} = U_f^\top \delta_{f,t} + U_b^\top \delta_{b,t}" + EACH,
        r"\frac{\partial L}{\partial s_{b,T+1}} = W_b^\top \delta_{b,T}",
    ],
}
WRONG = {
    "lstm": [
        r"C_t = \phi_t \odot C_{t-1} + \tilde{C}_t" + EACH,
        r"\frac{\mathrm{d} C_t}{\mathrm{d} C_{t-1}} = \operatorname{diag}(\phi_t)" + EACH,
        r"\delta_{\phi,t} = \mu_t \odot C_t \odot \sigma'(a_{\phi,t})" + EACH,
        r"\mu_t = \lambda_t \odot \psi_t \odot f'(C_t)" + EACH,
    ],
    "gru": [
        r"s_t = (\mathbf{1}_h - u_t) \odot s_{t-1} + u_t \odot \tilde{s}_t" + EACH,
        r"\frac{\partial L}{\partial W_{\tilde{s}}} = \sum_{t=1}^{T} \delta_{\tilde{s},t} s_{t-1}^\top",
        r"\delta_{r,t} = \sigma'(a_{r,t}) \odot s_{t-1} \odot W_{\tilde{s}}^\top \delta_{\tilde{s},t}" + EACH,
    ],
    "bidirectional": [
        r"s_{b,t} = f(U_b x_t + W_b s_{f,t-1} + b_b)" + EACH,
        r"\frac{\partial L}{\partial W_b} = \sum_{t=2}^{T} \delta_{b,t} s_{b,t-1}^\top",
        r"\delta_{b,t} = f'(a_{b,t}) \odot (V_b^\top \varepsilon_t + W_b^\top \delta_{b,t+1}), \qquad 1 \le t < T",
        r"\frac{\partial L}{\partial x_t} = U_f^\top \delta_{f,t}" + EACH,
    ],
}


@pytest.mark.parametrize(("network", "text"), [(k, text) for k, texts in RIGHT.items() for text in texts])
def test_equation_holds_at_every_kind_of_point(network, text):
    findings = check(text, network=network, T=(1, 2))
    assert [f.kind for f in findings] == ["symbolic", "exact", "float"]
    assert all(f.holds() for f in findings), findings


@pytest.mark.parametrize(("network", "text"), [(k, text) for k, texts in WRONG.items() for text in texts])
def test_mistake_fails_at_every_kind_of_point_and_by_a_lot(network, text):
    findings = check(text, network=network, T=(2,))
    assert not any(f.holds() for f in findings), findings
    assert findings[-1].error > 1e-2


def test_library_is_compared_for_every_parameter():
    for name, network in NETWORKS.items():
        for letter in network.parameters:
            assert network.functions[f"d{letter}"].startswith("rnnlib."), (name, letter)


@pytest.mark.parametrize("name", NETWORKS)
def test_gradients_of_steps_and_of_whole_sequences_cover_the_same_letters(name):
    symbolic = symbolic_point(2, False, name).library()
    numbers = array_point(2, (3, 5, 4), False, "tanh", "softmax_cross_entropy", None, 1, name).library()
    assert set(symbolic) == set(numbers)
    assert set(NETWORKS[name].parameters) <= set(symbolic)


def test_a_state_that_acts_through_the_other_makes_a_plain_partial_ambiguous():
    with pytest.raises(Ambiguous, match="two ways"):
        check(r"\frac{\partial C_t}{\partial C_{t-1}} = \operatorname{diag}(\phi_t)" + EACH, network="lstm")


def test_letters_of_another_network_are_refused():
    with pytest.raises(TexError, match="no meaning in the book's notation for the network rnn"):
        check(r"\psi_t = s_t" + EACH)


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("name", ["rnn", "lstm", "gru", "gru_before"])
def test_entries_moved_side_by_side_change_what_they_change_one_by_one(name, exact):
    point = array_point(3, (3, 5, 4), exact, "tanh", "softmax_cross_entropy", None, 1, name)
    for letter, t in (("x", 2), ("s", 0), ("s", 2), (NETWORKS[name].inner[0], 1)):
        count = len(point.value(letter, (t,)))
        alone = [point.run(letter, t, (k,)) for k in range(count)]
        losses = [[sum(run["L"].values())] for run in alone]
        assert point.error(point.derivative("total", ("L", ()), (letter, (t,))), losses) <= 1e-14
        states = [[run["s"][3][j, 0] for run in alone] for j in range(5)]
        assert point.error(point.derivative("total", ("s", (3,)), (letter, (t,))), states) <= 1e-14
