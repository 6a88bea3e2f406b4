"""Would the tests notice? Every function that carries a gradient is changed, one slip at a time, and the tests must fail.

``make mutants`` changes the functions that ``GRADIENTS`` names; ``python tests/mutants.py "rnn.*" "*.step_back"`` those whose names fit.
A changed function is compiled in memory and put in the place of the right one; then the project's own tests run in this process,
those first that have noticed most so far, until one fails.
``mutants.yml`` lists the changes that change no value, each with its reason, by function, line of source and change:
an entry whose line is gone, or which a test notices after all, is an error.

Packages for this (mutmut, cosmic-ray, mutatest) start a test run for each change,
and know neither transposes nor axes, factors or blocks in the wrong order.
"""

from __future__ import annotations

import argparse
import ast
import builtins
import importlib
import inspect
import multiprocessing
import os
import re
import resource
import signal
import sys
import time
import warnings
from collections import Counter
from fnmatch import fnmatch
from pathlib import Path
from types import CodeType, FunctionType
from typing import NamedTuple

import pytest
import yaml

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from mutant_operators import Mutation, mutations  # noqa: E402

LIMIT = 30  # seconds of computing that a test may take: a changed loop may have no end
MEMORY = 6 * 2**30  # bytes: a changed shape may be any
BRIEF = 2  # seconds for the tests of a change that is listed as one of no effect

# For each module, the tests that are asked: files, and what their names must contain.
TESTS = {
    "rnn": (("test_rnn", ""), ("test_workspace", ""), ("test_cells", r"\[(rnn|.*-rnn)\]"), ("test_model", ""), ("test_truncated", "")),
    "readout": (("test_readout", ""), ("test_model", ""), ("test_workspace", "")),
    "lstm": (("test_lstm", ""), ("test_gated", r"lstm|halved|tanh"), ("test_cells", "lstm")),
    "gru": (("test_gru", ""), ("test_gated", r"gru|halved|tanh"), ("test_cells", "gru")),
    "_gated": (("test_gated", ""), ("test_lstm", ""), ("test_gru", ""), ("test_cells", "lstm|gru")),
    "bidirectional": (("test_bidirectional", ""), ("test_cells", "both"), ("test_gated", "both")),
    "stacked": (("test_stacked", ""), ("test_cells", "layers"), ("test_gated", "layers")),
    "losses": (("test_losses", ""), ("test_workspace", "softmax|row_maximum|results"), ("test_readout", ""), ("test_model", "")),
    "activations": (("test_activations", ""), ("test_workspace", ""), ("test_rnn", "ACTIVATIONS|kink|step|tanh|softplus|deltas")),
    "model": (("test_model", ""), ("test_workspace", ""), ("test_cells", "rnn|lstm")),
    "workspace": (("test_workspace", ""), ("test_rnn", ""), ("test_gated", "workspace")),
    "truncated": (("test_truncated", ""),),
    "checkpointed": (("test_checkpointed", ""),),
    "chunked": (("test_chunked", ""),),
    "other_ways": (("test_other_ways", ""), ("test_rnn", ""), ("test_workspace", "stop"), ("test_cells", "")),
}
# The backward passes and what carries their arithmetic: what is changed if nothing else is asked for.
GRADIENTS = (
    "*.step", "*.step_back", "*.backward", "*.df", "*.epsilon", "*._local", "*.gates", "rnn._deltas", "rnn._silent",
    "gru._back_*", "lstm._opened", "_gated.by_gate", "_gated.back_over", "_gated.summed", "bidirectional.turn", "bidirectional.*ends",
    "bidirectional._without_padding", "stacked.States.__add__", "losses._softmax_cross_entropy", "activations.*slope*",
    "model.loss_and_gradients", "truncated.window", "truncated.chunk*", "truncated.handed_on", "truncated._gradients",
    "checkpointed.loss_and_gradients", "chunked.loss_and_gradients", "chunked._in_chunks", "chunked._late", "chunked._states",
    "chunked._c*", "chunked._ones_then_zeros", "chunked._to_the*", "chunked._apart", "chunked._largest", "other_ways.*",
)  # fmt: skip
# Functions that check arguments or name things: their tests are about messages.
LEFT_OUT = re.compile(
    r".*\._inputs.*|_gated\.(parameters|sequence|state|effects|one_of)|.*\._?lengths?|.*\._pair|.*\._no_step|stacked\._layers"
    r"|losses\.(head|one_hot)|activations\.activation|truncated\..*_pairs|checkpointed\.segment|.*\.__(repr|init)__"
    r"|chunked\._(real|precision|whole|above_zero)"
    r"|workspace\.Workspace\..*|workspace\.(_kinds|_takes_work|passing|_aligned)"
)
SLOW = re.compile("complex_step|mod_p|lemma|total_derivative|T_50|autograd|every_size|refuse")  # guessed, until they have run
ASKED_NEVER = re.compile("tempting_mistake|memory_grows|memory_needs|chunk_lemma|seconds|fast")


