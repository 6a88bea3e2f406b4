"""One small style sheet for the whole site in place of the theme's fourteen, fonts included.

Half a megabyte of rules comes with the theme, and a page waits for them before it shows anything.
After the build the sheets are joined in the theme's order, rules for classes that no page and no script names are left out,
and so are custom properties that nothing reads; KaTeX's fonts and the icons are cut down to the characters in use and put inside.
So a page loads its text, one style sheet and the book's scripts, and the first formula is painted with the first words.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import re
from collections.abc import Iterator
from html import unescape
from io import BytesIO
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont
from sphinx.errors import SphinxError

logging.getLogger("fontTools").setLevel(logging.WARNING)
NAME = "unrolled.css"
SHEETS = (  # in the order in which the theme and the extensions link them
    "basic.css",  # imported by the next
    "styles/theme.css",
    "styles/bootstrap.css",
    "styles/pydata-sphinx-theme.css",
    "vendor/fontawesome/*/css/all.min.css",
    "pygments.css",
    "styles/sphinx-book-theme.css",
    "mystnb.*.css",
    "proof.css",
    "exercise.css",
    "sphinx-design.min.css",
    "katex/katex.min.css",
    "site.css",
    "book.css",
)
DROPPED = ("togglebutton.css", "copybutton.css")  # site.css and site.js do what they did
SCRIPTS = ("site.js", "book.js", "explore.js", "searchtools.js")  # the classes that these give count as used
LINK = re.compile(r'<link [^>]*?href="([^"]*_static/[^"]*\.css[^"]*)"[^>]*>\s*')
COMMENT = re.compile(r"/\*.*?\*/", re.S)
TOKEN = re.compile(r"""[{};]|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|url\(\s*[^"')\s][^)]*\)|[^{};"'u]+|u""", re.S)
ADDRESS = re.compile(r"""url\(\s*["']?(?!data:|#)([^)"']+?)["']?\s*\)""")
NEGATED = re.compile(r":(?:not|is|where|has)\((?:[^()]|\([^()]*\))*\)")
CLASS_OR_ID = re.compile(r"[.#](-?[A-Za-z_](?:[\w-]|\\.)*)")
PROPERTY = re.compile(r"""(?<=[{;])\s*(--[\w-]+)\s*:(?:"[^"]*"|'[^']*'|url\([^)]*\)|[^;{}"'])*(?:;|(?=\}))""")
WORD = re.compile(r"-?[A-Za-z_][\w-]*")
NAMES = re.compile(r'\b(?:class|id)="([^"]*)"')
FACE = re.compile(r"@font-face\s*\{([^}]*)\}")
LEAF = re.compile(r'<span class="((?:m(?:ord|op|bin|rel|open|close|punct|inner)|delim|text)[^"]*)"[^>]*>([^<]+)</span>')
ALWAYS = {ord(char) for char in "UWVδλε0123456789+−=()"}  # what scripts may write in a font of formulas
ONLY_FOR = {  # the fonts that only some classes ask for; the others may be met anywhere in a formula
    "KaTeX_AMS": ("mathbb", "textbb", "amsrm"),
    "KaTeX_Caligraphic": ("mathcal", "textcal"),
    "KaTeX_Fraktur": ("mathfrak", "textfrak"),
    "KaTeX_Main-BoldItalic": ("textit",),
    "KaTeX_Main-Bold": ("mathbf", "textbf"),
    "KaTeX_Main-Italic": ("mathit", "textit"),
    "KaTeX_Math-BoldItalic": ("boldsymbol",),
    "KaTeX_Math-Italic": ("mathnormal",),
    "KaTeX_SansSerif": ("mathsf", "textsf"),
    "KaTeX_Script": ("mathscr", "textscr"),
    "KaTeX_Typewriter": ("mathtt", "texttt"),
}
CONDITION = re.compile(r"@(media|supports|container|layer)\b")


# ---- rules ---------------------------------------------------------------------------------------------------------


def statements(css: str) -> Iterator[tuple[str, str | None]]:
    """``(what stands before the brace, what stands inside)`` of each rule, ``(statement, None)`` of one without braces."""
    depth, before, inside = 0, [], []
    for match in TOKEN.finditer(css):
        token = match[0]
        if token == "{":
            depth += 1
            if depth == 1:
                continue
        elif token == "}":
            depth -= 1
            if depth == 0:
                yield "".join(before).strip(), "".join(inside)
                before, inside = [], []
                continue
        elif token == ";" and depth == 0:
            yield "".join(before).strip(), None
            before = []
            continue
        (inside if depth else before).append(token)


def selectors(prelude: str) -> list[str]:
    """The parts between the commas that stand in no bracket."""
    parts, depth, start = [], 0, 0
    for at, char in enumerate(prelude):
        depth += (char in "([") - (char in ")]")
        if char == "," and depth == 0:
            parts.append(prelude[start:at])
            start = at + 1
    return [part.strip() for part in [*parts, prelude[start:]]]


def used(selector: str, names: set[str]) -> bool:
    """Whether every class and id of the selector is a name in use."""
    plain = NEGATED.sub("", selector)
    return all(name.replace("\\", "") in names for name in CLASS_OR_ID.findall(plain))


def keep_used(css: str, names: set[str]) -> str:
    """The rules that can apply where only these classes and ids occur."""
    kept = []
    for prelude, body in statements(css):
        if body is None:
            kept.append("" if prelude.startswith(("@charset", "@import")) else f"{prelude};")
        elif CONDITION.match(prelude):
            inner = keep_used(body, names)
            kept.append(f"{prelude}{{{inner}}}" if inner else "")
        elif prelude.startswith("@"):
            kept.append(f"{prelude}{{{body.strip()}}}")
        else:
            alive = [selector for selector in selectors(prelude) if used(selector, names)]
            kept.append(f"{','.join(alive)}{{{body.strip()}}}" if alive and body.strip() else "")
    return "".join(kept)


def drop_unread(css: str, elsewhere: str) -> str:
    """Without the custom properties that no rule and no page reads; those that only such ones read go, too."""
    while True:
        read = set(re.findall(r"--[\w-]+(?=\s*[,)])", css)) | set(re.findall(r"--[\w-]+", elsewhere))
        shorter = PROPERTY.sub(lambda found: found[0] if found[1] in read else "", css)  # noqa: B023
        if shorter == css:
            return css
        css = re.sub(r"[^{}]+\{\}", "", shorter)


def squeeze(css: str) -> str:
    """Without line breaks and the blanks that mean nothing."""
    return re.sub(r"\s*([{};])\s*", r"\1", re.sub(r"\s+", " ", css)).replace(";}", "}").strip()


# ---- fonts ---------------------------------------------------------------------------------------------------------


def put_fonts_inside(css: str, static: Path, pages: list[str]) -> str:
    """Each font that the pages use, cut to their characters, in place of its address; the other ``@font-face`` rules go."""
    named = FACE.sub("", css).replace("\\", "")
    shown = characters(pages)
    seen: set[tuple[str, str]] = set()
    icons = {int(code, 16) for code in re.findall(r':\s*"\\([0-9a-f]{3,5})"', css)}  # some by way of a property

    def face(match: re.Match) -> str:
        family = re.search(r"font-family:\s*([^;]+)", match[1])[1].strip("\"' ").replace("\\", "")
        path = static / re.search(r"url\(([^)]*\.woff2)\)", match[1])[1]
        kind = family, "".join(re.findall(r"font-(?:weight|style):\s*(?!normal)(\w+)", match[1]))
        if family not in named or kind in seen or not path.is_file():
            return ""
        classes = next((classes for start, classes in ONLY_FOR.items() if path.stem.startswith(start)), ("",))
        points = icons if "KaTeX" not in family else set().union(*(shown.get(name, set()) for name in classes))
        data = cut(path.read_bytes(), points)
        if not data:
            return ""
        seen.add(kind)
        address = f'url(data:font/woff2;base64,{base64.b64encode(data).decode()}) format("woff2")'
        return "@font-face{" + re.sub(r"src:[^;}]*", lambda _: f"src:{address}", match[1]) + "}"

    return FACE.sub(face, css)


def characters(pages: list[str]) -> dict[str, set[int]]:
    """The code points in formulas: all of them under "", and those of each class of KaTeX."""
    leaves = {leaf for html in pages for leaf in set(LEAF.findall(html))}
    found: dict[str, set[int]] = {"": set(ALWAYS), "mathnormal": set(ALWAYS)}
    for names, text in leaves:
        for name in ("", *names.split()):
            found.setdefault(name, set()).update(map(ord, unescape(text)))
    return found


def cut(data: bytes, characters: set[int]) -> bytes:
    """A font with the glyphs of these characters only; nothing if it has none of them."""
    font = TTFont(BytesIO(data), recalcTimestamp=False)
    if not characters & set(font.getBestCmap()):
        return b""
    options = subset.Options(flavor="woff2", hinting=False, layout_features=["kern"], notdef_outline=True)
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=characters)
    subsetter.subset(font)
    font.flavor = "woff2"
    out = BytesIO()
    font.save(out)
    return out.getvalue()


# ---- the site ------------------------------------------------------------------------------------------------------


def sheets(static: Path) -> str:
    """All style sheets, joined; addresses are seen from ``_static``."""
    joined = []
    for pattern in SHEETS:
        for path in sorted(static.glob(pattern)):
            folder = path.parent.relative_to(static)
            css = COMMENT.sub("", path.read_text("utf8"))
            css = ADDRESS.sub(lambda found, folder=folder: f"url({resolved(folder / found[1])})", css)
            joined.append(css)
    return "\n".join(joined)


def resolved(path: Path) -> str:
    parts: list[str] = []
    for part in path.parts:
        parts = parts[:-1] if part == ".." and parts else [*parts, part]
    return "/".join(parts)


def names_in(pages: list[str], scripts: list[str]) -> set[str]:
    """Classes and ids that pages have, and every word of the scripts that give some."""
    found = {name for html in pages for names in set(NAMES.findall(html)) for name in names.split()}
    return found | {word for script in scripts for word in WORD.findall(script)}


def make(static: Path, pages: list[str]) -> str:
    """The site's style sheet."""
    scripts = [(static / name).read_text("utf8") for name in SCRIPTS if (static / name).is_file()]
    css = squeeze(keep_used(sheets(static), names_in(pages, scripts)))
    css = drop_unread(css, "\n".join([*scripts, *(style for html in pages for style in styles_in(html))]))
    return put_fonts_inside(css.replace("Font Awesome\\ 5", "Font Awesome\\ 6"), static, pages)


def styles_in(html: str) -> set[str]:
    """What pages say themselves about looks: attributes and style elements that read a custom property."""
    return set(re.findall(r'"[^"<>]*var\(--[^"<>]*"', html)) | set(re.findall(r"<style.*?</style>", html, re.S))


def link(html: str, digest: str) -> str:
    """The page with the one style sheet in place of all others."""
    addresses = LINK.findall(html)
    strangers = [a for a in addresses if not known(a)]
    if strangers:
        raise SphinxError(f"a page links a style sheet that book/_ext/bundle.py does not know: {strangers[0]}; add it to SHEETS")
    if not addresses:
        return html
    root = addresses[0].partition("_static/")[0]
    first = LINK.search(html).start()
    rest = LINK.sub("", html[first:])
    return f'{html[:first]}<link rel="stylesheet" href="{root}_static/{NAME}?v={digest}"/>\n{rest}'


def known(address: str) -> bool:
    path = address.partition("_static/")[2].partition("?")[0]
    return path in DROPPED or path == NAME or any(Path(path).match(pattern) for pattern in (*SHEETS, "sphinx-thebe.css"))


def bundle(app, exception) -> None:
    if exception is not None or app.builder.format != "html":
        return
    out = Path(app.outdir)
    files = [p for p in sorted(out.rglob("*.html")) if not {"_static", "_sources"} & set(p.relative_to(out).parts)]
    pages = [path.read_text("utf8") for path in files]
    css = make(out / "_static", pages)
    (out / "_static" / NAME).write_text(css, "utf8")
    digest = hashlib.sha256(css.encode()).hexdigest()[:8]
    for path, html in zip(files, pages, strict=True):
        linked = link(html, digest)
        if linked != html:
            path.write_text(linked, "utf8")


def setup(app):
    app.connect("build-finished", bundle, priority=950)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
