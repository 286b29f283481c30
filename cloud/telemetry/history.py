"""Owns what can be asked of the past: a machine's readings, page by page."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import AwareDatetime, Field
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from cloud import paging
from cloud.gateways import service as gateways
from cloud.machines import service as machines
from cloud.paging import Page
from cloud.telemetry.models import Tag
from cloud.telemetry.schemas import QualityWord, ReadingOut
from shared.reading import Flag, ReadingType

_QUALITIES = tuple(QualityWord)
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
