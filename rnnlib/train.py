"""A short training loop for any cell, which can be interrupted and taken up again.

``fit`` goes through the batches epoch by epoch: loss and gradients from ``model``, clipping and a step from ``optimise``.
``Batch`` is what it goes through, ``Run`` what it returns, and what it saves.
"""

from __future__ import annotations

import os
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from rnnlib import activations, cells, losses, model, optimise, rnn
from rnnlib._records import filled, leaves, mapped
from rnnlib.activations import tanh
from rnnlib.losses import softmax_cross_entropy
from rnnlib.workspace import Workspace


class Batch(NamedTuple):
    """Sequences to learn from at once, as ``model.loss_and_gradients`` takes them.

    ``cell`` is for batches with a cell of their own, such as ``bidirectional.cell(lstm, lengths=lengths)``;
    None for the cell that ``fit`` is given.
    """

    X: Any
    Y: Any
    weights: Any = None
    s_0: Any = None
    cell: Any = None


class Run(NamedTuple):
    """How far training has come.

    ``p``, ``q`` are the parameters after the last epoch, ``best`` the pair (p, q) of the lowest score
    (without validation, the last pair), ``state`` the optimiser's;
    ``losses`` has each epoch's mean loss of a sequence, measured while the parameters changed,
    ``scores`` each epoch's validation, measured after it.
    """

    p: Any
    q: Any
    best: Any
    state: Any
    losses: Any
    scores: Any


def fit(
    p, q, batches, *, cell=rnn, f=tanh, head=softmax_cross_entropy, optimiser=optimise.adam, clip=None,
    epochs=10, seed=0, validation=None, patience=None, path=None, progress=False, callback=None,
) -> Run:  # fmt: skip
    """Train: after each batch of B sequences, ``optimiser`` is given the gradient of L / B, the mean over its sequences.

    Everything random in epoch k comes from ``numpy.random.default_rng([seed, k])``, k = 0, 1, …,
    so the same seed gives the same run, and seed and epoch are all that a run taken up again needs.

    Parameters
    ----------
    p, q, cell, f, head : as for ``model.loss_and_gradients``; the arrays are not changed.
    batches : the batches, each (X, Y), (X, Y, weights) or a Batch, in an order drawn anew for each epoch;
        or a function of a generator that returns one epoch's batches, in the order to be used.
    optimiser : ``optimise.adam``, ``functools.partial(optimise.sgd, rate=0.1)``, or another such function.
    clip : the length that ``optimise.clip_by_norm`` allows the gradient of all parameters together; or None.
    epochs : how many in all, those of a saved run included.
    seed : an integer of at least 0.
    validation : batches that are not learnt from, scored by their mean loss of a sequence;
        or a function of (p, q) that returns a score, lower is better; or None.
    patience : stop after this many epochs in a row without a new lowest score; None never stops early.
    path : a file (.npz) that is replaced as a whole after each epoch; if it is there already, the run in it goes on,
        and with the same batches it ends in the same parameters, bit for bit, as if it had not been interrupted.
    progress : whether to show a bar; needs tqdm, and without it there is none.
    callback : a function that is given the Run after each epoch, when it has been saved.

    Returns
    -------
    Run.

    Raises
    ------
    ValueError
        If a setting, a batch or a loss will not do, or the file is damaged or of another run.

    Examples
    --------
    >>> from rnnlib import initialise, one_hot
    >>> rng = np.random.default_rng(0)
    >>> X = rng.choice([-1.0, 1.0], size=(3, 8, 1))  # which of the two letters came last?
    >>> p, q = initialise.uniform_rnn(rng, n=1, h=4), initialise.uniform_readout(rng, h=4, m=2)
    >>> run = fit(p, q, [(X, one_hot((X[..., 0] > 0).astype(int), 2))], epochs=5)
    >>> run.losses.shape, bool(run.losses[-1] < run.losses[0])
    ((5,), True)
    """
    _whole("epochs", epochs, 0)
    _whole("seed", seed, 0)
    if patience is not None:
        _whole("patience", patience, 1)
        if validation is None:
            raise ValueError("patience is given and validation is not; without a score no epoch is better than another")
    if not callable(optimiser):
        raise ValueError(f"optimiser is {optimiser!r}; it must be a function such as optimise.adam")
    batches, validation = _batches("batches", batches), validation if validation is None else _batches("validation", validation)
    options = dict(f=f, head=head, work=Workspace())
    about = f"cell {cells.name(cell)}, {activations.activation(f).name}, {losses.head(head).name}, seed {seed}, "
    about += "no validation" if validation is None else "validation"
    run = Run(p, q, (p, q), None, np.zeros(0), np.zeros(0))
    if path is not None and not Path(path).absolute().parent.is_dir():
        raise ValueError(f"path is {os.fspath(path)!r}; its folder does not exist, make it first")
    if path is not None and Path(path).is_dir():
        raise ValueError(f"path is {os.fspath(path)!r}; it is a folder and must be a file, such as run.npz in it")
    if path is not None and Path(path).exists():
        run = _load(path, run, optimiser, about)
    total = None if callable(batches) else len(batches) * max(epochs - len(run.losses), 0)
    with _bar(total) if progress else nullcontext() as bar:
        for epoch in range(len(run.losses), epochs):
            if patience is not None and len(run.scores) and epoch - 1 - run.scores.argmin() >= patience:
                break
            run = _epoch(run, _drawn(batches, np.random.default_rng([seed, epoch])), cell, options, optimiser, clip, epoch, bar)
            if validation is not None:
                run = _scored(run, validation, cell, options, epoch)
            run = mapped(_fresh, run if len(run.scores) else run._replace(best=(run.p, run.q)))
            if path is not None:
                _save(path, run, about)
            if callback is not None:
                callback(run)
    return run


