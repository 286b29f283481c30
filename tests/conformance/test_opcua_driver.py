"""The OPC UA driver keeps the promises of the Driver port, against an asyncua server."""

import socket
from collections.abc import AsyncIterator

import pytest
from asyncua import ua

from edge.ports import Driver
from tests.conformance.driver_suite import DriverHarness, DriverSuite
from tests.integration.edge.drivers.opcua.plc import Plc, booted, driver, points


class OpcUaHarness(DriverHarness):
    """One server; the third node does not exist on it."""

    name = "plc"
    bad = frozenset({2})

    def __init__(self, plc: Plc) -> None:
        self.points = points(["speed", "count", "absent", "running"], every_s=0.1)
        self._plc = plc
        self._emissions = 0

    async def start(self) -> None:
        await self._plc.start()
        await self.emit()

    async def stop(self) -> None:
        await self._plc.stop()

    async def emit(self) -> dict[int, float]:
        self._emissions += 1
        n = self._emissions
        await self._plc.put("speed", n + 0.5)
        await self._plc.put("count", ua.Variant(n, ua.VariantType.UInt32))
        await self._plc.put("running", ua.Variant(-n, ua.VariantType.Int16))
        return {0: n + 0.5, 1: float(n), 3: float(-n)}

    def driver(self) -> Driver:
        return driver(self._plc.port, self.points, publishing_interval="100ms")

    def lonely_driver(self) -> Driver:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        return driver(port, self.points)


class TestOpcUaDriver(DriverSuite):
    @pytest.fixture
    async def harness(self) -> AsyncIterator[OpcUaHarness]:
        plc = await booted()
        harness = OpcUaHarness(plc)
        await harness.start()
        yield harness
        await harness.stop()
        await plc.clear()
