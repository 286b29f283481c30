"""The gateway's clocks: wall time, monotonic time and sleep, handed in and never reached for."""

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """Time as the gateway needs it. Tests hand in one that they move by hand."""

    def now_us(self) -> int:
        """Return the wall clock, microseconds since 1970 UTC; it may jump."""
        ...

    def monotonic(self) -> float:
        """Return seconds from an arbitrary start; it never jumps."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait; durations are monotonic."""
        ...


class SystemClock:
    """The operating system's clocks."""

    def now_us(self) -> int:
        """Return the wall clock, microseconds since 1970 UTC."""
        return time.time_ns() // 1000

    def monotonic(self) -> float:
        """Return seconds of the monotonic clock."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)
