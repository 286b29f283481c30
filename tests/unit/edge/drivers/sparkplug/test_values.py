"""Values of metrics: every type of the specification, and what has no value."""

import struct

import pytest

from edge.drivers.sparkplug.payload import DataSet, DataType, Metric
from edge.drivers.sparkplug.values import MOST, NO_VALUE, told


def only(datatype: int, value: object) -> object:
    ((name, said),) = told("m", datatype, Metric(value=value))
    assert name == "m"
    return said


@pytest.mark.parametrize(
    ("datatype", "encoded", "value"),
    [
        (DataType.INT8, 0xFF, -1),
        (DataType.INT8, 0xFFFF_FFFF, -1),
        (DataType.INT8, 127, 127),
        (DataType.INT16, 0x8000, -32768),
        (DataType.INT32, 0xFFFF_FFFE, -2),
        (DataType.INT64, 2**64 - 5, -5),
        (DataType.UINT8, 255, 255),
        (DataType.UINT32, 2**32 - 1, 2**32 - 1),
        (DataType.UINT64, 2**64 - 1, 2**64 - 1),
        (DataType.FLOAT, 1.5, 1.5),
        (DataType.DOUBLE, 0.1, 0.1),
        (DataType.BOOLEAN, True, True),
        (DataType.BOOLEAN, 1, True),
        (DataType.STRING, "x", "x"),
        (DataType.TEXT, "", ""),
        (DataType.UUID, "6b", "6b"),
        (DataType.DATETIME, 1_795_176_000_000, 1_795_176_000_000),
        (DataType.STRING, 5, NO_VALUE),
        (DataType.BYTES, b"x", NO_VALUE),
        (DataType.FILE, b"x", NO_VALUE),
        (99, 7, 7),
    ],
)
def test_each_scalar_type_is_what_it_says(datatype: int, encoded: object, value: object) -> None:
    assert only(datatype, encoded) == value


def test_a_null_is_none_whatever_its_type() -> None:
    assert list(told("m", DataType.INT8, Metric(is_null=True, value=5))) == [("m", None)]
    assert only(DataType.INT8, None) is None


@pytest.mark.parametrize(
    ("datatype", "data", "values"),
    [
        (DataType.INT16_ARRAY, struct.pack("<2h", -1, 5), [-1, 5]),
        (DataType.UINT8_ARRAY, b"\1\2", [1, 2]),
        (DataType.DOUBLE_ARRAY, struct.pack("<d", 0.5), [0.5]),
        (DataType.BOOLEAN_ARRAY, struct.pack("<I", 3) + b"\xa0", [True, False, True]),
        (DataType.STRING_ARRAY, b"ab\0\0c\0", ["ab", "", "c"]),
    ],
)
def test_an_array_has_a_value_for_each_element(datatype: int, data: bytes, values: list[object]) -> None:
    assert list(told("m", datatype, Metric(value=data))) == [(f"m/{n}", value) for n, value in enumerate(values)]


@pytest.mark.parametrize(
    ("datatype", "data"),
    [
        (DataType.INT16_ARRAY, b"\1"),
        (DataType.UINT8_ARRAY, b"\0" * (MOST + 1)),
        (DataType.BOOLEAN_ARRAY, b"\xff\xff\xff\xff"),
        (DataType.BOOLEAN_ARRAY, b""),
        (DataType.STRING_ARRAY, b"\0" * (MOST + 1)),
    ],
)
def test_an_array_that_is_none_or_too_long_has_no_value(datatype: int, data: bytes) -> None:
    assert only(datatype, data) is NO_VALUE


def test_a_data_set_and_a_template_have_a_value_for_each_part() -> None:
    table = DataSet(["a", "b"], [DataType.INT8], [[0xFF, "x"], [1]])
    assert list(told("t", DataType.DATASET, Metric(value=table))) == [("t/0/a", -1), ("t/0/b", "x"), ("t/1/a", 1)]
    inner = [Metric(name="v", datatype=DataType.INT8, value=0xFE), Metric(name="n", is_null=True)]
    assert list(told("u", DataType.TEMPLATE, Metric(value=inner))) == [("u/v", -2), ("u/n", None)]
    assert only(DataType.DATASET, DataSet(["a"], [3], [[1]] * (MOST + 1))) is NO_VALUE
