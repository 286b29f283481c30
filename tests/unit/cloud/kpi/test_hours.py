"""Hours of a plant's clock, wherever it stands."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.kpi import hours

HOUR = timedelta(hours=1)
# of half and quarter hours, of changes by an hour, half an hour and a day, at midnight, and of none
ODD = [
    "Asia/Kolkata", "Asia/Kathmandu", "Australia/Adelaide", "Australia/Lord_Howe", "Pacific/Chatham", "Asia/Beirut",
    "America/St_Johns", "Europe/Istanbul", "Europe/Berlin", "Asia/Tehran", "Pacific/Apia", "America/Caracas", "UTC",
]  # fmt: skip
ZONES = st.sampled_from(ODD) | st.sampled_from(sorted(available_timezones()))
MOMENTS = st.timedeltas(timedelta(), timedelta(days=38 * 365)).map(lambda each: datetime(2000, 1, 1, tzinfo=UTC) + each)


@given(MOMENTS, ZONES)
def test_every_moment_is_in_one_hour_that_begins_where_the_clock_says_so(at, name):
    zone = ZoneInfo(name)
    begin, end = hours.begin(at, zone), hours.end(at, zone)
    assert begin <= at < end
    assert end - begin <= HOUR
    assert (hours.begin(begin, zone), hours.end(begin, zone)) == (begin, end)
    assert hours.begin(end, zone) == end
    before = (begin - timedelta(microseconds=1)).astimezone(zone).utcoffset()
    assert begin.astimezone(zone).minute == 0 or begin.astimezone(zone).utcoffset() != before


@given(st.dates(date(2000, 1, 1), date(2037, 12, 30)), ZONES)
def test_the_hours_of_a_day_are_the_day_also_when_the_clock_is_changed(day, name):
    zone = ZoneInfo(name)
    midnight, following = (
        datetime.combine(each, time.min, zone).astimezone(UTC) for each in (day, day + timedelta(days=1))
    )
    at, found = midnight, []
    while at < following:
        found.append(hours.end(at, zone) - at)
        at += found[-1]
    # a day that a place left out altogether has none
    assert at == max(midnight, following)
    assert sum(found, timedelta()) == max(timedelta(), following - midnight)
    assert all(each == HOUR for each in found) or len(found) in {23, 24, 25, 26}


@pytest.mark.parametrize(
    ("zone", "at", "begin", "end"),
    [
        ("Europe/Istanbul", "12:40", "12:00", "13:00"),
        ("Asia/Kolkata", "18:29", "17:30", "18:30"),
        ("Asia/Kolkata", "18:30", "18:30", "19:30"),
        ("Asia/Kathmandu", "18:15", "18:15", "19:15"),
        ("Australia/Adelaide", "13:31", "13:30", "14:30"),
    ],
)
def test_hours_begin_with_the_clock(zone, at, begin, end):
    told, began, ends = (datetime.fromisoformat(f"2026-03-02T{each}+00:00") for each in (at, begin, end))
    assert (hours.begin(told, ZoneInfo(zone)), hours.end(told, ZoneInfo(zone))) == (began, ends)


def test_where_the_clock_is_changed_by_half_an_hour_an_hour_is_cut():
    zone = ZoneInfo("Australia/Lord_Howe")
    # from +11:00 to +10:30 at 02:00 of the 5th of April 2026, 15:00 UTC the day before
    at, found = datetime(2026, 4, 4, 14, tzinfo=UTC), []
    for _ in range(3):
        at = hours.end(at, zone)
        found.append(f"{at:%H:%M}")
    assert found == ["15:00", "15:30", "16:30"]
