"""Diagrams: the network folded and unfolded, and the ways that its gradients take through it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from .canvas import Canvas, Node
from .style import Figure, beside

STEP = 118  # from one step of the network to the next
ROWS = {"x": 34, "s": 134, "o": 230, "L": 318}
SIDE = 11  # the gradient runs this far beside the edge it goes back along


class Unrolled(NamedTuple):
    """The nodes of an unrolled network: `x[t]`, `s[t]`, `o[t]`, `L[t]`; s[0] is the initial state."""

    x: dict[int, Node]
    s: dict[int, Node]
    o: dict[int, Node]
    L: dict[int, Node]


def _steps(T, least: int = 1, most: int = 6) -> int:
    if isinstance(T, bool) or not isinstance(T, int) or not least <= T <= most:
        raise ValueError(f"T = {T!r}; this figure needs a whole number of steps from {least} to {most}")
    return T


def _unrolled(canvas: Canvas, T: int, lit: str = "UWV", left: float = 34, losses: Iterable[int] | None = None) -> Unrolled:
    """Draw the network unrolled over T steps; the edges of the parameters in `lit` in colour, the others faint."""
    steps = range(1, T + 1)
    losses = set(steps if losses is None else losses)
    at = {t: left + STEP * t for t in range(T + 1)}
    x = {t: canvas.node(at[t], ROWS["x"], f"$x_{t}$", "box") for t in steps}
    s = {t: canvas.node(at[t], ROWS["s"], f"$s_{t}$", "circle" if t else "box") for t in range(T + 1)}
    o = {t: canvas.node(at[t], ROWS["o"], f"$o_{t}$") for t in steps}
    L = {t: canvas.node(at[t], ROWS["L"], f"$L_{t}$", "diamond", faint=t not in losses) for t in steps}
    for t in steps:
        canvas.arrow(x[t], s[t], "U", "$U$", faint="U" not in lit)
        canvas.arrow(s[t - 1], s[t], "W", "$W$", faint="W" not in lit)
        canvas.arrow(s[t], o[t], "V", "$V$", faint="V" not in lit, gap=16)
        canvas.arrow(o[t], L[t], "ink" if t in losses else "muted")
    return Unrolled(x, s, o, L)


def _size(T: int, right: float = 34) -> tuple[float, float]:
    return 34 + STEP * T + right, ROWS["L"] + 34


def _down(canvas: Canvas, upper: Node, lower: Node, **options) -> None:
    """The gradient's way down, to the right of the edge that led up."""
    canvas.arrow(_aside(upper, SIDE, 0), _aside(lower, SIDE, 0), "grad", **options)


def _back(canvas: Canvas, later: Node, earlier: Node, **options) -> None:
    """The gradient's way back in time, below the edge that led forward."""
    canvas.arrow(_aside(later, 0, -SIDE), _aside(earlier, 0, -SIDE), "grad", **options)


def _aside(node: Node, dx: float, dy: float) -> Node:
    """The node moved beside its centre, with what is left of its circle there."""
    left = max(node.r**2 - dx**2 - dy**2, 0.0)
    return Node(node.x + dx, node.y + dy, left**0.5)


def _between(p: Node, q: Node, part: float = 0.5) -> Node:
    return Node(p.x + part * (q.x - p.x), p.y + part * (q.y - p.y), 0.0)


# -- the network -------------------------------------------------------------------------------------------


def folded() -> Figure:
    """The folded graph: x_t through U into s_t, s_t through W into itself one step later, through V to o_t."""
    canvas = Canvas(230, ROWS["L"] + 34)
    at = 78
    x = canvas.node(at, ROWS["x"], "$x_t$", "box")
    s = canvas.node(at, ROWS["s"], "$s_t$")
    o = canvas.node(at, ROWS["o"], "$o_t$")
    L = canvas.node(at, ROWS["L"], "$L_t$", "diamond")
    canvas.arrow(x, s, "U", "$U$")
    canvas.arrow(s, o, "V", "$V$", gap=16)
    canvas.arrow(o, L)
    via = ((at + 125, ROWS["s"] + 84), (at + 125, ROWS["s"] - 84))
    canvas.arrow(s, s, "W", via=via)
    delay = at + 94
    canvas.node(delay, ROWS["s"], "", "box", r=11, colour="W", tint=1.0)
    canvas.text(at + 66, ROWS["s"] + 44, "$W$", size=17, colour="W")
    canvas.text(delay, ROWS["s"] - 52, "one step\nlater", size=14)
    return canvas.figure(
        "folded",
        "The folded network: input x_t goes through U into the state s_t; the state goes through V to "
        "the output o_t, which meets its loss L_t, and through W, one step later, back into itself.",
    )


