"""The pages' sources and the set-up, without a build."""

from __future__ import annotations

import re
from pathlib import Path

import jupytext
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted((ROOT / "book").glob("*.md"))
CELL = re.compile(r"^```+\s*\{code-cell\}", re.M)


def header(path: Path) -> dict:
    match = re.match(r"---\n(.*?)\n---\n", path.read_text("utf8"), re.S)
    assert match, f"{path.name} has no header between --- lines"
    return yaml.safe_load(match[1])


def in_toc(node) -> list[str]:
    """All files that a part of the table of contents names."""
    if isinstance(node, list):
        return [name for item in node for name in in_toc(item)]
    if isinstance(node, dict):
        own = [value for key, value in node.items() if key in ("root", "file")]
        return own + [name for key, value in node.items() if key in ("parts", "chapters", "sections") for name in in_toc(value)]
    return []


def test_every_page_is_in_the_table_of_contents_once():
    toc = in_toc(yaml.safe_load((ROOT / "_toc.yml").read_text("utf8")))
    assert sorted(toc) == sorted(f"book/{path.stem}" for path in PAGES)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_page_says_what_it_is_about(path):
    assert header(path)["myst"]["html_meta"]["description"].strip()


@pytest.mark.parametrize("path", [p for p in PAGES if CELL.search(p.read_text("utf8"))], ids=lambda path: path.stem)
def test_a_page_with_cells_is_a_notebook_with_all_of_them(path):
    """Without ``format_name: myst`` a page's cells would be passed over in silence."""
    assert header(path)["jupytext"]["text_representation"]["format_name"] == "myst"
    notebook = jupytext.read(path)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert len(cells) == len(CELL.findall(path.read_text("utf8")))
    assert notebook.metadata["kernelspec"]["name"] == "python3"


@pytest.mark.parametrize("path", sorted((ROOT / "requirements").iterdir()), ids=lambda path: path.name)
def test_requirements_name_no_address(path):
    assert not re.search(r"https?:|file:|--(extra-)?index-url|--find-links", path.read_text("utf8"))


@pytest.mark.parametrize("name", ["main.txt", "uv.txt", "linters.txt", "forward.txt"])
def test_every_requirement_is_pinned_and_hashed(name):
    text = (ROOT / "requirements" / name).read_text("utf8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    assert lines
    assert all(re.match(r"[\w.\[\]-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", line) for line in lines)


def test_the_api_page_has_every_module_that_rnnlib_offers():
    import rnnlib

    page = (ROOT / "book/api.md").read_text("utf8")
    modules = [name for name in rnnlib.__all__ if hasattr(getattr(rnnlib, name), "__path__") or hasattr(getattr(rnnlib, name), "__file__")]
    assert modules
    assert [name for name in modules if f"{{api}} rnnlib.{name}\n" not in page] == []
