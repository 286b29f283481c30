"""Shifts and clock of an instant: by what had been told by then, minute by minute as somebody would count them."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud.predictions.calendar import Calendar
from cloud.predictions.history import DAY, HOUR, MINUTE
from cloud.production.service.moments import us, utc
from cloud.shifts.rules import Pattern
from cloud.shifts.schemas import ShiftIn
from cloud.shifts.service.telling import Telling, always

ISTANBUL, BERLIN = ZoneInfo("Europe/Istanbul"), ZoneInfo("Europe/Berlin")
MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
LENGTHS = {"8h": 8 * HOUR, "7d": 7 * DAY}
NAMES = ("a", "b")


def week(*shifts, zone=BERLIN, anchor=date(2026, 1, 5), valid_to=None, exceptions=None) -> Pattern:
    """Return a pattern of a week: each shift on Monday to Friday."""
    made = [
        ShiftIn(name=str(start), day=day, start=time(start), end=time(end)) for day in range(5) for start, end in shifts
    ]
    return Pattern(zone, 7, anchor, valid_to, made, exceptions or {})


def telling(at, pattern=None, zone=None, **own) -> Telling:
    patterns = {"default": pattern} if pattern is not None else {}
    own = {machine: each for machine, each in own.items() if each is not None}
    names = dict.fromkeys(own)
    return Telling(
        at, zone, {**patterns, **own}, {name: name for name in names}, "default" if pattern is not None else None
    )


def asked(calendar, *moments, machine=0):
    at = np.array([us(each) for each in moments], np.int64)
    return calendar.clock(NAMES, np.full(len(at), machine, np.int32), at, LENGTHS)


def test_a_shift_is_known_by_its_start_and_how_far_it_is_gone():
    calendar = Calendar([telling(MONDAY - timedelta(days=40), week((6, 14), (14, 22)))])
    clock = asked(
        calendar,
        MONDAY.replace(hour=5),  # 06:00 in Berlin
        MONDAY.replace(hour=12, minute=59),
        MONDAY.replace(hour=13),
        MONDAY.replace(hour=21),  # 22:00: all is over
    )
    assert clock.shift.tolist()[:3] == [0, 0, 1]
    assert clock.into.tolist()[:3] == [0, 7 + 59 / 60, 0]
    assert np.isnan(clock.shift[3])
    assert np.isnan(clock.into[3])
    assert clock.ahead["8h"].tolist() == [8, 8, 8, 0]
    assert clock.ahead["7d"].tolist() == [80, 80, 80, 80]
    assert [utc(int(each)).hour for each in clock.local] == [6, 13, 14, 22]


def test_a_night_belongs_to_the_day_on_which_it_began():
    clock = asked(Calendar([telling(MONDAY - timedelta(days=9), week((22, 6)))]), MONDAY, MONDAY + timedelta(days=1))
    # of Sunday to Monday there is no shift, of Monday to Tuesday there is
    assert clock.shift.tolist()[1:] == [0]
    assert np.isnan(clock.shift[0])
    assert clock.into[1] == 3


def test_what_is_told_holds_from_when_it_is_told():
    told = MONDAY + timedelta(days=1)
    closed = {date(2026, 3, 4): []}
    calendar = Calendar(
        [telling(MONDAY, week((6, 14))), telling(told, week((6, 14), exceptions=closed)), telling(told, week((6, 14)))]
    )
    before, after = asked(Calendar(calendar.told[:2]), told - timedelta(microseconds=1), told).ahead["7d"].tolist()
    assert (before, after) == (40, 32)
    # of two at the same instant the later one holds
    assert asked(calendar, told).ahead["7d"].tolist() == [40]


def test_of_the_time_before_anything_was_told_the_latest_speaks():
    calendar = Calendar([telling(MONDAY, week((6, 14))), telling(MONDAY + timedelta(days=1), week((8, 12)))])
    year = MONDAY - timedelta(days=28)
    assert asked(calendar, year, MONDAY, MONDAY + timedelta(days=1)).ahead["7d"].tolist() == [20, 40, 20]
    # ... of each machine by itself, and nothing where it follows none any more
    own, days = week((6, 8)), [MONDAY + timedelta(days=day) for day in range(3)]
    told = [telling(days[0], week((6, 14))), telling(days[1], b=own), telling(days[2])]
    assert asked(Calendar(told[:2]), year, days[1], machine=1).ahead["7d"].tolist() == [10, 10]
    for machine in (0, 1):
        assert np.isnan(asked(Calendar(told), year, machine=machine).ahead["7d"][0])


def test_a_pattern_tells_nothing_of_before_its_anchor_and_that_nothing_comes_after_its_end():
    calendar = Calendar([telling(MONDAY, week((6, 14), anchor=date(2026, 3, 2), valid_to=date(2026, 3, 9)))])
    clock = asked(calendar, MONDAY - timedelta(days=3), MONDAY, MONDAY + timedelta(days=7))
    assert np.isnan(clock.ahead["7d"][0])
    assert clock.ahead["7d"].tolist()[1:] == [40, 0]
    # the clock is told all the same
    assert utc(int(clock.local[0])).hour == 1


def test_the_clock_is_the_patterns_else_the_organizations_else_utc():
    calendar = Calendar([telling(MONDAY, zone=ISTANBUL), telling(MONDAY, week((6, 14)), zone=ISTANBUL)])
    assert utc(int(asked(Calendar(), MONDAY).local[0])).hour == 0
    assert utc(int(asked(Calendar(calendar.told[:1]), MONDAY - timedelta(days=300)).local[0])).hour == 3
    assert utc(int(asked(calendar, MONDAY).local[0])).hour == 1


@pytest.mark.parametrize("minute", [29, 30, 31, 59])
def test_a_zone_may_change_its_offset_at_half_an_hour(minute):
    # Lord Howe's clocks go from 02:00 to 02:30 at 15:30 UTC
    zone, at = ZoneInfo("Australia/Lord_Howe"), datetime(2026, 10, 3, 15, minute, tzinfo=UTC)
    [local] = asked(Calendar([telling(MONDAY, zone=zone)]), at).local.tolist()
    assert utc(local).replace(tzinfo=None) == at.astimezone(zone).replace(tzinfo=None)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10 * 24 * 60), st.sampled_from([(6, 14), (22, 6), (0, 1)]), st.booleans())
def test_the_hours_that_come_are_those_that_somebody_would_count(minutes, shift, is_spring):
    # ten days around a change of clocks in Berlin
    begin = datetime(2026, 3, 24 if is_spring else 20, tzinfo=UTC) + (
        timedelta(0) if is_spring else timedelta(days=210)
    )
    at = begin + timedelta(minutes=minutes)
    calendar = Calendar([telling(MONDAY - timedelta(days=60), week(shift))])
    clock = asked(calendar, at)
    counted = sum(
        not np.isnan(each) for each in asked(calendar, *(at + timedelta(minutes=n) for n in range(480))).shift
    )
    assert round(clock.ahead["8h"][0] * 60) == counted
    if not np.isnan(clock.into[0]):
        began = at - timedelta(hours=clock.into[0])
        assert asked(calendar, began).into[0] == 0
        assert began.astimezone(BERLIN).hour == shift[0]


def test_days_of_shifts_that_follow_one_another_without_end():
    clock = asked(Calendar([always(ISTANBUL, (6, 14, 22))]), MONDAY, MONDAY - timedelta(days=9_000))
    assert clock.shift.tolist() == [2, 2]
    assert clock.ahead["7d"].tolist() == [168, 168]
    assert not Calendar([always(ISTANBUL)]).has_shifts
    assert asked(Calendar([always(ISTANBUL, (7,))]), MONDAY).into.tolist() == [20]


def test_machines_that_follow_alike_are_told_as_each_by_itself():
    calendar = Calendar([telling(MONDAY, week((6, 14)), a=week((22, 6), zone=ISTANBUL))])
    at = np.arange(us(MONDAY), us(MONDAY) + 9 * DAY, 97 * MINUTE)
    machine = (np.arange(len(at)) % 2).astype(np.int32)
    both = calendar.clock(NAMES, machine, at, LENGTHS)
    for each in (0, 1):
        alone = calendar.clock(NAMES, machine[machine == each], at[machine == each], LENGTHS)
        for mine, theirs in (
            (both.local, alone.local),
            (both.shift, alone.shift),
            (both.ahead["8h"], alone.ahead["8h"]),
        ):
            assert np.array_equal(mine[machine == each], theirs, equal_nan=True)
