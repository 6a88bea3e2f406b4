"""The types of the public functions: what ``make types`` checks, and that it can fail."""

from __future__ import annotations

import re
import runpy
import shutil

import check_types
import pytest

import rnnlib

# One wrong line each, and what mypy must find in it.
WRONG = {
    "rnn.forward(p, X).nonesuch": "attr-defined",
    "rnn.forward(p, X, f=3)": "arg-type",
    'gru.forward(gru.Params(*p, p.b), X, reset="never")': "arg-type",
    "lstm.forward(p, X)": "arg-type",
    "rnnlib.loss_and_gradients(p, q, X)": "call-arg",
    "rnnlib.loss_and_gradients(p, q, X, X).dL_dp.V": "attr-defined",
    "optimise.sgd(p, p)": "call-arg",
    "rnnlib.nonesuch": "attr-defined",
    "rnnlib.diagnose(rnn.backward, seed='a')": "arg-type",
}
HEAD = "import numpy as np, rnnlib\nfrom rnnlib import gru, initialise, lstm, optimise, rnn\nrng = np.random.default_rng(0)\n"
HEAD += "p, q, X = initialise.uniform_rnn(rng, 3, 5), initialise.uniform_readout(rng, 5, 2), rng.normal(size=(7, 3))\n"


def test_every_module_that_rnnlib_offers_has_a_stub(root):
    assert check_types.unstated() == []
    assert set(check_types.all_of(root / "rnnlib/__init__.py")) == set(rnnlib.__all__)
    assert (root / "rnnlib/py.typed").is_file()


def test_a_module_without_a_stub_is_named(tmp_path, root):
    (tmp_path / "rnnlib").mkdir()
    for name, names in (("__init__.py", '["rnn", "new"]'), ("__init__.pyi", '["rnn"]')):
        (tmp_path / "rnnlib" / name).write_text(f"__all__ = {names}\n")
    for name in ("rnn.py", "rnn.pyi", "new.py"):
        (tmp_path / "rnnlib" / name).touch()
    assert check_types.unstated(tmp_path) == ["new", "new.pyi"]


def test_stubs_and_a_program_that_uses_them_are_right(root):
    done = check_types.mypy(*check_types.stubs(), "tests/typed/user.py")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_program_runs(root):
    runpy.run_path(str(root / "tests/typed/user.py"))


def test_each_wrong_line_is_found(tmp_path, root):
    (wrong := tmp_path / "wrong.py").write_text(HEAD + "".join(f"{line}\n" for line in WRONG))
    said = check_types.mypy(wrong).stdout
    found = {int(line): code for line, code in re.findall(r"wrong\.py:(\d+): error: .*\[([a-z-]+)\]", said)}
    assert found == {k + HEAD.count("\n") + 1: code for k, code in enumerate(WRONG.values())}, said


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (None, None, ""),
        ("f: str | Activation = ..., work", "work", "rnnlib.rnn.forward"),
        ("def step_back(", "def steps_back(", "step_back"),
    ],
)
def test_stubs_say_what_the_modules_are(tmp_path, root, old, new, says):
    """On a copy whose stub of ``rnn`` is as it is, has lost an argument, or names another function."""
    shutil.copytree(root / "rnnlib", tmp_path / "rnnlib", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(root / "pyproject.toml", tmp_path)
    stub = tmp_path / "rnnlib/rnn.pyi"
    text = re.sub(r"\n    (f: str.*)\n    ", r"\n    \1 ", stub.read_text("utf8"))
    if old:
        assert old in text
        for other in check_types.stubs(tmp_path):  # rnn alone: what is looked for is there
            if other.name not in ("rnn.pyi", "__init__.pyi", "activations.pyi", "workspace.pyi"):
                other.unlink()
        stub.write_text(text.replace(old, new), "utf8")
    done = check_types.stubtest(tmp_path)
    assert (done.returncode != 0) == bool(old), done.stdout + done.stderr
    assert says in done.stdout
