"""Rows as PostgreSQL's binary COPY takes them, built by numpy: one big-endian record a row, none of it in Python.

A record has a fixed size as long as the same of its fields are NULL, so rows are written by kind: with
or without a number, with or without a protocol code. Only rows with a text are assembled one by one.
"""

import struct
from itertools import product

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
    has_value = ~np.isnan(rows.readings.value)
    has_status = rows.readings.status != 0
    has_text = np.zeros(len(rows), np.bool_)
    has_text[list(rows.readings.text)] = True
    parts = [_HEADER]
    for texts, value, status in product((False, True), repeat=3):
        chosen = np.flatnonzero((has_text == texts) & (has_value == value) & (has_status == status))
        if len(chosen):
            records = _records(rows, chosen, value=value, status=status, text=texts)
            parts.append(_with_texts(records, rows, chosen) if texts else records.tobytes())
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
    records = np.empty(len(chosen), np.dtype(layout if text else [*layout, ("text_length", ">i4")]))
    records["fields"] = len(COLUMNS)
    for name, kind, column in fields:
        records[f"{name}_length"] = _NULL if column is None else np.dtype(kind).itemsize
        if column is not None:
            records[name] = column[chosen]
    if not text:
        records["text_length"] = _NULL
    return records


def _with_texts(records: NDArray[np.void], rows: Rows, chosen: NDArray[np.intp]) -> bytes:
    plain, size = records.tobytes(), records.dtype.itemsize
    parts: list[bytes] = []
    for index, row in enumerate(chosen.tolist()):
        text = rows.readings.text[row].encode()
        parts += (plain[index * size : (index + 1) * size], _LENGTH.pack(len(text)), text)
    return b"".join(parts)
