"""Blocks decode what a device packed, in every type and order, and many at once."""

import math
import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.drivers.modbus.decode import Block, Field
from edge.drivers.modbus.order import ByteOrder
from edge.drivers.modbus.plan import Request, Span, Table
from edge.drivers.modbus.values import ValueType
from shared.reading import Quality

PACKED = {
    ValueType.INT16: ">h",
    ValueType.UINT16: ">H",
    ValueType.INT32: ">i",
    ValueType.UINT32: ">I",
    ValueType.INT64: ">q",
    ValueType.UINT64: ">Q",
    ValueType.FLOAT16: ">e",
    ValueType.FLOAT32: ">f",
    ValueType.FLOAT64: ">d",
}
VALUES = {
    ValueType.INT16: st.integers(-(2**15), 2**15 - 1),
    ValueType.UINT16: st.integers(0, 2**16 - 1),
    ValueType.INT32: st.integers(-(2**31), 2**31 - 1),
    ValueType.UINT32: st.integers(0, 2**32 - 1),
    ValueType.INT64: st.integers(-(2**63), 2**63 - 1),
    ValueType.UINT64: st.integers(0, 2**64 - 1),
    ValueType.FLOAT16: st.floats(width=16),
    ValueType.FLOAT32: st.floats(width=32),
    ValueType.FLOAT64: st.floats(),
}
# the orders of the documentation, as they lie
LYING = {
    ByteOrder.BIG: "ABCDEFGH",
    ByteOrder.LITTLE: "HGFEDCBA",
    ByteOrder.BIG_SWAP: "BADCFEHG",
    ByteOrder.LITTLE_SWAP: "GHEFCDAB",
    ByteOrder.CDABGHEF: "CDABGHEF",
    ByteOrder.DCBAHGFE: "DCBAHGFE",
    ByteOrder.EFGHABCD: "EFGHABCD",
    ByteOrder.FEHGBADC: "FEHGBADC",
}


@dataclass(frozen=True)
class Known:
    """A field, the bytes a device would send for it, and what it means."""

    field: Field
    data: bytes
    value: float
    text: str | None = None


def wire(data: bytes, order: ByteOrder, *, is_text: bool = False) -> bytes:
    """Bring the bytes A B C .. into the order of a device, by swapping: what the orders mean, written another way."""
    lying = LYING[order]
    swaps_bytes, swaps_words = lying.index("A") % 2 == 1, lying.index("A") // 2 % 2 == 1
    swaps_halves = lying.index("A") >= 4
    words = [data[at : at + 2] for at in range(0, len(data), 2)]
    if swaps_bytes:
        words = [word[::-1] for word in words]
    if not is_text and len(words) > 1 and swaps_words:
        words = [word for pair in zip(words[1::2], words[::2], strict=True) for word in pair]
    if not is_text and len(words) == 4 and swaps_halves:
        words = words[2:] + words[:2]
    return b"".join(words)


@st.composite
def numbers(draw: st.DrawFn) -> Known:
    kind, order = draw(st.sampled_from(list(PACKED))), draw(st.sampled_from(ByteOrder))
    value = draw(VALUES[kind])
    text = str(value) if isinstance(value, int) and abs(value) > 2**53 else None
    return Known(Field(kind, order), wire(struct.pack(PACKED[kind], value), order), float(value), text)


@st.composite
def halves(draw: st.DrawFn) -> Known:
    kind = draw(st.sampled_from([t for t in ValueType if "int8" in t]))
    order, other = draw(st.sampled_from(ByteOrder)), draw(st.binary(min_size=1, max_size=1))
    form = "b" if kind.startswith("int8") else "B"
    (value,) = struct.unpack(form, draw(st.binary(min_size=1, max_size=1)))
    own = struct.pack(form, value)
    return Known(Field(kind, order), wire(own + other if "high" in kind else other + own, order), float(value))


@st.composite
def decimals(draw: st.DrawFn) -> Known:
    kind = draw(st.sampled_from([ValueType.BCD16, ValueType.BCD32, ValueType.BCD64]))
    digits, order = int(kind.removeprefix("bcd")) // 4, draw(st.sampled_from(ByteOrder))
    value = draw(st.integers(0, 10**digits - 1))
    data = wire(bytes.fromhex(f"{value:0{digits}d}"), order)
    return Known(Field(kind, order), data, float(value), str(value) if value > 2**53 else None)


