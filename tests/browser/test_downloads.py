"""The notebooks that the site offers run from top to bottom where a reader would run them, and give what the site shows.

Each is run alone, in an empty folder outside of the project, beside only what its page offers for download.
The environment has what the README asks for, rnnlib installed from its wheel, and nothing else; ``make test-site`` sets it up.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path

import pytest
from notebooks import left_over

ROOT = Path(__file__).resolve().parents[2]
SITE = Path(os.environ.get("UNROLLED_SITE", ROOT / "_build/html")).resolve()
READER = ROOT / ".venv/reader/bin/python"
NOTEBOOKS = sorted(path.stem for path in SITE.glob("_sources/book/*.ipynb"))
HREF = re.compile(r'<a\b[^>]*\bhref="([^"#?]+)"')
LABEL = re.compile(r"^\$\$ \((eq-[\w-]+)\)", re.M)
CHECK = re.compile(r'data-check="([^"]*)"')
PLACE = re.compile(r"\b0x[0-9a-f]{6,}")  # where an object lies in memory
RUN = """
import sys, nbclient, nbformat
notebook = nbformat.read(sys.argv[1], 4)
nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3", skip_cells_with_tag="").execute()
nbformat.write(notebook, "run.ipynb")
"""


def links(page: Path) -> list[Path]:
    """The files that a page links to."""
    return [(page.parent / unescape(address)).resolve() for address in HREF.findall(page.read_text("utf8")) if "//" not in address]


def alone(name: str, folder: Path) -> Path:
    """The notebook in a folder of its own, with the files that its page offers for download."""
    files = [file for file in links(SITE / f"book/{name}.html") if file.is_relative_to(SITE / "_downloads")]
    for file in [SITE / f"_sources/book/{name}.ipynb", *files]:
        shutil.copy(file, folder)
    return folder / f"{name}.ipynb"


def ran(notebook: Path) -> dict:
    """The notebook as it is after it ran; what happens is said if it does not come to its end."""
    home = {"HOME": str(notebook.parent), "IPYTHONDIR": str(notebook.parent / "ipython")}
    about = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL", "PYTEST", "MPL"))}
    command, about = [READER, "-c", RUN, notebook.name], about | home | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=notebook.parent, env=about, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, "\n".join(done.stderr.splitlines()[-30:])
    return json.loads((notebook.parent / "run.ipynb").read_text("utf8"))


def joined(text) -> str:
    return PLACE.sub("0x", text if isinstance(text, str) else "".join(text))


def shown(cell: dict) -> list[tuple[str, str]]:
    """What a cell put out: its kind and its text; what is printed in pieces is one text."""
    found = []
    for output in cell["outputs"]:
        if output["output_type"] == "stream":
            before = found.pop()[1] if found and found[-1][0] == output["name"] else ""
            found.append((output["name"], before + joined(output["text"])))
        else:
            found += sorted((kind, joined(text)) for kind, text in output.get("data", {"error": str(output)}).items())
    return found


def without_versions(outputs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """A table of packages with their versions, without these."""
    return [(kind, re.sub(r"(?m)^(\| [^|]+\|)[^|]+\|", r"\1", text)) for kind, text in outputs]


def codes(notebook: dict) -> list[dict]:
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def read(name: str) -> dict:
    return json.loads((SITE / f"_sources/book/{name}.ipynb").read_text("utf8"))


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_downloaded_notebook_gives_what_the_site_shows(name, tmp_path):
    assert READER.is_file(), "no environment to run notebooks in; run: make test-site"
    there, here = read(name), ran(alone(name, tmp_path))
    pairs = list(zip(codes(there), codes(here), strict=True))
    assert pairs
    for before, after in pairs:
        assert "stderr" not in dict(shown(after)), (before["source"], shown(after))
        if before["execution_count"] is not None:  # what is only timed is left out when the book is built
            alike = without_versions if name == "colophon" else list  # it says what is installed where it runs
            assert alike(shown(after)) == alike(shown(before)), before["source"]
    text = "\n".join(joined(cell["source"]) for cell in here["cells"] if cell["cell_type"] == "markdown")
    checks = CHECK.findall("".join(joined(said) for cell in codes(here) for _, said in shown(cell)))
    assert sorted(json.loads(unescape(check))["label"] for check in checks) == sorted(LABEL.findall(text))


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_needs_no_sphinx_to_be_read(name):
    for cell in read(name)["cells"]:
        if cell["cell_type"] == "markdown":
            assert left_over(joined(cell["source"])) is None


def test_every_page_with_cells_offers_its_notebook(pages):
    offering = {page.stem for page in map(SITE.joinpath, pages) for file in links(page) if file.name == f"{page.stem}.ipynb"}
    with_cells = {path.stem for path in (ROOT / "book").glob("*.md") if "```{code-cell}" in path.read_text("utf8")}
    assert offering == set(NOTEBOOKS) == with_cells & {Path(page).stem for page in pages}


def test_the_notebooks_environment_has_rnnlib_from_its_wheel():
    script = "from importlib.util import find_spec as f; print(f('rnnlib').origin); print(f('sphinx'), f('jupytext'), f('pytest'))"
    where, others = subprocess.run([READER, "-I", "-c", script], capture_output=True, text=True, check=True).stdout.splitlines()
    assert Path(where).is_relative_to(READER.parents[1]) and others == "None None None"
