"""Owns when machines stood unplanned, as it was known at an instant: what predictions learn from and are judged by.

What a machine did is never overwritten: a row that turned out wrong is kept with when it was replaced. So the past can
be read as it was known then, and a record that came later changes nothing of it.
"""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from cloud import newest

# of what lasts: the year 2400
OPEN = 13_569_465_600_000_000

# An import tells of what was known when it happened, to whoever asks once it is here. A row that merely ended is the
# same row; it is open to whoever asks of a time before its end was recorded. Rows that touch are one stop: it was given
# its reason in the midst. The condition that adds nothing is the index's.
_FAILURES = text("""
    WITH seen AS (
        SELECT state.machine_id, state.from_at, coalesce(reason.code, state.state) AS kind,
               CASE WHEN state.end_recorded_at > :as_of THEN NULL ELSE state.to_at END AS to_at,
               CASE WHEN state.source = 'import' THEN state.from_at
                    ELSE greatest(state.from_at, state.recorded_at) END AS known_at,
               CASE WHEN state.source = 'import' THEN state.to_at
                    ELSE greatest(state.to_at, state.end_recorded_at) END AS end_known_at
        FROM machine_state AS state LEFT JOIN reason_code AS reason ON reason.id = state.reason_id
        WHERE state.machine_id = ANY(CAST(:machine_ids AS uuid[])) AND state.from_at <= :as_of
              AND (state.state = 'faulted' OR state.reason_id IS NOT NULL)
              AND (state.state = 'faulted' OR reason.is_failure) AND NOT coalesce(reason.is_planned, false)
              AND state.recorded_at <= :as_of AND (state.replaced_at IS NULL OR state.replaced_at > :as_of)
    ), known AS (
        SELECT *, coalesce(from_at > max(coalesce(to_at, 'infinity')) OVER earlier, true) AS is_first
        FROM seen WHERE known_at <= :as_of
        WINDOW earlier AS (PARTITION BY machine_id ORDER BY from_at ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
    ), numbered AS (
        SELECT *, count(*) FILTER (WHERE is_first) OVER (PARTITION BY machine_id ORDER BY from_at) AS number FROM known
    ), stops AS (
        SELECT machine_id, min(from_at) AS from_at, max(to_at) AS to_at, min(known_at) AS known_at,
               greatest(max(known_at), max(end_known_at)) AS end_known_at,
               bool_or(to_at IS NULL OR to_at > :as_of) AS is_open,
               (array_agg(kind ORDER BY from_at DESC))[1] AS kind
        FROM numbered GROUP BY machine_id, number
    ), ordered AS (
        SELECT wanted.place - 1 AS place, kind, CAST(extract(epoch FROM from_at) * 1000000 AS bigint) AS began,
               CAST(extract(epoch FROM known_at) * 1000000 AS bigint) AS known,
               CASE WHEN is_open THEN :open ELSE CAST(extract(epoch FROM to_at) * 1000000 AS bigint) END AS ended,
               CASE WHEN is_open THEN :open
                    ELSE CAST(extract(epoch FROM end_known_at) * 1000000 AS bigint) END AS end_known
        FROM stops JOIN unnest(CAST(:machine_ids AS uuid[])) WITH ORDINALITY AS wanted(id, place)
             ON wanted.id = stops.machine_id ORDER BY wanted.place, from_at
    )
    SELECT coalesce(array_agg(place), '{}') AS place, coalesce(array_agg(began), '{}') AS began,
           coalesce(array_agg(known), '{}') AS known, coalesce(array_agg(kind), '{}') AS kind,
           coalesce(array_agg(ended), '{}') AS ended, coalesce(array_agg(end_known), '{}') AS end_known
    FROM ordered
""")
# Whatever of it changes, what can be known of a machine's stops has changed: a row that is added is the newest, one
# that is replaced was replaced last, and the one that is open is another or none once it has ended.
STANDING = f"""
    concat(
        {newest.added("machine_state")}, '/', {newest.taken_back("machine_state", "replaced_at")}, '/',
        (SELECT id FROM machine_state WHERE machine_id = wanted.id AND replaced_at IS NULL AND to_at IS NULL)
    )
"""  # noqa: S608 - column names of ours
"""Of the machine `wanted.id`, what stays the same as long as nothing new is known of its states; an SQL expression."""

