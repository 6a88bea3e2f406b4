"""``{api} rnnlib.rnn``: the functions and classes of a module, each with its docstring.

Docstrings are NumPy style.
Their prose becomes paragraphs and preformatted blocks, ``Parameters`` and the like become lists.
``Examples`` and what is typed at ``>>>`` stay as they are.
A label of an equation in a docstring, ``(eq-model-a)``, becomes a link that shows the equation's number.
What is listed: the names that the module defines and that do not begin with an underscore;
for a package with ``__all__`` the names in it that the package's own modules define.
"""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import re
import textwrap

from docutils import nodes
from ledger import equation_link, function_link
from sphinx import addnodes
from sphinx.util.docutils import SphinxDirective

HEADING = re.compile(r"^([A-Z][A-Za-z ]+)\n-{3,}$", re.M)
LISTS = {"Parameters", "Returns", "Raises", "Attributes", "Yields"}
INLINE = re.compile(
    r"(?::\w+:)?``(?P<literal>.+?)``|:math:`(?P<math>[^`]+)`|`(?P<name>[^`]+)`|(?<![\w*])\*(?P<emphasis>\w[^*]*)\*(?![\w*])"
    r"|\((?P<sole>eq(?:-[a-z0-9]+)+)\)|\b(?P<label>eq(?:-[a-z0-9]+)+)\b"  # a number brings its own parentheses
)


SEVERAL = re.compile(r"\((eq(?:-[a-z0-9]+)+(?:, eq(?:-[a-z0-9]+)+)+)\)")
COLUMNS = re.compile(r"(?<=\S) {2,}(?=\S)")
AFTER_NAME = re.compile(r"(?<=\S):? {2,}(?=\S)|(?<=``) ")


class Api(SphinxDirective):
    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        name = self.arguments[0]
        module = importlib.import_module(name)
        self.env.note_dependency(module.__file__)
        listed = members(module)
        if not listed:
            raise self.error(f"{name} defines no public function or class")
        return [self.docstring(module), self.module_target(name), *(self.entry(name, *pair) for pair in listed)]

    def module_target(self, name: str) -> nodes.Node:
        target = nodes.target("", "", ids=[f"module-{name}"], ismod=True)
        self.env.get_domain("py").note_module(name, target["ids"][0], "", "", False)
        self.env.get_domain("py").note_object(name, "module", target["ids"][0], location=target)
        return target

    def entry(self, module: str, name: str, thing) -> nodes.Node:
        full, kind = f"{module}.{name}", kind_of(thing)
        signature = addnodes.desc_signature("", "", ids=[full], classes=["sig", "sig-object"], module=module, fullname=name)
        if kind == "class":
            signature += addnodes.desc_annotation("", "class ")
        signature += addnodes.desc_addname("", f"{module}.")
        signature += addnodes.desc_name("", name)
        signature += addnodes.desc_addname("", signature_text(thing))
        self.env.get_domain("py").note_object(full, kind, full, location=signature)
        about = self.docstring(thing) if kind != "data" else self.record(type(thing))
        body = addnodes.desc_content("", about)
        return addnodes.desc("", signature, body, domain="py", objtype=kind, desctype=kind, no_index=False, classes=["py"])

    def record(self, cls: type) -> nodes.Node:
        """What is said of a record: whose it is."""
        link = function_link(f"{cls.__module__}.{cls.__name__}", self.env.docname)
        return nodes.paragraph("", "", nodes.Text("A record of type "), link, nodes.Text("."))

    def docstring(self, thing) -> nodes.Element:
        box = nodes.container(classes=["docstring"])
        for title, text in sections(inspect.getdoc(thing) or ""):
            if title:
                box += nodes.rubric("", title)
            box += self.section(title, text)
        return box

    def section(self, title: str, text: str) -> list[nodes.Node]:
        if title == "Examples":
            return [nodes.doctest_block(text, text)]
        if title in LISTS:
            items = re.split(r"\n(?=[\w, *]+ : )" if title == "Returns" else r"\n(?=\S)", text)  # what is returned may be prose
            if title == "Raises":
                items = [re.sub(r"\n", ": ", item, count=1) for item in items]
            return [nodes.bullet_list("", *(nodes.list_item("", self.paragraph(item)) for item in items))]
        return [self.block(part) for part in re.split(r"\n\s*\n", text) if part.strip()]

    def block(self, text: str) -> nodes.Node:
        """A paragraph, a list, preformatted text where all lines are indented, or what is typed at ``>>>``."""
        if text.startswith(">>>"):
            return nodes.doctest_block(text, text)
        if all(line.startswith(" ") for line in text.splitlines()):
            return nodes.literal_block(text, textwrap.dedent(text), language="text")
        if items := list_items(text):
            return nodes.bullet_list("", *(nodes.list_item("", self.paragraph(item)) for item in items))
        return self.paragraph(re.sub(r"::$", ":", text.rstrip()))

    def paragraph(self, text: str) -> nodes.Node:
        """A paragraph with its ``literals``, *emphasis*, :math:`formulas` and links to equations."""
        paragraph, end = nodes.paragraph(), 0
        text = SEVERAL.sub(r"\1", " ".join(text.split()))
        for match in INLINE.finditer(text):
            paragraph += nodes.Text(text[end : match.start()])
            paragraph += self.inline(match)
            end = match.end()
        paragraph += nodes.Text(text[end:])
        return paragraph

    def inline(self, match: re.Match) -> nodes.Node:
        kind, text = match.lastgroup, match[match.lastgroup]
        if kind in ("sole", "label"):
            link = equation_link(text, self.env.docname)
            link["refwarn"] = not self.config.partial_book
            return link
        return {"literal": nodes.literal, "name": nodes.literal, "math": nodes.math, "emphasis": nodes.emphasis}[kind](text, text)


