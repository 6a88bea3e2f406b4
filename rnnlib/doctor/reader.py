"""The reader's function: which arguments it wants, what it returns, and how it fails."""

from __future__ import annotations

import inspect
import re
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import NamedTuple

import numpy as np

from rnnlib import readout
from rnnlib._records import leaves, mapped
from rnnlib.doctor.points import Point, Problem

ORDER = ("p", "q", "X", "Y", "s_0", "weights")  # what a function with other names for its arguments is given
UNFILLED = "nothing is filled in yet: write your answer where the dots are, and run the cell again"
INNER = ("delta", "epsilon", "eps", "lam", "mu", "seams", "A", "S", "Z", "O")  # what a pass may return beside its gradients
INSTEAD = {  # what to do about a result that holds no gradients
    "NoneType": "is the return missing?",
    "generator": "write return in place of yield",
    "coroutine": "write def, not async def",
    "ndarray": 'give it a name, return {"W": …}',
}
_SAME = {"x": "X", "y": "Y", "s0": "s_0", "h0": "s_0", "h_0": "s_0", "c0": "C_0", "c_0": "C_0", "omega": "weights"}


class Call(NamedTuple):
    """How a function is called: by which names, and which of them go in by position."""

    positional: tuple[str, ...]
    named: dict[str, str]

    @property
    def gives(self) -> tuple[str, ...]:
        return (*self.positional, *self.named.values())


@dataclass(frozen=True)
class Observation:
    """What the reader's function did at one point.

    ``gradients`` by letter, with a batch axis where the point has one; empty if it failed.
    ``error`` says how it failed, or ``UNFILLED``; ``notes`` what else was seen; ``loss`` is None if it returned none.
    """

    gradients: dict
    loss: float | None = None
    error: str = ""
    notes: tuple[str, ...] = ()


def call_of(function, cell_letters) -> Call:
    """What a function is to be given, by the names of its arguments.

    Raises
    ------
    ValueError
        If it is no function, or needs arguments of which only some are known.
    """
    if inspect.isclass(function):
        raise ValueError(f"my_backward is the class {function.__name__}; it must be a function, or the method of an instance")
    if not callable(function):
        raise ValueError(f"my_backward is a {type(function).__name__}; it must be a function that returns gradients")
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # built in, without a signature
        return Call(ORDER[:5], {})
    known = {*ORDER, "dL_dS", "trace", *cell_letters}
    plain = [q for q in parameters if q.kind not in (q.VAR_POSITIONAL, q.VAR_KEYWORD)]
    names = {q.name: _SAME.get(q.name, q.name) for q in plain if _SAME.get(q.name, q.name) in known}
    needed = [q.name for q in plain if q.default is q.empty]
    strange = [name for name in needed if name not in names]
    if not needed and not names:
        return Call(ORDER[:5], {})
    if strange and len(strange) < len(needed) or len(strange) > len(ORDER):
        raise ValueError(
            f"my_backward needs {', '.join(map(repr, strange))}, which is not known here; "
            f"known arguments are: {', '.join(sorted(known))}; or give none of them these names, for {', '.join(ORDER)} in this order"
        )
    if strange:
        return Call(ORDER[: len(needed)], {})
    by_position = [names[q.name] for q in plain if q.kind is q.POSITIONAL_ONLY and q.name in names]
    return Call(tuple(by_position), {k: v for k, v in names.items() if v not in by_position})


def letters_given(call: Call, parameters, states) -> frozenset:
    """The letters of the network that reach the function, inside a record or alone."""
    inside = {"p": parameters, "q": ("V", "c"), "s_0": states, "trace": (*parameters, *states), "dL_dS": ("V", "c", "weights")}
    return frozenset(letter for name in call.gives for letter in (name, *inside.get(name, ())))


