"""The lenders: a lending for each destination over one file, and what is done to the file for all of them at once."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from functools import partial

from edge.buffer import rebasing, relief
from edge.buffer.lending import Lending
from edge.buffer.retention import Rules
from edge.buffer.store import Store
from edge.buffer.store_thread import StoreThread
from edge.buffer.trouble import Trouble
from edge.clock import Clock
from edge.errors import BufferError  # noqa: A004 - the field's word
from edge.ports import Backlog, Lease
from shared.wire.lane import Lane

# deleted in one commit of what is owed to nobody any more
_CLEARED = 64


class Lenders:
    """One lending a destination; what is sealed is lent by each of them.

    Args:
        thread: Where the store lives.
        clock: Time.
        trouble: Where a failing disk is told.
    """

    def __init__(self, thread: StoreThread, clock: Clock, trouble: Trouble) -> None:
        self._thread = thread
        self._clock = clock
        self._trouble = trouble
        self._of = {name: Lending(thread, clock, trouble, name) for name in thread.figures.owed}
        self.first = next(iter(self._of.values()))
        self._is_held = False

    def __getitem__(self, name: str) -> Lending:
        return self._of[name]

    @property
    def are_several(self) -> bool:
        """Whether there is more than one destination."""
        return len(self._of) > 1

    def is_abreast(self, lane: Lane) -> bool:
        """Whether some destination was lent the lane's newest batch, so that another may be sealed for it."""
        return any(lending.is_abreast(lane) for lending in self._of.values())

    def abreast(self) -> dict[str, frozenset[Lane]]:
        """Return the lanes of which each destination was lent the newest batch."""
        return {name: frozenset(filter(lending.is_abreast, Lane)) for name, lending in self._of.items()}

    def sealed(self, leases: Sequence[Lease], marked: Mapping[str, Collection[Lane]]) -> None:
        """Lend these too; of these lanes it is noted that they may be sent to a destination."""
        for name, lending in self._of.items():
            lending.sealed(leases, marked.get(name, ()))

    def backlogs(self) -> dict[str, Backlog]:
        """Return what each destination is owed."""
        figures = self._thread.figures
        tail = figures.tail_rows
        return {
            name: Backlog(owed.batches, owed.rows + tail, owed.oldest_us, self._of[name].rows_settled)
            for name, owed in figures.owed.items()
        }

    def hold(self) -> None:
        """Lend nothing until `release`."""
        self._is_held = True
        for lending in self._of.values():
            lending.hold()

    def release(self) -> None:
        """Lend again."""
        self._is_held = False
        for lending in self._of.values():
            lending.release()

    def wake(self) -> None:
        """Look again: something was put into the file."""
        for lending in self._of.values():
            lending.wake()

    async def rebase(self, since_us: int, delta_us: int) -> int:
        """Move batches to the right time (see `rebasing.rebase`) that were never lent to anybody.

        Raises:
            BufferError: Not all of them are moved.
        """
        now_us = self._clock.now_us()

        def move(store: Store) -> int:
            everyone = store.figures.owed.values()
            upto = {
                lane: max(max(owed.cursors[lane].lent_upto, owed.cursors[lane].upto) for owed in everyone)
                for lane in Lane
            }
            return store.beat(now_us, lambda db: rebasing.rebase(db, since_us, delta_us, upto, now_us))

        # nothing is lent from memory meanwhile, which is not what is on disk any more
        was_held = self._is_held
        self.hold()
        try:
            return await self._thread.do(move)
        finally:
            self._forget_live()
            if was_held:
                self.wake()
            else:
                self.release()

    async def relieve(self, rules: Rules, need_bytes: int) -> bool:
        """Have something given up of what waits on disk and was never lent; see `relief.relieve`.

        Raises:
            BufferError: The disk refuses.
        """
        if await self._relieve(rules, need_bytes):
            return True
        # all that the file holds is some seconds old: then this has to be given up, and nothing is lent from memory
        self._forget_live()
        return await self._relieve(rules, need_bytes)

    async def _relieve(self, rules: Rules, need_bytes: int) -> bool:
        now_us, spared = self._clock.now_us(), set[int]().union(*(each.spared() for each in self._of.values()))
        job = partial(relief.relieve, rules=rules, need_bytes=need_bytes, spared=spared, now_us=now_us)
        try:
            return await self._thread.do(job, frees=True)
        finally:
            self.wake()

    async def run(self) -> None:
        """Sweep for each destination whenever it is due, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for name, lending in self._of.items():
                tasks.create_task(lending.run(), name=f"buffer-lending-{name}")
            if self._thread.figures.is_clearing:
                tasks.create_task(self._clear(), name="buffer-clearing")

    async def sweep(self) -> None:
        """Let go of what is settled.

        Raises:
            BufferError: The disk refuses; it is all still to be done.
        """
        for lending in self._of.values():
            await lending.sweep()

    def close(self) -> None:
        """Lend nothing more."""
        for lending in self._of.values():
            lending.close()

    def _forget_live(self) -> None:
        for lending in self._of.values():
            lending.forget_live()

    async def _clear(self) -> None:
        """Delete what only a removed destination was owed; what a failing disk leaves the next start deletes."""
        try:
            while self._thread.figures.is_clearing:
                await self._thread.do(partial(Store.clear, most=_CLEARED, now_us=self._clock.now_us()), frees=True)
        except BufferError as error:
            self._trouble.began("clear", error.message)
        else:
            self._trouble.ended("clear")
