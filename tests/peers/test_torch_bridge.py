"""What the page book/bridge.md leans on: the readout, one bias or two, rnnlib's backward inside PyTorch, and what else has a twin there."""

from functools import partial

import numpy as np
import pytest
from generic_cell import both, floats, layers
from generic_point import error

from rnnlib import bidirectional, checkpointed, gru, initialise, interop, lstm, model, one_hot, optimise, readout, rnn, truncated
from rnnlib._records import leaves, mapped
from rnnlib.cells import Cell

torch = pytest.importorskip("torch", reason="PyTorch is not installed; make test-peers installs it")
torch.set_num_threads(1)

T, B, N, H, M = 9, 4, 3, 5, 6
KINDS = ("RNN", "LSTM", "GRU")
EVERY_KIND = pytest.mark.parametrize("kind", KINDS)
cross_entropy = torch.nn.functional.cross_entropy


def network(kind, many=2, ways=2, **more):
    torch.manual_seed(20260102)
    cell = getattr(torch.nn, kind)(N, H, many, bidirectional=ways == 2, dtype=torch.float64, **more)
    return cell, torch.nn.Linear(H * ways, M, dtype=torch.float64)


def task(rng):
    return rng.normal(size=(T, B, N)), rng.integers(M, size=(T, B))


def theirs(cell, linear, X, labels):
    return cross_entropy(linear(cell(torch.tensor(X))[0]).flatten(0, 1), torch.tensor(labels).flatten(), reduction="sum")


def ours(cell, linear, X, labels):
    net = interop.from_torch(cell)
    q = interop.readout_from_torch(linear)
    return model.loss_and_gradients(net.p, q, X, one_hot(labels, M), cell=net.cell)


# the readout

def test_readout_comes_back_as_it_went(rng):
    q = readout.Params(rng.normal(size=(M, H)).astype(np.float32), rng.normal(size=M).astype(np.float32))
    linear = interop.readout_to_torch(q)
    back = interop.readout_from_torch(linear)
    assert linear.weight.dtype == torch.float32
    assert all((a == b).all() and a.dtype == b.dtype for a, b in zip(back, q))


@EVERY_KIND
def test_loss_and_every_gradient_of_cell_and_readout_match(rng, kind):
    cell, linear = network(kind)
    X, labels = task(rng)
    L = theirs(cell, linear, X, labels)
    L.backward()
    g = ours(cell, linear, X, labels)
    assert pytest.approx(L.item(), rel=1e-13) == g.L
    want = interop.gradients_from_torch(cell), interop.gradients_from_torch(linear)
    assert error(leaves((g.dL_dp, g.dL_dq)), leaves(want)) < 1e-12


def test_readout_without_bias():
    linear = torch.nn.Linear(3, 2, bias=False)
    linear(torch.ones(1, 3)).sum().backward()
    assert (interop.readout_from_torch(linear).c == 0).all() and interop.gradients_from_torch(linear).c is None


def test_readout_refuses():
    with pytest.raises(ValueError, match=r"module is a GRU; it must be torch\.nn\.Linear"):
        interop.readout_from_torch(torch.nn.GRU(2, 2))
    with pytest.raises(ValueError, match=r"q is a rnn\.Params; it must be readout\.Params\(V, c\)"):
        interop.readout_to_torch(rnn.Params(np.eye(2), np.eye(2), np.ones(2)))


def test_dropout_is_refused_while_it_acts(rng):
    module = torch.nn.LSTM(N, H, 2, dropout=0.5)
    with pytest.raises(ValueError, match=r"this LSTM is being trained with dropout = 0\.5 between its layers, .* module\.eval\(\)"):
        interop.from_torch(module)
    X = rng.normal(size=(T, B, N)).astype(np.float32)
    S, _ = module.eval()(torch.tensor(X))
    net = interop.from_torch(module)
    assert error({"S": net.cell.forward(net.p, X).S[1:]}, {"S": S.detach().numpy()}) < 1e-5


