"""Spans as PostgreSQL has them in binary: they go in and come out to the bit, and nothing else does."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from cloud.errors import CloudError
from cloud.predictions.history import HOUR, Spans
from cloud.predictions.imported.packing import pack, unpack

MOMENTS = st.integers(946_684_800_000_000, 4_102_444_800_000_000)


@st.composite
def spans(draw):
    rows, columns = draw(st.integers(0, 20)), draw(st.integers(1, 4))
    whose = draw(st.lists(st.integers(0, 2**31 - 1), min_size=rows, max_size=rows))
    at, known = (draw(st.lists(MOMENTS, min_size=rows, max_size=rows)) for _ in range(2))
    values = draw(arrays.arrays(np.float64, (columns, rows)))
    named = {f"c{number}": values[number] for number in range(columns)}
    return Spans(np.array(whose, np.int32), np.array(at, np.int64), np.array(known, np.int64), named, HOUR)


def sent(made: Spans) -> list[tuple[int, bytes]]:
    """What PostgreSQL sends of spans, each a place of its own: as the stream into it has them, but for the lengths."""
    width = len(made.columns)
    size, head = 2 + 8 + 12 + 12 + 4 + 20 + 12 * width, 19
    rows = [pack(made)[start : start + size] for start in range(head, head + size * len(made), size)]
    return [(struct.unpack_from(">i", row, 6)[0], row[14:22] + row[26:34] + row[38:]) for row in rows]


@given(spans())
def test_what_is_packed_is_unpacked_to_the_bit(made):
    machine, at, known, values = unpack(sent(made), len(made.columns))
    assert (machine.tolist(), at.tolist(), known.tolist()) == (
        made.machine.tolist(),
        made.at.tolist(),
        made.known.tolist(),
    )
    # also what is not a number, and the sign of a zero
    assert values.tobytes() == np.column_stack(list(made.columns.values())).tobytes()


def test_rows_of_a_place_come_one_behind_the_other():
    [(_, one)] = sent(ONE)
    machine, _, _, values = unpack([(7, one + one), (2, b""), (9, one)], 2)
    assert machine.tolist() == [7, 7, 9]
    assert values.tolist() == [[1.5, 2.0]] * 3
    assert len(unpack([], 2)[0]) == 0


ONE = Spans(
    np.array([3], np.int32), np.array([10**15]), np.array([10**15]), {"a": np.array([1.5]), "b": np.array([2.0])}
)


def test_a_row_is_as_the_manual_of_the_database_has_it():
    stream = pack(ONE)
    assert stream.startswith(b"PGCOPY\n\xff\r\n\x00" + bytes(8))
    fields, length, place, long, at = struct.unpack_from(">hiiiq", stream, 19)
    # from 2000 on
    assert (fields, length, place, long, at) == (4, 4, 3, 8, 10**15 - 946_684_800_000_000)
    assert stream.endswith(struct.pack(">idid", 8, 1.5, 8, 2.0) + b"\xff\xff")


@pytest.mark.parametrize(
    "content",
    [
        sent(ONE)[0][1][:-2],
        sent(ONE)[0][1][1:],
        # float4
        sent(ONE)[0][1].replace(struct.pack(">i", 701), struct.pack(">i", 700)),
    ],
    ids=["no end", "no begin", "other numbers"],
)
def test_what_is_not_made_of_such_rows_is_refused(content):
    with pytest.raises(CloudError, match="Rows of 2 values were asked of PostgreSQL, and it sent others"):
        unpack([(0, content)], 2)


def test_rows_of_another_width_are_refused():
    for columns in (1, 3):
        with pytest.raises(CloudError, match=f"Rows of {columns} values"):
            unpack(sent(ONE), columns)
