"""The simple network as a textbook has it: NumPy, one step after the other, forward and back."""

from __future__ import annotations

import numpy as np


def loss_and_gradients(p, q, X, Y, s_0):
    """The loss and its gradients for U, W, b, V, c, the inputs and the initial state.

    At each step a_t = U x_t + W s_{t-1} + b, s_t = tanh a_t, o_t = softmax(V s_t + c), L_t = −Σ y_t log o_t;
    back, each step adds its own terms to every gradient.
    """
    (U, W, b), (V, c) = p, q
    states, outputs, L = [s_0], [], 0.0
    for x, y in zip(X, Y, strict=True):
        s = np.tanh(x @ U.T + states[-1] @ W.T + b)
        z = s @ V.T + c
        e = np.exp(z - z.max(axis=1, keepdims=True))
        o = e / e.sum(axis=1, keepdims=True)
        L -= np.log((o * y).sum(axis=1)).sum()
        states.append(s)
        outputs.append(o)
    dU, dW, db, dV, dc = (np.zeros_like(parameter) for parameter in (U, W, b, V, c))
    dX, back = np.empty_like(X), np.zeros_like(s_0)
    for t in reversed(range(len(X))):
        epsilon = outputs[t] - Y[t]
        dV += epsilon.T @ states[t + 1]
        dc += epsilon.sum(axis=0)
        delta = (epsilon @ V + back) * (1 - states[t + 1] ** 2)
        dU += delta.T @ X[t]
        dW += delta.T @ states[t]
        db += delta.sum(axis=0)
        dX[t] = delta @ U
        back = delta @ W
    return L, type(p)(dU, dW, db), type(q)(dV, dc), dX, back
