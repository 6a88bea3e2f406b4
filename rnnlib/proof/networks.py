r"""The networks that equations can be about: what their letters mean, and how rnnlib's own functions run them.

A ``Network`` is run at a *point* (``rnnlib.proof.points``): it takes its parameters, inputs and states from the point and hands every
quantity that has a letter back to it, so that the point can watch it, move it by an infinitesimal, or give it a symbol.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from rnnlib import lstm, other_ways, readout, rnn

READOUT = {"V": "mh", "c": "m"}
OUTSIDE = {
    "x": (1, "n"), "z": (1, "m"), "o": (1, "m"), "y": (1, "m"), "L": (1, ""), r"\omega": (1, ""), r"\varepsilon": (1, "m"),
}  # fmt: skip


@dataclass(frozen=True)
class Network:
    """A cell with its readout.

    Attributes
    ----------
    name : what ``check(network=…)`` finds it by.
    parameters : {letter: ranges of its axes}, cell and readout.
    states : the letters carried from step to step, the output of the cell first; all are h long.
    inner : the other letters of a step, h long.
    adjoints : {letter: the quantity that it is the derivative of the loss by}.
    run : runs it at a point.
    by_steps : {letter or (letter, t): gradient} by the cell's ``step_back``, at a point that has been run.
    whole : the same by the cell's ``forward`` and ``backward`` over the whole sequence.
    activations : the names of its activation functions in formulas.
    functions : {letter or derivative of L by letter: the rnnlib function that computes it}, for the evidence.
    extra : further letters, {letter: (number of times, ranges)}, that the points know how to make.
    """

    name: str
    parameters: dict
    states: tuple
    inner: tuple
    adjoints: dict
    run: Callable
    by_steps: Callable
    whole: Callable
    activations: tuple
    functions: dict
    extra: dict = field(default_factory=dict)

    @property
    def vocabulary(self) -> dict:
        """{letter: (how many subscripts are times, the ranges of its axes)}."""
        timed = dict.fromkeys((*self.states, *self.inner, *self.adjoints), (1, "h"))
        return {**{k: (0, axes) for k, axes in self.parameters.items()}, **OUTSIDE, **timed, **self.extra}

    @property
    def recurrent(self) -> tuple:
        """The parameters that act at many steps on the same state."""
        return tuple(k for k in self.parameters if k not in READOUT)


def _readout(at, t, s):
    at.output(t, readout.step(readout.Params(at.parameter("V", t), at.parameter("c", t)), s))


def _readout_terms(at, states):
    """dL/dV and dL/dc by the readout's ``step_back``."""
    q = readout.Params(at.parameter("V"), at.parameter("c"))
    terms = [readout.step_back(q, s, e)[0] for s, e in zip(states, at.errors())]
    return {"V": sum(k.V for k in terms), "c": sum(k.c for k in terms)}


def _by_steps(at, cell, params, split=lambda name, v: {name: v}, pre=("a",)):
    """Gradients by ``cell.step_back`` composed over the steps that the point has kept."""
    q = readout.Params(at.parameter("V"), at.parameter("c"))
    direct = [e @ q.V for e in at.errors()]
    deltas, terms, dL_dX, dL_ds_0 = other_ways.back_through(cell, params, at.steps, direct, at.opaque("f"))
    found = {}
    for name, v in terms._asdict().items():
        found |= split(name, v)
    for t, (d, dx) in enumerate(zip(deltas, dL_dX), 1):
        found |= {(k, t): v for k, v in zip(pre, split("a", d).values())}
        found[("x", t)] = dx
    pair = isinstance(dL_ds_0, tuple)  # the state of an LSTM
    found |= {(k, 0): v for k, v in (dL_ds_0._asdict() if pair else {"s": dL_ds_0}).items()}
    outputs = [k.s.s if pair else k.s for k in at.steps]
    return {**found, **_readout_terms(at, outputs)}


# -- the simple network ----------------------------------------------------------------------------------------------


def _run_rnn(at):
    s = at.start("s")
    for t in at.span:
        p = rnn.Params(*(at.parameter(k, t) for k in "UWb"))
        x, s_prev = at.input(t), s
        a, s = rnn.step(p, x, s_prev, at.activation("f", [("s", "a")], t))
        at.step(x, s_prev, a, s)
        at.keep("a", t, a)
        s = at.keep("s", t, s)
        _readout(at, t, s)


def _rnn_by_steps(at):
    return _by_steps(at, rnn, rnn.Params(*(at.parameter(k) for k in "UWb")))


def _rnn_whole(at):
    p, q = rnn.Params(*(at.parameter(k) for k in "UWb")), readout.Params(at.parameter("V"), at.parameter("c"))
    trace = rnn.forward(p, at.X, at.initial["s"], at.functions["f"])
    out = readout.forward(q, trace.S[1:], at.Y, at.head, at.weights)
    dL_dq, dL_dS = readout.backward(q, out)
    back = rnn.backward(p, trace, dL_dS)
    found = {**back.dL_dp._asdict(), **dL_dq._asdict(), ("s", 0): back.dL_ds_0}
    found |= {("x", t): v for t, v in enumerate(back.dL_dX, 1)}
    return found | {("a", t): v for t, v in enumerate(back.delta, 1)}