def unfolded(T: int = 3) -> Figure:
    """The network unrolled over T steps (at most 6): the same U, W and V at every step.

    >>> unfolded(3).name
    'unfolded-3'
    """
    canvas = Canvas(*_size(_steps(T)))
    _unrolled(canvas, T)
    return canvas.figure(
        f"unfolded-{T}",
        f"The network unfolded over {T} steps: at each step t the state s_t is made from the input x_t "
        "through U and from the state before it through W, starting from s_0, and gives the output "
        "o_t through V; o_t meets the loss L_t. U, W and V are the same at every step.",
    )


def folded_and_unfolded(T: int = 3) -> Figure:
    """The folded graph beside the unfolded one."""
    one, other = folded(), unfolded(T)
    return beside(f"folded-and-unfolded-{T}", f"{one.alt} {other.alt}", one, other)


def one_step() -> Figure:
    """One step opened: a_t = U x_t + W s_{t-1} + b, s_t = f(a_t), with every local derivative on its way back."""
    canvas = Canvas(500, 300)
    s0 = canvas.node(42, 160, "$s_{t-1}$", r=25, size=18)
    a = canvas.node(258, 160, "$a_t$", r=25)
    s1 = canvas.node(452, 160, "$s_t$", r=25)
    x = canvas.node(258, 34, "$x_t$", "box")
    b = canvas.node(258, 272, "$b$", "box", r=18)
    canvas.arrow(s0, a, "W", "$W$")
    canvas.arrow(x, a, "U", "$U$")
    canvas.arrow(b, a)
    canvas.arrow(a, s1, "ink", "$f$")
    _back(canvas, s1, a)
    _back(canvas, a, s0)
    _down(canvas, a, x)
    canvas.arrow(_aside(a, SIDE, 0), _aside(b, SIDE, 0), "grad")
    notes = (
        (358, 126, r"$\partial s_t/\partial a_t = D_t$", "center"),
        (146, 126, r"$\partial s_t/\partial s_{t-1}$", "center"),
        (146, 100, "$= D_t W = J_t$", "center"),
        (280, 84, r"$\partial s_t/\partial x_t = D_t U$", "left"),
        (280, 222, r"$\partial^{+} s_t/\partial b = D_t$", "left"),
    )
    for px, py, words, ha in notes:
        canvas.text(px, py, words, size=17, colour="grad", ha=ha)
    return canvas.figure(
        "one-step",
        "One step: W times s_(t-1), U times x_t and b are added to a_t, and f makes s_t of it. On the "
        "dashed ways back stand the local derivatives of s_t: D_t for a_t and for b, D_t W = J_t for "
        "s_(t-1), D_t U for x_t.",
    )


def weight_sharing(T: int = 3) -> Figure:
    """One parameter θ, its T copies θ^(1) … θ^(T), each with its own way into its step."""
    _steps(T, least=2)
    left, step = 40, 118
    width = left + step * T + 92
    canvas = Canvas(width, 268)
    middle = left + step * (T + 1) / 2
    theta = canvas.node(middle, 34, r"$\theta$", "box")
    states = {t: canvas.node(left + step * t, 216, f"$s_{t}$", "circle" if t else "box") for t in range(T + 1)}
    for t in range(1, T + 1):
        copy = canvas.node(left + step * t, 126, rf"$\theta^{{({t})}}$", "box", size=16)
        canvas.arrow(theta, copy, "tie", head=False)
        canvas.arrow(copy, states[t])
        canvas.arrow(states[t - 1], states[t])
        _down(canvas, states[t], copy)
        canvas.text(left + step * t + 20, 171, rf"$\partial\hat{{L}}/\partial\theta^{{({t})}}$", 15, "grad", ha="left")
    return canvas.figure(
        f"weight-sharing-{T}",
        f"One shared parameter θ, tied to {T} copies of itself, one for each step. Copy t acts only on "
        "state s_t and gets a derivative of its own; the derivative for θ is the sum over the copies.",
    )


