r"""``diagnose_formula``: a formula in the book's LaTeX, judged and looked up in the catalogue.

``rnnlib.proof`` evaluates both sides at generic points. If they differ, the right side's numbers are compared with what
each mistake makes of the left side's quantity, in two ways:
the whole pass spoiled, as in \partial L/\partial W = \sum_t V^\top \varepsilon_t …, where the mistake has spread;
and one step of the right pass spoiled, as in \lambda_t = … + W \delta_{t+1}, where all letters on the right are true.
"""

from __future__ import annotations

import itertools
import math
import re
from functools import cache
from typing import NamedTuple

import numpy as np

from rnnlib.doctor import catalogue, points
from rnnlib.doctor.diagnosis import Diagnosis, Explanation, Verdict
from rnnlib.doctor.examine import OTHERS, relative_error
from rnnlib.doctor.reader import UNFILLED

TOLERANCE = 1e-9
LENGTH, SIZES = 5, ((3, 5, 4), (4, 4, 4))  # T; n, h, m, all different, and all equal for what fits only there
STARTS = ("ds_0", "dC_0", "ds_f0", "ds_b0")
# What is often typed, or said of what was typed, and what the dialect has for it
TYPED = {
    r"[\x07\x08\x0b\x0c\r\t]": r'Python has read \f, \t, \b, … as control characters: put an r before the quotation mark, r"\frac…"',
    r"\$": "leave the dollar signs out",
    r"exponent 'T'": r"a transpose is ^\top",
    r"\\epsilon": r"the error at the output is \varepsilon",
    r"\*|\\times|\\cdot\b": r"a product entry by entry is \odot, one of matrices has no sign",
    r"\\frac\s*\{d": r"a derivative of L is \frac{\partial L}{\partial W}",
    r"\\sum_[^{]|\\sum(?!_)": r"a sum has its limits: \sum_{t=1}^{T}",
    r"\bh_": "the state is s_t",
}
DOTS = re.compile(r",\s*(?:\.\.\.|…)\s*,")  # between 1 and T
GATES = {"lstm": (r"\iota", r"\phi", r"\tilde{C}", r"\psi"), "gru": ("r", "u", r"\tilde{s}")}


SPELT = {r"\iota": "iota", r"\phi": "phi", r"\psi": "psi", r"\tilde{C}": "C_tilde", r"\tilde{s}": "s_tilde", r"a_\tilde{s}": "a_s"}


def diagnose_formula(formula: str, network: str = "rnn", *, f: str = "tanh", head: str = "softmax_cross_entropy") -> Diagnosis:
    r"""Whether a formula in the book's LaTeX holds; if not, which mistake it is.

    Both sides are evaluated at random points with T = 5, the left side as a derivative of a run of rnnlib.
    A gradient (``\frac{\partial L}{\partial W}``), an adjoint (``\lambda_t``, ``\delta_t``, ``\varepsilon_t``, …)
    or a step of the forward pass on the left can be looked up in the catalogue; other formulas are judged only.

    Parameters
    ----------
    formula : the equation, in the dialect of ``rnnlib.proof.tex``, with the ranges of its indices.
    network : "rnn", "lstm", "gru", "gru_before", "gru_replace" or "bidirectional".
    f, head : names of the activation and of the output head at the points.

    Returns
    -------
    Diagnosis; print it. What cannot be read or has no meaning is among its ``problems``.

    Raises
    ------
    ValueError
        If a name is unknown.
    ImportError
        If SymPy is not installed, which ``rnnlib.proof`` needs.

    Examples
    --------
    >>> diagnose_formula(r"\frac{\partial L}{\partial W} = \sum_{t=1}^{T} \delta_t s_t^\top").names
    ('dW-new-state',)
    """
    from rnnlib.proof import points as numbers
    from rnnlib.proof import statement, tex

    if not isinstance(formula, str):
        raise ValueError(f"formula is a {type(formula).__name__}; it must be the formula's TeX, a string")
    made = points.problem(network, f, head)
    if DOTS.search(formula):
        return Diagnosis(made.cell, (), problems=(r"the dots between 1 and T are \dots, as in t = 1, \dots, T",))
    if "..." in formula or "…" in formula:
        return Diagnosis(made.cell, (), notes=(UNFILLED,))
    name = formula.split("=")[0].replace("&", "").replace(r"\begin{aligned}", "").strip()
    try:
        said = tex.parse(formula)
        at = [numbers.array_point(LENGTH, sizes, False, made.f.name, made.head.name, None, 1, made.cell) for sizes in SIZES]
        if any(relation.op != "=" for relation in said.relations) or not statement.assignments(said, LENGTH):
            raise tex.TexError(f"an equation is needed that holds for some index, not {formula}")
        error, note, failed = _worst(statement, said, at)
    except (tex.TexError, numbers.Ambiguous, numbers.NotHere) as bad:
        return Diagnosis(made.cell, (), problems=("; ".join([str(bad), *_advice(formula, str(bad), network)]),))
    if note.startswith("cannot multiply"):
        note += r"; a product entry by entry is \odot, an outer product has a ^\top"
    verdict = Verdict(name, error, TOLERANCE, note)
    if verdict.right:
        return Diagnosis(made.cell, (verdict,))
    cases = [case for point in at for case in _cases(statement, said, failed, point, made.cell)]
    sets, tried = _explain(made.cell, cases)
    explanations = (Explanation(sets[0], (name,), tuple(sets[1 : 1 + OTHERS])),) if sets else ()
    return Diagnosis(made.cell, (verdict,), explanations, tried=tried)


