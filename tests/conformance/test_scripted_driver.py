"""The station's fake driver keeps the port's promises, so that what holds with it holds with real ones."""

import itertools
import time

import pytest

from edge.errors import DriverError
from edge.ports import Sample
from shared.reading import from_rows
from tests.conformance.driver_suite import DriverHarness, DriverSuite
from tests.fakes.driver import ScriptedDriver, points


class ScriptedHarness(DriverHarness):
    """A source that consists of telling the drivers what to say."""

    name = "script"

    def __init__(self) -> None:
        self.points = points("a", "b")
        self._drivers: list[ScriptedDriver] = []
        self._enlarged: list[ScriptedDriver] = []
        self._numbers = itertools.count(1)

    async def start(self) -> None:
        pass

    async def stop(self) -> None:
        for driver in self._drivers:
            if driver.is_open:
                driver.put(DriverError("script: the source is gone"))

    async def emit(self) -> dict[int, float]:
        values = {point: float(next(self._numbers)) for point in range(len(self.points))}
        for driver in self._drivers:
            if driver.is_open:
                driver.put(
                    Sample(from_rows(list(values), [0] * len(values), time.time_ns() // 1000, list(values.values())))
                )
        return values

    async def enlarge(self) -> dict[str, float]:
        value = float(next(self._numbers))
        for driver in self._drivers:
            if driver.is_open:
                new = [] if driver in self._enlarged else points("c", device="found")
                rows = from_rows([2], [0], time.time_ns() // 1000, [value])
                driver.put(Sample(rows, points=new))
                self._enlarged.append(driver)
        return {"found.c": value}

    def driver(self) -> ScriptedDriver:
        self._drivers.append(ScriptedDriver())
        return self._drivers[-1]

    def lonely_driver(self) -> ScriptedDriver:
        return ScriptedDriver(DriverError("script: nobody listens"))


class TestScriptedDriver(DriverSuite):
    @pytest.fixture
    def harness(self) -> ScriptedHarness:
        return ScriptedHarness()
