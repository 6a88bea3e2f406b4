"""The table mistakes × checks: complete, nothing survives the recommended checks, and what lazy points hide is known."""

import re

import numpy as np
import pytest

from rnnlib.doctor import MISTAKES, fitting, named, points, symbols, table
from rnnlib.doctor.table import CELLS, CHECKS, GENERIC_CHECKS, LAZY_CHECKS, RECOMMENDED, Bench, Check, Table

pytestmark = pytest.mark.xdist_group("doctor table")  # what its fixture makes is made once

# Other networks: right for themselves, so that no check against their own loss can see them.
OTHER_NETWORKS = {
    "rnn": set(),
    "lstm": {"blocks-ifog", "blocks-figo"},
    "gru": {"update-replaces", "reset-before", "blocks-urs"},
    "bidirectional": {"states-not-turned", "two-forward-cells"},
}
ONE_STEP = {f"{d}-{how}" for d in ("dU", "dW", "db", "dV", "dc") for how in ("last-alone", "not-added")} | {
    "dU-old-input-wrapped", "dW-pre-activation", "dX-reversed", "eps-mean-over-time", "eps-last-alone",
    "lam-accumulated", "lam-direct-dropped", "lam-doubled", "lam-early-slope", "lam-no-recursion", "lam-one-back", "lam-rising",
    "delta-next-state",
}  # fmt: skip
LINEAR = {
    "dU-no-slope", "db-no-slope", "dW-no-slope", "dX-no-slope", "lam-no-slope", "slope-missing", "slope-of-s", "slope-early",
    "slope-twice", "lam-slope-side", "lam-early-slope", "dW-pre-activation", "dV-pre-activation", "lam-rising",
}  # fmt: skip
# What a check misses of the simple network's mistakes; a new check needs its row here, and a new mistake that it misses.
MISSED = {
    "symbols, $T = 1$": ONE_STEP,
    "symbols, $T = 2$": {"lam-rising"},
    "symbols, $T = 3$": set(),
    "mod $p$": set(),
    "complex step": set(),
    "central difference": set(),
    "the doctor": set(),
    "$T = 1$": ONE_STEP,
    "$T = 2$": {"lam-rising"},
    "$B = 1$": {"db-mean", "dc-mean", "eps-mean-over-batch"},
    "$h = 1$": {"lam-transposed", "ds_0-transposed", "dW-transposed", "a-transposed", "lam-slope-side", "lam-rising"},
    "$s_0 = 0$": {"dW-first-dropped"},
    "$b = c = 0$": set(),  # of the simple network's; it hides d_r-no-bias of the GRU
    "$W = W^\\mathsf{T}$": {"lam-transposed", "ds_0-transposed"},
    "linear $f$": LINEAR,
    "constant $x_t$": {"dU-old-input-wrapped"},
    "one-hot $y_t$": {"eps-targets-sum-1"},
    "$\\omega_t = 1$": {"eps-no-weight", "eps-weight-twice"},
    "last loss alone": {"dV-last-alone", "dc-last-alone", "eps-last-alone", "eps-first-dropped", "eps-weight-twice", "lam-direct-dropped"},
    "$\\partial L/\\partial W$ alone": {m.name for m in fitting("rnn") if m.name.startswith(("dU-", "db-", "dV-", "dc-", "dX-", "ds_0-"))}
    - {"dX-transposed"}  # its shapes do not fit, which ends the pass
    | {"a-no-bias", "s-zero-start", "z-no-bias"},
    "in a hurry": {
        "dW-last-alone", "dW-first-dropped", "db-mean", "dc-mean", "eps-mean-over-batch", "eps-no-weight", "eps-weight-twice",
        "eps-targets-sum-1", "lam-rising",
    },
}  # fmt: skip
# At m = 1 the right gradient is 0, and at V = 0 nothing comes back to the states: too many to name, so what is seen is.
SEEN = {
    "$m = 1$": {"dU-transposed", "db-not-summed", "dV-transposed", "dc-not-summed", "lam-V-transposed", "dX-transposed", "lam-swapped",
                "eps-targets-sum-1", "eps-no-target", "eps-of-z"},
    "$V = 0$": {m.name for m in fitting("rnn") if m.name.startswith(("eps-", "dV-", "dc-", "z-"))}
    | {"dU-transposed", "db-not-summed", "lam-V-transposed", "dX-transposed", "lam-swapped"},
}  # fmt: skip


@pytest.fixture(scope="module")
def tables():
    return {cell: table.table(cell) for cell in CELLS}


def test_every_mistake_and_every_check_has_its_place(tables):
    assert {m.name for m in MISTAKES} == {name for found in tables.values() for name in found.errors}
    for cell, found in tables.items():
        assert list(found.errors) == [m.name for m in fitting(cell)]
        wanted = [check.name for check in CHECKS if check.name != "symbols, $T = 3$" or cell in ("rnn", "bidirectional")]
        assert all(list(row) == wanted for row in found.errors.values())
    assert {check.name for check in CHECKS} == MISSED.keys() | SEEN.keys()
    assert CHECKS == GENERIC_CHECKS + LAZY_CHECKS and len({check.name for check in CHECKS}) == len(CHECKS)


@pytest.mark.parametrize("cell", CELLS)
def test_no_mistake_survives_the_recommended_checks(cell, tables):
    assert tables[cell].missed(*RECOMMENDED) == ()
    assert tables[cell].missed("the doctor") == ()


@pytest.mark.parametrize("check", ["mod $p$", "complex step", "central difference"])
@pytest.mark.parametrize("cell", CELLS)
def test_a_gradient_check_at_the_generic_point_misses_other_networks_alone(cell, check, tables):
    assert set(tables[cell].missed(check)) == OTHER_NETWORKS[cell]


