"""The symbolic-shape engine against einsum on random numbers, and the two lemmas about the code that it proves."""

import itertools
import random
from fractions import Fraction

import numpy as np
import pytest

from rnnlib import other_ways, readout, rnn
from rnnlib.activations import Activation, tanh
from rnnlib.proof import shapes
from rnnlib.proof.shapes import DELTA, Array, Index, Poly, ShapeError, Tape, atom, diag, eye, fresh, kron, same, variable, vec

SIZES = {"B": 2, "n": 3, "h": 4, "m": 5}


def numeric_value(array, numbers):
    """The normal form of a symbolic array, summed out by einsum."""
    places = tuple(fresh(axis) for axis in array.axes)
    flat = [k for place in places for k in place]
    total = np.zeros([SIZES[k.range] for k in flat])
    for (factors, ranges), c in array.at(*places).normal().items():
        bound = [Index(-k, r) for k, r in enumerate(ranges, 1)]
        number = {k: p for p, k in enumerate([*flat, *bound])}
        operands = []
        for name, ix in factors:
            operands += [np.eye(SIZES[ix[0].range]) if name == DELTA else numbers[name], [number[k] for k in ix]]
        for k in number:  # a factor of ones for every index, so that all of them occur
            operands += [np.ones(SIZES[k.range]), [number[k]]]
        total += float(c) * np.einsum(*operands, [number[k] for k in flat])
    return total


def unrolled(T, row="B"):
    """The network unrolled over T steps on symbols, with the tape that knows its derivatives."""
    tape = Tape()
    f = Activation("opaque", lambda a: tape.elementwise(f"s{len(tape.known) + 1}", a)[0], lambda a, s: tape.lookup(a)[1], "f(a)", 1.0)
    p = rnn.Params(variable("U", "h", "n"), variable("W", "h", "h"), variable("b", "h"))
    X = [variable(f"x{t}", row, "n") for t in range(1, T + 1)]
    return tape, f, p, other_ways.unroll(rnn, p, X, variable("s0", row, "h"), f)


@pytest.mark.parametrize("T", [1, 2, 3])
def test_engine_matches_einsum_on_the_whole_backward_pass(rng, T):
    def draw(*axes):
        return rng.normal(size=[SIZES[a] for a in axes])

    numbers = {"U": draw("h", "n"), "W": draw("h", "h"), "b": draw("h"), "s0": draw("B", "h")}
    numbers |= {f"x{t}": draw("B", "n") for t in range(1, T + 1)} | {f"e{t}": draw("B", "h") for t in range(1, T + 1)}
    p = rnn.Params(numbers["U"], numbers["W"], numbers["b"])
    steps = other_ways.unroll(rnn, p, [numbers[f"x{t}"] for t in range(1, T + 1)], numbers["s0"], tanh)
    for t, step in enumerate(steps, 1):
        numbers[f"s{t}"], numbers[f"s{t}'"] = step.s, 1 - step.s**2
    wanted = other_ways.back_through(rnn, p, steps, [numbers[f"e{t}"] for t in range(1, T + 1)], tanh)

    _, f, symbols, symbolic = unrolled(T)
    got = other_ways.back_through(rnn, symbols, symbolic, [variable(f"e{t}", "B", "h") for t in range(1, T + 1)], f)
    for one, other in zip((*got[0], *got[1], *got[2], got[3]), (*wanted[0], *wanted[1], *wanted[2], wanted[3])):
        np.testing.assert_allclose(numeric_value(one, numbers), other, rtol=0, atol=1e-12 * (1 + np.abs(other).max()))


A, B, C = (variable(k, "h", "h") for k in "ABC")
U, V, v = variable("U", "h", "n"), variable("V", "m", "h"), variable("v", "h", "")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (A @ (B + C), A @ B + A @ C),
        ((A @ B).T, B.T @ A.T),
        (A * B, B * A),
        (A @ B @ C @ A, A @ (B @ (C @ A))),
        (diag(v) @ A @ v, v * (A @ v)),
        (diag(v) @ diag(v), diag(v * v)),
        (eye("h") @ A, A),
        (vec(A @ U @ U.T), kron(U @ U.T, A) @ vec(eye("h"))),
        (vec(V @ A @ U), kron(U.T, V) @ vec(A)),
        (kron(A, B) @ kron(C, A), kron(A @ C, B @ A)),
        ((A + A) / 2, A),
    ],
)
def test_identities_hold(one, other):
    assert same(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (A @ B, B @ A), (A, A.T), (A * B, A @ B), (diag(v) @ A, A @ diag(v)), (kron(A, B), kron(B, A)),
        (vec(A), vec(A.T)), (A + A, A), (A, A * 0),
    ],
)
def test_non_identities_fail(one, other):
    assert not same(one, other)


@pytest.mark.parametrize("wrong", [lambda: U @ A, lambda: A + U, lambda: V * A, lambda: diag(A), lambda: same(A, U), lambda: A @ V])
def test_shapes_that_do_not_fit_are_errors(wrong):
    with pytest.raises(ShapeError):
        wrong()


def test_shape_error_names_both_shapes():
    with pytest.raises(ShapeError, match=r"cannot multiply \(h, n\) by \(h, h\)"):
        U @ A


def test_normal_form_does_not_depend_on_names_and_order():
    shuffle = random.Random(1)
    (i,), (j,) = fresh(("h",)), fresh(("h",))
    for length in range(1, 6):
        seen = set()
        for _ in range(12):
            chain = [i, *(fresh(("h",))[0] for _ in range(length)), j]
            factors = [("W", (p, q)) for p, q in itertools.pairwise(chain)]
            shuffle.shuffle(factors)
            bound = chain[1:-1]
            shuffle.shuffle(bound)
            seen.add(tuple(Poly([(1, tuple(bound), tuple(factors))]).normal()))
        assert len(seen) == 1


