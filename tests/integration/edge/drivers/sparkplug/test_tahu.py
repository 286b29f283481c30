"""The Sparkplug host against an edge node that is not ours: Eclipse Tahu's JavaScript client."""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.reading import Quality
from tests.integration.edge.drivers.mqtt.counterpart import (
    FOREIGN,
    NODE,
    ON_AEDES,
    ON_MOSQUITTO,
    PATIENCE_S,
    Broker,
    Setting,
    make,
)
from tests.integration.edge.drivers.sparkplug.host import Taker, driver, families, points

# without node and its packages these are not there, which the summary tells
BROKERS = [setting for setting in (*ON_MOSQUITTO, *ON_AEDES) if ON_AEDES]
OWN = [
    {"name": "Load", "type": "Double", "value": 2.5},
    {"name": "Properties/Serial", "type": "String", "value": "A-7"},
    {"name": "Big", "type": "UInt64", "value": "18446744073709551615"},
    {"name": "Small", "type": "Int8", "value": -5},
    {"name": "Long", "type": "Int64", "value": "-9007199254740993"},
    {"name": "Word", "type": "UInt32", "value": 4294967295},
    {"name": "Short", "type": "Int16", "value": -300},
    {"name": "On", "type": "Boolean", "value": True},
    {"name": "When", "type": "DateTime", "value": 1795176000000},
    {"name": "Half", "type": "Float", "value": 0.5},
]
TABLE = {
    "name": "Table",
    "type": "DataSet",
    "value": {"numOfColumns": 2, "columns": ["x", "y"], "types": ["Int32", "String"], "rows": [[1, "p"], [2, "q"]]},
}
AXIS = {"id": "axis", "metrics": [{"name": "Speed", "type": "Int32", "value": -1}, TABLE]}


class TahuNode:
    """Tahu's client in a process of Node's, told what to do line by line."""

    def __init__(self, port: int, group: str, node: str) -> None:
        self._arguments = (str(port), group, node)

    async def start(self) -> None:
        assert NODE, "node or tests/foreign/node_modules is missing, and TEZGAH_TEST_NOTHING_SKIPPED=1 forbids that"
        self._process = await asyncio.create_subprocess_exec(
            NODE,
            str(FOREIGN / "edge_node.js"),
            *self._arguments,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=FOREIGN,
        )

    def tell(self, **order: object) -> None:
        assert self._process.stdin
        self._process.stdin.write(json.dumps(order).encode() + b"\n")

    async def says(self, word: str) -> None:
        assert self._process.stdout
        async with asyncio.timeout(PATIENCE_S):
            while (line := (await self._process.stdout.readline()).decode().strip()) != word:
                assert line, "the node ended"

    async def kill(self) -> None:
        if self._process.returncode is None:
            self._process.kill()
            await self._process.wait()


@pytest.fixture(params=BROKERS, ids=str)
async def broker(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[Broker, Setting]]:
    made = make(request.param, tmp_path)
    await made.start()
    yield made, request.param
    await made.stop()


async def test_an_edge_node_of_tahu_is_born_speaks_dies_and_is_born_again(broker: tuple[Broker, Setting]) -> None:
    at, setting = broker
    known = points("press", "Plant", "Press7", {"speed": "Speed", "y": "Table/1/y"}, source="axis")
    found = families("node", "Plant", "Press7", {}, discover={})
    node = TahuNode(at.port, "Plant", "Press7")
    await node.start()
    try:
        node.tell(birth=OWN, device=AXIS)
        await node.says("born")
        # it was born before we came, so it has to be asked
        host = driver(at.port, known, families=found, version=setting.version, rebirth={"every": "1s"})
        await host.open()
        taker = Taker(host, known)
        await node.says("asked")
        await taker.until(lambda: "q" in taker.good("press", "y"))
        assert taker.good("press", "speed")[-1] == -1
        expected = {"Load": 2.5, "Properties/Serial": "A-7", "Big": "18446744073709551615", "Small": -5.0}
        expected |= {"Long": "-9007199254740993", "Word": 4294967295.0, "Short": -300.0, "On": 1.0, "Half": 0.5}
        for tag, value in (expected | {"When": 1795176000000.0}).items():
            assert taker.good("node", tag)[-1] == value, tag
        node.tell(ddata={"id": "axis", "metrics": [{"name": "Speed", "type": "Int32", "value": -70000}]})
        node.tell(data=[{"name": "Load", "type": "Double", "value": 3.25}])
        await taker.until(lambda: 3.25 in taker.good("node", "Load") and -70000 in taker.good("press", "speed"))
        node.tell(ddeath="axis")
        await taker.until(lambda: taker.bad("press", "speed") == 1)
        assert taker.bad("node", "Load") == 0
        await node.kill()
        await taker.until(lambda: taker.bad("node", "Load") == 1)
        await node.start()
        node.tell(birth=OWN, device=AXIS)
        await taker.until(lambda: {gap.device for gap in taker.gaps} >= {"node", "press"})
        await taker.until(lambda: taker.rows[-1][3] == Quality.GOOD)
        await host.close()
    finally:
        await node.kill()
