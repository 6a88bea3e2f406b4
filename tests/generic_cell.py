"""Networks of any cells at a point at which no mistake can hide: drawn, differentiated, compared.

A network is written as a cell (``lstm``, ``gru.variant("before")``, …), as ``both(one, other)`` for two directions,
or as ``layers(one, other, …)``, nested as one likes. Every size is its own, and nothing is zero or symmetric.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from rnnlib import activation, bidirectional, cells, gru, lstm, model, other_ways, readout, rnn, stacked
from rnnlib._records import leaves, mapped


class Both(NamedTuple):
    """Two directions, and what ``bidirectional.cell`` is to be told."""

    forward: Any
    backward: Any
    options: dict


class Layers(NamedTuple):
    """Layers, from the bottom up."""

    of: tuple


def both(forward, backward=None, **options):
    return Both(forward, backward or forward, options)


def layers(*of):
    return Layers(of)


class Network(NamedTuple):
    """The arguments of the loss; ``p``, ``q``, ``X`` and ``s_0`` are what it is differentiated by."""

    cell: Any
    p: Any
    q: Any
    X: Any
    s_0: Any
    Y: Any
    weights: Any
    f: Any = "tanh"
    head: Any = "squared_error"

    def loss(self):
        return model.loss(
            self.p, self.q, self.X, self.Y, self.s_0, cell=self.cell, f=self.f, head=self.head, weights=self.weights
        )

    def gradients(self):
        """What rnnlib says, by the place of every array."""
        g = model.loss_and_gradients(
            self.p, self.q, self.X, self.Y, self.s_0, cell=self.cell, f=self.f, head=self.head, weights=self.weights
        )
        return variables(g.dL_dp, g.dL_dq, g.dL_dX, g.dL_ds_0)

    def variables(self):
        """The arrays that the loss is differentiated by, by their place."""
        return variables(self.p, self.q, self.X, self.s_0)

    def with_all(self, function):
        """The network with ``function`` of every array."""
        p, q, X, s_0, Y, weights = (mapped(function, part) for part in self[1:7])
        return self._replace(p=p, q=q, X=X, s_0=s_0, Y=Y, weights=weights)

    def of_dtype(self, dtype):
        return self.with_all(lambda a: a.astype(dtype))

    def trace(self):
        return self.cell.forward(self.p, self.X, self.s_0, self.f)

    def effects(self, trace):
        """dL/ds of every state's own step."""
        out = readout.forward(self.q, trace.S[1:], self.Y, self.head, self.weights)
        return readout.backward(self.q, out).dL_dS


def variables(p, q, X, s_0):
    return leaves((p, q, X, s_0))


class Built(NamedTuple):
    """A cell with parameters and initial state; ``out`` is the size of what it shows."""

    cell: Any
    p: Any
    s_0: Any
    out: int


def build(spec, draw, n, h, batch):
    """A network's cell, drawn; ``draw(*shape)`` makes an array."""
    if isinstance(spec, Both):
        one, other = build(spec.forward, draw, n, h, batch), build(spec.backward, draw, n, h + 1, batch)
        return Built(
            bidirectional.cell(one.cell, other.cell, **spec.options),
            bidirectional.Params(one.p, other.p),
            bidirectional.State(one.s_0, other.s_0),
            one.out + other.out,
        )
    if isinstance(spec, Layers):
        made = []
        for part in spec.of:
            made.append(build(part, draw, n, h, batch))
            n, h = made[-1].out, h - 1
        return Built(
            stacked.cell(*(part.cell for part in made)),
            tuple(part.p for part in made),
            stacked.States(part.s_0 for part in made),
            made[-1].out,
        )
    kind = cells.name(spec).split()[0]
    blocks, Params = {"rnn": (1, rnn.Params), "lstm": (4, lstm.Params), "gru": (3, gru.Params)}[kind]
    shapes = [(blocks * h, n), (blocks * h, h), (blocks * h,), (h,)][: len(Params._fields)]
    s_0 = lstm.State(draw(*batch, h), draw(*batch, h)) if kind == "lstm" else draw(*batch, h)
    return Built(spec, Params(*(draw(*shape) for shape in shapes)), s_0, h)


def network(spec, draw, T=6, B=2, n=3, h=5, m=4, **rest):
    """A network with every array drawn; B = 0 for a single sequence."""
    batch = (B,) if B else ()
    cell, p, s_0, out = build(spec, draw, n, h, batch)
    q = readout.Params(draw(m, out), draw(m))
    return Network(cell, p, q, draw(T, *batch, n), s_0, draw(T, *batch, m), draw(T, *batch), **rest)


def floats(rng, spec, **sizes):
    """A network of random floats, matrices on the scale 1/√columns, targets and weights over time positive."""
    net = network(spec, lambda *shape: rng.normal(size=shape) / (shape[-1] ** 0.5 if len(shape) == 2 else 1), **sizes)
    return net._replace(weights=rng.uniform(0.2, 2, net.weights.shape), Y=rng.uniform(0.1, 1.5, net.Y.shape))


def complex_step(net):
    """dL of every entry of every variable, from one complex evaluation each."""
    at, found = net.of_dtype(complex), {}
    for name, a in at.variables().items():
        found[name] = np.empty(a.shape)
        for index in np.ndindex(a.shape):
            kept, a[index] = a[index], a[index] + 1e-30j
            found[name][index] = at.loss().imag / 1e-30
            a[index] = kept
    return found


def by_steps(net, dL_dS, dL_ds_T=0):
    """``cell.backward`` by unrolling ``cell.step``: dL_dp, dL_dX, dL_ds_0."""
    if net.X.ndim == 2:
        raise ValueError("by_steps is for batches")
    f = activation(net.f)
    steps = other_ways.unroll(net.cell, net.p, list(net.X), net.s_0, f)
    deltas, dL_dp, dL_dX, dL_ds_0 = other_ways.back_through(net.cell, net.p, steps, list(dL_dS), f, dL_ds_T)
    delta = mapped(lambda *one: np.stack(one), *deltas)
    return steps, (dL_dp, np.stack(dL_dX), dL_ds_0, delta)


def equal(one, other):
    """Whether two records hold the same numbers in the same places."""
    one, other = leaves(one), leaves(other)
    return one.keys() == other.keys() and all(
        one[k].shape == other[k].shape and bool((one[k] == other[k]).all()) for k in one
    )
