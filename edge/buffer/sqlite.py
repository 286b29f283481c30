"""The durable buffer: the Buffer port on one SQLite file.

Readings come from the station. They wait in memory for at most 50 ms (`intake`), stand in the file's open tail for
about half a second (`store`), and then in a batch whose bytes are those the shipper is lent and sends (`lending`).
Nobody hears that a reading was taken before it is on disk, and nothing that was taken is forgotten while the process
lives: a commit that fails is tried again, and appending waits.
"""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self, TypeVar
from uuid import UUID

from edge.buffer import file, opengaps, recalling
from edge.buffer.destinations import Target
from edge.buffer.growth import Growth
from edge.buffer.intake import Intake
from edge.buffer.lenders import Lenders
from edge.buffer.retention import KEEP_ALL, Rules
from edge.buffer.sealing import BATCH_ROWS
from edge.buffer.store_thread import StoreThread
from edge.buffer.trouble import Trouble
from edge.buffer.volume import Volume
from edge.clock import Clock
from edge.errors import BufferError  # noqa: A004 - the field's word
from edge.ports import BufferStats, Lease, Lender
from shared.logs import get
from shared.reading import Gap, Readings, Tag
from shared.wire.batch import BatchId
from shared.wire.lane import Lane

# the hole after a power cut is told too long by this at most
BEAT_S = 10.0
T = TypeVar("T")
_log = get(__name__)


