"""Owns the reading of one value that is no plain number: text and the like, or why it cannot be a reading; pure."""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import nodeid_from_binary, unpack_uatype

# OPC UA Part 6, 5.2.2.16: the low six bits name the type
_TYPE, _ARRAY, _DIMENSIONS = 0x3F, 0x80, 0x40
_EXTENSION_OBJECT = 22
_LAST_TYPE = 25
# bytes an element of the types of fixed size: null, Boolean, SByte .. Double, DateTime, Guid, StatusCode
_SIZES = {0: 0, 1: 1, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 4, 8: 8, 9: 8, 10: 4, 11: 8, 13: 8, 14: 16, 19: 4}
_INT32 = struct.Struct("<i")
# beyond it a double does not hold every integer
_EXACT = 2**53


@dataclass(frozen=True, slots=True)
class Odd:
    """What such a value is worth as a reading.

    Attributes:
        text: Its text; None where it is a number, null or of no use.
        unsupported: Why it is of no use; None if it is a text, a number or null.
        number: Its number; None if it is none. One beyond 2^53 has its digits as text.
    """

    text: str | None
    unsupported: str | None = None
    number: float | None = None


def odd(data: Buffer) -> Odd:
    """Read a variant of any type from its encoding byte on, and move behind it.

    Raises:
        Exception: What asyncua raises on bytes that are no variant; of any class, so the caller catches all.
    """
    (encoding,) = data.read(1)
    type_id = encoding & _TYPE
    if encoding & (_ARRAY | _DIMENSIONS):
        return _array(type_id, encoding, data)
    if type_id == _EXTENSION_OBJECT:
        return _structure(data)
    # numbers above 25 are reserved; a decoder takes them as byte strings (Part 6, 5.2.2.16)
    name = ua.VariantType(type_id).name if type_id <= _LAST_TYPE else "ByteString"
    value = unpack_uatype(ua.VariantType[name], data)
    if value is None:
        return Odd(None)
    text = _text(value)
    return Odd(None, f"values of type {name} are not supported") if text is None else Odd(text)


def odd_of(value: Any) -> Odd:
    """Return what a value that asyncua decoded is worth."""
    if value is None:
        return Odd(None)
    if isinstance(value, bool | int | float):
        is_exact = isinstance(value, bool | float) or abs(value) <= _EXACT
        return Odd(None if is_exact else str(int(value)), None, float(value))
    if isinstance(value, ua.StatusCode):
        return Odd(None, None, float(value.value))
    text = _text(value)
    if text is None:
        what = "arrays" if isinstance(value, list) else f"values of type {type(value).__name__}"
        return Odd(None, f"{what} are not supported; say `index` or `field`")
    return Odd(text)


def _text(value: Any) -> str | None:
    """Return the text of a value as asyncua decodes it, None if it has none that means something."""
    write = _WRITERS.get(type(value))
    if write is None:
        return None
    # asyncua smuggles bytes that are not UTF-8 through as lone surrogates
    return write(value).encode("utf-8", "surrogateescape").decode("utf-8", "replace")


_WRITERS: dict[type, Callable[[Any], str]] = {
    str: str,
    datetime: lambda time: str(time.isoformat()).replace("+00:00", "Z"),
    bytes: lambda octets: str(octets.hex()),
    UUID: str,
    ua.LocalizedText: lambda text: text.Text or "",
    ua.QualifiedName: lambda name: name.Name or "",
    ua.XmlElement: lambda element: element.Value or "",
    ua.NodeId: lambda node: str(node.to_string()),
    ua.ExpandedNodeId: lambda node: str(node.to_string()),
}


def _structure(data: Buffer) -> Odd:
    """Step over an ExtensionObject without decoding it: its layout is the server's own."""
    _skip_structure(data)
    return Odd(None, "structures are no reading; say which `field`, or read one by a node of its own")


def _skip_structure(data: Buffer) -> None:
    nodeid_from_binary(data)
    (encoding,) = data.read(1)
    if encoding:
        data.skip(max(0, _length(data)))


def _array(type_id: int, encoding: int, data: Buffer) -> Odd:
    """Step over an array; matrices are followed by their dimensions."""
    if encoding & _ARRAY:
        count = max(0, _length(data))
        size = _SIZES.get(type_id)
        data.skip(count * (size or 0))
        for _ in range(count if size is None else 0):
            if type_id == _EXTENSION_OBJECT:
                _skip_structure(data)
            else:
                unpack_uatype(ua.VariantType(type_id), data)
    if encoding & _DIMENSIONS:
        data.skip(4 * max(0, _length(data)))
    return Odd(None, "arrays are no reading; say which element by `index`, or read one by a node of its own")


def _length(data: Buffer) -> int:
    (length,) = _INT32.unpack(data.read(4))
    return int(length)
