"""Times in messages: the formats exactly, and None for everything that is no time."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.drivers.mqtt.timestamp import TimeFormat, reader

NOON_US = 1_795_176_000_123_456
json_values = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers())
us_2000_to_2100 = st.integers(946_684_800_000_000, 4_102_444_799_999_999)


@pytest.mark.parametrize(
    ("format", "value", "us"),
    [
        (TimeFormat.UNIX_S, 1_795_176_000, 1_795_176_000_000_000),
        (TimeFormat.UNIX_S, 1_795_176_000.123456, NOON_US),
        (TimeFormat.UNIX_MS, 1_795_176_000_123, 1_795_176_000_123_000),
        (TimeFormat.UNIX_MS, 1_795_176_000_123.456, NOON_US),
        (TimeFormat.UNIX_US, NOON_US, NOON_US),
        (TimeFormat.UNIX_NS, NOON_US * 1000 + 789, NOON_US),
        (TimeFormat.UNIX_NS, str(NOON_US * 1000 + 789), NOON_US),
        (TimeFormat.UNIX_S, "1795176000.123456", NOON_US),
        (TimeFormat.RFC3339, "2026-11-20T12:00:00.123456Z", NOON_US),
        ("%d.%m.%Y %H:%M:%S.%f %z", "20.11.2026 15:00:00.123456 +0300", NOON_US),
        (TimeFormat.ISO8601, "2026-11-20T12:00:00.123456Z", NOON_US),
        (TimeFormat.ISO8601, "2026-11-20T15:00:00.123456+03:00", NOON_US),
        (TimeFormat.ISO8601, "20261120T120000,123456+0000", NOON_US),
    ],
)
def test_each_format_is_read_to_the_microsecond(format: TimeFormat, value: object, us: int) -> None:
    assert reader(format)(value) == us


@pytest.mark.parametrize(
    ("format", "value"),
    [
        (TimeFormat.ISO8601, "2026-11-20T12:00:00"),  # which hour that was depends on where
        (TimeFormat.ISO8601, "2026-11-20"),
        (TimeFormat.ISO8601, "noon"),
        (TimeFormat.ISO8601, 1_795_176_000),
        (TimeFormat.UNIX_S, "x1795176000"),
        (TimeFormat.UNIX_S, "1" * 5000),
        (TimeFormat.UNIX_S, "1e999"),
        ("%d.%m.%Y %H:%M %z", "20.11.2026 12:00"),
        ("%Y", "10000"),
        (TimeFormat.UNIX_S, True),
        (TimeFormat.UNIX_S, None),
        (TimeFormat.UNIX_S, 0),
        (TimeFormat.UNIX_S, -5.0),
        (TimeFormat.UNIX_S, float("nan")),
        (TimeFormat.UNIX_S, float("inf")),
        (TimeFormat.UNIX_S, 1e308),
        (TimeFormat.UNIX_MS, 10**400),
        (TimeFormat.UNIX_NS, [1]),
    ],
)
def test_what_is_no_time_is_none(format: TimeFormat, value: object) -> None:
    assert reader(format)(value) is None


@settings(deadline=None)
@given(us_2000_to_2100)
def test_every_format_keeps_every_microsecond(us: int) -> None:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)
    assert reader(TimeFormat.UNIX_S)(us / 1e6) == us
    assert reader(TimeFormat.UNIX_MS)(us / 1e3) == us
    assert reader(TimeFormat.UNIX_US)(us) == us
    assert reader(TimeFormat.UNIX_NS)(us * 1000) == us
    assert reader(TimeFormat.ISO8601)(moment.isoformat()) == us
    assert reader(TimeFormat.ISO8601)(moment.astimezone(timezone(timedelta(hours=-9, minutes=-30))).isoformat()) == us


@settings(deadline=None)
@given(st.sampled_from(TimeFormat), json_values)
def test_no_json_value_crashes_a_reader(format: TimeFormat, value: object) -> None:
    us = reader(format)(value)
    assert us is None or 0 < us < 2**62


def test_a_pattern_without_an_offset_takes_the_zone_it_is_given() -> None:
    read = reader("%d.%m.%Y %H:%M", ZoneInfo("Europe/Istanbul"))
    assert read("20.11.2026 15:00") == 1_795_176_000_000_000
    assert reader("%d.%m.%Y %H:%M")("20.11.2026 15:00") is None
