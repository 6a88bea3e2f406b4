"""The verification ledger: every labelled equation has exactly one check, of exactly the text that is typeset.

``rnnlib.proof.Page.check`` displays its evidence as ``<div class="evidence …" data-check="JSON">``.
This extension reads the labelled equations and those divs out of every page, and stops the build, naming page and label, when

* a labelled equation has no check,
* its typeset text differs from the text that was checked,
* a check names a label that is on no page, or on another page,
* a label is checked twice,
* a check names a function that the API pages do not have.

``{ledger}`` makes a table of them for each page. The function that an evidence names becomes a link to its entry on the API page,
and a refuted formula gets the class ``refuted``, so that nobody takes it for a result.
"""

from __future__ import annotations

import html
import json
import re

from docutils import nodes
from sphinx import addnodes
from sphinx.environment.collectors import EnvironmentCollector
from sphinx.errors import SphinxError
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

logger = logging.getLogger(__name__)

PLURALS = {"identity": "identities", "definition": "definitions", "theorem": "theorems", "bound": "bounds", "limit": "limits"}
KINDS = (*PLURALS, "refuted")
EVIDENCE = re.compile(r"""data-check=(?P<quote>["'])(?P<json>.*?)(?P=quote)""", re.S)
FUNCTION = re.compile(r'<code class="evidence-function">([\w.]+)</code>')
TOGETHER = re.compile(r"(\(\w, \w, \w\)|\d[\d.]*e-\d+|\bT = \d+)")  # a browser may break 1.0e-15 after the minus sign
FIELDS = {"label", "kind", "tex", "evidence", "function", "page"}


class LedgerError(SphinxError):
    category = "Verification ledger"


class ledger_table(nodes.General, nodes.Element):
    """Stands for the table until every page has been read."""


# ---- what the pages say ------------------------------------------------------------------------------------------


class Collector(EnvironmentCollector):
    """Keep, in Sphinx's saved environment, each page's labelled equations and its checks."""

    def clear_doc(self, app, env, docname) -> None:
        pages(env).pop(docname, None)

    def merge_other(self, app, env, docnames, other) -> None:
        pages(env).update({name: page for name, page in pages(other).items() if name in docnames})

    def process_doc(self, app, doctree) -> None:
        env = app.env
        pages(env)[env.docname] = {"equations": equations_of(doctree), "checks": checks_of(doctree, env.docname)}
        env.ledger_changed = True


def pages(env) -> dict:
    if not hasattr(env, "ledger_pages"):
        env.ledger_pages = {}
    return env.ledger_pages


def equations_of(doctree) -> list[tuple[str, str]]:
    """(label, TeX) of every labelled equation of a page, in order."""
    return [(node["label"], node.astext().strip()) for node in doctree.findall(nodes.math_block) if node.get("label")]


def checks_of(doctree, docname: str) -> list[dict]:
    """The checks whose evidence a page shows, in order."""
    text = [node.astext() for node in doctree.findall(nodes.raw) if "html" in node["format"].split()]
    return [read_check(match["json"], docname) for part in text for match in EVIDENCE.finditer(part)]


def read_check(escaped: str, docname: str) -> dict:
    try:
        check = json.loads(html.unescape(escaped))
    except json.JSONDecodeError as error:
        raise LedgerError(f"{docname}: the evidence {escaped[:80]!r} is not JSON ({error})") from error
    missing = FIELDS - set(check)
    if missing:
        raise LedgerError(f"{docname}: the evidence of ({check.get('label', '?')}) lacks {', '.join(sorted(missing))}")
    if check["kind"] not in KINDS:
        raise LedgerError(f"{docname}: ({check['label']}) is of kind {check['kind']!r}; the kinds are {', '.join(KINDS)}")
    return check


# ---- the rule ----------------------------------------------------------------------------------------------------


