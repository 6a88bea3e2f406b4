"""Diagrams of the recurrent networks that come after the simple one, and of truncation."""

from __future__ import annotations

from itertools import pairwise

from .canvas import Canvas, Node
from .diagrams import _steps
from .style import Figure, beside


def bidirectional(T: int = 3) -> Figure:
    """Two rows of states over the same inputs, one read forward and one backward, joined at every output.

    >>> bidirectional(3).name
    'bidirectional-3'
    """
    _steps(T, least=2, most=5)
    step, lean = 116, 25
    rows = {"x": 32, "f": 132, "b": 222, "o": 318}
    at = {t: 34 + step * t for t in range(T + 2)}
    canvas = Canvas(at[T + 1] + 34, rows["o"] + 34)
    x = {t: canvas.node(at[t], rows["x"], f"$x_{t}$", "box") for t in range(1, T + 1)}
    o = {t: canvas.node(at[t], rows["o"], f"$o_{t}$") for t in range(1, T + 1)}
    forward, backward = {}, {}
    for t in range(T + 1):  # s_{f,0} is given
        x_f, shape = at[t] - (lean if t else 0), "circle" if t else "box"
        forward[t] = canvas.node(x_f, rows["f"], f"$s_{{f,{t}}}$", shape, r=24, size=18)
    for t in range(1, T + 2):  # s_{b,T+1} is given
        x_b, shape = at[t] + (lean if t <= T else 0), "circle" if t <= T else "box"
        backward[t] = canvas.node(x_b, rows["b"], f"$s_{{b,{t}}}$", shape, r=24, size=18)
    for t in range(1, T + 1):
        first = t == 1
        canvas.arrow(x[t], forward[t], "U", "$U_f$" if first else "", gap=17)
        canvas.arrow(x[t], backward[t], "U", "$U_b$" if first else "", side=-1, gap=17, at=0.3)
        canvas.arrow(forward[t], o[t], "V", "$V_f$" if first else "", gap=20, at=0.65)
        canvas.arrow(backward[t], o[t], "V", "$V_b$" if first else "", side=-1, gap=20)
        canvas.arrow(forward[t - 1], forward[t], "W", "$W_f$" if t == 2 else "")
        canvas.arrow(backward[t + 1], backward[t], "W", "$W_b$" if t == max(T - 1, 1) else "", side=-1)
    return canvas.figure(
        f"bidirectional-{T}",
        f"A bidirectional network over {T} steps. The forward states run from left to right, starting "
        f"from s_f,0; the backward states run from right to left, starting from s_b,{T + 1}. Each "
        "input x_t feeds both states of its step, and each output o_t reads both.",
    )


def _gate(canvas: Canvas, x: float, y: float, name: str, function: str) -> Node:
    """A gate: its name in words and the function that it ends in."""
    wide, tall = 84, 52
    canvas.box(x - wide / 2, y - tall / 2, wide, tall)
    canvas.text(x, y + 11, name, 15)
    canvas.text(x, y - 12, function, 16)
    return Node(x, y, tall / 2 + 2)


def _operation(canvas: Canvas, x: float, y: float, sign: str) -> Node:
    return canvas.node(x, y, sign, r=13, size=20)


def _path(canvas: Canvas, *corners: tuple[float, float], kind: str = "ink") -> None:
    """A way with corners, its head at the end."""
    for (x, y), (u, v) in pairwise(corners[:-1]):
        canvas.line([x, u], [y, v], linewidth=1.5, solid_capstyle="projecting")
    canvas.arrow(Node(*corners[-2]), Node(*corners[-1]), kind)