def _advice(formula, problem, network):
    """What to do about a formula that cannot be read or has a letter without a meaning."""
    from rnnlib.proof.networks import NETWORKS

    text = formula + problem.partition(" in ")[0]
    found = [advice for typed, advice in TYPED.items() if re.search(typed, text)]
    if formula.count("{") != formula.count("}"):
        found.append(f"it has {formula.count('{')} opening and {formula.count('}')} closing braces")
    if unknown := re.search(r"the letter (\S+) has no meaning", problem):
        others = [name for name, other in NETWORKS.items() if unknown[1] in other.vocabulary]
        known = ", ".join(k for k in NETWORKS[network].vocabulary if len(k) < 12)
        found.append(f'{unknown[1]} is a letter of network="{others[0]}"' if others else f"letters with a meaning here: {known}")
    return found


def _worst(statement, said, at):
    """The largest error over points, relations and times, the first reason why there is none, the first relation that fails."""
    worst, note, failed = 0.0, "", None
    for point, relation in itertools.product(at, said.relations):
        for times in statement.assignments(said, point.T):
            try:
                error = statement.compare(relation, point, times, {})[0]
            except (statement.ShapeError, statement.Undefined) as bad:
                error, note = math.inf, note or str(bad)
            worst, failed = max(worst, error), failed or (relation if error > TOLERANCE else None)
    return worst, note, failed


class _Quantity(NamedTuple):
    """What a left side is in a pass: ``variable`` at time ``t`` (None if it has none), there block ``k`` of ``blocks`` along ``axis``."""

    variable: str
    t: int | None = None
    k: int = 0
    blocks: int = 1
    axis: int = 0

    def of(self, names):
        """Its value as the formulas have it: a matrix, or a column."""
        v = names[self.variable]
        if self.t is not None:
            v = v[self.t] if isinstance(v, dict) else v[self.t - 1]
        row = self.t is not None or self.variable in STARTS
        return np.split(v.T if row else v.reshape(len(v), -1), self.blocks, axis=self.axis)[self.k]


class _Case(NamedTuple):
    """The numbers on the right side at one point and time, and what to compare them with."""

    quantity: _Quantity
    right: np.ndarray
    passes: _Passes


class _Passes:
    """The pass of a cell at a point of ``rnnlib.proof``, right and spoiled."""

    def __init__(self, point, cell):
        self.program = catalogue.pass_of(cell)
        self.states = self.program.states(_variables(point, cell))
        self.whole, self.one_step = cache(self._whole), cache(self._one_step)

    def _whole(self, mistakes):
        """The variables of a pass with these mistakes; None if shapes do not fit."""
        try:
            with np.errstate(all="ignore"):
                return self.program.resume(self.states, catalogue.edits_of(*mistakes))
        except ValueError:
            return None

    def _one_step(self, mistakes, variable, t):
        """The same, but all that goes into the variable at step t is right."""
        try:
            with np.errstate(all="ignore"):
                return self.program.one_step(self.states[-1], catalogue.edits_of(*mistakes), variable, t)
        except ValueError:
            return None


def _cases(statement, said, relation, point, cell):
    """Every time at which the right side has numbers and the left side a place in the pass."""
    passes = _Passes(point, cell)
    for times in statement.assignments(said, point.T):
        quantity = _quantity(statement, relation.left, point, times)
        try:
            right = statement.Evaluator(point, times, {}, {})(relation.right) if quantity else None
        except (statement.ShapeError, statement.Undefined, LookupError, SyntaxError):
            continue  # no numbers here: shapes that fit only at the other point, or components
        if isinstance(right, np.ndarray):
            yield _Case(quantity, right, passes)