def list_items(text: str) -> list[str]:
    """The items of lines that begin with a dash, or that set a name and what it is in columns; of a paragraph, none."""
    items = re.split(r"\n(?=\S)", text)
    if all(item.startswith("- ") for item in items):
        return [item[2:] for item in items]
    if len(items) > 1 and COLUMNS.search(items[0]) and all(COLUMNS.search(item) or item.startswith("``") for item in items):
        return [AFTER_NAME.sub(": ", item, count=1) for item in items]
    return []


def sections(doc: str) -> list[tuple[str, str]]:
    """(title, text) of the parts of a NumPy-style docstring; the first part has no title."""
    parts = HEADING.split(doc)
    return [("", parts[0].strip("\n")), *((title, text.strip("\n")) for title, text in zip(parts[1::2], parts[2::2], strict=True))]


def members(module) -> list[tuple[str, object]]:
    """Public functions, classes and records of a module in the order of its text, of a package in the order of ``__all__``."""
    home = module.__name__
    if hasattr(module, "__path__") and hasattr(module, "__all__"):
        named = [(name, getattr(module, name)) for name in module.__all__]
        return [(name, thing) for name, thing in named if kind_of(thing) and thing.__module__.startswith(home + ".")]
    named = [(name, getattr(module, name)) for name in defined_in(module) if not name.startswith("_")]
    return [(name, thing) for name, thing in named if kind_of(thing)]


def defined_in(module) -> list[str]:
    """The names that a module's own text defines: functions, classes, assignments."""
    names = []
    for statement in ast.parse(inspect.getsource(module)).body:
        targets = getattr(statement, "targets", ())
        names += [statement.name] if isinstance(statement, ast.FunctionDef | ast.ClassDef) else []
        names += [target.id for target in targets if isinstance(target, ast.Name)]
    return list(dict.fromkeys(names))


def kind_of(thing) -> str:
    """What a thing is to the reader: a class, a function, a record made of a dataclass of rnnlib, or nothing worth listing."""
    if inspect.isclass(thing):
        return "class"
    if inspect.isfunction(thing):
        return "function"
    return "data" if dataclasses.is_dataclass(thing) and type(thing).__module__.startswith("rnnlib.") else ""


def signature_text(thing) -> str:
    """The parameters as the source writes them, without annotations; a record's fields."""
    if kind_of(thing) == "data":
        return ""
    if inspect.isclass(thing):
        return "" if issubclass(thing, Exception) else f"({', '.join(inspect.signature(thing).parameters)})"
    definition = ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(thing)))).body[0]
    arguments = definition.args
    for argument in ast.walk(arguments):
        if isinstance(argument, ast.arg):
            argument.annotation = None
    return f"({ast.unparse(arguments)})"


def setup(app):
    app.add_directive("api", Api)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
