"""A connection's way into the buffer: holds what a full buffer cannot take, and knows since when."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from edge.acquisition.journal import Journal
from edge.clock import Clock
from edge.drivers.spec import Point, TagClass
from edge.errors import BufferError, BufferFull  # noqa: A004 - the field's word
from edge.ports import Buffer
from shared.logs import get
from shared.reading import Flag, Gap, Readings, Tag
from shared.wire.lane import Lane

_log = get(__name__)
# how often a full buffer is asked again; settling a batch takes longer
_AGAIN_S = 0.5
_LANES = {TagClass.STATE: Lane.STATE, TagClass.PROCESS: Lane.PROCESS, TagClass.DEBUG: Lane.DEBUG}


class Intake:
    """Gives shaped readings to the buffer under the tags' lasting ids; one station has it."""

    def __init__(
        self,
        name: str,
        points: Sequence[Point],
        buffer: Buffer,
        clock: Clock,
        journal: Journal,
        *,
        is_clock_set: Callable[[], bool] = lambda: True,
    ) -> None:
        self._is_clock_set = is_clock_set
        self._name = name
        self._buffer = buffer
        self._clock = clock
        self._ids = np.array([], np.uint32)
        self._journal = journal
        self.full_since_us: int | None = None
        self._register(points)

    async def extend(self, points: Sequence[Point]) -> None:
        """Take more points, which stand behind those so far; waits while the disk has no room for their names.

        Raises:
            BufferError: Closed, or damaged.
        """
        while True:
            try:
                self._register(points)
            except BufferError as error:
                if not error.retryable:
                    raise
                _log.warning("new tags cannot be written yet", connection=self._name, error=error.message)
                await self._clock.sleep(_AGAIN_S)
            else:
                return

    def _register(self, points: Sequence[Point]) -> None:
        tags = [_tag(point) for point in points]
        lanes = [_LANES[point.options.lane] for point in points]
        self._ids = np.append(self._ids, np.array(self._buffer.register(tags, lanes), np.uint32))

    async def put(
        self, readings: Readings, gaps: Callable[[], Sequence[Gap]] = list, *, prompt: bool = False
    ) -> asyncio.Future[None]:
        """Wait until the buffer has taken readings, and return the promise of their commit.

        Args:
            readings: What is kept; `tag` indexes the points.
            gaps: Asked for what to record beside them, at each attempt, for gaps grow while one waits.
            prompt: The source waits for its acknowledgement.

        Raises:
            BufferError: Closed.
        """
        kept = replace(readings, tag=self._ids[readings.tag])
        if not self._is_clock_set():
            kept = replace(kept, flags=kept.flags | np.uint8(Flag.CLOCK_NOT_SET))
        while True:
            told = gaps()
            try:
                durable = await self._buffer.append(kept, told, prompt=prompt)
            except BufferFull as error:
                if self.full_since_us is None:
                    self.full_since_us = self._clock.now_us()
                    _log.warning("buffer full, the source has to wait", connection=self._name, error=error.message)
                await self._clock.sleep(_AGAIN_S)
            else:
                if self.full_since_us is not None:
                    self.full_since_us = None
                    _log.info("buffer takes readings again", connection=self._name)
                self._journal.note_gaps(told)
                return durable


def _tag(point: Point) -> Tag:
    options, counter = point.options, point.options.counter
    rollover = counter.rollover * options.scale if counter is not None and counter.rollover is not None else None
    return Tag(point.device, point.name, point.device_options.machine, options.means, options.unit, rollover)
