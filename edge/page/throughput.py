"""How fast readings come and go, over the last minute, and how long the buffer needs to empty at that pace; pure."""

from collections import deque
from dataclasses import dataclass

# up to so much of the present flow is on its way, not waiting: batches are sealed after half a second, sent, answered
_ON_ITS_WAY_S = 5.0
# a sample each so often; a minute of them
EVERY_S = 5.0
_SAMPLES = 13


@dataclass(frozen=True, slots=True)
class Rates:
    """Readings a second, over the last minute or since the start; None before there are two samples."""

    taken: float
    buffered: float
    settled: float


class Throughput:
    """Remembers totals for a minute."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int, int, int]] = deque(maxlen=_SAMPLES)

    def sample(self, monotonic_s: float, taken: int, buffered: int, settled: int) -> None:
        """Take totals since the start."""
        self._samples.append((monotonic_s, taken, buffered, settled))

    def rates(self) -> Rates | None:
        """Return readings a second."""
        if len(self._samples) < 2:
            return None
        first, last = self._samples[0], self._samples[-1]
        seconds = last[0] - first[0]
        if seconds <= 0:
            return None
        taken, buffered, settled = ((last[at] - first[at]) / seconds for at in (1, 2, 3))
        return Rates(taken, buffered, settled)

    def drain_s(self, waiting: int) -> float | None:
        """Return how long until what waits is gone, at this pace; None if it does not become less."""
        if not waiting:
            return 0.0
        rates = self.rates()
        if rates is None:
            return None
        if waiting <= rates.settled * _ON_ITS_WAY_S:
            return waiting / rates.settled
        net = rates.settled - rates.buffered
        return waiting / net if net > 0 else None
