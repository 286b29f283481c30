"""Who is asked less often because others would be late, and how much less."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.drivers.modbus.fairness import interval_s
from edge.drivers.modbus.plan import Span, Table, plan
from edge.drivers.modbus.schedule import Poll


def poll(unit: int, every_s: float = 1.0, address: int = 0) -> Poll:
    (request,) = plan([Span(0, unit, Table.HOLDING, address, 1, every_s)])
    return Poll(request, 0)


def intervals(took_s: list[float], every_s: float = 1.0) -> list[float]:
    """Return the interval of each unit, one poll each."""
    polls = [poll(unit, every_s) for unit in range(1, len(took_s) + 1)]
    took = dict(zip(polls, took_s, strict=True))
    return [interval_s(one, took[one], took, polls) for one in polls]


def test_who_leaves_enough_for_the_others_keeps_its_period() -> None:
    assert intervals([0.4, 0.02, 0.02]) == [1.0] * 3


def test_who_takes_more_than_is_left_is_asked_as_often_as_fits() -> None:
    slow, *others = intervals([0.95, 0.1, 0.1])
    assert slow == pytest.approx(0.95 / (0.96 - 0.2))
    assert others == [1.0, 1.0]


def test_who_holds_the_line_for_longer_than_a_neighbours_period_has_the_share_of_the_silent() -> None:
    assert intervals([2.0, 0.01]) == [pytest.approx(2.0 / 0.04), 1.0]
    assert intervals([2.0, 2.0, *[0.01] * 3]) == [pytest.approx(2 * 2.0 / 0.04)] * 2 + [1.0] * 3


def test_equals_stay_equal_however_much_is_asked_of_the_line() -> None:
    assert intervals([0.3] * 5) == [1.0] * 5
    assert intervals([1.5, 2.0, 2.5]) == [1.0] * 3


def test_blocks_of_one_unit_are_no_neighbours_of_each_other() -> None:
    polls = [poll(1, address=0), poll(1, address=100)]
    assert interval_s(polls[0], 5.0, dict.fromkeys(polls, 5.0), polls) == 1.0


def test_what_was_never_answered_counts_for_nothing() -> None:
    known, unknown = poll(1), poll(2)
    assert interval_s(known, 0.9, {known: 0.9}, [known, unknown]) == 1.0


@given(st.lists(st.floats(0.001, 5.0), min_size=2, max_size=12))
def test_nobody_is_asked_more_often_than_planned_and_one_always_keeps_its_period(took_s: list[float]) -> None:
    found = intervals(took_s)
    assert min(found) >= 1.0
    assert found[took_s.index(min(took_s))] == 1.0
