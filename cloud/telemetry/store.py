"""Owns how readings come into their tables: each one once, however often and in whatever order it is sent.

The fast way is one binary COPY, and any number of batches take it at once. It fails on the first reading
that is there already; then the same rows go to a temporary table, and one statement sorts out which of
them are new, while no other batch of the gateway is under way: what a batch beside it has written and
not committed could not be seen, and the same reading would be stored twice.
"""

import uuid
from collections.abc import Sequence

import psycopg
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from cloud.db import driver_connection
from cloud.errors import Unavailable
from cloud.telemetry import messages, partitions, pgarrays, pgcopy
from cloud.telemetry.gaps import Hidden
from cloud.telemetry.rows import Rows, minutes, newest

_COLUMNS = ", ".join(pgcopy.COLUMNS)
_TIME = "timestamptz 'epoch' + {} * interval '1 microsecond'"
# "ingest" in ASCII, in the half of the advisory locks that have two keys
_TURNS = 0x696E67
# the first that is free, beginning anywhere
_ANY_TURN = text("""
    SELECT turn FROM (SELECT floor(random() * :turns)::int AS first) AS drawn,
                     LATERAL generate_series(first, first + CAST(:turns AS int) - 1) AS turn
    WHERE pg_try_advisory_xact_lock(CAST(:kind AS int), turn % CAST(:turns AS int)) LIMIT 1
""")
_SOME_TURN = text("SELECT pg_advisory_xact_lock(CAST(:kind AS int), floor(random() * :turns)::int)")
# both until the transaction ends, or is rolled back to before they were taken
_TOGETHER = text("SELECT pg_advisory_xact_lock_shared(:key)")
_ALONE = text("SELECT pg_advisory_xact_lock(:key)")
# kept for the connection's life: a temporary table a batch would fill the catalogue with dead rows
_INCOMING = text("CREATE TEMPORARY TABLE IF NOT EXISTS incoming (LIKE reading) ON COMMIT DELETE ROWS")
# `n` of an incoming row is its place among the rows of its tag and time in the batch. The two questions
# about what is stored are asked by the key, row by row (LATERAL): a join would read whole days. That all of them
# lie between two times says nothing new, but spares the other days' partitions their locks.
_MERGE = text(f"""
    WITH compared AS (
        SELECT incoming.*, stored.top, stored.has_it
        FROM incoming CROSS JOIN LATERAL (
            SELECT max(reading.n) AS top,
                   coalesce(bool_or(reading.value IS NOT DISTINCT FROM incoming.value
                                    AND reading.quality = incoming.quality
                                    AND reading.text IS NOT DISTINCT FROM incoming.text), false) AS has_it
            FROM reading WHERE reading.tag_id = incoming.tag_id AND reading.ts = incoming.ts
                               AND reading.ts BETWEEN {_TIME.format("CAST(:first AS bigint)")}
                                                  AND {_TIME.format("CAST(:last AS bigint)")}
        ) AS stored
    ), fresh AS (
        SELECT DISTINCT ON (tag_id, ts, value, quality, text) *
        FROM compared WHERE NOT has_it
        ORDER BY tag_id, ts, value, quality, text, n
    ), placed AS (
        SELECT tag_id, ts, received_at, quality, flags, value, status, text,
               coalesce(top, -1) + row_number() OVER (PARTITION BY tag_id, ts ORDER BY n) AS n
        FROM fresh
    ), inserted AS (
        INSERT INTO reading ({_COLUMNS}) SELECT {_COLUMNS} FROM placed RETURNING 1
    )
    SELECT count(*) FROM inserted
""")  # noqa: S608 - column names of ours
# A batch that comes late never replaces what is newer. In the order of the key, so that two batches of one
# gateway wait for each other instead of blocking each other.
_ADVANCE = """
    INSERT INTO latest AS known (tag_id, as_of, ts, received_at, value, text, quality, flags, status)
    SELECT tag_id, as_of, ts, received_at, nullif(value, 'NaN'), text, quality, flags, nullif(status, 0)
    FROM unnest(CAST(:tag_id AS int[]), CAST(:as_of AS timestamptz[]), CAST(:ts AS timestamptz[]),
                CAST(:received AS timestamptz[]), CAST(:value AS float8[]), CAST(:text AS text[]),
                CAST(:quality AS smallint[]), CAST(:flags AS smallint[]), CAST(:status AS bigint[]))
         AS told (tag_id, as_of, ts, received_at, value, text, quality, flags, status)
    {wanted} ORDER BY tag_id
    ON CONFLICT (tag_id) DO UPDATE
    SET as_of = excluded.as_of, ts = excluded.ts, received_at = excluded.received_at, value = excluded.value,
        text = excluded.text, quality = excluded.quality, flags = excluded.flags, status = excluded.status
    WHERE (excluded.as_of, excluded.received_at) >= (known.as_of, known.received_at)
"""
_ADVANCE_NEW = text(_ADVANCE.format(wanted=""))
# ON CONFLICT locks a row before it compares. What waited in a gateway and is older than what is known of its tag, as
# nearly all of a backlog is, is found so without: live batches do not wait for it, nor it for them. A latest value only
# ever gets newer, so what is left out here is old for good.
_ADVANCE_OLD = text(
    _ADVANCE.format(
        wanted="""WHERE NOT EXISTS (
            SELECT FROM latest WHERE latest.tag_id = told.tag_id
                               AND (latest.as_of, latest.received_at) > (told.as_of, told.received_at))"""
    )
)

