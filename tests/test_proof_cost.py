"""The costs that the book predicts against the multiplications that the code makes."""

import numpy as np
import pytest
from generic_point import WAYS

from rnnlib import rnn
from rnnlib.proof import cost

SIZES = [(1, 1, 1), (1, 3, 2), (2, 1, 3), (4, 2, 3), (5, 3, 4)]  # T, n, h


def predicted(T, n, h):
    """From the shapes of the products that each way makes, line by line."""
    pairs, longer = T * (T + 1) // 2, (T - 1) * T * (T + 1) // 6
    immediate = h * h * h + n * h * h + h * h * h  # J = D W; x ⊗ D; s ⊗ D
    row_times = n * h * h + h * h * h + h * h  # a row times the immediate parts for U, W, b
    paths = T * immediate + pairs * (row_times + h * h) + T * n * h
    carry = n * h**3 + h**4 + 2 * h**3  # J times the sensitivities for U, W, b, s_0
    return {
        "backward": T * h * (1 + 2 * n + 2 * h),
        "by_steps": T * h * (1 + 2 * n + 2 * h),
        "sum_over_paths": paths,
        "sum_over_paths_from_scratch": paths + longer * h * h,
        "real_time": T * (immediate + row_times + h * h) + (T - 1) * carry,
    }


@pytest.mark.parametrize(("T", "n", "h"), SIZES)
@pytest.mark.parametrize("way", ["backward", *WAYS])
def test_products_are_the_predicted_ones(way, T, n, h):
    assert cost.products({"backward": rnn.backward, **WAYS}[way], T, n, h) == predicted(T, n, h)[way]


def test_a_matrix_product_is_counted_in_full():
    one = cost.Tally()
    one.array(2, 3) @ one.array(3, 5) + 4 * one.array(2, 5)
    assert one.products == 30 + 10


def test_median_seconds_tells_slow_from_fast_and_calls_in_turn():
    calls = []
    slow = lambda: (calls.append("slow"), np.ones((300, 300)) @ np.ones((300, 300)))  # noqa: E731
    fast = lambda: calls.append("fast")  # noqa: E731
    seconds = cost.median_seconds({"slow": slow, "fast": fast}, rounds=3, sample=1e-9)
    assert seconds["slow"] > seconds["fast"] > 0
    assert calls == ["slow", "fast"] * 4
    with pytest.raises(ValueError, match="rounds is 0"):
        cost.median_seconds({"fast": fast}, rounds=0)
    calls.clear()
    cost.median_seconds({"fast": fast}, rounds=2, sample=0.1)
    assert len(calls) > 20  # a fast function is called many times for a sample


def test_problem_fits_every_way():
    task = cost.problem(T=3, n=2, h=4)
    want = rnn.backward(*task).dL_dp.W
    for way in WAYS.values():
        np.testing.assert_allclose(way(*task).dL_dp.W, want, rtol=1e-12)


def test_exponent_finds_the_slope_and_refuses_what_has_none():
    assert cost.exponent([8, 16, 64], [3.0 * k**2.5 for k in (8, 16, 64)]) == pytest.approx(2.5)
    for sizes, seconds in (([4, 4], [1.0, 1.0]), ([4, 8], [1.0]), ([4, 8], [0.0, 1.0])):
        with pytest.raises(ValueError, match="a slope needs"):
            cost.exponent(sizes, seconds)
