"""The cloud's ingest: readings a second from a batch's bytes to its commit, beside nothing but COPY.

The baseline copies buffers that were built beforehand into the same partitioned table, over one connection, a
commit each: what PostgreSQL takes. The ingest gets batches as the wire has them through the whole ASGI
application: token, decoding, tags, ledger, readings, latest values, receipt. Both in turns, on the embedded server
with fsync on; three rounds, the middle one counts.
"""

import asyncio
import contextlib
import statistics
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import numpy as np
import psycopg
from fastapi import FastAPI

from cloud import schema
from cloud.app import create_app
from cloud.changes import Operator
from cloud.gateways import service as gateways
from cloud.identity import service as identity
from cloud.loop import new_event_loop
from cloud.postgres import embedded
from cloud.settings import Settings
from cloud.telemetry import pgcopy
from cloud.telemetry.rows import arrange
from shared import logs
from shared.reading import Readings, ReadingType, Tag
from shared.wire.batch import CONTENT_TYPE, BatchId, encode

TAGS = [Tag(f"press-{n // 20:02}", f"signal-{n % 20}", None, ReadingType.TEMPERATURE, "Cel") for n in range(200)]
ROWS = 10_000
BATCHES = 60
ROUNDS = 3
IN_FLIGHT = 4
COLUMNS = ", ".join(pgcopy.COLUMNS)


def main() -> None:
    """Measure and print."""
    logs.configure("console", "ERROR")
    with tempfile.TemporaryDirectory(prefix="tz-bench-") as directory, embedded(Path(directory)) as url:
        schema.migrate(url)
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            runner.run(_measure(url))


async def _measure(url: str) -> None:
    app = create_app(Settings(_env_file=None, secret_key=uuid.uuid4().hex, database_url=url))
    async with app.router.lifespan_context(app), _sender(app) as send:
        # the first batch brings tags, partitions and prepared statements
        await send(_block(0), 0)
        copied, ingested, number = [], [], 0
        for _ in range(ROUNDS):
            number += 1
            copied.append(await _copy(url, [_stream(number * BATCHES + index) for index in range(BATCHES)]))
            number += 1
            blocks = [_block(number * BATCHES + index) for index in range(BATCHES)]
            ingested.append(await _ingest(send, blocks, number * BATCHES))
        _verify(url, (2 * ROUNDS * BATCHES + 1) * ROWS)
    raw, whole = statistics.median(copied), statistics.median(ingested)
    print(f"raw COPY, 1 connection        {raw:>10,.0f} readings/s")
    print(f"ingest, {IN_FLIGHT} batches in flight  {whole:>10,.0f} readings/s   {whole / raw:.0%} of raw COPY")


def _block(number: int) -> Readings:
    """Return 50 readings of each of 200 tags, of a time of their own."""
    rng = np.random.default_rng(number)
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


@contextlib.asynccontextmanager
async def _sender(app: FastAPI) -> AsyncIterator[Callable[[Readings, int], Awaitable[None]]]:
    async with app.state.database.transaction() as session:
        organization = await identity.create_organization(session, "bench")
        gateway = await gateways.create(session, Operator(organization.id), "bench")
    epoch = uuid.uuid4()
    headers = {"Content-Type": CONTENT_TYPE, "Authorization": f"Bearer {gateway.token}"}
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://bench", headers=headers, timeout=60) as client:

        async def send(readings: Readings | bytes, seq: int) -> None:
            body = readings if isinstance(readings, bytes) else _sealed(readings, epoch, seq)
            answer = await client.post("/api/v1/ingest/batches", content=body)
            assert answer.status_code == 200, answer.text

        send.epoch = epoch
        yield send


def _sealed(readings: Readings, epoch: uuid.UUID, seq: int) -> bytes:
    return encode(BatchId("bench", epoch, seq), 1_790_000_000_000_000, TAGS, readings)


async def _ingest(send: Callable[..., Awaitable[None]], blocks: Sequence[Readings], seq: int) -> float:
    bodies = iter([_sealed(block, send.epoch, seq + index) for index, block in enumerate(blocks)])
    started = time.perf_counter()

    async def work() -> None:
        for body in bodies:
            await send(body, 0)

    async with asyncio.TaskGroup() as group:
        for _ in range(IN_FLIGHT):
            group.create_task(work())
    return ROWS * len(blocks) / (time.perf_counter() - started)


def _verify(url: str, expected: int) -> None:
    with psycopg.connect(url) as connection:
        stored = connection.execute("SELECT count(*) FROM reading").fetchone()
    assert stored == (expected,), f"{stored} readings stored, {expected} expected"


if __name__ == "__main__":
    main()
