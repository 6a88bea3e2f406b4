"""One style for every figure of the book: the palette, and vector graphics that follow the page's theme.

Matplotlib draws; this module turns what it drew into SVG that can stand inside a page:
black becomes `currentColor`, each colour of the palette a CSS variable with a fall-back,
words become text in the page's own font, and ids carry the figure's name.
"""

from __future__ import annotations

import hashlib
import io
import re
import unicodedata
import xml.etree.ElementTree as ET
from dataclasses import dataclass, replace
from html import escape
from math import ceil, cos, radians, sin

from matplotlib import font_manager, rc_context
from matplotlib.backends.backend_svg import FigureCanvasSVG, RendererSVG
from matplotlib.figure import Figure as MplFigure

#: One entry a role: (CSS variable, colour on a light page, colour on a dark page).
#: book/_static/book.css sets the same variables to the same colours.
PALETTE = {
    "U": ("--c-U", "#0067a3", "#56b4e9"),
    "W": ("--c-W", "#b34700", "#ff8f4f"),
    "V": ("--c-V", "#00704f", "#2fc79b"),
    "grad": ("--c-grad", "#9c3f79", "#e69ccb"),
    "refuted": ("--c-refuted", "#b3261e", "#ff9a8f"),
    "alt": ("--c-alt", "#7d5f00", "#e3bb4a"),
    "muted": ("--c-muted", "#656b73", "#9aa1ab"),
}
INK = "#000000"  # becomes currentColor
COLOUR = {role: light for role, (_, light, _) in PALETTE.items()} | {"ink": INK}
FONT = "var(--pst-font-family-base, system-ui, 'Segoe UI', Helvetica, Arial, sans-serif)"
SMALLEST = 9.5  # CSS pixels: no text of a figure is ever shown smaller

_CSS = {light: f"var({variable}, {light})" for variable, light, _ in PALETTE.values()} | {INK: "currentColor"}
_RC = {
    "svg.hashsalt": "rnnlib",
    "svg.fonttype": "path",
    "mathtext.fontset": "cm",
    "font.family": "DejaVu Sans",
    "font.size": 16,
    "path.simplify": False,
    "axes.unicode_minus": True,
}
_WORD_SCALE = 0.89  # DejaVu Sans, which Matplotlib measures, runs wider than the fonts of web pages
_WORD_GAP = 0.27  # a space, in units of the font's size


@dataclass(frozen=True)
class Panel:
    """One drawing: what stands inside its SVG element, its alternative text, and its size in CSS pixels.

    `shrink` is the scale at which its smallest text is as small as `SMALLEST`; it is never shown smaller.
    """

    name: str
    alt: str
    content: str
    width: float
    height: float
    shrink: float

    @property
    def min_width(self) -> int:
        return ceil(self.width * self.shrink)

    @property
    def svg(self) -> str:
        """The SVG element, as it stands in a page."""
        rules = (
            f"flex:{self.width:g} 1 {self.min_width}px",  # panels side by side keep one scale
            f"width:100%;max-width:{self.width:g}px;min-width:{self.min_width}px;height:auto;margin:0 auto",
            f"fill:currentColor;stroke-linejoin:round;font-family:{FONT}",
        )
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="rnn-svg rnn-{self.name}" role="img" '
            f'aria-label="{escape(self.alt)}" viewBox="0 0 {self.width:g} {self.height:g}" '
            f'style="{escape(";".join(rules))}">{self.content}</svg>'
        )


@dataclass(frozen=True)
class Figure:
    """A figure of the book, shown by a notebook or a page as inline SVG.

    `name` is the prefix of every id in it, `alt` says in words what the picture shows.
    Several panels stand side by side where there is room and under each other where there is not.
    """

    name: str
    alt: str
    panels: tuple[Panel, ...]

    @property
    def svg(self) -> str:
        """The figure as one SVG document that also follows the theme when it is shown as an image."""
        return _document(self)

    def _repr_html_(self) -> str:
        style = "display:flex;flex-wrap:wrap;align-items:center;gap:1rem;overflow-x:auto"
        body = "".join(panel.svg for panel in self.panels)
        # a reader without a mouse must be able to scroll what may be wider than a phone
        focus = ' tabindex="0"' if any(panel.min_width > 320 for panel in self.panels) else ""
        role = f' role="group" aria-label="{escape(self.alt)}"' if focus or len(self.panels) > 1 else ""
        return f'<div class="rnn-figure" data-figure="{self.name}" style="{style}"{role}{focus}>{body}</div>'

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        return {"text/html": self._repr_html_(), "image/svg+xml": self.svg, "text/plain": repr(self)}

    def __repr__(self) -> str:
        return f"Figure {self.name}: {self.alt}"


def beside(name: str, alt: str, *figures: Figure) -> Figure:
    """The panels of several figures as one figure, side by side and at one scale."""
    panels = [panel for figure in figures for panel in figure.panels]
    shrink = max(panel.shrink for panel in panels)
    return Figure(name, alt, tuple(replace(panel, shrink=shrink) for panel in panels))


