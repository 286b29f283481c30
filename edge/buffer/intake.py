"""The intake: from append to commit to sealed batch, at a pace that spares the disk and keeps nobody waiting.

Appended blocks are only pushed on a list. A commit takes the whole list at once: 50 ms after the first of it, 2 ms if
somebody waits for an acknowledgement, at once if it is long. Meanwhile the next list gathers.
"""

import asyncio
import contextlib
import math
from collections.abc import Callable, Sequence, Set
from functools import partial

from edge.backoff import Backoff
from edge.buffer import block, file, retention
from edge.buffer.lanes import Lanes
from edge.buffer.lenders import Lenders
from edge.buffer.pending import Pending
from edge.buffer.retention import Rules
from edge.buffer.sealing import WAITING_ROWS
from edge.buffer.store import Store
from edge.buffer.store_thread import StoreThread
from edge.buffer.trouble import Trouble
from edge.buffer.volume import Volume
from edge.buffer.waking import Alarm, Bell
from edge.clock import Clock
from edge.errors import BufferError, BufferFull, DiskFull  # noqa: A004 - the field's word
from shared.reading import Gap, Readings
from shared.wire.lane import Lane

# 20 commits a second, which flash survives for years
COMMIT_S = 0.05
# long enough to gather what arrives together, short enough for whoever waits
PROMPT_S = 0.002
# worth a commit of their own
COMMIT_ROWS = 5_000
# 4 MB of memory, or half a second at 200,000 readings a second; beyond, `append` waits
MAX_PENDING_ROWS = 100_000
# How long readings stand in their lane's tail while somebody takes its live batches ..
SEAL_S = 0.5
# .. and while nobody does: in an outage, half-second batches would be five million a month.
SEAL_IDLE_S = 10.0
# what would be sealed so soon is sealed with the others, in one commit
_SHARED_S = 0.1
# a relief frees at least this part of the file, if it can
_RELIEF = 200
# a disk that refused is asked again soon, for people free space in a hurry
_RETRY_CAP_S = 5.0


