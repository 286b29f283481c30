"""Owns how a model of unplanned stops is learned, judged, and promoted or set aside; pure but for its progress.

Random trials are judged on a later window; calibration is kept only where it helps on rows it has not seen; the test is
the latest window, looked at once. A model that is not surely better than the best simple rival does not serve: the
rival does, and says so.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cloud.languages import Message
from cloud.predictions import messages, minutes, scoring, splitting
from cloud.predictions.baselines import BASELINES, Baseline, Lesson
from cloud.predictions.calibration import Calibration, calibrated
from cloud.predictions.features import Instants, Matrix
from cloud.predictions.history import Floats, Stops
from cloud.predictions.importance import Importance, importances
from cloud.predictions.minutes import MinutesScore
from cloud.predictions.models import Both, Parameters, algorithm, fitted, lasting, minutes_if, probability
from cloud.predictions.outcomes import Outcomes
from cloud.predictions.scoring import Flags, Interval, Score
from cloud.predictions.splitting import Cuts, Split

# fewer tell nothing of a share of some percent
FEWEST_STOPS = 30
_TRIAL_ROWS, _JUDGED_ROWS, _FIT_ROWS = 10_000, 20_000, 100_000
# each is asked about some forty times
_PERMUTED_ROWS = 4_000
_LASTING_ROWS = 10_000


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be learned.

    Attributes:
        instants, matrix, outcomes: Row by row.
        stops: The plant's.
        horizon: Microseconds.
        cuts: Where validation and test begin.
    """

    instants: Instants
    matrix: Matrix
    outcomes: Outcomes
    stops: Stops
    horizon: int
    cuts: Cuts


@dataclass(frozen=True, slots=True)
class Plan:
    """How it is learned.

    Attributes:
        algorithm: Which of `models.ALGORITHMS`.
        trials: How many draws of parameters are tried; 0 takes the usual ones.
        parameters: Fixed by the caller, never tuned.
        seed: The same seed learns the same.
    """

    algorithm: str = "hist_gradient_boosting"
    trials: int = 20
    parameters: Parameters = field(default_factory=dict)
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Learned:
    """A model and all that is known of it.

    Attributes:
        pipeline: The trained one; also with what says how long stops last, where that is surely better than each
            machine's mean.
        calibration: What its word is passed through.
        names: The features it expects, in their order.
        parameters: Those it was trained with.
        scores: On the test window: of the model, calibrated, and of each rival.
        minutes: The same of the minutes that each expects.
        minutes_gain: Where a stop came, by which share the deviance of its minutes is smaller by what the model says of
            how long stops last than by each machine's mean; with its interval over machines.
        best_rival: Name of the best of them.
        gain: Brier gain over that rival, with its interval over machines.
        skill_over_machine_rate: Brier skill over each machine's own rate.
        rival: The best one, learned: what serves where the model does not.
        rows: Learned from, by window.
        leans_on: What each group of features is worth on the test window, the greatest first.
    """

    pipeline: Any
    calibration: Calibration
    names: tuple[str, ...]
    parameters: Parameters
    scores: Mapping[str, Score]
    minutes: Mapping[str, MinutesScore]
    minutes_gain: Interval
    best_rival: str
    gain: Interval
    skill_over_machine_rate: float
    rival: Baseline
    rows: Mapping[str, int]
    leans_on: Sequence[Importance]

    @property
    def may_serve(self) -> bool:
        """Whether it is surely better than the best rival."""
        return self.gain.excludes_zero

    def predict(self, matrix: Matrix) -> Floats:
        """Return the model's probability a row, whether or not it may serve."""
        if matrix.names != self.names:
            raise ValueError("the features are not those the model was trained with")
        return self.calibration.apply(probability(self.pipeline, matrix.values))


@dataclass(frozen=True, slots=True)
class TooLittle:
    """There is too little to learn from; `reason` says what is lacking, a fact of `INSUFFICIENT_DATA`."""

    reason: Message


