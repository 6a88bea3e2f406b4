"""The gradient doctor: mistakes are named, a right backward pass is never called wrong, and no failure comes through."""

import inspect
import itertools
import os
import random
import re
import time
from types import SimpleNamespace

import numpy as np
import pytest

import rnnlib
from rnnlib import activations, bidirectional, diagnose, gru, losses, lstm, model, other_ways, readout, rnn
from rnnlib.doctor import catalogue, fitting, passes, points
from rnnlib.doctor.reader import letter_of

CELLS = list(points.KINDS)
IN_FULL = "DOCTOR_IN_FULL" in os.environ  # make test-doctor: hundreds of pairs, a thousand right passes of each precision


def reader(cell, *mistakes, f="tanh", head="softmax_cross_entropy"):
    """A function as a reader would hand it in: the pass of a cell as one function, its source edited and compiled anew."""
    base, *own = catalogue.VARIANTS.get(cell, (cell,))
    source = inspect.getsource(getattr(passes, base)).replace(", f, gate, head)", ")").replace(", f, head)", ")")
    for line, old, new in catalogue.edits_of(*map(catalogue.named, own), *mistakes):
        before = next(text for text in re.findall(r"^ +(.*)$", source, re.M) if text.startswith(f"{line} = "))
        left, right = before.split(" = ", 1)
        after = before.replace(old, new) if old else f"{left} = ({right}){new}"
        source = source.replace(f" {before}\n", f" {after}\n")
    names = {**vars(passes), "f": activations.activation(f), "head": losses.head(head), "gate": activations.sigmoid}
    exec(source.replace("return locals()", "return {k: v for k, v in locals().items() if k in wanted}"), names)
    names["wanted"] = {"d" + part for part in points.problem(cell).parts}
    return names[base]


def library(cell, dtype=float, **choices):
    """rnnlib's own loss and gradients, computed in some precision."""

    def my_backward(p, q, X, Y, s_0, weights):
        args = rnnlib._records.mapped(lambda v: v.astype(dtype), (p, q, X, Y, s_0))
        g = model.loss_and_gradients(*args, cell=points.KINDS[cell].cell, weights=weights.astype(dtype), **choices)
        return g.L, g

    return my_backward


# -- mistakes are named ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cell", CELLS)
def test_every_mistake_is_named_first_at_ten_sizes_and_seeds(cell):
    for mistake in fitting(cell):
        function = reader(cell, mistake)
        for seed in range(10 if cell not in catalogue.VARIANTS else 2):
            found = diagnose(function, cell, targets="any", seed=seed)
            assert found.names == (mistake.name,), (seed, found)
            assert not found.right and found.explanations[0].others == ()


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru", "bidirectional"])
def test_pairs_of_mistakes_are_named(cell):
    every = [pair for pair in itertools.combinations(fitting(cell), 2) if catalogue.together(cell, *pair)]
    sample = random.Random(7).sample(every, 400 if IN_FULL else 40)
    named = [{m.name for m in pair} == {*diagnose(reader(cell, *pair), cell, targets="any").names} for pair in sample]
    print(f"{cell}: {sum(named)} of {len(named)} pairs of mistakes are named")
    assert np.mean(named) >= 0.9


def test_a_mistake_that_hides_another_is_named_alone():
    both = [catalogue.named(name) for name in ("mu-no-state", "mu-no-gate")]  # without its source, nothing comes back to C
    assert diagnose(reader("lstm", *both), "lstm").names == ("mu-no-state",)


def test_four_mistakes_of_which_one_reaches_far_are_named():
    names = {"lam-transposed", "dU-old-input", "dV-old-state", "db-mean"}
    assert {*diagnose(reader("rnn", *map(catalogue.named, names))).names} == names


def spoiled_step(cell, old, new):
    """rnnlib's own ``step_back`` with a piece of its source replaced, as a cell that goes through a sequence step by step."""
    source = inspect.getsource(cell.step_back)
    assert source.count(old) == 1
    names = {**vars(cell)}
    exec(source.replace(old, new), names)
    return SimpleNamespace(step=cell.step, step_back=names["step_back"])


