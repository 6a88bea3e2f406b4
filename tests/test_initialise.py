"""First values: shapes, bounds, spread, the seed, bad sizes."""

import re

import numpy as np
import pytest

from rnnlib import initialise, model


def test_shapes_fit_together(rng):
    p, q = initialise.uniform_rnn(rng, n=3, h=5), initialise.uniform_readout(rng, h=5, m=4)
    assert [a.shape for a in (*p, *q)] == [(5, 3), (5, 5), (5,), (4, 5), (4,)]
    assert np.isfinite(model.loss(p, q, rng.normal(size=(6, 2, 3)), np.ones((6, 2, 4))))


def test_entries_are_uniform_between_plus_and_minus_one_over_root_h(rng):
    h = 100
    for a in (*initialise.uniform_rnn(rng, 90, h)[:2], initialise.uniform_readout(rng, h, 80).V):
        assert np.abs(a).max() <= 0.1 and np.abs(a).max() > 0.099
        assert abs(a.mean()) < 0.1 * 4 / (3 * a.size) ** 0.5  # four standard deviations of the mean
        assert a.std() == pytest.approx(0.1 / 3**0.5, rel=0.02)


def test_the_seed_decides_and_the_dtype_is_kept():
    draw = lambda seed, **kw: initialise.uniform_rnn(np.random.default_rng(seed), 3, 5, **kw)  # noqa: E731
    assert (draw(1).W == draw(1).W).all() and (draw(1).W != draw(2).W).all()
    assert {a.dtype for a in draw(1, dtype=np.float32)} == {np.dtype(np.float32)}
    assert not np.shares_memory(draw(1).W, draw(1).W)


@pytest.mark.parametrize(("n", "h"), [(0, 5), (3, 0), (3, -1), (3, 2.0), ("3", 5), (None, 5)])
def test_sizes_are_refused(rng, n, h):
    with pytest.raises(ValueError, match="were asked for; each must be an integer of at least 1"):
        initialise.uniform_rnn(rng, n, h)


@pytest.mark.parametrize("wrong", [0, None, np.random])
def test_what_is_no_generator_is_refused(wrong):
    message = f"rng is {wrong!r}; it must be a generator, for example numpy.random.default_rng(0)"
    with pytest.raises(ValueError, match=re.escape(message)):
        initialise.uniform_readout(wrong, 5, 4)
