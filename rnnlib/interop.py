"""The same weights in PyTorch, and in ONNX: parameters, states and gradients carried over, number by number.

``from_torch``, ``to_torch``   the cell, ``torch.nn.RNN``, ``LSTM``, ``GRU``;
``readout_from_torch``, ``readout_to_torch``   the readout, ``torch.nn.Linear``;
``gradients_from_torch``   what PyTorch found, for either;
``state_from_torch``, ``state_to_torch``   states and their adjoints;
``one_bias``   lets PyTorch train what rnnlib trains;
``as_torch_function``   a cell of rnnlib's, with rnnlib's backward, as a function that PyTorch differentiates through;
``to_onnx``   parameters in the layout of ONNX's operators.

PyTorch (``torch.nn.RNN``, ``LSTM``, ``GRU``) and rnnlib agree on the order of the gates, on time first,
on [forward; backward] and on layers of bidirectional cells. What differs:

- PyTorch has two biases, ``bias_ih`` and ``bias_hh``. Only their sum matters: it is ``b``.
  An optimiser that moves both moves the sum twice as far: ``one_bias``.
  In the GRU's candidate they do different things, the reset gate multiplies one of them: there ``bias_hh`` is ``b_s``.
- PyTorch's states are (layers · directions, B, h) for all layers at once; here every layer has its own.
- PyTorch's layers all have the same number of units, and its GRU is ``gru.variant(reset="after", update="keep")``.

ONNX's operators differ more; ``to_onnx`` does all of this:

- LSTM: gates in the order input, output, forget, candidate ("iofc"), where rnnlib has input, forget, candidate, output.
- GRU: gates in the order update, reset, candidate ("zrh"), where rnnlib has reset, update, candidate;
  ``linear_before_reset`` is 1 for ``reset="after"`` and 0, its default, for ``reset="before"``; the update is "keep".
- W holds what is U here, and R what is W; both have a first axis for the direction.
  B holds two biases for each direction, one after the other, as PyTorch's.

PyTorch is imported when it is needed, ONNX is not needed at all.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from rnnlib import bidirectional, gru, lstm, readout, rnn, stacked
from rnnlib._gated import one_of
from rnnlib._records import filled, leaves
from rnnlib._validate import fields

CELLS = {rnn.Params: rnn, lstm.Params: lstm, gru.Params: gru}
CLASSES = {rnn.Params: "RNN", lstm.Params: "LSTM", gru.Params: "GRU"}


class Network(NamedTuple):
    """What ``model.loss_and_gradients`` takes: the ``cell``, its parameters ``p``, and the name of the activation ``f``."""

    cell: Any
    p: Any
    f: str


class Onnx(NamedTuple):
    """An operator of ONNX: its name ``op``, the inputs ``W``, ``R``, ``B``, and its ``attributes``."""

    op: str
    W: Any
    R: Any
    B: Any
    attributes: dict


def from_torch(module, lengths=None) -> Network:
    """The cell and the parameters of a ``torch.nn.RNN``, ``LSTM`` or ``GRU``, in all its layers and directions.

    One layer in one direction gives the plain cell; two directions a bidirectional one; several layers a stacked one.
    The arrays are copies. Its inputs must be (T, B, n) or (T, n): ``batch_first`` is about PyTorch's inputs alone.

    Parameters
    ----------
    module : torch.nn.RNN, LSTM or GRU.
    lengths : (B,), for batches with padding, what ``pack_padded_sequence`` is told; None for none.

    Raises
    ------
    ValueError
        If the module is none of the three, has projections, or is being trained with dropout between its layers.
    ImportError
        If PyTorch is not installed.

    Examples
    --------
    >>> import torch  # doctest: +SKIP
    >>> net = from_torch(torch.nn.LSTM(3, 4, num_layers=2, bidirectional=True))  # doctest: +SKIP
    >>> net.cell.name, net.p[1].backward.U.shape  # doctest: +SKIP
    ('stacked (bidirectional (lstm, lstm), bidirectional (lstm, lstm))', (16, 8))
    """
    record = _record(module)
    if module.dropout and module.training and module.num_layers > 1:
        raise ValueError(
            f"this {CLASSES[record]} is being trained with dropout = {module.dropout} between its layers, which rnnlib has not; "
            "module.eval() turns it off"
        )
    p = _like(module, lambda layer, way: _joined(record, *_weights(module, layer, way, _values)))
    single = CELLS[record]
    layer = bidirectional.cell(single, lengths=lengths) if module.bidirectional else single
    cell = layer if module.num_layers == 1 else stacked.cell(*[layer] * module.num_layers)
    return Network(cell, p, getattr(module, "nonlinearity", "tanh"))


def gradients_from_torch(module):
    """What PyTorch has found for the parameters of a module, arranged as rnnlib's ``dL_dp``; of a Linear, as ``dL_dq``.

    To be called after ``backward()``. Both of PyTorch's biases have the gradient of their sum.
    A module without biases has None for them.

    Raises
    ------
    ValueError
        If the module is none of the four, or has no gradients yet.
    ImportError
        If PyTorch is not installed.

    Examples
    --------
    >>> import torch  # doctest: +SKIP
    >>> module = torch.nn.GRU(3, 4)  # doctest: +SKIP
    >>> module(torch.ones(5, 2, 3))[0].sum().backward()  # doctest: +SKIP
    >>> gradients_from_torch(module).W.shape  # doctest: +SKIP
    (12, 4)
    """
    if _is_linear(module):
        return readout.Params(_slopes(module.weight), None if module.bias is None else _slopes(module.bias))
    record = _record(module)
    return _like(module, lambda layer, way: _gradient(record, *_weights(module, layer, way, _slopes)))


def to_torch(p, f="tanh"):
    """A ``torch.nn.RNN``, ``LSTM`` or ``GRU`` with the parameters ``p``: what ``from_torch`` undoes.

    Parameters
    ----------
    p : ``rnn.Params``, ``lstm.Params`` or ``gru.Params``; a ``bidirectional.Params`` with two of them;
        or a tuple of such, one for each layer.
    f : "tanh", or "relu" for a simple network.

    Returns
    -------
    The module, with the precision of the parameters. ``bias_hh`` is 0 but for the GRU's ``b_s``.

    Raises
    ------
    ValueError
        If PyTorch has no such network: layers of different kinds or sizes, or another activation.
    ImportError
        If PyTorch is not installed.

    Examples
    --------
    >>> p = gru.Params(U=np.ones((12, 3)), W=np.ones((12, 4)), b=np.zeros(12), b_s=np.zeros(4))  # doctest: +SKIP
    >>> to_torch(p)  # doctest: +SKIP
    GRU(3, 4)
    """
    torch = _torch()
    layers = [_directions(layer) for layer in _layers(p)]
    record, n, h = _common(layers)
    one_of("f", f, *(("tanh", "relu") if record is rnn.Params else ("tanh",)))
    module = getattr(torch.nn, CLASSES[record])(
        n,
        h,
        len(layers),
        bidirectional=len(layers[0]) == 2,
        dtype=torch.from_numpy(np.asarray(layers[0][0].W)).dtype,
        **({"nonlinearity": f} if record is rnn.Params else {}),
    )
    with torch.no_grad():
        for number, layer in enumerate(layers):
            for way, one in zip(("", "_reverse"), layer, strict=False):
                for name, value in zip(_names(number, way), _apart(one), strict=True):
                    getattr(module, name).copy_(torch.from_numpy(np.array(value)))
    return module


def readout_from_torch(module) -> readout.Params:
    """The readout of a ``torch.nn.Linear``: V is its weight, c its bias, zeros if it has none. The arrays are copies.

    Raises
    ------
    ValueError
        If the module is no Linear.
    ImportError
        If PyTorch is not installed.

    Examples
    --------
    >>> import torch  # doctest: +SKIP
    >>> readout_from_torch(torch.nn.Linear(4, 2)).V.shape  # doctest: +SKIP
    (2, 4)
    """
    if not _is_linear(module):
        raise ValueError(f"module is a {type(module).__name__}; it must be torch.nn.Linear")
    V = _values(module.weight)
    return readout.Params(V, np.zeros(len(V), V.dtype) if module.bias is None else _values(module.bias))


def readout_to_torch(q):
    """A ``torch.nn.Linear`` with the readout's parameters ``q``, in their precision.

    Raises
    ------
    ValueError
        If ``q`` is no ``readout.Params``.
    ImportError
        If PyTorch is not installed.

    Examples
    --------
    >>> readout_to_torch(readout.Params(V=np.ones((2, 4)), c=np.zeros(2)))  # doctest: +SKIP
    Linear(in_features=4, out_features=2, bias=True)
    """
    torch = _torch()
    V, c = (torch.from_numpy(np.array(a)) for a in fields("q", q, readout.Params))
    module = torch.nn.Linear(V.shape[1], V.shape[0], dtype=V.dtype)
    with torch.no_grad():
        module.weight.copy_(V)
        module.bias.copy_(c)
    return module


def one_bias(module):
    """Have PyTorch train one bias where it has two: what of ``bias_hh`` is only added to ``bias_ih`` gets the gradient 0.

    Both biases have the gradient of their sum b, so whatever optimiser moves both moves b twice as far,
    and ``clip_grad_norm_`` counts dL/db twice.
    With this the module is trained, and clipped, as rnnlib trains ``p``.
    In a GRU, ``b_s`` is a bias of its own and keeps its gradient.

    Parameters
    ----------
    module : torch.nn.RNN, LSTM or GRU; it is changed.

    Returns
    -------
    The same module. A copy or a saved and loaded one must be told again.

    Raises
    ------
    ValueError
        If the module is none of the three.
    ImportError
        If PyTorch is not installed.

    Examples
    --------
    >>> import torch  # doctest: +SKIP
    >>> module = one_bias(torch.nn.LSTM(3, 4))  # doctest: +SKIP
    >>> module(torch.ones(5, 2, 3))[0].sum().backward()  # doctest: +SKIP
    >>> module.bias_hh_l0.grad.abs().max().item(), bool(module.bias_ih_l0.grad.abs().max() > 0)  # doctest: +SKIP
    (0.0, True)
    """
    record = _record(module)
    for name, bias in module.named_parameters():
        if name.startswith("bias_hh"):
            alone = _torch().zeros_like(bias)
            if record is gru.Params:
                alone[2 * module.hidden_size :] = 1
            bias.register_hook(lambda slope, alone=alone: slope * alone)
    return module


def as_torch_function(net):
    """A function of tensors (X, *parameters) that gives the states s_1 … s_T: rnnlib's forward, and rnnlib's backward.

    PyTorch calls ``cell.forward`` when it is called, and ``cell.backward`` when it differentiates through it:
    so a cell that PyTorch has not can be a part of a network there, and ``torch.autograd.gradcheck`` can judge a backward.
    It runs on the CPU, from the initial state 0, and can be differentiated once.

    Parameters
    ----------
    net : Network. Of ``net.p`` only the kind is used: the parameters are given at each call,
        one tensor for each array of ``p``, in the order of its fields; ``tensors_of(net.p)`` makes them.

    Raises
    ------
    ImportError
        If PyTorch is not installed.

    Examples
    --------
    >>> import torch  # doctest: +SKIP
    >>> p = gru.Params(np.ones((12, 3)), np.ones((12, 4)), np.zeros(12), np.zeros(4))  # doctest: +SKIP
    >>> function = as_torch_function(Network(gru.variant(reset="before"), p, "tanh"))  # doctest: +SKIP
    >>> parameters = tensors_of(p)  # doctest: +SKIP
    >>> function(torch.ones(5, 2, 3), *parameters).sum().backward()  # doctest: +SKIP
    >>> parameters[1].grad.shape  # doctest: +SKIP
    torch.Size([12, 4])
    """
    torch = _torch()

    class OfRnnlib(torch.autograd.Function):
        @staticmethod
        def forward(ctx, X, *parameters):
            ctx.p = _refilled(net.p, parameters)
            ctx.trace = net.cell.forward(ctx.p, _values(X), None, net.f)
            return torch.from_numpy(ctx.trace.S[1:].copy())

        @staticmethod
        def backward(ctx, dL_dS):
            _not_again(torch)
            g = net.cell.backward(ctx.p, ctx.trace, _values(dL_dS))
            gradients = g.dL_dX, *leaves(g.dL_dp).values()
            return tuple(map(torch.from_numpy, gradients))

    return OfRnnlib.apply


def tensors_of(p) -> list:
    """The arrays of parameters as tensors that PyTorch differentiates by, in the order of ``as_torch_function``; copies.

    Raises
    ------
    ImportError
        If PyTorch is not installed.

    Examples
    --------
    >>> [part.shape[0] for part in tensors_of(rnn.Params(np.ones((4, 3)), np.eye(4), np.zeros(4)))]  # doctest: +SKIP
    [4, 4, 4]
    """
    torch = _torch()
    return [torch.tensor(np.asarray(part), requires_grad=True) for part in leaves(p).values()]


def state_to_torch(s):
    """A state, or its adjoint, as PyTorch has it: (layers · directions, B, h), or a pair of those for an LSTM.

    Raises
    ------
    ImportError
        If PyTorch is not installed.

    Examples
    --------
    >>> state_to_torch(bidirectional.State(np.zeros((2, 4)), np.ones((2, 4)))).shape  # doctest: +SKIP
    torch.Size([2, 2, 4])
    """
    torch = _torch()
    every = [one for layer in _layers(s) for one in _directions(layer)]
    if isinstance(every[0], lstm.State):
        return tuple(torch.from_numpy(np.stack(part)) for part in zip(*every, strict=True))
    return torch.from_numpy(np.stack(every))


def state_from_torch(module, state):
    """PyTorch's state of a module (h_0, h_n, their gradients, or a pair (h, c) for an LSTM), as rnnlib has it.

    Raises
    ------
    ValueError
        If the module is none of the three.
    ImportError
        If PyTorch is not installed.

    Examples
    --------
    >>> import torch  # doctest: +SKIP
    >>> module = torch.nn.GRU(3, 4, bidirectional=True)  # doctest: +SKIP
    >>> _, h_n = module(torch.ones(5, 2, 3))  # doctest: +SKIP
    >>> state_from_torch(module, h_n).backward.shape  # doctest: +SKIP
    (2, 4)
    """
    record, ways = _record(module), 2 if module.bidirectional else 1

    def at(layer, way):
        number = layer * ways + (way == "_reverse")
        if record is lstm.Params:
            return lstm.State(*(_values(part[number]) for part in state))
        return _values(state[number])

    return _like(module, at, bidirectional.State, stacked.States)


def to_onnx(p, reset="after") -> Onnx:
    """The inputs and attributes of ONNX's operators RNN, LSTM and GRU for a layer with the parameters ``p``.

    Parameters
    ----------
    p : ``rnn.Params``, ``lstm.Params`` or ``gru.Params``, or a ``bidirectional.Params`` with two of them.
    reset : the GRU's variant, "after" or "before"; the update must be "keep".

    Returns
    -------
    Onnx, with W (directions, k·h, n), R (directions, k·h, h), B (directions, 2·k·h) for k gates.

    Raises
    ------
    ValueError
        If ``p`` is no layer of a known kind.

    References
    ----------
    ONNX operators RNN, LSTM and GRU, version 22 of the default domain.

    Examples
    --------
    >>> p = lstm.Params(U=np.zeros((16, 3)), W=np.zeros((16, 4)), b=np.repeat([1, 2, 3, 4], 4))
    >>> operator = to_onnx(p)
    >>> operator.B[0, ::4]  # input, output, forget, candidate; then the other bias
    array([1, 4, 2, 3, 0, 0, 0, 0])
    """
    one_of("reset", reset, *gru.RESET)
    ways = _directions(p)
    record, _, h = _common([ways])
    order = {rnn.Params: [0], lstm.Params: [0, 3, 1, 2], gru.Params: [1, 0, 2]}[record]

    def arranged(a):
        return np.concatenate([a[k * h : (k + 1) * h] for k in order])

    U, W, b, b_hh = zip(*(map(arranged, _apart(one)) for one in ways), strict=True)
    B = np.concatenate([np.stack(b), np.stack(b_hh)], axis=1)
    attributes = {"hidden_size": h, "direction": "forward" if len(ways) == 1 else "bidirectional"}
    if record is gru.Params:
        attributes["linear_before_reset"] = int(reset == "after")
    return Onnx(CLASSES[record], np.stack(U), np.stack(W), B, attributes)


def _torch():
    try:
        import torch
    except ImportError:
        raise ImportError("PyTorch is not installed, and this function needs it: pip install torch") from None
    return torch


def _record(module):
    """The record of rnnlib's parameters for a module of PyTorch's."""
    torch = _torch()
    for record, name in CLASSES.items():
        if isinstance(module, getattr(torch.nn, name)):
            if module.proj_size:
                raise ValueError(f"this {name} has projections (proj_size = {module.proj_size}), which rnnlib has not")
            return record
    raise ValueError(f"module is a {type(module).__name__}; it must be torch.nn.RNN, LSTM or GRU")


def _is_linear(module):
    return isinstance(module, _torch().nn.Linear)


def _names(layer, way):
    return [f"{kind}_l{layer}{way}" for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]


def _weights(module, layer, way, value):
    """weight_ih, weight_hh, bias_ih, bias_hh by ``value``; None for biases that the module has not."""
    return [value(getattr(module, name)) if hasattr(module, name) else None for name in _names(layer, way)]


def _values(tensor):
    return tensor.detach().cpu().numpy().copy()


def _slopes(tensor):
    if tensor.grad is None:
        raise ValueError("the module has no gradients yet; call backward() on a loss first")
    return _values(tensor.grad)


def _refilled(p, tensors):
    """Parameters like ``p`` with the values of the tensors, in the order of its arrays."""
    places = leaves(p)
    if len(tensors) != len(places):
        raise ValueError(f"{len(tensors)} parameters came after X; the cell has {len(places)}: {', '.join(places)}")
    return filled(p, map(_values, tensors))


def _not_again(torch):
    """PyTorch records what is done while it differentiates only if it is to differentiate that, too."""
    if torch.is_grad_enabled():
        raise RuntimeError("rnnlib's backward cannot be differentiated in its turn; leave create_graph out")


def _joined(record, U, W, b_ih, b_hh):
    """PyTorch's four arrays as rnnlib's parameters."""
    if b_ih is None:
        b_ih = b_hh = np.zeros(len(U), U.dtype)
    if record is not gru.Params:
        return record(U, W, b_ih + b_hh)
    beside = np.arange(len(b_hh)) >= 2 * W.shape[1]
    return gru.Params(U, W, b_ih + np.where(beside, 0, b_hh), b_hh[beside])


def _gradient(record, U, W, b_ih, b_hh):
    """The gradients for PyTorch's four arrays as those for rnnlib's parameters."""
    if record is not gru.Params:
        return record(U, W, b_ih)
    return gru.Params(U, W, b_ih, None if b_hh is None else b_hh[2 * W.shape[1] :])


def _apart(p):
    """rnnlib's parameters as weight_ih, weight_hh, bias_ih, bias_hh."""
    U, W, b = (np.asarray(a) for a in p[:3])
    b_hh = np.zeros_like(b)
    if isinstance(p, gru.Params):
        b_hh[2 * W.shape[1] :] = p.b_s
    return U, W, b, b_hh


