"""The contestants: each makes, for a problem, a function to be timed and one that reads its answer.

``prepare(problem)`` converts the problem once and returns ``call, read``: ``call()`` computes the loss and all gradients
(for the parameters, the inputs and the initial state), ``read(call())`` is the answer of ``problem.answer``.
Neither conversion nor reading is timed. An outside library is imported when it is asked for, and may be absent.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from inspect import signature
from typing import NamedTuple

import numpy as np

from benchmarks import floor, textbook
from benchmarks.grid import goal
from benchmarks.problem import BLOCKS, MODULES, answer
from rnnlib import Workspace, chunked, interop, lstm, model


class Library(NamedTuple):
    """Something that finds the loss and all gradients: its name, the name of its column, its version, ``prepare``."""

    name: str
    title: str
    version: str
    prepare: Callable


class Limits(NamedTuple):
    """What a library is measured on: these kinds of network, at most so many steps, and so many bytes for all states."""

    kinds: tuple[str, ...]
    steps: float = float("inf")
    most: float = float("inf")


def ours():
    """rnnlib's ``model.loss_and_gradients``, with one workspace for all calls, as ``train.fit`` has it."""

    def prepare(problem):
        _, p, q, X, s_0, _, Y = problem
        kept = {"cell": MODULES[problem.cell.kind]} | workspace_for(model.loss_and_gradients)
        return (lambda: model.loss_and_gradients(p, q, X, Y, s_0, **kept)), lambda found: answer(*found)

    return Library("rnnlib", "rnnlib", version("rnnlib"), prepare)


def in_chunks():
    """rnnlib's ``chunked.loss_and_gradients``: one sequence, chunks of it side by side."""

    def prepare(problem):
        _, p, q, X, s_0, _, Y = problem
        work = Workspace()
        return (lambda: chunked.loss_and_gradients(p, q, X, Y, s_0, work=work)), lambda found: answer(*found[:5])

    return Library("chunks", "rnnlib in chunks", version("rnnlib"), prepare)


def workspace_for(function) -> dict:
    """``work=Workspace()`` if the function takes a workspace, else nothing."""
    return {"work": Workspace()} if "work" in signature(function).parameters else {}


def by_textbook():
    """Per-step NumPy code, see ``textbook``."""

    def prepare(problem):
        _, p, q, X, s_0, _, Y = problem
        return (lambda: textbook.loss_and_gradients(p, q, X, Y, s_0)), lambda found: answer(*found)

    return Library("textbook", "textbook NumPy", "", prepare)


def by_torch():
    """PyTorch: ``nn.RNN``, ``nn.LSTM`` or ``nn.GRU``, ``nn.functional.linear`` and ``cross_entropy`` on class labels, autograd."""
    import torch

    torch.set_num_threads(1)

    def prepare(problem):
        cell, p, q, X, s_0, labels, _ = problem
        module = interop.to_torch(p)
        V, c, X, *state = (torch.from_numpy(a.copy()).requires_grad_() for a in (*q, X, *_parts(s_0)))
        targets = torch.from_numpy(labels.reshape(-1))
        wanted = [*module.parameters(), V, c, X, *state]

        def call():
            start = [s[None] for s in state]
            S, _ = module(X, tuple(start) if cell.kind == "lstm" else start[0])
            z = torch.nn.functional.linear(S, V, c).reshape(-1, len(c))
            L = torch.nn.functional.cross_entropy(z, targets, reduction="sum")
            return L, torch.autograd.grad(L, wanted)

        def read(found):
            L, (dU, dW, db, db_hh, dV, dc, dX, *back) = found
            extra = [db_hh[-cell.h :].numpy()] if cell.kind == "gru" else []
            dp = type(p)(dU.numpy(), dW.numpy(), db.numpy(), *extra)
            return answer(L.item(), dp, type(q)(dV.numpy(), dc.numpy()), dX.numpy(), _state([b.numpy() for b in back]))

        return call, read

    return Library("torch", "PyTorch", torch.__version__, prepare)