@pytest.mark.parametrize(
    "cell, old, new, names",
    [
        (rnn, "dL_ds * f.df(a, s)", "dL_ds", ["slope-missing"]),
        (rnn, "f.df(a, s)", "f.df(s, s)", []),  # tanh's df looks at s alone: this is right
        (rnn, "f.df(a, s)", "f.df(s, f.f(s))", ["slope-of-s"]),
        (rnn, "f.df(a, s)", "f.df(a, a)", ["slope-of-a"]),
        (rnn, "delta.T @ s_prev", "delta.T @ s", ["dW-new-state"]),
        (rnn, "delta.T @ s_prev", "s_prev.T @ delta", ["dW-transposed"]),
        (rnn, "delta.T @ s_prev", "dL_ds.T @ s_prev", ["dW-no-slope"]),
        (rnn, "delta @ p.W", "delta @ p.W.T", ["lam-transposed"]),
        (rnn, "delta @ p.W", "dL_ds @ p.W", ["lam-no-slope"]),
        (rnn, "delta @ p.W", "delta", ["lam-no-W"]),
        (rnn, "delta @ p.U, delta @ p.W", "delta @ p.U, delta @ p.W.T", ["lam-transposed"]),
        (rnn, "delta.sum(axis=0)", "delta.mean(axis=0)", ["db-mean"]),
        (lstm, "psi * f.df(s.C, shown) * dL_ds", "psi * dL_ds", ["mu-no-slope"]),
        (lstm, "dL_dC = dL_dC + psi", "dL_dC = psi", ["mu-no-carry"]),
        (lstm, "phi * dL_dC)", "dL_dC)", ["mu-no-gate"]),
        (lstm, "gate.df(a_phi, phi) * s_prev.C", "gate.df(a_phi, phi) * s.C", ["d_phi-new-cell"]),
        (lstm, "* shown * dL_ds", "* s.C * dL_ds", ["d_psi-cell"]),
        (lstm, "f.df(a_C, C_tilde) * iota * dL_dC", "f.df(a_C, C_tilde) * dL_dC", ["d_C-no-gate"]),
        (lstm, "gate.df(a_iota, iota) * C_tilde * dL_dC", "C_tilde * dL_dC", ["d_iota-no-slope"]),
        (lstm, "delta.T @ s_prev.s", "delta.T @ s.s", ["dW-new-state"]),
        (gru, "f.df(a_candidate, s_tilde) * made", "f.df(a_candidate, s_tilde) * kept", ["d_s-exchanged"]),
        (gru, "kept * dL_ds + delta_r", "delta_r", ["back-no-straight"]),
        (gru, "kept * dL_ds + delta_r", "dL_ds + delta_r", ["back-no-gate"]),
        (gru, "(s_prev @ W.candidate.T + p.b_s) * delta_s", "(s_prev @ W.candidate.T) * delta_s", ["d_r-no-bias"]),
        (gru, "s_prev - s_tilde if", "s_tilde - s_prev if", ["d_u-sign"]),
        (gru, "beside.T @ s_prev, beside @ W.candidate", "delta_s.T @ s_prev, beside @ W.candidate", ["dW_s-no-reset"]),
        (gru, " + delta_u @ W.u", "", ["back-no-update"]),
        (gru, "b_s=beside.sum(axis=0)", "b_s=delta_s.sum(axis=0)", ["db_s-no-reset"]),
    ],
)
def test_mistake_in_the_librarys_own_step_back_is_named(cell, old, new, names):
    spoiled = spoiled_step(cell, old, new)

    def my_backward(p, X, s_0, dL_dS):
        steps = other_ways.unroll(cell, p, X, s_0, rnn.tanh)
        _, dL_dp, dL_dX, dL_ds_0 = other_ways.back_through(spoiled, p, steps, dL_dS, rnn.tanh)
        return {"p": dL_dp, "X": dL_dX, "s_0": dL_ds_0}

    found = diagnose(my_backward, cell)
    assert list(found.names) == names, found
    assert found.right == (not names)


