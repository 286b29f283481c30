"""Binary COPY: what numpy laid out is read back by the format's description, field by field."""

import math
import struct
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.telemetry import pgcopy
from cloud.telemetry.rows import arrange
from shared.reading import Readings, empty, from_rows

KINDS = {
    "tag_id": ">i",
    "ts": ">q",
    "n": ">i",
    "received_at": ">q",
    "quality": ">h",
    "flags": ">h",
    "value": ">d",
    "status": ">q",
}
EPOCH_2000_US = 946_684_800_000_000


def parsed(stream: bytes) -> Iterator[dict[str, object]]:
    """Read a stream as PostgreSQL's documentation of COPY describes its binary format."""
    assert stream[:11] == b"PGCOPY\n\xff\r\n\0"
    flags, extension = struct.unpack_from(">II", stream, 11)
    assert (flags, extension) == (0, 0)
    at = 19
    while True:
        (fields,) = struct.unpack_from(">h", stream, at)
        at += 2
        if fields == -1:
            assert at == len(stream)
            return
        assert fields == len(pgcopy.COLUMNS)
        row: dict[str, object] = {}
        for name in pgcopy.COLUMNS:
            (length,) = struct.unpack_from(">i", stream, at)
            at += 4
            content = None if length == -1 else stream[at : at + length]
            at += max(length, 0)
            row[name] = content
            if content is not None:
                row[name] = content.decode() if name == "text" else struct.unpack(KINDS[name], content)[0]
        yield row


@st.composite
def blocks(draw: st.DrawFn) -> Readings:
    n = draw(st.integers(0, 20))

    def column(strategy: st.SearchStrategy) -> list:
        return draw(st.lists(strategy, min_size=n, max_size=n))

    times = st.integers(0, 4_102_444_799_999_999)
    return from_rows(
        column(st.integers(0, 3)),
        column(times),
        column(times),
        column(st.just(math.nan) | st.floats()),
        column(st.integers(0, 2)),
        column(st.integers(0, 255)),
        column(st.just(0) | st.integers(0, 2**32 - 1)),
        draw(st.dictionaries(st.integers(0, n - 1), st.text(st.characters(codec="utf-8"), max_size=5))) if n else {},
    )


@given(blocks())
def test_every_row_is_in_the_stream_with_each_of_its_fields(block: Readings):
    rows = arrange(block, [10, 20, 30, 2**31 - 1], 2**62)
    expected = [
        {
            "tag_id": int(rows.tag_id[row]),
            "ts": int(rows.readings.ts[row]) - EPOCH_2000_US,
            "n": int(rows.rank[row]),
            "received_at": int(rows.readings.received[row]) - EPOCH_2000_US,
            "quality": int(rows.readings.quality[row]),
            "flags": int(rows.readings.flags[row]),
            "value": None if math.isnan(rows.readings.value[row]) else float(rows.readings.value[row]),
            "status": int(rows.readings.status[row]) or None,
            "text": rows.readings.text.get(row),
        }
        for row in range(len(rows))
    ]
    told = list(parsed(pgcopy.encode(rows)))
    assert sorted(told, key=repr) == sorted(expected, key=repr)


@pytest.mark.parametrize("count", [1, 2, 1000])
def test_rows_of_one_kind_keep_their_order(count: int):
    block = from_rows([0] * count, range(count), 5, [float(row) for row in range(count)])
    assert [row["value"] for row in parsed(pgcopy.encode(arrange(block, [1], 2**62)))] == list(range(count))


def test_no_rows_make_an_empty_stream():
    assert list(parsed(pgcopy.encode(arrange(empty(), [], 0)))) == []
