"""The gates: each way to break the book must stop the build, with a message that names the page and the label.

A small book is built with the project's own configuration and extensions. Then one thing at a time is broken in a copy of it,
and the copy is built again. The builds run two at a time, once for the whole file.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import check_site
import pytest

pytestmark = pytest.mark.xdist_group("gates")  # what its fixture makes is made once

HEADER = """---
myst:
  html_meta:
    description: "A page of the small book."
---
"""

NOTEBOOK = HEADER.replace("---\nmyst", """---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  display_name: Python 3
  language: python
  name: python3
myst""")

INDEX = """# A small book

The chapter is {doc}`step`; its equation is {eq}`eq-step-state`.

```{ledger}
```

```{formula-map}
```

```{api} rnnlib.initialise
```

```{py:function} rnnlib.rnn.step(p, x, s_prev)
```
"""

STEP = r"""# One step

$$
s_t = f(U x_t + W s_{t-1} + b)
$$ (eq-step-state)

```{code-cell} ipython3
import html, json
from IPython.display import HTML, display

def show(label, tex):
    check = {"label": label, "kind": "definition", "tex": tex, "evidence": ["by hand"], "function": "", "page": "step"}
    data = html.escape(json.dumps(check))
    display(HTML(f'<div class="evidence evidence-definition" data-check="{data}">by hand</div>'))

show("eq-step-state", "s_t = f(U x_t + W s_{t-1} + b)")
```

Two numbers:

```{code-cell} ipython3
print(1 + 1)
```
"""

PROVED = r"""# One step

$$
s_t = f(U x_t + W s_{t-1} + b), \qquad t = 1, \dots, T
$$ (eq-step-state)

```{code-cell} ipython3
from rnnlib.proof import Page

page = Page("step")
page.check("eq-step-state", kind="definition")
```
"""

MAP = """- source: "section 1"
  formula: 's_t = f(U x_t + W s_{t-1})'
  status: completed
  label: eq-step-state
  function: FUNCTION
  test: tests/test_small.py::test_step
  note: ""
"""

TOC = """format: jb-book
root: book/index
parts:
- caption: Part
  numbered: true
  chapters:
  - file: book/step