def _quantity(statement, node, point, times):
    """Where a pass keeps what a left side means; None if it does not."""
    network = point.network
    if node.op == "derivative":
        kind, above, below = node.parts
        if above != type(node)("name", ("L",)) or below.op != "name" or kind == "immediate":
            return None
        letter, subscripts = statement.read(below.parts, network.vocabulary, {})
    elif node.op == "name":
        letter, subscripts = statement.read(node.parts, network.vocabulary, {})
        if letter in (*network.states, *network.inner, "z", "o") and len(subscripts) == 1:
            return _forward(letter, statement.integer(subscripts[0], times), network.name)
        letter = {**network.adjoints, r"\varepsilon": "z"}.get(letter)
    else:
        return None
    if letter is None or len(subscripts) != network.vocabulary[letter][0]:
        return None  # a component, or a step's own loss
    return _place(letter, statement.integer(subscripts[0], times) if subscripts else None, network.name)


def _forward(letter, t, cell):
    """The place of a quantity of the way forward."""
    if cell == "lstm" and letter.startswith("a_"):
        return _Quantity("a", t, GATES[cell].index(letter[2:]), 4)
    return _Quantity(SPELT.get(letter, letter), t)


def _place(letter, t, cell):
    """The place of ∂L by a letter."""
    base = cell.partition("_")[0]
    gates = GATES.get(base, ())
    stem, _, gate = letter.partition("_")
    end = {("s", 0): "ds_0", ("C", 0): "dC_0", ("s_f", 0): "ds_f0", ("s_b", LENGTH + 1): "ds_b0"}.get((letter, t))
    if end:
        return _Quantity(end)
    if gate in gates:
        k = gates.index(gate)
        return _Quantity("delta", t, k, len(gates)) if stem == "a" else _Quantity(f"d{stem}", None, k, len(gates))
    if letter in ("V_f", "V_b"):
        return _Quantity("dV", None, int(letter == "V_b"), 2, 1)
    if t is None:
        return _Quantity(f"d{letter}")
    timed = {"x": "dX", "z": "eps", "s": "lam", "C": "mu", "a": "delta"}
    return _Quantity(timed[stem] + (f"_{gate}" if gate else ""), t) if stem in timed else None


def _variables(point, cell):
    """The arguments of the cell's pass, from a point with one sequence."""
    network, given = point.network, {**point.parameters}
    gates = GATES.get(cell.partition("_")[0], ())
    if gates:
        given |= {k: np.concatenate([given[f"{k}_{gate}"] for gate in gates]) for k in "UWb"}
    if "V_f" in given:
        given["V"] = np.concatenate([given["V_f"], given["V_b"]], axis=1)
    kind = points.KINDS[cell]
    names = {letter: given[letter] for letter, axes in kind.shapes.items() if axes[0] != "B"}
    names |= {{"s_f": "s_f0", "s_b": "s_b0"}.get(k, f"{k}_0"): point.initial[k][None] for k in network.states}
    names |= {"X": point.X[:, None], "Y": point.Y[:, None], "weights": point.weights[:, None]}
    names |= {"f": point.functions["f"], "head": point.head}
    return names | ({"gate": point.functions[r"\sigma"]} if gates else {})


def _explain(cell, cases):
    """The sets of mistakes that give the right side wherever it has numbers, and how many were tried."""
    if not cases:
        return [], (0, 0)

    def given(case, mistakes, whole):
        place = case.quantity
        names = case.passes.whole(mistakes) if whole else case.passes.one_step(mistakes, place.variable, place.t)
        try:
            return None if names is None else place.of(names)
        except ValueError:  # of a shape that cannot be cut into the blocks
            return None

    def fits(mistakes, whole):
        values = ((case, given(case, mistakes, whole)) for case in cases)
        return all(value is not None and relative_error(case.right, value) <= TOLERANCE for case, value in values)

    def either(mistakes):
        return fits(mistakes, False) or fits(mistakes, True)

    def changes(mistake):
        values = (given(case, (mistake,), True) for case in cases)
        return any(value is None or not np.array_equal(value, given(case, (), True)) for case, value in zip(cases, values))

    alive = [mistake for mistake in catalogue.fitting(cell) if changes(mistake)]
    at_line = cases[0].quantity.variable, f"{cases[0].quantity.variable}[t]"
    steps = sorted((m for m in alive if fits((m,), False)), key=lambda m: not any(edit.line in at_line for edit in m.edits))
    if found := dict.fromkeys([*steps, *(m for m in alive if fits((m,), True))]):
        return [(mistake,) for mistake in found], (len(alive), 0)
    pairs = (pair for pair in itertools.combinations(alive, 2) if catalogue.together(cell, *pair))
    return list(itertools.islice(filter(either, pairs), 1 + OTHERS)), (len(alive), math.comb(len(alive), 2))
