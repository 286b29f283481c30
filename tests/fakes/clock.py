"""A clock moved by hand: nothing in it passes by itself."""

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable

# what happens on another thread or socket is waited for in real time, this long at most
PATIENCE_S = 60.0


class HandClock:
    """Both clocks of `edge.clock.Clock`; `advance` moves them together, `jump` the wall clock alone."""

    def __init__(self, now_us: int = 1_800_000_000_000_000) -> None:
        self._now_us = now_us
        self._monotonic = 1_000.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()
        # how long each sleep was to be, in the order asked
        self.slept: list[float] = []

    def now_us(self) -> int:
        return self._now_us

    def monotonic(self) -> float:
        return self._monotonic

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        wake = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._monotonic + seconds, next(self._order), wake))
        await wake

    @property
    def sleeping(self) -> int:
        """How many sleep now."""
        return sum(not wake.done() for _, _, wake in self._sleepers)

    def jump(self, seconds: float) -> None:
        """Set the wall clock forward, or back."""
        self._now_us += int(seconds * 1e6)

    async def advance(self, seconds: float) -> None:
        """Let time pass; sleepers wake one after the other, and each may do what it does before the next."""
        end = self._monotonic + seconds
        await turns()
        while self._sleepers and self._sleepers[0][0] <= end:
            deadline, _, wake = heapq.heappop(self._sleepers)
            self._move(max(deadline, self._monotonic))
            if not wake.done():
                wake.set_result(None)
                await turns()
        self._move(end)

    async def until(self, condition: Callable[[], object], step_s: float = 0.005) -> None:
        """Let time pass in small steps until the condition holds, while threads and sockets do their part."""
        end = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < end, "waited too long"
            await self.advance(step_s)
            await asyncio.sleep(0.0005)

    def _move(self, monotonic: float) -> None:
        self._now_us += round((monotonic - self._monotonic) * 1e6)
        self._monotonic = monotonic


async def turns(count: int = 12) -> None:
    """Let everything that is ready run."""
    for _ in range(count):
        await asyncio.sleep(0)


async def happens(condition: Callable[[], object]) -> None:
    """Wait in real time until the condition holds; the clock stands still."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, "waited too long"
        await asyncio.sleep(0.001)
