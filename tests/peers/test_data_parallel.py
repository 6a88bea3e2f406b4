"""The book's script for several processes runs, over the loopback alone, and agrees with rnnlib on the whole batch."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed; make test-peers installs it")

SCRIPT = Path(__file__).resolve().parents[2] / "book/data_parallel.py"


def launched(script, processes):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--local-addr", "127.0.0.1"]
    command += ["--nproc-per-node", str(processes), str(script)]
    return subprocess.run(command, env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=120)


@pytest.mark.skipif(not torch.distributed.is_gloo_available(), reason="this build of PyTorch has no gloo")
def test_two_processes_find_rnnlibs_gradient_and_step():
    run = launched(SCRIPT, 2)
    assert run.returncode == 0, run.stderr
    first, *rest = run.stdout.splitlines()
    assert first == "2 processes with [3, 2] of 5 sequences"
    gradient, step, naive = (float(re.search(r": +(\S+)$", line)[1]) for line in rest)
    assert gradient < 1e-12 and step < 1e-9 and naive > 1e-2


@pytest.mark.skipif(not torch.distributed.is_gloo_available(), reason="this build of PyTorch has no gloo")
def test_a_wrong_scale_ends_with_an_error(tmp_path):
    """The alarm: without the number of processes in the scale, the mean over processes is too small."""
    text = SCRIPT.read_text("utf8")
    assert "scale=world / B" in text
    wrong = tmp_path / "wrong.py"
    wrong.write_text(text.replace("scale=world / B", "scale=1 / B"), "utf8")
    run = launched(wrong, 2)
    assert run.returncode != 0 and "AssertionError" in run.stderr
