"""Owns what came after an instant: whether a machine stopped unplanned within the horizon, and for how long; pure."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cloud.predictions.features import Instants
from cloud.predictions.history import HOUR, Floats, Stops
from cloud.predictions.windows import lanes


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What came of each instant.

    Attributes:
        stopped: Whether an unplanned stop began in (at, at + horizon].
        minutes: How long those stops together were.
        counts: Whether it may be learned from: it ran when asked, and the horizon is over.
    """

    stopped: NDArray[np.bool_]
    minutes: Floats
    counts: NDArray[np.bool_]


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


def grid(machines: int, begin: int, end: int, step: int = HOUR) -> Instants:
    """Return the instants at which each of so many machines is looked at, one every `step` from begin to end."""
    at = np.arange(begin, end, step, dtype=np.int64)
    machine = np.repeat(np.arange(machines, dtype=np.int32), len(at))
    return Instants(machine, np.tile(at, machines))