def observe(function, call: Call, point: Point, array=np.asarray) -> Observation:
    """Call the function at a point; whatever it raises becomes the observation's ``error``."""
    given = {name: _argument(name, point, call) for name in set(call.gives)}
    copies = {name: mapped(_converted(array), value) for name, value in given.items()}
    before = {name: mapped(_kept, value) for name, value in copies.items()}
    try:
        with np.errstate(all="ignore"):
            result = function(*(copies[k] for k in call.positional), **{k: copies[v] for k, v in call.named.items()})
    except (Exception, SystemExit) as failure:  # whatever the reader's code raises is an answer
        return Observation({}, error=_told(failure, function))
    try:
        gradients, loss = read(result, point.problem, call)
    except Exception as failure:
        return Observation({}, error=str(failure) or type(failure).__name__)
    written = [name for name, value in copies.items() if array is np.asarray and not _equal(value, before[name])]
    notes = [f"it writes to {name}, which its caller owns; let it work on a copy" for name in sorted(written)]
    notes += _unread(result, gradients, point.problem, call)
    if not point.batch:
        gradients = {k: v[:, None] if k == "X" else v[None] if k in _states(point.problem) else v for k, v in gradients.items()}
    if type(result) in (tuple, list) and any(a.shape != point.right[k].shape for k, a in gradients.items()):
        notes.append(f"a bare {type(result).__name__} is read in the order {', '.join(gradients)}; a dict says which is which")
    return Observation(gradients, loss, notes=tuple(notes))


def read(result, problem: Problem, call: Call) -> tuple[dict, float | None]:
    """Gradients by letter, and the loss if there is one, from whatever the function returned.

    Raises
    ------
    ValueError
        If there is no gradient in it.
    """
    loss = None
    if type(result) in (tuple, list) and len(result) == 2 and _number(result[0]):
        loss, result = as_array(result[0]), result[1]
    named = _named(result, problem, call)
    found = {}
    for name, value in named.items():
        letter = letter_of(name, problem)
        if letter == "L" and loss is None:
            loss = as_array(value)
        elif letter in problem.parts and value is not None and value is not ...:
            try:
                found[letter] = as_array(value)
            except ValueError as bad:
                raise ValueError(f"{name!r}: {bad}") from None
    if not found and any(value is ... for value in (result, *named.values())):
        raise ValueError(UNFILLED)
    if not found:
        kind = f"{type(result).__name__} with {', '.join(map(repr, named))}" if named else type(result).__name__
        if hasattr(result, "close"):
            result.close()  # a coroutine, which would warn that nobody waited for it
        instead = INSTEAD.get(type(result).__name__)
        needed = f"needed are gradients by name, such as {_example(problem)}" + (f": {instead}" if instead else "")
        raise ValueError(f"it returned a{'n' * (kind[0] in 'aeiou' or kind[:2] == 'nd')} {kind}; {needed}")
    return found, None if loss is None else float(np.real(loss).sum())


def _unread(result, gradients, problem, call) -> list[str]:
    """What of a result is not judged although it looks as if it should be, and what a bare tuple was taken for."""
    if type(result) in (tuple, list) and len(result) == 2 and _number(result[0]):
        result = result[1]
    named = _named(result, problem, call)
    lower = {part.lower(): part for part in problem.parts}
    notes = []
    for name, value in named.items():
        letter = letter_of(name, problem)
        if not letter and name.split(".")[-1] not in INNER:
            meant = lower.get(re.sub(r"^(dl_?/?d|grad_?|d_?)", "", name.lower()))
            notes.append(f"{name!r} is not judged: it is no letter of this network" + (f"; is 'd{meant}' meant?" if meant else ""))
        elif letter in problem.parts and value is None:
            notes.append(f"{name!r} is None, and not judged")
    wanted = [part for part in problem.kind.shapes if part in letters_given(call, problem.kind.shapes, ()) and part not in _states(problem)]
    left_out = [part for part in wanted if part not in gradients]
    if left_out and len(left_out) < len(wanted) / 2 and not notes:
        notes.append(f"not returned, and not judged: {', '.join(left_out)}")
    return notes


def letter_of(name: str, problem: Problem) -> str:
    """The letter that a name in the reader's result is about: "dL_dW", "grad_W", "dW", "p.W" and "W" are all W.

    Examples
    --------
    >>> from rnnlib import doctor
    >>> letter_of("dL_dp.W", doctor.points.problem("rnn"))
    'W'
    """
    letters = {*problem.parts, "L"}
    short = re.sub(r"^(dL_?/?d|∂L/∂)?(p|q)\.|^(params|grads|gradients|readout|cell)\.", "", name)
    for text in (short, re.sub(r"^(dL_?/?_?d_?|∂L/∂|grad_?|g_|d_?)(?=.)", "", short)):
        for candidate in (text, problem.kind.paths.get(text), _SAME.get(text), {"loss": "L"}.get(text)):
            if candidate in letters:
                return candidate
    return ""


