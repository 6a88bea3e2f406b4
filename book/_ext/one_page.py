"""The whole book on one page (builder ``singlehtml``), from which the PDF is printed.

Sphinx takes the handlers of nodes that are registered for a builder *or* those for its format;
some extension names ``singlehtml``, and all that are registered for ``html`` alone would be lost. Here both are taken.
"""

from __future__ import annotations


def both(app) -> None:
    handlers = app.registry.translation_handlers
    if app.builder.name == "singlehtml":
        handlers["singlehtml"] = handlers.get("html", {}) | handlers.get("singlehtml", {})


def setup(app):
    app.connect("builder-inited", both)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
