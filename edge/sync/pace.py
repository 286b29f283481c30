"""The pace of what waited: how fast old batches may go, so that a line shared with others is left to them."""

from edge.clock import Clock


class Pace:
    """Lets bytes through at a rate; who comes while the last ones are still being paid for waits.

    Args:
        bytes_per_s: The rate.
        clock: Time.
    """

    def __init__(self, bytes_per_s: int, clock: Clock) -> None:
        self._bytes_per_s = bytes_per_s
        self._clock = clock
        self._free_s = clock.monotonic()

    @property
    def wait_s(self) -> float:
        """How long whoever comes now has to wait, seconds."""
        return max(0.0, self._free_s - self._clock.monotonic())

    async def turn(self, size: int) -> None:
        """Wait for one's turn to send so many bytes; turns are given in the order in which they were asked for."""
        wait_s = self.wait_s
        self._free_s = self._clock.monotonic() + wait_s + size / self._bytes_per_s
        if wait_s:
            await self._clock.sleep(wait_s)
