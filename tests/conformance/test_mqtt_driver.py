"""The MQTT driver keeps the promises of the Driver port, against amqtt, and Mosquitto where it is installed."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edge.ports import Driver
from tests.conformance.driver_suite import DriverHarness, DriverSuite
from tests.fakes.ports import free_port
from tests.integration.edge.drivers.mqtt.counterpart import SETTINGS, Setting, driver, make, points, publish


class MqttHarness(DriverHarness):
    """Two devices on a topic each; the messages of the first lack what its third point wants."""

    name = "broker"
    bad = frozenset({2})

    def __init__(self, setting: Setting, directory: Path) -> None:
        self.points = [
            *points("press", "plant/press", {"speed": "$.speed", "count": "$.counts[0]", "absent": "$.absent"}),
            *points("scales", "plant/scales", {"weight": "$"}),
        ]
        self._version = setting.version
        self._broker = make(setting, directory)
        self._emissions = 0

    async def start(self) -> None:
        await self._broker.start()

    async def stop(self) -> None:
        await self._broker.stop()

    async def emit(self) -> dict[int, float]:
        self._emissions += 1
        n = self._emissions
        press = json.dumps({"speed": n + 0.5, "counts": [100_000 + n]})
        await publish(self._broker.port, ("plant/press", press), ("plant/scales", str(-n)))
        return {0: n + 0.5, 1: 100_000 + n, 3: -n}

    def driver(self) -> Driver:
        return driver(self._broker.port, self.points, version=self._version, timeout="3s")

    def lonely_driver(self) -> Driver:
        return driver(free_port(), self.points, version=self._version, timeout="1s")


class TestMqttDriver(DriverSuite):
    @pytest.fixture(params=SETTINGS, ids=str)
    async def harness(self, request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[MqttHarness]:
        harness = MqttHarness(request.param, tmp_path)
        await harness.start()
        yield harness
        await harness.stop()
