"""The back-off policy: how long the owner of a resource waits before it tries the outside world again.

One policy for all: the station (a device or broker that is away), the shipper (the cloud), the buffer
(a disk that refuses). Full jitter, so that fifty gateways which lost the same switch do not come back
in the same second: a random wait in a window that doubles with every failure, up to a cap.
"""

from tenacity import AsyncRetrying, RetryCallState, wait_random, wait_random_exponential

from edge.clock import Clock
from shared.errors import AppError

FIRST_S = 1.0
CAP_S = 60.0
# A proxy that says "Retry-After: 86400" must not silence a plant for a day.
_LONGEST_ASKED_S = 900.0


class Backoff:
    """Counts the failures of one resource in a row, and waits accordingly; its owner holds one.

        while True:
            try:
                await session()
            except DriverError as error:
                await backoff.wait(error)

    Args:
        clock: Where time passes.
        first_s: Width of the first window.
        cap_s: Width of the widest one.
    """

    def __init__(self, clock: Clock, *, first_s: float = FIRST_S, cap_s: float = CAP_S) -> None:
        self._clock = clock
        self._window = wait_random_exponential(multiplier=first_s, max=cap_s)
        self._slowly = wait_random(min=cap_s, max=1.25 * cap_s)
        self.failures = 0

    def reset(self) -> None:
        """Forget the failures: the resource answers again."""
        self.failures = 0

    def delay_s(self, error: AppError, *, slowly: bool = False) -> float:
        """Count one more failure and return how long to wait after it, seconds.

        Args:
            error: What happened. If it carries a `retry_after_s`, that is waited first, 15 min at most; if
                it is not retryable, somebody has to act, and the widest window is waited at once.
            slowly: Wait the widest window whatever the error says.
        """
        self.failures += 1
        attempt = RetryCallState(AsyncRetrying(), None, (), {})
        attempt.attempt_number = self.failures
        if slowly or not error.retryable:
            return self._slowly(attempt)
        asked_s = float(getattr(error, "retry_after_s", None) or 0.0)
        return min(asked_s, _LONGEST_ASKED_S) + self._window(attempt)

    async def wait(self, error: AppError, *, slowly: bool = False) -> float:
        """Wait after a failure; returns how long that was, seconds."""
        delay = self.delay_s(error, slowly=slowly)
        await self._clock.sleep(delay)
        return delay
