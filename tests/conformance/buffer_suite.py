"""The promises of the Buffer port: the SQLite buffer is held to them, and the fake that other tests use.

A test file makes a class that inherits `BufferSuite` and has a fixture `buffer`, which hands out a buffer that runs,
and a fixture `clock`, the clock that the buffer was given.
"""

import asyncio

import pytest

from edge.errors import BufferError  # noqa: A004 - the field's word
from edge.ports import Buffer, Lease
from shared.reading import Gap, GapCause, Tag, empty, from_rows
from shared.wire import batch as wire
from shared.wire.lane import URGENCY, Lane
from tests.fakes.clock import HandClock, turns
from tests.fakes.readings import TAGS, gaps, numbered, numbers

# of `TAGS`, in their order
LANES = [Lane.PROCESS, Lane.STATE, Lane.DEBUG]


async def kept(buffer: Buffer, clock: HandClock, first: int, count: int, tag: int = 0) -> None:
    """Append and see it committed."""
    promise = await buffer.append(numbered(first, count, clock.now_us(), tag))
    await clock.until(promise.done)
    await promise


async def lent(buffer: Buffer, clock: HandClock, *, live: bool = False) -> Lease:
    """Lease one batch, letting time pass until there is one."""
    task = asyncio.create_task(buffer.lease(live=live))
    await clock.until(task.done)
    lease = await task
    assert lease is not None
    return lease


async def everything(buffer: Buffer, clock: HandClock, count: int) -> list[Lease]:
    """Lease until so many readings were lent."""
    leases: list[Lease] = []
    while sum(lease.rows for lease in leases) < count:
        leases.append(await lent(buffer, clock))
    return leases


async def batches(buffer: Buffer, clock: HandClock, count: int) -> None:
    """Let so many batches come to be, a second apart, of one reading each: 0, 1, .."""
    held: list[Lease] = []
    for number in range(count):
        await kept(buffer, clock, number, 1)
        # held, so that the next one can only be a new one
        held.append(await lent(buffer, clock, live=True))
        await clock.advance(1.0)
    for lease in held:
        await buffer.give_back(lease.id)


async def isolated(
    buffer: Buffer, clock: HandClock, poison: set[int], count: int, limit: int = 400
) -> tuple[list[int], list[bytes]]:
    """Take all batches as a cloud does that refuses some numbers, until so many arrived and all gaps with them."""
    arrived: list[int] = []
    taken: dict[wire.BatchId, bytes] = {}
    for _ in range(limit):
        if (lease := await buffer.lease(live=True, wait=False)) is None:
            await clock.advance(1.0)
            # done only when the thread's jobs before it are
            buffer.register([])
            await turns()
        elif poison & set(numbers(lease.body)):
            await buffer.give_back(lease.id, refused="there is no such number")
        else:
            assert lease.id not in taken
            taken[lease.id] = lease.body
            arrived += numbers(lease.body)
            await buffer.settle(lease.id)
        if len(arrived) == count and sum(len(gaps(body)) for body in taken.values()) == len(poison) + 1:
            break
    return arrived, list(taken.values())


