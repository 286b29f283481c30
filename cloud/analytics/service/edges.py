"""Owns what of a machine's facts lies in a part of them: whole hours as they are kept, the rest by the ledger itself.

An hour or a shift that a window cuts is in no rollup by halves. What of it are whole hours comes from their rows; what
is left at the ends, less than an hour each, is drawn up as it was for the rollups: so parts add up to the whole.
"""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from cloud.analytics.schemas import Grain
from cloud.analytics.service import storing
from cloud.kpi.facts import Facts, total
from cloud.kpi.ledger import draw_up
from cloud.kpi.spans import HOUR, Span, minus
from cloud.machines.schemas import MachineOut
from cloud.production.service import layers, moments

_HOURS = text(f"""
    SELECT machine_id, bucket AS starts_at, {", ".join(storing.COLUMNS)}, revision FROM fact_hour
    JOIN unnest(CAST(:starts AS timestamptz[]), CAST(:ends AS timestamptz[])) AS near (start_at, end_at)
         ON bucket >= start_at AND bucket < end_at
    WHERE machine_id = ANY(CAST(:machines AS uuid[]))
""")  # noqa: S608 - column names of ours


@dataclass(frozen=True, slots=True)
class Known:
    """Facts as they are kept: of an hour or a shift of a machine, as far as that has gone."""

    span: Span
    facts: Facts
    revision: int


@dataclass(frozen=True, slots=True)
class Extent:
    """From when until when a machine is derived, microseconds."""

    since: int
    until: int


@dataclass(frozen=True, slots=True)
class Cut:
    """A window of machines that are derived, and into which periods it is cut; `shift`: only those of this name."""

    session: AsyncSession
    organization_id: uuid.UUID
    line: Sequence[MachineOut]
    window: tuple[datetime, datetime]
    by: Grain
    zone: ZoneInfo
    extents: Mapping[uuid.UUID, Extent]
    shift: str | None = None

    @property
    def span(self) -> Span:
        """The window, microseconds."""
        return Span(moments.us(self.window[0]), moments.us(self.window[1]))

    def clipped(self, start: datetime, end: datetime) -> tuple[datetime, datetime]:
        """Return what of a range lies in the window."""
        return max(start, self.window[0]), min(end, self.window[1])

    async def part(self, machine_id: uuid.UUID, row: Known, near: Sequence[Known]) -> Facts:
        """Return what of a row lies in the window."""
        span = row.span.clip(self.span)
        if span == row.span or not row.span.length:
            return row.facts
        return await self.drawn(machine_id, span, near)

    async def drawn(self, machine_id: uuid.UUID, span: Span, near: Sequence[Known] = ()) -> Facts:
        """Return the facts of a stretch of a machine's time; of what of it are hours of `near`, those."""
        machine = next(each for each in self.line if each.id == machine_id)
        return await part(self.session, self.organization_id, machine, span, self.extents[machine_id], near)


def known(row: Mapping[str, Any], extent: Extent) -> Known:
    """Return a row's facts and which time they are of: from its start, or the machine's, as long as they say."""
    facts = storing.facts(row)
    start = max(moments.us(row["starts_at"]), extent.since)
    return Known(Span(start, start + facts.calendar_us), facts, int(row["revision"]))


async def hours(
    session: AsyncSession, extents: Mapping[uuid.UUID, Extent], spans: Collection[Span]
) -> dict[uuid.UUID, list[Known]]:
    """Return the hours of machines that overlap some stretches of time, none longer than a shift; in no order."""
    found: dict[uuid.UUID, list[Known]] = {}
    if not spans:
        return found
    asked = {
        "machines": list(extents),
        "starts": [moments.utc(each.start - HOUR + 1) for each in spans],
        "ends": [moments.utc(each.end) for each in spans],
    }
    # stretches of time may share an hour
    seen: set[tuple[uuid.UUID, datetime]] = set()
    for row in map(dict, (await session.execute(_HOURS, asked)).mappings()):
        machine_id = row["machine_id"]
        if (machine_id, row["starts_at"]) not in seen:
            seen.add((machine_id, row["starts_at"]))
            found.setdefault(machine_id, []).append(known(row, extents[machine_id]))
    return found


async def part(
    session: AsyncSession,
    organization_id: uuid.UUID,
    machine: MachineOut,
    span: Span,
    extent: Extent,
    near: Sequence[Known] = (),
) -> Facts:
    """Return the facts of a stretch of a machine's time.

    Args:
        session: To ask.
        organization_id: Whose machine.
        machine: Whose time.
        span: Of when; no further than is known.
        extent: From when until when the machine is derived.
        near: Hours as they are kept, of any time.
    """
    whole = [each for each in near if span.start <= each.span.start and each.span.end <= span.end]
    rest = minus([span], [each.span for each in whole])
    found = [each.facts for each in whole]
    for left in rest:
        begin, end = moments.utc(left.start), moments.utc(left.end)
        until = moments.utc(max(extent.until, left.end))
        around = await layers.around(session, organization_id, machine, begin, end, until)
        found.append(draw_up(left, around).facts)
    return total(found)