def _like(module, at, both=bidirectional.Params, layers=tuple):
    """What ``at(layer, way)`` gives, in the layers and directions of a module."""
    found = [at(layer, "") for layer in range(module.num_layers)]
    if module.bidirectional:
        found = [both(one, at(layer, "_reverse")) for layer, one in enumerate(found)]
    return found[0] if module.num_layers == 1 else layers(found)


def _layers(p):
    """The layers of parameters or states: those of a tuple, or one."""
    return list(p) if isinstance(p, (tuple, list)) and not hasattr(p, "_fields") else [p]


def _directions(layer):
    """The parameters or states of a layer's cells: two of a bidirectional one, else one."""
    return tuple(layer) if isinstance(layer, (bidirectional.Params, bidirectional.State)) else (layer,)


def _common(layers):
    """The kind and the sizes n and h that all layers and directions share."""
    every = [one for layer in layers for one in layer]
    for one in every:
        if type(one) not in CELLS:
            raise ValueError(
                f"p holds a {type(one).__module__.removeprefix('rnnlib.')}.{type(one).__name__}; "
                "it must hold rnn.Params, lstm.Params or gru.Params"
            )
    record, h, ways = type(every[0]), every[0].W.shape[1], len(layers[0])
    shapes = {(type(one), one.W.shape[1]) for one in every}
    inputs = [one.U.shape[1] for layer in layers[1:] for one in layer]
    if len(shapes) > 1 or {len(layer) for layer in layers} != {ways} or set(inputs) - {h * ways}:
        raise ValueError(
            "the layers differ in kind, directions or number of units; PyTorch and ONNX have the same in all of them"
        )
    return record, every[0].U.shape[1], h
