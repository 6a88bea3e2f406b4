"""Offer each page as an .ipynb in its download menu: its cells with what they put out, its text as any notebook shows it.

A page's text holds roles and directives, which only Sphinx understands. In the notebook stand what they lead to: the numbers of
equations and theorems, the titles of pages, the code that is included. The labels behind equations stay: the checks read them.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import yaml
from formula_map import MAP, load
from jupyter_cache import get_cache
from myst_nb.core.read import create_nb_reader
from sphinx.directives.code import LiteralIncludeReader
from sphinx.util import logging

from rnnlib.proof.page import labelled_equations

OPEN = re.compile(r"^(`{3,}|:{3,})\{([\w:-]+)\}[ \t]*(.*)$")
OPTION = re.compile(r"^:([\w-]+):[ \t]*(.*)$")
ROLE = re.compile(r"\{([\w:-]+)\}`([^`]+)`")
NAMED = re.compile(r"^(.*?)\s*<([^<>]+)>$", re.S)
LABELLED = re.compile(r"(\$\$[ \t]*\((eq-[\w-]+)\))")
TARGET = re.compile(r"^\([\w-]+\)=$")
TITLED = {"margin", "grid", "grid-item-card", "exercise", "exercise-start", "solution", "solution-start"}
CODE = re.compile(r"^(`{3,})[^`{]*\n.*?^\1$", re.S | re.M)
SYNTAX = re.compile(r"\{[\w:-]+\}`|^(?:`{3,}|:{3,})\{.*|^\([\w-]+\)=$|^:[\w-]+:", re.M)  # what only Sphinx understands
DROPPED = {"index", "exercise-end", "solution-end"}
WHOLE = {"literalinclude", "formula-map"}  # stand for something else
BARE = {"div"}  # only a class for the site's style sheet: what is inside stands without a head
log = logging.getLogger(__name__)


class Plain:
    """Turns the text of one page into Markdown that needs no Sphinx."""

    def __init__(self, env, docname: str) -> None:
        self.env, self.folder = env, Path(env.doc2path(docname)).parent
        kinds = (kind for page in env.toc_fignumbers.values() for kind in page.items())
        self.numbers = {label: (kind, ".".join(map(str, number))) for kind, of in kinds for label, number in of.items()}
        self.titles = {name.rpartition("/")[2]: title.astext() for name, title in env.titles.items()}

    def equation(self, label: str) -> str:
        """The number of an equation: "(7.1)". Of one that is not there, which the build warns of, the label."""
        return f"({self.numbers.get(f'equation-{label}', ('', label))[1]})"

    def named(self, label: str) -> str:
        """What a numbered thing is called, "Theorem 7.1", or the title of a section."""
        if label in self.numbers:
            kind, number = self.numbers[label]
            return f"{'Fig.' if kind == 'figure' else kind.capitalize()} {number}"
        return f"*{self.env.domaindata['std']['labels'].get(label, ('', '', label))[2]}*"

    def role(self, found: re.Match) -> str:
        kind, body = found.groups()
        text, target = named.groups() if (named := NAMED.match(body)) else ("", body)
        if text and kind != "py:obj":
            return text
        if kind == "eq":
            return self.equation(target)
        if kind == "doc":
            return f"*{self.titles.get(target, target)}*"
        if kind in ("ref", "numref", "prf:ref"):
            return self.named(target)
        if kind.startswith("cite:"):
            who = "; ".join(map(self.cited, target.split(",")))
            return who if kind == "cite:t" else "(" + re.sub(r" \((\d+)\)", r", \1", who) + ")"
        return f"`{(text or target).lstrip('~!')}`" if kind in ("py:obj", "download") else target

    def cited(self, key: str) -> str:
        entry = self.env.domaindata["cite"]["bibdata"].data.entries[key.strip()]
        people = entry.persons.get("author") or entry.persons.get("editor") or []
        names = [" ".join(person.prelast_names + person.last_names).strip("{}") for person in people]
        who = names[0] + " et al." if len(names) > 2 else " and ".join(names) or entry.fields["title"]
        return f"{who} ({entry.fields['year']})"

    def title(self, kind: str, argument: str, options: dict[str, str]) -> str:
        """The line that stands for the head of a directive."""
        if kind == "prf:proof":
            return "*Proof.*"
        if kind.startswith("solution"):
            return f"**Solution of {self.named(argument)}.**"
        label = options.get("label", "")
        head = self.named(label) if label in self.numbers else ""
        return f"**{head} ({argument}).**" if head and argument else f"**{head or argument}.**" if head or argument else ""

    def included(self, name: str, options: dict[str, str]) -> str:
        options = {key: value for key, value in options.items() if key != "language"}
        lines, _ = LiteralIncludeReader(str(self.folder / name), options, self.env.config).read()
        return f"```python\n{lines.rstrip()}\n```"

    def formula_map(self) -> list[str]:
        """The map of the note's formulas: the table that the site shows, without its links."""
        lines = ["| In the note | Here | Equation, function, test |", "| --- | --- | --- |"]
        for row in load(Path(self.env.srcdir) / MAP):
            here = f"{row['status']}: {row['note']}" if row["note"] else row["status"]
            names = f"{self.equation(row['label'])}, `{row['function']}`, `{row['test'].removeprefix('tests/')}`"
            lines.append(f"| {row['source']}: ${row['formula']}$ | {here} | {names} |")
        return lines

    def text(self, text: str) -> str:
        done, fences, lines = [], [], text.split("\n")
        while lines:
            line = lines.pop(0)
            opened = OPEN.match(line)
            if fences and line.rstrip() == fences[-1][0]:
                done.append(fences.pop()[1])
            elif fences and fences[-1][1] == "```":  # inside of code
                done.append(line)
            elif opened and (opened[2] in TITLED | DROPPED | BARE | WHOLE | {"code-block"} or opened[2].startswith("prf:")):
                fence, kind, argument = opened.groups()
                options = {}
                while lines and (option := OPTION.match(lines[0])):
                    options[option[1]] = yaml.safe_load(option[2])
                    lines.pop(0)
                if kind in DROPPED | WHOLE:
                    del lines[: lines.index(fence) + 1]
                    done += [self.included(argument, options)] if kind == "literalinclude" else []
                    done += self.formula_map() if kind == "formula-map" else []
                elif kind == "code-block":
                    done.append(f"```{argument}")
                    fences.append((fence, "```"))
                elif kind in BARE:
                    fences.append((fence, ""))
                elif kind.endswith("-start"):
                    del lines[: lines.index(fence) + 1]
                    done.append(self.title(kind, argument, options))
                else:
                    done += [self.title(kind, argument, options), ""]
                    fences.append((fence, ""))
            elif line.startswith("```"):
                done.append(line)
                fences.append((re.match("`+", line)[0], "```"))
            elif not TARGET.match(line):
                done.append(ROLE.sub(self.role, line))
        return LABELLED.sub(lambda m: f"{m[1]} · {self.equation(m[2])}", "\n".join(done)).strip("\n")


