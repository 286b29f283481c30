"""Owns what can be asked of tags' newest values, and of how much machines are used."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ARRAY, Uuid, any_, bindparam, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from cloud import db
from cloud.errors import Invalid
from cloud.gateways import service as gateways
from cloud.gateways.schemas import GatewayOut
from cloud.identity import service as identity
from cloud.machines import service as machines
from cloud.telemetry import measured, messages, usage
from cloud.telemetry.history import SPANS, fields_of
from cloud.telemetry.measured import Measured
from cloud.telemetry.models import Latest, Tag
from cloud.telemetry.schemas import LatestOut, UsageAsked, UsageDay, UsageOut
from cloud.telemetry.signals import Signal, Source
from cloud.telemetry.usage import Used
from shared.reading import ReadingType

# how far back the beginning of a state is looked for: a day of one reading a second
_SINCE_ROWS = 100_000
# back to before any reading: the wire carries none from before 1970
_EVER = timedelta(days=150 * 366)
# for lists: the columns that tell what machines are doing, and no objects of rows
_OF_TAG = (Tag.id, Tag.machine_id, Tag.gateway_id, Tag.device, Tag.name, Tag.reading_type)
_OF_LATEST = (Latest.ts, Latest.value, Latest.text, Latest.quality, Latest.as_of)
_STATES = (
    select(*map(col, _OF_TAG), *map(col, _OF_LATEST))
    .join(Tag, col(Tag.id) == col(Latest.tag_id))
    # one value, however many machines: psycopg would read the text with fifty of them anew each time
    .where(col(Tag.machine_id) == any_(bindparam("machine_ids", type_=ARRAY(Uuid()))))
    .where(
        (col(Tag.reading_type) == ReadingType.STATE)
        | (col(Tag.machine_id) == any_(bindparam("by_rules", type_=ARRAY(Uuid()))))
    )
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
MEASURED_STANDING = measured.STANDING


@dataclass(frozen=True, slots=True)
class Heard:
    """The newest reading of a tag, as far as states care; `last_seen` is when its gateway was heard."""

    machine_id: uuid.UUID
    source: Source
    signal: Signal
    as_of: datetime
    last_seen: datetime | None


async def heard(
    session: AsyncSession, machine_ids: Collection[uuid.UUID], by_rules: Collection[uuid.UUID] = ()
) -> dict[uuid.UUID, list[Heard]]:
    """Return the newest reading of each tag that means `state` of some machines, by machine.

    Args:
        session: Its transaction.
        machine_ids: Which.
        by_rules: Of these all tags, for rules may ask for any.
    """
    rows = await db.rows(session, _STATES, {"machine_ids": list(machine_ids), "by_rules": list(by_rules)})
    names = await gateways.by_ids(session, {row.gateway_id for row in rows}) if rows else {}
    found: dict[uuid.UUID, list[Heard]] = {machine_id: [] for machine_id in machine_ids}
    for row in rows:
        source = Source(row.id, row.gateway_id, row.device, row.name, row.reading_type, None)
        signal = Signal(row.id, row.ts, 0, row.text or row.value, row.quality)
        seen = names[row.gateway_id].last_seen
        found[row.machine_id].append(Heard(row.machine_id, source, signal, row.as_of, seen))
    return found


async def values(session: AsyncSession, machine_id: uuid.UUID, now: datetime) -> list[LatestOut]:
    """Return the newest value of each of a machine's tags, by device and tag."""
    rows = await _latest(session, [machine_id])
    names = await gateways.by_ids(session, {row.Tag.gateway_id for row in rows})
    return [_latest_out(row, names, now) for row in rows]


async def moved(
    session: AsyncSession, organization_id: uuid.UUID, known: dict[int, datetime], now: datetime
) -> dict[uuid.UUID, list[LatestOut]]:
    """Return, by machine, the values that are new since the last time it was asked for.

    Args:
        session: Its transaction.
        organization_id: Whose machines.
        known: Of each tag the `as_of` that is known; brought up to date.
        now: UTC.
    """
    heads = select(col(Latest.tag_id), col(Latest.as_of), col(Tag.machine_id)).join(Tag, col(Tag.id) == Latest.tag_id)
    theirs = heads.where(col(Tag.organization_id) == organization_id, col(Tag.machine_id).is_not(None))
    fresh = [row for row in await session.execute(theirs) if known.get(row.tag_id) != row.as_of]
    if not fresh:
        return {}
    rows = await _latest(session, {row.machine_id for row in fresh})
    names = await gateways.by_ids(session, {row.Tag.gateway_id for row in rows})
    tags = {row.tag_id for row in fresh}
    known |= {row.tag_id: row.as_of for row in fresh}
    found: dict[uuid.UUID, list[LatestOut]] = {}
    for row in rows:
        if row.Tag.id in tags:
            found.setdefault(row.Tag.machine_id, []).append(_latest_out(row, names, now))
    return found


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


async def tell_measured(
    session: AsyncSession, machine_id: uuid.UUID, start: datetime, end: datetime, now: datetime
) -> None:
    """Tell what a machine measured in hours around a range that are over and were not told, see `measured`."""
    await measured.tell(session, machine_id, start, end, now)


async def measured_hours(session: AsyncSession, machine_ids: Sequence[uuid.UUID], as_of: datetime) -> Measured:
    """Return what was told by an instant of what machines measured, see `measured`."""
    return await measured.hours(session, machine_ids, as_of)


async def word_since(session: AsyncSession, newest: Signal) -> datetime | None:
    """Return since when a tag says the word that it says now, as far back as its newest readings are looked at."""
    since: datetime | None = None
    for span in SPANS:
        asked = {
            "tag_id": newest.tag_id,
            "state": newest.value,
            "start": newest.at - (span or _EVER),
            "end": newest.at,
            "rows": _SINCE_ROWS,
        }
        found = (await session.execute(_SINCE, asked)).one()
        since = found.since
        if found.is_exact or found.rows == _SINCE_ROWS:
            break
    return since


async def _latest(session: AsyncSession, machine_ids: Collection[uuid.UUID]) -> Sequence[Any]:
    statement = (
        select(Latest, Tag)
        .join(Tag, col(Tag.id) == col(Latest.tag_id))
        .where(col(Tag.machine_id).in_(machine_ids))
        .order_by(col(Tag.device), col(Tag.name), col(Tag.id))
    )
    return (await session.execute(statement)).all()


def _latest_out(row: Any, names: dict[uuid.UUID, GatewayOut], now: datetime) -> LatestOut:
    return LatestOut(
        **fields_of(row.Latest, row.Tag, names[row.Tag.gateway_id].name),
        age_s=max(0.0, (now - row.Latest.as_of).total_seconds()),
    )
