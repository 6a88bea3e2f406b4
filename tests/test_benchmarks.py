"""The benchmarks: the right products, the same gradients, honest ratios, and a stop when anything disagrees."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).resolve().parents[1]))  # benchmarks is no installed package

from benchmarks import __main__ as command
from benchmarks import floor, grid, libraries, machine, measure, problem, report, run, textbook
from benchmarks.measure import Sample
from rnnlib import readout, rnn
from rnnlib.proof import cost

SMALL = grid.Cell("rnn", "float64", 5, 3, 4)


def of(kind, dtype="float64"):
    return problem.make(SMALL._replace(kind=kind, dtype=dtype))


def solved(load, given):
    call, read = load().prepare(given)
    return read(call())


@pytest.fixture
def alone(monkeypatch):
    """An environment without any outside library."""
    for name in ("torch", "jax", "autograd"):
        monkeypatch.setitem(sys.modules, name, None)


def counted(kind, T, B, n, h, m):
    """Multiplications that the floor makes, counted one by one."""
    one, k = cost.Tally(), problem.BLOCKS[kind]
    p = rnn.Params(U=one.array(k * h, n), W=one.array(k * h, h), b=None)
    q = readout.Params(V=one.array(m, h), c=None)
    floor.products(p, q, one.array(T, B, n), one.array)()
    return one.products


@pytest.mark.parametrize("kind", grid.KINDS)
@pytest.mark.parametrize("sizes", [(1, 1, 1, 1, 1), (3, 2, 5, 4, 7), (4, 1, 2, 3, 1)])
def test_the_floor_makes_as_many_multiplications_as_its_formula_says(kind, sizes):
    assert counted(kind, *sizes) == floor.multiplications(problem.BLOCKS[kind], *sizes)


def test_the_floor_has_the_products_of_backward_and_no_more():
    """backward makes 2T(hn + h²) in products and Th for f'; forward makes T(hn + h²), and the readout 3Tmh."""
    T, n, h, m = 5, 3, 4, 2
    back = cost.products(rnn.backward, T, n, h) - T * h
    one = cost.Tally()
    rnn.forward(rnn.Params(one.array(h, n), one.array(h, h), one.array(h)), one.array(T, n), one.array(h), cost.FREE)
    assert floor.multiplications(1, T, 1, n, h, m) == back + one.products + 3 * T * m * h


@pytest.mark.parametrize("dtype", grid.DTYPES)
@pytest.mark.parametrize("kind", grid.KINDS)
def test_the_floor_runs_in_the_precision_of_the_cell(kind, dtype):
    call, read = libraries.own_products().prepare(of(kind, dtype))
    call()  # dot refuses an output of another precision
    assert read is None


@pytest.mark.parametrize("dtype", grid.DTYPES)
def test_textbook_code_finds_the_gradients_of_rnnlib(dtype):
    given = of("rnn", dtype)
    expected = solved(libraries.ours, given)
    assert set(expected) == {"L", "U", "W", "b", "V", "c", "X", "s_0"}
    assert problem.agree(given.cell, "textbook", solved(libraries.by_textbook, given), expected) <= problem.TOLERANCE[dtype]
    assert textbook.loss_and_gradients(given.p, given.q, given.X, given.Y, given.s_0)[1].W.dtype == dtype


def test_autograd_finds_the_gradients_of_rnnlib():
    given = of("rnn")
    problem.agree(given.cell, "autograd", solved(libraries.by_autograd, given), solved(libraries.ours, given))


def test_the_parts_of_an_lstm_and_a_gru_are_compared_one_by_one():
    assert set(solved(libraries.ours, of("lstm"))) == {"L", "U", "W", "b", "V", "c", "X", "s", "C"}
    assert set(solved(libraries.ours, of("gru"))) == {"L", "U", "W", "b", "b_s", "V", "c", "X", "s_0"}


