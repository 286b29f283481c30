"""The buffer's one thread: it opens the store, is the only one to touch it, and replaces it when it is damaged."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from edge.buffer import file, opening
from edge.buffer.ballast import Ballast
from edge.buffer.destinations import Target
from edge.buffer.figures import Figures
from edge.buffer.store import Store
from edge.clock import Clock
from edge.errors import BufferDamaged, BufferError, DiskFull  # noqa: A004 - the field's word
from shared.reading import Gap, GapCause

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Done(Generic[T]):
    """What a job gave, and the figures right after it; jobs are numbered in the order in which they were done."""

    number: int
    figures: Figures
    result: T | None = None
    error: BufferError | None = None


class StoreThread:
    """Hands jobs to the thread, which does them in order.

    Args:
        path: The buffer file.
        room: How its size cap is divided.
        gateway: Whose batches are sealed.
        clock: Its wall clock is read, for gaps and for the names of files set aside.
        targets: Whom the readings go to; as the file has it, if None.
    """

    def __init__(
        self,
        path: Path,
        room: file.Room,
        gateway: str,
        clock: Clock,
        targets: Sequence[Target] | None = None,
    ) -> None:
        self._targets = targets
        self._path = path
        self._room = room
        self._gateway = gateway
        self._clock = clock
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="buffer")
        self._store: Store
        self._ballast = Ballast(path.with_name(path.name + ".ballast"), room.ballast)
        # filled by the thread, emptied by the loop
        self._told: deque[Gap] = deque()
        # the hole since the last sign of life, None for a buffer that is new; and the gaps that went on then
        self.down: Gap | None = None
        self.open_gaps: list[Gap] = []
        # what is wrong with a file that could not be replaced yet; the store on it is closed
        self._damage: BufferDamaged | None = None
        self._done = 0
        self._seen = 0
        # as the last job that was waited for left it
        self.figures: Figures

    async def open(self) -> None:
        """Open the store.

        Raises:
            BufferError: It cannot be opened; the thread is gone.
        """
        try:
            self.figures = await self._loop().run_in_executor(self._pool, self._open)
        except BaseException:
            self._pool.shutdown(wait=False)
            raise

    async def do(self, job: Callable[[Store], T], *, frees: bool = False) -> T:
        """Do a job on the thread. If the caller is cancelled meanwhile, the job is done all the same, or not at all.

        Args:
            job: What is done.
            frees: It makes room, so on a full disk the ballast is let go for it.

        Raises:
            BufferError: What the job raised; if the file turned out damaged, it was replaced, and the job may be asked
                for again.
        """
        return self._note(await self._loop().run_in_executor(self._pool, self._attempt, job, frees))

    def do_now(self, job: Callable[[Store], T]) -> T:
        """Do a job while the caller's own thread waits; for the rare ones (see `do`)."""
        return self._note(self._pool.submit(self._attempt, job).result())

    async def keep_ballast(self) -> None:
        """Have the ballast there, if there is plenty of room."""
        await self._loop().run_in_executor(self._pool, self._ballast.keep)

    @property
    def has_told(self) -> bool:
        """Whether `take_told` has something."""
        return bool(self._told)

    def take_told(self) -> list[Gap]:
        """Return the holes that opening and replacing left and that nobody has taken yet."""
        return [self._told.popleft() for _ in range(len(self._told))]

    async def close(self) -> None:
        """Close the store, in order, and end the thread.

        Raises:
            BufferError: The store could not be closed in order; the thread is gone.
        """
        try:
            await self.do(lambda store: store.close(self._clock.now_us()))
        finally:
            self._pool.shutdown(wait=False)

    @staticmethod
    def _loop() -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    def _open(self) -> Figures:
        try:
            self._store, told = self._open_store()
        except DiskFull:
            # a file of an older format is written when it is opened
            if not self._ballast.release():
                raise
            self._store, told = self._open_store()
        self._told.extend(told)
        # what a damaged file left is in its successor already
        known = [*self._store.tail_gaps, *told]
        self.down = next((gap for gap in reversed(known) if gap.cause is GapCause.GATEWAY_DOWN), None)
        self.open_gaps = list(self._store.open_gaps.values())
        return self._store.figures

    def _open_store(self) -> tuple[Store, list[Gap]]:
        return opening.open_store(self._path, self._room, self._gateway, self._clock.now_us(), targets=self._targets)

    def _attempt(self, job: Callable[[Store], T], frees: bool = False) -> _Done[T]:
        done = self._try(job)
        if isinstance(done.error, DiskFull) and self._damage is None:
            # what stands in the log takes no room in the file, and makes some in the log
            with contextlib.suppress(BufferError):
                self._store.look(file.empty_log)
            done = self._try(job)
        frees = frees or self._damage is not None
        if frees and isinstance(done.error, DiskFull) and self._ballast.release():
            done = self._try(job)
        return done

    def _try(self, job: Callable[[Store], T]) -> _Done[T]:
        self._done += 1
        try:
            if self._damage is not None:
                self._replace(self._damage)
            result = job(self._store)
        except BufferDamaged as error:
            return _Done(self._done, self._store.figures, error=self._after(error))
        except BufferError as error:
            return _Done(self._done, self._store.figures, error=error)
        return _Done(self._done, self._store.figures, result)

    def _replace(self, damage: BufferDamaged) -> None:
        """Go on with a new file.

        Raises:
            BufferError: There is none yet; with the next job it is tried again.
        """
        self._damage = damage
        now_us = self._clock.now_us()
        self._store, told = opening.open_another(self._store, damage, self._room, self._gateway, now_us, self._targets)
        self._damage = None
        self._told.extend(told)

    def _after(self, damage: BufferDamaged) -> BufferError:
        try:
            self._replace(damage)
        except BufferError as error:
            return error
        return BufferError(f"{damage.message}; it was replaced", retryable=True)

    def _note(self, done: _Done[T]) -> T:
        if done.number > self._seen:
            self._seen, self.figures = done.number, done.figures
        if done.error is not None:
            raise done.error
        return done.result  # type: ignore[return-value]  # None only where T is