def left_over(text: str) -> str | None:
    """The first piece of a notebook's text, outside of its code, that only Sphinx understands."""
    return found[0] if (found := SYNTAX.search(CODE.sub("", text))) else None


def borrowed(path: Path, code: str, plain: Plain) -> dict[str, dict[str, str]]:
    """The equations of other pages that the code names, for where these pages are not: label -> text and number."""
    named = set(re.findall(r"""["'](eq-[\w-]+)["']""", code))
    others = (page.read_text("utf8") for page in sorted(path.parent.glob("*.md")) if page != path and named)
    found = (pair for text in others for pair in labelled_equations(text).items())
    return {label: {"tex": tex, "number": plain.equation(label)} for label, tex in found if label in named}


def made(app, docname: str) -> dict | None:
    """The page as a notebook with outputs, or None if it has no cells."""
    env, path = app.env, Path(app.env.doc2path(docname))
    text = path.read_text("utf8")
    reader = create_nb_reader(str(path), env.myst_config, env.mystnb_config, text) if path.suffix == ".md" else None
    notebook = reader.read(text) if reader else None
    if notebook is None or not any(cell.cell_type == "code" for cell in notebook.cells):
        return None
    if app.config.nb_execution_mode == "cache":
        _, notebook = get_cache(app.config.nb_execution_cache_path).merge_match_into_notebook(notebook, cell_meta=("tags",))
    plain, read = Plain(env, docname), json.loads(json.dumps(notebook))
    for cell in read["cells"]:
        if cell["cell_type"] == "markdown":
            cell["source"] = plain.text(cell["source"])
            if left := left_over(cell["source"]):
                log.warning("the notebook to download would show %r as it stands; teach book/_ext/notebooks.py to resolve it", left,
                            location=docname)
        else:
            hidden = {"hide-input", "remove-input"} & set(cell["metadata"].get("tags", []))
            cell["metadata"] = {"tags": cell["metadata"].get("tags", [])} | ({"jupyter": {"source_hidden": True}} if hidden else {})
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if "text/markdown" in data:
                data |= {kind: plain.text(text) for kind, text in data.items() if text == data["text/markdown"]}  # as text/plain, too
    read["metadata"] = {key: read["metadata"][key] for key in ("kernelspec", "language_info") if key in read["metadata"]}
    if equations := borrowed(path, "\n".join(cell["source"] for cell in read["cells"] if cell["cell_type"] == "code"), plain):
        read["metadata"]["equations"] = equations
    return read | {"nbformat": 4, "nbformat_minor": 5}


def numbered(notebook: str) -> str:
    """The notebook with its cells' ids counted, not random: the same page is the same file."""
    read = json.loads(notebook)
    for number, cell in enumerate(read["cells"], 1):
        cell["id"] = f"cell-{number}"
    return json.dumps(read, ensure_ascii=False, indent=1) + "\n"


def offer(app, pagename, templatename, context, doctree) -> None:
    notebook, target = made(app, pagename) if doctree is not None else None, Path(app.outdir) / "_sources" / f"{pagename}.ipynb"
    if notebook is None:
        target.unlink(missing_ok=True)  # an earlier build's
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(numbered(json.dumps(notebook)), "utf8")
    context["ipynb_source"] = f"{pagename}.ipynb"


def setup(app):
    app.connect("html-page-context", offer, priority=400)
    return {"version": "2", "parallel_read_safe": True, "parallel_write_safe": True}
