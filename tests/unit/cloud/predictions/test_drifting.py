"""Whether the world is still the one that was learned."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from cloud.predictions.drifting import ALARM_BELOW, PSI_LIMIT, apart, concept, inputs, is_lasting, poisson_p, psi
from cloud.predictions.features import Matrix
from cloud.predictions.history import DAY, HOUR

RNG = np.random.default_rng(1)


@given(st.integers(0, 400), st.floats(0.01, 400))
def test_the_p_value_is_twice_the_smaller_tail_of_poissons_law(observed, expected):
    tails = stats.poisson.cdf(observed, expected), stats.poisson.sf(observed - 1, expected)
    assert poisson_p(observed, expected) == pytest.approx(min(1.0, 2 * min(tails)), abs=1e-9)


def test_where_nothing_was_expected_one_stop_is_an_alarm_and_none_is_not():
    assert poisson_p(0, 0.0) == 1.0
    assert poisson_p(1, 0.0) == 0.0


def test_a_distribution_is_no_distance_from_itself_and_a_shifted_one_is_another_population():
    reference = RNG.normal(0, 1, 4000)
    assert psi(reference, RNG.normal(0, 1, 2000)) < 0.05
    assert psi(reference, RNG.normal(1, 1, 2000)) > 0.25


def test_a_sensor_that_falls_silent_is_another_population():
    reference = RNG.normal(0, 1, 4000)
    silent = np.where(RNG.random(1000) < 0.5, np.nan, RNG.normal(0, 1, 1000))
    assert psi(reference, silent) > 0.25


def test_a_constant_feature_stays_the_same_and_a_new_value_of_it_is_seen():
    assert psi(np.zeros(500), np.zeros(500)) == pytest.approx(0.0, abs=1e-3)
    assert psi(np.zeros(500), np.ones(500)) > 0.25


def test_of_a_few_rows_nothing_is_said():
    assert math.isnan(psi(np.zeros(500), np.ones(20)))


@given(st.lists(st.floats(-1e6, 1e6), min_size=100, max_size=300), st.lists(st.floats(-1e6, 1e6), min_size=100))
def test_the_index_is_never_below_zero(reference, current):
    assert psi(np.array(reference), np.array(current)) >= 0


def test_one_block_is_no_drift_and_two_in_a_row_are():
    assert not is_lasting([0.5])
    assert not is_lasting([0.1, 0.5])
    assert not is_lasting([0.5, 0.5, 0.1])
    assert not is_lasting([0.5, math.nan])
    assert is_lasting([0.1, 0.3, 0.5])


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 1000)), max_size=60), st.integers(1, 300))
def test_windows_of_one_machine_never_overlap_and_none_that_fits_is_left_out(rows, horizon):
    machine = np.array([row[0] for row in rows], np.int32)
    at = np.array([row[1] for row in rows], np.int64)
    chosen = apart(machine, at, horizon)
    for each in set(machine.tolist()):
        own = np.sort(at[chosen][machine[chosen] == each])
        assert (np.diff(own) >= horizon).all()
        assert own[0] == at[machine == each].min()
        for moment in at[machine == each]:
            assert (np.abs(own - moment) < horizon).any()


def test_stops_that_come_twice_as_often_as_said_are_an_alarm_and_those_as_said_are_not():
    said = np.full(400, 0.1)
    as_said, doubled = np.zeros(400, bool), np.zeros(400, bool)
    as_said[:41], doubled[:80] = True, True
    assert not concept(said, as_said).is_alarm
    found = concept(said, doubled)
    assert found.is_alarm
    assert (found.windows, found.observed, found.expected) == (400, 80, pytest.approx(40.0))
    assert found.p_value < ALARM_BELOW


def looked_at(*columns, groups=("stops", "stops"), weeks=20):
    at = np.arange(weeks * 7 * 24, dtype=np.int64) * HOUR
    names = tuple(f"feature_{place}" for place in range(len(columns)))
    values = np.column_stack([column(at) for column in columns]).astype(np.float32)
    return inputs(Matrix(values, names, dict(zip(names, groups, strict=True))), at, weeks * 7 * DAY)


def noise(at):
    return RNG.normal(0, 1, len(at))


def moved(weeks):
    return lambda at: noise(at) + 3.0 * (at >= (20 - weeks) * 7 * DAY)


def test_a_feature_that_moved_two_weeks_ago_drifts_and_one_that_moved_last_week_not_yet():
    steady, two = looked_at(noise, moved(2))
    assert not steady.is_drift
    assert two.is_drift
    assert len(two.indices) == 2
    one, _ = looked_at(moved(1), noise)
    assert not one.is_drift
    assert one.indices[1] > PSI_LIMIT > one.indices[0]


def test_where_weeks_always_differed_another_that_does_is_no_drift():
    def moody(at):
        return np.repeat(RNG.normal(0, 2, 20), 7 * 24) + RNG.normal(0, 0.3, len(at))

    [found] = looked_at(moody, groups=("stops",))
    assert found.indices[-1] > PSI_LIMIT
    assert found.limit > PSI_LIMIT
    assert not found.is_drift


def test_the_calendar_does_not_drift_and_of_a_few_weeks_nothing_is_said():
    assert looked_at(moved(2), groups=("calendar",)) == []
    assert looked_at(noise, groups=("stops",), weeks=7) == []
