"""Cells with gates, in stretches of time and in a workspace: the numbers stay what they are without."""

from functools import partial

import numpy as np
import pytest
from generic_cell import by_steps, complex_step, equal, floats, variables
from generic_point import error
from test_cells import ALL, GRUS, STEPPING, along, directional, modular, parametrise, plain

from rnnlib import _gated, bidirectional, gru, lstm, model, stacked, truncated
from rnnlib._records import leaves, mapped
from rnnlib.activations import sigmoid, tanh
from rnnlib.cells import Cell
from rnnlib.workspace import Workspace

GATED = {"lstm": lstm, **{cell.name: cell for cell in GRUS}}


@pytest.fixture
def short_spans(monkeypatch):
    """Stretches of so few rows that 50 steps are many, the last of them shorter."""
    monkeypatch.setattr(_gated, "ROWS", 1)


def gradients(net, work):
    g = model.loss_and_gradients(
        net.p, net.q, net.X, net.Y, net.s_0, cell=net.cell, f=net.f, head=net.head, weights=net.weights, work=work
    )
    return variables(g.dL_dp, g.dL_dq, g.dL_dX, g.dL_ds_0)


# stretches of time


@pytest.mark.parametrize("rows", [1, 5, 512, 10**6])
@pytest.mark.parametrize("shape", [(1, 1, 3), (13, 2, 3), (700, 3), (9, 600, 2)])
def test_spans_are_all_steps_once_in_order_and_equal_but_the_last(monkeypatch, shape, rows):
    monkeypatch.setattr(_gated, "ROWS", rows)
    X = np.zeros(shape)
    spans = _gated.spans(X, 4)
    assert [t for span in spans for t in range(len(X))[span]] == list(range(len(X)))
    B = X[0].size // X.shape[-1]
    longest = spans[0].stop
    assert all(span.stop - span.start == longest for span in spans[:-1])
    assert len(spans) == 1 or (longest - 1) * B < max(rows, 4) <= longest * B


@parametrise(GATED)
@pytest.mark.parametrize("B", [0, 1, 2])
def test_many_stretches_are_one_whole(rng, spec, monkeypatch, B):
    net = floats(rng, spec, T=49, B=B)
    whole, trace = net.gradients(), net.trace()
    for rows in (1, 27, 40):
        monkeypatch.setattr(_gated, "ROWS", rows)
        assert len(_gated.spans(net.X, len(net.p.b))) > 1
        assert error(net.gradients(), whole) < 1e-13
        assert np.abs(net.trace().S - trace.S).max() < 1e-14


@pytest.mark.parametrize("variant", [lstm.variant, partial(gru.variant, "after", "keep"), partial(gru.variant, "before", "replace")],
                         ids=["lstm", "gru after", "gru before"])  # fmt: skip
@pytest.mark.parametrize(("f", "gate"), [("softplus", "hard_tanh"), ("hard_tanh", "hard_tanh")])
def test_many_stretches_are_the_steps_with_other_activations(rng, variant, f, gate, monkeypatch):
    """With slopes that need the pre-activation, of the right steps and the right gate."""
    net = floats(rng, variant(gate), T=25, f=f)
    for rows in (2, 31):
        monkeypatch.setattr(_gated, "ROWS", rows)
        assert len(_gated.spans(net.X, len(net.p.W))) in (2, 3, 4)
        trace = net.trace()
        dL_dS = net.effects(trace)
        g = net.cell.backward(net.p, trace, dL_dS)
        _, want = by_steps(net, dL_dS)
        assert error(leaves((g.dL_dp, g.dL_dX, g.dL_ds_0, g.delta)), leaves(want)) < 1e-12


@parametrise(GATED)
def test_many_stretches_are_the_steps_with_the_sizes_as_they_are(rng, spec):
    net = floats(rng, spec, T=70, B=20)
    assert len(_gated.spans(net.X, len(net.p.b))) == 3
    trace = net.trace()
    dL_dS, later = net.effects(trace), mapped(lambda s: rng.normal(size=s.shape), trace.s_T)
    _, want = by_steps(net, dL_dS, later)
    g = net.cell.backward(net.p, trace, dL_dS, later)
    assert error(leaves((g.dL_dp, g.dL_dX, g.dL_ds_0, g.delta)), leaves(want)) < 1e-12