@EVERY_KIND
def test_batch_first_is_about_torchs_inputs_alone(rng, kind):
    cell, _ = network(kind, batch_first=True)
    X = rng.normal(size=(T, B, N))
    S, _ = cell(torch.tensor(X.swapaxes(0, 1).copy()))
    net = interop.from_torch(cell)
    assert error({"": net.cell.forward(net.p, X).S[1:]}, {"": S.detach().numpy().swapaxes(0, 1)}) < 1e-13


# one bias or two

PAIRS = {
    "sgd": (partial(optimise.sgd, rate=0.1), partial(torch.optim.SGD, lr=0.1)),
    "momentum": (partial(optimise.sgd, rate=0.1, momentum=0.9), partial(torch.optim.SGD, lr=0.1, momentum=0.9)),
    "adam": (partial(optimise.adam, rate=0.01), partial(torch.optim.Adam, lr=0.01)),
}


@EVERY_KIND
@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("limit", [None, 1.0], ids=["", "clipped"])
def test_training_with_one_bias_is_the_same_training(rng, kind, pair, limit):
    """Twenty steps here and there; without ``one_bias`` the first step parts them."""
    step, optimiser = PAIRS[pair]
    for one in (True, False):
        cell, linear = network(kind)
        theta, state = (interop.from_torch(cell).p, interop.readout_from_torch(linear)), None
        net = interop.from_torch(cell)
        if one:
            interop.one_bias(cell)
        parameters = [*cell.parameters(), *linear.parameters()]
        update = optimiser(parameters)
        X, labels = task(rng)
        for _ in range(20 if one else 1):
            L = theirs(cell, linear, X, labels) / B
            update.zero_grad()
            L.backward()
            if limit:
                torch.nn.utils.clip_grad_norm_(parameters, limit)
            update.step()
            g = model.loss_and_gradients(*theta, X, one_hot(labels, M), cell=net.cell)
            gradient = mapped(lambda part: part / B, (g.dL_dp, g.dL_dq))
            theta, state = step(theta, optimise.clip_by_norm(gradient, limit) if limit else gradient, state)
        after = leaves((interop.from_torch(cell).p, interop.readout_from_torch(linear)))
        apart = error(after, leaves(theta))
        assert apart < 1e-5 if one else apart > 1e-4  # PyTorch's clipping adds 1e-6 to the norm


@EVERY_KIND
def test_one_bias_leaves_the_gradients_that_rnnlib_has(rng, kind):
    cell, linear = network(kind)
    X, labels = task(rng)
    g = ours(cell, linear, X, labels)
    assert interop.one_bias(cell) is cell
    theirs(cell, linear, X, labels).backward()
    assert error(leaves((g.dL_dp,)), leaves((interop.gradients_from_torch(cell),))) < 1e-12
    squares = sum(float((part.grad**2).sum()) for part in cell.parameters())
    assert pytest.approx(squares, rel=1e-12) == optimise.norm(g.dL_dp) ** 2


# rnnlib's backward inside PyTorch

CELLS = {
    "rnn": rnn,
    "lstm": lstm,
    "gru": gru,
    "gru before, replace": gru.variant(reset="before", update="replace"),
    "both": both(rnn, lstm),
    "layers": layers(lstm, gru),
    "layers of both": layers(both(gru), rnn),
}


def wrapped(rng, name):
    found = floats(rng, CELLS[name])
    return interop.Network(found.cell, found.p, "tanh"), torch.tensor(found.X[:3, :2], requires_grad=True)


@pytest.mark.parametrize("name", CELLS)
def test_gradcheck_passes_rnnlibs_backward(rng, name):
    net, X = wrapped(rng, name)
    assert torch.autograd.gradcheck(interop.as_torch_function(net), (X, *interop.tensors_of(net.p)))


