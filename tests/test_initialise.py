"""First values: shapes, bounds, spread, the seed, bad sizes."""

import re

import numpy as np
import pytest

from rnnlib import gru, initialise, lstm, model


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


# one matrix at a time

MATRICES = {
    "gaussian": initialise.gaussian,
    "glorot_uniform": initialise.glorot_uniform,
    "glorot_normal": initialise.glorot_normal,
    "orthogonal": initialise.orthogonal,
}


@pytest.mark.parametrize("name", MATRICES)
def test_matrices_have_the_shape_the_seed_and_the_dtype(name):
    draw = lambda seed, **kw: MATRICES[name](np.random.default_rng(seed), 5, 3, **kw)  # noqa: E731
    assert draw(1).shape == (5, 3) and draw(1).dtype == float
    assert (draw(1) == draw(1)).all() and (draw(1) != draw(2)).all()
    assert draw(1, dtype=np.float32).dtype == np.float32


@pytest.mark.parametrize(
    ("name", "deviation"),
    [("gaussian", 0.01), ("glorot_uniform", (2 / 300) ** 0.5), ("glorot_normal", (2 / 300) ** 0.5), ("orthogonal", 200**-0.5)],
)
def test_spread_of_the_entries(rng, name, deviation):
    a = MATRICES[name](rng, 200, 100)
    assert a.std() == pytest.approx(deviation, rel=0.02)
    assert abs(a.mean()) < 4 * deviation / a.size**0.5


def test_glorot_uniform_stays_within_its_limit(rng):
    a, limit = initialise.glorot_uniform(rng, 40, 20, gain=2), 2 * 0.1**0.5
    assert 0.99 * limit < np.abs(a).max() <= limit


@pytest.mark.parametrize("shape", [(5, 5), (6, 4), (4, 6)])
def test_orthogonal_is_orthogonal_and_scaled(rng, shape):
    a = initialise.orthogonal(rng, *shape, gain=1.5) / 1.5
    product = a.T @ a if shape[0] >= shape[1] else a @ a.T
    np.testing.assert_allclose(product, np.eye(min(shape)), atol=1e-14)


def test_orthogonal_is_uniform_and_not_qr_as_it_comes(rng):
    """QR as it comes has R's diagonal of one sign, so Q's first entry has a sign of its own; uniform means mean 0."""
    corners = np.array([initialise.orthogonal(rng, 3, 3)[0, 0] for _ in range(2000)])
    assert abs(corners.mean()) < 4 * corners.std() / 2000**0.5
    assert corners.var() == pytest.approx(1 / 3, rel=0.1)
    as_it_comes = np.array([np.linalg.qr(rng.normal(size=(3, 3)))[0][0, 0] for _ in range(500)])
    assert abs(as_it_comes.mean()) > 0.3


def test_identity_and_irnn(rng):
    assert (initialise.identity(4, gain=0.5) == 0.5 * np.eye(4)).all()
    p = initialise.irnn(rng, n=300, h=50)
    assert (p.W == np.eye(50)).all() and not p.b.any() and p.U.std() == pytest.approx(0.001, rel=0.05)
    assert {a.dtype for a in initialise.irnn(rng, 3, 4, dtype=np.float32)} == {np.dtype(np.float32)}


@pytest.mark.parametrize("name", MATRICES)
@pytest.mark.parametrize(("rows", "columns"), [(0, 5), (3, -1), (3, 2.0), ("3", 5)])
def test_matrices_refuse_sizes(rng, name, rows, columns):
    with pytest.raises(ValueError, match="were asked for; each must be an integer of at least 1"):
        MATRICES[name](rng, rows, columns)


@pytest.mark.parametrize("name", MATRICES)
@pytest.mark.parametrize("wrong", [0, None, np.random])
def test_matrices_refuse_what_is_no_generator(name, wrong):
    with pytest.raises(ValueError, match="it must be a generator"):
        MATRICES[name](wrong, 4, 3)


@pytest.mark.parametrize("gain", [0, -1.0, np.nan, np.inf, "2", None])
def test_matrices_refuse_gains(rng, gain):
    message = re.escape(f"gain is {gain!r}; it must be a positive number")
    for make in (initialise.glorot_uniform, initialise.glorot_normal, initialise.orthogonal):
        with pytest.raises(ValueError, match=message):
            make(rng, 4, 3, gain)
    with pytest.raises(ValueError, match=message):
        initialise.identity(4, gain)
    with pytest.raises(ValueError, match=message.replace("gain", "sigma")):
        initialise.gaussian(rng, 4, 3, gain)


@pytest.mark.parametrize("cell", [gru, lstm])
def test_each_gate_of_a_gated_cell_has_a_block_of_its_own(rng, cell):
    name = cell.__name__.removeprefix("rnnlib.")
    draw = getattr(initialise, f"orthogonal_{name}")
    p = draw(rng, n=3, h=5, keep=2.5)
    for U, W in zip(cell.gates(p.U, axis=0), cell.gates(p.W, axis=0), strict=True):
        assert np.abs(U).max() <= (6 / 8) ** 0.5 and np.allclose(W @ W.T, np.eye(5))
    assert len({W.tobytes() for W in cell.gates(p.W, axis=0)}) == len(cell.gates(p.W, axis=0))
    kept = cell.gates(p.b).u if cell is gru else cell.gates(p.b).phi
    assert (kept == 2.5).all() and (p.b == 2.5).sum() == 5 and np.isin(p.b, (0, 2.5)).all()
    assert np.isfinite(cell.forward(p, rng.normal(size=(4, 3))).S).all()
    assert {part.dtype for part in draw(rng, 3, 5, dtype=np.float32)} == {np.dtype(np.float32)}
    with pytest.raises(ValueError, match="each must be an integer of at least 1"):
        draw(rng, 0, 5)
