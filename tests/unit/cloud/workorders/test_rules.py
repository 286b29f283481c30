"""Routes, what follows what, and how many pieces may be reported."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.workorders import rules
from cloud.workorders.rules import Counted, Pieces, StageFacts, Step, settled
from cloud.workorders.schemas import ProductionKind, Sequencing, StageStatus

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
WINDOWS = st.timedeltas(timedelta(microseconds=200), timedelta(days=30))
STEPS = st.lists(
    st.builds(Step, st.just("S"), st.none() | st.floats(0.01, 600), st.floats(0.01, 100)), min_size=1, max_size=20
)
COUNTS = st.integers(0, 1000)
FACTS = st.builds(StageFacts, st.just(10), st.sampled_from(StageStatus), COUNTS, COUNTS, COUNTS)
PLACES = st.tuples(st.floats(0, 1), st.floats(0, 1))
GOOD = ProductionKind.GOOD


@given(STEPS, WINDOWS)
def test_a_routes_stages_follow_one_another_within_the_window(route, window):
    stages = rules.planned_stages(route, START, START + window)
    assert [stage.op_number for stage in stages] == [10 * (n + 1) for n in range(len(route))]
    assert stages[0].planned_start == START
    for earlier, later in pairwise(stages):
        assert earlier.planned_end == later.planned_start
    if any(step.minutes is None for step in route):
        assert stages[-1].planned_end == START + window
    assert stages[-1].planned_end <= START + window


@given(WINDOWS)
def test_the_default_route_fills_the_window_without_gap_or_overlap(window):
    first, second = rules.planned_stages(rules.DEFAULT_ROUTE, START, START + window)
    assert first.planned_start == START
    assert first.planned_start < first.planned_end == second.planned_start < second.planned_end == START + window


def test_moulding_takes_half_an_hour_and_assembly_the_rest():
    first, second = rules.planned_stages(rules.DEFAULT_ROUTE, START, START + timedelta(hours=2))
    assert (first.stage_name, second.stage_name) == ("Enjeksiyon", "Montaj")
    assert first.planned_end == START + timedelta(minutes=30)


def test_a_window_of_half_an_hour_or_less_is_halved():
    for minutes in (1, 10, 30):
        first, _ = rules.planned_stages(rules.DEFAULT_ROUTE, START, START + timedelta(minutes=minutes))
        assert first.planned_end == START + timedelta(minutes=minutes) / 2
    first, _ = rules.planned_stages(rules.DEFAULT_ROUTE, START, START + timedelta(minutes=31))
    assert first.planned_end == START + timedelta(minutes=30)


def test_where_all_steps_have_minutes_the_rest_stays_free():
    (only,) = rules.planned_stages([Step("S", minutes=5)], START, START + timedelta(minutes=8))
    assert only.planned_end == START + timedelta(minutes=5)


@given(st.lists(st.sampled_from(StageStatus)))
def test_an_order_is_where_its_stages_are(stages):
    status = rules.order_status(stages)
    assert (status is StageStatus.DONE) == (bool(stages) and set(stages) == {StageStatus.DONE})
    assert (status is StageStatus.PLANNED) == (set(stages) <= {StageStatus.PLANNED})


@given(WINDOWS, WINDOWS, st.timedeltas(-timedelta(days=30), timedelta(days=30)), PLACES)
def test_what_moves_with_its_window_keeps_its_place_in_it(window, wanted, shift, places):
    old, new = (START, START + window), (START + shift, START + shift + wanted)
    assert (rules.moved(old[0], old, new), rules.moved(old[1], old, new)) == new
    early, late = (rules.moved(START + window * place, old, new) for place in sorted(places))
    assert new[0] <= early <= late <= new[1] + timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("sequencing", "before", "waits"),
    [
        (Sequencing.STRICT, None, False),
        (Sequencing.FREE, StageFacts(10, StageStatus.PLANNED), False),
        (Sequencing.FLOW, StageFacts(10, StageStatus.IN_PROGRESS), True),
        (Sequencing.FLOW, StageFacts(10, StageStatus.IN_PROGRESS, good=1), False),
        (Sequencing.FLOW, StageFacts(10, StageStatus.DONE), False),
        (Sequencing.STRICT, StageFacts(10, StageStatus.IN_PROGRESS, good=1), True),
        (Sequencing.STRICT, StageFacts(10, StageStatus.DONE), False),
    ],
)
def test_a_stage_waits_as_its_order_says(sequencing, before, waits):
    assert rules.awaited(sequencing, before) is waits


def test_the_first_stage_may_report_what_the_order_is_still_short_of():
    # frappe/erpnext#45440: after 8 of 10 the next report may be of 2, not of 10
    first = StageFacts(10, StageStatus.IN_PROGRESS, good=8)
    assert rules.reportable(GOOD, first, None, 10, 0) == 2
    assert rules.reportable(GOOD, StageFacts(20, StageStatus.IN_PROGRESS), first, 10, 0) == 8


def test_a_stage_that_ended_without_a_count_passed_on_the_whole_order():
    second = StageFacts(20, StageStatus.IN_PROGRESS)
    assert rules.reportable(GOOD, second, StageFacts(10, StageStatus.DONE), 10, 0) == 10
    assert rules.reportable(GOOD, second, StageFacts(10, StageStatus.DONE, scrap=10), 10, 0) == 0


@given(FACTS, st.none() | FACTS, st.integers(1, 5000), st.integers(0, 200), st.sampled_from(ProductionKind))
def test_whoever_reports_no_more_than_he_may_never_passes_what_he_was_given(stage, before, qty, percent, kind):
    remaining = rules.reportable(kind, stage, before, qty, percent)
    if kind is ProductionKind.REWORK:
        assert remaining is None
        return
    if remaining is None:
        assert before is None
        return
    grown = replace(stage, **{kind.value: getattr(stage, kind.value) + remaining})
    assert rules.reportable(kind, grown, before, qty, percent) == 0
    assert rules.reportable(kind, grown, before, qty, percent + 100) >= 0


@given(FACTS, FACTS, st.integers(-500, 500), st.integers(1, 5000), st.integers(0, 200))
def test_only_what_lessens_the_next_stages_pieces_below_its_use_takes_away(stage, after, change, qty, percent):
    changed = replace(stage, good=max(0, stage.good + change))
    if rules.takes_away(stage, changed, after, qty, percent):
        assert rules.reportable(GOOD, after, changed, qty, percent) == 0
        assert rules.reportable(GOOD, replace(after, good=0, scrap=0, startup=0), changed, qty, percent) < after.used
    assert not rules.takes_away(stage, stage, after, qty, percent)
    assert not rules.takes_away(stage, changed, None, qty, percent)


PIECES = st.builds(Pieces, *[st.integers(0, 500)] * 4)
COUNTED = st.builds(Counted, *[st.integers(0, 5000)] * 4)


@given(PIECES, COUNTED)
def test_each_piece_is_counted_once_whoever_tells_it(told, counted):
    made = settled(told, counted)
    assert min(made.good, made.scrap, made.rework, made.startup) >= 0
    if counted == Counted():
        assert made == told
    # what people say of good pieces adds nothing to what a counter counted
    if counted.is_any:
        assert settled(replace(told, good=told.good + 7), counted) == made
    if counted.good > 1500:
        assert made.good + made.rework + (0 if counted.rejects else made.scrap + made.startup) == counted.good
    if not counted.good and counted.parts - counted.rejects > 1500:
        assert made.good + made.scrap + made.rework + made.startup == counted.parts
    if counted.rejects:
        assert (made.scrap, made.startup) == (counted.rejects, 0)


@pytest.mark.parametrize(
    ("counted", "made"),
    [
        (Counted(), Pieces(50, 3, 2, 1)),
        (Counted(good=60), Pieces(54, 3, 2, 1)),
        (Counted(good=60, rejects=5, parts=65), Pieces(58, 5, 2)),
        (Counted(parts=60, shots=99), Pieces(54, 3, 2, 1)),
        (Counted(shots=60, rejects=4), Pieces(54, 4, 2)),
        # a counter of rejects alone says nothing of good ones
        (Counted(rejects=4), Pieces(50, 4, 2)),
        # a counter gone wild, and one that was taken back further than people reported
        (Counted(good=2**40), Pieces(2**31 - 1, 3, 2, 1)),
        (Counted(good=1), Pieces(0, 3, 2, 1)),
    ],
)
def test_a_counter_is_believed_and_people_judge_what_it_counted(counted, made):
    assert settled(Pieces(50, 3, 2, 1), counted) == made
