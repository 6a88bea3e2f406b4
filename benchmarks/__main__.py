"""The command: ``python -m benchmarks [--quick] [--kind rnn] [--dtype float32]``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks import grid, machine

FOLDER = Path(__file__).resolve().parents[1] / "_build" / "bench"


def main(arguments=None) -> int:
    """Measure what the command line asks for; 1 if the libraries disagree or the run is interrupted."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Times rnnlib against other libraries and the floor.")
    parser.add_argument("--quick", action="store_true", help="four cells instead of the whole grid")
    parser.add_argument("--kind", choices=grid.KINDS, help="only this kind of network")
    parser.add_argument("--dtype", choices=grid.DTYPES, help="only this precision")
    chosen = parser.parse_args(arguments)
    cells = [
        cell
        for cell in (grid.QUICK if chosen.quick else grid.FULL)
        if chosen.kind in (None, cell.kind) and chosen.dtype in (None, cell.dtype)
    ]
    if not cells:
        parser.error("no cell of the quick grid is of this kind and precision; leave out --quick")
    machine.one_thread()
    from benchmarks import problem, run  # they import NumPy, so they come after the threads are set

    try:
        run.run(cells, FOLDER, lambda text: print(text, flush=True))
    except problem.Disagreement as error:
        print(f"STOPPED: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"\nInterrupted; the cells that were finished are in {FOLDER}", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
