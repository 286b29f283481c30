"""An hour without the cloud: a real buffer file, a shipper, a clock moved by hand, and a cloud in memory.

What was appended meanwhile is drained oldest first, live data goes before it, and everything is stored once. Each of
these is checked by a function that a wrong gateway makes fail.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from edge.buffer.sqlite import SqliteBuffer
from edge.ports import Lease
from edge.sync.link import LinkState
from edge.sync.shipper import MAX_IN_FLIGHT, Shipper
from shared.wire import batch as wire
from shared.wire.receipt import Receipt
from tests.fakes.clock import HandClock, turns
from tests.fakes.cloud import MemoryCloud, MemoryUplink, away
from tests.fakes.readings import TAGS, numbered, numbers
from tests.fakes.sqlite import running

HOUR_S = 3_600
STEP_S = 2
ROWS = 25
LIVE_STEPS = 10


@dataclass
class Story:
    """What came of the hour."""

    appended: int
    # how many readings there were when the cloud came back
    at_return: int
    arrived: list[list[int]]


class Plain:
    """The buffer as it is."""

    def __init__(self, buffer: SqliteBuffer) -> None:
        self._buffer = buffer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._buffer, name)

    async def lease(self, *, live: bool, wait: bool = True) -> Lease | None:
        return await self._buffer.lease(live=live, wait=wait)


class NeverLive(Plain):
    """A control: the backlog goes first."""

    async def lease(self, *, live: bool, wait: bool = True) -> Lease | None:
        return await self._buffer.lease(live=False, wait=wait)


class OutOfOrder(Plain):
    """A control: of the oldest dozen the youngest is sent."""

    async def lease(self, *, live: bool, wait: bool = True) -> Lease | None:
        dozen: list[Lease] = []
        while len(dozen) < 12 and (lease := await self._buffer.lease(live=live, wait=wait and not dozen)):
            dozen.append(lease)
        for lease in dozen[:-1]:
            await self._buffer.give_back(lease.id)
        return dozen[-1] if dozen else None


class TakesAll(MemoryCloud):
    """A control: what is sent twice is stored twice."""

    def take(self, body: bytes) -> Receipt:
        receipt = super().take(body)
        self.order.append(wire.header(body).id)
        return receipt


async def hour(path: Path, *, wrap: type[Plain] = Plain, cloud: MemoryCloud | None = None) -> Story:
    """Live through the hour and the minutes after it."""
    clock = HandClock()
    uplink = MemoryUplink(cloud or MemoryCloud())
    story = Story(0, 0, [])
    async with running(path, clock) as buffer, shipping(shipper := Shipper(wrap(buffer), uplink, clock)):
        buffer.register(TAGS)

        async def step() -> None:
            await buffer.append(numbered(story.appended, ROWS, clock.now_us()))
            story.appended += ROWS
            await clock.advance(STEP_S)
            # done only when the thread's jobs before it are
            buffer.register([])
            await turns()

        await step()
        uplink.fault = away
        for _ in range(HOUR_S // STEP_S):
            await step()
        uplink.fault, uplink.loses = None, True
        while not uplink.cloud.order:
            await step()
        uplink.loses = False
        while shipper.status().state is not LinkState.UP:
            await step()
        story.at_return = story.appended
        # the line is slow: a request takes a step
        for _ in range(LIVE_STEPS):
            uplink.gate.clear()
            await step()
            uplink.gate.set()
            await turns()
        await buffer.flush()
        await clock.until(lambda: buffer.stats().rows == 0, step_s=0.5)
    story.arrived = [numbers(uplink.cloud.batches[batch]) for batch in uplink.cloud.order]
    return story


@contextlib.asynccontextmanager
async def shipping(shipper: Shipper) -> AsyncIterator[None]:
    task = asyncio.create_task(shipper.run())
    yield
    task.cancel()
    await asyncio.wait([task])


def is_stored_once(story: Story) -> bool:
    stored = Counter(number for batch in story.arrived for number in batch)
    return stored == Counter(range(story.appended))


def goes_live_first(story: Story) -> bool:
    """What was appended after the return begins to arrive before a third of the hour has."""
    live = [place for place, batch in enumerate(story.arrived) if batch[0] >= story.at_return]
    return live[0] < (len(story.arrived) - len(live)) / 3


def drains_oldest_first(story: Story) -> bool:
    """The hour's batches arrive in their order, but for those that were under way together."""
    # what was sealed less than ten seconds before the return is live too, and sealing lags by some steps
    last = story.at_return - (10 // STEP_S + 3) * ROWS
    backlog = [batch[0] for batch in story.arrived if batch[-1] < last]
    ranks = {first: rank for rank, first in enumerate(sorted(backlog))}
    return all(abs(ranks[first] - place) <= MAX_IN_FLIGHT for place, first in enumerate(backlog))


async def test_an_hour_is_drained_oldest_first_behind_live_data_each_reading_once(tmp_path: Path) -> None:
    story = await hour(tmp_path / "buffer.db")
    assert story.at_return > HOUR_S // STEP_S * ROWS
    assert is_stored_once(story)
    assert goes_live_first(story)
    assert drains_oldest_first(story)


@pytest.mark.parametrize(
    ("check", "wrong"),
    [
        (goes_live_first, {"wrap": NeverLive}),
        (drains_oldest_first, {"wrap": OutOfOrder}),
        (is_stored_once, {"cloud": TakesAll()}),
    ],
    ids=["backlog first", "out of order", "stored as often as sent"],
)
async def test_the_checks_find_out_a_gateway_that_is_wrong(
    tmp_path: Path, check: Callable[[Story], bool], wrong: dict[str, Any]
) -> None:
    assert not check(await hour(tmp_path / "buffer.db", **wrong))
