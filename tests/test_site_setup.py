"""``make setup`` and ``make page`` when something is not as it should be: an old Python, an interrupted set-up, no such page."""

from __future__ import annotations

import shlex
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import page
import pytest

NEEDS = "Unrolled needs Python 3.11 or newer"
ASKED = """#!/bin/sh
[ "$1" = -c ] || { echo "$@" >> asked; exit 3; }  # to make an environment: not here
"""
PYTHON = shlex.quote(sys.executable)  # a folder may have a space or a quote in its name
OLD = f"""exec {PYTHON} -c 'import sys
sys.version_info, code, sys.argv = (3, 10, 13), sys.argv[2], sys.argv[2:]
exec(code)' "$@"
"""
NEW = f'exec {PYTHON} "$@"\n'


def program(path: Path, text: str):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf8")
    path.chmod(0o755)


@pytest.fixture
def make(tmp_path, root):
    """``make setup`` on a copy, with a stand-in for Python that makes no environment; returns what was said, and what was asked of it."""
    for name in ("Makefile", "pyproject.toml", "requirements"):
        (shutil.copytree if (root / name).is_dir() else shutil.copy)(root / name, tmp_path / name)

    def run(python: str):
        program(tmp_path / "python", ASKED + python)
        done = subprocess.run(["make", "setup", "PYTHON=./python"], cwd=tmp_path, capture_output=True, text=True)
        asked = tmp_path / "asked"
        assert done.returncode == 2
        return done.stderr, asked.read_text("utf8").split() if asked.exists() else None

    return run


def test_an_old_python_is_named_before_anything_is_made(make, tmp_path):
    said, asked = make(OLD)
    assert NEEDS in said and "give a newer one, for example make book PYTHON=python3.12" in said
    assert asked is None and not (tmp_path / ".venv").exists()


def test_an_environment_of_an_old_python_is_to_be_removed(make, tmp_path):
    program(tmp_path / ".venv/bin/python", "#!/bin/sh\n" + OLD)
    said, asked = make(NEW)
    assert NEEDS in said and "remove .venv, then give a newer one" in said and asked is None


@pytest.mark.parametrize("pip", [None, "#!/bin/sh\nexit 1\n", "#!/bin/sh\nexit 0\n"], ids=["no pip", "half a pip", "pip"])
def test_an_environment_that_was_left_half_made_is_made_anew(make, tmp_path, pip):
    program(tmp_path / ".venv/bin/python", "#!/bin/sh\n" + '[ "$1" = -c ] || exit 4\n' + NEW)
    if pip:
        program(tmp_path / ".venv/bin/pip", pip)
    _, asked = make(NEW)
    assert asked == (None if pip and "exit 0" in pip else ["-m", "venv", "--clear", ".venv"])


def test_settings_for_other_environments_do_not_reach_this_one(make, tmp_path, monkeypatch):
    for name, value in {"PIP_USER": "1", "PYTHONPATH": "/other/packages", "PYTHONHOME": "/other"}.items():
        monkeypatch.setenv(name, value)
    _, asked = make('echo "pip: $PIP_USER path: $PYTHONPATH home: $PYTHONHOME" > asked; exit 3')
    assert asked == "pip: 0 path: home:".split()


@pytest.mark.parametrize("left, again", [(None, []), (".begun", ["--reinstall"])])
def test_packages_of_an_interrupted_set_up_are_installed_again(make, tmp_path, left, again):
    for name in ("python", "pip"):
        program(tmp_path / ".venv/bin" / name, '#!/bin/sh\n[ "$1" = -c ] || exit 0\n' + NEW)
    program(tmp_path / ".venv/bin/uv", '#!/bin/sh\necho "$@" >> uv.log\n[ "$1" = --version ]\n')
    if left:
        (tmp_path / ".venv" / left).touch()
    make(NEW)
    version, install = (tmp_path / "uv.log").read_text("utf8").splitlines()[:2]
    assert version == "--version" and [part for part in install.split() if part == "--reinstall"] == again
    assert (tmp_path / ".venv/.begun").exists() and not (tmp_path / ".venv/.ready").exists()  # it did not end well: so it is next time


@pytest.mark.parametrize("names, says", [([], "No page is named"), (["nonexistent"], "There is no page book/nonexistent.md")])
def test_a_page_that_is_not_there_is_named(capsys, names, says):
    assert page.main(names) == 2
    assert capsys.readouterr().err == f"{says}; use: make page PAGE=gradient_w\n"


def test_many_pages_are_built_in_a_folder_with_a_short_name_of_their_own():
    many = sorted(path.stem for path in (page.ROOT / "book").glob("*.md"))
    assert page.folder_of(["totals", "model"]) == "page-totals-model"
    assert len(page.folder_of(many)) <= 100 < len("-".join(many))
    assert page.folder_of(many) != page.folder_of([*many[:-2], many[-1]])


def test_where_nothing_can_be_written_the_build_says_where(tmp_path, monkeypatch, capsys):
    (tmp_path / "book").mkdir()
    (tmp_path / "book/model.md").touch()
    (tmp_path / "_build").touch()  # a file where a folder is needed, as good as a disk that may only be read
    monkeypatch.setattr(page, "ROOT", tmp_path)
    assert page.main(["model"]) == 2
    assert capsys.readouterr().err.endswith("/_build/page-model'; the build writes there\n")


def test_a_port_that_is_taken_is_said_and_another_named(root):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(["make", "-o", "book", "serve", f"PORT={port}"], cwd=root, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and done.stderr.startswith(f"Port {port} is taken; use another: make serve PORT=8001")
