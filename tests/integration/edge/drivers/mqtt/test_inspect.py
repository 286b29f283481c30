"""MQTT looked at: what comes, how it is read, what is wrong, and that the daemon's session is left alone."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edge.clock import SystemClock
from edge.drivers.inspection import Severity
from edge.drivers.mqtt import SPEC
from edge.errors import ConfigError
from shared.reading import Quality
from tests.fakes.ports import free_port
from tests.integration.edge.drivers.mqtt.counterpart import (
    SETTINGS,
    Broker,
    Setting,
    driver,
    make,
    points,
    publish,
)


@pytest.fixture(params=SETTINGS, ids=str)
async def broker(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[Broker, Setting]]:
    made = make(request.param, tmp_path)
    await made.start()
    yield made, request.param
    await made.stop()


def inspector(port: int, of, version: int = 3):
    options = {"mqtt": f"mqtt://127.0.0.1:{port}", "client_id": "test-gateway", "version": version, "timeout": "3s"}
    return SPEC.inspect("broker", SPEC.connection.model_validate(options), of, SystemClock())


@contextlib.asynccontextmanager
async def publishing(port: int, *messages: tuple[str, str]) -> AsyncIterator[None]:
    """Publish again and again until the block ends."""
    is_over = asyncio.Event()

    async def go_on() -> None:
        while not is_over.is_set():
            await publish(port, *messages)

    async with asyncio.TaskGroup() as group:
        group.create_task(go_on())
        try:
            yield
        finally:
            # not cancelled: paho's thread would go on to publish, to a broker that has gone
            is_over.set()


async def test_each_tag_is_shown_with_what_came_and_what_is_wrong(broker: tuple[Broker, Setting]) -> None:
    at, setting = broker
    of = points("press", "plant/press", {"good": "$.a", "odd": "$.b"}, ts={"path": "$.t", "format": "unix_ms"})
    async with publishing(at.port, ("plant/press", '{"a": 5, "c": 1, "t": "noon"}')):
        seen = await inspector(at.port, of, setting.version).examine()
    assert seen.is_reached
    told_version = dict(seen.facts).get("broker", "")
    assert told_version.startswith("mosquitto version 2") == (setting.broker == "mosquitto")
    assert [(probe.value, probe.quality, probe.code) for probe in seen.probes] == [
        (5.0, Quality.GOOD, ""),
        (None, Quality.BAD, "missing"),
    ]
    assert seen.probes[0].raw.startswith('{"a": 5')
    told = {finding.about: finding.message for finding in seen.findings if finding.severity is Severity.ERROR}
    assert told == {"press.odd": "nothing stands at $.b; the message has a, c, t"}
    assert any("'noon' is not unix_ms" in finding.message for finding in seen.findings)


async def test_the_daemons_session_is_left_alone(broker: tuple[Broker, Setting]) -> None:
    at, setting = broker
    of = points("press", "plant/press", {"a": "$.a"})
    daemon = driver(at.port, of, version=setting.version)
    await daemon.open()
    async with publishing(at.port, ("plant/press", '{"a": 1}')):
        await inspector(at.port, of, setting.version).examine()
        iterator = daemon.samples()
        while not len((await anext(iterator)).readings):
            pass
    await daemon.close()


async def test_a_broker_that_is_not_there_is_a_finding() -> None:
    seen = await inspector(free_port(), points("press", "plant/press", {"a": "$.a"})).examine()
    assert not seen.is_reached
    assert "cannot be reached" in seen.findings[0].message


async def test_what_is_published_becomes_tags_to_choose_from(broker: tuple[Broker, Setting]) -> None:
    at, setting = broker
    async with publishing(at.port, ("hall/press", '{"m": {"rpm": 3}, "v": [1]}'), ("hall/door", "open")):
        found = [each async for each in inspector(at.port, (), setting.version).browse("hall/#", 1.0)]
    assert {(each.device, each.name, each.value) for each in found} == {
        ("hall-press", "m_rpm", "3"),
        ("hall-press", "v_0", "1"),
        ("hall-door", "value", "open"),
    }
    rpm = next(each for each in found if each.name == "m_rpm")
    assert (rpm.tag_options, rpm.device_options) == ({"json": "$.m.rpm"}, {"topic": "hall/press"})
    with pytest.raises(ConfigError):
        await anext(inspector(at.port, ()).browse("a/#/b", 1.0))
