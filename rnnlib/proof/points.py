r"""Where an equation is evaluated: the letters of the book, given their meaning by running rnnlib.

Every point runs ``rnnlib.rnn.step``, ``rnnlib.readout.step`` and an output head, unmodified, and knows the *true* derivative of any
quantity with respect to any other by differentiating that run, never by a formula of the book:

``SymbolicPoint``  sizes are letters, f and the loss are opaque; derivatives by the chain rule on symbols;
``ArrayPoint``     numbers, either mod p (dual numbers, exact) or floating point (complex step).

``library`` gives what rnnlib's own gradient code says, to be compared with both.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from rnnlib import activations, losses, model, other_ways, readout, rnn
from rnnlib.activations import Activation
from rnnlib.proof import shapes
from rnnlib.proof.exact import Dual, Oracle, Residue
from rnnlib.proof.shapes import Array, Tape, Undefined, variable

# letter: (how many subscripts are times, the ranges of its axes)
VOCABULARY = {
    "U": (0, "hn"), "W": (0, "hh"), "V": (0, "mh"), "b": (0, "h"), "c": (0, "m"),
    "x": (1, "n"), "a": (1, "h"), "s": (1, "h"), "z": (1, "m"), "o": (1, "m"), "y": (1, "m"),
    "L": (1, ""), r"\omega": (1, ""),
    r"\varepsilon": (1, "m"), r"\lambda": (1, "h"), r"\delta": (1, "h"),
    "D": (1, "hh"), "J": (1, "hh"), r"\Phi": (2, "hh"), "M": (1, ""),
    r"\gamma": (0, ""), r"\eta": (0, ""),
}  # fmt: skip
SIZES = ("n", "h", "m")
PARAMETERS = {"U": "p", "W": "p", "b": "p", "V": "q", "c": "q"}
RECURRENT = ("a", "s", "z", "o", "L")  # quantities through which the parameters act at many steps

# What the library computes, and the function that does it
LIBRARY_GRADIENTS = {
    "U": "rnnlib.rnn.backward", "W": "rnnlib.rnn.backward", "b": "rnnlib.rnn.backward",
    "V": "rnnlib.readout.backward", "c": "rnnlib.readout.backward",
    "x": "rnnlib.rnn.backward", "s": "rnnlib.rnn.backward", "a": "rnnlib.rnn.backward",
}  # fmt: skip


# Weights over time that a statement may be about, as rnnlib makes them
WEIGHTS = {"all": readout.all_steps, "last": readout.last_step, "mean": readout.mean}


class NotHere(LookupError):
    """This kind of point has no meaning for a letter or function; another kind may."""


class Ambiguous(ValueError):
    """A derivative that can be read in two ways."""


class SymbolicPoint:
    """The network unrolled over T steps with every size a letter, f and the loss opaque.

    With ``output=True`` the output is opened as well: o_t = g(z_t) with an unknown Jacobian and L_t an unknown function of o_t.
    """

    kind = "symbolic"

    def __init__(self, T: int, output: bool = False):
        self.T, self.output, self.tape = T, output, Tape()
        self.p = rnn.Params(variable("U", "h", "n"), variable("W", "h", "h"), variable("b", "h"))
        self.q = readout.Params(variable("V", "m", "h"), variable("c", "m"))
        self.X = [variable(f"x{t}", "", "n") for t in range(1, T + 1)]
        self.f = Activation("opaque", self._f, self._df, "f(a)", float("inf"))
        self.steps = other_ways.unroll(rnn, self.p, self.X, variable("s0", "", "h"), self.f)
        self.z = [readout.step(self.q, step.s) for step in self.steps]
        self.epsilon = [self._loss(t, self.tape.alias(f"z{t}", z)) for t, z in enumerate(self.z, 1)]

    def _f(self, a):
        t = len(self.tape.known) + 1
        return self.tape.elementwise(f"s{t}", a, name=f"a{t}")[0]

    def _df(self, a, s):
        return self.tape.lookup(a)[1]

    def _loss(self, t, z):
        """Registers o_t and L_t; returns ε_t as a row."""
        if not self.output:
            error = variable(f"e{t}", "", "m")
            self.tape.rules[f"L{t}"] = lambda ix, d: d((error @ z.T).at((), ()))
            return error
        jacobian, slope = variable(f"G{t}", "m", "m"), variable(f"r{t}", "", "m")

        def output(ix, d):
            k = shapes.fresh(("m",))
            return (jacobian.at(ix, k) * d(z.at((), k))).summed(k)

        self.tape.rules[f"o{t}"] = output
        self.tape.rules[f"L{t}"] = lambda ix, d: d((slope @ variable(f"o{t}", "", "m").T).at((), ()))
        return slope @ jacobian

    # -- letters ---------------------------------------------------------------------------------------------------

    def value(self, letter, times):
        """A letter at given times: a matrix, a column, or a scalar."""
        if letter in PARAMETERS:
            v = getattr(getattr(self, PARAMETERS[letter]), letter)
            return v if len(v.axes) == 2 else _column(v)
        if letter in ("D", "J", "M", r"\Phi", r"\lambda", r"\delta") or letter == r"\varepsilon" and times[0] in (0, self.T + 1):
            return _defined(self, letter, times)
        if letter == "L" or not times:
            raise NotHere(f"{letter} is opaque when sizes are letters")
        (t,) = times
        if letter == "s" and t == 0:
            return variable("s0", "h", "")
        _within(letter, t, self.T)
        if letter == "o" and self.output:
            return variable(f"o{t}", "m", "")
        rows = {"x": self.X, "a": [k.a for k in self.steps], "s": [k.s for k in self.steps], "z": self.z, r"\varepsilon": self.epsilon}
        if letter not in rows:
            raise NotHere(f"{letter} is opaque when sizes are letters")
        return rows[letter][t - 1].T

    def derivative(self, kind, above, below, vec=False, copy=None):
        """The derivative of one quantity with respect to another; each is (letter, times)."""
        if copy is not None:
            raise NotHere("copies of a parameter are only at hand in numbers")
        letter, times = above
        below_letter, below_times = below
        target = self._target(below_letter, below_times)
        axes = self.value(*below).axes
        place_axes = (axes[1] + axes[0],) if vec else tuple(a for a in axes if a)
        hold = frozenset(f"s{k}" for k in range(times[0])) if kind == "immediate" else frozenset()
        terms = range(1, self.T + 1) if letter == "L" and not times else times

        def differentiate(entry, ix):
            if vec:
                (k,) = ix
                ix = (k[len(axes[1]) :], k[: len(axes[1])])
            return self.tape.derivative(entry, target, tuple(i for k in ix for i in k), hold)

        if letter == "L":
            loss = sum((shapes.atom(f"L{t}") for t in terms), shapes.Poly(()))
            return Array(axes, lambda *ix: differentiate(loss, ix))
        whole = self.value(letter, times)
        return Array((whole.axes[0], *(place_axes or ((),))), lambda i, *ix: differentiate(whole.at(i, ()), ix))

    def _target(self, letter, times):
        if letter in PARAMETERS:
            return letter
        if letter == "o" and not self.output or letter not in "xaszo":
            raise NotHere(f"no derivative with respect to {letter} here")
        _within(letter, times[0], self.T, first=0 if letter == "s" else 1)
        return f"{letter}{times[0]}"

    def call(self, function, *arguments):
        """f and f' where they were taken before; diag and vec."""
        if function in ("diag", "vec"):
            return getattr(shapes, function)(*arguments)
        if function not in ("f", "f'"):
            raise NotHere(f"{function} is opaque when sizes are letters")
        (a,) = arguments
        which = 0 if function == "f" else 1
        if isinstance(a, Array):
            return self.tape.lookup(a.T)[which].T
        for k in {k for _, bound, factors in a.terms for _, ix in factors for k in ix if k.range == "h" and k not in bound}:
            for seen, *found in self.tape.known:
                if shapes.same(seen.at((), (k,)), a):
                    return found[which].at((), (k,))
        raise Undefined(f"{function} is taken at an argument that is none of the network's pre-activations")

    def library(self):
        """{letter or (letter, t): what rnnlib's ``step_back`` formulas give}, steps composed one by one."""
        deltas, terms, dL_dX, dL_ds_0 = other_ways.back_through(
            rnn, self.p, self.steps, [e @ self.q.V for e in self.epsilon], self.f
        )
        out = [readout.step_back(self.q, k.s, e)[0] for k, e in zip(self.steps, self.epsilon)]
        found = {**terms._asdict(), "V": sum(k.V for k in out), "c": sum(k.c for k in out), ("s", 0): dL_ds_0}
        found |= {("x", t): g for t, g in enumerate(dL_dX, 1)} | {("a", t): g for t, g in enumerate(deltas, 1)}
        return {k: v if len(v.axes) == 2 and isinstance(k, str) else v.T if len(v.axes) == 2 else _column(v) for k, v in found.items()}

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
        from fractions import Fraction

        if not isinstance(b, int):
            raise NotHere("division by something that is not an integer")
        return a * Fraction(1, b)

    @staticmethod
    def error(a, b):
        """0.0 if the two are the same for all sizes, else infinity."""
        return 0.0 if shapes.same(a, b) else float("inf")

    def error_of_all(self, lefts, rights):
        """``error`` of a list of entries, the worst of them."""
        return max(map(self.error, lefts, rights))


