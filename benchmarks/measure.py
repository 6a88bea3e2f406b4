"""Times: several functions in turn, in one process, and ratios of their medians."""

from __future__ import annotations

from math import exp, log
from statistics import median
from time import perf_counter, process_time
from typing import NamedTuple

ROUNDS, SHORTEST, ENOUGH = 7, 5e-3, 1.0


class Sample(NamedTuple):
    """One measurement: processor seconds (of all threads) and seconds by the clock for one call, and how many calls it was."""

    cpu: float
    wall: float
    calls: int


def sample(function, calls: int = 1, shortest: float = SHORTEST) -> Sample:
    """Call a function, ``calls`` times and then as often again as it takes to fill the shortest time by both measures."""
    made, wall, cpu = 0, perf_counter(), process_time()
    while True:
        for _ in range(calls):
            function()
        made += calls
        spent, passed = process_time() - cpu, perf_counter() - wall
        if min(spent, passed) >= shortest:
            return Sample(spent / made, passed / made, made)


def once(function) -> tuple:
    """What the function returns, and the seconds by the clock that this took."""
    start = perf_counter()
    found = function()
    return found, perf_counter() - start


def interleaved(
    functions: dict, rounds: int = ROUNDS, shortest: float = SHORTEST, progress=lambda done: None, enough: float = 0, took=None
) -> dict:
    """Samples of each function, by name: in every round each once, and each round begins with the next one.

    There are three times as many rounds if those, too, take less than ``enough`` seconds.
    A function is tried before, to see how many calls a sample needs, unless ``took`` says that one call takes long.

    Raises
    ------
    ValueError
        If there are fewer than 7 rounds.
    """
    if rounds < ROUNDS:
        raise ValueError(f"rounds is {rounds}; a median needs at least {ROUNDS} here")
    names, took = list(functions), took or {}
    long = {name: Sample(0, took[name], 1) for name in names if took.get(name, 0) > 20 * shortest}
    tried = {name: long.get(name) or sample(functions[name], 1, shortest) for name in names}  # also warms up
    calls = {name: one.calls for name, one in tried.items()}
    if 3 * rounds * sum(one.wall * one.calls for one in tried.values()) < enough:
        rounds *= 3
    samples = {name: [] for name in names}
    for turn in range(rounds):
        progress(turn)
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            samples[name].append(sample(functions[name], calls[name], shortest))
    return samples


def seconds(samples) -> float:
    """The median processor time of one call."""
    return median(one.cpu for one in samples)


def ratios(samples: dict, ours: str = "rnnlib", floor: str = "floor") -> dict:
    """Ratios of medians: other ÷ ours for every library, ours ÷ floor for the floor."""
    own = seconds(samples[ours])
    others = {name: seconds(taken) / own for name, taken in samples.items() if name not in (ours, floor)}
    return others | ({floor: own / seconds(samples[floor])} if floor in samples else {})


def geometric_mean(values) -> float:
    """The n-th root of the product.

    Raises
    ------
    ValueError
        If there is no value, or one that is not positive.
    """
    values = list(values)
    if not values or min(values) <= 0:
        raise ValueError(f"a geometric mean needs positive values; got {values}")
    return exp(sum(map(log, values)) / len(values))
