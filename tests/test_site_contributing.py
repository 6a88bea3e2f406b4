"""What CONTRIBUTING.md walks through works: its files are put into a copy of the project, and its commands are run there."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.xdist_group("contributing")  # what its fixture makes is made once

BLOCK = re.compile(r"^(?P<lead>[^\n]*)\n\n(?P<fence>`{3,})(?P<kind>\w+)\n(?P<text>.*?)\n(?P=fence)$", re.M | re.S)
NEW, END, AFTER = re.compile(r"New file `(.+)`:"), re.compile(r"At the end of `(.+)`:"), re.compile(r"In `(.+)`, after the line `(.+)`:")
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", "_build", "__pycache__", ".*_cache", "*.egg-info", "node_modules")


def steps(root: Path) -> list[tuple[str, str]]:
    """(what is said before a block, its text): in the order of the page."""
    return [(match["lead"], match["text"] + "\n") for match in BLOCK.finditer((root / "CONTRIBUTING.md").read_text("utf8"))]


def written(folder: Path, lead: str, text: str) -> bool:
    """Do what the line before a block says with the block; False if it says nothing of a file."""
    if found := NEW.fullmatch(lead):
        assert not (folder / found[1]).exists()
        (folder / found[1]).write_text(text, "utf8")
    elif found := END.fullmatch(lead):
        (folder / found[1]).write_text((folder / found[1]).read_text("utf8") + text, "utf8")
    elif found := AFTER.fullmatch(lead):
        old = (folder / found[1]).read_text("utf8")
        assert old.count(f"{found[2]}\n") == 1
        (folder / found[1]).write_text(old.replace(f"{found[2]}\n", f"{found[2]}\n{text}"), "utf8")
    return bool(found)


def run(folder: Path, command: str | list) -> subprocess.CompletedProcess:
    """A command in the copy, whose own rnnlib comes before the installed one; the environment is the tests' own."""
    if isinstance(command, str):
        here = shlex.quote(f"BIN=env PYTHONPATH={folder} .venv/bin")  # make hands no PYTHONPATH on
        command = ["sh", "-c", command.replace("make ", f"make -o .venv/.ready -o .venv/.torch {here} ", 1)]  # never set up anew from here
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(folder)})


@pytest.fixture(scope="module")
def walked(tmp_path_factory, root) -> tuple[Path, dict[str, subprocess.CompletedProcess]]:
    """The copy after the walk-through, and what its commands said."""
    folder = tmp_path_factory.mktemp("walk") / "unrolled"
    shutil.copytree(root, folder, ignore=LEFT_OUT)
    (folder / ".venv").symlink_to(sys.prefix)
    done = {}
    for lead, text in steps(root):
        if not written(folder, lead, text):
            done |= {command: run(folder, command) for command in text.strip().splitlines()}
    return folder, done


def test_it_makes_a_cell_a_network_a_page_and_a_test(walked):
    folder, done = walked
    assert all((folder / name).is_file() for name in ("rnnlib/mgu.py", "book/mgu.md", "tests/test_mgu.py"))
    assert [command.split()[0] for command in done] == ["make", ".venv/bin/python", ".venv/bin/ruff"]


def test_every_command_passes(walked):
    _, done = walked
    for command, said in done.items():
        assert said.returncode == 0, f"{command}:\n{said.stdout[-3000:]}{said.stderr[-3000:]}"
    assert "3 passed" in "".join(said.stdout for said in done.values())


def test_the_built_page_shows_the_evidence_of_every_formula(walked):
    folder, _ = walked
    html = (folder / "_build/page-mgu/_build/html/book/mgu.html").read_text("utf8")
    labels = set(re.findall(r"^\$\$ \((eq-mgu-[a-z-]+)\)$", (folder / "book/mgu.md").read_text("utf8"), re.M))
    assert len(labels) == 7
    assert {label for label in labels if f'id="equation-{label}"' in html} == labels
    assert html.count('class="evidence evidence-') == len(labels)


def test_a_wrong_sign_in_the_page_is_refused(walked):
    """In the page's gate, where the candidate is added to s_{t-1} and not compared with it."""
    folder, _ = walked
    script = """from rnnlib.proof import Page
source = open('book/mgu.md').read()
page = Page('mgu', source=source.replace('s}_t - s_{t-1}', 's}_t + s_{t-1}'), network='mgu')
page.check('eq-mgu-delta-u', T=(1, 2))"""
    said = run(folder, [sys.executable, "-c", script])
    assert said.returncode == 1 and "CheckFailed: " in said.stderr and "eq-mgu-delta-u" in said.stderr, said.stderr


def test_files_that_it_names_exist(walked):
    folder, _ = walked
    text = (folder / "CONTRIBUTING.md").read_text("utf8")
    named = set(re.findall(r"`((?:rnnlib|book|tests|requirements)/[\w./]+\.\w+|\.ci/run|\w+\.md)`", text)) - {"rnnlib/mgu.pyi"}
    assert len(named) > 8
    assert [name for name in sorted(named) if not (folder / name).exists()] == []
