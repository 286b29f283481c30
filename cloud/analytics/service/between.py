"""Owns the time between shifts: it is not planned to work then, and what ran and was made all the same is overtime.

No row is kept of it. Of a window it is what the shifts leave, cut at midnight; what was done in it comes from the
hours that know of any: few, as a rule.
"""

import uuid
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import text

from cloud.analytics.schemas import Grain
from cloud.analytics.service import edges, storing, tally
from cloud.analytics.service.edges import Cut, Extent, Known, Part
from cloud.analytics.service.tally import Tally
from cloud.kpi import worked
from cloud.kpi.elements import Category
from cloud.kpi.facts import Facts, total
from cloud.kpi.spans import Span, minus
from cloud.kpi.worked import Bucket
from cloud.production.service import moments
from cloud.shifts.schemas import OccurrenceOut
from cloud.shifts.service import patterns as shifts

# hours between shifts in which something was done, or made: few, as a rule
_OVERTIME = text(f"""
    SELECT DISTINCT machine_id, bucket AS starts_at, {", ".join(storing.COLUMNS)}, revision FROM fact_hour
    JOIN unnest(CAST(:starts AS timestamptz[]), CAST(:ends AS timestamptz[])) AS gap (start_at, end_at)
         ON bucket > start_at - interval '1 hour' AND bucket < end_at
    WHERE machine_id = ANY(CAST(:machines AS uuid[])) AND bucket > :earliest AND bucket < :end
          AND (overtime_us <> 0 OR overtime_pieces <> 0)
""")  # noqa: S608 - column names of ours


class Places:
    """The shifts of a pattern in a window, and the time between them, day by day."""

    def __init__(self, asked: Cut, occurrences: Sequence[OccurrenceOut]) -> None:
        self._asked = asked
        self.occurrences = occurrences
        self.shifts = [moments.span(each.starts_at, each.ends_at) for each in occurrences]
        self._ends = [each.end for each in self.shifts]
        self.gaps: list[tuple[date, Span]] = [
            (day, part)
            for gap in minus([asked.span], self.shifts)
            for day, part in worked.buckets(moments.utc(gap.start), moments.utc(gap.end), Bucket.DAY, asked.zone)
        ]
        self._days: dict[date, tuple[datetime, datetime]] = {}
        if asked.by is not Grain.SHIFT:
            placed = [(each.business_date, span) for each, span in zip(occurrences, self.shifts, strict=True)]
            for day, span in [*placed, *self.gaps]:
                first, (start, end) = tally.first(day, asked.by), self._clipped(span)
                known = self._days.get(first, (start, end))
                self._days[first] = min(known[0], start), max(known[1], end)

    @classmethod
    async def of(cls, asked: Cut) -> "Places":
        """Return those of a window's machines, which follow one pattern."""
        found = await shifts.worked(asked.session, asked.line[0].id, asked.organization_id, *asked.window)
        return cls(asked, found or [])

    def put(self, sums: Tally, row: Mapping[str, Any], facts: Facts, revision: int) -> None:
        """Add a shift, or shifts of a date, to their period."""
        if self._asked.by is Grain.SHIFT:
            key = row["starts_at"], row["business_date"], row["name"]
            sums.put(key, self._asked.clipped(row["starts_at"], row["ends_at"]), facts, revision)
        else:
            self.put_day(sums, row["business_date"], facts, revision)

    def put_day(self, sums: Tally, day: date, facts: Facts, revision: int) -> None:
        """Add something of a date to the day, week or month that it is of."""
        first = tally.first(day, self._asked.by)
        midnight = tally.midnight(first, self._asked.zone)
        # facts of a shift that is worked no more, until they are derived anew: it has no time of its own
        sums.put((midnight, first, None), self._days.get(first, (midnight, midnight)), facts, revision)

    def near(self, span: Span) -> list[tuple[Span, OccurrenceOut]]:
        """Return the shifts that a stretch of time overlaps."""
        number = bisect_right(self._ends, span.start)
        found = []
        while number < len(self.shifts) and self.shifts[number].start < span.end:
            found.append((self.shifts[number], self.occurrences[number]))
            number += 1
        return found

    def _clipped(self, span: Span) -> tuple[datetime, datetime]:
        inside = span.clip(self._asked.span)
        return moments.utc(inside.start), moments.utc(inside.end)


