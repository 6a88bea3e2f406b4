"""Tasks whose best loss is known: which network is trained on which of them, what it sees, and how far back it is taught.

Three ways in which a network can be kept from a part of the past, or of the future:
it is not *shown* more than the last steps (``sees``), it reads in *one direction* (``cell``),
or it is shown everything and the *gradient* is truncated (``back``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from rnnlib import bidirectional, data, gru, initialise, lstm, model, optimise, rnn, stacked, truncated
from rnnlib.cells import Cell
from rnnlib.tasks.task import Problem, Promise, Task, falling_adam


class Settings(NamedTuple):
    """One training: ``kind`` is a key of ``KINDS``, ``cell`` one of ``CELLS``.

    ``T`` and ``more`` are the arguments of the task; ``sees`` is how many of the last steps the network is shown, None for all;
    ``back`` truncates the gradient to a window of so many steps (simple network only), None leaves it whole.
    An epoch has ``batches`` batches of ``B`` sequences, drawn anew each time; ``tested`` sequences are drawn for the score.
    ``falls`` lets the rate fall to a hundredth, which quietens the end of a training.
    """

    kind: str
    cell: str
    T: int
    more: tuple = ()
    sees: int | None = None
    back: int | None = None
    h: int = 16
    B: int = 32
    batches: int = 20
    epochs: int = 20
    rate: float = 0.03
    falls: bool = True
    tested: int = 1000
    seed: int = 0


class Kind(NamedTuple):
    """A kind of task: how it is drawn to learn from and for the test, its output head, its floor without memory, its unit.

    ``unit`` is by what the loss is multiplied for the score: 2 turns ½(z − y)² into the squared error.
    """

    draw: Callable
    test: Callable
    head: str
    floor: Callable
    unit: float = 1.0


def _no_memory_of_copying(T, symbols=8, length=10):
    return length * np.log(symbols) / (T + 2 * length)


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "add-delay": Kind(
            data.add_delay, partial(data.add_delay, drawn=False), "sigmoid_cross_entropy",
            lambda T: data.floor(data.add_delay_chances()),
        ),
        "xor": Kind(
            data.xor_of_neighbours, data.xor_of_neighbours, "sigmoid_cross_entropy",
            lambda T: data.floor([[0, 1], [1, 0]], seen=[0]),
        ),
        "adding": Kind(data.adding, data.adding, "squared_error", lambda T: 1 / 6, unit=2.0),
        "copying": Kind(data.copying, data.copying, "softmax_cross_entropy", _no_memory_of_copying),
    }
)  # fmt: skip


def _simple(rng, n, h):
    return initialise.uniform_rnn(rng, n, h)._replace(W=initialise.orthogonal(rng, h, h))


def _both(rng, n, h):
    return bidirectional.Params(_simple(rng, n, h // 2), _simple(rng, n, h // 2))


def _two_layers(rng, n, h):
    return _both(rng, n, h), _simple(rng, h, h)


_BOTH = bidirectional.cell(rnn)

#: The cells by name, each with its first values; all show h states to the readout.
CELLS: Mapping[str, Any] = MappingProxyType(
    {
        "rnn": (rnn, _simple),
        "gru": (gru, initialise.orthogonal_gru),
        "lstm": (lstm, initialise.orthogonal_lstm),
        "both directions": (_BOTH, _both),
        "both, second layer": (stacked.cell(_BOTH, rnn), _two_layers),
    }
)


def truncated_cell(k: int) -> Cell:
    """The simple network, its gradient truncated to a window of k steps.

    ``forward`` carries the state as ever.
    """

    def backward(p, trace, dL_dS, dL_ds_T=None):
        return truncated.window(p, trace, dL_dS, k)

    name = f"rnn truncated to {k}"
    return Cell(name, rnn.step, rnn.step_back, rnn.forward, backward)


def prepare(settings: Settings) -> Problem:
    """Sequences drawn anew for every batch, a network, and the floor of one without memory.

    The score is the loss on ``tested`` other sequences, in the task's unit.

    Raises
    ------
    ValueError
        If ``back`` is given for another cell than the simple one, or a size will not do.
    """
    kind, (cell, first) = KINDS[settings.kind], CELLS[settings.cell]
    if settings.back is not None:
        if cell is not rnn:
            raise ValueError(f"back is {settings.back} for the cell {settings.cell!r}; only 'rnn' has a truncated gradient here")
        cell = truncated_cell(settings.back)

    def shown(task):
        """The last steps alone, if the network is not to see more."""
        if settings.sees is None:
            return tuple(task)
        return task.X[-settings.sees :], task.Y[-settings.sees :], task.weights[-settings.sees :]

    def drawn(draw, rng, B):
        return shown(draw(rng, settings.T, B, *settings.more))

    tested = drawn(kind.test, np.random.default_rng([settings.seed, settings.tested]), settings.tested)
    rng = np.random.default_rng(settings.seed)
    n, m = tested[0].shape[-1], tested[1].shape[-1]
    p, q = first(rng, n, settings.h), initialise.uniform_readout(rng, settings.h, m)

    def batches(rng):
        for _ in range(settings.batches):
            yield drawn(kind.draw, rng, settings.B)

    def scores(p, q):
        X, Y, weights = tested
        L = model.loss(p, q, X, Y, cell=cell, head=kind.head, weights=weights)
        return {"network": kind.unit * float(L) / settings.tested}

    falling = falling_adam(settings.rate, settings.epochs * settings.batches)
    optimiser = falling if settings.falls else partial(optimise.adam, rate=settings.rate)
    options = dict(
        cell=cell, head=kind.head, optimiser=optimiser, clip=1.0,
        epochs=settings.epochs, seed=settings.seed,
    )  # fmt: skip
    return Problem(p, q, batches, options, scores, {"floor": float(kind.floor(settings.T, *settings.more))}, tested)


#: The trainings of the page, by what is tried.
_ADD_DELAY = Settings("add-delay", "rnn", T=30, h=8, batches=10, epochs=100, rate=0.01, falls=False, tested=1000)
ADD_DELAY = MappingProxyType({k: _ADD_DELAY._replace(back=k) for k in (3, 4, 9, None)})
XOR = MappingProxyType(
    {
        name: Settings("xor", name, T=12, batches=10, epochs=20)
        for name in ("rnn", "both directions", "both, second layer")
    }
)
ADDING = MappingProxyType({cell: Settings("adding", cell, T=40) for cell in ("rnn", "gru", "lstm")})
HALF_BLIND = Settings("adding", "gru", T=40, sees=20)
COPYING = MappingProxyType(
    {
        "2 symbols, 3 to copy, 10 steps": Settings("copying", "gru", T=10, more=(2, 3)),
        "8 symbols, 10 to copy, 30 steps": Settings("copying", "gru", T=30, epochs=10),
    }
)

TASKS = (
    Task(
        "add-delay", "floors", "which of two delayed bits does it use?", prepare,
        _ADD_DELAY, _ADD_DELAY._replace(cell="gru", h=16, epochs=150, rate=0.02, falls=True), (Promise("network", "<", 0.46),),
    ),
    Task(
        "xor", "floors", "the xor of both neighbours?", prepare,
        XOR["both, second layer"], XOR["both, second layer"]._replace(epochs=60), (Promise("network", "<", 0.01),),
    ),
    Task(
        "adding", "floors", "the sum of two marked numbers?", prepare,
        ADDING["lstm"], ADDING["lstm"]._replace(T=100, h=32, epochs=100, rate=0.02), (Promise("network", "<", 0.01),),
    ),
    Task(
        "copying", "floors", "what was shown before the gap?", prepare,
        next(iter(COPYING.values())), Settings("copying", "gru", T=20, more=(4, 5), h=32, epochs=120, rate=0.02),
        (Promise("network", "<", "floor"), Promise("network", "<", 0.02)),
    ),
)  # fmt: skip
