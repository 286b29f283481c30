"""Owns how the record of changes becomes what was told of shifts, and from when on. Pure.

Settings are changed in place, and a change of today says of last month what nobody knew then. What was known at an
instant is what had been told by then: each telling holds until the next.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from cloud.changes import ChangeKind, Entity
from cloud.shifts import rules
from cloud.shifts.schemas import ShiftIn

Pattern = rules.Pattern
# before all that anybody looks at
EVER = datetime(1900, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Change:
    """A change as it was recorded; of an update `after` has the members that differ."""

    at: datetime
    entity: str
    entity_id: str
    kind: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Telling:
    """How things were by what had been told, from an instant on.

    Attributes:
        at: The instant; None of the one before anything was told.
        zone: In which the organization's days begin; None where nobody told.
        patterns: By their ids, without breaks.
        own: The pattern of each machine that has one of its own, by the machine's id.
        default: The pattern of the others.
    """

    at: datetime | None = None
    zone: ZoneInfo | None = None
    patterns: Mapping[str, Pattern] = field(default_factory=dict)
    own: Mapping[str, str] = field(default_factory=dict)
    default: str | None = None

    def followed_by(self, machine: str) -> Pattern | None:
        """Return the pattern that a machine follows."""
        followed = self.own.get(machine, self.default)
        return None if followed is None else self.patterns.get(followed)


def tellings(changes: Iterable[Change]) -> list[Telling]:
    """Return what was told, in the order of the changes; one that tells nothing of shifts is left out."""
    found, last = [], Telling()
    for change in changes:
        told = _AFTER[change.entity](last, change)
        if told is not last:
            # of two at once the one that was written later holds
            last = replace(told, at=change.at if last.at is None else max(last.at, change.at))
            found.append(last)
    return found


def always(zone: ZoneInfo, shift_hours: Sequence[int] = ()) -> Telling:
    """Return that shifts begin at the same hours of every day, and one follows another; of no hours there are none."""
    starts = sorted(set(shift_hours))
    ends = [*starts[1:], *starts[:1]]
    shifts = [
        ShiftIn(name=str(start), start=time(start), end=time(end)) for start, end in zip(starts, ends, strict=True)
    ]
    patterns = {"always": Pattern(zone, 1, EVER.date(), None, shifts, {})} if shifts else {}
    return Telling(EVER, zone, patterns, {}, "always" if shifts else None)


def begin_of(pattern: Pattern) -> datetime:
    """Return since when a pattern tells of shifts."""
    return rules.at(pattern.anchor, time(), pattern.zone)


def around(pattern: Pattern, first: datetime, last: datetime) -> list[tuple[datetime, datetime, int]]:
    """Return the shifts from before the first to after the last instant, in order.

    Returns:
        Of each when it starts and ends, and which of its day it is, by when such a one starts, from 0; one of an
        exception, at a time of its own, is what goes on at that time as a rule.
    """
    found = rules.occurrences(pattern, first.date() - 2 * rules.DAY, last.date() + 2 * rules.DAY)
    clocks = sorted({shift.start for shift in pattern.shifts})
    kinds = [bisect_right(clocks, each.starts_at.astimezone(pattern.zone).time()) - 1 for each in found]
    return [(each.starts_at, each.ends_at, kind % len(clocks)) for each, kind in zip(found, kinds, strict=True)]


def _zone(last: Telling, change: Change) -> Telling:
    name = (change.after or {}).get("time_zone")
    return last if name is None else replace(last, zone=ZoneInfo(name))


def _pattern(last: Telling, change: Change) -> Telling:
    name = change.entity_id
    if change.kind == ChangeKind.DELETED:
        return replace(
            last,
            patterns={each: pattern for each, pattern in last.patterns.items() if each != name},
            own={machine: each for machine, each in last.own.items() if each != name},
            default=None if last.default == name else last.default,
        )
    after = change.after or {}
    known = last.patterns.get(name)
    pattern = _made(after) if known is None else replace(known, **_members(after))
    own, default = dict(last.own), last.default
    if "machines" in after:
        # a machine follows the pattern that named it last
        own = {machine: each for machine, each in own.items() if each != name} | dict.fromkeys(after["machines"], name)
    if "is_default" in after:
        default = name if after["is_default"] else (None if default == name else default)
    return replace(last, patterns={**last.patterns, name: pattern}, own=own, default=default)


def _exception(last: Telling, change: Change) -> Telling:
    told = change.after or change.before or {}
    pattern = last.patterns.get(str(told.get("pattern_id")))
    if pattern is None:
        return last
    day = date.fromisoformat(told["business_date"])
    exceptions = {each: shifts for each, shifts in pattern.exceptions.items() if each != day}
    if change.kind != ChangeKind.DELETED:
        exceptions[day] = _shifts(told["shifts"])
    pattern = replace(pattern, exceptions=exceptions)
    return replace(last, patterns={**last.patterns, str(told["pattern_id"]): pattern})


def _made(told: Mapping[str, Any]) -> Pattern:
    return Pattern(**_members(told), exceptions={})


def _members(told: Mapping[str, Any]) -> dict[str, Any]:
    return {ours: read(told[theirs]) for theirs, (ours, read) in _READ.items() if theirs in told}


def _shifts(told: Sequence[Mapping[str, Any]]) -> list[ShiftIn]:
    # a break is no end of a shift, and one that a change of clocks makes impossible would be refused
    return [ShiftIn.model_validate({**each, "breaks": []}) for each in told]


def _day(told: str | None) -> date | None:
    return None if told is None else date.fromisoformat(told)


_READ: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
    "time_zone": ("zone", ZoneInfo),
    "cycle_days": ("cycle_days", int),
    "anchor": ("anchor", _day),
    "valid_to": ("valid_to", _day),
    "shifts": ("shifts", _shifts),
}
_AFTER = {
    Entity.ORGANIZATION.value: _zone,
    Entity.SHIFT_PATTERN.value: _pattern,
    Entity.SHIFT_EXCEPTION.value: _exception,
}
TOLD_BY: tuple[str, ...] = tuple(_AFTER)
"""The entities whose changes tell of shifts."""