def test_difference_is_relative_to_the_norm():
    assert problem.difference([3.0, 4.0], [3.0, 4.0]) == 0
    assert problem.difference([3.0, 5.0], [3.0, 4.0]) == pytest.approx(0.2)
    assert problem.difference([0.0], [0.0]) == 0
    assert problem.difference([1.0], [0.0]) == float("inf")
    assert problem.difference([1.0, 1.0], [1.0]) == float("inf")


@pytest.mark.parametrize(("dtype", "within", "beyond"), [("float32", 9e-5, 2e-4), ("float64", 9e-11, 2e-10)])
def test_agreement_allows_rounding_and_no_more(dtype, within, beyond):
    cell, one = SMALL._replace(dtype=dtype), {"W": np.ones(3)}
    assert problem.agree(cell, "x", {"W": np.ones(3) * (1 + within)}, one) == pytest.approx(within, rel=1e-3)
    for wrong in (1 + beyond, float("nan")):
        with pytest.raises(problem.Disagreement, match=r"x and rnnlib disagree about W by .*nothing was timed"):
            problem.agree(cell, "x", {"W": np.ones(3) * wrong}, one)
    with pytest.raises(problem.Disagreement, match=r"x has found \['U'\], rnnlib \['W'\]"):
        problem.agree(cell, "x", {"U": np.ones(3)}, one)


def test_a_disagreement_stops_the_run_before_anything_is_timed(alone, monkeypatch, tmp_path):
    right = textbook.loss_and_gradients

    def wrong(p, q, X, Y, s_0):
        L, dp, *rest = right(p, q, X, Y, s_0)
        return L, dp._replace(W=dp.W.T), *rest

    monkeypatch.setattr(textbook, "loss_and_gradients", wrong)
    monkeypatch.setattr(measure, "interleaved", lambda *_: pytest.fail("timed"))
    with pytest.raises(problem.Disagreement, match="T=5 B=3 h=4: textbook and rnnlib disagree about W by"):
        run.run([SMALL], tmp_path, lambda text: None)
    assert list(tmp_path.iterdir()) == []


def test_the_command_says_that_it_stopped_and_fails(monkeypatch, capsys):
    def disagree(*_):
        raise problem.Disagreement("torch and rnnlib disagree")

    monkeypatch.setattr(machine, "one_thread", lambda: None)
    monkeypatch.setattr(run, "run", disagree)
    assert command.main(["--quick"]) == 1
    assert capsys.readouterr().err == "STOPPED: torch and rnnlib disagree\n"


def test_an_absent_library_is_said_to_be_absent_and_all_samples_are_kept(alone, tmp_path):
    said = []
    file = run.run([SMALL], tmp_path, said.append, shortest=1e-5)
    assert [text.split()[1] for text in said if text.startswith("ABSENT")] == ["torch", "jax", "autograd"]
    record = json.loads(file.read_text("utf8"))
    assert record["absent"].keys() == {"torch", "jax", "autograd"} and record["libraries"].keys() == {"rnnlib", "textbook", "floor"}
    (cell,) = record["cells"]
    assert cell["ratios"].keys() == {"textbook", "floor"} and cell["differences"].keys() == {"textbook"}
    assert {name: len(samples) for name, samples in cell["samples"].items()} == dict.fromkeys(("rnnlib", "textbook", "floor"), 7)
    assert {"date", "numpy", "blas", "blas_running", "processor", "flags", "load", "threads"} <= record.keys()
    assert [path.name for path in tmp_path.iterdir()] == [file.name]


def test_ratios_are_of_medians_and_the_floor_is_the_other_way_up():
    samples = {
        "rnnlib": [Sample(2.0, 9.0, 1), Sample(1.0, 9.0, 1), Sample(100.0, 9.0, 1)],
        "torch": [Sample(6.0, 9.0, 1), Sample(0.0, 9.0, 1), Sample(7.0, 9.0, 1)],
        "floor": [Sample(0.5, 9.0, 1)] * 3,
    }
    assert measure.ratios(samples) == {"torch": 3.0, "floor": 4.0}
    assert measure.geometric_mean([2, 8]) == pytest.approx(4)
    for wrong in ([], [1, 0]):
        with pytest.raises(ValueError, match="needs positive values"):
            measure.geometric_mean(wrong)


