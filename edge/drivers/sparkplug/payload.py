"""Sparkplug B payloads: Google's protocol buffers for one schema, read within bounds; pure.

The schema is that of Sparkplug 3.0 (6.4.1, sparkplug_b.proto). A payload comes from the network: every length is held
against what is there, nesting and counts have limits, and what is wrong raises `BadPayload`, never anything else.
Unknown fields are passed over, as protocol buffers want it.
"""

import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum

# more metrics, cells or elements than that in one payload are no description of a machine
MOST_METRICS = 50_000
MOST_CELLS = 10_000
# templates within templates
_DEEPEST = 4
_LONGEST_VARINT = 10


class BadPayload(ValueError):
    """It is no Sparkplug B payload."""


class DataType(IntEnum):
    """Types of metrics (Sparkplug 3.0, 6.4.16); names are the specification's."""

    UNKNOWN = 0
    INT8 = 1
    INT16 = 2
    INT32 = 3
    INT64 = 4
    UINT8 = 5
    UINT16 = 6
    UINT32 = 7
    UINT64 = 8
    FLOAT = 9
    DOUBLE = 10
    BOOLEAN = 11
    STRING = 12
    DATETIME = 13
    TEXT = 14
    UUID = 15
    DATASET = 16
    BYTES = 17
    FILE = 18
    TEMPLATE = 19
    PROPERTYSET = 20
    PROPERTYSETLIST = 21
    INT8_ARRAY = 22
    INT16_ARRAY = 23
    INT32_ARRAY = 24
    INT64_ARRAY = 25
    UINT8_ARRAY = 26
    UINT16_ARRAY = 27
    UINT32_ARRAY = 28
    UINT64_ARRAY = 29
    FLOAT_ARRAY = 30
    DOUBLE_ARRAY = 31
    BOOLEAN_ARRAY = 32
    STRING_ARRAY = 33
    DATETIME_ARRAY = 34


@dataclass(frozen=True, slots=True)
class DataSet:
    """A table within a metric: names and types of its columns, and rows of values as they were encoded."""

    columns: list[str]
    types: list[int]
    rows: list[list[object]]


@dataclass(slots=True)
class Metric:
    """One metric as it was sent.

    Attributes:
        name: None where only its alias was sent.
        alias: None if it has none.
        timestamp_ms: Since 1970 UTC; None if it says none.
        datatype: None where it is known from the birth.
        value: As encoded: an unsigned int, float, bool, str, bytes, `DataSet`, or the metrics of a template; None if
            there is none.
        quality: The property `Quality`, None if it has none.
    """

    name: str | None = None
    alias: int | None = None
    timestamp_ms: int | None = None
    datatype: int | None = None
    is_historical: bool = False
    is_null: bool = False
    quality: int | None = None
    value: object = None


@dataclass(slots=True)
class Payload:
    """What one message holds; `seq` is None where it has none."""

    timestamp_ms: int | None = None
    seq: int | None = None
    metrics: list[Metric] = field(default_factory=list)


class _Budget:
    """How much a payload may still hold."""

    def __init__(self) -> None:
        self.metrics = MOST_METRICS
        self.cells = MOST_CELLS

    def take_metric(self) -> None:
        self.metrics -= 1
        if self.metrics < 0:
            raise BadPayload(f"more than {MOST_METRICS} metrics")

    def take_cell(self) -> None:
        self.cells -= 1
        if self.cells < 0:
            raise BadPayload(f"more than {MOST_CELLS} cells of data sets")


def decode(data: bytes) -> Payload:
    """Read a payload.

    Raises:
        BadPayload: It is none.
    """
    payload, budget = Payload(), _Budget()
    for number, value in _fields(data):
        match number:
            case 1:
                payload.timestamp_ms = _int(value)
            case 2:
                budget.take_metric()
                payload.metrics.append(_metric(_bytes(value), budget, 0))
            case 3:
                payload.seq = _int(value)
    return payload


def _metric(data: bytes, budget: _Budget, depth: int) -> Metric:
    metric = Metric()
    for number, value in _fields(data):
        if number in _PLAIN:
            name, read = _PLAIN[number]
            setattr(metric, name, read(value))
        elif number == 9:
            metric.quality = _quality(_bytes(value))
        elif number == 17:
            metric.value = _dataset(_bytes(value), budget)
        elif number == 18:
            metric.value = _template(_bytes(value), budget, depth + 1)
    return metric


def _template(data: bytes, budget: _Budget, depth: int) -> list[Metric]:
    if depth > _DEEPEST:
        raise BadPayload(f"templates within templates, deeper than {_DEEPEST}")
    metrics = []
    for number, value in _fields(data):
        if number == 2:
            budget.take_metric()
            metrics.append(_metric(_bytes(value), budget, depth))
    return metrics


