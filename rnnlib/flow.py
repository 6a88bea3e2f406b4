"""How much of a gradient flows how far back: Jacobians, their products, bounds, and each pair's contribution.

``jacobians``      J_t of every step of one sequence;
``cell_jacobians`` the same for any cell, row by row from its own way back;
``products``       Φ_{t,i} = J_t J_{t-1} ⋯ J_{i+1} for i = 0 … t;
``log_norms``      log ‖Φ_{t,t-k}‖₂ for k = 0 … t, the instrument by which the book measures every remedy;
``log_bounds``     what the singular values of the single Jacobians promise for it;
``eta``            γ ‖W‖₂, the bound that needs no trace;
``log_abs_det``    log |det J_t|;
``pairs``          δ_{t,i}, the effect of the loss of step t on a_i, for every pair i ≤ t;
``contributions``  how large each pair's term of dL/dU, dL/dW, dL/db is.

All are about one sequence.
Jacobians, products and pairs are exact where the numbers are (Fractions); norms and logarithms are floats.
"""

from __future__ import annotations

import numpy as np

from rnnlib import cells, rnn
from rnnlib._records import leaves, mapped
from rnnlib._validate import array, fields, made_by
from rnnlib.activations import activation


def jacobians(p, trace: rnn.Trace):
    """J_t = ∂s_t/∂s_{t-1} = D_t W (eq-one-step-j) for t = 1 … T.

    Parameters
    ----------
    p : rnn.Params, the same that made the trace.
    trace : rnn.Trace of one sequence.

    Returns
    -------
    (T, h, h); entry t - 1 is J_t.

    Raises
    ------
    ValueError
        If the trace is of a batch, or a shape does not fit.

    Examples
    --------
    >>> p = rnn.Params(U=np.ones((4, 3)), W=np.eye(4), b=np.zeros(4))
    >>> jacobians(p, rnn.forward(p, np.ones((5, 3)))).shape
    (5, 4, 4)
    """
    p, trace, _ = _one_sequence(p, trace)
    return trace.f.df(trace.A, trace.S[1:])[:, :, None] * p.W


def cell_jacobians(cell, p, X, s_0=None, f="tanh"):
    """The Jacobian of every step of any cell, of its new state with respect to the state before, for t = 1 … T.

    A row of a Jacobian is what the cell's own ``backward`` sends to the state before for one unit adjoint,
    so each step is run back in a batch of N copies, one for each entry of the state.
    For a GRU it is eq-gru-jacobian; for an LSTM, whose state is the pair (s_t, C_t), the four blocks about eq-lstm-mu.

    Parameters
    ----------
    cell : a cell that reads one way: ``rnn``, ``lstm``, ``gru``, a variant, or a stack of them.
    p : its parameters.
    X : (T, n), one sequence.
    s_0 : its initial state, (h,) each, or None for zeros.
    f : Activation, or its name.

    Returns
    -------
    (T, N, N), with N the number of entries of the state: h, or 2h for an LSTM, s first and C second.

    Raises
    ------
    ValueError
        If a shape does not fit, or the cell reads both ways.

    Examples
    --------
    >>> from rnnlib import lstm
    >>> p = lstm.Params(U=np.ones((16, 3)), W=np.ones((16, 4)), b=np.zeros(16))
    >>> cell_jacobians(lstm, p, np.ones((5, 3))).shape
    (5, 8, 8)
    """
    X, found = array("X", X, ("T", "n"), hint="Jacobians belong to one sequence"), []
    for x in X:
        s = getattr(cell.forward(p, x[None], s_0, f), "s_T", None)
        if s is None:
            raise ValueError(f"{cells.name(cell)} has no s_T: it reads both ways, so no step leads from state to state")
        ends = np.cumsum([len(part) for part in leaves(s).values()])
        units = iter(np.split(np.eye(ends[-1], dtype=int), ends[:-1], axis=1))
        unit = mapped(lambda part, units=units: next(units), s)
        copies = cell.forward(p, np.broadcast_to(x, (1, ends[-1], len(x))), s_0, f)
        back = cell.backward(p, copies, np.zeros(copies.S[1:].shape, int), unit).dL_ds_0
        found.append(np.concatenate([*leaves(back).values()], axis=-1))
        s_0 = s
    return np.stack(found)