# Not before the newest minute is over, so that a live minute is settled once, and not once a batch; but a clock that
# runs ahead delays nothing for longer than a minute.
_TOUCH = text("""
    INSERT INTO touched (gateway_id, due_at, tag_ids, minutes)
    VALUES (:gateway_id, least(to_timestamp((:newest + 1) * 60.0), now() + interval '1 minute'), :tag_ids, :minutes)
""")

_MARK_GAPS = text("""
    INSERT INTO mark (machine_id, from_at, to_at)
    SELECT DISTINCT tag.machine_id, gap.from_at, coalesce(gap.to_at, now())
    FROM unnest(CAST(:devices AS text[]), CAST(:tags AS text[]),
                CAST(:from_at AS timestamptz[]), CAST(:to_at AS timestamptz[])) AS gap (device, tag, from_at, to_at)
    JOIN tag ON tag.gateway_id = :gateway_id AND tag.machine_id IS NOT NULL
                AND (gap.device IS NULL OR tag.device = gap.device) AND (gap.tag IS NULL OR tag.name = gap.tag)
    WHERE gap.from_at < coalesce(gap.to_at, now())
""")


async def take_turn(session: AsyncSession, turns: int) -> None:
    """Wait until fewer than so many batches are being stored in the whole database; ours ends with its transaction.

    To be asked for first: who waits for a turn must hold nothing that one who has a turn waits for.
    """
    told = {"kind": _TURNS, "turns": turns}
    if await session.scalar(_ANY_TURN, told) is None:
        await session.execute(_SOME_TURN, told)


async def add_readings(session: AsyncSession, gateway_id: uuid.UUID, rows: Rows) -> int:
    """Store a gateway's readings in the session's transaction; return how many of them were there already.

    A reading is there already if its tag has one of the same source time, value, quality and text;
    another value at the same time is kept beside the first.
    """
    if not len(rows):
        return 0
    lock = {"key": int.from_bytes(gateway_id.bytes[:8], signed=True)}
    stream = pgcopy.encode(rows)
    if not rows.has_repetitions:
        try:
            async with session.begin_nested():
                await session.execute(_TOGETHER, lock)
                await _copy(session, "reading", stream)
            return 0
        except (psycopg.errors.UniqueViolation, psycopg.errors.DeadlockDetected):
            pass  # something in it was sent before, or is being sent beside us; what, is found out below
        except psycopg.errors.CheckViolation:
            # a day that was to be written to `reading_other` gets its partition: once it has, it will be found
            await session.execute(partitions.MADE)
    await session.execute(_ALONE, lock)
    await session.execute(_INCOMING)
    await _copy(session, "incoming", stream)
    span = {"first": int(rows.readings.ts.min()), "last": int(rows.readings.ts.max())}
    try:
        stored: int = (await session.execute(_MERGE, span)).scalar_one()
    except IntegrityError as error:
        if isinstance(error.orig, psycopg.errors.CheckViolation) and partitions.is_moving(error.orig):
            # the same, beside us, or cut off on the way: nothing is wrong with the batch
            raise Unavailable(messages.STORE_LATER, retry_after_s=1) from error
        raise
    return len(rows) - stored


async def advance_latest(session: AsyncSession, rows: Rows) -> None:
    """Make each tag's newest reading its latest value, unless a newer one is known."""
    chosen = newest(rows)
    told = rows.readings.take(chosen)
    columns = {
        "tag_id": pgarrays.int4(rows.tag_id[chosen]),
        "as_of": pgarrays.timestamptz(rows.as_of[chosen]),
        "ts": pgarrays.timestamptz(told.ts),
        "received": pgarrays.timestamptz(told.received),
        "value": pgarrays.float8(told.value),
        "text": pgarrays.text(len(told), told.text),
        "quality": pgarrays.int2(told.quality),
        "flags": pgarrays.int2(told.flags),
        "status": pgarrays.int8(told.status),
    }
    if len(told):
        await session.execute(_ADVANCE_OLD if rows.has_waited else _ADVANCE_NEW, columns)


async def touch(session: AsyncSession, gateway_id: uuid.UUID, rows: Rows) -> None:
    """Note which tags and minutes the rollups must look at again."""
    tag_ids, touched = minutes(rows)
    if len(touched):
        told = {
            "tag_ids": pgarrays.int4(tag_ids),
            "minutes": pgarrays.int4(touched),
            "newest": int(touched.max()),
        }
        await session.execute(_TOUCH, {"gateway_id": gateway_id, **told})


async def mark_gaps(session: AsyncSession, gateway_id: uuid.UUID, gaps: Sequence[Hidden]) -> None:
    """Leave marks for the machines of whose states some time is not known, or is known after all, as it turns out."""
    told = {
        "gateway_id": gateway_id,
        "devices": [gap.device for gap in gaps],
        "tags": [gap.tag for gap in gaps],
        "from_at": [gap.from_at for gap in gaps],
        "to_at": [gap.to_at for gap in gaps],
    }
    if gaps:
        await session.execute(_MARK_GAPS, told)


async def _copy(session: AsyncSession, table: str, stream: bytes) -> None:
    connection = await driver_connection(session)
    statement = f"COPY {table} ({_COLUMNS}) FROM STDIN (FORMAT BINARY)"
    async with connection.cursor() as cursor, cursor.copy(statement) as copy:
        await copy.write(stream)