@st.composite
def instants(draw: st.DrawFn) -> Known:
    order, is_unix = draw(st.sampled_from(ByteOrder)), draw(st.booleans())
    first, latest = (datetime(year, 1, 1) for year in (2000, 2106 if is_unix else 2127))  # noqa: DTZ001 - hypothesis wants it so
    at = draw(st.datetimes(first, latest, timezones=st.just(UTC)))
    if is_unix:
        at = at.replace(microsecond=0)
        kind, data = ValueType.DATETIME_UNIX, struct.pack(">I", round(at.timestamp()))
    else:
        at = at.replace(microsecond=at.microsecond // 1000 * 1000)
        kind = ValueType.DATETIME_IEC
        day = at.month << 8 | at.isoweekday() << 5 | at.day
        millis = at.second * 1000 + at.microsecond // 1000
        data = struct.pack(">HHHH", at.year - 2000, day, at.hour << 8 | at.minute, millis)
    timespec = "milliseconds" if at.microsecond else "seconds"
    text = at.isoformat(timespec=timespec).replace("+00:00", "Z")
    return Known(Field(kind, order), wire(data, order), at.timestamp(), text)


@st.composite
def bits(draw: st.DrawFn) -> Known:
    word, order = draw(st.integers(0, 2**16 - 1)), draw(st.sampled_from(ByteOrder))
    low, high = sorted((draw(st.integers(0, 15)), draw(st.integers(0, 15))))
    data = wire(struct.pack(">H", word), order)
    part = int(f"{word:016b}"[15 - high : 16 - low], 2)
    return Known(Field(ValueType.UINT16, order, bits=(low, high)), data, float(part))


@st.composite
def texts(draw: st.DrawFn) -> Known:
    words = draw(st.text(st.characters(blacklist_characters="\0", codec="utf-8"), max_size=10)).rstrip(" ")
    length = draw(st.integers(max(1, math.ceil(len(words.encode()) / 2)), 25))
    order, fill = draw(st.sampled_from(ByteOrder)), draw(st.sampled_from([b" ", b"\0", b"\0x"]))
    data = (words.encode() + fill * 2 * length)[: 2 * length]
    return Known(Field(ValueType.STRING, order, length=length), wire(data, order, is_text=True), math.nan, words)


def block_of(fields: Sequence[Field], offsets: Sequence[int], count: int) -> Block:
    spans = [
        Span(100 + point, 1, Table.HOLDING, 40 + offset, field.width, 1.0)
        for point, (field, offset) in enumerate(zip(fields, offsets, strict=True))
    ]
    return Block(Request(1, Table.HOLDING, 40, count, 1.0, tuple(spans)), fields)


def read(field: Field, data: bytes) -> tuple[float, str | None]:
    readings = block_of([field], [0], field.width).good(data, 1)
    return float(readings.value[0]), readings.text.get(0)


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.one_of(numbers(), halves(), decimals(), instants(), bits(), texts())),
        min_size=1,
        max_size=30,
    )
)
def test_a_block_gives_every_point_its_value(drawn: list[tuple[int, Known]]) -> None:
    data, offsets = b"", []
    for gap, known in drawn:
        data += b"\xee" * 2 * gap
        offsets.append(len(data) // 2)
        data += known.data
    readings = block_of([known.field for _, known in drawn], offsets, len(data) // 2).good(data, 77)
    assert readings.tag.tolist() == list(range(100, 100 + len(drawn)))
    assert readings.received.tolist() == [77] * len(drawn)
    assert not readings.ts.any()
    assert not readings.quality.any()
    assert not readings.status.any()
    for row, (_, known) in enumerate(drawn):
        value = float(readings.value[row])
        assert value == pytest.approx(known.value, rel=1e-15) or (math.isnan(value) and math.isnan(known.value))
        assert readings.text.get(row) == known.text


@pytest.mark.parametrize("order", ByteOrder)
def test_every_order_is_as_documented(order: ByteOrder) -> None:
    letters = dict(zip("ABCDEFGH", bytes(range(1, 9)), strict=True))
    ((one, two, four),) = re.findall(rf"^ +{order} +([AB]+) +([A-D]+) +([A-H]+)$", str(ByteOrder.__doc__), re.MULTILINE)
    assert four == LYING[order]
    assert read(Field(ValueType.UINT16, order), bytes(letters[it] for it in one)) == (0x0102, None)
    assert read(Field(ValueType.UINT32, order), bytes(letters[it] for it in two)) == (0x01020304, None)
    value, text = read(Field(ValueType.UINT64, order), bytes(letters[it] for it in four))
    assert (value, text) == (float(0x0102030405060708), str(0x0102030405060708))


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (ValueType.FLOAT32, b"\x7f\xa0\x00\x01"),  # a signalling NaN
        (ValueType.BCD16, b"\x12\x3a"),
        (ValueType.BCD64, b"\x99" * 7 + b"\x9f"),
        (ValueType.DATETIME_IEC, struct.pack(">HHHH", 24, 2 << 8 | 30, 0, 0)),  # 30 February
        (ValueType.DATETIME_IEC, struct.pack(">HHHH", 24, 13 << 8 | 1, 0, 0)),
        (ValueType.DATETIME_IEC, struct.pack(">HHHH", 24, 1 << 8 | 1, 128, 0)),  # marked invalid
        (ValueType.DATETIME_IEC, struct.pack(">HHHH", 24, 1 << 8 | 1, 24 << 8, 0)),
        (ValueType.DATETIME_IEC, struct.pack(">HHHH", 24, 1 << 8 | 1, 0, 60_000)),
        (ValueType.DATETIME_IEC, bytes(8)),
    ],
)
def test_what_is_no_number_or_no_date_is_none(kind: ValueType, data: bytes) -> None:
    value, text = read(Field(kind), data)
    assert math.isnan(value)
    assert text is None


