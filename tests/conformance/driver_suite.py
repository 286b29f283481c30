"""The promises of the Driver port: every protocol's driver is held to them against a real counterpart.

A protocol's test file makes a `DriverHarness` and a class that inherits `DriverSuite` and has a fixture
`harness`, which hands out the harness with its source started:

    class TestModbusDriver(DriverSuite):
        @pytest.fixture
        async def harness(self) -> AsyncIterator[ModbusHarness]:
            harness = ModbusHarness()
            await harness.start()
            yield harness
            await harness.stop()

The source may live longer (class scope) as long as each test finds it started. Drivers get the system's clock, short
periods (100 ms) and short time limits (1 s): nothing here waits longer than `PATIENCE_S` for anything.
"""

import asyncio
import contextlib
import math
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Sequence

import numpy as np

from edge.drivers.spec import Point
from edge.errors import DriverError
from edge.ports import Driver, NewPoint, Sample
from shared.reading import Quality, Readings

# what nobody who watches a machine would accept to wait for, on a machine that eight people share
PATIENCE_S = 60.0
_EPOCH_2000_US = 946_684_800_000_000


class DriverHarness(ABC):
    """A real source, and drivers to it.

    Attributes:
        name: The connection's name, with which drivers are built; errors must tell it.
        points: At least two good ones.
        bad: Places in `points` of those that the source does not have; at least one, where the protocol can tell.
    """

    name: str
    points: Sequence[Point]
    bad: frozenset[int] = frozenset()

    @abstractmethod
    async def start(self) -> None:
        """Let the source serve, on the same address each time."""

    @abstractmethod
    async def stop(self) -> None:
        """Let the source vanish with all its connections; harmless if it does not serve."""

    @abstractmethod
    async def emit(self) -> dict[int, float]:
        """Give every good point a value that it never had before, and return them by place in `points`.

        Polled and subscribed values change; where the source sends by itself, it sends once.
        """

    @abstractmethod
    def driver(self) -> Driver:
        """Build a new driver for `points`, not open."""

    async def enlarge(self) -> dict[str, float] | None:
        """Let the source have points that the drivers were not built with; return their `device.name` and values.

        None (the default) where the protocol finds none. Called again, it gives the same points other values.
        """
        return None

    @abstractmethod
    def lonely_driver(self) -> Driver:
        """Build a driver to an address where nobody listens."""


class Collector:
    """Takes and acknowledges a driver's samples while `takes` is set; can be asked to wait until enough was seen."""

    def __init__(self, driver: Driver, points: Sequence[NewPoint] = ()) -> None:
        self.samples: list[Sample] = []
        # those that were announced, in the order of their places
        self.points: list[NewPoint] = list(points)
        self.error: DriverError | None = None
        self.ended = False
        self.takes = asyncio.Event()
        self.takes.set()
        self._driver = driver
        self._news = asyncio.Event()

    async def collect(self) -> None:
        """Iterate until the driver ends or fails."""
        try:
            async for sample in self._driver.samples():
                self.samples.append(sample)
                self.points.extend(sample.points)
                if sample.receipt is not None:
                    self._driver.acknowledge([sample.receipt])
                self._news.set()
                await self.takes.wait()
        except DriverError as error:
            self.error = error
        finally:
            self.ended = True
            self._news.set()

    def rows(self) -> list[tuple[int, float, int]]:
        """Return point, value and quality of everything seen."""
        return [
            row
            for sample in self.samples
            for row in zip(
                sample.readings.tag.tolist(),
                sample.readings.value.tolist(),
                sample.readings.quality.tolist(),
                strict=True,
            )
        ]

    def has(self, expected: dict[int, float]) -> bool:
        """Tell whether each of these points was seen, as good, with its value."""
        seen = {(point, value) for point, value, quality in self.rows() if quality == Quality.GOOD}
        return seen.issuperset(expected.items())

    async def until(self, condition: Callable[[], bool], within_s: float = PATIENCE_S) -> bool:
        """Wait until the condition holds; False if it did not in time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while not condition():
                    self._news.clear()
                    await self._news.wait()
        return condition()


@contextlib.asynccontextmanager
async def collecting(driver: Driver, points: Sequence[NewPoint] = ()) -> AsyncIterator[Collector]:
    """Collect in a task of its own until the block ends; `points` were announced in an earlier session."""
    collector = Collector(driver, points)
    # no TaskGroup: an assertion that fails in the block should be reported as itself, not inside a group
    task = asyncio.create_task(collector.collect(), name="collector")
    try:
        yield collector
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def reaches(collector: Collector, harness: DriverHarness) -> bool:
    """Emit until one emission was seen whole; repeated, as a subscription may begin after the first."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end and not collector.ended:
        expected = await harness.emit()
        if await collector.until(lambda expected=expected: collector.ended or collector.has(expected), 2.0):  # type: ignore[misc]
            return collector.has(expected)
    return False


