"""The staircase: textbook code for the simple network made faster in five moves, up to rnnlib itself.

Every stage computes the loss and all gradients, as ``textbook`` does, and differs from the one before in one idea:

``products``   δ and ε of all steps are kept, and dL/dU, dL/dW, dL/dV are one product each over all of time;
``hoisted``    U X + b of all steps is one product before the loop, and the whole output layer comes after it;
``in_place``   what is computed step by step is written where it is to stay;
``kept``       the memory for it is used again by the next call, and softmax needs no row maximum where the logits are bounded;
``into``       the views are made once, and products are written into rows that are there: ``a.dot(b, out)``;
``rnnlib``     the library, which also checks what it is given.

The answers are compared before anything is timed.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks import floor, libraries, machine, measure, problem, textbook
from benchmarks.grid import Cell
from benchmarks.problem import rows
from rnnlib import Workspace

CELLS = [Cell("rnn", "float32", T, B, h) for T, B, h in ((100, 1, 16), (100, 1, 512), (100, 32, 128), (100, 128, 512))]


def products(p, q, X, Y, s_0):
    """One product over all of time for each parameter's gradient."""
    (U, W, b), (V, c) = p, q
    S, O, L = [s_0], [], 0.0
    for x, y in zip(X, Y, strict=True):
        S.append(np.tanh(x @ U.T + S[-1] @ W.T + b))
        O.append(softmax(S[-1] @ V.T + c))
        L -= np.log((O[-1] * y).sum(axis=1)).sum()
    S, epsilon, delta, dX, back = np.stack(S), np.stack(O) - Y, np.empty((*X.shape[:2], len(b)), X.dtype), np.empty_like(X), 0
    for t in reversed(range(len(X))):
        delta[t] = (epsilon[t] @ V + back) * (1 - S[t + 1] ** 2)
        dX[t] = delta[t] @ U
        back = delta[t] @ W
    return L, *sums(p, q, X, S, epsilon, delta), dX, back


def hoisted(p, q, X, Y, s_0):
    """The inputs' products before the loop, the output layer after it, dL/dX after the way back."""
    (U, W, b), (V, c) = p, q
    A, S = X @ U.T + b, [s_0]
    for a in A:
        S.append(np.tanh(a + S[-1] @ W.T))
    S = np.stack(S)
    O = softmax(S[1:] @ V.T + c)
    L, epsilon = -np.log((O * Y).sum(axis=-1)).sum(), O - Y
    delta, back = (1 - S[1:] ** 2), 0
    for d, direct in zip(delta[::-1], (epsilon @ V)[::-1], strict=True):
        d *= direct + back
        back = d @ W
    return L, *sums(p, q, X, S, epsilon, delta), delta @ U, back


def in_place(p, q, X, Y, s_0, work=None, bounded=False):
    """No array is made within the loops, and none that could be written over after them."""
    (U, W, b), (V, c), (T, B, _), h, m = p, q, X.shape, len(p.b), len(q.c)
    fill = fresh if work is None else work.array
    A, S = fill("A", (T, B, h), X.dtype), fill("S", (T + 1, B, h), X.dtype)
    O, dX, row = fill("O", (T, B, m), X.dtype), fill("dX", X.shape, X.dtype), fill("row", (B, h), X.dtype)
    np.matmul(rows(X), U.T, out=rows(A))
    A += b
    S[0] = s_0
    for t in range(T):
        np.matmul(S[t], W.T, out=row)
        row += A[t]
        np.tanh(row, out=S[t + 1])
    np.matmul(rows(S[1:]), V.T, out=rows(O))
    O += c
    L = cross_entropy(O, Y, bounded)
    delta = np.matmul(rows(O), V, out=rows(A)).reshape(A.shape)
    slopes = fill("slopes", (T, B, h), X.dtype)
    np.multiply(S[1:], S[1:], out=slopes)
    np.subtract(1, slopes, out=slopes)
    row[...] = 0
    for t in reversed(range(T)):
        delta[t] += row
        delta[t] *= slopes[t]
        np.matmul(delta[t], W, out=row)
    np.matmul(rows(delta), U, out=rows(dX))
    return L, *sums(p, q, X, S, O, delta), dX, row.copy()


def kept(p, q, X, Y, s_0, work):
    """``in_place`` in memory that is kept; no row maximum if no logit can overflow."""
    return in_place(p, q, X, Y, s_0, work, bounded=np.abs(q.V).sum(axis=1).max() + np.abs(q.c).max() < 80)