"""


@dataclass(frozen=True)
class Break:
    """A way to break the book: each ``(file, old, new)`` of ``edits`` is done; then the build must say all of ``says``."""

    edits: tuple[tuple[str, str, str], ...]
    says: tuple[str, ...]
    step: str = STEP  # the chapter it starts from


def in_step(old: str, new: str) -> tuple[str, str, str]:
    return "book/step.md", old, new


def in_map(old: str, new: str) -> tuple[str, str, str]:
    return "book/formula_map.yml", old, new


SHOWN = 'show("eq-step-state", "s_t = f(U x_t + W s_{t-1} + b)")\n'
TWICE = '\nshow("eq-step-twice", "o_t = g(z_t)")\nshow("eq-step-twice", "o_t = g(z_t)")\nshow("eq-step-gone", "o_t")\n'
MORE = "\n$$ o_t = g(z_t) $$ (eq-step-twice)\n\n$$ a_t = b $$ (eq-step-unchecked)\n\nTwo numbers:"
TYPESET = "s_t = f(U x_t + W s_{t-1} + b)\n$$"

BREAKS = {
    "nothing": Break((), ()),
    "proved": Break((), (), PROVED),
    "false equation": Break((in_step("W s_{t-1}", r"W^\top s_{t-1}"),), ("book/step: ", "CheckFailed", "eq-step-state"), PROVED),
    "failing cell": Break((in_step("print(1 + 1)", "raise ValueError('on purpose')"),), ("book/step", "ValueError", "on purpose")),
    "unchecked": Break((in_step(SHOWN, ""),), ("book/step: equation (eq-step-state) has no check",)),
    "ledger": Break(
        (in_step(TYPESET, TYPESET.replace("{t-1}", "t")), in_step(SHOWN, SHOWN + TWICE), in_step("Two numbers:", MORE)),
        (
            "book/step: equation (eq-step-state) is typeset differently from what was checked",
            "typeset: s_t = f(U x_t + W s_t + b)",
            "checked: s_t = f(U x_t + W s_{t-1} + b)",
            "book/step: equation (eq-step-twice) is checked twice",
            "book/step: the check of (eq-step-gone) is of no labelled equation",
            "book/step: equation (eq-step-unchecked) has no check",
        ),
    ),
    "TeX": Break((in_step("Two numbers:", r"Two numbers $\frac{1}$:"),), ("book/step.md", r"\frac{1}")),
    "warnings": Break(
        (in_step("Two numbers:", "### Too deep\n\nBy {eq}`eq-step-none` and [two](nowhere.md) numbers:"),),
        ("book/step.md", "Non-consecutive header", "eq-step-none", "nowhere.md", "3 warning(s)"),
    ),
    "formula map": Break(
        (in_map("label: eq-step-state", "label: eq-gone"), in_map("::test_step", "::test_gone"), in_map(": rnnlib.", ": rnnlib.no.")),
        ("row 1 (section 1): no page has an equation (eq-gone)", "there is no test tests/test_small.py::test_gone", "rnnlib.no."),
    ),
}


def write_book(folder: Path, root: Path, step: str) -> None:
    """The small book: the project's configuration and extensions, and two pages."""
    (folder / "tests").mkdir(parents=True)
    shutil.copytree(root / "book/_ext", folder / "book/_ext", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(root / "book/_static", folder / "book/_static")
    for name in ("_config.yml", "book/references.bib"):
        shutil.copy(root / name, folder / name)
    texts = {"_toc.yml": TOC, "book/index.md": HEADER + INDEX, "book/step.md": NOTEBOOK + step}
    texts["book/formula_map.yml"] = MAP.replace("FUNCTION", first_function())
    texts["tests/test_small.py"] = "def test_step():\n    pass\n"
    for name, text in texts.items():
        (folder / name).write_text(text, "utf8")


def first_function() -> str:
    from api import members

    import rnnlib.initialise

    return f"rnnlib.initialise.{members(rnnlib.initialise)[0][0]}"


def build(folder: Path) -> subprocess.CompletedProcess:
    """Build as ``jupyter-book build .`` does, without ``-W``: the gates must hold there too."""
    command = [Path(sys.executable).parent / "jupyter-book", "build", "."]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=900)


@pytest.fixture(scope="session")
def builds(tmp_path_factory, root) -> dict[str, tuple[Path, subprocess.CompletedProcess]]:
    """Every broken copy, built."""
    home = tmp_path_factory.mktemp("gates")

    def write(name: str) -> Path:
        folder, way = home / name.replace(" ", "-"), BREAKS[name]
        write_book(folder, root, way.step)
        for file, old, new in way.edits:
            text = (folder / file).read_text("utf8")
            assert old in text, f"{name}: {old!r} is not in {file}"
            (folder / file).write_text(text.replace(old, new, 1), "utf8")
        return folder

    folders = [write(name) for name in BREAKS]  # one after the other: Python 3.11 cannot parse source in two threads at once
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(BREAKS, zip(folders, pool.map(build, folders), strict=True), strict=True))


@pytest.mark.parametrize("name", ["nothing", "proved"])
def test_the_unbroken_book_builds(builds, name):
    _, done = builds[name]
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", [name for name in BREAKS if BREAKS[name].says])
def test_a_broken_book_stops_the_build_and_says_where(builds, name):
    _, done = builds[name]
    assert done.returncode != 0, f"{name}: the build passed"
    missing = [text for text in BREAKS[name].says if text not in done.stdout + done.stderr]
    assert not missing, f"{name}: the build does not say {missing}:\n{done.stderr[-3000:]}"


@pytest.mark.parametrize("name", ["warnings", "unchecked"])
def test_a_build_that_failed_fails_again(builds, name):
    folder, _ = builds[name]
    assert build(folder).returncode != 0


def test_nothing_changed_is_still_a_good_build(builds):
    folder, _ = builds["nothing"]
    again = build(folder)
    assert again.returncode == 0, again.stderr
    assert "0 added, 0 changed, 0 removed" in again.stdout