# -- the gradients' ways -----------------------------------------------------------------------------------


def path_of_V(T: int = 3) -> Figure:
    """Where V acts, and the gradient's way to it: from each loss straight to its own V, never through time."""
    canvas = Canvas(*_size(_steps(T), right=74))
    net = _unrolled(canvas, T, lit="V")
    for t in range(1, T + 1):
        _down(canvas, net.L[t], net.o[t])
        _down(canvas, net.o[t], _between(net.s[t], net.o[t], 0.35))
        canvas.text(net.o[t].x + 20, ROWS["o"] - 52, rf"$\varepsilon_{t}\, s_{t}^\mathsf{{T}}$", 17, "grad", ha="left")
    return canvas.figure(
        f"path-of-V-{T}",
        f"The unrolled network over {T} steps with the edges of V in colour. The gradient goes, "
        "dashed, from each loss L_t to its own V and adds ε_t s_tᵀ there; none of it goes back in "
        "time.",
    )


def path_of_W(T: int = 3) -> Figure:
    """Where W acts, and the gradient's way to it: from every loss back through time, δ_t s_{t-1}ᵀ at step t."""
    canvas = Canvas(*_size(_steps(T), right=74))
    net = _unrolled(canvas, T, lit="W")
    _all_the_way_back(canvas, net, T)
    _back(canvas, net.s[1], _between(net.s[0], net.s[1]))
    for t in range(1, T + 1):
        x = net.s[t].x - STEP / 2
        canvas.text(x, ROWS["s"] - 31, rf"$\delta_{t}\, s_{t - 1}^\mathsf{{T}}$", 17, "grad")
    return canvas.figure(
        f"path-of-W-{T}",
        f"The unrolled network over {T} steps with the edges of W in colour. The gradient goes, "
        "dashed, from every loss down to its state and from there back in time along W; at step t it "
        "adds δ_t s_(t-1)ᵀ.",
    )


def path_of_U(T: int = 3) -> Figure:
    """Where U acts, and the gradient's way to it: back through time, then down, δ_t x_tᵀ at step t."""
    canvas = Canvas(*_size(_steps(T), right=74))
    net = _unrolled(canvas, T, lit="U")
    _all_the_way_back(canvas, net, T)
    for t in range(1, T + 1):
        _down(canvas, net.s[t], _between(net.x[t], net.s[t], 0.4))
        canvas.text(net.x[t].x + 20, ROWS["x"] + 46, rf"$\delta_{t}\, x_{t}^\mathsf{{T}}$", 17, "grad", ha="left")
    return canvas.figure(
        f"path-of-U-{T}",
        f"The unrolled network over {T} steps with the edges of U in colour. The gradient goes, "
        "dashed, from every loss down to its state, back in time along W, and at each step t down "
        "towards the input, where it adds δ_t x_tᵀ.",
    )


def _all_the_way_back(canvas: Canvas, net: Unrolled, T: int) -> None:
    for t in range(1, T + 1):
        _down(canvas, net.L[t], net.o[t])
        _down(canvas, net.o[t], net.s[t])
        if t > 1:
            _back(canvas, net.s[t], net.s[t - 1])