class Target(NamedTuple):
    """A function, its name with its module's, its tree, and the lines of its file."""

    name: str
    function: FunctionType
    tree: ast.FunctionDef | ast.Lambda
    lines: list

    def source(self, mutation):
        return self.lines[mutation.line - 1].strip()

    def key(self, mutation):
        return self.name, self.source(mutation), mutation.what


class TooLong(BaseException):
    """A test has used up its time."""


def targets(patterns=GRADIENTS) -> list[Target]:
    """The functions that are changed, those of records (lambdas) included."""
    found = []
    for module_name in TESTS:
        module = importlib.import_module(f"rnnlib.{module_name}")
        source = Path(module.__file__).read_text()
        lines, tree = source.splitlines(), ast.parse(source)
        for name, function, node in (*_functions(module, tree), *_lambdas(module, tree)):
            name = f"{module_name}.{name}"
            if not LEFT_OUT.fullmatch(name) and any(fnmatch(name, pattern) for pattern in patterns):
                found.append(Target(name, function, node, lines))
    return found


def _functions(module, tree):
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield node.name, inspect.unwrap(getattr(module, node.name)), node
        if isinstance(node, ast.ClassDef):
            for method in node.body:
                if isinstance(method, ast.FunctionDef) and not method.decorator_list:
                    yield f"{node.name}.{method.name}", getattr(module, node.name).__dict__[method.name], method


def _lambdas(module, tree):
    """The functions of the records: ``tanh.df``, ``squared_error.epsilon``."""
    for node in tree.body:
        if not (isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and isinstance(node.targets[0], ast.Name)):
            continue
        record = getattr(module, node.targets[0].id)
        for argument, field in zip(node.value.args, getattr(record, "__dataclass_fields__", ()), strict=False):
            if isinstance(argument, ast.Lambda):
                yield f"{node.targets[0].id}.{field}", getattr(record, field), argument


def compiled(target: Target) -> CodeType:
    """The code of the function as its tree is now; it tells when it is called."""
    tree, told = target.tree, ast.parse("__called__()", mode="eval").body
    if isinstance(tree, ast.Lambda):
        body = ast.BoolOp(ast.Or(), [told, tree.body])
        whole, mode = ast.Expression(ast.Lambda(tree.args, body)), "eval"
    else:
        body = [ast.Expr(told), *tree.body]
        whole, mode = ast.Module([ast.FunctionDef(tree.name, tree.args, body, [], None)], []), "exec"
    code = compile(ast.fix_missing_locations(whole), target.function.__code__.co_filename, mode)
    return next(c for c in code.co_consts if isinstance(c, CodeType) and c.co_name == target.function.__name__)


def different(target: Target) -> list[Mutation]:
    """The changes to a function, each once."""
    seen, kept = set(), []
    for mutation in mutations(target.tree):
        back = mutation.swap()
        old, new = ast.dump(mutation.by), ast.dump(back.by)
        back.swap()
        place = id(mutation.owner), mutation.field, mutation.index
        if old != new and (place, old) not in seen:
            seen.add((place, old))
            kept.append(mutation)
    return kept


