"""Owns spans as PostgreSQL has them in binary: each a record of one size, made and read by numpy. Pure.

A year of forty machines by the hour is 350,000 rows of ten numbers: too many to make objects of, one by one.
"""

import struct
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cloud.errors import CloudError
from cloud.predictions.history import Floats, Spans, Times

# PostgreSQL documentation, COPY, "Binary Format": signature, flags, length of the header's extension
_HEADER = b"PGCOPY\n\xff\r\n\x00" + struct.pack(">ii", 0, 0)
_TRAILER = struct.pack(">h", -1)
# src/include/catalog/pg_type.dat: float8
_FLOAT8 = 701
# timestamptz counts microseconds from 2000-01-01
_EPOCH_US = 946_684_800_000_000
COLUMNS = ("place", "at", "known_at", "numbers")
"""In this order: integer, timestamptz twice, double precision[]; none is NULL."""


def pack(spans: Spans) -> bytes:
    """Return a COPY stream of spans, header and trailer included."""
    values = np.column_stack(list(spans.columns.values()))
    rows = np.zeros(len(spans), _record(values.shape[1]))
    for name, value in _constants(values.shape[1]).items():
        rows[name] = value
    rows["place"], rows["at"], rows["known"] = spans.machine, spans.at - _EPOCH_US, spans.known - _EPOCH_US
    rows["values"]["length"], rows["values"]["value"] = 8, values
    return b"".join((_HEADER, rows.tobytes(), _TRAILER))


def unpack(told: Sequence[tuple[int, bytes]], columns: int) -> tuple[NDArray[np.int32], Times, Times, Floats]:
    """Return places, ends, when known, and values (shape (rows, columns)).

    Args:
        told: Of each place its rows, one behind another: `timestamptz_send` of both times, `array_send` of all.
        columns: How many values each has.

    Raises:
        CloudError: It is not made of such rows; a mistake of ours.
    """
    kind = np.dtype([("at", ">i8"), ("known", ">i8"), *_array(columns)])
    if any(len(content) % kind.itemsize for _, content in told):
        raise CloudError(f"Rows of {columns} values were asked of PostgreSQL, and it sent others.")
    rows = np.frombuffer(b"".join(content for _, content in told), kind)
    if any((rows[name] != value).any() for name, value in _of_array(columns).items()):
        raise CloudError(f"Rows of {columns} values were asked of PostgreSQL, and it sent others.")
    return (
        np.repeat([place for place, _ in told], [len(content) // kind.itemsize for _, content in told]).astype(
            np.int32
        ),
        rows["at"].astype(np.int64) + _EPOCH_US,
        rows["known"].astype(np.int64) + _EPOCH_US,
        rows["values"]["value"].astype(np.float64),
    )


def _array(columns: int) -> list[tuple[str, str] | tuple[str, np.dtype[np.void], tuple[int]]]:
    number = np.dtype([("length", ">i4"), ("value", ">f8")])
    # src/backend/utils/adt/arrayfuncs.c, array_send: dimensions, nulls, element type; length, first index
    head = [(name, ">i4") for name in ("dimensions", "nulls", "element", "count", "first")]
    return [*head, ("values", number, (columns,))]


def _of_array(columns: int) -> dict[str, int]:
    return {"dimensions": 1, "nulls": 0, "element": _FLOAT8, "count": columns, "first": 1}


def _record(columns: int) -> np.dtype[np.void]:
    return np.dtype(
        [
            ("fields", ">i2"),
            *(("place_length", ">i4"), ("place", ">i4")),
            *(("at_length", ">i4"), ("at", ">i8")),
            *(("known_length", ">i4"), ("known", ">i8")),
            ("values_length", ">i4"),
            *_array(columns),
        ]
    )


def _constants(columns: int) -> dict[str, int]:
    """Return what each row says the same."""
    lengths = {"place_length": 4, "at_length": 8, "known_length": 8, "values_length": 20 + 12 * columns}
    return {"fields": len(COLUMNS), **lengths, **_of_array(columns)}