def test_mistake_in_the_readouts_own_step_back_is_named():
    source = inspect.getsource(readout.step_back)
    for old, new, name in (("epsilon.T @ s", "s.T @ epsilon", "dV-transposed"), ("epsilon.sum(axis=0)", "epsilon", "dc-not-summed")):
        names = {**vars(readout)}
        exec(source.replace(old, new), names)

        def my_backward(p, q, X, Y, s_0, step_back=names["step_back"]):
            S = rnn.forward(p, X, s_0).S[1:]
            epsilon = readout.forward(q, S, Y).epsilon
            terms = [step_back(q, s, e)[0] for s, e in zip(S, epsilon)]
            return {"dV": sum(t.V for t in terms), "dc": sum(t.c for t in terms)}

        assert diagnose(my_backward).names == (name,)


def test_what_the_catalogue_does_not_know_is_said_to_be_unknown():
    def my_backward(p, q, X, Y, s_0, weights):
        g = model.loss_and_gradients(p, q, X, Y, s_0, weights=weights)
        return {"W": g.dL_dp.W + 0.1 * p.W, "U": g.dL_dp.U, "V": g.dL_dq.V}

    found = diagnose(my_backward)
    assert found.wrong == ("W",) and found.names == ()
    assert "The cause is not known: none of the" in str(found)


def test_of_two_wrong_gradients_the_one_that_is_known_is_explained():
    def my_backward(p, q, X, Y, s_0):
        g = model.loss_and_gradients(p, q, X, Y, s_0)
        return {"W": g.dL_dp.W.T, "U": g.dL_dp.U + 0.1 * p.U}

    found = diagnose(my_backward)
    assert [(e.names, e.parts) for e in found.explanations] == [(("dW-transposed",), ("W",))]
    assert "Not known: the cause of ∂L/∂U" in str(found)


def test_a_factor_is_told():
    found = diagnose(lambda p, q, X, Y: {"W": -3.5 * model.loss_and_gradients(p, q, X, Y).dL_dp.W})
    assert "-3.5 times the right one" in str(found) and found.names == ()
    found = diagnose(lambda p, q, X, Y: {"W": model.loss_and_gradients(p, q, X, Y).dL_dp.W / X.shape[1]})
    assert "0.5 or 0.3333 times the right one" in str(found) and found.names == ("eps-mean-over-batch",)


def test_a_missing_transpose_that_fits_only_square_matrices_is_found_there():
    def my_backward(p, q, X, Y, s_0):
        g = model.loss_and_gradients(p, q, X, Y, s_0)
        trace = rnn.forward(p, X, s_0)
        wrong = rnn.backward(p, trace, readout.forward(q, trace.S[1:], Y).epsilon @ q.V.T)
        return {**wrong.dL_dp._asdict(), "V": g.dL_dq.V}

    found = diagnose(my_backward)
    assert found.names == ("lam-V-transposed",) and "ValueError" in found.problems[0] and not found.right


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru", "bidirectional"])
def test_diagnosis_takes_under_two_seconds(cell):
    def unknown(p, q, X, Y, s_0, weights):
        g = model.loss_and_gradients(p, q, X, Y, s_0, cell=points.KINDS[cell].cell, weights=weights)
        return rnnlib._records.mapped(lambda v: v + 0.1, g)

    def seconds(seed):
        start = time.thread_time()  # its own, whatever else the machine does
        assert diagnose(unknown, cell, seed=seed).names == ()
        return time.thread_time() - start

    took = [seconds(seed) for seed in range(10, 30 if IN_FULL else 13)]
    print(f"{cell}: an answer takes {min(took):.2f} to {max(took):.2f} s")
    assert (max if IN_FULL else min)(took) < 2


