"""A buffer in memory that remembers every append, and commits and takes as it is told."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from edge.clock import Clock
from edge.errors import BufferFull
from shared.reading import Gap, Readings, Tag
from shared.wire.lane import Lane
from tests.fakes.buffer import MemoryBuffer


@dataclass
class Append:
    """One call of `append` that was taken."""

    readings: Readings
    gaps: list[Gap]
    prompt: bool
    durable: asyncio.Future[None]


class RecordingBuffer(MemoryBuffer):
    """Commits at once, unless `commits` is off: then the test resolves `durable` of each append."""

    def __init__(self, clock: Clock, *, commits: bool = True) -> None:
        super().__init__(clock)
        self.names: list[str] = []
        self.appends: list[Append] = []
        self.commits = commits
        self.is_full = False

    def register(self, tags: Sequence[Tag], lanes: Sequence[Lane] = ()) -> list[int]:
        ids = super().register(tags, lanes)
        self.names.extend([""] * (max(ids, default=-1) + 1 - len(self.names)))
        for place, tag in zip(ids, tags, strict=True):
            self.names[place] = tag.name
        return ids

    async def append(
        self, readings: Readings, gaps: Sequence[Gap] = (), *, prompt: bool = False
    ) -> "asyncio.Future[None]":
        if self.is_full:
            raise BufferFull("the buffer holds 10 bytes of 10; nothing was taken")
        durable = await super().append(readings, gaps, prompt=prompt)
        if not self.commits:
            durable = asyncio.get_running_loop().create_future()
        self.appends.append(Append(readings, list(gaps), prompt, durable))
        return durable

    @property
    def ledger(self) -> list[Gap]:
        """Every revision of every gap taken, as it was told."""
        return [gap for append in self.appends for gap in append.gaps]

    @property
    def gaps(self) -> list[Gap]:
        """Every gap that is over and that nothing filled, without its name; in the order in which they ended."""
        over = [gap for gap in self.ledger if not gap.is_open]
        newest = {gap.id: gap for gap in over if gap.id is not None}
        last = [gap for gap in over if gap.id is None or newest[gap.id] is gap]
        return [replace(gap, id=None, revision=1) for gap in last if gap.closed_us is None]

    @property
    def values(self) -> list[tuple[str, float]]:
        """Tag and value of every reading that has one."""
        return [
            (self.names[tag], value)
            for append in self.appends
            for tag, value in zip(append.readings.tag.tolist(), append.readings.value.tolist(), strict=True)
            if value == value
        ]
