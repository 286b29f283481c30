"""Owns what a cumulative counter counted: differences between neighbours in source-time order.

The order in which samples arrive plays no part, so a late one splits a difference and is never taken for a reset.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

# a counter this near its end that is then smaller went round; further away, or beyond it, it was reset
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
        samples: In any order, any of them repeated. Of several of one time `n` says in which order they came, which
            may not be the one in which they were true: they are taken in the order in which a counter rises.
        rollover: How far the counter counts before it begins again at 0; None where it is only ever reset.
    """
    ordered = sorted(set(samples), key=lambda each: (each.at, each.n, each.value))
    found: list[Counted] = []
    before: float | None = None
    for at, several in groupby(ordered, key=lambda each: each.at):
        for value in _risen(before or 0, [each.value for each in several]):
            if before is not None:
                found.append(Counted(at, step(before, value, rollover)))
            before = value
    return found


def step(before: float, now: float, rollover: float | None = None) -> float:
    """Return what was counted between two neighbours."""
    if now >= before:
        return now - before
    if rollover is not None and NEAR * rollover <= before <= rollover:
        return rollover - before + now
    return now


def parts(shots: float, active_cavities: int | None) -> float:
    """Return how many parts so many shots made; a mould of unknown cavities makes one."""
    return shots * (active_cavities or 1)


def _risen(before: float, values: Sequence[float]) -> Sequence[float]:
    """Return what a counter showed at one time, as it rose from what it showed before, and then after it began anew."""
    return sorted(values, key=lambda each: (each < before, each))