# Of the rows that hold, the first is a step into their index; of those that held then and were replaced since are few.
_SEEN = text("""
    SELECT wanted.id AS machine_id, first.from_at AS since FROM unnest(CAST(:machine_ids AS uuid[])) AS wanted(id)
    CROSS JOIN LATERAL (
        (SELECT from_at FROM machine_state
         WHERE machine_id = wanted.id AND replaced_at IS NULL AND from_at <= :as_of AND recorded_at <= :as_of
         ORDER BY from_at LIMIT 1)
        UNION ALL
        (SELECT from_at FROM machine_state
         WHERE machine_id = wanted.id AND replaced_at > :as_of AND from_at <= :as_of AND recorded_at <= :as_of
         ORDER BY from_at LIMIT 1)
        ORDER BY from_at LIMIT 1
    ) AS first
""")
_SAID = text("""
    SELECT wanted.id AS machine_id, last.from_at AS at FROM unnest(CAST(:machine_ids AS uuid[])) AS wanted(id)
    CROSS JOIN LATERAL (
        (SELECT from_at FROM machine_state
         WHERE machine_id = wanted.id AND replaced_at IS NULL AND from_at <= :as_of AND recorded_at <= :as_of
               AND state <> 'no_data'
         ORDER BY from_at DESC LIMIT 1)
        UNION ALL
        (SELECT from_at FROM machine_state
         WHERE machine_id = wanted.id AND replaced_at > :as_of AND from_at <= :as_of AND recorded_at <= :as_of
               AND state <> 'no_data'
         ORDER BY from_at DESC LIMIT 1)
        ORDER BY from_at DESC LIMIT 1
    ) AS last
""")
# as stops are, by an index of its own
_UNKNOWN = text("""
    WITH seen AS (
        SELECT machine_id, from_at, CASE WHEN end_recorded_at > :as_of THEN NULL ELSE to_at END AS to_at
        FROM machine_state
        WHERE machine_id = ANY(CAST(:machine_ids AS uuid[])) AND state = 'no_data' AND from_at < :as_of
              AND recorded_at <= :as_of AND (replaced_at IS NULL OR replaced_at > :as_of)
    )
    SELECT machine_id, from_at, least(coalesce(to_at, :as_of), :as_of) AS to_at FROM seen
    WHERE to_at IS NULL OR to_at > :start
""")


@dataclass(frozen=True, slots=True)
class Failures:
    """Stops that nobody planned, by machine and begin; columns of one length, moments in microseconds since 1970 UTC.

    Attributes:
        place: Of the machine among those asked for.
        began, known: When it began, and when that was known.
        ended, end_known: The same of its end; `OPEN` while it lasts.
        kind: Its reason's code, else the state's word.
    """

    place: Sequence[int]
    began: Sequence[int]
    known: Sequence[int]
    kind: Sequence[str]
    ended: Sequence[int]
    end_known: Sequence[int]


async def failures(session: AsyncSession, machine_ids: Sequence[uuid.UUID], as_of: datetime) -> Failures:
    """Return the unplanned stops of machines as they were known at an instant.

    As columns: a plant's year is some thousands, and it is asked for with each prediction that is computed.
    """
    asked = {"machine_ids": list(machine_ids), "as_of": as_of, "open": OPEN}
    return Failures(*(await session.execute(_FAILURES, asked)).one())


async def first_seen(
    session: AsyncSession, machine_ids: Collection[uuid.UUID], as_of: datetime
) -> dict[uuid.UUID, datetime]:
    """Return since when, as known at an instant, machines' states are; one of which nothing was known is left out."""
    rows = await session.execute(_SEEN, {"machine_ids": list(machine_ids), "as_of": as_of})
    return {row.machine_id: row.since for row in rows}


async def last_said(
    session: AsyncSession, machine_ids: Collection[uuid.UUID], as_of: datetime
) -> dict[uuid.UUID, datetime]:
    """Return when, as known at an instant, machines began to do what they were last said to do; that may go on."""
    rows = await session.execute(_SAID, {"machine_ids": list(machine_ids), "as_of": as_of})
    return {row.machine_id: row.at for row in rows}


async def unknown(
    session: AsyncSession, machine_ids: Collection[uuid.UUID], start: datetime, as_of: datetime
) -> list[tuple[uuid.UUID, datetime, datetime]]:
    """Return when nobody knows what machines did, from a time on up to an instant, as it was known then."""
    asked = {"machine_ids": list(machine_ids), "start": start, "as_of": as_of}
    return [(row.machine_id, row.from_at, row.to_at) for row in await session.execute(_UNKNOWN, asked)]
