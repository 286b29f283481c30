"""Owns what becomes of readings that come for a day whose readings were dropped already.

A rollup of such a day cannot be computed anew, for its readings are gone. So what comes late is added to it, and
deleted in the same transaction, as `retention` would delete it anyway: each reading is added once, whatever is cut off.
Counts, sums and extremes are exact. `area` is exact too, except where late readings lie between the former ones of a
bucket: the former ones' stays as it is, for nobody knows any more what held when.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from cloud.telemetry import facts

READINGS = "readings"
"""What `dropped.kind` says of readings."""

_CLOSED = text("SELECT EXISTS (SELECT FROM dropped WHERE kind = :kind AND begin_at = :begin)")
_LATE = text("CREATE TEMPORARY TABLE IF NOT EXISTS late (LIKE reading) ON COMMIT DELETE ROWS")
# all that is there of a touched minute came after the drop: what came before is gone, or was taken here
_TAKE = text("""
    WITH taken AS (
        DELETE FROM reading USING settling
        WHERE settling.minute / 1440 = :day AND reading.tag_id = settling.tag_id AND ts >= :begin AND ts < :end
              AND ts >= to_timestamp(settling.minute * 60.0) AND ts < to_timestamp(settling.minute * 60.0 + 60)
        RETURNING reading.*
    )
    INSERT INTO late SELECT * FROM taken
""")
_ADD = """
    INSERT INTO rollup_{level} AS known (tag_id, bucket, {facts})
    SELECT tag_id, bucket, {summed}
    FROM (
        SELECT *, {number} AS number,
               extract(epoch FROM lead(ts) OVER (PARTITION BY tag_id, bucket ORDER BY ts, n) - ts)::float8 AS held_s
        FROM (SELECT *, date_bin('1 {level}', ts, 'epoch') AS bucket FROM late WHERE ts >= :begin AND ts < :end) AS came
    ) AS said
    GROUP BY tag_id, bucket
    ON CONFLICT (tag_id, bucket) DO UPDATE SET
        good = known.good + excluded.good, uncertain = known.uncertain + excluded.uncertain,
        bad = known.bad + excluded.bad, numbers = known.numbers + excluded.numbers,
        total = known.total + excluded.total,
        low = least(known.low, excluded.low), high = greatest(known.high, excluded.high),
        first = CASE WHEN excluded.first_at < known.first_at THEN excluded.first ELSE known.first END,
        last = CASE WHEN excluded.last_at >= known.last_at THEN excluded.last ELSE known.last END,
        first_at = least(known.first_at, excluded.first_at), last_at = greatest(known.last_at, excluded.last_at),
        area = known.area + {joined_area}, known_s = known.known_s + {joined_s}
"""
# one after the other in time: what the later one adds, and what the last number of the earlier one held between them
_JOINED = """
    CASE WHEN excluded.first_at >= known.last_at
         THEN {own} + coalesce({held_before} * extract(epoch FROM excluded.first_at - known.last_at)::float8, 0)
         WHEN excluded.last_at <= known.first_at
         THEN {own} + coalesce({held_after} * extract(epoch FROM known.first_at - excluded.last_at)::float8, 0)
         ELSE 0 END
"""
_ONE = "(CASE WHEN {0} IS NOT NULL THEN 1 END)"
_AREA = _JOINED.format(own="excluded.area", held_before="known.last", held_after="excluded.last")
_SECONDS = _JOINED.format(
    own="excluded.known_s", held_before=_ONE.format("known.last"), held_after=_ONE.format("excluded.last")
)
_LEVELS = [
    text(
        _ADD.format(
            level=level,
            facts=facts.COLUMNS,
            summed=facts.SUMMED,
            number=facts.NUMBER,
            joined_area=_AREA,
            joined_s=_SECONDS,
        )
    )
    for level in ("minute", "hour", "day")
]


async def is_closed(session: AsyncSession, day: datetime) -> bool:
    """Say whether a day's readings were dropped."""
    return bool(await session.scalar(_CLOSED, {"kind": READINGS, "begin": day}))


async def add(session: AsyncSession, told: dict[str, Any]) -> None:
    """Add what came for the `settling` minutes of one closed day to its rollups, and delete it.

    Args:
        session: The one that settles.
        told: The `day` since 1970 UTC, and its `begin` and `end`.
    """
    await session.execute(_LATE)
    await session.execute(_TAKE, told)
    for statement in _LEVELS:
        await session.execute(statement, told)
