"""Owns the tags that hold other tags' server times: which there are, and what of a message becomes theirs; pure.

A value bears the time at which the source had it, which is its reading's, and the time at which the server learned of
it. Where that is wanted too (`server_time`), a tag of its own holds it, under the same time as the value it belongs to.
So it costs nothing where nobody wants it, and whatever carries, keeps and shows readings has it without more.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edge.drivers.opcua.config import NodeOptions
from edge.drivers.spec import Point, PublishOptions, TagOptions
from edge.ports import Sample, Settled
from shared.reading import Quality, Readings

SUFFIX = "_server_time"
# names go into the wire
_LONGEST_NAME = 200
# 1601-01-01 to 1970-01-01 in ticks of 100 ns (Part 6, 5.2.2.5)
_EPOCH_TICKS = 116_444_736_000_000_000
# no point has this place
_NOBODY = -1


class ServerTime(TagOptions):
    """A tag that holds the server's times of another one, microseconds since 1970 UTC."""


class ServerTimes:
    """Which point holds the server's times of which; it grows with the points."""

    def __init__(self, *, is_wanted: bool) -> None:
        """Begin without points; `is_wanted`: by those that do not say it for themselves."""
        self._is_wanted = is_wanted
        self._places: list[int] = []
        self._names: dict[tuple[str, str], str] = {}

    def extend(self, points: list[Point], first: int = 0) -> list[Point]:
        """Put behind `points` those that hold the server's times of the ones from `first` on; return them.

        A name that is taken is not given twice: that tag's server times are not kept.
        """
        taken = {(point.device, point.name) for point in points}
        self._places += [_NOBODY] * (len(points) - len(self._places))
        made: list[Point] = []
        for place in range(first, len(points)):
            point = points[place]
            if wanted(point, by_default=self._is_wanted) and (point.device, name_of(point)) not in taken:
                self._places[place] = len(points) + len(made)
                made.append(_holder(point))
                self._names[point.device, point.name] = name_of(point)
        points += made
        self._places += [_NOBODY] * len(made)
        return made

    def place(self, point: int) -> int | None:
        """Return which point holds the server's times of this one; None if none does."""
        place = self._places[point]
        return None if place == _NOBODY else place

    def told(self, sample: Sample) -> Sample:
        """Return a sample that says of the tags that hold server times what it says of those that they belong to."""
        names = self._names
        if not names or not (sample.gaps or sample.settled):
            return sample
        gaps = [
            replace(gap, tag=names[gap.device, gap.tag])
            for gap in sample.gaps
            if gap.device is not None and gap.tag is not None and (gap.device, gap.tag) in names
        ]
        settled: list[Settled] = []
        for word in sample.settled:
            waiting = [names[word.device, tag] for tag in word.waiting if (word.device, tag) in names]
            settled.append(replace(word, waiting=[*word.waiting, *waiting]) if waiting else word)
            if word.tag is not None and (word.device, word.tag) in names:
                settled.append(replace(word, tag=names[word.device, word.tag]))
        return replace(sample, gaps=[*sample.gaps, *gaps], settled=settled)


def wanted(point: Point, *, by_default: bool) -> bool:
    """Tell whether a point's server times are kept; `by_default`: those of points that do not say it for themselves."""
    options = point.options
    if not isinstance(options, NodeOptions):
        return False
    return by_default if options.server_time is None else options.server_time


def name_of(point: Point) -> str:
    """Return the name of the tag that holds a point's server times."""
    return f"{point.name[: _LONGEST_NAME - len(SUFFIX)]}{SUFFIX}"


def holds_times(point: Point) -> bool:
    """Tell whether a point holds another one's server times."""
    return isinstance(point.options, ServerTime)


def beside(readings: Readings, ticks: NDArray[np.int64], places: NDArray[np.int64]) -> Readings:
    """Return the readings of the points that hold the server's times of these.

    Args:
        readings: As decoded.
        ticks: The server's time of each, as OPC UA has it; 0 where it gave none.
        places: By point, which one holds its server times; -1 where none does.
    """
    tags = readings.tag.astype(np.int64)
    holders = np.where(tags < len(places), places[np.minimum(tags, len(places) - 1)], _NOBODY)
    rows = np.flatnonzero((holders != _NOBODY) & (ticks > _EPOCH_TICKS))
    n = len(rows)
    # microseconds are exact in a double until the year 2255
    value = ((ticks[rows] - _EPOCH_TICKS) // 10).astype(np.float64)
    return Readings(
        holders[rows].astype(np.uint32),
        readings.ts[rows],
        readings.received[rows],
        value,
        np.full(n, Quality.GOOD, np.uint8),
        np.zeros(n, np.uint8),
        np.zeros(n, np.uint32),
    )


def by_point(pairs: Sequence[tuple[int, int]]) -> NDArray[np.int64] | None:
    """Return `places` for `beside` of points and their holders; None for no pairs."""
    if not pairs:
        return None
    places = np.full(max(point for point, _ in pairs) + 1, _NOBODY, np.int64)
    for point, holder in pairs:
        places[point] = holder
    return places


def _holder(point: Point) -> Point:
    # every one is kept, so that none is missing beside a value that was kept
    options = ServerTime(
        unit="us",
        publish=PublishOptions(on="sample"),
        **{"class": point.options.lane},
    )
    return Point(point.device, name_of(point), point.every_s, point.device_options, options)
