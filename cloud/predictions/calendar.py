"""Owns what clock and shifts tell a model of an instant, as they had been told by then; pure.

What is told of shifts holds from when it is told, whatever it says of the past: a day that is called closed after a
machine broke on it was a day of work until then. Of the time before anything was told of a machine's shifts - a plant
that brings a year of logs, and then tells its shifts - the latest telling speaks, as an import does.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TypeVar
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from cloud.production.service.moments import us, utc
from cloud.shifts.service import telling
from cloud.shifts.service.telling import EVER, Pattern, Telling

Times = NDArray[np.int64]
Floats = NDArray[np.float64]

_HOUR = 3_600_000_000
# no zone changes its offset within a quarter of an hour
_QUARTER = _HOUR // 4
_UTC = ZoneInfo("UTC")
Value = TypeVar("Value")
Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Clock:
    """What is told of each of some instants, NaN where it is not known.

    Attributes:
        local: The instant by the clock of the site, microseconds.
        shift: Which shift of the pattern's day is on, by when it starts, from 0; NaN also where none is.
        into: For how many hours; NaN also where none is.
        ahead: How many hours of shifts come within each of some lengths from then on.
    """

    local: Times
    shift: Floats
    into: Floats
    ahead: Mapping[str, Floats]


@dataclass(frozen=True, slots=True)
class Calendar:
    """A plant's clock and shifts; `told` in the order in which it was."""

    told: Sequence[Telling] = ()

    @property
    def has_shifts(self) -> bool:
        """Whether anything was ever told of shifts."""
        return any(each.patterns for each in self.told)

    def as_known(self, instant: int) -> "Calendar":
        """Return what had been told by an instant."""
        return Calendar([each for each in self.told if _since(each) <= instant])

    def clock(
        self, names: Sequence[str], machine: NDArray[np.int32], instants: Times, lengths: Mapping[str, int]
    ) -> Clock:
        """Return what is told of machines at instants.

        Args:
            names: Of the machines, by their places.
            machine: The place of each row's machine.
            instants: Each row's, UTC microseconds.
            lengths: For `Clock.ahead`, microseconds.
        """
        rows = len(instants)
        ahead = {name: np.full(rows, np.nan) for name in lengths}
        clock = Clock(instants.copy(), np.full(rows, np.nan), np.full(rows, np.nan), ahead)
        for place, zone in _by_span(self._spans(lambda each: each.zone), instants):
            clock.local[place] = _local(zone or _UTC, instants[place])
        # a plant's machines follow a handful of patterns
        alike: dict[tuple[tuple[int, int], ...], tuple[list[int], list[tuple[int, Pattern | None]]]] = {}
        for each in np.unique(machine).tolist():
            spans = self._spans(partial(Telling.followed_by, machine=names[each]))
            key = tuple((since, id(pattern)) for since, pattern in spans)
            alike.setdefault(key, ([], spans))[0].append(each)
        for own, spans in alike.values():
            mine = np.flatnonzero(np.isin(machine, own))
            for place, pattern in _by_span(spans, instants[mine]):
                if pattern is not None:
                    _tell(clock, mine[place], instants[mine[place]], pattern, lengths)
        return clock

    def _spans(self, chosen: Callable[[Telling], Value | None]) -> list[tuple[int, Value | None]]:
        """Return what was told of one thing, each since when; before the first of it the last speaks."""
        told: list[tuple[int, Value | None]] = []
        for each in self.told:
            value = chosen(each)
            if value is not (told[-1][1] if told else None):
                told.append((_since(each), value))
        return [(us(EVER), told[-1][1]), *told] if told else []


def _since(told: Telling) -> int:
    return us(told.at or EVER)


def _by_span(spans: Sequence[tuple[int, Value]], instants: Times) -> Iterator[tuple[Places, Value]]:
    """Yield what holds at which of the instants."""
    place = np.searchsorted(np.array([since for since, _ in spans], np.int64), instants, side="right") - 1
    for each in np.unique(place[place >= 0]).tolist():
        yield np.flatnonzero(place == each), spans[each][1]


def _local(zone: ZoneInfo, instants: Times) -> Times:
    """Return instants by the clock of a zone."""
    quarters, place = np.unique(instants // _QUARTER, return_inverse=True)
    offsets = [utc(each * _QUARTER).astimezone(zone).utcoffset() or timedelta(0) for each in quarters.tolist()]
    return instants + np.array([each // timedelta(microseconds=1) for each in offsets], np.int64)[place]


def _tell(clock: Clock, rows: Places, instants: Times, pattern: Pattern, lengths: Mapping[str, int]) -> None:
    """Write what a pattern tells of instants; of what was before its anchor it tells nothing but the clock."""
    clock.local[rows] = _local(pattern.zone, instants)
    begun = instants >= us(telling.begin_of(pattern))
    rows, instants = rows[begun], instants[begun]
    if not len(rows):
        return
    until_then = utc(int(instants.max()) + max(lengths.values()))
    found = telling.around(pattern, utc(int(instants.min())), until_then)
    shifts = [(us(start), us(end), kind) for start, end, kind in found]
    starts, ends, kinds = np.array(shifts, np.int64).reshape(-1, 3).T
    # microseconds of shifts before each starts
    before = np.append(0, np.cumsum(ends - starts))

    def until(moments: Times) -> Times:
        place = np.searchsorted(starts, moments, side="right")
        still = np.append(0, ends)[place] - moments
        return before[place] - np.where(place > 0, np.maximum(still, 0), 0)

    for name, length in lengths.items():
        clock.ahead[name][rows] = (until(instants + length) - until(instants)) / _HOUR
    last = np.searchsorted(starts, instants, side="right")
    is_on = (last > 0) & (np.append(0, ends)[last] > instants)
    rows, instants, last = rows[is_on], instants[is_on], last[is_on] - 1
    clock.shift[rows] = kinds[last]
    clock.into[rows] = (instants - starts[last]) / _HOUR
