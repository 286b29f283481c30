"""The product's promise against chance: whatever dies, is lost or is repeated, the cloud has each reading once.

A state machine drives a real buffer on a real file, and a cloud that stores each batch once. The model is small: what
was promised must be in the cloud exactly once in the end, what was only appended at most once, nothing else at all, and
within a tag in the order in which it was appended.
"""

import asyncio
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from edge.buffer.sqlite import SqliteBuffer
from edge.ports import Lease
from shared.wire import batch as wire
from shared.wire.receipt import Receipt
from tests.fakes.clock import HandClock, turns
from tests.fakes.cloud import MemoryCloud
from tests.fakes.readings import TAGS, numbered
from tests.fakes.readings import numbers as numbers_in
from tests.fakes.sqlite import GATEWAY, crashed


class Promise(RuleBasedStateMachine):
    """One gateway through many lives."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.directory = tempfile.TemporaryDirectory(prefix="promise-")
        self.clock = HandClock()
        self.cloud = MemoryCloud()
        self.promised: set[int] = set()
        self.appended = 0
        self.lives = 0
        # by life; drawn by place, for what is lent depends on the thread's own time
        self.held: list[tuple[int, Lease]] = []
        self.go(self.begin(Path(self.directory.name, "0", "buffer.db")))

    def go(self, doing: object) -> None:
        self.loop.run_until_complete(doing)  # type: ignore[arg-type]

    async def begin(self, path: Path) -> None:
        self.path = path
        self.buffer = await SqliteBuffer.open(path, max_bytes=50_000_000, gateway=GATEWAY, clock=self.clock)
        self.buffer.register(TAGS)
        self.run = asyncio.create_task(self.buffer.run())
        self.epoch = self.buffer.stats().epoch

    async def passes(self, seconds: float) -> None:
        await self.clock.advance(seconds)
        self.buffer.register([])
        await turns()

    @rule(count=st.sampled_from([1, 3, 400, 6_000]), tag=st.integers(0, 2), prompt=st.booleans())
    def append(self, count: int, tag: int, prompt: bool) -> None:
        async def doing() -> None:
            first, self.appended = self.appended, self.appended + count
            promise = await self.buffer.append(numbered(first, count, self.clock.now_us(), tag), prompt=prompt)
            self.promise(promise, range(first, first + count))

        self.go(doing())

    def promise(self, promise: asyncio.Future[None], numbers: range) -> None:
        promise.add_done_callback(lambda _: self.promised.update(numbers))

    @rule(seconds=st.sampled_from([0.002, 0.05, 0.6, 11.0]))
    def time_passes(self, seconds: float) -> None:
        self.go(self.passes(seconds))

    @rule(live=st.booleans())
    def lease(self, live: bool) -> None:
        lease = self.loop.run_until_complete(self.buffer.lease(live=live, wait=False))
        if lease is not None:
            self.held.append((self.lives, lease))

    @rule(place=st.integers(0, 4))
    def send_and_settle(self, place: int) -> None:
        if place < len(self.held):
            life, lease = self.held.pop(place)
            self.cloud.take(lease.body)
            if life == self.lives:
                self.go(self.buffer.settle(lease.id))

    @rule(place=st.integers(0, 4))
    def send_and_lose_the_answer(self, place: int) -> None:
        if place < len(self.held):
            # perhaps by a life that is over: a request may arrive late
            self.cloud.take(self.held[place][1].body)

    @rule(place=st.integers(0, 4))
    def give_back(self, place: int) -> None:
        if place < len(self.held):
            life, lease = self.held.pop(place)
            if life == self.lives:
                self.go(self.buffer.give_back(lease.id))

    @rule()
    def die_and_live_again(self) -> None:
        async def doing() -> None:
            copy = crashed(self.path, Path(self.directory.name, str(self.lives + 1)))
            # promises kept after the copy was taken are kept by a file that is gone
            promised = set(self.promised)
            await self.buffer.close()
            await self.run
            self.promised = promised
            self.clock.jump(30.0)
            await self.begin(copy)

        self.go(doing())
        self.lives += 1

    @rule()
    def stop_and_start_again(self) -> None:
        async def doing() -> None:
            await self.buffer.close()
            await self.run
            self.clock.jump(30.0)
            await self.begin(self.path)

        self.go(doing())
        self.lives += 1

    @invariant()
    def nothing_is_stored_twice_or_out_of_nothing(self) -> None:
        rows = self.cloud.rows()
        assert max(rows.values(), default=1) == 1
        assert all(0 <= number < self.appended for number in rows)

    @invariant()
    def the_epoch_stays(self) -> None:
        assert len({batch.epoch for batch in self.cloud.batches}) <= 1

    def teardown(self) -> None:
        try:
            self.go(self.ends())
        finally:
            self.loop.close()
            self.directory.cleanup()

    async def ends(self) -> None:
        """Start once more, so that nothing is held, bring everything to the cloud, and compare."""
        await self.buffer.close()
        await self.run
        await self.begin(self.path)
        await self.buffer.flush()
        while lease := await self.buffer.lease(live=False, wait=False):
            self.cloud.take(lease.body)
            await self.buffer.settle(lease.id)
        await self.buffer.close()
        await self.run
        rows = self.cloud.rows()
        assert self.promised <= rows.keys(), f"lost: {sorted(self.promised - rows.keys())[:10]}"
        self.nothing_is_stored_twice_or_out_of_nothing()
        self.each_tag_is_in_order()

    def each_tag_is_in_order(self) -> None:
        values: dict[str, list[float]] = {}
        bodies = [body for _, body in sorted(self.cloud.batches.items(), key=lambda stored: stored[0].seq)]
        for batch in map(wire.decode, bodies):
            for tag, value in zip(batch.readings.tag.tolist(), batch.readings.value.tolist(), strict=True):
                values.setdefault(batch.tags[tag].name, []).append(value)
        assert all(column == sorted(column) for column in values.values())


class HastyPromise(Promise):
    """The control that loses: it takes what was appended for promised."""

    def promise(self, promise: asyncio.Future[None], numbers: range) -> None:
        self.promised.update(numbers)


class ForgetfulCloud(MemoryCloud):
    """The control that doubles: it stores whatever is sent."""

    def rows(self) -> Counter[int]:
        return Counter(number for body in self.taken for number in numbers_in(body))

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[bytes] = []

    def take(self, body: bytes) -> Receipt:
        self.taken.append(body)
        return super().take(body)


class DoublingPromise(Promise):
    def __init__(self) -> None:
        super().__init__()
        self.cloud = ForgetfulCloud()


TestPromise = Promise.TestCase
TestPromise.settings = settings(
    max_examples=15,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=True,
    database=None,
)


def test_the_machine_finds_out_a_promise_that_came_too_early() -> None:
    machine = HastyPromise()
    machine.append(3, 0, prompt=False)
    machine.die_and_live_again()
    with pytest.raises(AssertionError, match="lost"):
        machine.teardown()


def test_the_machine_finds_out_a_batch_that_was_stored_twice() -> None:
    machine = DoublingPromise()
    machine.append(3, 0, prompt=False)
    for _ in range(3):
        machine.time_passes(0.6)
    machine.lease(live=True)
    machine.nothing_is_stored_twice_or_out_of_nothing()
    machine.send_and_lose_the_answer(0)
    machine.send_and_settle(0)
    with pytest.raises(AssertionError):
        machine.nothing_is_stored_twice_or_out_of_nothing()
    with pytest.raises(AssertionError):
        machine.teardown()
