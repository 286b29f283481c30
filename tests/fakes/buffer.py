"""A buffer in memory that keeps the Buffer port's promises but for the disk: an append is a batch a lane at once."""

import asyncio
from collections.abc import Sequence
from uuid import uuid4

import numpy as np

from edge.buffer import refusing
from edge.buffer.dividing import Suspects
from edge.buffer.record import Queue, State
from edge.buffer.refusing import Refusal, Renaming
from edge.clock import Clock
from edge.errors import BufferError  # noqa: A004 - the field's word
from edge.ports import Lease
from shared.reading import Gap, Readings, Tag, empty
from shared.wire import batch as wire
from shared.wire.batch import BatchId
from shared.wire.lane import URGENCY, Lane


class MemoryBuffer:
    """What tests need to know lies open: `batches` by number, `quarantine` with reasons."""

    def __init__(self, clock: Clock, gateway: str = "test-gateway") -> None:
        self.batches: dict[int, Lease] = {}
        self.quarantine: dict[int, str] = {}
        self._suspects = Suspects()
        self._renaming = Renaming()
        self._sealed_s: dict[int, float] = {}
        self._held: set[int] = set()
        self._clock = clock
        self._gateway = gateway
        self._epoch = uuid4()
        self._tags: list[Tag] = []
        self._lanes: dict[int, Lane] = {}
        self._next = dict.fromkeys(Lane, 1)
        self._is_closed = False
        self._changed = asyncio.Condition()

    def register(self, tags: Sequence[Tag], lanes: Sequence[Lane] = ()) -> list[int]:
        for tag in tags:
            if not any((known.device, known.name) == (tag.device, tag.name) for known in self._tags):
                self._tags.append(tag)
        names = [(known.device, known.name) for known in self._tags]
        ids = [names.index((tag.device, tag.name)) for tag in tags]
        self._lanes.update(zip(ids, lanes, strict=bool(lanes)))
        return ids

    async def append(
        self, readings: Readings, gaps: Sequence[Gap] = (), *, prompt: bool = False
    ) -> "asyncio.Future[None]":
        if self._is_closed:
            raise BufferError("the buffer is closed")
        lanes = np.array([self._lanes.get(tag, Lane.PROCESS) for tag in readings.tag.tolist()], np.uint8)
        for lane in URGENCY:
            rows = readings.take(np.flatnonzero(lanes == lane))
            if len(rows) or (gaps and lane is Lane.STATE):
                self._seal(lane, rows, gaps if lane is Lane.STATE else ())
        promise = asyncio.get_running_loop().create_future()
        promise.set_result(None)
        async with self._changed:
            self._changed.notify_all()
        return promise

    def _seal(self, lane: Lane, readings: Readings, gaps: Sequence[Gap]) -> None:
        batch, now_us = BatchId(self._gateway, self._epoch, lane.seq(self._next[lane])), self._clock.now_us()
        self._keep(Lease(batch, wire.encode(batch, now_us, self._tags, readings, gaps), len(readings), now_us))

    def _keep(self, lease: Lease) -> None:
        self.batches[lease.id.seq] = lease
        self._sealed_s[lease.id.seq] = self._clock.monotonic()
        self._next[lease.id.lane] += 1

    async def lease(self, *, live: bool, wait: bool = True) -> Lease | None:
        async with self._changed:
            if wait:
                await self._changed.wait_for(lambda: self._is_closed or self.batches.keys() - self._held)
            free = sorted(self.batches.keys() - self._held, key=lambda seq: (URGENCY.index(Lane.of(seq)), seq))
            if self._is_closed or not free:
                return None
            fresh = [seq for seq in free if self._sealed_s[seq] >= self._clock.monotonic() - 10.0]
            urgent = [seq for seq in fresh if Lane.of(seq) is Lane.of(fresh[0])]
            seq = urgent[-1] if live and urgent else free[0]
            self._held.add(seq)
            return self.batches[seq]

    async def settle(self, id: BatchId) -> None:
        self._held.discard(id.seq)
        self.batches.pop(id.seq, None)

    async def give_back(self, id: BatchId, *, refused: str | None = None, is_whole: bool = False) -> None:
        self._held.discard(id.seq)
        if refused is not None and id.seq in self.batches:
            self._refuse(self.batches.pop(id.seq), Refusal(id, refused, is_whole))
        async with self._changed:
            self._changed.notify_all()

    def _refuse(self, lease: Lease, refusal: Refusal) -> None:
        next_seq = lease.id.lane.seq(self._next[lease.id.lane])
        now_us = self._clock.now_us()
        if self._renaming.concerns(refusal):
            queues = tuple(Queue(next_number=self._next[lane]) for lane in Lane)
            state = self._renaming.state_after(refusal, State(self._gateway, self._epoch, queues))  # type: ignore[arg-type]
            self._epoch = state.epoch
            verdict = self._renaming.judge(lease.body, refusal, state, (now_us, now_us))
        else:
            verdict = refusing.judge(lease.body, refusal, self._suspects, next_seq, now_us)
        for part in verdict.parts:
            self._keep(part.lease)
        if not verdict.parts:
            self.quarantine[lease.id.seq] = refusal.reason
            if verdict.told:
                self._seal(Lane.STATE, empty(), verdict.told)

    async def close(self) -> None:
        self._is_closed = True
        async with self._changed:
            self._changed.notify_all()
