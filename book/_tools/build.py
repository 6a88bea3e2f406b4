"""Build the book and say what matters: ``python book/_tools/build.py``; what follows goes to ``jupyter-book build .``.

Jupyter Book ends a failed build with three Python tracebacks of its own, which bury the reason.
Here they are left out, and the reason is the last thing on the screen: Sphinx's message, or the cell that failed and its error.

A build can be stopped at any moment and started again. One build at a time writes into a folder; another one waits for it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
NOISE = re.compile(
    r"^(myst v|myst-nb v|sphinx-multitoc|=+$|Or paste this|You can look at your book|\s*file://)"
    r"|\[etoc\]|: Cached executed notebook|will overwrite data, as a file already"
)
CRASH = re.compile(r"^(Exception occurred:|The full traceback has been saved|Please also report|A bug report can be)")
ERROR = re.compile(r"^[A-Za-z_][\w.]*: (.+)")  # the last line of a traceback
CLICK_BOX = "RuntimeError:"  # Jupyter Book's own, around the reason
CELL_ERROR = "nbclient.exceptions.CellExecutionError"


def readable(lines: Iterable[str]) -> Iterator[str]:
    """The lines without noise and, after a failure, without the tracebacks of the tools.

    What stays of a traceback: a failed cell's own, and its last line, the error, when nobody has said that before.
    """
    in_traceback = in_crash = in_cell = False
    said = set()
    for line in lines:
        plain = COLOUR.sub("", line).rstrip()
        in_traceback = in_traceback or plain.startswith("Traceback (most recent call last):")
        in_crash = in_crash or plain == "Exception occurred:"  # Sphinx names a place in its own code, then the error
        in_cell = plain.startswith(CELL_ERROR) or (in_cell and not plain.startswith("The above exception"))
        error = ERROR.match(plain)
        news = error and error[1] not in said and not error[0].startswith(CLICK_BOX)
        of_tools = (in_traceback and not in_cell and not news) or (in_crash and not in_traceback and plain.startswith("  "))
        if of_tools or CRASH.match(plain) or NOISE.search(plain):
            continue
        said |= {plain, error[1] if error else plain}
        yield line if sys.stdout.isatty() else f"{plain}\n"


def squeeze(lines: Iterable[str]) -> Iterator[str]:
    """No two empty lines in a row."""
    empty = True
    for line in lines:
        if line.strip() or not empty:
            yield line
        empty = not line.strip()


@contextmanager
def alone(folder: Path) -> Iterator[list[int]]:
    """Wait until no other build writes into this folder; what is run with the given descriptors open goes on keeping others out."""
    try:
        import fcntl
    except ImportError:  # Windows
        yield []
        return
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / ".lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("==> Another build is at work here; waiting for its end", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield [lock.fileno()]


def run(*arguments: str) -> int:
    """Run ``jupyter-book build`` and show what is readable of what it prints, as it comes."""
    command = [str(Path(sys.executable).parent / "jupyter-book"), "build", str(ROOT), *arguments]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "encoding": "utf8", "errors": "replace"}
    home = Path(arguments[arguments.index("--path-output") + 1]) if "--path-output" in arguments else ROOT
    with (
        alone(home / "_build") as kept,
        subprocess.Popen(command, cwd=ROOT, env=os.environ | {"PYTHONUNBUFFERED": "1"}, pass_fds=kept, **pipes) as process,
    ):
        try:
            for line in squeeze(readable(process.stdout)):
                print(line, end="", flush=True)
        except KeyboardInterrupt:
            process.kill()  # pages that still run end with it
            print("\n==> Interrupted; the next build goes on from here.", file=sys.stderr)
            return 130
    if process.returncode:
        print("==> The book was NOT built; the reason is above.", file=sys.stderr)
    return process.returncode


if __name__ == "__main__":
    sys.exit(run(*sys.argv[1:]))
