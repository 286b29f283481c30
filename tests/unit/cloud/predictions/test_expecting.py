"""What figure the next shift or day is expected to have."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.predictions.expecting import FEWEST_PERIODS, expect


def of(figures, cycle=7):
    return [place % cycle for place in range(len(figures))]


@given(st.lists(st.floats(0, 1), min_size=FEWEST_PERIODS, max_size=80), st.integers(1, 7))
def test_what_is_expected_lies_within_its_bounds_and_those_within_what_is_possible(figures, cycle):
    found = expect(figures, of(figures, cycle))
    assert found is not None
    assert 0 <= found.lower <= found.upper <= 1
    assert (
        found.lower - 1e-9 <= found.value + 1
    )  # a way that always erred to one side is moved, never left outside of 0..1
    assert found.errors[found.way] == min(found.errors.values())


def test_a_past_that_is_too_short_expects_nothing():
    assert expect([0.7] * (FEWEST_PERIODS - 1), range(FEWEST_PERIODS - 1)) is None


def test_weekdays_that_differ_are_told_apart_and_a_level_that_moved_is_followed():
    weeks = [0.8, 0.8, 0.8, 0.8, 0.8, 0.3, 0.3] * 8
    found = expect(weeks, of(weeks))
    assert found is not None
    assert found.way == "same_kind"
    assert found.value == pytest.approx(0.8, abs=0.03)
    moved = expect([0.8] * 30 + [0.5] * 30, of(range(60)))
    assert moved is not None
    assert moved.way == "last"
    assert moved.value == pytest.approx(0.5)
    assert moved.baseline == pytest.approx(0.65)


def test_where_nobody_works_at_weekends_a_monday_comes_after_a_friday():
    rng = np.random.default_rng(1)
    week = {"Mon": 0.4, "Tue": 0.6, "Wed": 0.7, "Thu": 0.8, "Fri": 0.9}
    kinds = list(week) * 9
    # of one week a holiday is missing
    del kinds[21]
    figures = [week[kind] + rng.normal(0, 0.01) for kind in kinds]
    found = expect(figures, kinds)
    assert found is not None
    assert (found.way, found.value) == ("same_kind", pytest.approx(0.4, abs=0.05))
    wednesday = expect(figures[:-3], kinds[:-3])
    assert wednesday is not None
    assert wednesday.value == pytest.approx(0.7, abs=0.03)
    # of a kind that was never there before
    new = expect([*figures, 0.1], [*kinds, "Sat"])
    assert new is not None
    assert 0 <= new.lower <= new.value <= new.upper <= 1


def test_the_surer_the_wider_and_at_one_all_that_is_possible():
    figures = np.random.default_rng(3).normal(0.6, 0.08, 60).tolist()
    bounds = [expect(figures, of(figures), level=level) for level in (0.5, 0.9, 0.99, 1)]
    widths = [found.upper - found.lower for found in bounds if found is not None]
    assert widths == sorted(widths)
    assert len(set(widths)) == 4
    assert widths[-1] == 1


def test_a_figures_parts_are_told_by_the_way_that_speaks_of_it():
    weeks = [0.8, 0.8, 0.8, 0.8, 0.8, 0.3, 0.3] * 8
    found = expect(weeks, of(weeks), by="mean")
    assert found is not None
    assert (found.way, found.value) == ("mean", pytest.approx(found.baseline))


@pytest.mark.parametrize("periods", [FEWEST_PERIODS, 20, 38, 90])
def test_nine_of_ten_periods_come_out_between_the_bounds_also_of_a_short_past(periods):
    rng = np.random.default_rng(3)
    inside = 0
    for _ in range(200):
        figures = rng.normal(0.6, 0.08, periods + 1)
        found = expect(figures[:periods].tolist(), of(range(periods)))
        assert found is not None
        inside += found.lower <= figures[periods] <= found.upper
    assert 0.84 <= inside / 200 <= 0.97
