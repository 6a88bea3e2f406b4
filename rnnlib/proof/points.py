r"""Where an equation is evaluated: the letters of the book, given their meaning by running rnnlib.

Every point runs a network of ``rnnlib.proof.networks``, that is rnnlib's own ``step`` functions and an output head, unmodified, and knows
the *true* derivative of any quantity with respect to any other by differentiating that run, never by a formula of the book:

``SymbolicPoint``  sizes are letters, activations and the loss are opaque; derivatives by the chain rule on symbols;
``ArrayPoint``     numbers, either mod p (dual numbers, exact) or floating point (complex step).

``library`` gives what rnnlib's own gradient code says, to be compared with both.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache

import numpy as np

from rnnlib import activations, losses, other_ways, readout
from rnnlib.activations import Activation
from rnnlib.proof import shapes
from rnnlib.proof.exact import Dual, Oracle, Residue
from rnnlib.proof.networks import NETWORKS, RNN
from rnnlib.proof.shapes import Array, Tape, Undefined, variable

SIZES = ("n", "h", "m")

# Weights over time that a statement may be about, as rnnlib makes them
WEIGHTS = {"all": readout.all_steps, "last": readout.last_step, "mean": readout.mean}


class NotHere(LookupError):
    """This kind of point has no meaning for a letter or function; another kind may."""


class Ambiguous(ValueError):
    """A derivative that can be read in two ways."""


class SymbolicPoint:
    """The network unrolled over T steps with every size a letter, its activations and the loss opaque.

    With ``open_output=True`` the output is opened as well: o_t = g(z_t) with an unknown Jacobian, and L_t an unknown function of o_t.
    """

    kind = "symbolic"

    def __init__(self, T: int, open_output: bool = False, network=RNN):
        self.T, self.open_output, self.network, self.tape = T, open_output, network, Tape()
        self.span = range(1, T + 1)
        self.steps, self.values, self._library = [], {}, None
        network.run(self)

    # -- what the network asks for while it runs --------------------------------------------------------------------

    def parameter(self, letter, t=None):
        return variable(letter, *self.network.parameters[letter])

    def input(self, t):
        return self.keep("x", t, variable(f"x{t}", "", "n"))

    def start(self, letter):
        t = _start(self.network, letter, self.span)
        return self.keep(letter, t, variable(f"{letter}{t}", "", "h"))

    def activation(self, function, letters, t):
        """An opaque activation; each new argument takes the next pair (letter of the value, letter of the argument)."""
        waiting = iter(letters)

        def f(a):
            try:
                return self.tape.lookup(a, function)[0]
            except Undefined:
                value, argument = next(waiting)
            s, _ = self.tape.elementwise(f"{value}{t}", a, name=f"{argument}{t}", function=function)
            return self.keep(value, t, s)

        return Activation("opaque", f, lambda a, s: self.tape.lookup(a, function)[1], "f(a)", float("inf"))

    def opaque(self, function):
        """The activation, at arguments where it has been taken."""
        return self.activation(function, [], None)

    def keep(self, letter, t, array):
        """Give a quantity its symbol, so that one can differentiate by it; the symbol stands for it from here on."""
        name = f"{letter}{t}"
        self.values[letter, t] = array
        symbol = variable(name, *array.axes)
        if name not in self.tape.rules and not shapes.same(array, symbol):
            self.tape.alias(name, array)
        return symbol

    def step(self, x, s_prev, a, s):
        """Keep a step for the network's own way back."""
        self.steps.append(other_ways.Step(x, s_prev, a, s))

    def output(self, t, z):
        """Take z_t, and define L_t by its change: ε_tᵀ dz_t, or by way of o_t if the output is opened."""
        z = self.keep("z", t, z)
        if not self.open_output:
            error = self.values[r"\varepsilon", t] = variable(f"e{t}", "", "m")
            self.tape.rules[f"L{t}"] = lambda ix, d: d((error @ z.T).at((), ()))
            return
        jacobian, slope = variable(f"G{t}", "m", "m"), variable(f"r{t}", "", "m")

        def change(ix, d):
            k = shapes.fresh(("m",))
            return (jacobian.at(ix, k) * d(z.at((), k))).summed(k)

        self.tape.rules[f"o{t}"] = change
        o = self.keep("o", t, variable(f"o{t}", "", "m"))
        self.tape.rules[f"L{t}"] = lambda ix, d: d((slope @ o.T).at((), ()))
        self.values[r"\varepsilon", t] = slope @ jacobian

    def errors(self):
        """ε_1 … ε_T as rows."""
        return [self.values[r"\varepsilon", t] for t in self.span]

    # -- letters ---------------------------------------------------------------------------------------------------

    def value(self, letter, times):
        """A letter at given times: a matrix, a column, or a scalar."""
        if letter in self.network.parameters:
            v = self.parameter(letter)
            return v if len(v.axes) == 2 else _column(v)
        if letter in self.network.adjoints or letter in _DEFINED:
            return _defined(self, letter, times)
        if letter == r"\varepsilon" and times[0] in (0, self.T + 1):
            return 0  # there is no loss before the first step or after the last
        if not times or (letter, self.T) not in self.values:
            raise NotHere(f"{letter} is opaque when sizes are letters")
        _within(letter, times[0], *self.network.span(letter, self.T))
        return self.values[letter, times[0]].T

    def derivative(self, kind, above, below, vec=False, copy=None):
        """The derivative of one quantity with respect to another; each is (letter, times)."""
        if copy is not None:
            raise NotHere("copies of a parameter are only at hand in numbers")
        letter, times = above
        target = self._target(*below)
        axes = self.value(*below).axes
        place_axes = (axes[1] + axes[0],) if vec else tuple(a for a in axes if a)
        hold = self._before(times[0]) if kind == "immediate" else frozenset()

        def differentiate(entry, ix):
            if vec:
                (k,) = ix
                ix = (k[len(axes[1]) :], k[: len(axes[1])])
            return self.tape.derivative(entry, target, tuple(i for k in ix for i in k), hold)

        if letter == "L":
            loss = sum((shapes.atom(f"L{t}") for t in (times or self.span)), shapes.Poly(()))
            return Array(axes, lambda *ix: differentiate(loss, ix))
        rows = self.value(letter, times).axes[0]
        whole = variable(f"{letter}{times[0]}", rows, "")
        return Array((rows, *(place_axes or ((),))), lambda i, *ix: differentiate(whole.at(i, ()), ix))

    def _before(self, t):
        """The states that are held fixed within step t: those of earlier steps, each in its own direction."""
        times = {s: range(t + 1, self.T + 2) if s in self.network.backwards else range(t) for s in self.network.states}
        return frozenset(f"{s}{k}" for s, ks in times.items() for k in ks)

    def _target(self, letter, times):
        if letter in self.network.parameters:
            return letter
        if (letter, self.T) not in self.values:
            raise NotHere(f"no derivative with respect to {letter} here")
        _within(letter, times[0], *self.network.span(letter, self.T))
        return f"{letter}{times[0]}"

    def call(self, function, *arguments):
        """The network's activations and their slopes where they were taken before; diag and vec."""
        if function in ("diag", "vec"):
            return getattr(shapes, function)(*arguments)
        name, which = function.rstrip("'"), int(function.endswith("'"))
        if name not in self.network.activations:
            raise NotHere(f"{function} is opaque when sizes are letters")
        (a,) = arguments
        if isinstance(a, Array):
            return self.tape.lookup(a.T, name)[which].T
        for k in {k for _, bound, factors in a.terms for _, ix in factors for k in ix if k.range == "h" and k not in bound}:
            for seen, *found, of in self.tape.known:
                if of == name and self.tape.expanded(seen.at((), (k,)) - a).is_zero():
                    return found[which].at((), (k,))
        raise Undefined(f"{function} is taken at an argument that is none of the network's pre-activations")

    def library(self):
        """{letter or (letter, t): what rnnlib's ``step_back`` formulas give}, steps composed one by one."""
        if self._library is None:
            self._library = {k: self._shaped(k, v) for k, v in self.network.by_steps(self).items()}
        return self._library

    @staticmethod
    def _shaped(k, v):
        """A gradient of ``step_back`` as the formulas have it: a parameter's matrix, else a column."""
        if len(v.axes) == 1:
            return _column(v)
        return v if isinstance(k, str) else v.T

    # -- operations ------------------------------------------------------------------------------------------------

    is_array = staticmethod(lambda v: isinstance(v, Array))
    kron = staticmethod(shapes.kron)
    transpose = staticmethod(lambda v: v.T)

    @staticmethod
    def matmul(a, b):
        return a @ b

    @staticmethod
    def scalar(v):
        """An array of one entry as that entry."""
        return v.at((), ()) if isinstance(v, Array) and v.axes == ((), ()) else v

    @staticmethod
    def ones(size):
        return shapes.ones(size, "")

    @staticmethod
    def size(letter):
        raise NotHere(f"the size {letter} as a number")

    @staticmethod
    def eye(size):
        return shapes.eye((size,))

    @staticmethod
    def eye_like(v):
        return shapes.eye(v.axes[0])

    @staticmethod
    def entry(v, components):
        full = iter(components)
        return v.at(*(next(full) if axis else () for axis in v.axes))

    @staticmethod
    def component_values(size):
        return [shapes.fresh((size,))]

    @staticmethod
    def sum_over(size, body):
        k = shapes.fresh((size,))
        return body(k).summed(k)

    @staticmethod
    def agree(i, j):
        return shapes.delta(i, j)

    @staticmethod
    def divide(a, b):
        if not isinstance(b, int):
            raise NotHere("division by something that is not an integer")
        return a * Fraction(1, b)

    def error(self, a, b):
        """0.0 if the two are the same for all sizes, else infinity."""
        return 0.0 if self.tape.same(a, b) else float("inf")

    def error_of_all(self, lefts, rights):
        """``error`` of a list of entries, the worst of them."""
        return max(map(self.error, lefts, rights))