class SqliteBuffer:
    """Made by `open`; keeps its pace while `run` runs; ended by `close`.

    buffer = await SqliteBuffer.open(path, max_bytes=8 * 10**9, gateway="izmir-hall2", clock=clock)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(buffer.run(), name="buffer")
        ...
    await buffer.close()
    """

    def __init__(
        self,
        thread: StoreThread,
        room: file.Room,
        clock: Clock,
        volume: Volume,
        rules: Rules,
        most_rows: Callable[[], int],
    ) -> None:
        self._thread = thread
        self._room = room
        self._clock = clock
        self._trouble = Trouble()
        self._lending = Lenders(thread, clock, self._trouble)
        self._intake = Intake(thread, room, clock, self._trouble, self._lending, volume, rules, most_rows)
        self._open_gaps: dict[UUID, Gap] = {}
        opengaps.follow(self._open_gaps, thread.open_gaps)
        self._growth = Growth()
        self._closing = asyncio.Event()
        self._running: asyncio.Event | None = None

    @classmethod
    async def open(
        cls,
        path: Path,
        *,
        max_bytes: int,
        gateway: str,
        clock: Clock,
        volume: Volume | None = None,
        rules: Rules = KEEP_ALL,
        most_rows: Callable[[], int] = lambda: BATCH_ROWS,
        targets: Sequence[Target] | None = None,
    ) -> Self:
        """Open the buffer file, or make it; a damaged one is set aside and replaced.

        Args:
            path: The file; its log stands beside it.
            max_bytes: What both may take, at least 1 MB.
            gateway: Whose batches are sealed.
            clock: Time.
            volume: What the file is on, if some of it is to be kept free.
            rules: What a full buffer does with each lane; nothing is given up, if not said.
            most_rows: Says how many readings a batch may have now; the line to the cloud may be thin.
            targets: Whom the readings go to, the first first: those that are new get what is sealed from now on, those
                that the file knows beside these are forgotten. As the file has it, if not said.

        Raises:
            BufferError: It cannot be opened, another process has it open, or it is another gateway's.
        """
        room = file.divide(max_bytes)
        thread = StoreThread(path, room, gateway, clock, targets)
        await thread.open()
        return cls(thread, room, clock, volume if volume is not None else Volume(path), rules, most_rows)

    @property
    def down_since_us(self) -> int | None:
        """The last sign of life before this start, UTC microseconds; None for a buffer that is new."""
        return None if self._thread.down is None else self._thread.down.from_us

    @property
    def down(self) -> Gap | None:
        """The hole since then, of the whole gateway; it is told, and stands until narrower ones take its place."""
        return self._thread.down

    @property
    def open_gaps(self) -> list[Gap]:
        """The gaps that go on: those that an earlier life left open too."""
        return list(self._open_gaps.values())

    async def run(self) -> None:
        """Commit, seal and sweep at their pace until the buffer is closed; a task of the gateway's."""
        ended = self._running = asyncio.Event()
        try:
            async with asyncio.TaskGroup() as tasks:
                paces = [
                    tasks.create_task(self._intake.run(), name="buffer-intake"),
                    tasks.create_task(self._lending.run(), name="buffer-lending"),
                    tasks.create_task(self._beat(), name="buffer-beat"),
                ]
                await self._closing.wait()
                for pace in paces:
                    pace.cancel()
        finally:
            ended.set()

    def register(self, tags: Sequence[Tag], lanes: Sequence[Lane] = ()) -> list[int]:
        """See `edge.ports.Buffer.register`; waits for the disk on the loop, so it is for the start.

        Raises:
            BufferError: They could not be written.
        """
        now_us = self._clock.now_us()
        ids = self._thread.do_now(lambda store: store.register(tags, now_us, lanes))
        if lanes:
            self._intake.lanes.tell(dict(zip(ids, lanes, strict=True)), max(ids) + 1)
        self._intake.known_ids = max(self._intake.known_ids, max(ids, default=-1) + 1)
        return ids

    async def append(
        self, readings: Readings, gaps: Sequence[Gap] = (), *, prompt: bool = False
    ) -> "asyncio.Future[None]":
        """See `edge.ports.Buffer.append`. The block's arrays are kept until the commit and must not be changed."""
        promise = await self._intake.append(readings, gaps, prompt=prompt)
        opengaps.follow(self._open_gaps, gaps)
        return promise

    def lender(self, name: str) -> Lender:
        """Return what lends to a destination; the buffer itself lends to the first."""
        return self._lending[name]

    async def lease(self, *, live: bool, wait: bool = True) -> Lease | None:
        """See `edge.ports.Lender.lease`."""
        return await self._lending.first.lease(live=live, wait=wait)

    async def settle(self, id: BatchId) -> None:
        """See `edge.ports.Lender.settle`; it is gone from disk within a second."""
        await self._lending.first.settle(id)

    async def give_back(self, id: BatchId, *, refused: str | None = None, is_whole: bool = False) -> None:
        """See `edge.ports.Lender.give_back`."""
        await self._lending.first.give_back(id, refused=refused, is_whole=is_whole)

    def hold(self) -> None:
        """Lend nothing until `release`: the clock is not set, and what bears a time of it may soon be put right."""
        self._lending.hold()

    def release(self) -> None:
        """Lend again."""
        self._lending.release()

    async def rebase(self, since_us: int, delta_us: int) -> int:
        """Move what was taken since the clock was not set, now that it is, unless it may have been sent.

        Args:
            since_us: From when on it was not set, by itself.
            delta_us: How far it was behind.

        Returns:
            How many batches were moved.

        Raises:
            BufferError: The disk refuses; what was not moved stays flagged as it is.
        """
        await self._intake.flush()
        return await self._lending.rebase(since_us, delta_us)

    async def flush(self) -> None:
        """Commit and seal everything that was appended, so that it can be shipped; for the shutdown.

        Raises:
            BufferError: The disk refuses; all of it is still in memory.
        """
        await self._intake.flush()

    async def look(self, job: Callable[..., T], *what: object) -> T:
        """Let somebody read on the buffer's thread: `job` of the connection, the tags, and `what`; see `holdings`.

        Raises:
            BufferError: The file could not be read.
        """
        return await self._thread.do(lambda store: store.look(job, *what))

    async def retry(self, ns: Sequence[int]) -> int:
        """Bring entries of the quarantine among the readings again, to be sent; returns how many readings that are.

        Raises:
            BufferError: One is not there or cannot be read, or the disk refuses; nothing was done.
        """
        rows = await self._thread.do(lambda store: recalling.retry(store, ns, self._clock.now_us()))
        self._intake.tell()
        self._lending.wake()
        return rows

    async def drop(self, ns: Sequence[int]) -> int:
        """Delete entries of the quarantine for good, and tell it; returns how many readings that are.

        Raises:
            BufferError: One is not there, or the disk refuses; nothing was done.
        """
        rows = await self._thread.do(lambda store: recalling.drop(store, ns, self._clock.now_us()))
        self._intake.tell()
        self._lending.wake()
        return rows

    def stats(self) -> BufferStats:
        """Return the buffer as it is now."""
        figures = self._thread.figures
        return BufferStats(
            appended=self._intake.rows_appended,
            committed=self._intake.rows_committed,
            settled=self._lending.first.rows_settled,
            batches=figures.batches,
            rows=figures.rows + figures.tail_rows,
            quarantined=figures.quarantined,
            bytes=figures.used_bytes,
            max_bytes=self._room.rows,
            oldest_us=figures.oldest_us,
            commits=self._intake.commits,
            last_commit_us=self._intake.last_commit_us,
            epoch=str(figures.epoch),
            failure=self._trouble.message,
            growth_bytes_s=self._growth.bytes_per_s,
            backlogs=self._lending.backlogs(),
        )

    async def close(self) -> None:
        """Commit and seal what is pending, empty the log, close the file. May be called twice; never raises."""
        if self._closing.is_set():
            return
        self._closing.set()
        self._intake.close()
        self._lending.close()
        if self._running is not None:
            await self._running.wait()
        try:
            await self._intake.flush()
            await self._lending.sweep()
        except BufferError as error:
            lost = self._intake.give_up(error)
            _log.error("buffer closed over readings that never came to disk", readings=lost, error=error.message)
        try:
            await self._thread.close()
        except BufferError as error:
            _log.error("buffer not closed in order", error=error.message)

    async def _beat(self) -> None:
        while True:
            await self._thread.keep_ballast()
            self._growth.sample(self._clock.monotonic(), self._intake.bytes_sealed)
            await self._clock.sleep(BEAT_S)
            self._intake.tell()
            if self._clock.monotonic() - self._intake.last_commit_s < BEAT_S:
                continue
            try:
                await self._thread.do(lambda store: store.beat(self._clock.now_us()))
            except BufferError as error:
                self._trouble.began("beat", error.message)
            else:
                self._trouble.ended("beat")
