"""The W3C's checker of HTML finds no error on any page. It is written in Java and comes with ``make test-site`` (npm: vnu-jar)."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

JAR = Path(__file__).resolve().parents[2] / ".venv/node/node_modules/vnu-jar/build/dist/vnu.jar"


def errors(*files: Path) -> list[str]:
    """What is wrong, each with its file and the place."""
    java = shutil.which("java")
    if java is None or shutil.which("npm") is None:
        pytest.skip(f"HTML NOT CHECKED: {'Java' if java is None else 'npm'} is not on this machine; see make test-site")
    assert JAR.is_file(), "the checker of HTML is not here, and npm is; make test-site brings it"
    command = [java, "-Xss8m", "-jar", str(JAR), "--format", "json", "--errors-only", *map(str, files)]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, timeout=300).stderr)["messages"]
    return [f"{Path(m['url']).name}:{m.get('lastLine')}: {m['message']} {m.get('extract', '')[:120]!r}" for m in found]


def test_every_page_is_valid_html(site):
    assert errors(site / "index.html", site / "search.html", *sorted(site.glob("book/*.html"))) == []


def test_the_checker_would_find_an_error(tmp_path):
    page = tmp_path / "page.html"
    page.write_text("<!DOCTYPE html><html lang=en><title>a</title><p id=a><div id=a></p>", "utf8")
    assert any("Duplicate ID" in error for error in errors(page))
