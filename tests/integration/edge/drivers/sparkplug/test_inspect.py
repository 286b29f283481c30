"""Sparkplug looked at: values by name, what is misspelt, each node asked once, and no word on any STATE topic."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from edge.clock import SystemClock
from edge.drivers.inspection import Inspector, Severity
from edge.drivers.sparkplug import SPEC
from edge.drivers.sparkplug.config import SparkplugConnection
from edge.drivers.sparkplug.inspect import SparkplugInspector
from edge.drivers.spec import Point
from edge.errors import ConfigError
from shared.reading import Quality
from simulators.sparkplug import DOUBLE, INT32, STRING, SparkplugNode
from tests.fakes.ports import free_port
from tests.integration.edge.drivers.mqtt.counterpart import PATIENCE_S, SETTINGS, Broker, Setting, make
from tests.integration.edge.drivers.sparkplug.host import points


@pytest.fixture(params=SETTINGS, ids=str)
async def at(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[Broker, Setting]]:
    made = make(request.param, tmp_path)
    await made.start()
    yield made, request.param
    await made.stop()


@pytest.fixture
async def node(at: tuple[Broker, Setting]) -> AsyncIterator[SparkplugNode]:
    made = SparkplugNode("Plant", "Press7", port=at[0].port)
    made.define("", {"Load": (DOUBLE, 1.5)})
    made.define("axis", {"Speed": (INT32, 5), "Motor/Program": (STRING, "A")}, ts_ms=1_795_176_000_000)
    await made.start()
    yield made
    await made.stop()


def connection(port: int, version: int) -> SparkplugConnection:
    options = {"sparkplug": f"mqtt://127.0.0.1:{port}", "client_id": "test-host", "version": version, "timeout": "3s"}
    return SparkplugConnection.model_validate({**options, "host_id": "mes"})


def inspector(port: int, of: Sequence[Point], version: int = 3) -> Inspector:
    return SPEC.inspect("host", connection(port, version), of, SystemClock())


async def test_each_tag_has_its_value_and_the_node_was_asked_once(
    at: tuple[Broker, Setting], node: SparkplugNode
) -> None:
    of = [
        *points("press", "Plant", "Press7", {"load": "Load"}),
        *points("axis", "Plant", "Press7", {"speed": "Speed", "program": "Motor/Program"}, source="axis"),
    ]
    seen = await inspector(at[0].port, of, at[1].version).examine()
    assert seen.is_reached
    assert [(probe.value, probe.quality) for probe in seen.probes] == [
        (1.5, Quality.GOOD),
        (5.0, Quality.GOOD),
        ("A", Quality.GOOD),
    ]
    assert seen.probes[1].raw == "int32 5.0"
    assert seen.probes[1].source_us == 1_795_176_000_000_000
    assert not seen.findings
    facts = dict(seen.facts)
    assert facts["asked for their birth, once"] == "Plant/Press7"
    assert (facts["nodes heard"], facts["devices born"], facts["hosts"]) == ("1", "1", "none")
    assert node.rebirths == 1


async def test_a_node_a_device_and_a_metric_that_are_not_there_are_told_with_the_nearest_name(
    at: tuple[Broker, Setting], node: SparkplugNode
) -> None:
    of = [
        *points("one", "Plant", "Press8", {"load": "Load"}),
        *points("two", "Plant", "Press7", {"speed": "Speed"}, source="axle"),
        *points("three", "Plant", "Press7", {"program": "Motor/Programm"}, source="axis"),
    ]
    chosen = connection(at[0].port, at[1].version)
    seen = await SparkplugInspector("host", chosen, of, SystemClock(), listen_s=1.0).examine()
    assert [(found.severity, found.about, found.fix) for found in seen.findings] == [
        (Severity.ERROR, "one", "node: Press7"),
        (Severity.ERROR, "two", "source: axis"),
        (Severity.ERROR, "three.program", "metric: Motor/Program"),
    ]
    assert {probe.code for probe in seen.probes} == {"not born"}
    assert node.rebirths == 1, "no storm of requests, however long it was not understood"


async def test_metrics_become_tags_to_choose_from(at: tuple[Broker, Setting], node: SparkplugNode) -> None:
    look = inspector(at[0].port, (), at[1].version)

    async def speak() -> None:
        # nobody knows of the node until it says something
        while True:
            await node.say("axis", {"Speed": 7})
            await asyncio.sleep(0.02)

    speaking = asyncio.create_task(speak())
    found = [each async for each in look.browse("Plant/Press*/axis", 1.0)]
    speaking.cancel()
    assert {(each.device, each.name, each.note) for each in found} == {
        ("Press7-axis", "Speed", "int32"),
        ("Press7-axis", "Motor/Program", "string"),
    }
    program = next(each for each in found if each.name == "Motor/Program")
    assert list(program.path) == ["Plant", "Press7", "axis", "Motor", "Program"]
    assert program.device_options == {"group": "Plant", "node": "Press7", "source": "axis"}
    assert (program.tag_options, program.value) == ({"metric": "Motor/Program"}, "A")
    assert node.rebirths == 1
    with pytest.raises(ConfigError, match="group/node"):
        await anext(look.browse("Plant/+", 1.0))


async def test_it_never_says_that_a_host_is_there_or_gone(at: tuple[Broker, Setting], node: SparkplugNode) -> None:
    topics: list[str] = []
    client = paho.Client(CallbackAPIVersion.VERSION2)
    granted = asyncio.Event()
    loop = asyncio.get_running_loop()
    client.on_message = lambda _client, _data, message: topics.append(message.topic)
    client.on_subscribe = lambda *_: loop.call_soon_threadsafe(granted.set)
    client.on_connect = lambda client, *_: client.subscribe("#", 0)
    await asyncio.to_thread(client.connect, "127.0.0.1", at[0].port)
    client.loop_start()
    async with asyncio.timeout(PATIENCE_S):
        await granted.wait()
    await inspector(at[0].port, points("press", "Plant", "Press7", {"load": "Load"}), at[1].version).examine()
    async with asyncio.timeout(PATIENCE_S):
        while not any("NBIRTH" in topic for topic in topics):  # noqa: ASYNC110 - paho's thread signals nothing
            await asyncio.sleep(0.01)
    client.disconnect()
    await asyncio.to_thread(client.loop_stop)
    assert not [topic for topic in topics if "STATE" in topic]


async def test_a_broker_that_is_not_there_is_a_finding() -> None:
    seen = await inspector(free_port(), points("press", "Plant", "Press7", {"load": "Load"})).examine()
    assert not seen.is_reached
    assert "cannot be reached" in seen.findings[0].message
