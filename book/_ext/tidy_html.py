"""Repair the HTML that the theme writes, after the build.

* scripts: the theme's and Bootstrap's go, ``site.js`` does what a reader uses of them; a page loads only those of the book's own
  that it needs, deferred;
* a Content-Security-Policy that the page keeps: nothing from outside, no script in the page but the one that runs before the first paint;
* pages that are no longer in the book are removed;
* names and landmarks for screen readers; scrolling tables can be reached from the keyboard; valid HTML.

Running it again on its own output changes nothing.
"""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

# Before anything is painted: the theme that was chosen, or the machine's; "js" says that folded boxes can be opened.
# It stands after the style sheet, which holds the fonts of formulas: they are read at once, not when the first formula is laid out,
# so no line is set in another font first and moves. And the browser (Chromium; others do not know "expect") is asked to wait with the
# first paint for the paragraph that ends the first screen: no formula or table is seen in part, and grows.
BEFORE_PAINT = (
    "(e=>{let m;try{m=localStorage.getItem('mode')}catch{}m=m||'auto';e.classList.add('js');e.dataset.mode=m;"
    "e.dataset.theme=m=='auto'?matchMedia('(prefers-color-scheme: dark)').matches?'dark':'light':m})(document.documentElement);"
    "document.fonts.forEach(font=>font.load());"
    "document.head.append(Object.assign(document.createElement('link'),{rel:'expect',href:'#screen',blocking:'render'}))"
)
POLICY = "; ".join(
    (
        "default-src 'none'",
        f"script-src 'self' 'sha256-{base64.b64encode(hashlib.sha256(BEFORE_PAINT.encode()).digest()).decode()}'",
        "style-src 'self' 'unsafe-inline'",  # KaTeX places its parts by style attributes
        "img-src 'self' data:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
    )
)
EXPLORE = re.compile(r'\s*<script [^>]*src="[^"]*_static/explore\.js[^>]*></script>')
SEARCH = re.compile(r'\s*<script [^>]*src="[^"]*_static/(?:documentation_options|doctools|sphinx_highlight)[^>]*></script>')
THEMES = "clipboard|copybutton|togglebutton|design-tabs|scripts/[a-z-]*|vendor/fontawesome"


def named_table(match: re.Match) -> str:
    """A table that scrolls: a region with a name of its own, reached from the keyboard."""
    number = match.string.count("wide-table", 0, match.start()) + 1
    return f'<div class="{match[1]}" tabindex="0" role="region" aria-label="Table {number}">'


