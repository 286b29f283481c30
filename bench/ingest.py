"""The cloud's ingest: readings a second from a batch's bytes to its commit, beside nothing but COPY.

The baseline copies buffers that were built beforehand into the same partitioned table, over one connection, a
commit each: what PostgreSQL takes. The ingest gets batches as the wire has them over HTTP from a sender on the same
machine: token, decoding, tags, ledger, readings, latest values, marks for the rollups, receipt. Both in turns, on the
embedded server with fsync on; three rounds, the middle one counts.
"""

import asyncio
import contextlib
import statistics
import sys
import time
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import psycopg

from bench.served import Line, Served, served
from bench.verdict import Verdicts
from cloud.loop import new_event_loop
from cloud.telemetry import pgcopy
from cloud.telemetry.rows import arrange
from shared import logs
from shared.reading import Readings, ReadingType, Tag
from shared.wire.batch import BatchId, encode

TAGS = [Tag(f"press-{n // 20:02}", f"signal-{n % 20}", None, ReadingType.TEMPERATURE, "Cel") for n in range(200)]
ROWS = 10_000
BATCHES = 60
ROUNDS = 3
IN_FLIGHT = 4
COLUMNS = ", ".join(pgcopy.COLUMNS)
# what is asked: readings a second, and of raw COPY in the same run
AT_LEAST, AT_LEAST_OF_COPY = 350_000, 0.70


def main() -> int:
    """Measure and print; the exit code tells whether what is asked was reached."""
    logs.configure("console", "ERROR")
    with served("--no-background") as cloud:
        [token] = cloud.register(["bench"])
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            return runner.run(_measure(cloud, token))


async def _measure(cloud: Served, token: str) -> int:
    epoch = uuid.uuid4()
    # the first batch brings tags, partitions and prepared statements
    await _ingest(cloud, token, [_sealed(0, epoch)] + [_sealed(-index, epoch) for index in range(1, 8)])
    copied, ingested, cpu, number = [], [], [], 0
    for _ in range(ROUNDS):
        number += 1
        copied.append(await _copy(cloud.url, [_stream(number * BATCHES + index) for index in range(BATCHES)]))
        number += 1
        bodies = [_sealed(number * BATCHES + index, epoch) for index in range(BATCHES)]
        before = cloud.cpu()
        ingested.append(await _ingest(cloud, token, bodies))
        cpu.append({side: (used - before[side]) / BATCHES / ROWS * 1e6 for side, used in cloud.cpu().items()})
    _verify(cloud.url, (2 * ROUNDS * BATCHES + 8) * ROWS)
    raw, whole = statistics.median(copied), statistics.median(ingested)
    print(f"raw COPY, 1 connection        {raw:>10,.0f} readings/s")
    print(f"ingest, {IN_FLIGHT} batches in flight  {whole:>10,.0f} readings/s")
    for side in cpu[0]:
        print(f"CPU of {side:<22} {statistics.median(each[side] for each in cpu):>10.2f} s a million")
    asked = Verdicts()
    asked.at_least("ingest over HTTP", whole, AT_LEAST, " readings/s")
    asked.at_least("of raw COPY of the same rows", whole / raw, AT_LEAST_OF_COPY)
    return asked.exit_code()


def _block(number: int) -> Readings:
    """Return 50 readings of each of 200 tags, of a time of their own."""
    rng = np.random.default_rng(number + 8)
    start = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
    first = int(start.timestamp()) * 1_000_000 + number * 60_000_000
    tag = np.tile(np.arange(len(TAGS), dtype=np.uint32), ROWS // len(TAGS))
    ts = first + np.repeat(np.arange(ROWS // len(TAGS)), len(TAGS)) * 1_000_000 + rng.integers(0, 4000, ROWS)
    zeros = np.zeros(ROWS, np.uint8)
    value = np.round(rng.normal(20, 5, ROWS), 1)
    return Readings(tag, ts, ts + 3000, value, zeros, zeros, zeros.astype(np.uint32))


def _stream(number: int) -> bytes:
    # tags of another gateway, as far as the key is concerned
    return pgcopy.encode(arrange(_block(number), range(1_000_000, 1_000_000 + len(TAGS)), 2**62))


async def _copy(url: str, streams: Sequence[bytes]) -> float:
    async with await psycopg.AsyncConnection.connect(url) as connection:
        started = time.perf_counter()
        for stream in streams:
            async with (
                connection.cursor() as cursor,
                cursor.copy(f"COPY reading ({COLUMNS}) FROM STDIN (FORMAT BINARY)") as copy,
            ):
                await copy.write(stream)
            await connection.commit()
        return ROWS * len(streams) / (time.perf_counter() - started)


def _sealed(number: int, epoch: uuid.UUID) -> bytes:
    return encode(BatchId("bench", epoch, number + 8), 1_790_000_000_000_000, TAGS, _block(number))


async def _ingest(cloud: Served, token: str, bodies: Sequence[bytes]) -> float:
    waiting = iter(bodies)
    async with contextlib.AsyncExitStack() as held:
        lines = [await held.enter_async_context(Line(cloud.port, token)) for _ in range(IN_FLIGHT)]
        started = time.perf_counter()

        async def work(line: Line) -> None:
            for body in waiting:
                await line.post(body)

        async with asyncio.TaskGroup() as group:
            for line in lines:
                group.create_task(work(line))
        return ROWS * len(bodies) / (time.perf_counter() - started)


def _verify(url: str, expected: int) -> None:
    with psycopg.connect(url) as connection:
        stored = connection.execute("SELECT count(*) FROM reading").fetchone()
    assert stored == (expected,), f"{stored} readings stored, {expected} expected"


if __name__ == "__main__":
    sys.exit(main())