# -- a right backward pass is never called wrong -----------------------------------------------------------------------


@pytest.mark.parametrize("dtype, count", [(np.float64, 600), (np.float32, 400)])
def test_a_right_backward_is_never_called_wrong(dtype, count):
    choice = random.Random(5)
    for seed in range(1000 if IN_FULL else count):
        cell, f = choice.choice(CELLS), choice.choice(sorted(activations.ACTIVATIONS))
        head, targets = choice.choice(sorted(losses.HEADS)), choice.choice(("soft", "any", "one_hot"))
        found = diagnose(library(cell, dtype, f=f, head=head), cell, f=f, head=head, targets=targets, seed=seed)
        assert found.right and found.explanations == () and found.notes == (), (seed, cell, f, head, found)


def test_half_precision_and_difference_quotients_pass():
    assert diagnose(lambda p, q, X, Y: {"W": model.loss_and_gradients(p, q, X, Y).dL_dp.W.astype(np.float16)}).right

    def quotient(p, q, X, Y, s_0):
        def L(V):
            return model.loss(p, q._replace(V=V), X, Y, s_0)

        dV = np.empty_like(q.V)
        for k in np.ndindex(dV.shape):
            E = np.zeros_like(dV)
            E[k] = 1e-3
            dV[k] = (L(q.V + E) - L(q.V - E)) / 2e-3
        return {"dL/dV": dV}

    found = diagnose(quotient)
    assert found.right and "digits" in found.verdicts[0].note


@pytest.mark.parametrize("weights", ["all", "last", "mean"])
def test_a_backward_written_for_some_weights_is_judged_with_them(weights):
    made = getattr(readout, {"all": "all_steps", "last": "last_step", "mean": "mean"}[weights])

    def my_backward(p, q, X, Y):
        return model.loss_and_gradients(p, q, X, Y, weights=made(len(X)))

    assert diagnose(my_backward, weights=weights).right


def test_labels_and_the_module_of_a_cell_will_do():
    def my_backward(p, q, X, Y, s_0):
        assert Y.dtype.kind == "i" and Y.ndim == 2
        return model.loss_and_gradients(p, q, X, losses.one_hot(Y, len(q.c)), s_0, cell=lstm)

    assert diagnose(my_backward, lstm, targets="labels").right


def test_one_sequence_at_a_time_is_judged_as_such():
    def my_backward(U, W, V, x, y, s0):
        assert x.ndim == 2, "x must be (T, n)"
        p, q = rnn.Params(U, W, np.zeros(len(W))), readout.Params(V, np.zeros(len(V)))
        g = model.loss_and_gradients(p, q, x, y, s0)
        return g.dL_dp.U, g.dL_dp.W.T, g.dL_dq.V

    found = diagnose(my_backward)
    assert found.names == ("dW-transposed",) and "one sequence" in found.notes[0] and "x must be (T, n)" in found.notes[0]
    assert diagnose(lambda p, q, X, Y, s_0: model.loss_and_gradients(p, q, X, Y, s_0, cell=lstm), "lstm", batch=False).right


# -- what a function may take and return -------------------------------------------------------------------------------


def test_names_of_arguments_and_their_order_are_free():
    def by_place(params, out, inputs, targets, start, per_step):
        return model.loss_and_gradients(params, out, inputs, targets, start, weights=per_step)

    def by_name(weights, Y, X, *, q, p, h0=None):
        return model.loss_and_gradients(p, q, X, Y, h0, weights=weights)

    def only_positional(p, q, X, /, Y):
        return model.loss_and_gradients(p, q, X, Y)

    for function in (by_place, by_name, only_positional, lambda *a: model.loss_and_gradients(*a)):
        assert diagnose(function).right
    assert diagnose(rnn.backward).right and diagnose(lstm.backward, "lstm").right
    assert diagnose(bidirectional.backward, "bidirectional").right


