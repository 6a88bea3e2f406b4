"""Offer each executed page as an .ipynb in the page's download menu."""

from __future__ import annotations

import shutil
from pathlib import Path


def offer(app, pagename, templatename, context, doctree) -> None:
    executed = Path(app.outdir).parent / "jupyter_execute" / f"{pagename}.ipynb"
    if doctree is None or not executed.is_file():
        return
    target = Path(app.outdir) / "_sources" / f"{pagename}.ipynb"
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(executed, target)
    context["ipynb_source"] = f"{pagename}.ipynb"


def setup(app):
    app.connect("html-page-context", offer, priority=400)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
