"""Growth: what a reading costs when there are ten times the rows, tags or gateways, and what is asked of a large table.

Each case sends batches over HTTP to a served cloud and takes the CPU of API and PostgreSQL per reading; its baseline is
the same with a tenth of the rows, of the tags, or of the gateways, in the same run. Tags are ten times as many and each
as fast as before: a batch, a second's worth, is ten times as large. (What as many readings cost that are of ten times
the tags is printed, too; nothing is asked of it.) Then what people look at: the newest state of 1,000 machines, and a
day of one tag (8,640 readings, one in ten seconds) out of all those rows, which lie as they come: a tag's neighbours in
time are pages apart. Twelve days, one partition each.

`BENCH_ROWS` (10,000,000) is how many rows there are in the end; the whole run is 100,000,000 (15 minutes, 12 GB). What
a billion would take is extrapolated: a day of a tag is one descent of an index and then as many rows whatever lies
around them, so its time grows with the index's depth, by the logarithm of the rows. The step from a tenth of the rows
to all of them is one decade; it is added for each decade that a billion is away.
"""

import asyncio
import contextlib
import math
import os
import statistics
import sys
import time
import uuid
from datetime import UTC, datetime, timedelta

import numpy as np
import psycopg

from bench.served import Line, Served, served
from bench.verdict import Verdicts
from cloud.changes import Operator
from cloud.db import Database
from cloud.identity import service as identity
from cloud.loop import new_event_loop
from cloud.machines import service as machines
from cloud.machines.schemas import MachineIn
from cloud.telemetry.partitions import Partitions
from shared import logs
from shared.reading import Readings, ReadingType, Tag, from_rows
from shared.wire.batch import BatchId, encode

