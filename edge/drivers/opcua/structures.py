"""Owns how structures lie in bytes (OPC 10000-6, 5.2.6 and 5.2.7), as the server describes its own; pure.

asyncua can load a server's types, into one registry for the whole process: two PLCs with different structures under
one id would read each other's. Here each session has its own.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import extensionobject_from_binary, unpack_uatype, variant_from_binary

# a hundred times what a PLC's largest array has; more is a damaged length
_MOST_ELEMENTS = 1_000_000


class Form(StrEnum):
    """What stands before the fields: nothing, a mask of those that are there, or which single one is."""

    PLAIN = "plain"
    OPTIONAL = "optional"
    UNION = "union"


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a structure; `kind` is a built-in type or the layout of a structure within."""

    name: str
    kind: "ua.VariantType | Layout"
    is_array: bool = False
    is_optional: bool = False


@dataclass(frozen=True, slots=True)
class Layout:
    """A structure's fields in their order."""

    fields: Sequence[Field]
    form: Form = Form.PLAIN


def decoded(body: bytes, layout: Layout) -> dict[str, Any] | None:
    """Return the fields of a structure by name, structures within as dictionaries too; None if bytes do not fit."""
    try:
        return _structure(Buffer(body), layout)
    except Exception:  # noqa: BLE001 - asyncua's codec raises nearly anything; the description may be wrong, too
        return None


def _structure(data: Buffer, layout: Layout) -> dict[str, Any]:
    match layout.form:
        case Form.UNION:
            (which,) = struct.unpack("<I", data.read(4))
            return {field.name: _field(data, field) for field in layout.fields[which - 1 : which] if which}
        case Form.OPTIONAL:
            (mask,) = struct.unpack("<I", data.read(4))
        case _:
            mask = 0
    found: dict[str, Any] = {}
    place = 0
    for field in layout.fields:
        if field.is_optional and layout.form is Form.OPTIONAL:
            place += 1
            if not mask & 1 << place - 1:
                found[field.name] = None
                continue
        found[field.name] = _field(data, field)
    return found


def _field(data: Buffer, field: Field) -> Any:
    if not field.is_array:
        return _value(data, field.kind)
    (count,) = struct.unpack("<i", data.read(4))
    if count > _MOST_ELEMENTS:
        raise ValueError(f"{field.name} has {count} elements")
    return [_value(data, field.kind) for _ in range(max(0, count))]


def _value(data: Buffer, kind: "ua.VariantType | Layout") -> Any:
    if isinstance(kind, Layout):
        return _structure(data, kind)
    match kind:
        case ua.VariantType.Variant:
            return variant_from_binary(data).Value
        case ua.VariantType.ExtensionObject:
            return extensionobject_from_binary(data)
        case _:
            return unpack_uatype(kind, data)
