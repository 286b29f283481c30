"""Owns what states and counts are derived from: a machine's readings around a stretch of time, and what is missing.

Deriving needs the reading before a stretch and the one after it, however far away they are; so the search widens in
steps, for a question about all days would lock all of their partitions.
"""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from cloud.gateways import service as gateways

K = TypeVar("K")

_STEPS = (timedelta(hours=1), timedelta(days=2), timedelta(days=40), timedelta(days=150 * 366))
_NEAR = timedelta(days=2)
# What bears an earlier time comes from a clock that was never set: it is kept and shown, and nothing is derived of it.
# One word of 1970 would say what a machine did in half a million hours.
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
# No counter of pieces comes to more: a thousand a second make so many in thirty years. What is read with a wrong type
# or word order is mostly beyond it, or below 0.
MOST_COUNTED = 10**12
_SOURCES = text("""
    SELECT machine_id, id, gateway_id, device, name, reading_type, rollover FROM tag
    WHERE machine_id = ANY(CAST(:machines AS uuid[])) ORDER BY id
""")
_TYPES = text("""
    SELECT machine_id, array_agg(DISTINCT reading_type) AS types FROM tag
    WHERE machine_id = ANY(CAST(:machines AS uuid[])) GROUP BY 1
""")
_NEWEST = text("SELECT max(ts) FROM latest WHERE tag_id = ANY(CAST(:tags AS int[]))")
_BETWEEN = text("""
    SELECT tag_id, ts, n, value, text, quality FROM reading
    WHERE tag_id = ANY(CAST(:tags AS int[])) AND ts >= :start AND ts < :end ORDER BY ts, tag_id, n
""")
_BEFORE = """
    SELECT found.* FROM unnest(CAST(:tags AS int[])) AS wanted (tag_id) CROSS JOIN LATERAL (
        SELECT tag_id, ts, n, value, text, quality FROM reading
        WHERE reading.tag_id = wanted.tag_id AND ts >= :start AND ts < :end {usable}
        ORDER BY ts DESC {last}
    ) AS found
    ORDER BY ts, n
"""
_NEXT_GOOD = text("""
    SELECT tag_id, ts, n, value, text, quality FROM reading
    WHERE tag_id = :tag_id AND ts >= :start AND ts < :end AND quality < 2 ORDER BY ts, n DESC LIMIT 1
""")
_LAST_GOOD = text("""
    SELECT tag_id, ts, n, value, text, quality FROM reading
    WHERE tag_id = :tag_id AND ts >= :start AND ts < :end AND quality < 2 ORDER BY ts DESC, n DESC LIMIT 1
""")
_AFTER = """
    SELECT min(found.ts) FROM unnest(CAST(:tags AS int[])) AS wanted (tag_id) CROSS JOIN LATERAL (
        SELECT ts FROM reading WHERE reading.tag_id = wanted.tag_id AND ts >= :start AND ts < :end {usable}
        ORDER BY ts LIMIT 1
    ) AS found
"""
# what a counter can show (`is_count`)
_COUNT = f"AND quality < 2 AND value BETWEEN 0 AND {MOST_COUNTED}"
_LAST = text(_BEFORE.format(usable="", last=", n DESC LIMIT 1"))
# all that it showed at that time
_LAST_COUNT = text(_BEFORE.format(usable=_COUNT, last="FETCH FIRST 1 ROW WITH TIES"))
_NEXT = text(_AFTER.format(usable=""))
_NEXT_COUNT = text(_AFTER.format(usable=_COUNT))
_HOLES = text("""
    SELECT from_at, to_at FROM gap
    WHERE gateway_id = ANY(CAST(:gateways AS uuid[])) AND closed_at IS NULL
          AND from_at < :end AND (to_at > :start OR to_at IS NULL)
          AND (device IS NULL OR device = ANY(CAST(:devices AS text[])))
          AND (tag IS NULL OR tag = ANY(CAST(:names AS text[])))
""")
# where the sum of what was said goes beyond another portion
_CUTS = text("""
    SELECT bucket FROM (
        SELECT bucket, portion, lag(portion) OVER (ORDER BY bucket) AS before FROM (
            SELECT bucket, sum(sum(good + uncertain + bad)) OVER (ORDER BY bucket)::bigint / :at_most AS portion
            FROM rollup_hour WHERE tag_id = ANY(CAST(:tags AS int[])) AND bucket > :start AND bucket < :end
            GROUP BY bucket
        ) AS said
    ) AS each WHERE portion <> before ORDER BY bucket
""")
_KEPT = text("SELECT max(end_at) FROM dropped WHERE kind = 'readings'")


@dataclass(frozen=True, slots=True)
class Source:
    """A tag, as far as deriving cares."""

    id: int
    gateway_id: uuid.UUID
    device: str
    name: str
    reading_type: str
    rollover: float | None


@dataclass(frozen=True, slots=True)
class Signal:
    """One reading; `value` is a text where the tag says words."""

    tag_id: int
    at: datetime
    n: int
    value: float | str | None
    quality: int


def is_count(value: float) -> bool:
    """Return whether a counter of pieces can show this."""
    return 0 <= value <= MOST_COUNTED


async def sources(session: AsyncSession, machine_id: uuid.UUID) -> list[Source]:
    """Return a machine's tags."""
    return (await sources_of(session, [machine_id]))[machine_id]


