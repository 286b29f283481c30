"""Owns how often a unit is asked that answers, but so slowly that its neighbours on the line would be late; pure.

A line answers one question at a time. Who takes longer over an answer than another has between two turns costs that one
a turn; who takes more than is left of the line costs all of them some. Either is asked less often, so that the others
keep their rate (`line` does the same to those who do not answer at all).
"""

import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping

from edge.drivers.modbus.line import SHARE
from edge.drivers.modbus.schedule import Poll

# what takes less may be this machine's own delay
SLOW_S = 0.1
# what all may take together
_CAPACITY = 1.0 - SHARE
# who takes so many times what half of them do not take is slow; those on a line that is asked too much stay equal
_GREEDY = 5.0


def interval_s(poll: Poll, took_s: float, took: Mapping[Poll, float], polls: Iterable[Poll]) -> float:
    """Return how long after the last time a poll may be asked again, in seconds; its own period if it harms nobody.

    Args:
        poll: It was answered.
        took_s: How long its answers take.
        took: How long the last answer of each poll took, seconds, where there was one.
        polls: Those of the line.
    """
    own_s, unit = poll.request.every_s, poll.request.unit
    loads: dict[int, float] = defaultdict(float)
    shortest_s = math.inf
    for other in polls:
        loads[other.request.unit] += (took_s if other is poll else took.get(other, 0.0)) / other.request.every_s
        if other.request.unit != unit:
            shortest_s = min(shortest_s, other.request.every_s)
    known = [load for load in loads.values() if load]
    is_slow = loads[unit] > _GREEDY * statistics.median_low(known)
    if len(known) < 2 or not is_slow:
        return own_s
    # meanwhile the quickest neighbour loses turns
    blocking = sum(other > shortest_s for other in took.values())
    blocking_s = took_s * max(blocking, 1) / SHARE if took_s > shortest_s else 0.0
    return max(own_s, blocking_s, own_s * loads[unit] / _room(known))


def _room(loads: list[float]) -> float:
    """Return how much one unit may take, so that whoever needs less has all of it and the rest have equal parts."""
    left = _CAPACITY
    for place, load in enumerate(sorted(loads)):
        part = left / (len(loads) - place)
        if load > part:
            return part
        left -= load
    return math.inf
