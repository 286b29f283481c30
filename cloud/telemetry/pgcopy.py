"""Rows as PostgreSQL's binary COPY takes them, built by numpy: one big-endian record a row, none of it in Python.

A record has a fixed size as long as the same of its fields are NULL, so rows are written by kind: with
or without a number, with or without a protocol code. Only rows with a text are assembled one by one.
"""

import struct

import numpy as np
from numpy.typing import NDArray

from cloud.telemetry.rows import Rows

COLUMNS = ("tag_id", "ts", "n", "received_at", "quality", "flags", "value", "status", "text")
"""What `COPY table (...)` must list, in this order."""

# PostgreSQL documentation, COPY, "Binary Format": signature, flags, length of the header's extension
_HEADER = b"PGCOPY\n\xff\r\n\x00" + struct.pack(">ii", 0, 0)
_TRAILER = struct.pack(">h", -1)
_NULL = -1
_LENGTH = struct.Struct(">i")
# timestamptz counts microseconds from 2000-01-01
_EPOCH_US = 946_684_800_000_000


def encode(rows: Rows) -> bytes:
    """Return the whole COPY stream of some rows, header and trailer included."""
    has_text = np.zeros(len(rows), np.uint8)
    has_text[list(rows.readings.text)] = 1
    has_value = ~np.isnan(rows.readings.value)
    kinds = has_text << 2 | has_value.view(np.uint8) << 1 | (rows.readings.status != 0)
    parts = [_HEADER]
    for kind in np.flatnonzero(np.bincount(kinds)).tolist():
        chosen = np.flatnonzero(kinds == kind)
        records = _records(rows, chosen, value=bool(kind & 2), status=bool(kind & 1), text=bool(kind & 4))
        parts.append(_with_texts(records, rows, chosen) if kind & 4 else records.tobytes())
    return b"".join((*parts, _TRAILER))


def _records(rows: Rows, chosen: NDArray[np.intp], *, value: bool, status: bool, text: bool) -> NDArray[np.void]:
    """Return one record a row; with `text` it stops short of the last field."""
    fields: list[tuple[str, str, NDArray[np.generic] | None]] = [
        ("tag_id", ">i4", rows.tag_id),
        ("ts", ">i8", rows.readings.ts - _EPOCH_US),
        ("n", ">i4", rows.rank),
        ("received_at", ">i8", rows.readings.received - _EPOCH_US),
        ("quality", ">i2", rows.readings.quality),
        ("flags", ">i2", rows.readings.flags),
        ("value", ">f8", rows.readings.value if value else None),
        ("status", ">i8", rows.readings.status if status else None),
    ]
    layout = [("fields", ">i2")]
    for name, kind, column in fields:
        layout += [(f"{name}_length", ">i4"), *([] if column is None else [(name, kind)])]
    blank = np.zeros((), np.dtype(layout if text else [*layout, ("text_length", ">i4")]))
    blank["fields"] = len(COLUMNS)
    for name, kind, column in fields:
        blank[f"{name}_length"] = _NULL if column is None else np.dtype(kind).itemsize
    if not text:
        blank["text_length"] = _NULL
    # bytes repeated: numpy fills records field by field, which takes fifteen times as long
    records = np.frombuffer(bytearray(blank.tobytes() * len(chosen)), blank.dtype)
    for name, _, column in fields:
        if column is not None:
            records[name] = column if len(chosen) == len(rows) else column[chosen]
    return records


def _with_texts(records: NDArray[np.void], rows: Rows, chosen: NDArray[np.intp]) -> bytes:
    plain, size = records.tobytes(), records.dtype.itemsize
    parts: list[bytes] = []
    for index, row in enumerate(chosen.tolist()):
        text = rows.readings.text[row].encode()
        parts += (plain[index * size : (index + 1) * size], _LENGTH.pack(len(text)), text)
    return b"".join(parts)
