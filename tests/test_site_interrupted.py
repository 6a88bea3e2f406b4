"""A build that is stopped at any point and started again gives the site of a build that was not stopped, byte for byte."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import jupytext
import pytest
import reproducible
import run_pages
from test_site_gates import NOTEBOOK, PROVED, TOC, write_book

pytestmark = pytest.mark.xdist_group("interrupted")  # what its fixture makes is made once

SECOND = """# Two steps

```{code-cell} ipython3
import time
time.sleep(1.5)
print(sum(range(10)))
```

```{code-cell} ipython3
print("the end")
```
"""

# name -> the signal, whether only the outer process gets it, what the build prints before it, seconds more
STOPS = {
    "while cells run": (signal.SIGKILL, False, "updating environment", 0.8),
    "when one page has run": (signal.SIGKILL, False, "running pages... [1/2]", 0.0),
    "at the keyboard, while cells run": (signal.SIGINT, False, "running pages... [1/2]", 0.2),
    "while the pages are saved": (signal.SIGKILL, False, "pickling environment", 0.0),
    "while pages are written": (signal.SIGKILL, False, "writing output... [", 0.0),
    "at the keyboard, while pages are written": (signal.SIGINT, False, "writing output... [", 0.0),
    "while the index is written": (signal.SIGKILL, False, "dumping search index", 0.01),
    "when the site is tidied": (signal.SIGKILL, False, "dumping object inventory", 0.02),
    "and its child goes on": (signal.SIGKILL, True, "writing output... [", 0.0),
}


def write(folder: Path, root: Path) -> Path:
    write_book(folder, root, PROVED)
    (folder / "book/twice.md").write_text(NOTEBOOK + SECOND, "utf8")
    (folder / "_toc.yml").write_text(TOC + "  - file: book/twice\n", "utf8")
    shutil.copytree(root / "book/_tools", folder / "book/_tools", ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def hear_the_keyboard() -> None:
    """What a script starts with ``&`` is deaf to SIGINT, and so is all that it starts: ``make test &`` would interrupt nothing."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def started(folder: Path) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "book/_tools/build.py"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=hear_the_keyboard,
    )


def finished(process: subprocess.Popen) -> str:
    said = process.communicate(timeout=900)[0].decode()
    assert process.returncode == 0, said
    return said


def stop(folder: Path, name: str) -> str:
    """Build until the text is on the screen, and stop; returns what had been printed."""
    number, outer, text, more = STOPS[name]
    process, said = started(folder), b""
    while text.encode() not in said:
        read = os.read(process.stdout.fileno(), 4096)
        assert read, f"{name}: the build never says {text!r}:\n{said.decode()}"
        said += read
    time.sleep(more)
    (os.kill if outer else os.killpg)(process.pid, number)
    if not outer:
        said += process.stdout.read()
    process.stdout.close()
    assert process.wait(60) != 0, f"{name}: the build was at its end already"
    return said.decode()


@pytest.fixture(scope="module")
def whole(tmp_path_factory, root) -> Path:
    """The site of a build that nobody stopped."""
    folder = write(tmp_path_factory.mktemp("whole") / "book", root)
    finished(started(folder))
    return folder


@pytest.fixture(scope="module")
def again(tmp_path_factory, root):
    """A function: the book that was stopped in this way and built again."""

    @cache
    def one(name: str) -> SimpleNamespace:
        folder = write(tmp_path_factory.mktemp("interrupted") / "book", root)
        return SimpleNamespace(folder=folder, before=stop(folder, name), after=finished(started(folder)))

    return one


@pytest.mark.parametrize("name", STOPS)
def test_an_interrupted_build_started_again_gives_the_same_site(whole, again, name):
    assert reproducible.differences(whole / "_build/html", again(name).folder / "_build/html") == []


def test_what_has_run_does_not_run_again(again):
    assert "running pages... [1/1]" in again("when one page has run").after
    assert "running pages" not in again("while pages are written").after


def test_an_interruption_at_the_keyboard_is_short_and_friendly(again):
    for name in STOPS:
        if STOPS[name][0] == signal.SIGINT:
            assert again(name).before.endswith("==> Interrupted; the next build goes on from here.\n")
            assert "Traceback" not in again(name).before


def test_a_build_waits_for_another_one(tmp_path, root):
    folder = write(tmp_path / "book", root)
    first = started(folder)
    while b"building [mo]" not in os.read(first.stdout.fileno(), 4096):
        pass
    assert "==> Another build is at work here; waiting for its end" in finished(started(folder))
    finished(first)


# ---- the cache of outputs: what is not whole is not taken ---------------------------------------------------------


@pytest.fixture
def cached(tmp_path):
    """A cache with one notebook that has run, as the build keeps it."""
    notebook = jupytext.reads(NOTEBOOK + SECOND.replace("time.sleep(1.5)\n", ""), "md:myst")
    job = SimpleNamespace(result=lambda: run_pages.run(tmp_path / "twice.md", notebook, 60))
    cache = run_pages.opened(tmp_path / "cache")
    assert run_pages.finish(cache, "twice", tmp_path / "twice.md", notebook, "equations", job) == []
    (record,) = cache.list_cache_records()
    return SimpleNamespace(cache=cache, record=record, notebook=notebook, file=run_pages.file_of(cache, record.hashkey))


def test_outputs_that_are_whole_are_trusted(cached):
    assert run_pages.trusted(cached.cache, cached.record, "equations")
    assert not run_pages.trusted(cached.cache, cached.record, "other equations")


@pytest.mark.parametrize("harm", ["cut", "empty", "gone", "changed"])
def test_outputs_that_are_not_whole_are_not(cached, harm):
    text = cached.file.read_text("utf8")
    if harm == "gone":
        cached.file.unlink()
    else:
        cached.file.write_text({"cut": text[: len(text) // 2], "empty": "", "changed": text.replace("45", "46")}[harm], "utf8")
    assert not run_pages.trusted(cached.cache, cached.record, "equations")
    run_pages.forget(cached.cache, cached.record.hashkey)
    run_pages.forget(cached.cache, cached.record.hashkey)  # nothing left to forget is fine
    assert cached.cache.list_cache_records() == [] and not cached.file.parent.exists()
    ran = SimpleNamespace(result=lambda: SimpleNamespace(err=None, time=1))
    run_pages.finish(cached.cache, "twice", Path("twice.md"), cached.notebook, "equations", ran)
    assert run_pages.trusted(cached.cache, cached.cache.list_cache_records()[0], "equations")


def test_a_cache_that_was_stopped_while_it_was_made_is_completed(tmp_path):
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache/global.db").touch()  # the first thing that SQLite makes
    assert run_pages.opened(tmp_path / "cache").list_cache_records() == []
