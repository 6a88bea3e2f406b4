"""Which mistakes are missed at lazy points, and that none is at a generic one."""

import pytest

from rnnlib.proof import blind

pytestmark = pytest.mark.xdist_group("blind")  # what its fixture makes is made once


@pytest.fixture(scope="module")
def table():
    return blind.table()


@pytest.mark.parametrize("mistake", blind.MISTAKES, ids=lambda m: m.what)
def test_mistake_is_wrong_by_a_percent_at_the_generic_point_and_its_correction_holds_everywhere(mistake, table):
    assert table.errors[mistake.what]["generic"] >= 1e-2
    for name, ways in (blind.LAZY | {"generic": {}}).items():
        assert blind.error_at(mistake.right, blind.point(**ways)) <= 1e-13, name


@pytest.mark.parametrize("where", blind.LAZY)
def test_each_lazy_point_misses_a_mistake(where, table):
    assert table.missed(where)


def test_generic_point_misses_none(table):
    assert table.missed("generic") == []


@pytest.mark.parametrize(
    "where, what",
    [
        ("$T = 2$", "ordered product reversed"),
        ("$T = 2$, $s_0 = 0$", "recurrence forgotten"),
        ("$s_0 = 0$", "first step left out"),
        ("$W = W^\\top$", "$W$ not transposed on the way back"),
        ("one-hot $y_t$", "targets taken to sum to 1"),
        ("linear $f$", "$f'$ forgotten"),
    ],
)
def test_a_lazy_point_hides_its_own_mistake(where, what, table):
    assert what in table.missed(where)


def test_table_shows_percent_zero_misfit_and_the_count():
    shown = blind.Table({"one": {"here": 0.5, "there": 1e-16, "nowhere": float("inf")}})._repr_markdown_()
    assert shown.splitlines()[-2:] == ["| one | 50 | **0** | shape |", "| missed, of 1 | 0 | 1 | 0 |"]


def test_shapes_that_do_not_fit_are_an_infinite_error():
    assert blind.error_at(r"\delta_T = V \varepsilon_T", blind.point(T=2)) == float("inf")
