"""The published record: what a full run measured, in few enough numbers to be kept with the project and shown in the book.

``publish`` writes it out of the files of a run; ``missing`` says what a record lacks.
Beside every measured ratio stands its goal, taken from ``grid``.
"""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks import grid, measure, report
from benchmarks.memory import WAYS

FILE = Path(__file__).with_name("record.json")
PARTS = ("time", "memory", "growth", "staircase")
FACTS = ("date", "processor", "cores", "system", "python", "numpy", "blas_running", "load")


class Unusable(Exception):
    """A file that cannot be published."""


def publish(files, target: Path = FILE, partial: bool = False) -> list[str]:
    """Write the record out of the files of one or more runs; of two results for the same, the later file's counts.

    Parts that no file has stay as they are in the record. Returns what is missing.

    Raises
    ------
    Unusable
        If a file is no result of a run, or, unless ``partial``, if the record would not be complete.
    """
    record = json.loads(target.read_text("utf8")) if target.exists() else {}
    fresh = {}
    for file in files:
        run = _read(Path(file))
        made = {name: run[name] for name in FACTS}
        fresh[run["part"]] = SHORTENED[run["part"]](run, made, fresh.get(run["part"]))
    record |= fresh
    lacking = missing(record)
    if lacking and not partial:
        raise Unusable(f"the record would lack {', '.join(lacking[:5])}{' …' if len(lacking) > 5 else ''}; nothing was written")
    target.write_text(dumps({part: record[part] for part in PARTS if part in record}), "utf8")
    return lacking


def missing(record: dict) -> list[str]:
    """What a complete record has and this one does not: parts, cells, libraries."""
    lacking = [part for part in PARTS if part not in record]
    if "time" in record:
        have = {cell: ratios for cell, ratios in results(record)}
        for cell in grid.FULL:
            wanted = {name for name in (*report.OTHERS, "chunks", "floor") if _measured_on(name, cell)}
            lacking += [f"{cell}" if cell not in have else f"{name} at {cell}" for name in sorted(wanted - have.get(cell, {}).keys())]
    if "memory" in record:
        lacking += [f"memory of {name}" for name in WAYS if name not in record["memory"]["peaks"]]
    return list(dict.fromkeys(lacking))


def results(record: dict) -> list:
    """The pairs (cell, ratios) of the time part, as ``report`` takes them."""
    return [(grid.Cell(*(row[field] for field in grid.Cell._fields)), row["ratios"]) for row in record["time"]["cells"]]


def _measured_on(name, cell):
    from benchmarks.libraries import measured_on

    return measured_on(name, cell)


def _read(file: Path) -> dict:
    try:
        run = json.loads(file.read_text("utf8"))
    except (OSError, ValueError) as error:
        raise Unusable(f"{file} cannot be read as the JSON of a run: {error}") from None
    if not isinstance(run, dict) or run.get("part") not in PARTS:
        raise Unusable(f"{file} is no result of python -m benchmarks: it names no part of {', '.join(PARTS)}")
    if run.get("quick"):
        raise Unusable(f"{file} is of a quick run; publish a full one")
    return run


def _time(run, made, before):
    rows = {} if before is None else {_key(row): row for row in before["cells"]}
    for one in run["cells"]:
        cell = grid.Cell(*(one["cell"][field] for field in grid.Cell._fields))
        goal = grid.goal(cell)
        seconds = measure.seconds([measure.Sample(**sample) for sample in one["samples"]["rnnlib"]])
        ratios = {name: _short(value) for name, value in one["ratios"].items()}
        goals = {name: bound for name in (*report.OTHERS, "floor") if (bound := getattr(goal, name, None)) is not None}
        row = cell._asdict() | {"ms": _short(1e3 * seconds), "ratios": ratios, "goals": goals}
        row |= {"chunk_goals": chunked} if (chunked := report.chunk_goals(cell)) else {}
        rows[_key(row)] = row
    order = {tuple(cell): k for k, cell in enumerate(grid.FULL)}
    cells = sorted((row for key, row in rows.items() if key in order), key=lambda row: order[_key(row)])
    found = report.means([(grid.Cell(*_key(row)), row["ratios"]) for row in cells])
    means = [
        {"kind": kind, "dtype": dtype, "library": name, "mean": _short(mean), "cells": count, "goal": grid.MEANS[kind, dtype, name]}
        for (kind, dtype, name), (mean, count) in found.items()
    ]
    facts = {"rounds": min(len(one["samples"]["rnnlib"]) for one in run["cells"]), "libraries": run["libraries"], "absent": run["absent"]}
    return {"made": made | facts, "cells": cells, "means": means}


def _memory(run, made, before):
    peaks = {name: [round(peak / 1e6, 2) for peak in found] for name, found in run["peaks"].items()}
    seconds = {name: _short(value) for name, value in run["seconds"].items()}
    return {"made": made} | {name: run[name] for name in ("problem", "T", "ways", "goals")} | {"peaks": peaks, "seconds": seconds}


def _growth(run, made, before):
    curves = {
        axis: {
            name: {"sizes": sizes, "seconds": [_short(value) for value in seconds], "exponent": round(power, 2)}
            for name, (sizes, seconds, power) in run[axis].items()
        }
        for axis in ("over_T", "over_h")
    }
    best = {name: run["headline"][name] for name in ("T", "h")} | {"ratio": _short(run["headline"]["ratio"])}
    return {"made": made, "n": run["n"], "h": run["h"], "T": run["T"], **curves, "headline": best}


def _staircase(run, made, before):
    cells = [{"cell": one["cell"], "ms": {name: _short(1e3 * s) for name, s in one["seconds"].items()}} for one in run["cells"]]
    return {"made": made, "cells": cells}


SHORTENED = {"time": _time, "memory": _memory, "growth": _growth, "staircase": _staircase}


def _key(row) -> tuple:
    return tuple(row[field] for field in grid.Cell._fields)


def _short(value: float) -> float:
    """Four digits."""
    return float(f"{value:.4g}")


def dumps(record: dict) -> str:
    """The record as JSON with a line for each entry, so that two records can be compared line by line."""
    parts = []
    for part, content in record.items():
        lines = [f"  {json.dumps(name)}: {_value(value)}" for name, value in content.items()]
        parts.append(f" {json.dumps(part)}: {{\n" + ",\n".join(lines) + "\n }")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _value(value) -> str:
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[\n" + ",\n".join(f"   {json.dumps(one, ensure_ascii=False)}" for one in value) + "\n  ]"
    return json.dumps(value, ensure_ascii=False)
