"""What a newcomer gets wrong, and what the message says: what came, what was needed, and where it helps, what to do."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import rnnlib
from rnnlib import (
    bidirectional,
    checkpointed,
    chunked,
    data,
    flow,
    initialise,
    losses,
    lstm,
    model,
    optimise,
    readout,
    rnn,
    stacked,
    train,
    truncated,
)  # fmt: skip

RNG = np.random.default_rng(0)
P, Q = initialise.uniform_rnn(RNG, n=3, h=5), initialise.uniform_readout(RNG, h=5, m=2)
X, Y = RNG.normal(size=(7, 3)), rnnlib.one_hot([0, 1, 1, 0, 1, 0, 0], 2)
CELL = "it must be a cell: a module such as rnnlib.lstm, or a cells.Cell"
GENERATOR = "it must be a generator, for example numpy.random.default_rng(0)"
gradients = rnnlib.loss_and_gradients
HALF = np.float16

MISTAKES = {
    # shapes
    "the time is missing": (lambda: gradients(P, Q, X[0], Y[0]), "X has shape (3,); it must be (T, 3) or (T, B, 3) (time comes first"),
    "X lies on its side": (lambda: gradients(P, Q, X.T, Y), "X has shape (3, 7); it must be (T, 3) or (T, B, 3) (time comes first"),
    "U lies on its side": (lambda: gradients(P._replace(U=P.U.T), Q, X, Y), "U has shape (3, 5); it must be (5, n)"),
    "W of an LSTM lies on its side": (
        lambda: lstm.forward(lstm.Params(np.ones((20, 3)), np.ones((5, 20)), np.ones(20)), X),
        "W has shape (5, 20); it must be (4h, h) (W has 4 blocks of h rows, one under the other)",
    ),
    "b is a column": (lambda: gradients(P._replace(b=P.b[:, None]), Q, X, Y), "b has shape (5, 1); it must be (5,)"),
    "the batch comes first in X alone": (
        lambda: gradients(P, Q, np.ones((4, 7, 3)), np.ones((7, 4, 2))), "Y has shape (7, 4, 2); it must be (4, 7, 2)",
    ),
    "labels where rows are needed": (
        lambda: gradients(P, Q, X, np.array([0, 1, 1, 0, 1, 0, 0])), "one_hot(labels, m) turns class labels into rows",
    ),
    "a shape is named once": (lambda: gradients(P, Q, X, Y, np.zeros(6)), "s_0 has shape (6,); it must be (5,)$"),
    "nothing at all": (lambda: gradients(P, Q, [], []), "X has shape (0,); it must be (T, 3) or (T, B, 3), and no size may be 0"),
    "no steps": (lambda: gradients(P, Q, X[:0], Y[:0]), "X has shape (0, 3); it must be (T, 3) or (T, B, 3), and no size may be 0"),
    "no sequences": (lambda: gradients(P, Q, np.ones((7, 0, 3)), np.ones((7, 0, 2))), "and no size may be 0"),
    # kinds
    "a hole in the data": (lambda: gradients(P, Q, np.where(X > 1, np.nan, X), Y), "X must be finite; its entry (1, 2) is nan"),
    "text": (lambda: gradients(P, Q, np.full((7, 3), "a"), Y), "X has dtype <U1; it must hold numbers"),
    "rows of two lengths": (lambda: gradients(P, Q, [[1, 2, 3], [1, 2]], Y), "X cannot be read as an array of shape (T, 3) or (T, B, 3)"),
    "floats as objects": (lambda: gradients(P, Q, X.astype(object), Y), "for floats use a dtype such as float64"),
    "a tuple for parameters": (lambda: gradients(tuple(P), Q, X, Y), "p is a tuple; it must be rnn.Params(U, W, b)"),
    "p and q the wrong way round": (lambda: gradients(Q, P, X, Y), "p is a readout.Params; it must be rnn.Params(U, W, b)"),
    "inputs where a trace is needed": (lambda: rnn.backward(P, X, X), "trace is a ndarray; it must be the rnn.Trace of rnn.forward"),
    "a number for a workspace": (lambda: gradients(P, Q, X, Y, work=3), "work is 3; it must be a Workspace, or None"),
    # names
    "an activation in capitals": (lambda: gradients(P, Q, X, Y, f="Tanh"), "unknown activation 'Tanh'; known are: hard_tanh, identity"),
    "a function for an activation": (lambda: gradients(P, Q, X, Y, f=np.tanh), "a record of your own will do, too"),
    "a head that is not there": (lambda: gradients(P, Q, X, Y, head="mse"), "unknown output head 'mse'; known are: sigmoid_cross"),
    "a cell by its name": (lambda: gradients(P, Q, X, Y, cell="lstm"), f"cell is 'lstm'; {CELL}"),
    "no cell, the loss alone": (lambda: model.loss(P, Q, X, Y, cell=None), f"cell is None; {CELL}"),
    "a cell by its name, in segments": (lambda: checkpointed.loss_and_gradients(P, Q, X, Y, cell="gru"), f"cell is 'gru'; {CELL}"),
    "a cell by its name, in chunks": (lambda: chunked.loss_and_gradients(P, Q, X, Y, cell="gru"), f"cell is 'gru'; {CELL}"),
    "a cell by its name, a chunk": (lambda: truncated.chunk(P, Q, X, Y, cell="gru"), f"cell is 'gru'; {CELL}"),
    "a cell by its name, stacked": (lambda: stacked.cell("rnn", "rnn"), f"cell is 'rnn'; {CELL}"),
    "a cell by its name, both ways": (lambda: bidirectional.cell("lstm"), f"cell is 'lstm'; {CELL}"),
    "a cell by its name, trained": (lambda: train.fit(P, Q, [(X, Y)], cell="rnn"), f"cell is 'rnn'; {CELL}"),
    "another cell's parameters": (lambda: gradients(P, Q, X, Y, cell=lstm), "W has shape (5, 5); it must be (4h, h)"),
    # labels, lengths, weights
    "a label too many": (lambda: rnnlib.one_hot([0, 2], 2), "labels has the entry 2; it must hold integers from 0 to m - 1 = 1"),
    "labels of floats": (lambda: rnnlib.one_hot([0.5], 2), "labels has dtype float64; it must hold integers"),
    "no classes": (lambda: rnnlib.one_hot([0], 0), "m is 0; it must be the number of classes, an integer of at least 1"),
    "half a class": (lambda: rnnlib.one_hot([0], 1.5), "m is 1.5; it must be the number of classes"),
    "a length too long": (lambda: readout.mask([8], 7), "lengths has the entry 8; it must hold integers from 1 to T = 7"),
    "lengths and T the wrong way round": (lambda: readout.last_valid(7, [1, 2]), "T is [1, 2]; it must be the number of steps"),
    "and of a mask": (lambda: readout.mask(7, [1, 2]), "T is [1, 2]; it must be the number of steps"),
    "a length too long, turned round": (lambda: bidirectional.turn(np.ones((7, 1)), [9]), "lengths has the entry 9; it must hold integers"),
    "a weight too few": (lambda: gradients(P, Q, X, Y, weights=np.ones(6)), "weights has shape (6,); it must be (7,) (one a step"),
    "no steps to segment": (lambda: checkpointed.segment(0), "T is 0; it must be the number of steps, an integer of at least 1"),
    # drawing
    "a seed for a generator": (lambda: initialise.uniform_rnn(0, 3, 5), f"rng is 0; {GENERATOR}"),
    "the old generator": (lambda: initialise.gaussian(np.random.RandomState(0), 3, 5), GENERATOR),
    "a seed, randomised": (lambda: truncated.randomised(0, P, rnn.forward(P, X), np.ones((7, 5)), 0.5), f"rng is 0; {GENERATOR}"),
    "a seed, adding": (lambda: data.adding(0, T=6, B=2), f"rng is 0; {GENERATOR}"),
    "a seed, copying": (lambda: data.copying(0, T=6, B=2), f"rng is 0; {GENERATOR}"),
    "a seed, delay": (lambda: data.add_delay(0, T=12, B=2), f"rng is 0; {GENERATOR}"),
    "a seed, xor": (lambda: data.xor_of_neighbours(0, T=6, B=2), f"rng is 0; {GENERATOR}"),
    "no units": (lambda: initialise.uniform_rnn(RNG, 3, 0), "each must be an integer of at least 1"),
    **{
        f"whole numbers drawn, {k}": (draw, "dtype is int64; it must be one of floating-point numbers, such as float32")
        for k, draw in enumerate([
            lambda: initialise.uniform_rnn(RNG, 3, 5, dtype="int64"),
            lambda: initialise.uniform_readout(RNG, 3, 5, dtype="int64"),
            lambda: initialise.gaussian(RNG, 3, 5, dtype="int64"),
            lambda: initialise.glorot_uniform(RNG, 3, 5, dtype="int64"),
            lambda: initialise.orthogonal(RNG, 3, 5, dtype="int64"),
        ])
    },
    # training
    "a rate below 0": (lambda: optimise.sgd(P, P, rate=-1), "rate is -1; it must be a positive number"),
    "the whole result for a gradient": (lambda: optimise.sgd(P, gradients(P, Q, X, Y), rate=0.1), "those of p, which are U, W, b"),
    "an optimiser by its name": (lambda: train.fit(P, Q, [(X, Y)], optimiser="adam"), "optimiser is 'adam'; it must be a function such as"),
    "a pair for a list of pairs": (lambda: train.fit(P, Q, (X, Y)), "a batch is a ndarray; it must be (X, Y), (X, Y, weights)"),
    "nothing to learn from": (lambda: train.fit(P, Q, []), "batches is empty; there must be at least one batch"),
    # the way the errors go
    "no Jacobians": (lambda: flow.products(np.eye(3)), "J has shape (3, 3); it must be (T, h, h)"),
    "a window of no steps": (lambda: truncated.window(P, rnn.forward(P, X), np.ones((7, 5)), 0), "k is 0; it must be a number of steps"),
    "one layer's parameters": (lambda: stacked.cell(rnn, rnn).forward(P, X), "it must be a tuple with one entry for each of the 2 layers"),
    # the doctor
    "the result for the function": (lambda: rnnlib.diagnose(gradients(P, Q, X, Y)), "it must be a function that returns gradients"),
    "a number for a formula": (lambda: rnnlib.diagnose_formula(3), "formula is a int; it must be the formula's TeX, a string"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_the_message_says_what_came_and_what_was_needed(mistake):
    make, says = MISTAKES[mistake]
    with pytest.raises(ValueError) as error:
        make()
    assert (str(error.value) + "$").find(says) >= 0, error.value


def test_a_folder_for_a_file_is_no_file_to_delete(tmp_path):
    with pytest.raises(ValueError, match="it is a folder and must be a file") as error:
        train.fit(P, Q, [(X, Y)], path=tmp_path)
    assert "delete" not in str(error.value)


def same(a, b):
    return all(np.array_equal(u, v) for u, v in zip((a.L, *a.dL_dp, *a.dL_dq, a.dL_dX), (b.L, *b.dL_dp, *b.dL_dq, b.dL_dX), strict=True))


class ArrayLike:
    def __array__(self, dtype=None, copy=None):
        return X


@pytest.mark.parametrize(
    "given",
    [X.tolist(), np.asfortranarray(X), X.astype(">f8"), ArrayLike(), X.repeat(2, axis=1)[:, ::2]],
    ids=["lists", "columns first", "big end first", "like an array", "every other column"],
)
def test_what_holds_the_same_numbers_is_the_same(given):
    assert same(gradients(P, Q, given, Y.tolist()), gradients(P, Q, X, Y))


def test_whole_numbers_and_truths_are_numbers():
    assert same(gradients(P, Q, (X * 3).astype(int), Y > 0), gradients(P, Q, (X * 3).astype(int).astype(float), Y))


def test_the_parameters_decide_the_precision():
    p, q = rnn.Params(*(a.astype(HALF) for a in P)), readout.Params(*(a.astype(HALF) for a in Q))
    assert {np.asarray(a).dtype for a in gradients(p, q, X, Y).dL_dp} == {np.dtype(HALF)}
    assert {np.asarray(a).dtype for a in gradients(P, Q, X.astype(HALF), Y).dL_dp} == {np.dtype(float)}


def test_what_may_not_be_written_is_only_read():
    fixed = X.copy()
    fixed.setflags(write=False)
    assert same(gradients(P, Q, fixed, Y), gradients(P, Q, X, Y))
    assert losses.softmax([0.0, 0.0]).tolist() == [0.5, 0.5]


def test_help_names_the_defaults_and_no_addresses():
    assert "f=Activation(name='tanh'), head=Head(name='softmax_cross_entropy')" in str(inspect.signature(gradients))
