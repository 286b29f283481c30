"""Owns the OEE of a part, an order, a job or an operator: of the time in which it ran, wherever that was."""

import uuid
from collections.abc import Collection
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from cloud.analytics import messages
from cloud.analytics.schemas import Grain, LineOeeOut
from cloud.analytics.service import figuring, policies, sharing, summing, tally
from cloud.analytics.service.figuring import Asked
from cloud.analytics.service.sharing import Place, Wanted
from cloud.analytics.service.tally import Key, Tally
from cloud.errors import Invalid
from cloud.identity import service as identity
from cloud.identity.schemas import Caller
from cloud.joblogs.service import performance
from cloud.kpi import worked

# it is drawn up second by second
MOST = timedelta(days=100)


async def of_work(
    session: AsyncSession,
    caller: Caller,
    machines: Collection[str],
    location: str | None,
    wanted: Wanted,
    asked: Asked,
    now: datetime,
) -> LineOeeOut:
    """Return the figures of what is wanted, machine by machine and period by period.

    Raises:
        NotFound: There is no such machine, operator or policy.
        Forbidden: A worker asks for somebody else.
        Invalid: The range is no range, too long, or cut into hours.
    """
    organization_id = caller.organization_id
    policy = await policies.named(session, organization_id, asked.policy)
    start, end = figuring.window(asked, now)
    if asked.by is Grain.HOUR or end - start > MOST:
        raise Invalid(messages.WORK_TOO_FINE, most=MOST.days)
    for emp_id in wanted.operators or ():
        await performance.performer(session, caller, emp_id)
    line = await figuring.line_of(session, organization_id, machines, location)
    meant = await sharing.made_on(session, organization_id, wanted, (start, end))
    zone = ZoneInfo(await identity.time_zone(session, organization_id))
    sums = Tally()
    revisions = await summing.revisions(session, meant, (start, end))
    told = set[tuple[uuid.UUID, Key]]()
    for machine in (each for each in line if each.id in meant):
        async for part in sharing.lines(session, organization_id, machine, (start, end), wanted):
            # each machine's revision once in its own sum, and once in each period
            sums.of(machine.id, part.facts, 0 if machine.id in sums.of_machine else revisions.get(machine.id, 0))
            if asked.by is Grain.SHIFT and part.place.is_between:
                sums.between.append(part.facts)
            else:
                span = worked.at(part.place.span.start), worked.at(part.place.span.end)
                key = _key(part.place, asked.by, zone)
                sums.put(key, span, part.facts, 0 if (machine.id, key) in told else revisions.get(machine.id, 0))
                told.add((machine.id, key))
    found = sums.summed(has_between=asked.by is Grain.SHIFT)
    until = await figuring.as_of(session, list(found.of_machine), now)
    return figuring.line_out(found, line, policy, (start, end), asked.by, until)


def _key(place: Place, by: Grain, zone: ZoneInfo) -> Key:
    if by is Grain.SHIFT:
        return worked.at(place.span.start), place.day, place.shift
    day = tally.first(place.day, by)
    return tally.midnight(day, zone), day, None