def problems(env, functions: set[str] | None) -> list[str]:
    """What breaks the rule, one sentence each. ``functions`` None: the API pages are not part of this build."""
    found, first_check = [], {}
    typeset = {label: (doc, tex) for doc, page in pages(env).items() for label, tex in page["equations"]}
    for doc, page in pages(env).items():
        for check in page["checks"]:
            label, name = check["label"], check["function"]
            if label in first_check:
                found.append(f"{doc}: equation ({label}) is checked twice, first on {first_check[label]}")
                continue
            first_check[label] = doc
            if label not in typeset:
                found.append(f"{doc}: the check of ({label}) is of no labelled equation")
            elif typeset[label][0] != doc:
                found.append(f"{doc}: equation ({label}) is checked here but typeset on {typeset[label][0]}")
            elif typeset[label][1] != check["tex"].strip():
                found.append(
                    f"{doc}: equation ({label}) is typeset differently from what was checked\n"
                    f"    typeset: {typeset[label][1]}\n    checked: {check['tex'].strip()}"
                )
            if name and functions is not None and name not in functions:
                found.append(f"{doc}: the check of ({label}) names {name}, which has no entry on the API page")
    unchecked = [(doc, label) for label, (doc, _) in typeset.items() if label not in first_check]
    return found + [f"{doc}: equation ({label}) has no check" for doc, label in unchecked]


def documented(env) -> set[str]:
    return set(env.domaindata["py"]["objects"])


def enforce(app, env) -> None:
    if app.config.partial_book:  # the API page is not there, and a page in the making may lack checks
        for problem in problems(env, None):
            logger.error(problem, type="ledger")
    elif found := problems(env, documented(env)):
        raise LedgerError(f"{len(found)} breach(es) of the rule that what is labelled is checked:\n  " + "\n  ".join(found))


# ---- the table ---------------------------------------------------------------------------------------------------


class Ledger(SphinxDirective):
    """``{ledger}``: the counts and the tables of all labelled equations."""

    def run(self) -> list[nodes.Node]:
        return [ledger_table()]


def pages_with(env, kind: type) -> list[str]:
    """The pages that hold a placeholder of this kind."""
    return [doc for doc in env.found_docs if any(env.get_doctree(doc).findall(kind))]


def refresh(app, env) -> list[str]:
    """Write the ledger's page again when any page was read again."""
    changed, env.ledger_changed = getattr(env, "ledger_changed", False), False
    return pages_with(env, ledger_table) if changed else []


class FillLedger(SphinxPostTransform):
    default_priority = 5  # before references are resolved

    def run(self, **kwargs) -> None:
        for placeholder in list(self.document.findall(ledger_table)):
            placeholder.replace_self(self.table())

    def table(self) -> list[nodes.Node]:
        """The counts, then a table for each page."""
        listed = [(doc, [label for label, _ in pages(self.env)[doc]["equations"]]) for doc in reading_order(self.env)]
        checks = {check["label"]: check for page in pages(self.env).values() for check in page["checks"]}
        labels = [label for _, page in listed for label in page]
        kinds = [checks[label]["kind"] for label in labels if label in checks]
        named = {kind: kind if kinds.count(kind) == 1 else PLURALS.get(kind, kind) for kind in KINDS}
        counts = ", ".join(f"{kinds.count(kind)} {named[kind]}" for kind in KINDS if kind in kinds)
        count = nodes.paragraph("", f"{len(kinds)} of {len(labels)} labelled equations checked.", classes=["ledger-count"])
        tables = [self.page(doc, [checks[label] for label in page if label in checks]) for doc, page in listed]
        return [count, nodes.paragraph("", f"By kind: {counts}."), *(node for table in tables for node in table)]

    def page(self, doc: str, checks: list[dict]) -> list[nodes.Node]:
        if not checks:
            return []
        title = nodes.paragraph("", "", page_link(doc, self.env.docname), classes=["ledger-page"])
        return [title, make_table(("Equation", "Kind", "Evidence", "Function"), [self.row(check) for check in checks], "ledger")]

    def row(self, check: dict) -> list[nodes.Node]:
        here = self.env.docname
        evidence = nodes.bullet_list("", *(nodes.list_item("", tied(text)) for text in check["evidence"]))
        function = function_link(check["function"], here) if check["function"] else nodes.Text("–")
        kind = nodes.inline("", check["kind"], classes=["kind", f"kind-{check['kind']}"])
        return [equation_link(check["label"], here), kind, evidence, function]


