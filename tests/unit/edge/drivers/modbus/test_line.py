"""Those who do not answer cost the others little, and are found again."""

from edge.drivers.modbus.line import Concern, Line
from edge.drivers.modbus.plan import Span, Table, plan
from edge.drivers.modbus.schedule import Poll


def poll(unit: int, address: int = 0) -> Poll:
    (request,) = plan([Span(0, unit, Table.HOLDING, address, 1, 1.0)])
    return Poll(request, 0)


def test_one_missing_answer_is_no_silence() -> None:
    line, one = Line([1]), poll(1)
    silence = line.unanswered(one, 10.0, 1.0)
    assert silence.until is None
    assert not line.is_silent(1)
    assert not line.is_trusted(one)
    assert not line.answered(one)
    assert line.is_trusted(one)


def test_two_in_a_row_make_a_unit_silent() -> None:
    line = Line([1, 2], share=0.1)
    line.unanswered(poll(1, 0), 10.0, 1.0)
    silence = line.unanswered(poll(1, 9), 11.0, 1.0)
    assert silence.concern is Concern.UNIT
    assert silence.until == 11.0 + 10.0
    assert line.is_silent(1)
    assert not line.is_silent(2)
    assert not line.is_dead


def test_all_silent_units_together_keep_within_the_share() -> None:
    line, polls, now = Line([1, 2, 3], share=0.05), [poll(1), poll(2)], 0.0
    for each in polls:
        line.unanswered(each, now, 1.0)
    due = dict.fromkeys(polls, now)
    asked_s = 0.0
    while now < 2000.0:
        each = min(polls, key=lambda each: due[each])
        now = max(now, due[each]) + 1.0
        asked_s += 1.0
        until = line.unanswered(each, now, 1.0).until
        assert until is not None
        due[each] = until
    assert asked_s / now < 0.055


def test_a_quick_refusal_of_the_gateway_costs_little_and_is_repeated_soon() -> None:
    line, one = Line([1, 2]), poll(1)
    line.unanswered(one, 0.0, 0.002)
    until = line.unanswered(one, 0.002, 0.002).until
    assert until is not None
    assert until < 0.1


def test_a_unit_that_answers_is_trusted_again() -> None:
    line, one = Line([1, 2]), poll(1)
    line.unanswered(one, 0.0, 1.0)
    line.unanswered(one, 1.0, 1.0)
    assert line.answered(one)
    assert not line.is_silent(1)
    assert line.is_trusted(one)


def test_the_line_is_dead_when_every_unit_is_silent() -> None:
    line = Line([1, 2])
    for each in (poll(1), poll(2)):
        assert not line.is_dead
        line.unanswered(each, 0.0, 1.0)
        line.unanswered(each, 0.0, 1.0)
    assert line.is_dead


def test_a_line_without_units_is_not_dead() -> None:
    assert not Line([]).is_dead


def test_a_poll_that_alone_is_not_answered_is_mute_and_its_unit_is_not_silent() -> None:
    line, mute, other = Line([1], share=0.1), poll(1, 0), poll(1, 50)
    line.unanswered(mute, 0.0, 1.0)
    line.answered(other)
    assert line.is_trusted(other)
    assert not line.is_trusted(mute)
    silence = line.unanswered(mute, 5.0, 1.0)
    assert silence.concern is Concern.POLL
    assert silence.until == 5.0 + 10.0
    assert not line.is_silent(1)
    assert line.is_trusted(other)


def test_the_parts_of_a_mute_poll_are_mute_until_they_answer() -> None:
    line, mute, other = Line([1]), poll(1, 0), poll(1, 50)
    line.unanswered(mute, 0.0, 1.0)
    line.answered(other)
    parts = [poll(1, 0), poll(1, 1)]
    line.replace(mute, parts)
    assert line.unanswered(parts[0], 9.0, 1.0).concern is Concern.POLL
    line.answered(parts[1])
    assert line.is_trusted(parts[1])
    assert not line.is_trusted(parts[0])
