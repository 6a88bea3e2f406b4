"""A build that was not clean is never taken for clean by the next one.

Sphinx saves what it read even when the build then fails, and a second run, with nothing new to read, would pass.
So we keep a marker beside the saved pages: it is there only while the last build ended without an error or a warning.
Without it, all pages are read again (their outputs come from the cache, so that is quick).
A build with a warning also fails without ``-W``.
"""

from __future__ import annotations

from pathlib import Path

from sphinx.errors import SphinxError


class NotClean(SphinxError):
    category = "Strict build"


def _marker(app) -> Path:
    return Path(app.doctreedir) / "clean"


def forget_unless_clean(app, config) -> None:
    marker = _marker(app)
    if not marker.exists():
        (Path(app.doctreedir) / "environment.pickle").unlink(missing_ok=True)
    marker.unlink(missing_ok=True)


def mark_if_clean(app, exception) -> None:
    if exception is not None or config_is_partial(app):
        return
    if app._warncount:
        raise NotClean(f"{app._warncount} warning(s), listed above; in this book each is an error")
    _marker(app).touch()


def config_is_partial(app) -> bool:
    """Only some pages are built (``make page``): references to the others cannot be found, which is no error."""
    return app.config.partial_book


def setup(app):
    app.add_config_value("partial_book", False, "env", bool)
    app.connect("config-inited", forget_unless_clean)
    app.connect("build-finished", mark_if_clean, priority=999)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