@parametrise(GATED)
def test_stretches_in_a_workspace_are_exact_mod_p_at_T_50(spec, short_spans):
    work = Workspace()
    for seed in (5, 6):
        oracle, net, direction = modular(spec, T=50, h=4, seed=seed)
        assert along(gradients(net, work), direction) == directional(oracle, net, direction)


@parametrise(GATED)
def test_steps_one_by_one_are_a_workspace_mod_p_at_T_50(spec, short_spans):
    _, net, _ = modular(spec, T=50, h=4)
    work = Workspace()
    for _ in range(2):
        trace = net.cell.forward(net.p, net.X, net.s_0, net.f, work=work)
        dL_dS = net.effects(trace)
        g = net.cell.backward(net.p, trace, dL_dS, work=work)
        _, want = by_steps(net, dL_dS)
        assert equal(mapped(plain, (g.dL_dp, g.dL_dX, g.dL_ds_0, g.delta)), mapped(plain, want))


# one tanh for all gates


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gates_by_one_tanh_are_sigma_to_a_few_ulp(rng, dtype):
    a = np.concatenate([rng.normal(size=4000), rng.uniform(-40, 40, 4000), [0, 1e-30, -1e-30, 800, -800]]).astype(dtype)
    scale, open_gates, _ = _gated.opening(tanh, sigmoid, a.dtype)
    out = np.empty_like(a)
    open_gates(a * scale, out)
    exact = 1 / (1 + np.exp(-a.astype(np.longdouble)))
    assert out.dtype == dtype
    assert np.abs(out - exact).max() < 2 * np.finfo(dtype).eps
    assert np.abs(out - sigmoid.f(a)).max() <= np.finfo(dtype).eps


@parametrise(GATED)
@pytest.mark.parametrize(("dtype", "most"), [(np.float32, 16), (np.float64, 16)])
def test_states_by_halved_parameters_are_those_of_the_steps_to_rounding(rng, spec, dtype, most):
    net = floats(rng, spec, T=20).of_dtype(dtype)
    steps, _ = by_steps(net, np.zeros((20, 2, 5), dtype))
    S = np.stack([getattr(step.s, "s", step.s) for step in steps])
    assert np.abs(net.trace().S[1:] - S).max() < most * np.finfo(dtype).eps


@pytest.mark.parametrize("module", [lstm, gru])
def test_parameters_are_halved_for_tanh_and_sigma_alone(module):
    for f, gate, dtype in ((tanh, tanh, float), (sigmoid, sigmoid, float), (tanh, sigmoid, object)):
        scale, _, halve = _gated.opening(f, gate, np.dtype(dtype))
        assert scale == 1 and halve is None
    shapes = ((4, 1), (4, 1), 4) if module is lstm else ((3, 1), (3, 1), 3, 1)
    p = module.Params(*map(np.ones, shapes))
    kept = module.forward(p, np.ones((2, 1)), f="softplus")
    assert kept.A is not kept.G and kept.A[0][0] == 2  # not halved
    inside = module.forward(p, np.ones((2, 1)))
    assert inside.A is inside.G


# a workspace


@parametrise(ALL)
def test_a_workspace_used_again_changes_no_result(rng, spec):
    work = Workspace()
    for sizes in ({}, {}, {"h": 4}, {"n": 2, "m": 3}, {}):
        net = floats(rng, spec, **sizes)
        want = net.gradients()
        got = gradients(net, work)
        assert error(got, want) < 1e-14


@parametrise(STEPPING | {"both": ALL["both, of two kinds"], "layers of both": ALL["layers of both"]})
def test_a_workspace_serves_batches_and_single_sequences_in_turn(rng, spec):
    work = Workspace()
    for B, T in ((2, 6), (0, 6), (1, 6), (3, 2), (1, 9), (0, 9)):
        net = floats(rng, spec, B=B, T=T)
        got, want = gradients(net, work), net.gradients()
        assert error(got, want) < 1e-14
        assert {name: a.shape for name, a in got.items()} == {name: a.shape for name, a in net.variables().items()}


