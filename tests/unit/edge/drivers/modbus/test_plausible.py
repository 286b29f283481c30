"""The likely reading of a device's words is found, and a guess is only made where it is clear."""

import struct
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.drivers.modbus.decode import Field
from edge.drivers.modbus.order import ByteOrder
from edge.drivers.modbus.plausible import Sight, consensus, likely, shown, sights, words
from edge.drivers.modbus.values import ValueType
from edge.drivers.spec import TagOptions
from tests.unit.edge.drivers.modbus.test_decode import wire

NAMED = [ByteOrder.BIG, ByteOrder.LITTLE, ByteOrder.BIG_SWAP, ByteOrder.LITTLE_SWAP]
PLAIN = TagOptions()


def ways(
    value: float, lies: ByteOrder, configured: ByteOrder, form: str = ">f", options: TagOptions = PLAIN
) -> list[Sight]:
    kind = {">f": ValueType.FLOAT32, ">d": ValueType.FLOAT64, ">I": ValueType.UINT32, ">H": ValueType.UINT16}[form]
    return sights(Field(kind, configured), wire(struct.pack(form, value), lies), options)


def best(points: Sequence[Sequence[Sight]]) -> ByteOrder | None:
    found = consensus(points)
    return None if found is None or not found.is_clear else found.best


def test_all_orders_stand_side_by_side_with_the_likely_one_marked() -> None:
    alternatives = shown(ways(230.5, ByteOrder.LITTLE_SWAP, ByteOrder.BIG))
    assert [(it.label, it.value) for it in alternatives if it.is_configured] == [("big", "-2.4178e-41")]
    assert [(it.label, it.value) for it in alternatives if it.is_plausible] == [("little-swap", "230.5")]
    assert {it.label for it in alternatives} == set(NAMED)
    assert len(shown(ways(230.5, ByteOrder.BIG, ByteOrder.BIG, ">d"))) == 8


@given(
    st.lists(st.floats(0.5, 9999, width=32), min_size=3, max_size=8, unique=True),
    st.sampled_from(NAMED),
    st.sampled_from(NAMED),
)
def test_measured_floats_tell_their_devices_byte_order(
    values: list[float], lies: ByteOrder, configured: ByteOrder
) -> None:
    found = best([ways(round(value, 2), lies, configured) for value in values])
    assert found == (None if lies is configured else lies)


@given(st.lists(st.integers(1, 60_000), min_size=4, max_size=8, unique=True), st.sampled_from([">I", ">H"]))
def test_what_is_right_is_never_suspected(values: list[int], form: str) -> None:
    """Small integers in the order they are configured in."""
    assert form == ">H" or best([ways(value, ByteOrder.BIG, ByteOrder.BIG, form) for value in values]) is None


def test_swapped_single_registers_are_suspected_only_by_many() -> None:
    swapped = [ways(value, ByteOrder.BIG_SWAP, ByteOrder.BIG, ">H") for value in (230, 231, 229, 50)]
    assert best(swapped[:2]) is None
    assert best(swapped) is ByteOrder.LITTLE or best(swapped) is ByteOrder.BIG_SWAP


def test_the_range_of_a_tag_speaks_for_a_reading() -> None:
    in_range = TagOptions(scale=0.001, range=(0, 5000))
    alone = ways(2_500_000, ByteOrder.BIG, ByteOrder.LITTLE_SWAP, ">I", in_range)
    assert likely(alone).value == 2_500_000


@pytest.mark.parametrize("value", [0, 0x01010101])
def test_words_that_read_alike_in_every_order_say_nothing(value: int) -> None:
    assert ways(value, ByteOrder.BIG, ByteOrder.BIG, ">I") == []
    assert consensus([[]]) is None


def test_texts_and_parts_of_registers_have_one_reading() -> None:
    assert sights(Field(ValueType.STRING, length=2), b"EM24", PLAIN) == []
    assert sights(Field(ValueType.UINT16, bits=(0, 3)), b"\1\2", PLAIN) == []


def test_a_date_in_our_time_is_likely() -> None:
    alone = sights(
        Field(ValueType.DATETIME_UNIX, ByteOrder.BIG),
        wire(struct.pack(">I", 1_710_293_232), ByteOrder.LITTLE_SWAP),
        PLAIN,
    )
    assert likely(alone).order is ByteOrder.LITTLE_SWAP


def test_words_are_written_as_manuals_do() -> None:
    assert words(b"\x43\x66\x80\x00") == "4366 8000"
