"""Owns what can be asked of OEE: a machine's or a line's, cut into periods, by a policy.

Sums come from elsewhere (`summing`), exact for any window, and are divided here. Where a machine follows shifts, days
are business dates: a night belongs to the date on which it began.
"""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from cloud.analytics import messages, rules
from cloud.analytics.schemas import (
    Grain,
    LineOeeOut,
    MachineOeeOut,
    OeeBucketOut,
    OeeFiguresOut,
    OeeMachineShareOut,
)
from cloud.analytics.service import policies, summing
from cloud.analytics.service.tally import Period, Summed
from cloud.errors import Invalid
from cloud.kpi.facts import Facts, total
from cloud.kpi.policy import Policy
from cloud.machines import service as machines
from cloud.machines.schemas import MachineOut
from cloud.shifts.service import patterns as shifts

# one answer's worth: as many hours as a quarter of a year has, five years of days
MOST = {Grain.HOUR: 100, Grain.SHIFT: 400, Grain.DAY: 1830, Grain.WEEK: 3660, Grain.MONTH: 3660}
DEFAULT = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for.

    Attributes:
        start: The full hour a week before the end if None.
        end: Now if None.
        policy: A name; the organization's default if None.
        shift: Only time in shifts of this name; all time if None.
    """

    by: Grain = Grain.DAY
    start: datetime | None = None
    end: datetime | None = None
    policy: str | None = None
    shift: str | None = None


async def of_machine(
    session: AsyncSession, organization_id: uuid.UUID, id_or_code: str, asked: Asked, now: datetime
) -> MachineOeeOut:
    """Return a machine's figures.

    Raises:
        NotFound: There is no such machine, or policy.
        Invalid: The range is no range, or too long.
    """
    machine = await machines.resolve(session, organization_id, id_or_code)
    policy = await policies.named(session, organization_id, asked.policy)
    start, end = window(asked, now)
    follows = bool(await shifts.followed_by(session, organization_id, [machine.id]))
    found = await summing.summed(session, organization_id, [machine], (start, end), asked.by)
    facts, revision = found.of_machine.get(machine.id, (Facts(), 0))
    whole = rules.shown(facts, policy, revision)
    return MachineOeeOut.model_construct(
        machine_id=machine.id,
        machine=machine.code,
        planned_by="shifts" if follows else "always",
        start=start,
        end=end,
        by=asked.by,
        policy=policy.name,
        as_of=await as_of(session, [machine.id], now),
        revision=revision,
        availability=whole.availability,
        performance=whole.performance,
        quality=whole.quality,
        oee=whole.oee,
        total=whole,
        between_shifts=_between(found, policy),
        buckets=_buckets(found.periods, policy),
    )


async def of_line(
    session: AsyncSession,
    organization_id: uuid.UUID,
    wanted: Collection[str],
    location: str | None,
    asked: Asked,
    now: datetime,
) -> LineOeeOut:
    """Return several machines' figures together: ratios of their sums, beside each machine's own.

    Raises:
        NotFound: There is no such machine, or policy.
        Invalid: The range is no range, or too long; or no machine is at this location.
    """
    policy = await policies.named(session, organization_id, asked.policy)
    start, end = window(asked, now)
    if asked.shift is not None and asked.by is Grain.HOUR:
        raise Invalid(messages.WORK_TOO_FINE, most=MOST[Grain.HOUR])
    line = await line_of(session, organization_id, wanted, location)
    ids = [machine.id for machine in line]
    found = await summing.summed(session, organization_id, line, (start, end), asked.by, asked.shift)
    return line_out(found, line, policy, (start, end), asked.by, await as_of(session, ids, now))


def line_out(
    found: Summed,
    line: Sequence[MachineOut],
    policy: Policy,
    span: tuple[datetime, datetime],
    by: Grain,
    until: datetime,
) -> LineOeeOut:
    """Return what several machines did in a window as figures."""
    names = {machine.id: machine.code for machine in line}
    each = [
        OeeMachineShareOut.model_construct(
            machine_id=machine_id, machine=names[machine_id], **rules.members(facts, policy, revision)
        )
        for machine_id, (facts, revision) in sorted(found.of_machine.items(), key=lambda item: names[item[0]])
    ]
    known = [share for share in each if share.oee is not None]
    revision = sum(revision for _, revision in found.of_machine.values())
    return LineOeeOut.model_construct(
        start=span[0],
        end=span[1],
        by=by,
        policy=policy.name,
        as_of=until,
        revision=revision,
        total=rules.shown(total(facts for facts, _ in found.of_machine.values()), policy, revision),
        worst_machine=min(known, key=lambda share: share.oee or 0.0).machine if known else None,
        between_shifts=_between(found, policy),
        buckets=_buckets(found.periods, policy),
        machines=each,
    )


def window(asked: Asked, now: datetime) -> tuple[datetime, datetime]:
    """Return the range that is asked for.

    Raises:
        Invalid: It is no range, or too long for its periods.
    """
    end = asked.end or now
    # nobody asked for seconds: whole hours are cheap
    start = asked.start or (end - DEFAULT).replace(minute=0, second=0, microsecond=0)
    if start >= end:
        raise Invalid(messages.RANGE_BACKWARDS, start=start, end=end)
    if end - start > timedelta(days=MOST[asked.by]):
        raise Invalid(messages.RANGE_TOO_LONG, start=start, end=end, most=MOST[asked.by])
    return start, end


async def as_of(session: AsyncSession, machine_ids: Collection[uuid.UUID], now: datetime) -> datetime:
    """Return until when the figures of all of these are computed; now, of those that have none."""
    return min([now, *(until for _, until in (await summing.extents(session, machine_ids)).values())])


async def line_of(
    session: AsyncSession, organization_id: uuid.UUID, wanted: Collection[str], location: str | None
) -> list[MachineOut]:
    """Return the machines that are meant: those that are named, else all; of these those at a location.

    Raises:
        NotFound: There is no such machine.
        Invalid: There are none.
    """
    if wanted:
        line = [await machines.resolve(session, organization_id, name) for name in dict.fromkeys(wanted)]
    else:
        known = await machines.by_ids(session, organization_id, await machines.ids(session, organization_id))
        line = list(known.values())
    folded = None if location is None else location.casefold()
    line = [each for each in line if folded is None or (each.location or "").casefold() == folded]
    if not line:
        raise Invalid(messages.NO_MACHINES)
    return line


def _between(found: Summed, policy: Policy) -> OeeFiguresOut | None:
    return None if found.between is None else rules.shown(found.between, policy, 0)


def _buckets(periods: Sequence[Period], policy: Policy) -> list[OeeBucketOut]:
    return [
        OeeBucketOut.model_construct(
            start=period.start,
            end=period.end,
            business_date=period.business_date,
            shift=period.shift,
            **rules.members(period.facts, policy, period.revision),
        )
        for period in periods
    ]
