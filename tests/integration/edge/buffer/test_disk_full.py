"""A disk that is really full, as a small tmpfs: the buffer is emptied all the same, goes on, and has its ballast again.

Mounting needs root; without it these tests are left out, unless TEZGAH_TEST_NOTHING_SKIPPED=1 says that everything must
be there.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.buffer.retention import KEEP_ALL, Rules
from edge.buffer.sqlite import SqliteBuffer
from edge.units import WhenFull
from shared.wire.lane import Lane
from tests.fakes.clock import HandClock
from tests.fakes.readings import TAGS, numbered, numbers
from tests.fakes.sqlite import running

IS_ROOT = sys.platform == "linux" and os.geteuid() == 0
VOLUMES = ["tmpfs"] if IS_ROOT or os.environ.get("TEZGAH_TEST_NOTHING_SKIPPED") == "1" else []
MAX_BYTES = 4_000_000


@pytest.fixture(params=VOLUMES)
def volume(tmp_path: Path) -> Iterator[Path]:
    """A volume of eight megabytes."""
    assert IS_ROOT, "mounting needs root, and TEZGAH_TEST_NOTHING_SKIPPED=1 forbids to go without"
    where = tmp_path / "volume"
    where.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(where)], check=True, timeout=10)
    yield where
    subprocess.run(["umount", "--lazy", str(where)], check=True, timeout=10)


def fill(volume: Path) -> Path:
    """Take all that is free."""
    filler = volume / "somebody-elses"
    with filler.open("wb", buffering=0) as file:
        piece = 1 << 20
        while piece:
            try:
                file.write(bytes(piece))
            except OSError:
                piece //= 2
    return filler


async def appended(buffer: SqliteBuffer, clock: HandClock, first: int, count: int = 5_000) -> None:
    """Append and see it on disk."""
    promise = await buffer.append(numbered(first, count))
    await clock.until(promise.done)
    await promise


async def drained(buffer: SqliteBuffer, clock: HandClock) -> list[int]:
    """Bring everything to a cloud, and see it leave the disk."""
    found: list[int] = []
    while lease := await buffer.lease(live=False, wait=False):
        found += numbers(lease.body)
        await buffer.settle(lease.id)
    await clock.until(lambda: not buffer.stats().batches)
    return found


async def test_a_full_disk_is_emptied_all_the_same_and_the_ballast_comes_back(volume: Path) -> None:
    clock, path = HandClock(), volume / "buffer.db"
    ballast = volume / "buffer.db.ballast"
    async with running(path, clock, MAX_BYTES) as buffer:
        buffer.register(TAGS)
        for first in range(0, 50_000, 5_000):
            await appended(buffer, clock, first)
        await clock.until(ballast.exists)
    assert ballast.stat().st_size >= MAX_BYTES // 32
    filler = fill(volume)
    # opened on a disk that is full: its log is empty, and cannot grow
    async with running(path, clock, MAX_BYTES) as buffer:
        assert buffer.register(TAGS) == [0, 1, 2]
        found = await drained(buffer, clock)
        assert sorted(found) == list(range(50_000))
        assert not ballast.exists()
        await appended(buffer, clock, 50_000)
        filler.unlink()
        await clock.until(ballast.exists)
        await buffer.flush()
        assert await drained(buffer, clock) == list(range(50_000, 55_000))
        assert buffer.stats().failure is None


async def test_without_a_ballast_it_cannot_be_emptied(volume: Path) -> None:
    clock, path = HandClock(), volume / "buffer.db"
    async with running(path, clock, MAX_BYTES) as buffer:
        buffer.register(TAGS)
        await appended(buffer, clock, 0)
        await clock.until((volume / "buffer.db.ballast").exists)
    (volume / "buffer.db.ballast").unlink()
    filler = fill(volume)
    async with running(path, clock, MAX_BYTES) as buffer:
        while lease := await buffer.lease(live=False, wait=False):
            await buffer.settle(lease.id)
        await clock.until(lambda: "full" in (buffer.stats().failure or ""))
        filler.unlink()
        await clock.until(lambda: not buffer.stats().batches and buffer.stats().failure is None)


async def test_while_the_cloud_is_away_a_full_disk_takes_what_matters_for_what_does_not(volume: Path) -> None:
    clock, path = HandClock(), volume / "buffer.db"
    rules: Rules = {**KEEP_ALL, Lane.DEBUG: WhenFull("drop")}
    async with running(path, clock, MAX_BYTES, rules) as buffer:
        buffer.register(TAGS, [Lane.DEBUG] * 3)
        for first in range(0, 50_000, 5_000):
            await appended(buffer, clock, first)
        await clock.until((volume / "buffer.db.ballast").exists)
    fill(volume)
    async with running(path, clock, MAX_BYTES, rules) as buffer:
        buffer.register(TAGS, [Lane.STATE] * 3)
        for first in range(50_000, 70_000, 5_000):
            await appended(buffer, clock, first)
        await buffer.flush()
        found = await drained(buffer, clock)
        assert set(range(50_000, 70_000)) <= set(found)
        assert len(found) < 70_000, "debug made room"
