"""How long other processes are waited for: as long as something moves, however slow the machine is."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Patience:
    """How long what may stand still before it is given up.

    Attributes:
        start_s: A process that starts and shows no sign of life. A first start has a database to make; a later one is
            ready in two or three seconds.
        settled_s: Nothing new for this long means that nothing is under way: the gateway's publishing interval and its
            commit take 0.3 s.
        settle_limit_s: For how long it may go on settling.
        stop_s: A process that was asked to end. The gateway promises to end within 10 s, the others are faster.
    """

    start_s: float = 60.0
    settled_s: float = 1.0
    settle_limit_s: float = 20.0
    stop_s: float = 15.0


class Waiting:
    """One wait, which lasts as long as what it looks at moves.

    Args:
        still_s: How long it may stand still.
        now: Seconds that only grow.
    """

    def __init__(self, still_s: float, now: Callable[[], float] = time.monotonic) -> None:
        self._still_s, self._now = still_s, now
        self._since = now()
        self.seen: object = None

    def goes_on(self, seen: object) -> bool:
        """Look once more.

        Args:
            seen: What tells a movement: it has moved if it is not what it was at the last look.
        """
        if seen != self.seen:
            self.seen, self._since = seen, self._now()
        return self._now() < self._since + self._still_s
