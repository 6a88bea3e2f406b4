"""RNN, LSTM and GRU against PyTorch's modules with the same weights: states and gradients, in layers, both ways, with padding."""

import doctest

import numpy as np
import pytest
from generic_cell import both, build, equal, floats, layers
from generic_point import error

from rnnlib import bidirectional, gru, interop, lstm, model, readout, rnn
from rnnlib._records import leaves

torch = pytest.importorskip("torch", reason="PyTorch is not installed; make test-peers installs it")
torch.set_num_threads(1)

T, B, N, H, LENGTHS = 7, 3, 4, 5, [4, 7, 2]
KINDS = {"RNN": {}, "RNN relu": {"nonlinearity": "relu"}, "LSTM": {}, "GRU": {}}
EVERY_KIND = pytest.mark.parametrize("kind", KINDS)
EVERY_SHAPE = pytest.mark.parametrize(
    ("many", "ways"), [(1, 1), (1, 2), (2, 1), (2, 2), (3, 2)], ids=["1 layer", "1 both", "2 layers", "2 both", "3 both"]
)


def made(kind, many, ways, dtype=torch.float64, **more):
    torch.manual_seed(20260101)
    return getattr(torch.nn, kind.split()[0])(
        N, H, many, bidirectional=ways == 2, dtype=dtype, **KINDS[kind], **more
    )


def drawn(rng, module, many, ways):
    """Inputs, initial states and the effects of states and last states on a loss, all random."""
    X, D = rng.normal(size=(T, B, N)), rng.normal(size=(T, B, H * ways))
    draw = lambda: torch.tensor(rng.normal(size=(many * ways, B, H)))  # noqa: E731
    pair = isinstance(module, torch.nn.LSTM)
    return X, (draw(), draw()) if pair else draw(), D, (draw(), draw()) if pair else draw()


def as_tuple(state):
    return state if isinstance(state, tuple) else (state,)


@EVERY_KIND
@EVERY_SHAPE
def test_states_and_every_gradient_match_torch(rng, kind, many, ways):
    """L = Σ ⟨D_t, s_t⟩ + ⟨K, last states of all layers and directions⟩."""
    module = made(kind, many, ways)
    X, h_0, D, K = drawn(rng, module, many, ways)
    theirs = torch.tensor(X, requires_grad=True)
    for h in as_tuple(h_0):
        h.requires_grad_()
    S, h_n = module(theirs, h_0)
    L = (torch.tensor(D) * S).sum() + sum((k * h).sum() for k, h in zip(as_tuple(K), as_tuple(h_n), strict=True))
    L.backward()

    net = interop.from_torch(module)
    trace = net.cell.forward(net.p, X, interop.state_from_torch(module, h_0), net.f)
    g = net.cell.backward(net.p, trace, D, interop.state_from_torch(module, K))
    assert error({"S": trace.S[1:]}, {"S": S.detach().numpy()}) < 1e-13
    want = interop.gradients_from_torch(module), theirs.grad.numpy(), slopes(module, h_0)
    assert error(leaves((g.dL_dp, g.dL_dX, g.dL_ds_0)), leaves(want)) < 1e-12
    if ways == 1:
        assert error(leaves((trace.s_T,)), leaves((interop.state_from_torch(module, h_n),))) < 1e-13


def slopes(module, h):
    """dL/dh_0 in rnnlib's arrangement."""
    grads = tuple(one.grad for one in as_tuple(h))
    return interop.state_from_torch(module, grads if isinstance(h, tuple) else grads[0])


