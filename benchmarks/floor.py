"""The floor: what no exact computation of the loss and all gradients can leave out, and nothing else.

``products``     the matrix products;
``elementwise``  for the simple network, the arithmetic on single entries, in the processor's cache.

For a cell with k blocks of h rows (1 for the simple network, 3 for the GRU, 4 for the LSTM), in as few products as can be:
forward, U X, W s_{t-1} at each step, V S; back, Vᵀ ε, Wᵀ δ_t at each step, and dL/dV, dL/dU, dL/dW, dL/dX.
That is T·B·(3khn + 3kh² + 3mh) multiplications. No activation, no sum, no memory that is not there before.
"""

from __future__ import annotations

import numpy as np

from benchmarks.problem import rows


def multiplications(k: int, T: int, B: int, n: int, h: int, m: int) -> int:
    """T·B·(3khn + 3kh² + 3mh)."""
    return 3 * T * B * (k * h * n + k * h * h + m * h)


def products(p, q, X, fill):
    """The products as a function without arguments.

    ``fill(*shape)`` makes an array, of any numbers: the products are into arrays made beforehand.
    """
    U, W, V = p.U, p.W, q.V
    (T, B, _), (kh, h), m = X.shape, W.shape, len(V)
    S, D, epsilon, Z = fill(T, B, h), fill(T, B, h), fill(T, B, m), fill(T * B, m)
    A, wide, narrow = fill(T, B, kh), fill(B, kh), fill(B, h)  # A holds U X, and stands for δ, too
    dX, dU, dW, dV = (fill(*rows(array).shape) for array in (X, U, W, V))
    every_x, every_s, every_a, every_d, every_epsilon = rows(X), rows(S), rows(A), rows(D), rows(epsilon)
    U_T, W_T, V_T, epsilon_T, delta_T, steps, back = U.T, W.T, V.T, every_epsilon.T, every_a.T, list(S), list(A)

    def run():
        every_x.dot(U_T, every_a)
        for s in steps:
            s.dot(W_T, wide)
        every_s.dot(V_T, Z)
        every_epsilon.dot(V, every_d)
        for delta in back:
            delta.dot(W, narrow)
        epsilon_T.dot(every_s, dV)
        delta_T.dot(every_x, dU)
        delta_T.dot(every_s, dW)
        every_a.dot(U, dX)

    return run


BLOCK = 1 << 13  # entries: a few such blocks stay in the cache


def elementwise(q, X, h: int, fill):
    """The elementwise arithmetic of the simple network as a function without arguments.

    For every entry of a state: a + W s, tanh, 1 − s², the sum λ and δ = f' λ; for every output: + c, exp, ÷ Σ, − y.
    It goes over the same small blocks again and again, so neither memory nor the number of calls matters.
    """
    (T, B, _), m = X.shape, len(q.V)
    blocks = [fill(BLOCK) for _ in range(4)]

    def run():
        for a, s, slope, back in _parts(blocks, T * B * h):
            np.add(a, back, s)
            np.tanh(s, s)
            np.multiply(s, s, slope)
            np.subtract(1, slope, slope)
            np.add(a, back, s)
            np.multiply(s, slope, slope)
        for z, o, y, epsilon in _parts(blocks, T * B * m):
            np.add(z, y, o)
            np.exp(o, o)
            np.divide(y, o, epsilon)
            np.subtract(epsilon, y, epsilon)

    return run


def _parts(blocks, entries: int):
    """The blocks as often as it takes until each has had so many entries."""
    whole, rest = divmod(entries, len(blocks[0]))
    for _ in range(whole):
        yield blocks
    if rest:
        yield [block[:rest] for block in blocks]
