"""Owns machines' alarms: derived from what tags that mean `alarm_code` say, and told as they were known at an instant.

Derived as states are (`deriving`): from the readings around a range, in any order and as often as one likes. A row that
turns out wrong is withdrawn and stays, so that what was known before can be told for good.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from cloud import columns, newest
from cloud.kpi.spans import Span
from cloud.production import alarm_words
from cloud.production.alarm_words import Word
from cloud.production.models import AlarmRow
from cloud.production.service import moments
from cloud.telemetry import signals
from shared.reading import ReadingType

# more words than that are no codes but sentences; the rarer ones are told together
MOST_CODES = 500
OTHER = "other"
_NEVER = np.iinfo(np.int64).max
# Moments come as PostgreSQL sends them, eight bytes each, for numpy: of a plant's year no row becomes an object.
_ALARMS = text("""
    SELECT alarm.code, string_agg(int4send(ids.number::int - 1), ''::bytea) AS places,
           string_agg(timestamptz_send(alarm.at), ''::bytea) AS at,
           string_agg(timestamptz_send(greatest(alarm.at, alarm.recorded_at)), ''::bytea) AS known
    FROM machine_alarm AS alarm
    JOIN unnest(CAST(:machine_ids AS uuid[])) WITH ORDINALITY AS ids (id, number) ON ids.id = alarm.machine_id
    WHERE alarm.at <= :as_of AND alarm.recorded_at <= :as_of
          AND (alarm.withdrawn_at IS NULL OR alarm.withdrawn_at > :as_of)
    GROUP BY alarm.code ORDER BY count(*) DESC, alarm.code
""")
STANDING = f"concat({newest.added('machine_alarm')}, '/', {newest.taken_back('machine_alarm', 'withdrawn_at')})"
"""Of the machine `wanted.id`, what stays the same while nothing new is known of its alarms; an SQL expression."""


@dataclass(frozen=True, slots=True)
class Alarms:
    """One code's alarms, a row each.

    Attributes:
        place: Of the machine among those that were asked for.
        at: When it came, microseconds since 1970 UTC.
        known: When that was known, never before it came.
    """

    code: str
    place: NDArray[np.int32]
    at: NDArray[np.int64]
    known: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Told:
    """What machines told of alarms.

    Attributes:
        since: From when on each told of alarms, or that there are none, microseconds since 1970 UTC; one that never did
            is left out.
        alarms: By code, the most frequent first; beyond `MOST_CODES` they are told together, as `OTHER`.
    """

    since: Mapping[uuid.UUID, int]
    alarms: Sequence[Alarms]


async def alarms(session: AsyncSession, machine_ids: Sequence[uuid.UUID], as_of: datetime) -> Told:
    """Return machines' alarms as they were known at an instant; a machine is its place in `machine_ids`."""
    rows = (await session.execute(_ALARMS, {"machine_ids": list(machine_ids), "as_of": as_of})).all()
    first = np.full(len(machine_ids), _NEVER)
    told: list[Alarms] = []
    for row in rows:
        place, at = columns.places(row.places), columns.moments(row.at)
        np.minimum.at(first, place, at)
        if row.code is not None:
            code = row.code if len(told) < MOST_CODES else OTHER
            told.append(Alarms(code, place, at, columns.moments(row.known)))
    return Told({machine_ids[place]: int(first[place]) for place in np.flatnonzero(first < _NEVER).tolist()}, told)


async def derive_alarms(session: AsyncSession, machine_id: uuid.UUID, wanted: Span) -> None:
    """Derive what a machine's tags that mean `alarm_code` told of alarms in a range.

    What was derived of readings that are not kept any more stays as it is.
    """
    tags = [each for each in await signals.sources(session, machine_id) if each.reading_type == ReadingType.ALARM_CODE]
    if not tags:
        return
    kept = await signals.kept_since(session)
    start = max(wanted.start, moments.us(kept)) if kept is not None else wanted.start
    if start < wanted.end:
        for tag in tags:
            await _derive(session, machine_id, tag.id, Span(start, wanted.end))


async def _derive(session: AsyncSession, machine_id: uuid.UUID, tag_id: int, window: Span) -> None:
    start, end = moments.utc(window.start), moments.utc(window.end)
    before = await signals.good_before(session, tag_id, start)
    inside = await signals.between(session, [tag_id], start, end)
    # whether its word is another one depends on the last one in the window
    after = await signals.good_after(session, tag_id, end)
    said = [each for each in (before, *inside, after) if each is not None]
    derived = alarm_words.changes(Word(moments.us(each.at), each.n, each.value, each.quality) for each in said)
    if before is not None:
        del derived[moments.us(before.at)]
    await _write(session, machine_id, tag_id, (start, end, after.at if after is not None else end), derived)


async def _write(
    session: AsyncSession,
    machine_id: uuid.UUID,
    tag_id: int,
    window: tuple[datetime, datetime, datetime],
    derived: Mapping[int, str | None],
) -> None:
    """Withdraw what is not so in the window, and at the reading after it; add what is new."""
    start, end, after = window
    row = AlarmRow
    where = (col(row.machine_id) == machine_id, col(row.tag_id) == tag_id, col(row.withdrawn_at).is_(None))
    inside = ((col(row.at) >= start) & (col(row.at) < end)) | (col(row.at) == after)
    found = await session.execute(select(col(row.id), col(row.at), col(row.code)).where(*where, inside))
    known = {moments.us(each.at): each for each in found}
    gone = [each.id for at, each in known.items() if at not in derived or derived[at] != each.code]
    new = [at for at, code in derived.items() if at not in known or known[at].code != code]
    if gone:
        withdrawn = update(row).where(col(row.id).in_(gone)).values(withdrawn_at=text("now()"))
        await session.execute(withdrawn.execution_options(synchronize_session=False))
    if new:
        told = [{"machine_id": machine_id, "tag_id": tag_id, "at": moments.utc(at), "code": derived[at]} for at in new]
        await session.execute(insert(row), told)
