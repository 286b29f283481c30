"""The MQTT driver and brokers on a bad day: refusals, silence, garbage, and words said in mid-session."""

import asyncio
import time

import numpy as np
import pytest

from edge.drivers.broker.rows import Trouble
from edge.errors import DriverError, DriverRefused
from shared.reading import Quality
from tests.integration.edge.drivers.mqtt.counterpart import PATIENCE_S, driver, news, points
from tests.integration.edge.drivers.mqtt.scripted import (
    DISCONNECT,
    PUBACK,
    ScriptedBroker,
    connack,
    disconnect,
    publish,
)

TWO = [*points("a", "plant/a", {"v": "$"}), *points("b", "plant/b", {"v": "$", "w": "$.w"})]


@pytest.mark.parametrize(
    ("v5", "code", "told", "is_final"),
    [
        # paho takes this one for a breach of the protocol
        (False, 1, "`version: 3`", False),
        (False, 2, "Client identifier not valid", True),
        (False, 3, "Server unavailable", False),
        (False, 4, "Bad user name or password", True),
        (False, 5, "Not authorized", True),
        (True, 1, "Unsupported protocol version", True),
        (True, 0x86, "Bad user name or password", True),
        (True, 0x87, "Not authorized", True),
        (True, 0x89, "Server busy", False),
        (True, 0x8A, "Banned", True),
    ],
)
async def test_a_refusal_is_told_apart_from_what_may_mend_itself(
    v5: bool, code: int, told: str, is_final: bool
) -> None:
    async with ScriptedBroker(connack(code, v5=v5)) as broker:
        with pytest.raises(DriverError, match=told) as error:
            await driver(broker.port, TWO, version=5 if v5 else 3).open()
    assert isinstance(error.value, DriverRefused) == is_final
    assert error.value.retryable != is_final


@pytest.mark.parametrize("v5", [False, True])
async def test_a_topic_that_is_refused_is_told_as_bad_and_the_others_go_on(v5: bool) -> None:
    async with ScriptedBroker(grants=(1, 0x80), v5=v5) as broker:
        gateway = driver(broker.port, TWO, version=5 if v5 else 3)
        await gateway.open()
        async with asyncio.timeout(PATIENCE_S):
            readings = (await anext(news(gateway))).readings
        await gateway.close()
    assert readings.tag.tolist() == [1, 2]
    assert set(readings.status.tolist()) == {Trouble.NOT_SUBSCRIBED}
    assert set(readings.quality.tolist()) == {Quality.BAD}
    assert np.isnan(readings.value).all()


async def test_a_broker_that_refuses_every_topic_refuses_the_session() -> None:
    async with ScriptedBroker(grants=(0x80, 0x80)) as broker:
        with pytest.raises(DriverRefused, match="refuses all topics, 'plant/a' first"):
            await driver(broker.port, TWO).open()


async def test_a_broker_that_gives_only_qos_0_breaks_the_promise_and_is_refused() -> None:
    async with ScriptedBroker(grants=(1, 0)) as broker:
        with pytest.raises(DriverRefused, match=r"'plant/b' with QoS 0 only.*`qos: 0`"):
            await driver(broker.port, TWO).open()


@pytest.mark.parametrize("grants", [None, (1, 1)])
async def test_silence_is_waited_for_no_longer_than_the_time_limit(grants: tuple[int, ...] | None) -> None:
    # it takes the connection and never greets, or greets and never grants
    async with ScriptedBroker(connack() if grants is None else b"", grants) as broker:
        began = time.monotonic()
        with pytest.raises(DriverError, match=r"did not let us connect and subscribe within 0.3 s"):
            await driver(broker.port, TWO, timeout="300ms").open()
        assert 0.25 < time.monotonic() - began < 30