@pytest.mark.parametrize("name", ["rnn", "lstm", "gru"])
def test_gradcheck_finds_a_wrong_backward(rng, name):
    """The alarm: dL/dW with its sign turned in one entry, and dL/dx one step late."""
    net, X = wrapped(rng, name)

    def wrong_entry(p, trace, dL_dS):
        g = net.cell.backward(p, trace, dL_dS)
        W = g.dL_dp.W.copy()
        W[0, 1] *= -1
        return g._replace(dL_dp=g.dL_dp._replace(W=W))

    def late(p, trace, dL_dS):
        g = net.cell.backward(p, trace, dL_dS)
        return g._replace(dL_dX=np.roll(g.dL_dX, 1, axis=0))

    for backward in (wrong_entry, late):
        broken = net._replace(cell=Cell("broken", net.cell.step, net.cell.step_back, net.cell.forward, backward))
        assert not torch.autograd.gradcheck(interop.as_torch_function(broken), (X, *interop.tensors_of(net.p)), raise_exception=False)


def test_a_cell_that_torch_has_not_is_trained_by_torch_as_by_rnnlib(rng):
    cell = gru.variant(reset="before")
    p, q = (gru.Params(*(rng.normal(size=s) for s in ((3 * H, N), (3 * H, H), (3 * H,), (H,)))), initialise.uniform_readout(rng, H, M))
    function = interop.as_torch_function(interop.Network(cell, p, "tanh"))
    parameters, linear = interop.tensors_of(p), interop.readout_to_torch(q)
    update = torch.optim.Adam([*parameters, *linear.parameters()])
    X, labels = task(rng)
    theta, state = (p, q), None
    for _ in range(10):
        update.zero_grad()
        S = function(torch.tensor(X), *parameters)
        cross_entropy(linear(S).flatten(0, 1), torch.tensor(labels).flatten(), reduction="sum").backward()
        update.step()
        g = model.loss_and_gradients(*theta, X, one_hot(labels, M), cell=cell)
        theta, state = optimise.adam(theta, (g.dL_dp, g.dL_dq), state)
    after = gru.Params(*(part.detach().numpy() for part in parameters)), interop.readout_from_torch(linear)
    assert error(leaves(after), leaves(theta)) < 1e-9


def test_the_function_says_how_many_parameters_it_needs(rng):
    net, X = wrapped(rng, "lstm")
    with pytest.raises(ValueError, match="2 parameters came after X; the cell has 3: U, W, b"):
        interop.as_torch_function(net)(X, *interop.tensors_of(net.p)[:2])


def test_what_the_caller_does_to_states_and_parameters_does_not_reach_the_trace(rng):
    net, X = wrapped(rng, "rnn")
    function = interop.as_torch_function(net)
    found = []
    for spoil in (False, True):
        parameters = interop.tensors_of(net.p)
        S = function(X.detach(), *parameters)
        L = S.sum()
        if spoil:
            with torch.no_grad():
                S.zero_()
                parameters[1].zero_()
        L.backward()
        found.append([part.grad.numpy() for part in parameters])
    assert all((a == b).all() for a, b in zip(*found))


def test_it_can_be_differentiated_once(rng):
    net, X = wrapped(rng, "rnn")
    L = interop.as_torch_function(net)(X, *interop.tensors_of(net.p)).sum()
    with pytest.raises(RuntimeError, match="cannot be differentiated in its turn; leave create_graph out"):
        torch.autograd.grad(L, X, create_graph=True)


# other twins

@EVERY_KIND
def test_ignored_labels_are_a_mask_and_the_mean_is_over_what_is_left(rng, kind):
    lengths = [4, 9, 2, 7]
    cell, linear = network(kind)
    X, labels = task(rng)
    weights = readout.mask(lengths, T)
    packed = torch.nn.utils.rnn.pack_padded_sequence(torch.tensor(X), lengths, enforce_sorted=False)
    S, _ = torch.nn.utils.rnn.pad_packed_sequence(cell(packed)[0])
    marked = np.where(weights > 0, labels, -100)
    L = cross_entropy(linear(S).flatten(0, 1), torch.tensor(marked).flatten())
    L.backward()
    net = interop.from_torch(cell, lengths=lengths)
    q = interop.readout_from_torch(linear)
    g = model.loss_and_gradients(net.p, q, X, one_hot(labels, M), cell=net.cell, weights=weights / weights.sum())
    assert pytest.approx(L.item(), rel=1e-13) == g.L
    want = interop.gradients_from_torch(cell), interop.gradients_from_torch(linear)
    assert error(leaves((g.dL_dp, g.dL_dq)), leaves(want)) < 1e-12


