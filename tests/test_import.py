"""What ``import rnnlib`` brings in and costs, and what it offers: names, docstrings, labels."""

import inspect
import json
import re
import subprocess
import sys

import pytest

import rnnlib
from rnnlib import (
    activations,
    bidirectional,
    cells,
    checkpointed,
    chunked,
    flow,
    gru,
    initialise,
    interop,
    losses,
    lstm,
    model,
    optimise,
    other_ways,
    readout,
    rnn,
    stacked,
    train,
    truncated,
    workspace,
)  # fmt: skip

MODULES = [
    activations, bidirectional, cells, checkpointed, chunked, flow, gru, initialise, interop, losses, lstm, model, optimise, other_ways,
    readout, rnn, stacked, train, truncated, workspace,
]  # fmt: skip
LABELS = {
    *("eq-model-a", "eq-model-s", "eq-model-z", "eq-model-o", "eq-model-loss"),
    *("eq-output-v", "eq-output-c", "eq-output-epsilon"),
    *("eq-one-step-u", "eq-one-step-w", "eq-one-step-j", "eq-one-step-vjp"),
    *("eq-gradient-u-paths", "eq-gradient-u-outer", "eq-gradient-w-paths", "eq-gradient-w-outer"),
    *("eq-lstm-a", "eq-lstm-gates", "eq-lstm-cell", "eq-lstm-state", "eq-lstm-lambda", "eq-lstm-mu", "eq-lstm-delta"),
    *("eq-lstm-u", "eq-lstm-w", "eq-lstm-b", "eq-lstm-x", "eq-lstm-start"),
    *("eq-two-directions-adjoint", "eq-two-directions-rtrl", "eq-totals-weights"),
    *("eq-gru-gates", "eq-gru-candidate", "eq-gru-state", "eq-gru-before-candidate", "eq-gru-replace-state"),
    *("eq-gru-delta-candidate", "eq-gru-delta-u", "eq-gru-delta-r", "eq-gru-adjoint", "eq-gru-before-back"),
    *("eq-gru-before-adjoint", "eq-gru-jacobian", "eq-gru-u", "eq-gru-b", "eq-gru-x", "eq-gru-w", "eq-gru-w-candidate", "eq-gru-b-s"),
    *("eq-bidirectional-forward", "eq-bidirectional-backward", "eq-bidirectional-readout", "eq-bidirectional-last"),
    *("eq-bidirectional-delta-forward", "eq-bidirectional-w-forward", "eq-bidirectional-w-backward"),
    *("eq-bidirectional-x", "eq-bidirectional-s0"),
    *("eq-flow-bound", "eq-flow-step", "eq-flow-lower", "eq-flow-pairs", "eq-flow-contribution"),
    *("eq-truncated-window", "eq-truncated-bias"),
}


def run(*arguments):
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=True)


def test_import_brings_in_numpy_and_nothing_heavier():
    script = "import json, sys; old = set(sys.modules); import {}; print(json.dumps([*set(sys.modules) - old]))"
    numpy, with_rnnlib = (
        {*json.loads(run("-c", script.format(name)).stdout)} for name in ("numpy", "rnnlib")
    )
    assert {"numpy", "rnnlib", "rnnlib.rnn"} <= with_rnnlib
    third_party = {name.partition(".")[0] for name in with_rnnlib - numpy} - sys.stdlib_module_names
    assert third_party == {"rnnlib"}
    assert not any(name.startswith(("rnnlib.proof", "rnnlib.figures", "rnnlib.data", "rnnlib.doctor")) for name in with_rnnlib)


def test_the_doctor_comes_when_it_is_asked_for_and_needs_numpy_alone():
    script = "import json, sys, rnnlib; rnnlib.diagnose; rnnlib.diagnose_formula; print(json.dumps([*sys.modules]))"
    loaded = {*json.loads(run("-c", script).stdout)}
    assert "rnnlib.doctor" in loaded and "sympy" not in loaded and "rnnlib.proof" not in loaded
    assert rnnlib.doctor.diagnose is rnnlib.diagnose
    with pytest.raises(AttributeError, match="no attribute 'nonesuch'"):
        rnnlib.nonesuch  # noqa: B018


def test_import_takes_little_more_than_numpy_does():
    script = "import time, numpy; before = time.process_time(); import rnnlib; print(time.process_time() - before)"
    assert min(float(run("-c", script).stdout) for _ in range(3)) < 0.2  # of the processor: others may be at work here


def test_every_name_in_all_is_there():
    assert all(hasattr(rnnlib, name) for name in rnnlib.__all__)


def public():
    """Every function and class that a module of rnnlib defines under a public name."""
    return [
        pytest.param(thing, id=f"{module.__name__.removeprefix('rnnlib.')}.{name}")
        for module in MODULES
        for name, thing in vars(module).items()
        if not name.startswith("_") and (inspect.isfunction(thing) or inspect.isclass(thing))
        if thing.__module__ == module.__name__ and "<lambda>" not in thing.__qualname__
    ]


@pytest.mark.parametrize("thing", public())
def test_every_public_name_has_a_docstring(thing):
    doc = inspect.getdoc(thing)
    assert doc and doc.split("\n\n")[0].strip()
    assert not doc.startswith(f"{thing.__name__}(")  # not the one that named tuples have by themselves
    if inspect.isfunction(thing):
        assert ">>>" in doc


@pytest.mark.parametrize("module", MODULES)
def test_labels_in_docstrings_are_those_of_the_book(module):
    assert set(re.findall(r"eq-[a-z0-9-]+", inspect.getsource(module))) <= LABELS


def test_every_label_is_named_by_some_function():
    named = set().union(*(re.findall(r"eq-[a-z0-9-]+", inspect.getsource(module)) for module in MODULES))
    assert named == LABELS
