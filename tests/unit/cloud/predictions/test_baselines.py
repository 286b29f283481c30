"""Each rival says what its rule says, learned from the lesson alone."""

import numpy as np
import pytest

from cloud.predictions.baselines import BASELINES, Lesson, law_of
from cloud.predictions.features import Instants, features
from cloud.predictions.history import DAY, HOUR
from cloud.predictions.outcomes import grid, outcomes
from tests.unit.cloud.predictions.plant import BEGIN, plant

HISTORY = plant(machines=4, days=150)
HORIZON = 24 * HOUR
INSTANTS = grid(4, BEGIN + 14 * DAY, BEGIN + 149 * DAY, HOUR)
MATRIX = features(HISTORY, INSTANTS)
STOPPED = outcomes(HISTORY.stops, INSTANTS, HORIZON, BEGIN + 150 * DAY).stopped
LESSON = Lesson(INSTANTS, MATRIX, STOPPED, HISTORY.stops, HORIZON)


def said(name, instants=INSTANTS, matrix=MATRIX):
    return BASELINES[name](LESSON).predict(instants, matrix)


@pytest.mark.parametrize("name", BASELINES)
def test_a_rival_says_on_the_whole_what_came(name):
    assert said(name).mean() == pytest.approx(STOPPED.mean(), abs=0.04)


def test_prevalence_is_the_same_for_everybody():
    assert set(said("prevalence")) == {STOPPED.mean()}


def test_each_machine_has_its_own_rate_and_one_never_seen_that_of_all():
    rates = [said("machine_rate")[INSTANTS.machine == machine][0] for machine in range(4)]
    shares = [STOPPED[INSTANTS.machine == machine].mean() for machine in range(4)]
    assert rates == pytest.approx(shares, abs=0.01)
    stranger = Instants(np.array([9], np.int32), INSTANTS.at[:1])
    assert said("machine_rate", stranger, MATRIX.take(np.array([0])))[0] == STOPPED.mean()


def test_more_alarms_say_more():
    column = MATRIX.names.index("alarms_24h")
    alarms = MATRIX.values[:, column]
    answers = said("alarm_count")
    few, many = answers[alarms <= np.quantile(alarms, 0.2)], answers[alarms >= np.quantile(alarms, 0.95)]
    assert many.mean() > 1.2 * few.mean()


def test_the_law_of_stops_without_a_memory_has_none():
    law = law_of(LESSON)
    assert law.shape_lower < 1.1
    assert law.shape_upper > 0.9


def test_without_stops_the_law_steps_aside_for_the_share():
    alone = Lesson(INSTANTS, MATRIX, STOPPED, HISTORY.stops.take(np.arange(3)), HORIZON)
    answers = BASELINES["weibull_renewal"](alone).predict(INSTANTS, MATRIX)
    assert set(answers) == {STOPPED.mean()}
