"""Columns as PostgreSQL's binary arrays, built by numpy: a parameter of a thousand elements, none of them in Python.

psycopg would write each element as text, at a microsecond apiece; of a batch that names five thousand tags that was
most of the work. `unnest` makes rows of them again.
"""

import struct
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from cloud.db import Packed

# PostgreSQL's src/include/catalog/pg_type.dat: the element's type and the array's
_INT2, _INT4, _INT8, _FLOAT8, _TEXT = (21, 1005), (23, 1007), (20, 1016), (701, 1022), (25, 1009)
_TIMESTAMPTZ = (1184, 1185)
# it counts microseconds from 2000-01-01
_EPOCH_US = 946_684_800_000_000
# src/backend/utils/adt/arrayfuncs.c, array_recv: dimensions, whether there are nulls, element type; length, first index
_HEADER = struct.Struct(">iiIii")
_LENGTH = struct.Struct(">i")
_NULL = _LENGTH.pack(-1)


def int2(column: NDArray[np.generic]) -> Packed:
    """Return a smallint[]."""
    return _numbers(column, ">i2", *_INT2)


def int4(column: NDArray[np.generic]) -> Packed:
    """Return an integer[]."""
    return _numbers(column, ">i4", *_INT4)


def int8(column: NDArray[np.generic]) -> Packed:
    """Return a bigint[]."""
    return _numbers(column, ">i8", *_INT8)


def timestamptz(column: NDArray[np.int64]) -> Packed:
    """Return a timestamptz[] of microseconds since 1970 UTC."""
    return _numbers(column - _EPOCH_US, ">i8", *_TIMESTAMPTZ)


def float8(column: NDArray[np.float64]) -> Packed:
    """Return a double precision[]; a NaN stays one."""
    return _numbers(column, ">f8", *_FLOAT8)


def text(length: int, texts: Mapping[int, str]) -> Packed:
    """Return a text[] of some length, null wherever there is no text."""
    parts = [_header(length, _TEXT[0], has_nulls=len(texts) < length)]
    reached = 0
    for at in sorted(texts):
        content = texts[at].encode()
        parts += (_NULL * (at - reached), _LENGTH.pack(len(content)), content)
        reached = at + 1
    parts.append(_NULL * (length - reached))
    return Packed(_TEXT[1], b"".join(parts))


def _numbers(column: NDArray[np.generic], kind: str, element: int, array: int) -> Packed:
    elements = np.empty(len(column), np.dtype([("length", ">i4"), ("value", kind)]))
    elements["length"] = np.dtype(kind).itemsize
    elements["value"] = column
    return Packed(array, _header(len(column), element, has_nulls=False) + elements.tobytes())


def _header(length: int, element: int, *, has_nulls: bool) -> bytes:
    return _HEADER.pack(1, has_nulls, element, length, 1)
