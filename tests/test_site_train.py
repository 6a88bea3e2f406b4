"""``make train``: what it chooses, prints, saves and promises, with tasks of a second."""

import importlib.util
import re
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tqdm")
pytest.importorskip("babel")

from test_tasks import toy_task

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("book_tools_train", ROOT / "book/_tools/train.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_a_kept_promise_ends_with_0_and_prints_scores_beside_baselines(tool, tmp_path, capsys):
    assert tool.main([], [toy_task()], tmp_path) == 0
    out = capsys.readouterr().out
    assert re.search(r"network +0\.9000 +promised: > 0\.8\n", out) and re.search(r"counting +0\.5000 +promised: < network\n", out)
    assert "3 epochs" in out and len(list(tmp_path.iterdir())) == 1


def test_a_missed_promise_ends_with_1_and_says_which_after_all_tasks_ran(tool, tmp_path, capsys):
    assert tool.main([], [toy_task("a", score=0.7), toy_task("b")], tmp_path) == 1
    out, err = capsys.readouterr()
    assert "Missed. a: network is 0.7000; promised was more than 0.8000" in err and "Missed. b" not in err
    assert "==> b" in out


def test_the_small_size_promises_nothing_and_is_another_run(tool, tmp_path, capsys):
    assert tool.main(["--small"], [toy_task()], tmp_path) == 0
    assert "promised" not in capsys.readouterr().out
    tool.main([], [toy_task()], tmp_path)
    assert len(list(tmp_path.iterdir())) == 2


def test_tasks_are_chosen_by_name_or_page(tool, tmp_path, capsys):
    known = [toy_task("a"), toy_task("b")]
    assert [task.name for task in tool.chosen(["b"], known)] == ["b"]
    assert [task.name for task in tool.chosen(["page"], known)] == ["a", "b"]
    with pytest.raises(SystemExit) as stopped:
        tool.main(["c"], known, tmp_path)
    assert stopped.value.code == 2 and "There is no task 'c'; there are: a, b, page" in capsys.readouterr().err


def test_an_interrupted_run_ends_with_130_says_how_to_go_on_and_goes_on(tool, tmp_path, capsys, monkeypatch):
    def interrupted(bar, run):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(tool, "show", interrupted)
        assert tool.main([], [toy_task()], tmp_path) == 130
    assert "the same command goes on from there" in capsys.readouterr().err
    (file,) = tmp_path.iterdir()
    with np.load(file) as parts:
        assert len(parts["run.losses"]) == 1
    assert tool.main([], [toy_task()], tmp_path) == 0
    out = capsys.readouterr().out
    assert f"taking up the run in {file.name}" in out and "3 epochs" in out
    assert tool.main(["--anew"], [toy_task()], tmp_path) == 0
    assert "taking up" not in capsys.readouterr().out


def test_a_damaged_file_ends_with_1_and_one_clear_line(tool, tmp_path, capsys):
    tool.main([], [toy_task()], tmp_path)
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:100])
    assert tool.main([], [toy_task()], tmp_path) == 1
    err = capsys.readouterr().err
    assert "cannot be read as a saved run" in err and "delete it to begin anew" in err


def test_the_bar_of_a_run_that_goes_on_begins_where_the_run_is(tool):
    class Bar:
        n = initial = 0

        def set_postfix(self, **shown):
            self.shown = shown

        def update(self):
            self.n += 1

    class Run:
        losses, scores = np.array([3.0, 2.0, 1.0]), np.array([0.5])

    bar = Bar()
    tool.show(bar, Run)
    assert (bar.initial, bar.n) == (2, 3) and bar.shown["loss"] == "1.0000" and bar.shown["score"] == "0.5000"