class ArrayPoint:
    """The network at numbers: T steps, given sizes, everything random (initial states, biases, soft labels with Σy ≠ 1, weights ω_t).

    ``exact=True``: integers mod p, derivatives by dual numbers, activations are random oracles.
    ``exact=False``: float64, derivatives by the complex step, ``f`` as named.
    ``scales`` multiply the square matrices, and the inputs with biases and initial states, at a point of floating-point numbers.
    ``weights`` names weights of rnnlib's (``WEIGHTS``) that take the place of the random ones.
    """

    def __init__(
        self, T, sizes, *, exact, f=None, head=losses.softmax_cross_entropy, weights=None, seed=0, scales=(1.0, 1.0), network=RNN
    ):
        self.T, self.sizes, self.exact, self.network = T, dict(zip(SIZES, sizes)), exact, network
        self.kind, self.head = "exact" if exact else "float", losses.head(head)
        if exact and self.head is losses.sigmoid_cross_entropy:
            raise NotHere("a loss that takes cases or logarithms of sums has no meaning mod p")
        if exact:
            self.oracle = Oracle(seed)
            self.functions = {name: self.oracle.activation(name) for name in network.activations}
            draw = uniform = self.oracle.array
        else:
            rng = np.random.default_rng(seed)
            self.functions = {"f": activations.activation(f or activations.tanh), r"\sigma": activations.sigmoid}
            draw = lambda *shape: rng.normal(size=shape) / np.sqrt(shape[-1])  # noqa: E731
            uniform = lambda *shape: rng.uniform(0.5, 1.5, size=shape)  # noqa: E731
        n, h, m = sizes
        self.parameters = {k: draw(*(self.sizes[a] for a in axes)) for k, axes in network.parameters.items()}
        self.X, self.initial = draw(T, n), {k: draw(h) for k in network.states}
        self.Y, self.weights = uniform(T, m), uniform(T)
        if scales != (1.0, 1.0):
            self._scale(*scales)
        if weights is not None:
            self.weights = self._weights(weights)
        self._runs, self._derivatives, self._library = {}, {}, None

    def _scale(self, square, signal):
        for k, axes in self.network.parameters.items():
            if k in self.network.recurrent and axes in ("hh", "h"):
                self.parameters[k] = self.parameters[k] * (square if axes == "hh" else signal)
        self.X, self.initial = self.X * signal, {k: v * signal for k, v in self.initial.items()}

    def _weights(self, name):
        if name not in WEIGHTS:
            raise ValueError(f"unknown weights {name!r}; known are: {', '.join(sorted(WEIGHTS))}")
        weights = WEIGHTS[name](self.T)
        if not self.exact:
            return weights
        whole = (round(w * self.T) for w in weights)  # T ω_t is a whole number for all of them
        return self.oracle.lift(np.array([Residue(w) / self.T for w in whole], dtype=object))

    def parameter(self, letter, t=None):
        return self.parameters[letter]

    # -- running the network ---------------------------------------------------------------------------------------

    def run(self, letter=None, at=None, entry=None, only=None):
        """One run with an infinitesimal added to one entry of one letter; returns values, or changes if something was moved.

        Without an ``entry``, the run has as many rows as the letter has entries, and row k moves entry k; what comes before it has one row.
        ``at`` is a time, or None for a parameter moved at every step. ``only=t`` runs step t alone from the unmoved states before it.
        """
        key = letter, at, entry, only
        if key not in self._runs:
            run = _Run(self, *key)
            self.network.run(run)
            many = bool(letter) and entry is None
            self._runs[key] = {
                name: {t: _shaped(self._part(v, bool(letter)), name, many) for t, v in kept.items()} for name, kept in run.kept.items()
            }
        return self._runs[key]

    def _part(self, array, change):
        """The values of an array of the run, or its changes."""
        if not self.exact:
            return np.imag(array) / ETA if change else np.real(array)
        return np.frompyfunc((lambda k: Residue(0) + k.d) if change else (lambda k: k.v), 1, 1)(array)

    # -- letters ---------------------------------------------------------------------------------------------------

    def value(self, letter, times):
        if letter in self.network.parameters:
            return _as_matrix(self._plain(self.parameters[letter]))
        if letter in self.network.adjoints or letter in _DEFINED or letter == r"\varepsilon":
            return _defined(self, letter, times)
        if letter in (r"\gamma", r"\eta"):
            if self.exact:
                raise NotHere(f"{letter} has no meaning mod p")
            return self.functions["f"].slope * (1.0 if letter == r"\gamma" else float(np.linalg.norm(self.parameters["W"], 2)))
        if letter == "L" and not times:
            return sum(self.value("L", (t,)) for t in range(1, self.T + 1))
        (t,) = times
        _within(letter, t, *self.network.span(letter, self.T))
        if letter in ("y", r"\omega"):
            v = self._plain(self.Y if letter == "y" else self.weights)[t - 1]
            return _as_matrix(v) if letter == "y" else v
        return self.run()[letter][t]

    def _plain(self, array):
        return self._part(array, False) if self.exact else array

    def derivative(self, kind, above, below, vec=False, copy=None):
        """The derivative of one quantity with respect to another, each (letter, times); worked out once and never written to."""
        key = kind, above, below, vec, copy
        if key not in self._derivatives:
            self._derivatives[key] = self._derivative(*key)
        return self._derivatives[key]

    def _derivative(self, kind, above, below, vec, copy):
        (letter, times), (below_letter, below_times) = above, below
        if below_letter not in self.network.parameters and below_letter not in self.run() or below_letter in ("o", "L"):
            raise NotHere(f"no derivative with respect to {below_letter} here")
        if letter not in self.run():
            raise NotHere(f"no derivative of {letter} here")
        at = copy if copy is not None else below_times[0] if below_times else None
        if at is not None:
            _within(below_letter, at, *self.network.span(below_letter, self.T))
        shape = self.value(below_letter, below_times).shape
        matrix = len(self.network.vocabulary[below_letter][1]) == 2
        if below_letter not in self.network.parameters and not self.network.backwards:
            return self._side_by_side(letter, times, below_letter, at, times[0] if kind == "immediate" else None)
        entries = list(np.ndindex(shape)) if matrix else [(k,) for k in range(shape[0])]
        runs = [self.run(below_letter, at, e, times[0] if kind == "immediate" else None) for e in entries]
        changes = [sum(r["L"].values()) if letter == "L" and not times else r[letter][times[0]] for r in runs]
        if letter == "L":
            return np.array(changes, dtype=object if self.exact else float).reshape(shape)
        table = np.concatenate(changes, axis=1)  # one column for each entry of what is below, in row-major order
        if vec:  # column-major order
            rows, columns = shape
            table = table.reshape(-1, rows, columns).transpose(0, 2, 1).reshape(len(table), -1)
        elif matrix:
            return table.reshape(len(table), *shape)
        return table

    def _side_by_side(self, letter, times, below_letter, at, only):
        """The derivative with respect to a quantity of one step, from one run with a row for each of its entries."""
        r = self.run(below_letter, at, only=only)
        count = len(self.value(below_letter, (at,)))
        if letter == "L" and not times:
            change = sum(r["L"].values())
        else:  # what comes before the moved step is not run again; it does not change
            change = r[letter][times[0]] if times[0] in r[letter] else 0 * self.value(letter, times)
        if letter == "L":
            return np.broadcast_to(change, count).reshape(-1, 1)
        return np.broadcast_to(change, (len(change), count))

    def call(self, function, *arguments):
        a = arguments[0]
        if function == "diag":
            return np.diagflat(a)
        if function == "vec":
            return a.reshape(-1, 1, order="F")
        if function in _MEASURES and not self.exact:
            return _MEASURES[function](*arguments)
        name = function.rstrip("'")
        if name in self.network.activations:
            lifted = self.oracle.lift(np.atleast_2d(a)) if self.exact else np.atleast_2d(a)
            act = self.functions[name]
            v = self._plain(act.df(lifted, act.f(lifted)) if function.endswith("'") else act.f(lifted))
            return v if np.ndim(a) else v[0, 0]
        if function in ("g", r"\ell"):
            rows = [self.oracle.lift(v.T) if self.exact else v.T for v in arguments]
            v = self.head.g(*rows) if function == "g" else self.head.loss(*rows)
            return self._plain(v).T if function == "g" else self._plain(v)[0]
        if function in (r"\exp", r"\log", r"\tanh", r"\sigma"):
            if self.exact and function == r"\exp":  # log is none: an oracle does not turn products into sums
                return np.frompyfunc(lambda k: self.oracle.value("exp", k), 1, 1)(a)
            if not self.exact:
                return {r"\exp": np.exp, r"\log": np.log, r"\tanh": np.tanh, r"\sigma": activations.sigmoid.f}[function](a)
        raise NotHere(f"{function} has no meaning mod p")

    def library(self):
        """{letter or (letter, t): what rnnlib's own gradient functions return}, the fast ones over the whole sequence."""
        if self._library is None:
            self._library = {k: _as_matrix(self._plain(v)) for k, v in self.network.whole(self).items()}
        return self._library

    # -- operations ------------------------------------------------------------------------------------------------

    is_array = staticmethod(lambda v: isinstance(v, np.ndarray) and v.ndim > 0)
    transpose = staticmethod(lambda v: v.T)
    kron = staticmethod(np.kron)

    @staticmethod
    def matmul(a, b):
        if a.shape[1] != b.shape[0]:
            raise shapes.ShapeError(f"cannot multiply {a.shape} by {b.shape}")
        return a @ b

    @staticmethod
    def scalar(v):
        """An array of one entry as that entry."""
        return v[0, 0] if isinstance(v, np.ndarray) and v.shape == (1, 1) else v

    def ones(self, size):
        return np.ones((self.sizes[size], 1), dtype=int)

    def size(self, letter):
        return self.sizes[letter]

    def eye(self, size):
        return np.eye(self.sizes[size], dtype=int)

    @staticmethod
    def eye_like(v):
        return np.eye(len(v), dtype=int)

    @staticmethod
    def entry(v, components):
        return v[components] if v.ndim == len(components) else v[(*components, 0)]

    def component_values(self, size):
        return range(self.sizes[size])

    def sum_over(self, size, body):
        return sum(body(k) for k in range(self.sizes[size]))

    @staticmethod
    def agree(i, j):
        return int(i == j)

    def divide(self, a, b):
        return Residue(1) * a / b if self.exact else a / b

    def error(self, a, b):
        """max |a − b| over the larger of max |a| and max |b|; 0.0 or infinity where arithmetic is exact."""
        a, b = (np.asarray(v, dtype=object if self.exact else float) for v in (a, b))
        if a.shape != b.shape and a.ndim and b.ndim:
            raise shapes.ShapeError(f"shapes {a.shape} and {b.shape} differ")
        if self.exact:
            return 0.0 if np.all(np.equal(*np.broadcast_arrays(a, b), dtype=object)) else float("inf")
        difference = float(np.max(np.abs(a - b)))
        if not (a.any() and b.any()):
            return difference  # against zero only the absolute size says anything; the point's numbers are of order 1
        return difference / float(max(np.max(np.abs(a)), np.max(np.abs(b))))


    def error_of_all(self, lefts, rights):
        """``error`` of entries put together as one array, so that it stays normwise."""
        if len(lefts) == 1:
            return self.error(lefts[0], rights[0])
        return self.error(*(np.array(v, dtype=object if self.exact else float) for v in (lefts, rights)))

