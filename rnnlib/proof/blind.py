r"""Where a check cannot see: points so special that a wrong formula holds there as well as the right one.

``MISTAKES`` are formulas that people write; ``LAZY`` are points that people check at. ``table`` evaluates each mistake at each point,
by the same machinery that checks the book's equations: the typeset formula against the derivative of a run of rnnlib.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from rnnlib import losses
from rnnlib.proof import statement, tex
from rnnlib.proof.points import ArrayPoint

MISSED = 1e-12  # a relative error up to this is what rounding leaves of a right formula


class Mistake(NamedTuple):
    """A wrong formula, and the right one in its place."""

    what: str
    wrong: str
    right: str


_EACH_STEP = r", \qquad t = 1, \dots, T"
MISTAKES = (
    Mistake("$W$ not transposed on the way back",
            r"\lambda_t = V^\top \varepsilon_t + W \delta_{t+1}" + _EACH_STEP,
            r"\lambda_t = V^\top \varepsilon_t + W^\top \delta_{t+1}" + _EACH_STEP),
    Mistake("$f'$ forgotten",
            r"\frac{\partial L}{\partial W} = \sum_{t=1}^{T} \lambda_t s_{t-1}^\top",
            r"\frac{\partial L}{\partial W} = \sum_{t=1}^{T} \delta_t s_{t-1}^\top"),
    Mistake("$f'$ taken one step early",
            r"\frac{\partial L}{\partial b} = f'(a_1) \odot \lambda_1 + \sum_{t=2}^{T} f'(a_{t-1}) \odot \lambda_t",
            r"\frac{\partial L}{\partial b} = \sum_{t=1}^{T} f'(a_t) \odot \lambda_t"),
    Mistake("the new state for the old",
            r"\frac{\partial L}{\partial W} = \sum_{t=1}^{T} \delta_t s_t^\top",
            r"\frac{\partial L}{\partial W} = \sum_{t=1}^{T} \delta_t s_{t-1}^\top"),
    Mistake("first step left out",
            r"\frac{\partial L}{\partial W} = \sum_{t=2}^{T} \delta_t s_{t-1}^\top",
            r"\frac{\partial L}{\partial W} = \sum_{t=1}^{T} \delta_t s_{t-1}^\top"),
    Mistake("factors of the outer product exchanged",
            r"\frac{\partial L}{\partial W} = \sum_{t=1}^{T} s_{t-1} \delta_t^\top",
            r"\frac{\partial L}{\partial W} = \sum_{t=1}^{T} \delta_t s_{t-1}^\top"),
    Mistake("recurrence forgotten",
            r"\frac{\partial L}{\partial W} = \sum_{t=1}^{T} D_t V^\top \varepsilon_t s_{t-1}^\top",
            r"\frac{\partial L}{\partial W} = \sum_{t=1}^{T} D_t \lambda_t s_{t-1}^\top"),
    Mistake("cut off one step back",
            r"\frac{\partial L}{\partial b} = \sum_{t=1}^{T} D_t V^\top \varepsilon_t"
            r" + \sum_{t=2}^{T} D_{t-1} J_t^\top V^\top \varepsilon_t",
            r"\frac{\partial L}{\partial b} = \sum_{t=1}^{T} \sum_{i=1}^{t} D_i \Phi_{t,i}^\top V^\top \varepsilon_t"),
    Mistake("ordered product reversed",
            r"\frac{\mathrm{d} s_t}{\mathrm{d} b} = \sum_{i=1}^{t} \left(\prod_{j=i+1}^{t} J_j\right) D_i" + _EACH_STEP,
            r"\frac{\mathrm{d} s_t}{\mathrm{d} b} = \sum_{i=1}^{t} \left(\overleftarrow{\prod}_{j=i+1}^{t} J_j\right) D_i" + _EACH_STEP),
    Mistake("bias from the last step alone",
            r"\frac{\partial L}{\partial b} = \delta_T",
            r"\frac{\partial L}{\partial b} = \sum_{t=1}^{T} \delta_t"),
    Mistake("weights of the steps forgotten",
            r"\varepsilon_t = o_t \mathbf{1}_m^\top y_t - y_t" + _EACH_STEP,
            r"\varepsilon_t = \omega_t (o_t \mathbf{1}_m^\top y_t - y_t)" + _EACH_STEP),
    Mistake("targets taken to sum to 1",
            r"\varepsilon_t = \omega_t (o_t - y_t)" + _EACH_STEP,
            r"\varepsilon_t = \omega_t (o_t \mathbf{1}_m^\top y_t - y_t)" + _EACH_STEP),
)  # fmt: skip

LAZY = {
    "$T = 1$": dict(T=1),
    "$T = 2$": dict(T=2),
    "$T = 2$, $s_0 = 0$": dict(T=2, s_0=0),
    "$s_0 = 0$": dict(s_0=0),
    "$h = 1$": dict(sizes=(3, 1, 4)),
    "$m = 1$": dict(sizes=(3, 5, 1)),
    r"$W = W^\top$": dict(symmetric=True),
    "linear $f$": dict(f="identity"),
    r"$\omega_t = 1$": dict(equal_weights=True),
    "one-hot $y_t$": dict(one_hot=True),
}


def point(
    T=4, sizes=statement.GENERIC_SIZES, *, f="tanh", s_0=1, symmetric=False, equal_weights=False, one_hot=False, seed=1
) -> ArrayPoint:
    """A point in floating point with softmax and cross-entropy; generic as it is, lazy in the ways that the arguments say.

    Parameters
    ----------
    T, sizes : the number of steps, and (n, h, m).
    f : name of the activation.
    s_0 : what the random initial state is multiplied by.
    symmetric : True for a symmetric W.
    equal_weights : True for ω_t = 1 at every step.
    one_hot : True for targets with a single 1.
    """
    made = ArrayPoint(T, sizes, exact=False, f=f, seed=seed)
    made.initial["s"] = made.initial["s"] * s_0
    if symmetric:
        made.parameters["W"] = (made.parameters["W"] + made.parameters["W"].T) / 2
    if equal_weights:
        made.weights = np.ones(T)
    if one_hot:
        made.Y = losses.one_hot(np.arange(T) % sizes[2], sizes[2])
    return made


def error_at(text: str, at: ArrayPoint) -> float:
    """The largest relative error of a formula at one point, over all its relations and index values; infinity if shapes do not fit."""
    said = tex.parse(text)
    worst = 0.0
    for times in statement.assignments(said, at.T):
        for relation in said.relations:
            try:
                worst = max(worst, statement.compare(relation, at, times, {})[0])
            except (statement.ShapeError, statement.Undefined):
                return float("inf")
    return worst


@dataclass(frozen=True)
class Table:
    """Relative errors: ``errors[what][where]`` for each mistake and each point, the generic one first."""

    errors: dict[str, dict[str, float]]

    def missed(self, where: str) -> list[str]:
        """The mistakes that a check at this point lets through."""
        return [what for what, row in self.errors.items() if row[where] <= MISSED]

    def _repr_markdown_(self):
        places = list(next(iter(self.errors.values())))
        lines = [["error in %", *places], [":--"] + ["--:"] * len(places)]
        lines += [[what, *map(_cell, row.values())] for what, row in self.errors.items()]
        lines += [[f"missed, of {len(self.errors)}", *(str(len(self.missed(where))) for where in places)]]
        return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cell(error):
    if error <= MISSED:
        return "**0**"
    return "shape" if error == float("inf") else f"{100 * error:.2g}" if error < 0.01 else f"{100 * error:.0f}"


def table(mistakes=MISTAKES, lazy=LAZY) -> Table:
    """Every mistake at a generic point, and at every lazy one."""
    points = {"generic": point()} | {name: point(**ways) for name, ways in lazy.items()}
    return Table({m.what: {name: error_at(m.wrong, at) for name, at in points.items()} for m in mistakes})
