"""Owns how a pattern becomes shifts in time. Pure.

Clocks are of the pattern's time zone, and the business date is the date on which the shift starts. On a day on which
the clock is changed a shift from 22:00 to 06:00 lasts seven or nine hours, as it does on the floor. A clock time that
is skipped is taken as if the clock had not been changed yet (PEP 495); of one that comes twice, the first is meant.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from cloud.shifts.schemas import ShiftIn

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Occurrence:
    """A shift in time, UTC; `breaks` lie inside it."""

    business_date: date
    name: str
    crew: str | None
    starts_at: datetime
    ends_at: datetime
    breaks: Sequence[tuple[datetime, datetime]]


@dataclass(frozen=True, slots=True)
class Pattern:
    """What is needed of a pattern.

    Attributes:
        exceptions: The shifts of business dates that differ; none for a closed day.
    """

    zone: ZoneInfo
    cycle_days: int
    anchor: date
    valid_to: date | None
    shifts: Sequence[ShiftIn]
    exceptions: Mapping[date, Sequence[ShiftIn]]


class BreakOutside(ValueError):
    """A break does not lie inside its shift."""

    def __init__(self, shift: str, start: time, end: time) -> None:
        super().__init__(f"the break {start}-{end} is outside of {shift}")
        self.shift, self.start, self.end = shift, start, end


def occurrences(pattern: Pattern, first: date, last: date) -> list[Occurrence]:
    """Return the shifts of business dates from the first to the last, included, in order.

    Raises:
        BreakOutside: A break does not lie inside its shift.
    """
    found: list[Occurrence] = []
    days = (first + number * DAY for number in range((last - first).days + 1))
    for day in days:
        found += [_occurrence(shift, day, pattern.zone) for shift in _shifts_of(pattern, day)]
    return sorted((each for each in found if each.starts_at < each.ends_at), key=lambda each: each.starts_at)


def overlapping(several: Iterable[Occurrence]) -> tuple[Occurrence, Occurrence] | None:
    """Return two shifts of one machine that overlap, or None when there are none."""
    ordered = sorted(several, key=lambda each: each.starts_at)
    return next(((one, two) for one, two in itertools.pairwise(ordered) if two.starts_at < one.ends_at), None)


def at(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """Return when a clock of a time zone shows a time, UTC."""
    return datetime.combine(day, clock, zone).astimezone(UTC)


def _shifts_of(pattern: Pattern, day: date) -> Sequence[ShiftIn]:
    if day in pattern.exceptions:
        return pattern.exceptions[day]
    if day < pattern.anchor or (pattern.valid_to is not None and day >= pattern.valid_to):
        return ()
    number = (day - pattern.anchor).days % pattern.cycle_days
    return [shift for shift in pattern.shifts if shift.day == number]


def _occurrence(shift: ShiftIn, day: date, zone: ZoneInfo) -> Occurrence:
    start = at(day, shift.start, zone)
    end = at(day if shift.end > shift.start else day + DAY, shift.end, zone)
    breaks = [_break(shift, pause.start, pause.end, day, zone) for pause in shift.breaks]
    # where the clock is changed inside a break, or around it, there is as much of it as the shift has
    inside = [(max(begin, start), min(until, end)) for begin, until in breaks]
    return Occurrence(day, shift.name, shift.crew, start, end, [each for each in inside if each[0] < each[1]])


def _break(shift: ShiftIn, start: time, end: time, day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    is_night = shift.end <= shift.start
    begins_late = is_night and start < shift.start
    ends_late = is_night and end <= shift.start
    if not is_night and not shift.start <= start < end <= shift.end:
        raise BreakOutside(shift.name, start, end)
    if is_night and ((begins_late, start) >= (ends_late, end) or (ends_late and end > shift.end)):
        raise BreakOutside(shift.name, start, end)
    return at(day + DAY if begins_late else day, start, zone), at(day + DAY if ends_late else day, end, zone)
