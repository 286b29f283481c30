"""Items of a data change, byte by byte, become readings in columns."""

import math
import struct
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import pytest
from asyncua import ua
from asyncua.ua.ua_binary import variant_to_binary
from hypothesis import given
from hypothesis import strategies as st

from edge.drivers.opcua.changes import BAD_NO_DATA, BAD_NOT_SUPPORTED, Changes, changes
from shared.reading import Flag, Quality

RECEIVED = 1_790_000_000_000_000
# 2025-11-20T12:34:56.7890123Z in ticks of 100 ns since 1601
TICKS = 134_081_156_967_890_123
MICROSECONDS = 1_763_642_096_789_012


def item(
    handle: int,
    value: bytes | None,
    status: int | None = None,
    source: int | None = None,
    source_pico: int | None = None,
    server: int | None = None,
    server_pico: int | None = None,
) -> bytes:
    """Encode one monitored item as OPC UA Part 6, 5.2.2.17 says, in the specification's own order."""
    tail = ((0x02, "<I", status), (0x04, "<q", source), (0x10, "<H", source_pico), (0x08, "<q", server))
    mask, data = (0x01, value) if value is not None else (0, b"")
    for bit, form, field in (*tail, (0x20, "<H", server_pico)):
        if field is not None:
            mask |= bit
            data += struct.pack(form, field)
    return struct.pack("<IB", handle, mask) + data


def decoded(*items: bytes) -> Changes:
    """Decode items that stand somewhere in a message."""
    return changes(b"before" + struct.pack("<i", len(items)) + b"".join(items) + b"\xff\xff\xff\xff", 6, RECEIVED)


def variant(value: object, kind: str) -> bytes:
    return variant_to_binary(ua.Variant(value, ua.VariantType[kind]))


def single(value: bytes | None, **rest: int) -> tuple[float, Quality, int, str | None]:
    """Return value, quality, status and text of one item."""
    readings = decoded(item(0, value, **rest)).readings
    return (
        float(readings.value[0]),
        Quality(int(readings.quality[0])),
        int(readings.status[0]),
        readings.text.get(0),
    )


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("Boolean", True),
        ("Boolean", False),
        ("SByte", -128),
        ("Byte", 255),
        ("Int16", -32768),
        ("UInt16", 65535),
        ("Int32", -(2**31)),
        ("UInt32", 2**32 - 1),
        ("Int64", -(2**53)),
        ("UInt64", 2**53),
        ("Float", 0.5),
        ("Double", 1e308),
    ],
)
def test_every_number_arrives_as_it_is(kind: str, value: float) -> None:
    assert single(variant(value, kind)) == (float(value), Quality.GOOD, 0, None)


def test_any_byte_but_zero_is_true() -> None:
    assert single(b"\x01\x02") == (1.0, Quality.GOOD, 0, None)


@pytest.mark.parametrize(
    ("kind", "value"), [("Int64", -(2**63)), ("Int64", 2**53 + 1), ("UInt64", 2**64 - 1), ("UInt64", 2**53 + 1)]
)
def test_an_integer_that_no_double_holds_is_exact_in_its_text(kind: str, value: int) -> None:
    number, quality, _, text = single(variant(value, kind))
    assert (number, quality, text) == (float(value), Quality.GOOD, str(value))


@pytest.mark.parametrize("value", [math.inf, -math.inf])
def test_infinities_pass_for_shaping_to_judge(value: float) -> None:
    assert single(variant(value, "Double")) == (value, Quality.GOOD, 0, None)


def test_nan_passes_as_a_good_value_for_shaping_to_judge() -> None:
    number, quality, status, _ = single(variant(math.nan, "Float"))
    assert math.isnan(number)
    assert (quality, status) == (Quality.GOOD, 0)


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("String", "Çevrim", "Çevrim"),
        ("String", "", ""),
        ("DateTime", datetime(2026, 11, 20, 12, 34, 56, 789012, tzinfo=UTC), "2026-11-20T12:34:56.789012Z"),
        (
            "Guid",
            uuid.UUID("09087e75-8e5e-499b-954f-f2a9603db28a"),
            "09087e75-8e5e-499b-954f-f2a9603db28a",
        ),
        ("ByteString", b"\x00\xff", "00ff"),
        ("LocalizedText", ua.LocalizedText("Pres", "tr"), "Pres"),
        ("QualifiedName", ua.QualifiedName("Force", 3), "Force"),
        ("NodeId", ua.NodeId("Force", 3), "ns=3;s=Force"),
    ],
)
def test_what_is_text_arrives_as_text(kind: str, value: object, text: str) -> None:
    number, quality, status, said = single(variant(value, kind))
    assert math.isnan(number)
    assert (quality, status, said) == (Quality.GOOD, 0, text)


