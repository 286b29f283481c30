"""Owns what came after an instant: whether a machine stopped unplanned within the horizon, and for how long; pure."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cloud.predictions.features import Instants
from cloud.predictions.history import HOUR, Floats, Stops
from cloud.predictions.windows import lanes

Flags = NDArray[np.bool_]
_WEEK_H = 24 * 7


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What came of each instant.

    Attributes:
        stopped: Whether an unplanned stop began in (at, at + horizon].
        minutes: How long those stops together were.
        counts: Whether it may be learned from: it ran when asked, and the horizon is over.
    """

    stopped: Flags
    minutes: Floats
    counts: Flags


def outcomes(stops: Stops, instants: Instants, horizon: int, until: int) -> Outcomes:
    """Return what came of instants, as far as it is known.

    Args:
        stops: All that are known.
        instants: When, and of which machine.
        horizon: Microseconds.
        until: How far the past is known.
    """
    where = lanes(instants.machine, instants.at)
    order = np.argsort(lanes(stops.machine, stops.at), kind="stable")
    begins = lanes(stops.machine, stops.at)[order]
    length_ms = np.rint((stops.end - stops.at)[order] / 1000).astype(np.int64)
    total_ms = np.concatenate(([0], np.cumsum(length_ms)))
    first = np.searchsorted(begins, where, side="right")
    last = np.searchsorted(begins, where + horizon, side="right")
    # the stop before may last on: then there is nothing to predict
    ends = np.concatenate(([np.iinfo(np.int64).min], np.maximum.accumulate(lanes(stops.machine, stops.end)[order])))
    is_down = ends[first] > where
    return Outcomes(
        stopped=last > first,
        minutes=(total_ms[last] - total_ms[first]) / 60_000,
        counts=~is_down & (instants.at + horizon <= until),
    )


def step_of(machines: int, begin: int, end: int, most: int) -> int:
    """Return at which step, whole hours, a grid of so many machines has no more than about so many instants.

    It has no factor with a week's hours, else some hours of the week would never be seen.
    """
    hours = max(1, -(-machines * (end - begin) // (most * HOUR)))
    while math.gcd(hours, _WEEK_H) > 1:
        hours += 1
    return hours * HOUR


def grid(machines: int, begin: int, end: int, step: int = HOUR) -> Instants:
    """Return the instants at which each of so many machines is looked at, one every `step` from begin to end."""
    at = np.arange(begin, end, step, dtype=np.int64)
    machine = np.repeat(np.arange(machines, dtype=np.int32), len(at))
    return Instants(machine, np.tile(at, machines))