Tell = Callable[[float, str], None]


def train(task: Task, plan: Plan, tell: Tell = lambda *_: None) -> Learned | TooLittle:
    """Learn, judge, and say what may serve.

    Args:
        task: What.
        plan: How.
        tell: Hears of progress, a share from 0 to 1 and a word; may raise to end it.

    Raises:
        Invalid: There is no such algorithm.
    """
    way = algorithm(plan.algorithm)
    parts = splitting.split(task.instants, task.outcomes.counts, task.cuts, task.horizon)
    lacking = _lacking(task, parts)
    if lacking is not None:
        return TooLittle(lacking)
    came = task.outcomes.stopped
    rivals = _rivals(task, parts)
    tell(0.1, "tuning")
    parameters = _tuned(task, parts, plan, tell) if plan.trials else {**way.usual, **plan.parameters}
    tell(0.6, "calibrating")
    rows = splitting.thinned(parts.train, _FIT_ROWS // 2)
    draft = fitted(way.build(parameters, plan.seed), task.matrix.values[rows], came[rows])
    judged = splitting.thinned(parts.validation, _JUDGED_ROWS)
    word = probability(draft, task.matrix.values[judged])
    calibration = calibrated(word, came[judged], task.instants.at[judged], task.horizon)
    tell(0.75, "fitting")
    rows = splitting.thinned(parts.before_test, _FIT_ROWS)
    pipeline = fitted(way.build(parameters, plan.seed), task.matrix.values[rows], came[rows])
    tell(0.95, "testing")
    return _judged(task, parts, rivals, (pipeline, _lasting(task, parts, plan.seed)), calibration, parameters)


def _lasting(task: Task, parts: Split, seed: int) -> Any:
    """Return what says how long stops last, learned before the test; None where there is nothing to learn of it."""
    rows, known = parts.before_test, task.outcomes
    rows = rows[known.stopped[rows] & (known.minutes[rows] > 0)]
    if len(rows) < FEWEST_STOPS:
        return None
    rows = splitting.thinned(rows, _LASTING_ROWS)
    return lasting(task.matrix.values[rows], known.minutes[rows], seed)


def _lacking(task: Task, parts: Split) -> Message | None:
    for name, rows in (("train", parts.train), ("validation", parts.validation), ("test", parts.test)):
        window = messages.WINDOWS[name]
        machines = task.instants.machine[rows]
        begins = _stops_in(task, rows)
        if begins < FEWEST_STOPS:
            return messages.LACKS_STOPS.of(window=window, stops=begins, needed=FEWEST_STOPS)
        # of looks that all end alike nothing is learned, and no two of them can be told apart
        came = task.outcomes.stopped[splitting.thinned(rows, _TRIAL_ROWS)]
        if came.all():
            return messages.ALL_STOPPED.of(window=window)
        if not came.any():
            return messages.HARDLY_STOPPED.of(window=window)
        if len(np.unique(machines)) < 2:
            return messages.ONE_MACHINE.of(window=window)
    return None


def _stops_in(task: Task, rows: NDArray[np.int64]) -> int:
    if not len(rows):
        return 0
    at, own = task.instants.at[rows], np.isin(task.stops.machine, task.instants.machine[rows])
    return int(np.count_nonzero(own & (task.stops.at > at.min()) & (task.stops.at <= at.max() + task.horizon)))


def _rivals(task: Task, parts: Split) -> dict[str, Baseline]:
    rows = parts.before_test
    lesson = Lesson(
        task.instants.take(rows), task.matrix.take(rows), task.outcomes.stopped[rows], task.stops, task.horizon
    )
    return {name: learn(lesson) for name, learn in BASELINES.items()}


def _tuned(task: Task, parts: Split, plan: Plan, tell: Tell) -> Parameters:
    """Return the parameters that did best on the validation window; the usual ones are among those tried."""
    way, rng = algorithm(plan.algorithm), np.random.default_rng(plan.seed)
    rows = splitting.thinned(parts.train, _TRIAL_ROWS)
    judged = splitting.thinned(parts.validation, _TRIAL_ROWS)
    values, came = task.matrix.values, task.outcomes.stopped
    best: tuple[float, Parameters] | None = None
    for number in range(plan.trials):
        drawn = {**(way.draw(rng) if number else way.usual), **plan.parameters}
        model = fitted(way.build(drawn, plan.seed), values[rows], came[rows])
        error = float(np.mean((probability(model, values[judged]) - came[judged]) ** 2))
        if best is None or error < best[0]:
            best = error, drawn
        tell(0.1 + 0.5 * (number + 1) / plan.trials, "tuning")
    assert best is not None  # noqa: S101 - one was tried at least
    return best[1]


def _judged(
    task: Task,
    parts: Split,
    rivals: Mapping[str, Baseline],
    trained: tuple[Any, Any],
    calibration: Calibration,
    parameters: Parameters,
) -> Learned:
    pipeline, lasts_model = trained
    rows = parts.test
    instants, matrix, came = task.instants.take(rows), task.matrix.take(rows), task.outcomes.stopped[rows]
    said = calibration.apply(probability(pipeline, matrix.values))
    answers = {name: rival.predict(instants, matrix) for name, rival in rivals.items()}
    scores = {name: scoring.score(answer, came) for name, answer in answers.items()}
    best = min(scores, key=lambda name: scores[name].brier)
    # what a stop costs is learned before the test, too
    before, known = parts.before_test, task.outcomes
    means = minutes.learned(known.stopped[before], known.minutes[before], task.instants.machine[before])
    lasts = means.of(instants.machine)
    minutes_gain, own = Interval(0.0, 0.0, 0.0), lasts
    if lasts_model is not None:
        both = Both(pipeline, lasts_model)
        mine = minutes_if(both, matrix.values)
        assert mine is not None  # noqa: S101 - it has one
        minutes_gain = _minutes_gain((mine[came], lasts[came]), known.minutes[rows][came], instants.machine[came])
        if minutes_gain.excludes_zero:
            pipeline, own = both, mine
    return Learned(
        pipeline=pipeline,
        calibration=calibration,
        names=task.matrix.names,
        parameters=parameters,
        scores={"model": scoring.score(said, came), **scores},
        minutes={
            "model": minutes.score(said * own, known.minutes[rows]),
            **{name: minutes.score(word * lasts, known.minutes[rows]) for name, word in answers.items()},
        },
        minutes_gain=minutes_gain,
        best_rival=best,
        gain=scoring.gain(said, answers[best], came, instants.machine),
        skill_over_machine_rate=scoring.skill(said, answers["machine_rate"], came),
        rival=rivals[best],
        rows={"train": len(parts.train), "validation": len(parts.validation), "test": len(parts.test)},
        leans_on=_leans_on(task, parts, pipeline, calibration),
    )


def _minutes_gain(expected: tuple[Floats, Floats], came: Floats, machine: NDArray[np.int32]) -> Interval:
    """Return by which share of the second one's deviance the first one's is smaller."""
    mine, theirs = (minutes.deviances(each, came) for each in expected)
    total = float(theirs.mean()) if len(came) else 0.0
    return scoring.over_machines((theirs - mine) / total, machine) if total > 0 else Interval(0.0, 0.0, 0.0)


def _leans_on(task: Task, parts: Split, pipeline: Any, calibration: Calibration) -> list[Importance]:
    rows = splitting.thinned(parts.test, _PERMUTED_ROWS)
    return importances(
        lambda values: calibration.apply(probability(pipeline, values)),
        task.matrix.take(rows),
        task.outcomes.stopped[rows],
        task.instants.machine[rows],
    )


def shuffled(came: Flags, seed: int = 0) -> Flags:
    """Return outcomes in an order of chance: what a model learns of them must not be promoted."""
    return np.random.default_rng(seed).permutation(came)