class ArrayPoint:
    """The network at numbers: T steps, given sizes, everything random (s_0, biases, soft labels with Σy ≠ 1, weights ω_t).

    ``scales`` multiply W, and the inputs with b and s_0, at a point of floating-point numbers.
    ``weights`` names weights of rnnlib's (``WEIGHTS``) that take the place of the random ones.
    ``exact=True``: integers mod p, derivatives by dual numbers, f a random oracle unless an activation is given (then rational).
    ``exact=False``: float64, derivatives by the complex step.
    """

    def __init__(self, T, sizes, *, exact, f=None, head=losses.softmax_cross_entropy, weights=None, seed=0, scales=(1.0, 1.0)):
        self.T, self.sizes, self.exact, self.head = T, dict(zip(SIZES, sizes)), exact, losses.head(head)
        self.kind = "exact" if exact else "float"
        n, h, m = sizes
        if exact and self.head is losses.sigmoid_cross_entropy:
            raise NotHere("a loss that takes cases or logarithms of sums has no meaning mod p")
        if exact:
            self.oracle = Oracle(seed)
            self.f = self.oracle.activation()
            draw = uniform = self.oracle.array
        else:
            rng = np.random.default_rng(seed)
            self.f = activations.activation(f or activations.tanh)
            draw = lambda *shape: rng.normal(size=shape) / np.sqrt(shape[-1])  # noqa: E731
            uniform = lambda *shape: rng.uniform(0.5, 1.5, size=shape)  # noqa: E731
        self.p = rnn.Params(draw(h, n), draw(h, h), draw(h))
        self.q = readout.Params(draw(m, h), draw(m))
        self.X, self.s_0, self.Y, self.weights = draw(T, n), draw(h), uniform(T, m), uniform(T)
        if scales != (1.0, 1.0):
            self.p = rnn.Params(self.p.U, self.p.W * scales[0], self.p.b * scales[1])
            self.X, self.s_0 = self.X * scales[1], self.s_0 * scales[1]
        if weights is not None:
            self.weights = self._weights(weights)
        self._runs, self._library = {}, None

    def _weights(self, name):
        if name not in WEIGHTS:
            raise ValueError(f"unknown weights {name!r}; known are: {', '.join(sorted(WEIGHTS))}")
        weights = WEIGHTS[name](self.T)
        if not self.exact:
            return weights
        whole = (round(w * self.T) for w in weights)  # T ω_t is a whole number for all of them
        return self.oracle.lift(np.array([Residue(w) / self.T for w in whole], dtype=object))

    # -- running the network ---------------------------------------------------------------------------------------

    def run(self, letter=None, at=None, entry=None, only=None):
        """One run with an infinitesimal added to one entry of one letter; returns values, or changes if something was moved.

        ``at`` is a time, or None for a parameter moved at every step. ``only=t`` runs step t alone from the unmoved s_{t-1}.
        """
        key = letter, at, entry, only
        if key not in self._runs:
            self._runs[key] = self._changes(self._run(*key)) if letter else self._values(self._run(*key))
        return self._runs[key]

    def _run(self, letter, at, entry, only):
        def moved(name, array, t):
            hit = name == letter and (at is None or at == t)
            return self._bump(array, entry) if hit else self._typed(array)

        first, last = (1, self.T) if only is None else (only, only)
        s = self.s_0 if first == 1 else self.run()["s"][first - 1][:, 0]
        if only is not None and first > 1 and self.exact:
            s = self.oracle.lift(s)
        s = moved("s", s[None, :], first - 1)
        out = {"x": {}, "a": {}, "s": {first - 1: s}, "z": {}, "o": {}, "L": {}}
        for t in range(first, last + 1):
            p = rnn.Params(*(moved(k, v, t) for k, v in self.p._asdict().items()))
            q = readout.Params(*(moved(k, v, t) for k, v in self.q._asdict().items()))
            x = moved("x", self.X[t - 1][None, :], t)
            f = Activation(self.f.name, lambda a, t=t: self.f.f(moved("a", a, t)), self.f.df, self.f.expr, self.f.slope)
            a, s = rnn.step(p, x, s, f)
            s = moved("s", s, t)
            z = moved("z", readout.step(q, s), t)
            loss = self.weights[t - 1] * self.head.loss(z, self.Y[t - 1][None, :])
            for name, v in {"x": x, "a": moved("a", a, t), "s": s, "z": z, "o": self.head.g(z), "L": loss}.items():
                out[name][t] = v
        return out

    def _typed(self, array):
        return array if self.exact else array.astype(complex)

    def _bump(self, array, entry):
        moved = self._typed(array).copy()
        at = entry if moved.ndim == len(entry) else (0, *entry)
        moved[at] = moved[at] + (Dual(Residue(0), Residue(1), self.oracle) if self.exact else 1e-30j)
        return moved

    def _values(self, run):
        part = np.frompyfunc(lambda k: k.v, 1, 1) if self.exact else np.real
        return {name: {t: _shaped(part(v), name) for t, v in at.items()} for name, at in run.items()}

    def _changes(self, run):
        def change(k):
            return k.d if isinstance(k.d, Residue) else Residue(k.d)

        part = np.frompyfunc(change, 1, 1) if self.exact else lambda v: np.imag(v) / 1e-30
        return {name: {t: _shaped(part(v), name) for t, v in at.items()} for name, at in run.items()}

    # -- letters ---------------------------------------------------------------------------------------------------

    def value(self, letter, times):
        if letter in PARAMETERS:
            return _as_matrix(self._plain(getattr(getattr(self, PARAMETERS[letter]), letter)))
        if letter in ("D", "J", "M", r"\Phi", r"\lambda", r"\delta", r"\varepsilon"):
            return _defined(self, letter, times)
        if letter in (r"\gamma", r"\eta"):
            if self.exact:
                raise NotHere(f"{letter} has no meaning mod p")
            return self.f.slope * (1.0 if letter == r"\gamma" else float(np.linalg.norm(self.p.W, 2)))
        if letter == "L" and not times:
            return sum(self.value("L", (t,)) for t in range(1, self.T + 1))
        (t,) = times
        _within(letter, t, self.T, first=0 if letter == "s" else 1)
        if letter in ("y", r"\omega"):
            v = self._plain(self.Y if letter == "y" else self.weights)[t - 1]
            return _as_matrix(v) if letter == "y" else v
        return self.run()[letter][t]

    def _plain(self, array):
        return np.frompyfunc(lambda k: k.v, 1, 1)(array) if self.exact else array

    def derivative(self, kind, above, below, vec=False, copy=None):
        letter, times = above
        below_letter, below_times = below
        if below_letter not in (*PARAMETERS, "x", "a", "s", "z") or letter not in ("a", "s", "z", "o", "L"):
            raise NotHere(f"no derivative with respect to {below_letter} here")
        at = copy if copy is not None else below_times[0] if below_times else None
        if at is not None:
            _within(below_letter, at, self.T, first=0 if below_letter == "s" else 1)
        shape = self.value(below_letter, below_times).shape
        entries = list(np.ndindex(shape)) if len(VOCABULARY[below_letter][1]) == 2 else [(k,) for k in range(shape[0])]
        runs = [self.run(below_letter, at, e, times[0] if kind == "immediate" else None) for e in entries]
        changes = [sum(r["L"].values()) if letter == "L" and not times else r[letter][times[0]] for r in runs]
        if letter == "L":
            return np.array(changes, dtype=object if self.exact else float).reshape(shape)
        table = np.concatenate(changes, axis=1)  # one column for each entry of what is below, in row-major order
        if vec:  # column-major order
            rows, columns = shape
            table = table.reshape(-1, rows, columns).transpose(0, 2, 1).reshape(len(table), -1)
        elif shape[1] != 1:
            return table.reshape(len(table), *shape)
        return table

    def call(self, function, *arguments):
        a = arguments[0]
        if function == "diag":
            return np.diagflat(a)
        if function == "vec":
            return a.reshape(-1, 1, order="F")
        if function in ("f", "f'"):
            lifted = self.oracle.lift(np.atleast_2d(a)) if self.exact else np.atleast_2d(a)
            v = self.f.f(lifted) if function == "f" else self.f.df(lifted, self.f.f(lifted))
            v = self._plain(v)
            return v if np.ndim(a) else v[0, 0]
        if function in ("g", r"\ell"):
            rows = [self.oracle.lift(v.T) if self.exact else v.T for v in arguments]
            v = self.head.g(*rows) if function == "g" else self.head.loss(*rows)
            return self._plain(v).T if function == "g" else self._plain(v)[0]
        if function in _MEASURES and not self.exact:
            return _MEASURES[function](*arguments)
        if function in (r"\exp", r"\log", r"\tanh", r"\sigma"):
            if self.exact and function == r"\exp":  # log is none: an oracle does not turn products into sums
                return np.frompyfunc(lambda k: self.oracle.value("exp", k), 1, 1)(a)
            if not self.exact:
                return {r"\exp": np.exp, r"\log": np.log, r"\tanh": np.tanh, r"\sigma": activations.sigmoid.f}[function](a)
        raise NotHere(f"{function} has no meaning mod p")

    def library(self):
        """{letter or (letter, t): what rnnlib's own gradient functions return}, the fast ones over the whole sequence."""
        if self._library is None:
            trace = rnn.forward(self.p, self.X, self.s_0, self.f)
            out = readout.forward(self.q, trace.S[1:], self.Y, self.head, self.weights)
            dL_dq, dL_dS = readout.backward(self.q, out)
            back = rnn.backward(self.p, trace, dL_dS)
            g = model.loss_and_gradients(self.p, self.q, self.X, self.Y, self.s_0, f=self.f, head=self.head, weights=self.weights)
            for one, other in zip((*back.dL_dp, *dL_dq), (*g.dL_dp, *g.dL_dq)):
                assert np.array_equal(self._plain(one), self._plain(other)), "model.loss_and_gradients differs from its parts"
            found = {**back.dL_dp._asdict(), **dL_dq._asdict(), ("s", 0): back.dL_ds_0}
            found |= {("x", t): v for t, v in enumerate(back.dL_dX, 1)} | {("a", t): v for t, v in enumerate(back.delta, 1)}
            self._library = {k: _as_matrix(self._plain(v)) for k, v in found.items()}
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