@EVERY_KIND
@EVERY_SHAPE
def test_padded_batches_match_torch_packed_sequences(rng, kind, many, ways):
    module = made(kind, many, ways)
    X, h_0, D, _ = drawn(rng, module, many, ways)
    theirs = torch.tensor(X, requires_grad=True)
    for h in as_tuple(h_0):
        h.requires_grad_()
    packed = torch.nn.utils.rnn.pack_padded_sequence(theirs, LENGTHS, enforce_sorted=False)
    S, h_n = module(packed, h_0)
    S, _ = torch.nn.utils.rnn.pad_packed_sequence(S)
    (torch.tensor(D) * S).sum().backward()

    net = interop.from_torch(module, lengths=LENGTHS)
    trace = net.cell.forward(net.p, X, interop.state_from_torch(module, h_0), net.f)
    inside = (np.arange(T)[:, None] < LENGTHS)[..., None]
    g = net.cell.backward(net.p, trace, D * inside)
    assert error({"S": trace.S[1:] * inside}, {"S": S.detach().numpy()}) < 1e-13
    want = interop.gradients_from_torch(module), theirs.grad.numpy(), slopes(module, h_0)
    assert error(leaves((g.dL_dp, g.dL_dX, g.dL_ds_0)), leaves(want)) < 1e-12
    if ways == 2:
        top = trace if many == 1 else trace.layers[-1]
        last = np.concatenate(list(as_tuple(h_n)[0].detach().numpy()[-2:]), axis=-1)
        assert error({"ends": bidirectional.ends(top)}, {"ends": last}) < 1e-13


@EVERY_KIND
def test_whole_model_matches_torch(rng, kind):
    """Readout, softmax cross-entropy at every step and weights over time on top of two layers of both directions."""
    module = made(kind, 2, 2)
    net = interop.from_torch(module)
    X, V, c = rng.normal(size=(T, B, N)), rng.normal(size=(6, 2 * H)), rng.normal(size=6)
    Y, weights = rng.dirichlet(np.ones(6), size=(T, B)), rng.uniform(0.2, 2, size=(T, B))
    g = model.loss_and_gradients(net.p, readout.Params(V, c), X, Y, cell=net.cell, f=net.f, weights=weights)
    V, c = (torch.tensor(a, requires_grad=True) for a in (V, c))
    S, _ = module(torch.tensor(X))
    L = -(torch.tensor(weights)[..., None] * torch.tensor(Y) * torch.log_softmax(S @ V.T + c, -1)).sum()
    L.backward()
    assert pytest.approx(L.item(), rel=1e-13) == g.L
    want = interop.gradients_from_torch(module), (V.grad.numpy(), c.grad.numpy())
    assert error(leaves((g.dL_dp, tuple(g.dL_dq))), leaves(want)) < 1e-12


@EVERY_KIND
def test_modules_without_biases_match_torch(rng, kind):
    module = made(kind, 2, 1, bias=False)
    X, D = rng.normal(size=(T, B, N)), rng.normal(size=(T, B, H))
    S, _ = module(torch.tensor(X))
    (torch.tensor(D) * S).sum().backward()
    net = interop.from_torch(module)
    trace = net.cell.forward(net.p, X, None, net.f)
    assert error({"S": trace.S[1:]}, {"S": S.detach().numpy()}) < 1e-13
    found, want = leaves(net.cell.backward(net.p, trace, D).dL_dp), leaves(interop.gradients_from_torch(module))
    assert set(want) == {f"{layer}.{name}" for layer in (0, 1) for name in "UW"}
    assert error({name: found[name] for name in want}, want) < 1e-12


@EVERY_KIND
def test_a_single_sequence_matches_torch(rng, kind):
    module = made(kind, 2, 2)
    X = rng.normal(size=(T, N))
    S, _ = module(torch.tensor(X))
    net = interop.from_torch(module)
    assert error({"S": net.cell.forward(net.p, X, None, net.f).S[1:]}, {"S": S.detach().numpy()}) < 1e-13


@EVERY_KIND
@EVERY_SHAPE
def test_float32_is_as_near_to_float64_as_torch_is(rng, kind, many, ways):
    module = made(kind, many, ways, dtype=torch.float32)
    X, D = (a.astype(np.float32) for a in (rng.normal(size=(20, B, N)), rng.normal(size=(20, B, H * ways))))
    S, _ = module(torch.tensor(X))
    (torch.tensor(D) * S).sum().backward()
    net = interop.from_torch(module)
    found = leaves(net.cell.backward(net.p, net.cell.forward(net.p, X, None, net.f), D).dL_dp)
    assert {a.dtype for a in found.values()} == {np.dtype(np.float32)}
    double = interop.from_torch(module.double())
    exact = leaves(double.cell.backward(double.p, double.cell.forward(double.p, X, None, net.f), D).dL_dp)
    theirs = leaves(interop.gradients_from_torch(module))
    assert error(found, exact) < 4 * error(theirs, exact) + 1e-6


# there and back

