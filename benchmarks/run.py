"""The times over a grid: check that all agree, measure, show, write."""

from __future__ import annotations

import gc
import json
from pathlib import Path

from benchmarks import libraries, machine, measure, problem, report
from benchmarks.grid import SHARE, Cell

GRADIENTS = "for all parameters, the inputs and the initial state; softmax cross-entropy at every step, summed"


def run(cells, folder: Path, say=print, rounds: int = measure.ROUNDS, shortest: float = measure.SHORTEST) -> Path:
    """Measure the cells and write all samples to a new JSON file in the folder, anew after every cell.

    Returns the file, ``time-`` and the date. An interrupted run leaves the cells it has finished.

    Raises
    ------
    Disagreement
        If a library finds another loss or gradient than rnnlib, before anything of that cell is timed.
    """
    here, absent = libraries.present()
    versions = {name: library.version for name, library in here.items()}
    facts = machine.describe() | {"part": "time", "gradients": GRADIENTS, "libraries": versions, "absent": absent}
    for name, reason in absent.items():
        say(f"ABSENT: {name} is not measured ({reason}); install it into this environment to compare with it")
    say(f"{facts['processor']}, {facts['cores']} cores, load {facts['load']}; BLAS: {facts['blas_running']}")
    say("One thread; processor time, ratios of medians; a number in brackets is a goal, ! a goal that is missed.")
    say("A dash: not measured (absent; only the simple network; autograd up to T = 100 and states of 20 MB, textbook code up to 100 MB).")
    file = machine.file_for(folder, facts)
    say(report.head())
    results = []
    for number, cell in enumerate(cells, 1):
        progress = _progress(f"[{number}/{len(cells)}] {cell}", rounds)
        results.append(result := one(cell, here, rounds, shortest, progress))
        progress(None)
        say(report.line(cell, measure.seconds(result["samples"]["rnnlib"]), result["ratios"]))
        machine.write(file, facts | {"cells": [_plain(result) for result in results]})
    for verdict in report.verdicts([(cell, result["ratios"]) for cell, result in zip(cells, results, strict=True)]):
        say(verdict)
    say(f"Load now {machine.load()}; all samples: {file}")
    return file


def check(file: Path, say=print) -> int:
    """0 if every goal of the cells in a file is kept to the share ``grid.SHARE``, else 1; ratios only, never times.

    A library that is absent fails the check: what is not measured cannot be kept.
    """
    record = json.loads(file.read_text("utf8"))
    results = [(Cell(*(row["cell"][field] for field in Cell._fields)), row["ratios"]) for row in record["cells"]]
    wrong = [str(one) for one in report.judged(results) if not one.nearly()]
    wrong += [f"{name} is absent: {reason}" for name, reason in record["absent"].items()]
    for one in wrong:
        say(f"FAILED: {one}")
    say(f"Every goal kept to {SHARE} of it" if not wrong else f"{len(wrong)} failed; a goal counts as kept at {SHARE} of it")
    return int(bool(wrong))


def one(cell, here, rounds, shortest, progress) -> dict:
    """Everything about one cell: differences between the answers, samples, ratios, the load before and after."""
    before, given = machine.load(), problem.make(cell)
    progress("checking")
    contestants = {name: library.prepare(given) for name, library in here.items() if libraries.measured_on(name, cell)}
    first = {name: measure.once(call) for name, (call, _) in contestants.items()}
    took = {name: seconds for name, (_, seconds) in first.items()}
    answers = {name: read(first.pop(name)[0]) for name, (_, read) in contestants.items() if read}
    expected = answers.pop("rnnlib")
    differences = {name: problem.agree(cell, name, found, expected) for name, found in answers.items()}
    del answers, expected
    gc.collect()
    functions = {name: call for name, (call, _) in contestants.items()}
    samples = measure.interleaved(functions, rounds, shortest, progress, measure.ENOUGH, took)
    return {
        "cell": cell._asdict() | {"n": cell.n},
        "differences": differences,
        "ratios": measure.ratios(samples),
        "samples": samples,
        "load": [before, machine.load()],
    }


def _progress(what: str, rounds: int):
    """A line that says where the run is and is wiped out by the next; nothing if no one is looking."""
    show = machine.progress_line()

    def at(state):
        step = state if isinstance(state, str) else f"round {state + 1} of {rounds} or more" if state is not None else None
        show(step and f"{what}: {step}")

    return at


def _plain(result: dict) -> dict:
    """A result as JSON has it."""
    return result | {"samples": {name: [sample._asdict() for sample in taken] for name, taken in result["samples"].items()}}