ETA = 1e-30  # the imaginary step: far below rounding, since nothing is subtracted


class _Run:
    """What a network asks for while it runs at an ``ArrayPoint``, with one entry of one letter moved by an infinitesimal."""

    def __init__(self, point, letter, at, entry, only):
        self.point, self.letter, self.at, self.entry, self.only = point, letter, at, entry, only
        sides = entry is None and letter is not None
        first = max(at, 1) if sides else 1  # the steps before are those of the unmoved run
        self.span = range(first, point.T + 1) if only is None else range(only, only + 1)
        self.kept = {}
        self.rows = point.sizes[point.network.vocabulary[letter][1]] if sides else 1  # a row for every entry that is moved

    def parameter(self, letter, t=None):
        return self._moved(letter, self.point.parameters[letter], t)

    def input(self, t):
        x = self.point.X[t - 1][None, :]
        return self.keep("x", t, x if self.at is None or t < self.at else np.repeat(x, self.rows, axis=0))

    def start(self, letter):
        t = _start(self.point.network, letter, self.span)
        if t in (0, self.point.T + 1):
            before = self.point.initial[letter]
        else:
            before = self.point.run()[letter][t][:, 0]
            before = self.point.oracle.lift(before) if self.point.exact else before
        return self.keep(letter, t, before[None, :])

    def activation(self, function, letters, t):
        """The point's activation, watched: its arguments and values are kept, and moved if it is their turn."""
        act, waiting = self.point.functions[function], iter(letters)

        def f(a):
            value, argument = next(waiting)
            s = act.f(self._moved(argument, a, t))
            return s if value in self.point.network.states else self.keep(value, t, s)  # states are kept by the network

        return Activation(act.name, f, act.df, act.expr, act.slope)

    def keep(self, letter, t, array):
        moved = self._moved(letter, array, t)
        self.kept.setdefault(letter, {})[t] = moved
        return moved

    def step(self, x, s_prev, a, s):
        """The way back is the library's own here; nothing to keep."""

    def output(self, t, z):
        z = self.keep("z", t, z)
        self.keep("o", t, self.point.head.g(z))
        self.keep("L", t, self.point.weights[t - 1] * self.point.head.loss(z, self.point.Y[t - 1][None, :]))

    def _moved(self, letter, array, t):
        array = array if self.point.exact else array.astype(complex)
        if letter != self.letter or self.at not in (None, t):
            return array
        infinitesimal = Dual(Residue(0), Residue(1), self.point.oracle) if self.point.exact else 1j * ETA
        if self.entry is None:
            array = array.copy() if len(array) == self.rows else np.repeat(array, self.rows, axis=0)
            np.fill_diagonal(array, array.diagonal() + infinitesimal)
            return array
        array = array.copy()
        place = self.entry if array.ndim == len(self.entry) else (0, *self.entry)
        array[place] = array[place] + infinitesimal
        return array


