"""A driver that does as it is told, and what it hands over."""

import asyncio
from collections.abc import AsyncIterator, Sequence

from edge.drivers.spec import DeviceOptions, Point, TagOptions
from edge.ports import Sample
from shared.reading import Gap, from_rows

NOW_US = 1_800_000_000_000_000


class ScriptedDriver:
    """Yields what is put in; an exception put in ends the session, those given at its making refuse it.

    Attributes:
        refusals: What the next openings raise.
        acknowledged: Receipts, in the order in which they were given back.
        opened, closed: How often.
        is_deaf: It does not hear `finish`.
    """

    def __init__(self, *refusals: Exception) -> None:
        self.refusals = list(refusals)
        self.acknowledged: list[object] = []
        self.opened = 0
        self.closed = 0
        self.is_open = False
        self.is_deaf = False
        self._queue: asyncio.Queue[Sample | Exception | None] = asyncio.Queue()
        self._is_finishing = False

    def put(self, *items: Sample | Exception) -> None:
        for item in items:
            self._queue.put_nowait(item)

    async def open(self) -> None:
        if self.refusals:
            raise self.refusals.pop(0)
        self.opened += 1
        self.is_open = True

    async def samples(self) -> AsyncIterator[Sample]:
        while self.is_deaf or not (self._is_finishing and self._queue.empty()):
            item = await self._queue.get()
            if isinstance(item, Exception):
                raise item
            if item is not None:
                yield item

    def acknowledge(self, receipts: Sequence[object]) -> None:
        self.acknowledged.extend(receipts)

    def finish(self) -> None:
        self._is_finishing = True
        # wakes whoever waits
        self._queue.put_nowait(None)

    async def close(self) -> None:
        self.closed += 1
        self.is_open = False


def points(*names: str, device: str = "press-1", **options: object) -> list[Point]:
    """Make points of one device that all have these options."""
    place = DeviceOptions(name=device, on="line")
    return [Point(device, name, 1.0, place, TagOptions.model_validate(options)) for name in names]


def found(*new: Point, value: float = 1.0, first: int = 2, at_us: int = NOW_US) -> Sample:
    """Make the announcement of points, each with its first good reading; `first` is the place of the first."""
    places = range(first, first + len(new))
    return Sample(from_rows(places, [0] * len(new), at_us, [value] * len(new)), points=new)


def sample(
    value: float, *, tag: int = 0, receipt: object | None = None, gaps: Sequence[Gap] = (), at_us: int = NOW_US
) -> Sample:
    """Make a sample of one good reading that has no source time."""
    return Sample(from_rows([tag], [0], at_us, [value]), receipt, gaps)
