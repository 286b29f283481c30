"""After a cut: what the server kept comes once; the rest comes from its history or is a gap, and none is silent."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from asyncua import ua

from edge.acquisition.station import Station
from edge.clock import SystemClock
from edge.drivers.spec import Surroundings
from edge.errors import DriverError
from edge.ports import Sample, Tense
from shared.reading import ClosedBy, Gap, GapCause, Quality, concatenate
from tests.fakes.recording import RecordingBuffer
from tests.integration.edge.drivers.opcua.plc import Cable, Plc, Taker, driver, eventually, points, taking


def gaps(taker: Taker) -> list[Gap]:
    return [gap for sample in taker.samples for gap in sample.gaps]


def settled(taker: Taker) -> list[tuple[str, str | None]]:
    """Of which devices it became known what was missed, and what brought it."""
    return [(word.device, word.by) for sample in taker.samples for word in sample.settled]


def good(taker: Taker, *, tense: Tense | None = None) -> list[float]:
    """Values in the order in which they came, without those that only say again what was said."""
    told: list[Sample] = [
        sample for sample in taker.samples if sample.tense is not Tense.AGAIN and tense in (None, sample.tense)
    ]
    block = concatenate([sample.readings for sample in told])
    return block.value[block.quality == Quality.GOOD].tolist()


async def forget_subscriptions(plc: Plc) -> None:
    """Like a server that restarted; what it keeps history with is its own."""
    for session in plc.sessions():
        await session.close_session(True)  # type: ignore[attr-defined]


async def test_what_the_server_queued_over_a_cut_comes_once_and_leaves_no_gap(plc: Plc) -> None:
    await plc.put("force", 0.0)
    async with Cable(plc.port) as cable:
        built = driver(cable.port, points(["force"]))
        async with taking(built) as before:
            await before.until(lambda: good(before) == [0.0])
            cable.cut()
            await before.until(lambda: before.error)
        for n in range(1, 30):
            await plc.put("force", float(n))
        async with taking(built) as after:
            await after.until(lambda: good(after)[-1:] == [29.0])
            await plc.put("force", 30.0)
            await after.until(lambda: good(after)[-1:] == [30.0])
        assert good(after) == [float(n) for n in range(1, 31)]
        assert gaps(after) == []
        assert settled(after) == [("press", ClosedBy.REDELIVERED)]
        assert good(after, tense=Tense.PAST) == [float(n) for n in range(1, 30)]
    await eventually(lambda: not plc.sessions())


async def test_a_notification_that_was_on_its_way_is_asked_for_again(plc: Plc) -> None:
    await plc.put("force", 0.0)
    async with Cable(plc.port) as cable:
        built = driver(cable.port, points(["force"]))
        async with taking(built) as before:
            await before.until(lambda: good(before) == [0.0])
            # the server sends, nobody receives: it counts as sent
            (client,) = plc._binary.clients  # type: ignore[union-attr]
            await eventually(lambda: client.processor._publish_requests)
            cable.hang()
            await plc.put("force", 1.0)
            (subscription,) = plc.subscriptions()
            await eventually(lambda: not subscription._triggered_datachanges)  # type: ignore[attr-defined]
            cable.cut()
            await before.until(lambda: before.error)
        cable.heal()
        await plc.put("force", 2.0)
        async with taking(built) as after:
            await after.until(lambda: 2.0 in good(after))
        assert good(before) + good(after) == [0.0, 1.0, 2.0]
        assert gaps(after) == []


async def test_a_session_that_is_gone_leaves_its_subscription_to_the_next_one(plc: Plc) -> None:
    await plc.put("force", 0.0)
    async with Cable(plc.port) as cable:
        built = driver(cable.port, points(["force"]))
        async with taking(built) as before:
            await before.until(lambda: good(before) == [0.0])
            cable.cut()
            await before.until(lambda: before.error)
        for session in plc.sessions():
            await session.close_session(False)  # type: ignore[attr-defined]
        await plc.put("force", 1.0)
        async with taking(built) as after:
            # asyncua asks the dead connection for publish requests after a transfer: a keep-alive later it is right
            (subscription,) = plc.subscriptions()
            (client,) = plc._binary.clients  # type: ignore[union-attr]
            subscription.pub_request_callback = client.processor.get_publish_request  # type: ignore[attr-defined]
            await after.until(lambda: 1.0 in good(after))
        assert good(after) == [1.0]
        assert gaps(after) == []


async def test_without_history_a_new_subscription_leaves_a_gap_where_something_changed(plc: Plc) -> None:
    await plc.put("force", 0.0)
    await plc.put("rest", 5.0)
    device = points(["force", "rest"])
    async with Cable(plc.port) as cable:
        built = driver(cable.port, device)
        async with taking(built) as before:
            await before.until(lambda: len(good(before)) == 2)
            cut_us = time.time_ns() // 1000
            cable.cut()
            await before.until(lambda: before.error)
        await forget_subscriptions(plc)
        await plc.put("force", 1.0)
        await plc.put("force", 2.0)
        async with taking(built) as after:
            await after.until(lambda: good(after) == [2.0])
        (gap,) = gaps(after)
        assert (gap.cause, gap.device, gap.tag) == (GapCause.COMMUNICATION_LOST, "press", None)
        assert gap.from_us <= cut_us < gap.to_us


async def test_a_server_at_rest_has_missed_nothing(plc: Plc) -> None:
    await plc.put("force", 0.0)
    async with Cable(plc.port) as cable:
        built = driver(cable.port, points(["force"]))
        async with taking(built) as before:
            await before.until(lambda: good(before) == [0.0])
            cable.cut()
            await before.until(lambda: before.error)
        await forget_subscriptions(plc)
        async with taking(built) as after:
            await after.until(lambda: settled(after))
        assert gaps(after) == []
        assert settled(after) == [("press", ClosedBy.UNCHANGED)]
        assert good(after) == [], "said before, so it is only said again"


@pytest.fixture
async def historian(plc: Plc) -> Plc:
    """The server keeps a history of `force`, in memory."""
    await plc.put("force", 0.0)
    await plc.put("plain", 0.0)
    await plc.historize("force")
    return plc


async def lose(plc: Plc, built: object, cable: Cable, known: float) -> None:
    """Watch until a value was seen, then lose connection, session and subscription."""
    async with taking(built) as before:  # type: ignore[arg-type]
        await before.until(lambda: known in good(before))
        cable.cut()
        await before.until(lambda: before.error)
    await forget_subscriptions(plc)


async def test_history_fills_what_the_server_did_not_queue_and_leaves_no_gap(historian: Plc) -> None:
    plc = historian
    await plc.put("force", 1.0)
    async with Cable(plc.port) as cable:
        built = driver(cable.port, points(["force"]), backfill="history")
        await lose(plc, built, cable, 1.0)
        for n in range(2, 20):
            await plc.put("force", float(n))
        async with taking(built) as after:
            await after.until(lambda: 19.0 in good(after))
            await plc.put("force", 20.0)
            await after.until(lambda: 20.0 in good(after))
        assert good(after) == [float(n) for n in range(2, 21)], "each once, in order"
        assert good(after, tense=Tense.PAST) == [float(n) for n in range(2, 19)]
        assert gaps(after) == []
        assert settled(after) == [("press", ClosedBy.HISTORY)]


@pytest.mark.parametrize("was_down", [False, True])
async def test_history_brings_server_times_too_and_they_keep_no_gap_open(historian: Plc, was_down: bool) -> None:
    plc, epoch = historian, datetime(1970, 1, 1, tzinfo=UTC)
    base_us = await plc.put("force", 1.0)

    async def put(n: int) -> int:
        at_us = base_us + n * 1_000_000
        return await plc.put("force", float(n), at_us, ServerTimestamp=epoch + timedelta(microseconds=at_us + 7))

    device = points(["force"], every_s=1.0, server_time=True)
    around = Surroundings(down_since_us=base_us + 500_000 if was_down else None)
    async with Cable(plc.port) as cable:
        built = driver(cable.port, device, around=around, backfill="history")
        if not was_down:
            await lose(plc, built, cable, 1.0)
        said = [await put(n) for n in range(2, 6)]
        async with taking(built) as after:
            await after.until(lambda: float(said[-1] + 7) in after.values(1))
            await after.until(lambda: settled(after))
    assert [value for value in after.values(1) if value in {at + 7 for at in said}] == [float(at + 7) for at in said]
    assert gaps(after) == []
    assert settled(after) == [("press", ClosedBy.HISTORY)]
    assert [word.waiting for sample in after.samples for word in sample.settled] in ([()], [[]])


async def test_a_history_that_begins_later_shrinks_the_gap_and_says_which_tag(historian: Plc) -> None:
    plc = historian
    base_us = await plc.put("force", 1.0, time.time_ns() // 1000 - 60_000_000)
    async with Cable(plc.port) as cable:
        built = driver(cable.port, points(["force", "plain"]), backfill="history")
        await lose(plc, built, cable, 1.0)
        for n in range(2, 8):
            await plc.put("force", float(n), base_us + n * 1_000_000)
        kept = plc.history._datachanges[plc.node("force")]
        lost, kept[:] = kept[:-3], kept[-3:]
        assert len(lost) > 3
        await plc.put("plain", 1.0)
        async with taking(built) as after:
            await after.until(lambda: 7.0 in good(after) and 1.0 in good(after))
        assert [value for value in good(after) if value > 1.0] == [5.0, 6.0, 7.0]
        by_tag = {gap.tag: gap for gap in gaps(after)}
        assert set(by_tag) == {"force", "plain"}
        first_us = int(kept[0].SourceTimestamp.timestamp() * 1e6)
        assert abs(by_tag["force"].to_us - first_us) <= 1


async def test_what_happened_while_the_gateway_was_down_comes_from_history(historian: Plc) -> None:
    plc = historian
    down_us = await plc.put("force", 1.0)
    for n in range(2, 6):
        await plc.put("force", float(n), down_us + n * 1_000_000)
    built = driver(
        plc.port,
        points(["force"], every_s=1.0),
        around=Surroundings(down_since_us=down_us + 500_000),
        backfill="history",
    )
    async with taking(built) as after:
        await after.until(lambda: 5.0 in good(after))
    assert good(after)[-4:] == [2.0, 3.0, 4.0, 5.0]
    assert gaps(after) == []


@pytest.fixture
async def one_by_one(historian: Plc) -> AsyncIterator[Plc]:
    """It reads the history of one node a call."""
    limit = ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerHistoryReadData
    node = historian.server.get_node(ua.NodeId(ua.Int32(limit)))
    before = await node.read_data_value()
    await node.write_value(ua.Variant(1, ua.VariantType.UInt32))
    yield historian
    await node.write_value(before)


async def test_a_cut_while_history_is_read_costs_nothing_of_what_was_missed(one_by_one: Plc) -> None:
    plc = one_by_one
    await plc.historize("plain")
    down_us = await plc.put("force", 1.0)
    await plc.put("plain", 101.0, down_us)
    for n in range(2, 6):
        await plc.put("force", float(n), down_us + n * 1_000_000)
        await plc.put("plain", 100.0 + n, down_us + n * 1_000_000)
    around = Surroundings(down_since_us=down_us + 500_000)
    async with Cable(plc.port) as cable:
        built = driver(cable.port, points(["force", "plain"], every_s=1.0), around=around, backfill="history")
        await built.open()
        samples = built.samples()
        first = await anext(samples)
        while first.tense is not Tense.PAST:
            first = await anext(samples)
        # the history of one of the two has come
        cable.cut()
        with pytest.raises(DriverError):
            async for _ in samples:
                pass
        await built.close()
        async with taking(built) as after:
            await after.until(lambda: {5.0, 105.0} <= set(good(after)))
            await after.until(lambda: settled(after))
    had = first.readings.value.tolist() + good(after)
    assert {2.0, 3.0, 4.0, 5.0, 102.0, 103.0, 104.0, 105.0} <= set(had)
    assert gaps(after) == []
    assert settled(after) == [("press", ClosedBy.HISTORY)]


async def test_without_history_the_time_that_the_gateway_was_down_is_a_gap(plc: Plc) -> None:
    now_us = await plc.put("force", 1.0)
    since_us = now_us - 60_000_000
    async with taking(driver(plc.port, points(["force"]), around=Surroundings(down_since_us=since_us))) as taker:
        await taker.until(taker.rows)
    (gap,) = gaps(taker)
    assert (gap.cause, gap.device, gap.tag) == (GapCause.GATEWAY_DOWN, "press", None)
    assert gap.from_us <= since_us
    assert gap.to_us >= now_us


async def test_with_backfill_none_nothing_is_left_on_the_server(plc: Plc) -> None:
    await plc.put("force", 0.0)
    async with Cable(plc.port) as cable:
        built = driver(cable.port, points(["force"]), backfill="none")
        async with taking(built) as before:
            await before.until(before.rows)
            cable.cut()
            await before.until(lambda: before.error)
        await plc.put("force", 1.0)
        async with taking(built) as after:
            await after.until(lambda: 1.0 in good(after))
        assert [gap.device for gap in gaps(after)] == ["press"]


async def test_the_station_stores_each_value_once_and_no_gap_over_a_cut(plc: Plc) -> None:
    """Negative control: with the session not taken back (backfill none) the same cut leaves a gap and fewer values."""
    stored = {}
    for backfill in ("republish", "none"):
        await plc.put("force", 0.0)
        plan = points(["force"])
        clock = SystemClock()
        buffer = RecordingBuffer(clock)
        async with Cable(plc.port) as cable:
            station = Station("plc", "opcua", driver(cable.port, plan, backfill=backfill), plan, buffer, clock)
            task = asyncio.create_task(station.run())
            await eventually(lambda buffer=buffer: buffer.values)  # type: ignore[misc]
            cable.cut()
            for n in range(1, 20):
                await plc.put("force", float(n))
            await eventually(lambda buffer=buffer: ("force", 19.0) in buffer.values)  # type: ignore[misc]
            station.finish()
            await task
        told = concatenate([append.readings for append in buffer.appends])
        values = [value for _, value in buffer.values]
        stored[backfill] = (values, buffer.gaps)
        # the outage was told when it began, and under the same name what became of it
        assert len({gap.id for gap in buffer.ledger if gap.id}) == 1
        last = buffer.ledger[-1]
        assert (last.is_open, last.closed_by) == (False, ClosedBy.REDELIVERED if backfill == "republish" else None)
        newest = int(told.ts.argmax())
        assert (told.value[newest], told.quality[newest]) == (19.0, Quality.GOOD)
        await forget_subscriptions(plc)
    values, holes = stored["republish"]
    assert values[:20] == [float(n) for n in range(20)]
    assert set(values[20:]) <= {19.0}, "it is stated again if the loss was told after it"
    assert holes == []
    values, holes = stored["none"]
    assert len(values) < 20
    assert len(holes) == 1
