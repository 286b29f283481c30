"""What an answer stands on."""

import numpy as np
import pytest

from cloud.predictions.features import features
from cloud.predictions.grounds import FEWEST_STOPS, Ground, Lacking, lay, look, median, plain
from cloud.predictions.history import DAY, HOUR, History, Stops, no_events, no_spans
from tests.unit.cloud.predictions.plant import BEGIN, plant

UNTIL = BEGIN + 100 * DAY
PAST = plant(seed=5, machines=4, days=120, late_share=0.3)


def laid(history) -> Ground:
    found = lay(history.as_known(UNTIL), 24 * HOUR, UNTIL)
    assert isinstance(found, Ground)
    return found


def test_the_rule_that_answers_is_the_best_on_the_latest_part_of_the_past():
    ground = laid(PAST)
    assert ground.scores[ground.rule] == min(ground.scores.values())
    assert set(ground.scores) == set(ground.baselines)
    assert ground.served_by("prevalence").baseline is ground.baselines["prevalence"]


def test_nothing_that_is_known_later_changes_what_is_learned():
    one, other = laid(PAST), laid(plant(seed=5, machines=4, days=120, late_share=0.3))
    later = plant(seed=6, machines=4, days=120)
    assert one.scores == other.scores
    assert one.scores != laid(later).scores
    look_at = look(0, UNTIL)
    matrix = features(plain(PAST.as_known(UNTIL), UNTIL), look_at)
    assert one.baseline.predict(look_at, matrix) == other.baseline.predict(look_at, matrix)
    # every look's horizon was over
    assert one.past.instants.at.max() + 24 * HOUR <= UNTIL


def test_of_few_stops_nothing_is_learned():
    few = PAST.as_known(BEGIN + 4 * DAY)
    assert len(few.stops) < FEWEST_STOPS
    assert lay(few, 24 * HOUR, BEGIN + 4 * DAY) == Lacking(len(few.stops))


def test_a_machine_of_few_stops_takes_minutes_from_all():
    ground = laid(PAST)
    minutes, came = ground.past.outcomes.minutes, ground.past.outcomes.stopped
    assert ground.mean_minutes(99) == pytest.approx(minutes[came].mean())
    assert np.array_equal(ground.minutes_of_stops(99), minutes[came])
    own = came & (ground.past.instants.machine == 0)
    assert np.array_equal(ground.minutes_of_stops(0), minutes[own])
    assert abs(ground.mean_minutes(0) - minutes[own].mean()) < abs(minutes[came].mean() - minutes[own].mean()) + 1e-9


def test_the_usual_look_leaves_out_what_is_not_known():
    matrix = features(plain(PAST, UNTIL), look(0, UNTIL))
    usual = median(matrix)
    known = np.isfinite(matrix.values[0])
    assert np.array_equal(usual[known], matrix.values[0][known].astype(float))
    assert np.isnan(usual[~known]).all()


def test_stops_of_one_hour_of_the_day_are_seen_as_often_as_they_come():
    # a hall of so many machines is looked at every eighth hour or so; at one that divides a day never, or always
    machines, days = 60, 49
    at = np.array([BEGIN + day * DAY + 3 * HOUR + HOUR // 2 for _ in range(machines) for day in range(days)])
    where = np.repeat(np.arange(machines, dtype=np.int32), days)
    none = no_events()
    stops = Stops(where, at, at, np.zeros(len(at), np.int16), ("stop",), at + HOUR // 4, at + HOUR // 4)
    past = History([f"M{each}" for each in range(machines)], stops, none, none, no_spans(), no_spans())
    ground = lay(past, HOUR, BEGIN + days * DAY)
    assert isinstance(ground, Ground)
    assert ground.share == pytest.approx(1 / 24, abs=0.01)
