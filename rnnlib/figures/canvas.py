"""Nodes, arrows and labels on a canvas whose unit is one CSS pixel, y upwards."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, FancyBboxPatch, Polygon, Rectangle

from .style import COLOUR, Figure, finish, new_drawing, style

#: How each kind of arrow is drawn; weight and dash repeat what the colour says.
EDGES = {
    "U": {"linewidth": 1.9},
    "W": {"linewidth": 3.6},
    "V": {"linewidth": 1.5, "double": 4.0},
    "grad": {"linewidth": 2.1, "linestyle": (0, (3.2, 2.0))},
    "ink": {"linewidth": 1.5},
    "tie": {"linewidth": 1.2, "double": 4.5},  # an equals sign, drawn out
    "muted": {"linewidth": 1.3},
}


class Node(NamedTuple):
    """A place on the canvas that arrows start from and stop at: `r` is kept free around (x, y)."""

    x: float
    y: float
    r: float = 0.0


class Canvas:
    """One diagram in the making.

    >>> canvas = Canvas(120, 60)
    >>> a, b = canvas.node(30, 30, "$s_0$"), canvas.node(90, 30, "$s_1$")
    >>> canvas.arrow(a, b, "W")
    >>> canvas.figure("tiny", "Two states, joined by W.").panels[0].width
    120.0
    """

    def __init__(self, width: float, height: float):
        self._sizes: list[float] = []
        with style():
            self.drawing = new_drawing(width, height)
            self.axes = self.drawing.add_axes([0, 0, 1, 1])
        self.axes.set(xlim=(0, round(width)), ylim=(0, round(height)))
        self.axes.set_axis_off()

    def figure(self, name: str, alt: str) -> Figure:
        return finish(self.drawing, name, alt, min(self._sizes, default=16))

    def text(self, x, y, words, size=16, colour="ink", ha="center", va="center", math=True):
        """Words, formulas between dollar signs, or both; with math=False a dollar sign is a dollar sign."""
        self._sizes.append(size)
        with style():
            self.axes.text(
                x,
                y,
                words,
                size=size,
                color=COLOUR[colour],
                ha=ha,
                va=va,
                parse_math=math,
                gid=_gid(_symbol(colour)),
            )

    def node(self, x, y, label="", shape="circle", r=21.0, colour="ink", size=19, faint=False, tint=0.07):
        """A node: `circle` for what is computed, `box` for what is given, `diamond` for a loss."""
        shapes = {
            "circle": lambda: Circle((x, y), r),
            "box": lambda: FancyBboxPatch((x - r + 5, y - r + 5), 2 * r - 10, 2 * r - 10, boxstyle="round,pad=3,rounding_size=5"),
            "diamond": lambda: Polygon([(x - 1.15 * r, y), (x, y + 1.15 * r), (x + 1.15 * r, y), (x, y - 1.15 * r)]),
        }
        if shape not in shapes:
            raise ValueError(f"unknown node shape {shape!r}; use one of {sorted(shapes)}")
        for kind in ("fill", "line"):
            patch = shapes[shape]()
            patch.set(facecolor=COLOUR[colour] if kind == "fill" else "none", linewidth=0 if kind == "fill" else 1.5)
            patch.set(edgecolor="none" if kind == "fill" else COLOUR[colour], gid=_gid(_symbol(colour)))
            patch.set_alpha(tint if kind == "fill" else (0.45 if faint else None))
            self._add(patch)
        if label:
            self.text(x, y - 1, label, size=size, colour=colour)
        return Node(x, y, r + 2)

    def box(self, x, y, width, height, colour="ink", tint=0.07, line=1.3):
        """A rounded box with its lower left corner at (x, y)."""
        shape = "round,pad=0,rounding_size=5"
        self._add(FancyBboxPatch((x, y), width, height, boxstyle=shape, fc=COLOUR[colour], ec="none", alpha=tint, lw=0))
        if line:
            self._add(FancyBboxPatch((x, y), width, height, boxstyle=shape, fc="none", ec=COLOUR[colour], lw=line))

    def arrow(
        self,
        start,
        end,
        kind="ink",
        label="",
        via=None,
        faint=False,
        head=True,
        side=1,
        gap=13,
        at=0.5,
        size=17,
        colour=None,
    ):
        """An arrow from node to node.

        `kind` is a key of `EDGES`; `via` bends it by two control points; `faint` keeps the line's pattern but
        greys it; `side` is 1 for a label to the left of the way and -1 for one to the right.
        """
        points = _curve(start, end, via)
        shown = "muted" if faint else (colour or ("ink" if kind == "tie" else kind))
        alpha = 0.55 if faint else None
        points = _trimmed(points, start.r, end.r)
        weight = dict(EDGES[kind])
        offset = weight.pop("double", 0.0) / 2
        headlength = 6.5 + 1.6 * weight["linewidth"] + offset
        shaft = _trimmed(points, 0, headlength * 0.8) if head else points
        for shift in (offset, -offset) if offset else (0.0,):
            self._line(_beside(shaft, shift), COLOUR[shown], alpha, _symbol(shown), **weight)
        if head:
            self._head(points, headlength, COLOUR[shown], alpha, _symbol(shown))
        if label:
            x, y = _label_place(points, at, side * gap)
            self.text(x, y, label, size=size, colour=shown)

    def line(self, xs, ys, colour="ink", alpha=None, **options):
        """An open line through the points, without a head."""
        self._line(np.column_stack([xs, ys]), COLOUR[colour], alpha, "", **options)

    def dot(self, x, y, r=3.0, colour="ink"):
        self._add(Circle((x, y), r, fc=COLOUR[colour], ec="none", lw=0))

    def specks(self, xs, ys, r=1.2, colour="muted"):
        """Many tiny dots in one path."""
        gaps = np.full_like(xs, np.nan)
        xs, ys = np.column_stack([xs, xs + 0.01, gaps]).ravel(), np.column_stack([ys, ys, gaps]).ravel()
        self.axes.add_line(Line2D(xs, ys, color=COLOUR[colour], lw=2 * r, solid_capstyle="round", clip_on=False))

    def ring(self, x, y, r=3.0, colour="ink"):
        self._add(Circle((x, y), r, fc="none", ec=COLOUR[colour], lw=1.6))

    def polygon(self, corners, colour="ink", alpha=None):
        self._add(Polygon(corners, fc=COLOUR[colour], ec="none", lw=0, alpha=alpha))

    def rectangle(self, x, y, width, height, colour="ink", alpha=1.0):
        self._add(Rectangle((x, y), width, height, fc=COLOUR[colour], ec="none", lw=0, alpha=alpha))

    def _line(self, points, colour, alpha, cls, **weight):
        line = Line2D(points[:, 0], points[:, 1], color=colour, alpha=alpha, gid=_gid(cls), **weight)
        line.set(solid_capstyle="butt", dash_capstyle="butt", clip_on=False)
        self.axes.add_line(line)

    def _head(self, points, length, colour, alpha, cls):
        tip = points[-1]
        back = _trimmed(points, 0, length)[-1]
        along = (tip - back) / np.linalg.norm(tip - back)
        across = np.array([-along[1], along[0]]) * length * 0.42
        corners = [tip, back + across, back + along * length * 0.2, back - across]
        self._add(Polygon(corners, fc=colour, ec="none", alpha=alpha, lw=0, gid=_gid(cls)))

    def _add(self, patch):
        patch.set_clip_on(False)
        self.axes.add_patch(patch)


def _symbol(colour: str) -> str:
    """The class by which a page lights twins: sym-U, sym-W, sym-V, sym-grad."""
    return f"sym-{colour}" if colour in ("U", "W", "V", "grad") else ""


def _gid(cls: str) -> str | None:
    return f"class:{cls}" if cls else None


def _curve(start, end, via):
    """Points from centre to centre: a straight line, or a cubic curve with two control points."""
    p, q = np.array(start[:2], float), np.array(end[:2], float)
    if via is None:
        return np.array([p, q])
    t = np.linspace(0, 1, 41)[:, None]
    a, b = (np.asarray(point, float) for point in via)
    return (1 - t) ** 3 * p + 3 * t * (1 - t) ** 2 * a + 3 * t**2 * (1 - t) * b + t**3 * q


def _trimmed(points, first, last):
    """The polyline without the parts that lie within `first` of its start and `last` of its end."""
    points = _cut(points, first)
    return _cut(points[::-1], last)[::-1]


def _cut(points, radius):
    if radius <= 0:
        return points
    away = np.linalg.norm(points - points[0], axis=1)
    outside = int(np.argmax(away > radius))
    if not away[outside] > radius:
        raise ValueError(f"an arrow of length {away[-1]:.0f} is too short to leave {radius:.0f} pixels free")
    inner, outer = points[outside - 1], points[outside]
    low, high = 0.0, 1.0
    for _ in range(30):  # where the segment leaves the circle
        middle = (low + high) / 2
        low, high = (middle, high) if np.linalg.norm(inner + middle * (outer - inner) - points[0]) < radius else (low, middle)
    return np.vstack([inner + high * (outer - inner), points[outside:]])


def _beside(points, shift):
    """The polyline moved by `shift` to the left of its direction."""
    if not shift:
        return points
    along = np.gradient(points, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    return points + shift * np.column_stack([-along[:, 1], along[:, 0]])


def _label_place(points, at, gap):
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    target = at * steps.sum()
    k = min(int(np.searchsorted(np.cumsum(steps), target)), len(steps) - 1)
    along = (points[k + 1] - points[k]) / steps[k]
    place = points[k] + along * (target - steps[:k].sum())
    return place + gap * np.array([-along[1], along[0]])
