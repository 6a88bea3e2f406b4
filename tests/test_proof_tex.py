r"""The equation dialect: what it reads, and that it refuses everything else."""

import pytest

from rnnlib.proof.tex import Node, TexError, integer, parse, tokens


def relation(text):
    (found,) = parse(text).relations
    return found


def name(letter, *subscripts):
    return Node("name", (letter, *subscripts))


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a = b c", Node("mul", (name("b"), name("c")))),
        ("a = b c d", Node("mul", (Node("mul", (name("b"), name("c"))), name("d")))),
        ("a = b + c d", Node("add", (name("b"), Node("mul", (name("c"), name("d")))))),
        ("a = b - c", Node("add", (name("b"), Node("neg", (name("c"),))))),
        ("a = -b", Node("neg", (name("b"),))),
        (r"a = W^\top s_{t-1}", Node("mul", (Node("T", (name("W"),)), name("s", ("-", "t", 1))))),
        (r"a = b \odot V c", Node("odot", (name("b"), Node("mul", (name("V"), name("c")))))),
        (r"a = x_t^\top \otimes D_t", Node("kron", (Node("T", (name("x", "t"),)), name("D", "t")))),
        (r"a = \sum_{t=1}^{T} x_t + b", Node("add", (Node("sum", ("t", 1, "T", name("x", "t"))), name("b")))),
        (r"a = \prod_{j=i+1}^{t} J_j", Node("prod", ("j", ("+", "i", 1), "t", name("J", "j")))),
        (r"a = \overleftarrow{\prod}_{j=i+1}^{t} J_j", Node("down", ("j", ("+", "i", 1), "t", name("J", "j")))),
        (r"a = f'(a_t)", Node("call", ("f'", name("a", "t")))),
        (r"a = \operatorname{diag}(b)", Node("call", ("diag", name("b")))),
        (r"a = U_{ik}", name("U", "i", "k")),
        (r"a = s_{t,i}", name("s", "t", "i")),
        (r"a = [i = p]", Node("agree", ("i", "p"))),
        (r"a = \frac{b}{T}", Node("divide", (name("b"), name("T")))),
        (r"a = \left(b + c\right) d", Node("mul", (Node("add", (name("b"), name("c"))), name("d")))),
        (r"a = \frac{\partial L}{\partial W}", Node("derivative", ("partial", name("L"), name("W")))),
        (r"a = \frac{\partial^{+} s_t}{\partial W}", Node("derivative", ("immediate", name("s", "t"), name("W")))),
        (r"a = \frac{\partial^+ s_t}{\partial W}", Node("derivative", ("immediate", name("s", "t"), name("W")))),
        (r"a = \frac{\mathrm{d} s_t}{\mathrm{d} W}", Node("derivative", ("total", name("s", "t"), name("W")))),
        (r"a = W^{(t)}", Node("copy", (name("W"), "t"))),
        (r"a = w^{2}", Node("pow", (name("w"), 2))),
        (r"a = w^2", Node("pow", (name("w"), 2))),
    ],
)
def test_reads(text, tree):
    assert relation(text).right == tree


def test_sums_reach_over_products_and_elementwise_products_but_not_over_plus():
    assert relation(r"a = \sum_{t=1}^{T} b_t \odot c_t - d").right.op == "add"
    assert relation(r"a = \sum_{t=1}^{T} b_t \odot c_t").right.op == "sum"


def test_ranges_rising_falling_and_chained():
    assert [r.chain for r in parse(r"s_t = a_t, \qquad t = 1, \dots, T").ranges] == [(1, "t", "T")]
    assert [r.chain for r in parse(r"s_t = a_t, \qquad t = T, \dots, 1").ranges] == [(1, "t", "T")]
    assert [r.chain for r in parse(r"\Phi_{t,i} = a, \qquad 1 \le i \le t \le T").ranges] == [(1, "i", "t", "T")]
    assert [r.chain for r in parse(r"s_t = a, \qquad 1 \le t < T").ranges] == [(1, "t", ("+", "t", 1), "T")]


def test_clauses_and_aligned_rows():
    two = parse(r"\delta_t = a_t, \qquad \lambda_t = b, \qquad t = T, \dots, 1")
    assert len(two.relations) == 2
    rows = parse(r"\begin{aligned} a_t &= b && \text{why} \\ &= c && \text{since $b = c$} \end{aligned}")
    assert [(r.left, r.right) for r in rows.relations] == [(name("a", "t"), name("b")), (name("b"), name("c"))]
    assert len(rows.reasons) == 2


def test_sides_chain():
    first, second = parse("a = b = c").relations
    assert (first.left, first.right, second.right) == (name("a"), name("b"), name("c"))


@pytest.mark.parametrize(
    "text",
    [
        r"a = b ] junk", r"a = b \foo", r"a = \mathcal{L}", r"a = b \times c", r"a = (b + c", r"a = b)", r"a = ", r"= b",
        r"a", r"a + b", r"a = b + ", r"a = \sum_{t=1} b", r"a = \sum b_t", r"a = \frac{b}", r"a = b^{-1}", r"a = b^x",
        r"a = \frac{\partial L}{\mathrm{d} W}", r"a = \frac{\partial L}{W}", r"a = f'", r"a = b \% c", r"a = b & c",
        r"a = b \text{where} c", r"a = \begin{pmatrix} b \end{pmatrix}", r"\begin{aligned} a &= b && because \end{aligned}",
        r"a = s_{t^2}", r"a = b | c", r"a = \otimes b", r"a = b \odot", r"a = ü", r"a = 1.5", r"a := b", r"a = b \cdots c", "",
    ],
)  # fmt: skip
def test_refuses(text):
    with pytest.raises(TexError):
        parse(text)


def test_refusal_names_what_it_found():
    with pytest.raises(TexError, match=r"\\\\foo"):
        parse(r"a = b \foo c")
    with pytest.raises(TexError, match="cannot read"):
        parse(r"a = b ) c")
    with pytest.raises(TexError, match="has no range"):
        integer("t", {"T": 3})


def test_spacing_and_bracket_sizes_mean_nothing():
    assert tokens(r"a\, b\; c \left( \bigl( d") == ["a", "b", "c", "(", "(", "d"]
