"""Payloads: what the simulator encodes by itself is read back, and no bytes crash the decoder or fill the memory."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.drivers.sparkplug import payload as decoder
from edge.drivers.sparkplug.payload import BadPayload, DataSet, decode
from simulators import sparkplug as node

NOW_MS = 1_795_176_000_000
metrics = st.builds(
    node.Said,
    name=st.none() | st.text(max_size=20),
    datatype=st.sampled_from([node.INT64, node.UINT64]),
    value=st.none() | st.integers(0, 2**64 - 1),
    alias=st.none() | st.integers(0, 2**64 - 1),
    ts_ms=st.none() | st.integers(0, 2**63),
    is_historical=st.booleans(),
    quality=st.none() | st.integers(0, 500),
)


@settings(deadline=None)
@given(st.lists(metrics, max_size=5), st.none() | st.integers(0, 255))
def test_what_was_encoded_is_read(said: list[node.Said], seq: int | None) -> None:
    read = decode(node.payload(said, seq=seq, ts_ms=NOW_MS))
    assert (read.seq, read.timestamp_ms) == (seq, NOW_MS)
    for metric, sent in zip(read.metrics, said, strict=True):
        assert (metric.name, metric.alias, metric.datatype) == (sent.name, sent.alias, sent.datatype)
        assert metric.timestamp_ms == (NOW_MS if sent.ts_ms is None else sent.ts_ms)
        assert (metric.value, metric.is_null) == (sent.value, sent.value is None)
        assert (metric.is_historical, metric.quality) == (sent.is_historical, sent.quality)


@pytest.mark.parametrize(
    ("datatype", "value"),
    [(node.FLOAT, 1.5), (node.DOUBLE, 0.1), (node.BOOLEAN, True), (node.STRING, "\u00fc"), (17, b"\0\xff")],
)
def test_each_kind_of_value_is_read(datatype: int, value: object) -> None:
    (metric,) = decode(node.payload([node.Said("m", datatype, value)], seq=0, ts_ms=1)).metrics
    assert metric.value == value


def test_a_data_set_is_read_with_its_columns_packed_or_not() -> None:
    table = node.Table({"a": node.INT32, "b": node.STRING}, [[1, "x"], [2, "y"]])
    encoded = node.payload([node.Said("t", node.DATASET, table)], seq=0, ts_ms=1)
    (metric,) = decode(encoded).metrics
    assert metric.value == DataSet(["a", "b"], [node.INT32, node.STRING], [[1, "x"], [2, "y"]])
    # a publisher with a newer compiler packs the types: 1a 02 03 0c instead of 18 03 18 0c
    packed = encoded.replace(b"\x18\x03\x18\x0c", b"\x1a\x02\x03\x0c")
    assert packed != encoded
    assert decode(packed).metrics[0].value == metric.value


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=300))
def test_no_bytes_crash_it(data: bytes) -> None:
    with contextlib.suppress(BadPayload):
        decode(data)


@settings(deadline=None, max_examples=200)
@given(st.lists(metrics, min_size=1, max_size=4), st.data())
def test_a_payload_cut_short_or_changed_is_read_or_refused(said: list[node.Said], data: st.DataObject) -> None:
    whole = bytearray(node.payload(said, seq=3, ts_ms=NOW_MS))
    at = data.draw(st.integers(0, len(whole) - 1))
    with contextlib.suppress(BadPayload):
        decode(bytes(whole[:at]))
    whole[at] = data.draw(st.integers(0, 255))
    with contextlib.suppress(BadPayload):
        decode(bytes(whole))


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"\x12\xff\xff\xff\xff\x0f", "a field of 4294967295 bytes where 0 are left"),
        (b"\x08" + b"\xff" * 11, "a number that does not end"),
        (b"\x08", "a number that does not end"),
        (b"\x00\x01", "a field without a number"),
        (b"\x0b", "wire type 3"),
        (b"\x12\x01\x12", "a number that does not end"),
        (b"\x12\x03\x0a\x01\xff", "no UTF-8"),
        (b"\x0a\x01a", "bytes where a whole number should be"),
        (b"\x10\x01", "a whole number where bytes should be"),
        (b"\x12\x04\x62\x02aa", "2 bytes where a floating point number"),
    ],
)
def test_what_is_wrong_is_said(data: bytes, told: str) -> None:
    with pytest.raises(BadPayload, match=told):
        decode(data)


def test_nesting_and_counts_are_bounded() -> None:
    nested = b""
    for _ in range(10):
        nested = decoder._number(2 << 3 | 2) + decoder._counted(decoder._number(18 << 3 | 2) + decoder._counted(nested))
    with pytest.raises(BadPayload, match="deeper than"):
        decode(nested)
    with pytest.raises(BadPayload, match="more than 50000 metrics"):
        decode(b"\x12\x00" * 50_001)
    # 20,000 empty rows of a data set in 60 kB
    rows = decoder._number(17 << 3 | 2) + decoder._counted(b"\x22\x00" * 20_000)
    with pytest.raises(BadPayload, match="cells"):
        decode(b"\x12" + decoder._counted(rows))


def test_a_rebirth_command_is_the_one_that_nodes_look_for() -> None:
    (metric,) = decode(decoder.rebirth_command(NOW_MS)).metrics
    assert (metric.name, metric.datatype, metric.value) == ("Node Control/Rebirth", node.BOOLEAN, True)
    assert decoder.rebirth_command(NOW_MS) == node.payload(
        [node.Said("Node Control/Rebirth", node.BOOLEAN, value=True)], seq=None, ts_ms=NOW_MS
    )