@pytest.mark.parametrize("single", [rnn, lstm, gru])
@EVERY_SHAPE
def test_parameters_and_states_come_back_as_they_went(rng, single, many, ways):
    p, s_0 = of_one_size(rng, single, many, ways)
    module = interop.to_torch(p)
    net = interop.from_torch(module)
    assert equal(net.p, p) and net.f == "tanh"
    state = interop.state_to_torch(s_0)
    assert equal(interop.state_from_torch(module, state), s_0)
    X = rng.normal(size=(T, B, N))
    S, _ = module(torch.tensor(X), state)
    assert error({"S": net.cell.forward(p, X, s_0).S[1:]}, {"S": S.detach().numpy()}) < 1e-13


def of_one_size(rng, single, many, ways):
    """Parameters and states with H units in every layer and direction, as PyTorch has them."""
    found = []
    for layer in range(many):
        n = H * ways if layer else N
        one, *other = (build(single, lambda *shape: rng.normal(size=shape), n, H, (B,)) for _ in range(ways))
        for two in other:
            one = one._replace(p=bidirectional.Params(one.p, two.p), s_0=bidirectional.State(one.s_0, two.s_0))
        found.append((one.p, one.s_0))
    return found[0] if many == 1 else tuple(zip(*found, strict=True))


def test_precision_and_relu_are_carried_over(rng):
    p = rnn.Params(*(rng.normal(size=s).astype(np.float32) for s in ((H, N), (H, H), (H,))))
    module = interop.to_torch(p, f="relu")
    assert module.weight_ih_l0.dtype == torch.float32 and module.nonlinearity == "relu"
    assert interop.from_torch(module).f == "relu"


def test_arrays_are_copies(rng):
    module = made("GRU", 1, 1)
    p = interop.from_torch(module).p
    kept = p.U.copy()
    with torch.no_grad():
        module.weight_ih_l0.zero_()
    assert (p.U == kept).all()


@pytest.mark.parametrize(
    ("p", "message"),
    [
        (floats(np.random.default_rng(0), layers(lstm, gru)).p, "the layers differ in kind, directions or number of units"),
        (floats(np.random.default_rng(0), layers(lstm, lstm)).p, "the layers differ in kind, directions or number of units"),
        (floats(np.random.default_rng(0), both(rnn)).p, "the layers differ in kind, directions or number of units"),
        (np.eye(3), "p holds a numpy.ndarray; it must hold rnn.Params, lstm.Params or gru.Params"),
    ],
)
def test_to_torch_refuses_what_torch_has_not(p, message):
    with pytest.raises(ValueError, match=message):
        interop.to_torch(p)


def test_to_torch_refuses_other_activations(rng):
    p = floats(rng, rnn).p
    with pytest.raises(ValueError, match="f is 'sigmoid'; it must be 'tanh' or 'relu'"):
        interop.to_torch(p, f="sigmoid")
    with pytest.raises(ValueError, match="f is 'relu'; it must be 'tanh'"):
        interop.to_torch(floats(rng, lstm).p, f="relu")


def test_from_torch_refuses_projections_and_other_modules():
    with pytest.raises(ValueError, match=r"this LSTM has projections \(proj_size = 2\)"):
        interop.from_torch(torch.nn.LSTM(N, H, proj_size=2))
    with pytest.raises(ValueError, match=r"module is a Linear; it must be torch\.nn\.RNN, LSTM or GRU"):
        interop.from_torch(torch.nn.Linear(2, 2))
    with pytest.raises(ValueError, match=r"no gradients yet; call backward\(\) on a loss first"):
        interop.gradients_from_torch(torch.nn.GRU(N, H))


def test_examples_that_need_torch():
    """The docstrings' examples are skipped where PyTorch may be missing; here they run."""
    ran = 0
    for function in (found for found in vars(interop).values() if getattr(found, "__module__", "") == interop.__name__):
        if "# doctest: +SKIP" not in (function.__doc__ or ""):
            continue
        source = function.__doc__.replace("  # doctest: +SKIP", "")
        test = doctest.DocTestParser().get_doctest(source, dict(vars(interop)), function.__name__, None, 0)
        runner = doctest.DocTestRunner()
        runner.run(test)
        ran += 1
        assert runner.failures == 0 and runner.tries > 0
    assert ran == 10
