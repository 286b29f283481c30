"""Computed tags: from a block of shaped readings to the readings that are computed of them; pure.

A computed tag has a reading whenever one of its inputs has, of the newest values of all of them; inputs that come in
one block with one time count together, so that no value is made of one that is new and one that is about to be. It
says nothing before each of them has spoken. Its quality is the worst of theirs, with that one's code, its time the
latest; where an input has no number, or the result is not finite (a division by zero), it is bad.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.drivers.spec import ComputedTag, Point
from edge.formula import Formula, parse
from shared.reading import Quality, Readings, concatenate, empty


@dataclass(frozen=True, slots=True)
class _Computed:
    """One computed tag: its place, its formula, and the places of its inputs by name."""

    place: int
    formula: Formula
    inputs: tuple[tuple[str, int], ...]


class Derivation:
    """Remembers the last reading of every input.

    Args:
        points: All points of the connection, the computed ones among them.
    """

    def __init__(self, points: Sequence[Point]) -> None:
        places = {(point.device, point.name): place for place, point in enumerate(points)}
        self._computed = [
            _computed(place, point, places)
            for place, point in enumerate(points)
            if isinstance(point.options, ComputedTag)
        ]
        self._uses: dict[int, list[int]] = {}
        for number, computed in enumerate(self._computed):
            for _, place in computed.inputs:
                self._uses.setdefault(place, []).append(number)
        count = len(points) if self._computed else 0
        self._is_input = np.zeros(count, np.bool_)
        self._is_input[list(self._uses)] = True
        self._seen = np.zeros(count, np.bool_)
        self._value = np.full(count, np.nan)
        self._quality = np.zeros(count, np.uint8)
        self._status = np.zeros(count, np.uint32)
        self._ts = np.zeros(count, np.int64)

    @property
    def is_used(self) -> bool:
        """Whether anything is computed."""
        return bool(self._computed)

    def of(self, readings: Readings) -> Readings:
        """Return what is computed of a block of readings, scaled and judged, as rows of the computed points."""
        if not self._computed or not len(readings):
            return empty()
        # points that were found while it ran stand behind, and are no inputs
        known = readings.tag < len(self._is_input)
        rows = np.flatnonzero(known)
        rows = rows[self._is_input[readings.tag[rows]]]
        if not len(rows):
            return empty()
        block = readings.take(rows)
        numbers = sorted({number for place in np.unique(block.tag).tolist() for number in self._uses[place]})
        derived = [self._derive(self._computed[number], block) for number in numbers]
        self._seen[block.tag] = True
        # of several rows of a point the last one counts, as numpy assigns in order
        self._value[block.tag] = block.value
        self._quality[block.tag] = block.quality
        self._status[block.tag] = block.status
        self._ts[block.tag] = block.ts
        return concatenate(derived)

    def _derive(self, computed: _Computed, block: Readings) -> Readings:
        places = np.array([place for _, place in computed.inputs], np.uint32)
        rows = np.flatnonzero(np.isin(block.tag, places))
        tag, ts = block.tag[rows], block.ts[rows]
        ends = np.flatnonzero(
            np.append((ts[1:] != ts[:-1]) | (block.received[rows][1:] != block.received[rows][:-1]), True)
        )
        # by input (first axis) and end: its newest row so far, -1 where that was in an earlier block
        newest = np.array([_newest(tag == place)[ends] for place in places])
        at = rows[np.maximum(newest, 0)]
        is_here, before = newest >= 0, places[:, None]
        value = np.where(is_here, block.value[at], self._value[before])
        quality = np.where(is_here, block.quality[at], self._quality[before])
        status = np.where(is_here, block.status[at], self._status[before])
        times = np.where(is_here, block.ts[at], self._ts[before])
        whole = np.flatnonzero((is_here | self._seen[before]).all(axis=0))
        names = [name for name, _ in computed.inputs]
        result = computed.formula.evaluate({name: value[index] for index, name in enumerate(names)})[whole]
        worst = np.argmax(quality, axis=0)
        every = np.arange(len(ends))
        columns = (quality[worst, every][whole], status[worst, every][whole], times.max(axis=0)[whole])
        return _rows(computed.place, block.received[rows[ends]][whole], result, *columns)


def _rows(
    place: int,
    received: NDArray[np.int64],
    value: NDArray[np.float64],
    quality: NDArray[np.uint8],
    status: NDArray[np.uint32],
    ts: NDArray[np.int64],
) -> Readings:
    count = len(value)
    is_bad = quality == Quality.BAD
    return Readings(
        np.full(count, place, np.uint32),
        ts,
        received,
        np.where(is_bad, np.nan, value),
        quality,
        np.zeros(count, np.uint8),
        status,
    )


def _newest(is_row: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return, at each place, the last place so far where it holds; -1 before the first."""
    newest: NDArray[np.intp] = np.maximum.accumulate(np.where(is_row, np.arange(len(is_row)), -1))
    return newest


def _computed(place: int, point: Point, places: dict[tuple[str, str], int]) -> _Computed:
    assert isinstance(point.options, ComputedTag)  # noqa: S101 - the caller has looked
    formula = parse(point.options.of)
    return _Computed(place, formula, tuple((name, places[point.device, name]) for name in formula.names))
