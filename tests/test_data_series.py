"""rnnlib.data.series: the sunspots as they are shipped, windows that stay inside, and the linear forecaster's table."""

import importlib.machinery
import subprocess
import sys

import numpy as np
import pytest

from rnnlib import data
from rnnlib.data import series


def test_sunspots_are_the_yearly_numbers_from_1700_to_2008():
    years, values = data.sunspots()
    assert np.array_equal(years, np.arange(1700, 2009)) and values.shape == (309,)
    known = {1700: 5, 1712: 0, 1778: 154.4, 1957: 190.2, 2008: 2.9}
    assert {year: values[year - 1700] for year in known} == known


def test_statsmodels_is_not_imported():
    code = "import sys; from rnnlib import data; data.sunspots(); print({'statsmodels', 'pandas', 'scipy'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


def test_without_statsmodels_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setattr(series, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"statsmodels, which is not installed; install it with: pip install 'rnnlib\[data\]'"):
        data.sunspots()


def elsewhere(monkeypatch, folder):
    """A statsmodels that lies in this folder."""
    spec = importlib.machinery.ModuleSpec("statsmodels", None, is_package=True)
    spec.submodule_search_locations.append(str(folder))
    monkeypatch.setattr(series, "find_spec", lambda name: spec)
    (folder / "datasets" / "sunspots").mkdir(parents=True)
    return folder / "datasets" / "sunspots" / "sunspots.csv"


def test_without_the_file_the_error_names_it(monkeypatch, tmp_path):
    elsewhere(monkeypatch, tmp_path)
    with pytest.raises(ImportError, match=r"sunspots.csv is missing; install statsmodels 0.14 or newer"):
        data.sunspots()


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ("1700,5\n1702,11\n", "must have consecutive years"),
        ("1700,5\n1701,-11\n", "numbers of at least 0"),
        ("1700,5\n1701,nan\n", "numbers of at least 0"),
        ("", "must have consecutive years"),
        ("1700,5\n1701,eleven\n", "is not a table of years and numbers"),
        ("1700,5\n1701,11,3\n", "is not a table of years and numbers"),
    ],
)
def test_a_damaged_file_is_one_clear_error(monkeypatch, tmp_path, lines, says):
    elsewhere(monkeypatch, tmp_path).write_text('"YEAR","SUNACTIVITY"\n' + lines)
    with pytest.raises(ValueError, match=says):
        data.sunspots()


def test_windows_target_is_the_number_after():
    values = np.arange(20.0) ** 2
    X, Y = data.windows(values, T=6, step=3)
    assert X.shape == Y.shape == (6, 5, 1)
    for k in range(5):
        assert np.array_equal(X[:, k, 0], values[3 * k : 3 * k + 6])
        assert np.array_equal(Y[:, k, 0], values[3 * k + 1 : 3 * k + 7])


def test_windows_are_copies():
    values = np.arange(5.0)
    X, Y = data.windows(values, T=2)
    X[:], Y[:] = -1, -2
    assert np.array_equal(values, np.arange(5.0))


def test_windows_of_the_past_hold_no_later_number(rng):
    values = rng.normal(size=30)
    before = data.windows(values[:20], T=7)
    values[20:] = 99
    after = data.windows(values[:20], T=7)
    assert np.array_equal(before.Y, after.Y) and not (after.X == 99).any() and not (after.Y == 99).any()


def test_lags_recover_a_linear_recursion(rng):
    """x_t = 0.2 + 1.1 x_{t-1} - 0.6 x_{t-2}: without noise the fit is exact, and in that order."""
    values = [1.0, -2.0]
    for _ in range(30):
        values.append(0.2 + 1.1 * values[-1] - 0.6 * values[-2])
    table = data.lags(values, 2)
    fit = np.linalg.lstsq(np.column_stack([np.ones(len(table)), table]), values[2:], rcond=None)[0]
    np.testing.assert_allclose(fit, [0.2, 1.1, -0.6], rtol=1e-10)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: data.windows(np.ones(5), 5), "values has 5 numbers; windows of T = 5 with a target after each need at least 6"),
        (lambda: data.windows(np.ones(5), 0), "T is 0; it must be a whole number of at least 1"),
        (lambda: data.windows(np.ones(5), True), "T is True"),
        (lambda: data.windows(np.ones(5), 2, step=1.5), "step is 1.5"),
        (lambda: data.windows(np.ones((5, 2)), 2), r"values has shape \(5, 2\)"),
        (lambda: data.windows([1, np.nan, 3], 1), "values"),
        (lambda: data.lags(np.ones(5), 5), "need at least 6"),
    ],
)
def test_windows_say_what_is_wrong(call, says):
    with pytest.raises(ValueError, match=says):
        call()