def gradient_path(T: int, t: int, i: int, parameter: str) -> Figure:
    """One path of the sum over paths: from L_t back to step i, where the parameter acts.

    The factors J_t … J_{i+1} stand on the edges they belong to. `parameter` is "U", "W" or "V";
    V acts after the state, so its only path has i = t.
    Raises ValueError unless 1 ≤ i ≤ t ≤ T.

    >>> gradient_path(4, 4, 2, "W").name
    'gradient-path-W-4-2'
    """
    _steps(T)
    if parameter not in ("U", "W", "V"):
        raise ValueError(f"unknown parameter {parameter!r}; use 'U', 'W' or 'V'")
    if not 1 <= i <= t <= T:
        raise ValueError(f"t = {t}, i = {i}, T = {T}; a path needs 1 ≤ i ≤ t ≤ T")
    if parameter == "V" and i != t:
        raise ValueError(f"t = {t}, i = {i}: V acts after the state, so its path from L_t stays at step t; use i = t")
    canvas = Canvas(*_size(T, right=84))
    net = _unrolled(canvas, T, lit="", losses=[t])
    _down(canvas, net.L[t], net.o[t])
    if parameter == "V":
        canvas.arrow(net.s[t], net.o[t], "V")
        _down(canvas, net.o[t], _between(net.s[t], net.o[t], 0.35))
        canvas.text(net.o[t].x + 20, ROWS["o"] - 52, rf"$\varepsilon_{t}\, s_{t}^\mathsf{{T}}$", 17, "grad", ha="left")
        factors = ""
    else:
        factors = _path_to_step(canvas, net, t, i, parameter)
    return canvas.figure(
        f"gradient-path-{parameter}-{t}-{i}",
        f"One path through the unrolled network: from the loss L_{t} to its state s_{t}, "
        f"{factors or 'no step back in time, '}and into {parameter} at step {i}.",
    )


def _path_to_step(canvas: Canvas, net: Unrolled, t: int, i: int, parameter: str) -> str:
    """From o_t to s_t, back to s_i, and into the parameter; returns the factors in words."""
    _down(canvas, net.o[t], net.s[t])
    canvas.text(
        net.o[t].x + 20,
        (ROWS["o"] + ROWS["s"]) / 2 + 2,
        rf"$\varepsilon_{t}^\mathsf{{T}} V$",
        17,
        "grad",
        ha="left",
    )
    for k in range(t, i, -1):
        _back(canvas, net.s[k], net.s[k - 1])
        canvas.text(net.s[k].x - STEP / 2, ROWS["s"] - 31, f"$J_{k}$", 18, "grad")
    words = rf"$\partial^{{+}}s_{i}/\partial {parameter}$"
    if parameter == "U":
        canvas.arrow(net.x[i], net.s[i], "U")
        _down(canvas, net.s[i], _between(net.x[i], net.s[i], 0.4))
        canvas.text(net.x[i].x + 22, ROWS["x"] + 38, words, 16, "grad", ha="left")
    else:
        canvas.arrow(net.s[i - 1], net.s[i], "W")
        _back(canvas, net.s[i], _between(net.s[i - 1], net.s[i]))
        canvas.text(net.s[i].x - STEP / 2, ROWS["s"] - 32, words, 16, "grad")
    return f"back in time by the factors {', '.join(f'J_{k}' for k in range(t, i, -1))}, " if t > i else ""


def sum_over_paths(T: int = 4) -> Figure:
    """Every path of the sum: loss t down the rows, step i along the columns, the product Φ_{t,i} in the cell."""
    _steps(T, least=2, most=5)
    cell, tall, left, top = (88 if T < 5 else 92), 50, 48, 38
    width, height = left + cell * T + 8, top + tall * T + 48
    canvas = Canvas(width, height)
    for t in range(1, T + 1):
        y = height - top - tall * t
        canvas.text(left - 24, y + tall / 2, f"$L_{t}$", 19)
        canvas.text(left + cell * (t - 0.5), height - 18, f"$i = {t}$", 17)
        for i in range(1, T + 1):
            x = left + cell * (i - 1)
            if i > t:
                canvas.dot(x + cell / 2, y + tall / 2, 1.6, "muted")
                continue
            canvas.box(x + 3, y + 3, cell - 6, tall - 6, "grad", tint=0.06 + 0.28 * 0.6 ** (t - i), line=0)
            canvas.text(x + cell / 2, y + tall / 2, _product(t, i), 17)
    for i in range(1, T + 1):
        x = left + cell * (i - 0.5)
        canvas.arrow(Node(x, 52), Node(x, 30), "grad")
        canvas.text(x, 15, rf"$\lambda_{i}$", 18, "grad")
    return canvas.figure(
        f"sum-over-paths-{T}",
        f"A triangle of {T * (T + 1) // 2} paths. Row t is the loss L_t, column i the step where the "
        "parameter acts; the cell holds the product J_t … J_(i+1), which is the identity on the "
        "diagonal. Below the diagonal the products grow longer; above it there is none, for a later "
        "step cannot change an earlier loss. Summing a column, each cell weighted by its loss, gives "
        "the adjoint λ_i.",
    )