def new_drawing(width: float, height: float) -> MplFigure:
    """An empty Matplotlib figure of `width` × `height` CSS pixels, transparent, in the book's style."""
    drawing = MplFigure(figsize=(round(width) / 72, round(height) / 72), dpi=72)
    drawing.patch.set_alpha(0)
    FigureCanvasSVG(drawing)
    return drawing


def style():
    """The context in which a figure is drawn and rendered: Matplotlib's settings for the book."""
    return rc_context(_RC)


def finish(drawing: MplFigure, name: str, alt: str, smallest: float) -> Figure:
    """Render what Matplotlib drew and turn it into a `Figure`.

    `smallest` is the size of the smallest text in the drawing, in CSS pixels at natural size.
    Raises ValueError for a name that cannot be an id, for missing alternative text, and for a colour outside
    the palette.
    """
    if not re.fullmatch(r"[a-zA-Z][\w-]*", name):
        raise ValueError(f"figure name {name!r} cannot be an id; use letters, digits, '-' and '_'")
    if not alt.strip():
        raise ValueError(f"figure {name!r} has no alternative text; say in words what it shows")
    width, height = (float(round(72 * side)) for side in drawing.get_size_inches())
    out = io.StringIO()
    with style():
        renderer = _Renderer(width, height, out)
        drawing.draw(renderer)
        renderer.finalize()
    content = _tidy(out.getvalue(), renderer.word_widths, name)
    return Figure(name, alt, (Panel(name, alt, content, width, height, min(1.0, SMALLEST / smallest)),))


# -- text: words in the page's font, formulas as shapes ----------------------------------------------------


def _runs(text: str, ismath: bool) -> list[tuple[str, bool]]:
    """Cut a label at its dollar signs: pairs (run, is it a formula); spaces at the seams become runs of spaces."""
    if not ismath:
        return [(text, False)]
    runs = []
    for k, piece in enumerate(re.split(r"(?<!\\)\$", text)):
        if k % 2:
            runs.append((f"${piece}$", True))
        elif piece:
            runs += [(part, False) for part in re.findall(r"^ +|\S(?:.*\S)?| +$", piece)]
    return runs


def _word_width(text: str, size: float) -> tuple[float, bool]:
    """Width of a run of words, and whether every letter of it could be measured."""
    font = font_manager.get_font(font_manager.findfont("DejaVu Sans"))
    known = all(font.get_char_index(ord(letter)) for letter in text)
    if known:
        font.set_size(100, 72)
        font.set_text(text, 0.0)
        return font.get_width_height()[0] / 64 * size / 100 * _WORD_SCALE, True
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    return size * (wide + 0.6 * (len(text) - wide)), False


def words_width(text: str, size: float) -> float:
    """How wide a label is at this size, in CSS pixels.

    >>> words_width("wide", 16) > words_width("it", 16)
    True
    """
    with style():
        renderer = _Renderer(1, 1, io.StringIO())
        properties = font_manager.FontProperties(size=size)
        return renderer.get_text_width_height_descent(text, properties, text.count("$") > 1)[0]


class _Renderer(RendererSVG):
    """Matplotlib's SVG renderer, with words written as text and formulas as shapes, also within one label."""

    def __init__(self, width, height, out):
        self.word_widths: list[float | None] = []  # one for every <text>, in the order written
        super().__init__(width, height, out, metadata={"Date": None, "Creator": None})

    def _measure(self, run, is_formula, prop):
        size = prop.get_size_in_points()
        if is_formula:
            return super().get_text_width_height_descent(run, prop, True)
        if not run.strip():
            return _WORD_GAP * size * len(run), 0.0, 0.0
        return _word_width(run, size)[0], 0.95 * size, 0.22 * size

    def get_text_width_height_descent(self, s, prop, ismath):
        sizes = [self._measure(run, is_formula, prop) for run, is_formula in _runs(s, bool(ismath))]
        if not sizes:
            return 0.0, 0.0, 0.0
        descent = max(d for _, _, d in sizes)
        return sum(w for w, _, _ in sizes), max(h - d for _, h, d in sizes) + descent, descent

    def draw_text(self, gc, x, y, s, prop, angle, ismath=False, mtext=None):
        for run, is_formula in _runs(s, bool(ismath)):
            width = self._measure(run, is_formula, prop)[0]
            if is_formula:
                super().draw_text(gc, x, y, run, prop, angle, True)
            elif run.strip():
                known = _word_width(run, prop.get_size_in_points())[1]
                self.word_widths.append(width if known and len(run) > 1 else None)
                with rc_context({"svg.fonttype": "none"}):
                    super().draw_text(gc, x, y, run, prop, angle, False)
            x, y = x + width * cos(radians(angle)), y - width * sin(radians(angle))


# -- from Matplotlib's SVG to the page's -------------------------------------------------------------------

_XLINK = "{http://www.w3.org/1999/xlink}href"