def into(p, q, X, Y, s_0, work):
    """``kept`` with its views made once, and ``dot`` into what is there."""
    (U, W, b), (V, c), (T, B, _), h, m = p, q, X.shape, len(p.b), len(q.c)
    fill, kind = work.array, X.dtype
    A, S = fill("A", (T, B, h), kind), fill("S", (T + 1, B, h), kind)
    O, slopes = fill("O", (T, B, m), kind), fill("slopes", (T, B, h), kind)
    dX, row = fill("dX", X.shape, kind), fill("row", (B, h), kind)
    flat_A, flat_S, flat_O = rows(A), rows(S[1:]), rows(O)
    W_T, steps, states, tanh = W.T, list(A), list(S), np.tanh
    rows(X).dot(U.T, flat_A)
    flat_A += b
    S[0] = s_0
    for a, s_before, s in zip(steps, states, states[1:], strict=False):
        s_before.dot(W_T, row)
        a += row
        tanh(a, s)
    flat_S.dot(V.T, flat_O)
    flat_O += c
    most = np.abs(V).sum(axis=1).max() + np.abs(c).max()
    L = cross_entropy(O, Y, most < 80)
    flat_O.dot(V, flat_A)
    np.multiply(S[1:], S[1:], out=slopes)
    np.subtract(1, slopes, out=slopes)
    row[...] = 0
    back = zip(reversed(steps), reversed(list(slopes)), strict=True)
    for delta, slope in back:
        delta += row
        delta *= slope
        delta.dot(W, row)
    flat_A.dot(U, rows(dX))
    return L, *sums(p, q, X, S, O, A), dX, row.copy()


def softmax(z):
    """Rows of exp(z_k) / Σ_j exp(z_j)."""
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def cross_entropy(O, Y, bounded):
    """L; the logits in O are overwritten by ε = o − y."""
    if not bounded:
        O -= O.max(axis=-1, keepdims=True)
    L = -np.vdot(O, Y)
    np.exp(O, out=O)
    total = O.sum(axis=-1, keepdims=True)
    O /= total
    O -= Y
    return L + np.log(total).sum()


def sums(p, q, X, S, epsilon, delta):
    """The gradients of the parameters, one product over all of time for each."""
    every_d, every_e = rows(delta), rows(epsilon)
    dp = type(p)(every_d.T @ rows(X), every_d.T @ rows(S[:-1]), every_d.sum(axis=0))
    return dp, type(q)(every_e.T @ rows(S[1:]), every_e.sum(axis=0))


def fresh(name, shape, dtype):
    """New memory."""
    return np.empty(shape, dtype)


def stages(given) -> dict:
    """The stages by name, as functions without arguments."""
    task, works = (given.p, given.q, given.X, given.Y, given.s_0), (Workspace(), Workspace())
    return {
        "textbook": lambda: textbook.loss_and_gradients(*task),
        "products": lambda: products(*task),
        "hoisted": lambda: hoisted(*task),
        "in place": lambda: in_place(*task),
        "kept": lambda: kept(*task, works[0]),
        "into": lambda: into(*task, works[1]),
        "rnnlib": libraries.ours().prepare(given)[0],
    }


def bounds(given) -> dict:
    """What no stage can do without: the matrix products, and the elementwise arithmetic, each alone."""
    rng = np.random.default_rng(1)

    def fill(*shape):
        return rng.uniform(-1, 1, shape).astype(given.cell.dtype)

    return {
        "own products": floor.products(given.p, given.q, given.X, fill),
        "elementwise": floor.elementwise(given.q, given.X, given.cell.h, fill),
    }


def run(folder: Path, say=print, cells=CELLS) -> Path:
    """Compare the answers of all stages, measure them; returns the file that was written.

    Raises
    ------
    Disagreement
        If a stage finds another loss or gradient than rnnlib.
    """
    facts = machine.describe() | {"part": "staircase"}
    found = []
    for cell in cells:
        given = problem.make(cell)
        functions = stages(given)
        compare(cell, functions)
        samples = measure.interleaved(functions | bounds(given), progress=_progress(cell), enough=measure.ENOUGH)
        machine.progress_line()(None)
        seconds = {name: measure.seconds(taken) for name, taken in samples.items()}
        found.append({"cell": cell._asdict(), "seconds": seconds})
        say(f"{cell}: " + ", ".join(f"{name} {1e3 * value:.3g} ms ({seconds['textbook'] / value:.2f})" for name, value in seconds.items()))
    file = machine.file_for(folder, facts)
    machine.write(file, facts | {"cells": found})
    say(f"Written: {file}; in brackets how many times as fast as textbook code")
    return file


def compare(cell, functions):
    """The answers of all stages against rnnlib's."""
    expected = {name: np.array(value) for name, value in problem.answer(*functions["rnnlib"]()).items()}
    for name, function in functions.items():
        problem.agree(cell, name, problem.answer(*function()), expected)


def _progress(cell):
    show = machine.progress_line()
    return lambda turn: show(f"staircase {cell}: round {turn + 1}")
