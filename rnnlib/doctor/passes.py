"""One pass through each network and back, written out step by step, with the letters of the book.

They are to be read, and to be spoiled: a mistake of ``rnnlib.doctor.catalogue`` replaces a piece of one line here.
So every line does one thing, and is an assignment.
Times run from 1 to T as in the book: ``s[0]`` is s_0, and what has no value at 0 or T + 1 is zero there.
``back[t]`` is what step t sends back to the state before it.
A sequence is a row, so that ``a = U x`` reads ``x @ U.T``.
``rnnlib.doctor.program`` runs these functions line by line; called, each returns its variables.
``omega[t]`` is (B, 1), ``X`` (T, B, n), all parameters as in the cell's ``Params``.
"""

from __future__ import annotations

import numpy as np


def padded(A):
    """{1: A_1, …, T: A_T}, with zeros at 0 and T + 1."""
    return {0: 0 * A[0], len(A) + 1: 0 * A[0], **dict(enumerate(A, 1))}


def rising(row, slope, W, i, t):
    """A row times J_{i+1} J_{i+2} ⋯ J_t, the factors in the wrong order."""
    for j in range(i + 1, t + 1):
        row = (row * slope[j]) @ W
    return row


def softmax_back(o, row):
    """A row times the softmax's Jacobian diag(o) − o oᵀ."""
    return o * (row - (o * row).sum(axis=-1, keepdims=True))


def rnn(U, W, b, V, c, X, Y, s_0, weights, f, head):
    """The simple network (eq-two-directions-adjoint, eq-gradient-u-outer, eq-gradient-w-outer)."""
    T, B, m = Y.shape
    steps = range(1, T + 1)
    x, y, omega = padded(X), padded(Y), padded(weights[..., None])
    s = {0: s_0}
    a, z, o = {0: s_0}, {}, {}
    for t in steps:
        a[t] = x[t] @ U.T + s[t - 1] @ W.T + b
        s[t] = f.f(a[t])
        z[t] = s[t] @ V.T + c
        o[t] = head.g(z[t])
    L = sum((omega[t][:, 0] * head.loss(z[t], y[t])).sum() for t in steps)
    eps, zero = {}, np.zeros_like(s_0)
    slope, lam, delta, back = {}, {T + 1: zero}, {}, {T + 1: zero}
    for t in reversed(steps):
        eps[t] = omega[t] * head.epsilon(o[t], y[t])
        slope[t] = f.df(a[t], s[t])
        lam[t] = eps[t] @ V + back[t + 1]
        delta[t] = slope[t] * lam[t]
        back[t] = delta[t] @ W
    dU = sum(delta[t].T @ x[t] for t in steps)
    dW = sum(delta[t].T @ s[t - 1] for t in steps)
    db = sum(delta[t].sum(axis=0) for t in steps)
    dV = sum(eps[t].T @ s[t] for t in steps)
    dc = sum(eps[t].sum(axis=0) for t in steps)
    dX = np.stack([delta[t] @ U for t in steps])
    ds_0 = back[1]
    return locals()


