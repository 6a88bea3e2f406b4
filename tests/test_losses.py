"""Output heads: losses against their definitions with 50 digits, ε against the complex step, large z, dtypes."""

from fractions import Fraction

import mpmath
import numpy as np
import pytest

from rnnlib import losses
from rnnlib.losses import HEADS, Head, head, one_hot, softmax

EVERY = pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)


def definition(name, z, y):
    """The loss of one row as the textbook writes it, with 50 digits."""
    with mpmath.workdps(50):
        z, y = [mpmath.mpf(float(v)) for v in z], [mpmath.mpf(float(v)) for v in y]
        if name == "softmax_cross_entropy":
            total = sum(mpmath.exp(v) for v in z)
            return float(-sum(w * mpmath.log(mpmath.exp(v) / total) for v, w in zip(z, y, strict=True)))
        if name == "sigmoid_cross_entropy":
            o = [1 / (1 + mpmath.exp(-v)) for v in z]
            return float(
                -sum(w * mpmath.log(v) + (1 - w) * mpmath.log(1 - v) for v, w in zip(o, y, strict=True))
            )
        return float(sum((v - w) ** 2 for v, w in zip(z, y, strict=True)) / 2)


@pytest.fixture
def z_y(rng):
    """Outputs of 3 steps of 2 sequences, m = 4, and soft targets whose sums are not 1."""
    return 3 * rng.normal(size=(3, 2, 4)), rng.uniform(0.1, 1.5, size=(3, 2, 4))


@EVERY
def test_loss_matches_its_definition(head, z_y):
    z, y = z_y
    got = head.loss(z, y)
    assert got.shape == (3, 2)
    want = [definition(head.name, *row) for row in zip(z.reshape(-1, 4), y.reshape(-1, 4), strict=True)]
    np.testing.assert_allclose(got.ravel(), want, rtol=1e-14)


@EVERY
@pytest.mark.parametrize("scale", [30, 700, 1e5])
def test_loss_matches_its_definition_far_out(head, scale, rng):
    z, y = scale * rng.uniform(-1, 1, size=(5, 4)), rng.uniform(0.1, 0.9, size=(5, 4))
    if head.name == "sigmoid_cross_entropy":  # 1 - o is 0 even with 50 digits, so the textbook form is rewritten
        terms = np.vectorize(lambda v, w: mpmath.log1p(mpmath.exp(-abs(v))) + max(v, 0) - v * w)(z, y)
        want = [float(sum(row)) for row in terms]
    else:
        want = [definition(head.name, *row) for row in zip(z, y, strict=True)]
    np.testing.assert_allclose(head.loss(z, y), want, rtol=1e-14)


@EVERY
def test_epsilon_matches_complex_step_of_the_loss(head, z_y):
    z, y = z_y
    want = np.empty_like(z)
    for k in range(4):
        moved = z.astype(complex)
        moved[..., k] += 1e-30j
        want[..., k] = head.loss(moved, y).imag / 1e-30
    np.testing.assert_allclose(head.epsilon(head.g(z), y), want, rtol=1e-13, atol=1e-15)


@EVERY
def test_epsilon_sees_the_mistake_o_minus_y(head, z_y):
    """o - y is ε for two heads; for softmax it is wrong by a lot unless the targets sum to 1."""
    z, y = z_y
    o = head.g(z)
    wrong = np.abs(head.epsilon(o, y) - (o - y)).max()
    assert wrong > 0.1 if head.name == "softmax_cross_entropy" else wrong == 0
    y = y / y.sum(axis=-1, keepdims=True)
    np.testing.assert_allclose(head.epsilon(o, y), o - y, atol=2e-15)


@EVERY
def test_large_z_neither_overflows_nor_warns(head):
    z = np.array([[1e150, -1e150, 0.0], [-1e150, -1e150, -1e150], [800.0, -800.0, 1.0]])
    y = np.array([[0.3, 0.4, 0.9], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    for number in (float, complex):
        o = head.g(z.astype(number))
        assert np.isfinite(o).all() and np.isfinite(head.epsilon(o, y)).all()
        assert np.isfinite(head.loss(z.astype(number), y)).all()


def test_softmax_sums_to_1_and_does_not_see_a_shift(rng):
    z = rng.normal(size=(5, 4))
    np.testing.assert_allclose(softmax(z).sum(axis=-1), 1, rtol=1e-15)
    np.testing.assert_allclose(softmax(z + 1000), softmax(z), rtol=1e-12)
    assert softmax([0, 0]).tolist() == [0.5, 0.5]


def test_a_sure_and_right_softmax_has_a_small_exact_loss():
    """log(1 + exp(-30)) at a z of 1e6: the shift must come off before the logarithm goes on."""
    loss = losses.softmax_cross_entropy.loss(np.array([1e6, 1e6 - 30]), np.array([0.0, 1.0]))
    assert loss == pytest.approx(30, rel=1e-15)
    loss = losses.sigmoid_cross_entropy.loss(np.array([-36.0]), np.array([0.0]))
    assert loss == pytest.approx(np.exp(-36), rel=1e-14)


@EVERY
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.complex128])
def test_dtype_stays_what_it_is(head, dtype, z_y):
    z, y = (a.astype(dtype) for a in z_y)
    o = head.g(z)
    assert {o.dtype, head.loss(z, y).dtype, head.epsilon(o, y).dtype} == {np.dtype(dtype)}


