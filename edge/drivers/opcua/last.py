"""Owns what was last heard of each point, so that what comes again, and what came late, is recognised; pure."""

import numpy as np
from numpy.typing import NDArray

from shared.reading import Quality, Readings

_NEVER = np.iinfo(np.int64).min


class Last:
    """The last reading of each point, by the source's time."""

    def __init__(self, points: int) -> None:
        self._ts = np.full(points, _NEVER, np.int64)
        self._received = np.zeros(points, np.int64)
        self._value = np.full(points, np.nan)
        self._quality = np.zeros(points, np.uint8)
        self._flags = np.zeros(points, np.uint8)
        self._status = np.zeros(points, np.uint32)
        self._text: dict[int, str] = {}

    def extend(self, more: int) -> None:
        """Make room for points that were found."""
        self._ts = np.append(self._ts, np.full(more, _NEVER, np.int64))
        self._received = np.append(self._received, np.zeros(more, np.int64))
        self._value = np.append(self._value, np.full(more, np.nan))
        self._quality = np.append(self._quality, np.zeros(more, np.uint8))
        self._flags = np.append(self._flags, np.zeros(more, np.uint8))
        self._status = np.append(self._status, np.zeros(more, np.uint32))

    def note(self, readings: Readings) -> None:
        """Take note of readings, as decoded; of several of a point the last one stays."""
        tag = readings.tag
        # a row without a time was made on this side, and says nothing of what the source said last
        rows = np.flatnonzero(readings.ts > 0)
        if len(rows) < len(tag):
            readings, tag = readings.take(rows), tag[rows]
        self._ts[tag], self._received[tag], self._value[tag] = readings.ts, readings.received, readings.value
        self._quality[tag], self._flags[tag], self._status[tag] = readings.quality, readings.flags, readings.status
        if self._text or readings.text:
            for row, point in enumerate(tag.tolist()):
                if row in readings.text:
                    self._text[point] = readings.text[row]
                else:
                    self._text.pop(point, None)

    def ts(self, points: NDArray[np.uint32]) -> NDArray[np.int64]:
        """Return the source's time of the last reading of each of these points; the lowest number if there is none."""
        return self._ts[points]

    def is_known(self, points: NDArray[np.uint32]) -> NDArray[np.bool_]:
        """Tell of which of these points there is one."""
        known: NDArray[np.bool_] = self._ts[points] != _NEVER
        return known

    def repeated(self, readings: Readings) -> NDArray[np.bool_]:
        """Tell which rows say the very thing that was last heard of their point."""
        tag = readings.tag
        same = (
            (readings.ts == self._ts[tag])
            & (readings.status == self._status[tag])
            & ((readings.value == self._value[tag]) | (np.isnan(readings.value) & np.isnan(self._value[tag])))
        )
        for row in np.flatnonzero(same).tolist() if self._text or readings.text else ():
            same[row] = readings.text.get(row) == self._text.get(int(tag[row]))
        result: NDArray[np.bool_] = same
        return result

    def all(self) -> Readings:
        """Return the last reading of every point that had one and was not bad."""
        points = np.flatnonzero((self._ts != _NEVER) & (self._quality != Quality.BAD))
        return Readings(
            points.astype(np.uint32),
            self._ts[points],
            self._received[points],
            self._value[points],
            self._quality[points],
            self._flags[points],
            self._status[points],
            {row: self._text[point] for row, point in enumerate(points.tolist()) if point in self._text},
        )
