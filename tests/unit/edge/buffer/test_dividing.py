"""Dividing: what is at fault, and it alone, is set aside in the end, and looking for it has a bounded price."""

from collections.abc import Callable
from dataclasses import replace
from uuid import uuid4

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.buffer.dividing import CREDIT, CREDIT_OF_BATCH, Part, Suspects
from shared.reading import Gap, GapCause, Readings, concatenate
from shared.wire.batch import Batch, BatchId, Header
from tests.fakes.readings import TAGS, numbered

HEAD = Header(BatchId("g", uuid4(), 1), 0, 1)
GAPS = [Gap(GapCause.OVERFLOW, number, number + 1) for number in range(5)]


def batch(part: Part) -> Batch:
    return Batch(HEAD, list(part.tags), part.readings, list(part.gaps))


def of(*counts: int, gaps: int = 0) -> Part:
    """Return a part with so many readings of the first tag, the second, ..; numbered from 0 on."""
    blocks, first = list[Readings](), 0
    for tag, count in enumerate(counts):
        blocks.append(numbered(first, count, tag=tag))
        first += count
    return Part(TAGS, concatenate(blocks), GAPS[:gaps])


def looked_for(
    whole: Part, is_refused: Callable[[Part], bool], suspects: Suspects | None = None
) -> tuple[list[Part], list[Part], int]:
    """Do what the buffer and a cloud do; returns what arrived, what was set aside, and how often was refused."""
    suspects = suspects or Suspects()
    arrived, aside, refusals, todo = list[Part](), list[Part](), 0, [whole]
    while todo:
        part = todo.pop()
        if not is_refused(part):
            arrived.append(part)
            suspects.taken(1)
            continue
        refusals += 1
        parts = suspects.divide(batch(part))
        todo += parts
        if not parts:
            suspects.set_aside(part)
            aside.append(part)
    return arrived, aside, refusals


def values(parts: list[Part]) -> list[int]:
    return sorted(int(value) for part in parts for value in part.readings.value)


@given(
    st.lists(st.integers(0, 60), min_size=3, max_size=3).filter(any),
    st.sets(st.integers(0, 180)),
    st.sets(st.integers(0, 4)),
)
def test_what_is_at_fault_and_nothing_else_is_set_aside(counts: list[int], poison: set[int], sick: set[int]) -> None:
    whole = of(*counts, gaps=5)

    def is_refused(part: Part) -> bool:
        return bool(poison & set(values([part])) or sick & {gap.from_us for gap in part.gaps})

    arrived, aside, _ = looked_for(whole, is_refused)
    assert values(aside) == sorted(poison & set(range(sum(counts))))
    assert values(arrived) == sorted(set(range(sum(counts))) - poison)
    assert sorted(gap.from_us for part in aside for gap in part.gaps) == sorted(sick)
    assert sorted(gap.from_us for part in arrived for gap in part.gaps) == sorted({*range(5)} - sick)
    assert all(len(part.readings) + len(part.gaps) == 1 for part in aside)


def test_one_of_twenty_thousand_is_found_with_few_refusals() -> None:
    _, aside, refusals = looked_for(of(6_000, 7_000, 7_000), lambda part: 11_111 in part.readings.value)
    assert values(aside) == [11_111]
    assert refusals <= 17


def test_the_next_reading_at_fault_of_a_tag_holds_up_the_other_tags_for_one_refusal() -> None:
    suspects = Suspects()
    looked_for(of(0, 50), lambda part: 7 in part.readings.value, suspects)
    others, suspected = suspects.divide(batch(of(40, 50, 40)))
    assert values([suspected]) == list(range(40, 90))
    assert values([others]) == [*range(40), *range(90, 130)]


def test_a_tag_that_is_wrong_as_a_whole_costs_a_bounded_number_of_refusals_in_the_long_run() -> None:
    suspects, refusals, lost, rounds = Suspects(), 0, 0, 300
    for _ in range(rounds):
        arrived, aside, count = looked_for(of(50, 50, 50), lambda part: bool((part.readings.tag == 1).any()), suspects)
        assert len(values(arrived)) == 100, "the innocent tags are not held up"
        refusals += count
        lost += len(values(aside))
    assert lost == 50 * rounds
    # without a bound it were 50 and more a round
    assert refusals < 2 * CREDIT + (2 + CREDIT_OF_BATCH) * 3 * rounds


def test_credit_comes_back_with_what_the_cloud_takes() -> None:
    suspects = Suspects()
    pair = of(0, 2)
    suspects.set_aside(pair)
    for _ in range(CREDIT):
        assert len(suspects.divide(batch(pair))) == 2
    assert suspects.divide(batch(pair)) == []
    suspects.taken(1)
    assert len(suspects.divide(batch(pair))) == 2


@pytest.mark.parametrize("part", [of(1), of(0, 0, 1), replace(of(), gaps=GAPS[:1])])
def test_what_stands_alone_is_not_divided(part: Part) -> None:
    assert Suspects().divide(batch(part)) == []


def test_the_order_within_a_tag_is_kept() -> None:
    for part in Suspects().divide(batch(of(9))):
        assert (np.diff(part.readings.value) > 0).all()
