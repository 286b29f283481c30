"""Days: those a reading falls on, and those that deserve a partition."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.telemetry import days

TODAY = date(2026, 11, 20)


@given(st.lists(st.datetimes(datetime(1970, 1, 1), datetime(2099, 12, 31)), max_size=5))  # noqa: DTZ001
def test_a_time_falls_on_its_utc_day(times: list[datetime]):
    epoch = datetime(1970, 1, 1)  # noqa: DTZ001
    ts = np.array([(each - epoch) // timedelta(microseconds=1) for each in times], np.int64)
    assert days.days_of(ts) == {each.date() for each in times}


def test_midnight_belongs_to_the_day_it_begins():
    midnight = int(datetime(2026, 11, 20, tzinfo=UTC).timestamp()) * 1_000_000
    assert days.days_of(np.array([midnight - 1, midnight])) == {date(2026, 11, 19), TODAY}


@pytest.mark.parametrize(
    ("offset", "is_near"), [(-401, False), (-400, True), (-1, True), (0, True), (2, True), (3, False), (20_000, False)]
)
def test_only_near_days_get_a_partition(offset: int, is_near: bool):
    day = TODAY + timedelta(days=offset)
    assert (day in days.wanted({day}, TODAY)) == is_near


def test_tomorrow_is_prepared_today():
    assert days.wanted(set(), TODAY) == {TODAY, TODAY + timedelta(days=1)}


def test_a_day_is_half_open_and_in_utc():
    assert days.bounds(TODAY) == (datetime(2026, 11, 20, tzinfo=UTC), datetime(2026, 11, 21, tzinfo=UTC))