class BufferSuite:
    """The promises, one a test."""

    async def test_a_tag_keeps_its_id_and_shares_it_with_no_other(self, buffer: Buffer) -> None:
        ids = buffer.register(TAGS)
        assert len(set(ids)) == len(TAGS)
        assert buffer.register([*reversed(TAGS), Tag("new", "one")])[:-1] == ids[::-1]
        assert buffer.register([]) == []

    async def test_what_was_appended_is_lent_once_whole_and_in_order(self, buffer: Buffer, clock: HandClock) -> None:
        ids = buffer.register(TAGS)
        for number in range(50):
            await kept(buffer, clock, 10 * number, 10, ids[number % 3])
        leases = await everything(buffer, clock, 500)
        assert sorted(n for lease in leases for n in numbers(lease.body)) == list(range(500))
        for tag in TAGS:
            values = []
            for lease in sorted(leases, key=lambda lease: lease.id.seq):
                batch = wire.decode(lease.body)
                rows = [batch.tags[index] == tag for index in batch.readings.tag.tolist()]
                values += batch.readings.value[rows].tolist()
            assert values == sorted(values)
            assert len(values) > 100

    async def test_a_lease_says_what_is_in_it(self, buffer: Buffer, clock: HandClock) -> None:
        (tag, *_) = buffer.register(TAGS)
        await kept(buffer, clock, 0, 7, tag)
        lease = await lent(buffer, clock)
        batch = wire.decode(lease.body)
        assert batch.header == wire.Header(lease.id, lease.rows, lease.sealed_us)
        assert lease.rows == 7
        assert batch.tags == [TAGS[0]]
        assert abs(lease.sealed_us - clock.now_us()) < 60_000_000

    async def test_texts_and_gaps_travel_too(self, buffer: Buffer, clock: HandClock) -> None:
        buffer.register(TAGS)
        gap = Gap(GapCause.OVERFLOW, 1_800_000_000_000_000, 1_800_000_000_000_001, "press-1", "force", "2 lost")
        readings = numbered(1, 2)
        readings.text[1] = "Störung: Öl"
        promise = await buffer.append(readings, [gap])
        await clock.until(promise.done)
        told, lease = await lent(buffer, clock), await lent(buffer, clock)
        assert wire.decode(lease.body).readings.text == {1: "Störung: Öl"}
        assert gap in gaps(told.body)
        assert told.id.lane is Lane.STATE, "holes are what matters most"

    async def test_gaps_without_readings_are_kept_as_well(self, buffer: Buffer, clock: HandClock) -> None:
        gap = Gap(GapCause.COMMUNICATION_LOST, 1_800_000_000_000_000, 1_800_000_000_000_009, "oven-2")
        promise = await buffer.append(empty(), [gap])
        await clock.until(promise.done)
        assert gap in gaps((await lent(buffer, clock)).body)

    async def test_a_prompt_append_is_committed_within_two_milliseconds(self, buffer: Buffer, clock: HandClock) -> None:
        buffer.register(TAGS)
        began = clock.monotonic()
        promise = await buffer.append(numbered(0, 1), prompt=True)
        await turns()
        await clock.advance(0.002)
        # the disk takes its own, real, time
        async with asyncio.timeout(60):
            await promise
        assert clock.monotonic() - began <= 0.0021

    async def test_any_append_is_committed_within_fifty_milliseconds(self, buffer: Buffer, clock: HandClock) -> None:
        buffer.register(TAGS)
        for number in range(5):
            promise = await buffer.append(numbered(number, 1))
            await turns()
            await clock.advance(0.050)
            async with asyncio.timeout(60):
                await promise

    async def test_numbers_rise_within_one_epoch_and_are_never_used_again(
        self, buffer: Buffer, clock: HandClock
    ) -> None:
        buffer.register(TAGS)
        seen: list[wire.BatchId] = []
        for number in range(5):
            await kept(buffer, clock, number, 1)
            lease = await lent(buffer, clock)
            await buffer.settle(lease.id)
            seen.append(lease.id)
            await clock.advance(1.0)
        assert len({batch.epoch for batch in seen}) == 1
        assert [batch.seq for batch in seen] == sorted({batch.seq for batch in seen})

    async def test_a_batch_is_lent_to_one_holder_at_a_time(self, buffer: Buffer, clock: HandClock) -> None:
        buffer.register(TAGS)
        await batches(buffer, clock, 3)
        held = [await buffer.lease(live=live, wait=False) for live in (True, False, True, False)]
        assert held[3] is None
        assert sorted(lease.id.seq for lease in held if lease) == [1, 2, 3]

    async def test_a_batch_given_back_is_lent_again_byte_for_byte(self, buffer: Buffer, clock: HandClock) -> None:
        buffer.register(TAGS)
        await kept(buffer, clock, 0, 3)
        lease = await lent(buffer, clock)
        await buffer.give_back(lease.id)
        assert await buffer.lease(live=False, wait=False) == lease

    async def test_giving_back_wakes_who_waits(self, buffer: Buffer, clock: HandClock) -> None:
        buffer.register(TAGS)
        await kept(buffer, clock, 0, 3)
        lease = await lent(buffer, clock)
        waiting = asyncio.create_task(buffer.lease(live=False))
        await turns()
        assert not waiting.done()
        await buffer.give_back(lease.id)
        async with asyncio.timeout(60):
            assert await waiting == lease

    async def test_a_settled_batch_is_never_lent_again(self, buffer: Buffer, clock: HandClock) -> None:
        buffer.register(TAGS)
        await batches(buffer, clock, 3)
        first = await lent(buffer, clock)
        await buffer.settle(first.id)
        await buffer.settle(first.id)
        await buffer.give_back(first.id)
        await clock.advance(2.0)
        rest = [await buffer.lease(live=False, wait=False) for _ in range(3)]
        assert [lease and lease.id.seq for lease in rest] == [2, 3, None]

    async def test_a_refused_reading_is_never_lent_again(self, buffer: Buffer, clock: HandClock) -> None:
        buffer.register(TAGS)
        await batches(buffer, clock, 2)
        first = await lent(buffer, clock)
        await buffer.give_back(first.id, refused="it names no machine")
        await clock.advance(2.0)
        rest: list[Lease] = []
        while lease := await buffer.lease(live=False, wait=False):
            rest.append(lease)
        assert [lease.id.seq for lease in rest if lease.id.lane is Lane.PROCESS] == [2]

    async def test_of_a_refused_batch_all_arrives_once_but_what_is_at_fault_which_is_told(
        self, buffer: Buffer, clock: HandClock
    ) -> None:
        ids = buffer.register(TAGS)
        began_us = clock.now_us()
        promise = await buffer.append(numbered(0, 40, began_us, ids[0]))
        await buffer.append(numbered(100, 40, began_us, ids[1]), [Gap(GapCause.OVERFLOW, 5, 9, "press-1")])
        await clock.until(promise.done)
        arrived, bodies = await isolated(buffer, clock, {7, 8, 131}, 80 - 3)
        assert sorted(arrived) == sorted({*range(40), *range(100, 140)} - {7, 8, 131})
        told = [gap for body in bodies for gap in gaps(body)]
        refused = {(gap.tag, gap.from_us, gap.to_us) for gap in told if gap.cause is GapCause.REFUSED}
        assert refused == {
            ("force", began_us + 7, began_us + 8),
            ("force", began_us + 8, began_us + 9),
            ("cycles", began_us + 31, began_us + 32),
        }
        assert [gap.cause for gap in told].count(GapCause.OVERFLOW) == 1

    async def test_a_batch_whose_number_was_used_by_another_goes_on_under_another_epoch(
        self, buffer: Buffer, clock: HandClock
    ) -> None:
        buffer.register(TAGS)
        await kept(buffer, clock, 0, 9)
        lease = await lent(buffer, clock)
        await buffer.give_back(lease.id, refused="its number was used", is_whole=True)
        await clock.advance(2.0)
        again = await lent(buffer, clock)
        assert again.id.epoch != lease.id.epoch
        assert (numbers(again.body), again.rows) == (numbers(lease.body), 9)
        assert wire.header(again.body).id == again.id
        await kept(buffer, clock, 9, 3)
        later = await lent(buffer, clock)
        assert later.id.epoch == again.id.epoch, "what is new must not meet the other machine's numbers either"
        assert later.id.seq > again.id.seq > lease.id.seq

    async def test_a_batch_whose_number_is_refused_twice_is_set_aside_undivided(
        self, buffer: Buffer, clock: HandClock
    ) -> None:
        buffer.register(TAGS)
        await kept(buffer, clock, 0, 9)
        for _ in range(2):
            lease = await lent(buffer, clock)
            await buffer.give_back(lease.id, refused="its number was used", is_whole=True)
            await clock.advance(2.0)
        rest = await buffer.lease(live=False, wait=False)
        assert rest is None or rest.rows == 0

    async def test_live_takes_the_newest_and_backlog_the_oldest(self, buffer: Buffer, clock: HandClock) -> None:
        buffer.register(TAGS)
        await batches(buffer, clock, 4)
        order = [await buffer.lease(live=live, wait=False) for live in (True, False, True, False)]
        assert [lease and lease.id.seq for lease in order] == [4, 1, 3, 2]

    async def test_each_lane_numbers_its_batches_by_itself(self, buffer: Buffer, clock: HandClock) -> None:
        ids = buffer.register(TAGS, LANES)
        for number in range(2):
            for tag in ids:
                await kept(buffer, clock, number, 1, tag)
        leases = await everything(buffer, clock, 6)
        for tag, lane in zip(TAGS, LANES, strict=True):
            mine = [lease for lease in leases if lease.id.lane is lane]
            numbers_of = [lease.id.seq for lease in mine]
            assert numbers_of == [lane.seq(number) for number in range(1, len(mine) + 1)]
            assert [n for lease in mine for n in numbers(lease.body)] == [0, 1]
            assert all(wire.decode(lease.body).tags == [tag] for lease in mine)

    async def test_one_block_may_hold_tags_of_all_lanes(self, buffer: Buffer, clock: HandClock) -> None:
        ids = buffer.register(TAGS, LANES)
        rows = from_rows([ids[2], ids[0], ids[1], ids[0]], [1, 2, 3, 4], 5, [0.0, 1.0, 2.0, 3.0])
        promise = await buffer.append(rows)
        await clock.until(promise.done)
        leases = await everything(buffer, clock, 4)
        assert {lease.id.lane: numbers(lease.body) for lease in leases} == dict(
            zip(LANES, ([1, 3], [2], [0]), strict=True)
        )

    async def test_state_goes_before_all_else_and_debug_last(self, buffer: Buffer, clock: HandClock) -> None:
        ids = buffer.register(TAGS, LANES)
        for number in range(2):
            for tag in ids:
                await kept(buffer, clock, number, 1, tag)
            await clock.advance(11.0)
        # what was to be sealed until now is sealed before this is committed
        await kept(buffer, clock, 2, 1, ids[2])
        leases = await everything(buffer, clock, 6)
        assert [lease.id.lane for lease in leases] == sorted((lease.id.lane for lease in leases), key=URGENCY.index)

    async def test_live_takes_the_newest_of_state_then_of_process(self, buffer: Buffer, clock: HandClock) -> None:
        ids = buffer.register(TAGS, LANES)
        promise = await buffer.append(from_rows([*ids], [1, 2, 3], 5, [0.0, 1.0, 2.0]))
        await clock.until(promise.done)
        order = [await lent(buffer, clock, live=True) for _ in ids]
        assert [lease.id.lane for lease in order] == list(URGENCY)

    async def test_what_was_sealed_ten_seconds_ago_is_backlog(self, buffer: Buffer, clock: HandClock) -> None:
        buffer.register(TAGS)
        await batches(buffer, clock, 3)
        await clock.advance(10.5)
        lease = await buffer.lease(live=True, wait=False)
        assert lease is not None
        assert lease.id.seq == 1

    async def test_a_wall_clock_that_jumps_makes_no_backlog_live(self, buffer: Buffer, clock: HandClock) -> None:
        buffer.register(TAGS)
        await batches(buffer, clock, 3)
        await clock.advance(10.5)
        clock.jump(-3600.0)
        lease = await buffer.lease(live=True, wait=False)
        assert lease is not None
        assert lease.id.seq == 1

    async def test_who_does_not_wait_is_told_that_there_is_nothing(self, buffer: Buffer) -> None:
        assert await buffer.lease(live=True, wait=False) is None
        assert await buffer.lease(live=False, wait=False) is None

    async def test_cancelling_who_waits_loses_nothing(self, buffer: Buffer, clock: HandClock) -> None:
        buffer.register(TAGS)
        waiting = [asyncio.create_task(buffer.lease(live=live)) for live in (True, False)]
        await turns()
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting)
        await kept(buffer, clock, 0, 1)
        assert (await lent(buffer, clock)).rows == 1

    async def test_a_closed_buffer_takes_and_lends_nothing(self, buffer: Buffer) -> None:
        buffer.register(TAGS)
        waiting = asyncio.create_task(buffer.lease(live=True))
        await turns()
        await buffer.close()  # type: ignore[attr-defined]  # closing belongs to who made it, so it is not in the port
        async with asyncio.timeout(60):
            assert await waiting is None
        assert await buffer.lease(live=False) is None
        with pytest.raises(BufferError, match="closed"):
            await buffer.append(numbered(0, 1))