def _tidy(raw: str, word_widths: list, name: str) -> str:
    """What stands inside the SVG element of a page, from Matplotlib's document: see the module's docstring."""
    root = ET.fromstring(raw)
    for element in root.iter():
        element.tag = element.tag.split("}")[-1]
        if _XLINK in element.attrib:
            element.set("href", element.attrib.pop(_XLINK))
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in ("metadata", "style"):
                parent.remove(child)
    widths = iter(word_widths)
    for element in root.iter():
        _tidy_numbers(element)
        _tidy_style(element)
        if element.tag == "text":
            _tidy_words(element, next(widths))
    _tidy_ids(root, name)
    _flatten(root)
    return "".join(ET.tostring(child, encoding="unicode") for child in root)


def _round(text: str, digits: int) -> str:
    def short(match):
        number = f"{float(match[0]):.{digits}f}"
        number = number.rstrip("0").rstrip(".") if "." in number else number
        return "0" if number == "-0" else number

    return re.sub(r"-?\d+\.?\d*(?:e-?\d+)?", short, text)


def _tidy_numbers(element: ET.Element) -> None:
    for key, digits in (("d", 2), ("transform", 4), ("x", 2), ("y", 2)):
        if key in element.attrib:
            element.set(key, " ".join(_round(element.get(key), digits).split()))
    if "d" in element.attrib:
        element.set("d", re.sub(r" ?([MLQCz]) ?", r"\1", element.get("d")))


def _tidy_style(element: ET.Element) -> None:
    if "style" not in element.attrib:
        return
    pairs = [pair.split(":", 1) for pair in element.attrib.pop("style").split(";") if pair.strip()]
    rules = {key.strip(): value.strip() for key, value in pairs}
    rules.pop("font-family", None)
    for key in ("fill", "stroke"):
        if rules.get(key, "none").startswith("#"):
            rules[key] = _themed(rules[key])
    if rules.get("fill") == "currentColor":
        del rules["fill"]  # inherited from the root
    if rules.get("stroke-linejoin") in ("miter", "round"):
        del rules["stroke-linejoin"]
    for key, value in rules.items():
        if key.startswith("stroke-") or key.endswith("opacity"):
            rules[key] = _round(value, 2)
    if rules:
        element.set("style", ";".join(f"{key}:{value}" for key, value in rules.items()))


def _themed(colour: str) -> str:
    if colour.lower() not in _CSS:
        raise ValueError(f"colour {colour} is not in the book's palette; use one of {sorted(COLOUR)}")
    return _CSS[colour.lower()]


def _tidy_words(element: ET.Element, width: float | None) -> None:
    """Words keep the width that the layout gave them, whatever font the page has."""
    if width is not None:
        element.set("textLength", _round(str(width), 1))
        element.set("lengthAdjust", "spacingAndGlyphs")
    found = re.fullmatch(r"translate\((\S+) (\S+)\)(?: rotate\(-?0\))?", element.get("transform", ""))
    if found:
        del element.attrib["transform"]
        element.set("x", found[1])
        element.set("y", found[2])


def _tidy_ids(root: ET.Element, name: str) -> None:
    """Ids that are used get the figure's name in front; a gid `class:a b` becomes a class; others go."""
    used = set(re.findall(r'#([\w.-]+)[")]', ET.tostring(root, encoding="unicode")))
    stamp = hashlib.sha256(ET.tostring(root)).hexdigest()[:6]
    for element in root.iter():
        identity = element.attrib.pop("id", "")
        if identity.startswith("class:"):
            element.set("class", identity.removeprefix("class:"))
        elif identity in used:
            element.set("id", f"{name}-{stamp}-{identity}")
        for key, value in element.attrib.items():
            if key == "href" or "url(#" in value:
                element.set(key, value.replace("#", f"#{name}-{stamp}-", 1))


def _flatten(parent: ET.Element) -> None:
    """Drop groups that say nothing."""
    children = []
    for child in list(parent):
        _flatten(child)
        child.tail = None
        if child.tag in ("g", "defs") and not len(child):
            continue
        children += list(child) if child.tag == "g" and not child.attrib else [child]
    parent[:] = children
    if parent.tag != "text":
        parent.text = None


def _document(figure: Figure) -> str:
    """All panels in one SVG document, the palette of both themes inside."""
    gap, x, parts = 24, 0.0, []
    for panel in figure.panels:
        sized = panel.svg.replace("<svg ", f'<svg x="{x:g}" width="{panel.width:g}" height="{panel.height:g}" ', 1)
        parts.append(sized)
        x += panel.width + gap
    width, height = x - gap, max(panel.height for panel in figure.panels)
    light = ";".join(f"{variable}:{colour}" for variable, colour, _ in PALETTE.values())
    dark = ";".join(f"{variable}:{colour}" for variable, _, colour in PALETTE.values())
    css = f":root{{color:#1f2328;{light}}}@media(prefers-color-scheme:dark){{:root{{color:#e6e8eb;{dark}}}}}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{escape(figure.alt)}" '
        f'viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}">'
        f"<style>{css}</style>{''.join(parts)}</svg>"
    )