def lstm(U, W, b, V, c, X, Y, s_0, C_0, weights, f, gate, head):
    """The LSTM (eq-lstm-lambda, eq-lstm-mu, eq-lstm-delta); blocks ι, φ, C̃, ψ."""
    T, B, m = Y.shape
    steps = range(1, T + 1)
    x, y, omega = padded(X), padded(Y), padded(weights[..., None])
    s = {0: s_0}
    C = {0: C_0}
    a, z, o, iota, phi, C_tilde, psi, shown = {}, {}, {}, {}, {}, {}, {}, {}
    for t in steps:
        a[t] = x[t] @ U.T + s[t - 1] @ W.T + b
        a_iota, a_phi, a_C, a_psi = np.split(a[t], 4, axis=-1)
        iota[t] = gate.f(a_iota)
        phi[t] = gate.f(a_phi)
        C_tilde[t] = f.f(a_C)
        psi[t] = gate.f(a_psi)
        C[t] = phi[t] * C[t - 1] + iota[t] * C_tilde[t]
        shown[t] = f.f(C[t])
        s[t] = psi[t] * shown[t]
        z[t] = s[t] @ V.T + c
        o[t] = head.g(z[t])
    L = sum((omega[t][:, 0] * head.loss(z[t], y[t])).sum() for t in steps)
    eps, lam, mu, delta = {}, {}, {T + 1: 0 * C_0}, {}
    back, carry = {T + 1: 0 * C_0}, {T + 1: 0 * C_0}
    for t in reversed(steps):
        eps[t] = omega[t] * head.epsilon(o[t], y[t])
        a_iota, a_phi, a_C, a_psi = np.split(a[t], 4, axis=-1)
        lam[t] = eps[t] @ V + back[t + 1]
        mu[t] = psi[t] * f.df(C[t], shown[t]) * lam[t] + carry[t + 1]
        d_iota = gate.df(a_iota, iota[t]) * C_tilde[t] * mu[t]
        d_phi = gate.df(a_phi, phi[t]) * C[t - 1] * mu[t]
        d_C = f.df(a_C, C_tilde[t]) * iota[t] * mu[t]
        d_psi = gate.df(a_psi, psi[t]) * shown[t] * lam[t]
        delta[t] = np.concatenate([d_iota, d_phi, d_C, d_psi], axis=-1)
        back[t] = delta[t] @ W
        carry[t] = phi[t] * mu[t]
    dU = sum(delta[t].T @ x[t] for t in steps)
    dW = sum(delta[t].T @ s[t - 1] for t in steps)
    db = sum(delta[t].sum(axis=0) for t in steps)
    dV = sum(eps[t].T @ s[t] for t in steps)
    dc = sum(eps[t].sum(axis=0) for t in steps)
    dX = np.stack([delta[t] @ U for t in steps])
    ds_0 = back[1]
    dC_0 = carry[1]
    return locals()


def gru(U, W, b, b_s, V, c, X, Y, s_0, weights, f, gate, head):
    """The GRU, PyTorch's variant (eq-gru-adjoint, eq-gru-delta-candidate, eq-gru-delta-u, eq-gru-delta-r); blocks r, u, s̃."""
    T, B, m = Y.shape
    steps = range(1, T + 1)
    x, y, omega = padded(X), padded(Y), padded(weights[..., None])
    W_r, W_u, W_s = np.split(W, 3)
    s = {0: s_0}
    z, o, a_r, a_u, a_s, r, u, s_tilde, beside = {}, {}, {}, {}, {}, {}, {}, {}, {}
    for t in steps:
        from_r, from_u, from_s = np.split(x[t] @ U.T + b, 3, axis=-1)
        a_r[t] = from_r + s[t - 1] @ W_r.T
        a_u[t] = from_u + s[t - 1] @ W_u.T
        r[t] = gate.f(a_r[t])
        u[t] = gate.f(a_u[t])
        beside[t] = s[t - 1] @ W_s.T + b_s
        a_s[t] = from_s + r[t] * beside[t]
        s_tilde[t] = f.f(a_s[t])
        s[t] = u[t] * s[t - 1] + (1 - u[t]) * s_tilde[t]
        z[t] = s[t] @ V.T + c
        o[t] = head.g(z[t])
    L = sum((omega[t][:, 0] * head.loss(z[t], y[t])).sum() for t in steps)
    eps, lam, back = {}, {}, {T + 1: 0 * s_0}
    d_r, d_u, d_s, d_beside, delta = {}, {}, {}, {}, {}
    for t in reversed(steps):
        eps[t] = omega[t] * head.epsilon(o[t], y[t])
        lam[t] = eps[t] @ V + back[t + 1]
        d_s[t] = f.df(a_s[t], s_tilde[t]) * (1 - u[t]) * lam[t]
        d_u[t] = gate.df(a_u[t], u[t]) * (s[t - 1] - s_tilde[t]) * lam[t]
        d_r[t] = gate.df(a_r[t], r[t]) * beside[t] * d_s[t]
        d_beside[t] = r[t] * d_s[t]
        back[t] = u[t] * lam[t] + d_r[t] @ W_r + d_u[t] @ W_u + d_beside[t] @ W_s
        delta[t] = np.concatenate([d_r[t], d_u[t], d_s[t]], axis=-1)
    dU = sum(delta[t].T @ x[t] for t in steps)
    dW_r = sum(d_r[t].T @ s[t - 1] for t in steps)
    dW_u = sum(d_u[t].T @ s[t - 1] for t in steps)
    dW_s = sum(d_beside[t].T @ s[t - 1] for t in steps)
    dW = np.concatenate([dW_r, dW_u, dW_s])
    db = sum(delta[t].sum(axis=0) for t in steps)
    db_s = sum(d_beside[t].sum(axis=0) for t in steps)
    dV = sum(eps[t].T @ s[t] for t in steps)
    dc = sum(eps[t].sum(axis=0) for t in steps)
    dX = np.stack([delta[t] @ U for t in steps])
    ds_0 = back[1]
    return locals()