def _epoch(run, batches, cell, options, optimiser, clip, epoch, bar):
    """The run after one more epoch."""
    theta, state, total, sequences = (run.p, run.q), run.state, 0.0, 0
    for k, (X, Y, weights, s_0, own) in enumerate(batches):
        g = model.loss_and_gradients(*theta, X, Y, s_0, cell=own or cell, weights=weights, **options)
        if not np.isfinite(g.L):
            raise ValueError(f"the loss of batch {k} in epoch {epoch} is {g.L}; lower the rate, or clip the gradient")
        B = _sequences(X)
        gradient = mapped(lambda part, B=B: None if part is None else part / B, (g.dL_dp, g.dL_dq))
        theta, state = optimiser(theta, gradient if clip is None else optimise.clip_by_norm(gradient, clip), state)
        total, sequences = total + float(g.L), sequences + B
        if bar is not None:
            bar.set_postfix(epoch=epoch + 1, loss=f"{total / sequences:.4f}", refresh=False)
            bar.update()
    if not sequences:
        raise ValueError(f"there is no batch in epoch {epoch}; the function of batches must give some for every epoch")
    return run._replace(p=theta[0], q=theta[1], state=state, losses=np.append(run.losses, total / sequences))


def _scored(run, validation, cell, options, epoch):
    """The run with its score, and its parameters as the best if no score was as low."""
    if callable(validation):
        score = float(validation(run.p, run.q))
    else:
        L = [model.loss(run.p, run.q, X, Y, s_0, cell=own or cell, weights=w, **options) for X, Y, w, s_0, own in validation]
        score = float(sum(L)) / sum(_sequences(batch.X) for batch in validation)
    if not np.isfinite(score):
        raise ValueError(f"the validation of epoch {epoch} is {score}; it must be a finite number, lower for better")
    best = (run.p, run.q) if not len(run.scores) or score < run.scores.min() else run.best
    return run._replace(best=best, scores=np.append(run.scores, score))


def _save(path, run, about):
    """Write beside the file, then put the whole in its place at once: what is there under its name is never half a run."""
    path = Path(path)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(beside, "wb") as file:
            np.savez(file, about=np.array(about), **{f"run.{name}": part for name, part in leaves(run).items()})
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def _load(path, run, optimiser, about):
    """The run in a file, if it is one with the parameters of ``run``, this optimiser's state and these settings."""
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as parts:
            found = {name.removeprefix("run."): parts[name] for name in parts.files}
            there = str(found.pop("about"))
    except Exception as error:  # a damaged file can fail in any part of the reader
        raise ValueError(f"{path} cannot be read as a saved run ({error}); delete it to begin anew") from error
    theta = (run.p, run.q)
    theta, state = optimiser(theta, mapped(lambda a: None if a is None else np.zeros(np.shape(a)), theta), None)  # their kinds
    kind = run._replace(p=theta[0], q=theta[1], best=theta, state=state)
    have, want = ({k: _kind(k, a) for k, a in parts.items()} for parts in (found, leaves(kind)))
    wrong = [f"{k} is {have.get(k, 'missing')}, not {want.get(k, 'there')}" for k in {**want, **have} if have.get(k) != want.get(k)]
    if there != about or wrong:
        reason = f"it says {there!r}, this one is {about!r}" if there != about else wrong[0]
        raise ValueError(f"{path} is of another run: {reason}; delete it to begin anew, or give another path")
    return filled(kind, (found[k] if isinstance(a, np.ndarray) else type(a)(found[k]) for k, a in leaves(kind).items()))


def _kind(name, part):
    """What must agree: dtype and shape; of the losses and scores, whose number grows, the dtype."""
    return f"{np.asarray(part).dtype}{'' if name in ('losses', 'scores') else np.shape(part)}"


def _fresh(part):
    """A copy in the layout that arrays out of a file have: products can round otherwise in another."""
    return np.array(part, order="C") if isinstance(part, np.ndarray) else part


def _drawn(batches, rng):
    return map(_batch, batches(rng)) if callable(batches) else (batches[k] for k in rng.permutation(len(batches)))


def _batches(name, given):
    """A function as it is; else the batches in a list, at least one."""
    if callable(given):
        return given
    try:
        kept = [_batch(batch) for batch in given]
    except TypeError:
        raise ValueError(f"{name} is a {type(given).__name__}; it must be batches in a list, or a function") from None
    if not kept:
        raise ValueError(f"{name} is empty; there must be at least one batch")
    return kept


def _batch(given):
    if not isinstance(given, tuple | list) or not 2 <= len(given) <= 5:
        raise ValueError(f"a batch is a {type(given).__name__}; it must be (X, Y), (X, Y, weights) or a train.Batch")
    return Batch(*given)


def _sequences(X):
    """How many sequences: B of (T, B, n), 1 of (T, n)."""
    return np.shape(X)[1] if np.ndim(X) == 3 else 1


def _whole(name, value, least):
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise ValueError(f"{name} is {value!r}; it must be an integer of at least {least}")


def _bar(total):
    try:
        from tqdm import tqdm
    except ImportError:
        return nullcontext()
    return tqdm(total=total, unit="batch")
