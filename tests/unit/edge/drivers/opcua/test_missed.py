"""What may be missing after an outage, and what of that stays missing."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edge.drivers.opcua.config import OpcUaDevice, OpcUaTag
from edge.drivers.opcua.last import Last
from edge.drivers.opcua.missed import Missed, Outage, Stretch, known, remaining
from edge.drivers.spec import Point
from edge.ports import Settled
from shared.reading import ClosedBy, GapCause, Quality, Readings, from_rows

DEVICES = [OpcUaDevice(name=name, on="plc") for name in ("press", "oven")]
POINTS = [Point(device.name, tag, 1.0, device, OpcUaTag(node=f"s={tag}")) for device in DEVICES for tag in ("a", "b")]
T = 1_790_000_000_000_000
S = 1_000_000
OUTAGE = Outage(GapCause.COMMUNICATION_LOST, T + 10 * S, T + 20 * S, "cut")


def readings(*rows: tuple[int, int]) -> Readings:
    tags, times = zip(*rows, strict=True)
    return from_rows(tags, times, T + 21 * S, [1.0] * len(rows))


def begun(*since_s: int | None) -> Missed:
    missed = Missed()
    since = np.array([T + (each or 0) * S for each in since_s], np.int64)
    missed.begin(OUTAGE, since, np.array([each is not None for each in since_s]))
    return missed


def test_a_value_of_the_time_that_was_last_heard_has_missed_nothing() -> None:
    missed = begun(5, 5, 5, 5)
    stretches, firsts = missed.found(readings((0, T + 5 * S), (1, T + 15 * S)))
    assert stretches == [Stretch(1, T + 5 * S, T + 15 * S)]
    assert firsts.tolist() == [0, 1]


def test_only_the_first_value_of_a_point_settles_it() -> None:
    missed = begun(5, 5, 5, 5)
    assert len(missed.found(readings((0, T + 15 * S), (0, T + 16 * S)))[0]) == 1
    assert missed.found(readings((0, T + 17 * S)))[0] == []


def test_a_point_that_was_never_heard_has_missed_nothing() -> None:
    assert begun(None, 5, 5, 5).found(readings((0, T + 15 * S)))[0] == []


def test_a_refusal_settles_nothing_for_it_bears_no_time() -> None:
    missed = begun(5, 5, 5, 5)
    assert missed.found(readings((0, 0)))[0] == []
    assert missed.found(readings((0, T + 15 * S)))[0] == [Stretch(0, T + 5 * S, T + 15 * S)]


def test_what_was_not_heard_between_two_outages_keeps_the_time_of_the_first() -> None:
    missed = begun(5, 5, 5, 5)
    never = np.array([np.iinfo(np.int64).min] * 4)
    missed.begin(Outage(GapCause.COMMUNICATION_LOST, T + 30 * S, T + 40 * S, "again"), never, np.zeros(4, np.bool_))
    assert missed.found(readings((0, T + 45 * S)))[0] == [Stretch(0, T + 5 * S, T + 45 * S)]


def test_what_is_still_open_from_an_earlier_outage_keeps_its_earlier_time() -> None:
    missed = begun(5, 5, 5, 5)
    missed.found(readings((0, T + 15 * S)))
    later = Outage(GapCause.COMMUNICATION_LOST, T + 30 * S, T + 40 * S, "again")
    missed.begin(later, np.array([T + 25 * S] * 4, np.int64), np.array([True, False, False, False]))
    stretches, _ = missed.found(readings((0, T + 35 * S), (1, T + 35 * S)))
    assert stretches == [Stretch(0, T + 25 * S, T + 35 * S), Stretch(1, T + 5 * S, T + 35 * S)]
    (gap,) = missed.gaps(stretches[1:], (), POINTS)
    assert (gap.from_us, gap.to_us) == (OUTAGE.from_us, later.to_us)


def test_a_device_of_which_history_has_nothing_gets_one_gap_and_once() -> None:
    missed = begun(5, 5, 5, 5)
    open_ends = [Stretch(0, T, T + 15 * S), Stretch(1, T, T + 15 * S), Stretch(2, T, T + 15 * S)]
    first = missed.gaps(open_ends, (), POINTS)
    assert [(gap.device, gap.tag, gap.from_us, gap.to_us) for gap in first] == [
        (device, None, OUTAGE.from_us, OUTAGE.to_us) for device in ("press", "oven")
    ]
    assert missed.gaps(open_ends, (), POINTS) == []


def test_a_device_of_which_history_has_something_gets_a_gap_for_each_tag_that_lacks() -> None:
    missed = begun(5, 5, 5, 5)
    (gap,) = missed.gaps([Stretch(1, T + 5 * S, T + 9 * S)], {0, 1}, POINTS)
    assert (gap.device, gap.tag, gap.from_us, gap.to_us) == ("press", "b", T + 5 * S + 1, T + 9 * S)


def test_history_counts_as_whole_only_if_it_reaches_back_to_the_last_value() -> None:
    stretch = Stretch(0, T, T + 60 * S)
    assert remaining(stretch, [T, T + 10 * S], 1.0) is None
    assert remaining(stretch, [T + S], 1.0) is None
    assert remaining(stretch, [T + 30 * S, T + 20 * S], 1.0) == Stretch(0, T, T + 20 * S)
    assert remaining(stretch, [], 1.0) == stretch, "a history that was emptied hides no hole"


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 10), st.sampled_from(["x", "y", None])), max_size=30))
def test_the_last_reading_of_each_point_is_what_came_last(rows: list[tuple[int, int, str | None]]) -> None:
    last = Last(4)
    texts = {row: text for row, (_, _, text) in enumerate(rows) if text is not None}
    block = from_rows([tag for tag, *_ in rows], [T + at for _, at, _ in rows], T, [1.0] * len(rows), text=texts)
    last.note(block)
    expected = {tag: (T + at, text) for tag, at, text in rows}
    since, is_known = known(last, 4)
    assert {point: since[point] for point in range(4) if is_known[point]} == {
        point: ts for point, (ts, _) in expected.items()
    }
    every = last.all()
    assert {int(tag): every.text.get(row) for row, tag in enumerate(every.tag)} == {
        point: text for point, (_, text) in expected.items()
    }
    assert last.repeated(every).all()


def test_what_is_said_anew_with_another_value_text_or_status_is_no_repetition() -> None:
    last = Last(1)
    last.note(from_rows([0], [T], T, [1.0], text={0: "on"}))
    for block, same in (
        (from_rows([0], [T], T + S, [1.0], text={0: "on"}), True),
        (from_rows([0], [T + 1], T, [1.0], text={0: "on"}), False),
        (from_rows([0], [T], T, [2.0], text={0: "on"}), False),
        (from_rows([0], [T], T, [1.0], text={0: "off"}), False),
        (from_rows([0], [T], T, [1.0], status=3, text={0: "on"}), False),
    ):
        assert last.repeated(block).tolist() == [same]


def test_bad_readings_do_not_hold_again() -> None:
    last = Last(2)
    last.note(from_rows([0, 1], [T, T], T, [1.0, float("nan")], [Quality.GOOD, Quality.BAD]))
    assert last.all().tag.tolist() == [0]
    last.extend(1)
    assert known(last, 3)[1].tolist() == [True, True, False]


def settling(*since_s: int | None) -> Missed:
    missed = begun(*since_s)
    missed.starts(POINTS)
    return missed


def test_a_device_is_settled_when_the_first_value_of_its_last_point_has_come() -> None:
    missed = settling(5, 5, 5, 5)
    missed.found(readings((0, T + 5 * S), (2, T + 15 * S)))
    assert missed.settled({2}, POINTS) == []
    missed.found(readings((1, T + 5 * S)))
    assert missed.settled((), POINTS) == [Settled("press", ClosedBy.UNCHANGED)]
    missed.found(readings((3, T + 5 * S)))
    assert missed.settled((), POINTS) == [Settled("oven", ClosedBy.HISTORY)]
    assert missed.settled((), POINTS) == []


def test_tags_that_are_still_awaited_when_the_server_has_said_all_are_settled_one_by_one() -> None:
    missed = settling(5, 5, 5, 5)
    missed.found(readings((0, T + 5 * S)))
    missed.settled((), POINTS)
    # of the oven nothing has come at all, so all of it goes on
    assert missed.part(POINTS) == [Settled("press", ClosedBy.UNCHANGED, waiting=["b"])]
    assert missed.part(POINTS) == missed.settled((), POINTS) == []
    missed.found(readings((1, T + 5 * S)))
    assert missed.settled((), POINTS) == [Settled("press", ClosedBy.UNCHANGED, "b")]
    assert not missed.is_settled("oven")


def test_of_a_device_that_was_never_heard_nothing_can_be_had() -> None:
    missed = settling(5, 5, None, None)
    assert missed.settled((), POINTS) == [Settled("oven", None)]
