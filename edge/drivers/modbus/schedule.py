"""When each request is due: its own grid of turns from a whole second, never late for good and never in a burst; pure.

A request of period `every_s` is due at start + n x every_s. Lines that begin within one second share the start, so that
their requests of one period fall due together: a loop that wakes up serves all of them. One that comes late is asked
once, at once; turns that passed meanwhile are counted as missed. Of several that are due the longest due goes first, so
an overloaded line serves everyone a little less often.
"""

import heapq
import math
from collections.abc import Iterable, Sequence

from edge.drivers.modbus.plan import Request


class Poll:
    """A request on the schedule, next due at its `turn`; the schedule's own, to be held by others as a handle."""

    __slots__ = ("is_live", "request", "turn")

    def __init__(self, request: Request, turn: int) -> None:
        self.request = request
        self.turn = turn
        self.is_live = True


class Schedule:
    """Hands out polls when they are due. All times are seconds of one monotonic clock.

    Attributes:
        polls: Those in force.
        missed: Turns that passed unasked since the start, because the line was busy.
    """

    def __init__(self, requests: Iterable[Request], now: float) -> None:
        """Begin with every request due."""
        self.polls: list[Poll] = []
        self.missed = 0
        self._start = float(math.floor(now))
        # (not before, order of entry, poll); a poll that was put off is found too early here, and put back
        self._heap: list[tuple[float, int, Poll]] = []
        self._entries = 0
        self._rests: dict[int, float] = {}
        self._add([Poll(request, self._turn(request, now)) for request in requests])

    def take(self, now: float) -> Poll | None:
        """Return the poll that is longest due, already set for its next turn; None if none is."""
        while self._heap and self._heap[0][0] <= now:
            _, _, poll = heapq.heappop(self._heap)
            if not poll.is_live:
                continue
            ready = max(self._due(poll), self._rests.get(poll.request.unit, 0.0))
            if ready > now:
                self._push(poll, ready)
                continue
            turn = self._latest(poll, now)
            self.missed += turn - poll.turn
            poll.turn = turn + 1
            self._push(poll, self._due(poll))
            return poll
        return None

    def next_s(self) -> float:
        """Return when `take` is worth another try; infinity if there is nothing to ask."""
        return self._heap[0][0] if self._heap else math.inf

    def rest(self, unit: int, until: float) -> None:
        """Ask nothing of a unit before `until`; turns that pass meanwhile are late, not forgotten."""
        self._rests[unit] = until

    def put_off(self, polls: Iterable[Poll], until: float) -> None:
        """Let polls skip their turns before `until`, which do not count as missed."""
        for poll in polls:
            poll.turn = max(poll.turn, math.ceil((until - self._start) / poll.request.every_s))

    def split(self, poll: Poll, requests: Sequence[Request]) -> list[Poll]:
        """Replace a poll that was just taken by its parts, due at once for the same turn."""
        return self._replace([poll], [Poll(request, poll.turn - 1) for request in requests])

    def join(self, polls: Sequence[Poll], request: Request) -> Poll:
        """Replace polls of one period by the one request that answers for all."""
        return self._replace(polls, [Poll(request, max(poll.turn for poll in polls))])[0]

    def _replace(self, old: Sequence[Poll], new: list[Poll]) -> list[Poll]:
        for poll in old:
            poll.is_live = False
        self.polls = [poll for poll in self.polls if poll.is_live]
        self._add(new)
        return new

    def _add(self, polls: Sequence[Poll]) -> None:
        for poll in polls:
            self.polls.append(poll)
            self._push(poll, self._due(poll))

    def _latest(self, poll: Poll, now: float) -> int:
        """Return the last turn of a due poll that has come."""
        return max(poll.turn, self._turn(poll.request, now))

    def _turn(self, request: Request, now: float) -> int:
        """Return a request's last turn that has come; the quotient may be rounded to the one before."""
        turn = math.floor((now - self._start) / request.every_s)
        return turn + 1 if self._start + (turn + 1) * request.every_s <= now else turn

    def _due(self, poll: Poll) -> float:
        return self._start + poll.turn * poll.request.every_s

    def _push(self, poll: Poll, ready: float) -> None:
        self._entries += 1
        heapq.heappush(self._heap, (ready, self._entries, poll))
