"""Read the pages with Jupyter Book 2: ``python book/_tools/forward.py TOOL``, TOOL its ``jupyter-book``.

A copy of the sources is upgraded by Jupyter Book 2 itself, which writes ``myst.yml`` out of ``_config.yml`` and ``_toc.yml`` and the
glossary in its own form, and built to the content of a site, without a theme: themes are fetched from outside.
Nothing is asked of the network, and no cell runs. What the tool says is printed by kind, and how often.
The kinds that we know of, with their reasons, stand in CONTRIBUTING.md; ``tests/forward`` compares.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
QUESTION = "Are you willing to proceed with the upgrade?"
SAID = re.compile(r"^(?:⚠️|⛔️)\s+(?:\S+\.(?:md|yml|bib)(?::\d+)*\s+)?(.*)$")
SHORTER = [  # what differs from page to page
    (re.compile(r" \(at \S+\)$"), ""),
    (re.compile(r"(role is not recommended).*"), r"\1"),
    (re.compile(r'(Linking|your link url:) "[^"]*"(.*?)(, best practice.*)?$'), r"\1 …\2"),
    (re.compile(r"(Could not find \w+ line) including .*"), r"\1"),
    (re.compile(r"(target was not found: \w+)-.*"), r"\1-…"),
]
TAKEN = {"author": "authors", "exclude_patterns": "exclude", "bibtex_bibfiles": "bibliography"}  # under another name
THEME = """myst: v1
kind: site
title: No theme
"""


def kind(line: str) -> str | None:
    """What a line of the tool complains of, without the page and the name; None if it is no complaint."""
    if (said := SAID.match(line)) is None:
        return None
    text = said[1]
    for pattern, replacement in SHORTER:
        text = pattern.sub(replacement, text)
    return text.strip()


def kinds(output: str) -> Counter:
    return Counter(found for line in output.splitlines() if (found := kind(line)))


def listed() -> dict[str, str]:
    """The kinds of complaints in the table of CONTRIBUTING.md, each with its reason."""
    section = (ROOT / "CONTRIBUTING.md").read_text("utf8").partition("\n## Under Jupyter Book 2\n")[2].partition("\n## ")[0]
    return dict(re.findall(r"^\| `(.+?)` \| (.+?) \|$", section, re.M))


def copy(home: Path) -> None:
    """The sources of the site, and what its pages include."""
    for name in ("book", "rnnlib", "benchmarks"):
        shutil.copytree(ROOT / name, home / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("_config.yml", "_toc.yml"):
        shutil.copy(ROOT / name, home / name)


def upgrade(tool: str, home: Path) -> None:
    """Let the tool upgrade the copy; it asks whether it may, and then whether it shall start a server."""
    log = home / "upgrade.log"
    with (
        open(log, "wb") as out,
        subprocess.Popen([tool, "init"], cwd=home, stdin=subprocess.PIPE, stdout=out, stderr=subprocess.STDOUT) as process,
    ):
        try:
            wait_for(QUESTION, log, process)
            process.stdin.write(b"Y\n")
            process.stdin.flush()
            wait_for("Would you like to run", log, process)
        finally:
            process.kill()
    config = yaml.safe_load((home / "myst.yml").read_text("utf8"))
    config["site"]["template"] = "./theme"
    (home / "theme").mkdir()
    (home / "theme/template.yml").write_text(THEME, "utf8")
    (home / "myst.yml").write_text(yaml.safe_dump(config, sort_keys=False, allow_unicode=True), "utf8")


def wait_for(text: str, log: Path, process: subprocess.Popen, seconds: int = 120) -> None:
    for _ in range(10 * seconds):
        said = log.read_text("utf8", errors="replace")
        if text in said:
            return
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise SystemExit(f"Jupyter Book 2 has not said {text!r}:\n{said}")


def lost_keys(home: Path) -> list[str]:
    """The keys of _config.yml that the upgrade takes nothing from."""
    old, new = yaml.safe_load((ROOT / "_config.yml").read_text("utf8")), (home / "myst.yml").read_text("utf8")
    return [key for key in old if f"{TAKEN.get(key, key)}:" not in new]


def read_by(tool: str, home: Path) -> tuple[Counter, int]:
    """What is complained of, by kind, and how many pages were made."""
    copy(home)
    upgrade(tool, home)
    done = subprocess.run([tool, "build", "--site"], cwd=home, capture_output=True, text=True, encoding="utf8", timeout=600)
    output = done.stdout + done.stderr
    if done.returncode:
        raise SystemExit(f"Jupyter Book 2 failed:\n{output[-3000:]}")
    found = kinds(output) + Counter(f"_config.yml: {key}" for key in lost_keys(home))
    return found, len(list((home / "_build/site/content").glob("*.json")))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as home:  # not in the project's folder: what Git ignores there is not upgraded
        found, pages = read_by(sys.argv[1], Path(home))
    for what, count in sorted(found.items()):
        print(f"{count:4d} × {what}")
    print(f"==> {pages} pages, {len(found)} kinds of complaints; CONTRIBUTING.md has their reasons")
