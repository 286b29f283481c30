"""The MQTT driver against real brokers: what is promised about acknowledgement, sessions, losses and refusals."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import pytest

from edge.drivers.broker.rows import Trouble
from edge.drivers.mqtt.driver import MqttDriver
from edge.errors import DriverError, DriverRefused
from edge.ports import BEFORE_US, Sample
from shared.reading import Flag, GapCause, Quality
from tests.integration.edge.drivers.mqtt.counterpart import (
    ON_AEDES,
    ON_MOSQUITTO,
    PATIENCE_S,
    SETTINGS,
    Broker,
    Line,
    Setting,
    driver,
    make,
    news,
    points,
    publish,
)

SCALES = points("scales", "plant/scales", {"w": "$.w"}, ts={"path": "$.t", "format": "unix_ms"})
PLAIN = points("plain", "plant/plain", {"v": "$"})
T0_MS = 1_795_176_000_000


@pytest.fixture(params=SETTINGS, ids=str)
def setting(request: pytest.FixtureRequest) -> Setting:
    return request.param


@pytest.fixture
async def broker(setting: Setting, tmp_path: Path) -> AsyncIterator[Broker]:
    made = make(setting, tmp_path)
    await made.start()
    yield made
    await made.stop()


def weights(first: int, count: int) -> list[tuple[str, str]]:
    return [("plant/scales", json.dumps({"w": n, "t": T0_MS + n})) for n in range(first, first + count)]


class Taker:
    """Takes samples by hand; leaves the acknowledging to its test."""

    def __init__(self, of: MqttDriver) -> None:
        self.driver = of
        self.samples: list[Sample] = []
        self._iterator = news(of)

    def values(self) -> list[float]:
        return [value for sample in self.samples for value in sample.readings.value.tolist()]

    async def take(self) -> Sample:
        async with asyncio.timeout(PATIENCE_S):
            sample = await anext(self._iterator)
        self.samples.append(sample)
        return sample

    async def until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            await self.take()

    def acknowledge(self, samples: Sequence[Sample] | None = None) -> None:
        chosen = self.samples if samples is None else samples
        self.driver.acknowledge([sample.receipt for sample in chosen if sample.receipt is not None])


@contextlib.asynccontextmanager
async def session(of: MqttDriver) -> AsyncIterator[Taker]:
    await of.open()
    try:
        yield Taker(of)
    finally:
        await of.close()


async def subscribe_once(broker: Broker, setting: Setting) -> None:
    """Let the broker know the session, as a gateway does that ran before."""
    async with session(driver(broker.port, SCALES, version=setting.version)):
        pass


async def test_readings_arrive_with_their_own_time(broker: Broker, setting: Setting) -> None:
    async with session(driver(broker.port, [*PLAIN, *SCALES], version=setting.version)) as taker:
        await publish(broker.port, ("plant/plain", "21.5"), *weights(7, 1))
        await taker.until(lambda: len(taker.values()) == 2)
        taker.acknowledge()
    assert taker.values() == [21.5, 7]
    assert [ts for sample in taker.samples for ts in sample.readings.ts.tolist()] == [0, (T0_MS + 7) * 1000]


async def test_what_is_published_while_the_gateway_is_away_waits_for_it(broker: Broker, setting: Setting) -> None:
    await subscribe_once(broker, setting)
    await publish(broker.port, *weights(0, 300))
    async with session(driver(broker.port, SCALES, version=setting.version)) as taker:
        while len(taker.values()) < 300:
            taker.acknowledge([await taker.take()])
    assert taker.values() == list(range(300))


async def test_what_is_not_on_disk_comes_again_to_the_next_process(broker: Broker, setting: Setting) -> None:
    killed = driver(broker.port, SCALES, version=setting.version)
    await killed.open()
    taker = Taker(killed)
    await publish(broker.port, *weights(0, 4))
    await taker.until(lambda: len(taker.values()) == 4)
    taker.acknowledge()
    await publish(broker.port, *weights(4, 6))
    await taker.until(lambda: len(taker.values()) == 10)
    # its successor takes the session over, as after a kill whose connection the broker has not missed yet
    async with session(driver(broker.port, SCALES, version=setting.version)) as successor:
        await successor.until(lambda: len(successor.values()) >= 6)
        successor.acknowledge()
        # Aedes 0.51 sends PUBLISH again under the same packet identifier, but as 0x32 and not 0x3a: it does not set DUP
        # (lib/handlers/connect.js, emptyQueue), which MQTT 3.1.1 demands (3.3.1.1)
        assert successor.driver.counts.redelivered == (0 if setting.broker == "aedes" else 6)
    assert successor.values() == list(range(4, 10))
    again = [ts for sample in successor.samples for ts in sample.readings.ts.tolist()]
    assert again == [(T0_MS + n) * 1000 for n in range(4, 10)], "the cloud must know them by their time"
    await killed.close()


async def test_what_was_acknowledged_before_closing_never_comes_again(broker: Broker, setting: Setting) -> None:
    async with session(driver(broker.port, SCALES, version=setting.version)) as taker:
        await publish(broker.port, *weights(0, 15))
        await taker.until(lambda: len(taker.values()) == 15)
        # more arrives behind what is acknowledged, and stays unread: closing must not tear the acknowledgements
        taker.driver.finish()
        await publish(broker.port, *weights(15, 5))
        taker.acknowledge()
    async with session(driver(broker.port, SCALES, version=setting.version)) as later:
        await later.until(lambda: len(later.values()) >= 5)
        later.acknowledge()
    assert later.values() == list(range(15, 20))
    assert later.driver.counts.redelivered in (0, 5), "sent but not read before, or not sent"


async def test_after_a_break_copies_of_what_was_taken_are_no_new_readings(broker: Broker, setting: Setting) -> None:
    async with Line(broker.port) as line:
        gateway = driver(line.port, PLAIN, version=setting.version)
        async with session(gateway) as taker:
            await publish(broker.port, *[("plant/plain", str(n)) for n in range(6)])
            await taker.until(lambda: len(taker.values()) == 6)
            line.cut()
            with pytest.raises(DriverError, match="broker"):
                await taker.take()
        # one is on disk before the copies come, the others after
        taker.acknowledge(taker.samples[:1])
        async with session(gateway) as second:
            await eventually(lambda: gateway.counts.copies == 6)
            taker.acknowledge(taker.samples[1:])
            await publish(broker.port, ("plant/plain", "6"))
            await second.until(lambda: second.values() == [6])
            second.acknowledge()
    async with session(driver(broker.port, PLAIN, version=setting.version)) as third:
        await publish(broker.port, ("plant/plain", "7"))
        await third.take()
        third.acknowledge()
    assert third.values() == [7], "all copies were acknowledged"


async def test_a_line_that_breaks_again_and_again_loses_nothing(broker: Broker, setting: Setting) -> None:
    seen: set[float] = set()
    disk_s = 0.003
    async with Line(broker.port) as line:
        gateway = driver(line.port, SCALES, version=setting.version)
        await gateway.open()
        publishing = asyncio.create_task(publish(broker.port, *weights(0, 1000)))
        for cut_after in (3, 40, 200, 500, 1000):
            taker = Taker(gateway)
            while len(seen) < cut_after:
                sample = await taker.take()
                seen |= set(sample.readings.value.tolist())
                asyncio.get_running_loop().call_later(disk_s, taker.acknowledge, [sample])
            taken = len(taker.samples)
            line.cut()
            with pytest.raises(DriverError):
                await taker.until(lambda: False)
            seen |= set(taker.values())
            # as a station does: what was taken is settled, else its copies hold places in the broker's window
            taker.acknowledge(taker.samples[taken:])
            await gateway.close()
            await gateway.open()
        await publishing
        await gateway.close()
    assert seen == set(range(1000))


async def test_a_broker_that_kept_the_session_settles_what_was_missed_of_qos_1_alone(
    broker: Broker, setting: Setting
) -> None:
    devices = [*PLAIN, *SCALES]
    gateway = driver(broker.port, devices, version=setting.version)
    async with session(gateway) as taker:
        await publish(broker.port, ("plant/plain", "1"))
        await taker.take()
        taker.acknowledge()
    async with session(gateway):
        sample = await anext(gateway.samples())
        kept = {point.device for point in devices if point.device_options.is_kept_by_source}
        assert {(word.device, word.by) for word in sample.settled} == {(device, "redelivered") for device in kept}
        assert kept
        assert sample.gaps == []


async def test_a_broker_that_forgot_the_session_leaves_a_gap_for_each_device(broker: Broker, setting: Setting) -> None:
    gateway = driver(broker.port, [*PLAIN, *SCALES], version=setting.version)
    async with session(gateway) as taker:
        await publish(broker.port, ("plant/plain", "1"))
        first = (await taker.take()).gaps
        assert all(gap.from_us == BEFORE_US for gap in first), "the first session is no gap that a driver knows of"
        taker.acknowledge()
        began_us = time.time_ns() // 1000
        await broker.stop()
        with pytest.raises(DriverError):
            await taker.take()
    await broker.start()
    async with session(gateway) as again:
        gaps = (await again.take()).gaps
        ended_us = time.time_ns() // 1000
        assert [gap.device for gap in gaps] == ["plain", "scales"]
        for gap in gaps:
            assert gap.cause is GapCause.BROKER_SESSION_LOST
            assert gap.from_us <= began_us < gap.to_us <= ended_us
        await publish(broker.port, ("plant/plain", "2"))
        assert not (await again.take()).gaps, "said once"
    async with session(gateway) as third:
        await publish(broker.port, ("plant/plain", "3"))
        assert not (await third.take()).gaps, "this session was there"


async def test_a_broker_without_a_session_from_before_says_so_for_whoever_knows_what_was(
    broker: Broker, setting: Setting
) -> None:
    gateway = driver(broker.port, [*PLAIN, *SCALES], version=setting.version)
    for told in ([("plain", BEFORE_US), ("scales", BEFORE_US)], []):
        await gateway.open()
        await publish(broker.port, ("plant/plain", "1"))
        gaps = []
        async with asyncio.timeout(PATIENCE_S):
            async for sample in gateway.samples():
                gaps += sample.gaps
                if len(sample.readings):
                    break
        await gateway.close()
        assert [(gap.device, gap.from_us) for gap in gaps] == told
        # a later process meets the session
        gateway = driver(broker.port, [*PLAIN, *SCALES], version=setting.version)


async def test_only_so_many_messages_wait_and_the_rest_stays_with_the_broker(broker: Broker, setting: Setting) -> None:
    await subscribe_once(broker, setting)
    await publish(broker.port, *weights(0, 200))
    async with session(driver(broker.port, SCALES, version=setting.version, in_flight=10)) as taker:
        await eventually(lambda: taker.driver.counts.messages >= 10)
        while len(taker.values()) < 200:
            sample = await taker.take()
            assert len(sample.readings) <= 10
            taker.acknowledge([sample])
    assert taker.values() == list(range(200))


# amqtt takes nothing from a publisher while a subscriber is slow, so nothing can flood through it
@pytest.mark.parametrize("setting", [*ON_MOSQUITTO, *ON_AEDES], ids=str)
async def test_a_flood_that_nobody_takes_fills_no_more_than_eight_mebibytes(broker: Broker, setting: Setting) -> None:
    loose = points("loose", "plant/loose", {"v": "$.v"}, qos=0)
    most = 8 * 1024 * 1024
    body = json.dumps({"v": 1, "padding": "x" * 20_000})
    async with session(driver(broker.port, loose, version=setting.version, in_flight=65535)) as taker:
        # twice as much as may wait, and the disk takes nothing
        await publish(broker.port, *[("plant/loose", body)] * (2 * most // len(body)))
        await eventually(lambda: taker.driver.counts.messages * len(body) >= most)
        held = taker.driver.counts.messages
        await publish(broker.port, *[("plant/loose", body)] * 50)
        assert taker.driver.counts.messages == held, "the socket is not read any more"
        assert held * len(body) < most + len(body)
        assert len((await taker.take()).readings) == held
        await publish(broker.port, ("plant/loose", '{"v": 2}'))
        await taker.until(lambda: taker.values()[-1] == 2)


async def test_a_malformed_message_is_told_acknowledged_and_stops_no_other(broker: Broker, setting: Setting) -> None:
    async with session(driver(broker.port, SCALES, version=setting.version)) as taker:
        await publish(broker.port, ("plant/scales", b"\xff{oops"), *weights(1, 1))
        await taker.until(lambda: len(taker.values()) == 2)
        taker.acknowledge()
    readings = [
        (s.readings.quality[row], s.readings.status[row]) for s in taker.samples for row in range(len(s.readings))
    ]
    assert readings == [(Quality.BAD, Trouble.MALFORMED), (Quality.GOOD, 0)]
    async with session(driver(broker.port, SCALES, version=setting.version)) as later:
        await publish(broker.port, *weights(2, 1))
        await later.take()
    assert later.values() == [2]


async def test_a_retained_message_is_flagged(broker: Broker, setting: Setting) -> None:
    await publish(broker.port, ("plant/plain", "5"), retain=True)
    async with session(driver(broker.port, PLAIN, version=setting.version)) as taker:
        await taker.take()
        await publish(broker.port, ("plant/plain", "6"), retain=True)
        await taker.take()
        taker.acknowledge()
    assert [sample.readings.flags.tolist() for sample in taker.samples] == [[Flag.RETAINED], [0]]


async def test_qos_0_is_taken_without_a_receipt(broker: Broker, setting: Setting) -> None:
    loose = points("loose", "plant/loose", {"v": "$"}, qos=0)
    async with session(driver(broker.port, loose, version=setting.version)) as taker:
        await publish(broker.port, ("plant/loose", "1"))
        assert (await taker.take()).receipt is None


async def test_a_topic_of_an_earlier_configuration_is_acknowledged_and_counted(
    broker: Broker, setting: Setting
) -> None:
    async with session(driver(broker.port, [*PLAIN, *SCALES], version=setting.version)):
        pass
    async with session(driver(broker.port, SCALES, version=setting.version)) as taker:
        await publish(broker.port, ("plant/plain", "1"), *weights(1, 1))
        await taker.until(lambda: taker.values() == [1])
        taker.acknowledge()
        events = taker.driver.figures().events
        assert {event: count for event, count in events.items() if count} == {"messages": 2, "unrouted": 1}
    async with session(driver(broker.port, PLAIN, version=setting.version)) as later:
        await publish(broker.port, ("plant/plain", "2"))
        await later.take()
    assert later.values() == [2]


async def test_finishing_yields_what_arrived_and_its_acknowledgement_still_goes_out(
    broker: Broker, setting: Setting
) -> None:
    async with session(driver(broker.port, SCALES, version=setting.version)) as taker:
        await publish(broker.port, *weights(0, 3))
        await eventually(lambda: taker.driver.counts.messages == 3)
        taker.driver.finish()
        await publish(broker.port, *weights(3, 2))
        with pytest.raises(StopAsyncIteration):
            await taker.until(lambda: False)
        assert taker.values() == [0, 1, 2]
        taker.acknowledge()
    async with session(driver(broker.port, SCALES, version=setting.version)) as later:
        await later.until(lambda: len(later.values()) == 2)
        later.acknowledge()
    assert later.values() == [3, 4]


async def test_a_wrong_password_is_a_refusal(setting: Setting, tmp_path: Path) -> None:
    broker = make(setting, tmp_path, {"mes": "right"})
    await broker.start()
    try:
        login = {"version": setting.version, "username": "mes"}
        with pytest.raises(DriverRefused, match=r"connection broker.*user name"):
            await driver(broker.port, SCALES, password="wrong", **login).open()
        async with session(driver(broker.port, SCALES, password="right", **login)):
            pass
    finally:
        await broker.stop()


async def test_a_second_client_of_the_same_name_takes_the_session_over(broker: Broker, setting: Setting) -> None:
    first = driver(broker.port, SCALES, version=setting.version)
    async with session(first) as taker, session(driver(broker.port, SCALES, version=setting.version)) as second:
        with pytest.raises(DriverError, match="does another client call itself 'test-gateway'"):
            await taker.take()
        await publish(broker.port, *weights(1, 1))
        await second.take()


async def test_a_half_open_connection_is_noticed_within_twice_the_keepalive(broker: Broker, setting: Setting) -> None:
    async with Line(broker.port) as line:
        async with session(driver(line.port, SCALES, version=setting.version, keepalive="1s")) as taker:
            line.freeze()
            frozen = time.monotonic()
            with pytest.raises(DriverError, match="Keep alive"):
                await taker.take()
            assert time.monotonic() - frozen < 30
            closing = time.monotonic()
        assert time.monotonic() - closing < 30, "closing a dead connection is bounded in time"


async def eventually(condition: Callable[[], bool]) -> None:
    """Look again and again until the condition holds."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - what it looks at signals nothing
            await asyncio.sleep(0.005)
