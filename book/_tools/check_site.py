"""Check the built site, every page of it: ``python book/_tools/check_site.py _build/html``.

A reader must be able to use the site without a network, every link inside it must lead somewhere, and nothing may be left half made.
So each page is searched for requests that leave the site, dead links and anchors, TeX and Markdown that were not typeset,
ids that are used twice, a missing description, and pictures without alternative text; pages and notebooks for objects that are shown by
their place in memory; the search index for what is not there.
Each finding names its page; one finding is a failure.
"""

from __future__ import annotations

import json
import re
import sys
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADING = {tag: "src" for tag in ("script", "img", "iframe", "source", "video", "audio", "embed")} | {"object": "data"}
LINK_LOADS = {"stylesheet", "preload", "icon", "preconnect", "dns-prefetch", "modulepreload", "manifest"}
CSS_LOAD = re.compile(r"""(?:url\(|@import)\s*["']?([^"')\s;]+)""")
MARKUP = re.compile(
    r"\$\$|\\(?:frac|sum|prod|partial|begin|end|mathbb|text|left|right|top|delta|lambda|varepsilon)\b"
    r"|\{(?:eq|ref|numref|doc|term|prf:ref|py:obj|cite:[tp]|glue:text)\}`"
)
HIDDEN, VERBATIM, STYLE, SVG = 1, 2, 4, 8  # what text and elements may be inside of
WITHIN = dict.fromkeys(("code", "pre", "script", "annotation", "textarea", "title"), VERBATIM) | {"style": VERBATIM | STYLE, "svg": SVG}
IN_MEMORY = re.compile(r" at 0x[0-9a-f]{8,}")  # what Python shows of an object that has no text: never the same in two builds
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
THEMES_OWN = {"search.html"}  # no page of the book: no description, and an id twice


