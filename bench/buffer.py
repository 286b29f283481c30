"""The durable buffer: readings a second and CPU a reading, beside a bare SQLite that does nothing but keep a blob.

The baseline packs the same 1,000 readings as plain columns, compresses them with zstd 1 and commits them, one thread,
nothing else: no batch is formed, nothing is checked, nobody waits. Both write to the same directory with the same
settings (WAL, synchronous=FULL). The buffer's figures are those of `append` until the last promise is kept. Bytes on
the wire are those of the same plant's batches as they are sent, tags and all; on disk those of the buffer's file.
"""

import asyncio
import contextlib
import sqlite3
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import zstandard

from bench.verdict import Verdicts
from edge.buffer.sqlite import SqliteBuffer
from edge.clock import SystemClock
from shared import logs
from shared.reading import Readings, Tag
from shared.wire.batch import BatchId, encode

with contextlib.suppress(ImportError):
    import uvloop

    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())

TAGS = [Tag(f"machine-{n // 10:02}", f"signal-{n % 10}") for n in range(200)]
ROWS = 1_000
BLOCKS = 3_000
# what is asked: of the append, and of a batch of so many readings
AT_LEAST, AT_MOST_CPU = 1_500_000, 0.4
AT_MOST_BYTES = {10_000: 6.0, 1_000: 9.0}
COLUMNS = ("tag", "ts", "received", "value", "quality", "flags", "status")


def blocks(count: int, rows: int) -> list[Readings]:
    """Return what a plant of 200 tags gives: slow analogue values, jittered times, all good."""
    random = np.random.default_rng(1)
    now = 1_800_000_000_000_000
    made = []
    for number in range(count):
        tag = (np.arange(number * rows, (number + 1) * rows) % len(TAGS)).astype(np.uint32)
        ts = now + (number * rows + np.arange(rows)) // len(TAGS) * 1_000_000 + random.integers(0, 4_000, rows)
        value = np.round(20 + tag % 7 + np.cumsum(random.normal(0, 0.1, rows)), 1)
        zeros = np.zeros(rows, np.uint8)
        made.append(
            Readings(tag, ts, ts + random.integers(2_000, 4_000, rows), value, zeros, zeros, np.zeros(rows, np.uint32))
        )
    return made


@contextlib.asynccontextmanager
async def opened(directory: str) -> AsyncIterator[SqliteBuffer]:
    """Open a buffer that runs until the block ends."""
    path = Path(directory, "buffer.db")
    buffer = await SqliteBuffer.open(path, max_bytes=2 * 10**9, gateway="bench", clock=SystemClock())
    buffer.register(TAGS)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(buffer.run())
        yield buffer
        await buffer.close()


