"""Owns what the optimizer looks at: a machine's days and hours from the ledger's facts, with who and what ran then."""

import uuid
from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from cloud.analytics.schemas import Grain
from cloud.analytics.service import figuring, hourly
from cloud.analytics.service.figuring import Asked
from cloud.identity import service as identity
from cloud.joblogs.service import performance
from cloud.kpi.facts import Facts
from cloud.machines import service as machines
from cloud.machines.schemas import MachineOut, MachineStatus
from cloud.predictions.optimizer.associating import Observed
from cloud.production.service.moments import utc
from cloud.shifts.service import patterns as shifts
from cloud.workorders.service import running

DEFAULT = timedelta(days=90)
_HOUR = timedelta(hours=1)
Labelled = tuple[datetime, datetime, str]


def window(start: datetime | None, end: datetime | None, now: datetime) -> tuple[datetime, datetime]:
    """Return the time that is asked for, 90 days up to now where nothing is said.

    Raises:
        Invalid: It is no range, or longer than 400 days.
    """
    asked = Asked(Grain.SHIFT, start or (end or now) - DEFAULT, end)
    start, end = figuring.window(asked, now)
    return start.replace(minute=0, second=0, microsecond=0), end


async def days(
    session: AsyncSession, organization_id: uuid.UUID, machine_id: uuid.UUID, span: tuple[datetime, datetime]
) -> list[Facts]:
    """Return a machine's days, in their order."""
    found = await hourly.days(session, organization_id, [machine_id], *span)
    return [facts for _, facts in found[machine_id]]


async def line(
    session: AsyncSession, organization_id: uuid.UUID, machine: MachineOut, span: tuple[datetime, datetime]
) -> tuple[list[MachineOut], list[list[Facts]]]:
    """Return the machines in use at the same location, by code, with the days that all of them have facts of."""
    if not machine.location:
        return [machine], []
    known = await machines.by_ids(session, organization_id, await machines.ids(session, organization_id))
    here = machine.location.casefold()
    own = [
        each
        for each in known.values()
        if each.id == machine.id
        or ((each.location or "").casefold() == here and each.status is not MachineStatus.DECOMMISSIONED)
    ]
    own.sort(key=lambda each: each.code)
    found = await hourly.days(session, organization_id, [each.id for each in own], *span)
    of = [dict(found[each.id]) for each in own]
    common = sorted(set.intersection(*(set(each) for each in of)))
    return own, [[each[day] for day in common] for each in of]


async def observed(
    session: AsyncSession, organization_id: uuid.UUID, machine_id: uuid.UUID, span: tuple[datetime, datetime]
) -> list[Observed]:
    """Return a machine's hours; an hour has a shift, a product or an operator where the whole of it had the same."""
    zone = ZoneInfo(await identity.time_zone(session, organization_id))
    worked = await shifts.worked(session, machine_id, organization_id, *span) or []
    ran = await running.runs(session, machine_id, *span)
    people = await performance.performers(session, organization_id, machine_id, *span)
    factors = {
        "shift": _Layer([(each.starts_at, each.ends_at, each.name) for each in worked]),
        "product": _Layer([(run.start, run.end or span[1], run.product_code) for run in ran]),
        "operator": _Layer([(utc(during.start), utc(during.end), who) for during, who in people]),
    }
    rows = []
    for start, facts in await hourly.hours(session, machine_id, *span):
        levels = {name: level for name, layer in factors.items() if (level := layer.whole(start, start + _HOUR))}
        rows.append(Observed(start.astimezone(zone).date(), levels, facts))
    return rows


class _Layer:
    """What ran from when to when; asked for a time that lies in one of it."""

    def __init__(self, rows: Sequence[Labelled]) -> None:
        self._rows = sorted(rows)
        self._starts = [row[0] for row in self._rows]

    def whole(self, start: datetime, end: datetime) -> str | None:
        place = bisect_right(self._starts, start) - 1
        if place < 0 or self._rows[place][1] < end:
            return None
        return self._rows[place][2]