def _product(t: int, i: int) -> str:
    """J_t J_{t-1} … J_{i+1} as a formula, cut short when it is long."""
    factors = [f"J_{k}" for k in range(t, i, -1)]
    if len(factors) > 3:
        factors = [factors[0], r"\cdots", factors[-1]]
    return "$" + (r"\,".join(factors) or "I") + "$"


def _chain(T: int, left: float = 46) -> tuple[Canvas, dict[int, Node], dict[int, Node]]:
    """The states in a row, each with its loss above it."""
    canvas = Canvas(left + STEP * T + 74, 296)
    states = {t: canvas.node(left + STEP * t, 150, f"$s_{t}$", "circle" if t else "box") for t in range(T + 1)}
    losses = {t: canvas.node(left + STEP * t, 258, f"$L_{t}$", "diamond") for t in range(1, T + 1)}
    for t in range(1, T + 1):
        canvas.arrow(states[t - 1], states[t], "W", faint=True)
        canvas.arrow(states[t], losses[t], "V", faint=True)
    return canvas, states, losses


def adjoint_way_back(T: int = 3) -> Figure:
    """The backward recursion: λ_t = Vᵀε_t + J_{t+1}ᵀ λ_{t+1}, δ_t = D_t λ_t, both flowing back through time."""
    canvas, states, losses = _chain(_steps(T, least=2))
    for t in range(1, T + 1):
        x = states[t].x
        _down(canvas, losses[t], states[t])
        canvas.text(x + 19, 207, rf"$V^\mathsf{{T}}\varepsilon_{t}$", 16, "grad", ha="left")
        _back(canvas, states[t], states[t - 1])
        canvas.text(x - 21, 183, rf"$\lambda_{t}$", 18, "grad")
        # the arrow into s_0 carries the gradient for the initial state
        carried = rf"$J_{t}^\mathsf{{T}}\lambda_{t}$"
        canvas.text(x - STEP / 2, 118, carried, 16, "grad")
        below = canvas.node(x, 44, rf"$\delta_{t}$", colour="grad", r=20)
        canvas.arrow(states[t], below, "grad", rf"$D_{t}\lambda_{t}$", side=1, gap=27, size=16)
    return canvas.figure(
        f"adjoint-way-back-{T}",
        f"Back-propagation through time over {T} steps: into each state s_t come V transposed times "
        "ε_t from its own loss and J_(t+1) transposed times λ_(t+1) from the step after it; their sum "
        "is λ_t. D_t times λ_t is δ_t, which makes the gradients of the parameters. What arrives at "
        "s_0 is the gradient for the initial state.",
    )


def two_directions(T: int = 3) -> Figure:
    """The two orders of the same sum: M_t carried forward (RTRL), λ_t carried back (BPTT)."""
    forward, states, _ = _chain(_steps(T, least=2))
    for t in range(1, T + 1):
        above, below = states[t], forward.node(states[t].x, 44, f"$M_{t}$", colour="alt", r=20, size=17)
        before = Node(states[t - 1].x, 44, 22)
        if t == 1:
            forward.node(before.x, before.y, "$M_0$", "box", colour="alt", r=20, size=17)
        forward.arrow(before, below, "ink", f"$J_{t}$", colour="alt", gap=14)
        forward.arrow(above, below, "ink", colour="alt")
        forward.text(above.x + 9, 96, rf"$\partial^{{+}}s_{t}$", 16, "alt", ha="left")
    one = forward.figure(
        f"forward-{T}",
        f"Forward over {T} steps, from left to right: M_t = J_t M_(t-1) plus the immediate derivative "
        "of s_t, one large matrix per step, from M_0 = 0.",
    )
    other = adjoint_way_back(T)
    alt = f"The same sum in two orders. {one.alt} {other.alt}"
    return beside(f"two-directions-{T}", alt, one, other)