def baseline(plant: list[Readings]) -> tuple[float, float, float]:
    """Commit each block as one compressed blob; returns readings a second, CPU s a million, bytes a reading."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "bare.db")
        db = sqlite3.connect(path, isolation_level=None)
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        db.execute("CREATE TABLE batch (seq INTEGER PRIMARY KEY, body BLOB NOT NULL)")
        pack = zstandard.ZstdCompressor(level=1)
        wall, cpu = time.perf_counter(), time.process_time()
        for seq, block in enumerate(plant):
            body = pack.compress(b"".join(getattr(block, name).tobytes() for name in COLUMNS))
            db.execute("INSERT INTO batch VALUES (?, ?)", (seq, body))
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        db.close()
        total = len(plant) * ROWS
        return total / wall, cpu / total * 1e6, path.stat().st_size / total


async def appended(plant: list[Readings]) -> tuple[float, float, float]:
    """Append each block, as fast as the buffer takes them; returns the same three."""
    with tempfile.TemporaryDirectory() as directory:
        async with opened(directory) as buffer:
            wall, cpu = time.perf_counter(), time.process_time()
            promises = [await buffer.append(block) for block in plant]
            await promises[-1]
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            await buffer.flush()
            used = buffer.stats().bytes
        total = len(plant) * ROWS
        return total / wall, cpu / total * 1e6, used / total


async def prompt(in_flight: int, seconds: float = 2.0) -> tuple[float, float]:
    """Append single rows, each of which somebody waits for; returns acknowledged rows and commits a second."""
    rows = blocks(64, 1)
    with tempfile.TemporaryDirectory() as directory:
        async with opened(directory) as buffer:
            end = time.perf_counter() + seconds

            async def source() -> None:
                while time.perf_counter() < end:
                    await (await buffer.append(rows[0], prompt=True))

            async with asyncio.TaskGroup() as tasks:
                for _ in range(in_flight):
                    tasks.create_task(source())
            return buffer.stats().committed / seconds, buffer.stats().commits / seconds


async def paced(rate: int, seconds: float = 3.0) -> float:
    """Append at a plant's pace, 1,000 rows at a time, and ship; returns CPU s a million, all of the process."""
    plant = blocks(int(rate * seconds) // ROWS, ROWS)
    with tempfile.TemporaryDirectory() as directory:
        async with opened(directory) as buffer:

            async def ship() -> None:
                while lease := await buffer.lease(live=True):
                    await buffer.settle(lease.id)

            async with asyncio.TaskGroup() as tasks:
                shipping = tasks.create_task(ship())
                cpu, began = time.process_time(), time.perf_counter()
                for number, block in enumerate(plant):
                    await asyncio.sleep(began + number * ROWS / rate - time.perf_counter())
                    await buffer.append(block)
                await buffer.flush()
                cpu = time.process_time() - cpu
                shipping.cancel()
    return cpu / (len(plant) * ROWS) * 1e6


async def drained(plant: list[Readings]) -> tuple[float, float]:
    """Lease and settle a backlog found on disk; returns readings a second and CPU s a million."""
    with tempfile.TemporaryDirectory() as directory:
        async with opened(directory) as buffer:
            for block in plant:
                await buffer.append(block)
        async with opened(directory) as buffer:
            wall, cpu = time.perf_counter(), time.process_time()
            while lease := await buffer.lease(live=False, wait=False):
                await buffer.settle(lease.id)
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        total = len(plant) * ROWS
        return total / wall, cpu / total * 1e6


def on_the_wire(rows: int, count: int = 20) -> float:
    """Return the bytes a reading of batches of so many."""
    bodies = [
        encode(BatchId("bench", uuid.UUID(int=number), number), 1_800_000_000_000_000, TAGS, block)
        for number, block in enumerate(blocks(count, rows))
    ]
    return sum(map(len, bodies)) / (rows * count)


def main() -> int:
    """Print the figures; the exit code tells whether what is asked was reached."""
    logs.configure(level="ERROR")
    plant = blocks(BLOCKS, ROWS)
    bare = baseline(plant)
    kept = asyncio.run(appended(plant))
    for name, (rate, cpu, used) in (("bare blob + zstd", bare), ("durable append", kept)):
        print(f"{name + f', blocks of {ROWS:,}':40} {rate:>11,.0f} readings/s   {cpu:.2f} CPU s/M   {used:.1f} B each")
    rate, cpu, used = (ours / theirs for ours, theirs in zip(kept, bare, strict=True))
    print(f"{'ratio to the bare one':40} {rate:>11.2f} of the rate    {cpu:.2f} of the CPU   {used:.2f} of the bytes")
    print(f"{'at 20,000 a second, leased and settled':40} {'':>24}   {asyncio.run(paced(20_000)):.2f} CPU s/M")
    rate, cpu = asyncio.run(drained(plant))
    print(f"{'backlog read from disk and settled':40} {rate:>11,.0f} readings/s   {cpu:.2f} CPU s/M")
    for in_flight in (1, 100):
        rows, commits = asyncio.run(prompt(in_flight))
        print(f"{f'prompt single rows, {in_flight} in flight':40} {rows:>11,.0f} readings/s   {commits:,.0f} commits/s")
    asked = Verdicts()
    asked.at_least("durable append, batches of 1,000", kept[0], AT_LEAST, " readings/s")
    asked.at_most("CPU of it", kept[1], AT_MOST_CPU, " s a million")
    asked.at_most("on disk, batches as the buffer seals them", kept[2], AT_MOST_BYTES[10_000], " B a reading")
    for rows, most in AT_MOST_BYTES.items():
        asked.at_most(f"on the wire, batches of {rows:,}", on_the_wire(rows), most, " B a reading")
    return asked.exit_code()


if __name__ == "__main__":
    sys.exit(main())
