"""Owns what can be asked of the present: what machines are doing, and the newest values of their tags."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ARRAY, Uuid, any_, bindparam, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from cloud import db, paging
from cloud.errors import Invalid
from cloud.gateways import service as gateways
from cloud.gateways.schemas import GatewayOut
from cloud.identity import service as identity
from cloud.machines import service as machines
from cloud.machines.schemas import MachineOut
from cloud.paging import Page
from cloud.telemetry import messages, rules, usage
from cloud.telemetry.history import SPANS, fields_of
from cloud.telemetry.models import Latest, Tag
from cloud.telemetry.schemas import (
    LatestOut,
    MachineNews,
    MachineNowOut,
    MachineStatusOut,
    UsageAsked,
    UsageDay,
    UsageOut,
)
from cloud.telemetry.usage import Used
from shared.reading import ReadingType

# how far back the beginning of a state is looked for: a day of one reading a second
_SINCE_ROWS = 100_000
# back to before any reading: the wire carries none from before 1970
_EVER = timedelta(days=150 * 366)
# for lists: the columns that tell what machines are doing, and no objects of rows
_STATES = (
    select(col(Tag.machine_id), col(Tag.gateway_id), col(Latest.text), col(Latest.quality), col(Latest.as_of))
    .join(Tag, col(Tag.id) == col(Latest.tag_id))
    # one value, however many machines: psycopg would read the text with fifty of them anew each time
    .where(col(Tag.machine_id) == any_(bindparam("machine_ids", type_=ARRAY(Uuid()))))
    .where(col(Tag.reading_type) == ReadingType.STATE)
)
_SINCE = text("""
    WITH newest AS MATERIALIZED (
        SELECT ts, text IS NOT DISTINCT FROM :state AND quality < 2 AS is_same FROM reading
        WHERE tag_id = :tag_id AND ts BETWEEN :start AND :end ORDER BY ts DESC, n DESC LIMIT :rows
    ), other AS (
        SELECT max(ts) AS ts FROM newest WHERE NOT is_same
    )
    SELECT min(newest.ts) FILTER (WHERE is_same AND newest.ts > coalesce(other.ts, '-infinity')) AS since,
           count(other.ts) > 0 AS is_exact, count(*) AS rows
    FROM newest CROSS JOIN other
""")


async def machines_now(
    session: AsyncSession,
    organization_id: uuid.UUID,
    wanted: paging.Paging,
    now: datetime,
    which: machines.Wanted | None = None,
) -> Page[MachineNowOut]:
    """Return a page of an organization's machines, with what they are doing."""
    page = await machines.machines(session, organization_id, wanted, which)
    doing = await _verdicts(session, [machine.id for machine in page.items], now)
    return Page(
        items=[_now(machine, doing[machine.id]) for machine in page.items],
        next_cursor=page.next_cursor,
        total=page.total,
    )


async def machine_now(
    session: AsyncSession, organization_id: uuid.UUID, id_or_code: str, now: datetime
) -> MachineNowOut:
    """Return a machine with what it is doing.

    Raises:
        NotFound: The organization has no such machine.
    """
    machine = await machines.resolve(session, organization_id, id_or_code)
    return _now(machine, (await _verdicts(session, [machine.id], now))[machine.id])


async def machine_status(
    session: AsyncSession, organization_id: uuid.UUID, id_or_code: str, now: datetime
) -> MachineStatusOut:
    """Return what a machine is doing, since when, and the newest value of each of its tags.

    Raises:
        NotFound: The organization has no such machine.
    """
    machine = await machines.resolve(session, organization_id, id_or_code)
    rows = await _latest(session, [machine.id])
    names = await gateways.by_ids(session, {row.Tag.gateway_id for row in rows})
    states = [row for row in rows if row.Tag.reading_type == ReadingType.STATE]
    verdict = rules.judge([_source(row, names) for row in states], now)
    return MachineStatusOut(
        id=machine.id,
        code=machine.code,
        name=machine.name,
        status=machine.status,
        runtime_status=verdict.status,
        unknown_because=verdict.doubt,
        state=verdict.state,
        since=None if verdict.doubt else await _since(session, max(states, key=lambda row: row.Latest.as_of).Latest),
        values=[_latest_out(row, names, now) for row in rows],
    )


