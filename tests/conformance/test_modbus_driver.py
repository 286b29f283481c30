"""The Modbus driver keeps the promises of the Driver port, against a pymodbus server."""

from collections.abc import AsyncIterator

import pytest

from edge.ports import Driver
from tests.conformance.driver_suite import DriverHarness, DriverSuite
from tests.fakes.ports import free_port
from tests.integration.edge.drivers.modbus.counterpart import Counterpart, driver, points


class ModbusHarness(DriverHarness):
    """Two units of one server; the third point lies on an address that its unit refuses, amid the others."""

    name = "line"
    bad = frozenset({2})

    def __init__(self) -> None:
        self.points = [
            *points(
                "press-1",
                {
                    "speed": {"register": "holding 0", "type": "float32"},
                    "count": {"register": "holding 2", "type": "uint32"},
                    "absent": {"register": "holding 4", "type": "int16"},
                    "level": {"register": "holding 6", "type": "int16"},
                    "energy": {"register": "input 40", "type": "float64", "byte_order": "little-swap"},
                },
            ),
            *points("press-2", {"count": {"register": "holding 9"}}, unit=2),
        ]
        self._server = Counterpart(1, 2)
        self._server.units[1].illegal = {(3, 4)}
        self._emissions = 0

    async def start(self) -> None:
        await self._server.start()

    async def stop(self) -> None:
        await self._server.stop()

    async def emit(self) -> dict[int, float]:
        self._emissions += 1
        n = self._emissions
        one, two = self._server.units.values()
        one.put(3, 0, ">f", n + 0.5)
        one.put(3, 2, ">I", 100_000 + n)
        one.put(3, 6, ">h", -n)
        energy = n * 1.1
        one.put(4, 40, ">d", energy)
        one.registers[4][40:44] = one.registers[4][40:44][::-1]
        two.put(3, 9, ">H", n)
        return {0: n + 0.5, 1: 100_000 + n, 3: -n, 4: energy, 5: n}

    def driver(self) -> Driver:
        return driver(self._server.port, self.points)

    def lonely_driver(self) -> Driver:
        return driver(free_port(), self.points)


class TestModbusDriver(DriverSuite):
    @pytest.fixture
    async def harness(self) -> AsyncIterator[ModbusHarness]:
        harness = ModbusHarness()
        await harness.start()
        yield harness
        await harness.stop()
