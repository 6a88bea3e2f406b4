"""Every gradient of the whole model, for every activation and head, against ways that know nothing of it."""

import autograd
import autograd.numpy as anp
import numpy as np
import pytest
from generic_point import (
    NAMES,
    SIZES,
    Point,
    central_difference,
    complex_step,
    error,
    far_from_kinks,
    generic,
)

from rnnlib import model, readout, rnn
from rnnlib.activations import ACTIVATIONS
from rnnlib.losses import HEADS

EVERY_ACTIVATION = pytest.mark.parametrize("f", ACTIVATIONS)
EVERY_HEAD = pytest.mark.parametrize("head", HEADS)


@pytest.fixture
def point(rng):
    return generic(rng)


def test_the_point_is_generic(point):
    sizes = list(SIZES.values())
    assert len(set(sizes)) == len(sizes) and min(sizes) >= 2 and SIZES["T"] >= 3
    assert all(np.abs(array).min() > 0 for array in point)
    assert np.abs(point.W - point.W.T).max() > 0.1
    assert np.abs(point.Y.sum(axis=-1) - 1).min() > 0.1
    assert np.ptp(point.weights) > 0.5
    assert all(far_from_kinks(point, f) for f in ("relu", "hard_tanh"))


@EVERY_ACTIVATION
@EVERY_HEAD
def test_every_gradient_matches_complex_step(point, f, head):
    assert error(point.gradients(f, head), complex_step(point, lambda at: at.loss(f, head))) < 1e-13


@EVERY_ACTIVATION
@EVERY_HEAD
def test_every_gradient_matches_central_difference(point, f, head):
    assert error(point.gradients(f, head), central_difference(point, lambda at: at.loss(f, head))) < 1e-6


@EVERY_ACTIVATION
@EVERY_HEAD
def test_halving_the_step_divides_the_error_of_the_difference_by_4(point, f, head, rng):
    """In a random direction of all arguments; only with the true derivative is the error of order two."""
    g = point.gradients(f, head)
    direction = point._replace(**{name: rng.normal(size=getattr(point, name).shape) for name in NAMES})
    exact = sum(np.sum(g[name] * getattr(direction, name)) for name in NAMES)

    def loss(step):
        moved = {name: getattr(point, name) + step * getattr(direction, name) for name in NAMES}
        return point._replace(**moved).loss(f, head)

    errors = [(loss(step) - loss(-step)) / (2 * step) - exact for step in (2e-4, 1e-4)]
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.05)


@EVERY_ACTIVATION
@EVERY_HEAD
def test_every_gradient_matches_autograd_of_another_forward(point, f, head):
    gradient = autograd.grad(lambda arguments: columns(arguments, f, head))
    assert (
        error(point.gradients(f, head), dict(zip(NAMES, gradient(tuple(point))[: len(NAMES)], strict=True)))
        < 1e-12
    )


@EVERY_HEAD
def test_loss_matches_another_forward(point, head):
    assert point.loss("tanh", head) == pytest.approx(float(columns(tuple(point), "tanh", head)), rel=1e-14)


def columns(arguments, f, head):
    """The loss as the book writes it, with columns and textbook functions, one step after the other."""
    point = Point(*arguments)
    f = {
        "identity": lambda a: a,
        "tanh": lambda a: (anp.exp(a) - anp.exp(-a)) / (anp.exp(a) + anp.exp(-a)),
        "sigmoid": lambda a: 1 / (1 + anp.exp(-a)),
        "relu": lambda a: anp.maximum(a, 0),
        "softplus": lambda a: anp.log(1 + anp.exp(a)),
        "hard_tanh": lambda a: anp.minimum(anp.maximum(a, -1), 1),
    }[f]
    loss = {
        "softmax_cross_entropy": lambda z, y: -anp.sum(y * anp.log(anp.exp(z) / anp.sum(anp.exp(z)))),
        "sigmoid_cross_entropy": lambda z, y: anp.sum(
            y * anp.log(1 + anp.exp(-z)) + (1 - y) * anp.log(1 + anp.exp(z))
        ),
        "squared_error": lambda z, y: anp.sum((z - y) ** 2) / 2,
    }[head]
    total = 0
    T, B = point.X.shape[:2]
    for k in range(B):
        s = point.s_0[k][:, None]
        for t in range(T):
            s = f(anp.dot(point.U, point.X[t, k][:, None]) + anp.dot(point.W, s) + point.b[:, None])
            z = anp.dot(point.V, s) + point.c[:, None]
            total = total + point.weights[t, k] * loss(z, point.Y[t, k][:, None])
    return total


