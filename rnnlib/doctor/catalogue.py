"""The catalogue of mistakes: each is one line of a right pass (``rnnlib.doctor.passes``) with a piece of it replaced.

Two mistakes at once are the edits of both; they cannot be combined if they touch the same piece.
A few mistakes change several lines: the gradient is right then, but it is that of another network.
``page`` and ``label`` say where the book explains the mistake, or the formula that it misses.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from rnnlib.doctor import passes
from rnnlib.doctor.program import Conflict, Edit, Program

ONE_WAY = ("rnn", "lstm", "gru")
ALL = (*ONE_WAY, "bidirectional")


@dataclass(frozen=True)
class Mistake:
    """A wrong line.

    Attributes
    ----------
    name : what it is called, the line's name first: "dW-new-state".
    says : what is wrong, in half a sentence.
    why : how one comes to write it, or what it forgets, in one sentence.
    page, label : the page and the equation that explain it.
    edits : the pieces of lines that it replaces.
    cells : the cells whose pass it can spoil.
    """

    name: str
    says: str
    why: str
    page: str
    label: str
    edits: tuple[Edit, ...]
    cells: tuple[str, ...]

    def lines(self, cell: str) -> list[tuple[str, str]]:
        """The lines of a cell's right pass that it changes, each with what becomes of it.

        Examples
        --------
        >>> named("dW-new-state").lines("rnn")[0][1]
        'dW = sum(delta[t].T @ s[t] for t in steps)'
        """
        return list(pass_of(cell).edited(self.edits).items())


def _mistake(cells, page, name, says, why, label, *edits):
    return Mistake(name, says, why, page, label, tuple(Edit(*edit) for edit in edits), cells)


def _group(cells, page, *rows):
    return [_mistake(cells, page, *row) for row in rows]


_EPS = "head.epsilon(o[t], y[t])"

_READOUT = _group(
    ALL, "output",
    ("eps-sign", "ε_t has the wrong sign", "The loss falls along −ε, but its derivative is ε.",
     "eq-output-epsilon-sign-wrong", ("eps[t]", "", " * -1")),
    ("eps-targets-sum-1", "ε_t is o_t − y_t although the targets do not sum to 1",
     "Softmax gives o Σy − y; with Σy = 1 the factor is not seen.",
     "eq-output-epsilon-wrong", ("eps[t]", _EPS, "(o[t] - y[t])")),
    ("eps-no-target", "ε_t is o_t, the target is not subtracted", "The derivative of the loss is o − y, also where y is 0.",
     "eq-output-epsilon", ("eps[t]", _EPS, "o[t]")),
    ("eps-of-z", "ε_t is z_t − y_t, the output activation is left out", "The error is taken between output o = g(z) and target.",
     "eq-output-epsilon", ("eps[t]", _EPS, "(z[t] - y[t])")),
    ("eps-softmax-diagonal", "ε_t is y_t ⊙ (o_t − 1): the softmax's Jacobian has only its diagonal, or the loss only its y log o",
     "Every output depends on every z_k, so the Jacobian is diag(o) − o oᵀ.",
     "eq-output-softmax-diagonal-wrong", ("eps[t]", _EPS, "y[t] * (o[t] - 1)")),
    ("eps-softmax-twice", "ε_t has the softmax's Jacobian a second time", "o − y is already the derivative by z; diag(o) − o oᵀ is in it.",
     "eq-output-chain", ("eps[t]", _EPS, "softmax_back(o[t], head.epsilon(o[t], y[t]))")),
    ("eps-slope-twice", "ε_t is multiplied by o_t ⊙ (1 − o_t)", "With cross-entropy the slope of the sigmoid cancels; o − y has it in it.",
     "eq-output-epsilon-sigmoid", ("eps[t]", _EPS, "o[t] * (1 - o[t]) * head.epsilon(o[t], y[t])")),
    ("eps-mean-over-outputs", "ε_t is divided by the number m of outputs",
     "The loss of a step is a sum over the outputs; a mean over them is another loss.",
     "eq-output-cross-entropy", ("eps[t]", "", " / m")),
    ("eps-half-forgotten", "ε_t is twice as large",
     "Without the ½ in the squared error, or with a loss counted twice, every gradient doubles.",
     "eq-output-squared", ("eps[t]", "", " * 2")),
)  # fmt: skip

_TOTALS = _group(
    ALL, "totals",
    ("eps-no-weight", "the weights ω_t are left out", "L_t = ω_t ℓ has its weight inside, so ε_t has it, too.",
     "eq-totals-weights", ("eps[t]", "omega[t] * ", "")),
    ("eps-weight-twice", "the weights ω_t come in twice", "ε_t has the weight in it; it is not to be multiplied again.",
     "eq-totals-weights", ("eps[t]", "", " * omega[t]")),
    ("eps-mean-over-time", "everything is divided by T, the number of steps",
     "L is the sum of the step losses; a mean is the choice ω_t = 1/T.",
     "eq-totals-mean", ("eps[t]", "", " / T")),
    ("eps-mean-over-batch", "everything is divided by B, the number of sequences",
     "L is the sum over the batch; a mean over it is another loss.",
     "eq-totals-weights", ("eps[t]", "", " / B")),
    ("eps-last-alone", "only the last step has a loss", "That is the gradient of L_T; L has a term for every step.",
     "eq-totals-all-w-wrong", ("eps[t]", "", " * (t == T)")),
    ("eps-first-dropped", "the loss of step 1 is left out", "A loop over time that ends one step too early.",
     "eq-totals-all-w", ("eps[t]", "", " * (t > 1)")),
    ("dV-last-alone", "∂L/∂V is that of the last step alone", "Every step with a loss has its term.",
     "eq-totals-all-v", ("dV", "for t in steps", "for t in [T]")),
    ("dV-not-added", "∂L/∂V is the term of step 1 alone", "Going back, each step overwrites the sum (= for +=), and step 1 is the last.",
     "eq-totals-all-v", ("dV", "for t in steps", "for t in [1]")),
    ("dc-last-alone", "∂L/∂c is that of the last step alone", "Every step with a loss has its term.",
     "eq-totals-all-biases", ("dc", "for t in steps", "for t in [T]")),
    ("dc-not-added", "∂L/∂c is the term of step 1 alone", "Going back, each step overwrites the sum (= for +=), and step 1 is the last.",
     "eq-totals-all-biases", ("dc", "for t in steps", "for t in [1]")),
)  # fmt: skip

_READOUT_MATRIX = [
    *_group(ALL, "output",
        ("dV-transposed", "∂L/∂V is transposed", "ε sᵀ has a row for each output, as V has; s εᵀ has not.",
         "eq-output-v-transposed-wrong", ("dV", "eps[t].T @ s[t]", "s[t].T @ eps[t]")),
        ("dc-not-summed", "∂L/∂c is not summed over the batch", "All sequences share c, so their terms add.",
         "eq-output-c", ("dc", "eps[t].sum(axis=0)", "eps[t]")),
        ("dc-mean", "∂L/∂c is a mean over the batch", "A gradient has one scale: where V's is a sum over the batch, c's is, too.",
         "eq-output-c", ("dc", "", " / B"))),
    *_group(ONE_WAY, "output",
        ("dV-old-state", "∂L/∂V takes s_{t-1} where s_t belongs", "The output of step t sees the state that step t has made.",
         "eq-output-v-before-wrong", ("dV", "@ s[t]", "@ s[t - 1]"))),
    *_group(("rnn",), "output",
        ("dV-pre-activation", "∂L/∂V takes a_t where s_t belongs", "V is multiplied by the state, after f.",
         "eq-output-v", ("dV", "@ s[t]", "@ a[t]"))),
]  # fmt: skip

_SLOPE = "f.df(a[t], s[t])"

_SLOPES = _group(
    ("rnn",), "one_step",
    ("slope-missing", "the slope f'(a_t) is left out", "A linear network has none; δ_t = f'(a_t) ⊙ λ_t has it.",
     "eq-one-step-wrong-no-slope", ("slope[t]", _SLOPE, "np.ones_like(s[t])")),
    ("slope-of-s", "the slope is f'(s_t), not f'(a_t)", "1 − s² uses s, but a function f' wants the pre-activation a.",
     "eq-one-step-wrong-slope-of-s", ("slope[t]", _SLOPE, "f.df(s[t], f.f(s[t]))")),
    ("slope-of-a", "the slope is 1 − a_t², not 1 − s_t²", "tanh' = 1 − tanh²: what is squared is the value of tanh.",
     "eq-one-step-wrong-slope-of-s", ("slope[t]", _SLOPE, "1 - a[t] ** 2")),
    ("slope-sigmoid", "the slope is s_t ⊙ (1 − s_t), that of the sigmoid", "Each activation has its own slope.",
     "eq-one-step-vjp", ("slope[t]", _SLOPE, "s[t] * (1 - s[t])")),
    ("slope-not-squared", "the slope is 1 − s_t, the square is missing", "tanh' = 1 − tanh².",
     "eq-one-step-vjp", ("slope[t]", _SLOPE, "1 - s[t]")),
    ("slope-inverse", "the slope is 1/(1 − s_t²)", "That is the slope of the inverse function artanh, not of tanh.",
     "eq-one-step-vjp", ("slope[t]", _SLOPE, "np.reciprocal(1 - s[t] ** 2)")),
    ("slope-value", "the slope is f(a_t) itself", "Forward goes the value f(a), back goes the slope f'(a).",
     "eq-one-step-vjp", ("slope[t]", _SLOPE, "s[t]")),
    ("slope-early", "the slope is taken one step early", "The slope at step t is taken at a_t, which made s_t.",
     "eq-one-step-vjp", ("slope[t]", _SLOPE, "f.df(a[t - 1], s[t - 1])")),
    ("slope-twice", "the slope f'(a_t) comes in twice", "λ_t is the derivative by s_t, before f; only δ_t has the slope.",
     "eq-one-step-vjp", ("delta[t]", "", " * slope[t]")),
    ("lam-no-slope", "the slope is left out on the way from s_t to s_{t-1}", "J_t = D_t W: the adjoint passes f before it meets Wᵀ.",
     "eq-one-step-wrong-no-slope", ("back[t]", "delta[t] @ W", "lam[t] @ W")),
    ("lam-slope-side", "the slope comes after Wᵀ on the way back", "J_t is D_t W, not W D_t: going back, the slope comes first.",
     "eq-one-step-wrong-side", ("back[t]", "delta[t] @ W", "slope[t] * (lam[t] @ W)")),
)  # fmt: skip

_ADJOINT = [
    *_group(("rnn",), "two_directions",
        ("lam-transposed", "W is not transposed on the way back", "Forward W, backward Wᵀ; both fit because W is square.",
         "eq-two-directions-wrong-transpose", ("back[t]", "delta[t] @ W", "delta[t] @ W.T")),
        ("lam-early-slope", "the Jacobian on the way back is J_t where J_{t+1} belongs", "From s_t to s_{t+1} leads the step t + 1.",
         "eq-two-directions-wrong-index", ("lam[t]", "back[t + 1]", "(slope[t] * lam[t + 1]) @ W")),
        ("lam-no-W", "W is left out on the way back", "δ_{t+1} is the derivative by a_{t+1}; Wᵀ leads from there to s_t.",
         "eq-two-directions-adjoint", ("back[t]", "delta[t] @ W", "delta[t]")),
        ("ds_0-no-W", "∂L/∂s_0 is δ_1, without Wᵀ", "δ_1 is the derivative by a_1; Wᵀ leads from there to s_0.",
         "eq-two-directions-wrong-s0", ("ds_0", "back[1]", "delta[1]")),
        ("ds_0-transposed", "∂L/∂s_0 is W δ_1, W is not transposed", "Forward W, backward Wᵀ; both fit because W is square.",
         "eq-two-directions-s0", ("ds_0", "back[1]", "delta[1] @ W.T"))),
    *_group(("rnn", "lstm"), "two_directions",
        ("ds_0-adjoint", "∂L/∂s_0 is λ_1, the adjoint of s_1", "Step 1 lies between the two.",
         "eq-two-directions-s0", ("ds_0", "back[1]", "lam[1]")),
        ("lam-accumulated", "what goes back is the sum of all later δ",
         "The adjoint is passed on (=), not gathered (+=): δ_{t+1} holds the later steps.",
         "eq-two-directions-adjoint", ("back[t]", "delta[t] @ W", "back[t + 1] + delta[t] @ W")),
        ("lam-doubled", "what comes back from step t + 1 is counted twice", "Once by λ and once more by hand.",
         "eq-two-directions-adjoint", ("lam[t]", "back[t + 1]", "2 * back[t + 1]")),
        ("lam-V-transposed", "V is not transposed on the way back", "Forward V, backward Vᵀ; both fit only where h = m.",
         "eq-two-directions-lambda", ("lam[t]", "eps[t] @ V", "eps[t] @ V.T"))),
    *_group(ONE_WAY, "two_directions",
        ("lam-direct-dropped", "the direct effect Vᵀ ε_t counts at the last step alone",
         "Every state has two ways to the loss: its own output and the next state.",
         "eq-two-directions-lambda", ("lam[t]", "eps[t] @ V", "(t == T) * eps[t] @ V")),
        ("lam-direct-twice", "the direct effect Vᵀ ε_t is counted twice", "It belongs into λ_t once.",
         "eq-two-directions-lambda", ("lam[t]", "eps[t] @ V", "2 * eps[t] @ V")),
        ("dX-reversed", "∂L/∂x_t has its steps in reverse order", "Gathered going back, the last step comes first.",
         "eq-two-directions-x", ("dX", "for t in steps", "for t in reversed(steps)"))),
    *_group(("rnn",), "two_directions",
        ("dX-transposed", "∂L/∂x_t is U δ_t, U is not transposed", "Forward U, backward Uᵀ; both fit only where n = h.",
         "eq-two-directions-x", ("dX", "delta[t] @ U", "delta[t] @ U.T")),
        ("dX-no-slope", "∂L/∂x_t takes λ_t where δ_t belongs", "x_t acts through a_t, and f comes after it.",
         "eq-two-directions-x", ("dX", "delta[t]", "lam[t]"))),
    *_group(("rnn",), "gradient_w",
        ("lam-swapped", "V and W are exchanged in the adjoint", "λ_t = Vᵀ ε_t + Wᵀ δ_{t+1}; the other way round fits only where h = m.",
         "eq-gradient-w-wrong-swapped", ("lam[t]", "eps[t] @ V", "eps[t] @ W"), ("back[t]", "delta[t] @ W", "delta[t] @ V"))),
    *_group(("rnn",), "gradient_u",
        ("lam-rising", "the Jacobians are multiplied in rising order",
         "Unrolling puts the latest factor on the left: J_t J_{t-1} ⋯ J_{i+1}.",
         "eq-gradient-u-wrong-rising",
         ("lam[t]", "eps[t] @ V + back[t + 1]", "sum(rising(eps[k] @ V, slope, W, t, k) for k in range(t, T + 1))"))),
    *_group(("rnn",), "museum",
        ("delta-next-state", "what comes back from step t + 1 is multiplied by s_{t+1} where f'(a_t) belongs",
         "Both ways to the loss pass f at step t: δ_t = f'(a_t) ⊙ (Vᵀ ε_t + Wᵀ δ_{t+1}).",
         "eq-museum-next-state", ("delta[t]", "slope[t] * lam[t]", "slope[t] * (eps[t] @ V) + s[min(t + 1, T)] * back[t + 1]"))),
    *_group(("rnn",), "truncated",
        ("lam-one-back", "the adjoint goes one step back and no further", "Truncated after one step: another vector than the gradient.",
         "eq-truncated-wrong", ("back[t]", "delta[t] @ W", "(slope[t] * (eps[t] @ V)) @ W"))),
    *_group(("rnn", "lstm"), "gradient_w",
        ("lam-no-recursion", "nothing comes back from step t + 1",
         "The step before is treated as a constant: the immediate derivative for the total.",
         "eq-gradient-w-wrong-immediate", ("lam[t]", " + back[t + 1]", ""))),
]  # fmt: skip


def _sums(cells, page, letter, line, explained, factor="delta[t]"):
    """What can go wrong with a sum over time, by whatever it is."""
    last, added, first = explained
    sum_ = f"∂L/∂{letter}"
    return _group(cells, page,
        (f"{line}-last-alone", f"{sum_} is the term of the last step alone",
         "The parameter is used at every step, and each use has its term.",
         last, (line, "for t in steps", "for t in [T]")),
        (f"{line}-not-added", f"{sum_} is the term of step 1 alone",
         "Going back, each step overwrites the sum (= for +=), and step 1 is the last.",
         added, (line, "for t in steps", "for t in [1]")),
        (f"{line}-first-dropped", f"{sum_} has no term of step 1", "The sum begins at t = 1: step 1 uses the parameter, too.",
         first, (line, "for t in steps", "for t in steps[1:]")))  # fmt: skip


_OUTER = [
    *_sums(("rnn", "lstm", "gru"), "gradient_u", "U", "dU", ["eq-gradient-u-outer"] * 3),
    *_sums(("rnn", "lstm"), "gradient_w", "W", "dW", ["eq-gradient-w-outer", "eq-gradient-w-outer", "eq-gradient-w-wrong-first"]),
    *_sums(("rnn", "lstm", "gru"), "gradient_u", "b", "db", ["eq-gradient-u-bias"] * 3),
    *_group(("rnn", "lstm", "gru"), "gradient_u",
        ("dU-old-input", "∂L/∂U takes x_{t-1} where x_t belongs", "At step t, U meets x_t; the shift is W's.",
         "eq-gradient-u-wrong-input-before", ("dU", "x[t]", "x[t - 1]")),
        ("dU-old-input-wrapped", "∂L/∂U takes x_{t-1} where x_t belongs, and x_T at step 1",
         "In Python X[t - 1] at t = 0 is the last input.",
         "eq-gradient-u-wrong-input-before", ("dU", "x[t]", "x[t - 1 or T]")),
        ("dU-transposed", "∂L/∂U is transposed", "δ xᵀ has a row for each unit, as U has; x δᵀ has not.",
         "eq-gradient-u-outer", ("dU", "delta[t].T @ x[t]", "x[t].T @ delta[t]")),
        ("db-not-summed", "∂L/∂b is not summed over the batch", "All sequences share b, so their terms add.",
         "eq-gradient-u-bias", ("db", "delta[t].sum(axis=0)", "delta[t]")),
        ("db-mean", "∂L/∂b is a mean over the batch", "A gradient has one scale: where W's is a sum over the batch, b's is, too.",
         "eq-gradient-u-bias", ("db", "", " / B"))),
    *_group(("rnn",), "gradient_u",
        ("dU-no-slope", "∂L/∂U takes λ_t where δ_t belongs", "U acts through a_t, and f comes after it.",
         "eq-gradient-u-wrong-no-slope", ("dU", "delta[t]", "lam[t]")),
        ("db-no-slope", "∂L/∂b takes λ_t where δ_t belongs", "b acts through a_t, and f comes after it.",
         "eq-gradient-u-bias", ("db", "delta[t]", "lam[t]"))),
    *_group(("rnn", "lstm"), "gradient_w",
        ("dW-new-state", "∂L/∂W takes s_t where s_{t-1} belongs", "At step t, W meets the state that step t - 1 has made.",
         "eq-gradient-w-wrong-state", ("dW", "s[t - 1]", "s[t]")),
        ("dW-transposed", "∂L/∂W is transposed", "δ_t s_{t-1}ᵀ, not s_{t-1} δ_tᵀ; both fit because W is square.",
         "eq-gradient-w-wrong-transposed", ("dW", "delta[t].T @ s[t - 1]", "s[t - 1].T @ delta[t]")),
        ("dW-early", "∂L/∂W pairs δ_{t-1} with s_{t-1}, from t = 2 on", "The two factors are one step apart: δ_t and s_{t-1}.",
         "eq-gradient-w-wrong-early", ("dW", "delta[t].T @ s[t - 1] for t in steps", "delta[t - 1].T @ s[t - 1] for t in steps[1:]"))),
    *_group(("rnn", "lstm"), "museum",
        ("dW-first-index", "∂L/∂W takes s_1 at step 1, where s_0 belongs; from t = 2 on it is right",
         "The first step is like the others: δ_1 meets s_0.",
         "eq-museum-first-index", ("dW", "s[t - 1]", "s[t - 1 or 1]"))),
    *_group(("rnn",), "gradient_w",
        ("dW-no-slope", "∂L/∂W takes λ_t where δ_t belongs", "W acts through a_t, and f comes after it.",
         "eq-gradient-w-wrong-no-slope", ("dW", "delta[t]", "lam[t]")),
        ("dW-pre-activation", "∂L/∂W takes a_{t-1} where s_{t-1} belongs", "W is multiplied by the state, after f.",
         "eq-gradient-w-outer", ("dW", "s[t - 1]", "a[t - 1]"))),
]  # fmt: skip

_FORWARD = [
    *_group(("rnn", "lstm"), "model",
        ("a-no-bias", "the forward pass has no b", "A gradient check against the same forward pass would not see it.",
         "eq-model-no-bias-wrong", ("a[t]", " + b", ""))),
    *_group(("rnn",), "model",
        ("a-transposed", "the forward pass has Wᵀ for W", "As a row, s meets W.T; both fit because W is square.",
         "eq-model-a", ("a[t]", "s[t - 1] @ W.T", "s[t - 1] @ W"))),
    *_group(ONE_WAY, "model",
        ("s-zero-start", "the forward pass starts from 0, not from s_0", "s_0 is an argument like any other.",
         "eq-model-s", ("s", "{0: s_0}", "{0: 0 * s_0}"))),
    *_group(ALL, "model",
        ("z-no-bias", "the forward pass has no c", "A gradient check against the same forward pass would not see it.",
         "eq-model-z", ("z[t]", " + c", ""))),
]  # fmt: skip

_BLOCKS = "a_iota, a_phi, a_C, a_psi"
_SHOWN = "psi[t] * f.df(C[t], shown[t]) * lam[t]"

_LSTM = _group(
    ("lstm",), "lstm",
    ("mu-no-state", "the way from C_t through s_t to the loss is left out", "C_t acts on s_t at once and on C_{t+1} later; both count.",
     "eq-lstm-wrong-shown", ("mu[t]", _SHOWN + " + ", "")),
    ("mu-no-carry", "∂L/∂C is not passed on from step t + 1", "The way from C_t to C_{t+1} is the LSTM's own.",
     "eq-lstm-wrong-carry", ("mu[t]", " + carry[t + 1]", "")),
    ("mu-own-gate", "∂L/∂C_{t+1} comes back through φ_t where φ_{t+1} belongs", "From C_t to C_{t+1} leads the gate of step t + 1.",
     "eq-lstm-wrong-step", ("mu[t]", "carry[t + 1]", "phi[t] * mu[t + 1]")),
    ("mu-no-gate", "∂L/∂C comes back without the forget gate", "Only without a forget gate is the carousel constant.",
     "eq-lstm-mu", ("carry[t]", "phi[t] * ", "")),
    ("mu-early-slope", "the slope of the cell state is taken at C_{t-1}", "s_t = ψ_t ⊙ f(C_t): the slope is at C_t.",
     "eq-lstm-wrong-slope", ("mu[t]", "f.df(C[t], shown[t])", "f.df(C[t - 1], f.f(C[t - 1]))")),
    ("mu-no-slope", "the slope f'(C_t) is left out", "s_t = ψ_t ⊙ f(C_t): back through f comes its slope.",
     "eq-lstm-mu", ("mu[t]", "f.df(C[t], shown[t]) * ", "")),
    ("mu-slope-of-C", "the slope of the cell state is 1 − C_t²", "tanh' = 1 − tanh²: what is squared is f(C_t).",
     "eq-lstm-slopes", ("mu[t]", "f.df(C[t], shown[t])", "(1 - C[t] ** 2)")),
    ("mu-slope-of-s", "the slope of the cell state is 1 − s_t²", "s_t is ψ_t ⊙ f(C_t), not f(C_t).",
     "eq-lstm-slopes", ("mu[t]", "f.df(C[t], shown[t])", "(1 - s[t] ** 2)")),
    ("mu-no-output-gate", "the output gate is left out on the way to C_t",
     "s_t = ψ_t ⊙ f(C_t): the gate multiplies what goes back as well.",
     "eq-lstm-mu", ("mu[t]", "psi[t] * f", "f")),
    ("d_iota-no-slope", "the input gate's slope is left out", "δ is the derivative by a_ι, before σ.",
     "eq-lstm-wrong-gate", ("d_iota", "gate.df(a_iota, iota[t]) * ", "")),
    ("d_iota-tanh-slope", "the input gate's slope is 1 − ι², that of tanh", "σ' = σ (1 − σ).",
     "eq-lstm-slopes", ("d_iota", "gate.df(a_iota, iota[t])", "(1 - iota[t] ** 2)")),
    ("d_iota-old-cell", "the input gate's δ has C_{t-1} where C̃_t belongs", "ι_t multiplies C̃_t; φ_t multiplies C_{t-1}.",
     "eq-lstm-delta", ("d_iota", "C_tilde[t]", "C[t - 1]")),
    ("d_iota-lambda", "the input gate's δ has λ_t where μ_t belongs", "ι_t acts on C_t; what comes back there is μ_t.",
     "eq-lstm-delta", ("d_iota", "mu[t]", "lam[t]")),
    ("d_phi-new-cell", "the forget gate's δ has C_t where C_{t-1} belongs", "φ_t multiplies the cell state of the step before.",
     "eq-lstm-wrong-phi", ("d_phi", "C[t - 1]", "C[t]")),
    ("d_phi-candidate", "the forget gate's δ has C̃_t where C_{t-1} belongs", "ι_t multiplies C̃_t; φ_t multiplies C_{t-1}.",
     "eq-lstm-delta", ("d_phi", "C[t - 1]", "C_tilde[t]")),
    ("d_phi-no-slope", "the forget gate's slope is left out", "δ is the derivative by a_φ, before σ.",
     "eq-lstm-delta", ("d_phi", "gate.df(a_phi, phi[t]) * ", "")),
    ("d_phi-tanh-slope", "the forget gate's slope is 1 − φ², that of tanh", "σ' = σ (1 − σ).",
     "eq-lstm-slopes", ("d_phi", "gate.df(a_phi, phi[t])", "(1 - phi[t] ** 2)")),
    ("d_C-no-slope", "the candidate's slope is left out", "δ is the derivative by a_C̃, before f.",
     "eq-lstm-delta", ("d_C", "f.df(a_C, C_tilde[t]) * ", "")),
    ("d_C-gate-slope", "the candidate's slope is C̃ (1 − C̃), that of the sigmoid", "The candidate goes through f, not through σ.",
     "eq-lstm-slopes", ("d_C", "f.df(a_C, C_tilde[t])", "C_tilde[t] * (1 - C_tilde[t])")),
    ("d_C-no-gate", "the input gate is left out of the candidate's δ", "C̃_t acts on C_t through ι_t.",
     "eq-lstm-delta", ("d_C", "iota[t] * ", "")),
    ("d_C-forget-gate", "the candidate's δ has φ_t where ι_t belongs", "C̃_t acts on C_t through ι_t.",
     "eq-lstm-delta", ("d_C", "iota[t]", "phi[t]")),
    ("d_psi-cell", "the output gate's δ has C_t where f(C_t) belongs", "ψ_t multiplies f(C_t).",
     "eq-lstm-wrong-psi", ("d_psi", "shown[t]", "C[t]")),
    ("d_psi-no-slope", "the output gate's slope is left out", "δ is the derivative by a_ψ, before σ.",
     "eq-lstm-delta", ("d_psi", "gate.df(a_psi, psi[t]) * ", "")),
    ("d_psi-mu", "the output gate's δ has μ_t where λ_t belongs", "ψ_t acts on s_t alone; what comes back there is λ_t.",
     "eq-lstm-delta", ("d_psi", "lam[t]", "mu[t]")),
    ("lam-candidate-alone", "only the candidate sends something back to s_{t-1}", "All three gates see s_{t-1}, too.",
     "eq-lstm-wrong-constant", ("back[t]", "delta[t] @ W", "np.split(delta[t], 4, axis=-1)[2] @ np.split(W, 4)[2]")),
    ("dC_0-no-gate", "∂L/∂C_0 is μ_1, without the forget gate", "Between C_0 and C_1 stands φ_1.",
     "eq-lstm-start", ("dC_0", "carry[1]", "mu[1]")),
    ("delta-order", "going back, the blocks of candidate and output gate are exchanged",
     "The blocks of δ stand in the order of W's: ι, φ, C̃, ψ.",
     "eq-lstm-delta", ("delta[t]", "d_C, d_psi", "d_psi, d_C")),
    ("blocks-ifog", "the blocks are read in the order ι, φ, ψ, C̃",
     "The gradient is right for that order; here, as in PyTorch, it is ι, φ, C̃, ψ.",
     "eq-lstm-gates", (_BLOCKS, "a_C, a_psi", "a_psi, a_C"), ("delta[t]", "d_C, d_psi", "d_psi, d_C")),
    ("blocks-figo", "the blocks are read in the order φ, ι, C̃, ψ",
     "The gradient is right for that order; here, as in PyTorch, it is ι, φ, C̃, ψ.",
     "eq-lstm-gates", (_BLOCKS, "a_iota, a_phi", "a_phi, a_iota"), ("delta[t]", "d_iota, d_phi", "d_phi, d_iota")),
)  # fmt: skip

_FOUR = "np.concatenate([np.split({}, 4, axis=-1)[k] for k in ({})], axis=-1)"  # blocks of a row, chosen anew

_LSTM_EXHIBITS = _group(
    ("lstm",), "museum",
    ("d_phi-value", "the forget gate's slope is σ(φ_t), the sigmoid of the gate", "Going back, σ' = φ (1 − φ) stands where forward had σ.",
     "eq-museum-gate", ("d_phi", "gate.df(a_phi, phi[t])", "gate.f(phi[t])")),
    ("db-copied", "∂L/∂b has the forget gate's δ for the input and the output gate as well",
     "Each gate's bias meets the δ of its own gate.",
     "eq-museum-copied", ("db", "delta[t].sum(axis=0)", _FOUR.format("delta[t]", "1, 1, 2, 1") + ".sum(axis=0)")),
    ("a-other-bias", "the forward pass gives the input and the forget gate the output gate's bias",
     "Where all biases are 0, nothing differs.",
     "eq-museum-other-bias", ("a[t]", " + b", " + " + _FOUR.format("b", "3, 3, 2, 3"))),
)  # fmt: skip

_CANDIDATE = " + d_beside[t] @ W_s"

_GRU = _group(
    ("gru",), "gru",
    ("d_s-exchanged", "the candidate's δ has u_t where 1 − u_t belongs", "u_t keeps the old state, 1 − u_t lets the candidate in.",
     "eq-gru-delta-candidate", ("d_s[t]", "(1 - u[t])", "u[t]")),
    ("d_s-no-gate", "the candidate's δ has no update gate", "Only the share 1 − u_t of the candidate gets into s_t.",
     "eq-gru-delta-candidate", ("d_s[t]", "(1 - u[t]) * ", "")),
    ("d_s-no-slope", "the candidate's slope is left out", "δ is the derivative by a_s̃, before f.",
     "eq-gru-delta-candidate", ("d_s[t]", "f.df(a_s[t], s_tilde[t]) * ", "")),
    ("d_u-sign", "the update gate's δ has the wrong sign", "More u_t means more s_{t-1} and less s̃_t.",
     "eq-gru-wrong-sign", ("d_u[t]", "(s[t - 1] - s_tilde[t])", "(s_tilde[t] - s[t - 1])")),
    ("d_u-kept-alone", "the update gate's δ forgets the candidate", "u_t stands in both terms of s_t.",
     "eq-gru-delta-u", ("d_u[t]", "(s[t - 1] - s_tilde[t])", "s[t - 1]")),
    ("d_u-made-alone", "the update gate's δ forgets the old state", "u_t stands in both terms of s_t.",
     "eq-gru-delta-u", ("d_u[t]", "(s[t - 1] - s_tilde[t])", "-s_tilde[t]")),
    ("d_u-no-slope", "the update gate's slope is left out", "δ is the derivative by a_u, before σ.",
     "eq-gru-delta-u", ("d_u[t]", "gate.df(a_u[t], u[t]) * ", "")),
    ("d_r-no-bias", "the reset gate's δ forgets b_s", "r_t multiplies W_s̃ s_{t-1} + b_s, bias included.",
     "eq-gru-wrong-bias", ("d_r[t]", "beside[t]", "(beside[t] - b_s)")),
    ("d_r-before", "the reset gate's δ is that of a reset before the product", "Here r_t multiplies W_s̃ s_{t-1} + b_s, after the product.",
     "eq-gru-wrong-place", ("d_r[t]", "beside[t] * d_s[t]", "s[t - 1] * (d_s[t] @ W_s)")),
    ("d_r-no-slope", "the reset gate's slope is left out", "δ is the derivative by a_r, before σ.",
     "eq-gru-delta-r", ("d_r[t]", "gate.df(a_r[t], r[t]) * ", "")),
    ("d_r-missing", "the reset gate gets no gradient", "r_t acts on s_t through the candidate.",
     "eq-gru-delta-r", ("d_r[t]", "", " * 0")),
    ("d_beside-no-reset", "the reset gate is left out wherever the candidate meets s_{t-1}",
     "W_s̃ s_{t-1} + b_s is multiplied by r_t; so is what goes back to it.",
     "eq-gru-w-candidate", ("d_beside[t]", "r[t] * ", "")),
    ("back-no-reset", "the reset gate is left out on the way from the candidate to s_{t-1}",
     "W_s̃ s_{t-1} is multiplied by r_t, and so is what goes back.",
     "eq-gru-wrong-back", ("back[t]", "d_beside[t] @ W_s", "d_s[t] @ W_s")),
    ("back-no-straight", "the straight way u_t ⊙ λ_t is left out", "The share u_t of s_{t-1} is in s_t as it is.",
     "eq-gru-wrong-straight", ("back[t]", "u[t] * lam[t] + ", "")),
    ("back-exchanged", "the straight way has 1 − u_t where u_t belongs", "u_t keeps the old state, 1 − u_t lets the candidate in.",
     "eq-gru-adjoint", ("back[t]", "u[t] * lam[t]", "(1 - u[t]) * lam[t]")),
    ("back-no-gate", "the straight way has no update gate", "Only the share u_t of s_{t-1} is kept.",
     "eq-gru-adjoint", ("back[t]", "u[t] * lam[t]", "lam[t]")),
    ("back-straight-alone", "only the straight way leads back to s_{t-1}", "Both gates and the candidate see s_{t-1}, too.",
     "eq-gru-wrong-path", ("back[t]", " + d_r[t] @ W_r + d_u[t] @ W_u" + _CANDIDATE, "")),
    ("back-no-update", "the update gate sends nothing back to s_{t-1}", "u_t is made from s_{t-1}.",
     "eq-gru-adjoint", ("back[t]", " + d_u[t] @ W_u", "")),
    ("back-no-r", "the reset gate sends nothing back to s_{t-1}", "r_t is made from s_{t-1}.",
     "eq-gru-adjoint", ("back[t]", " + d_r[t] @ W_r", "")),
    ("back-no-candidate", "the candidate sends nothing back to s_{t-1}", "s̃_t is made from s_{t-1}.",
     "eq-gru-adjoint", ("back[t]", _CANDIDATE, "")),
    ("dW_s-no-reset", "∂L/∂W_s̃ forgets the reset gate", "δ_s̃ passes r_t before it meets W_s̃ s_{t-1}.",
     "eq-gru-wrong-w", ("dW_s", "d_beside", "d_s")),
    ("db_s-no-reset", "∂L/∂b_s is that of b_s̃, without the reset gate", "r_t multiplies b_s and not b_s̃.",
     "eq-gru-wrong-b-s", ("db_s", "d_beside", "d_s")),
    ("delta-reset", "the reset gate multiplies the input's part of the candidate, too", "U_s̃ x_t + b_s̃ stands outside of r_t ⊙ (…).",
     "eq-gru-u", ("delta[t]", "d_s[t]]", "d_beside[t]]")),
    ("dW_r-new-state", "∂L/∂W_r takes s_t where s_{t-1} belongs", "The gates of step t see the state before.",
     "eq-gru-w", ("dW_r", "s[t - 1]", "s[t]")),
    ("dW_u-new-state", "∂L/∂W_u takes s_t where s_{t-1} belongs", "The gates of step t see the state before.",
     "eq-gru-w", ("dW_u", "s[t - 1]", "s[t]")),
    ("dW_s-new-state", "∂L/∂W_s̃ takes s_t where s_{t-1} belongs", "The candidate of step t sees the state before.",
     "eq-gru-w-candidate", ("dW_s", "s[t - 1]", "s[t]")),
    ("ds_0-own", "∂L/∂s_0 is λ_1, the adjoint of s_1", "Step 1 lies between the two.",
     "eq-gru-s0", ("ds_0", "back[1]", "lam[1]")),
    ("update-replaces", "the update gate replaces where it should keep",
     "The gradient is right for s_t = (1 − u_t) ⊙ s_{t-1} + u_t ⊙ s̃_t: cell='gru_replace'.",
     "eq-gru-replace-state",
     ("s[t]", "u[t] * s[t - 1] + (1 - u[t]) * s_tilde[t]", "(1 - u[t]) * s[t - 1] + u[t] * s_tilde[t]"),
     ("d_s[t]", "(1 - u[t])", "u[t]"), ("d_u[t]", "(s[t - 1] - s_tilde[t])", "(s_tilde[t] - s[t - 1])"),
     ("back[t]", "u[t] * lam[t]", "(1 - u[t]) * lam[t]")),
    ("reset-before", "the reset gate stands before the product with W_s̃",
     "The gradient is right for W_s̃ (r_t ⊙ s_{t-1}): cell='gru_before'.",
     "eq-gru-before-candidate",
     ("beside[t]", "s[t - 1] @ W_s.T", "(r[t] * s[t - 1]) @ W_s.T"), ("a_s[t]", "r[t] * beside[t]", "beside[t]"),
     ("d_r[t]", "beside[t] * d_s[t]", "s[t - 1] * (d_s[t] @ W_s)"), ("d_beside[t]", "r[t] * ", ""),
     ("back[t]", "d_beside[t] @ W_s", "r[t] * (d_beside[t] @ W_s)"), ("dW_s", "s[t - 1]", "(r[t] * s[t - 1])")),
    ("blocks-urs", "the blocks are read in the order u, r, s̃",
     "The gradient is right for that order; here, as in PyTorch, it is r, u, s̃.",
     "eq-gru-gates", ("W_r, W_u, W_s", "W_r, W_u", "W_u, W_r"), ("from_r, from_u, from_s", "from_r, from_u", "from_u, from_r"),
     ("delta[t]", "d_r[t], d_u[t]", "d_u[t], d_r[t]"), ("dW", "dW_r, dW_u", "dW_u, dW_r")),
)  # fmt: skip

_TURNED = ("s[t]", "s_b[t]", "s_b[T + 1 - t]")

_BIDIRECTIONAL = _group(
    ("bidirectional",), "bidirectional",
    ("lam_b-direction", "the backward cell's adjoint comes from δ_{b,t+1}, as the forward cell's",
     "s_{b,t} acts on s_{b,t-1}: its adjoint runs from 1 to T.",
     "eq-bidirectional-wrong-index", ("way_b", "steps", "reversed(steps)"), ("lam_b[t]", "back_b[t - 1]", "back_b[t + 1]")),
    ("lam_b-no-recursion", "nothing comes back from step t − 1 to the backward cell",
     "s_{b,t} acts on s_{b,t-1}, and that on all outputs before.",
     "eq-bidirectional-lambda", ("lam_b[t]", " + back_b[t - 1]", "")),
    ("lam_f-no-recursion", "nothing comes back from step t + 1 to the forward cell",
     "s_{f,t} acts on s_{f,t+1}, and that on all outputs after.",
     "eq-bidirectional-lambda", ("lam_f[t]", " + back_f[t + 1]", "")),
    ("lam_b-transposed", "W_b is not transposed on the way back", "Forward W_b, backward W_bᵀ; both fit because W_b is square.",
     "eq-bidirectional-lambda", ("back_b[t]", "delta_b[t] @ W_b", "delta_b[t] @ W_b.T")),
    ("lam_f-transposed", "W_f is not transposed on the way back", "Forward W_f, backward W_fᵀ; both fit because W_f is square.",
     "eq-bidirectional-lambda", ("back_f[t]", "delta_f[t] @ W_f", "delta_f[t] @ W_f.T")),
    ("lam_b-other-W", "W_f stands in the backward cell's adjoint", "Each direction has its own W.",
     "eq-bidirectional-lambda", ("back_b[t]", "@ W_b", "@ W_f")),
    ("lam_b-other-V", "V_f stands in the backward cell's adjoint", "V = [V_f V_b]: the second half of the columns meets s_b.",
     "eq-bidirectional-lambda", ("lam_b[t]", "@ V_b", "@ V_f")),
    ("lam_f-other-V", "V_b stands in the forward cell's adjoint", "V = [V_f V_b]: the first half of the columns meets s_f.",
     "eq-bidirectional-lambda", ("lam_f[t]", "@ V_f", "@ V_b")),
    ("lam_b-not-turned", "the backward cell gets ε_{T+1-t} where ε_t belongs",
     "Its own first step is step T of the sequence; errors are turned round with it.",
     "eq-bidirectional-lambda", ("lam_b[t]", "eps[t]", "eps[T + 1 - t]")),
    ("delta_b-other-slope", "the backward cell's δ has the forward cell's slope", "Each direction has its own pre-activations.",
     "eq-bidirectional-lambda", ("delta_b[t]", "f.df(a_b[t], s_b[t])", "f.df(a_f[t], s_f[t])")),
    ("delta_b-missing", "the backward cell gets no gradient", "Both directions reach every output.",
     "eq-bidirectional-w-backward", ("delta_b[t]", "", " * 0")),
    ("delta_f-missing", "the forward cell gets no gradient", "Both directions reach every output.",
     "eq-bidirectional-w-forward", ("delta_f[t]", "", " * 0")),
    ("delta_b-no-slope", "the backward cell's slope is left out", "δ is the derivative by a_b, before f.",
     "eq-bidirectional-lambda", ("delta_b[t]", "f.df(a_b[t], s_b[t]) * ", "")),
    ("delta_f-no-slope", "the forward cell's slope is left out", "δ is the derivative by a_f, before f.",
     "eq-bidirectional-delta-forward", ("delta_f[t]", "f.df(a_f[t], s_f[t]) * ", "")),
    ("dW_b-state-before", "∂L/∂W_b takes s_{b,t-1} where s_{b,t+1} belongs", "The backward cell comes from step t + 1.",
     "eq-bidirectional-wrong-state", ("dW_b", "s_b[t + 1] for t in steps", "s_b[t - 1] for t in steps[1:]")),
    ("dW_b-own-state", "∂L/∂W_b takes s_{b,t} where s_{b,t+1} belongs", "At step t, W_b meets the state of step t + 1.",
     "eq-bidirectional-w-backward", ("dW_b", "s_b[t + 1]", "s_b[t]")),
    ("dW_f-own-state", "∂L/∂W_f takes s_{f,t} where s_{f,t-1} belongs", "At step t, W_f meets the state of step t - 1.",
     "eq-bidirectional-w-forward", ("dW_f", "s_f[t - 1]", "s_f[t]")),
    ("dW_b-other-state", "∂L/∂W_b takes the forward cell's s_{f,t-1}", "Each direction has its own states.",
     "eq-bidirectional-wrong-state", ("dW_b", "s_b[t + 1]", "s_f[t - 1]")),
    ("dU_b-not-turned", "∂L/∂U_b pairs δ_{b,t} with x_{T+1-t}", "The inputs are turned round for the backward cell, its δ with them.",
     "eq-bidirectional-u", ("dU_b", "x[t]", "x[T + 1 - t]")),
    ("dV-exchanged", "∂L/∂V has its halves exchanged", "[s_f; s_b]: the forward state stands above.",
     "eq-bidirectional-v", ("dV", "@ s[t]", "@ np.concatenate([s_b[t], s_f[t]], axis=-1)")),
    ("dV-not-turned", "∂L/∂V pairs ε_t with s_{b,T+1-t}", "What the backward cell has after t steps of its own is s_{b,T+1-t}.",
     "eq-bidirectional-v", ("dV", "@ s[t]", "@ np.concatenate([s_f[t], s_b[T + 1 - t]], axis=-1)")),
    ("dX-forward-alone", "∂L/∂x_t comes from the forward cell alone", "Both cells read x_t.",
     "eq-bidirectional-wrong-x", ("dX", " + delta_b[t] @ U_b", "")),
    ("dX-backward-alone", "∂L/∂x_t comes from the backward cell alone", "Both cells read x_t.",
     "eq-bidirectional-x", ("dX", "delta_f[t] @ U_f + ", "")),
    ("dX-not-turned", "∂L/∂x_t takes the backward cell's part of step T + 1 − t",
     "What the backward cell sends to its inputs is turned back.",
     "eq-bidirectional-x", ("dX", "delta_b[t] @ U_b", "delta_b[T + 1 - t] @ U_b")),
    ("ds_b0-wrong-end", "∂L/∂s_{b,T+1} comes from δ_{b,1}", "s_{b,T+1} is where the backward cell starts: its first step is T.",
     "eq-bidirectional-wrong-end", ("ds_b0", "back_b[T]", "back_b[1]")),
    ("dU_f-last-alone", "∂L/∂U_f is the term of the last step alone", "Every step has its term.",
     "eq-bidirectional-u", ("dU_f", "for t in steps", "for t in [T]")),
    ("dU_b-first-alone", "∂L/∂U_b is the term of step 1 alone", "Every step has its term.",
     "eq-bidirectional-u", ("dU_b", "for t in steps", "for t in [1]")),
    ("states-not-turned", "s_{b,T+1-t} stands beside s_{f,t}: the backward states are not turned back",
     "The gradient is right for that pairing, whose last step holds both ends.",
     "eq-bidirectional-readout", _TURNED, ("lam_b[t]", "eps[t]", "eps[T + 1 - t]")),
    ("two-forward-cells", "the second cell reads from x_1 on as well",
     "The gradient is right for two forward cells; inputs and states must be turned round.",
     "eq-bidirectional-wrong-own", ("a_b[t]", "x[t]", "x[T + 1 - t]"), _TURNED, ("lam_b[t]", "eps[t]", "eps[T + 1 - t]"),
     ("dU_b", "x[t]", "x[T + 1 - t]"), ("dX", "delta_b[t] @ U_b", "delta_b[T + 1 - t] @ U_b")),
)  # fmt: skip

MISTAKES: tuple[Mistake, ...] = tuple(
    _OUTER + _READOUT_MATRIX + _SLOPES + _TOTALS + _ADJOINT + _READOUT + _LSTM + _LSTM_EXHIBITS + _GRU + _BIDIRECTIONAL + _FORWARD
)

# Other networks of the same kind: their passes are those of the first with the edits of a "mistake".
VARIANTS = {"gru_before": ("gru", "reset-before"), "gru_replace": ("gru", "update-replaces")}
NONE_THERE = {"gru_before": {"back-no-reset", "dW_s-no-reset", "db_s-no-reset", "delta-reset"}}  # these change nothing in that variant


def named(name: str) -> Mistake:
    """The mistake called ``name``.

    Raises
    ------
    KeyError
        If no mistake has that name.

    Examples
    --------
    >>> named("lam-transposed").says
    'W is not transposed on the way back'
    """
    for mistake in MISTAKES:
        if mistake.name == name:
            return mistake
    raise KeyError(f"no mistake is called {name!r}")


@cache
def pass_of(cell: str) -> Program:
    """The right pass of a cell, as lines."""
    base, *own = VARIANTS.get(cell, (cell,))
    return Program(getattr(passes, base), edits_of(*map(named, own)))


def edits_of(*mistakes: Mistake) -> tuple[Edit, ...]:
    """The edits of all of them."""
    return tuple(edit for mistake in mistakes for edit in mistake.edits)


def fitting(cell: str) -> list[Mistake]:
    """The mistakes that the pass of a cell can be spoiled by, in the order in which they are tried.

    Examples
    --------
    >>> len(fitting("rnn")) >= 40
    True
    """
    base, none = VARIANTS.get(cell, (cell,))[0], NONE_THERE.get(cell, ())
    return [m for m in MISTAKES if base in m.cells and m.name not in none and together(cell, m)]


def together(cell: str, *mistakes: Mistake) -> bool:
    """Whether mistakes can stand in one pass: each finds the piece that it replaces."""
    try:
        pass_of(cell).edited(edits_of(*mistakes))
    except Conflict:
        return False
    return True
