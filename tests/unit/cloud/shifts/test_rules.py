"""Shifts in time: nights, rotations, breaks, exceptions, and the days on which the clock is changed."""

import itertools
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.shifts.rules import BreakOutside, Pattern, occurrences, overlapping
from cloud.shifts.schemas import ShiftIn

MONDAY = date(2026, 3, 2)
HOUR = timedelta(hours=1)


def shift(name: str, start: str, end: str, day: int = 0, *breaks: str, crew: str | None = None) -> ShiftIn:
    pauses = [dict(zip(("start", "end"), each.split("-"), strict=True)) for each in breaks]
    return ShiftIn.model_validate(
        {"name": name, "start": start, "end": end, "day": day, "breaks": pauses, "crew": crew}
    )


def pattern(*shifts: ShiftIn, zone: str = "Europe/Istanbul", cycle_days: int = 1, anchor=MONDAY, **more) -> Pattern:
    exceptions = more.pop("exceptions", {})
    return Pattern(ZoneInfo(zone), cycle_days, anchor, more.pop("valid_to", None), shifts, exceptions)


def test_a_night_shift_belongs_to_the_date_on_which_it_starts():
    [night] = occurrences(pattern(shift("night", "22:00", "06:00", 0, "02:00-02:30")), MONDAY, MONDAY)
    assert night.business_date == MONDAY
    assert (night.starts_at, night.ends_at) == (
        datetime(2026, 3, 2, 19, tzinfo=UTC),
        datetime(2026, 3, 3, 3, tzinfo=UTC),
    )
    assert night.breaks == [(datetime(2026, 3, 2, 23, tzinfo=UTC), datetime(2026, 3, 2, 23, 30, tzinfo=UTC))]


def test_a_break_may_cross_midnight_or_stand_before_it():
    breaks = ("22:30-23:00", "23:45-00:15", "05:00-05:10")
    [night] = occurrences(pattern(shift("night", "22:00", "06:00", 0, *breaks)), MONDAY, MONDAY)
    assert [until - start for start, until in night.breaks] == [HOUR / 2, HOUR / 2, HOUR / 6]
    assert all(night.starts_at <= start < until <= night.ends_at for start, until in night.breaks)


@pytest.mark.parametrize(
    ("start", "end", "pause"),
    [
        ("08:00", "16:00", "16:00-16:30"),
        ("08:00", "16:00", "07:50-08:10"),
        ("08:00", "16:00", "12:30-12:00"),
        ("22:00", "06:00", "12:00-12:30"),
        ("22:00", "06:00", "05:50-06:10"),
        ("22:00", "06:00", "02:00-23:00"),
    ],
)
def test_a_break_outside_of_its_shift_is_refused(start, end, pause):
    with pytest.raises(BreakOutside):
        occurrences(pattern(shift("s", start, end, 0, pause)), MONDAY, MONDAY)


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 28), 7), (date(2026, 10, 24), 9), (date(2026, 6, 1), 8)])
def test_a_night_in_which_the_clock_is_changed_is_as_long_as_it_is(day, hours):
    [night] = occurrences(pattern(shift("night", "22:00", "06:00"), zone="Europe/Berlin"), day, day)
    assert night.ends_at - night.starts_at == hours * HOUR


def test_shifts_follow_each_other_without_hole_or_overlap_over_the_changes_of_a_year():
    three = [shift("early", "06:00", "14:00"), shift("late", "14:00", "22:00"), shift("night", "22:00", "06:00")]
    year = occurrences(pattern(*three, zone="Europe/Berlin"), MONDAY, MONDAY + timedelta(days=364))
    assert len(year) == 3 * 365
    assert all(one.ends_at == two.starts_at for one, two in itertools.pairwise(year))
    assert overlapping(year) is None


def test_crews_rotate_through_a_cycle():
    crews = pattern(
        shift("day", "06:00", "18:00", 0, crew="A"), shift("day", "06:00", "18:00", 2, crew="B"), cycle_days=4
    )
    found = occurrences(crews, MONDAY - timedelta(days=3), MONDAY + timedelta(days=6))
    assert [(each.business_date.day, each.crew) for each in found] == [(2, "A"), (4, "B"), (6, "A"), (8, "B")]


def test_an_exception_closes_a_day_or_gives_it_other_shifts():
    closed, short = MONDAY + timedelta(days=1), MONDAY + timedelta(days=2)
    exceptions = {closed: (), short: (shift("half", "06:00", "10:00"),)}
    found = occurrences(pattern(shift("day", "06:00", "14:00"), exceptions=exceptions), MONDAY, short)
    assert [(each.business_date, each.name) for each in found] == [(MONDAY, "day"), (short, "half")]


def test_a_pattern_ends_where_its_validity_does():
    found = occurrences(
        pattern(shift("day", "06:00", "14:00"), valid_to=MONDAY + timedelta(days=2)), MONDAY, MONDAY + timedelta(days=9)
    )
    assert len(found) == 2


def test_two_shifts_at_once_are_found():
    pair = overlapping(occurrences(pattern(shift("a", "06:00", "14:30"), shift("b", "14:00", "22:00")), MONDAY, MONDAY))
    assert pair is not None
    assert [each.name for each in pair] == ["a", "b"]


CLOCKS = st.integers(0, 1439).map(lambda minute: time(minute // 60, minute % 60))


@given(
    CLOCKS,
    CLOCKS,
    st.dates(date(2026, 1, 1), date(2027, 12, 31)),
    st.sampled_from(["Europe/Berlin", "UTC", "America/St_Johns", "Australia/Lord_Howe"]),
)
def test_whatever_the_clock_does_a_shift_starts_on_its_date_and_lasts_a_day_at_most(start, end, day, zone):
    given_shift = ShiftIn.model_validate({"name": "s", "start": start, "end": end})
    found = occurrences(pattern(given_shift, zone=zone, anchor=date(2000, 1, 3)), day, day)
    for each in found:
        assert each.starts_at.astimezone(ZoneInfo(zone)).date() == day
        assert timedelta() < each.ends_at - each.starts_at <= 25 * HOUR
        assert each.starts_at.second == each.ends_at.second == 0
