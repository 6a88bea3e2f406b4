"""The floor: the matrix products that no exact computation of the loss and all gradients can leave out, and nothing else.

For a cell with k blocks of h rows (1 for the simple network, 3 for the GRU, 4 for the LSTM), in as few products as can be:
forward, U X, W s_{t-1} at each step, V S; back, Vᵀ ε, Wᵀ δ_t at each step, and dL/dV, dL/dU, dL/dW, dL/dX.
That is T·B·(3khn + 3kh² + 3mh) multiplications. No activation, no sum, no memory that is not there before.
"""

from __future__ import annotations

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