def test_bytes_that_are_no_utf8_become_a_text_that_can_be_written() -> None:
    _, quality, _, text = single(b"\x0c" + struct.pack("<i", 3) + b"a\xffb")
    assert (quality, text) == (Quality.GOOD, "a\ufffdb")


def test_a_null_is_bad_and_says_that_there_was_no_data() -> None:
    null_string = b"\x0c\xff\xff\xff\xff"
    for nothing in (None, b"\x00", null_string):
        number, quality, status, text = single(nothing)
        assert math.isnan(number)
        assert (quality, status, text) == (Quality.BAD, BAD_NO_DATA, None)


def test_a_null_under_a_bad_status_keeps_the_servers_reason() -> None:
    assert single(None, status=0x80050000)[1:] == (Quality.BAD, 0x80050000, None)


@pytest.mark.parametrize(
    ("kind", "value", "why"),
    [
        ("Double", [1.0, 2.0], "arrays"),
        ("Double", [], "arrays"),
        ("Double", [[1.0, 2.0], [3.0, 4.0]], "arrays"),
        ("String", ["a", None], "arrays"),
        ("ExtensionObject", [ua.Argument(), ua.Range()], "arrays"),
        ("ExtensionObject", ua.Range(Low=1, High=2), "structures"),
        ("ExtensionObject", None, "structures"),
        ("DataValue", ua.DataValue(ua.Variant(1.0)), "DataValue"),
    ],
)
def test_what_no_reading_can_hold_is_bad_and_told_and_stops_nothing(kind: str, value: object, why: str) -> None:
    found = decoded(
        item(0, variant(1.5, "Double")), item(1, variant(value, kind), 0, TICKS), item(2, variant(7, "Byte"), 0)
    )
    assert found.readings.tag.tolist() == [0, 1, 2]
    assert found.readings.quality.tolist() == [Quality.GOOD, Quality.BAD, Quality.GOOD]
    assert found.readings.status.tolist() == [0, BAD_NOT_SUPPORTED, 0]
    assert found.readings.ts[1] == MICROSECONDS
    ((handle, reason),) = found.unsupported
    assert handle == 1
    assert why in reason


def test_a_variant_in_a_variant_is_stepped_over() -> None:
    found = decoded(item(0, b"\x18" + variant(1.0, "Double")), item(1, variant(2, "Byte")))
    assert found.readings.value[1] == 2
    assert found.unsupported == [(0, "values of type Variant are not supported")]


def test_an_unknown_structure_is_stepped_over() -> None:
    type_id = b"\x01\x09\x39\x30"
    encoded = b"\x16" + type_id + b"\x01" + struct.pack("<i", 5) + b"hello"
    found = decoded(item(0, encoded, source=TICKS), item(1, variant(2, "Byte")))
    assert found.readings.value[1] == 2
    assert [handle for handle, _ in found.unsupported] == [0]


@pytest.mark.parametrize(
    ("status", "quality"),
    [
        (0x00000000, Quality.GOOD),
        (0x00960000, Quality.GOOD),  # GoodLocalOverride
        (0x40900000, Quality.UNCERTAIN),  # UncertainLastUsableValue
        (0x80050000, Quality.BAD),  # BadCommunicationError
        (0xC0000000, Quality.BAD),  # reserved
    ],
)
def test_quality_is_the_status_codes_severity(status: int, quality: Quality) -> None:
    number, got, code, _ = single(variant(4.5, "Double"), status=status)
    assert (got, code) == (quality, status)
    # a bad value is none, never the last one repeated
    assert math.isnan(number) if quality is Quality.BAD else number == 4.5


def test_a_bad_text_is_none() -> None:
    assert single(variant("old", "String"), status=0x80050000) == (
        pytest.approx(math.nan, nan_ok=True),
        Quality.BAD,
        0x80050000,
        None,
    )


@pytest.mark.parametrize(
    ("status", "flags"),
    [
        (0x00000480, Flag.OVERFLOW),
        (0x40900480, Flag.OVERFLOW),
        (0x00000080, Flag(0)),  # the bit without the type that gives it its meaning
        (0x00000400, Flag(0)),
    ],
)
def test_the_overflow_bit_counts_only_where_it_is_one(status: int, flags: Flag) -> None:
    readings = decoded(item(0, variant(1, "Byte"), status)).readings
    assert readings.flags.tolist() == [flags]
    assert readings.status.tolist() == [status]