def lstm_cell() -> Figure:
    """One LSTM cell: the additive path of the cell state on top, four gates below it."""
    canvas = Canvas(540, 320)
    top, middle, low, bus = 280, 200, 122, 52
    before = canvas.node(36, top, "$C_{t-1}$", r=25, size=16)
    after = canvas.node(504, top, "$C_t$", r=25, size=18)
    state, old = (
        canvas.node(504, middle - 4, "$s_t$", r=23),
        canvas.node(36, bus + 34, "$s_{t-1}$", r=25, size=17),
    )
    new = canvas.node(36, bus - 20, "$x_t$", "box")
    forget, add = _operation(canvas, 140, top, r"$\odot$"), _operation(canvas, 280, top, "$+$")
    write, read = _operation(canvas, 280, middle, r"$\odot$"), _operation(canvas, 420, middle - 4, r"$\odot$")
    for start, end in ((before, forget), (forget, add), (add, after)):
        canvas.arrow(start, end, "W", colour="ink")
    gates = {
        name: _gate(canvas, x, low, name, function)
        for name, x, function in (
            ("forget", 140, r"$\sigma$"), ("input", 234, r"$\sigma$"),
            ("candidate", 326, "$f$"), ("output", 420, r"$\sigma$"),
        )
    }  # fmt: skip
    canvas.line([61, 84, 84], [old.y, old.y, bus], linewidth=1.5)
    canvas.line([59, 84, 84], [new.y, new.y, bus], linewidth=1.5)
    canvas.line([84, 420], [bus, bus], linewidth=1.5)
    for gate in gates.values():
        canvas.arrow(Node(gate.x, bus), gate)
    canvas.arrow(gates["forget"], forget, label=r"$\phi_t$", side=-1, gap=14, at=0.35)
    _path(canvas, (234, low + 28), (234, middle), (write.x - 15, middle))
    _path(canvas, (326, low + 28), (326, middle), (write.x + 15, middle))
    canvas.text(222, (low + middle) / 2 + 16, r"$\iota_t$", 17)
    canvas.text(345, (low + middle) / 2 + 16, r"$\tilde{C}_t$", 17)
    canvas.arrow(write, add)
    canvas.arrow(gates["output"], read, label=r"$\psi_t$", side=-1, gap=15)
    canvas.arrow(Node(420, top), read)
    canvas.text(428, (top + middle) / 2 + 4, "$f$", 17, ha="left")
    canvas.arrow(read, state)
    return canvas.figure(
        "lstm-cell",
        "An LSTM cell. The cell state C runs along the top: it is multiplied by the forget gate φ_t, then "
        "the product of input gate ι_t and candidate is added. The new state s_t is the output gate ψ_t times "
        "f of the new cell state. All four read x_t and s_(t-1); f is tanh.",
    )


def lstm_paths(T: int = 3) -> Figure:
    """An LSTM over T steps: the way from C_0 to C_T through products with gates alone, and the ways round through s.

    >>> lstm_paths(3).name
    'lstm-paths-3'
    """
    _steps(T, least=2, most=5)
    step, top, low = 124, 176, 46
    canvas = Canvas(64 + step * T + 12, top + 40)
    at = {t: 38 + step * t for t in range(T + 1)}
    C = {t: canvas.node(at[t], top, f"$C_{t}$", "circle" if t else "box") for t in range(T + 1)}
    s = {t: canvas.node(at[t], low, f"$s_{t}$", "circle" if t else "box") for t in range(T + 1)}
    for t in range(1, T + 1):
        canvas.arrow(C[t - 1], C[t], "W", rf"$\phi_{t}$", size=18, colour="ink")
        canvas.arrow(s[t - 1], C[t], "ink", r"$\iota, \phi, \tilde{C}$" if t == 1 else "", gap=26, size=16)
        canvas.arrow(s[t - 1], s[t], "ink", rf"$\psi_{t}$", side=-1)
        canvas.arrow(C[t], s[t], "ink", "$f$" if t == T else "", gap=12)
    return canvas.figure(
        f"lstm-paths-{T}",
        f"An LSTM over {T} steps. The cell states C_0 to C_{T} stand in the upper row, joined by thick arrows with the "
        f"forget gates φ_1 to φ_{T}: the cell path. The states s_0 to s_{T} stand in the lower row. Each s acts on the next C "
        "through the gates and on the next s through the output gate, and each C on its own s: the ways round.",
    )


