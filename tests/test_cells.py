"""What every cell must do, alone, in both directions and in layers: the same arguments, the same kind of results, right gradients."""

import numpy as np
import pytest
from generic_cell import both, build, by_steps, complex_step, equal, floats, layers, network
from generic_point import error, fractions

from rnnlib import cells, gru, lstm, model, other_ways, rnn, stacked
from rnnlib._records import added, leaves, mapped
from rnnlib.activations import ACTIVATIONS
from rnnlib.proof.exact import Dual, Oracle, Residue
from rnnlib.workspace import Workspace

GRUS = [gru.variant(reset, update) for reset in gru.RESET for update in gru.UPDATE]
STEPPING = {
    "rnn": rnn,
    "lstm": lstm,
    **{cell.name: cell for cell in GRUS},
    "layers": layers(lstm, gru, rnn),
    "layers, LSTM on top": layers(rnn, layers(gru, lstm)),
}
WHOLE = {
    "both": both(rnn),
    "both, of two kinds": both(lstm, gru),
    "both, padded": both(gru, lstm, lengths=[3, 6]),
    "both, ends last": both(lstm, gru, align=False),
    "both, padded, ends last": both(lstm, rnn, lengths=[6, 2], align=False),
    "both, of layers": both(layers(rnn, gru), lstm),
    "layers of both": layers(both(lstm), both(gru, rnn)),
    "layers of both, padded": layers(both(rnn, lengths=[4, 6]), gru, both(lstm, lengths=[4, 6])),
}
ALL = STEPPING | WHOLE


def parametrise(table):
    return pytest.mark.parametrize("spec", [pytest.param(v, id=k) for k, v in table.items()])


@parametrise(ALL)
@pytest.mark.parametrize("f", ["tanh", "softplus"])
def test_every_gradient_matches_complex_step(rng, spec, f):
    net = floats(rng, spec, f=f, h=4)
    assert error(net.gradients(), complex_step(net)) < 1e-13


@parametrise(STEPPING | {"both": both(gru, lstm), "layers of both": layers(both(lstm), both(gru, rnn))})
def test_every_gradient_of_a_single_sequence_matches_complex_step(rng, spec):
    net = floats(rng, spec, B=0, h=4)
    assert error(net.gradients(), complex_step(net)) < 1e-13


@parametrise({"lstm": lstm, "gru": gru, "gru before": gru.variant("before"), "both": both(rnn)})
@pytest.mark.parametrize("one", ["T", "B", "n", "h", "m"])
def test_every_size_may_be_1(rng, spec, one):
    net = floats(rng, spec, **{one: 1})
    assert error(net.gradients(), complex_step(net)) < 1e-13


@parametrise({"rnn": rnn, "lstm": lstm, "gru": gru, "gru before": gru.variant("before")})
@pytest.mark.parametrize("B", [0, 1])
def test_all_sizes_may_be_1_together(rng, spec, B):
    net = floats(rng, spec, T=1, B=B, n=1, h=1, m=1)
    assert error(net.gradients(), complex_step(net)) < 1e-13


@parametrise(STEPPING)
def test_steps_one_by_one_are_forward_and_backward(rng, spec):
    net = floats(rng, spec)
    trace = net.trace()
    dL_dS, later = net.effects(trace), mapped(lambda s: rng.normal(size=s.shape), trace.s_T)
    steps, want = by_steps(net, dL_dS, later)
    g = net.cell.backward(net.p, trace, dL_dS, later)
    assert error(leaves((g.dL_dp, g.dL_dX, g.dL_ds_0, g.delta)), leaves(want)) < 1e-13
    for step, s in zip(steps, trace.S[1:], strict=True):
        np.testing.assert_allclose(getattr(step.s, "s", step.s), s, rtol=1e-12, atol=1e-13)
    assert error(leaves((trace.s_T,)), leaves((steps[-1].s,))) < 1e-13


@parametrise(STEPPING)
@pytest.mark.parametrize("f", ["hard_tanh", "relu", "identity"])
def test_steps_one_by_one_are_forward_and_backward_in_fractions(rng, spec, f):
    net = network(exact_gates(spec), lambda *shape: fractions(rng, shape) / 2, T=3, n=2, h=4, m=2, f=f)
    trace = net.trace()
    dL_dS = net.effects(trace)
    steps, want = by_steps(net, dL_dS)
    g = net.cell.backward(net.p, trace, dL_dS)
    assert equal((g.dL_dp, g.dL_dX, g.dL_ds_0, g.delta), want)
    assert equal(trace.s_T, steps[-1].s)


def exact_gates(spec):
    """The same network with gates that fractions pass through, on their slope and off it."""
    return with_gates(spec, "hard_tanh")


def with_gates(spec, gate):
    """The same network with other activations of its gates."""
    if hasattr(spec, "of"):
        return layers(*(with_gates(part, gate) for part in spec.of))
    if hasattr(spec, "options"):
        return both(with_gates(spec.forward, gate), with_gates(spec.backward, gate), **spec.options)
    if spec is rnn:
        return rnn
    if spec is lstm:
        return lstm.variant(gate)
    own = {} if spec is gru else spec.forward.keywords
    return gru.variant(own.get("reset", "after"), own.get("update", "keep"), gate)


