"""Poison on the whole way: a buffer file, the shipper, HTTP, the real cloud and a PostgreSQL that will not have a row.

What is refused is refused by the database itself: whoever runs the cloud has put a rule on the readings, of which no
gateway knows.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from sqlalchemy import text

from cloud.changes import Operator
from cloud.gateways import service as gateways
from edge.buffer.sqlite import SqliteBuffer
from edge.clock import SystemClock
from edge.sync.https import HttpsUplink
from edge.sync.shipper import Shipper
from shared.reading import Gap, GapCause
from tests.fakes.readings import TAGS, numbered
from tests.integration.edge.daemon import eventually

FORBIDDEN = {123, 3_123, 7_777}
STRANGE = 5_001
RULE = (
    """
    CREATE FUNCTION plausible() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF new.value IN (123, 3123, 7777) OR new.text ~ '→' THEN
            RAISE check_violation USING MESSAGE = 'not plausible';
        END IF;
        RETURN new;
    END $$
    """,
    "CREATE TRIGGER plausible BEFORE INSERT ON reading FOR EACH ROW EXECUTE FUNCTION plausible()",
)


async def test_a_row_that_the_database_refuses_is_the_only_one_that_does_not_arrive(
    app: FastAPI, tenant, tmp_path: Path
) -> None:
    now_us = time.time_ns() // 1000
    async with app.state.database.transaction() as session:
        created = await gateways.create(session, Operator(tenant.organization_id), "hall-2")
        for statement in RULE:
            await session.execute(text(statement))
    async with (
        served(app) as url,
        HttpsUplink(url, created.token) as uplink,
        running(tmp_path / "buffer.db", created.name) as buffer,
        shipping(Shipper(buffer, uplink, SystemClock())) as shipper,
    ):
        ids = buffer.register(TAGS)
        for tag in range(2):
            block = numbered(5_000 * tag, 5_000, now_us, ids[tag])
            if tag:
                block.text[STRANGE - 5_000] = "setup → run"
            await buffer.append(block, [Gap(GapCause.OVERFLOW, now_us - 9, now_us - 1, "press-1", "force")])
        await eventually(lambda: shipper.status().rows == 10_000 - 4 and not buffer.stats().rows, 60)
        await buffer.flush()
        await eventually(lambda: not buffer.stats().batches, 60)
        stats, status = buffer.stats(), shipper.status()
    async with app.state.database.transaction() as session:
        stored = [row[0] for row in await session.execute(text("SELECT value FROM reading"))]
        told = [tuple(row) for row in await session.execute(text("SELECT cause, tag, detail FROM gap"))]
    assert sorted(stored) == sorted(set(range(10_000)) - FORBIDDEN - {STRANGE})
    assert stats.quarantined == 4
    assert status.refused < 80, "found by halving"
    refused = [(tag, detail) for cause, tag, detail in told if cause == GapCause.REFUSED]
    assert sorted(tag for tag, _ in refused) == ["cycles", "cycles", "force", "force"]
    assert all("422" in detail for _, detail in refused)
    assert [cause for cause, _, _ in told].count(GapCause.OVERFLOW) == 2, "the gaps beside them arrive once too"


@contextlib.asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[str]:
    """Serve the application on a free port of this machine."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, lifespan="off", log_config=None))
    server.capture_signals = contextlib.nullcontext  # type: ignore[assignment, method-assign] # pytest's signals stay its own
    task = asyncio.create_task(server.serve())
    await eventually(lambda: server.started)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    await task


@contextlib.asynccontextmanager
async def running(path: Path, gateway: str) -> AsyncIterator[SqliteBuffer]:
    """Keep a buffer running until the block ends, which closes it."""
    buffer = await SqliteBuffer.open(path, max_bytes=50_000_000, gateway=gateway, clock=SystemClock())
    task = asyncio.create_task(buffer.run(), name="buffer")
    try:
        yield buffer
    finally:
        await buffer.close()
        await task


@contextlib.asynccontextmanager
async def shipping(shipper: Shipper) -> AsyncIterator[Shipper]:
    """Ship until the block ends."""
    task = asyncio.create_task(shipper.run())
    try:
        yield shipper
    finally:
        task.cancel()
        await asyncio.wait([task])