def test_parts_that_are_not_taken_are_left_out_of_the_network():
    def my_backward(U, W, V, X, Y):
        p, q = rnn.Params(U, W, np.zeros(len(W))), readout.Params(V, np.zeros(len(V)))
        g = model.loss_and_gradients(p, q, X, Y)
        return {"grad_U": g.dL_dp.U, "grad_W": g.dL_dp.W, "grad_V": g.dL_dq.V}

    assert diagnose(my_backward).right


def test_two_states_of_an_lstm_may_be_taken_one_by_one():
    def my_backward(p, q, X, Y, s_0, C_0):
        g = model.loss_and_gradients(p, q, X, Y, lstm.State(s_0, C_0), cell=lstm)
        return {"dW": g.dL_dp.W, "ds_0": g.dL_ds_0.s, "dC_0": g.dL_ds_0.C}

    assert diagnose(my_backward, "lstm").right


@pytest.mark.parametrize(
    "name, letter",
    [("dL_dW", "W"), ("dL/dW", "W"), ("∂L/∂W", "W"), ("grad_W", "W"), ("dW", "W"), ("W", "W"), ("d_W", "W"), ("dL_dp.W", "W"),
     ("dL_db", "b"), ("db", "b"), ("dX", "X"), ("dx", "X"), ("dL_ds_0", "s_0"), ("ds0", "s_0"), ("loss", "L"), ("L", "L"),
     ("delta", ""), ("dW_extra", "")],
)  # fmt: skip
def test_names_of_gradients_are_understood(name, letter):
    assert letter_of(name, points.problem("rnn")) == letter


def test_names_of_gradients_of_two_directions_are_understood():
    problem = points.problem("bidirectional")
    assert letter_of("dL_dp.backward.W", problem) == "W_b" and letter_of("dL_ds_0.forward", problem) == "s_f0"


class Tensor:
    """As a PyTorch tensor: NumPy gets its numbers only after ``detach``."""

    def __init__(self, numbers):
        self.numbers = numbers

    def detach(self):
        return SimpleNamespace(cpu=lambda: self.numbers)

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("call detach() first")


def test_tensors_are_taken_and_returned():
    def my_backward(p, q, X, Y, s_0):
        assert all(type(v) is Tensor for v in (*p, *q, X, Y, s_0))
        g = model.loss_and_gradients(rnn.Params(*(v.numbers for v in p)), readout.Params(*(v.numbers for v in q)),
                                     X.numbers, Y.numbers, s_0.numbers)  # fmt: skip
        return {"W": Tensor(g.dL_dp.W), "V": Tensor(g.dL_dq.V.astype(np.float32))}

    assert diagnose(my_backward, array=Tensor).right


# -- failures are reported, not raised ---------------------------------------------------------------------------------


def failing(p, q, X, Y):
    return {"dW": np.ones(3) @ np.ones(4)}


@pytest.mark.parametrize(
    "function, text",
    [
        (failing, r"ValueError: .* at line \d+: return {\"dW\""),
        (lambda p, q, X, Y: None, "returned a NoneType; needed are gradients by name"),
        (lambda p, q, X, Y: {"dQ": X}, "returned a dict with 'dQ'"),
        (lambda p, q, X, Y: {"dW": "text"}, "where an array of numbers is needed"),
        (lambda p, q, X, Y: {"dW": np.array([None, "a"])}, "where an array of numbers is needed"),
        (lambda p, q, X, Y: [], "returned a list"),
    ],
)
def test_a_function_that_fails_is_reported(function, text):
    found = diagnose(function)
    assert not found.right and found.verdicts == () and re.search(text, found.problems[0]), found.problems
    assert "problem" in str(found) and found._repr_html_()