@parametrise(STEPPING)
def test_two_pieces_of_time_are_the_whole_in_fractions(rng, spec):
    net = network(exact_gates(spec), lambda *shape: fractions(rng, shape) / 2, T=4, n=2, h=4, m=2, f="identity")
    trace = net.trace()
    dL_dS = net.effects(trace)
    whole = net.cell.backward(net.p, trace, dL_dS)
    for cut in (1, 2, 3):
        first = net.cell.forward(net.p, net.X[:cut], net.s_0, net.f)
        last = net.cell.forward(net.p, net.X[cut:], first.s_T, net.f)
        later = net.cell.backward(net.p, last, dL_dS[cut:])
        earlier = net.cell.backward(net.p, first, dL_dS[:cut], later.dL_ds_0)
        assert equal(added(earlier.dL_dp, later.dL_dp), whole.dL_dp)
        assert equal(earlier.dL_ds_0, whole.dL_ds_0)
        assert equal(mapped(lambda u, v: np.concatenate([u, v]), earlier.delta, later.delta), whole.delta)
        assert not equal(net.cell.backward(net.p, first, dL_dS[:cut]).dL_dp, earlier.dL_dp)


# mod p: exact over many steps, with functions about which nothing is known


def modular(spec, T, h, seed=5):
    """A network mod p with opaque functions, and a random direction for every variable."""
    oracle = Oracle(seed)
    net = network(with_gates(spec, oracle.activation("gate")), oracle.array, T=T, h=h, f=oracle.activation("f"))
    return oracle, net, {name: plain(oracle.array(*a.shape)) for name, a in net.variables().items()}


def plain(array):
    return np.frompyfunc(lambda k: k.v, 1, 1)(array)


def directional(oracle, net, direction):
    """The derivative of the loss along the direction: dual numbers through ``forward`` alone."""
    names = iter(direction)
    move = np.frompyfunc(lambda k, d: Dual(k.v, d, oracle), 2, 1)
    moved = mapped(lambda a: move(a, direction[next(names)]), (net.p, net.q, net.X, net.s_0))
    return net._replace(**dict(zip(("p", "q", "X", "s_0"), moved, strict=True))).loss().d


def along(gradients, direction):
    total = Residue(0)
    for name, g in gradients.items():
        total = total + (plain(g) * direction[name]).sum()
    return total


@parametrise({"lstm": lstm, **{cell.name: cell for cell in GRUS}, "both": both(lstm, gru), "padded": both(rnn, gru, lengths=[50, 31])})
def test_backward_is_exact_mod_p_at_T_50(spec):
    oracle, net, direction = modular(spec, T=50, h=6)
    assert along(net.gradients(), direction) == directional(oracle, net, direction)


@parametrise({name: ALL[name] for name in ("layers", "layers of both", "both, of layers")})
def test_backward_of_layers_is_exact_mod_p(spec):
    oracle, net, direction = modular(spec, T=8, h=5)
    assert along(net.gradients(), direction) == directional(oracle, net, direction)


@parametrise({"lstm": lstm, "gru": gru, "before": gru.variant("before"), "both": both(lstm, gru)})
def test_a_single_wrong_entry_is_noticed_mod_p(spec):
    oracle, net, direction = modular(spec, T=5, h=4)
    g, want = net.gradients(), directional(oracle, net, direction)
    for name in g:
        wrong = g[name].copy()
        wrong.flat[-1] = wrong.flat[-1] + 1
        assert along({**g, name: wrong}, direction) != want, name


@parametrise(STEPPING)
def test_steps_one_by_one_are_backward_mod_p_at_T_50(spec):
    _, net, _ = modular(spec, T=50, h=4)
    trace = net.trace()
    dL_dS = net.effects(trace)
    g = net.cell.backward(net.p, trace, dL_dS)
    _, want = by_steps(net, dL_dS)
    assert equal(mapped(plain, (g.dL_dp, g.dL_dX, g.dL_ds_0)), mapped(plain, want[:3]))


# precision, memory, batches


@parametrise(ALL)
def test_float32_stays_float32_and_is_near_float64(rng, spec):
    net = floats(rng, spec).of_dtype(np.float32)
    got = net.gradients()
    assert {g.dtype for g in got.values()} == {np.dtype(np.float32)}
    assert net.loss().dtype == net.trace().S.dtype == np.float32
    assert error(got, net.of_dtype(float).gradients()) < 1e-4


@parametrise(ALL)
def test_precision_follows_the_parameters_not_the_data(rng, spec):
    net = floats(rng, spec)
    small = net.of_dtype(np.float32)
    mixed = net._replace(p=small.p, q=small.q).gradients()
    want = small.gradients()
    for name, g in mixed.items():
        assert g.dtype == np.float32 and (g == want[name]).all()