SHEET = r'<link\b[^>]*\brel="stylesheet"[^>]*>'
HEAD = [
    (re.compile(r'\s*<link rel="preload"[^>]*>'), ""),
    (re.compile(r'\s*<meta name="viewport"[^>]*>(?=.*<meta name="viewport")', re.S), ""),
    (re.compile(r'\s*<meta name="docsearch:[^>]*>'), ""),
    (re.compile(r"\s*<script(?![^>]*\bsrc=)[^>]*>.*?</script>", re.S), ""),
    (re.compile(r'\s*<meta http-equiv="Content-Security-Policy"[^>]*>'), ""),
    (re.compile(r'<meta charset="utf-8"\s*/>'), rf'\g<0>\n    <meta http-equiv="Content-Security-Policy" content="{POLICY}"/>'),
    (re.compile(rf"{SHEET}(?!.*{SHEET})", re.S), rf"\g<0>\n<script>{BEFORE_PAINT}</script>"),
    (re.compile(r'(<html[^>]*?) data-theme="auto"'), r'\1 data-theme="light"'),  # without scripts
]
AROUND = [  # outside of the article: what the theme puts on every page
    (re.compile(r"<script(?![^>]*\bsrc=)[^>]*>\s*document\.write\(`(.*?)`\);?\s*</script>", re.S), r"\1"),
    (re.compile(r"\s*<script(?![^>]*\bsrc=)[^>]*>(?!\(e=>).*?</script>", re.S), ""),
    (re.compile(rf'\s*<script [^>]*src="[^"]*_static/(?:{THEMES})[^"]*"[^>]*></script>'), ""),
    (re.compile(r'<script src="([^"]*(?:_static/|searchindex\.js)[^"]*)"></script>'), r'<script defer src="\1"></script>'),
    (re.compile(r'onclick="window\.print\(\)"'), 'data-does="print"'),
    (re.compile(r'onclick="toggleFullScreen\(\)"'), 'data-does="fullscreen"'),
    (re.compile(r' data-bs-[a-z-]+="[^"]*"| data-offset="\d+"| data-default-mode="[^"]*"'), ""),
    (re.compile(r'\s*<button type="button" class="btn rounded-pill" id="pst-back-to-top">.*?</button>', re.S), ""),
    (re.compile(r'\s*<div class="pst-async-banner-revealer.*?</aside>\s*</div>', re.S), ""),
    (re.compile(r'\s*<div id="(?:pst-scroll-pixel-helper|rtd-footer-container|searchbox)"></div>'), ""),
    # title and contents once more, for paper
    (re.compile(r'\s*<div id="jb-print-docs-body".*?</nav>\s*</div>\s*</div>\s*</div>', re.S), ""),
    (re.compile(r'(class="btn search-button[^"]*"[^>]*?) aria-label="Search"'), r"\1"),
    (re.compile(r'<div class="bd-sidebar-primary'), '<div role="region" aria-label="Book navigation" class="bd-sidebar-primary'),
    (re.compile(r"<!--.*?-->\s*", re.S), ""),
    (re.compile(r"[ \t]*\n\s*\n"), "\n"),
]
ARTICLE = [
    (re.compile(r'\s*<script(?: type="text/x-thebe-config"|>kernelName).*?</script>', re.S), ""),
    (re.compile(r'<summary aria-label="Toggle hidden content">'), "<summary>"),
    # a summary holds no paragraph
    (re.compile(r'<p class="((?:collapsed|expanded) admonition-title)">(.*?)</p>'), r'<span class="\1">\2</span>'),
    (re.compile(r'class="((?:[\w-]+ )*)dropdown admonition"'), r'class="\1dropdown admonition toggle toggle-hidden"'),
    (re.compile(r'class="admonition dropdown(?! toggle)'), 'class="admonition dropdown toggle toggle-hidden'),
    # ids that sphinx-proof and sphinx-exercise give to every proof and every solution of a page
    (re.compile(r'<section id="((?:exercise|solution)-content)">'), r'<section class="\1">'),
    (re.compile(r'(<section class="[^"]*") id="proof-content">'), r"\1>"),
    (re.compile(r'<section id="proof-content">'), "<section>"),
    (re.compile(r'(<div class="proof admonition") id="proof">'), r"\1>"),
    (re.compile(r"Solution to(<a [^>]*>) "), r"Solution to \1"),  # a link does not begin with a blank
    (re.compile(r'<div class="(wide-table[^"]*)">'), named_table),
    (re.compile(r'<th class="head[^"]*">\s*(?:<p></p>)?\s*</th>'), "<td></td>"),  # the corner of a table heads nothing
    (re.compile(r'<div role="list" class="citation-list">'), '<div class="citation-list">'),
    (re.compile(r' role="doc-(?:biblioentry|backlink)"'), ""),  # not allowed where they stand
]
REFRESH = re.compile(r'\s*<meta http-equiv="Refresh" content="0; url=([^"]+)"\s*/?>\s*')
REDIRECT = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<meta http-equiv="refresh" content="0; url={0}"/>
<meta name="description" content="The book begins at {0}."/>
<title>Unrolled</title>
</head>
<body><p><a href="{0}">Unrolled</a></p></body>
</html>
"""
BLOCK = re.compile(r"\n<(p|ul|ol|dl|div|figure|table)\b([^>]*)>")
ENDS = re.compile(r"<(?:p|h2|h3|tr)\b(?![^>]*\bid=)")
MARKUP = re.compile(r"<math.*?</math>|<[^>]*>", re.S)
SCREEN_END = '<span id="screen"></span>'  # of a page that is no longer than that
SCREEN, FAR = 1200, 2000  # pixels below which a paragraph ends the first screen, and is laid out later
SYMBOLS = "U", "W", "V", "grad"
TWINS = '<div class="twins"></div>'
SVG = re.compile(r"<svg\b.*?</svg>", re.S)
ID = re.compile(r'\bid="([^"]+)"')


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
    moved = REFRESH.fullmatch(html)
    if moved:
        return REDIRECT.format(moved[1])
    if '<meta http-equiv="refresh"' in html:
        return html
    head, end, body = html.lstrip().partition("</head>")
    before, start, article = body.partition("<article")
    article, stop, after = article.rpartition("</article>")
    head = repaired(head, HEAD)
    if "searchtools" not in head:
        head = SEARCH.sub("", head)
    if '<div class="explorable"' not in body:
        head = EXPLORE.sub("", head)
    if not start:  # the search page, which has its own field
        body = body if SCREEN_END in body else body.replace("</main>", f"{SCREEN_END}</main>", 1)
        return repaired(head + end + body, AROUND).replace('id="search-input"', 'id="search-field"', html.count('id="search-input"') - 1)
    sides = repaired(head + end + before, AROUND), repaired(after, AROUND)
    return sides[0] + start + far_marked(with_screen(own_ids(with_place_for_twins(repaired(article, ARTICLE))))) + stop + sides[1]


def with_place_for_twins(article: str) -> str:
    """Keep the place of the buttons that ``book.js`` puts below the title, so that nothing moves when they come."""
    found = [name for name in SYMBOLS if len(re.findall(rf'class="[^"]*\bsym-{name}\b', article)) > 1]
    if len(found) < 2 or TWINS in article or not any("sym-" in svg for svg in SVG.findall(article)):
        return article
    return article.replace("</h1>", f"</h1>\n{TWINS}", 1)


def repaired(html: str, repairs: list) -> str:
    for pattern, replacement in repairs:
        html = pattern.sub(replacement, html)
    return html


def far_marked(article: str) -> str:
    """The article with the class "deferred" on each block that begins more than two screens below: it may be laid out later."""
    depth, end = 0.0, 0

    def mark(match: re.Match) -> str:
        nonlocal depth, end
        if depth <= FAR:
            depth += height(article[end : match.start()])
            end = match.start()
        name, attributes = match.groups()
        if depth <= FAR or re.search(r'class="[^"]*\bdeferred\b', attributes):
            return match[0]
        added, count = re.subn(r'(class="[^"]*)"', r'\1 deferred"', attributes, count=1)
        with_class = added if count else f' class="deferred"{attributes}'
        return f"\n<{name}{with_class}>"

    return BLOCK.sub(mark, article)


def with_screen(article: str) -> str:
    """The article with an id on the first paragraph, heading or row below the first screen, or on its end; the first paint waits for it."""
    if 'id="screen"' in article:
        return article
    depth, end = 0.0, 0
    for match in ENDS.finditer(article):
        depth += height(article[end : match.start()])
        end = match.start()
        if depth > SCREEN:
            return f'{article[:end]}{match[0]} id="screen"{article[match.end() :]}'
    return article + SCREEN_END


def height(html: str) -> float:
    """About how many pixels high this is on a wide screen; wrong by half does no harm."""
    text = MARKUP.sub("", html)
    return 30 * (len(text) / 90 + html.count("</p>") + html.count("</li>") / 2 + 3 * html.count("katex-display") + 12 * html.count("<svg "))


def own_ids(html: str) -> str:
    """A figure that is shown twice on a page gets ids of its own the second time."""
    seen: set[str] = set()

    def rename(match: re.Match) -> str:
        svg, ids = match[0], set(ID.findall(match[0]))
        if not ids & seen:
            seen.update(ids)
            return svg
        number = next(n for n in range(2, 100) if not {f"{name}-{n}" for name in ids} & seen)
        seen.update(f"{name}-{number}" for name in ids)
        return re.sub(r'(\bid="|href="#|url\(#)([^")]+)', lambda m: f"{m[1]}{m[2]}-{number}" if m[2] in ids else m[0], svg)

    return SVG.sub(rename, html)


def finish(app, exception) -> None:
    if exception is not None or app.builder.format != "html":
        return
    out = Path(app.outdir)
    remove_old_pages(out / "book", {f"{doc}.html" for doc in app.env.found_docs}, out)
    for page in out.rglob("*.html"):
        if "_static" in page.relative_to(out).parts:
            continue
        old = page.read_text("utf8")
        new = tidy(old)
        if new != old:
            page.write_text(new, "utf8")


def remove_old_pages(folder: Path, current: set[str], out: Path) -> None:
    for page in folder.rglob("*.html"):
        if page.relative_to(out).as_posix() not in current:
            page.unlink()


def setup(app):
    app.setup_extension("bundle")
    app.add_js_file("site.js", priority=490, defer="defer")
    app.connect("html-page-context", keep_scripts_once, priority=900)
    app.connect("build-finished", finish, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
