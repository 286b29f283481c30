"""Waking: how the buffer's tasks learn that time has passed or that something changed."""

import asyncio
from collections.abc import Callable

from edge.clock import Clock


class Alarm:
    """Rings once after it was set, `seconds` later at most: set while it runs, it still rings when it was to ring.

    So one task serves every deadline of one length, and none is ever late; some are early.
    """

    def __init__(self, clock: Clock, seconds: float, ring: Callable[[], None]) -> None:
        self._clock = clock
        self._seconds = seconds
        self._ring = ring
        self._is_set = asyncio.Event()

    def set(self) -> None:
        """Ask it to ring."""
        self._is_set.set()

    async def run(self) -> None:
        """Ring whenever it was asked, until cancelled."""
        while True:
            await self._is_set.wait()
            self._is_set.clear()
            await self._clock.sleep(self._seconds)
            self._ring()


class Bell:
    """Wakes all who wait. Who looks and then waits, without another await between, misses nothing."""

    def __init__(self) -> None:
        self._next = asyncio.Event()

    def ring(self) -> None:
        """Wake everybody who waits now."""
        self._next.set()
        self._next = asyncio.Event()

    async def heard(self) -> None:
        """Wait for the next ring."""
        await self._next.wait()
