"""Devices that messages tell of, and messages that a broker does not keep."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edge.drivers.mqtt.driver import MqttDriver
from edge.ports import BEFORE_US, Sample
from shared.reading import GapCause
from tests.integration.edge.drivers.mqtt.counterpart import (
    PATIENCE_S,
    SETTINGS,
    Broker,
    Setting,
    driver,
    families,
    make,
    points,
    publish,
)

SCALES = {
    "name": "scales",
    "topic": "plant/+/scale/+",
    "device": "scale-{2}",
    "json": {"weight_kg": "$.w"},
}


@pytest.fixture(params=SETTINGS, ids=str)
async def broker(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[Broker, Setting]]:
    made = make(request.param, tmp_path)
    await made.start()
    yield made, request.param
    await made.stop()


async def until(gateway: MqttDriver, samples: list[Sample], rows: int) -> None:
    async with asyncio.timeout(PATIENCE_S):
        async for sample in gateway.samples():
            samples.append(sample)
            if sample.receipt is not None:
                gateway.acknowledge([sample.receipt])
            if sum(len(sample.readings) for sample in samples) >= rows:
                return


async def test_a_device_is_announced_once_with_its_first_message(broker: tuple[Broker, Setting]) -> None:
    at, setting = broker
    gateway = driver(at.port, [], version=setting.version, families=families(SCALES))
    samples: list[Sample] = []
    for weight in (1, 2):
        await gateway.open()
        await publish(
            at.port, *[(f"plant/hall/scale/{n}", f'{{"w": {weight * 10 + n}}}') for n in (0, 1)], ("plant/x", "1")
        )
        await until(gateway, samples, 2 * weight)
        await gateway.close()
    found = [point for sample in samples for point in sample.points]
    assert [(point.device, point.name) for point in found] == [("scale-0", "weight_kg"), ("scale-1", "weight_kg")]
    rows = [row for s in samples for row in zip(s.readings.tag.tolist(), s.readings.value.tolist(), strict=True)]
    assert rows == [(0, 10.0), (1, 11.0), (0, 20.0), (1, 21.0)]
    # what an earlier process missed concerns them too; the station knows since when
    gaps = {(gap.device, gap.cause, gap.from_us) for sample in samples for gap in sample.gaps}
    assert gaps == {(f"scale-{n}", GapCause.BROKER_SESSION_LOST, BEFORE_US) for n in (0, 1)}


async def test_what_of_qos_0_could_not_be_taken_in_time_is_a_gap(broker: tuple[Broker, Setting]) -> None:
    at, setting = broker
    lossy = points("lossy", "lossy", {"v": "$"}, qos=0)
    kept = points("kept", "kept", {"v": "$"})
    gateway = driver(at.port, [*lossy, *kept], version=setting.version, in_flight=5)
    await gateway.open()
    iterator = gateway.samples()
    first = await anext(iterator)
    if len(first.readings) == 0:
        await publish(at.port, *[("lossy", str(n)) for n in range(20)], qos=0)
    loop = asyncio.get_running_loop()
    # the station stands still for longer than a second
    stood = loop.create_future()
    loop.call_later(1.1, stood.set_result, None)
    await stood
    sample = await anext(iterator)
    assert [(gap.device, gap.cause) for gap in sample.gaps] == [("lossy", GapCause.OVERFLOW)]
    await gateway.close()


async def test_what_of_qos_0_is_thrown_away_with_a_session_is_counted_and_a_gap(
    broker: tuple[Broker, Setting],
) -> None:
    at, setting = broker
    gateway = driver(at.port, points("lossy", "lossy", {"v": "$"}, qos=0), version=setting.version)
    await gateway.open()
    await publish(at.port, ("lossy", "1"), qos=0)
    async with asyncio.timeout(PATIENCE_S):
        while not gateway.counts.messages:  # noqa: ASYNC110 - a count signals nothing
            await asyncio.sleep(0)
    await gateway.close()
    assert gateway.counts.dropped == 1
    await gateway.open()
    sample = await anext(gateway.samples())
    assert GapCause.COMMUNICATION_LOST in {gap.cause for gap in sample.gaps if gap.device == "lossy"}
    await gateway.close()