class Page(HTMLParser):
    """One page: its anchors, its links, what it loads, and faults that can be seen on the page alone."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.ids: set[str] = set()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.faults: list[str] = []
        self.described = self.redirects = False
        self.open: list[tuple[str, int]] = []  # the open elements, and what they are inside of
        self.feed(html)
        self.close()

    def inside(self) -> int:
        return self.open[-1][1] if self.open else 0

    def handle_starttag(self, tag, attrs) -> None:
        attr = dict(attrs)
        inside = self.inside() | WITHIN.get(tag, 0) | (HIDDEN if attr.get("aria-hidden") == "true" else 0)
        if len(attr) > ("class" in attr) + ("style" in attr):  # most elements are spans of a formula, with no more than these
            self.look_at(tag, {name: value or "" for name, value in attrs}, inside)
        elif "url(" in (attr.get("style") or ""):
            self.loads += loads_of(tag, attr)
        if tag == "svg" and not (attr.get("aria-label") or "").strip() and not inside & HIDDEN:
            self.faults.append(f"an svg (class {attr.get('class', '')!r}) has no aria-label")
        if tag not in VOID:
            self.open.append((tag, inside))

    def look_at(self, tag: str, attr: dict[str, str], inside: int) -> None:
        """Anchors, links, loads, and faults of one element."""
        if attr.get("id"):
            if attr["id"] in self.ids and not inside & SVG:  # a figure shown twice repeats its glyphs: equal ids, equal glyphs
                self.faults.append(f"the id {attr['id']!r} is used twice")
            self.ids.add(attr["id"])
        self.anchors |= {attr[key] for key in ("id", "name") if attr.get(key)}
        self.loads += loads_of(tag, attr)
        if tag == "a" and "href" in attr:
            self.links.append(attr["href"])
        if tag == "meta":
            self.described |= attr.get("name") == "description" and bool(attr.get("content", "").strip())
            self.redirects |= attr.get("http-equiv", "").lower() == "refresh"
        if tag == "img" and not attr.get("alt", "").strip() and not inside & HIDDEN:
            self.faults.append(f"the picture {attr.get('src', '')[:60]!r} has no alternative text")

    def handle_startendtag(self, tag, attrs) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag) -> None:
        if self.open and self.open[-1][0] == tag:
            self.open.pop()
            return
        depth = max((i for i, (name, _) in enumerate(self.open) if name == tag), default=None)
        if depth is not None:
            del self.open[depth:]

    def handle_data(self, data) -> None:
        inside = self.inside()
        if inside & STYLE:
            self.loads += CSS_LOAD.findall(data)
        if not inside & VERBATIM and ("\\" in data or "$$" in data or "{" in data):
            self.faults += [f"markup was not typeset: …{around(data, found)}…" for found in MARKUP.finditer(data)]


def loads_of(tag: str, attr: dict[str, str]) -> list[str]:
    """The addresses that a browser fetches because of this element."""
    found = CSS_LOAD.findall(attr.get("style", ""))
    if tag in LOADING:
        found += [attr.get(LOADING[tag], ""), *(part.split()[0] for part in attr.get("srcset", "").split(",") if part.strip())]
    if tag == "link" and LINK_LOADS & set(attr.get("rel", "").split()):
        found.append(attr.get("href", ""))
    return [address for address in found if address]


def around(text: str, found: re.Match) -> str:
    return " ".join(text[max(0, found.start() - 30) : found.end() + 30].split())


def leaves_site(address: str) -> bool:
    parts = urlsplit(address)
    return bool(parts.netloc) or parts.scheme in ("http", "https", "ftp", "ws", "wss")


def check_page(name: str, page: Page, site: Path, pages: dict[str, Page]) -> list[str]:
    faults = [] if name in THEMES_OWN else list(page.faults)
    faults += [f"a request leaves the site: {address}" for address in page.loads if leaves_site(address)]
    local = [a for a in page.links + page.loads if not leaves_site(a) and urlsplit(a).scheme in ("", "file")]
    faults += filter(None, (dead(address, name, site, pages) for address in local))
    if not page.described and not page.redirects and name not in THEMES_OWN:
        faults.append("there is no description; add myst: html_meta: description: to the page's header")
    return faults


def dead(address: str, name: str, site: Path, pages: dict[str, Page]) -> str:
    """What is wrong with a link inside the site, or nothing."""
    parts = urlsplit(address)
    target = find(site, (Path(name).parent / unquote(parts.path)).as_posix() if parts.path else name)
    if target is None:
        return f"dead link: {address}"
    other = pages.get(target)
    anchor = unquote(parts.fragment)
    if anchor and other is not None and anchor not in other.anchors and anchor != "top":
        return f"dead anchor: {address}"
    return ""


@cache
def find(site: Path, path: str) -> str | None:
    """The file of the site that a path leads to, or None."""
    target = (site / path).resolve()
    target = target / "index.html" if target.is_dir() else target
    return target.relative_to(site).as_posix() if target.is_file() and target.is_relative_to(site) else None


def check_styles(site: Path) -> list[str]:
    """Requests in the style sheets that leave the site."""
    faults = []
    for style in sorted(site.rglob("*.css")):
        found = [address for address in CSS_LOAD.findall(style.read_text("utf8")) if leaves_site(address)]
        faults += [f"{style.relative_to(site)}: a request leaves the site: {address}" for address in found]
    return faults


def check_objects(site: Path) -> list[str]:
    """Pages and notebooks that show where an object is in memory."""
    shown = [path for path in sorted([*site.rglob("*.html"), *site.rglob("*.ipynb")]) if IN_MEMORY.search(path.read_text("utf8"))]
    return [f"{path.relative_to(site)}: an object without a text is shown by its place in memory" for path in shown]


def check_search(site: Path, pages: dict[str, Page]) -> list[str]:
    """What the search would lead to and is not there: pages, sections, functions, index entries."""
    index = json.loads((site / "searchindex.js").read_text("utf8").removeprefix("Search.setIndex(").removesuffix(")"))
    names = [f"{name}.html" for name in index["docnames"]]
    places = [(number, anchor) for found in index["alltitles"].values() for number, anchor in found]
    places += [(number, anchor) for found in index["indexentries"].values() for number, anchor, _ in found]
    for module, found in index["objects"].items():
        for number, kind, _, anchor, name in found:
            full = f"{module}.{name}" if module else name
            places.append((number, {"": full, "-": f"{index['objnames'][str(kind)][1]}-{full}"}.get(anchor, anchor)))
    faults = [f"searchindex.js: dead page: {name}" for name in names if name not in pages]
    dead = {f"{names[n]}#{anchor}" for n, anchor in places if anchor and names[n] in pages and anchor not in pages[names[n]].anchors}
    return faults + [f"searchindex.js: dead anchor: {place}" for place in sorted(dead)]


def main(folder: str) -> int:
    site = Path(folder).resolve()
    files = [p for p in sorted(site.rglob("*.html")) if "_static" not in p.relative_to(site).parts]
    if not files:
        print(f"{folder} holds no page; build the book first: make book", file=sys.stderr)
        return 2
    pages = {p.relative_to(site).as_posix(): Page(p.read_text("utf8")) for p in files}
    faults = [f"{name}: {fault}" for name, page in pages.items() for fault in check_page(name, page, site, pages)]
    faults += check_styles(site) + check_objects(site) + check_search(site, pages)
    for fault in faults:
        print(fault, file=sys.stderr)
    links = sum(len(page.links) for page in pages.values())
    print(f"==> Site: {len(pages)} pages, {links} links, {len(faults)} fault(s)")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2] or ["_build/html"]))
