"""Owns machines' hours as they were known at an instant: what each amounted to, and what that became later, as changes.

Facts are overwritten when they come out otherwise. So of each hour that is over a row is added with what is new of it:
first all, then the difference, which may be less than nothing. The sum over the rows that were there at an instant is
what was known of the hour then. Hours that were over when a machine was first derived are its past: known when they
ended. What is told of later ones is known from when it was told.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from cloud import columns, newest

# its last minute has come in and is derived, as a rule; what comes later is a change
SETTLED = timedelta(minutes=5)
# Integers, for the differences of an hour must add up to the hour. Time in which it ran is time, whether or not it was
# planned. `ideal_milli`: a thousandth of the pieces that it would have made in that time, at the pace that it should.
_PIECES = "good + made + rework + scrap + startup"
_IDEAL_US = "ideal_good_us + ideal_made_us + ideal_rework_us + ideal_scrap_us + ideal_startup_us"
# numeric from the first factor on: a bigint does not hold every hour times every count
_PER_US = f"1e3 * ({_PIECES} - without_ideal) / nullif({_IDEAL_US}, 0)"
_COLUMNS: Mapping[str, str] = {
    "run_us": "run_us + run_unassigned_us + overtime_us",
    "setup_us": "setup_us + setup_unassigned_us",
    "micro_us": "minor_us + minor_unassigned_us",
    "unknown_us": "unknown_us",
    "good": "good + made + rework",
    "scrap": "scrap + startup",
    "ideal_milli": f"coalesce(round((run_us + run_unassigned_us) * {_PER_US})::bigint, 0)",
}
NAMES = tuple(_COLUMNS)
_TELL = text(f"""
    WITH stands AS (
        SELECT bucket, {", ".join(f"{value} AS {name}" for name, value in _COLUMNS.items())} FROM fact_hour
        WHERE machine_id = :machine_id AND bucket >= :start AND bucket < :end
    ), known AS (
        SELECT bucket, {", ".join(f"sum({name})::bigint AS {name}" for name in NAMES)} FROM fact_hour_told
        WHERE machine_id = :machine_id AND bucket >= :start AND bucket < :end GROUP BY bucket
    )
    INSERT INTO fact_hour_told (machine_id, bucket, known_at, {", ".join(NAMES)})
    SELECT CAST(:machine_id AS uuid), bucket, CASE
        WHEN known.bucket IS NULL
             AND bucket + interval '1 hour'
                 < coalesce((SELECT begun_at FROM derived WHERE derived.machine_id = :machine_id), now())
        THEN bucket + interval '1 hour' ELSE greatest(bucket + interval '1 hour', now()) END,
        {", ".join(f"coalesce(stands.{name}, 0) - coalesce(known.{name}, 0)" for name in NAMES)}
    FROM stands FULL JOIN known USING (bucket)
    WHERE known.bucket IS NULL
          OR ({", ".join(f"coalesce(stands.{name}, 0)" for name in NAMES)})
             <> ({", ".join(f"known.{name}" for name in NAMES)})
""")  # noqa: S608 - column names of ours
_SENT = ", ".join(f"string_agg(int8send({name}), ''::bytea) AS {name}" for name in NAMES)
_ROWS = text(f"""
    SELECT string_agg(int4send(place), ''::bytea) AS place, string_agg(timestamptz_send(at), ''::bytea) AS at,
           string_agg(timestamptz_send(known_at), ''::bytea) AS known, {_SENT}
    FROM (
        SELECT ids.number::int - 1 AS place, bucket + interval '1 hour' AS at, known_at, {", ".join(NAMES)}
        FROM fact_hour_told
        JOIN unnest(CAST(:machine_ids AS uuid[])) WITH ORDINALITY AS ids (id, number) ON ids.id = machine_id
        WHERE recorded_at <= :as_of AND bucket < :as_of ORDER BY ids.number, bucket, fact_hour_told.id
    ) AS rows
""")  # noqa: S608 - column names of ours
# Machines of which no hour was told yet are left out. Of one that is heard a step into the index; else past all hours
# of which nothing is known, which is where nobody asks often.
_HEARD = text("""
    SELECT wanted.id AS machine_id, coalesce(heard.bucket + interval '1 hour', first.bucket) AS until
    FROM unnest(CAST(:machine_ids AS uuid[])) AS wanted(id)
    CROSS JOIN LATERAL (
        SELECT bucket FROM fact_hour_told WHERE machine_id = wanted.id AND bucket < :as_of AND recorded_at <= :as_of
        ORDER BY bucket LIMIT 1
    ) AS first
    LEFT JOIN LATERAL (
        SELECT bucket FROM fact_hour_told WHERE machine_id = wanted.id AND bucket < :as_of AND recorded_at <= :as_of
        GROUP BY bucket HAVING sum(unknown_us) < 3600000000 ORDER BY bucket DESC LIMIT 1
    ) AS heard ON true
""")
STANDING = newest.added("fact_hour_told")
"""Of the machine `wanted.id`, what stays the same while nothing new is told of its hours; an SQL expression."""


@dataclass(frozen=True, slots=True)
class Hours:
    """What was told of hours, as columns; several rows of one hour add up.

    Attributes:
        place: Of the machine among those that were asked for.
        at: When the hour ended, microseconds since 1970 UTC.
        known: When that was known, never before it ended.
        columns: By the names of `NAMES`: microseconds, pieces, and thousandths of pieces.
    """

    place: NDArray[np.int32]
    at: NDArray[np.int64]
    known: NDArray[np.int64]
    columns: Mapping[str, NDArray[np.int64]]


async def tell(session: AsyncSession, machine_id: uuid.UUID, start: datetime, end: datetime, now: datetime) -> None:
    """Tell what is new of a machine's hours in a range, of those that are over; in the session's transaction."""
    over = now - SETTLED - timedelta(hours=1)
    asked = {"machine_id": machine_id, "start": start, "end": min(end, over + timedelta(microseconds=1))}
    await session.execute(_TELL, asked)


async def hours(session: AsyncSession, machine_ids: Sequence[uuid.UUID], as_of: datetime) -> Hours:
    """Return what was told by an instant of machines' hours; a machine is its place in `machine_ids`."""
    row = (await session.execute(_ROWS, {"machine_ids": list(machine_ids), "as_of": as_of})).one()
    sent = {name: columns.wholes(getattr(row, name)) for name in NAMES}
    return Hours(columns.places(row.place), columns.moments(row.at), columns.moments(row.known), sent)


async def heard(session: AsyncSession, machine_ids: Sequence[uuid.UUID], as_of: datetime) -> dict[uuid.UUID, datetime]:
    """Return until when, as known at an instant, machines were heard: the last hour's end of which not all is unknown.

    A state goes on as long as its gateway is heard; so an hour in which nobody vouched for the state is unknown. One
    that was never heard in an hour was connected in its first one; one of which no hour was told is left out.
    """
    rows = await session.execute(_HEARD, {"machine_ids": list(machine_ids), "as_of": as_of})
    return {row.machine_id: row.until for row in rows}
