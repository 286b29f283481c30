"""Pending: what was appended and waits for its commit, in memory only."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from edge.buffer import block
from edge.buffer.store import Store
from edge.ports import Lease
from shared.reading import Gap, Readings
from shared.wire.lane import Lane


@dataclass(slots=True)
class Pending:
    """The blocks of one commit to come, and the promises that hang on it.

    Attributes:
        blocks: As appended; nothing is joined before the commit.
        gaps: The same.
        promises: One an append.
        rows: Readings in the blocks.
        bytes: About what they take on disk.
        sealed: The batches that its commit sealed; None until it is on disk.
        marked: The lanes of which it was noted with them that they may be sent, by destination.
    """

    blocks: list[Readings] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    promises: list[asyncio.Future[None]] = field(default_factory=list)
    rows: int = 0
    bytes: int = 0
    sealed: list[Lease] | None = None
    marked: Mapping[str, Collection[Lane]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.blocks or self.gaps or self.promises)

    def add(self, readings: Readings, gaps: Sequence[Gap], promise: asyncio.Future[None]) -> None:
        """Take one append."""
        if len(readings):
            self.blocks.append(readings)
        self.gaps.extend(gaps)
        self.promises.append(promise)
        self.rows += len(readings)
        self.bytes += block.size(readings)

    def write(
        self,
        store: Store,
        now_us: int,
        *,
        seal: bool,
        ripe: Collection[Lane],
        sent: Mapping[str, Collection[Lane]],
    ) -> None:
        """Put it on disk, once however often it is asked; on the buffer's thread."""
        if self.sealed is None:
            self.sealed = store.write(self.blocks, self.gaps, now_us, seal=seal, ripe=ripe, sent=sent)
            self.marked = sent

    def keep(self) -> None:
        """Keep the promises; one that nobody waits for any more may have been cancelled."""
        for promise in self.promises:
            if not promise.done():
                promise.set_result(None)

    def fail(self, error: Exception) -> None:
        """Break the promises."""
        for promise in self.promises:
            if not promise.done():
                promise.set_exception(error)
                # whoever appended may not look; the buffer's log has said it
                promise.exception()