def gru_cell(reset: str = "before") -> Figure:
    """One GRU cell, with the reset gate before the product with the recurrent matrix or after it.

    `reset` is "before" (the first publication) or "after" (PyTorch and cuDNN).
    """
    if reset not in ("before", "after"):
        raise ValueError(f"reset = {reset!r}; use 'before' or 'after', seen from the recurrent product")
    canvas = Canvas(540, 320)
    top, middle, low, states, inputs = 282, 212, 142, 72, 28
    before, after = (
        canvas.node(36, top, "$s_{t-1}$", r=25, size=17),
        canvas.node(504, top, "$s_t$", r=25, size=18),
    )
    canvas.node(36, inputs, "$x_t$", "box")
    keep, add = _operation(canvas, 150, top, r"$\odot$"), _operation(canvas, 440, top, "$+$")
    mix, again = _operation(canvas, 440, middle, r"$\odot$"), _operation(canvas, 340, low, r"$\odot$")
    for start, end in ((before, keep), (keep, add), (add, after)):
        canvas.arrow(start, end, "W", colour="ink")
    update, gate = (
        _gate(canvas, 150, low, "update", r"$\sigma$"),
        _gate(canvas, 250, low, "reset", r"$\sigma$"),
    )
    candidate = _gate(canvas, 440, low, "candidate", "$f$")
    _gru_inputs(canvas, (update, gate, candidate, again), states, inputs, "W" if reset == "after" else "")
    canvas.line([36, 36, again.x], [top - 26, states, states], linewidth=1.5)
    canvas.arrow(Node(gate.x + 42, low), again, label="$r_t$", gap=15)
    turned = {"kind": "W", "label": r"$W_{\tilde{s}}$"} if reset == "before" else {}
    canvas.arrow(again, Node(candidate.x - 43, low), **turned)
    canvas.arrow(update, keep, label="$u_t$", gap=17, at=0.72)
    canvas.dot(150, middle)
    canvas.arrow(Node(150, middle), mix, label="$1 - u_t$", at=0.8, gap=15)
    canvas.arrow(candidate, mix, label=r"$\tilde{s}_t$", side=-1, gap=16)
    canvas.arrow(mix, add)
    return canvas.figure(
        f"gru-cell-{reset}",
        "A GRU cell. The state runs along the top: the update gate u_t times the old state plus one minus "
        f"u_t times the candidate makes the new state s_t. The reset gate r_t acts {reset} the product of "
        "the old state with the candidate's recurrent matrix, on its way into the candidate. Both "
        "gates read x_t and s_(t-1), the candidate reads x_t.",
    )


def gru_paths() -> Figure:
    """The four ways from s_{t-1} to s_t in a GRU whose reset gate comes after the product, each edge with its factor.

    >>> gru_paths().name
    'gru-paths'
    """
    canvas = Canvas(540, 320)
    before, after = canvas.node(40, 276, "$s_{t-1}$", r=25, size=17), canvas.node(500, 276, "$s_t$", r=25, size=18)
    u, candidate = canvas.node(280, 198, "$u_t$", r=23), canvas.node(400, 96, r"$\tilde{s}_t$", r=23)
    r = canvas.node(160, 34, "$r_t$", r=23)
    canvas.arrow(before, after, "W", "$u_t$", colour="ink")
    for start, end, label, how in (
        (before, u, "$W_u$", {"kind": "W", "gap": 17, "at": 0.6}),
        (u, after, r"$s_{t-1} - \tilde{s}_t$", {"gap": 24, "at": 0.42}),
        (before, candidate, r"$r_t \odot W_{\tilde{s}}$", {"kind": "W", "gap": 22, "at": 0.62, "side": -1}),
        (candidate, after, "$1 - u_t$", {"side": -1, "gap": 32}),
        (before, r, "$W_r$", {"kind": "W", "side": -1, "gap": 20}),
        (r, candidate, r"$W_{\tilde{s}} s_{t-1} + b_s$", {"side": -1, "gap": 30, "at": 0.6}),
    ):
        canvas.arrow(start, end, label=label, size=17, **how)
    return canvas.figure(
        "gru-paths",
        "The four ways from the old state s_(t-1) to the new state s_t of a GRU: straight, times u_t; through the update gate "
        "u_t; through the candidate; and through the reset gate r_t into the candidate and on.",
    )


