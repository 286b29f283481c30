"""Owns a plant's past as predictions see it: columns of what happened, each row with when it was known.

A record counts for an instant only if it happened and was known by then. Times are int64 UTC microseconds; a machine
is its place in `History.machines`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from cloud.predictions.calendar import Calendar

Times = NDArray[np.int64]
Floats = NDArray[np.float64]

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


@dataclass(frozen=True, slots=True)
class Events:
    """Things that happened at an instant: alarms, maintenance.

    Attributes:
        machine: Place of the machine.
        at: When it happened.
        known: When it was known, never before it happened.
        kind: Place in `kinds`.
        kinds: What there is, in their order.
    """

    machine: NDArray[np.int32]
    at: Times
    known: Times
    kind: NDArray[np.int16]
    kinds: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.at)

    def take(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> "Events":
        """Return some of the rows."""
        return replace(self, machine=self.machine[rows], at=self.at[rows], known=self.known[rows], kind=self.kind[rows])


@dataclass(frozen=True, slots=True)
class Stops(Events):
    """Unplanned stops. `at` and `known` are of their begin; how long one was is known at its end.

    Attributes:
        end: When it ended.
        end_known: When its end was known, never before its begin was.
    """

    end: Times = field(default_factory=lambda: np.empty(0, np.int64))
    end_known: Times = field(default_factory=lambda: np.empty(0, np.int64))

    def take(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> "Stops":
        """Return some of the rows."""
        return Stops(
            self.machine[rows],
            self.at[rows],
            self.known[rows],
            self.kind[rows],
            self.kinds,
            self.end[rows],
            self.end_known[rows],
        )


@dataclass(frozen=True, slots=True)
class Spans:
    """What was measured or counted over spans of time: an hour's pieces, a day's mean vibration.

    Attributes:
        machine: Place of the machine.
        at: When the span ended: nothing of it is told before.
        known: When the row was known, never before its end.
        columns: By name; NaN where nothing was measured.
        length: Of each span, microseconds.
    """

    machine: NDArray[np.int32]
    at: Times
    known: Times
    columns: Mapping[str, Floats]
    length: int = HOUR

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.at)

    def take(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> "Spans":
        """Return some of the rows."""
        return replace(
            self,
            machine=self.machine[rows],
            at=self.at[rows],
            known=self.known[rows],
            columns={name: values[rows] for name, values in self.columns.items()},
        )


def no_spans(length: int = HOUR) -> Spans:
    """Return none."""
    none = np.empty(0, np.int64)
    return Spans(np.empty(0, np.int32), none, none, {}, length)


@dataclass(frozen=True, slots=True)
class History:
    """All that is known of a plant.

    Attributes:
        machines: Their codes.
        stops: Unplanned ones.
        alarms: With their codes as kinds.
        maintenance: With what was done as kinds.
        work: Minutes and pieces by span: `planned`, `run`, `setup`, `micro`, `good`, `scrap`, `ideal`, as far as had.
        measured: Telemetry by span.
        traits: What a machine is, and stays: its age, its model.
        jobs: A job log, a row a job that is over: minutes by category, and what is known of job and operator.
        calendar: Its clock and its shifts.
    """

    machines: Sequence[str]
    stops: Stops
    alarms: Events
    maintenance: Events
    work: Spans
    measured: Spans
    traits: Mapping[str, Floats] = field(default_factory=dict)
    jobs: Spans = field(default_factory=no_spans)
    calendar: Calendar = field(default_factory=Calendar)

    def as_known(self, at: int) -> "History":
        """Return what was known at an instant, and nothing else: for tests, and for whoever wants to be sure."""
        stops = self.stops.take(self.stops.known <= at)
        # a stop that was not over yet has no end that anybody knew
        is_open = stops.end_known > at
        stops = replace(
            stops, end=np.where(is_open, _NEVER, stops.end), end_known=np.where(is_open, _NEVER, stops.end_known)
        )
        return replace(
            self,
            stops=stops,
            alarms=self.alarms.take(self.alarms.known <= at),
            maintenance=self.maintenance.take(self.maintenance.known <= at),
            work=self.work.take(self.work.known <= at),
            measured=self.measured.take(self.measured.known <= at),
            jobs=self.jobs.take(self.jobs.known <= at),
            calendar=self.calendar.as_known(at),
        )


# the year 2400: later than anything, and small enough to be added to
_NEVER = np.int64(13_569_465_600 * SECOND)


def no_events(kinds: tuple[str, ...] = ()) -> Events:
    """Return none."""
    none = np.empty(0, np.int64)
    return Events(np.empty(0, np.int32), none, none, np.empty(0, np.int16), kinds)


def joined(first: Events, second: Events) -> Events:
    """Return the events of both, a word of either being the same kind."""
    kinds = tuple(sorted({*first.kinds, *second.kinds}))
    return Events(*_columns(first, second), _kinds(first, second, kinds), kinds)


def together(first: Stops, second: Stops) -> Stops:
    """Return the stops of both, a word of either being the same kind."""
    kinds = tuple(sorted({*first.kinds, *second.kinds}))
    ends, known = (first.end, second.end), (first.end_known, second.end_known)
    return Stops(
        *_columns(first, second), _kinds(first, second, kinds), kinds, np.concatenate(ends), np.concatenate(known)
    )


def _columns(first: Events, second: Events) -> tuple[NDArray[np.int32], Times, Times]:
    return (
        np.concatenate((first.machine, second.machine)),
        np.concatenate((first.at, second.at)),
        np.concatenate((first.known, second.known)),
    )


def _kinds(first: Events, second: Events, kinds: tuple[str, ...]) -> NDArray[np.int16]:
    parts = [np.array([kinds.index(word) for word in each.kinds] or [0])[each.kind] for each in (first, second)]
    return np.concatenate(parts).astype(np.int16)
