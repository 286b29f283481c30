"""The answer to whether a machine will stop."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.predictions.answering import LEVEL, Asked, answer, minutes_between, replaced
from cloud.predictions.features import features
from cloud.predictions.grounds import Ground, lay, look, plain
from cloud.predictions.history import DAY, HOUR, MINUTE
from tests.unit.cloud.predictions.plant import BEGIN, plant

UNTIL = BEGIN + 110 * DAY
PAST = plant(seed=5, machines=4, days=120).as_known(UNTIL)


@pytest.fixture(scope="module")
def ground() -> Ground:
    found = lay(PAST, 24 * HOUR, UNTIL)
    assert isinstance(found, Ground)
    return found


def seen(machine: int, at: int = UNTIL):
    return features(plain(PAST, UNTIL), look(machine, at))


@pytest.mark.parametrize("rule", ["prevalence", "machine_rate", "since_last_stop", "weibull_renewal", "alarm_count"])
def test_whichever_rule_answers_its_word_lies_in_its_interval_and_is_the_baselines(ground, rule):
    found = answer(ground.served_by(rule), Asked(look(1, UNTIL), seen(1)), PAST)
    assert 0 <= found.lower <= found.probability <= found.upper <= 1
    assert found.rule == found.probability
    assert found.confidence >= 0.5
    assert found.minutes_lower <= found.minutes <= found.minutes_upper


def test_a_rule_that_looks_at_one_thing_names_that_and_no_other(ground):
    found = answer(ground.served_by("machine_rate"), Asked(look(0, UNTIL), seen(0)), PAST)
    assert {each.group for each in found.reasons} <= {"machine"}
    since = answer(ground.served_by("since_last_stop"), Asked(look(0, UNTIL), seen(0)), PAST)
    assert {each.group for each in since.reasons} <= {"stops"}
    assert not answer(ground.served_by("prevalence"), Asked(look(0, UNTIL), seen(0)), PAST).reasons


def test_a_model_answers_in_the_rules_place_and_its_reasons_are_the_models(ground):
    matrix = seen(2)
    place = matrix.names.index("alarms_24h")

    def predict(_, asked):
        return 0.2 + 0.1 * np.minimum(asked.values[:, place], 5)

    matrix.values[0, place] = 4
    usual = np.zeros(len(matrix.names))
    found = answer(ground, Asked(look(2, UNTIL), matrix, predict, matrix, usual), PAST)
    assert found.probability == pytest.approx(0.6)
    assert [each.group for each in found.reasons] == ["alarms"]
    assert found.reasons[0].effect == pytest.approx(0.4)
    assert found.rule != found.probability


def test_a_model_that_says_how_long_stops_last_speaks_of_minutes_in_the_means_place(ground):
    matrix = seen(2)
    usual = np.zeros(len(matrix.names))
    asked = Asked(look(2, UNTIL), matrix, lambda _, full: np.full(len(full.values), 0.5), matrix, usual)
    bare = answer(ground, asked, PAST)
    assert bare.minutes == pytest.approx(0.5 * ground.mean_minutes(2))
    told = answer(ground, replace(asked, lasts=lambda values: np.full(len(values), 3 * ground.mean_minutes(2))), PAST)
    assert told.minutes == pytest.approx(3 * bare.minutes)
    assert (told.minutes_lower, told.minutes_upper) == pytest.approx((3 * bare.minutes_lower, 3 * bare.minutes_upper))
    assert (told.probability, told.reasons) == (bare.probability, bare.reasons)


def test_each_group_is_replaced_by_itself(ground):
    matrix = seen(0)
    for group, other in replaced(matrix, np.full(len(matrix.names), -1.0)).items():
        for place, name in enumerate(matrix.names):
            same = np.array_equal(other.values[:, place], matrix.values[:, place], equal_nan=True)
            assert same == (matrix.groups[name] != group)


def test_similar_cases_were_over_and_are_one_a_machine_and_day(ground):
    found = answer(ground, Asked(look(3, UNTIL), seen(3)), PAST)
    assert 0 <= found.alike_stopped <= found.alike
    assert all(each.at + 24 * HOUR <= UNTIL for each in found.cases)
    assert len({(each.machine, each.at // DAY) for each in found.cases}) == len(found.cases)


def test_a_machine_that_stands_is_told_to_stand(ground):
    stops = PAST.stops
    during = int(stops.at[0]) + MINUTE
    assert answer(ground, Asked(look(int(stops.machine[0]), during), seen(int(stops.machine[0]), during)), PAST).is_down


@given(st.floats(0, 1), st.lists(st.floats(0, 1000), max_size=50))
def test_minutes_are_none_where_a_stop_is_unlikely_and_within_what_was_where_it_is_sure(probability, minutes):
    low, high = minutes_between(probability, np.array(minutes))
    assert 0 <= low <= high <= max(minutes, default=0)
    if probability <= (1 - LEVEL) / 2:
        assert high == 0


def test_nine_of_ten_outcomes_lie_between_the_bounds():
    rng = np.random.default_rng(9)
    minutes = rng.gamma(2, 30, 5000)
    came = rng.random(20_000) < 0.4
    drawn = np.where(came, rng.choice(minutes, 20_000), 0)
    low, high = minutes_between(0.4, minutes)
    assert 0.93 < ((drawn >= low) & (drawn <= high)).mean() < 0.97  # no minutes fill the whole lower tail