RNN = Network(
    name="rnn",
    parameters={"U": "hn", "W": "hh", "b": "h", **READOUT},
    states=("s",),
    inner=("a",),
    adjoints={r"\lambda": "s", r"\delta": "a"},
    run=_run_rnn,
    by_steps=_rnn_by_steps,
    whole=_rnn_whole,
    activations=("f",),
    functions={
        **dict.fromkeys(("dU", "dW", "db", "dx", "ds", r"\delta"), "rnnlib.rnn.backward"),
        **dict.fromkeys(("dV", "dc"), "rnnlib.readout.backward"),
        "a": "rnnlib.rnn.step", "s": "rnnlib.rnn.step", "z": "rnnlib.readout.step",
    },
    extra={"D": (1, "hh"), "J": (1, "hh"), r"\Phi": (2, "hh"), "M": (1, ""), r"\gamma": (0, ""), r"\eta": (0, "")},
)  # fmt: skip


# -- LSTM ------------------------------------------------------------------------------------------------------------

LSTM_GATES = (r"\iota", r"\phi", r"\kappa", r"\psi")  # input, forget, candidate, output: the order of the blocks
SHOWN = "f(C)"  # the value f(C_t), which has no letter of its own


def _stacked(at, record, letters, gates, t=None):
    return record(*(np.concatenate([at.parameter(f"{k}_{g}", t) for g in gates]) for k in letters))


def _split_gates(gates, name, v):
    """{U_ι: …, U_φ: …, …} from a stacked array: rows for parameters, columns for pre-activations."""
    parts = np.split(v, len(gates), axis=-1 if name == "a" else 0)
    return {f"{name}_{g}": part for g, part in zip(gates, parts)}


def _run_lstm(at):
    state = lstm.State(at.start("s"), at.start("C"))
    for t in at.span:
        p, x, before = _stacked(at, lstm.Params, "UWb", LSTM_GATES, t), at.input(t), state
        iota, phi, kappa, psi = LSTM_GATES
        f = at.activation("f", [(kappa, f"a_{kappa}"), (SHOWN, "C")], t)
        gate = at.activation(r"\sigma", [(g, f"a_{g}") for g in (iota, phi, psi)], t)
        a, state = lstm.step(p, x, before, f, gate)
        for name, part in _split_gates(LSTM_GATES, "a", a).items():
            at.keep(name, t, part)
        C, s = at.keep("C", t, state.C), at.keep("s", t, state.s)
        state = lstm.State(s, C)
        at.step(x, before, a, state)
        _readout(at, t, s)


def _lstm_by_steps(at):
    class cell:
        step_back = staticmethod(partial(lstm.step_back, gate=at.opaque(r"\sigma")))

    split = partial(_split_gates, LSTM_GATES)
    return _by_steps(at, cell, _stacked(at, lstm.Params, "UWb", LSTM_GATES), split, [f"a_{g}" for g in LSTM_GATES])


def _lstm_whole(at):
    p, q = _stacked(at, lstm.Params, "UWb", LSTM_GATES), readout.Params(at.parameter("V"), at.parameter("c"))
    trace = lstm.forward(p, at.X, lstm.State(at.initial["s"], at.initial["C"]), at.functions["f"], at.functions[r"\sigma"])
    out = readout.forward(q, trace.S[1:], at.Y, at.head, at.weights)
    dL_dq, dL_dS = readout.backward(q, out)
    back = lstm.backward(p, trace, dL_dS)
    found = {**dL_dq._asdict(), ("s", 0): back.dL_ds_0.s, ("C", 0): back.dL_ds_0.C}
    for name, v in back.dL_dp._asdict().items():
        found |= _split_gates(LSTM_GATES, name, v)
    for t, (d, dx) in enumerate(zip(back.delta, back.dL_dX), 1):
        found |= {(k, t): v for k, v in _split_gates(LSTM_GATES, "a", d).items()} | {("x", t): dx}
    return found


def _gated(gates, letters):
    return {f"{k}_{g}": axes for g in gates for k, axes in letters.items()}


LSTM = Network(
    name="lstm",
    parameters={**_gated(LSTM_GATES, {"U": "hn", "W": "hh", "b": "h"}), **READOUT},
    states=("s", "C"),
    inner=(*(f"a_{g}" for g in LSTM_GATES), *LSTM_GATES),
    adjoints={r"\lambda": "s", r"\mu": "C", **{rf"\delta_{g}": f"a_{g}" for g in LSTM_GATES}},
    run=_run_lstm,
    by_steps=_lstm_by_steps,
    whole=_lstm_whole,
    activations=("f", r"\sigma"),
    functions={
        **{f"d{k}_{g}": "rnnlib.lstm.backward" for g in LSTM_GATES for k in "UWb"},
        **{rf"\delta_{g}": "rnnlib.lstm.backward" for g in LSTM_GATES},
        **dict.fromkeys(("dx", "ds", "dC"), "rnnlib.lstm.backward"),
        **dict.fromkeys(("dV", "dc"), "rnnlib.readout.backward"),
        **dict.fromkeys(("C", "s", *LSTM_GATES, *(f"a_{g}" for g in LSTM_GATES)), "rnnlib.lstm.step"), "z": "rnnlib.readout.step",
    },
)  # fmt: skip

NETWORKS = {network.name: network for network in (RNN, LSTM)}