def products(J, t: int | None = None):
    """Φ_{t,i} = J_t J_{t-1} ⋯ J_{i+1} for i = 0 … t, the identity at i = t.

    Parameters
    ----------
    J : (T, h, h), the Jacobians J_1 … J_T.
    t : the step to look back from; None for T.

    Returns
    -------
    (t + 1, h, h); entry i is Φ_{t,i}.

    Raises
    ------
    ValueError
        If the Jacobians are not square, or t is not from 0 to T.

    Examples
    --------
    >>> products(np.full((3, 1, 1), 2.0)).ravel()
    array([8., 4., 2., 1.])
    """
    J, t = _jacobians(J, t)
    found = [np.eye(J.shape[1], dtype=int).astype(J.dtype)]
    for j in range(t - 1, -1, -1):
        found.append(found[-1] @ J[j])
    return np.stack(found[::-1])


def log_norms(J, t: int | None = None):
    """log ‖Φ_{t,t-k}‖₂ for k = 0 … t, what k steps leave (eq-flow-bound).

    Natural logarithms.
    The product is scaled back to norm 1 after every factor, so it neither
    overflows nor underflows, however long the sequence.
    A product that is 0 gives -inf.

    Parameters
    ----------
    J, t : as for ``products``.

    Returns
    -------
    (t + 1,); entry k belongs to k steps back, entry 0 is log ‖I‖ = 0.

    Raises
    ------
    ValueError
        As for ``products``.

    References
    ----------
    Bengio, Simard and Frasconi (1994); Pascanu, Mikolov and Bengio (2013).

    Examples
    --------
    >>> log_norms(np.full((3, 1, 1), 2.0)) / np.log(2)
    array([0., 1., 2., 3.])
    """
    J, t = _jacobians(J, t)
    J = _inexact(J)
    product, found = np.eye(J.shape[1]), np.zeros(t + 1)
    for k in range(1, t + 1):
        product = product @ J[t - k]
        size = np.linalg.norm(product, 2)
        if size == 0:
            found[k:] = -np.inf
            break
        product, found[k] = product / size, found[k - 1] + np.log(size)
    return found


def log_bounds(J, t: int | None = None):
    """What the single Jacobians promise: Σ log σ_min(J_j) ≤ log ‖Φ_{t,t-k}‖₂ ≤ Σ log σ_max(J_j), over the last k.

    The lower one is eq-flow-lower.

    Parameters
    ----------
    J, t : as for ``products``.

    Returns
    -------
    lower, upper : (t + 1,) each, for k = 0 … t; -inf below a singular Jacobian.

    Raises
    ------
    ValueError
        As for ``products``.

    Examples
    --------
    >>> lower, upper = log_bounds(np.array([[[2.0, 0], [0, 0.5]]] * 3))
    >>> (lower / np.log(2)).round(9).tolist(), (upper / np.log(2)).round(9).tolist()
    ([0.0, -1.0, -2.0, -3.0], [0.0, 1.0, 2.0, 3.0])
    """
    J, t = _jacobians(J, t)
    values = np.linalg.svd(_inexact(J[:t][::-1]), compute_uv=False)
    with np.errstate(divide="ignore"):
        logs = np.log(values[:, [-1, 0]])
    lower, upper = np.vstack([np.zeros(2), np.cumsum(logs, axis=0)]).T
    return lower, upper


def eta(p, f="tanh") -> float:
    """η = γ ‖W‖₂, with γ the largest slope of f: no J_t is larger in norm, whatever the sequence (eq-flow-step).

    Parameters
    ----------
    p : rnn.Params.
    f : Activation, or its name.

    Raises
    ------
    ValueError
        If W is not square or the activation is unknown.

    References
    ----------
    Pascanu, Mikolov and Bengio (2013), section 2.1.

    Examples
    --------
    >>> eta(rnn.Params(U=np.ones((4, 3)), W=2 * np.eye(4), b=np.zeros(4)), "sigmoid")
    0.5
    """
    _, W, _ = fields("p", p, rnn.Params)
    W = array("W", W, ("h", "h"), hint="W must be square")
    return activation(f).slope * float(np.linalg.norm(_inexact(W), 2))


def log_abs_det(p, trace: rnn.Trace):
    """log |det J_t| = log |det W| + Σ_k log |f'(a_{t,k})| for t = 1 … T: how a step changes volumes.

    Parameters
    ----------
    p, trace : as for ``jacobians``.

    Returns
    -------
    (T,); -inf where a unit is flat or W is singular.

    Raises
    ------
    ValueError
        As for ``jacobians``.

    Examples
    --------
    >>> p = rnn.Params(U=np.ones((4, 3)), W=np.eye(4), b=np.zeros(4))
    >>> log_abs_det(p, rnn.forward(p, np.ones((5, 3)), f="identity"))
    array([0., 0., 0., 0., 0.])
    """
    p, trace, _ = _one_sequence(p, trace)
    slopes = _inexact(trace.f.df(trace.A, trace.S[1:]))
    with np.errstate(divide="ignore"):
        return np.linalg.slogdet(_inexact(p.W))[1] + np.log(np.abs(slopes)).sum(axis=1)


