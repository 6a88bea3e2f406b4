"""rnnlib.tasks.forecast: parts that do not leak, linear forecasters that are what they say, closed loops, the promise."""

import numpy as np
import pytest

from rnnlib import initialise, rnn, tasks
from rnnlib.tasks import forecast
from rnnlib.tasks.forecast import Settings

TINY = Settings(h=3, epochs=2)


@pytest.fixture(scope="module")
def d():
    return forecast.split(TINY)


def test_parts_are_consecutive_and_disjoint(d):
    assert [d.years[part][[0, -1]].tolist() for part in (d.learn, d.validation, d.test)] == [[1700, 1899], [1900, 1949], [1950, 2008]]


def test_scaling_knows_the_years_to_learn_from_and_no_others(d):
    assert d.x[d.learn].mean() == pytest.approx(0, abs=1e-13) and d.x[d.learn].std() == pytest.approx(1)
    assert abs(d.x[d.test].mean()) > 0.3
    np.testing.assert_allclose(d.unscaled(d.x), d.values, rtol=1e-12, atol=1e-12)
    assert d.unscaled(-100.0) == 0


def test_nothing_to_learn_from_depends_on_later_years(monkeypatch):
    """The alarm for a leak: every later year is replaced, and batches, weights, scale and fits stay the same, bit for bit."""
    before = forecast.prepare(TINY)
    years, values = forecast.data.sunspots()
    monkeypatch.setattr(forecast.data, "sunspots", lambda: (years, np.where(years < 1900, values, 7.0)))
    after = forecast.prepare(TINY)
    for one, two in zip(before.batches(np.random.default_rng(0)), after.batches(np.random.default_rng(0)), strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))
    assert (before.data.mean, before.data.deviation) == (after.data.mean, after.data.deviation)


def test_a_forecast_reads_nothing_of_its_own_year_or_later(rng, d):
    p, q = initialise.uniform_rnn(rng, 1, 4), initialise.uniform_readout(rng, 4, 1)
    moved = d.x.copy()
    moved[200:] += 1
    for change in (False, True):
        one, two = (forecast.forecasts(p, q, x, rnn, change) for x in (d.x, moved))
        assert np.array_equal(one[:201], two[:201]) and (one[201:] != two[201:]).all()
    c = forecast.autoregression(d.x[d.learn], 9)
    one, two = (forecast.linear_forecasts(c, x) for x in (d.x, moved))
    assert np.array_equal(one[:201], two[:201]) and not np.array_equal(one[201:], two[201:])


def test_a_network_without_output_is_persistence_if_it_forecasts_the_change(rng, d):
    p, q = initialise.uniform_rnn(rng, 1, 4), initialise.uniform_readout(rng, 4, 1)
    silent = q._replace(V=0 * q.V, c=0 * q.c)
    assert np.array_equal(forecast.forecasts(p, silent, d.x, rnn)[1:], d.x[:-1])
    assert forecast.baselines(d)["persistence"] == pytest.approx(np.sqrt(np.mean(np.diff(d.values)[249:] ** 2)))


def test_autoregression_is_the_least_squares_fit(d):
    """The residual is orthogonal to every column, which only the least squares have."""
    x = d.x[d.learn]
    c = forecast.autoregression(x, 9)
    table = np.column_stack([np.ones(len(x) - 9)] + [x[9 - k : len(x) - k] for k in range(1, 10)])
    assert np.abs(table.T @ (x[9:] - table @ c)).max() < 1e-10
    np.testing.assert_allclose(forecast.linear_forecasts(c, x)[9:], table @ c, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("change", [False, True])
def test_closed_loop_is_the_forecast_of_a_series_with_its_own_forecasts_in_it(rng, d, change):
    p, q = initialise.uniform_rnn(rng, 1, 4), initialise.uniform_readout(rng, 4, 1)
    c, t = forecast.autoregression(d.x[d.learn], 3), 120
    own, line = d.x[:t].copy(), d.x[:t].copy()
    found, straight = forecast.ahead(p, q, d.x, 4, rnn, change), forecast.linear_ahead(c, d.x, 4)
    for k in range(4):
        own = np.append(own, forecast.forecasts(p, q, np.append(own, 0), rnn, change)[-1])
        line = np.append(line, forecast.linear_forecasts(c, np.append(line, 0))[-1])
        assert found[k, t - 1] == pytest.approx(own[-1], rel=1e-12) and straight[k, t - 1] == pytest.approx(line[-1], rel=1e-12)
    np.testing.assert_allclose(found[0, :-1], forecast.forecasts(p, q, d.x, rnn, change)[1:], rtol=1e-12, atol=1e-12)


def test_parts_out_of_order_are_an_error():
    for wrong in ({"validation": 1960}, {"end": 2010}, {"validation": 1720}, {"test": 2009}):
        with pytest.raises(ValueError, match="they must increase"):
            forecast.split(TINY._replace(**wrong))


def test_a_short_training_beats_persistence():
    learnt = tasks.learn(forecast.prepare(Settings(epochs=15)))
    assert learnt.scores["network"] < 0.75 * learnt.scores["persistence"]
