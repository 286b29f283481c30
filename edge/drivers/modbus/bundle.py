"""When answers are handed over together: on a line so busy that a sample for each would cost more than asking; pure.

What happens to a sample behind the driver costs about the same for one block as for ten. So on a busy line answers
wait for each other, less than the time within which the buffer commits. On any other line each is
handed over at once.
"""

from shared.reading import Readings, concatenate

_LONGEST_S = 0.040
_MOST = 128
# from so many answers a second on a line is busy, measured over so long
_BUSY_PER_S = 200.0
_MEASURED_S = 0.2


class Bundle:
    """Holds what was answered and not handed over. All times are seconds of one monotonic clock."""

    def __init__(self) -> None:
        self._held: list[Readings] = []
        self._since = 0.0
        self._measured_since: float | None = None
        self._answers = 0
        self._is_busy = False

    def add(self, readings: Readings, now: float) -> None:
        """Hold one more answer."""
        if not self._held:
            self._since = now
        self._held.append(readings)
        self._measure(now)

    def is_ripe(self, now: float, idle_s: float) -> bool:
        """Tell whether what is held should be handed over; `idle_s`: until the next request is due."""
        if not self._held:
            return False
        left_s = self._since + _LONGEST_S - now
        return not self._is_busy or len(self._held) >= _MOST or idle_s > left_s

    def take(self) -> Readings | None:
        """Return all that is held, and hold nothing; None if that is nothing."""
        held, self._held = self._held, []
        return concatenate(held) if held else None

    def _measure(self, now: float) -> None:
        self._answers += 1
        if self._measured_since is None:
            self._measured_since, self._answers = now, 0
        elapsed = now - self._measured_since
        if elapsed >= _MEASURED_S:
            self._is_busy = self._answers / elapsed > _BUSY_PER_S
            self._measured_since, self._answers = now, 0