async def finds(collector: Collector, harness: DriverHarness) -> bool:
    """Enlarge until points beyond the harness's arrive with their values."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end and not collector.ended:
        expected = await harness.enlarge() or {}

        def is_found(expected: dict[str, float] = expected) -> bool:
            first = len(harness.points)
            places = {f"{point.device}.{point.name}": first + at for at, point in enumerate(collector.points)}
            return expected.keys() <= places.keys() and collector.has({places[n]: v for n, v in expected.items()})

        if await collector.until(is_found, 2.0):
            return True
    return False


def assert_places(samples: Sequence[Sample], points: int) -> None:
    """No row names a point that was not announced with it or before."""
    for sample in samples:
        points += len(sample.points)
        assert all(tag < points for tag in sample.readings.tag.tolist())


async def eventually(condition: Callable[[], bool], within_s: float = PATIENCE_S) -> bool:
    """Look again and again until the condition holds; False if it did not in time."""
    end = time.monotonic() + within_s
    while not condition() and time.monotonic() < end:  # noqa: ASYNC110 - what it looks at signals nothing
        await asyncio.sleep(0.01)
    return condition()


def running() -> tuple[set[asyncio.Task[object]], set[threading.Thread]]:
    """Return what runs now; asyncio's own pool threads, which stay by design, are left out."""
    threads = {thread for thread in threading.enumerate() if not thread.name.startswith("asyncio_")}
    return set(asyncio.all_tasks()), threads


async def nothing_more_runs_than(before: tuple[set[asyncio.Task[object]], set[threading.Thread]]) -> bool:
    """Wait until every task and thread born since has ended."""

    def is_quiet() -> bool:
        tasks, threads = running()
        return tasks <= before[0] and threads <= before[1]

    return await eventually(is_quiet)


