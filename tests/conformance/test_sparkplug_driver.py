"""The Sparkplug driver keeps the promises of the Driver port, with a simulated edge node on amqtt, and on Mosquitto."""

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edge.ports import Driver
from simulators.sparkplug import DOUBLE, INT32, SparkplugNode
from tests.conformance.driver_suite import DriverHarness, DriverSuite
from tests.fakes.ports import free_port
from tests.integration.edge.drivers.mqtt.counterpart import SETTINGS, Broker, Setting, make
from tests.integration.edge.drivers.sparkplug.host import driver, points


class Aside:
    """A broker on a loop and thread of its own: amqtt makes a task for each packet of the node that stays connected."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="broker", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return self._broker.port

    async def start(self) -> None:
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._broker.start(), self._loop))

    async def stop(self) -> None:
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._broker.stop(), self._loop))

    def end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class SparkplugHarness(DriverHarness):
    """A node with a device; the device's third tag names a metric that it does not have."""

    name = "host"
    bad = frozenset({2})

    def __init__(self, setting: Setting, directory: Path) -> None:
        tags = {"speed": "Motor/Speed", "count": "Count", "absent": "Absent"}
        self.points = [
            *points("press", "Plant", "Press7", tags, source="axis"),
            *points("node", "Plant", "Press7", {"load": "Load"}),
        ]
        self._version = setting.version
        self._broker = Aside(make(setting, directory))
        self._node: SparkplugNode | None = None
        self._emissions = 0

    async def start(self) -> None:
        await self._broker.start()
        self._node = node = SparkplugNode("Plant", "Press7", port=self._broker.port)
        node.define("", {"Load": (DOUBLE, 0.0)})
        node.define("axis", {"Motor/Speed": (DOUBLE, 0.0), "Count": (INT32, 0)})
        await node.start()

    async def stop(self) -> None:
        if self._node is not None:
            await self._node.vanish()
            self._node = None
        await self._broker.stop()

    def end(self) -> None:
        self._broker.end()

    async def emit(self) -> dict[int, float]:
        assert self._node
        self._emissions += 1
        n = self._emissions
        await self._node.say("axis", {"Motor/Speed": n + 0.5, "Count": -n})
        await self._node.say("", {"Load": n * 2.0})
        return {0: n + 0.5, 1: -n, 3: n * 2.0}

    def driver(self) -> Driver:
        return driver(self._broker.port, self.points, version=self._version, timeout="3s", rebirth={"every": "1s"})

    def lonely_driver(self) -> Driver:
        return driver(free_port(), self.points, version=self._version, timeout="1s")


class TestSparkplugDriver(DriverSuite):
    @pytest.fixture(params=SETTINGS, ids=str)
    async def harness(self, request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SparkplugHarness]:
        harness = SparkplugHarness(request.param, tmp_path)
        await harness.start()
        yield harness
        await harness.stop()
        harness.end()
