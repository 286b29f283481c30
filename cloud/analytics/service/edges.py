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

from cloud import windows
from cloud.analytics.schemas import Grain
from cloud.analytics.service import storing
from cloud.kpi.facts import Facts, total
from cloud.kpi.ledger import draw_up
from cloud.kpi.spans import Span, minus
from cloud.machines.schemas import MachineOut
from cloud.production.service import layers, moments
from cloud.windows import Window

# ledgers of less than an hour whose layers are in memory: the ends of a window of a thousand machines
AT_ONCE = 2_000
_HOURS = text(f"""
    SELECT asked.number, found.* FROM {windows.ASKED} CROSS JOIN LATERAL (
        SELECT bucket AS starts_at, {", ".join(storing.COLUMNS)}, revision FROM fact_hour
        WHERE machine_id = asked.machine_id AND bucket > asked.start_at - interval '1 hour' AND bucket < asked.end_at
        OFFSET 0
    ) AS found
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
class Part:
    """A stretch of a machine's time, no further than is known, and rows as they are kept of time in it or beside."""

    machine_id: uuid.UUID
    span: Span
    near: Sequence[Known] = ()


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

    async def parts(self, wanted: Sequence[Part]) -> list[Facts]:
        """Return the facts of each part; what no hour is known of is drawn up, many at once."""
        machines = {each.id: each for each in self.line}
        # of each part the hours that lie in it as they are, and what they leave
        wholes = [[each for each in part.near if _holds(part.span, each.span)] for part in wanted]
        rests = [
            (number, left)
            for number, (part, whole) in enumerate(zip(wanted, wholes, strict=True))
            for left in minus([part.span], [each.span for each in whole])
        ]
        asked = [
            layers.Asked(
                machines[wanted[number].machine_id],
                moments.utc(left.start),
                moments.utc(left.end),
                moments.utc(max(self.extents[wanted[number].machine_id].until, left.end)),
            )
            for number, left in rests
        ]
        found = [[each.facts for each in whole] for whole in wholes]
        for first in range(0, len(rests), AT_ONCE):
            some = slice(first, first + AT_ONCE)
            around = await layers.around_each(self.session, self.organization_id, asked[some])
            for (number, left), each in zip(rests[some], around, strict=True):
                found[number].append(draw_up(left, each).facts)
        return [total(several) for several in found]

    def cut(self, machine_id: uuid.UUID, row: Known, near: Sequence[Known] = ()) -> Part:
        """Return what of a row lies in the window, as a part."""
        span = row.span.clip(self.span)
        return Part(machine_id, span, [row] if span == row.span else near)


def known(row: Mapping[str, Any], extent: Extent) -> Known:
    """Return a row's facts and which time they are of: from its start, or the machine's, as long as they say."""
    facts = storing.facts(row)
    start = max(moments.us(row["starts_at"]), extent.since)
    return Known(Span(start, start + facts.calendar_us), facts, int(row["revision"]))


async def hours(
    session: AsyncSession, extents: Mapping[uuid.UUID, Extent], spans: Collection[tuple[uuid.UUID, Span]]
) -> dict[uuid.UUID, list[Known]]:
    """Return the hours of machines that overlap some stretches of their time, none longer than a shift; in no order."""
    asked = [Window(machine_id, moments.utc(span.start), moments.utc(span.end)) for machine_id, span in spans]
    # stretches of time may share an hour
    found: dict[uuid.UUID, dict[datetime, Known]] = {}
    for window, rows in zip(asked, await windows.rows(session, _HOURS, asked), strict=True):
        of_machine = found.setdefault(window.machine_id, {})
        for row in (each._asdict() for each in rows):
            if row["starts_at"] not in of_machine:
                of_machine[row["starts_at"]] = known(row, extents[window.machine_id])
    return {machine_id: list(several.values()) for machine_id, several in found.items()}


def _holds(span: Span, other: Span) -> bool:
    return span.start <= other.start and other.end <= span.end
