"""Receipts on their way: each is acknowledged once its readings are on disk, in the order in which they were taken."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

Durable = asyncio.Future[None]


class Confirmations:
    """Waits for commits on behalf of a driver, so that the station need not.

    Receipts outlive the session they came in: a driver that is told between two sessions can spare the
    source a repetition.
    """

    def __init__(self, acknowledge: Callable[[Sequence[object]], None]) -> None:
        """Tell `acknowledge` the receipts; it must not block."""
        self._acknowledge = acknowledge
        # bounded by the buffer, whose `append` waits while too much is uncommitted
        self._waiting: deque[tuple[object, Durable | None]] = deque()
        self._idle = asyncio.Event()
        self._idle.set()

    def add(self, receipt: object, durable: Durable | None) -> None:
        """Take a receipt and the promise that its readings are on disk; None if there is nothing to be stored."""
        self._waiting.append((receipt, durable))
        self._idle.clear()
        if durable is None or durable.done():
            self._release()
        else:
            durable.add_done_callback(self._release)

    async def settled(self) -> None:
        """Wait until every receipt was acknowledged, or its promise broken."""
        await self._idle.wait()

    def _release(self, _: object = None) -> None:
        receipts = []
        while self._waiting:
            receipt, durable = self._waiting[0]
            if durable is not None and not durable.done():
                break
            self._waiting.popleft()
            # a promise is broken only when the buffer was closed over it; the source will send again
            if durable is None or (not durable.cancelled() and durable.exception() is None):
                receipts.append(receipt)
        if receipts:
            self._acknowledge(receipts)
        if not self._waiting:
            self._idle.set()