def test_wrong_shapes_and_numbers_that_are_not_finite_are_reported():
    def my_backward(p, q, X, Y, s_0):
        g = model.loss_and_gradients(p, q, X, Y, s_0)
        return {"U": g.dL_dp.U.T, "W": g.dL_dp.W / 0, "V": g.dL_dq.V[:, :2], "b": g.dL_dp.b}

    found = diagnose(my_backward)
    notes = {v.part: v.note for v in found.verdicts}
    assert found.wrong == ("U", "W", "V")
    assert re.fullmatch(r"shape \(\d, \d\), needed \(\d, \d\); its transpose is right", notes["U"])
    assert "not finite" in notes["W"] and "needed" in notes["V"] and "transpose" not in notes["V"]
    assert all(v.error == np.inf for v in found.verdicts if not v.right)


def test_a_function_that_writes_to_its_arguments_is_told_so():
    def my_backward(p, q, X, Y, s_0):
        g = model.loss_and_gradients(p, q, X, Y, s_0)
        X *= 0
        p.W[:] = 0
        return g

    found = diagnose(my_backward)
    said = "it writes to {}, which its caller owns; let it work on a copy"
    assert found.right and found.notes == (said.format("X"), said.format("p"))


def gradients(p, q, X, Y, s_0):
    g = model.loss_and_gradients(p, q, X, Y, s_0)
    return {"dU": g.dL_dp.U, "dW": g.dL_dp.W, "db": g.dL_dp.b, "dV": g.dL_dq.V, "dc": g.dL_dq.c}


def changed(key, change):
    """Right gradients, but for one."""

    def my_backward(p, q, X, Y, s_0):
        found = gradients(p, q, X, Y, s_0)
        return {**found, key: change(found[key])}

    return my_backward


def renamed(p, q, X, Y, s_0):
    found = gradients(p, q, X, Y, s_0)
    return {**found, "dw": found.pop("dW"), "dQ": 0}


def one_left_out(p, q, X, Y, s_0):
    found = gradients(p, q, X, Y, s_0)
    del found["dW"]
    return found


def one_by_one(p, q, X, Y, s_0):
    yield from gradients(p, q, X, Y, s_0).items()


async def later(p, q, X, Y, s_0):
    return gradients(p, q, X, Y, s_0)


def leaves_python(p, q, X, Y, s_0):
    raise SystemExit(3)


def index_of_the_length(p, q, X, Y):
    return {"dW": X[len(X)]}


def adding_up(kept=[]):  # noqa: B006  # what is kept from call to call is the fault
    def my_backward(p, q, X, Y, s_0):
        kept.append(1)
        return {"dW": len(kept) * gradients(p, q, X, Y, s_0)["dW"]}

    return my_backward


@pytest.mark.parametrize(
    "function, texts",
    [
        (renamed, ["note: 'dw' is not judged: it is no letter of this network; is 'dW' meant?", "note: 'dQ' is not judged"]),
        (one_left_out, ["note: not returned, and not judged: W"]),
        (changed("dW", lambda a: None), ["note: 'dW' is None, and not judged"]),
        (changed("dW", lambda a: a / 0), ["9 of 9 numbers are not finite; look for 0/0"]),
        (changed("dW", lambda a: [a] * 4), ["shape (4, 3, 3), needed (3, 3); is the sum over its first axis missing?"]),
        (changed("dW", lambda a: (100 * a).astype(int)), ["all are whole numbers; is it an array of integers?"]),
        (changed("dW", lambda a: a + 1j), ["has an imaginary part"]),
        (changed("dW", lambda a: [[1, 2], [3]]), ["'dW': it returned a list of rows of different lengths where an array of numbers"]),
        (changed("dW", lambda a: "W"), ["'dW': it returned a str"]),
        (lambda *given: tuple(gradients(*given).values())[::-1], ["a bare tuple is read in the order U, W, b, V, c; a dict"]),
        (lambda p, q, X, Y, s_0: gradients(p, q, X, Y, s_0)["dW"], ["it returned an ndarray", 'give it a name, return {"W": …}']),
        (lambda p, q, X, Y: None, ["it returned a NoneType", "is the return missing?"]),
        (one_by_one, ["it returned a generator", "write return in place of yield"]),
        (later, ["it returned a coroutine", "write def, not async def"]),
        (leaves_python, ["SystemExit: 3"]),
        (index_of_the_length, ["IndexError: index 4 is out of bounds"]),
        (adding_up(), ["called again with the same numbers it returns others", "1 or 2 or 3 times the right one"]),
    ],
)
def test_an_unusual_fault_has_one_message_that_says_what_to_do(function, texts):
    said = str(diagnose(function))
    assert [text for text in texts if said.count(text) != 1] == [], said
    assert said.count("problem: ") <= 1


