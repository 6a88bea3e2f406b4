"""The command: ``python -m benchmarks [--part time] [--quick | --check] [--kind rnn] [--dtype float32]``, or ``--publish FILE...``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks import grid, machine

FOLDER = Path(__file__).resolve().parents[1] / "_build" / "bench"
PARTS = ("time", "memory", "growth", "staircase")


def main(arguments=None) -> int:
    """Measure what the command line asks for; 1 if the libraries disagree, a goal is missed in a check, or a process fails."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measures rnnlib against other libraries and the floor.")
    which = "only this part (may be given again); otherwise all, or the times alone when there is a choice of cells"
    parser.add_argument("--part", action="append", choices=PARTS, help=which)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="a few cells and short sequences instead of everything")
    size.add_argument("--check", action="store_true", help=f"times of four cells; fail if one is below {grid.SHARE} of its goal")
    size.add_argument("--publish", nargs="+", metavar="FILE", help="write benchmarks/record.json out of the files of a full run")
    parser.add_argument("--partial", action="store_true", help="with --publish: even if the record is not complete")
    parser.add_argument("--kind", choices=grid.KINDS, help="times: only this kind of network")
    parser.add_argument("--dtype", choices=grid.DTYPES, help="times: only this precision")
    chosen = parser.parse_args(arguments)
    machine.one_thread()
    if chosen.publish:
        return publish(chosen)
    cells = [
        cell
        for cell in (grid.CHECK if chosen.check else grid.QUICK if chosen.quick else grid.FULL)
        if chosen.kind in (None, cell.kind) and chosen.dtype in (None, cell.dtype)
    ]
    narrow = chosen.quick or chosen.check or chosen.kind or chosen.dtype
    parts = chosen.part or (["time"] if narrow else PARTS)
    if "time" in parts and not cells:
        parser.error("no cell of this grid is of this kind and precision; leave out --quick or --check")
    return measured(parts, cells, chosen)


def measured(parts, cells, chosen) -> int:
    """Measure the parts one after the other."""
    from benchmarks import growth, memory, problem, run, staircase  # they import NumPy, so they come after the threads are set

    def say(text):
        print(text, flush=True)

    do = {
        "time": lambda: run.run(cells, FOLDER, say),
        "memory": lambda: memory.run(memory.T_QUICK if chosen.quick else memory.T_VALUES, FOLDER, say),
        "growth": lambda: growth.run(FOLDER, say, chosen.quick),
        "staircase": lambda: staircase.run(FOLDER, say, staircase.CELLS[:2] if chosen.quick else staircase.CELLS),
    }
    files = []
    try:
        for part in parts:
            say(f"==> {part}")
            files.append(do[part]())
        return run.check(files[0], say) if chosen.check else 0
    except (problem.Disagreement, RuntimeError) as error:
        print(f"STOPPED: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"\nInterrupted; what was finished is in {FOLDER}", file=sys.stderr)
        return 130
    finally:
        if len(files) > 1:
            say(f"To publish: python -m benchmarks --publish {' '.join(map(str, files))}")


def publish(chosen) -> int:
    """Write the record and say what it lacks."""
    from benchmarks import record

    try:
        lacking = record.publish(chosen.publish, partial=chosen.partial)
    except record.Unusable as error:
        print(f"NOT PUBLISHED: {error}", file=sys.stderr)
        return 1
    for one in lacking:
        print(f"missing: {one}")
    print(f"Written: {record.FILE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
