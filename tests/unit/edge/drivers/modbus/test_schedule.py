"""The schedule keeps its grid, whatever the line does to it."""

import math

from hypothesis import given
from hypothesis import strategies as st

from edge.drivers.modbus.plan import Request, Span, Table, plan, split
from edge.drivers.modbus.schedule import Poll, Schedule


def request(every_s: float, unit: int = 1, address: int = 0, width: int = 1) -> Request:
    (planned,) = plan([Span(0, unit, Table.HOLDING, address, width, every_s)])
    return planned


def taken(schedule: Schedule, now: float) -> list[Request]:
    """Take all that is due."""
    return [poll.request for poll in iter(lambda: schedule.take(now), None)]


def take(schedule: Schedule, now: float) -> Poll:
    poll = schedule.take(now)
    assert poll is not None
    return poll


def test_everything_is_due_at_the_start() -> None:
    fast, slow = request(0.1), request(1.0)
    assert taken(Schedule([fast, slow], 5.0), 5.0) == [fast, slow]


def test_each_request_keeps_its_own_period() -> None:
    fast, slow = request(1.0), request(3.0)
    schedule = Schedule([fast, slow], 10.0)
    seen = [taken(schedule, 10.0 + second) for second in range(7)]
    # at the same instant, who waited longest goes first
    assert seen == [[fast, slow], [fast], [fast], [slow, fast], [fast], [fast], [slow, fast]]
    assert schedule.missed == 0


def test_lines_that_begin_within_one_second_ask_in_step() -> None:
    early, late = Schedule([request(0.25)], 7.1), Schedule([request(0.25)], 7.6)
    assert len(taken(early, 7.1)) == len(taken(late, 7.6)) == 1
    taken(early, 7.6)
    assert early.next_s() == late.next_s() == 7.75
    assert late.missed == 0


def test_nothing_is_due_before_its_turn() -> None:
    schedule = Schedule([request(1.0)], 0.0)
    taken(schedule, 0.0)
    assert schedule.take(0.999) is None
    assert schedule.next_s() == 1.0


def test_a_late_poll_is_asked_once_and_the_rest_is_counted_as_missed() -> None:
    schedule = Schedule([request(1.0)], 0.0)
    taken(schedule, 0.0)
    assert len(taken(schedule, 4.5)) == 1
    assert schedule.missed == 3
    assert schedule.next_s() == 5.0


def test_a_turn_that_rounding_hides_is_not_asked_twice() -> None:
    # (1000.3 - 1000) / 0.1 is 2.9999999999995453, yet turn 3 has come
    schedule = Schedule([request(0.1)], 1000.0)
    take(schedule, 1000.0)
    assert len(taken(schedule, 1000.3)) == 1
    assert schedule.missed == 2


def test_an_empty_schedule_is_never_due() -> None:
    schedule = Schedule([], 0.0)
    assert schedule.take(1e9) is None
    assert schedule.next_s() == math.inf


@given(
    st.lists(st.sampled_from([0.1, 0.25, 1.0, 7.0]), min_size=1, max_size=5),
    st.lists(st.floats(0, 3), min_size=1, max_size=60),
)
def test_turns_asked_and_missed_are_all_that_passed(periods: list[float], steps: list[float]) -> None:
    requests = [request(every_s, address=10 * place) for place, every_s in enumerate(periods)]
    start = 1000.0
    schedule, now = Schedule(requests, start), start
    asked = dict.fromkeys(range(len(periods)), 0)
    for step in steps:
        now += step
        for one in taken(schedule, now):
            asked[requests.index(one)] += 1
    turns = sum(math.floor((now - start) / every_s) + 1 for every_s in periods)
    # at the very edge of a turn, rounding decides
    assert abs(sum(asked.values()) + schedule.missed - turns) <= len(periods)
    assert all(count <= len(steps) for count in asked.values())


@given(st.lists(st.floats(0.01, 0.5), min_size=20, max_size=80))
def test_an_overloaded_line_serves_all_alike(costs: list[float]) -> None:
    requests = [request(0.1, address=10 * place) for place in range(4)]
    schedule, now = Schedule(requests, 0.0), 0.0
    asked = dict.fromkeys(range(4), 0)
    for cost in costs:
        poll = schedule.take(now)
        if poll is not None:
            asked[requests.index(poll.request)] += 1
        now += cost
    assert max(asked.values()) - min(asked.values()) <= 1


def test_there_is_no_drift_over_a_year() -> None:
    schedule = Schedule([request(0.1)], 0.0)
    year_s = 31_536_000.0
    take(schedule, year_s)
    assert abs(schedule.next_s() - (year_s + 0.1)) < 1e-6


def test_a_unit_that_rests_is_late_and_others_are_not() -> None:
    tired, fresh = request(1.0, unit=1), request(1.0, unit=2)
    schedule = Schedule([tired, fresh], 0.0)
    take(schedule, 0.0)
    schedule.rest(1, 1.2)
    assert taken(schedule, 0.0) == [fresh]
    assert taken(schedule, 1.0) == [fresh]
    assert schedule.next_s() == 1.2
    assert taken(schedule, 1.2) == [tired]
    assert schedule.missed == 0


def test_polls_put_off_skip_their_turns_without_a_count() -> None:
    one, other = request(1.0), request(1.0, unit=2)
    schedule = Schedule([one, other], 0.0)
    poll = take(schedule, 0.0)
    taken(schedule, 0.0)
    schedule.put_off([poll], 2.5)
    assert taken(schedule, 1.0) == [other]
    assert taken(schedule, 2.5) == [other]
    assert sorted(each.request.unit for each in schedule.polls) == [1, 2]
    assert taken(schedule, 3.0) == [one, other]
    assert schedule.missed == 0


def test_the_parts_of_a_poll_are_due_at_once_for_its_turn() -> None:
    spans = [Span(place, 1, Table.HOLDING, place, 1, 1.0) for place in range(4)]
    (whole,) = plan(spans)
    schedule = Schedule([whole], 0.0)
    poll = take(schedule, 0.0)
    halves = split(whole)
    assert halves is not None
    parts = schedule.split(poll, halves)
    assert not poll.is_live
    assert schedule.polls == parts
    assert taken(schedule, 0.0) == list(halves)
    assert taken(schedule, 0.5) == []
    assert taken(schedule, 1.0) == list(halves)


def test_joined_polls_are_asked_as_one_from_the_next_turn_on() -> None:
    spans = [Span(place, 1, Table.HOLDING, place, 1, 1.0) for place in range(4)]
    (whole,) = plan(spans)
    halves = split(whole)
    assert halves is not None
    schedule = Schedule(halves, 0.0)
    taken(schedule, 0.0)
    joined = schedule.join(schedule.polls, whole)
    assert schedule.polls == [joined]
    assert taken(schedule, 0.0) == []
    assert taken(schedule, 1.0) == [whole]