def passes(item) -> bool:
    """Whether a test passes: set up, run and taken down as pytest does, without a report."""
    if not item._request:
        item._initrequest()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            signal.setitimer(signal.ITIMER_VIRTUAL, LIMIT)
            item.session._setupstate.setup(item)
            item.runtest()
    except (KeyboardInterrupt, SystemExit):
        raise
    except pytest.skip.Exception:
        return True
    except BaseException:
        return False
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        item.session._setupstate.teardown_exact(None)
        item._request, item.funcargs = False, None
    return True


class Examination:
    """Asks the tests about changes, and learns which of them notice."""

    def __init__(self, items, listed, budget=float("inf")):
        self.listed, self.budget = listed, budget
        self.kills, self.seconds, self.right = Counter(), {}, set()
        self.called, self.idle = False, set()  # (function, test) that have nothing to do with each other
        builtins.__called__ = self.note_call
        self.items = {module: in_order(items, tests) for module, tests in TESTS.items()}

    def note_call(self):
        self.called = True

    def of(self, target: Target):
        """(mutation, the test that noticed it or None, whether it is listed) for every change to a function."""
        right, found = target.function.__code__, []
        for mutation in sorted(different(target), key=lambda m: target.key(m) in self.listed):
            listed = target.key(mutation) in self.listed
            back = mutation.swap()
            try:
                target.function.__code__ = compiled(target)
                killer = self.noticed(target, min(BRIEF, self.budget) if listed else self.budget)
            except SyntaxError as error:
                killer = str(error)
            finally:
                target.function.__code__ = right
                back.swap()
            if isinstance(killer, pytest.Item):
                self.confirm(killer)
                killer = killer.name
            found.append((target.name, target.source(mutation), mutation.what, killer, listed))
        return found

    def noticed(self, target, budget):
        """The first test that fails; those first that found most in the least time, here and in this module."""
        module, start = target.name.split(".")[0], time.process_time()

        def merit(item):
            kills = 20 * self.kills[target.name, item.nodeid] + self.kills[module, item.nodeid]
            return (kills + 0.5) / (self.seconds.get(item.nodeid, 1 if SLOW.search(item.name) else 0.01) + 0.002)

        asked = [item for item in self.items[module] if (target.name, item.nodeid) not in self.idle]
        for item in sorted(asked, key=merit, reverse=True):
            begin = time.process_time()
            if begin - start > budget:
                return None
            self.called = False
            passed = passes(item)
            if not self.called:
                self.idle.add((target.name, item.nodeid))
            if item.nodeid not in self.seconds:
                self.seconds[item.nodeid] = time.process_time() - begin
            if not passed:
                self.kills.update([(target.name, item.nodeid), (module, item.nodeid)])
                return item
        return None

    def confirm(self, item):
        """A test that notices must pass when nothing is changed."""
        if item.nodeid not in self.right:
            if not passes(item):
                raise SystemExit(f"{item.nodeid} fails without any change: mend that first")
            self.right.add(item.nodeid)


def in_order(items, tests):
    """The tests of some files whose names contain what they must, in the order of these files."""
    found = []
    for file, part in tests:
        of_file = [item for item in items if item.path.stem == file]
        names = [item.nodeid.split("::", 1)[1] for item in of_file]
        found += [i for i, name in zip(of_file, names, strict=True) if re.search(part, name) and not ASKED_NEVER.search(name)]
    return found


def read_list(path=HERE / "mutants.yml") -> dict:
    """{(function, line, change): kind} of the changes of no effect."""
    listed = {}
    for kind, groups in (yaml.safe_load(path.read_text()) or {}).items():
        for group in groups:
            for entry in group["where"]:
                for change in entry["changes"]:
                    listed[entry["function"], entry["line"], change] = kind
    return listed


def stale(listed: dict, patterns=GRADIENTS) -> list:
    """The entries of the list that are about no change there is."""
    chosen = [key for key in listed if any(fnmatch(key[0], pattern) for pattern in patterns)]
    there = {target.key(m) for target in targets({key[0] for key in chosen}) for m in different(target)}
    return [key for key in chosen if key not in there]


