"""Ports and clock in memory, moved by hand: what the gateway's parts are tested against."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass

from edge.drivers.spec import DeviceOptions, Point, TagOptions
from edge.errors import BufferFull
from edge.ports import Sample
from shared.reading import Gap, Readings, Tag, from_rows

START_US = 1_800_000_000_000_000


async def until(condition: Callable[[], object], within_s: float = 5.0) -> None:
    """Let everybody else run until the condition holds."""
    end = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end, "it never came to be"
        await asyncio.sleep(0)


class HandClock:
    """Stands still until `advance`; whoever sleeps is woken in order."""

    def __init__(self) -> None:
        self.elapsed_s = 0.0
        self.offset_us = 0
        self.sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def now_us(self) -> int:
        return START_US + round(self.elapsed_s * 1e6) + self.offset_us

    def monotonic(self) -> float:
        return self.elapsed_s

    async def sleep(self, seconds: float) -> None:
        sleeper = (self.elapsed_s + seconds, asyncio.get_running_loop().create_future())
        self.sleepers.append(sleeper)
        try:
            await sleeper[1]
        finally:
            if sleeper in self.sleepers:
                self.sleepers.remove(sleeper)

    def advance(self, seconds: float) -> None:
        self.elapsed_s += seconds
        due = sorted((sleeper for sleeper in self.sleepers if sleeper[0] <= self.elapsed_s), key=lambda it: it[0])
        for sleeper in due:
            self.sleepers.remove(sleeper)
            if not sleeper[1].done():
                sleeper[1].set_result(None)


@dataclass
class Append:
    """One call of `append`."""

    readings: Readings
    gaps: list[Gap]
    prompt: bool
    durable: asyncio.Future[None]


class MemoryBuffer:
    """Keeps appends in a list; commits at once, or when told."""

    def __init__(self, *, commits: bool = True) -> None:
        self.tags: list[Tag] = []
        self.appends: list[Append] = []
        self.commits = commits
        self.is_full = False
        self.refused = 0

    def register(self, tags: Sequence[Tag]) -> list[int]:
        for tag in tags:
            if tag not in self.tags:
                self.tags.append(tag)
        return [self.tags.index(tag) for tag in tags]

    async def append(
        self, readings: Readings, gaps: Sequence[Gap] = (), *, prompt: bool = False
    ) -> "asyncio.Future[None]":
        if self.is_full:
            self.refused += 1
            raise BufferFull("the buffer holds 10 bytes of 10; nothing was taken")
        durable = asyncio.get_running_loop().create_future()
        self.appends.append(Append(readings, list(gaps), prompt, durable))
        if self.commits:
            durable.set_result(None)
        return durable

    @property
    def gaps(self) -> list[Gap]:
        return [gap for append in self.appends for gap in append.gaps]

    @property
    def values(self) -> list[tuple[str, float]]:
        """Tag name and value of every reading with a value."""
        return [
            (self.tags[tag].name, value)
            for append in self.appends
            for tag, value in zip(append.readings.tag.tolist(), append.readings.value.tolist(), strict=True)
            if value == value
        ]


class ScriptedDriver:
    """Yields what is put in; an exception put in ends the session."""

    def __init__(self, *refusals: Exception) -> None:
        self.refusals = list(refusals)
        self.acknowledged: list[object] = []
        self.opened = 0
        self.closed = 0
        self.is_open = False
        self.is_deaf = False
        self._queue: asyncio.Queue[Sample | Exception | None] = asyncio.Queue()
        self._finishing = False

    def put(self, *items: Sample | Exception) -> None:
        for item in items:
            self._queue.put_nowait(item)

    async def open(self) -> None:
        if self.refusals:
            raise self.refusals.pop(0)
        self.opened += 1
        self.is_open = True

    async def samples(self) -> AsyncIterator[Sample]:
        while not (self._finishing and self._queue.empty()) or self.is_deaf:
            item = await self._queue.get()
            if isinstance(item, Exception):
                raise item
            if item is not None:
                yield item

    def acknowledge(self, receipts: Sequence[object]) -> None:
        self.acknowledged.extend(receipts)

    def finish(self) -> None:
        self._finishing = True
        self._queue.put_nowait(None)

    async def close(self) -> None:
        self.closed += 1
        self.is_open = False


def points(*names: str, device: str = "press-1", **options: object) -> list[Point]:
    """Make points of one device that all have these options."""
    place = DeviceOptions(name=device, on="line")
    return [Point(device, name, 1.0, place, TagOptions.model_validate(options)) for name in names]


def sample(
    value: float, *, tag: int = 0, receipt: object | None = None, gaps: Sequence[Gap] = (), at_us: int = START_US
) -> Sample:
    """Make a sample of one good reading."""
    return Sample(from_rows([tag], [0], at_us, [value]), receipt, gaps)
