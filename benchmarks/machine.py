"""What the times depend on besides the code: one thread, versions, the BLAS and its kernel, the processor, its load."""

from __future__ import annotations

import ctypes
import json
import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path

ONE_THREAD = {
    **dict.fromkeys(
        ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "BLIS_NUM_THREADS", "NPROC"), "1"
    ),
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
    "JAX_PLATFORMS": "cpu",
}


def one_thread():
    """Ask every library for a single thread. Libraries read this when they are imported, so it must come first.

    Raises
    ------
    RuntimeError
        If NumPy or a library to be measured has been imported already.
    """
    early = sorted({"numpy", "torch", "jax", "autograd"} & sys.modules.keys())
    if early:
        raise RuntimeError(f"{', '.join(early)} was imported before the number of threads was set; start with python -m benchmarks")
    os.environ.update(ONE_THREAD)


def describe() -> dict:
    """The machine and the software, for the record."""
    import numpy as np

    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "threads": {name: os.environ.get(name) for name in ONE_THREAD},
        "blas": np.show_config(mode="dicts")["Build Dependencies"]["blas"].get("name", "unknown"),
        "blas_running": _openblas(),
        **_processor(),
        "load": load(),
    }


def load() -> list[float] | None:
    """How many processes want to run, on average over 1, 5 and 15 minutes; None where the system does not say."""
    return [round(one, 2) for one in os.getloadavg()] if hasattr(os, "getloadavg") else None


def progress_line():
    """A function that shows a line where the last one was, None wiping it out; it shows nothing if no one is looking."""

    def show(text):
        if sys.stderr.isatty():
            print(f"\r\033[K{text or ''}", end="", file=sys.stderr, flush=True)

    return show


def file_for(folder: Path, facts: dict) -> Path:
    """Where the samples of a run go: the part and the date of its facts."""
    return folder / f"{facts['part']}-{facts['date'].replace(':', '-')}.json"


def write(file: Path, record: dict):
    """A record as JSON, never half written."""
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_suffix(".part")
    unfinished.write_text(json.dumps(record, indent=1), "utf8")
    unfinished.replace(file)


def _processor() -> dict:
    """Model and instruction sets of the processor, from Linux; elsewhere what Python knows."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf8").splitlines()
    except OSError:
        return {"processor": platform.processor(), "flags": []}
    facts = {}
    for line in lines:
        name, _, value = line.partition(":")
        facts.setdefault(name.strip(), value.strip())
    return {"processor": facts.get("model name", "unknown"), "flags": facts.get("flags", facts.get("Features", "")).split()}


def _openblas() -> str:
    """Configuration, kernel and threads of the OpenBLAS that NumPy has loaded, or "unknown"."""
    try:
        maps = Path("/proc/self/maps").read_text("utf8").split()
    except OSError:
        return "unknown"
    for path in sorted({word for word in maps if "openblas" in Path(word).name}):
        library = ctypes.CDLL(path)
        for name in ("scipy_openblas_get_{}64_", "openblas_get_{}64_", "openblas_get_{}"):
            if hasattr(library, name.format("corename")):
                return _asked(library, name)
    return "unknown"


def _asked(library, name) -> str:
    """The answers of an OpenBLAS whose functions are called ``name``."""
    corename, config = (getattr(library, name.format(which)) for which in ("corename", "config"))
    corename.restype = config.restype = ctypes.c_char_p
    threads = getattr(library, name.format("num_threads"))()
    return f"{config().decode().strip()}; kernel {corename().decode()}; threads {threads}"