class Intake:
    """Takes readings and gets them on disk.

    Args:
        thread: Where the store lives.
        room: How the size cap is divided.
        clock: Time.
        trouble: Where a failing disk is told.
        lending: Who lends what is sealed.
        volume: What the file is on.
        rules: What a full buffer does with each lane.
        most_rows: Says how many readings a batch may have now.
    """

    def __init__(
        self,
        thread: StoreThread,
        room: file.Room,
        clock: Clock,
        trouble: Trouble,
        lending: Lenders,
        volume: Volume,
        rules: Rules,
        most_rows: Callable[[], int],
    ) -> None:
        self._most_rows = most_rows
        self._thread = thread
        self._volume = volume
        self._room = room
        self._clock = clock
        self._trouble = trouble
        self._lending = lending
        self._backoff = Backoff(clock, first_s=0.1, cap_s=_RETRY_CAP_S)
        self._gathering = Pending()
        self._committing: Pending | None = None
        self._turn = asyncio.Lock()
        self._due = asyncio.Event()
        self._later = Alarm(clock, COMMIT_S, self._due.set)
        self._soon = Alarm(clock, PROMPT_S, self._due.set)
        # one a lane, so that none is late for another's sake
        self._ripening = {lane: Alarm(clock, SEAL_S, partial(self._ripen, lane)) for lane in Lane}
        self._committed = Bell()
        self._tail_since_s: dict[Lane, float] = {}
        self._ripe: set[Lane] = set()
        self._is_closed = False
        self._rules = rules
        self._can_relieve = retention.helps(rules) or lending.are_several
        self._relieving = asyncio.Lock()
        # of the tags that are registered
        self.lanes = Lanes()
        # ids below this one are registered
        self.known_ids = 0
        self.rows_appended = 0
        self.rows_committed = 0
        self.bytes_sealed = 0
        self.commits = 0
        self.last_commit_us: int | None = None
        # the same by the monotonic clock
        self.last_commit_s = -math.inf

    @property
    def pending_rows(self) -> int:
        """Readings in memory only."""
        return self._gathering.rows + (self._committing.rows if self._committing is not None else 0)

    async def append(self, readings: Readings, gaps: Sequence[Gap], *, prompt: bool) -> asyncio.Future[None]:
        """See `edge.ports.Buffer.append`."""
        self._check(readings)
        while self.pending_rows >= MAX_PENDING_ROWS and not self._is_closed:
            await self._committed.heard()
        if self._is_closed:
            raise BufferError("the buffer is closed; nothing was taken")
        # what the cap leaves beside the rows is there for gaps, and nothing needs no room
        if len(readings):
            await self._make_room(readings)
        if self._is_closed:
            raise BufferError("the buffer is closed; nothing was taken")
        promise = asyncio.get_running_loop().create_future()
        self._gathering.add(readings, gaps, promise)
        self.rows_appended += len(readings)
        if self._gathering.rows >= COMMIT_ROWS:
            self._due.set()
        elif prompt:
            self._soon.set()
        else:
            self._later.set()
        return promise

    async def run(self) -> None:
        """Commit and seal at their pace, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for name, alarm in (("later", self._later), ("soon", self._soon)):
                tasks.create_task(alarm.run(), name=f"buffer-{name}")
            for lane, alarm in self._ripening.items():
                tasks.create_task(alarm.run(), name=f"buffer-ripe-{lane.name.lower()}")
            if self._has_work():
                # what an earlier life left is sealed, and its end told, at once
                self._due.set()
            await self._commit_forever()

    def tell(self) -> None:
        """Have holes recorded that the store's thread found, if there are any, and brought to the cloud."""
        if self._thread.has_told:
            self._due.set()
        self._watch_tails()

    async def flush(self) -> None:
        """Commit and seal everything that was appended before this call.

        Raises:
            BufferError: The disk refuses; all of it is still in memory.
        """
        while self._has_work():
            await self._commit(seal=True)

    def close(self) -> None:
        """Take nothing more."""
        self._is_closed = True
        self._committed.ring()

    def give_up(self, error: BufferError) -> int:
        """Break the promises that are left; returns how many readings are lost with them."""
        lost = self.pending_rows
        for pending in (self._committing, self._gathering):
            if pending is not None:
                pending.fail(error)
        return lost

    def _has_work(self) -> bool:
        is_pending = self._committing is not None or bool(self._gathering) or self._thread.has_told
        return is_pending or self._thread.figures.has_tail

    async def _commit_forever(self) -> None:
        while True:
            await self._due.wait()
            self._due.clear()
            try:
                await self._commit()
            except BufferError as error:
                self._trouble.began("commit", error.message)
                await self._relieve_disk(error)
                await self._backoff.wait(error)
                self._due.set()
                continue
            self._trouble.ended("commit")
            if self._backoff.failures:
                # whatever rang meanwhile went unheard
                self._backoff.reset()
                self._due.set()

    async def _relieve_disk(self, error: BufferError) -> None:
        """Give up what may be given up when the disk itself is full, so that what is in memory gets there."""
        if isinstance(error, DiskFull) and self._can_relieve:
            with contextlib.suppress(BufferError):
                await self._lending.relieve(self._rules, self._room.rows // _RELIEF)

    async def _commit(self, *, seal: bool = False) -> None:
        async with self._turn:
            ripe, most_rows = frozenset(self._ripe), self._most_rows()
            # what is sealed while somebody keeps up is sent at once
            abreast = self._lending.abreast()
            if not any(abreast.values()):
                most_rows = min(most_rows, WAITING_ROWS)
            if self._committing is None:
                self._committing, self._gathering = self._gathering, Pending()
                self._committing.gaps.extend(self._thread.take_told())
            pending, now_us = self._committing, self._clock.now_us()
            if pending or (seal and self._thread.figures.has_tail) or ripe & self._thread.figures.tails.keys():

                def write(store: Store) -> None:
                    store.most_rows = most_rows
                    pending.write(store, now_us, seal=seal, ripe=ripe, sent=abreast)

                await self._thread.do(write)
                self.commits += 1
                self.last_commit_us, self.last_commit_s = now_us, self._clock.monotonic()
            self._committing = None
            self._keep(pending, ripe)

    def _keep(self, pending: Pending, sealed: Set[Lane]) -> None:
        self.rows_committed += pending.rows
        self.bytes_sealed += sum(len(lease.body) for lease in pending.sealed or ())
        self._lending.sealed(pending.sealed or (), pending.marked)
        pending.keep()
        self._committed.ring()
        self._ripe -= sealed
        for lane in sealed:
            self._tail_since_s.pop(lane, None)
        self._watch_tails()

    def _watch_tails(self) -> None:
        for lane, alarm in self._ripening.items():
            if lane not in self._thread.figures.tails:
                self._tail_since_s.pop(lane, None)
            elif lane not in self._tail_since_s:
                self._tail_since_s[lane] = self._clock.monotonic()
                alarm.set()

    def _ripen(self, lane: Lane) -> None:
        if lane not in self._tail_since_s:
            return
        if self._lending.is_abreast(lane) or self._stood_s(lane) >= SEAL_IDLE_S:
            self._ripe.add(lane)
            self._ripe.update(filter(self._is_nearly_ripe, self._tail_since_s))
            self._due.set()
        else:
            self._ripening[lane].set()

    def _is_nearly_ripe(self, lane: Lane) -> bool:
        return self._stood_s(lane) >= (SEAL_S if self._lending.is_abreast(lane) else SEAL_IDLE_S) - _SHARED_S

    def _stood_s(self, lane: Lane) -> float:
        return self._clock.monotonic() - self._tail_since_s[lane]

    def _check(self, readings: Readings) -> None:
        """Refuse what could be committed but never sealed: the defect is the caller's, and he must hear of it."""
        n = len(readings.tag)
        rest = (readings.ts, readings.received, readings.value, readings.quality, readings.flags, readings.status)
        if any(len(column) != n for column in rest):
            raise ValueError(f"columns of unequal length: tag {n}, others {[len(column) for column in rest]}")
        if n and int(readings.tag.max()) >= self.known_ids:
            raise ValueError(f"tag id {readings.tag.max()} was never registered; there are {self.known_ids}")

    async def _make_room(self, readings: Readings) -> None:
        """Wait until there is room for these, giving up what may be given up.

        Raises:
            BufferFull: There is none, and nothing more may be given up.
            BufferError: The disk refuses.
        """
        taking = block.size(readings)
        while (shortage := self._shortage(readings, taking)) is not None:
            async with self._relieving:
                # somebody else may have made room meanwhile
                shortage = self._shortage(readings, taking)
                is_relieved = shortage is None or (self._can_relieve and await self._relieve(taking))
            if not is_relieved:
                raise BufferFull(f"the buffer holds {self._thread.figures.used_bytes} bytes and {shortage}")

    async def _relieve(self, taking: int) -> bool:
        is_done = await self._lending.relieve(self._rules, max(taking, self._room.rows // _RELIEF))
        self._watch_tails()
        return is_done

    def _shortage(self, readings: Readings, taking: int) -> str | None:
        """Return why there is no room, in words; None if there is."""
        waiting = self._gathering.bytes + (self._committing.bytes if self._committing is not None else 0)
        used = self._thread.figures.used_bytes + waiting + taking
        if (short := self._volume.shortage(used)) is not None:
            return f"may not grow: {short}; nothing was taken; free space"
        # the lanes are looked at only when it is nearly full
        if used > self._room.others and (used > self._room.rows or self.lanes.part(readings).keys() - {Lane.STATE}):
            most = self._room.others if used <= self._room.rows else self._room.rows
            return f"{waiting} wait, of {most}; nothing was taken; bring the cloud back, or raise buffer.max_size"
        return None