async def news(
    session: AsyncSession, organization_id: uuid.UUID, known: dict[int, datetime], now: datetime
) -> list[MachineNews]:
    """Return what is new of an organization's machines since the last time it was asked for.

    Args:
        session: Its transaction.
        organization_id: Whose machines.
        known: Of each tag the `as_of` that is known; brought up to date.
        now: UTC.
    """
    heads = select(col(Latest.tag_id), col(Latest.as_of), col(Tag.machine_id)).join(Tag, col(Tag.id) == Latest.tag_id)
    theirs = heads.where(col(Tag.organization_id) == organization_id, col(Tag.machine_id).is_not(None))
    moved = [row for row in await session.execute(theirs) if known.get(row.tag_id) != row.as_of]
    if not moved:
        return []
    rows = await _latest(session, {row.machine_id for row in moved})
    names = await gateways.by_ids(session, {row.Tag.gateway_id for row in rows})
    tags = {row.tag_id for row in moved}
    known |= {row.tag_id: row.as_of for row in moved}
    of_machine: dict[uuid.UUID, list[Any]] = {}
    for row in rows:
        of_machine.setdefault(row.Tag.machine_id, []).append(row)
    return [
        MachineNews(
            machine_id=machine_id,
            runtime_status=rules.judge(
                [_source(row, names) for row in told if row.Tag.reading_type == ReadingType.STATE], now
            ).status,
            values=[_latest_out(row, names, now) for row in told if row.Tag.id in tags],
        )
        for machine_id, told in of_machine.items()
    ]


async def used_by_day(
    session: AsyncSession, organization_id: uuid.UUID, id_or_code: str, asked: UsageAsked, now: datetime
) -> UsageOut:
    """Return how much a machine was used, day by day of its site.

    Raises:
        NotFound: The organization has no such machine.
        Invalid: The range is no range, too long, or in a time zone that does not exist.
    """
    machine = await machines.resolve(session, organization_id, id_or_code)
    zone = await identity.time_zone(session, organization_id, asked.time_zone)
    last = asked.last or await usage.day_of(session, now, zone)
    first = asked.first or last - timedelta(days=29)
    if not timedelta() <= last - first < usage.MOST_DAYS:
        raise Invalid(messages.DAYS_INVALID, first=first.isoformat(), last=last.isoformat(), most=usage.MOST_DAYS.days)
    told = await usage.by_day(session, machine.id, first, last, zone, now)
    days = [UsageDay(date=day, **asdict(used)) for day, used in told.items()]
    return UsageOut(machine_id=machine.id, time_zone=zone, as_of=now, days=days)


async def used_since(session: AsyncSession, machine_id: uuid.UUID, start: datetime, now: datetime) -> Used:
    """Return how much a machine was used since a moment."""
    return await usage.since(session, machine_id, start, now)


async def _verdicts(
    session: AsyncSession, machine_ids: Collection[uuid.UUID], now: datetime
) -> dict[uuid.UUID, rules.Verdict]:
    rows = await db.rows(session, _STATES, {"machine_ids": list(machine_ids)})
    names = await gateways.by_ids(session, {row.gateway_id for row in rows}) if rows else {}
    sources: dict[uuid.UUID, list[rules.StateSource]] = {machine_id: [] for machine_id in machine_ids}
    for row in rows:
        heard = names[row.gateway_id].last_seen
        sources[row.machine_id].append(rules.StateSource(row.text, row.quality, row.as_of, heard))
    return {machine_id: rules.judge(told, now) for machine_id, told in sources.items()}


async def _latest(session: AsyncSession, machine_ids: Collection[uuid.UUID]) -> Sequence[Any]:
    statement = (
        select(Latest, Tag)
        .join(Tag, col(Tag.id) == col(Latest.tag_id))
        .where(col(Tag.machine_id).in_(machine_ids))
        .order_by(col(Tag.device), col(Tag.name), col(Tag.id))
    )
    return (await session.execute(statement)).all()


async def _since(session: AsyncSession, latest: Latest) -> datetime | None:
    since: datetime | None = None
    for span in SPANS:
        asked = {
            "tag_id": latest.tag_id,
            "state": latest.text,
            "start": latest.ts - (span or _EVER),
            "end": latest.ts,
            "rows": _SINCE_ROWS,
        }
        found = (await session.execute(_SINCE, asked)).one()
        since = found.since
        if found.is_exact or found.rows == _SINCE_ROWS:
            break
    return since


def _now(machine: MachineOut, verdict: rules.Verdict) -> MachineNowOut:
    return MachineNowOut.model_validate(machine.__dict__ | {"runtime_status": verdict.status})


def _latest_out(row: Any, names: dict[uuid.UUID, GatewayOut], now: datetime) -> LatestOut:
    return LatestOut(
        **fields_of(row.Latest, row.Tag, names[row.Tag.gateway_id].name),
        age_s=max(0.0, (now - row.Latest.as_of).total_seconds()),
    )


def _source(row: Any, names: dict[uuid.UUID, GatewayOut]) -> rules.StateSource:
    latest = row.Latest
    return rules.StateSource(latest.text, latest.quality, latest.as_of, names[row.Tag.gateway_id].last_seen)
