"""``{formula-map}``: where each formula of the note that the book began from is derived, coded and tested.

The rows are in ``book/formula_map.yml``; the README's table is made of the same file (``make readme``).
The build stops when a row names a label, a function or a test that does not exist.
"""

from __future__ import annotations

import ast
from pathlib import Path

import yaml
from docutils import nodes
from ledger import documented, equation_link, function_link, make_table, pages, pages_with
from sphinx.errors import SphinxError
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxDirective

MAP = "book/formula_map.yml"
FIELDS = ("source", "formula", "status", "label", "function", "test", "note")
STATUSES = ("as printed", "corrected", "completed")
BEGIN, END = "<!-- formula map: made by `make readme` from book/formula_map.yml -->", "<!-- end of formula map -->"


class FormulaMapError(SphinxError):
    category = "Formula map"


class formula_map(nodes.General, nodes.Element):
    """Stands for the table until every page has been read."""


def load(path: Path) -> list[dict]:
    """The rows, each with all of FIELDS as text; ValueError says which row is not right."""
    rows = yaml.safe_load(path.read_text("utf8")) or []
    for number, row in enumerate(rows, 1):
        wrong = set(row) ^ set(FIELDS)
        if wrong:
            raise ValueError(f"{path.name}, row {number}: needs exactly {', '.join(FIELDS)}; see {', '.join(sorted(wrong))}")
        if row["status"] not in STATUSES:
            raise ValueError(f"{path.name}, row {number}: status {row['status']!r} is none of {', '.join(STATUSES)}")
    return [{field: str(row[field]).strip() for field in FIELDS} for row in rows]


def problems(rows: list[dict], labels: dict[str, str], functions: set[str], root: Path) -> list[str]:
    """One sentence for each name in the rows that does not exist."""
    found = []
    for number, row in enumerate(rows, 1):
        where = f"{MAP}, row {number} ({row['source']})"
        if row["label"] not in labels:
            found.append(f"{where}: no page has an equation ({row['label']})")
        if row["function"] not in functions:
            found.append(f"{where}: {row['function']} has no entry on the API page")
        if not test_exists(row["test"], root):
            found.append(f"{where}: there is no test {row['test']}")
    return found


def test_exists(test: str, root: Path) -> bool:
    """Whether ``tests/test_x.py::test_name`` (or ``::Class::test_name``) is defined."""
    file, *names = test.split("[")[0].split("::")
    path = root / file
    if not names or not path.is_file():
        return False
    body = ast.parse(path.read_text("utf8")).body
    for name in names:
        body = next((item.body for item in body if getattr(item, "name", None) == name), None)
        if body is None:
            return False
    return True


def markdown(rows: list[dict], labels: dict[str, str]) -> str:
    """The table of the README; ``labels`` maps a label to its page."""
    lines = ["| formula of the note | status | page | function | test |", "| --- | --- | --- | --- | --- |"]
    for row in rows:
        if row["label"] not in labels:
            raise ValueError(f"{MAP}: no page has an equation ({row['label']})")
        home = labels[row["label"]]
        page = f"[{home.split('/')[-1]}]({home}.md), `{row['label']}`"
        function, test = f"`{row['function']}`", f"`{row['test']}`"
        lines.append(f"| {row['source']}: $`{row['formula']}`$ | {row['status']} | {page} | {function} | {test} |")
    return "\n".join(lines)


def labels_in(folder: Path) -> dict[str, str]:
    """Label -> ``book/page`` of every ``$$ … $$ (label)``, read from the sources."""
    found = {}
    for path in sorted(folder.glob("*.md")):
        for line in path.read_text("utf8").splitlines():
            _, closing, rest = line.rpartition("$$")
            if closing and rest.strip().startswith("(eq-") and rest.strip().endswith(")"):
                found[rest.strip()[1:-1]] = f"{folder.name}/{path.stem}"
    return found


def with_table(readme: str, table: str) -> str:
    """The README's text with its table replaced."""
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"README.md needs the lines {BEGIN!r} and {END!r}")
    return f"{before}{BEGIN}\n\n{table}\n\n{END}{after}"


# ---- the directive -----------------------------------------------------------------------------------------------


class FormulaMap(SphinxDirective):
    """``{formula-map}``: the table, with the equations' numbers."""

    def run(self) -> list[nodes.Node]:
        root = Path(self.env.srcdir)
        for file in {MAP, *(row["test"].split("::")[0] for row in load(root / MAP))}:
            self.env.note_dependency(str(root / file))
        return [formula_map()]


class FillFormulaMap(SphinxPostTransform):
    default_priority = 5  # before references are resolved

    def run(self, **kwargs) -> None:
        for placeholder in list(self.document.findall(formula_map)):
            rows = [self.row(row) for row in load(Path(self.env.srcdir) / MAP)]
            head = ("In the note", "Here", "Equation, function, test")
            placeholder.replace_self(make_table(head, rows, "formula-map"))

    def row(self, row: dict) -> list[nodes.Node]:
        here = self.env.docname
        source = nodes.paragraph("", f"{row['source']}: ")
        formula = rf"\displaystyle {row['formula']}"  # a fraction of the note is as legible as its own equation
        source += nodes.math(formula, formula)
        status = nodes.paragraph("", "", *with_math(row["status"] + (f": {row['note']}" if row["note"] else "")))
        links = [equation_link(row["label"], here), function_link(row["function"], here)]
        for link in links:
            link["refwarn"] = not self.config.partial_book
        names = *links, nodes.literal("", row["test"].removeprefix("tests/"))
        where = nodes.bullet_list("", *(nodes.list_item("", nodes.paragraph("", "", name)) for name in names))
        return [source, status, where]


def with_math(text: str) -> list[nodes.Node]:
    """The text's nodes; what stands between dollar signs is a formula."""
    pieces = text.split("$")
    return [nodes.math(piece, piece) if number % 2 else nodes.Text(piece) for number, piece in enumerate(pieces)]


def enforce(app, env) -> None:
    path = Path(env.srcdir) / MAP
    if app.config.partial_book or not pages_with(env, formula_map):
        return
    labels = {label: doc for doc, page in pages(env).items() for label, _ in page["equations"]}
    found = problems(load(path), labels, documented(env), Path(env.srcdir))
    if found:
        raise FormulaMapError("\n  " + "\n  ".join(found))


def refresh(app, env) -> list[str]:
    """Write the table's page again when any page was read again."""
    return pages_with(env, formula_map) if getattr(env, "ledger_changed", False) else []


def setup(app):
    app.add_node(formula_map)
    app.add_directive("formula-map", FormulaMap)
    app.add_post_transform(FillFormulaMap)
    app.connect("env-updated", refresh, priority=400)  # before the ledger forgets what changed
    app.connect("env-check-consistency", enforce)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
