"""``{api} rnnlib.rnn``: the functions and classes of a module, with their docstrings as they are written.

Docstrings hold aligned formulas, so they are shown as preformatted text.
A label of an equation in a docstring, ``(eq-model-a)``, becomes a link that shows the equation's number.
What is listed: the names that the module defines and that do not begin with an underscore.
"""

from __future__ import annotations

import importlib
import inspect
import re

from docutils import nodes
from ledger import equation_link
from sphinx import addnodes
from sphinx.util.docutils import SphinxDirective

LABEL = re.compile(r"\beq(?:-[a-z0-9]+)+\b")


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
        body = addnodes.desc_content("", self.docstring(thing))
        return addnodes.desc("", signature, body, domain="py", objtype=kind, desctype=kind, no_index=False, classes=["py"])

    def docstring(self, thing) -> nodes.Node:
        text, block, end = inspect.getdoc(thing) or "", nodes.literal_block(classes=["docstring"]), 0
        for match in LABEL.finditer(text):
            block += [nodes.Text(text[end : match.start()]), self.label(match[0])]
            end = match.end()
        block += nodes.Text(text[end:])
        return block

    def label(self, label: str) -> nodes.Node:
        link = equation_link(label, self.env.docname)
        link["refwarn"] = not self.config.partial_book
        return link


def members(module) -> list[tuple[str, object]]:
    """Public functions, classes and records that the module itself defines, in the order of its text."""
    own = [(n, t) for n, t in vars(module).items() if not n.startswith("_") and kind_of(t) and defined_in(t, module)]
    return sorted(own, key=lambda pair: first_line(pair[1]))


def defined_in(thing, module) -> bool:
    return getattr(thing, "__module__", None) == module.__name__


def kind_of(thing) -> str:
    if inspect.isclass(thing):
        return "class"
    return "function" if inspect.isroutine(thing) else ""


def first_line(thing) -> int:
    try:
        return inspect.getsourcelines(inspect.unwrap(thing))[1]
    except (OSError, TypeError):
        return 0


def signature_text(thing) -> str:
    try:
        signature = inspect.signature(thing)
    except (TypeError, ValueError):
        return ""
    plain = [p.replace(annotation=inspect.Parameter.empty) for p in signature.parameters.values()]
    return str(signature.replace(parameters=plain, return_annotation=inspect.Signature.empty))


def setup(app):
    app.add_directive("api", Api)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