def test_symmetric_terms_are_told_apart_where_they_differ():
    (a, b, c) = (fresh(("h",))[0] for _ in range(3))
    path = Poly([(1, (a, b, c), (("W", (a, b)), ("W", (b, c))))])
    fork = Poly([(1, (a, b, c), (("W", (b, a)), ("W", (b, c))))])
    assert not (path - fork).is_zero()
    assert (path - path.substitute({})).is_zero()


def test_delta_contracts_and_a_free_sum_counts_the_size():
    (i, j), (k,) = (fresh(("h",))[0] for _ in range(2)), fresh(("h",))
    assert (Poly([(1, (k,), ((DELTA, (i, k)), ("v", (k,))))]) - atom("v", i)).is_zero()
    assert (Poly([(1, (k,), ((DELTA, (i, k)), (DELTA, (k, j))))]) - Poly([(1, (), ((DELTA, (j, i)),))])).is_zero()
    assert not (Poly([(1, (k,), ())]) - Poly([(1, (), ())])).is_zero()


def test_coefficients_are_exact_fractions():
    assert same(A / 3 + A / 3 + A / 3, A)
    assert Array(((), ()), lambda *_: Poly([(Fraction(1, 3), (), ())])).at((), ()).normal()


# -- the code's lemmas: with both, every T follows by induction ----------------------------------------------------------


def derivative(tape, entry, letter, axes):
    axes = tuple((a,) if a else () for a in axes)
    return Array(axes, lambda *ix: tape.derivative(entry, letter, tuple(k for i in ix for k in i)))


def contracted(adjoint, s):
    """Σ_b Σ_i λ[b, i] s[b, i] as an entry."""
    b, i = fresh(("B",)), fresh(("h",))
    return (adjoint.at(b, i) * s.at(b, i)).summed(b).summed(i)


def test_step_lemma_step_back_is_the_derivative_of_step_for_any_incoming_adjoint():
    tape, f, p, (step,) = unrolled(1)
    adjoint = variable("adjoint", "B", "h")
    delta, terms, dL_dx, dL_ds_prev = rnn.step_back(p, *step, adjoint, f)
    L = contracted(adjoint, step.s)
    assert same(terms.U, derivative(tape, L, "U", "hn"))
    assert same(terms.W, derivative(tape, L, "W", "hh"))
    assert same(terms.b, derivative(tape, L, "b", "h"))
    assert same(dL_dx, derivative(tape, L, "x1", "Bn"))
    assert same(dL_ds_prev, derivative(tape, L, "s0", "Bh"))
    assert delta.axes == (("B",), ("h",))


def test_readout_step_back_is_the_derivative_of_step_for_any_error():
    q, s, error = readout.Params(variable("V", "m", "h"), variable("c", "m")), variable("s", "B", "h"), variable("e", "B", "m")
    terms, dL_ds = readout.step_back(q, s, error)
    z, b, k = readout.step(q, s), fresh(("B",)), fresh(("m",))
    L = (error.at(b, k) * z.at(b, k)).summed(b).summed(k)
    tape = Tape()
    assert same(terms.V, derivative(tape, L, "V", "mh"))
    assert same(terms.c, derivative(tape, L, "c", "m"))
    assert same(dL_ds, derivative(tape, L, "s", "Bh"))


@pytest.mark.parametrize(("first", "second"), [(1, 1), (2, 1), (1, 2), (2, 2)])
def test_chunk_lemma_back_over_two_parts_with_the_adjoint_carried_is_back_over_the_whole(first, second):
    T = first + second
    _, f, p, steps = unrolled(T)
    direct = [variable(f"e{t}", "B", "h") for t in range(1, T + 1)]
    later = variable("later", "B", "h")
    whole = other_ways.back_through(rnn, p, steps, direct, f, later)
    tail = other_ways.back_through(rnn, p, steps[first:], direct[first:], f, later)
    head = other_ways.back_through(rnn, p, steps[:first], direct[:first], f, tail[3])
    for one, two, all_ in zip(head[1], tail[1], whole[1]):
        assert same(one + two, all_)
    assert all(same(a, b) for a, b in zip(head[0] + tail[0], whole[0]))
    assert all(same(a, b) for a, b in zip(head[2] + tail[2], whole[2]))
    assert same(head[3], whole[3])


@pytest.mark.parametrize("T", [1, 2, 3, 4])
def test_back_through_is_the_total_derivative_with_every_size_a_letter(T):
    tape, f, p, steps = unrolled(T)
    direct = [variable(f"e{t}", "B", "h") for t in range(1, T + 1)]
    L = sum((contracted(e, step.s) for e, step in zip(direct, steps)), Poly(()))
    _, terms, dL_dX, dL_ds_0 = other_ways.back_through(rnn, p, steps, direct, f)
    for name, axes in {"U": "hn", "W": "hh", "b": "h"}.items():
        assert same(getattr(terms, name), derivative(tape, L, name, axes))
    for t, dL_dx in enumerate(dL_dX, 1):
        assert same(dL_dx, derivative(tape, L, f"x{t}", "Bn"))
    assert same(dL_ds_0, derivative(tape, L, "s0", "Bh"))


def test_lookup_at_a_strange_argument_is_an_error():
    tape = Tape()
    tape.elementwise("s1", variable("a", "h", ""))
    with pytest.raises(shapes.Undefined, match="none of the network's pre-activations"):
        tape.lookup(variable("z", "h", ""))