async def sources_of(session: AsyncSession, machine_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, list[Source]]:
    """Return the tags of each of some machines."""
    found: dict[uuid.UUID, list[Source]] = {machine_id: [] for machine_id in machine_ids}
    for machine_id, *tag in await session.execute(_SOURCES, {"machines": list(machine_ids)}):
        found[machine_id].append(Source(*tag))
    return found


async def types_of(session: AsyncSession, machine_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, set[str]]:
    """Return what the tags of each of some machines mean."""
    rows = await session.execute(_TYPES, {"machines": list(machine_ids)})
    return {machine_id: set[str]() for machine_id in machine_ids} | {row.machine_id: set(row.types) for row in rows}


async def between(session: AsyncSession, tags: Collection[int], start: datetime, end: datetime) -> list[Signal]:
    """Return the readings of some tags in a half-open range, in source-time order."""
    rows = await session.execute(_BETWEEN, {"tags": list(tags), "start": max(start, EARLIEST), "end": end})
    return [Signal(row.tag_id, row.ts, row.n, row.text or row.value, row.quality) for row in rows]


async def cuts(
    session: AsyncSession, tags: Collection[int], start: datetime, end: datetime, at_most: int
) -> list[datetime]:
    """Return the hours at which to cut a range, so that some tags said about so much, as far as it is rolled up."""
    asked = {"tags": list(tags), "start": start, "end": end, "at_most": at_most}
    return list(await session.scalars(_CUTS, asked))


async def before(session: AsyncSession, tags: Collection[int], at: datetime, *, counts: bool = False) -> list[Signal]:
    """Return the last reading of each tag before a moment; a tag that said nothing yet is left out.

    With `counts` the last that a counter can show, and if there are several of that time, all of them.
    """
    missing, found, end = set(tags), [], at
    statement = _LAST_COUNT if counts else _LAST
    for step in _STEPS:
        if not missing:
            break
        rows = await session.execute(statement, {"tags": list(missing), "start": max(at - step, EARLIEST), "end": end})
        told = [Signal(row.tag_id, row.ts, row.n, row.text or row.value, row.quality) for row in rows]
        found += told
        missing -= {each.tag_id for each in told}
        end = at - step
    return found


async def first_after(
    session: AsyncSession, tags: Collection[int], at: datetime, *, counts: bool = False
) -> datetime | None:
    """Return when any of the tags speaks next, that moment included; None where none does.

    With `counts` only what a counter can show is asked for.
    """
    start = at = max(at, EARLIEST)
    for step in _STEPS:
        # as a rule nothing comes after, and only the newest readings need to be asked
        if step > _NEAR and (await session.scalar(_NEWEST, {"tags": list(tags)}) or at) <= at:
            return None
        asked = {"tags": list(tags), "start": start, "end": at + step}
        found: datetime | None = await session.scalar(_NEXT_COUNT if counts else _NEXT, asked)
        if found is not None:
            return found
        start = at + step
    return None


async def good_before(session: AsyncSession, tag_id: int, at: datetime) -> Signal | None:
    """Return a tag's last reading before a moment that is not of bad quality; None where there is none."""
    end = at
    for step in _STEPS:
        row = (
            await session.execute(_LAST_GOOD, {"tag_id": tag_id, "start": max(at - step, EARLIEST), "end": end})
        ).one_or_none()
        if row is not None:
            return Signal(row.tag_id, row.ts, row.n, row.text or row.value, row.quality)
        end = at - step
    return None


async def good_after(session: AsyncSession, tag_id: int, at: datetime) -> Signal | None:
    """Return a tag's next reading, that moment included, that is not of bad quality; None where there is none."""
    start = at = max(at, EARLIEST)
    for step in _STEPS:
        if step > _NEAR and (await session.scalar(_NEWEST, {"tags": [tag_id]}) or at) <= at:
            return None
        row = (await session.execute(_NEXT_GOOD, {"tag_id": tag_id, "start": start, "end": at + step})).one_or_none()
        if row is not None:
            return Signal(row.tag_id, row.ts, row.n, row.text or row.value, row.quality)
        start = at + step
    return None


async def holes(
    session: AsyncSession, tags: Sequence[Source], start: datetime, end: datetime
) -> list[tuple[datetime, datetime | None]]:
    """Return the holes in the readings of some tags that overlap a range; one that goes on has no end."""
    asked = {
        "gateways": list({tag.gateway_id for tag in tags}),
        "devices": [tag.device for tag in tags],
        "names": [tag.name for tag in tags],
        "start": start,
        "end": end,
    }
    return [(row.from_at, row.to_at) for row in await session.execute(_HOLES, asked)]


async def heard(session: AsyncSession, several: Mapping[K, Collection[Source]]) -> dict[K, datetime]:
    """Return for each of several sets of tags when a gateway of it was last heard; where none ever was, nothing."""
    known = await gateways.by_ids(session, {tag.gateway_id for tags in several.values() for tag in tags})
    seen = {each.id: each.last_seen for each in known.values() if each.last_seen is not None}
    found = {key: [seen[tag.gateway_id] for tag in tags if tag.gateway_id in seen] for key, tags in several.items()}
    return {key: max(times) for key, times in found.items() if times}


async def kept_since(session: AsyncSession) -> datetime | None:
    """Return from when on readings are kept; what was derived of earlier ones stays as it is. None: all are."""
    found: datetime | None = await session.scalar(_KEPT)
    return found
