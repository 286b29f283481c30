"""What each point of a connection said last, before and after shaping, for the page and the tools on this machine.

The station hands over every block, which is on the hot path, so that costs one append: blocks are folded into columns
when somebody looks, or when many wait. Whoever taps gets the rows of the points that he named, as they come, up to a
bound; rows beyond it are counted and left out, so that a slow reader never holds up the gateway.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from edge.drivers.spec import Point
from shared.reading import Flag, Quality, Readings, concatenate, empty

_SILENT = 255
# a fold of so many costs 0.1 ms, and what waits takes 4 MB at most beside one block
_MOST_BLOCKS = 128
_MOST_ROWS = 50_000
# what a tap holds for its reader: some seconds of a fast machine
TAP_ROWS = 5_000


@dataclass(frozen=True, slots=True)
class Last:
    """One point's last word. Times: microseconds since 1970 UTC, None if it has not come.

    Attributes:
        point: Its tag.
        value, text: As kept, after shaping; no value if there is no number.
        raw: The number as it was last read, before shaping; None if it was none.
        quality: `good`, `uncertain`, `bad`, or `silent` if it never came.
        flags: What was noticed about it.
        status: The protocol's code.
        time_us: The time of the reading that was kept.
        read_us: When the source last said anything of it, new or not.
    """

    point: Point
    value: float | None
    text: str | None
    raw: float | None
    quality: str
    flags: tuple[str, ...]
    status: int
    time_us: int | None
    read_us: int | None


@dataclass(frozen=True, slots=True)
class Tapped:
    """One reading on its way past a tap: as read (`is_kept` false) or as kept."""

    point: Point
    is_kept: bool
    time_us: int
    received_us: int
    value: float | None
    text: str | None
    quality: str
    flags: tuple[str, ...]


class Tap:
    """Holds the rows of some points until its reader takes them. `dropped` counts those that found no room."""

    def __init__(self, points: Sequence[Point], places: Iterable[int]) -> None:
        self._points = points
        self._places = np.array(sorted(places), np.uint32)
        self._rows: deque[Tapped] = deque()
        self.dropped = 0

    def note(self, readings: Readings, *, is_kept: bool) -> None:
        """Take what is wanted of a block."""
        for row in np.flatnonzero(np.isin(readings.tag, self._places)).tolist():
            if len(self._rows) >= TAP_ROWS:
                self.dropped += 1
            else:
                self._rows.append(self._tapped(readings, row, is_kept=is_kept))

    def take(self) -> list[Tapped]:
        """Return what has come since."""
        rows = list(self._rows)
        self._rows.clear()
        return rows

    def _tapped(self, readings: Readings, row: int, *, is_kept: bool) -> Tapped:
        return Tapped(
            self._points[int(readings.tag[row])],
            is_kept,
            int(readings.ts[row]),
            int(readings.received[row]),
            _number(readings.value[row]),
            readings.text.get(row),
            _quality(readings.quality[row]),
            _flags(readings.flags[row]),
        )


class Board:
    """One connection's columns; the station's."""

    def __init__(self, points: Sequence[Point]) -> None:
        self.points: list[Point] = []
        # as people search them
        self._names: list[str] = []
        self._taps: list[Tap] = []
        self._read: list[Readings] = []
        self._kept: list[Readings] = []
        self._waiting = 0
        self._text: dict[int, str] = {}
        self._has_text = np.array([], np.bool_)
        self._raw = np.array([], np.float64)
        self._value = np.array([], np.float64)
        self._quality = np.array([], np.uint8)
        self._flags = np.array([], np.uint8)
        self._status = np.array([], np.uint32)
        self._time = np.array([], np.int64)
        self._seen = np.array([], np.int64)
        self.extend(points)

    def extend(self, points: Sequence[Point]) -> None:
        """Take more points, which stand behind those so far."""
        more = len(points)
        self.points.extend(points)
        self._names.extend(f"{point.device}.{point.name}".lower() for point in points)
        self._has_text = np.append(self._has_text, np.zeros(more, np.bool_))
        self._raw = np.append(self._raw, np.full(more, np.nan))
        self._value = np.append(self._value, np.full(more, np.nan))
        self._quality = np.append(self._quality, np.full(more, _SILENT, np.uint8))
        self._flags = np.append(self._flags, np.zeros(more, np.uint8))
        self._status = np.append(self._status, np.zeros(more, np.uint32))
        self._time = np.append(self._time, np.full(more, -1, np.int64))
        self._seen = np.append(self._seen, np.full(more, -1, np.int64))

    def note(self, read: Readings, kept: Readings) -> None:
        """Take a block as read and what of it is kept; both are only looked at, and must not be changed later."""
        self._read.append(read)
        if len(kept):
            self._kept.append(kept)
        self._waiting += len(read)
        for tap in self._taps:
            tap.note(read, is_kept=False)
            tap.note(kept, is_kept=True)
        if len(self._read) >= _MOST_BLOCKS or self._waiting >= _MOST_ROWS:
            self._fold()

    @contextmanager
    def tapped(self, places: Iterable[int]) -> Iterator[Tap]:
        """Let somebody follow some points until the block ends."""
        tap = Tap(self.points, places)
        self._taps.append(tap)
        try:
            yield tap
        finally:
            self._taps.remove(tap)

    def places(self, wanted: str = "", quality: str = "") -> list[int]:
        """Return the places of the points that a person means.

        Args:
            wanted: Words that all occur in `device.tag`, whatever their case; empty for every point.
            quality: Only points of which this is the last quality; empty for any.
        """
        words = wanted.lower().split()
        found = [place for place, name in enumerate(self._names) if all(word in name for word in words)]
        if quality:
            self._fold()
            found = [place for place in found if _quality(self._quality[place]) == quality]
        return found

    def last(self, places: Iterable[int]) -> list[Last]:
        """Return the last word of these points, by their places in `points`."""
        self._fold()
        return [self._last(place) for place in places]

    def _last(self, place: int) -> Last:
        return Last(
            self.points[place],
            _number(self._value[place]),
            self._text.get(place) if self._has_text[place] else None,
            _number(self._raw[place]),
            _quality(self._quality[place]),
            _flags(self._flags[place]),
            int(self._status[place]),
            _time(self._time[place]),
            _time(self._seen[place]),
        )

    def _fold(self) -> None:
        read, kept = self._newest(self._read), self._newest(self._kept)
        self._read, self._kept, self._waiting = [], [], 0
        # of several rows of a point the last one counts, as numpy assigns in order
        self._raw[read.tag] = read.value
        self._seen[read.tag] = read.received
        tag = kept.tag
        self._value[tag] = kept.value
        self._quality[tag] = kept.quality
        self._flags[tag] = kept.flags
        self._status[tag] = kept.status
        self._time[tag] = kept.ts
        has_text = np.zeros(len(kept), np.bool_)
        has_text[list(kept.text)] = True
        self._has_text[tag] = has_text
        self._text.update({int(tag[row]): text for row, text in kept.text.items()})

    def _newest(self, blocks: list[Readings]) -> Readings:
        """Return the blocks that have a point's last row, joined in order; older rounds of a poller are passed over."""
        # a poller says the very same points again and again, in one and the same array: its last round is enough
        latest = {id(block.tag): place for place, block in enumerate(blocks)}
        blocks = [block for place, block in enumerate(blocks) if latest[id(block.tag)] == place]
        if not blocks:
            return empty()
        tag = np.concatenate([block.tag for block in blocks])
        last = np.full(len(self.points), -1, np.intp)
        last[tag] = np.arange(len(tag))
        ends = np.cumsum([len(block) for block in blocks])
        needed = np.unique(np.searchsorted(ends, last[last >= 0], side="right"))
        return concatenate([blocks[place] for place in needed.tolist()])


def _number(value: np.float64) -> float | None:
    return None if np.isnan(value) else float(value)


def _time(value: np.int64) -> int | None:
    return None if value < 0 else int(value)


def _quality(value: np.uint8) -> str:
    return "silent" if value == _SILENT else Quality(int(value)).name.lower()


def _flags(value: np.uint8) -> tuple[str, ...]:
    return tuple(flag.name.lower() for flag in Flag if flag.name and value & flag) if value else ()