@EVERY_KIND
def test_detach_is_truncation(rng, kind):
    """Chunks of 3 steps: the state goes on, the gradient does not."""
    cell, linear = network(kind, many=2, ways=1)
    X, labels = task(rng)
    net, q = interop.from_torch(cell), interop.readout_from_torch(linear)
    state, s_0, pieces = None, None, []
    for start in range(0, T, 3):
        piece = slice(start, start + 3)
        S, state = cell(torch.tensor(X[piece]), state)
        cross_entropy(linear(S).flatten(0, 1), torch.tensor(labels[piece]).flatten(), reduction="sum").backward()
        state = tuple(part.detach() for part in state) if kind == "LSTM" else state.detach()
        found = truncated.chunk(net.p, q, X[piece], one_hot(labels[piece], M), s_0, cell=net.cell)
        s_0 = found.s_T
        pieces.append((found.gradients.dL_dp, found.gradients.dL_dq))
    total = mapped(lambda *parts: sum(parts), *pieces)
    want = interop.gradients_from_torch(cell), interop.gradients_from_torch(linear)
    assert error(leaves(total), leaves(want)) < 1e-12
    whole = ours(cell, linear, X, labels)
    assert error(leaves((whole.dL_dp,)), leaves(want[:1])) > 1e-2


@EVERY_KIND
def test_checkpointing_there_and_here_give_the_same_gradient(rng, kind):
    cell, linear = network(kind, many=1, ways=1)
    X, labels = task(rng)
    state = torch.zeros(1, B, H, dtype=torch.float64)
    state = (state, state.clone()) if kind == "LSTM" else state
    L = 0
    for start in range(0, T, 3):
        S, state = torch.utils.checkpoint.checkpoint(cell, torch.tensor(X[start : start + 3]), state, use_reentrant=False)
        L = L + cross_entropy(linear(S).flatten(0, 1), torch.tensor(labels[start : start + 3]).flatten(), reduction="sum")
    L.backward()
    net, q = interop.from_torch(cell), interop.readout_from_torch(linear)
    g = checkpointed.loss_and_gradients(net.p, q, X, one_hot(labels, M), cell=net.cell, every=3)
    want = interop.gradients_from_torch(cell), interop.gradients_from_torch(linear)
    assert error(leaves((g.dL_dp, g.dL_dq)), leaves(want)) < 1e-12


@EVERY_KIND
def test_last_step_of_both_directions_is_h_n(rng, kind):
    cell, _ = network(kind, many=1)
    X = rng.normal(size=(T, B, N))
    S, h_n = cell(torch.tensor(X))
    h_n = h_n[0] if kind == "LSTM" else h_n
    net = interop.from_torch(cell)
    ends = bidirectional.ends(net.cell.forward(net.p, X))
    assert error({"": ends}, {"": torch.cat([h_n[0], h_n[1]], dim=-1).detach().numpy()}) < 1e-13
    assert error({"": ends}, {"": S[-1].detach().numpy()}) > 1e-2


def test_first_values_are_drawn_from_the_same_box():
    torch.manual_seed(0)
    module = torch.nn.RNN(3, 64)
    linear = torch.nn.Linear(64, 32)
    for part in (*module.parameters(), *linear.parameters()):
        assert part.abs().max() <= 1 / 8
    for part in initialise.uniform_rnn(np.random.default_rng(0), 3, 64):
        assert np.abs(part).max() <= 1 / 8
    assert module.weight_hh_l0.abs().max() > 0.124 and abs(module.weight_hh_l0.var().item() * 3 * 64 - 1) < 0.1
