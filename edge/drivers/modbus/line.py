"""Which units of a line answer, and how much of the line's time those may have that do not; pure.

A unit that is switched off costs a time limit whenever it is asked, and everybody on the line waits that long.
So two requests in a row without an answer make a unit *silent*: it is asked again only as often as keeps all
silent units together within a small share of the line's time. A poll that alone stays unanswered while its
unit answers others (some devices say nothing to a question they dislike) is *mute*, and treated alike.
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum

from edge.drivers.modbus.schedule import Poll

# healthy units shall keep 95 % of their rate; one per cent is left for finding out who is not
SHARE = 0.04


class Concern(Enum):
    """Whom a missing answer is about."""

    POLL = "poll"
    UNIT = "unit"


@dataclass(frozen=True, slots=True)
class Silence:
    """What follows from a missing answer: ask whom it concerns no more before `until`, if that is given."""

    concern: Concern
    until: float | None


class Line:
    """Remembers who answered. All times are seconds of one monotonic clock."""

    def __init__(self, units: Collection[int], share: float = SHARE) -> None:
        """Trust every unit until it fails; `share`: of the line's time, 0..1, for all who do not answer."""
        self._share = share
        # requests in a row that a unit left unanswered
        self._failures = dict.fromkeys(units, 0)
        # polls that were not answered, and whether their unit has answered another one since
        self._doubtful: dict[Poll, bool] = {}

    @property
    def is_dead(self) -> bool:
        """Whether every unit is silent."""
        return bool(self._failures) and all(failures > 1 for failures in self._failures.values())

    def is_silent(self, unit: int) -> bool:
        """Tell whether a unit does not answer."""
        return self._failures[unit] > 1

    def is_trusted(self, poll: Poll) -> bool:
        """Tell whether a missing answer would be a surprise, hence worth repeating the request."""
        return not self._failures[poll.request.unit] and poll not in self._doubtful

    def answered(self, poll: Poll) -> bool:
        """Note an answer; return whether its unit was silent until now."""
        unit = poll.request.unit
        was_silent = self.is_silent(unit)
        self._failures[unit] = 0
        self._doubtful.pop(poll, None)
        for other in self._doubtful:
            if other.request.unit == unit:
                self._doubtful[other] = True
        return was_silent

    def unanswered(self, poll: Poll, now: float, cost_s: float) -> Silence:
        """Note that a poll was not answered, which took `cost_s`, and say what follows."""
        unit = poll.request.unit
        is_mute = self._doubtful.get(poll, False)
        if not is_mute:
            self._failures[unit] += 1
            self._doubtful[poll] = False
            if not self.is_silent(unit):
                return Silence(Concern.POLL, None)
        silent = sum(failures > 1 for failures in self._failures.values()) + sum(self._doubtful.values())
        return Silence(Concern.POLL if is_mute else Concern.UNIT, now + cost_s * max(silent, 1) / self._share)

    def replace(self, poll: Poll, parts: Collection[Poll]) -> None:
        """Doubt the parts of a poll as the whole was doubted."""
        if poll in self._doubtful:
            self._doubtful.update(dict.fromkeys(parts, self._doubtful.pop(poll)))
