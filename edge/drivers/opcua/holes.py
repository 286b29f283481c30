"""Owns which holes a notification tells of: values that overflowed a queue, messages that never came; pure."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from edge.drivers.spec import Point
from shared.reading import Flag, Gap, GapCause, Readings

_MAX_SEQUENCE = 2**32 - 1
# more than any server keeps to send again; a larger leap is another count
_MOST_MISSING = 10_000
# a source time outside 2000..2100 is none (shaping replaces it too)
_PLAUSIBLE_US = (946_684_800_000_000, 4_102_444_800_000_000)


class Holes:
    """What one subscription's notifications leave out, seen from the first of them on.

    Attributes:
        heard_us: When the server last said something; what it had until then, it has said.
    """

    def __init__(self, points: Sequence[Point], opened_us: int) -> None:
        """Begin with a subscription made at `opened_us`, microseconds since 1970; `points` may grow."""
        self._points = points
        self._opened_us = opened_us
        self._last_us = np.full(len(points), opened_us, np.int64)
        self.heard_us = opened_us
        self._expected: int | None = None

    def missing(self, sequence: int) -> range:
        """Return the numbers of the notifications that were sent before this one and never came.

        A keep-alive bears the number that the next notification will have (Part 4, 5.14.5.2), so this holds for it too.
        """
        if self._expected is None or not 0 < sequence - self._expected <= _MOST_MISSING:
            return range(0)
        return range(self._expected, sequence)

    def found(self, readings: Readings, sequence: int, now_us: int) -> list[Gap]:
        """Return the holes that a notification's readings and sequence number tell of.

        An overflow bit stands on the first value after the hole (the queue discards its oldest, OPC UA Part 4,
        7.22), so the hole reaches from the tag's previous value to that one.

        Args:
            readings: Its readings; `tag` indexes the points.
            sequence: Its sequence number; they count up by one (Part 4, 7.26).
            now_us: When it arrived.
        """
        more = len(self._points) - len(self._last_us)
        if more:
            self._last_us = np.append(self._last_us, np.full(more, self._opened_us, np.int64))
        gaps = self._missed(sequence, now_us)
        first, end = _PLAUSIBLE_US
        times = np.where((readings.ts >= first) & (readings.ts < end), readings.ts, readings.received)
        overflowed = np.flatnonzero(readings.flags & Flag.OVERFLOW).tolist()
        gaps += [self._overflow(readings.tag, times, row) for row in overflowed]
        # of several values of one tag the last one stays
        self._last_us[readings.tag] = times
        self.heard_us = now_us
        return gaps

    def returned(self, gone_us: Mapping[int, int], now_us: int) -> list[Gap]:
        """Return the holes of points whose nodes had gone, since when is told by point, and are watched again now.

        Nobody knows when the server had them back: until the next try to watch them their values were nobody's.
        """
        detail = "the server had lost the node; what it said between its return and the next try to watch it is missing"
        points = ((self._points[point], since_us) for point, since_us in gone_us.items())
        return [
            _gap(GapCause.COMMUNICATION_LOST, since_us, now_us, point.device, point.name, detail)
            for point, since_us in points
        ]

    def _missed(self, sequence: int, now_us: int) -> list[Gap]:
        expected = self._expected
        # 0 is never used: after the highest number comes 1
        self._expected = sequence + 1 if sequence < _MAX_SEQUENCE else 1
        if expected is None or sequence == expected:
            return []
        detail = f"the server sent notification {sequence} where {expected} was due"
        return [
            _gap(GapCause.COMMUNICATION_LOST, self.heard_us, now_us, device, None, detail)
            for device in dict.fromkeys(point.device for point in self._points)
        ]

    def _overflow(self, tags: NDArray[np.uint32], times: NDArray[np.int64], row: int) -> Gap:
        tag = int(tags[row])
        earlier = np.flatnonzero(tags[:row] == tag)
        before_us = int(times[earlier[-1]] if len(earlier) else self._last_us[tag])
        point = self._points[tag]
        detail = "the server's queue overflowed; ask for a longer `queue`"
        return _gap(GapCause.OVERFLOW, before_us + 1, int(times[row]), point.device, point.name, detail)


def _gap(cause: GapCause, from_us: int, to_us: int, device: str, tag: str | None, detail: str) -> Gap:
    """Make a gap of at least one microsecond: two clocks may disagree on what came first."""
    to_us = max(1, to_us)
    return Gap(cause, max(0, min(from_us, to_us - 1)), to_us, device, tag, detail)
