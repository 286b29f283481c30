"""Growth: how fast the buffer would fill if the cloud took nothing, over the last ten minutes; pure."""

from collections import deque

WINDOW_S = 600.0
# over less a single batch tells too much
_LEAST_S = 20.0


class Growth:
    """Samples of how much was ever sealed."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int]] = deque()

    def sample(self, monotonic_s: float, sealed_bytes: int) -> None:
        """Take a sample; they come in order."""
        self._samples.append((monotonic_s, sealed_bytes))
        while self._samples[-1][0] - self._samples[0][0] > WINDOW_S:
            self._samples.popleft()

    @property
    def bytes_per_s(self) -> float | None:
        """Bytes a second; None as long as too little was seen."""
        if not self._samples or (seconds := self._samples[-1][0] - self._samples[0][0]) < _LEAST_S:
            return None
        return (self._samples[-1][1] - self._samples[0][1]) / seconds
