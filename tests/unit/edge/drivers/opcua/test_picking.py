"""Structures from bytes by their description, and what a tag takes of them."""

import struct

import pytest
from asyncua import ua
from hypothesis import given
from hypothesis import strategies as st

from edge.drivers.opcua.picking import Pick, picked
from edge.drivers.opcua.structures import Field, Form, Layout, decoded

V = ua.VariantType
POINT = Layout([Field("X", V.Double), Field("Y", V.Double)])
XY = struct.Struct("<dd")


def test_fields_come_in_their_order_structures_and_arrays_within() -> None:
    layout = Layout(
        [Field("Id", V.UInt16), Field("At", POINT), Field("Path", POINT, is_array=True), Field("Ok", V.Boolean)]
    )
    body = struct.pack("<H", 7) + XY.pack(1, 2) + struct.pack("<i", 2) + XY.pack(3, 4) + XY.pack(5, 6) + b"\x01"
    assert decoded(body, layout) == {
        "Id": 7,
        "At": {"X": 1, "Y": 2},
        "Path": [{"X": 3, "Y": 4}, {"X": 5, "Y": 6}],
        "Ok": True,
    }


def test_optional_fields_are_there_by_their_bit() -> None:
    fields = [Field("A", V.Byte, is_optional=True), Field("B", V.Byte), Field("C", V.Byte, is_optional=True)]
    layout = Layout(fields, Form.OPTIONAL)
    assert decoded(struct.pack("<I", 0b10) + b"\x05\x06", layout) == {"A": None, "B": 5, "C": 6}
    assert decoded(struct.pack("<I", 0b01) + b"\x05\x06", layout) == {"A": 5, "B": 6, "C": None}


def test_a_union_has_one_field_or_none() -> None:
    layout = Layout([Field("A", V.Byte), Field("B", V.Int16)], Form.UNION)
    assert decoded(struct.pack("<Ih", 2, -3), layout) == {"B": -3}
    assert decoded(struct.pack("<I", 0), layout) == {}


@given(st.binary(max_size=64))
def test_bytes_that_do_not_fit_are_nothing_and_raise_nothing(body: bytes) -> None:
    layout = Layout([Field("Name", V.String), Field("At", POINT, is_array=True), Field("Any", V.Variant)])
    found = decoded(body, layout)
    assert found is None or set(found) == {"Name", "At", "Any"}


@pytest.mark.parametrize(
    ("index", "field", "steps"),
    [
        ((3,), None, (3,)),
        ((), "Temperature", ("Temperature",)),
        ((1, 2), "Axes[2].Position", (1, 2, "Axes", 2, "Position")),
    ],
)
def test_a_tag_says_its_way_from_the_outside_in(
    index: tuple[int, ...], field: str | None, steps: tuple[object, ...]
) -> None:
    assert Pick.of(index, field).steps == steps


ENCODING = ua.NodeId(5001, 4)
AXES = Layout([Field("Axes", POINT, is_array=True)])


def test_a_way_leads_through_arrays_and_structures() -> None:
    body = struct.pack("<i", 2) + XY.pack(1, 2) + XY.pack(3, 4)
    value = [ua.ExtensionObject(ENCODING, body)]
    assert picked(value, Pick.of((0,), "Axes[1].Y"), {ENCODING: AXES}).number == 4.0


@pytest.mark.parametrize(
    ("value", "pick", "why"),
    [
        (1.0, Pick.of((0,), None), "no array"),
        ([1.0], Pick.of((1,), None), "has 1 elements"),
        (ua.ExtensionObject(ENCODING, b""), Pick.of((), "X"), "does not describe"),
        (ua.LocalizedText("x"), Pick.of((), "Nope"), "no field Nope; the value has"),
        ([[1, 2]], Pick.of((0,), None), "not supported"),
    ],
)
def test_a_way_to_nowhere_says_where_it_ended(value: object, pick: Pick, why: str) -> None:
    odd = picked(value, pick, {})
    assert odd.number is None
    assert why in (odd.unsupported or "")


def test_a_matrix_is_picked_by_an_index_a_dimension() -> None:
    assert picked([[1, 2], [3, 4]], Pick.of((1, 0), None), {}).number == 3.0


def test_a_null_has_no_value_and_is_no_mistake() -> None:
    assert picked(None, Pick.of((), None), {}) == picked([None], Pick.of((0,), None), {})
