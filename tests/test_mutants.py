"""The slips themselves, the list of those without effect, and a sample: every slip in every ``step_back`` is noticed."""

import ast
import builtins
import subprocess
import sys
from functools import partial
from pathlib import Path

import mutants
import numpy as np
import pytest
from mutant_operators import mutations

from rnnlib import activations, losses, rnn


def changes(source):
    return [m.what for m in mutations(ast.parse(source).body[0])]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("return a + b", ["a + b → a", "a + b → b", "a + b → a - b", "a + b → -(a + b)"]),
        ("return a.dot(b.T, out)", ["a.dot(b.T, out) → b.T.dot(a, out)", "a.dot(b.T, out) → a.T.dot(b.T, out)", "b.T → b"]),
        ("return 1 - s * s", ["1 - s * s → s * s - 1", "1 → 0", "1 → 2", "s * s → s", "s * s → s + s"]),
        ("return S[1:]", ["S[1:] → S", "1: → :", "1: → 1:-1", "1 → 0", "1 → 2"]),
        ("return S[:-1]", [":-1 → :", ":-1 → 1:-1", "-1 → -2", "-1 → 0"]),
        ("return A[t]", ["A[t] → A"]),
        ("return a.sum(axis=0)", ["a.sum(axis=0) → a.mean(axis=0)", "a.sum(axis=0) → a.sum()", "0 → 1", "0 → -1"]),
        ("return join([a, b, c])", ["[a, b, c] → [b, a, c]", "[a, b, c] → [a, c, b]"]),
        ("return reversed(list(pairs))", ["reversed(list(pairs)) → list(pairs)"]),
        ("return Params(U=a, W=b)", ["Params(U=a, W=b) → Params(U=b, W=a)"]),
        ("return where(a < b, a, 0)", ["a < b → a <= b", "a < b → a >= b", "where(a < b, a, 0) → where(a < b, 0, a)"]),
        ("d *= back", ["d *= back → d /= back", "d *= back → d += back", "d *= back → d = back", "dropped: d *= back"]),
        ("times(d, W, back)", ["dropped: times(d, W, back)", "times(d, W, back) → times(W, d, back)"]),
        ("return u if keep else 1 - u", ["u if keep else 1 - u → u", "u if keep else 1 - u → 1 - u"]),
        ("return p.W.r", ["p.W.r → p.W.u", "p.W → p.U"]),
        ("return a and not b", ["a and (not b) → a or not b", "a and (not b) → not b", "a and (not b) → a", "not b → b"]),
    ],
)
def test_the_slips_that_a_line_offers(line, expected):
    found = changes(f"def step_back():\n    {line}")
    assert [what for what in expected if what not in found] == []


def test_two_slips_of_one_name_on_a_line_are_numbered():
    assert changes("def f(s):\n    return (s * s) @ (s * s)").count("s * s → s") == 1
    assert "s * s → s (2)" in changes("def f(s):\n    return (s * s) @ (s * s)")


def test_documentation_and_messages_are_left_alone():
    assert changes('def f(a):\n    """1 + 2"""\n    if a < 1:\n        raise ValueError("2 - 1")') == []


def test_a_slip_is_put_in_its_place_and_taken_out_again():
    tree = ast.parse("def f(a, b):\n    return a - b\n").body[0]
    right = ast.unparse(tree)
    for mutation in mutations(tree):
        back = mutation.swap()
        assert ast.unparse(tree) != right
        back.swap()
        assert ast.unparse(tree) == right


def test_every_step_back_and_backward_and_every_slope_is_among_the_targets():
    names = {target.name for target in mutants.targets()}
    passes = ("step", "step_back", "backward")
    assert names >= {f"{cell}.{name}" for cell in ("rnn", "lstm", "gru", "stacked") for name in passes}
    assert names >= {"readout.step_back", "readout.backward", "bidirectional.backward", "bidirectional.turn", "rnn._deltas"}
    assert names >= {f"activations.{f}.df" for f in activations.ACTIVATIONS}
    assert names >= {f"losses.{head}.epsilon" for head in losses.HEADS}


def test_the_code_of_a_target_is_that_of_the_function():
    """The tree belongs to the function: compiled as it stands, it has its names and numbers."""
    for target in mutants.targets():
        new, old = mutants.compiled(target), target.function.__code__
        assert (new.co_name, new.co_varnames, set(new.co_names) - {"__called__"}) == (old.co_name, old.co_varnames, set(old.co_names))
        assert not new.co_freevars
    (target,) = mutants.targets(["activations.tanh.df"])
    assert target.function is activations.tanh.df


def test_a_changed_function_is_changed_wherever_it_is_held(monkeypatch):
    """In a module, in a record, in a partial function: the code is exchanged, not the name."""
    held, (target,) = partial(rnn.step, rnn.Params(np.ones((4, 3)), np.eye(4), np.zeros(4))), mutants.targets(["rnn.step"])
    monkeypatch.setattr(builtins, "__called__", lambda: None, raising=False)
    x, s = np.ones((2, 3)), np.ones((2, 4))
    right = rnn.step.__code__
    mutation = next(m for m in mutants.different(target) if m.what == "x @ p.U.T + s_prev @ p.W.T → x @ p.U.T - s_prev @ p.W.T")
    back = mutation.swap()
    try:
        rnn.step.__code__ = mutants.compiled(target)
        assert held(x, s)[0][0, 0] == 2
    finally:
        rnn.step.__code__ = right
        back.swap()
    assert held(x, s)[0][0, 0] == 4


def test_the_list_is_about_slips_that_there_are_and_every_kind_has_its_reasons():
    listed = mutants.read_list()
    assert mutants.stale(listed) == []
    for groups in (mutants.yaml.safe_load((mutants.HERE / "mutants.yml").read_text()) or {}).values():
        assert all(len(group["why"]) > 20 and group["where"] for group in groups)


def test_an_entry_whose_line_has_changed_is_stale():
    entry = ("rnn.step_back", "delta = dL_ds * f.df(a, s)", "dL_ds * f.df(a, s) → dL_ds")
    assert mutants.stale({entry: "kind"}) == []
    assert mutants.stale({(entry[0], "delta = f.df(a, s) * dL_ds", entry[2]): "kind"}) != []
    assert mutants.stale({(*entry[:2], "dL_ds → 2"): "kind"}) != []


def run(*arguments):
    """In a process of its own: it runs tests by pytest itself."""
    return subprocess.run([sys.executable, Path(mutants.__file__), "--jobs", "1", *arguments], capture_output=True, text=True)


def test_every_slip_in_every_step_back_is_noticed():
    done = run("*.step_back")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "(100.00 %)" in done.stdout


def test_slips_that_no_test_was_asked_about_are_told_one_by_one_and_the_exit_code_says_so():
    done = run("readout.step_back", "--budget", "-1")
    assert done.returncode == 1
    assert done.stdout.count("NOT NOTICED  ") > 10 and " 0 of " in done.stdout
