"""The benchmarks: the right products, the same gradients, honest ratios, and a stop when anything disagrees."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).resolve().parents[1]))  # benchmarks is no installed package

from benchmarks import __main__ as command
from benchmarks import floor, grid, growth, libraries, machine, measure, memory, problem, record, report, run, staircase, textbook
from benchmarks.measure import Sample
from rnnlib import readout, rnn
from rnnlib.proof import cost

SMALL = grid.Cell("rnn", "float64", 5, 3, 4)
LONG = grid.Cell("rnn", "float32", 1000, 1, 16)  # goals 90 and 1.8 in chunks
NARROW = grid.Cell("rnn", "float32", 100, 1, 16)  # goals 18, 1 and 1.5


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
    assert command.main(["--quick", "--part", "time"]) == 1
    assert capsys.readouterr().err == "STOPPED: torch and rnnlib disagree\n"


def test_an_absent_library_is_said_to_be_absent_and_all_samples_are_kept(alone, tmp_path):
    said = []
    file = run.run([SMALL], tmp_path, said.append, shortest=1e-5)
    assert [text.split()[1] for text in said if text.startswith("ABSENT")] == ["torch", "jax", "autograd"]
    found = json.loads(file.read_text("utf8"))
    assert found["absent"].keys() == {"torch", "jax", "autograd"} and found["libraries"].keys() == {"rnnlib", "chunks", "textbook", "floor"}
    (cell,) = found["cells"]
    assert cell["ratios"].keys() == {"textbook", "floor"} and cell["differences"].keys() == {"textbook"}
    assert {name: len(samples) for name, samples in cell["samples"].items()} == dict.fromkeys(("rnnlib", "textbook", "floor"), 21)
    assert {"date", "numpy", "blas", "blas_running", "processor", "flags", "load", "threads"} <= found.keys() and found["part"] == "time"
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


def test_there_are_more_rounds_where_they_are_short(monkeypatch):
    monkeypatch.setattr(measure, "sample", lambda function, calls, shortest: Sample(0.01, 0.01, 1))
    assert len(measure.interleaved({"a": 0, "b": 0}, enough=0.43)["a"]) == 21
    assert len(measure.interleaved({"a": 0, "b": 0}, enough=0.41)["a"]) == 7


def test_a_function_that_takes_long_is_not_tried_before(monkeypatch):
    made = []
    monkeypatch.setattr(measure, "sample", lambda function, calls, shortest: made.append(function) or Sample(1, 1, 5))
    samples = measure.interleaved({"a": "a", "b": "b"}, took={"a": 0.2, "b": 0.05})
    assert made.count("a") == 7 and made.count("b") == 8 and {len(taken) for taken in samples.values()} == {7}
    found, seconds = measure.once(lambda: sum(range(100_000)))
    assert found == sum(range(100_000)) and seconds > 0


def test_a_sample_is_no_shorter_than_it_must_be():
    made = []
    one = measure.sample(lambda: made.append(1), calls=10, shortest=2e-3)
    assert one.calls == len(made) and one.calls % 10 == 0
    assert min(one.cpu, one.wall) * one.calls >= 2e-3 * (1 - 1e-9)


def test_the_grid_has_a_goal_everywhere_and_the_quick_one_is_part_of_it():
    assert len(grid.FULL) == len(set(grid.FULL)) == 154
    assert len(set(grid.CHECK)) == 4 and set(grid.CHECK) < set(grid.QUICK) < set(grid.FULL) and len(set(grid.QUICK)) == 8
    assert [len(grid.cells_of(kind, dtype)) for kind in grid.KINDS for dtype in grid.DTYPES] == [27, 27, 25, 25, 25, 25]
    assert all(grid.goal(cell).torch > 0 for cell in grid.FULL)
    assert grid.goal(grid.Cell("rnn", "float32", 1000, 1, 16)) == grid.Goal(16, 0.35, 1.6, (90, 1.8))
    assert grid.goal(grid.Cell("rnn", "float32", 100, 128, 512)) == grid.Goal(1.25, 1.5, 1.04)
    assert grid.goal(grid.Cell("rnn", "float64", 10, 32, 512)) == grid.Goal(torch=1, floor=1.1)
    assert grid.goal(grid.Cell("lstm", "float32", 10, 32, 512)) == grid.Goal(torch=0.8)
    assert sum(grid.goal(cell).chunks is not None for cell in grid.FULL) == 3


def test_what_each_library_is_measured_on():
    large, wide = grid.Cell("rnn", "float32", 1000, 128, 512), grid.Cell("lstm", "float32", 10, 1, 16)
    middle = grid.Cell("rnn", "float32", 100, 32, 512)
    assert {name for name in libraries.LIBRARIES if libraries.measured_on(name, middle)} == set(libraries.LIBRARIES) - {"chunks"}
    assert {name for name in libraries.LIBRARIES if libraries.measured_on(name, large)} == {"rnnlib", "torch", "jax", "floor"}
    assert not libraries.measured_on("autograd", grid.Cell("rnn", "float32", 1000, 1, 16))
    assert [cell for cell in grid.FULL if libraries.measured_on("chunks", cell)] == [LONG._replace(h=h) for h in (16, 128, 512)]
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
    assert sum(line.startswith("in chunks of time, ") and line.endswith(": not measured") for line in lines) == 3
    assert any("over 26 of 27 cells, too few" in line for line in report.verdicts(results[1:]))


def test_chunks_of_time_are_judged_by_the_other_library_over_the_chunks():
    lines = report.verdicts([(LONG, {"torch": 18.0, "jax": 0.5, "chunks": 0.25}), (LONG, {"torch": 30.0, "chunks": 0.25})])
    assert lines[-2] == f"in chunks of time, {LONG}: PyTorch÷chunks 72.00! (≥ 90), JAX÷chunks 2.00 (≥ 1.8), rnnlib÷chunks 4.00"
    assert lines[-1] == f"in chunks of time, {LONG}: PyTorch÷chunks 120.00 (≥ 90), JAX÷chunks –, rnnlib÷chunks 4.00"


def test_the_chunks_find_the_gradients_of_rnnlib_and_are_chunks():
    given = problem.make(LONG)
    call, read = libraries.in_chunks().prepare(given)
    problem.agree(given.cell, "chunks", read(call()), solved(libraries.ours, given))
    assert call().seams.chunks > 1


def test_a_lacking_of_a_goal_is_told_from_a_miss():
    cell = NARROW
    near = report.judged([(cell, {"torch": 0.71 * 18, "jax": 1.0, "floor": 1.49 / 0.7, "textbook": 0.1})])
    assert [one.library for one in near] == ["torch", "jax", "floor"]
    assert [one.met for one in near] == [False, True, False] and all(one.nearly() for one in near)
    far = report.judged([(cell, {"torch": 0.69 * 18, "jax": 0.69, "floor": 1.51 / 0.7})])
    assert not any(one.nearly() for one in far)
    assert str(far[0]) == f"{cell}: PyTorch÷rnnlib 12.42, goal ≥ 18" and "rnnlib÷own products 2.16, goal ≤ 1.5" in str(far[2])


@pytest.mark.parametrize(
    ("ratios", "absent", "code"),
    [
        ({"torch": 18, "jax": 1, "floor": 1.5}, {}, 0),
        ({"torch": 13, "jax": 0.71, "floor": 2.1}, {}, 0),
        ({"torch": 12, "jax": 0.71, "floor": 2.1}, {}, 1),
        ({"torch": 18, "floor": 1.5}, {"jax": "No module named 'jax'"}, 1),
    ],
)
def test_the_check_fails_below_its_share_of_a_goal_and_without_a_library(tmp_path, ratios, absent, code):
    file, said = tmp_path / "time.json", []
    file.write_text(json.dumps({"absent": absent, "cells": [{"cell": NARROW._asdict(), "ratios": ratios}]}))
    assert run.check(file, said.append) == code
    assert any(text.startswith("FAILED") for text in said) == bool(code)


@pytest.mark.parametrize("dtype", grid.DTYPES)
def test_every_stage_of_the_staircase_finds_the_gradients_of_rnnlib(dtype):
    given = of("rnn", dtype)
    functions = staircase.stages(given)
    for _ in range(2):  # the second call is in memory that is there
        staircase.compare(given.cell, functions)
    assert next(iter(functions)) == "textbook" and next(reversed(functions)) == "rnnlib" and len(functions) == 7
    for function in staircase.bounds(given).values():
        function()


def test_a_wrong_stage_stops_the_staircase(monkeypatch, tmp_path):
    monkeypatch.setattr(staircase, "softmax", lambda z: np.exp(z))
    monkeypatch.setattr(measure, "interleaved", lambda *_: pytest.fail("timed"))
    with pytest.raises(problem.Disagreement, match="products and rnnlib disagree about"):
        staircase.run(tmp_path, lambda text: None, [SMALL])


def test_softmax_without_a_row_maximum_is_used_only_where_it_cannot_overflow():
    given = of("rnn")
    large = given._replace(q=given.q._replace(V=3000 * given.q.V))
    staircase.compare(large.cell, {name: staircase.stages(large)[name] for name in ("kept", "into", "rnnlib")})


def test_elementwise_goes_over_as_many_entries_as_there_are():
    blocks = [np.zeros(10)] * 4
    assert [len(one[0]) for one in floor._parts(blocks, 25)] == [10, 10, 5]
    assert [len(one[0]) for one in floor._parts(blocks, 20)] == [10, 10]


def test_the_slow_ways_of_the_growth_agree_with_backward(monkeypatch):
    growth.compare()
    monkeypatch.setitem(growth.WAYS, "double sum", lambda p, trace, dL_dS: growth.outer(p, trace, dL_dS))
    with pytest.raises(problem.Disagreement, match=r"double sum and rnn\.backward disagree about U"):
        growth.compare()


def test_the_jacobian_products_give_the_inputs_and_the_initial_state_too():
    task = cost.problem(9, 3, 4)
    expected = rnn.backward(*task)
    for way in (growth.double_sum, growth.jacobian_products, growth.from_scratch):
        found = way(*task)
        assert problem.difference(found.dL_dX, expected.dL_dX) < 1e-12 and problem.difference(found.dL_ds_0, expected.dL_ds_0) < 1e-12


def test_growth_fits_the_upper_half(monkeypatch):
    times = iter([9.0, 1.0, 2.0, 4.0])
    monkeypatch.setattr(cost, "median_seconds", lambda functions, rounds: dict.fromkeys(functions, next(times)))
    sizes, seconds, power = growth.curve("adjoint", (2, 4, 8, 16), lambda T: (T, 1, 1), lambda text: None)
    assert (sizes, seconds) == ([2, 4, 8, 16], [9.0, 1.0, 2.0, 4.0]) and power == pytest.approx(1)


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the peak of a process is measured on Linux only")
def test_the_peak_of_a_process_is_of_one_call_and_above_what_it_held():
    held = np.ones(4_000_000)
    before = memory.resident("VmRSS")
    np.ones(8_000_000).sum()
    assert memory.resident("VmHWM") - before > 6e7
    memory.forget_peak()
    assert memory.resident("VmHWM") - memory.resident("VmRSS") < 5e6
    assert before >= held.nbytes


def test_the_ways_of_the_memory_part_compute_one_gradient():
    cell = grid.Cell("rnn", "float32", 70, 3, 4)
    ways = memory.ways(cell, ["states", "chunks", *memory.EXACT])
    expected = memory.parameters(ways["states"]())
    for name in memory.EXACT:
        problem.agree(cell, name, memory.parameters(ways[name]()), expected)
    assert ways["no_dX"]().dL_dX is ways["short"]().dL_dX is None and ways["checkpoints"]().dL_dX.shape == (70, 3, 4)
    given = memory.slim(cell)
    assert given.X.shape == (70, 3, 4) and given.X.dtype == np.float32 and (given.Y.argmax(axis=-1) == given.labels).all()


def timed(cell, **seconds):
    """A cell of the file of a run, every sample of a library as long as given."""
    samples = {name: [Sample(value, value, 1)._asdict()] * 7 for name, value in seconds.items()}
    ratios = measure.ratios({name: [Sample(value, value, 1)] for name, value in seconds.items()})
    return {"cell": cell._asdict(), "samples": samples, "ratios": ratios}


@pytest.fixture
def files(tmp_path):
    """The files of a full run whose numbers are made up."""
    facts = {name: "" for name in record.FACTS}
    others = [name for name in libraries.LIBRARIES if name != "rnnlib"]
    cells = [
        timed(cell, rnnlib=0.002, **dict.fromkeys((name for name in others if libraries.measured_on(name, cell)), 0.004))
        for cell in grid.FULL
    ]
    curve = [[1, 2], [0.1, 0.2], 1.0]
    peaks, seconds = {name: [5e6] for name in memory.WAYS}, dict.fromkeys(memory.WAYS, 0.5)
    runs = {
        "time": {"cells": cells, "libraries": {}, "absent": {}},
        "memory": {"problem": {}, "T": [8], "ways": {}, "goals": {}, "peaks": peaks, "seconds": seconds},
        "growth": {"n": 4, "h": 16, "T": 8, "over_T": {"adjoint": curve}, "over_h": {"adjoint": curve},
                   "headline": {"T": 512, "h": 32, "ratio": 345.678}},
        "staircase": {"cells": [{"cell": SMALL._asdict(), "seconds": {"rnnlib": 0.001}}]},
    }
    for part, run_ in runs.items():
        (tmp_path / f"{part}.json").write_text(json.dumps(facts | {"part": part} | run_))
    return [tmp_path / f"{part}.json" for part in runs]


def test_a_full_run_makes_a_complete_record_with_the_goals_of_the_grid(files, tmp_path):
    target = tmp_path / "record.json"
    assert record.publish(files, target) == []
    made = json.loads(target.read_text("utf8"))
    assert list(made) == list(record.PARTS)
    assert dict(record.results(made))[grid.CHECK[0]] == {"torch": 2, "jax": 2, "autograd": 2, "textbook": 2, "floor": 0.5}
    in_chunks = [row for row in made["time"]["cells"] if "chunk_goals" in row]
    assert [row["h"] for row in in_chunks] == [16, 128, 512] and {row["ratios"]["chunks"] for row in in_chunks} == {2}
    assert in_chunks[0]["chunk_goals"] == {"torch": 90, "jax": 1.8}
    assert made["time"]["cells"][0]["ms"] == 2 and made["growth"]["headline"]["ratio"] == 345.7
    assert {one["mean"] for one in made["time"]["means"]} == {2}
    assert len(target.read_text("utf8").splitlines()) > len(grid.FULL)


def test_what_a_record_lacks_is_named_and_is_not_published(files, tmp_path):
    target, run_ = tmp_path / "record.json", json.loads(files[0].read_text("utf8"))
    del run_["cells"][3], run_["cells"][0]["ratios"]["jax"]
    files[0].write_text(json.dumps(run_))
    lacking = [f"jax at {grid.FULL[0]}", f"{grid.FULL[3]}", "growth"]
    with pytest.raises(record.Unusable, match=r"would lack .*growth; nothing was written|would lack growth"):
        record.publish([files[0], files[1], files[3]], target)
    assert not target.exists()
    assert sorted(record.publish([files[0], files[1], files[3]], target, partial=True)) == sorted(lacking)
    again = [timed(grid.FULL[3], rnnlib=1, torch=3, jax=3, autograd=3, textbook=3, floor=1)]
    (tmp_path / "again.json").write_text(json.dumps(run_ | {"cells": again}))
    assert f"{grid.FULL[3]}" not in record.publish([files[0], tmp_path / "again.json"], target, partial=True)
    assert dict(record.results(json.loads(target.read_text("utf8"))))[grid.FULL[3]]["torch"] == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "cannot be read as the JSON"),
        ("[]", "is no result"),
        ('{"part": "lunch"}', "is no result"),
        ('{"part": "growth", "quick": true}', "quick run"),
    ],
)
def test_a_file_that_is_no_full_run_is_not_published(tmp_path, text, message):
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(record.Unusable, match=message):
        record.publish([tmp_path / "run.json"], tmp_path / "record.json")


@pytest.fixture(scope="module")
def published():
    return json.loads(record.FILE.read_text("utf8"))


def test_the_published_record_is_complete(published):
    assert record.missing(published) == []


def test_the_published_goals_and_means_are_those_of_the_grid_and_the_ratios(published):
    results = record.results(published)
    for row, (cell, _) in zip(published["time"]["cells"], results, strict=True):
        wanted = grid.goal(cell)._asdict()
        assert row["goals"] == {name: wanted[name] for name in ("torch", "jax", "floor") if wanted[name] is not None}
    found = {(one["kind"], one["dtype"], one["library"]): one for one in published["time"]["means"]}
    for key, (mean, count) in report.means(results).items():
        assert found[key]["mean"] == pytest.approx(mean, rel=1e-3) and found[key]["cells"] == count
        assert found[key]["goal"] == grid.MEANS[key]
    assert published["memory"]["T"] == list(memory.T_VALUES)
    assert {name: one["sizes"] for name, one in published["growth"]["over_T"].items()} == {k: list(v) for k, v in growth.OVER_T.items()}
    assert [one["cell"] for one in published["staircase"]["cells"]] == [cell._asdict() for cell in staircase.CELLS]


def test_the_verdicts_on_the_page_are_computed_from_the_record(published, monkeypatch, capsys):
    """The page's cells, run up to its first verdict, count as ``report`` does."""
    jupytext, _ = pytest.importorskip("jupytext"), pytest.importorskip("matplotlib")
    monkeypatch.chdir(Path(__file__).resolve().parents[1] / "book")
    code = [cell for cell in jupytext.read("speed.md").cells if cell.cell_type == "code"]
    cells = [cell.source for cell in code if "figure" not in cell.metadata.get("mystnb", {})]
    verdict = next(k for k, source in enumerate(cells) if "goals of single cells" in source)
    names = {}
    for source in cells[: verdict + 1]:
        if "median_seconds" not in source:  # these are left to the reader
            exec(source, names)
    every = report.judged(record.results(published))
    met = sum(one.met for one in every)
    assert capsys.readouterr().out.splitlines()[-1] == f"{len(every)} goals of single cells, {met} met"
    assert {(c["kind"], c["dtype"], c["T"], c["B"], c["h"], name) for c, name, *_ in names["missed"]} == {
        (*one.cell, one.library) for one in every if not one.met
    }


def test_threads_must_be_set_before_numpy_is_imported():
    with pytest.raises(RuntimeError, match=r"numpy.* imported before the number of threads was set"):
        machine.one_thread()
