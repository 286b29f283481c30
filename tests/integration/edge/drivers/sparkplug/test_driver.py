"""The Sparkplug host on real brokers: births asked for, deaths and holes told, and its own presence."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import paho.mqtt.subscribe
import pytest

from edge.errors import DriverError
from shared.reading import GapCause
from simulators.sparkplug import DATASET, DOUBLE, INT32, STRING, SparkplugNode, Table
from tests.integration.edge.drivers.mqtt.counterpart import PATIENCE_S, SETTINGS, Broker, Line, Setting, make, publish
from tests.integration.edge.drivers.sparkplug.host import Taker, driver, families, points

PRESS = points("press", "Plant", "Press7", {"speed": "Speed", "program": "Program"}, source="axis")


@pytest.fixture(params=SETTINGS, ids=str)
def setting(request: pytest.FixtureRequest) -> Setting:
    return request.param


@pytest.fixture
async def broker(setting: Setting, tmp_path: Path) -> AsyncIterator[Broker]:
    made = make(setting, tmp_path)
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def node(broker: Broker) -> AsyncIterator[SparkplugNode]:
    made = SparkplugNode("Plant", "Press7", port=broker.port)
    made.define("", {"Load": (DOUBLE, 1.0)})
    made.define("axis", {"Speed": (INT32, 5), "Program": (STRING, "A")})
    await made.start()
    yield made
    await made.stop()


async def test_a_host_that_comes_late_asks_for_the_birth_and_understands_everything_after_it(
    broker: Broker, setting: Setting, node: SparkplugNode
) -> None:
    host = driver(broker.port, PRESS, version=setting.version)
    await host.open()
    taker = Taker(host, PRESS)
    async with asyncio.timeout(PATIENCE_S):
        await node.asked()
    await node.say("axis", {"Speed": -7})
    await taker.until(lambda: -7 in taker.good("press", "speed"))
    assert taker.good("press", "speed") == [5, -7]
    assert taker.good("press", "program") == ["A"]
    assert (host.counts.rebirths, node.rebirths) == (1, 1)
    await host.close()


async def test_a_hole_is_told_and_asked_about_once_however_much_follows(
    broker: Broker, setting: Setting, node: SparkplugNode
) -> None:
    host = driver(broker.port, PRESS, version=setting.version)
    await host.open()
    taker = Taker(host, PRESS)
    await node.asked()
    await node.say("axis", {"Speed": 1})
    node.lose(2)
    for speed in (2, 3, 4):
        await node.say("axis", {"Speed": speed})
    await taker.until(lambda: 4 in taker.good("press", "speed"))
    assert taker.good("press", "speed") == [5, 1, 2, 3, 4], "what came is not thrown away"
    holes = [gap for gap in taker.gaps if "lost" in gap.detail]
    assert [(gap.device, gap.cause) for gap in holes] == [("press", GapCause.COMMUNICATION_LOST)]
    assert "(2 lost)" in holes[0].detail
    assert host.figures().events["rebirths"] == 1, "not again before its time"
    await host.close()


async def test_a_node_that_vanishes_is_bad_until_it_is_born_again(
    broker: Broker, setting: Setting, node: SparkplugNode
) -> None:
    host = driver(broker.port, PRESS, version=setting.version)
    await host.open()
    taker = Taker(host, PRESS)
    await node.asked()
    await taker.until(lambda: taker.good("press", "speed") == [5])
    await node.vanish()
    await taker.until(lambda: taker.bad("press", "speed") == 1)
    assert taker.bad("press", "program") == 1
    await node.start()
    await taker.until(lambda: taker.good("press", "speed") == [5, 5])
    assert [gap.device for gap in taker.gaps] == ["press"]
    assert taker.gaps[0].from_us < taker.gaps[0].to_us
    await host.close()


async def test_who_is_gone_at_the_end_has_a_gap_until_then(
    broker: Broker, setting: Setting, node: SparkplugNode
) -> None:
    host = driver(broker.port, PRESS, version=setting.version)
    await host.open()
    taker = Taker(host, PRESS)
    await node.asked()
    await taker.until(lambda: taker.good("press", "speed") == [5])
    await node.let_die("axis")
    await taker.until(lambda: taker.bad("press", "speed") == 1)
    host.finish()
    with pytest.raises(StopAsyncIteration):
        await taker.until(lambda: False)
    assert [gap.device for gap in taker.gaps] == ["press"]
    await host.close()


async def test_devices_and_metrics_are_found_by_their_births(broker: Broker, setting: Setting) -> None:
    any_device = families("all", "Plant", "*", {}, source="*", device="{2}.{3}", discover={"prefix": "m/"})
    own = families("nodes", "Plant", "*", {}, device="{2}", discover={"include": ["Load"]})
    host = driver(broker.port, [], families=[*any_device, *own], version=setting.version)
    await host.open()
    node = SparkplugNode("Plant", "Saw", port=broker.port)
    node.define("", {"Load": (DOUBLE, 2.5), "Other": (DOUBLE, 1.0)})
    table = Table({"x": INT32, "y": STRING}, [[3, "p"], [4, "q"]])
    node.define("d1", {"Temp": (DOUBLE, 20.5), "T": (DATASET, table)})
    await node.start()
    taker = Taker(host, [])
    await taker.until(lambda: bool(taker.good("Saw.d1", "m/T/1/y")))
    assert taker.good("Saw.d1", "m/Temp") == [20.5]
    assert [taker.good("Saw.d1", f"m/T/{row}/x") for row in (0, 1)] == [[3], [4]]
    assert taker.good("Saw", "Load") == [2.5]
    assert {(point.device, point.name) for point in taker.points} == {
        ("Saw", "Load"),
        ("Saw.d1", "m/Temp"),
        *(("Saw.d1", f"m/T/{row}/{column}") for row in (0, 1) for column in "xy"),
    }
    await node.stop()
    await host.close()


async def state_of(broker: Broker, topic: str) -> bytes:
    said = await asyncio.to_thread(
        paho.mqtt.subscribe.simple, topic, hostname="127.0.0.1", port=broker.port, keepalive=5
    )
    return bytes(said.payload)


async def test_a_host_says_that_it_is_here_and_that_it_goes(broker: Broker, setting: Setting) -> None:
    topic = "spBv1.0/STATE/hall"
    host = driver(broker.port, PRESS, version=setting.version, host_id="hall")
    await host.open()
    here = json.loads(await state_of(broker, topic))
    assert here["online"] is True
    # an earlier session's death comes late: nodes must not believe it
    await publish(broker.port, (topic, '{"online":false,"timestamp":1}'), retain=True)
    async with asyncio.timeout(PATIENCE_S):
        while json.loads(await state_of(broker, topic))["online"] is not True:
            pass
    await host.close()
    async with asyncio.timeout(PATIENCE_S):
        while json.loads(await state_of(broker, topic)) != {"online": False, "timestamp": here["timestamp"]}:
            pass


async def test_a_host_that_vanishes_is_told_gone_by_the_broker(broker: Broker, setting: Setting) -> None:
    async with Line(broker.port) as line:
        host = driver(line.port, PRESS, version=setting.version, host_id="hall", state="word")
        await host.open()
        assert await state_of(broker, "STATE/hall") == b"ONLINE"
        line.cut()
        with pytest.raises(DriverError, match="host"):
            async for _ in host.samples():
                pass
        async with asyncio.timeout(PATIENCE_S):
            while await state_of(broker, "STATE/hall") != b"OFFLINE":
                pass
        await host.close()


async def test_garbage_on_a_nodes_topic_harms_nobody(broker: Broker, setting: Setting, node: SparkplugNode) -> None:
    host = driver(broker.port, PRESS, version=setting.version)
    await host.open()
    taker = Taker(host, PRESS)
    await node.asked()
    for kind, device in (("NDATA", ""), ("DDATA", "axis"), ("NDEATH", ""), ("DBIRTH", "axis"), ("DDATA", "nobody")):
        await node.say_raw(kind, device, b"\x12\xff\xff\xff\xff\x0f")
    await node.say("axis", {"Speed": 9})
    await taker.until(lambda: 9 in taker.good("press", "speed"))
    assert host.counts.malformed == 5
    await host.close()
