"""Owns what a change of a part's ideal cycle touches: the hours, on the machines, in which pieces of it were made.

An ideal cycle is neither a state nor a count, so only the figures of those hours are computed anew, and of the shifts
around them.
"""

import uuid
from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from cloud import marks
from cloud.identity import service as identity
from cloud.joblogs.service import log
from cloud.kpi.spans import HOUR, Span, union
from cloud.machines import service as machines
from cloud.marks import PaceMark
from cloud.production.service import counting, moments
from cloud.workorders.service import running


async def follow(session: AsyncSession) -> int:
    """Mark what was made of parts whose ideal cycles changed; return how many such changes there were."""
    changed = await marks.take_paces(session)
    for each in changed:
        touched: dict[uuid.UUID, list[Span]] = {}
        for machine_id, hour in await _made(session, each):
            at = moments.us(hour)
            touched.setdefault(machine_id, []).append(Span(at, at + HOUR))
        for machine_id in await _meant(session, each, touched):
            for span in union(touched[machine_id]):
                start, end = moments.utc(span.start), moments.utc(span.end)
                await marks.put(session, machine_id, start, end, figures_only=True)
    return len(changed)


async def _made(session: AsyncSession, changed: PaceMark) -> list[tuple[uuid.UUID, datetime]]:
    """Return on which machines, in which hours, the part was made: counted, reported, or by the job log."""
    since = None
    if changed.since_on is not None:
        zone = ZoneInfo(await identity.time_zone(session, changed.organization_id))
        # its hour may have begun before, where days do not begin with an hour of UTC
        since = datetime.combine(changed.since_on, time.min, zone).astimezone(UTC) - timedelta(hours=1)
    stages = await running.stages_that_make(
        session, changed.organization_id, changed.part_number, changed.work_order_id
    )
    found = await counting.hours_of(session, stages, since)
    found += await running.reported_hours(session, stages, since)
    if changed.part_number is not None:
        found += await log.made_hours(session, changed.organization_id, changed.part_number, since)
    return found


async def _meant(session: AsyncSession, changed: PaceMark, ids: Iterable[uuid.UUID]) -> list[uuid.UUID]:
    """Return which of the machines that made it the change is of."""
    if changed.machine_id is not None:
        return [each for each in ids if each == changed.machine_id]
    if changed.machine_type is None:
        return list(ids)
    known = await machines.by_ids(session, changed.organization_id, list(ids))
    kind = changed.machine_type.casefold()
    return [each for each, machine in known.items() if (machine.machine_type or "").casefold() == kind]
