"""A point at which no mistake can hide, and ways to differentiate there that know no gradient of rnnlib's.

All sizes differ and none is 1, T >= 3, s_0 is not 0, W is not symmetric, all biases and weights are random,
and the targets are soft with sums that are not 1.
"""

from __future__ import annotations

from fractions import Fraction
from functools import partial
from typing import NamedTuple

import numpy as np

from rnnlib import model, other_ways, readout, rnn

SIZES = dict(T=6, B=2, n=3, h=5, m=4)
NAMES = ("U", "W", "b", "V", "c", "X", "s_0")


class Point(NamedTuple):
    """The arguments of the loss, in one record: parameters of cell and readout, data, weights over time."""

    U: np.ndarray
    W: np.ndarray
    b: np.ndarray
    V: np.ndarray
    c: np.ndarray
    X: np.ndarray
    s_0: np.ndarray
    Y: np.ndarray
    weights: np.ndarray

    @property
    def p(self):
        return rnn.Params(self.U, self.W, self.b)

    @property
    def q(self):
        return readout.Params(self.V, self.c)

    def loss(self, f="tanh", head="softmax_cross_entropy"):
        return model.loss(self.p, self.q, self.X, self.Y, self.s_0, f=f, head=head, weights=self.weights)

    def gradients(self, f="tanh", head="softmax_cross_entropy"):
        """What rnnlib says, by name."""
        g = model.loss_and_gradients(
            self.p, self.q, self.X, self.Y, self.s_0, f=f, head=head, weights=self.weights
        )
        return dict(zip(NAMES, (*g.dL_dp, *g.dL_dq, g.dL_dX, g.dL_ds_0), strict=True))

    def of_dtype(self, dtype):
        return Point(*(a.astype(dtype) for a in self))


def shapes(T, B, n, h, m):
    """The shapes of a Point's arrays; B = 0 for a single sequence."""
    batch = (B,) if B else ()
    return Point(
        U=(h, n), W=(h, h), b=(h,), V=(m, h), c=(m,),
        X=(T, *batch, n), s_0=(*batch, h), Y=(T, *batch, m), weights=(T, *batch),
    )  # fmt: skip


def generic(rng, **sizes):
    """Random floats everywhere, drawn again until no pre-activation is near a kink; targets and weights positive."""
    while True:
        point = _drawn(rng, sizes)
        if far_from_kinks(point, "relu") and far_from_kinks(point, "hard_tanh"):
            return point


def _drawn(rng, sizes):
    point = Point(*(rng.normal(size=shape) for shape in shapes(**(SIZES | sizes))))
    return point._replace(
        W=point.W / len(point.b) ** 0.5,
        Y=rng.uniform(0.1, 1.5, point.Y.shape),
        weights=rng.uniform(0.2, 2, point.weights.shape),
    )


def exact(rng, **sizes):
    """Fractions everywhere: quarters from -1 to 1, and no 0."""
    sizes = dict(T=4, B=2, n=2, h=3, m=2) | sizes
    return Point(*(fractions(rng, shape) for shape in shapes(**sizes)))


def fractions(rng, shape):
    a = np.empty(shape, dtype=object)
    a.flat = [Fraction(int(k), 4) for k in rng.choice([-4, -3, -2, -1, 1, 2, 3, 4], size=a.size)]
    return a


def states_and_effects(point, f, head):
    """The trace of the cell and dL/ds of every state's own step: what ``rnn.backward`` is given."""
    trace = rnn.forward(point.p, point.X, point.s_0, f)
    out = readout.forward(point.q, trace.S[1:], point.Y, head, point.weights)
    return trace, readout.backward(point.q, out).dL_dS


def far_from_kinks(point, f, by=1e-3):
    """Whether no pre-activation is within ``by`` of 0 or ±1, where relu and hard_tanh have their kinks."""
    A = rnn.forward(point.p, point.X, point.s_0, f).A
    return min(np.abs(A - kink).min() for kink in (-1, 0, 1)) > by


def complex_step(point, loss):
    """dL of every entry from one complex evaluation each: no difference is taken, so nothing cancels."""
    return _entry_by_entry(point.of_dtype(complex), lambda at: loss(at(1e-30j)).imag / 1e-30)


def central_difference(point, loss, step=1e-5):
    """(L(θ + step) - L(θ - step)) / 2 step for every entry."""
    return _entry_by_entry(point, lambda at: (loss(at(step)) - loss(at(-step))) / (2 * step))


def _entry_by_entry(point, derivative):
    found = {name: np.empty(getattr(point, name).shape) for name in NAMES}
    for name, gradient in found.items():
        for index in np.ndindex(gradient.shape):
            gradient[index] = derivative(partial(_moved, point, name, index))
    return found


def _moved(point, name, index, step):
    value = getattr(point, name).copy()
    value[index] += step
    return point._replace(**{name: value})


def error(have, want):
    """max|have - want| / max|want|, the largest over the names; entries that nearly cancel count no more."""
    assert have.keys() == want.keys()
    for name in want:
        assert have[name].shape == want[name].shape, name
    return max(float(np.abs(have[name] - want[name]).max() / (np.abs(want[name]).max() or 1)) for name in want)


def same(have, want):
    """Whether two records of gradients are equal, number by number; None, not computed, equals anything."""
    if isinstance(want, tuple):
        return len(have) == len(want) and all(same(u, v) for u, v in zip(have, want, strict=True))
    return have is None or (have.shape == want.shape and bool((have == want).all()))


WAYS = {
    "by_steps": other_ways.by_steps,
    "sum_over_paths": other_ways.sum_over_paths,
    "sum_over_paths_from_scratch": lambda *args: other_ways.sum_over_paths(*args, share_products=False),
    "real_time": other_ways.real_time,
}
