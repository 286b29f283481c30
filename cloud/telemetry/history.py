"""Owns what can be asked of the past: a machine's readings, page by page, and the holes in them."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from cloud import paging
from cloud.gateways import service as gateways
from cloud.gateways.schemas import GatewayOut
from cloud.machines import service as machines
from cloud.paging import Page
from cloud.telemetry.coverage import Hole, missing
from cloud.telemetry.models import Gap, Tag
from cloud.telemetry.schemas import CoverageOut, GapOut, QualityWord, ReadingOut
from shared.reading import Flag, GapCause, ReadingType

_QUALITIES = tuple(QualityWord)
RETENTION: Literal["retention"] = "retention"
"""The cause, beside those of gaps, of readings that were dropped because they had been kept long enough."""
# newest first, tag by tag, along the key: the rows of a page are all that is read
_READINGS = """
    SELECT found.* FROM unnest(CAST(:tags AS int[])) AS wanted (tag_id) CROSS JOIN LATERAL (
        SELECT ts, tag_id, n, received_at, value, text, quality, flags, status FROM reading
        WHERE reading.tag_id = wanted.tag_id {conditions}
        ORDER BY ts DESC, n DESC LIMIT :limit
    ) AS found
    ORDER BY ts DESC, tag_id DESC, n DESC LIMIT :limit
"""
# A page is looked for in the newest day, then in the newest month, and only then everywhere: of each partition
# that may hold a part of it, table and index are locked, and PostgreSQL has room for some thousand locks in all.
SPANS = (timedelta(days=1), timedelta(days=30), None)
# the gaps of a tag, of its device and of its gateway
_HOLES = text("""
    SELECT tag.id AS tag_id, gap.from_at, gap.to_at, gap.cause
    FROM tag JOIN gap ON gap.organization_id = tag.organization_id AND gap.gateway_id = tag.gateway_id
                         AND (gap.device IS NULL OR gap.device = tag.device) AND (gap.tag IS NULL OR gap.tag = tag.name)
    WHERE tag.id = ANY(CAST(:tags AS int[])) AND gap.from_at < :end AND gap.to_at > :start
""")
# readings that were dropped can vouch for nothing any more
_DROPPED = text("""
    SELECT begin_at, end_at FROM dropped WHERE kind = 'readings' AND begin_at < :end AND end_at > :start
""")
_FIRSTS = text("""
    SELECT wanted.tag_id, first.first_at FROM unnest(CAST(:tags AS int[])) AS wanted (tag_id) CROSS JOIN LATERAL (
        SELECT first_at FROM rollup_day WHERE rollup_day.tag_id = wanted.tag_id ORDER BY bucket LIMIT 1
    ) AS first
""")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# a row's place in the list: time, tag, n
_PLACE = (
    Annotated[AwareDatetime, Field(ge=_EPOCH, lt=datetime(2100, 1, 1, tzinfo=UTC))],
    int,
    int,
)


@dataclass(frozen=True, slots=True)
class ReadingFilter:
    """Which readings of a machine are asked for; None asks for all. The time range is half-open."""

    start: datetime | None = None
    end: datetime | None = None
    device: str | None = None
    tag: str | None = None
    reading_type: ReadingType | None = None


@dataclass(frozen=True, slots=True)
class GapFilter:
    """Which gaps are asked for; those that overlap the time range."""

    start: datetime | None = None
    end: datetime | None = None
    gateway: str | None = None
    device: str | None = None
    tag: str | None = None
    cause: GapCause | None = None


async def readings(
    session: AsyncSession,
    organization_id: uuid.UUID,
    id_or_code: str,
    asked: ReadingFilter,
    wanted: paging.Paging,
    now: datetime,
) -> Page[ReadingOut]:
    """Return a page of a machine's readings, newest first.

    Raises:
        NotFound: The organization has no such machine.
        Invalid: The cursor is not one of this list.
    """
    machine = await machines.resolve(session, organization_id, id_or_code)
    tags = {tag.id: tag for tag in await tags_of(session, machine.id, asked)}
    names = await gateways.by_ids(session, {tag.gateway_id for tag in tags.values()})
    rows = await _newest(session, list(tags), asked, wanted, now)
    page = rows[wanted.skip :][: wanted.limit]
    has_more = len(rows) > wanted.skip + wanted.limit
    return Page(
        items=[ReadingOut(**fields_of(row, tags[row.tag_id], names[tags[row.tag_id].gateway_id].name)) for row in page],
        next_cursor=paging.encode([page[-1].ts, page[-1].tag_id, page[-1].n]) if has_more else None,
    )


async def _newest(
    session: AsyncSession, tag_ids: Sequence[int | None], asked: ReadingFilter, wanted: paging.Paging, now: datetime
) -> Sequence[Any]:
    """Return the rows of a page, those to be skipped before it, and one behind it if there is one."""
    parameters: dict[str, Any] = {"tags": list(tag_ids), "limit": wanted.skip + wanted.limit + 1}
    conditions, end = "", asked.end or now
    if asked.end is not None:
        conditions += " AND ts < :end"
        parameters["end"] = end
    if wanted.cursor is not None:
        end, last_tag, last_n = paging.decode(wanted.cursor, _PLACE)
        # the first half says the same to the index
        conditions += " AND ts <= :last_ts AND (ts, tag_id, n) < (:last_ts, :last_tag, :last_n)"
        parameters |= {"last_ts": end, "last_tag": last_tag, "last_n": last_n}
    for span in SPANS:
        start = asked.start
        if span is not None and (start is None or start < end - span):
            start = end - span
        since = "" if start is None else " AND ts >= :start"
        statement = text(_READINGS.format(conditions=conditions + since))
        rows = (await session.execute(statement, parameters | ({} if start is None else {"start": start}))).all()
        if len(rows) == parameters["limit"] or start == asked.start:
            break
    return rows


async def gaps(
    session: AsyncSession, organization_id: uuid.UUID, asked: GapFilter, wanted: paging.Paging
) -> Page[GapOut]:
    """Return a page of an organization's gaps, newest first."""
    statement = select(Gap).where(col(Gap.organization_id) == organization_id)
    if asked.gateway is not None:
        statement = statement.where(
            col(Gap.gateway_id) == await gateways.id_of(session, organization_id, asked.gateway)
        )
    if asked.start is not None:
        statement = statement.where(col(Gap.to_at) > asked.start)
    if asked.end is not None:
        statement = statement.where(col(Gap.from_at) < asked.end)
    for column, value in ((Gap.device, asked.device), (Gap.tag, asked.tag), (Gap.cause, asked.cause)):
        if value is not None:
            statement = statement.where(col(column) == value)
    found = await paging.read(session, statement, [col(Gap.from_at), col(Gap.id)], wanted, descending=True)
    names = await gateways.by_ids(session, {row[0].gateway_id for row in found.rows})
    return Page(
        items=[_gap(row[0], names[row[0].gateway_id].name) for row in found.rows],
        next_cursor=found.next_cursor,
        total=found.total,
    )


