"""rnnlib.data.synthetic: add-delay, xor of neighbours, and floors that are enumerated."""

from collections import Counter
from itertools import product
from math import log

import numpy as np
import pytest
import sympy as sp

from rnnlib import data


def bits_of(task):
    return task.X[..., 0].astype(int)


# -- add-delay


def test_add_delay_chances_are_those_of_the_definition():
    for u, v in product((0, 1), repeat=2):
        assert data.add_delay_chances()[u, v] == 0.5 + 0.5 * u - 0.25 * v


def test_add_delay_without_drawing_has_the_chances(rng):
    task = data.add_delay(rng, T=20, B=7, drawn=False)
    x = bits_of(task)
    for t, k in product(range(8, 20), range(7)):
        assert task.Y[t, k, 0] == 0.5 + 0.5 * x[t - 3, k] - 0.25 * x[t - 8, k]
    assert task.weights.sum() == pytest.approx(1) and not task.weights[:8].any() and task.weights[8:].all()


def test_add_delay_draws_with_these_chances(rng):
    task = data.add_delay(rng, T=108, B=2000)
    x, y = bits_of(task), task.Y[..., 0]
    assert set(np.unique(y)) == {0, 1} and set(np.unique(x)) == {0, 1}
    for u, v in product((0, 1), repeat=2):
        found = y[8:][(x[5:-3] == u) & (x[:-8] == v)]
        chance = data.add_delay_chances()[u, v]
        assert abs(found.mean() - chance) <= 4 * (chance * (1 - chance) / len(found)) ** 0.5
    assert abs(x.mean() - 0.5) < 0.01


def test_add_delay_takes_other_delays(rng):
    task = data.add_delay(rng, T=6, B=50, delays={0: -0.3, 5: 0.1}, drawn=False)
    x = bits_of(task)
    np.testing.assert_allclose(task.Y[5, :, 0], 0.5 - 0.3 * x[5] + 0.1 * x[0], rtol=0, atol=1e-15)


# -- xor of neighbours


def test_xor_of_neighbours_is_the_xor_of_the_neighbours(rng):
    task = data.xor_of_neighbours(rng, T=9, B=200)
    x = bits_of(task)
    for t in range(1, 8):
        assert np.array_equal(task.Y[t, :, 0], x[t - 1] ^ x[t + 1])
        assert task.weights[t] == pytest.approx(1 / 7)
    assert task.weights[0] == task.weights[-1] == 0
    assert abs(task.Y[1:-1].mean() - 0.5) < 0.05


# -- floors


def test_floor_matches_exact_logarithms():
    H = lambda p: 0 if p in (0, 1) else -p * sp.log(p) - (1 - p) * sp.log(1 - p)  # noqa: E731
    P = lambda u, v: sp.Rational(1, 2) + sp.Rational(u, 2) - sp.Rational(v, 4)  # noqa: E731
    mean = lambda terms: sum(terms) / len(terms)  # noqa: E731
    coins, chances = (0, 1), data.add_delay_chances()
    exact = {
        (): H(mean([P(u, v) for u in coins for v in coins])),
        (0,): mean([H(mean([P(u, v) for v in coins])) for u in coins]),
        (1,): mean([H(mean([P(u, v) for u in coins])) for v in coins]),
        (0, 1): mean([H(P(u, v)) for u in coins for v in coins]),
    }
    for seen, value in exact.items():
        assert data.floor(chances, seen) == pytest.approx(float(value), rel=1e-14)
    assert [round(float(exact[seen]), 4) for seen in ((), (0,), (0, 1))] == [0.6616, 0.5192, 0.4545]


def test_floor_is_the_best_that_a_search_finds(rng):
    """Of all answers q(seen) on a fine grid none is better, and one is as good up to the grid."""
    chances = rng.random((2, 2, 2))
    q = np.linspace(0.0005, 0.9995, 1000)
    for seen in [(), (1,), (0, 2), (0, 1, 2)]:
        total = 0.0
        for case in product((0, 1), repeat=len(seen)):
            p = chances[tuple(case[seen.index(k)] if k in seen else slice(None) for k in range(3))].reshape(-1)
            total += (-np.mean(p) * np.log(q) - np.mean(1 - p) * np.log(1 - q)).min() / 2 ** len(seen)
        assert 0 <= total - data.floor(chances, seen) < 1e-5


def test_floor_is_what_counting_reaches_on_drawn_sequences(rng):
    """A predictor that counts y for each value of x_{t-3} has, on many sequences, the floor as its loss."""
    task = data.add_delay(rng, T=108, B=4000)
    x, y = bits_of(task)[5:-3].ravel(), task.Y[8:, :, 0].ravel()
    counts = Counter(zip(x.tolist(), y.tolist()))
    loss = -sum(n * log(n / (counts[u, 0.0] + counts[u, 1.0])) for (u, _), n in counts.items()) / len(y)
    assert loss == pytest.approx(data.floor(data.add_delay_chances(), seen=[0]), abs=3e-3)


def test_floor_of_xor():
    xor = np.array([[0, 1], [1, 0]])
    assert [data.floor(xor, seen) for seen in ((), (0,), (1,))] == pytest.approx([log(2)] * 3, rel=1e-15)
    assert data.floor(xor, (0, 1)) == 0
    assert data.floor([[0, 0], [0, 1]], (0,)) == pytest.approx(log(2) / 2, rel=1e-15)


def test_seeing_more_never_raises_the_floor(rng):
    for _ in range(20):
        chances = rng.random((2, 2, 2))
        assert data.floor(chances, (0, 1, 2)) <= data.floor(chances, (2, 0)) <= data.floor(chances, (2,)) <= data.floor(chances)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda rng: data.add_delay(rng, 8, 3), "T must be a whole number of at least 9; got 8"),
        (lambda rng: data.add_delay(rng, 9, 0), "B must be a whole number of at least 1; got 0"),
        (lambda rng: data.add_delay(rng, 9, 3, {}), "it must map at least one delay"),
        (lambda rng: data.add_delay(rng, 9, 3, {-1: 0.5}), "a delay must be a whole number of at least 0; got -1"),
        (lambda rng: data.add_delay(rng, 9, 3, {1: 0.5, 2: 0.25}), "a chance would be 1.25; it must be from 0 to 1"),
        (lambda rng: data.xor_of_neighbours(rng, 2, 3), "T must be a whole number of at least 3; got 2"),
        (lambda rng: data.floor(0.5), r"chances has shape \(\)"),
        (lambda rng: data.floor([0.1, 0.2, 0.3]), r"chances has shape \(3,\); it must be \(2, …\)"),
        (lambda rng: data.floor([0.1, -0.2]), "a chance would be -0.2"),
        (lambda rng: data.floor([0.1, 0.2], (0, 0)), r"seen is \(0, 0\); it must name axes of chances, 0 to 0"),
        (lambda rng: data.floor([0.1, 0.2], (-1,)), r"seen is \(-1,\)"),
    ],
)
def test_what_will_not_do_is_said(rng, call, says):
    with pytest.raises(ValueError, match=says):
        call(rng)
