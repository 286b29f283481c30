"""How good stored predictions turned out to be."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.predictions.history import DAY, HOUR
from cloud.predictions.reliability import (
    against,
    alarms_per_machine_month,
    brier,
    coverage,
    expected_calibration_error,
    is_mature,
    reliability,
    wilson,
)

RNG = np.random.default_rng(2)
SAID = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=200)


def columns(rows):
    return np.array([row[0] for row in rows]), np.array([row[1] for row in rows], bool)


@given(SAID)
def test_the_table_holds_every_prediction_once_and_its_error_is_a_share(rows):
    said, came = columns(rows)
    bins = reliability(said, came)
    assert sum(each.rows for each in bins) == len(rows)
    assert sum(each.rows * each.came for each in bins) == pytest.approx(came.sum())
    for each in bins:
        assert each.lower - 1e-9 <= each.said <= each.upper + 1e-9
        assert each.came_lower - 1e-9 <= each.came <= each.came_upper + 1e-9
    assert 0 <= expected_calibration_error(bins) <= 1


@given(SAID)
def test_the_brier_score_lies_between_a_perfect_word_and_a_wrong_one(rows):
    said, came = columns(rows)
    assert 0 <= brier(said, came) <= 1
    assert brier(came.astype(float), came) == 0
    assert brier(1 - came.astype(float), came) == 1


def test_words_that_come_true_as_often_as_they_say_have_no_calibration_error():
    said = RNG.uniform(0, 1, 40_000)
    came = RNG.random(40_000) < said
    assert expected_calibration_error(reliability(said, came)) < 0.01
    assert expected_calibration_error(reliability(said, RNG.random(40_000) < said / 2)) > 0.2
    assert math.isnan(expected_calibration_error([]))


@given(st.integers(0, 200), st.integers(0, 200))
def test_a_share_lies_within_its_bounds_and_more_rows_narrow_them(hits, more):
    rows = hits + more
    lower, upper = wilson(hits, rows)
    assert 0 <= lower <= upper <= 1
    if rows:
        assert lower - 1e-9 <= hits / rows <= upper + 1e-9
        wide, narrow = wilson(hits, rows), wilson(hits * 10, rows * 10)
        assert narrow[1] - narrow[0] <= wide[1] - wide[0] + 1e-9


def test_an_outcome_counts_once_the_horizon_and_the_time_for_late_records_are_over():
    at, horizon = np.array([0, 0, 0]), np.array([24 * HOUR] * 3)
    assert is_mature(at, horizon, 24 * HOUR + 3 * DAY, 3 * DAY).all()
    assert not is_mature(at, horizon, 24 * HOUR + 3 * DAY - 1, 3 * DAY).any()


def test_coverage_counts_minutes_within_their_bounds_and_leaves_out_words_without_any():
    minutes = np.array([0.0, 5.0, 50.0, 7.0])
    lower, upper = np.array([0.0, 6.0, 0.0, np.nan]), np.array([0.0, 9.0, 60.0, np.nan])
    assert coverage(minutes, lower, upper) == pytest.approx(2 / 3)
    assert math.isnan(coverage(minutes[3:], lower[3:], upper[3:]))


def test_a_word_that_stays_high_is_one_alarm_and_machines_are_watched_apart():
    at = np.tile(np.arange(31) * DAY, 2)
    machine = np.repeat(np.array([0, 1], np.int32), 31)
    said = np.zeros(62)
    said[3:6] = said[10] = 0.9  # two on the first machine
    said[31 + 20] = 0.5  # exactly at the threshold
    assert alarms_per_machine_month(said, machine, at, 0.5) == pytest.approx(3 / 2)
    shuffled = RNG.permutation(62)
    assert alarms_per_machine_month(said[shuffled], machine[shuffled], at[shuffled], 0.5) == pytest.approx(3 / 2)
    assert math.isnan(alarms_per_machine_month(said[:1], machine[:1], at[:1], 0.5))


def test_a_challenger_is_better_only_where_chance_over_machines_does_not_explain_it():
    machine = np.repeat(np.arange(10, dtype=np.int32), 200)
    truth = np.repeat(np.linspace(0.05, 0.6, 10), 200)
    came = RNG.random(2000) < truth
    found = against(truth, np.full(2000, came.mean()), came, machine)
    assert found is not None
    assert found.excludes_zero
    same = against(truth, truth, came, machine)
    assert same is not None
    assert not same.excludes_zero
    assert against(truth[:5], truth[:5], came[:5], machine[:5]) is None