def test_an_equation_that_changed_alone_is_checked_anew(builds):
    """The notebook cache knows the cells, which are the same."""
    folder, _ = builds["proved"]
    page = folder / "book/step.md"
    page.write_text(page.read_text("utf8").replace("U x_t + W s_{t-1} + b", "W s_{t-1} + U x_t + b"), "utf8")
    again = build(folder)
    assert again.returncode == 0, again.stderr
    assert "running pages... [1/1] book/step" in again.stdout
    page.write_text(page.read_text("utf8").replace("W s_{t-1}", "W s_t"), "utf8")
    assert build(folder).returncode != 0


def test_the_ledger_counts_and_links(builds):
    folder, _ = builds["nothing"]
    page = (folder / "_build/html/book/index.html").read_text("utf8")
    assert "1 of 1 labelled equations checked." in page
    assert 'href="step.html#equation-eq-step-state">(1.1)</a>' in page


# ---- the check of the built site -----------------------------------------------------------------------------------

SITE_BREAKS = {
    "outside script": ('<script src="https://cdn.example.org/x.js"></script>', "a request leaves the site: https://cdn.example.org/x.js"),
    "outside font": ("<style>@font-face {src: url(//fonts.example.org/a.woff2)}</style>", "//fonts.example.org/a.woff2"),
    "outside picture": ('<img alt="a" src="http://example.org/a.png">', "http://example.org/a.png"),
    "dead link": ('<a href="gone.html">x</a>', "dead link: gone.html"),
    "dead anchor": ('<a href="index.html#gone">x</a>', "dead anchor: index.html#gone"),
    "dead download": ('<a href="../_sources/book/gone.ipynb" download>x</a>', "dead link: ../_sources/book/gone.ipynb"),
    "dead picture": ('<img alt="a" src="../_static/gone.svg">', "dead link: ../_static/gone.svg"),
    "dead anchor on the page": ('<a href="#gone">x</a>', "dead anchor: #gone"),
    "TeX left over": (r"<p>so \frac{1}{2} remains</p>", "markup was not typeset"),
    "double id": ('<p id="here"></p><p id="here"></p>', "the id 'here' is used twice"),
    "no alternative text": ('<img src="../_static/favicon.svg">', "has no alternative text"),
    "svg without a name": ("<svg></svg>", "has no aria-label"),
    "object without a text": ("<pre>&lt;function f at 0x7f6cc4f6c310&gt;</pre>", "an object without a text"),
}  # fmt: skip


@pytest.fixture
def site(builds, tmp_path) -> Path:
    return shutil.copytree(builds["nothing"][0] / "_build/html", tmp_path / "html")


def test_the_site_check_passes_the_unbroken_site(site, capsys):
    assert check_site.main(str(site)) == 0, capsys.readouterr().err


@pytest.mark.parametrize("name", SITE_BREAKS)
def test_the_site_check_finds(site, capsys, name):
    html, says = SITE_BREAKS[name]
    page = site / "book/step.html"
    page.write_text(page.read_text("utf8").replace("</article>", f"{html}</article>"), "utf8")
    assert check_site.main(str(site)) == 1
    said = capsys.readouterr().err
    assert "book/step.html: " in said and says in said


@pytest.mark.parametrize("attribute", ["id", "file"])
def test_the_site_check_finds_what_the_search_would_lead_to_and_is_not_there(site, capsys, attribute):
    if attribute == "id":
        for file in site.glob("book/*.html"):
            file.write_text(file.read_text("utf8").replace("rnnlib.rnn.step", "rnnlib.rnn.gone"), "utf8")
    else:
        index = site / "searchindex.js"
        index.write_text(index.read_text("utf8").replace('"book/step"', '"book/gone"', 1), "utf8")
    assert check_site.main(str(site)) == 1
    assert {"id": "dead anchor: book/index.html#rnnlib.rnn.step", "file": "dead page: book/gone.html"}[attribute] in capsys.readouterr().err


def test_the_site_check_asks_for_a_description(site, capsys):
    page = site / "book/step.html"
    page.write_text(page.read_text("utf8").replace('name="description"', 'name="other"'), "utf8")
    assert check_site.main(str(site)) == 1
    assert "book/step.html: there is no description" in capsys.readouterr().err
