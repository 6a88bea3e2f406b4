r"""Would the checks notice? Every mistake of the catalogue against every check, at a generic point and at lazy ones.

A check runs a pass with a mistake in it and compares what comes out with something that it trusts:
a gradient check, the derivative of the pass's own loss; the doctor, the gradients of rnnlib.
The first cannot see that a pass computes another network if the way back is right for that.
Symbols are written out only where numbers mod p show nothing: a difference in numbers is a difference of the expressions.
A derivative is measured along one random direction for each gradient, from values of the loss alone.
Needs ``rnnlib.proof``.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from rnnlib.doctor import catalogue, points, symbols
from rnnlib.doctor.examine import relative_error
from rnnlib.proof.exact import Dual, Oracle, Residue

CELLS = ("rnn", "lstm", "gru", "bidirectional")
GENERIC = dict(T=4, B=2, n=3, h=5, m=4)
SMALL = dict(T=3, B=2, n=2, h=4, m=3)  # where arithmetic is exact and slow


@dataclass(frozen=True)
class Check:
    """A way to check, at some point.

    Attributes
    ----------
    name : what it is called, formulas between dollar signs.
    how : "symbols", "mod p", "complex", "central" or "compare".
    sizes : what differs from the generic sizes.
    lazy : makes values lazy: takes the arrays by letter, returns those that change.
    f : the activation.
    parts : the gradients that are looked at, by letter; all if it is empty.
    """

    name: str
    how: str = "complex"
    sizes: dict = field(default_factory=dict)
    lazy: Callable = lambda v: {}
    f: str = "tanh"
    parts: tuple[str, ...] = ()


def _zero(*letters):
    return lambda v: {k: 0 * v[k] for k in v if k.startswith(letters)}


def _symmetric(v):
    """W = Wᵀ, block by block."""
    return {k: np.concatenate([b + b.T for b in np.split(a, len(a) // a.shape[1])]) / 2 for k, a in v.items() if k[0] == "W"}


def _one_hot(v):
    m = v["Y"].shape[-1]
    return {"Y": np.eye(m)[v["Y"].argmax(axis=-1)]}


def _last(v):
    weights = np.zeros_like(v["weights"])
    weights[-1] = 1
    return {"weights": weights}


def _both(*ways):
    def lazy(v):
        for way in ways:
            v = {**v, **way(v)}
        return v

    return lazy


_START = _zero("s_", "C_0")
_BIAS = _zero("b", "c")


def _ones(v):
    return {"weights": np.ones_like(v["weights"])}


GENERIC_CHECKS = (
    Check("symbols, $T = 1$", "symbols", dict(T=1)),
    Check("symbols, $T = 2$", "symbols", dict(T=2)),
    Check("symbols, $T = 3$", "symbols", dict(T=3)),
    Check("mod $p$", "mod p"),
    Check("complex step"),
    Check("central difference", "central"),
    Check("the doctor", "compare"),
)
LAZY_CHECKS = (
    Check("$T = 1$", sizes=dict(T=1)),
    Check("$T = 2$", sizes=dict(T=2)),
    Check("$B = 1$", sizes=dict(B=1)),
    Check("$h = 1$", sizes=dict(h=1)),
    Check("$m = 1$", sizes=dict(m=1)),
    Check("$s_0 = 0$", lazy=_START),
    Check("$b = c = 0$", lazy=_BIAS),
    Check("$W = W^\\mathsf{T}$", lazy=_symmetric),
    Check("linear $f$", f="identity"),
    Check("constant $x_t$", lazy=lambda v: {"X": np.broadcast_to(v["X"][0], v["X"].shape).copy()}),
    Check("one-hot $y_t$", lazy=_one_hot),
    Check("$\\omega_t = 1$", lazy=_ones),
    Check("last loss alone", lazy=_last),
    Check("$V = 0$", lazy=_zero("V")),
    Check("$\\partial L/\\partial W$ alone", parts=("W", "W_f", "W_b")),
    Check("in a hurry", sizes=dict(T=2, B=1), lazy=_both(_START, _BIAS, _one_hot, _ones)),
)
CHECKS = GENERIC_CHECKS + LAZY_CHECKS
RECOMMENDED = tuple(check.name for check in GENERIC_CHECKS[3:])

# The largest relative error that is let pass.
TOLERANCE = {"complex": 1e-10, "central": 1e-5, "compare": 1e-10, "mod p": 0.0, "symbols": 0.0}
FLOOR = 1e-3  # below this, an error counts as it is, not relative to the derivative
EPSILON, STEP = 1e-30, 1e-5


# -- one check of one cell ---------------------------------------------------------------------------------------------


class Bench:
    """A check at its point, ready for any mistake: the values, the right run, a direction for each letter, the slope along it."""

    def __init__(self, check: Check, cell: str, seed: int = 0):
        self.check, self.exact = check, check.how == "mod p"
        self.program, self.problem = catalogue.pass_of(cell), points.problem(cell, check.f, targets="any")
        sizes = (SMALL if self.exact else GENERIC) | check.sizes
        drawn = points.draw(self.problem, sizes, seed)
        values = {**drawn.values, **check.lazy(drawn.values)}
        self.arguments = points.Point(self.problem, values, True, {}).variables()
        self.rnnlib, rng = drawn.right, np.random.default_rng(seed + 1)
        parts = [part for part in self.problem.parts if part in check.parts or not check.parts]
        self.directions = {part: rng.normal(size=values[part].shape) for part in parts}
        if self.exact:
            self._make_exact(Oracle(seed + 1))
        self.states = self.program.states(self.arguments)
        self.slopes = self._measured(())

    def _make_exact(self, oracle):
        """Random integers mod p in the place of all numbers, and functions about which nothing is known."""
        for k, v in self.arguments.items():
            if isinstance(v, np.ndarray):
                self.arguments[k] = oracle.array(*v.shape)
        self.arguments |= {k: oracle.activation(k) for k in ("f", "gate") if k in self.arguments}
        self.directions = {part: oracle.array(*E.shape) for part, E in self.directions.items()}

    def _measured(self, edits):
        """The slope of the loss along each direction, from values of the loss alone."""

        def loss(part, step):
            moved = {**self.arguments, part: self.arguments[part] + step * self.directions[part]}
            return self.program.run(moved, edits, until="L")["L"]

        if self.exact:
            eta = Dual(Residue(0), Residue(1))
            return {part: loss(part, eta).d for part in self.directions}
        if self.check.how == "central":
            return {part: (loss(part, STEP) - loss(part, -STEP)) / (2 * STEP) for part in self.directions}
        return {part: loss(part, 1j * EPSILON).imag / EPSILON for part in self.directions}

    def error(self, mistake: catalogue.Mistake) -> float:
        """The largest error that the check sees; infinite where shapes do not fit."""
        try:
            with np.errstate(all="ignore"):
                names = self.program.resume(self.states, mistake.edits)
        except ValueError:  # NumPy's word for shapes that do not fit
            return np.inf
        if self.check.how == "compare":
            return max(relative_error(names["d" + part], self.rnnlib[part]) for part in self.directions)
        slopes = self._measured(mistake.edits) if self._forward(mistake) else self.slopes
        return max(self._error(names["d" + part], part, slopes[part]) for part in self.directions)

    def _forward(self, mistake):
        """Whether the mistake is made on the way forward, so that the pass has another loss."""
        place, lines = self.program.place, self.program.lines
        return any(place[lines[line]] <= place[lines["L"]] for line, *_ in mistake.edits if line != "eps[t]")

    def _error(self, gradient, part, slope):
        E = self.directions[part]
        if np.ndim(gradient) and gradient.shape != E.shape:
            return np.inf
        along = np.sum(gradient * E)
        if self.exact:
            return 0.0 if _value(along) == _value(slope) else np.inf
        return float(abs(along - slope) / max(abs(along), abs(slope), FLOOR))


def _value(number):
    return number.v if isinstance(number, Dual) else number


# -- all checks of all mistakes ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Table:
    """Which check catches which mistake of a cell.

    ``errors[mistake][check]`` is the largest error that the check sees; of symbols, which are equal or not, 0 or infinity.
    """

    cell: str
    checks: tuple[Check, ...]
    errors: dict[str, dict[str, float]]

    def caught(self, mistake: str, check: str) -> bool:
        how = next(c.how for c in self.checks if c.name == check)
        return self.errors[mistake][check] > TOLERANCE[how]

    def missed(self, *checks: str) -> tuple[str, ...]:
        """The mistakes that none of these checks catches."""
        return tuple(name for name in self.errors if not any(self.caught(name, check) for check in checks))

    def marks(self) -> dict[str, dict[str, list[bool]]]:
        """{page: {mistake: [caught by each check]}}, for ``figures.caught``."""
        found: dict[str, dict[str, list]] = {}
        for name in self.errors:
            found.setdefault(catalogue.named(name).page, {})[name] = [self.caught(name, check.name) for check in self.checks]
        return found

    def only(self, names: Sequence[str]) -> Table:
        """The rows with these names."""
        return Table(self.cell, self.checks, {name: self.errors[name] for name in self.errors if name in names})


def table(cell: str = "rnn", checks: Sequence[Check] = CHECKS, seed: int = 0) -> Table:
    """Every mistake that fits a cell against every check that runs for it; symbols run up to ``symbols.LENGTHS``.

    Examples
    --------
    >>> found = table("rnn", [Check("complex step"), Check("$T = 2$", sizes=dict(T=2))])
    >>> found.missed("complex step"), found.missed("$T = 2$")
    ((), ('lam-rising',))
    """
    checks = tuple(check for check in checks if runs(check, cell))
    benches = {check.name: _bench(check, cell, seed) for check in checks}
    mistakes = catalogue.fitting(cell)
    return Table(cell, checks, {m.name: {name: error(m) for name, error in benches.items()} for m in mistakes})


def runs(check: Check, cell: str) -> bool:
    """Whether a check runs for a cell: symbols are for so many steps at most."""
    return check.how != "symbols" or check.sizes["T"] <= symbols.LENGTHS[cell]


def _bench(check, cell, seed):
    """The function that gives a check's error for a mistake."""
    if check.how == "symbols":
        run, numbers = symbols.Run(check.sizes["T"], cell), Bench(replace(check, how="mod p"), cell, seed)
        return lambda mistake: np.inf if numbers.error(mistake) or run.caught(mistake) else 0.0
    return Bench(check, cell, seed).error


def smallest(tables: Sequence[Table], checks: Sequence[str], but: Sequence[str] = ()) -> list[tuple[str, ...]]:
    """The smallest sets of these checks that together miss nothing in any table, apart from the mistakes in ``but``.

    Examples
    --------
    >>> lazy = [Check("$T = 1$", sizes=dict(T=1)), Check("$h = 1$", sizes=dict(h=1))]
    >>> smallest([table("rnn", lazy)], [check.name for check in lazy])  # both miss the order of a product
    []
    """
    for size in range(1, len(checks) + 1):
        sets = [chosen for chosen in itertools.combinations(checks, size) if all(set(t.missed(*chosen)) <= set(but) for t in tables)]
        if sets:
            return sets
    return []
