"""Readable forms of parsed equations and symbolic entries."""

import pytest

from rnnlib.proof import show, tex
from rnnlib.proof.points import symbolic_point
from rnnlib.proof.shapes import eye, kron, variable


def test_tree_names_operations_letters_and_time_subscripts():
    relation = tex.parse(r"\lambda_t = V^\top \varepsilon_t + W^\top \delta_{t+1}, \qquad t = 1, \dots, T").relations[0]
    lines = show.tree(relation).splitlines()
    assert [line.strip() for line in lines] == [
        "=", "lambda [t]", "+", "·", "ᵀ", "V", "varepsilon [t]", "·", "ᵀ", "W", "delta [t + 1]",
    ]  # fmt: skip
    assert [len(line) - len(line.lstrip()) for line in lines] == [0, 2, 2, 4, 6, 8, 6, 4, 6, 8, 6]


def test_tree_keeps_limits_calls_and_powers():
    text = r"D_t = \sum_{i=1}^{T} \operatorname{diag}(f'(a_i)) + \frac{\partial^{+} s_t}{\partial b} W^{2}, \qquad t = 1, \dots, T"
    shown = show.tree(tex.parse(text).relations[0])
    for line in ("sum i 1 T", "diag", "f'", "derivative immediate", "pow 2"):
        assert line in [row.strip() for row in shown.splitlines()]


def test_entry_of_the_adjoint_two_steps_from_the_end():
    entry = show.entry(symbolic_point(2).value(r"\lambda", (1,)), "i")
    assert entry == (
        r"\sum_{j=1}^{m} V_{ji} \varepsilon_{1,j} + \sum_{j=1}^{h} \sum_{k=1}^{m} V_{kj} W_{ji} \varepsilon_{2,k} f'(a_{2,j})"
    )


def test_entry_does_not_use_the_callers_letters_for_bound_indices():
    product = variable("W", "h", "h") @ variable("W", "h", "h")
    assert show.entry(product, "j", "k") == r"\sum_{l=1}^{h} W_{jl} W_{lk}"


def test_entry_with_signs_brackets_and_zero():
    v = variable("W", "h", "h")
    assert show.entry(v - v.T, "p", "q") in ("W_{pq} - W_{qp}", "-W_{qp} + W_{pq}", "- W_{qp} + W_{pq}")
    assert show.entry(eye("h"), "p", "q") in ("[p = q]", "[q = p]")
    assert show.entry(v - v, "p", "q") == "0"
    assert show.entry(3 * v, "p", "q") == "3 W_{pq}"


@pytest.mark.parametrize("names", [(), ("i",), ("i", "j", "k")])
def test_entry_wants_a_name_for_each_long_axis(names):
    with pytest.raises(ValueError, match="2 axes longer than 1"):
        show.entry(variable("W", "h", "h"), *names)


def test_entry_refuses_axes_of_products():
    with pytest.raises(ValueError, match="named by one letter"):
        show.entry(kron(variable("W", "h", "h"), variable("W", "h", "h")), "i", "j")
