"""A buffer that is full, on a real file: states are all there, what was given up is told, and sources need not wait."""

import asyncio
from dataclasses import replace
from pathlib import Path

import numpy as np

from edge.buffer.retention import KEEP_ALL, Rules
from edge.buffer.sqlite import SqliteBuffer
from edge.errors import BufferFull
from edge.units import KEEP, WhenFull
from shared.reading import GapCause, Readings
from shared.wire.lane import Lane
from tests.fakes.clock import HandClock
from tests.fakes.readings import TAGS, numbered
from tests.fakes.sqlite import crashed, running
from tests.promise.promise import Said, Stored, breaches, opened

RULES: Rules = {Lane.STATE: KEEP, Lane.PROCESS: WhenFull("thin", 60.0), Lane.DEBUG: WhenFull("drop")}
LANES = [Lane.PROCESS, Lane.STATE, Lane.DEBUG]
ROWS = 5_000
# what two seconds of readings span, so that a minute has much to thin
STEP_US = 400


class Plant:
    """Appends readings that do not compress, and remembers what it said and what was promised."""

    def __init__(self, buffer: "SqliteBuffer | UnsaidBuffer", clock: HandClock) -> None:
        self.buffer = buffer
        self.clock = clock
        self.said: dict[int, Said] = {}
        buffer.register(TAGS, LANES)

    async def say(self, tag: int, count: int = ROWS) -> None:
        """Append, see it committed and sealed."""
        first = len(self.said)
        rows = numbered(first, count, tag=tag)
        times = 1_800_000_000_000_000 + np.arange(first, first + count, dtype=np.int64) * STEP_US
        noise = np.random.default_rng(first).integers(0, 2**32, count, np.uint32)
        rows = replace(rows, ts=times, received=times, status=noise)
        async with asyncio.timeout(60):
            promise = await self.buffer.append(rows)
            await self.buffer.flush()
            await promise
        self._note(first, tag, rows)

    def _note(self, first: int, tag: int, rows: Readings) -> None:
        for number, ts in enumerate(rows.ts.tolist(), first):
            self.said[number] = Said(TAGS[tag].device, TAGS[tag].name, ts)


async def drained(buffer: SqliteBuffer) -> Stored:
    """Bring everything to a cloud."""
    await buffer.flush()
    bodies = []
    while lease := await buffer.lease(live=False, wait=False):
        bodies.append(lease.body)
        await buffer.settle(lease.id)
    return opened(bodies)


async def test_a_full_buffer_thins_and_drops_what_it_may_tells_it_and_keeps_every_state(tmp_path: Path) -> None:
    clock = HandClock()
    async with running(tmp_path / "buffer.db", clock, 1_000_000, RULES) as buffer:
        plant = Plant(buffer, clock)
        for turn in range(30):
            await plant.say(0)
            await plant.say(2)
            await plant.say(1, 200)
            assert buffer.stats().bytes <= buffer.stats().max_bytes
            assert turn or buffer.stats().failure is None
        copy = crashed(tmp_path / "buffer.db", tmp_path / "crash")
        stored = await drained(buffer)
    assert breaches(plant.said, plant.said.keys(), stored) == {"lost": given_up(plant, stored)}
    async with running(copy, clock) as buffer:
        again = await drained(buffer)
    assert sorted(again.rows) == sorted(stored.rows), "what a crash leaves is the same"
    assert {gap.cause for gap in again.gaps} == {GapCause.BUFFER_POLICY, GapCause.GATEWAY_DOWN}


def given_up(plant: Plant, stored: Stored) -> list[int]:
    """Return what is not stored; all of it must be told by its tag, and none of it may be a state."""
    missing = sorted(plant.said.keys() - {number for number, _ in stored.rows})
    assert {plant.said[number].tag for number in missing} == {"force", "heat"}
    assert len(missing) > 100_000
    for number in missing:
        told = plant.said[number]
        assert any(
            (gap.device, gap.tag) == (told.device, told.tag) and gap.from_us <= told.ts_us < gap.to_us
            for gap in stored.gaps
        )
    return missing


async def test_where_nothing_may_be_given_up_sources_wait_but_states_have_room_of_their_own(tmp_path: Path) -> None:
    clock = HandClock()
    async with running(tmp_path / "buffer.db", clock, 1_000_000, KEEP_ALL) as buffer:
        plant = Plant(buffer, clock)

        async def until_full(tag: int, count: int) -> int:
            before = len(plant.said)
            try:
                while True:
                    await plant.say(tag, count)
            except BufferFull:
                return len(plant.said) - before

        assert await until_full(0, ROWS) > 0
        assert await until_full(1, 200) >= 400, "the reserve is theirs"
        stored = await drained(buffer)
    assert breaches(plant.said, plant.said.keys(), stored) == {}


class UnsaidBuffer:
    """Drops what is newest when there is no room, and tells nobody."""

    def __init__(self, buffer: SqliteBuffer) -> None:
        self._buffer = buffer
        self.register, self.flush = buffer.register, buffer.flush
        self.dropped = 0

    async def append(self, readings: Readings) -> "asyncio.Future[None]":
        try:
            return await self._buffer.append(readings)
        except BufferFull:
            self.dropped += len(readings)
            promise = asyncio.get_running_loop().create_future()
            promise.set_result(None)
            return promise


async def test_a_buffer_that_drops_the_newest_unsaid_is_found_out(tmp_path: Path) -> None:
    """The negative control of the two tests above."""
    clock = HandClock()
    async with running(tmp_path / "buffer.db", clock, 1_000_000, KEEP_ALL) as buffer:
        careless = UnsaidBuffer(buffer)
        plant = Plant(careless, clock)
        while not careless.dropped:
            await plant.say(0)
        stored = await drained(buffer)
    found = breaches(plant.said, plant.said.keys(), stored)
    assert found == {"lost": list(range(len(plant.said) - careless.dropped, len(plant.said)))}


async def test_what_the_cloud_may_have_is_left_as_it_was_sent(tmp_path: Path) -> None:
    clock = HandClock()
    async with running(tmp_path / "buffer.db", clock, 1_000_000, RULES) as buffer:
        plant = Plant(buffer, clock)
        await plant.say(0)
        sent = await buffer.lease(live=True)
        assert sent is not None
        # its answer is lost, and the gateway goes on without the cloud
        await buffer.give_back(sent.id)
        for _ in range(25):
            await plant.say(0)
        told = await buffer.lease(live=False, wait=False)
        assert told is not None
        assert told.id.lane is Lane.STATE
        assert await buffer.lease(live=False, wait=False) == sent
        assert buffer.stats().rows < len(plant.said), "others were thinned meanwhile"