def by_jax():
    """JAX: ``lax.scan``, ``value_and_grad`` and ``jit``; the inputs' and the output layer's products outside the scan.

    It is compiled when the problem is prepared; compiling is not timed.
    """
    import jax

    jax.config.update("jax_enable_x64", True)
    jnp = jax.numpy

    def loss(p, q, X, s_0, Y):
        (U, W, b), (V, c) = p, q

        def step(s, a):
            s = jnp.tanh(a + s @ W.T)
            return s, s

        _, S = jax.lax.scan(step, s_0, X @ U.T + b)
        return -(Y * jax.nn.log_softmax(S @ V.T + c)).sum()

    gradients = jax.jit(jax.value_and_grad(loss, argnums=(0, 1, 2, 3)))

    def prepare(problem):
        _, p, q, X, s_0, _, Y = problem
        given = jax.device_put((tuple(p), tuple(q), X, s_0, Y))
        compiled = gradients.lower(*given).compile()

        def read(found):
            L, (dp, dq, dX, back) = found
            return answer(L, type(p)(*dp), type(q)(*dq), dX, back)

        return (lambda: jax.block_until_ready(compiled(*given))), read

    return Library("jax", "JAX", jax.__version__, prepare)


def by_autograd():
    """HIPS autograd on the network written step after step; the inputs one by one, as a tuple."""
    import autograd.numpy as anp
    from autograd import value_and_grad

    def loss(parameters, xs, Y):
        U, W, b, V, c, s = parameters
        S = []
        for x in xs:
            s = anp.tanh(anp.dot(x, U.T) + anp.dot(s, W.T) + b)
            S.append(s)
        z = anp.dot(anp.concatenate(S), V.T) + c
        return anp.sum(anp.log(anp.sum(anp.exp(z), axis=1))) - anp.sum(z * Y)

    gradients = value_and_grad(lambda both, Y: loss(*both, Y))

    def prepare(problem):
        _, p, q, X, s_0, _, Y = problem
        given, flat = ((*p, *q, s_0), tuple(X)), Y.reshape(-1, Y.shape[-1])

        def read(found):
            L, ((dU, dW, db, dV, dc, back), dX) = found
            return answer(L, type(p)(dU, dW, db), type(q)(dV, dc), np.stack(dX), back)

        return (lambda: gradients(given, flat)), read

    return Library("autograd", "HIPS autograd", version("autograd"), prepare)


def own_products():
    """The floor: it has no answer, so ``read`` is None."""

    def prepare(problem):
        cell, p, q, X, *_ = problem
        rng = np.random.default_rng(1)
        call = floor.products(p, q, X, lambda *shape: rng.uniform(-1, 1, shape).astype(cell.dtype))
        return call, None

    return Library("floor", "own products", "", prepare)


EVERY = tuple(BLOCKS)
LIBRARIES = {
    "rnnlib": (ours, Limits(EVERY)),
    "chunks": (in_chunks, Limits(("rnn",))),
    "torch": (by_torch, Limits(EVERY)),
    "jax": (by_jax, Limits(("rnn",))),
    "autograd": (by_autograd, Limits(("rnn",), steps=100, most=2e7)),
    "textbook": (by_textbook, Limits(("rnn",), most=1e8)),
    "floor": (own_products, Limits(EVERY)),
}


def present() -> tuple[dict[str, Library], dict[str, str]]:
    """The libraries that can be imported, by name, and for the others the reason why not."""
    here, absent = {}, {}
    for name, (load, _) in LIBRARIES.items():
        try:
            here[name] = load()
        except ImportError as error:
            absent[name] = f"{error}"
    return here, absent


def measured_on(name: str, cell) -> bool:
    """Whether a library is measured on this cell of the grid; chunks of time where they have a goal."""
    if name == "chunks":
        return goal(cell).chunks is not None
    kinds, steps, most = LIBRARIES[name][1]
    return cell.kind in kinds and cell.T <= steps and cell.T * cell.B * cell.h * np.dtype(cell.dtype).itemsize <= most


def _parts(s_0):
    """The arrays of a state: two for an LSTM, else one."""
    return s_0 if isinstance(s_0, lstm.State) else (s_0,)


def _state(parts):
    """The state of these arrays."""
    return lstm.State(*parts) if len(parts) == 2 else parts[0]
