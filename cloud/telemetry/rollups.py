"""Owns what can be asked of the rollups: a machine's tags by minute, hour or day, page by page."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import AwareDatetime, Field
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from cloud import paging
from cloud.gateways import service as gateways
from cloud.machines import service as machines
from cloud.paging import Page
from cloud.telemetry.history import ReadingFilter, tags_of
from cloud.telemetry.models import Tag
from cloud.telemetry.schemas import Resolution, RollupOut
from shared.reading import ReadingType

WIDTHS: Mapping[Resolution, timedelta] = {
    Resolution.MINUTE: timedelta(minutes=1),
    Resolution.HOUR: timedelta(hours=1),
    Resolution.DAY: timedelta(days=1),
}
# tag by tag along the key, as readings are
_ROLLUPS = """
    SELECT found.* FROM unnest(CAST(:tags AS int[])) AS wanted (tag_id) CROSS JOIN LATERAL (
        SELECT * FROM rollup_{resolution} AS rollup
        WHERE rollup.tag_id = wanted.tag_id AND bucket > :start AND bucket < :end {conditions}
        ORDER BY bucket DESC LIMIT :limit
    ) AS found
    ORDER BY bucket DESC, tag_id DESC LIMIT :limit
"""
# `touched` holds the last minute's batches, and what came late since the last look
_UNSETTLED = text("""
    SELECT DISTINCT pair.tag_id, pair.minute / :minutes
    FROM touched, unnest(tag_ids, minutes) AS pair (tag_id, minute)
    WHERE gateway_id = ANY(CAST(:gateways AS uuid[])) AND pair.tag_id = ANY(CAST(:tags AS int[]))
          AND pair.minute BETWEEN :first AND :last
""")
_PLACE = (
    Annotated[AwareDatetime, Field(ge=datetime(1970, 1, 1, tzinfo=UTC), lt=datetime(2100, 1, 1, tzinfo=UTC))],
    int,
)
_MINUTE = timedelta(minutes=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


async def rollups(
    session: AsyncSession,
    organization_id: uuid.UUID,
    id_or_code: str,
    resolution: Resolution,
    asked: ReadingFilter,
    wanted: paging.Paging,
    now: datetime,
) -> Page[RollupOut]:
    """Return a page of a machine's buckets, newest first; those that overlap the time range.

    Raises:
        NotFound: The organization has no such machine.
        Invalid: The cursor is not one of this list.
    """
    machine = await machines.resolve(session, organization_id, id_or_code)
    tags = {tag.id: tag for tag in await tags_of(session, machine.id, asked)}
    rows = await _rows(session, list(tags), resolution, asked, wanted)
    page = rows[wanted.skip :][: wanted.limit]
    names = await gateways.by_ids(session, {tag.gateway_id for tag in tags.values()})
    waiting = await _unsettled(session, [tags[row.tag_id] for row in page], resolution, page)
    return Page(
        items=[
            _shown(
                row,
                tags[row.tag_id],
                names[tags[row.tag_id].gateway_id].name,
                is_settled=row.bucket + WIDTHS[resolution] <= now and (row.tag_id, row.bucket) not in waiting,
            )
            for row in page
        ],
        next_cursor=paging.encode([page[-1].bucket, page[-1].tag_id]) if len(rows) > wanted.skip + len(page) else None,
    )


async def _rows(
    session: AsyncSession,
    tag_ids: Sequence[int | None],
    resolution: Resolution,
    asked: ReadingFilter,
    wanted: paging.Paging,
) -> Sequence[Any]:
    width = WIDTHS[resolution]
    parameters: dict[str, Any] = {
        "tags": list(tag_ids),
        "limit": wanted.skip + wanted.limit + 1,
        # a bucket overlaps the range if it begins less than its width before it
        "start": (asked.start or _EPOCH) - width,
        "end": asked.end or datetime(2100, 1, 1, tzinfo=UTC),
    }
    conditions = ""
    if wanted.cursor is not None:
        last, last_tag = paging.decode(wanted.cursor, _PLACE)
        conditions = "AND bucket <= :last AND (bucket, tag_id) < (:last, :last_tag)"
        parameters |= {"last": last, "last_tag": last_tag}
    statement = text(_ROLLUPS.format(resolution=resolution.value, conditions=conditions))
    return (await session.execute(statement, parameters)).all()


async def _unsettled(
    session: AsyncSession, tags: Sequence[Tag], resolution: Resolution, page: Sequence[Any]
) -> set[tuple[int, datetime]]:
    if not page:
        return set()
    width = WIDTHS[resolution]
    buckets = [row.bucket for row in page]
    found = await session.execute(
        _UNSETTLED,
        {
            "minutes": width // _MINUTE,
            "gateways": list({tag.gateway_id for tag in tags}),
            "tags": list({tag.id for tag in tags}),
            "first": (min(buckets) - _EPOCH) // _MINUTE,
            "last": (max(buckets) + width - _EPOCH) // _MINUTE,
        },
    )
    return {(tag_id, _EPOCH + bucket * width) for tag_id, bucket in found}


def _shown(row: Any, tag: Tag, gateway: str, *, is_settled: bool) -> RollupOut:
    return RollupOut(
        gateway=gateway,
        device=tag.device,
        tag=tag.name,
        reading_type=ReadingType(tag.reading_type),
        unit=tag.unit,
        start=row.bucket,
        good=row.good,
        uncertain=row.uncertain,
        bad=row.bad,
        numbers=row.numbers,
        sum=row.total,
        min=row.low,
        max=row.high,
        mean=row.total / row.numbers if row.numbers else None,
        first=row.first,
        last=row.last,
        first_at=row.first_at,
        last_at=row.last_at,
        area=row.area,
        known_s=row.known_s,
        time_mean=row.area / row.known_s if row.known_s else None,
        is_settled=is_settled,
    )