def test_a_loss_says_on_which_way_the_mistake_is():
    def on_the_way_back(p, q, X, Y, s_0):
        g = model.loss_and_gradients(p, q, X, Y, s_0)
        return g.L, {"W": g.dL_dp.W.T}

    def on_the_way_there(p, q, X, Y, s_0):
        g = model.loss_and_gradients(p, q, X, Y, 0 * s_0)
        return {"loss": g.L, "W": g.dL_dp.W, "U": g.dL_dp.U}

    assert "on the way back" in diagnose(on_the_way_back).notes[0]
    found = diagnose(on_the_way_there)
    assert "forward pass" in found.notes[0] and found.names == ("s-zero-start",)


@pytest.mark.parametrize(
    "arguments, text",
    [
        (dict(my_backward=3), "must be a function"),
        (dict(my_backward=SimpleNamespace), "is the class SimpleNamespace; it must be a function"),
        (dict(my_backward=lambda p, q, X, Y, mask: 0), "needs 'mask'"),
        (dict(my_backward=lambda a, b, c, d, e, f, g: 0), "not known here"),
        (dict(my_backward=failing, cell="rmn"), "unknown cell 'rmn'"),
        (dict(my_backward=failing, head="max"), "unknown output head"),
        (dict(my_backward=failing, targets="hot"), "targets is 'hot'"),
        (dict(my_backward=failing, weights="half"), "weights is 'half'"),
    ],
)
def test_wrong_questions_are_errors(arguments, text):
    with pytest.raises(ValueError, match=text):
        diagnose(**arguments)


# -- how it is said ----------------------------------------------------------------------------------------------------


def test_report_names_the_lines_and_the_page():
    text = str(diagnose(reader("rnn", catalogue.named("dW-new-state"))))
    assert "1 of 7 gradients are wrong." in text
    assert "∂L/∂W takes s_t where s_{t-1} belongs" in text
    assert "right: dW = sum(delta[t].T @ s[t - 1] for t in steps)" in text
    assert "wrong: dW = sum(delta[t].T @ s[t] for t in steps)" in text
    assert "page gradient_w, eq-gradient-w-wrong-state" in text


def test_report_as_html_links_to_the_page_and_escapes_what_the_reader_wrote():
    html = diagnose(reader("rnn", catalogue.named("dW-new-state")))._repr_html_()
    assert 'href="gradient_w.html#equation-eq-gradient-w-wrong-state"' in html and "<strong>wrong</strong>" in html

    def my_backward(p, q, X, Y):
        raise RuntimeError("<script>")

    assert "<script>" not in diagnose(my_backward)._repr_html_()


def test_mistakes_with_the_same_numbers_are_all_told():
    def my_backward(p, q, X, Y, s_0, weights):  # of ∂L/∂W alone one cannot say whether ε or λ lost the other steps
        last = weights * (np.arange(1, len(X) + 1) == len(X))[:, None]
        return {"dW": model.loss_and_gradients(p, q, X, Y, s_0, weights=last).dL_dp.W}

    found = diagnose(my_backward)
    assert found.names == ("eps-last-alone",)
    assert [[m.name for m in other] for other in found.explanations[0].others] == [["lam-direct-dropped"]]
    assert "The same numbers here" in str(found) and "The same numbers here" in found._repr_html_()
