"""Typeset every formula while the book is built: KaTeX's HTML and MathML, and no script on the page.

KaTeX runs in ``mini-racer`` (V8 as a Python wheel); its script, style and fonts come from the installed package ``djangocms-katex``.
A TeX error stops the build and names the page and the formula.
The letters U, W, V and the gradients δ, λ, ε get a class each, so that they wear their colours in every formula.
"""

from __future__ import annotations

import re
import shutil
from importlib.metadata import files
from pathlib import Path

from docutils import nodes
from py_mini_racer import MiniRacer
from sphinx.errors import SphinxError
from sphinx.locale import _
from sphinx.util.math import get_node_equation_number

SYMBOL_CLASS = {"U": "sym-U", "W": "sym-W", "V": "sym-V", "δ": "sym-grad", "λ": "sym-grad", "ε": "sym-grad"}
SYMBOL = re.compile(r'<span class="mord mathnormal"( style="[^"]*")?>([UWVδλε])</span>')
DOWN, DOWN_WITH_LIMITS = r"\overleftarrow{\prod}", r"\mathop{\overleftarrow{\prod}}\limits"  # its bounds below and above, as those of \prod
INVALID = [  # what KaTeX writes and the standards of MathML and CSS do not allow; browsers show the same without it
    (re.compile(r"<mo>(<mover\b(?:(?!</mover>).)*</mover>)</mo>"), r"<mrow>\1</mrow>"),
    (re.compile(r'<mi mathvariant="normal">(<msup>(?:(?!</msup>).)*</msup>)</mi>'), r"<mrow>\1</mrow>"),
    (re.compile("(<msub>.{1,200}?<mi>[a-z]+</mi>)<mo>\u2061</mo></msub>"), r"\1</msub>"),
    (re.compile(r'(style="|;)height:-[\d.]+em;'), r"\1"),
]
ALIGNED = re.compile(r"\\begin\{aligned\}((?:(?!\\begin|\\end).)*)\\end\{aligned\}", re.S)
CLOSING = re.compile(r"[.,;:!?)\]”’]+")
NEW_LINE = re.compile(r"\\\\(?:\[[^\]]*\])?\s")
KATEX_OPTIONS = {"throwOnError": True, "strict": False, "output": "htmlAndMathml"}


class TexError(SphinxError):
    category = "TeX error"


class Katex:
    """KaTeX in a V8 engine, started at the first formula, with a memory of what it has typeset."""

    def __init__(self) -> None:
        self.engine = None
        self.done: dict[tuple[str, bool], str] = {}

    def typeset(self, tex: str, display: bool, macros: dict) -> str:
        key = tex, display
        if key not in self.done:
            if self.engine is None:
                self.engine = MiniRacer()
                self.engine.eval((katex_folder() / "katex.min.js").read_text("utf8"))
            options = KATEX_OPTIONS | {"displayMode": display, "macros": dict(macros)}
            shown = tex.replace(DOWN, DOWN_WITH_LIMITS) if display else tex
            self.done[key] = mark_symbols(valid(self.engine.call("katex.renderToString", shown, options)))
        return self.done[key]

    def close(self) -> None:
        """End V8's thread: left to the interpreter's own exit it can hang (Python 3.13)."""
        if self.engine is not None:
            self.engine.close()
            self.engine = None


def katex_folder() -> Path:
    """Where the installed ``djangocms-katex`` keeps KaTeX."""
    return next(Path(f.locate()).parent for f in files("djangocms-katex") if f.name == "katex.min.js")


def valid(html: str) -> str:
    for pattern, replacement in INVALID:
        html = pattern.sub(replacement, html)
    return html


def mark_symbols(html: str) -> str:
    """Give the book's letters their colour classes; the MathML beside them stays as it is."""

    def mark(match: re.Match) -> str:
        style, letter = match.groups(default="")
        return f'<span class="mord mathnormal {SYMBOL_CLASS[letter]}"{style}>{letter}</span>'

    return SYMBOL.sub(mark, html)


def steps(tex: str) -> int:
    """How many lines a derivation has: one side, then line by line what it equals; 0 for what is none (a range on a line of its own)."""
    aligned = ALIGNED.fullmatch(tex.strip())
    lines = [line.strip() for line in NEW_LINE.split(aligned[1])] if aligned else []
    return len(lines) if len(lines) >= 3 and all(re.match(r"&\s*[^\w\s]", line) for line in lines[1:]) else 0


def typeset_node(translator, node, display: bool) -> str:
    app = translator.builder.app
    tex = node.astext().strip()
    if display and r"\\" in tex and r"\begin" not in tex:
        tex = rf"\begin{{split}}{tex}\end{{split}}"
    try:
        return app.katex.typeset(tex, display, app.config.katex_macros)
    except Exception as error:
        said = str(error).split("ParseError:")[-1].strip().splitlines()[0]
        label = f" ({node['label']})" if node.get("label") else ""
        page = app.env.doc2path(translator.builder.current_docname, base=False)
        raise TexError(f"{page}:{node.line or '?'}{label}: {said}\n  in: {node.astext().strip()}") from error


def visit_math(translator, node) -> None:
    html = typeset_node(translator, node, display=False)
    if "tied" in node.parent.get("classes", ()):
        html = html.replace('</span><span class="base">', '</span><wbr><span class="base">')
    translator.body.append(translator.starttag(node, "span", "", CLASS="math notranslate nohighlight") + html + "</span>")
    raise nodes.SkipNode


def visit_math_block(translator, node) -> None:
    body = translator.body
    body.append(translator.starttag(node, "div", CLASS="math notranslate nohighlight"))
    body.append(typeset_node(translator, node, display=True))
    if node["number"]:
        body.append(f'<span class="eqno">({get_node_equation_number(translator, node)})')
        translator.add_permalink_ref(node, _("Link to this equation"))
        body.append("</span>")
    body.append("</div>\n")
    if lines := steps(node.astext()):  # book.js puts the buttons there
        body.append(f'<div class="reading" data-lines="{lines}"></div>\n')
    raise nodes.SkipNode


def tie_closing_marks(app, doctree, docname) -> None:
    """A full stop after a formula stays with the end of it: browsers may break between the two.

    Formulas that break themselves still do, at the marks that `visit_math` puts between their parts.
    """
    if app.builder.format != "html":
        return
    for math in list(doctree.findall(nodes.math)):
        parent = math.parent
        at = parent.index(math)
        mark = CLOSING.match(parent[at + 1]) if isinstance(math.next_node(descend=False, siblings=True), nodes.Text) else None
        if mark:
            tied = nodes.inline("", "", math, nodes.Text(mark[0]), classes=["tied"])
            parent[at : at + 2] = [tied, nodes.Text(parent[at + 1][mark.end() :])]


def start(app) -> None:
    app.katex = Katex()
    if app.builder.format == "html":
        app.add_css_file("katex/katex.min.css")


def finish(app, exception) -> None:
    app.katex.close()
    if exception is None and app.builder.format == "html":
        target = Path(app.outdir) / "_static" / "katex"
        (target / "fonts").mkdir(parents=True, exist_ok=True)
        shutil.copy(katex_folder() / "katex.min.css", target)
        for font in (katex_folder() / "fonts").glob("*.woff2"):
            shutil.copy(font, target / "fonts")


def setup(app):
    app.add_html_math_renderer("katex_build", (visit_math, None), (visit_math_block, None))
    app.add_config_value("katex_macros", {}, "env", dict)
    app.connect("builder-inited", start)
    app.connect("doctree-resolved", tie_closing_marks)
    app.connect("build-finished", finish, priority=100)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
