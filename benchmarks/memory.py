"""Memory: how much more a process holds at its peak while it computes one gradient of a long sequence.

Each way runs in a process of its own, which first imports what it needs, makes the network, the inputs and the targets,
has its compiler run if it has one, and computes a gradient of four steps.
What it holds then is the base. The figure is the peak of its resident set during one call, less the base.
So inputs and targets are not counted, and results are: dL/dX, as large as X, is among them where a way computes it.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from pathlib import Path

from benchmarks import machine
from benchmarks.grid import Cell

T_VALUES, T_QUICK = (512, 2048, 8192), (512, 2048)
WAYS = {
    "states": "rnnlib, all states in a workspace",
    "short": "rnnlib, checkpoints each √(T/6) steps",
    "no_dX": "rnnlib, √T checkpoints",
    "checkpoints": "rnnlib, √T checkpoints and dL/dX",
    "chunks": "rnnlib, truncated to chunks of 64",
    "torch": "PyTorch",
    "jax": "JAX",
}
GOALS = {"megabytes": 10, "slower": 1.7}  # for checkpoints at the greatest T: less than this, and times as long as with all states
EXACT = ("short", "no_dX", "checkpoints")  # must agree with all states; chunks are another computation


def long(T: int) -> Cell:
    """The problem: B = 32 sequences of T steps, h = 128 units, float32."""
    return Cell("rnn", "float32", T, 32, 128)


def run(T_values, folder: Path, say=print) -> Path:
    """Measure every way for every T, and the time of all ways at the greatest T; returns the file that was written.

    Raises
    ------
    RuntimeError
        If a process fails for another reason than an absent library, or the system does not show a process's peak.
    """
    facts = machine.describe() | {"part": "memory", "problem": long(max(T_values))._asdict(), "T": list(T_values)}
    facts |= {"ways": WAYS, "goals": GOALS}
    show, peaks, absent = machine.progress_line(), {}, {}
    say(f"Peak memory above the base in MB, B = 32, h = 128, float32, at T = {', '.join(map(str, T_values))}")
    for name, title in WAYS.items():
        found = []
        for T in T_values:
            show(f"memory of {title}, T = {T}")
            answer = alone(name, T)
            if "absent" in answer:
                absent[name] = answer["absent"]
                break
            found.append(answer["peak"])
        show(None)
        if name in absent:
            say(f"ABSENT: {title} is not measured ({absent[name]})")
        else:
            peaks[name] = found
            say(f"  {title:38}" + "".join(f"{peak / 1e6:10.1f}" for peak in found))
    show(f"times at T = {max(T_values)}")
    seconds = alone("times", max(T_values))
    show(None)
    for name, value in seconds.items():
        say(f"  {WAYS[name]:38}{value:8.2f} s at T = {max(T_values)}, {value / seconds['states']:.2f} times all states")
    file = machine.file_for(folder, facts)
    machine.write(file, facts | {"peaks": peaks, "seconds": seconds, "absent": absent})
    say(f"Written: {file}")
    return file


def alone(name: str, T: int) -> dict:
    """What a process of its own finds out about a way: {"base": …, "peak": …} in bytes, or {"absent": why}."""
    command = [sys.executable, "-m", "benchmarks.memory", name, str(T)]
    where = {"cwd": Path(__file__).resolve().parents[1], "env": os.environ | machine.ONE_THREAD}
    done = subprocess.run(command, **where, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"the process that measures {name} at T = {T} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def peak_of(name: str, T: int) -> dict:
    """Base and peak of this very process, see the module's first lines."""
    try:
        small = ways(long(4), [name])[name]
        small()
        call = ways(long(T), [name])[name]
    except ImportError as error:
        return {"absent": str(error)}
    gc.collect()
    base = resident("VmRSS")
    forget_peak()
    call()
    return {"base": base, "peak": resident("VmHWM") - base}


def times(T: int) -> dict:
    """The median time of one call of each way, in turn; the exact ones must agree before."""
    from benchmarks import libraries, measure, problem

    cell, here = long(T), libraries.present()[0]
    calls = ways(cell, [name for name in WAYS if name not in ("torch", "jax") or name in here])
    expected = parameters(calls["states"]())
    for name in EXACT:
        problem.agree(cell, name, parameters(calls[name]()), expected)
    return {name: measure.seconds(taken) for name, taken in measure.interleaved(calls).items()}


def parameters(found) -> dict:
    """The loss, the parameters' gradients and that of the initial state, by name, as copies."""
    import numpy as np

    L, dp, dq, _, back = found
    return {name: np.array(value) for name, value in {"L": L, **dp._asdict(), **dq._asdict(), "s_0": back}.items()}


def ways(cell: Cell, names) -> dict:
    """The functions without arguments, by name, ready to be called."""
    from benchmarks import libraries
    from rnnlib import checkpointed, truncated

    given = slim(cell)
    _, p, q, X, s_0, _, Y = given

    def with_checkpoints(inputs=False, every=None):
        kept = libraries.workspace_for(checkpointed.loss_and_gradients)
        return lambda: checkpointed.loss_and_gradients(p, q, X, Y, s_0, inputs=inputs, every=every, **kept)

    def in_chunks():
        kept, s = libraries.workspace_for(truncated.chunk), s_0
        for a in range(0, cell.T, 64):
            _, s = truncated.chunk(p, q, X[a : a + 64], Y[a : a + 64], s, **kept)

    found = {
        "states": lambda: libraries.ours().prepare(given)[0],
        "short": lambda: with_checkpoints(every=checkpointed.segment(-(-cell.T // 6))),  # a step of a segment holds about 6 states
        "no_dX": with_checkpoints,
        "checkpoints": lambda: with_checkpoints(inputs=True),
        "chunks": lambda: in_chunks,
        "torch": lambda: libraries.by_torch().prepare(given)[0],
        "jax": lambda: libraries.by_jax().prepare(given)[0],
    }
    return {name: found[name]() for name in names}


def slim(cell: Cell):
    """The problem for a cell, made step by step: no array on the way is larger than one step's, so none raises the base."""
    import numpy as np

    from benchmarks import problem

    rng, one = np.random.default_rng(0), problem.make(cell._replace(T=1))
    X, Y = np.empty((cell.T, cell.B, cell.n), cell.dtype), np.zeros((cell.T, cell.B, cell.n), cell.dtype)
    labels = np.empty((cell.T, cell.B), int)
    for x, y, label in zip(X, Y, labels, strict=True):
        x[...], label[...] = rng.normal(size=x.shape), rng.integers(cell.n, size=cell.B)
        y[np.arange(cell.B), label] = 1
    return one._replace(cell=cell, X=X, Y=Y, labels=labels)


def resident(which: str) -> int:
    """This process's resident set ("VmRSS") or its peak ("VmHWM"), in bytes, from Linux."""
    for line in Path("/proc/self/status").read_text("utf8").splitlines():
        if line.startswith(f"{which}:"):
            return 1024 * int(line.split()[1])
    raise RuntimeError(f"the system does not show {which} in /proc/self/status; the peak of a process is measured on Linux only")


def forget_peak():
    """Let the peak start anew from what is held now."""
    Path("/proc/self/clear_refs").write_text("5", "utf8")


if __name__ == "__main__":
    machine.one_thread()
    which, steps = sys.argv[1], int(sys.argv[2])
    print(json.dumps(times(steps) if which == "times" else peak_of(which, steps)))
