"""How stages and orders went."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from cloud.workorders import metrics
from cloud.workorders.metrics import Span
from cloud.workorders.schemas import StageStatus

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
END = START + timedelta(hours=1)
MOMENTS = st.timedeltas(timedelta(days=-1), timedelta(days=3)).map(lambda since: START + since)


@st.composite
def spans(draw: st.DrawFn) -> Span:
    planned = sorted(draw(st.lists(MOMENTS, min_size=2, max_size=2, unique=True)))
    status = draw(st.sampled_from(StageStatus))
    actual = sorted(draw(st.lists(MOMENTS, min_size=2, max_size=2)))
    start = None if status is StageStatus.PLANNED else actual[0]
    end = actual[1] if status is StageStatus.DONE else None
    return Span(planned[0], planned[1], start, end, status)


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def span(start: float | None = None, end: float | None = None) -> Span:
    status = StageStatus.PLANNED if start is None else StageStatus.IN_PROGRESS if end is None else StageStatus.DONE
    return Span(START, END, None if start is None else at(start), None if end is None else at(end), status)


def test_what_has_not_started_has_no_duration_and_may_be_late_already():
    early = metrics.measures(span(), at(30))
    assert (early.planned_duration, early.actual_duration, early.efficiency_percent) == (60.0, None, None)
    assert (early.delay_minutes, early.on_time) == (0.0, True)
    late = metrics.measures(span(), at(75))
    assert (late.delay_minutes, late.on_time, late.efficiency_percent) == (15.0, False, None)


def test_what_runs_is_judged_by_now():
    running = metrics.measures(span(10), at(50))
    assert (running.actual_duration, running.efficiency_percent) == (40.0, 150.0)
    assert (running.delay_minutes, running.on_time) == (0.0, True)
    overdue = metrics.measures(span(10), at(90))
    assert (overdue.actual_duration, overdue.efficiency_percent) == (80.0, 75.0)
    assert (overdue.delay_minutes, overdue.on_time) == (30.0, False)


def test_what_is_done_is_judged_by_its_end_whenever_one_looks():
    for now in (at(60), at(10_000)):
        done = metrics.measures(span(0, 48), now)
        assert (done.actual_duration, done.efficiency_percent) == (48.0, 125.0)
        assert (done.delay_minutes, done.on_time) == (0.0, True)
    assert metrics.measures(span(0, 60), END).on_time
    assert metrics.measures(span(0, 61), END).delay_minutes == 1.0


def test_what_started_this_moment_or_by_a_fast_clock_has_no_efficiency_yet():
    for start in (30, 31):
        started = metrics.measures(span(start), at(30))
        assert (started.actual_duration, started.efficiency_percent) == (0.0, None)


@given(spans(), MOMENTS, MOMENTS)
def test_measures_are_never_negative_and_agree_with_one_another(given_span, now, later):
    measured = metrics.measures(given_span, now)
    assert measured.planned_duration > 0
    assert measured.delay_minutes >= 0
    assert measured.on_time == (measured.delay_minutes == 0)
    assert (measured.actual_duration is None) == (given_span.actual_start is None)
    if measured.efficiency_percent is not None:
        assert measured.efficiency_percent > 0
    if given_span.actual_end is not None:
        assert metrics.measures(given_span, later) == measured
    elif now <= later:
        assert metrics.measures(given_span, later).delay_minutes >= measured.delay_minutes


@given(st.lists(spans(), min_size=1, max_size=8), MOMENTS)
def test_an_order_lasts_from_its_first_start_to_its_last_end(stages, now):
    is_done = all(stage.status is StageStatus.DONE for stage in stages)
    status = StageStatus.DONE if is_done else StageStatus.IN_PROGRESS
    whole = metrics.whole(START, END, status, stages)
    assert (whole.actual_end is None) == (not is_done)
    measured = metrics.measures(whole, now)
    if is_done:
        assert measured.actual_duration is not None
        for stage in stages:
            alone = metrics.measures(stage, now).actual_duration
            assert alone is not None
            assert measured.actual_duration >= alone
    done, on_time = metrics.done_on_time(stages)
    percentage = metrics.on_time_percentage(done, on_time)
    assert 0 <= on_time <= done <= len(stages)
    assert (percentage is None) == (done == 0)
    assert percentage is None or 0 <= percentage <= 100


def test_the_share_done_in_time_is_of_those_done():
    stages = [span(0, 60), span(0, 61), span(0), span()]
    assert metrics.done_on_time(stages) == (2, 1)
    assert metrics.on_time_percentage(2, 1) == 50.0
