"""Owns a report's groups by the ledger: every second and piece of its machines, by what the report is grouped by."""

import uuid
from collections.abc import Awaitable, Callable
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from cloud.analytics.service import sharing
from cloud.analytics.service.sharing import Line, Wanted
from cloud.kpi import worked
from cloud.kpi.facts import Facts, total
from cloud.machines import service as machines
from cloud.reports.schemas import BUCKETS, Dimension, ReportIn
from cloud.reports.sheet import Cell

Told = Callable[[float], Awaitable[None]]


async def groups(
    session: AsyncSession,
    organization_id: uuid.UUID,
    asked: ReportIn,
    window: tuple[datetime, datetime],
    tell: Told,
) -> list[tuple[tuple[Cell, ...], Facts]]:
    """Return the facts of each group, in the order of the keys; without any group, of all.

    Args:
        session: That of the report.
        organization_id: Whose machines.
        asked: By what it is grouped, and what is left out.
        window: From when until when.
        tell: Is told how much of it is done.
    """
    filters = asked.filters
    wanted = Wanted(filters.parts, filters.jobs, filters.operators)
    known = await machines.by_ids(session, organization_id, await machines.ids(session, organization_id))
    line = [each for each in known.values() if filters.machines is None or each.code in filters.machines]
    if wanted.is_of_work:
        meant = await sharing.made_on(session, organization_id, wanted, window)
        line = [each for each in line if each.id in meant]
    found: dict[tuple[Cell, ...], list[Facts]] = {}
    for number, machine in enumerate(line, 1):
        async for part in sharing.lines(session, organization_id, machine, window, wanted):
            found.setdefault(tuple(_key(part, each) for each in asked.group_by), []).append(part.facts)
        await tell(number / len(line))
    summed = [(key, total(each)) for key, each in found.items()]
    return sorted(summed, key=lambda group: tuple((cell is None, str(cell)) for cell in group[0]))


def _key(line: Line, by: Dimension) -> Cell:
    if by in BUCKETS:
        return worked.first_of(line.place.day, BUCKETS[by])
    said: dict[Dimension, str | None] = {
        Dimension.MACHINE: line.machine.code,
        Dimension.LINE: line.machine.location,
        Dimension.PART: line.work.part,
        # a stage that several do is theirs together: nobody knows which piece is whose
        Dimension.OPERATOR: ", ".join(line.work.operators) or None,
        Dimension.JOB: line.work.job,
        Dimension.SHIFT: line.place.shift,
    }
    return said[by]
