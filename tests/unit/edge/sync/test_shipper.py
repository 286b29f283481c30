"""The shipper: everything lent arrives once, live before backlog, whatever the cloud does in between."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from structlog.testing import capture_logs

from edge.ports import Lease
from edge.sync.link import LinkState
from edge.sync.pace import Pace
from edge.sync.shipper import Shipper
from shared.reading import GapCause
from shared.wire.lane import Lane
from tests.fakes.buffer import MemoryBuffer
from tests.fakes.clock import HandClock, turns
from tests.fakes.cloud import MemoryCloud, MemoryUplink, away, busy, refusing, refusing_numbers, stranger
from tests.fakes.readings import TAGS, gaps, numbered


class Walk:
    """A buffer, a shipper, an uplink and a cloud."""

    def __init__(self, max_in_flight: int = 3) -> None:
        self.clock = HandClock()
        self.buffer = MemoryBuffer(self.clock)
        self.buffer.register(TAGS)
        self.cloud = MemoryCloud()
        self.uplink = MemoryUplink(self.cloud)
        self.shipper = Shipper(self.buffer, self.uplink, self.clock, max_in_flight=max_in_flight)
        self._next = 0

    async def seal(self, count: int, *, age_s: float = 0.0) -> None:
        """Let batches of one reading each come to be, and grow old."""
        for _ in range(count):
            await self.buffer.append(numbered(self._next, 1))
            self._next += 1
        await self.clock.advance(age_s)

    @contextlib.asynccontextmanager
    async def shipping(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.shipper.run())
        await turns(30)
        yield
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()

    @property
    def order(self) -> list[int]:
        return [batch.seq for batch in self.cloud.order]


async def test_what_is_lent_arrives_once_and_is_settled() -> None:
    walk = Walk()
    async with walk.shipping():
        await walk.seal(20)
        await turns(300)
    assert sorted(walk.order) == list(range(1, 21))
    assert walk.cloud.rows() == dict.fromkeys(range(20), 1)
    assert walk.buffer.batches == {}
    status = walk.shipper.status()
    assert (status.state, status.sent, status.settled, status.rows) == (LinkState.UP, 20, 20, 20)
    assert (status.refused, status.retries, status.duplicates, status.in_flight) == (0, 0, 0, 0)
    assert status.last_receipt_us == walk.clock.now_us()


async def test_live_goes_before_backlog_and_backlog_oldest_first() -> None:
    walk = Walk()
    await walk.seal(40, age_s=60.0)
    walk.uplink.gate.clear()
    async with walk.shipping():
        await walk.seal(1)
        walk.uplink.gate.set()
        await turns(300)
    live = walk.order.index(41)
    assert live < 6, "the live batch waited for the backlog"
    backlog = [seq for seq in walk.order if seq != 41]
    assert all(abs(seq - place) <= 3 for place, seq in enumerate(backlog, start=1)), backlog


async def test_with_one_in_flight_live_still_goes_first_and_nothing_starves() -> None:
    walk = Walk(max_in_flight=1)
    await walk.seal(10, age_s=60.0)
    walk.uplink.gate.clear()
    async with walk.shipping():
        await walk.seal(1)
        walk.uplink.gate.set()
        await turns(300)
    assert walk.order.index(11) <= 2
    assert sorted(walk.order) == list(range(1, 12))
    assert walk.uplink.most_at_once == 1


@pytest.mark.parametrize("max_in_flight", [1, 3, 4])
async def test_no_more_than_so_many_are_under_way(max_in_flight: int) -> None:
    walk = Walk(max_in_flight)
    async with walk.shipping():
        await walk.seal(1)
        await turns(50)
        walk.uplink.gate.clear()
        await walk.seal(20)
        await turns(300)
        assert walk.uplink.at_once == max_in_flight
        walk.uplink.gate.set()
        await turns(300)
    assert walk.uplink.most_at_once == max_in_flight
    assert len(walk.order) == 21


async def test_while_the_cloud_is_away_one_probe_at_a_time_is_sent() -> None:
    walk = Walk()
    async with walk.shipping():
        await walk.seal(1)
        await turns(50)
        walk.uplink.fault = away
        await walk.seal(10)
        await turns(50)
        walk.uplink.most_at_once = 0
        before = len(walk.uplink.sent)
        await walk.clock.advance(600.0)
        probes = len(walk.uplink.sent) - before
        assert walk.uplink.most_at_once == 1
        # ten minutes of windows that grow to 60 s, half of them waited on average
        assert 8 <= probes <= 60
        assert walk.shipper.status().state is LinkState.DOWN
        walk.uplink.fault = None
        await walk.clock.advance(61.0)
        await turns(300)
    assert sorted(walk.order) == list(range(1, 12))
    assert walk.cloud.rows() == dict.fromkeys(range(11), 1)
    assert walk.shipper.status().state is LinkState.UP


async def test_a_lost_answer_is_made_good_by_sending_again() -> None:
    walk = Walk()
    async with walk.shipping():
        walk.uplink.loses = True
        await walk.seal(5)
        await turns(50)
        await walk.clock.advance(100.0)
        assert len(walk.buffer.batches) == 5, "nothing is forgotten without a receipt"
        walk.uplink.loses = False
        await walk.clock.advance(61.0)
        await turns(300)
    assert walk.cloud.rows() == dict.fromkeys(range(5), 1)
    assert walk.buffer.batches == {}
    status = walk.shipper.status()
    assert status.settled == 5
    assert status.duplicates >= 1
    assert status.retries >= 1


async def test_when_to_come_again_is_obeyed() -> None:
    walk = Walk()
    async with walk.shipping():
        walk.uplink.fault = busy(40.0)
        await walk.seal(1)
        await turns(50)
        before = len(walk.uplink.sent)
        await walk.clock.advance(39.9)
        assert len(walk.uplink.sent) == before
        await walk.clock.advance(1.2)
        assert len(walk.uplink.sent) == before + 1


async def test_a_refused_token_stops_sending_but_for_a_slow_probe_and_loses_nothing() -> None:
    walk = Walk()
    with capture_logs() as logs:
        async with walk.shipping():
            walk.uplink.fault = stranger
            await walk.seal(6)
            await turns(100)
            before = len(walk.uplink.sent)
            await walk.clock.advance(600.0)
            assert 7 <= len(walk.uplink.sent) - before <= 10
            assert walk.shipper.status().state is LinkState.UNAUTHORIZED
            assert walk.buffer.quarantine == {}
            walk.uplink.fault = None
            await walk.clock.advance(76.0)
            await turns(300)
    assert walk.cloud.rows() == dict.fromkeys(range(6), 1)
    assert [entry["log_level"] for entry in logs] == ["error", "info"], "said once, and once that it is over"


async def test_a_refused_batch_is_set_aside_with_the_reason_and_the_next_goes_on() -> None:
    walk = Walk()
    async with walk.shipping():
        walk.uplink.fault = refusing(2, 3)
        await walk.seal(6)
        await turns(300)
    # and a batch each that tells the hole
    assert sorted(walk.order) == [1, 4, 5, 6, Lane.STATE.seq(1), Lane.STATE.seq(2)]
    assert walk.buffer.quarantine == {2: "batch 2 names no machine", 3: "batch 3 names no machine"}
    status = walk.shipper.status()
    assert (status.refused, status.settled, status.state) == (2, 6, LinkState.UP)


async def test_of_a_batch_refused_for_a_reading_all_others_arrive_and_it_alone_is_set_aside() -> None:
    walk = Walk()
    walk.uplink.fault = refusing_numbers(77, 912)
    async with walk.shipping():
        await walk.buffer.append(numbered(0, 1000, walk.clock.now_us()))
        await turns(2000)
    assert walk.cloud.rows() == dict.fromkeys(set(range(1000)) - {77, 912}, 1)
    assert set(walk.buffer.quarantine.values()) == {"there is no 77", "there is no 912"}
    told = [(gap.cause, gap.tag) for body in walk.cloud.batches.values() for gap in gaps(body)]
    assert told == [(GapCause.REFUSED, "force")] * 2


async def test_a_batch_whose_identity_was_used_arrives_under_another() -> None:
    walk = Walk()
    await walk.seal(1)
    used = walk.buffer.batches[1].id
    walk.cloud.batches[used] = b"another content"
    async with walk.shipping():
        await turns(100)
    assert (walk.buffer.batches, walk.buffer.quarantine, walk.shipper.status().sent) == ({}, {}, 2)
    (other,) = walk.cloud.batches.keys() - {used}
    assert other.epoch != used.epoch


async def test_a_defect_on_the_way_out_is_tried_again_and_does_not_stop_the_gateway() -> None:
    walk = Walk()
    defects = 3

    def defect(lease: Lease) -> None:
        nonlocal defects
        defects -= 1
        if defects >= 0:
            raise ZeroDivisionError

    walk.uplink.fault = defect
    async with walk.shipping():
        await walk.seal(2)
        await turns(50)
        await walk.clock.advance(100.0)
        await turns(100)
        assert "ZeroDivisionError" in (walk.shipper.status().last_error or "")
    assert walk.cloud.rows() == {0: 1, 1: 1}


async def test_being_cancelled_gives_back_what_was_under_way() -> None:
    walk = Walk()
    async with walk.shipping():
        await walk.seal(1)
        await turns(50)
        walk.uplink.gate.clear()
        await walk.seal(3)
        await turns(50)
        assert walk.uplink.at_once == 3
    assert len(walk.buffer.batches) == 3
    walk.uplink.gate.set()
    assert await walk.shipper.drain(5.0)
    assert walk.cloud.rows() == dict.fromkeys(range(4), 1)


async def test_it_ends_by_itself_when_the_buffer_is_closed() -> None:
    walk = Walk()
    task = asyncio.create_task(walk.shipper.run())
    await walk.seal(3)
    await turns(100)
    await walk.buffer.close()
    async with asyncio.timeout(60):
        await task
    assert len(walk.order) == 3


@pytest.mark.parametrize("is_running", [True, False])
async def test_draining_brings_all_that_is_sealed(is_running: bool) -> None:
    walk = Walk()
    await walk.seal(12, age_s=60.0)
    async with contextlib.AsyncExitStack() as stack:
        if is_running:
            await stack.enter_async_context(walk.shipping())
        assert await walk.shipper.drain(5.0)
        assert walk.buffer.batches == {}
    assert walk.cloud.rows() == dict.fromkeys(range(12), 1)


async def test_draining_waits_for_what_is_under_way() -> None:
    walk = Walk()
    async with walk.shipping():
        await walk.seal(1)
        await turns(50)
        walk.uplink.gate.clear()
        await walk.seal(2)
        await turns(50)
        draining = asyncio.create_task(walk.shipper.drain(5.0))
        await turns(50)
        assert not draining.done()
        walk.uplink.gate.set()
        assert await asyncio.wait_for(draining, 60)
    assert len(walk.order) == 3


async def test_draining_ends_at_its_deadline() -> None:
    walk = Walk()
    async with walk.shipping():
        walk.uplink.gate.clear()
        await walk.seal(4)
        draining = asyncio.create_task(walk.shipper.drain(5.0))
        await walk.clock.advance(4.9)
        assert not draining.done()
        await walk.clock.advance(0.2)
        assert await asyncio.wait_for(draining, 60) is False
    assert len(walk.buffer.batches) == 4


async def test_draining_does_not_wait_for_a_cloud_that_is_away() -> None:
    walk = Walk()
    async with walk.shipping():
        walk.uplink.fault = away
        await walk.seal(4)
        await turns(50)
        assert await asyncio.wait_for(walk.shipper.drain(5.0), 60) is False
    walk = Walk()
    walk.uplink.fault = away
    await walk.seal(2)
    assert await asyncio.wait_for(walk.shipper.drain(5.0), 60) is False
    assert len(walk.buffer.batches) == 2


async def test_draining_nothing_is_done_at_once() -> None:
    walk = Walk()
    async with walk.shipping():
        assert await asyncio.wait_for(walk.shipper.drain(5.0), 60) is True


async def test_what_waited_keeps_to_its_pace_and_holds_up_nothing_new() -> None:
    walk = Walk()
    await walk.seal(20, age_s=60.0)
    size = len(walk.buffer.batches[1].body)
    pace = Pace(size, walk.clock)
    walk.shipper = Shipper(walk.buffer, walk.uplink, walk.clock, pace=pace)
    async with walk.shipping():
        await walk.clock.advance(5.0)
        # one batch a second, each slot's first included
        assert 5 <= len(walk.order) <= 7
        await walk.seal(1)
        await walk.clock.advance(0.6)
        assert 21 in walk.order, "the live batch waited for the backlog's pace"
        await walk.clock.advance(60.0)
        await turns(300)
    assert sorted(walk.order) == list(range(1, 22))
    assert walk.buffer.batches == {}


async def test_a_stop_does_not_push_out_what_is_to_keep_a_pace() -> None:
    walk = Walk()
    await walk.seal(20, age_s=60.0)
    pace = Pace(len(walk.buffer.batches[1].body), walk.clock)
    shipper = Shipper(walk.buffer, walk.uplink, walk.clock, pace=pace)
    await pace.turn(10_000)
    assert not await shipper.drain(3.0)
    assert walk.order == []
    assert len(walk.buffer.batches) == 20
