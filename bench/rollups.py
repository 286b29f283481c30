"""Rollups: readings a second taken into minutes, hours and days, beside one plain GROUP BY of the same rows.

A minute of 10,000 tags at one reading a second, as a live plant brings it, then the same minute touched again by one
late reading of each tag. On the embedded server; three rounds, the middle one counts. Asked is that a plant of 10,000
readings a second keeps PostgreSQL busy with its rollups for a tenth of the time at most.
"""

import asyncio
import statistics
import sys
import tempfile
import time
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg

from bench.verdict import Verdicts
from cloud import schema
from cloud.db import Database
from cloud.loop import new_event_loop
from cloud.postgres import embedded
from cloud.telemetry import settling
from cloud.telemetry.partitions import Partitions
from shared import logs

TAGS, SECONDS, ROUNDS = 10_000, 60, 3
AT_MOST = 0.10
TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
_FILL = """
    INSERT INTO reading (tag_id, ts, n, received_at, value, quality, flags)
    SELECT tag, %(minute)s + second * interval '1 second', 0, now(), 20 + sin(tag + second), 0, 0
    FROM generate_series(1, %(tags)s) AS tag, generate_series(0, %(last)s) AS second
"""
_TOUCH = """
    INSERT INTO touched (gateway_id, due_at, tag_ids, minutes)
    SELECT %(gateway)s, now(), array_agg(tag), array_agg((extract(epoch FROM %(minute)s) / 60)::int)
    FROM generate_series(1, %(tags)s) AS tag GROUP BY tag / 200
"""
_PLAIN = """
    CREATE TEMPORARY TABLE plain ON COMMIT DROP AS
    SELECT tag_id, date_trunc('minute', ts) AS bucket, count(*), sum(value), min(value), max(value)
    FROM reading WHERE ts >= %(minute)s AND ts < %(end)s GROUP BY 1, 2
"""


def main() -> int:
    """Measure and print; the exit code tells whether what is asked was reached."""
    logs.configure("console", "ERROR")
    with tempfile.TemporaryDirectory(prefix="tz-bench-") as directory, embedded(Path(directory)) as url:
        schema.migrate(url)
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            return runner.run(_measure(url))


async def _measure(url: str) -> int:
    database = Database(url)
    await Partitions(database).ensure({TODAY.date()})
    live, late, plain = [], [], []
    with psycopg.connect(url, autocommit=True) as connection:
        gateway = _gateway(connection)
        for number in range(ROUNDS):
            minute = TODAY + timedelta(minutes=number)
            told = {"tags": TAGS, "last": SECONDS - 1, "minute": minute, "gateway": gateway}
            connection.execute(_FILL, told)
            connection.execute("ANALYZE reading")
            plain.append(_plain(connection, minute))
            for figures in (live, late):
                connection.execute(_TOUCH, told)
                figures.append(await _settle(database))
        _verify(connection)
    await database.close()
    rows = TAGS * SECONDS
    print(f"plain GROUP BY of the same rows {rows / statistics.median(plain):>12,.0f} readings/s")
    print(
        f"settled into three levels       {rows / statistics.median(live):>12,.0f} readings/s   "
        f"{statistics.median(plain) / statistics.median(live):.0%} of the plain one"
    )
    print(f"a minute touched again          {rows / statistics.median(late):>12,.0f} readings/s")
    asked = Verdicts()
    asked.at_most(
        "of the time, PostgreSQL busy with 10,000 readings a second", statistics.median(live) / SECONDS, AT_MOST
    )
    return asked.exit_code()


def _gateway(connection: psycopg.Connection) -> uuid.UUID:
    [organization] = connection.execute("INSERT INTO organization (name) VALUES ('bench') RETURNING id").fetchone()
    given = [organization, b""]
    added = "INSERT INTO gateway (organization_id, name, token_hash) VALUES (%s, 'bench', %s) RETURNING id"
    return connection.execute(added, given).fetchone()[0]


def _plain(connection: psycopg.Connection, minute: datetime) -> float:
    started = time.perf_counter()
    connection.execute(_PLAIN, {"minute": minute, "end": minute + timedelta(minutes=1)})
    return time.perf_counter() - started


async def _settle(database: Database) -> float:
    started = time.perf_counter()
    pairs = await settling.settle_all(database, datetime.now(UTC) + timedelta(days=1))
    assert pairs == TAGS, pairs
    return time.perf_counter() - started


def _verify(connection: psycopg.Connection) -> None:
    for level in ("minute", "hour", "day"):
        [counted] = connection.execute(f"SELECT sum(good) FROM rollup_{level}").fetchone()
        assert counted == TAGS * SECONDS * ROUNDS, f"{level}: {counted} readings counted"


if __name__ == "__main__":
    sys.exit(main())