# Functions of real arrays that statements with an inequality use
_MEASURES = {
    "norm": lambda v: float(np.linalg.norm(v, 2)) if np.ndim(v) else abs(float(v)),  # spectral for matrices, Euclidean for columns
    "least": lambda v: float(np.linalg.svd(np.atleast_2d(v), compute_uv=False)[-1]),
    "max": lambda *v: max(map(float, v)),
    r"\rho": lambda v: float(np.max(np.abs(np.linalg.eigvals(np.atleast_2d(v))))),
}

_DEFINED = ("D", "J", "M", r"\Phi")


def _defined(point, letter, times):
    """Letters that name a derivative of the run."""
    t = times[0]
    if letter in point.network.adjoints:
        by = point.network.adjoints[letter]
        beyond = 0 if by in point.network.backwards else point.T + 1
        return 0 if t == beyond else point.derivative("total", ("L", ()), (by, (t,)))
    if letter == r"\varepsilon":
        if t in (0, point.T + 1):
            return 0  # there is no loss before the first step or after the last
        return point.derivative("total", ("L", (t,)), ("z", (t,)))
    _within(letter, t, 0 if letter in ("M", r"\Phi") else 1, point.T)
    if letter == "D":
        return point.derivative("immediate", ("s", (t,)), ("a", (t,)))
    if letter == "J":
        return point.derivative("immediate", ("s", (t,)), ("s", (t - 1,)))
    if letter == "M":
        return point.derivative("total", ("s", (t,)), ("W", ()), vec=True)
    return point.derivative("total", ("s", (t,)), ("s", (times[1],)))  # Φ


def _column(v):
    return Array((v.axes[0], ()), lambda i, _: v.at(i))


def _as_matrix(v):
    return v.reshape(-1, 1) if v.ndim == 1 else v


def _shaped(v, name, many):
    """Rows (B, k) of the run as columns; a loss (1,) as a scalar, unless there are many."""
    return v.T if name != "L" else v if many else v[0]


def _within(letter, t, first, last):
    if not first <= t <= last:
        raise Undefined(f"{letter}_{{{t}}} is outside the sequence {first} … {last}")


def _start(network, letter, span):
    """The time of a state before its first step in a span of steps."""
    return span[-1] + 1 if letter in network.backwards else span[0] - 1


@cache
def symbolic_point(T: int, open_output: bool = False, network: str = "rnn") -> SymbolicPoint:
    """The symbolic point of a length and a network, made once."""
    return SymbolicPoint(T, open_output, NETWORKS[network])


@cache
def array_point(
    T: int, sizes: tuple, exact: bool, f: str, head: str, weights: str | None, seed: int, network: str = "rnn"
) -> ArrayPoint:
    """The point of these numbers, made once."""
    return ArrayPoint(T, sizes, exact=exact, f=f, head=head, weights=weights, seed=seed, network=NETWORKS[network])