ROWS = int(os.environ.get("BENCH_ROWS", "10000000"))
DAYS, A_DAY = 12, 8_640
STORED_TAGS = max(10, ROWS // (DAYS * A_DAY))
# no gateway's tag is there
FIRST_TAG = 100_000_000
BATCH, BATCHES = 10_000, 30
MACHINES = 1_000
AT_MOST_TIMES, AT_MOST_LATEST_MS, AT_MOST_DAY_MS = 1.3, 20.0, 50.0
TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
_FILL = """
    INSERT INTO reading (ts, received_at, value, status, tag_id, n, quality, flags, text)
    SELECT at, at + interval '3 ms', round((20 + 5 * sin(slot / 100.0 + tag))::numeric, 1), NULL, tag, 0, 0, 0, NULL
    FROM generate_series(0, %(last)s) AS slot
    CROSS JOIN LATERAL (SELECT CAST(%(day)s AS timestamptz) + slot * interval '10 s' AS at) AS moment
    CROSS JOIN generate_series(CAST(%(first_tag)s AS int), CAST(%(last_tag)s AS int)) AS tag
"""
_A_DAY = "SELECT ts, value, quality FROM reading WHERE tag_id = %s AND ts >= %s AND ts < %s ORDER BY ts, n"
_LATEST = """
    SELECT machine_id, value, latest.text, quality, as_of FROM latest JOIN tag ON tag.id = latest.tag_id
    WHERE machine_id = ANY(%s) AND reading_type = 'state'
"""


class Source:
    """Batches of some tags that never repeat a time."""

    def __init__(self, name: str, tags: int, rows: int = BATCH) -> None:
        self.name = name
        self._rows = rows
        self._tags = [Tag(f"press-{n // 20:03}", f"signal-{n % 20}", unit="Cel") for n in range(tags)]
        self._epoch, self._seq = uuid.uuid4(), 0
        self._at = int(TODAY.timestamp()) * 1_000_000

    def batch(self) -> bytes:
        """Return the next readings, as many of each tag."""
        rng, rows = np.random.default_rng(self._seq), self._rows
        of_each = rows // len(self._tags)
        tag = np.tile(np.arange(len(self._tags), dtype=np.uint32), of_each)
        ts = self._at + np.repeat(np.arange(of_each), len(self._tags)) * 100_000 + rng.integers(0, 4000, rows)
        self._at += of_each * 100_000
        self._seq += 1
        zeros = np.zeros(rows, np.uint8)
        value = np.round(rng.normal(20, 5, rows), 1)
        readings = Readings(tag, ts, ts + 3000, value, zeros, zeros, np.zeros(rows, np.uint32))
        return encode(BatchId(self.name, self._epoch, self._seq), 1_790_000_000_000_000, self._tags, readings)


async def cost(cloud: Served, name: str, gateways: int, tags: int, rows: int = BATCH) -> float:
    """Send batches, each from the next of some gateways; returns CPU seconds a million readings."""
    sources = [Source(f"{name}-{number}", tags, rows) for number in range(gateways)]
    tokens = await cloud.registered([source.name for source in sources])
    async with contextlib.AsyncExitStack() as held:
        lines = [await held.enter_async_context(Line(cloud.port, token)) for token in tokens]
        # everybody's first batch brings tags
        for line, source in zip(lines, sources, strict=True):
            await line.post(source.batch())
        rounds = max(1, BATCHES * BATCH // rows // gateways)
        bodies = [(line, source.batch()) for _ in range(rounds) for line, source in zip(lines, sources, strict=True)]
        before = sum(cloud.cpu().values())
        for line, body in bodies:
            await line.post(body)
        return (sum(cloud.cpu().values()) - before) / (len(bodies) * rows) * 1e6


def fill(url: str, first: int, last: int) -> None:
    """Put twelve days of some tags into the table, as they would have come."""
    with psycopg.connect(url, autocommit=True) as connection:
        for number in range(DAYS):
            day = TODAY - timedelta(days=number)
            told = {"day": day, "last": A_DAY - 1, "first_tag": FIRST_TAG + first, "last_tag": FIRST_TAG + last - 1}
            connection.execute(_FILL, told)
        connection.execute("ANALYZE reading")
        connection.execute("CHECKPOINT")


def a_day_ms(url: str, tags: int) -> float:
    """Read a day of one tag, of one tag and day after the other; returns the median milliseconds."""
    took = []
    with psycopg.connect(url, autocommit=True) as connection, connection.cursor(binary=True) as cursor:
        for number in range(40):
            day = TODAY - timedelta(days=1 + number % (DAYS - 1))
            began = time.perf_counter()
            found = cursor.execute(_A_DAY, (FIRST_TAG + number * 7 % tags, day, day + timedelta(days=1))).fetchall()
            took.append((time.perf_counter() - began) * 1000)
            assert len(found) == A_DAY
    return statistics.median(took)


async def latest_ms(cloud: Served) -> float:
    """Ask for the newest state of 1,000 machines; returns the median milliseconds."""
    database = Database(cloud.url, pool_size=1)
    codes = [f"M-{number:04}" for number in range(MACHINES)]
    async with database.transaction() as session:
        [owner] = [each for each in await identity.organizations(session) if each.name == "bench"]
        ids = [
            (await machines.create(session, Operator(owner.id), MachineIn(code=code, name=code))).id for code in codes
        ]
    await database.close()
    tags = [Tag(code, "state", code, ReadingType.STATE) for code in codes]
    at = [int(TODAY.timestamp()) * 1_000_000] * MACHINES
    states = from_rows(range(MACHINES), at, at[0], [math.nan] * MACHINES, text=dict.fromkeys(range(MACHINES), "idle"))
    [token] = await cloud.registered(["states"])
    async with Line(cloud.port, token) as line:
        await line.post(encode(BatchId("states", uuid.uuid4(), 1), 1_790_000_000_000_000, tags, states))
    took = []
    async with await psycopg.AsyncConnection.connect(cloud.url, autocommit=True) as connection:
        for _ in range(40):
            began = time.perf_counter()
            found = await (await connection.execute(_LATEST, [ids])).fetchall()
            took.append((time.perf_counter() - began) * 1000)
            assert len(found) == MACHINES
    return statistics.median(took)


async def measured(cloud: Served) -> int:
    """Measure and print; returns the exit code."""
    database = Database(cloud.url, pool_size=1)
    partitions = Partitions(database)
    for begin in range(0, DAYS, 6):
        await partitions.ensure({(TODAY - timedelta(days=number)).date() for number in range(begin, begin + 6)})
    await database.close()
    await cost(cloud, "warm", 1, 500)
    few, many = STORED_TAGS // 10, STORED_TAGS
    fill(cloud.url, 0, few)
    rows_few, day_few = await cost(cloud, "few-rows", 1, 500), a_day_ms(cloud.url, few)
    pairs = {
        "tags, 500 to 5,000, as fast as before": [
            await cost(cloud, f"tags-{tags}", 1, tags, 2 * tags) for tags in (500, 5_000)
        ],
        "gateways, 10 to 100": [await cost(cloud, f"gateways-{count}", count, 500) for count in (10, 100)],
    }
    # of so many tags a batch has two readings each, and as many newest values to write as to every second row
    spread = [await cost(cloud, f"spread-{tags}", 1, tags) for tags in (500, 5_000)]
    print(f"the same 10,000 readings of 500 and of 5,000 tags: {spread[0]:.2f} and {spread[1]:.2f} CPU s a million")
    fill(cloud.url, few, many)
    stored = many * DAYS * A_DAY
    pairs[f"rows, {few * DAYS * A_DAY:,} to {stored:,}"] = [rows_few, await cost(cloud, "many-rows", 1, 500)]
    day = a_day_ms(cloud.url, many)
    billion = day + max(0.0, day - day_few) * max(0.0, math.log10(1e9 / stored))
    print(f"a day of one tag: {day_few:.1f} ms of {few * DAYS * A_DAY:,} rows, {day:.1f} ms of {stored:,}")
    asked = Verdicts()
    for name, (before, after) in pairs.items():
        print(f"{name}: {before:.2f} to {after:.2f} CPU s a million")
        asked.at_most(f"cost a reading, times, {name}", after / before, AT_MOST_TIMES)
    asked.at_most("newest state of 1,000 machines", await latest_ms(cloud), AT_MOST_LATEST_MS, " ms")
    asked.at_most(f"a day of one tag, of {stored:,} rows", day, AT_MOST_DAY_MS, " ms")
    asked.at_most("a day of one tag, of a billion, extrapolated", billion, AT_MOST_DAY_MS, " ms")
    return asked.exit_code()


def main() -> int:
    """Measure and print; the exit code tells whether what is asked was reached."""
    logs.configure("console", "ERROR")
    with served("--no-background") as cloud, asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(measured(cloud))


if __name__ == "__main__":
    sys.exit(main())
