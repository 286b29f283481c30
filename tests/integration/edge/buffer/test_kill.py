"""kill -9 of a process that writes and ships: what was promised is there once, and each death is told."""

import asyncio
import os
import random
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path

from edge.clock import SystemClock
from shared.reading import GapCause
from tests.fakes.readings import gaps, numbers
from tests.fakes.sqlite import running
from tests.integration.edge.buffer.writer import is_poison, ship

WRITER = Path(__file__).with_name("writer.py")
ROOT = Path(__file__).parents[4]
ROUND = 1_000_000


def life(path: Path, cloud: Path, first: int, mode: str, lines: int) -> set[int]:
    """Let a child live until it has said so many lines, kill it, and return the numbers that it was promised."""
    command = [sys.executable, str(WRITER), str(path), str(cloud), str(first), mode]
    promised: set[int] = set()
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, env=environment) as child:
        assert child.stdout is not None
        try:
            for said, line in enumerate(child.stdout):
                if said == lines:
                    child.kill()
                start, count = map(int, line.split())
                promised |= set(range(start, start + count))
        finally:
            child.kill()
    assert promised, "the child died by itself"
    return promised


async def drain(path: Path, cloud: Path, *, is_picky: bool) -> None:
    """Ship what the last child left."""
    async with running(path, SystemClock()) as buffer, asyncio.timeout(60):
        # twice: what is told of the last that was set aside comes after it has gone
        for _ in range(2):
            await buffer.flush()
            while buffer.stats().batches or buffer.stats().rows:
                await ship(buffer, cloud, is_picky=is_picky, wait=False)
                await buffer.flush()
                await asyncio.sleep(0)


def outcome(cloud: Path) -> tuple[Counter[int], Counter[GapCause]]:
    """Return how often each number is in the cloud, and the gaps by cause."""
    bodies = [batch.read_bytes() for batch in cloud.iterdir() if batch.suffix != ".part"]
    return (
        Counter(number for body in bodies for number in numbers(body)),
        Counter(gap.cause for body in bodies for gap in gaps(body)),
    )


async def lives(directory: Path, mode: str, count: int) -> tuple[set[int], Counter[int], Counter[GapCause]]:
    """Let children live and die on one buffer; returns what was promised, stored and told."""
    chance = random.Random(7)
    cloud = directory / "cloud"
    cloud.mkdir()
    path = directory / "buffer.db"
    promised: set[int] = set()
    for number in range(count):
        promised |= life(path, cloud, number * ROUND, mode, chance.randrange(20, 400))
    await drain(path, cloud, is_picky=mode == "picky")
    return promised, *outcome(cloud)


async def test_after_kill_9_every_promised_reading_is_stored_once(tmp_path: Path) -> None:
    promised, stored, told = await lives(tmp_path, "honest", 5)
    assert len(promised) > 1_000
    assert promised <= stored.keys(), f"lost {len(promised - stored.keys())}"
    assert set(stored.values()) == {1}, "stored twice"
    assert told[GapCause.GATEWAY_DOWN] == 5, "each death leaves a hole that is told"
    assert told.keys() == {GapCause.GATEWAY_DOWN}


async def test_after_kill_9_in_the_search_for_poison_it_alone_is_missing_and_told_once(tmp_path: Path) -> None:
    promised, stored, told = await lives(tmp_path, "picky", 4)
    poison = set(filter(is_poison, promised))
    assert len(poison) > 10
    assert not poison & stored.keys()
    assert promised - poison <= stored.keys(), f"lost {len(promised - poison - stored.keys())}"
    assert set(stored.values()) == {1}, "stored twice"
    with closing(sqlite3.connect(tmp_path / "buffer.db")) as db:
        aside = [number for (body,) in db.execute("SELECT body FROM quarantine") for number in numbers(body)]
    assert poison <= set(aside)
    assert all(map(is_poison, aside))
    assert len(set(aside)) == len(aside) == told[GapCause.REFUSED]


async def test_a_promise_given_before_the_commit_is_found_out(tmp_path: Path) -> None:
    promised, stored, _ = await lives(tmp_path, "hasty", 3)
    assert promised - stored.keys(), "the control must lose readings, or the test above proves nothing"
