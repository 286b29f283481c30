"""Report by exception: of each point's readings, those that say something new; pure, with the last kept in arrays.

The state moves when a block is shaped, not when it is committed. That is safe because the buffer never
forgets what it took while the process lives, the station holds a block until the buffer takes it, and a
new process begins without state, so it keeps each point's first reading.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from edge.acquisition.rules import NEVER_US, Rules
from shared.reading import Readings


class ExceptionFilter:
    """Decides which readings are kept.

    A reading is kept if, against the last one kept of its point,

    - it is the first, or
    - its number moved by the deadband or more (any change, without one), or came or went, or
    - its quality, its status or its text is another, or
    - the heartbeat has passed since, by the gateway's clock; a clock set back counts as passed.
    """

    def __init__(self, rules: Rules) -> None:
        points = len(rules)
        self._rules = rules
        self._seen = np.zeros(points, np.bool_)
        self._value = np.full(points, np.nan)
        self._quality = np.zeros(points, np.uint8)
        self._status = np.zeros(points, np.uint32)
        self._received = np.zeros(points, np.int64)
        # a point has its text here only while its last kept reading had one
        self._text: dict[int, str] = {}
        self._has_text = np.zeros(points, np.bool_)

    def keep(self, readings: Readings) -> NDArray[np.intp]:
        """Return the rows to keep, ascending, and remember them as last kept."""
        kept = self._rules.every_sample[readings.tag]
        rows = np.flatnonzero(~kept)
        for once in rounds(rows, readings.tag):
            news = once[self._is_news(readings, once)]
            kept[news] = True
            self._remember(readings, news)
        return np.flatnonzero(kept)

    def extend(self, rules: Rules) -> None:
        """Take the rules of more points, which stand behind those so far."""
        more = len(rules) - len(self._seen)
        self._rules = rules
        self._seen = np.append(self._seen, np.zeros(more, np.bool_))
        self._value = np.append(self._value, np.full(more, np.nan))
        self._quality = np.append(self._quality, np.zeros(more, np.uint8))
        self._status = np.append(self._status, np.zeros(more, np.uint32))
        self._received = np.append(self._received, np.zeros(more, np.int64))
        self._has_text = np.append(self._has_text, np.zeros(more, np.bool_))

    def step(self, delta_us: int) -> None:
        """The gateway's clock was set."""
        self._received += delta_us

    def forget(self, points: NDArray[np.uint32]) -> None:
        """Keep the next reading of these points, whatever it says."""
        self._seen[points] = False

    def _is_news(self, readings: Readings, rows: NDArray[np.intp]) -> NDArray[np.bool_]:
        tag = readings.tag[rows]
        before, value = self._value[tag], readings.value[rows]
        with np.errstate(over="ignore"):
            moved = np.abs(value - before) >= self._rules.deadband[tag]
        since, heartbeat_us = readings.received[rows] - self._received[tag], self._rules.heartbeat_us[tag]
        news: NDArray[np.bool_] = (
            ~self._seen[tag]
            | (moved & (value != before))
            | (np.isnan(value) != np.isnan(before))
            | (readings.quality[rows] != self._quality[tag])
            | (readings.status[rows] != self._status[tag])
            | (since >= heartbeat_us)
            | ((since < 0) & (heartbeat_us != NEVER_US))
        )
        return news | self._text_changed(readings, rows, tag)

    def _text_changed(self, readings: Readings, rows: NDArray[np.intp], tag: NDArray[np.uint32]) -> NDArray[np.bool_]:
        if not readings.text:
            return self._has_text[tag]
        return np.array(
            [
                readings.text.get(row) != self._text.get(point)
                for row, point in zip(rows.tolist(), tag.tolist(), strict=True)
            ],
            np.bool_,
        )

    def _remember(self, readings: Readings, rows: NDArray[np.intp]) -> None:
        tag = readings.tag[rows]
        self._seen[tag] = True
        self._value[tag] = readings.value[rows]
        self._quality[tag] = readings.quality[rows]
        self._status[tag] = readings.status[rows]
        self._received[tag] = readings.received[rows]
        for point in tag[self._has_text[tag]].tolist():
            del self._text[point]
        self._has_text[tag] = False
        if readings.text:
            texts = {
                point: readings.text[row]
                for row, point in zip(rows.tolist(), tag.tolist(), strict=True)
                if row in readings.text
            }
            self._text.update(texts)
            self._has_text[list(texts)] = True


def rounds(rows: NDArray[np.intp], tag: NDArray[np.uint32]) -> Iterator[NDArray[np.intp]]:
    """Split rows into rounds in which each point occurs once at most: all first occurrences, all second ones, ..

    Whether a reading is kept depends on the one before it, so a point's readings must be judged one after
    the other; different points can be judged at once. Blocks mostly have one round.
    """
    if not len(rows):
        return
    order = np.argsort(tag[rows], kind="stable")
    points = tag[rows][order]
    starts = np.flatnonzero(np.concatenate(([True], points[1:] != points[:-1])))
    if len(starts) == len(rows):
        yield rows
        return
    lengths = np.diff(np.append(starts, len(rows)))
    occurrence = np.arange(len(rows)) - np.repeat(starts, lengths)
    by_round = rows[order[np.argsort(occurrence, kind="stable")]]
    yield from np.split(by_round, np.cumsum(np.bincount(occurrence))[:-1])
