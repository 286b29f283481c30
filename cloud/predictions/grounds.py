"""Owns what an answer about a machine stands on: the plant's past looks, what came of them, and the rule learned; pure.

Where no model is promoted a simple rule answers, the one that was best on the latest part of the past. It is learned
from what was known at the instant asked for and from nothing else, so that the same question about the past gets the
same answer for good.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from cloud.predictions import minutes
from cloud.predictions.baselines import BASELINES, Baseline, Lesson
from cloud.predictions.features import Instants, Matrix, features
from cloud.predictions.history import DAY, HOUR, Events, Floats, History, no_spans
from cloud.predictions.outcomes import Flags, Outcomes, grid, outcomes, step_of
from cloud.predictions.reliability import brier
from cloud.predictions.similar import Cases, cases

# of fewer stops no share of some percent can be told, see `training`
FEWEST_STOPS = 30
# looks at all machines together; neighbours in time say nearly the same
_MOST_LOOKS = 8_000
_JUDGED_SHARE = 0.3
# a week to look back on
_WARM = 7 * DAY

Blind = Callable[[Instants, int], Flags]


@dataclass(frozen=True, slots=True)
class Lacking:
    """There is too little to answer from: so many stops are known, so many are needed."""

    stops: int
    needed: int = FEWEST_STOPS


@dataclass(frozen=True, slots=True)
class Ground:
    """What answers stand on.

    Attributes:
        horizon: Microseconds.
        until: What was known then.
        rule: Name of the best rule.
        baselines: Every rule, learned from all looks.
        scores: Brier score of every rule on the latest part, each learned from the part before.
        share: Of the looks, on how many a stop came.
        usual: The median look, by which reasons are told.
        past: The looks, with what came of them.
        stops: How many were learned from.
    """

    horizon: int
    until: int
    rule: str
    baselines: Mapping[str, Baseline]
    scores: Mapping[str, float]
    share: float
    usual: Floats
    names: tuple[str, ...]
    past: Cases
    stops: int

    @property
    def baseline(self) -> Baseline:
        """Return the best rule."""
        return self.baselines[self.rule]

    def served_by(self, rule: str) -> "Ground":
        """Return the same with another rule as the one that answers."""
        return replace(self, rule=rule)

    def minutes_of_stops(self, machine: int) -> Floats:
        """Return how many minutes it stood within a horizon in which it stopped: of the machine, else of all."""
        came, lasted = self.past.outcomes.stopped, self.past.outcomes.minutes
        own = lasted[came & (self.past.instants.machine == machine)]
        return own if len(own) >= FEWEST_STOPS else lasted[came]

    def mean_minutes(self, machine: int) -> float:
        """Return the mean of the same, the machine's own drawn to the plant's where it had few stops."""
        past = self.past
        means = minutes.learned(past.outcomes.stopped, past.outcomes.minutes, past.instants.machine)
        return float(means.of(np.array([machine], np.int32))[0])


def lay(history: History, horizon: int, until: int, blind: Blind | None = None) -> Ground | Lacking:
    """Return what answers as of an instant stand on.

    Args:
        history: As it was known at `until`.
        horizon: Microseconds.
        until: The instant, UTC.
        blind: Says of which looks nobody knows what came; None knows all.
    """
    told = plain(history, until)
    if len(told.stops) < FEWEST_STOPS:
        return Lacking(len(told.stops))
    begin = int(told.stops.at.min()) // HOUR * HOUR + _WARM
    length = (until - begin) * len(told.machines)
    instants = _looks(told, horizon, (begin, until, step_of(1, 0, length, _MOST_LOOKS)), blind)
    if len(instants) < _MOST_LOOKS // 2:
        # much of the time is unknown: the rest is looked at as often as if there were no more
        seen = (
            length
            * len(instants)
            // max(1, len(_looks(told, horizon, (begin, until, step_of(1, 0, length, _MOST_LOOKS)), None)))
        )
        instants = _looks(told, horizon, (begin, until, step_of(1, 0, seen, _MOST_LOOKS)), blind)
    came = outcomes(told.stops, instants, horizon, until)
    rows = np.flatnonzero(came.counts)
    instants, came = instants.take(rows), _taken(came, rows)
    if not came.stopped.any() or len(np.unique(instants.at)) < 2:
        return Lacking(int(came.stopped.sum()))
    matrix = features(told, instants)
    lesson = Lesson(instants, matrix, came.stopped, told.stops, horizon)
    scores = _judged(lesson)
    rule = min(scores, key=lambda name: scores[name])
    return Ground(
        horizon,
        until,
        rule,
        {name: BASELINES[name](lesson) for name in scores},
        scores,
        float(came.stopped.mean()),
        median(matrix),
        matrix.names,
        cases(instants, matrix, came),
        len(told.stops),
    )


def _looks(told: History, horizon: int, span: tuple[int, int, int], blind: Blind | None) -> Instants:
    instants = grid(len(told.machines), *span)
    return instants if blind is None else instants.take(~blind(instants, horizon))


def cut(history: History, until: int) -> History:
    """Return a past in which an open stop is as long as it was."""
    stops = history.stops
    return replace(history, stops=replace(stops, end=np.minimum(stops.end, until)))


def plain(history: History, until: int) -> History:
    """Return a past as rules and likeness see it: kinds told together, no spans, an open stop as long as it was."""
    stops = cut(history, until).stops
    return replace(
        history,
        stops=replace(stops, kind=np.zeros_like(stops.kind), kinds=("stop",)),
        alarms=_together(history.alarms),
        maintenance=_together(history.maintenance),
        work=no_spans(),
        measured=no_spans(),
        jobs=no_spans(),
        traits={},
    )


def median(matrix: Matrix) -> Floats:
    """Return the middle of each column, NaN where nothing is known."""
    middle = np.full(matrix.values.shape[1], np.nan)
    for place in range(len(middle)):
        known = matrix.values[np.isfinite(matrix.values[:, place]), place]
        if len(known):
            middle[place] = np.median(known)
    return middle


def _together(events: Events) -> Events:
    return replace(events, kind=np.zeros_like(events.kind), kinds=("any",) if len(events) else ())


def _judged(lesson: Lesson) -> dict[str, float]:
    """Return each rule's Brier score on the latest looks, learned from those before, a horizon apart."""
    at = lesson.instants.at
    cut = int(np.quantile(at, 1 - _JUDGED_SHARE))
    early, late = np.flatnonzero(at + lesson.horizon < cut), np.flatnonzero(at >= cut)
    if not len(early) or not len(late):
        # a past as short as that knows no more than its share
        return {"prevalence": brier(np.full(len(at), lesson.stopped.mean()), lesson.stopped)}
    before = Lesson(
        lesson.instants.take(early), lesson.matrix.take(early), lesson.stopped[early], lesson.stops, lesson.horizon
    )
    instants, matrix, came = lesson.instants.take(late), lesson.matrix.take(late), lesson.stopped[late]
    return {name: brier(learn(before).predict(instants, matrix), came) for name, learn in BASELINES.items()}


def _taken(came: Outcomes, rows: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Outcomes:
    return Outcomes(came.stopped[rows], came.minutes[rows], came.counts[rows])


def look(machine: int, at: int) -> Instants:
    """Return one look at one machine."""
    return Instants(np.array([machine], np.int32), np.array([at], np.int64))