@pytest.mark.parametrize("check", MISSED)
def test_what_a_check_misses_is_known(check, tables):
    assert set(tables["rnn"].missed(check)) == MISSED[check]


@pytest.mark.parametrize("cell", CELLS)
def test_symbols_miss_at_one_step_what_numbers_miss_there_and_then_other_networks_alone(cell, tables):
    assert set(tables[cell].missed("symbols, $T = 1$")) == set(tables[cell].missed("$T = 1$"))
    for T in range(2, symbols.LENGTHS[cell] + 1):
        rising = {"lam-rising"} if (cell, T) == ("rnn", 2) else set()
        assert set(tables[cell].missed(f"symbols, $T = {T}$")) == OTHER_NETWORKS[cell] | rising


@pytest.mark.parametrize("check", SEEN)
def test_what_an_almost_blind_check_sees_is_known(check, tables):
    assert set(tables["rnn"].errors) - set(tables["rnn"].missed(check)) == SEEN[check]


@pytest.mark.parametrize("check", LAZY_CHECKS, ids=lambda c: c.name)
def test_each_lazy_point_hides_a_mistake_that_the_generic_point_shows(check, tables):
    assert any(set(found.missed(check.name)) - OTHER_NETWORKS[cell] for cell, found in tables.items())


@pytest.mark.parametrize("cell", CELLS)
def test_caught_is_caught_by_a_lot_and_missed_is_missed_to_the_last_digits(cell, tables):
    for row in tables[cell].errors.values():
        assert all(error < 1e-12 or error > 1e-4 for name, error in row.items() if name != "central difference")
        assert row["central difference"] < 1e-7 or row["central difference"] > 1e-3


@pytest.mark.parametrize("cell", CELLS)
def test_the_right_pass_passes_every_check(cell):
    nothing = named("dV-transposed").__class__("none", "nothing", "Nothing.", "output", "", (), CELLS)
    for check in CHECKS:
        if check.how != "symbols":
            limit = 1e-7 if check.how == "central" else 1e-12
            assert check.lazy is not None and Bench(check, cell).error(nothing) <= limit, check.name
    assert not any(symbols.Run(T, cell).caught(nothing) for T in range(1, symbols.LENGTHS[cell] + 1))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_table_does_not_depend_on_the_numbers_drawn(seed, tables):
    quick = [check for check in CHECKS if check.how not in ("symbols", "mod p")]
    for cell in CELLS:
        other = table.table(cell, quick, seed)
        assert {c.name: other.missed(c.name) for c in quick} == {c.name: tables[cell].missed(c.name) for c in quick}


def test_lazy_points_that_together_miss_nothing(tables):
    lazy, others = [check.name for check in LAZY_CHECKS], {name for names in OTHER_NETWORKS.values() for name in names}
    sets = table.smallest(list(tables.values()), lazy, others)
    assert {len(chosen) for chosen in sets} == {2} and ("$T = 1$", "$s_0 = 0$") in sets
    assert table.smallest(list(tables.values()), lazy) == []  # the other networks stay


def test_marks_are_in_the_order_of_the_checks_and_by_page():
    found = Table("rnn", (Check("one"), Check("two")), {"dW-transposed": {"one": 1e-16, "two": 0.5}, "dV-transposed": {"one": 1, "two": 1}})
    assert found.marks() == {"gradient_w": {"dW-transposed": [False, True]}, "output": {"dV-transposed": [True, True]}}
    assert list(found.only(["dV-transposed"]).errors) == ["dV-transposed"]


@pytest.mark.parametrize(
    ("cell", "T", "every"),
    [("rnn", 1, 1), ("rnn", 2, 1), ("rnn", 3, 2), ("bidirectional", 1, 1), ("bidirectional", 2, 1), ("bidirectional", 3, 3),
     ("lstm", 1, 1), ("gru", 1, 1), ("lstm", 2, 9), ("gru", 2, 9)],
)  # fmt: skip
def test_symbols_written_out_agree_with_exact_numbers_at_the_same_length(cell, T, every):
    """The table writes symbols out only where numbers show nothing; here they are, for some of the mistakes if it takes long."""
    run, bench = symbols.Run(T, cell), Bench(Check("exact", "mod p", dict(T=T)), cell)
    assert [m.name for m in fitting(cell)[::every] if run.caught(m) != (bench.error(m) > 0)] == []


def test_where_numbers_show_nothing_symbols_decide(monkeypatch):
    """A check by symbols is one by symbols: without them nothing is missed."""
    check = next(c for c in CHECKS if c.name == "symbols, $T = 2$")
    assert table.table("rnn", [check]).missed(check.name) == ("lam-rising",)
    monkeypatch.setattr(symbols.Run, "caught", lambda *_: True)
    assert table.table("rnn", [check]).missed(check.name) == ()


def test_lazy_points_are_lazy():
    values = points.draw(points.problem("lstm", targets="any"), table.GENERIC, 0).values
    changed = {check.name: check.lazy(values) for check in LAZY_CHECKS}
    assert {k for k in changed["$s_0 = 0$"]} == {"s_0", "C_0"} and {k for k in changed["$b = c = 0$"]} == {"b", "c"}
    for block in np.split(changed["$W = W^\\mathsf{T}$"]["W"], 4):
        assert np.array_equal(block, block.T)
    assert np.array_equal(changed["one-hot $y_t$"]["Y"].sum(axis=-1), np.ones((4, 2)))
    assert {k for k in changed["in a hurry"]} >= {"s_0", "C_0", "b", "c", "Y", "weights"}


def test_checks_have_names_for_a_page():
    assert all(re.sub(r"\$[^$]*\$", "", check.name).isascii() for check in CHECKS)
