"""Refusing: what is set aside is told by tag and time, a hole that cannot be told is told otherwise, and only once."""

from collections.abc import Sequence
from uuid import uuid4

import pytest

from edge.buffer.dividing import Part, Suspects
from edge.buffer.refusing import Refusal, Verdict, judge
from shared.reading import Gap, GapCause, Readings, Tag, empty, from_rows
from shared.wire import batch as wire
from shared.wire.batch import BatchId
from tests.fakes.readings import TAGS, numbered, numbers

NOW_US = 1_800_000_000_000_000
ID = BatchId("test-gateway", uuid4(), 7)


def judged(
    readings: Readings, holes: Sequence[Gap] = (), tags: Sequence[Tag] = TAGS, *, is_whole: bool = False
) -> Verdict:
    body = wire.encode(ID, NOW_US, tags, readings, holes)
    return judge(body, Refusal(ID, "422 because", is_whole), Suspects(), 20, NOW_US)


def test_parts_are_numbered_from_the_next_number_on_and_hold_everything() -> None:
    verdict = judged(numbered(0, 9))
    assert [part.lease.id.seq for part in verdict.parts] == [20, 21]
    assert [number for part in verdict.parts for number in numbers(part.lease.body)] == list(range(9))
    assert verdict.parts[0].oldest_us == NOW_US


def test_a_reading_alone_is_told_by_its_tag_and_source_time() -> None:
    (gap,) = judged(from_rows([1], [NOW_US - 60], NOW_US, [5.0])).told or ()
    assert (gap.cause, gap.device, gap.tag) == (GapCause.REFUSED, TAGS[1].device, TAGS[1].name)
    assert (gap.from_us, gap.to_us) == (NOW_US - 60, NOW_US - 59)
    assert "422 because" in gap.detail


def test_a_hole_that_is_refused_is_told_in_the_plainest_way() -> None:
    hole = Gap(GapCause.OVERFLOW, 5, 9, "press-1", "force", "queue of 10")
    assert judged(empty(), [hole]).told == [
        Gap(GapCause.REFUSED, 5, 9, "press-1", "force", "overflow, told otherwise, for the cloud refused it")
    ]


def test_a_hole_that_is_refused_even_so_is_not_told_for_ever() -> None:
    assert judged(empty(), [Gap(GapCause.REFUSED, 5, 9)]).told == []


@pytest.mark.parametrize("body", [b"", b"TZGH of another version"])
def test_what_cannot_be_read_is_set_aside_whole_and_told_by_its_times(body: bytes) -> None:
    assert judge(body, Refusal(ID, "400"), Suspects(), 20, NOW_US) == Verdict()


def test_a_batch_refused_as_such_is_not_divided_and_its_holes_are_told_again() -> None:
    hole = Gap(GapCause.GATEWAY_DOWN, 5, 9)
    verdict = judged(numbered(0, 9, NOW_US), [hole], is_whole=True)
    assert not verdict.parts
    told, refused = verdict.told or ()
    assert told == hole
    assert (refused.cause, refused.from_us, refused.to_us) == (GapCause.REFUSED, NOW_US, NOW_US + 9)
    assert judged(empty(), [hole], is_whole=True).told == [hole]


def test_a_part_of_very_many_tags_is_told_by_its_times() -> None:
    tags = [Tag("hall", f"t{number}") for number in range(101)]
    rows = from_rows(list(range(101)), [NOW_US] * 101, NOW_US, [1.0] * 101)
    suspects = Suspects(credit=0)
    suspects.set_aside(Part(tags, rows, ()))
    body = wire.encode(ID, NOW_US, tags, rows)
    assert judge(body, Refusal(ID, "422"), suspects, 20, NOW_US) == Verdict()