def test_rounds_begin_with_the_next_function_each_time(monkeypatch):
    order = []
    monkeypatch.setattr(measure, "sample", lambda function, calls, shortest: order.append(function) or Sample(1, 1, 1))
    samples = measure.interleaved({name: name for name in "abc"})
    assert "".join(order) == "abc" + "abc" + "bca" + "cab" + "abc" + "bca" + "cab" + "abc"
    assert {len(taken) for taken in samples.values()} == {7}
    with pytest.raises(ValueError, match="at least 7"):
        measure.interleaved({"a": "a"}, rounds=6)


def test_a_sample_is_no_shorter_than_it_must_be():
    made = []
    one = measure.sample(lambda: made.append(1), calls=10, shortest=2e-3)
    assert one.calls == len(made) and one.calls % 10 == 0
    assert min(one.cpu, one.wall) * one.calls >= 2e-3 * (1 - 1e-9)


def test_the_grid_has_a_goal_everywhere_and_the_quick_one_is_part_of_it():
    assert len(grid.FULL) == len(set(grid.FULL)) == 162
    assert len(set(grid.QUICK)) == 4 and set(grid.QUICK) <= set(grid.FULL)
    assert all(grid.goal(cell).torch > 0 for cell in grid.FULL)
    assert grid.goal(grid.Cell("rnn", "float32", 1000, 1, 16)) == grid.Goal(16, 0.35, 1.6, (90, 1.8))
    assert grid.goal(grid.Cell("rnn", "float32", 100, 128, 512)) == grid.Goal(1.25, 1.5, 1.04)
    assert grid.goal(grid.Cell("rnn", "float64", 10, 32, 512)) == grid.Goal(torch=1, floor=1.1)
    assert grid.goal(grid.Cell("lstm", "float32", 10, 32, 512)) == grid.Goal(torch=0.8)
    assert sum(grid.goal(cell).chunks is not None for cell in grid.FULL) == 3


def test_what_each_library_is_measured_on():
    large, wide = grid.Cell("rnn", "float32", 1000, 128, 512), grid.Cell("lstm", "float32", 10, 1, 16)
    assert {name for name in libraries.LIBRARIES if libraries.measured_on(name, large)} == set(libraries.LIBRARIES) - {"autograd"}
    assert {name for name in libraries.LIBRARIES if libraries.measured_on(name, wide)} == {"rnnlib", "torch", "floor"}


def test_a_goal_that_is_missed_is_marked():
    assert report.entry(2.1, 2.1, least=True) == "2.10 (≥ 2.1)"
    assert report.entry(2.0, 2.1, least=True) == "2.00! (≥ 2.1)"
    assert report.entry(2.0, 2.1, least=False) == "2.00 (≤ 2.1)"
    assert report.entry(2.2, 2.1, least=False) == "2.20! (≤ 2.1)"
    assert report.entry(2.2, None, least=True) == "2.20"
    assert report.entry(None, 2.1, least=True) == "–"


def test_verdicts_count_the_goals_and_judge_a_mean_only_over_the_whole_grid():
    cells = [cell for cell in grid.FULL if (cell.kind, cell.dtype) == ("rnn", "float32")]
    results = [(cell, {"torch": 4.0, "floor": 1.05}) for cell in cells]
    met = sum(grid.goal(cell).torch <= 4 for cell in cells)
    assert 0 < met < 27
    lines = report.verdicts(results)
    assert f"PyTorch: {met} of 27 goals met" in lines
    assert "PyTorch÷rnnlib, rnn float32: geometric mean 4.00 (≥ 3.3) over the whole grid" in lines
    assert "in chunks of time: 3 goals not measured, rnnlib has no such function" in lines
    assert any("over 26 of 27 cells, too few" in line for line in report.verdicts(results[1:]))


def test_threads_must_be_set_before_numpy_is_imported():
    with pytest.raises(RuntimeError, match=r"numpy.* imported before the number of threads was set"):
        machine.one_thread()