async def add(asked: Cut, sums: Tally, places: Places) -> None:
    """Add the time between shifts, date by date, and what ran and was made in it."""
    if not places.gaps:
        return
    after_hours = await _overtime(asked, places)
    gap_starts = [span.start for _, span in places.gaps]
    # most machines are derived from and until the same moments
    extents = Counter(asked.extents.values())
    idle_of = {each: _within(each, places) for each in extents}
    of_day: dict[date, list[tuple[Facts, int]]] = {}
    for machine_id, extent in asked.extents.items():
        idle = sum(idle_of[extent])
        own = after_hours.get(machine_id, ())
        if idle or own:
            sums.of(machine_id, total([_off(idle), *(each.facts for each in own)]), sum(each.revision for each in own))
    for number, (day, _) in enumerate(places.gaps):
        spent = sum(count * idle_of[extent][number] for extent, count in extents.items())
        if spent:
            of_day.setdefault(day, []).append((_off(spent), 0))
    for several in after_hours.values():
        for each in several:
            day, _ = places.gaps[max(0, bisect_right(gap_starts, each.span.start) - 1)]
            of_day.setdefault(day, []).append((each.facts, each.revision))
    for day, several_of_day in of_day.items():
        facts = total(facts for facts, _ in several_of_day)
        if asked.by is Grain.SHIFT:
            sums.between.append(facts)
        else:
            places.put_day(sums, day, facts, sum(revision for _, revision in several_of_day))


async def _overtime(asked: Cut, places: Places) -> dict[uuid.UUID, list[Known]]:
    """Return when and how long each machine ran between shifts, taken off its idle time, and what it made then."""
    told = {
        "machines": list(asked.extents),
        "starts": [moments.utc(span.start) for _, span in places.gaps],
        "ends": [moments.utc(span.end) for _, span in places.gaps],
        "earliest": asked.window[0] - timedelta(hours=1),
        "end": asked.window[1],
    }
    gaps = [span for _, span in places.gaps]
    ends = [span.end for span in gaps]
    seen: list[tuple[uuid.UUID, Known, Span]] = []
    for row in map(dict, (await asked.session.execute(_OVERTIME, told)).mappings()):
        machine_id = row["machine_id"]
        hour = edges.known(row, asked.extents[machine_id])
        begun = moments.us(row["starts_at"])
        # a gap is cut at midnight, and no hour holds one
        number = bisect_right(ends, begun)
        while number < len(gaps) and gaps[number].start < hour.span.end:
            gap = hour.span.clip(gaps[number])
            number += 1
            if gap.length:
                seen.append((machine_id, hour, gap))
    parts = await asked.parts(
        [
            Part(machine_id, gap, [Known(gap, hour.facts, hour.revision)] if _is_all(places, hour, gap) else ())
            for machine_id, hour, gap in seen
        ]
    )
    found: dict[uuid.UUID, list[Known]] = {}
    for (machine_id, hour, gap), facts in zip(seen, parts, strict=True):
        ran, made = facts.time_us.get(Category.OVERTIME, 0), facts.overtime_pieces
        after_hours = Facts({Category.OVERTIME: ran, Category.OFF_SHIFT: -ran} if ran else {}, overtime_pieces=made)
        found.setdefault(machine_id, []).append(Known(gap, after_hours, hour.revision))
    return found


def _is_all(places: Places, hour: Known, gap: Span) -> bool:
    """Return whether an hour's overtime is a gap's: all of it that is no shift's is this, and no shift has a break."""
    beside = [occurrence for _, occurrence in places.near(hour.span)]
    paused = [moments.span(each.start, each.end).clip(hour.span).length for shift in beside for each in shift.breaks]
    rest = minus([hour.span], [span for span, _ in places.near(hour.span)])
    return rest == [gap] and not any(paused)


def _within(extent: Extent, places: Places) -> list[int]:
    """Return how much of each stretch between shifts lies in what is derived."""
    return [span.clip(Span(extent.since, extent.until)).length for _, span in places.gaps]


def _off(spent: int) -> Facts:
    return Facts({Category.OFF_SHIFT: spent})