def test_the_last_of_february_is_a_date_in_leap_years() -> None:
    data = struct.pack(">HHHH", 24, 2 << 8 | 29, 13 << 8 | 37, 12_500)
    assert read(Field(ValueType.DATETIME_IEC), data) == (1709213832.5, "2024-02-29T13:37:12.500Z")


@pytest.mark.parametrize("kind", [ValueType.INT64, ValueType.UINT64])
@pytest.mark.parametrize(("value", "text"), [(2**53, None), (2**53 + 1, str(2**53 + 1))])
def test_an_integer_no_double_holds_is_exact_in_its_text(kind: ValueType, value: int, text: str | None) -> None:
    assert read(Field(kind), struct.pack(PACKED[kind], value)) == (float(value), text)


def test_a_negative_integer_no_double_holds_is_exact_in_its_text() -> None:
    assert read(Field(ValueType.INT64), struct.pack(">q", -(2**63))) == (-(2.0**63), str(-(2**63)))
    assert read(Field(ValueType.INT64), struct.pack(">q", -(2**53))) == (-(2.0**53), None)


@pytest.mark.parametrize(
    ("data", "text"), [(b"EM24", "EM24"), (b"EM\0x", "EM"), (b"EM  ", "EM"), (b"\0\0\0\0", ""), (b"\xffM24", "�M24")]
)
def test_a_text_ends_with_its_first_nul_or_last_non_space(data: bytes, text: str) -> None:
    value, read_text = read(Field(ValueType.STRING, length=2), data)
    assert math.isnan(value)
    assert read_text == text


@given(st.lists(st.booleans(), min_size=1, max_size=100), st.data())
def test_bits_are_read_from_the_lowest(items: list[bool], data: st.DataObject) -> None:
    places = data.draw(st.lists(st.integers(0, len(items) - 1), min_size=1))
    packed = np.packbits(np.asarray(items, np.uint8), bitorder="little").tobytes()
    spans = tuple(Span(point, 1, Table.COIL, 7 + place, 1, 1.0) for point, place in enumerate(places))
    block = Block(Request(1, Table.COIL, 7, len(items), 1.0, spans), [Field()] * len(spans))
    assert block.size == len(packed)
    assert block.good(packed, 1).value.tolist() == [float(items[place]) for place in places]


def test_a_block_that_was_not_read_is_bad_with_its_status() -> None:
    readings = block_of([Field(), Field()], [0, 1], 2).bad(0x101, 99)
    assert readings.tag.tolist() == [100, 101]
    assert readings.quality.tolist() == [Quality.BAD, Quality.BAD]
    assert readings.status.tolist() == [0x101, 0x101]
    assert readings.received.tolist() == [99, 99]
    assert np.isnan(readings.value).all()
    assert readings.text == {}


def test_nobody_can_write_to_what_samples_share() -> None:
    readings = block_of([Field()], [0], 1).good(b"\0\1", 1)
    with pytest.raises(ValueError, match="read-only"):
        readings.quality[0] = Quality.BAD