class DriverSuite:
    """The promises, one a test."""

    async def test_a_session_can_be_begun_again_and_again(self, harness: DriverHarness) -> None:
        driver = harness.driver()
        for _ in range(3):
            await driver.open()
            async with collecting(driver) as seen:
                assert await reaches(seen, harness), f"values did not arrive: {seen.error}, {seen.rows()}"
            await driver.close()

    async def test_closing_is_harmless_at_any_time(self, harness: DriverHarness) -> None:
        driver = harness.driver()
        await driver.close()
        await driver.open()
        await driver.close()
        await driver.close()

    async def test_where_nobody_listens_opening_fails_by_name_and_in_time(self, harness: DriverHarness) -> None:
        before = running()
        driver = harness.lonely_driver()
        error: DriverError | None = None
        async with asyncio.timeout(PATIENCE_S):
            try:
                await driver.open()
            except DriverError as raised:
                error = raised
        assert error is not None, "opened a session with nobody"
        assert harness.name in error.message
        assert error.retryable
        assert await nothing_more_runs_than(before), "a failed open must leave nothing behind"
        await driver.close()

    async def test_an_open_that_is_cancelled_leaves_nothing_behind(self, harness: DriverHarness) -> None:
        before = running()
        driver = harness.driver()
        opening = asyncio.create_task(driver.open())
        await asyncio.sleep(0)
        opening.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await opening
        await driver.close()
        assert await nothing_more_runs_than(before)

    async def test_every_good_point_arrives_with_its_value(self, harness: DriverHarness) -> None:
        driver = harness.driver()
        await driver.open()
        async with collecting(driver) as seen:
            assert await reaches(seen, harness), f"values did not arrive: {seen.error}, {seen.rows()}"
            assert await reaches(seen, harness), f"values did not change: {seen.error}, {seen.rows()}"
        await driver.close()

    async def test_samples_are_columns_that_name_points(self, harness: DriverHarness) -> None:
        driver = harness.driver()
        began_us = time.time_ns() // 1000
        await driver.open()
        async with collecting(driver) as seen:
            assert await reaches(seen, harness)
        await driver.close()
        ended_us = time.time_ns() // 1000
        for sample in seen.samples:
            _assert_columns(sample.readings, len(harness.points), began_us, ended_us)

    async def test_a_bad_point_is_told_as_bad_and_stops_no_other(self, harness: DriverHarness) -> None:
        driver = harness.driver()
        await driver.open()
        async with collecting(driver) as seen:
            assert await reaches(seen, harness), f"good points must arrive beside {harness.bad}: {seen.rows()}"
            told = await seen.until(
                lambda: harness.bad <= {point for point, _, quality in seen.rows() if quality == Quality.BAD}
            )
            assert told, f"not told as bad: {harness.bad}, {seen.rows()}"
        await driver.close()
        for point, value, quality in seen.rows():
            if point in harness.bad:
                assert quality == Quality.BAD
                assert math.isnan(value)

    async def test_when_the_source_restarts_samples_fail_or_resume_and_values_come_again(
        self, harness: DriverHarness
    ) -> None:
        driver = harness.driver()
        await driver.open()
        async with collecting(driver) as seen:
            assert await reaches(seen, harness)
            await harness.stop()
            await seen.until(lambda: seen.ended, within_s=5.0)
            await harness.start()
            resumed = not seen.ended and await reaches(seen, harness)
            assert resumed or await seen.until(lambda: seen.ended), "neither failed nor resumed"
        if not resumed:
            assert seen.error is not None, "samples must not end as if all were well"
            assert harness.name in seen.error.message
            await driver.close()
            await driver.open()
            async with collecting(driver) as again:
                assert await reaches(again, harness)
        await driver.close()

    async def test_cancelling_samples_leaves_nothing_behind(self, harness: DriverHarness) -> None:
        before = running()
        driver = harness.driver()
        await driver.open()
        async with collecting(driver) as seen:
            assert await reaches(seen, harness)
        await driver.close()
        assert await nothing_more_runs_than(before)

    async def test_acknowledging_is_harmless_at_any_time(self, harness: DriverHarness) -> None:
        driver = harness.driver()
        driver.acknowledge([])
        await driver.open()
        async with collecting(driver) as seen:
            assert await reaches(seen, harness)
            receipts = [sample.receipt for sample in seen.samples if sample.receipt is not None]
            driver.acknowledge(receipts)
            assert await reaches(seen, harness), "acknowledged twice, and it stopped"
        await driver.close()
        driver.acknowledge(receipts)

    async def test_a_taker_that_pauses_still_gets_the_newest(self, harness: DriverHarness) -> None:
        driver = harness.driver()
        await driver.open()
        async with collecting(driver) as seen:
            assert await reaches(seen, harness)
            seen.takes.clear()
            expected = {}
            for _ in range(20):
                expected = await harness.emit()
            seen.takes.set()
            assert await seen.until(lambda: seen.has(expected)), f"the newest never came: {seen.error}, {expected}"
        await driver.close()

    async def test_points_found_at_the_source_are_announced_once_before_their_readings(
        self, harness: DriverHarness
    ) -> None:
        driver = harness.driver()
        await driver.open()
        async with collecting(driver) as seen:
            assert await reaches(seen, harness)
            if await harness.enlarge() is not None:
                assert await finds(seen, harness), f"not found: {seen.error}, {seen.rows()}"
                await harness.stop()
                await seen.until(lambda: seen.ended, within_s=5.0)
                await harness.start()
        await driver.close()
        await driver.open()
        async with collecting(driver, seen.points) as again:
            assert await reaches(again, harness)
            if await harness.enlarge() is not None:
                assert await finds(again, harness), f"gone after a new session: {again.error}, {again.rows()}"
        await driver.close()
        names = [f"{point.device}.{point.name}" for point in again.points]
        assert len(set(names)) == len(names), f"announced twice: {names}"
        assert_places(seen.samples, len(harness.points))

    async def test_finishing_ends_samples_without_an_error(self, harness: DriverHarness) -> None:
        driver = harness.driver()
        await driver.open()
        async with collecting(driver) as seen:
            assert await reaches(seen, harness)
            driver.finish()
            assert await seen.until(lambda: seen.ended), "samples went on"
            assert seen.error is None
        await driver.close()

    async def test_a_finished_driver_ends_the_samples_of_a_later_session_at_once(self, harness: DriverHarness) -> None:
        driver = harness.driver()
        driver.finish()
        await driver.open()
        async with collecting(driver) as seen:
            assert await seen.until(lambda: seen.ended), "samples went on"
            assert seen.error is None
        await driver.close()


def _assert_columns(readings: Readings, points: int, began_us: int, ended_us: int) -> None:
    columns = {
        "tag": np.uint32,
        "ts": np.int64,
        "received": np.int64,
        "value": np.float64,
        "quality": np.uint8,
        "flags": np.uint8,
        "status": np.uint32,
    }
    for name, dtype in columns.items():
        column = getattr(readings, name)
        assert column.dtype == dtype, f"{name} is {column.dtype}"
        assert column.shape == (len(readings),), f"{name} has shape {column.shape}"
    assert all(tag < points for tag in readings.tag.tolist())
    assert all(quality in set(Quality) for quality in readings.quality.tolist())
    assert all(began_us <= received <= ended_us for received in readings.received.tolist())
    assert all(ts == 0 or _EPOCH_2000_US <= ts <= ended_us + 60_000_000 for ts in readings.ts.tolist())
    assert all(0 <= row < len(readings) for row in readings.text)