def _dataset(data: bytes, budget: _Budget) -> DataSet:
    found = DataSet([], [], [])
    for number, value in _fields(data):
        match number:
            case 2:
                budget.take_cell()
                found.columns.append(_text(value))
            case 3 if isinstance(value, bytes):
                # packed: what later versions of protocol buffers write for `repeated uint32`
                found.types.extend(_packed(value))
            case 3:
                found.types.append(_int(value))
            case 4:
                budget.take_cell()
                elements = (inner for number, inner in _fields(_bytes(value)) if number == 1)
                found.rows.append([_cell(_bytes(element), budget) for element in elements])
    return found


def _cell(data: bytes, budget: _Budget) -> object:
    budget.take_cell()
    found: object = None
    for number, value in _fields(data):
        match number:
            case 1 | 2:
                found = _int(value)
            case 3:
                found = _float(value)
            case 4:
                found = _double(value)
            case 5:
                found = _bool(value)
            case 6:
                found = _text(value)
    return found


def _quality(data: bytes) -> int | None:
    """Find the property `Quality` in a property set (6.4.17)."""
    keys: list[str] = []
    values: list[object] = []
    for number, value in _fields(data):
        if number == 1:
            keys.append(_text(value))
        elif number == 2:
            inner = [v for n, v in _fields(_bytes(value)) if n in {3, 4}]
            values.append(inner[-1] if inner else None)
    quality = dict(zip(keys, values, strict=False)).get("Quality")
    return quality & 0xFFFF_FFFF if isinstance(quality, int) else None


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield the number and the value of each field of a message: an int, or bytes with a length or of fixed size."""
    at, end = 0, len(data)
    while at < end:
        key, at = _varint(data, at)
        number, wire = key >> 3, key & 7
        if not number:
            raise BadPayload("a field without a number")
        if wire == 0:
            value, at = _varint(data, at)
            yield number, value
            continue
        if wire == 2:
            length, at = _varint(data, at)
        elif wire in {1, 5}:
            length = 8 if wire == 1 else 4
        else:
            raise BadPayload(f"a field of wire type {wire}")
        if length > end - at:
            raise BadPayload(f"a field of {length} bytes where {end - at} are left")
        yield number, data[at : at + length]
        at += length


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    for place in range(at, min(at + _LONGEST_VARINT, len(data))):
        byte = data[place]
        value |= (byte & 127) << shift
        if byte < 128:
            return value & 0xFFFF_FFFF_FFFF_FFFF, place + 1
        shift += 7
    raise BadPayload("a number that does not end")


def _packed(data: bytes) -> Iterator[int]:
    at = 0
    while at < len(data):
        value, at = _varint(data, at)
        yield value


def _int(value: int | bytes) -> int:
    if isinstance(value, bytes):
        raise BadPayload("bytes where a whole number should be")
    return value


def _bytes(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise BadPayload("a whole number where bytes should be")
    return value


def _text(value: int | bytes) -> str:
    try:
        return _bytes(value).decode()
    except UnicodeDecodeError as error:
        raise BadPayload("a text that is no UTF-8") from error


def _float(value: int | bytes) -> float:
    return _unpacked("<f", value)


def _double(value: int | bytes) -> float:
    return _unpacked("<d", value)


def _unpacked(form: str, value: int | bytes) -> float:
    raw = _bytes(value)
    if len(raw) != struct.calcsize(form):
        raise BadPayload(f"{len(raw)} bytes where a floating point number should be")
    number: float = struct.unpack(form, raw)[0]
    return number


def _bool(value: int | bytes) -> bool:
    return bool(_int(value))


# a metric's fields that are one value each: attribute and how it is read
_PLAIN: Mapping[int, tuple[str, Callable[[int | bytes], object]]] = {
    1: ("name", _text),
    2: ("alias", _int),
    3: ("timestamp_ms", _int),
    4: ("datatype", _int),
    5: ("is_historical", _bool),
    7: ("is_null", _bool),
    10: ("value", _int),
    11: ("value", _int),
    12: ("value", _float),
    13: ("value", _double),
    14: ("value", _bool),
    15: ("value", _text),
    16: ("value", _bytes),
}


def rebirth_command(now_ms: int) -> bytes:
    """Return the payload of an NCMD that asks a node for its birth (Sparkplug 3.0, 6.4.20)."""
    name = b"Node Control/Rebirth"
    metric = b"\x0a" + _counted(name) + b"\x18" + _number(now_ms) + b"\x20" + _number(DataType.BOOLEAN) + b"\x70\x01"
    return b"\x08" + _number(now_ms) + b"\x12" + _counted(metric)


def _counted(data: bytes) -> bytes:
    return _number(len(data)) + data


def _number(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)
