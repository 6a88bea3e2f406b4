"""Repair the HTML that the theme writes, after the build.

* scripts: drop the icon script (the icon font draws the same) and Thebe, load the others deferred;
* icons: cut the icon fonts down to the icons in use;
* pages that are no longer in the book are removed;
* names and landmarks for screen readers; scrolling tables can be reached from the keyboard.

Running it again on its own output changes nothing.
"""

from __future__ import annotations

import logging
import re
from io import BytesIO
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

HEAD = [
    (re.compile(r'\s*<link rel="preload" as="font"[^>]*>'), ""),  # fails on pages opened as files
    (re.compile(r'(<meta name="viewport"[^>]*>)(.*?)(?:\s*<meta name="viewport"[^>]*>)', re.S), r"\1\2"),
]
ANYWHERE = [
    (re.compile(r"\s*<script [^>]*fontawesome[^>]*></script>"), ""),
    (re.compile(r'\s*<link rel="preload" as="script"[^>]*>'), ""),
    (re.compile(r'<script src="([^"]*_static/(?!documentation_options)[^"]*)"></script>'), r'<script defer src="\1"></script>'),
    (re.compile(r'<script (data-sd-tabs-storage-prefix="[^"]*") src='), r"<script defer \1 src="),
    (re.compile(r'<script src="([^"]*searchindex.js[^"]*)"></script>'), r'<script defer src="\1"></script>'),
    (re.compile(r'<summary aria-label="Toggle hidden content">'), "<summary>"),
    (re.compile(r'(class="btn search-button[^"]*"[^>]*?) aria-label="Search"'), r"\1"),
    (re.compile(r'<div class="bd-sidebar-primary'), '<div role="region" aria-label="Book navigation" class="bd-sidebar-primary'),
    # ids that sphinx-proof and sphinx-exercise give to every proof and every solution of a page
    (re.compile(r'<section id="((?:exercise|solution)-content)">'), r'<section class="\1">'),
    (re.compile(r'(<section class="[^"]*") id="proof-content">'), r"\1>"),
    (re.compile(r'<section id="proof-content">'), "<section>"),
    (re.compile(r'(<div class="proof admonition") id="proof">'), r"\1>"),
    (re.compile(r'<div class="(wide-table[^"]*)">'), r'<div class="\1" tabindex="0" role="region" aria-label="Table">'),
]
logging.getLogger("fontTools").setLevel(logging.WARNING)
ICON = re.compile(r"fa-[a-z0-9-]+")


def keep_scripts_once(app, pagename, templatename, context, doctree) -> None:
    """Drop Thebe, which nothing here uses, and scripts that the theme names twice."""
    kept, seen = [], set()
    for script in context.get("script_files", []):
        body = getattr(script, "attributes", {}).get("body") or ""
        name = str(getattr(script, "filename", "") or "")
        if "THEBE_JS_URL" in body or "sphinx-thebe" in name or (name, body) in seen:
            continue
        seen.add((name, body))
        kept.append(script)
    context["script_files"] = kept
    styles = context.get("css_files", [])
    context["css_files"] = [css for css in styles if "sphinx-thebe" not in str(getattr(css, "filename", ""))]


def tidy(html: str) -> str:
    head, end, body = html.partition("</head>")
    for pattern, replacement in HEAD:
        head = pattern.sub(replacement, head)
    html = head + end + body
    for pattern, replacement in ANYWHERE:
        html = pattern.sub(replacement, html)
    return html


def finish(app, exception) -> None:
    if exception is not None or app.builder.format != "html":
        return
    out, icons = Path(app.outdir), set()
    remove_old_pages(out / "book", {f"{doc}.html" for doc in app.env.found_docs}, out)
    for page in out.rglob("*.html"):
        if "_static" in page.relative_to(out).parts:
            continue
        old = page.read_text("utf8")
        new = tidy(old)
        icons |= set(ICON.findall(new))
        if new != old:
            page.write_text(new, "utf8")
    mend_theme_script(out / "_static/scripts/sphinx-book-theme.js")
    for script in (out / "_static").rglob("*.js"):
        if "fontawesome" not in script.as_posix():
            icons |= set(ICON.findall(script.read_text("utf8", errors="ignore")))
    for style in (out / "_static").glob("vendor/fontawesome/*/css/all.min.css"):
        trim_icons(style, out / "_static", icons)


def remove_old_pages(folder: Path, current: set[str], out: Path) -> None:
    for page in folder.rglob("*.html"):
        if page.relative_to(out).as_posix() not in current:
            page.unlink()


def mend_theme_script(script: Path) -> None:
    """The theme's script fails on a page with a margin note and without a contents list beside it."""
    if script.is_file():
        old = '("div.bd-sidebar-secondary").classList'
        script.write_text(script.read_text("utf8").replace(old, old.replace(").", ")?.")), "utf8")


def trim_icons(style: Path, static: Path, icons: set[str]) -> None:
    """Keep one icon font, with the glyphs of ``icons`` and of the characters that other style sheets write."""
    points = glyphs(style.read_text("utf8"), icons)
    for other in static.rglob("*.css"):
        if "fontawesome" not in other.as_posix():
            points |= {int(p, 16) for p in re.findall(r'content: ?"\\(f[0-9a-f]{3})', other.read_text("utf8"))}
    fonts = style.parents[1] / "webfonts"
    for unused in [*style.parents[1].glob("js/*"), *(f for f in fonts.iterdir() if f.name != "fa-solid-900.woff2")]:
        unused.unlink()
    solid = fonts / "fa-solid-900.woff2"
    font = TTFont(BytesIO(solid.read_bytes()))
    if points < set(font.getBestCmap()) and len(font.getBestCmap()) > 2 * len(points) + 50:
        cut(font, points, solid)


def glyphs(css: str, icons: set[str]) -> set[int]:
    """The code points of icons such as ``fa-moon``."""
    found = set()
    for icon in icons:
        for rule in re.findall(rf"\.{re.escape(icon)}:{{1,2}}before[^{{]*\{{content:\"\\([0-9a-f]+)", css):
            found.add(int(rule, 16))
    return found


def cut(font: TTFont, points: set[int], target: Path) -> None:
    subsetter = subset.Subsetter(subset.Options(flavor="woff2"))
    subsetter.populate(unicodes=points)
    subsetter.subset(font)
    font.flavor = "woff2"
    font.save(target)


def setup(app):
    app.connect("html-page-context", keep_scripts_once, priority=900)
    app.connect("build-finished", finish, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
