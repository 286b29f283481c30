"""Blocks decode what a device packed, in every type and order, and many at once."""

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.drivers.modbus.decode import Block, ByteOrder, Field, ValueType
from edge.drivers.modbus.plan import Request, Span, Table
from shared.reading import Quality

PACKED = {
    ValueType.INT16: ">h",
    ValueType.UINT16: ">H",
    ValueType.INT32: ">i",
    ValueType.UINT32: ">I",
    ValueType.INT64: ">q",
    ValueType.UINT64: ">Q",
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
    ValueType.FLOAT32: st.floats(width=32),
    ValueType.FLOAT64: st.floats(),
}


@dataclass(frozen=True)
class Known:
    """A field, the bytes a device would send for it, and what it means."""

    field: Field
    data: bytes
    value: float
    text: str | None = None


def wire(data: bytes, order: ByteOrder, *, is_text: bool = False) -> bytes:
    """Bring the bytes A B C .. into the order of a device: the table in ByteOrder, written another way."""
    words = [data[at : at + 2] for at in range(0, len(data), 2)]
    if order in {ByteOrder.LITTLE, ByteOrder.LITTLE_SWAP} and not is_text:
        words.reverse()
    if order in {ByteOrder.LITTLE, ByteOrder.BIG_SWAP}:
        words = [word[::-1] for word in words]
    return b"".join(words)


@st.composite
def numbers(draw: st.DrawFn) -> Known:
    kind, order = draw(st.sampled_from(list(PACKED))), draw(st.sampled_from(ByteOrder))
    value = draw(VALUES[kind])
    text = str(value) if isinstance(value, int) and abs(value) > 2**53 else None
    return Known(Field(kind, order), wire(struct.pack(PACKED[kind], value), order), float(value), text)


@st.composite
def bits(draw: st.DrawFn) -> Known:
    word, bit, order = draw(st.integers(0, 2**16 - 1)), draw(st.integers(0, 15)), draw(st.sampled_from(ByteOrder))
    data = wire(struct.pack(">H", word), order)
    return Known(Field(ValueType.UINT16, order, bit=bit), data, float(word >> bit & 1))


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


@given(st.lists(st.tuples(st.integers(0, 3), st.one_of(numbers(), bits(), texts())), min_size=1, max_size=30))
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
        assert value == known.value or (math.isnan(value) and math.isnan(known.value))
        assert readings.text.get(row) == known.text


@pytest.mark.parametrize(
    ("order", "two", "four"),
    [
        (ByteOrder.BIG, "ABCD", "ABCDEFGH"),
        (ByteOrder.LITTLE, "DCBA", "HGFEDCBA"),
        (ByteOrder.BIG_SWAP, "BADC", "BADCFEHG"),
        (ByteOrder.LITTLE_SWAP, "CDAB", "GHEFCDAB"),
    ],
)
def test_the_four_orders_are_as_documented(order: ByteOrder, two: str, four: str) -> None:
    letters = dict(zip("ABCDEFGH", bytes(range(1, 9)), strict=True))
    assert read(Field(ValueType.UINT32, order), bytes(letters[it] for it in two)) == (0x01020304, None)
    value, text = read(Field(ValueType.UINT64, order), bytes(letters[it] for it in four))
    assert (value, text) == (float(0x0102030405060708), str(0x0102030405060708))
    assert f"{order.value:<12}" in str(ByteOrder.__doc__)
    assert two in str(ByteOrder.__doc__)
    assert four in str(ByteOrder.__doc__)


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
