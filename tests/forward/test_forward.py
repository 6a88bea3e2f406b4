"""Jupyter Book 2 reads the pages: what it complains of is what CONTRIBUTING.md lists, no more and no less, and the rest arrives.

``make test-forward`` installs it in an environment of its own, beside that of Jupyter Book 1. It needs Node.js.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import forward
import pytest
import yaml

from rnnlib.proof.page import labelled_equations

ROOT = forward.ROOT
TOOL = ROOT / ".venv/forward/bin/jupyter-book"


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """The folder that Jupyter Book 2 worked in, and its complaints by kind."""
    assert TOOL.is_file(), "Jupyter Book 2 is not here; make test-forward installs it"
    home = tmp_path_factory.mktemp("forward")
    return home, forward.read_by(str(TOOL), home)[0]


@pytest.fixture(scope="session")
def content(built) -> dict[str, list]:
    """Every node of the pages' content, by its type."""
    nodes: dict[str, list] = {}

    def walk(node):
        if isinstance(node, dict):
            nodes.setdefault(node.get("type", ""), []).append(node)
            for part in node.values():
                walk(part)
        elif isinstance(node, list):
            for part in node:
                walk(part)

    for path in (built[0] / "_build/site/content").glob("*.json"):
        walk(json.loads(path.read_text("utf8")))
    return nodes


def test_what_does_not_work_is_what_is_listed(built):
    found, listed = set(built[1]), set(forward.listed())
    assert not found - listed, f"new under Jupyter Book 2; list it in CONTRIBUTING.md with its reason: {sorted(found - listed)}"
    assert not listed - found, f"gone; take it off the list in CONTRIBUTING.md: {sorted(listed - found)}"


def test_every_page_arrives(built):
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text("utf8"))
    chapters = [chapter["file"] for part in toc["parts"] for chapter in part["chapters"]]
    made = {Path(json.loads(path.read_text("utf8"))["location"]).stem for path in (built[0] / "_build/site/content").glob("*.json")}
    assert made == {Path(file).name for file in (toc["root"], *chapters)}


def test_every_labelled_equation_arrives_with_a_number(content):
    pages = [path.read_text("utf8") for path in (ROOT / "book").glob("*.md")]
    expected = {label: tex for page in pages for label, tex in labelled_equations(page).items()}
    found = {node["label"]: node for node in content["math"] if node.get("label")}
    assert found.keys() == expected.keys()
    assert all(node["enumerator"] for node in found.values())
    assert {label: node["value"].split() for label, node in found.items()} == {label: tex.split() for label, tex in expected.items()}


HEADS = {"exercise": r"exercise(?:-start)?\}", "solution": r"solution(?:-start)?\}", "proof": "prf:"}


@pytest.mark.parametrize(("kind", "head"), HEADS.items())
def test_every_exercise_and_theorem_arrives(content, kind, head):
    pages = "\n".join(path.read_text("utf8") for path in (ROOT / "book").glob("*.md"))
    assert len(content[kind]) == len(re.findall(rf"^[`:]{{3,}}\{{{head}", pages, re.M)) > 0
