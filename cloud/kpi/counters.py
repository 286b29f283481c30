"""Owns what a cumulative counter counted: differences between neighbours in source-time order.

The order in which samples arrive plays no part, so a late one splits a difference and is never taken for a reset.
"""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

# a counter this near its end that is then smaller went round; further away it was reset
NEAR = 0.9


@dataclass(frozen=True, slots=True, order=True)
class Sample:
    """What a counter showed at a time, microseconds; `n` orders several of one time."""

    at: int
    value: float
    n: int = 0


@dataclass(frozen=True, slots=True)
class Counted:
    """What was counted up to a time, since the sample before it."""

    at: int
    quantity: float


def deltas(samples: Iterable[Sample], rollover: float | None = None) -> list[Counted]:
    """Return what was counted at each sample after the first, which has nobody to differ from.

    Args:
        samples: In any order, any of them repeated.
        rollover: How far the counter counts before it begins again at 0; None where it is only ever reset.
    """
    ordered = sorted(set(samples), key=lambda each: (each.at, each.n, each.value))
    return [Counted(now.at, step(before.value, now.value, rollover)) for before, now in itertools.pairwise(ordered)]


def step(before: float, now: float, rollover: float | None = None) -> float:
    """Return what was counted between two neighbours."""
    if now >= before:
        return now - before
    if rollover is not None and before >= NEAR * rollover:
        return rollover - before + now
    return now


def parts(shots: float, active_cavities: int | None) -> float:
    """Return how many parts so many shots made; a mould of unknown cavities makes one."""
    return shots * (active_cavities or 1)
