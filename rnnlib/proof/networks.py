r"""The networks that equations can be about: what their letters mean, and how rnnlib's own functions run them.

A ``Network`` is run at a *point* (``rnnlib.proof.points``): it takes its parameters, inputs and states from the point and hands every
quantity that has a letter back to it, so that the point can watch it, move it by an infinitesimal, or give it a symbol.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, partial

import numpy as np

from rnnlib import bidirectional, gru, lstm, other_ways, readout, rnn

READOUT = {"V": "mh", "c": "m"}
READOUT_LETTERS = ("V", "c", "V_f", "V_b")
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
    lengths : the T at which it is unrolled with symbolic sizes; three steps tell all that four do, and gates make many terms.
    backwards : states and inner letters of a cell that reads from the last step to the first.
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
    backwards: tuple = ()
    lengths: tuple = (1, 2, 3, 4)

    @cached_property
    def vocabulary(self) -> dict:
        """{letter: (how many subscripts are times, the ranges of its axes)}."""
        timed = dict.fromkeys((*self.states, *self.inner, *self.adjoints), (1, "h"))
        return {**{k: (0, axes) for k, axes in self.parameters.items()}, **OUTSIDE, **timed, **self.extra}

    def span(self, letter, T) -> tuple[int, int]:
        """The first and the last time of a letter; a state has one before its first step."""
        before = letter in self.states
        return (1, T + before) if letter in self.backwards else (1 - before, T)

    @cached_property
    def recurrent(self) -> tuple:
        """The parameters that act at many steps on the same state."""
        return tuple(k for k in self.parameters if k not in READOUT_LETTERS)


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


def _back(at, backward, p, q, trace):
    """The readout's gradients and the cell's, by the functions for whole sequences."""
    out = readout.forward(q, trace.S[1:], at.Y, at.head, at.weights)
    dL_dq, dL_dS = readout.backward(q, out)
    return dL_dq, backward(p, trace, dL_dS)


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
    dL_dq, back = _back(at, rnn.backward, p, q, rnn.forward(p, at.X, at.initial["s"], at.functions["f"]))
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

LSTM_GATES = (r"\iota", r"\phi", r"\tilde{C}", r"\psi")  # input, forget, candidate, output: the order of the blocks
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
        iota, phi, candidate, psi = LSTM_GATES
        f = at.activation("f", [(candidate, f"a_{candidate}"), (SHOWN, "C")], t)
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
    dL_dq, back = _back(at, lstm.backward, p, q, trace)
    return {**_gated_gradients(LSTM_GATES, dL_dq, back), ("s", 0): back.dL_ds_0.s, ("C", 0): back.dL_ds_0.C}


def _gated_gradients(gates, dL_dq, back):
    """{letter or (letter, t): gradient} of the stacked parameters and pre-activations, one for each gate."""
    found = dL_dq._asdict()
    for letter in "UWb":
        found |= _split_gates(gates, letter, getattr(back.dL_dp, letter))
    for t, (d, dx) in enumerate(zip(back.delta, back.dL_dX), 1):
        found |= {(k, t): v for k, v in _split_gates(gates, "a", d).items()} | {("x", t): dx}
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
    lengths=(1, 2, 3),
)  # fmt: skip


# -- GRU -------------------------------------------------------------------------------------------------------------

GRU_GATES = ("r", "u", r"\tilde{s}")  # reset, update, candidate: the order of the blocks


def _gru_params(at, t=None):
    stacked = (np.concatenate([at.parameter(f"{k}_{g}", t) for g in GRU_GATES]) for k in "UWb")
    return gru.Params(*stacked, at.parameter("b_s", t))


def _gru(name, reset, update):
    """The GRU with its reset gate after or before the product, and its update gate keeping or replacing."""
    variant = {"reset": reset, "update": update}

    def run(at):
        s = at.start("s")
        for t in at.span:
            p, x, s_prev = _gru_params(at, t), at.input(t), s
            f = at.activation("f", [(GRU_GATES[2], f"a_{GRU_GATES[2]}")], t)
            gate = at.activation(r"\sigma", [(g, f"a_{g}") for g in GRU_GATES[:2]], t)
            a, s = gru.step(p, x, s_prev, f, gate, **variant)
            for letter, part in _split_gates(GRU_GATES, "a", a).items():
                at.keep(letter, t, part)
            s = at.keep("s", t, s)
            at.step(x, s_prev, a, s)
            _readout(at, t, s)

    def by_steps(at):
        class cell:
            step_back = staticmethod(partial(gru.step_back, gate=at.opaque(r"\sigma"), **variant))

        def split(letter, v):
            return {letter: v} if letter == "b_s" else _split_gates(GRU_GATES, letter, v)

        return _by_steps(at, cell, _gru_params(at), split, [f"a_{g}" for g in GRU_GATES])

    def whole(at):
        cell, q = gru.variant(**variant), readout.Params(at.parameter("V"), at.parameter("c"))
        p = _gru_params(at)
        trace = gru.forward(p, at.X, at.initial["s"], at.functions["f"], at.functions[r"\sigma"], **variant)
        dL_dq, back = _back(at, cell.backward, p, q, trace)
        return {**_gated_gradients(GRU_GATES, dL_dq, back), ("s", 0): back.dL_ds_0, "b_s": back.dL_dp.b_s}

    made = [*(f"a_{g}" for g in GRU_GATES), *GRU_GATES]
    return Network(
        name=name,
        parameters={**_gated(GRU_GATES, {"U": "hn", "W": "hh", "b": "h"}), "b_s": "h", **READOUT},
        states=("s",),
        inner=tuple(made),
        adjoints={r"\lambda": "s", **{rf"\delta_{g}": f"a_{g}" for g in GRU_GATES}},
        run=run,
        by_steps=by_steps,
        whole=whole,
        activations=("f", r"\sigma"),
        functions={
            **{f"d{k}_{g}": "rnnlib.gru.backward" for g in GRU_GATES for k in "UWb"},
            **{rf"\delta_{g}": "rnnlib.gru.backward" for g in GRU_GATES},
            **dict.fromkeys(("dx", "ds", "db_s"), "rnnlib.gru.backward"),
            **dict.fromkeys(("dV", "dc"), "rnnlib.readout.backward"),
            **dict.fromkeys(("s", *made), "rnnlib.gru.step"), "z": "rnnlib.readout.step",
        },
        lengths=(1, 2, 3),
    )  # fmt: skip


# -- bidirectional ---------------------------------------------------------------------------------------------------


def _direction(at, d, t=None):
    return rnn.Params(*(at.parameter(f"{k}_{d}", t) for k in "UWb"))


def _both(at, t=None):
    """The readout of both directions: V = [V_f V_b]."""
    return readout.Params(np.concatenate([at.parameter("V_f", t), at.parameter("V_b", t)], axis=-1), at.parameter("c", t))


def _run_bidirectional(at):
    states = {}
    for d, span in (("f", at.span), ("b", reversed(at.span))):
        s = at.start(f"s_{d}")
        for t in span:
            x, s_prev = at.input(t), s
            a, s = rnn.step(_direction(at, d, t), x, s_prev, at.activation("f", [(f"s_{d}", f"a_{d}")], t))
            at.step(x, s_prev, a, s)
            at.keep(f"a_{d}", t, a)
            s = states[d, t] = at.keep(f"s_{d}", t, s)
    for t in at.span:
        at.output(t, readout.step(_both(at, t), np.concatenate([states["f", t], states["b", t]], axis=-1)))


def _bidirectional_by_steps(at):
    T, errors, found = at.T, at.errors(), {}
    for d, steps, times in (("f", at.steps[:T], range(1, T + 1)), ("b", at.steps[T:], range(T, 0, -1))):
        direct = [errors[t - 1] @ at.parameter(f"V_{d}") for t in times]
        deltas, terms, dL_dX, dL_ds = other_ways.back_through(rnn, _direction(at, d), steps, direct, at.opaque("f"))
        found |= {f"{k}_{d}": v for k, v in terms._asdict().items()}
        found |= {(f"a_{d}", t): v for t, v in zip(times, deltas)}
        for t, v in zip(times, dL_dX):
            found["x", t] = v + found.get(("x", t), 0)
        found[f"s_{d}", 0 if d == "f" else T + 1] = dL_ds
        q = readout.Params(at.parameter(f"V_{d}"), at.parameter("c"))
        out = [readout.step_back(q, k.s, errors[t - 1])[0] for k, t in zip(steps, times)]
        found |= {f"V_{d}": sum(k.V for k in out), "c": sum(k.c for k in out)}
    return found


def _bidirectional_whole(at):
    p, q, h = bidirectional.Params(_direction(at, "f"), _direction(at, "b")), _both(at), at.sizes["h"]
    trace = bidirectional.forward(rnn, p, at.X, bidirectional.State(at.initial["s_f"], at.initial["s_b"]), at.functions["f"])
    dL_dq, back = _back(at, bidirectional.backward, p, q, trace)
    found = {"V_f": dL_dq.V[:, :h], "V_b": dL_dq.V[:, h:], "c": dL_dq.c}
    found |= {("s_f", 0): back.dL_ds_0.forward, ("s_b", at.T + 1): back.dL_ds_0.backward}
    for d, terms, delta in (("f", back.dL_dp.forward, back.delta.forward), ("b", back.dL_dp.backward, back.delta.backward)):
        found |= {f"{k}_{d}": v for k, v in terms._asdict().items()} | {(f"a_{d}", t): v for t, v in enumerate(delta, 1)}
    return found | {("x", t): v for t, v in enumerate(back.dL_dX, 1)}


_DIRECTIONS = [f"{k}_{d}" for d in "fb" for k in "UWb"]
BIDIRECTIONAL = Network(
    name="bidirectional",
    parameters={**_gated("fb", {"U": "hn", "W": "hh", "b": "h"}), "V_f": "mh", "V_b": "mh", "c": "m"},
    states=("s_f", "s_b"),
    inner=("a_f", "a_b"),
    adjoints={r"\lambda_f": "s_f", r"\lambda_b": "s_b", r"\delta_f": "a_f", r"\delta_b": "a_b"},
    run=_run_bidirectional,
    by_steps=_bidirectional_by_steps,
    whole=_bidirectional_whole,
    activations=("f",),
    functions={
        **{f"d{k}": "rnnlib.bidirectional.backward" for k in (*_DIRECTIONS, "x", "s_f", "s_b")},
        **{k: "rnnlib.bidirectional.backward" for k in (r"\delta_f", r"\delta_b")},
        **dict.fromkeys(("dV_f", "dV_b", "dc"), "rnnlib.readout.backward"),
        **dict.fromkeys(("a_f", "a_b", "s_f", "s_b"), "rnnlib.bidirectional.forward"), "z": "rnnlib.readout.step",
    },
    backwards=("s_b", "a_b"),
)  # fmt: skip

NETWORKS = {
    network.name: network
    for network in (
        RNN, LSTM, BIDIRECTIONAL,
        _gru("gru", "after", "keep"), _gru("gru_before", "before", "keep"), _gru("gru_replace", "after", "replace"),
    )
}  # fmt: skip