def _gru_inputs(canvas: Canvas, boxes, states: float, inputs: float, kind: str) -> None:
    """x_t on the lower line to all three boxes; s_{t-1} on the upper one to the gates and to the reset product."""
    update, gate, candidate, again = boxes
    canvas.line([59, candidate.x], [inputs, inputs], linewidth=1.5)
    for box, aside in ((update, -14), (gate, -14), (candidate, 0)):
        canvas.arrow(Node(box.x + aside, inputs), Node(box.x + aside, box.y - box.r))
        if aside:
            canvas.dot(box.x + aside, inputs)
            canvas.dot(box.x - aside, states)
            canvas.arrow(Node(box.x - aside, states), Node(box.x - aside, box.y - box.r))
    product = {"kind": "W", "label": r"$W_{\tilde{s}}$", "side": -1, "gap": 20} if kind else {}
    canvas.arrow(Node(again.x, states), again, **product)


def truncation_windows(T: int = 8, k: int = 3) -> Figure:
    """The pairs (t, i) that truncation keeps: a window of k steps behind every loss, or chunks of k steps.

    Left, every loss looks back over its last k steps; right, the sequence is cut into chunks of k.
    Raises ValueError unless 4 ≤ T ≤ 12 and 1 ≤ k ≤ T.

    >>> truncation_windows(8, 4).panels[1].alt[-20:]
    '20 of 36 pairs kept.'
    """
    _steps(T, least=4, most=12)
    if isinstance(k, bool) or not isinstance(k, int) or not 1 <= k <= T:
        raise ValueError(f"k = {k!r}; it must be a whole number of steps from 1 to T = {T}")
    window = _pairs(T, f"window-{T}-{k}", f"window of {k}", lambda t, i: t - i < k)
    chunks = _pairs(T, f"chunks-{T}-{k}", f"cut into chunks of {k}", lambda t, i: (t - 1) // k == (i - 1) // k)
    alt = f"The pairs of loss t and step i that truncation keeps. {window.alt} {chunks.alt}"
    return beside(f"truncation-windows-{T}-{k}", alt, window, chunks)


def _pairs(T: int, name: str, title: str, kept) -> Figure:
    """The triangle of pairs (t, i), the kept ones filled, the dropped ones open."""
    cell, left, head = 300 / T, 46, 62
    canvas = Canvas(left + 300 + 10, head + 300 + 10)
    canvas.text(left + 150, head + 300 - 6, "step $i$", 16)
    canvas.text(left - 4, head + 300 - 6, "loss $t$", 16, ha="right")
    count = 0
    for t in range(1, T + 1):
        y = 10 + cell * (T - t)
        canvas.text(left - 12, y + cell / 2, str(t), 15, ha="right")
        canvas.text(left + cell * (t - 0.5), 310 + 16, str(t), 15)
        for i in range(1, t + 1):
            x, inside = left + cell * (i - 1), kept(t, i)
            count += inside
            if inside:
                canvas.rectangle(x + 2, y + 2, cell - 4, cell - 4, "grad", 0.75)
            else:
                canvas.ring(x + cell / 2, y + cell / 2, 3.0, "muted")
    total = T * (T + 1) // 2
    canvas.text(left + 296, 310 - 0.9 * cell - 8, title, 17, ha="right")
    canvas.text(left + 296, 310 - 0.9 * cell - 32, f"{count} of {total} pairs", 16, "muted", ha="right")
    return canvas.figure(
        name,
        f"The triangle of pairs of a loss t and a step i up to it, over {T} steps, under a {title}: {count} of {total} pairs kept.",
    )
