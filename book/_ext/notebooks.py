"""Offer each executed page as an .ipynb in the page's download menu."""

from __future__ import annotations

import json
from pathlib import Path


def numbered(notebook: str) -> str:
    """The notebook with its cells' ids counted, not random: the same page is the same file."""
    read = json.loads(notebook)
    for number, cell in enumerate(read["cells"], 1):
        cell["id"] = f"cell-{number}"
    return json.dumps(read, ensure_ascii=False, indent=1) + "\n"


def offer(app, pagename, templatename, context, doctree) -> None:
    executed = Path(app.outdir).parent / "jupyter_execute" / f"{pagename}.ipynb"
    if doctree is None or not executed.is_file():
        return
    target = Path(app.outdir) / "_sources" / f"{pagename}.ipynb"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(numbered(executed.read_text("utf8")), "utf8")
    context["ipynb_source"] = f"{pagename}.ipynb"


def setup(app):
    app.connect("html-page-context", offer, priority=400)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
