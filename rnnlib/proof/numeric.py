"""Derivatives measured in numbers: the complex step and the central difference."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def complex_step(fn: Callable, x, step: float = 1e-30) -> np.ndarray:
    """The gradient of a real-valued ``fn`` at ``x``, entry by entry: Im fn(x + i·step) / step.

    Nothing is subtracted, so nothing cancels and the step can be far below rounding.
    ``fn`` must accept complex arrays and use neither ``abs`` nor conjugation (Squire and Trapp 1998).

    Returns an array of x's shape.

    Examples
    --------
    >>> complex_step(lambda x: (x**3).sum(), np.array([1.0, 2.0]))
    array([ 3., 12.])
    """
    x = np.asarray(x)
    out = np.empty(x.shape)
    for k in np.ndindex(x.shape):
        moved = x.astype(complex)
        moved[k] += 1j * step
        out[k] = _scalar(fn(moved)).imag / step
    return out


def central_difference(fn: Callable, x, step: float = 1e-5) -> np.ndarray:
    """The gradient of ``fn`` at ``x``, entry by entry: (fn(x + step) − fn(x − step)) / (2·step).

    Its error is about step²/6 · |fn'''| from truncation plus u·|fn| / step from rounding, u = 1.1e-16 in float64.

    Returns an array of x's shape.

    Examples
    --------
    >>> central_difference(lambda x: (x**2).sum(), np.array([3.0])).round(6)
    array([6.])
    """
    x = np.asarray(x, dtype=float)
    out = np.empty(x.shape)
    for k in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[k] += step
        down[k] -= step
        out[k] = (_scalar(fn(up)) - _scalar(fn(down))).real / (2 * step)
    return out


def relative_error(approx, exact) -> float:
    """max |approx − exact| / max |exact|: the error of the whole array, so that small entries are not blamed for rounding in large ones.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    approx, exact = np.asarray(approx), np.asarray(exact)
    if approx.shape != exact.shape:
        raise ValueError(f"the gradients have shapes {approx.shape} and {exact.shape}; they must be the same")
    scale = np.max(np.abs(exact))
    return float(np.max(np.abs(approx - exact)) / (scale if scale else 1))


def _scalar(value):
    value = np.asarray(value)
    if value.size != 1:
        raise ValueError(f"the function returned shape {value.shape}; a gradient needs a single number")
    return value.reshape(())[()]