class Plugin:
    """Collects the tests by pytest, and runs the examination in place of them."""

    def __init__(self, patterns, jobs, budget):
        self.patterns, self.jobs, self.budget = patterns, jobs, budget
        self.results, self.listed = [], read_list()

    def pytest_runtestloop(self, session):
        signal.signal(signal.SIGVTALRM, _too_long)
        examination, chosen = Examination(session.items, self.listed, self.budget), targets(self.patterns)
        if self.jobs == 1:
            for target in chosen:
                self.take(examination.of(target))
            return True
        global _shared
        _shared = examination, chosen
        context = multiprocessing.get_context("fork")
        with context.Pool(self.jobs, _limit_memory) as pool:
            for found in pool.imap_unordered(_examine, range(len(chosen))):
                self.take(found)
        return True

    def take(self, found):
        self.results += found
        if found:
            say(f"{found[0][0]:34} {len(found):4} changes")
            tell_survivors(found)


def _too_long(*_):
    raise TooLong


def _limit_memory():
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, resource.RLIM_INFINITY))
    signal.signal(signal.SIGVTALRM, _too_long)


def _examine(index):
    examination, chosen = _shared
    return examination.of(chosen[index])


def say(text):
    print(text, flush=True)


def tell_survivors(results):
    """The changes that were not noticed, and are not listed as being of no effect."""
    for _, line, what, killer, listed in results:
        if killer is None and not listed:
            say(f"    NOT NOTICED  {line}\n                 {what}")


def report(results, listed, patterns, seconds) -> int:
    """Print the score and what is wrong with the list; 0 if every change was noticed or is listed."""
    survivors = any(r[3] is None and not r[4] for r in results)
    noticed = [r for r in results if r[3] is not None and r[4]]
    gone = stale(listed, patterns)
    equivalent = Counter(listed[r[:3]] for r in results if r[4])
    for function, line, what, killer, _ in noticed:
        say(f"NOTICED, though listed as without effect, by {killer}\n                 {function}: {line}\n                 {what}")
    for function, line, what in gone:
        say(f"LISTED, but there is no such change (any more)\n                 {function}: {line}\n                 {what}")
    killed = sum(r[3] is not None for r in results)
    counted = len(results) - sum(equivalent.values())
    kinds = "".join(f"\n    {count} {kind}" for kind, count in equivalent.most_common())
    say(f"==> {len(results)} changes in {seconds:.0f} s: {killed} of {counted} noticed ({100 * killed / max(counted, 1):.2f} %), "
        f"{sum(equivalent.values())} without effect{kinds}")  # fmt: skip
    return int(bool(survivors or noticed or gone or not results))


def write_survivors(results, path):
    """The changes that were not noticed, in the form of the list, for someone to judge."""
    where = {}
    for function, line, what, killer, listed in results:
        if killer is None and not listed:
            where.setdefault((function, line), []).append(what)
    entries = [{"function": f, "line": line, "changes": changes} for (f, line), changes in where.items()]
    Path(path).write_text(yaml.safe_dump({"kind": [{"why": "", "where": entries}]}, allow_unicode=True, sort_keys=False, width=200))


def main(arguments=None) -> int:
    parser = argparse.ArgumentParser(description="Change the gradient code one slip at a time; the tests must notice.")
    parser.add_argument("patterns", nargs="*", help='functions, as "lstm.*" or "*.step_back"; "*" for all, those of gradients if none')
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--budget", type=float, default=float("inf"), help="seconds of computing for a change; all tests if not given")
    parser.add_argument("--survivors", help="write the changes that were not noticed into this file")
    options = parser.parse_args(arguments)
    patterns = options.patterns or GRADIENTS
    modules = {target.name.split(".")[0] for target in targets(patterns)}
    files = sorted({str(HERE / f"{file}.py") for module in modules for file, _ in TESTS[module]})
    plugin, start = Plugin(patterns, options.jobs, options.budget), time.time()
    code = pytest.main(["-s", "-o", "addopts=", "-p", "no:terminal", "-p", "no:xdist", "-p", "no:cacheprovider", *files], plugins=[plugin])
    if options.survivors:
        write_survivors(plugin.results, options.survivors)
    wrong = report(plugin.results, plugin.listed, patterns, time.time() - start)
    return wrong or int(code not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED))


if __name__ == "__main__":
    sys.exit(main())
