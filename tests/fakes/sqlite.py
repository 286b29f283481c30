"""Buffers on a real file, running; and what a crash leaves of one."""

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

from edge.buffer.retention import KEEP_ALL, Rules
from edge.buffer.sqlite import SqliteBuffer
from edge.clock import Clock

GATEWAY = "test-gateway"


@contextlib.asynccontextmanager
async def running(
    path: Path, clock: Clock, max_bytes: int = 50_000_000, rules: Rules = KEEP_ALL
) -> AsyncIterator[SqliteBuffer]:
    """Open a buffer and keep it running until the block ends, which closes it."""
    buffer = await SqliteBuffer.open(path, max_bytes=max_bytes, gateway=GATEWAY, clock=clock, rules=rules)
    # no TaskGroup: an assertion that fails in the block should be reported as itself, not inside a group
    task = asyncio.create_task(buffer.run(), name="buffer")
    try:
        yield buffer
    finally:
        await buffer.close()
        await task


def crashed(path: Path, into: Path) -> Path:
    """Copy the file and its log as they stand on disk this instant; returns the copy's path."""
    into.mkdir(parents=True)
    for part in (path, path.with_name(path.name + "-wal")):
        if part.exists():
            shutil.copy(part, into / part.name)
    return into / path.name