def reading_order(env) -> list[str]:
    """All pages that were read, in the order of the table of contents."""
    order = [env.config.root_doc]
    for doc in order:
        order += [child for child in env.toctree_includes.get(doc, ()) if child not in order]
    return [doc for doc in order if doc in pages(env)]


def mark_refuted(app, doctree, docname: str) -> None:
    checks = pages(app.env).get(docname, {}).get("checks", ())
    refuted = {check["label"] for check in checks if check["kind"] == "refuted"}
    for node in doctree.findall(nodes.math_block):
        if node.get("label") in refuted:
            node["classes"].append("refuted")


def link_functions(app, doctree, docname: str) -> None:
    """Turn the function's name in a page's evidence into a link."""
    objects = app.env.domaindata["py"]["objects"]

    def link(match: re.Match) -> str:
        entry = objects.get(match[1])
        if entry is None:  # the rule has spoken already, or this is a build of a few pages
            return match[0]
        return f'<a href="{app.builder.get_relative_uri(docname, entry.docname)}#{entry.node_id}">{match[0]}</a>'

    for node in list(doctree.findall(nodes.raw)):
        text = node.astext()
        linked = FUNCTION.sub(link, text)
        if linked != text:
            node.replace_self(nodes.raw("", linked, **node.attributes))


# ---- small pieces that other extensions use too -------------------------------------------------------------------


def tied(text: str) -> nodes.paragraph:
    """The text, with no line break within a number or a shape."""
    pieces = enumerate(TOGETHER.split(text))
    return nodes.paragraph("", "", *(nodes.inline("", p, classes=["tied"]) if at % 2 else nodes.Text(p) for at, p in pieces))


def equation_link(label: str, here: str) -> nodes.Element:
    return _reference("math", "eq", label, here, nodes.literal("", label))


def function_link(name: str, here: str) -> nodes.Element:
    shown = nodes.literal("", name.removeprefix("rnnlib."), classes=["xref", "py", "py-obj"])
    return _reference("py", "obj", name, here, shown)


def page_link(doc: str, here: str) -> nodes.Element:
    return _reference("std", "doc", f"/{doc}", here, nodes.inline("", doc, classes=["doc"]))


def _reference(domain: str, role: str, target: str, here: str, shown: nodes.Element) -> nodes.Element:
    return addnodes.pending_xref(
        "", shown, refdomain=domain, reftype=role, reftarget=target, refdoc=here, refexplicit=False, refwarn=True
    )


def make_table(head: tuple[str, ...], rows: list[list[nodes.Node]], css_class: str) -> nodes.Element:
    """A table node; a cell that is inline text gets its paragraph."""

    def row(cells) -> nodes.row:
        blocks = [c if isinstance(c, nodes.bullet_list | nodes.paragraph) else nodes.paragraph("", "", c) for c in cells]
        return nodes.row("", *(nodes.entry("", block) for block in blocks))

    columns = [nodes.colspec(colwidth=1) for _ in head]
    top = nodes.thead("", row([nodes.Text(text) for text in head]))
    group = nodes.tgroup("", *columns, top, nodes.tbody("", *map(row, rows)), cols=len(head))
    return nodes.container("", nodes.table("", group, classes=[css_class]), classes=["wide-table"])


def setup(app):
    app.add_node(ledger_table)
    app.add_directive("ledger", Ledger)
    app.add_env_collector(Collector)
    app.add_post_transform(FillLedger)
    app.connect("env-updated", refresh)
    app.connect("env-check-consistency", enforce)
    app.connect("doctree-resolved", mark_refuted)
    app.connect("doctree-resolved", link_functions)
    return {"version": "1", "env_version": 1, "parallel_read_safe": True, "parallel_write_safe": True}
