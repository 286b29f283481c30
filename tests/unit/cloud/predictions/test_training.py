"""A model serves where it is surely better than every simple rival, and nowhere else."""

from dataclasses import replace

import numpy as np
import pytest

from cloud.errors import Invalid
from cloud.predictions import training
from cloud.predictions.baselines import BASELINES
from cloud.predictions.features import Matrix, features
from cloud.predictions.history import DAY, HOUR, MINUTE
from cloud.predictions.models import ALGORITHMS, minutes_if
from cloud.predictions.outcomes import grid, outcomes
from cloud.predictions.splitting import cuts
from cloud.predictions.training import Plan, Task, TooLittle, train
from tests.unit.cloud.predictions.plant import BEGIN, plant

HORIZON = 12 * HOUR
QUICK = Plan(trials=2, parameters={"max_iter": 40})


def task(history, days=120):
    instants = grid(len(history.machines), BEGIN + 14 * DAY, BEGIN + days * DAY, 2 * HOUR)
    found = outcomes(history.stops, instants, HORIZON, BEGIN + days * DAY)
    return Task(instants, features(history, instants), found, history.stops, HORIZON, cuts(instants, 0.2))


@pytest.fixture(scope="module")
def learnable():
    return task(plant())


def test_what_alarms_foretell_is_learned_judged_and_may_serve(learnable):
    told = []
    found = train(learnable, QUICK, lambda share, step: told.append((share, step)))
    assert found.may_serve
    assert found.gain.lower > 0
    assert found.scores["model"].brier < min(found.scores[name].brier for name in BASELINES)
    assert found.best_rival == min(BASELINES, key=lambda name: found.scores[name].brier)
    share = found.scores["prevalence"].prevalence
    assert found.scores["prevalence"].brier == pytest.approx(share * (1 - share), rel=0.1)
    assert set(found.scores) == set(found.minutes) == {"model", *BASELINES}
    assert found.minutes["model"].deviance < found.minutes["prevalence"].deviance
    assert abs(found.minutes["model"].bias) < 0.5
    assert found.minutes["model"].lift > 1.2
    assert [share for share, _ in told] == sorted(share for share, _ in told)
    said = found.predict(learnable.matrix)
    assert said.shape == (len(learnable.instants),)
    assert 0 <= said.min() <= said.max() <= 1


def test_how_long_stops_last_is_said_by_a_model_only_where_it_surely_knows(learnable):
    # of chance: each machine's mean is as good
    found = train(learnable, QUICK)
    assert not found.minutes_gain.excludes_zero
    assert minutes_if(found.pipeline, learnable.matrix.values[:1]) is None
    # from Thursday to Saturday a stop lasts thirty times as long: whoever looks at the calendar knows
    stops = learnable.stops
    length = np.where(stops.at // DAY % 7 < 3, 300, 10) * MINUTE
    plants = plant()
    longer = replace(plants, stops=replace(stops, end=stops.at + length, end_known=stops.known + length))
    known = task(longer)
    found = train(known, QUICK)
    assert found.minutes_gain.excludes_zero
    assert found.minutes_gain.lower > 0.02
    weekday = known.matrix.values[:, known.matrix.names.index("local_weekday")]
    said = minutes_if(found.pipeline, known.matrix.values)
    assert said[weekday == 4].mean() > 5 * said[weekday == 0].mean()
    assert abs(found.minutes["model"].bias) < 0.5
    assert 0 <= found.predict(known.matrix).min() <= found.predict(known.matrix).max() <= 1


def test_one_seed_learns_the_same(learnable):
    plan = Plan(trials=2, parameters={"max_iter": 5})
    first, second = train(learnable, plan), train(learnable, plan)
    assert first.scores == second.scores
    assert first.parameters == second.parameters


def test_outcomes_of_chance_are_not_promoted(learnable):
    chance = replace(learnable.outcomes, stopped=training.shuffled(learnable.outcomes.stopped))
    assert not train(replace(learnable, outcomes=chance), QUICK).may_serve


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_column_of_which_nothing_is_known_is_left_unused(learnable, algorithm):
    names, groups = (*learnable.matrix.names, "sensor"), {**learnable.matrix.groups, "sensor": "telemetry"}
    silent, speaking = (np.full((len(learnable.instants), 1), value, np.float32) for value in (np.nan, 7))
    matrix = Matrix(np.concatenate([learnable.matrix.values, silent], axis=1), names, groups)
    found = train(replace(learnable, matrix=matrix), Plan(algorithm, trials=0, parameters={"max_iter": 5, "trees": 5}))
    # what begins to speak after it was trained moves nothing
    later = replace(matrix, values=np.concatenate([learnable.matrix.values, speaking], axis=1))
    assert np.array_equal(found.predict(matrix), found.predict(later))


def test_the_simple_model_can_be_asked_for(learnable):
    assert train(learnable, Plan("logistic_regression", trials=0)).may_serve


def test_an_unknown_algorithm_is_named_with_those_there_are(learnable):
    with pytest.raises(Invalid, match="hist_gradient_boosting"):
        train(learnable, Plan("oracle"))


def test_too_few_stops_are_said_and_nothing_is_trained():
    found = train(task(plant(machines=2, days=20), days=20), QUICK)
    assert isinstance(found, TooLittle)
    assert "unplanned stops" in found.reason.en


@pytest.mark.parametrize(("value", "named"), [(True, "a shorter horizon"), (False, "a longer horizon")])
def test_looks_that_all_end_alike_teach_nothing_and_what_to_ask_for_is_said(learnable, value, named):
    alike = replace(learnable.outcomes, stopped=np.full(len(learnable.instants), value))
    found = train(replace(learnable, outcomes=alike), QUICK)
    assert isinstance(found, TooLittle)
    assert named in found.reason.en


def test_stops_of_machines_that_are_not_learned_from_do_not_count(learnable):
    quiet = replace(learnable.stops, machine=learnable.stops.machine + 50)
    found = train(replace(learnable, stops=quiet), QUICK)
    assert isinstance(found, TooLittle)
    assert "has 0 unplanned stops, 30 are needed" in found.reason.en
    assert "plansız duruş sayısı 0, en az 30 gerekir" in found.reason.tr


def test_one_machine_cannot_tell_chance_from_skill():
    found = train(task(plant(machines=1, days=400), days=400), QUICK)
    assert isinstance(found, TooLittle)
    assert "one machine" in found.reason.en


def test_other_features_than_those_learned_from_are_refused(learnable):
    found = train(learnable, Plan("logistic_regression", trials=0))
    with pytest.raises(ValueError, match="features"):
        found.predict(replace(learnable.matrix, names=("other",)))


def test_rivals_answer_with_probabilities(learnable):
    found = train(learnable, Plan("logistic_regression", trials=0))
    said = found.rival.predict(learnable.instants, learnable.matrix)
    assert np.all((said >= 0) & (said <= 1))