def pairs(p, trace: rnn.Trace, dL_dS):
    """δ_{t,i} = D_i Φ_{t,i}ᵀ Vᵀ ε_t, the effect of the loss of step t on a_i, for every pair i ≤ t (eq-flow-pairs).

    Summed over t they are the δ_i of ``rnn.backward``;
    δ_{t,i} s_{i-1}ᵀ is the pair's own term in dL/dW (eq-gradient-w-paths), δ_{t,i} x_iᵀ the one in dL/dU.

    Parameters
    ----------
    p, trace : as for ``jacobians``.
    dL_dS : (T, h), the direct effect Vᵀ ε_t of each state s_1 … s_T on its own step's loss.

    Returns
    -------
    (T, T, h); entry (t - 1, i - 1) is δ_{t,i}, and 0 where i > t.

    Raises
    ------
    ValueError
        If the trace is of a batch, or a shape does not fit.

    References
    ----------
    Pascanu, Mikolov and Bengio (2013), equation 4.

    Examples
    --------
    >>> p = rnn.Params(U=np.ones((4, 3)), W=np.eye(4), b=np.zeros(4))
    >>> pairs(p, rnn.forward(p, np.ones((5, 3))), np.ones((5, 4))).shape
    (5, 5, 4)
    """
    p, trace, dL_dS = _one_sequence(p, trace, dL_dS)
    T, slopes = len(dL_dS), trace.f.df(trace.A, trace.S[1:])
    found = np.zeros((T, T, len(p.b)), int).astype(dL_dS.dtype)
    adjoint = dL_dS  # row t: the effect of L_t on s_i, with i = t - k
    for k in range(T):
        late, early = np.arange(k, T), np.arange(T - k)
        found[late, early] = adjoint * slopes[early]
        adjoint = (found[late, early] @ p.W)[1:]
    return found


def contributions(p, trace: rnn.Trace, dL_dS) -> rnn.Params:
    """The size of each pair's own term in dL/dU, dL/dW and dL/db (eq-flow-contribution).

    A pair's term in dL/dW is the outer product δ_{t,i} s_{i-1}ᵀ,
    whose norm, Frobenius' and the 2-norm alike, is ‖δ_{t,i}‖ ‖s_{i-1}‖.

    Parameters
    ----------
    p, trace, dL_dS : as for ``pairs``.

    Returns
    -------
    rnn.Params of three (T, T) arrays; entry (t - 1, i - 1) belongs to the loss of step t and the use at step i.

    Raises
    ------
    ValueError
        As for ``pairs``.

    Examples
    --------
    >>> p = rnn.Params(U=np.ones((4, 3)), W=np.eye(4), b=np.zeros(4))
    >>> contributions(p, rnn.forward(p, np.ones((5, 3))), np.ones((5, 4))).W.shape
    (5, 5)
    """
    sizes = np.linalg.norm(_inexact(pairs(p, trace, dL_dS)), axis=2)
    inputs, states = (np.linalg.norm(_inexact(a), axis=1) for a in (trace.X, trace.S[:-1]))
    return rnn.Params(U=sizes * inputs, W=sizes * states, b=sizes)


def _one_sequence(p, trace, dL_dS=None):
    """The arguments as arrays of one dtype; a batch is refused."""
    X = made_by("trace", trace, rnn.Trace).X
    if X.ndim != 2:
        raise ValueError(
            f"trace is of a batch, its X has shape {X.shape}; Jacobians belong to one sequence: "
            "run forward on X[:, k] for the sequence k"
        )
    if dL_dS is None:
        dL_dS = np.zeros(trace.A.shape, int)
    p, trace, dL_dS, _ = rnn._inputs_back(p, trace, dL_dS, None)
    return p, trace, dL_dS


def _inexact(a):
    """Floats, which norms and logarithms need; complex numbers stay what they are."""
    return a if a.dtype.kind in "fc" else a.astype(float)


def _jacobians(J, t):
    J = array("J", J, ("T", "h", "h"), hint="the Jacobians J_1 … J_T of one sequence")
    t = len(J) if t is None else t
    if isinstance(t, bool) or not isinstance(t, (int, np.integer)) or not 0 <= t <= len(J):
        raise ValueError(f"t is {t!r}; it must be a step, an integer from 0 to T = {len(J)}")
    return J if J.dtype == object else _inexact(J), int(t)
