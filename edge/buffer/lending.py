"""The lending: sealed batches out to one destination's shipper, and away once its cloud has them.

Leases live in memory only. A gateway that dies between receipt and deletion sends the batch again, and the cloud
answers what it answered before.
"""

import asyncio
from collections.abc import Collection, Sequence
from functools import partial

from edge.backoff import Backoff
from edge.buffer import lent
from edge.buffer.leases import Leases
from edge.buffer.refusing import Refusal
from edge.buffer.store import Store
from edge.buffer.store_thread import StoreThread
from edge.buffer.trouble import Trouble
from edge.buffer.waking import Alarm, Bell
from edge.clock import Clock
from edge.errors import BufferError  # noqa: A004 - the field's word
from edge.ports import FIRST, Lease
from shared.logs import get
from shared.wire.batch import BatchId
from shared.wire.lane import URGENCY, Lane

# Deleting costs a commit, so batches are deleted together: after so long, or when they are so many.
SWEEP_S = 0.25
SWEEP_BATCHES = 64
_NOTED_AHEAD = 15
_RETRY_CAP_S = 5.0
_log = get(__name__)


class Lending:
    """Lends, takes back, and sweeps away.

    Args:
        thread: Where the store lives.
        clock: Time.
        trouble: Where a failing disk is told.
        to: The destination's name.
    """

    def __init__(self, thread: StoreThread, clock: Clock, trouble: Trouble, to: str = FIRST) -> None:
        self.to = to
        self._thread = thread
        self._clock = clock
        self._trouble = trouble
        self._life = thread.figures.life
        self._leases = Leases()
        self._settled: list[BatchId] = []
        self._refused: list[Refusal] = []
        self._news = Bell()
        self._choosing = asyncio.Lock()
        self._due = asyncio.Event()
        self._sweep = Alarm(clock, SWEEP_S, self._due.set)
        self._reading = Backoff(clock, first_s=0.1, cap_s=_RETRY_CAP_S)
        self._sweeping = Backoff(clock, first_s=0.1, cap_s=_RETRY_CAP_S)
        self._is_closed = False
        self._is_held = False
        self.rows_settled = 0

    def is_abreast(self, lane: Lane) -> bool:
        """Whether the lane's newest batch was lent, so that another may be sealed for whoever waits."""
        return not self._is_held and self._current().is_abreast(lane)

    def sealed(self, leases: Sequence[Lease], marked: Collection[Lane] = ()) -> None:
        """Lend these too; of these lanes it is noted that they may be sent."""
        self._current().sealed(leases, self._clock.monotonic())
        self._current().mark(lease.id.seq for lease in leases if lease.id.lane in marked)
        self._news.ring()

    async def lease(self, *, live: bool, wait: bool = True) -> Lease | None:
        """See `edge.ports.Buffer.lease`."""
        while not self._is_closed:
            lease = await self._choose(live=live) if self._available() is not None else None
            if lease is not None:
                return lease
            if not wait:
                break
            if self._available() is None:
                await self._news.heard()
        return None

    def hold(self) -> None:
        """Lend nothing until `release`."""
        self._is_held = True

    def release(self) -> None:
        """Lend again."""
        self._is_held = False
        self._news.ring()

    def wake(self) -> None:
        """Look again: something was put into the file."""
        self._news.ring()

    def forget_live(self) -> None:
        """Lend from disk what stands there, and nothing from memory."""
        self._current().forget_live()

    def spared(self) -> set[int]:
        """Return what nobody may change on disk."""
        return self._current().spared()

    async def settle(self, id: BatchId) -> None:
        """See `edge.ports.Buffer.settle`; it leaves the disk with the next sweep."""
        lease = self._current().leave(id)
        if lease is not None:
            self.rows_settled += lease.rows
            self._settled.append(id)
            self._ask_to_sweep()

    async def give_back(self, id: BatchId, *, refused: str | None = None, is_whole: bool = False) -> None:
        """See `edge.ports.Buffer.give_back`; what is refused is divided, or set aside, with the next sweep."""
        if refused is None:
            self._current().give_back(id)
            self._news.ring()
        elif self._current().leave(id) is not None:
            self._refused.append(Refusal(id, refused, is_whole))
            # at once: of a batch that is divided, all but one reading are on their way still
            self._due.set()

    async def run(self) -> None:
        """Sweep whenever it is due, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._sweep.run(), name="buffer-sweep-alarm")
            while True:
                await self._due.wait()
                self._due.clear()
                try:
                    await self.sweep()
                except BufferError as error:
                    self._trouble.began("sweep", error.message)
                    await self._sweeping.wait(error)
                    self._due.set()
                else:
                    self._trouble.ended("sweep")
                    self._sweeping.reset()

    async def sweep(self) -> None:
        """Delete what is settled; divide what is refused, or quarantine it.

        Raises:
            BufferError: The disk refuses; it is all still to be done.
        """
        while self._settled or self._refused:
            # on a file that takes the place of a damaged one meanwhile, lists of its own begin
            all_settled, all_refused = self._settled, self._refused
            settled, refused = all_settled[:SWEEP_BATCHES], all_refused[:SWEEP_BATCHES]
            job = partial(Store.sweep, settled=settled, refused=refused, now_us=self._clock.now_us(), to=self.to)
            parts = await self._thread.do(job, frees=True)
            del all_settled[: len(settled)], all_refused[: len(refused)]
            self._current().left([*settled, *(refusal.id for refusal in refused)])
            # sent next, which is noted with them
            self.sealed(parts, frozenset(Lane))

    def close(self) -> None:
        """Lend nothing more."""
        self._is_closed = True
        self._news.ring()

    def _available(self) -> Lane | None:
        """Return the most urgent lane of which something may be lent."""
        if self._is_held:
            return None
        leases, cursors = self._current(), self._thread.figures.owed[self.to].cursors
        return next((lane for lane in URGENCY if leases.available(lane, cursors[lane].batches) > 0), None)

    async def _choose(self, *, live: bool) -> Lease | None:
        lease = self._current().newest(self._clock.monotonic()) if live else None
        if lease is not None:
            return await self._lend(lease)
        # one reads at a time, so that two do not choose the same
        async with self._choosing:
            while (lane := self._available()) is not None:
                on_disk = self._thread.figures.owed[self.to].cursors[lane].batches
                lease = self._current().oldest(lane, on_disk) or await self._read(lane)
                if lease is None:
                    break
                # it may have been lent as live meanwhile
                if lease.id.seq not in self._current().taken():
                    return await self._lend(lease)
        return None

    async def _lend(self, lease: Lease) -> Lease:
        """Lend it, and note before that it may be sent: from then on a full buffer leaves it as it is."""
        leases = self._current()
        leases.lend(lease)
        if leases.is_marked(lease.id):
            return lease
        try:
            upto = await self._thread.do(partial(note_lent, id=lease.id, to=self.to))
        except BufferError as error:
            # a full disk must not stop what empties it; while this process lives it is known all the same
            _log.warning("it could not be noted that a batch is sent", seq=lease.id.seq, error=error.message)
            leases.mark([lease.id.seq])
        except BaseException:
            leases.give_back(lease.id)
            raise
        else:
            leases.mark([lease.id.seq])
            leases.mark_upto(lease.id.lane, upto)
        return lease

    async def _read(self, lane: Lane) -> Lease | None:
        while not self._is_closed:
            now_us = self._clock.now_us()
            job = partial(Store.oldest, taken=self._current().taken(), now_us=now_us, lanes=[lane], to=self.to)
            try:
                lease = await self._thread.do(job)
            except BufferError as error:
                self._trouble.began("read", error.message)
                await self._reading.wait(error)
            else:
                self._trouble.ended("read")
                self._reading.reset()
                return lease
        return None

    def _ask_to_sweep(self) -> None:
        if len(self._settled) + len(self._refused) >= SWEEP_BATCHES:
            self._due.set()
        else:
            self._sweep.set()

    def _current(self) -> Leases:
        """Return the leases on the file that is there; on one that replaced a damaged one there are none yet."""
        if self._thread.figures.life != self._life:
            self._life = self._thread.figures.life
            self._leases, self._settled, self._refused = Leases(), [], []
        return self._leases


def note_lent(store: Store, id: BatchId, to: str = FIRST) -> int:
    """Note that a batch may be sent to a destination from now on, so that nothing changes it any more, in any life.

    Returns:
        Up to which number all of its lane are noted: the oldest are noted some at once, for they are next.
    """
    lane = id.lane
    # no sign of life: a hole must not begin after what is in memory only
    with store.change(store.alive_us) as change:
        where = change.state.destination(to)
        cursor = where.cursors[lane]
        before = max(cursor.lent_upto, cursor.upto)
        if lent.has_others(change.db, max(before + 1, lane.seqs[0]), id.seq - 1, where.number):
            lent.note(change.db, [id.seq], where.number)
        else:
            upto = min(id.seq + _NOTED_AHEAD, change.state.next_seq(lane) - 1)
            change.state = change.state.lent(lane, upto, where.number)
    return store.figures.owed[to].cursors[lane].lent_upto
