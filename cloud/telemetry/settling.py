"""Owns how the rollups become right, and stay right when readings come late.

Each batch leaves with its readings, in the same commit, a line in `touched`: which tags spoke in which minutes. Here
such lines are taken away, and in the same transaction those minutes are computed anew from all of their readings, then
their hours from the minutes, then their days from the hours. So a rollup depends on the readings alone, never on the
order in which they came; what was touched twice comes twice to the same result; and a crash takes nothing with it.
Days whose readings were dropped meanwhile (`retention`) are `late`'s.
"""

from datetime import UTC, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from cloud.db import Database
from cloud.telemetry import days, facts, late
from cloud.telemetry.partitions import attach

# pairs of tag and minute in one transaction: a few seconds' work
AT_ONCE = 200_000
# and how many, told of again and again, are looked through for them: one second's
_TOLD_AT_ONCE = 4_000_000
_STATEMENT_TIMEOUT_S = 600
# one settles at a time: what two computed from different states would overwrite each other. "rollups" in ASCII
LOCK = text("SELECT pg_try_advisory_xact_lock(32210694942980211)")
_FACTS = facts.COLUMNS
_EXCLUDED = f"excluded.{', excluded.'.join(_FACTS.split(', '))}"
_SETTLING = text("CREATE TEMPORARY TABLE IF NOT EXISTS settling (tag_id int, minute int) ON COMMIT DELETE ROWS")
# The latest first, as a gateway sends live data before backlog: a plant's present never waits for its past. A thousand
# lines are looked at, for a line of a backlog may be of ten thousand pairs. Those of one minute tell of the same pairs
# again and again, a batch of all tags each, and a pair is one computation however often it is told of: so each is
# counted once, with the first line that tells of it.
_TAKE = text("""
    WITH due AS MATERIALIZED (
        SELECT id, tag_ids, minutes, row_number() OVER latest AS place,
               sum(cardinality(tag_ids)) OVER latest - cardinality(tag_ids) AS told
        FROM (SELECT id, due_at, tag_ids, minutes FROM touched WHERE due_at <= :now
              ORDER BY due_at DESC, id LIMIT 1000) AS lines
        WINDOW latest AS (ORDER BY due_at DESC, id)
    ), pairs AS MATERIALIZED (
        SELECT pair.tag_id, pair.minute, min(place) AS place
        FROM due, unnest(tag_ids, minutes) AS pair (tag_id, minute)
        WHERE told < :told_at_once GROUP BY pair.tag_id, pair.minute
    ), beyond AS MATERIALIZED (
        SELECT coalesce(min(place), 1 << 30) AS place
        FROM (SELECT place, sum(count(*)) OVER (ORDER BY place) - count(*) AS before FROM pairs GROUP BY place) AS each
        WHERE before >= :at_once
    ), taken AS (
        DELETE FROM touched USING due, beyond
        WHERE touched.id = due.id AND due.told < :told_at_once AND due.place < beyond.place
    )
    INSERT INTO settling SELECT tag_id, minute FROM pairs, beyond WHERE pairs.place < beyond.place
""")
WAITING = text("SELECT count(*), extract(epoch FROM now() - min(due_at))::float8 FROM touched WHERE due_at <= now()")
"""How many batches' minutes wait to be added up, and for how long the oldest has been due."""
_DAYS = text("SELECT DISTINCT minute / 1440 FROM settling ORDER BY 1")
# One day a statement, so that one partition of `reading` is all that is locked and read.
_MINUTES = text(f"""
    INSERT INTO rollup_minute AS known (tag_id, bucket, {_FACTS})
    SELECT settling.tag_id, to_timestamp(settling.minute * 60.0), facts.*
    FROM settling CROSS JOIN LATERAL (
        SELECT {facts.SUMMED}
        FROM (
            SELECT ts, n, quality,
                   {facts.NUMBER} AS number,
                   {facts.HELD_S} AS held_s
            FROM reading
            WHERE reading.tag_id = settling.tag_id AND ts >= :begin AND ts < :end
                  AND ts >= to_timestamp(settling.minute * 60.0) AND ts < to_timestamp(settling.minute * 60.0 + 60)
        ) AS said
    ) AS facts
    WHERE settling.minute / 1440 = :day AND facts.first_at IS NOT NULL
    ON CONFLICT (tag_id, bucket) DO UPDATE SET ({_FACTS}) = ROW ({_EXCLUDED})
""")  # noqa: S608 - column names of ours
# From a finer level to a coarser one: the last number of one bucket holds until the first reading of the next.
_COARSER = """
    INSERT INTO {coarse} AS known (tag_id, bucket, {facts})
    SELECT coarse.tag_id, coarse.bucket, facts.*
    FROM (SELECT DISTINCT tag_id, to_timestamp(minute / {minutes} * {minutes} * 60.0) AS bucket
          FROM settling WHERE minute / 1440 = :day) AS coarse
    CROSS JOIN LATERAL (
        SELECT sum(good), sum(uncertain), sum(bad), sum(numbers), sum(total ORDER BY bucket), min(low), max(high),
               (array_agg(first ORDER BY bucket))[1], (array_agg(last ORDER BY bucket DESC))[1],
               min(first_at) AS first_at, max(last_at),
               sum(area + coalesce(last * held_s, 0) ORDER BY bucket),
               sum(known_s + CASE WHEN last IS NULL THEN 0 ELSE coalesce(held_s, 0) END ORDER BY bucket)
        FROM (
            SELECT *, extract(epoch FROM lead(first_at) OVER (ORDER BY bucket) - last_at)::float8 AS held_s FROM {fine}
            WHERE {fine}.tag_id = coarse.tag_id AND bucket >= :begin AND bucket < :end
                  AND bucket >= coarse.bucket AND bucket < coarse.bucket + interval '{minutes} minutes'
        ) AS finer
    ) AS facts
    WHERE facts.first_at IS NOT NULL
    ON CONFLICT (tag_id, bucket) DO UPDATE SET ({facts}) = ROW ({excluded})
"""
_HOURS = text(_COARSER.format(coarse="rollup_hour", fine="rollup_minute", minutes=60, facts=_FACTS, excluded=_EXCLUDED))
_WHOLE_DAYS = text(
    _COARSER.format(coarse="rollup_day", fine="rollup_hour", minutes=1440, facts=_FACTS, excluded=_EXCLUDED)
)
_PARTITIONS = text("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'rollup_minute'::regclass")