@parametrise(ALL)
def test_gradients_in_a_workspace_match_complex_step(rng, spec):
    net, work = floats(rng, spec, h=4, f="softplus"), Workspace()
    gradients(floats(rng, spec, h=4), work)
    assert error(gradients(net, work), complex_step(net)) < 1e-13


@parametrise(ALL)
def test_float32_stays_float32_in_a_workspace_that_held_other_kinds(rng, spec):
    net, work = floats(rng, spec), Workspace()
    gradients(net, work)
    gradients(net.of_dtype(complex), work)
    small = net.of_dtype(np.float32)
    got = gradients(small, work)
    assert {g.dtype for g in got.values()} == {np.dtype(np.float32)}
    assert error(got, small.gradients()) < 1e-6


@parametrise(ALL)
def test_the_callers_arrays_stay_and_so_do_the_parameters_gradients(rng, spec):
    net, work = floats(rng, spec), Workspace()
    for a in leaves(net[1:7]).values():
        a.flags.writeable = False
    g = gradients(net, work)
    lasting = {name: a for name, a in g.items() if name != "2"}  # all but dL/dX
    before = {name: a.copy() for name, a in lasting.items()}
    gradients(floats(rng, spec), work)
    assert all((lasting[name] == before[name]).all() for name in lasting)
    assert not any(np.shares_memory(a, b) for a in lasting.values() for b in net.variables().values())


@parametrise({"lstm": lstm, "gru": gru, "before": gru.variant("before")})
def test_the_memory_is_kept_from_call_to_call(rng, spec):
    net, work = floats(rng, spec), Workspace()
    first = net.cell.forward(net.p, net.X, net.s_0, work=work)
    kept = work.nbytes
    again = net.cell.forward(net.p, net.X, net.s_0, work=work)
    assert again.S is first.S and np.shares_memory(again.G.candidate, first.G.candidate) and work.nbytes == kept
    assert not np.shares_memory(net.cell.forward(net.p, net.X, net.s_0).S, first.S)


@parametrise({"lstm": lstm, "gru": gru, "layers": ALL["layers"]})
def test_a_state_in_the_workspace_may_be_handed_to_the_next_call(rng, spec):
    net, work = floats(rng, spec, T=12), Workspace()
    whole, trace = net.trace(), None
    for piece in (slice(0, 4), slice(4, 8), slice(8, 12)):
        trace = net.cell.forward(net.p, net.X[piece], trace.s_T if trace else net.s_0, work=work)
    assert error(leaves((trace.s_T,)), leaves((whole.s_T,))) < 1e-14


def test_the_last_state_of_a_chunk_outlives_the_workspace(rng):
    net, work = floats(rng, lstm), Workspace()
    one = truncated.chunk(net.p, net.q, net.X, net.Y, net.s_0, cell=lstm, head="squared_error", work=work)
    kept = mapped(np.copy, one.s_T)
    truncated.chunk(net.p, net.q, net.X, net.Y, cell=lstm, head="squared_error", work=work)
    assert equal(one.s_T, kept)


def test_cells_without_a_workspace_run_inside_others(rng):
    plain_lstm = Cell(
        "plain", lstm.step, lstm.step_back,
        lambda p, X, s_0=None, f=tanh: lstm.forward(p, X, s_0, f),
        lambda p, trace, dL_dS, dL_ds_T=None: lstm.backward(p, trace, dL_dS, dL_ds_T),
    )  # fmt: skip
    one = floats(rng, lstm, n=5)
    p, s_0 = (one.p, one.p), (one.s_0, one.s_0)
    for make in (lambda c: stacked.cell(c, c), lambda c: bidirectional.cell(c)):
        cells = make(plain_lstm), make(lstm)
        bidirectional_one = "bidirectional" in cells[0].name
        q = one.q._replace(V=rng.normal(size=(4, 10 if bidirectional_one else 5)))
        record, states = (bidirectional.Params, bidirectional.State) if bidirectional_one else (lambda *a: a,) * 2
        nets = [one._replace(cell=cell, p=record(*p), s_0=states(*s_0), q=q) for cell in cells]
        assert error(gradients(nets[0], Workspace()), gradients(nets[1], Workspace())) == 0
