"""Owns the OEE of a part, an order, a job or an operator: of the time in which it ran, wherever that was."""

import uuid
from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from cloud.analytics import messages, rules
from cloud.analytics.schemas import Grain, LineOeeOut, OeeBucketOut, OeeMachineShareOut
from cloud.analytics.service import figuring, policies, sharing
from cloud.analytics.service.figuring import Asked
from cloud.analytics.service.sharing import Place, Wanted
from cloud.errors import Invalid
from cloud.identity import service as identity
from cloud.identity.schemas import Caller
from cloud.joblogs.service import performance
from cloud.kpi import worked
from cloud.kpi.facts import Facts, total
from cloud.kpi.worked import Bucket

# it is drawn up second by second
MOST = timedelta(days=100)
_BUCKETS = {Grain.DAY: Bucket.DAY, Grain.WEEK: Bucket.WEEK, Grain.MONTH: Bucket.MONTH}
Period = tuple[datetime, date, str | None]


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
    periods: dict[Period, list[Facts]] = {}
    by_machine: dict[uuid.UUID, list[Facts]] = {}
    for machine in (each for each in line if each.id in meant):
        async for part in sharing.lines(session, organization_id, machine, (start, end), wanted):
            periods.setdefault(_period(part.place, asked.by, zone), []).append(part.facts)
            by_machine.setdefault(machine.id, []).append(part.facts)
    names = {machine.id: machine.code for machine in line}
    each = [
        OeeMachineShareOut.model_construct(
            machine_id=machine_id, machine=names[machine_id], **rules.members(total(facts), policy, 0)
        )
        for machine_id, facts in sorted(by_machine.items(), key=lambda item: names[item[0]])
    ]
    known = [share for share in each if share.oee is not None]
    return LineOeeOut.model_construct(
        start=start,
        end=end,
        by=asked.by,
        policy=policy.name,
        as_of=await figuring.as_of(session, list(by_machine), now),
        revision=0,
        total=rules.shown(total(facts for several in by_machine.values() for facts in several), policy, 0),
        worst_machine=min(known, key=lambda share: share.oee or 0.0).machine if known else None,
        buckets=[
            OeeBucketOut.model_construct(
                start=began, business_date=day, shift=shift, **rules.members(total(facts), policy, 0)
            )
            for (began, day, shift), facts in sorted(periods.items(), key=lambda item: (item[0][0], item[0][2] or ""))
        ],
        machines=each,
    )


def _period(place: Place, by: Grain, zone: ZoneInfo) -> Period:
    if by is Grain.SHIFT:
        return worked.at(place.span.start), place.day, place.shift
    day = worked.first_of(place.day, _BUCKETS[by])
    return datetime.combine(day, time.min, zone).astimezone(UTC), day, None