def test_source_time_is_whole_microseconds_floored_and_others_are_ignored() -> None:
    readings = decoded(
        item(0, variant(1, "Byte"), 0, TICKS, server=TICKS + 10**7),
        item(1, variant("x", "String"), 0, TICKS, 5, TICKS + 10**7, 7),
        item(2, variant(1.0, "Float"), None, TICKS, 5),
    ).readings
    assert readings.ts.tolist() == [MICROSECONDS] * 3
    assert readings.received.tolist() == [RECEIVED] * 3


def test_the_servers_time_stands_for_a_source_without_clock_and_zero_for_none() -> None:
    readings = decoded(item(0, variant(1, "Byte"), 0, server=TICKS), item(1, variant(1, "Byte"), 0, 0)).readings
    assert readings.ts.tolist() == [(TICKS - 116_444_736_000_000_000) // 10, 0]


def test_no_items_are_no_readings() -> None:
    assert len(decoded().readings) == 0
    assert len(changes(struct.pack("<i", -1), 0, RECEIVED).readings) == 0


@pytest.mark.parametrize(
    "data",
    [
        struct.pack("<i", 2) + item(0, variant(1.0, "Double")),
        struct.pack("<i", 2**31 - 1) + item(0, variant(1.0, "Double")),
        struct.pack("<i", 1) + item(0, variant(1.0, "Double"))[:-3],
        struct.pack("<i", 1) + item(0, variant("cut", "String"))[:-1],
        struct.pack("<i", 1) + item(0, b"\x8b" + struct.pack("<i", 2**31 - 1)) + b"\0" * 9,
        struct.pack("<i", 1) + b"\0\0\0\0\x41\x01\x01",
    ],
)
def test_what_is_cut_short_or_malformed_is_an_error(data: bytes) -> None:
    # asyncua's codec raises nearly anything; the caller translates
    with pytest.raises(Exception):  # noqa: B017, PT011
        changes(data, 0, RECEIVED)


def test_an_array_of_a_billion_nothings_costs_nothing() -> None:
    found = changes(struct.pack("<i", 1) + item(0, b"\x80" + struct.pack("<i", 2**30)), 0, RECEIVED)
    assert found.readings.quality.tolist() == [Quality.BAD]


NUMBERS = {
    "Boolean": st.booleans(),
    "SByte": st.integers(-(2**7), 2**7 - 1),
    "Byte": st.integers(0, 2**8 - 1),
    "Int16": st.integers(-(2**15), 2**15 - 1),
    "UInt16": st.integers(0, 2**16 - 1),
    "Int32": st.integers(-(2**31), 2**31 - 1),
    "UInt32": st.integers(0, 2**32 - 1),
    "Int64": st.integers(-(2**63), 2**63 - 1),
    "UInt64": st.integers(0, 2**64 - 1),
    "Float": st.floats(width=32, allow_nan=False),
    "Double": st.floats(allow_nan=False),
}
VALUES = st.one_of(
    [st.tuples(st.just(kind), values) for kind, values in NUMBERS.items()]
    + [st.tuples(st.just("String"), st.text(st.characters(exclude_categories=["Cs"])))]
)
ITEMS = st.lists(
    st.tuples(
        st.integers(0, 2**32 - 1),
        st.none() | VALUES,
        st.none() | st.integers(0, 2**32 - 1),
        st.none() | st.integers(1, 2**62),
        st.none() | st.integers(0, 9999),
        st.none() | st.integers(1, 2**62),
        st.none() | st.integers(0, 9999),
    ),
    max_size=20,
)


@given(ITEMS)
def test_any_mixture_of_items_comes_out_in_order(
    rows: Sequence[tuple[int, tuple[str, object] | None, int | None, int | None, int | None, int | None, int | None]],
) -> None:
    readings = decoded(*(item(row[0], row[1] and variant(row[1][1], row[1][0]), *row[2:]) for row in rows)).readings
    assert readings.tag.tolist() == [row[0] for row in rows]
    for at, (_, value, status, source, _, server, _) in enumerate(rows):
        code = status or 0
        is_bad = value is None or code >> 30 >= Quality.BAD
        assert readings.quality[at] == (Quality.BAD if is_bad else code >> 30)
        assert readings.status[at] == (BAD_NO_DATA if value is None and code >> 30 < Quality.BAD else code)
        ticks = source or server
        assert readings.ts[at] == ((ticks - 116_444_736_000_000_000) // 10 if ticks else 0)
        if is_bad or value is None:
            assert math.isnan(readings.value[at])
            assert at not in readings.text
        elif isinstance(value[1], str):
            assert readings.text[at] == value[1]
        else:
            assert readings.value[at] == float(value[1])  # type: ignore[arg-type]
            is_exact = isinstance(value[1], float) or abs(int(value[1])) <= 2**53  # type: ignore[call-overload]
            assert readings.text.get(at) == (None if is_exact else str(value[1]))
    assert readings.value.dtype == np.float64
