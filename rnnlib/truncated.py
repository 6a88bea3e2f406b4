"""Truncated back-propagation: gradients that leave out what reaches far back.

``window``      every loss reaches back over its last k steps: the pairs with t - i < k;
``chunked``     the sequence is cut into chunks of k steps, and nothing is sent back over a cut;
``chunk``       one such chunk for any cell, with the state carried into it: for sequences without an end;
``handed_on``   what step t+1 sends back to step t, multiplied by a given factor;
``randomised``  such factors at random, 0 or 1/keep, so that the mean over the draws is the whole gradient.

The first two and the last two take what ``rnn.backward`` takes, and return what it returns.
Their ``dL_dp`` is no gradient of the loss, unless nothing was left out.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from rnnlib import readout, rnn
from rnnlib._records import mapped
from rnnlib._validate import a_cell, alike, array, generator, rows
from rnnlib.activations import tanh
from rnnlib.losses import softmax_cross_entropy
from rnnlib.model import LossAndGradients
from rnnlib.workspace import Workspace, passing


class Chunk(NamedTuple):
    """What ``chunk`` returns: ``gradients`` of the chunk's own losses, and ``s_T``, the ``s_0`` of the next chunk."""

    gradients: LossAndGradients
    s_T: Any


def window_pairs(T: int, k: int) -> int:
    """How many pairs (t, i) a window of k steps keeps of T(T+1)/2: kT - k(k-1)/2, all of them if k ≥ T.

    Raises
    ------
    ValueError
        If T or k is not a positive integer.

    Examples
    --------
    >>> window_pairs(T=8, k=3)
    21
    """
    T = _length(T, "T")
    k = min(_length(k), T)
    return k * T - k * (k - 1) // 2