@EVERY_HEAD
def test_dual_numbers_flow_through_and_give_the_same_derivative(point, head, rng):
    """Objects with + - * /, an order and a few methods pass through: a derivative of their own."""
    direction = [rng.normal(size=array.shape) for array in point]
    dual = Point(*(np.frompyfunc(Dual, 2, 1)(a, d) for a, d in zip(point, direction, strict=True)))
    dual = dual._replace(Y=np.frompyfunc(Dual, 2, 1)(point.Y, 0 * point.Y))
    dual = dual._replace(weights=np.frompyfunc(Dual, 2, 1)(point.weights, 0 * point.weights))
    for f in ACTIVATIONS:
        g = point.gradients(f, head)
        want = sum(np.sum(g[name] * d) for name, d in zip(NAMES, direction, strict=False))
        L = dual.loss(f, head)
        assert L.value == pytest.approx(point.loss(f, head), rel=1e-13)
        assert L.slope == pytest.approx(want, rel=1e-12)
        back = dual.gradients(f, head)  # backward runs on them, too
        assert error({k: np.vectorize(lambda v: _dual(v).value)(v) for k, v in back.items()}, g) < 1e-12


class Dual:
    """value + slope·e with e² = 0: arithmetic that carries a derivative along."""

    def __init__(self, value, slope=0.0):
        self.value, self.slope = value, slope

    def __add__(self, other):
        other = _dual(other)
        return Dual(self.value + other.value, self.slope + other.slope)

    def __mul__(self, other):
        other = _dual(other)
        return Dual(self.value * other.value, self.slope * other.value + self.value * other.slope)

    __radd__, __rmul__ = __add__, __mul__

    def __neg__(self):
        return self * -1

    def __sub__(self, other):
        return self + _dual(other) * -1

    def __rsub__(self, other):
        return self * -1 + other

    def __truediv__(self, other):
        other = _dual(other)
        return self * Dual(1 / other.value, -other.slope / other.value**2)

    def __gt__(self, other):
        return self.value > _dual(other).value

    def __lt__(self, other):
        return self.value < _dual(other).value

    def __ge__(self, other):
        return not self < other

    def __le__(self, other):
        return not self > other

    def exp(self):
        return Dual(np.exp(self.value), np.exp(self.value) * self.slope)

    def log(self):
        return Dual(np.log(self.value), self.slope / self.value)

    def log1p(self):
        return Dual(np.log1p(self.value), self.slope / (1 + self.value))

    def tanh(self):
        return Dual(np.tanh(self.value), self.slope / np.cosh(self.value) ** 2)


def _dual(v):
    return v if isinstance(v, Dual) else Dual(v)


def test_one_sequence_is_a_batch_of_one(rng):
    point = generic(rng, B=1)
    alone = Point(*(a if name in "UWbVc" else a[:, 0] for name, a in point._asdict().items()))
    alone = alone._replace(s_0=point.s_0[0])
    batch, one = point.gradients(), alone.gradients()
    assert alone.loss() == pytest.approx(point.loss(), rel=1e-14)
    one |= {"X": one["X"][:, None], "s_0": one["s_0"][None]}
    assert error(one, batch) < 1e-14


def test_a_batch_is_its_sequences_one_by_one(point):
    batch = point.gradients()
    each = []
    for k in range(SIZES["B"]):
        alone = point._replace(
            X=point.X[:, k], Y=point.Y[:, k], weights=point.weights[:, k], s_0=point.s_0[k]
        )
        each.append(alone.gradients())
    together = {name: sum(g[name] for g in each) for name in "UWbVc"}
    together |= {"X": np.stack([g["X"] for g in each], 1), "s_0": np.stack([g["s_0"] for g in each])}
    assert error(together, batch) < 1e-14


@pytest.mark.parametrize("one", ["T", "B", "n", "h", "m"])
def test_every_size_may_be_1(rng, one):
    point = generic(rng, **{one: 1})
    assert (
        error(
            point.gradients(head="squared_error"),
            complex_step(point, lambda at: at.loss(head="squared_error")),
        )
        < 1e-13
    )