# what machines did is derived from the same readings, by others, and later (`marks`)
_MARK = text("""
    INSERT INTO mark (machine_id, from_at, to_at)
    SELECT tag.machine_id, to_timestamp(min(minute) * 60.0), to_timestamp(max(minute) * 60.0 + 60)
    FROM settling JOIN tag ON tag.id = tag_id WHERE tag.machine_id IS NOT NULL
    GROUP BY tag.machine_id, minute / 60
""")


async def settle(database: Database, now: datetime, *, at_once: int = AT_ONCE) -> int:
    """Take in what was touched in minutes that are over, a bounded part of it; one process at a time.

    Args:
        database: Where.
        now: UTC; a line is due once the newest of its minutes is over.
        at_once: Pairs after which no further line is taken.

    Returns:
        Pairs of tag and minute that were computed; 0 when nothing is due, or somebody else is at it.
    """
    async with database.transaction() as session:
        if not await session.scalar(LOCK):
            return 0
        await session.execute(text(f"SET LOCAL statement_timeout = '{_STATEMENT_TIMEOUT_S}s'"))
        # by the key a minute's readings come in their order; a bitmap of them would have to be sorted
        await session.execute(text("SET LOCAL enable_bitmapscan = off; SET LOCAL work_mem = '64MB'"))
        await session.execute(_SETTLING)
        bounds = {"now": now, "at_once": at_once, "told_at_once": _TOLD_AT_ONCE}
        pairs: int = (await session.execute(_TAKE, bounds)).rowcount  # type: ignore[attr-defined]
        if not pairs:
            return 0
        await session.execute(text("ANALYZE settling"))
        await session.execute(_MARK)
        for day in (await session.scalars(_DAYS)).all():
            await _settle_day(session, day, now)
    return pairs


async def settle_all(database: Database, now: datetime) -> int:
    """Take in everything that is due; return the pairs of tag and minute computed."""
    pairs = 0
    while taken := await settle(database, now):
        pairs += taken
    return pairs


def month_of(day: datetime) -> str:
    """Return the table that holds the minutes of a day's month."""
    return f"rollup_minute_{day:%Y%m}"


async def _settle_day(session: AsyncSession, day: int, now: datetime) -> None:
    begin = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day)
    if abs(begin - now) < days.PAST:
        await _make_month(session, begin)
    told = {"day": day, "begin": begin, "end": begin + timedelta(days=1)}
    if await late.is_closed(session, begin):
        await late.add(session, told)
        return
    for statement in (_MINUTES, _HOURS, _WHOLE_DAYS):
        await session.execute(statement, told)


async def _make_month(session: AsyncSession, day: datetime) -> None:
    name = month_of(day)
    if name not in set(await session.scalars(_PARTITIONS)):
        begin = day.replace(day=1)
        await attach(session, "rollup_minute.bucket", name, (begin, (begin + timedelta(days=32)).replace(day=1)))