@pytest.mark.parametrize("garbage", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x20\x01\x00", b"\xff" * 64, b"\x90\x00"])
async def test_what_is_no_broker_is_an_error_and_no_crash(garbage: bytes) -> None:
    async with ScriptedBroker(garbage) as broker:
        with pytest.raises(DriverError, match="connection broker"):
            await driver(broker.port, TWO, timeout="300ms").open()


async def test_garbage_in_mid_session_ends_it_after_what_had_arrived() -> None:
    async with ScriptedBroker(grants=(1, 1)) as broker:
        gateway = driver(broker.port, TWO)
        await gateway.open()
        samples = news(gateway)
        broker.say(publish(1, "plant/a", b"1") + b"\x32\x02\x00\x00")
        async with asyncio.timeout(PATIENCE_S):
            assert (await anext(samples)).readings.value.tolist() == [1]
            with pytest.raises(DriverError):
                await anext(samples)
        await gateway.close()


async def test_a_broker_that_says_why_it_ends_the_session_is_quoted() -> None:
    async with ScriptedBroker(grants=(1, 1), v5=True) as broker:
        gateway = driver(broker.port, TWO, version=5)
        for code, told, is_final in (
            (0x8E, "does another client call itself 'test-gateway'", True),
            (0x8B, "shutting", False),
        ):
            await gateway.open()
            broker.greeting = connack(session_present=True, v5=True)
            broker.say(disconnect(code))
            async with asyncio.timeout(PATIENCE_S):
                with pytest.raises(DriverError, match=told) as error:
                    await anext(news(gateway))
            assert isinstance(error.value, DriverRefused) == is_final
            await gateway.close()


async def test_a_topic_that_is_no_utf_8_is_acknowledged_and_counted() -> None:
    async with ScriptedBroker(grants=(1, 1)) as broker:
        gateway = driver(broker.port, TWO)
        await gateway.open()
        broker.say(publish(7, "plant/a", b"1").replace(b"plant/a", b"plant/\xff"))
        async with asyncio.timeout(PATIENCE_S):
            sample = await anext(news(gateway))
        assert len(sample.readings) == 0
        gateway.acknowledge([sample.receipt])
        await gateway.close()
        assert broker.acknowledged() == [7]
        assert gateway.counts.unrouted == 1


async def test_acknowledgements_go_out_in_order_before_the_good_bye() -> None:
    async with ScriptedBroker(grants=(1, 1)) as broker:
        gateway = driver(broker.port, TWO)
        await gateway.open()
        samples = news(gateway)
        taken = []
        for mids in ((5, 9), (2,)):
            broker.say(b"".join(publish(mid, "plant/a", b"1") for mid in mids))
            async with asyncio.timeout(PATIENCE_S):
                taken.append(await anext(samples))
        assert not broker.acknowledged(), "nothing is on disk yet"
        gateway.acknowledge([sample.receipt for sample in taken])
        await gateway.close()
        assert broker.acknowledged() == [5, 9, 2]
        assert [kind for kind, _ in broker.heard[-4:]] == [PUBACK, PUBACK, PUBACK, DISCONNECT]


async def test_a_broker_that_sends_more_than_may_wait_before_granting_is_taken_all_the_same() -> None:
    flood = b"".join(publish(mid, "plant/a", b"1", is_dup=True) for mid in range(1, 31))
    async with ScriptedBroker(connack(session_present=True) + flood, grants=(1, 1)) as broker:
        gateway = driver(broker.port, TWO, in_flight=10)
        await gateway.open()
        seen = 0
        async with asyncio.timeout(PATIENCE_S):
            async for sample in news(gateway):
                assert len(sample.readings) <= 10
                seen += len(sample.readings)
                gateway.acknowledge([sample.receipt])
                if seen == 30:
                    break
        await gateway.close()
        assert broker.acknowledged() == list(range(1, 31))
        assert gateway.counts.redelivered == 30


async def test_a_refusal_that_comes_behind_all_that_the_broker_had_kept_is_told_too() -> None:
    flood = b"".join(publish(mid, "plant/a", b"1", is_dup=True) for mid in range(1, 31))
    async with ScriptedBroker(connack(session_present=True) + flood, grants=(1, 0x80)) as broker:
        gateway = driver(broker.port, TWO, in_flight=10)
        await gateway.open()
        statuses: list[int] = []
        async with asyncio.timeout(PATIENCE_S):
            async for sample in news(gateway):
                gateway.acknowledge([sample.receipt] if sample.receipt is not None else [])
                statuses += sample.readings.status[sample.readings.quality == Quality.BAD].tolist()
                if statuses:
                    break
        await gateway.close()
        assert statuses == [Trouble.NOT_SUBSCRIBED] * 2


async def test_an_open_that_fails_closes_its_connection() -> None:
    async with ScriptedBroker(grants=(0x80, 0x80)) as broker:
        gateway = driver(broker.port, TWO)
        for _ in range(3):
            with pytest.raises(DriverRefused):
                await gateway.open()
        broker.grants = (1, 1)
        await gateway.open()
        await gateway.close()
        assert broker.connections == 4


async def test_copies_that_come_to_an_open_that_fails_are_no_new_readings() -> None:
    async with ScriptedBroker(grants=(1, 1)) as broker:
        gateway = driver(broker.port, TWO)
        await gateway.open()
        samples = news(gateway)
        broker.say(publish(7, "plant/a", b"1"))
        async with asyncio.timeout(PATIENCE_S):
            first = await anext(samples)
        broker.hang_up()
        # a copy comes before the subscription, which fails; its readings are on their way to the disk still
        broker.greeting = connack(session_present=True) + publish(7, "plant/a", b"1", is_dup=True)
        broker.grants = (0x80, 0x80)
        with pytest.raises(DriverRefused):
            await gateway.open()
        broker.grants = (1, 1)
        await gateway.open()
        gateway.acknowledge([first.receipt])
        broker.say(publish(8, "plant/a", b"2"))
        values: list[float] = []
        async with asyncio.timeout(PATIENCE_S):
            async for sample in news(gateway):
                values += sample.readings.value.tolist()
                gateway.acknowledge([sample.receipt] if sample.receipt is not None else [])
                if 2.0 in values:
                    break
        await gateway.close()
        assert values == [2.0], "the copy of what is on disk is no second reading"
        assert broker.acknowledged() == [7, 8]