def as_array(value):
    """A NumPy array of numbers from a NumPy, PyTorch or JAX array, or from lists.

    Raises
    ------
    ValueError
        If it holds no numbers.
    """
    for step in ("detach", "cpu"):
        value = getattr(value, step)() if hasattr(value, step) else value
    if str(getattr(value, "dtype", "")) == "torch.bfloat16":  # NumPy has no such numbers
        value = value.float()
    try:
        a = np.asarray(value)
    except ValueError:
        raise ValueError(f"it returned a {type(value).__name__} of rows of different lengths where an array of numbers is needed") from None
    try:
        return a if a.dtype.kind in "fc" else a.astype(float)
    except (TypeError, ValueError):
        raise ValueError(f"it returned a {type(value).__name__} of {a.dtype} where an array of numbers is needed") from None


def _argument(name, point, call):
    """The argument of that name; without the batch axis if the point has one sequence."""
    kind, values, axis = point.problem.kind, point.values, 1
    q = readout.Params(values["V"], values["c"])
    if name in ("p", "q"):
        return kind.p(values) if name == "p" else q
    if name in _states(point.problem) or name == "s_0":
        record = name == "s_0" and "C_0" not in call.gives  # with C_0 beside it, s_0 is the LSTM's s_0 alone
        value, axis = kind.s_0(values) if record else values[name], 0
    elif name in kind.shapes:
        return values[name]
    elif name in ("trace", "dL_dS"):
        value = kind.cell.forward(kind.p(values), values["X"], kind.s_0(values), point.problem.f)
        if name == "dL_dS":
            out = readout.forward(q, value.S[1:], values["Y"], point.problem.head, values["weights"])
            value = readout.backward(q, out).dL_dS
    else:
        value = values[name].argmax(axis=-1) if name == "Y" and point.problem.targets == "labels" else values[name]
    return value if point.batch else mapped(lambda v: v.take(0, axis) if isinstance(v, np.ndarray) else v, value)


def _states(problem):
    return tuple(letter for letter, axes in problem.kind.shapes.items() if axes[0] == "B")


def _converted(array):
    return lambda value: array(value.copy()) if isinstance(value, np.ndarray) else value


def _kept(value):
    return value.copy() if isinstance(value, np.ndarray) else value


def _equal(one, other):
    ours, theirs = leaves(one), leaves(other)
    return all(np.array_equal(v, theirs[k]) for k, v in ours.items() if isinstance(v, np.ndarray))


def _named(result, problem, call):
    """{name: value}: a mapping or a record, several of them, or bare arrays in their order."""
    if type(result) not in (tuple, list):
        return _flat(result)
    if any(_items(value) is not None for value in result):
        return {k: v for value in result for k, v in _flat(value).items()}
    return dict(zip(_in_order(problem, call, len(result)), result))


def _flat(result, prefix=""):
    """{name: value} from mappings and records within mappings and records."""
    found = {}
    for key, value in _items(result) or ():
        name = f"{prefix}{key}"
        found |= {name: value} if _items(value) is None else _flat(value, name + ".")
    return found


def _items(value):
    """Names and values of a mapping or a record, else None."""
    if isinstance(value, Mapping):
        return value.items()
    if hasattr(value, "_fields"):
        return zip(value._fields, value, strict=True)
    return ((f.name, getattr(value, f.name)) for f in fields(value)) if is_dataclass(value) else None


def _in_order(problem, call, count):
    """The letters that a bare sequence of gradients is about: those the function was given, or all."""
    states = _states(problem)
    own = [name for name in call.gives if name in problem.parts and name not in ("X", *states)]
    every = [letter for letter in problem.kind.shapes if letter not in states]
    return own if len(own) == count else [*every, "X", *states][:count]


def _number(value):
    return _items(value) is None and value is not None and np.ndim(as_array(value)) == 0


def _example(problem):
    return "{" + ", ".join(f"'{k}': …" for k in problem.parts[:3]) + "}"


def _told(failure, function):
    """The exception in one line, with the line of the reader's code that it came from."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    inside = (frame for frame, _ in traceback.walk_tb(failure.__traceback__) if frame.f_code is code)
    if any(value is ... for frame in inside for value in frame.f_locals.values()):  # dots that were calculated with
        return UNFILLED
    frames = traceback.extract_tb(failure.__traceback__)
    own = [frame for frame in frames if code is not None and frame.filename == code.co_filename]
    where = f", at line {own[-1].lineno}: {own[-1].line}" if own and own[-1].line else ""
    text = " ".join(str(failure).split())
    return f"{type(failure).__name__}: {text}{where}" if text else f"{type(failure).__name__}{where}"