@EVERY
def test_arguments_are_neither_changed_nor_returned(head, z_y):
    z, y = z_y
    before = z.copy(), y.copy()
    o = head.g(z)
    results = o, head.loss(z, y), head.epsilon(o, y)
    assert (z == before[0]).all() and (y == before[1]).all()
    assert not any(np.shares_memory(result, given) for result in results for given in (z, y))


def test_squared_error_of_fractions_is_a_fraction():
    z, y = (np.array([Fraction(k, 3) for k in row], dtype=object) for row in ((1, 2), (4, -1)))
    assert losses.squared_error.loss(z, y) == Fraction(1)
    assert list(losses.squared_error.epsilon(losses.squared_error.g(z), y)) == [-1, 1]


def test_head_returns_a_record_as_it_is():
    mine = Head("mine", lambda z: z, lambda z, y: z.sum(axis=-1), lambda o, y: 0 * o + 1)
    assert head(mine) is mine
    assert all(head(name) is g and g.name == name for name, g in HEADS.items())


@pytest.mark.parametrize("wrong", ["softmax", None, softmax, 0])
def test_unknown_name_lists_the_known_ones(wrong):
    with pytest.raises(
        ValueError, match=r"unknown output head .*known are: sigmoid_cross_entropy, softmax_cross_e"
    ):
        head(wrong)


def test_one_hot_matches_a_loop():
    labels = np.array([[2, 0], [1, 1], [0, 2]])
    got = one_hot(labels, 3, np.float32)
    assert got.shape == (3, 2, 3) and got.dtype == np.float32
    for index in np.ndindex(3, 2, 3):
        assert got[index] == (labels[index[:2]] == index[2])


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 3], r"labels has the entry 3; it must hold integers from 0 to m - 1 = 2"),
        ([-1, 0], r"labels has the entry -1; it must hold integers from 0 to"),
        ([0.0, 1.0], r"labels has dtype float64; it must hold integers"),
        ([True, False], r"labels has dtype bool; it must hold integers"),
        (["a"], r"labels has dtype <U1; it must hold numbers"),
        (None, r"labels is None"),
        ([[0], [1, 2]], r"labels cannot be read as an array"),
    ],
)
def test_one_hot_refuses(labels, message):
    with pytest.raises(ValueError, match=message):
        one_hot(labels, 3)


@pytest.mark.parametrize("of_sum_1", [slice(None), slice(2, 4), slice(0)], ids=["all", "some", "none"])
def test_error_of_softmax_in_one_pass_whichever_targets_sum_to_1(rng, of_sum_1):
    """o - y is enough only where every row of targets sums to 1."""
    Z, Y = rng.normal(size=(6, 4)), rng.uniform(0.1, 1, size=(6, 4))
    Y[of_sum_1] = losses.one_hot(rng.integers(4, size=6), 4)[of_sum_1]
    O, loss, epsilon = np.empty_like(Z), np.empty(6), np.empty_like(Z)
    losses.evaluate(losses.softmax_cross_entropy, Z, Y, O, loss, epsilon, np.ones(4))
    o = np.exp(Z) / np.exp(Z).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(O, o, rtol=1e-14)
    np.testing.assert_allclose(epsilon, o * Y.sum(axis=1, keepdims=True) - Y, rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(loss, -(Y * np.log(o)).sum(axis=1), rtol=1e-13)


@pytest.mark.parametrize("total", [0, 1, 2])
def test_error_of_softmax_where_all_targets_have_one_sum(rng, total):
    """o - y is right for a sum of 1 alone: of targets that are all 0 the error is 0."""
    Z, Y = rng.normal(size=(6, 4)), total * losses.one_hot(rng.integers(4, size=6), 4)
    O, loss, epsilon = np.empty_like(Z), np.empty(6), np.empty_like(Z)
    losses.evaluate(losses.softmax_cross_entropy, Z, Y, O, loss, epsilon, np.ones(4))
    np.testing.assert_allclose(epsilon, total * softmax(Z) - Y, rtol=1e-13, atol=1e-15)
