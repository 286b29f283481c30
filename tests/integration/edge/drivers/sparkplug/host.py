"""The driver as a host application, built for tests, and somebody who takes its samples."""

import asyncio
from collections.abc import Callable, Sequence

from edge.clock import SystemClock
from edge.drivers.sparkplug import SPEC
from edge.drivers.sparkplug.driver import SparkplugDriver
from edge.drivers.spec import Point, Surroundings
from edge.ports import Sample
from shared.reading import Gap, Quality

PATIENCE_S = 60.0


def points(name: str, group: str, node: str, tags: dict[str, str], **options: object) -> list[Point]:
    """Make an entry's points from its configuration: tag to metric."""
    device = _device(name, group, node, tags, options)
    return [Point(name, tag, 1.0, device, of) for tag, of in device.tags.items() if tag not in device.families]


def families(name: str, group: str, node: str, tags: dict[str, str], **options: object) -> list[Point]:
    """Make an entry's patterns of points."""
    device = _device(name, group, node, tags, options)
    return [Point(name, tag, 1.0, device, of) for tag, of in device.families.items()]


def _device(name, group, node, tags, options):
    metrics = {tag: {"metric": metric} for tag, metric in tags.items()}
    return SPEC.device.model_validate(
        {"name": name, "on": "host", "group": group, "node": node, "tags": metrics, **options}
    )


def driver(port: int, of: Sequence[Point], *, families: Sequence[Point] = (), **options: object) -> SparkplugDriver:
    """Build a host on a local broker."""
    connection = {"sparkplug": f"mqtt://127.0.0.1:{port}", "client_id": "test-host", "timeout": "10s", **options}
    chosen = SPEC.connection.model_validate(connection)
    built = SPEC.build("host", chosen, of, SystemClock(), Surroundings(families=families))
    assert isinstance(built, SparkplugDriver)
    return built


class Taker:
    """Takes samples, acknowledges them, and keeps what they say by the names of points."""

    def __init__(self, of: SparkplugDriver, known: Sequence[Point]) -> None:
        self.points = list(known)
        self.rows: list[tuple[str, str, float | str, int]] = []
        self.gaps: list[Gap] = []
        self._driver = of
        self._iterator = of.samples()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                await self._take(await anext(self._iterator))

    async def _take(self, sample: Sample) -> None:
        self.points += sample.points  # type: ignore[arg-type]
        self.gaps += sample.gaps
        readings = sample.readings
        for row, place in enumerate(readings.tag.tolist()):
            point = self.points[place]
            value = readings.text.get(row, float(readings.value[row]))
            self.rows.append((point.device, point.name, value, int(readings.quality[row])))
        if sample.receipt is not None:
            self._driver.acknowledge([sample.receipt])

    def good(self, device: str, tag: str) -> list[float | str]:
        """Return the good values of a tag, in the order in which they came."""
        return [row[2] for row in self.rows if row[:2] == (device, tag) and row[3] == Quality.GOOD]

    def bad(self, device: str, tag: str) -> int:
        """Return how often a tag was told to be bad."""
        return sum(row[:2] == (device, tag) and row[3] == Quality.BAD for row in self.rows)