@parametrise(ALL)
def test_nothing_the_caller_owns_is_changed_or_returned(rng, spec):
    net = floats(rng, spec)
    before = net.with_all(np.copy)
    given = leaves(net[1:7])
    for a in given.values():
        a.flags.writeable = False
    trace = net.trace()
    kept = [a.copy() for a in leaves(trace.S).values()]
    dL_dS = net.effects(trace)
    dL_dS.flags.writeable = False
    first = net.cell.backward(net.p, trace, dL_dS)
    results = list(leaves(tuple(first)).values())
    copies = [a.copy() for a in results]
    net.cell.backward(net.p, trace, dL_dS * 2)
    assert all((a == b).all() for a, b in zip(results, copies, strict=True))
    assert all((a == b).all() for a, b in zip(leaves(trace.S).values(), kept, strict=True))
    assert not any(np.shares_memory(r, a) for r in results for a in given.values())
    assert equal(net[1:7], before[1:7])


@parametrise({name: spec for name, spec in ALL.items() if "padded" not in name})  # for those, see test_bidirectional
def test_a_batch_is_its_sequences_one_by_one(rng, spec):
    net = floats(rng, spec)
    whole, each = net.gradients(), []
    for k in range(2):
        s_0 = mapped(lambda s, k=k: s[k], net.s_0)
        each.append(net._replace(X=net.X[:, k], Y=net.Y[:, k], weights=net.weights[:, k], s_0=s_0).gradients())
    for name, g in whole.items():
        if name == "2":  # dL/dX
            want = np.stack([one[name] for one in each], 1)
        elif name.startswith("3"):  # dL/ds_0
            want = np.stack([one[name] for one in each])
        else:
            want = sum(one[name] for one in each)
        assert error({name: g}, {name: want}) < 1e-13, name


@parametrise(ALL)
def test_s_0_is_zeros_unless_given(rng, spec):
    net = floats(rng, spec)
    zeros = net._replace(s_0=mapped(np.zeros_like, net.s_0))
    assert equal(tuple(net._replace(s_0=None).gradients().values()), tuple(zeros.gradients().values()))


@parametrise(STEPPING | {"both": both(gru, lstm), "layers of both": layers(both(lstm), both(gru, rnn))})
@pytest.mark.parametrize("B", [0, 1])
def test_s_0_of_a_single_sequence_is_zeros_unless_given(rng, spec, B):
    """Also in a workspace that has held another."""
    net, work = floats(rng, spec, B=B), Workspace()
    zeros = mapped(np.zeros_like, net.s_0)
    net.cell.forward(net.p, net.X, net.s_0, work=work)
    none = net.cell.forward(net.p, net.X, work=work)
    assert (none.S == net.cell.forward(net.p, net.X, zeros).S).all()


@parametrise(ALL)
def test_s_0_may_be_shared_by_the_batch(rng, spec):
    net = floats(rng, spec)
    shared = net._replace(s_0=mapped(lambda s: s[0], net.s_0))
    spread = net._replace(s_0=mapped(lambda s: np.stack([s[0]] * 2), net.s_0))
    assert equal(tuple(shared.gradients().values()), tuple(spread.gradients().values()))


@parametrise(STEPPING)
def test_state_t_depends_on_exactly_x_1_to_x_t(rng, spec):
    net = floats(rng, spec)
    assert (depends(net) == np.tril(np.ones((6, 6), bool))).all()


def depends(net):
    """depends[t, i]: whether s_{t+1} depends on x_{i+1}; by complex step, so that 0 is exactly 0."""
    T, found = len(net.X), []
    for i in range(T):
        X = net.X.astype(complex)
        X[i] += 1e-30j
        found.append((net._replace(X=X).trace().S[1:].imag != 0).any(axis=(1, 2)))
    return np.array(found).T


@parametrise(STEPPING)
@pytest.mark.parametrize("f", ACTIVATIONS)
def test_every_activation_will_do(rng, spec, f):
    net = floats(rng, spec, T=3, f=f, h=4)
    assert error(net.gradients(), complex_step(net)) < 1e-12


def test_name_of_a_module_and_of_a_record():
    assert cells.name(rnn) == "rnn" and cells.name(lstm) == "lstm"
    assert cells.name(stacked.cell(lstm, gru.variant("before"))) == "stacked (lstm, gru (reset before, update keep))"


def test_modules_and_records_have_the_four_functions():
    for spec in ALL.values():
        cell = build(spec, lambda *shape: np.ones(shape), 3, 5, ()).cell
        assert all(callable(getattr(cell, k)) for k in ("step", "step_back", "forward", "backward"))


def test_model_and_unroll_take_any_cell(rng):
    net = floats(rng, lstm)
    steps = other_ways.unroll(lstm, net.p, list(net.X), net.s_0, rnn.tanh)
    assert isinstance(steps[-1].s, lstm.State)
    assert model.loss(net.p, net.q, net.X, net.Y, net.s_0, cell=lstm) > 0
