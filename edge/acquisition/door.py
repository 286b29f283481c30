"""Swinging doors: of a slowly changing measurement, the readings between which straight lines tell all others; pure.

Whoever joins a point's kept readings by straight lines, in the source's time, is nowhere off by more than the deviation
from what was read. A reading is kept when no line from the last kept one passes near enough to all since, so the newest
reading always waits: it is *pending* until the next ones decide, for `max_interval` at most. Then, at a change of
quality or code, at a gap and at the end, it is kept.

The line that is drawn in the end goes from the last kept reading to the pending one, so it is that slope which must lie
within the doors. The classic test (Hale and Sellars, 1981) asks only that some slope does, and is off by twice the
deviation at worst.
"""

import numpy as np
from numpy.typing import NDArray

from edge.acquisition.by_exception import rounds
from edge.acquisition.rules import Rules
from shared.reading import Quality, Readings, concatenate, empty

# (a - b) / c is a little off
_ROUNDING = 1e-9


class Doors:
    """Remembers, of each point, the last kept reading, the doors that stand open from it, and the pending reading."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        points = len(rules)
        # the last kept number, in the source's time; none while a point is bad, or has not spoken
        self._is_open = np.zeros(points, np.bool_)
        self._t0 = np.zeros(points, np.int64)
        self._v0 = np.zeros(points)
        self._low = np.full(points, -np.inf)
        self._high = np.full(points, np.inf)
        self._has_pending = np.zeros(points, np.bool_)
        # of the newest reading, pending or kept
        self._ts = np.zeros(points, np.int64)
        self._received = np.zeros(points, np.int64)
        self._value = np.full(points, np.nan)
        self._quality = np.full(points, 255, np.uint8)
        self._flags = np.zeros(points, np.uint8)
        self._status = np.zeros(points, np.uint32)

    def extend(self, rules: Rules) -> None:
        """Go on under these rules, which are the ones so far and some for further points behind them."""
        more = Doors(rules)
        for name, column in vars(self).items():
            if isinstance(column, np.ndarray):
                getattr(more, name)[: len(column)] = column
        vars(self).update(vars(more))

    def keep(self, readings: Readings) -> Readings:
        """Return what is kept of these rows, and what was pending before them where it is kept; in order by point."""
        kept = []
        for rows in rounds(np.arange(len(readings)), readings.tag):
            kept.extend(self._judge(readings.take(rows)))
        return concatenate(kept)

    def step(self, delta_us: int) -> None:
        """The gateway's clock was set."""
        self._received += delta_us

    def forget(self, points: NDArray[np.uint32]) -> None:
        """Keep the next reading of these points, whatever it says."""
        self._is_open[points] = False
        self._quality[points] = 255

    def overdue(self, now_us: int) -> Readings:
        """Return what has been pending for the longest interval; it is kept."""
        waited = now_us - self._received >= self._rules.longest_us
        return self._take_pending(np.flatnonzero(self._has_pending & waited))

    def flush(self) -> Readings:
        """Return all that is pending; it is kept."""
        return self._take_pending(np.flatnonzero(self._has_pending))

    def _judge(self, block: Readings) -> list[Readings]:
        """Judge one reading of each of some points."""
        point, number = block.tag, np.isfinite(block.value) & (block.quality != Quality.BAD)
        number[list(block.text)] = False
        is_same = (block.quality == self._quality[point]) & (block.status == self._status[point])
        goes_on = number & is_same & self._is_open[point] & (block.ts > self._ts[point])
        waited = block.received - self._received[point] >= self._rules.longest_us[point]
        has_text = np.zeros(len(block), np.bool_)
        has_text[list(block.text)] = True
        # a point that was bad and is bad says nothing new
        is_news = ~goes_on & (number | has_text | ~is_same | waited)
        ends = is_news | (goes_on & self._has_pending[point] & ~self._passes(block))
        told = [self._take_pending(point[ends].astype(np.intp)), block.take(np.flatnonzero(is_news))]
        self._begin(block.take(np.flatnonzero(is_news)), number[is_news])
        self._swing(block.take(np.flatnonzero(goes_on)))
        return told

    def _passes(self, block: Readings) -> NDArray[np.bool_]:
        """Tell of which readings the line from the last kept one goes through the doors, soon enough."""
        point, elapsed = block.tag, (block.ts - self._t0[block.tag]).astype(np.float64)
        with np.errstate(all="ignore"):
            slope = (block.value - self._v0[point]) / elapsed
            passes = (slope >= self._low[point]) & (slope <= self._high[point])
        soon: NDArray[np.bool_] = elapsed <= self._rules.longest_us[point]
        return passes & soon

    def _begin(self, block: Readings, number: NDArray[np.bool_]) -> None:
        """Begin anew from readings that are kept."""
        point = block.tag
        self._is_open[point] = number
        self._note(block)
        self._stand(point)

    def _swing(self, block: Readings) -> None:
        """Close the doors as far as these readings want, and let them wait."""
        point, deviation = block.tag, self._rules.deviation[block.tag]
        elapsed = (block.ts - self._t0[point]).astype(np.float64)
        rise = block.value - self._v0[point]
        slack = deviation * (1 - _ROUNDING)
        self._low[point] = np.maximum(self._low[point], (rise - slack) / elapsed)
        self._high[point] = np.minimum(self._high[point], (rise + slack) / elapsed)
        self._note(block)
        self._has_pending[point] = True

    def _note(self, block: Readings) -> None:
        point = block.tag
        self._ts[point], self._received[point], self._value[point] = block.ts, block.received, block.value
        self._quality[point], self._flags[point], self._status[point] = block.quality, block.flags, block.status

    def _stand(self, point: NDArray[np.integer]) -> None:
        """Let the doors of these points stand open from their newest reading."""
        self._t0[point], self._v0[point] = self._ts[point], self._value[point]
        self._low[point], self._high[point] = -np.inf, np.inf
        self._has_pending[point] = False

    def _take_pending(self, points: NDArray[np.intp]) -> Readings:
        points = points[self._has_pending[points]]
        if not len(points):
            return empty()
        taken = Readings(
            points.astype(np.uint32),
            self._ts[points],
            self._received[points],
            self._value[points],
            self._quality[points],
            self._flags[points],
            self._status[points],
        )
        self._stand(points)
        return taken
