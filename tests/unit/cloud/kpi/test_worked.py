"""What rows of a job log add up to."""

import itertools
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.kpi.elements import Category, PieceKind
from cloud.kpi.facts import total
from cloud.kpi.figures import figures, times, waterfall
from cloud.kpi.joblog import COLUMNS
from cloud.kpi.policy import ISO22400, MissingQuality, Policy
from cloud.kpi.spans import HOUR, MINUTE, SECOND, Span
from cloud.kpi.worked import Bucket, Sum, Worked, buckets, us

NAMES = [column.name for column in COLUMNS]
EVER = Span(0, 10**15)


def row(start: int = 0, length: int = HOUR, pieces: int | None = None, ideal_us: int | None = None, **minutes: float):
    return Worked(Span(start, start + length), [round(minutes.get(n, 0) * MINUTE) for n in NAMES], pieces, ideal_us)


def added(*rows: Worked, window: Span = EVER) -> Sum:
    found = Sum()
    for each in rows:
        found.add(each, window)
    return found


def test_each_column_is_its_element_and_what_none_accounts_for_is_unknown():
    facts = added(
        row(running=30, setup=5, tooling=5, maintenance=4, engineering=3, break_shift_change=2, idle=6)
    ).facts()
    found = times(facts, ISO22400)
    assert [found.apt, found.aust, found.adet, found.pdot, found.adot, found.unknown] == [
        each * MINUTE for each in (30, 5, 9, 5, 6, 5)
    ]
    assert found.pot == HOUR


def test_quality_is_not_measured_hence_neither_is_oee_unless_a_policy_says_otherwise():
    facts = added(row(running=60, pieces=100, ideal_us=30 * SECOND)).facts()
    shown = figures(facts, ISO22400)
    assert (shown.quality_basis, shown.quality, shown.oee) == ("not_measured", None, None)
    assert (shown.availability, shown.effectiveness) == (1.0, 50 / 60)
    assumed = figures(facts, Policy("own", missing_quality=MissingQuality.GOOD))
    assert (assumed.quality_basis, assumed.oee) == ("assumed_good", 50 / 60)


def test_pieces_without_an_ideal_cycle_leave_the_speed_unsaid():
    facts = added(row(running=60, pieces=10), row(HOUR, running=60, pieces=10, ideal_us=SECOND)).facts()
    assert (facts.pieces[PieceKind.MADE], facts.without_ideal) == (20, 10)
    assert figures(facts, ISO22400).effectiveness is None


def test_columns_that_say_more_than_the_row_lasted_are_cut_off():
    facts = added(row(setup=20, running=30, idle=60)).facts()
    assert facts.calendar_us == HOUR
    assert facts.time_us[Category.IDLE_UNASSIGNED] == 10 * MINUTE


columns = st.lists(st.integers(0, 20 * MINUTE), min_size=len(NAMES), max_size=len(NAMES))
worked = st.builds(
    lambda start, length, lasted, pieces: Worked(Span(start, start + length), lasted, pieces, SECOND),
    st.integers(0, 5 * HOUR),
    st.integers(1, 3 * HOUR),
    columns,
    st.none() | st.integers(0, 500),
)


@given(st.lists(worked, max_size=6), st.lists(st.integers(0, 9 * HOUR), max_size=4), st.randoms())
def test_any_partition_and_any_order_give_the_same_sums(rows, cuts, random):
    whole = added(*rows).facts()
    edges = sorted({0, *cuts, 10 * HOUR})
    # a row ends after it starts, so nothing ends at 0
    windows = [Span(start, end) for start, end in itertools.pairwise(edges)]
    mixed = list(rows)
    random.shuffle(mixed)
    parts = total(added(*mixed, window=window).facts() for window in windows)
    assert {k: v for k, v in parts.time_us.items() if v} == {k: v for k, v in whole.time_us.items() if v}
    assert (parts.pieces, parts.ideal_us) == (whole.pieces, whole.ideal_us)
    assert whole.calendar_us == sum(each.span.length for each in rows)
    assert sum(waterfall(whole, ISO22400).values()) == times(whole, ISO22400).pbt


def test_the_pieces_of_a_row_that_ends_where_two_windows_meet_are_counted_once():
    ends_there = row(0, HOUR, pieces=5, running=60)
    before, after = added(ends_there, window=Span(0, HOUR)), added(ends_there, window=Span(HOUR, 2 * HOUR))
    assert (before.rows, after.rows) == (1, 0)
    assert (before.facts().pieces, after.facts().pieces) == ({PieceKind.MADE: 5}, {})


def test_days_weeks_and_months_begin_where_the_plant_is():
    zone = ZoneInfo("Europe/Berlin")
    begin, end = datetime(2026, 3, 28, 12, tzinfo=UTC), datetime(2026, 3, 30, 12, tzinfo=UTC)
    days = buckets(begin, end, Bucket.DAY, zone)
    # the day on which summer time begins has 23 hours
    assert [(day.day, span.length // HOUR) for day, span in days] == [(28, 11), (29, 23), (30, 14)]
    assert sum(span.length for _, span in days) == us(end) - us(begin)
    assert [day for day, _ in buckets(begin, end, Bucket.WEEK, zone)] == [date(2026, 3, 23), date(2026, 3, 30)]
    assert [day for day, _ in buckets(begin, end, Bucket.MONTH, zone)] == [date(2026, 3, 1)]


@pytest.mark.parametrize("bucket", list(Bucket))
def test_the_windows_of_time_are_a_partition_of_it(bucket):
    begin, end = datetime(2026, 1, 31, 5, tzinfo=UTC), datetime(2026, 12, 1, 7, tzinfo=UTC)
    found = buckets(begin, end, bucket, ZoneInfo("Europe/Istanbul"))
    assert (found[0][1].start, found[-1][1].end) == (us(begin), us(end))
    assert all(one.end == next_.start for (_, one), (_, next_) in itertools.pairwise(found))
