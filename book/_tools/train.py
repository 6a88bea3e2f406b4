"""Train the book's tasks in full: ``python book/_tools/train.py names stress``; without a name, all of them.

A run is saved in ``_build/runs/`` after each epoch; an interrupted one goes on where it was.
The scores stand beside those of counting, or of whatever needs no network.
A promised score that is missed ends it with 1, Ctrl-C with 130, an unknown task with 2.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
from functools import partial
from pathlib import Path

from tqdm import tqdm

from rnnlib import tasks

RUNS = Path(__file__).resolve().parents[2] / "_build" / "runs"


def chosen(names: list[str], known) -> list:
    """The tasks with these names or of these pages, in the order of ``known``; all if there is no name."""
    for name in names:
        if not any(name in (task.name, task.page) for task in known):
            every = sorted({word for task in known for word in (task.name, task.page)})
            print(f"There is no task {name!r}; there are: {', '.join(every)}", file=sys.stderr)
            raise SystemExit(2)
    return [task for task in known if not names or {task.name, task.page} & set(names)]


def saved(task, settings, folder: Path) -> Path:
    """The file of a run: other settings make another run, and another file."""
    digest = hashlib.sha256(repr(settings).encode()).hexdigest()[:8]
    return folder / f"{task.name}-{digest}.npz"


def table(scores, promises) -> list[str]:
    """A line for each score, the promises that are about it beside it."""
    wide = max(map(len, scores))
    about = {name: ", ".join(f"{relation} {bound}" for score, relation, bound in promises if score == name) for name in scores}
    return [f"    {name:{wide}}  {value:8.4f}{f'   promised: {about[name]}' if about[name] else ''}" for name, value in scores.items()]


def show(bar, run) -> None:
    """Bring the bar to where the run is; a run that was taken up again does not begin at 0."""
    if not bar.n:
        bar.initial = bar.n = len(run.losses) - 1
    bar.set_postfix(loss=f"{run.losses[-1]:.4f}", **({"score": f"{run.scores[-1]:.4f}"} if len(run.scores) else {}), refresh=False)
    bar.update()


def train(task, small: bool, folder: Path) -> list[str]:
    """Train one task, print its scores, and return the promises that it missed; only the full training promises anything."""
    settings = task.small if small else task.full
    path = saved(task, settings, folder)
    print(f"==> {task.name}: {task.question}", flush=True)
    if path.exists():
        print(f"    taking up the run in {path.name}")
    begun, problem = time.perf_counter(), task.prepare(settings)
    with tqdm(total=problem.options.get("epochs"), unit="epoch", leave=False, mininterval=0.5) as bar:
        learnt = tasks.learn(problem, path=path, callback=partial(show, bar))
    print("\n".join(table(learnt.scores, () if small else task.promises)))
    print(f"    {len(learnt.run.losses)} epochs; {time.perf_counter() - begun:.0f} s now", flush=True)
    return [] if small else [f"{task.name}: {missed}" for missed in tasks.missed(task.promises, learnt.scores)]


def main(arguments: list[str] | None = None, known=None, folder: Path = RUNS) -> int:
    parser = argparse.ArgumentParser(prog="train.py", description="Train the book's tasks in full.")
    parser.add_argument("names", nargs="*", metavar="task", help="which tasks, by their own name or their page's; all without it")
    parser.add_argument("--small", action="store_true", help="the size that the pages train")
    parser.add_argument("--anew", action="store_true", help="forget what is saved")
    options = parser.parse_args(arguments)
    every = chosen(options.names, tasks.TASKS if known is None else known)
    folder.mkdir(parents=True, exist_ok=True)
    missed = []
    try:
        for task in every:
            if options.anew:
                saved(task, task.small if options.small else task.full, folder).unlink(missing_ok=True)
            missed += train(task, options.small, folder)
    except KeyboardInterrupt:
        print("\nInterrupted. The epochs that were finished are saved; the same command goes on from there.", file=sys.stderr)
        return 130
    except ValueError as error:
        print(f"{task.name}: {error}", file=sys.stderr)
        return 1
    for line in missed:
        print(f"Missed. {line}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
