"""Owns what the hours between a machine's stops tell of wear, and whether replacing early would help; pure.

An early replacement pays only where the older fail more often: where the Weibull shape is surely above 1. Otherwise
it is said that nothing is known, for an interval made up of noise costs good parts.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import gamma

import numpy as np
from numpy.typing import NDArray

from cloud.predictions.history import HOUR, Floats, Stops, Times
from cloud.predictions.weibull import Weibull, fit_weibull

# looks for the cheapest age up to so many times the scale
_FARTHEST = 3.0
_STEPS = 3_000

Seen = Callable[[NDArray[np.int32], Times, Times], Times]
"""Of spans of machines, until when they were seen: from then on nobody knows what they did."""


@dataclass(frozen=True, slots=True)
class Hazard:
    """What is known of a machine's stops as a law of time.

    Attributes:
        law: None where it is not identifiable.
        is_own: By the machine's own stops, and not by those of all.
        lives: How many runs between stops it was learned from.
        age: Hours since the machine's last stop ended; None where it had none, or stands.
    """

    law: Weibull | None
    is_own: bool
    lives: int
    age: float | None

    @property
    def wears_out(self) -> bool:
        """Whether it is sure that the older fail more often: also of machines that differ, for that hides it."""
        return self.law is not None and self.law.wears_out

    @property
    def fails_young(self) -> bool:
        """Whether it is sure that it stops more often soon after a stop.

        That is told by its own stops alone: of machines of which one stops often and another seldom, and none more
        often when it is young, the hours together look as if they did.
        """
        return self.law is not None and self.is_own and self.law.shape_upper < 1


@dataclass(frozen=True, slots=True)
class Replacement:
    """The age at which to replace before it fails.

    Attributes:
        every: Hours of age.
        saving: Which share of the cost of waiting for the failure it saves.
    """

    every: float
    saving: float


def hazard(stops: Stops, machine: int, since: int, until: int, seen: Seen | None = None) -> Hazard:
    """Return the law of a machine's stops, by its own where they are enough, else by all machines'.

    Args:
        stops: As they were known at `until`.
        machine: Whose.
        since: Since when is known what machines did.
        until: The instant.
        seen: Until when spans were seen; None where all was.
    """
    own = stops.take(stops.machine == machine)
    own_hours, own_over = lives(own, since, until, seen)
    law = fit_weibull(own_hours, own_over) if len(own_hours) else None
    is_own = law is not None
    hours, is_over = (own_hours, own_over) if is_own else lives(stops, since, until, seen)
    law = law if is_own else fit_weibull(hours, is_over) if len(hours) else None
    stands = bool(((own.at <= until) & (own.end > until)).any())
    ended = own.end[own.end <= until]
    age = (until - int(ended.max())) / HOUR if len(ended) and not stands else None
    return Hazard(law, is_own, int(is_over.sum()), age)


def lives(stops: Stops, since: int, until: int, seen: Seen | None = None) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the hours from each stop's end to the next one's begin, and whether that next one came by `until`.

    What ran before the first stop is left out: nobody knows when it began. One in which nobody knows what the machine
    did lasted at least until then.
    """
    kept = stops.take((stops.at >= since) & (stops.at <= until))
    order = np.lexsort((kept.at, kept.machine))
    machine, begin, over = kept.machine[order], kept.at[order], np.minimum(kept.end[order], until)
    has_next = np.append(machine[1:] == machine[:-1], False)[: len(machine)]
    following = np.where(has_next, np.append(begin[1:], 0)[: len(begin)], until)
    seen_until = following if seen is None else seen(machine, over, np.maximum(over, following))
    is_over = has_next & (seen_until == following)
    hours = (seen_until - over) / HOUR
    return hours[hours > 0], is_over[hours > 0]


def replacement(law: Weibull, cost_ratio: float) -> Replacement | None:
    """Return the age at which replacing early costs least an hour; None where it is not sure to pay.

    Source: Barlow and Proschan, Mathematical Theory of Reliability, 1965, 4.2 (age replacement).

    Args:
        law: Of the lives.
        cost_ratio: How many times a failure costs what an early replacement does.
    """
    if not law.wears_out or cost_ratio <= 1:
        return None
    age = np.linspace(0, _FARTHEST * law.scale, _STEPS + 1)[1:]
    alive = np.exp(-((age / law.scale) ** law.shape))
    step = age[0]
    lived = np.cumsum((np.append(1.0, alive[:-1]) + alive) / 2) * step
    cost = (alive + cost_ratio * (1 - alive)) / lived
    waiting = cost_ratio / (law.scale * gamma(1 + 1 / law.shape))
    best = int(np.argmin(cost))
    saving = 1 - float(cost[best]) / float(waiting)
    return Replacement(float(age[best]), saving) if saving > 0.01 and best < len(age) - 1 else None