def chunk_pairs(T: int, k: int) -> int:
    """How many pairs (t, i) chunks of k steps keep: T(k+1)/2 if k divides T; a shorter last chunk of r keeps r(r+1)/2.

    Raises
    ------
    ValueError
        If T or k is not a positive integer.

    Examples
    --------
    >>> chunk_pairs(T=8, k=4)
    20
    """
    whole, rest = divmod(_length(T, "T"), _length(k))
    return whole * (k * (k + 1) // 2) + rest * (rest + 1) // 2


def window(p, trace: rnn.Trace, dL_dS, k: int) -> rnn.Gradients:
    """Only the pairs (t, i) with t - i < k (eq-truncated-window).

    δ_i = Σ_{t=i}^{min(i+k-1, T)} D_i Φ_{t,i}ᵀ Vᵀ ε_t,
    and from it the gradients as in ``rnn.backward``.
    All losses go back side by side, k times one step: O(k T h²).
    What is left out is bounded by eq-truncated-bias.

    Parameters
    ----------
    p, trace, dL_dS : as for ``rnn.backward``.
    k : how many steps each loss reaches, its own step included;
        k = 1 leaves the pairs i = t only.

    Returns
    -------
    rnn.Gradients; ``dL_ds_0`` has the losses of steps 1 … k only.
    With k ≥ T nothing is left out.

    Raises
    ------
    ValueError
        If k is not a positive integer, or as ``rnn.backward``.

    References
    ----------
    Williams and Peng (1990): BPTT(k).

    Examples
    --------
    >>> p = rnn.Params(U=np.ones((4, 3)), W=np.eye(4), b=np.zeros(4))
    >>> trace = rnn.forward(p, np.ones((5, 2, 3)))
    >>> window(p, trace, np.ones((5, 2, 4)), k=3).dL_dp.W.shape
    (4, 4)
    """
    _length(k)
    p, trace, adjoint, _ = rnn._inputs_back(p, trace, dL_dS, None)
    T, slopes = len(adjoint), trace.f.df(trace.A, trace.S[1:])
    delta = np.zeros(adjoint.shape, int).astype(adjoint.dtype)
    for lag in range(min(k, T)):
        now = adjoint * slopes[: T - lag]  # δ_{i+lag,i}, i = 1 … T - lag
        delta[: T - lag] += now
        adjoint = (now @ p.W)[1:]
    return _gradients(p, trace, delta, delta[0] @ p.W)


def chunked(p, trace: rnn.Trace, dL_dS, k: int) -> rnn.Gradients:
    """The sequence cut into chunks of k steps; the state goes over the cuts, the adjoint does not.

    ``rnn.backward`` on each chunk, with nothing coming back from the chunk after it; the sum of the parts.

    Parameters
    ----------
    p, trace, dL_dS : as for ``rnn.backward``.
    k : the length of the chunks; the last one may be shorter.

    Returns
    -------
    rnn.Gradients; ``dL_ds_0`` has the losses of the first chunk only. With k ≥ T nothing is left out.

    Raises
    ------
    ValueError
        If k is not a positive integer, or as ``rnn.backward``.

    References
    ----------
    Williams and Peng (1990): BPTT(k; k).

    Examples
    --------
    >>> p = rnn.Params(U=np.ones((4, 3)), W=np.eye(4), b=np.zeros(4))
    >>> chunked(p, rnn.forward(p, np.ones((5, 2, 3))), np.ones((5, 2, 4)), k=3).dL_dp.W.shape
    (4, 4)
    """
    _length(k)
    p, (X, A, S, f), dL_dS, _ = rnn._inputs_back(p, trace, dL_dS, None)
    parts = []
    for a in range(0, len(X), k):
        piece = rnn.Trace(X[a : a + k], A[a : a + k], S[a : a + k + 1], f)
        parts.append(rnn.backward(p, piece, dL_dS[a : a + k]))
    return rnn.Gradients(
        rnn.Params(*(sum(terms) for terms in zip(*(part.dL_dp for part in parts), strict=True))),
        np.concatenate([part.dL_dX for part in parts]),
        parts[0].dL_ds_0,
        np.concatenate([part.delta for part in parts]),
    )


def chunk(p, q, X, Y, s_0=None, *, cell=rnn, f=tanh, head=softmax_cross_entropy, weights=None, work=None) -> Chunk:
    """One chunk of a long sequence, for any cell: the state is carried in, no adjoint comes back.

    Called chunk after chunk, with each ``s_T`` as the next ``s_0``, it is ``chunked`` with the memory of one chunk.
    The parameters may be changed in between; the state is then that of the old parameters.

    Parameters
    ----------
    p, q, X, Y, s_0, cell, f, head, weights, work : as for ``model.loss_and_gradients``, for this chunk alone.

    Returns
    -------
    Chunk.

    Raises
    ------
    ValueError
        As ``model.loss_and_gradients``.

    Examples
    --------
    >>> p = rnn.Params(U=np.ones((4, 3)), W=np.eye(4), b=np.zeros(4))
    >>> q = readout.Params(V=np.ones((2, 4)), c=np.zeros(2))
    >>> first = chunk(p, q, np.ones((5, 3)), np.ones((5, 2)))
    >>> chunk(p, q, np.ones((5, 3)), np.ones((5, 2)), first.s_T).gradients.dL_dp.W.shape
    (4, 4)
    """
    work = work or Workspace()
    outside, inside = work.part("readout"), work.part("cell")
    trace = a_cell(cell).forward(p, X, s_0, f, **passing(cell.forward, inside))
    out = readout.forward(q, trace.S[1:], Y, head, weights, outside)
    dL_dq, dL_dS = readout.backward(q, out, outside)
    back = cell.backward(p, trace, dL_dS, **passing(cell.backward, inside))
    s_T = mapped(np.copy, trace.s_T)  # a view would be overwritten
    return Chunk(LossAndGradients(out.L, back.dL_dp, dL_dq, back.dL_dX, back.dL_ds_0), s_T)


def handed_on(p, trace: rnn.Trace, dL_dS, factors) -> rnn.Gradients:
    """``rnn.backward`` with what step t+1 sends back to step t multiplied by a factor w_t.

    λ_t = Vᵀ ε_t + w_t Wᵀ δ_{t+1}, so that the pair (t, i) counts w_i w_{i+1} ⋯ w_{t-1} times.
    All factors 1: the whole gradient. Factor 0 at t = k, 2k, …: ``chunked``.

    Parameters
    ----------
    p, trace, dL_dS : as for ``rnn.backward``.
    factors : (T - 1,) or (T - 1, B), w_1 … w_{T-1}.

    Returns
    -------
    rnn.Gradients.

    Raises
    ------
    ValueError
        If a shape does not fit or a number is not finite.

    Examples
    --------
    >>> p = rnn.Params(U=np.ones((4, 3)), W=np.eye(4), b=np.zeros(4))
    >>> handed_on(p, rnn.forward(p, np.ones((5, 3))), np.ones((5, 4)), [1, 0, 1, 1]).dL_dp.W.shape
    (4, 4)
    """
    p, trace, dL_dS, _ = rnn._inputs_back(p, trace, dL_dS, None)
    shape = (len(dL_dS) - 1, *dL_dS.shape[1:-1])
    factors = array("factors", factors, shape[:1], shape, hint="one for each step but the last")
    dL_dS, factors = alike({"dL_dS": dL_dS}, {"factors": factors})
    factors = factors.reshape(factors.shape + (1,) * (dL_dS.ndim - factors.ndim))
    delta = np.empty(dL_dS.shape, dL_dS.dtype)
    delta[...] = trace.f.df(trace.A, trace.S[1:])
    delta[-1] *= dL_dS[-1]
    for t in reversed(range(len(factors))):
        delta[t] *= dL_dS[t] + factors[t] * (delta[t + 1] @ p.W)
    return _gradients(p, trace, delta, delta[0] @ p.W)


def randomised(rng: np.random.Generator, p, trace: rnn.Trace, dL_dS, keep) -> rnn.Gradients:
    """Truncation at random places, without bias: the mean over the draws is ``rnn.backward``'s gradient.

    Between step t+1 and step t the adjoint is cut with the chance 1 - keep_t,
    and multiplied by 1/keep_t where it is not cut.
    The pair (t, i) then counts w_i ⋯ w_{t-1} times, independent factors of mean 1.

    Parameters
    ----------
    rng : numpy.random.Generator.
    p, trace, dL_dS : as for ``rnn.backward``.
    keep : a chance in (0, 1], or (T - 1,) chances keep_1 … keep_{T-1}.

    Returns
    -------
    rnn.Gradients; each sequence of a batch is cut at its own places.

    Raises
    ------
    ValueError
        If a chance is not in (0, 1], ``rng`` is no generator, or as ``rnn.backward``.

    References
    ----------
    Tallec and Ollivier (2017).

    Examples
    --------
    >>> p = rnn.Params(U=np.ones((4, 3)), W=np.eye(4), b=np.zeros(4))
    >>> rng = np.random.default_rng(0)
    >>> randomised(rng, p, rnn.forward(p, np.ones((5, 3))), np.ones((5, 4)), keep=0.5).dL_dp.W.shape
    (4, 4)
    """
    generator(rng)
    shape = np.shape(dL_dS)[:-1]
    steps = (max(shape[0] - 1, 0),) if shape else (0,)
    keep = array("keep", keep, (), steps, hint="one chance, or one for each step but the last").astype(float)
    if wrong := keep[~((keep > 0) & (keep <= 1))].tolist():
        raise ValueError(f"keep has the entry {wrong[0]}; it must be a chance above 0 and at most 1")
    keep = np.broadcast_to(keep, steps).reshape(*steps, *[1] * (len(shape) - 1))
    return handed_on(p, trace, dL_dS, (rng.random((*steps, *shape[1:])) < keep) / keep)


def _gradients(p, trace, delta, dL_ds_0):
    """All gradients from the δ of every step, as at the end of ``rnn.backward``."""
    every = rows(delta)
    dL_dp = rnn.Params(U=every.T @ rows(trace.X), W=every.T @ rows(trace.S[:-1]), b=every.sum(axis=0))
    return rnn.Gradients(dL_dp, (every @ p.U).reshape(trace.X.shape), dL_ds_0, delta)


def _length(k, name="k"):
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or k < 1:
        raise ValueError(f"{name} is {k!r}; it must be a number of steps, an integer of at least 1")
    return int(k)
