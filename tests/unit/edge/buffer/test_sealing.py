"""Sealing loses nothing, cuts to size, and sets apart only what cannot be packed."""

from uuid import UUID

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edge.buffer import block, sealing
from shared.reading import Gap, GapCause, Tag, concatenate, empty, from_rows
from shared.wire import batch as wire
from tests.fakes.readings import TAGS, gaps, numbered, numbers

FIRST = wire.BatchId("izmir-hall2", UUID(int=7), 40)
NOW_US = 1_800_000_000_000_000
GAP = Gap(GapCause.GATEWAY_DOWN, 5, 9)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 60)), max_size=12), st.integers(0, 2))
def test_every_row_is_in_one_batch_in_the_order_of_its_tag(parts: list[tuple[int, int]], holes: int) -> None:
    rows, first = [], 0
    for tag, count in parts:
        rows.append(numbered(first, count, NOW_US, tag))
        first += count
    sealed, spoiled = sealing.seal(concatenate(rows), [GAP] * holes, TAGS, FIRST, NOW_US)
    assert spoiled is None
    assert sorted(n for batch in sealed for n in numbers(batch.lease.body)) == list(range(first))
    assert sum(len(gaps(batch.lease.body)) for batch in sealed) == holes
    for batch in sealed:
        assert batch.lease.rows == len(numbers(batch.lease.body))
        assert wire.header(batch.lease.body) == wire.Header(batch.lease.id, batch.lease.rows, NOW_US)


def test_many_rows_become_batches_of_like_size_with_numbers_in_a_row() -> None:
    sealed, _ = sealing.seal(numbered(0, 2 * sealing.BATCH_ROWS + 1), [GAP], TAGS, FIRST, NOW_US)
    assert [batch.lease.id.seq for batch in sealed] == [40, 41, 42]
    assert {batch.lease.rows for batch in sealed} == {33_334, 33_333}
    assert [n for batch in sealed for n in numbers(batch.lease.body)] == list(range(2 * sealing.BATCH_ROWS + 1))
    assert [len(gaps(batch.lease.body)) for batch in sealed] == [1, 0, 0]


def test_long_texts_are_spread_until_the_wire_can_carry_them() -> None:
    rows = numbered(0, 6_000)
    rows.text.update(dict.fromkeys(range(6000), "x" * wire.MAX_TEXT))
    sealed, spoiled = sealing.seal(rows, [], TAGS, FIRST, NOW_US)
    assert spoiled is None
    assert [n for batch in sealed for n in numbers(batch.lease.body)] == list(range(6_000))
    assert len(sealed) > 2


def test_a_reading_that_cannot_be_packed_costs_itself_only() -> None:
    rows = numbered(0, 1_000)
    rows.text[17] = "x" * (wire.MAX_TEXT + 1)
    rows.text[900] = "\0"
    sealed, spoiled = sealing.seal(rows, [GAP], TAGS, FIRST, NOW_US)
    stored = [n for batch in sealed for n in numbers(batch.lease.body)]
    assert stored == [n for n in range(1_000) if n not in {17, 900}]
    assert spoiled is not None
    assert spoiled.count == 2
    assert block.unpack(spoiled.body)[0].value.tolist() == [17.0, 900.0]
    assert [batch.lease.id.seq for batch in sealed] == list(range(40, 40 + len(sealed)))
    assert sum(len(gaps(batch.lease.body)) for batch in sealed) == 1


def test_a_gap_that_cannot_be_packed_costs_itself_only() -> None:
    bad = Gap(GapCause.OVERFLOW, 5, 9, detail="line\nbreak")
    sealed, spoiled = sealing.seal(numbered(0, 10), [GAP, bad, GAP], TAGS, FIRST, NOW_US)
    assert [gap for batch in sealed for gap in gaps(batch.lease.body)] == [GAP, GAP]
    assert [n for batch in sealed for n in numbers(batch.lease.body)] == list(range(10))
    assert spoiled is not None
    assert block.unpack(spoiled.body)[1] == [bad]


def test_a_tag_that_cannot_be_packed_costs_its_readings_only() -> None:
    tags = [TAGS[0], Tag("press\n1", "force")]
    rows = from_rows([0, 1, 0, 1], [NOW_US] * 4, NOW_US, [0.0, 1.0, 2.0, 3.0])
    sealed, spoiled = sealing.seal(rows, [], tags, FIRST, NOW_US)
    assert [n for batch in sealed for n in numbers(batch.lease.body)] == [0, 2]
    assert spoiled is not None
    assert spoiled.count == 2


def test_nothing_gives_no_batch() -> None:
    assert sealing.seal(empty(), [], TAGS, FIRST, NOW_US) == ([], None)


def test_the_span_is_that_of_the_receive_times() -> None:
    rows = from_rows([0, 0], [1, 2], np.array([30, 20]).tolist(), [0.0, 1.0])
    (batch,), _ = sealing.seal(rows, [], TAGS, FIRST, NOW_US)
    assert (batch.oldest_us, batch.newest_us) == (20, 30)
