"""Growth: time against the number of steps and against the number of units, with fitted exponents.

Five ways to one gradient, that of U, W and b of a simple network for one sequence, in float64:

``adjoint``            ``rnn.backward``;
``double sum``         each loss goes back on its own, as a row: one product of a row with a matrix for each pair (t, i);
``Jacobian products``  the same with Φ_{t,i} as a matrix: one product of matrices for each pair;
``from scratch``       the double sum with the whole product multiplied anew for each pair;
``real time``          ``other_ways.real_time``.

They must agree before anything is timed. The double sum differs from ``other_ways.sum_over_paths`` in that it
does not write out the Kronecker products x_tᵀ ⊗ D_t and s_{t-1}ᵀ ⊗ D_t, which cost more than all else.
An exponent is the slope of the least-squares line through (log size, log seconds) over the upper half of the sizes.
"""

from __future__ import annotations

from functools import partial, reduce
from pathlib import Path

import numpy as np

from benchmarks import machine, measure
from benchmarks.problem import Disagreement, difference
from rnnlib import other_ways, rnn
from rnnlib.proof import cost

N, H, T_FEW = 4, 16, 8  # inputs; units where T grows; steps where h grows
OVER_T = {
    "adjoint": (256, 512, 1024, 2048, 4096, 8192),
    "real time": (32, 64, 128, 256, 512, 1024),
    "double sum": (64, 128, 256, 512, 1024),
    "Jacobian products": (32, 64, 128, 256, 512),
    "from scratch": (32, 64, 96, 128, 192, 256),
}
OVER_H = {"adjoint": (64, 128, 256, 512, 1024), "real time": (8, 16, 32, 64, 96)}
HEADLINE = {"T": 512, "h": 32}  # here the adjoint is compared with the double sum


def double_sum(p, trace, dL_dS):
    """δ_i = Σ_{t ≥ i} of ε_tᵀ V J_t ⋯ J_{i+1} D_i, every row extended by one factor as i falls: O(T² h²)."""
    J, slopes, delta = jacobians(p, trace)
    for t, row in enumerate(dL_dS):
        for i in range(t, -1, -1):
            delta[i] += row * slopes[i]
            row = row @ J[i]
    return outer(p, trace, delta)


def jacobian_products(p, trace, dL_dS):
    """The same with Φ_{t,i} = J_t ⋯ J_{i+1} as a matrix: O(T² h³)."""
    J, slopes, delta = jacobians(p, trace)
    for t, direct in enumerate(dL_dS):
        Phi = np.eye(len(p.b))
        for i in range(t, -1, -1):
            delta[i] += direct @ Phi * slopes[i]
            Phi = Phi @ J[i]
    return outer(p, trace, delta)


def from_scratch(p, trace, dL_dS):
    """The same with every row multiplied anew by J_t, …, J_{i+1}: O(T³ h²)."""
    J, slopes, delta = jacobians(p, trace)
    for t, direct in enumerate(dL_dS):
        for i in range(t + 1):
            delta[i] += reduce(np.matmul, J[t:i:-1], direct) * slopes[i]
    return outer(p, trace, delta)


def jacobians(p, trace):
    """All J_t = D_t W, the diagonals of all D_t, and room for δ."""
    slopes = trace.f.df(trace.A, trace.S[1:])
    return [slope[:, None] * p.W for slope in slopes], slopes, np.zeros_like(slopes)


def outer(p, trace, delta):
    """The gradients from δ."""
    dL_dp = type(p)(delta.T @ trace.X, delta.T @ trace.S[:-1], delta.sum(axis=0))
    return rnn.Gradients(dL_dp, delta @ p.U, delta[0] @ p.W, delta)


WAYS = {
    "adjoint": rnn.backward,
    "real time": other_ways.real_time,
    "double sum": double_sum,
    "Jacobian products": jacobian_products,
    "from scratch": from_scratch,
}
LITERAL = {"sum over paths": other_ways.sum_over_paths}


def run(folder: Path, say=print, quick: bool = False) -> Path:
    """Check that the ways agree, measure them, fit the exponents; returns the file that was written.

    Raises
    ------
    Disagreement
        If two ways differ by more than rounding.
    """
    compare()
    show = machine.progress_line()
    facts = machine.describe() | {"part": "growth", "n": N, "h": H, "T": T_FEW}
    say(f"Seconds against T at n = {N}, h = {H} and against h at n = {N}, T = {T_FEW}; one sequence, float64")
    over_T = {name: curve(name, sizes[:-2] if quick else sizes, lambda T: (T, N, H), show) for name, sizes in OVER_T.items()}
    over_h = {name: curve(name, sizes[:-2] if quick else sizes, lambda h: (T_FEW, N, h), show) for name, sizes in OVER_H.items()}
    for letter, curves in (("T", over_T), ("h", over_h)):
        for name, (sizes, seconds, power) in curves.items():
            say(f"  {name:18} {letter}^{power:.2f}   " + "  ".join(f"{k}: {1e3 * s:.3g} ms" for k, s in zip(sizes, seconds, strict=True)))
    show("adjoint against the double sum")
    both = headline(HEADLINE | ({"T": 64} if quick else {}))
    show(None)
    say(f"  T = {both['T']}, h = {both['h']}: the adjoint is {both['ratio']:.0f} times as fast as the double sum")
    file = machine.file_for(folder, facts)
    machine.write(file, facts | {"over_T": over_T, "over_h": over_h, "headline": both, "quick": quick})
    say(f"Written: {file}")
    return file


def compare(T: int = 12, n: int = 3, h: int = 5):
    """The gradients of all ways on one problem."""
    task = cost.problem(T, n, h)
    expected = rnn.backward(*task).dL_dp
    for name, way in (WAYS | LITERAL).items():
        for letter, found, wanted in zip("UWb", way(*task).dL_dp, expected, strict=True):
            if not difference(found, wanted) <= 1e-10:
                raise Disagreement(f"{name} and rnn.backward disagree about {letter}; nothing was timed")


def curve(name: str, sizes, size, show) -> tuple:
    """(sizes, seconds, exponent) of one way; ``size(k)`` is (T, n, h)."""
    seconds = []
    for k in sizes:
        show(f"growth: {name} at {k}")
        one = partial(WAYS[name], *cost.problem(*size(k)))
        seconds.append(cost.median_seconds({name: one}, rounds=3 if name == "from scratch" else 5)[name])
    show(None)
    upper = slice(len(sizes) // 2, None) if len(sizes) > 3 else slice(None)
    return list(sizes), seconds, cost.exponent(sizes[upper], seconds[upper])


def headline(at: dict) -> dict:
    """How many times as long as the adjoint the double sum takes, measured in turn."""
    task = cost.problem(at["T"], N, at["h"])
    samples = measure.interleaved({name: partial(WAYS[name], *task) for name in ("adjoint", "double sum")})
    seconds = {name: measure.seconds(taken) for name, taken in samples.items()}
    return at | {"seconds": seconds, "ratio": seconds["double sum"] / seconds["adjoint"]}
