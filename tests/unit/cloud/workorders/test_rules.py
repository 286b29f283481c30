"""The default route, and an order's status."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from cloud.workorders import rules
from cloud.workorders.schemas import StageStatus

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
WINDOWS = st.timedeltas(timedelta(microseconds=2), timedelta(days=30))


@given(WINDOWS)
def test_the_default_route_fills_the_window_without_gap_or_overlap(window):
    first, second = rules.default_route(START, START + window)
    assert first.planned_start == START
    assert first.planned_start < first.planned_end == second.planned_start < second.planned_end == START + window
    assert (first.op_number, second.op_number) == (10, 20)


def test_moulding_takes_half_an_hour_and_assembly_the_rest():
    first, second = rules.default_route(START, START + timedelta(hours=2))
    assert (first.stage_name, second.stage_name) == ("Enjeksiyon", "Montaj")
    assert first.planned_end == START + timedelta(minutes=30)


def test_a_window_of_half_an_hour_or_less_is_halved():
    for minutes in (1, 10, 30):
        first, _ = rules.default_route(START, START + timedelta(minutes=minutes))
        assert first.planned_end == START + timedelta(minutes=minutes) / 2


@given(st.lists(st.sampled_from(StageStatus)))
def test_an_order_is_where_its_stages_are(stages):
    status = rules.order_status(stages)
    assert (status is StageStatus.DONE) == (bool(stages) and set(stages) == {StageStatus.DONE})
    assert (status is StageStatus.PLANNED) == (set(stages) <= {StageStatus.PLANNED})
