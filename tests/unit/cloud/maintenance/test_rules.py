"""When a plan falls due, and which step follows which."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.maintenance.rules import NEXT, due
from cloud.maintenance.schemas import Basis, OrderStatus

NOW = datetime(2026, 3, 2, tzinfo=UTC)
DAY = timedelta(days=1)


def test_the_calendar_knows_the_day():
    told = due(Basis.CALENDAR, 30, NOW - 10 * DAY, None, None, NOW)
    assert (told.due_at, told.is_overdue, told.is_estimate) == (NOW + 20 * DAY, False, False)
    assert (told.used, told.remaining) == (10, 20)
    assert due(Basis.CALENDAR, 30, NOW - 31 * DAY, None, None, NOW).is_overdue


def test_running_hours_are_spread_over_the_days_as_the_last_ones_were():
    # 300 of 500 hours are used, at 8 hours a day
    told = due(Basis.RUNNING_HOURS, 500, NOW - 60 * DAY, 300, 240, NOW)
    assert (told.due_at, told.remaining, told.is_estimate) == (NOW + 25 * DAY, 200, True)
    assert not told.is_overdue


def test_what_is_used_up_is_due_now():
    told = due(Basis.CYCLES, 1000, NOW - 60 * DAY, 1200, 0, NOW)
    assert (told.due_at, told.is_overdue, told.remaining) == (NOW, True, -200)


def test_of_a_machine_that_stands_still_nobody_can_tell():
    assert due(Basis.RUNNING_HOURS, 500, NOW - DAY, 3, 0, NOW).due_at is None


def test_without_a_meter_running_hours_have_an_earliest_day_and_cycles_none():
    told = due(Basis.RUNNING_HOURS, 240, NOW - 4 * DAY, None, None, NOW)
    assert (told.due_at, told.used, told.is_overdue) == (NOW + 6 * DAY, None, False)
    assert due(Basis.CYCLES, 240, NOW, None, None, NOW).due_at is None


@given(
    st.sampled_from(list(Basis)),
    st.floats(1e-6, 1e9),
    st.integers(-9000, 27000).map(lambda days: NOW + days * DAY),
    st.none() | st.floats(0, 1e12),
    st.none() | st.floats(0, 1e12),
)
def test_whatever_is_planned_the_calendar_does_not_end(basis, every, began, used, lately):
    told = due(basis, every, began, used, lately, NOW)
    assert told.due_at is None or told.due_at.tzinfo is UTC


@pytest.mark.parametrize("status", OrderStatus)
def test_what_is_closed_stays_closed(status):
    assert (NEXT[status] == ()) == (status in {OrderStatus.COMPLETED, OrderStatus.CANCELLED})
