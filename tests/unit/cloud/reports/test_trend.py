"""What a series says, and what it does not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.reports.trend import changes, level, slope

DAYS = list(range(60))


def noise(seed: int, count: int = 60) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 1, count)


def test_a_level_is_not_moved_by_a_wild_point():
    found = level([10.0, 11.0, 9.0, 10.0, 1000.0])
    assert (found.median, found.points) == (10.0, 5)
    assert found.spread == pytest.approx(1.4826)
    assert level([]) is None


def test_a_straight_line_has_its_slope_without_any_doubt():
    found = slope(DAYS, [3 + 0.5 * day for day in DAYS])
    assert (found.value, found.low, found.high) == (0.5, 0.5, 0.5)
    assert found.p < 1e-9
    assert found.is_clear


def test_a_slope_in_noise_lies_in_its_interval_and_a_tenth_of_wild_points_does_not_move_it():
    values = 0.2 * np.asarray(DAYS) + noise(1)
    values[::10] = 500
    found = slope(DAYS, list(values))
    assert found.low < 0.2 < found.high
    assert found.value == pytest.approx(0.2, abs=0.05)


def test_the_interval_holds_as_often_as_it_says():
    # of 400 series without a trend, 5 % may show one: 20, and 40 would be four deviations more
    told = sum(slope(DAYS, list(noise(seed))).is_clear for seed in range(400))
    assert 4 <= told <= 40


def test_the_published_example_of_sen_kind():
    # Gilbert, Statistical Methods for Environmental Pollution Monitoring (1987), 17.3.2: slopes 2, 2.33, 4, 3.5, ...
    found = slope([1, 2, 3, 4, 5], [10, 15, 14, 20, 22])
    by_hand = sorted([5, 2, 10 / 3, 3, -1, 2.5, 7 / 3, 6, 4, 2])
    assert found.value == pytest.approx((by_hand[4] + by_hand[5]) / 2)


def test_few_points_and_equal_points_tell_no_trend():
    assert slope([1, 2, 3], [1, 2, 3]) is None
    flat = slope(DAYS, [7.0] * 60)
    assert (flat.value, flat.p, flat.is_clear) == (0.0, 1.0, False)


def test_a_step_is_found_where_it_is():
    values = list(noise(2, 30)) + list(4 + noise(3, 30))
    [found] = changes(values)
    assert found.at == pytest.approx(30, abs=1)
    assert found.before == pytest.approx(0, abs=0.6)
    assert found.after == pytest.approx(4, abs=0.6)
    assert found.p < 0.001


def test_two_steps_are_two_changes():
    values = [*noise(2, 30), *(5 + noise(3, 30)), *(10 + noise(4, 30))]
    assert [round(each.at, -1) for each in changes(values)] == [30, 60]


def test_where_nothing_changed_hardly_ever_a_change_is_told():
    told = sum(bool(changes(list(noise(seed)))) for seed in range(300))
    assert told <= 9


@given(st.lists(st.floats(-1e6, 1e6), max_size=60))
def test_whatever_comes_the_changes_are_in_order_and_inside(values):
    places = [each.at for each in changes(values)]
    assert places == sorted(set(places))
    assert all(5 <= place <= len(values) - 5 for place in places)
    found = slope(list(range(len(values))), values)
    assert found is None or found.low <= found.value <= found.high
