"""What a metric says: its numbers and texts by name, whatever type it has; pure.

A data set gives a value a cell (`name/row/column`), a template one for each of its metrics (`name/metric`), an array
one for each element (`name/0`), every other type one. Values that no reading can hold are `NO_VALUE`.
"""

import struct
from collections.abc import Iterator, Sequence
from typing import Final

from edge.drivers.sparkplug.payload import DataSet, DataType, Metric

# elements of one array, cells of one data set, beyond which a metric is told as having no value
MOST = 1000


class NoValue:
    """The type of `NO_VALUE`."""


NO_VALUE: Final = NoValue()
_SIGNED = {DataType.INT8: 8, DataType.INT16: 16, DataType.INT32: 32, DataType.INT64: 64}
_UNSIGNED = {DataType.UINT8: 8, DataType.UINT16: 16, DataType.UINT32: 32, DataType.UINT64: 64, DataType.DATETIME: 64}
_TEXTS = {DataType.STRING, DataType.TEXT, DataType.UUID}
# arrays of fixed-size elements, little-endian one behind the other (Sparkplug 3.0, 6.4.16)
_ARRAYS = {
    DataType.INT8_ARRAY: "b",
    DataType.INT16_ARRAY: "h",
    DataType.INT32_ARRAY: "i",
    DataType.INT64_ARRAY: "q",
    DataType.UINT8_ARRAY: "B",
    DataType.UINT16_ARRAY: "H",
    DataType.UINT32_ARRAY: "I",
    DataType.UINT64_ARRAY: "Q",
    DataType.FLOAT_ARRAY: "f",
    DataType.DOUBLE_ARRAY: "d",
    DataType.DATETIME_ARRAY: "Q",
}


def told(name: str, datatype: int, metric: Metric) -> Iterator[tuple[str, object]]:
    """Yield each name that a metric gives a value to: a number, a text, None for null, or `NO_VALUE`.

    Args:
        name: The metric's, from its birth if need be.
        datatype: The same.
        metric: As sent.
    """
    value = metric.value
    if metric.is_null or value is None:
        yield name, None
    elif isinstance(value, DataSet):
        yield from _cells(name, value)
    elif isinstance(value, list):
        for inner in value:
            yield from told(f"{name}/{inner.name or inner.alias}", inner.datatype or DataType.UNKNOWN, inner)
    elif isinstance(value, bytes):
        elements = _elements(datatype, value)
        if elements is None:
            yield name, NO_VALUE
        else:
            yield from ((f"{name}/{place}", element) for place, element in enumerate(elements))
    else:
        yield name, scalar(datatype, value)


def scalar(datatype: int, value: object) -> object:
    """Return the number or text that stands behind an encoded value of a type; `NO_VALUE` if they do not agree."""
    if datatype in _TEXTS or isinstance(value, str):
        return value if isinstance(value, str) else NO_VALUE
    if datatype == DataType.BOOLEAN:
        return bool(value)
    if isinstance(value, float | bool):
        return value
    if not isinstance(value, int):
        return NO_VALUE
    bits = _SIGNED.get(datatype)  # type: ignore[call-overload]  # any int may be asked for
    if bits:
        # some publishers extend the sign to 32 bits, some do not
        value &= (1 << bits) - 1
        return value - (1 << bits) if value >> (bits - 1) else value
    bits = _UNSIGNED.get(datatype)  # type: ignore[call-overload]
    return value & ((1 << bits) - 1) if bits else value


def _cells(name: str, table: DataSet) -> Iterator[tuple[str, object]]:
    if len(table.rows) * max(len(table.columns), 1) > MOST:
        yield name, NO_VALUE
        return
    types = [*table.types, *[DataType.UNKNOWN] * len(table.columns)]
    for place, row in enumerate(table.rows):
        for column, datatype, value in zip(table.columns, types, row, strict=False):
            yield f"{name}/{place}/{column}", None if value is None else scalar(datatype, value)


def _elements(datatype: int, data: bytes) -> Sequence[object] | None:
    """Return an array's elements; None if it is none, or longer than it may be."""
    elements: Sequence[object] | None = None
    if datatype == DataType.BOOLEAN_ARRAY and len(data) >= 4:
        count = int.from_bytes(data[:4], "little")
        if count <= MOST and (count + 7) // 8 <= len(data) - 4:
            elements = [bool(data[4 + n // 8] & (0x80 >> n % 8)) for n in range(count)]
    elif datatype == DataType.STRING_ARRAY:
        texts = data.split(b"\0")[:-1]
        if len(texts) <= MOST:
            elements = [text.decode(errors="replace") for text in texts]
    elif datatype in _ARRAYS:
        form = _ARRAYS[DataType(datatype)]
        count, rest = divmod(len(data), struct.calcsize(form))
        if count <= MOST and not rest:
            elements = struct.unpack(f"<{count}{form}", data)
    return elements
