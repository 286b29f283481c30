"""Owns facts as they come together, by machine and by period; what comes of it is checked to be one sum. Pure."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from cloud.analytics.schemas import Grain
from cloud.kpi import worked
from cloud.kpi.facts import Facts, total
from cloud.kpi.ledger import LedgerBroken
from cloud.kpi.worked import Bucket

Window = tuple[datetime, datetime]
# when it begins, its business date, its shift: which period something belongs to
Key = tuple[datetime, date | None, str | None]
_BUCKETS = {Grain.DAY: Bucket.DAY, Grain.WEEK: Bucket.WEEK, Grain.MONTH: Bucket.MONTH}


@dataclass(frozen=True, slots=True)
class Period:
    """A part of the window: an hour, a shift, a day, a week, a month, or what of it lies in the window.

    Attributes:
        start: When it begins, not before the window does.
        end: When it ends, not after the window does.
    """

    start: datetime
    end: datetime
    facts: Facts
    revision: int
    business_date: date | None = None
    shift: str | None = None


@dataclass(frozen=True, slots=True)
class Summed:
    """A window, added up.

    Attributes:
        periods: In order; together with `between` they are what the machines did.
        of_machine: Each machine's facts and revision; one that is not derived is left out.
        between: By shift, what lies between shifts; None by any other period.
    """

    periods: Sequence[Period]
    of_machine: Mapping[uuid.UUID, tuple[Facts, int]]
    between: Facts | None = None


@dataclass(slots=True)
class Tally:
    """Facts by machine and by period, and those that are of no period."""

    of_machine: dict[uuid.UUID, list[tuple[Facts, int]]] = field(default_factory=dict)
    of_period: dict[Key, list[tuple[Facts, int]]] = field(default_factory=dict)
    spans: dict[Key, Window] = field(default_factory=dict)
    between: list[Facts] = field(default_factory=list)

    def of(self, machine_id: uuid.UUID, facts: Facts, revision: int) -> None:
        """Add something of a machine."""
        self.of_machine.setdefault(machine_id, []).append((facts, revision))

    def put(self, key: Key, span: Window, facts: Facts, revision: int) -> None:
        """Add something of a period, and when that is."""
        self.of_period.setdefault(key, []).append((facts, revision))
        start, end = self.spans.get(key, span)
        self.spans[key] = min(start, span[0]), max(end, span[1])

    def summed(self, *, has_between: bool) -> Summed:
        """Return it all, added up.

        Raises:
            LedgerBroken: The periods do not add up to the machines.
        """
        machines = {
            machine_id: (total(each for each, _ in several), sum(revision for _, revision in several))
            for machine_id, several in self.of_machine.items()
        }
        periods = [
            Period(
                *self.spans[key], total(each for each, _ in several), sum(revision for _, revision in several), *key[1:]
            )
            for key, several in self.of_period.items()
        ]
        between = total(self.between) if has_between and self.between else None
        one = _plain(total([*(each.facts for each in periods), *self.between]))
        other = _plain(total(facts for facts, _ in machines.values()))
        if one != other:
            raise LedgerBroken(f"the periods come to {one}, the machines to {other}")
        return Summed(sorted(periods, key=lambda each: (each.start, each.shift or "")), machines, between)


def _plain(facts: Facts) -> Facts:
    # what is nought need not be named
    return replace(
        facts,
        time_us={each: spent for each, spent in facts.time_us.items() if spent},
        pieces={each: count for each, count in facts.pieces.items() if count},
        ideal_us={each: spent for each, spent in facts.ideal_us.items() if spent},
    )


def first(day: date, by: Grain) -> date:
    """Return on which day the period of a day begins."""
    return worked.first_of(day, _BUCKETS.get(by, Bucket.DAY))


def following(day: date, by: Grain) -> date:
    """Return on which day the period after the one that begins on a day begins."""
    match by:
        case Grain.WEEK:
            return day + timedelta(days=7)
        case Grain.MONTH:
            return (day.replace(day=1) + timedelta(days=32)).replace(day=1)
        case _:
            return day + timedelta(days=1)


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """Return when a day begins."""
    return datetime.combine(day, time.min, zone).astimezone(UTC)
