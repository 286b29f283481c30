"""Readings in columns: joining and taking rows moves every column and every text together."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.reading import Readings, concatenate, empty, from_rows


def block(rows: list[tuple[int, int, float, str | None]]) -> Readings:
    return from_rows(
        [row[0] for row in rows],
        [row[1] for row in rows],
        7,
        [row[2] for row in rows],
        text={index: row[3] for index, row in enumerate(rows) if row[3] is not None},
    )


def rows_of(readings: Readings) -> list[tuple[int, int, float, str | None]]:
    return [
        (tag, ts, value, readings.text.get(row))
        for row, (tag, ts, value) in enumerate(
            zip(readings.tag.tolist(), readings.ts.tolist(), readings.value.tolist(), strict=True)
        )
    ]


rows = st.lists(
    st.tuples(st.integers(0, 9), st.integers(0, 10**15), st.floats(allow_nan=False), st.none() | st.text(max_size=5)),
    max_size=8,
)


@given(st.lists(rows, max_size=4))
def test_joined_blocks_hold_the_rows_of_all_blocks_in_order(blocks: list[list[tuple[int, int, float, str | None]]]):
    assert rows_of(concatenate([block(each) for each in blocks])) == [row for each in blocks for row in each]


@given(rows, st.randoms(use_true_random=False))
def test_taken_rows_keep_their_texts(taken, random):
    order = random.choices(range(len(taken)), k=random.randint(0, 10)) if taken else []
    assert rows_of(block(taken).take(np.array(order, np.intp))) == [taken[index] for index in order]


def test_an_empty_block_has_columns_of_the_right_types():
    columns = [getattr(empty(), name) for name in ("tag", "ts", "received", "value", "quality", "flags", "status")]
    assert [str(column.dtype) for column in columns] == [
        "uint32", "int64", "int64", "float64", "uint8", "uint8", "uint32",
    ]  # fmt: skip
    assert len(empty()) == 0


def test_a_single_number_stands_for_every_row():
    readings = from_rows([1, 2], [3, 4], 5, [6.0, 7.0], quality=2, flags=1, status=[8, 9])
    assert readings.received.tolist() == [5, 5]
    assert readings.quality.tolist() == [2, 2]
    assert readings.status.tolist() == [8, 9]


def test_a_value_that_its_column_cannot_hold_is_refused():
    with pytest.raises(OverflowError):
        from_rows([-1], [0], 0, [0.0])
