"""Owns the answer to "will this machine stop": probability, minutes, how sure, why, and what came of its like; pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cloud.predictions.features import Instants, Matrix
from cloud.predictions.grounds import Ground
from cloud.predictions.history import MINUTE, Floats, History
from cloud.predictions.reliability import wilson
from cloud.predictions.similar import nearest
from cloud.predictions.windows import Rows

# of every interval that is told
LEVEL = 0.9
SHOWN_CASES = 5
# a reason that moves the word by less is none
_WORTH_SAYING = 0.005

Predict = Callable[[Instants, Matrix], Floats]


@dataclass(frozen=True, slots=True)
class Reason:
    """What a group of features adds to the probability, beside a look at which it is as usual."""

    group: str
    effect: float


@dataclass(frozen=True, slots=True)
class Case:
    """A moment of the past that was like this one, and what came of it."""

    machine: int
    at: int
    stopped: bool
    minutes: float


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said of a machine.

    Attributes:
        probability: Of an unplanned stop within the horizon.
        lower, upper: Between what it lies at `LEVEL`, as sure as so many similar cases make it.
        minutes: Of unplanned stop expected within the horizon.
        minutes_lower, minutes_upper: Between what they will lie, at `LEVEL`.
        rule: What the best simple rule says.
        reasons: The strongest first.
        alike, alike_stopped: How many similar cases were looked at, and after how many a stop came.
        cases: The most similar of them.
        is_down: It stands unplanned right now.
    """

    probability: float
    lower: float
    upper: float
    minutes: float
    minutes_lower: float
    minutes_upper: float
    rule: float
    reasons: Sequence[Reason]
    alike: int
    alike_stopped: int
    cases: Sequence[Case]
    is_down: bool

    @property
    def confidence(self) -> float:
        """How sure it is of yes or no: the greater of both chances."""
        return max(self.probability, 1 - self.probability)


@dataclass(frozen=True, slots=True)
class Asked:
    """One look, as the rules see it and as a model does.

    Attributes:
        instants: The look.
        plain: Its features for rules and likeness.
        predict: Who serves; None where the rule does.
        full: Its features for that model.
        usual: The model's median look.
        lasts: What says how many minutes it stands if it stops; None where the machine's mean does.
    """

    instants: Instants
    plain: Matrix
    predict: Predict | None = None
    full: Matrix | None = None
    usual: Floats | None = None
    lasts: Callable[[NDArray[np.float32]], Floats] | None = None


def answer(ground: Ground, asked: Asked, history: History) -> Answer:
    """Return what is said of the one look that is asked about."""
    machine, at = int(asked.instants.machine[0]), int(asked.instants.at[0])
    rule = float(ground.baseline.predict(asked.instants, asked.plain)[0])
    if asked.predict is None or asked.full is None or asked.usual is None:
        said, reasons = _explained(ground.baseline.predict, asked.instants, asked.plain, ground.usual)
        reasons += [Reason("machine", rule - ground.share)] if ground.rule == "machine_rate" else []
    else:
        said, reasons = _explained(asked.predict, asked.instants, asked.full, asked.usual)
    places = nearest(ground.past, asked.plain, 0, machine)
    came = ground.past.outcomes
    lower, upper = wilson(said * len(places), len(places))
    mean, of_stops = ground.mean_minutes(machine), ground.minutes_of_stops(machine)
    lasts = mean if asked.lasts is None or asked.full is None else float(asked.lasts(asked.full.values)[0])
    # longer or shorter ones than usual differ from each other as the usual ones do
    low, high = minutes_between(said, of_stops * (lasts / mean) if mean > 0 else of_stops)
    return Answer(
        said,
        min(lower, said),
        max(upper, said),
        said * lasts,
        low,
        high,
        rule,
        sorted((each for each in reasons if abs(each.effect) >= _WORTH_SAYING), key=lambda each: -abs(each.effect)),
        len(places),
        int(came.stopped[places].sum()),
        _cases(ground, places[:SHOWN_CASES]),
        _is_down(history, machine, at),
    )


def minutes_between(probability: float, minutes: Floats) -> tuple[float, float]:
    """Return between what the minutes stopped will lie: none with the one chance, and with the other as they were."""
    tail = (1 - LEVEL) / 2

    def quantile(level: float) -> float:
        over = level - (1 - probability)
        if over <= 0 or not len(minutes):
            return 0.0
        return float(np.quantile(minutes, min(1.0, over / probability)))

    return quantile(tail), quantile(1 - tail)


def replaced(matrix: Matrix, usual: Floats) -> Mapping[str, Matrix]:
    """Return by group the look as it would be, were the group as usual."""
    groups = sorted(set(matrix.groups.values()))
    found = {}
    for group in groups:
        values = matrix.values.copy()
        own = [place for place, name in enumerate(matrix.names) if matrix.groups[name] == group]
        values[:, own] = usual[own]
        found[group] = Matrix(values, matrix.names, matrix.groups)
    return found


def _explained(predict: Predict, instants: Instants, matrix: Matrix, usual: Floats) -> tuple[float, list[Reason]]:
    """Return what is said of the one look, and why."""
    others = replaced(matrix, usual)
    # asked at once: most of what a question costs a model is that it is asked
    rows = np.concatenate([matrix.values, *(each.values for each in others.values())])
    looks = instants.take(np.zeros(len(rows), np.int64))
    said, *without = predict(looks, Matrix(rows, matrix.names, matrix.groups)).tolist()
    return said, [Reason(group, said - each) for group, each in zip(others, without, strict=True)]


def _cases(ground: Ground, places: Rows) -> list[Case]:
    past = ground.past
    return [
        Case(
            int(past.instants.machine[place]),
            int(past.instants.at[place]),
            bool(past.outcomes.stopped[place]),
            float(past.outcomes.minutes[place]),
        )
        for place in places.tolist()
    ]


def _is_down(history: History, machine: int, at: int) -> bool:
    stops = history.stops
    # within the minute it may have ended already
    return bool(((stops.machine == machine) & (stops.at <= at) & (stops.end > at + MINUTE)).any())
