"""How late the newest reading is: a real buffer file and shipper, a line with a round trip, a clock moved by hand.

From append to the cloud's commit it takes a second at most: 50 ms to disk, half a second until it is sealed, the round
trip. Also while a backlog is drained beside it, and on a thin line, where batches become smaller.
"""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from edge.buffer.sqlite import SqliteBuffer
from edge.clock import Clock
from edge.ports import Lease
from edge.sync.fit import AIM_S, Fit
from edge.sync.shipper import Shipper
from shared.reading import from_rows
from shared.wire.receipt import Receipt
from tests.fakes.clock import HandClock, turns
from tests.fakes.cloud import MemoryCloud, MemoryUplink
from tests.fakes.readings import TAGS, numbered, numbers

ROUND_TRIP_S = 0.1
SECONDS = 6
ROWS = 5


class Line(MemoryUplink):
    """Carries batches at a rate that all requests share, one after the other, and notes when each number arrived."""

    def __init__(self, clock: Clock, fit: Fit, bytes_per_s: float) -> None:
        super().__init__(MemoryCloud())
        self.arrived: dict[int, float] = {}
        self.took: list[float] = []
        self._clock = clock
        self._fit = fit
        self._rate = bytes_per_s
        self._is_free = asyncio.Lock()

    async def send(self, lease: Lease) -> Receipt:
        began_s = self._clock.monotonic()
        async with self._is_free:
            await self._clock.sleep(len(lease.body) / self._rate)
        await self._clock.sleep(ROUND_TRIP_S)
        receipt = await super().send(lease)
        self.arrived.update(dict.fromkeys(numbers(lease.body), self._clock.monotonic()))
        self.took.append(self._clock.monotonic() - began_s)
        self._fit.brought(max(1, lease.rows), self.took[-1])
        return receipt


@contextlib.asynccontextmanager
async def shipping(
    path: Path, bytes_per_s: float, backlog: int = 0, *, is_adaptive: bool = True
) -> AsyncIterator[tuple[HandClock, SqliteBuffer, Line]]:
    """Ship over such a line; a backlog stood there before."""
    clock, fit = HandClock(), Fit()
    most_rows: Callable[[], int] = (lambda: fit.rows) if is_adaptive else (lambda: 20_000)
    buffer = await SqliteBuffer.open(path, max_bytes=50_000_000, gateway="g", clock=clock, most_rows=most_rows)
    buffer.register(TAGS)
    line = Line(clock, fit, bytes_per_s)
    shipper = Shipper(buffer, line, clock, fit=fit if is_adaptive else None)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(buffer.run())
        for first in range(0, backlog, 10_000):
            promise = await buffer.append(numbered(1_000_000 + first, 10_000, clock.now_us()))
            await clock.until(promise.done)
        await clock.advance(30.0)
        running = tasks.create_task(shipper.run())
        yield clock, buffer, line
        running.cancel()
        await buffer.close()


async def let_pass(clock: HandClock, buffer: SqliteBuffer, seconds: float) -> None:
    """Let time pass, which stands still while the buffer's thread does what each moment asks of it."""
    end_s = clock.monotonic() + seconds
    while clock.monotonic() < end_s:
        await clock.advance(0.005)
        # done only when all jobs before it are
        buffer.register([])
        await turns()


async def lags(path: Path, backlog: int = 0) -> list[float]:
    """Append some readings ten times a second, and return how late each was."""
    async with shipping(path, 1e6, backlog) as (clock, buffer, line):
        began: dict[int, float] = {}
        for step in range(SECONDS * 10):
            began.update(dict.fromkeys(range(step * ROWS, (step + 1) * ROWS), clock.monotonic()))
            await buffer.append(numbered(step * ROWS, ROWS, clock.now_us()))
            await let_pass(clock, buffer, 0.1)
        # more than any may take, so that the last have arrived or are too late
        await let_pass(clock, buffer, 2.0)
        assert began.keys() <= line.arrived.keys()
    return [line.arrived[number] - at_s for number, at_s in began.items()]


async def test_the_newest_reading_is_in_the_cloud_within_a_second(tmp_path: Path) -> None:
    assert max(await lags(tmp_path / "buffer.db")) <= 1.0


async def test_a_backlog_beside_it_does_not_make_it_late(tmp_path: Path) -> None:
    late = await lags(tmp_path / "buffer.db", backlog=200_000)
    assert max(late) < 2.0, "until the first of them has been sealed"
    assert max(late[10 * ROWS :]) <= 1.0


@pytest.mark.parametrize("is_adaptive", [True, False])
async def test_on_a_line_thinner_than_what_is_read_requests_stay_short(tmp_path: Path, is_adaptive: bool) -> None:
    chance = random.Random(3)
    async with shipping(tmp_path / "buffer.db", 6_000.0, is_adaptive=is_adaptive) as (clock, buffer, line):
        for _ in range(120):
            now_us = clock.now_us()
            values = [float(chance.getrandbits(40)) for _ in range(700)]
            times = [now_us + chance.randrange(500_000) for _ in values]
            await buffer.append(from_rows([0] * len(values), times, times, values))
            await clock.advance(0.3)
            await let_pass(clock, buffer, 0.2)
    longest = max(line.took[len(line.took) // 2 :])
    # the control: the largest batches there are, three under way together
    assert longest <= 1.5 * AIM_S if is_adaptive else longest > 3 * AIM_S, line.took