# Functions of real arrays that statements with an inequality use
_MEASURES = {
    "norm": lambda v: float(np.linalg.norm(v, 2)) if np.ndim(v) else abs(float(v)),  # spectral for matrices, Euclidean for columns
    "least": lambda v: float(np.linalg.svd(np.atleast_2d(v), compute_uv=False)[-1]),
    "max": lambda *v: max(map(float, v)),
    r"\rho": lambda v: float(np.max(np.abs(np.linalg.eigvals(np.atleast_2d(v))))),
}


def _defined(point, letter, times):
    """Letters that name a derivative of the run, or are made of one."""
    t = times[0]
    if letter in (r"\lambda", r"\delta"):
        if t == point.T + 1:
            return 0
        return point.derivative("total", ("L", ()), ("s" if letter == r"\lambda" else "a", (t,)))
    if letter == r"\varepsilon":
        if t in (0, point.T + 1):
            return 0  # there is no loss before the first step or after the last
        return point.derivative("total", ("L", (t,)), ("z", (t,)))
    _within(letter, t, point.T, first=0 if letter in ("M", r"\Phi") else 1)
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


def _shaped(v, name):
    """A row (1, k) of the run as a column; a loss (1,) as a scalar."""
    return v[0] if name == "L" else v.T


def _within(letter, t, T, first=1):
    if not first <= t <= T:
        raise Undefined(f"{letter}_{{{t}}} is outside the sequence {first} … {T}")


@lru_cache(maxsize=None)
def symbolic_point(T: int, output: bool = False) -> SymbolicPoint:
    return SymbolicPoint(T, output)


@lru_cache(maxsize=None)
def array_point(T: int, sizes: tuple, exact: bool, f: str, head: str, weights: str | None, seed: int) -> ArrayPoint:
    return ArrayPoint(T, sizes, exact=exact, f=f, head=head, weights=weights, seed=seed)


