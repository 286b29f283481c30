"""Owns what machines measured hour by hour, as it was told: each value of an hour once, by what was known then.

A rollup changes when readings come late, and does not say when. So once an hour is over the mean of each kind of
measure is written down, and stays: readings that come later for the same hour and kind change nothing of it. An hour
of which nothing was here yet is told when it comes. Hours that were over when a machine's first tag was known here are
its past: known when they ended. Others are known from when they were told.
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
from shared.reading import ReadingType

CHANNELS = (
    ReadingType.TEMPERATURE,
    ReadingType.PRESSURE,
    ReadingType.HUMIDITY,
    ReadingType.VIBRATION,
    ReadingType.SPEED,
    ReadingType.FEED_RATE,
    ReadingType.TORQUE,
    ReadingType.CURRENT,
    ReadingType.VOLTAGE,
    ReadingType.POWER,
    ReadingType.FLOW,
    ReadingType.LEVEL,
    ReadingType.CYCLE_TIME,
)
"""What has a usual value: neither counts, which only grow, nor words, nor what nobody said the meaning of."""

# as of the ledger's hours
SETTLED = timedelta(minutes=5)
# an hour is told with the readings of a later one, as a rule of the next
_BACK = timedelta(hours=2)
_PLACES = range(1, len(CHANNELS) + 1)
# each number holds until the next, where there is one; and all tags of a kind weigh the same
_TELL = text(f"""
    WITH mine AS (
        SELECT id, reading_type, created_at FROM tag
        WHERE machine_id = :machine_id AND reading_type = ANY(CAST(:channels AS text[]))
    ), stands AS (
        SELECT bucket, ARRAY[{
    ", ".join(f"coalesce(avg(mean) FILTER (WHERE reading_type = '{each.value}'), 'NaN')" for each in CHANNELS)
}] AS numbers
        FROM (
            SELECT bucket, reading_type, CASE WHEN known_s > 0 THEN area / known_s ELSE total / numbers END AS mean
            FROM mine JOIN rollup_hour ON tag_id = mine.id
            WHERE bucket >= :start AND bucket < :end AND numbers > 0
        ) AS said GROUP BY bucket
    ), known AS (
        SELECT bucket, {", ".join(f"bool_or(numbers[{place}] <> 'NaN') AS has_{place}" for place in _PLACES)}
        FROM measured_hour WHERE machine_id = :machine_id AND bucket >= :start AND bucket < :end GROUP BY bucket
    ), new AS (
        SELECT bucket, ARRAY[{
    ", ".join(f"CASE WHEN has_{place} THEN 'NaN' ELSE numbers[{place}] END" for place in _PLACES)
}] AS numbers
        FROM stands LEFT JOIN known USING (bucket)
    )
    INSERT INTO measured_hour (machine_id, bucket, known_at, numbers)
    SELECT CAST(:machine_id AS uuid), bucket, CASE
        WHEN bucket + interval '1 hour' < (SELECT min(created_at) FROM mine) THEN bucket + interval '1 hour'
        ELSE greatest(bucket + interval '1 hour', now()) END, numbers
    FROM new WHERE numbers <> CAST(:nothing AS float8[])
""")  # noqa: S608 - words of ours
_SENT = ", ".join(
    f"string_agg(float8send(numbers[{place}]), ''::bytea) AS {each.value}" for place, each in enumerate(CHANNELS, 1)
)
_ROWS = text(f"""
    SELECT string_agg(int4send(place), ''::bytea) AS place, string_agg(timestamptz_send(at), ''::bytea) AS at,
           string_agg(timestamptz_send(known_at), ''::bytea) AS known, {_SENT}
    FROM (
        SELECT ids.number::int - 1 AS place, bucket + interval '1 hour' AS at, known_at, numbers FROM measured_hour
        JOIN unnest(CAST(:machine_ids AS uuid[])) WITH ORDINALITY AS ids (id, number) ON ids.id = machine_id
        WHERE recorded_at <= :as_of AND bucket < :as_of ORDER BY ids.number, bucket, measured_hour.id
    ) AS rows
""")  # noqa: S608 - words of ours
STANDING = newest.added("measured_hour")
"""Of the machine `wanted.id`, what stays the same while no more is told of what it measured; an SQL expression."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What was told of hours, as columns.

    Attributes:
        place: Of the machine among those that were asked for.
        at: When the hour ended, microseconds since 1970 UTC.
        known: When that was known, never before it ended.
        columns: The mean by the words of `CHANNELS`; NaN where nothing was measured, or another row has it.
    """

    place: NDArray[np.int32]
    at: NDArray[np.int64]
    known: NDArray[np.int64]
    columns: Mapping[str, NDArray[np.float64]]


async def tell(session: AsyncSession, machine_id: uuid.UUID, start: datetime, end: datetime, now: datetime) -> None:
    """Tell what a machine measured in those hours around a range that are over and were not told.

    Args:
        session: Its transaction.
        machine_id: Which.
        start: From when on readings came.
        end: Until when.
        now: UTC.
    """
    over = now - SETTLED - timedelta(hours=1) + timedelta(microseconds=1)
    first = (start - _BACK).replace(minute=0, second=0, microsecond=0)
    asked = {
        "machine_id": machine_id,
        "channels": [each.value for each in CHANNELS],
        "start": first,
        "end": min(end, over),
        "nothing": [float("nan")] * len(CHANNELS),
    }
    if asked["start"] < asked["end"]:  # type: ignore[operator] # both are moments
        await session.execute(_TELL, asked)


async def hours(session: AsyncSession, machine_ids: Sequence[uuid.UUID], as_of: datetime) -> Measured:
    """Return what was told by an instant of machines' hours; a machine is its place in `machine_ids`."""
    row = (await session.execute(_ROWS, {"machine_ids": list(machine_ids), "as_of": as_of})).one()
    sent = {each.value: columns.numbers(getattr(row, each.value)) for each in CHANNELS}
    return Measured(columns.places(row.place), columns.moments(row.at), columns.moments(row.known), sent)
