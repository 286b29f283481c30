"""Owns the simple rivals that a model must beat, or they serve in its place; pure.

Each learns from the rows of the training window and answers with a probability for any row.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cloud.predictions.features import Instants, Matrix
from cloud.predictions.history import HOUR, Floats, Stops
from cloud.predictions.scoring import Flags
from cloud.predictions.weibull import Weibull, fit_weibull

# as if every machine had been seen on so many more rows at the plant's rate: a machine of few rows is no outlier
_PRIOR_ROWS = 50.0
_BINS = 12


@dataclass(frozen=True, slots=True)
class Lesson:
    """What a baseline learns from."""

    instants: Instants
    matrix: Matrix
    stopped: Flags
    stops: Stops
    horizon: int


class Baseline:
    """One rival: learned, it answers for rows."""

    def __init__(self, answer: Callable[[Instants, Matrix], Floats]) -> None:
        self._answer = answer

    def predict(self, instants: Instants, matrix: Matrix) -> Floats:
        """Return a probability a row."""
        return np.clip(self._answer(instants, matrix), 0.0, 1.0)


def prevalence(lesson: Lesson) -> Baseline:
    """Learn the share of all rows."""
    share = float(lesson.stopped.mean())
    return Baseline(lambda instants, _: np.full(len(instants), share))


def machine_rate(lesson: Lesson) -> Baseline:
    """Learn each machine's own share, drawn a little to that of all."""
    share = float(lesson.stopped.mean())
    size = int(lesson.instants.machine.max()) + 1
    hits = np.bincount(lesson.instants.machine, lesson.stopped, size)
    rows = np.bincount(lesson.instants.machine, minlength=size)
    rates = (hits + _PRIOR_ROWS * share) / (rows + _PRIOR_ROWS)

    def answer(instants: Instants, _: Matrix) -> Floats:
        known = instants.machine < size
        return np.where(known, rates[np.minimum(instants.machine, size - 1)], share)

    return Baseline(answer)


def since_last_stop(lesson: Lesson) -> Baseline:
    """Learn the share by how long ago the last stop was."""
    return _binned(lesson, "hours_since_stop")


def alarm_count(lesson: Lesson) -> Baseline:
    """Learn the share by how many alarms the last day had: the rule of thumb of a shift leader."""
    return _binned(lesson, "alarms_24h")


def renewal(lesson: Lesson) -> Baseline:
    """Learn the Weibull law of the hours between stops, those not over yet counted as such."""
    gaps, is_over = _gaps(lesson)
    share = float(lesson.stopped.mean())
    law = fit_weibull(gaps, is_over)
    column = _column(lesson.matrix, "hours_since_stop")
    if law is None or column is None:
        return Baseline(lambda instants, _: np.full(len(instants), share))
    within = lesson.horizon / HOUR

    def answer(_: Instants, matrix: Matrix) -> Floats:
        age = matrix.values[:, column].astype(np.float64)
        return np.where(np.isnan(age), share, law.within(np.nan_to_num(age), within))

    return Baseline(answer)


BASELINES: Mapping[str, Callable[[Lesson], Baseline]] = {
    "prevalence": prevalence,
    "machine_rate": machine_rate,
    "since_last_stop": since_last_stop,
    "weibull_renewal": renewal,
    "alarm_count": alarm_count,
}


def law_of(lesson: Lesson) -> Weibull | None:
    """Return the Weibull law of the hours between stops, None where they are too few."""
    return fit_weibull(*_gaps(lesson))


def _gaps(lesson: Lesson) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the hours from each stop's end to the next one's begin, and whether that next one came in the lesson."""
    stops, end = lesson.stops, int(lesson.instants.at.max()) + lesson.horizon
    seen = stops.take((stops.at <= end) & (stops.known <= end))
    order = np.lexsort((seen.at, seen.machine))
    machine, begin, over = seen.machine[order], seen.at[order], np.minimum(seen.end[order], end)
    has_next = np.append(machine[1:] == machine[:-1], False)[: len(machine)]
    following = np.where(has_next, np.append(begin[1:], 0)[: len(begin)], end)
    hours = (following - over) / HOUR
    kept = hours > 0
    return hours[kept], has_next[kept]


def _binned(lesson: Lesson, name: str) -> Baseline:
    share = float(lesson.stopped.mean())
    column = _column(lesson.matrix, name)
    if column is None:
        return Baseline(lambda instants, _: np.full(len(instants), share))
    values = lesson.matrix.values[:, column]
    known = np.isfinite(values)
    edges = np.unique(np.quantile(values[known], np.linspace(0, 1, _BINS + 1)[1:-1])) if known.any() else np.empty(0)
    place = np.where(known, np.searchsorted(edges, values, side="right"), len(edges) + 1)
    hits = np.bincount(place, lesson.stopped, len(edges) + 2)
    rows = np.bincount(place, minlength=len(edges) + 2)
    rates = (hits + _PRIOR_ROWS * share) / (rows + _PRIOR_ROWS)

    def answer(_: Instants, matrix: Matrix) -> Floats:
        asked = matrix.values[:, column]
        found = np.searchsorted(edges, asked, side="right")
        return rates[np.where(np.isfinite(asked), found, len(edges) + 1)]

    return Baseline(answer)


def _column(matrix: Matrix, name: str) -> int | None:
    return matrix.names.index(name) if name in matrix.names else None