def bidirectional(U_f, W_f, b_f, U_b, W_b, b_b, V, c, X, Y, s_f0, s_b0, weights, f, head):
    """Two simple networks, one from each end (eq-bidirectional-w-forward, eq-bidirectional-w-backward); V = [V_f V_b]."""
    T, B, m = Y.shape
    steps = range(1, T + 1)
    x, y, omega = padded(X), padded(Y), padded(weights[..., None])
    V_f, V_b = np.split(V, 2, axis=-1)
    s_f, s_b = {0: s_f0}, {T + 1: s_b0}
    a_f, a_b, s, z, o, eps = {}, {}, {}, {}, {}, {}
    for t in steps:
        a_f[t] = x[t] @ U_f.T + s_f[t - 1] @ W_f.T + b_f
        s_f[t] = f.f(a_f[t])
    for t in reversed(steps):
        a_b[t] = x[t] @ U_b.T + s_b[t + 1] @ W_b.T + b_b
        s_b[t] = f.f(a_b[t])
    for t in steps:
        s[t] = np.concatenate([s_f[t], s_b[t]], axis=-1)
        z[t] = s[t] @ V.T + c
        o[t] = head.g(z[t])
        eps[t] = omega[t] * head.epsilon(o[t], y[t])
    L = sum((omega[t][:, 0] * head.loss(z[t], y[t])).sum() for t in steps)
    lam_f, delta_f, lam_b, delta_b = {}, {}, {}, {}
    back_f, back_b = {T + 1: 0 * s_f0}, {0: 0 * s_b0, T + 1: 0 * s_b0}
    for t in reversed(steps):
        lam_f[t] = eps[t] @ V_f + back_f[t + 1]
        delta_f[t] = f.df(a_f[t], s_f[t]) * lam_f[t]
        back_f[t] = delta_f[t] @ W_f
    way_b = steps
    for t in way_b:
        lam_b[t] = eps[t] @ V_b + back_b[t - 1]
        delta_b[t] = f.df(a_b[t], s_b[t]) * lam_b[t]
        back_b[t] = delta_b[t] @ W_b
    dU_f = sum(delta_f[t].T @ x[t] for t in steps)
    dW_f = sum(delta_f[t].T @ s_f[t - 1] for t in steps)
    db_f = sum(delta_f[t].sum(axis=0) for t in steps)
    dU_b = sum(delta_b[t].T @ x[t] for t in steps)
    dW_b = sum(delta_b[t].T @ s_b[t + 1] for t in steps)
    db_b = sum(delta_b[t].sum(axis=0) for t in steps)
    dV = sum(eps[t].T @ s[t] for t in steps)
    dc = sum(eps[t].sum(axis=0) for t in steps)
    dX = np.stack([delta_f[t] @ U_f + delta_b[t] @ U_b for t in steps])
    ds_f0 = back_f[1]
    ds_b0 = back_b[T]
    return locals()