async def coverage(
    session: AsyncSession, organization_id: uuid.UUID, id_or_code: str, asked: ReadingFilter, now: datetime
) -> list[CoverageOut]:
    """Return for each of a machine's tags how much of a time range lies in no gap, by device and tag.

    A tag's range begins with its first reading: before it there was nothing to be missed.

    Raises:
        NotFound: The organization has no such machine.
    """
    machine = await machines.resolve(session, organization_id, id_or_code)
    tags = sorted(await tags_of(session, machine.id, asked), key=lambda tag: (tag.device, tag.name, tag.id))
    told = await gateways.by_ids(session, {tag.gateway_id for tag in tags})
    asked_of = {"tags": [tag.id for tag in tags], "start": asked.start, "end": asked.end}
    firsts = {row.tag_id: row.first_at for row in await session.execute(_FIRSTS, asked_of)}
    holes: dict[int, list[Hole]] = {tag.id: [] for tag in tags if tag.id is not None}
    for row in await session.execute(_HOLES, asked_of):
        holes[row.tag_id].append(Hole(row.from_at, row.to_at, row.cause))
    gone = [Hole(row.begin_at, row.end_at, RETENTION) for row in await session.execute(_DROPPED, asked_of)]
    return [
        _covered(tag, told[tag.gateway_id], asked, firsts.get(tag.id), [*holes[tag.id or 0], *gone], now)
        for tag in tags
    ]


def fields_of(row: Any, tag: Tag, gateway: str) -> dict[str, Any]:
    """Return what `ReadingOut` says of a row of `reading` or `latest`."""
    return {
        "gateway": gateway,
        "device": tag.device,
        "tag": tag.name,
        "reading_type": tag.reading_type,
        "value": row.value,
        "text": row.text,
        "unit": tag.unit,
        "timestamp": row.ts,
        "received_at": row.received_at,
        "quality": _QUALITIES[row.quality],
        "flags": [flag.name.lower() for flag in Flag if flag & row.flags and flag.name],
        "status": row.status,
    }


async def tags_of(session: AsyncSession, machine_id: uuid.UUID, asked: ReadingFilter) -> Iterable[Tag]:
    """Return the tags of a machine that are asked for."""
    statement = select(Tag).where(col(Tag.machine_id) == machine_id)
    for column, value in ((Tag.device, asked.device), (Tag.name, asked.tag), (Tag.reading_type, asked.reading_type)):
        if value is not None:
            statement = statement.where(col(column) == value)
    return await session.scalars(statement)


def _covered(
    tag: Tag, gateway: GatewayOut, asked: ReadingFilter, first: datetime | None, holes: Iterable[Hole], now: datetime
) -> CoverageOut:
    end = min(asked.end or now, now)
    # without a reading there is nothing to vouch for
    start = min(max(asked.start or _EPOCH, first or end), end)
    found = missing(holes, start, end)
    seconds = (end - start).total_seconds()
    return CoverageOut(
        gateway=gateway.name,
        device=tag.device,
        tag=tag.name,
        reading_type=ReadingType(tag.reading_type),
        start=start,
        end=end,
        seconds=seconds,
        missing_s=found.seconds,
        coverage=1 - found.seconds / seconds if seconds else None,
        causes={cause if cause == RETENTION else GapCause(cause): held for cause, held in found.by_cause.items()},
        as_of=gateway.last_seen or gateway.created_at,
    )


def _gap(row: Gap, gateway: str) -> GapOut:
    return GapOut(
        id=row.id,
        gateway=gateway,
        device=row.device,
        tag=row.tag,
        cause=row.cause,
        start=row.from_at,
        end=row.to_at,
        detail=row.detail,
        recorded_at=row.recorded_at,
    )