def test_s_0_is_zeros_unless_given(point):
    zeros = model.loss_and_gradients(point.p, point.q, point.X, point.Y, 0 * point.s_0)
    none = model.loss_and_gradients(point.p, point.q, point.X, point.Y)
    assert none.L == zeros.L and (none.dL_dp.W == zeros.dL_dp.W).all()


def test_s_0_may_be_shared_by_the_batch(point):
    shared = point._replace(s_0=np.stack([point.s_0[0]] * SIZES["B"]))
    one = model.loss_and_gradients(point.p, point.q, point.X, point.Y, point.s_0[0], weights=point.weights)
    assert one.L == shared.loss()
    assert (
        one.dL_ds_0.shape == point.s_0.shape
    )  # a row for every sequence; their sum belongs to the shared state


@EVERY_ACTIVATION
@EVERY_HEAD
def test_float32_stays_float32_and_is_near_float64(rng, f, head):
    point = generic(rng, T=20, B=4)
    small = point.of_dtype(np.float32)
    g = model.loss_and_gradients(
        small.p, small.q, small.X, small.Y, small.s_0, f=f, head=head, weights=small.weights
    )
    trace = rnn.forward(small.p, small.X, small.s_0, f)
    out = readout.forward(small.q, trace.S[1:], small.Y, head, small.weights)
    records = (*g[:1], *g.dL_dp, *g.dL_dq, *g[3:], trace.X, trace.A, trace.S, *out)
    assert {a.dtype for a in records} == {np.dtype(np.float32)}
    g64 = small.of_dtype(float).gradients(f, head)
    # an untamed net (identity, relu, softplus) amplifies rounding as it does anything else
    assert error(small.gradients(f, head), g64) < 2e-5


def test_precision_follows_the_parameters_not_the_data(point):
    small = point.of_dtype(np.float32)
    mixed = point._replace(**{name: getattr(small, name) for name in "UWbVc"})
    same = small.gradients()
    for name, gradient in mixed.gradients().items():
        assert gradient.dtype == np.float32
        np.testing.assert_array_equal(gradient, same[name])
    assert mixed.loss().dtype == np.float32


def test_integers_anywhere_are_numbers_not_a_precision(rng):
    point = Point(*(np.round(3 * a).astype(int) for a in generic(rng)))
    want = point.of_dtype(float).gradients()
    got = point.gradients()
    assert {g.dtype for g in got.values()} == {np.dtype(float)}
    assert all((got[name] == want[name]).all() for name in NAMES)
    mixed = point._replace(**{name: getattr(point, name).astype(np.float32) for name in "UWbVc"}).gradients()
    assert {g.dtype for g in mixed.values()} == {np.dtype(np.float32)}


def test_lists_are_taken_as_arrays(point):
    lists = Point(*(a.tolist() for a in point))
    want, got = point.gradients(), lists.gradients()
    assert all((got[name] == want[name]).all() for name in NAMES)


def test_memory_layout_does_not_matter(point):
    strided = Point(*(np.asfortranarray(a) for a in point))
    backwards = Point(*(np.flip(np.flip(a).copy()) for a in point))
    assert not strided.W.flags.c_contiguous and not backwards.X.flags.c_contiguous
    for other in (strided, backwards):
        assert error(other.gradients(), point.gradients()) < 1e-14


def test_nothing_the_caller_owns_is_changed_or_returned(point):
    before = Point(*(a.copy() for a in point))
    for a in point:
        a.flags.writeable = False
    for f in ACTIVATIONS:
        for head in HEADS:
            results = point.gradients(f, head)
            assert not any(np.shares_memory(r, a) for r in results.values() for a in point)
    assert all((a == b).all() for a, b in zip(point, before, strict=True))


def test_results_do_not_share_memory_with_each_other(point):
    results = list(point.gradients().values())
    assert not any(np.shares_memory(u, v) for i, u in enumerate(results) for v in results[:i])


def test_any_cell_with_the_same_functions_will_do(point):
    """``cell`` is a module; here one that runs the sequence with s_0 negated."""

    class Negated:
        backward = staticmethod(rnn.backward)

        @staticmethod
        def forward(p, X, s_0, f):
            return rnn.forward(p, X, -s_0, f)

    got = model.loss(point.p, point.q, point.X, point.Y, point.s_0, cell=Negated)
    assert got == model.loss(point.p, point.q, point.X, point.Y, -point.s_0)
    g = model.loss_and_gradients(point.p, point.q, point.X, point.Y, point.s_0, cell=Negated)
    assert g.L == got
