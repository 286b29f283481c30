"""A block as bytes and back: the readings and gaps of one commit, as they stand in the open tail.

Plain columns, compressed fast: measured, that costs the CPU no more than writing them as they are, and the flash half.
Wire batches have bytes of their own (`shared.wire.batch`). Nothing is judged here: what the wire cannot carry must
still be kept until sealing sets it apart, so texts and gaps travel as ASCII JSON, which takes any of Python's.
"""

import json
import struct
import zlib
from collections.abc import Sequence
from dataclasses import astuple, fields
from typing import Any
from uuid import UUID

import numpy as np
import zstandard
from numpy.typing import NDArray

from edge.errors import BufferDamaged
from shared.reading import ClosedBy, Gap, GapCause, Readings

# CRC-32 of all that follows; rows, at the head of what is compressed
_CRC = _ROWS = struct.Struct("<I")
_COLUMNS = (
    ("tag", "<u4"),
    ("ts", "<i8"),
    ("received", "<i8"),
    ("value", "<f8"),
    ("quality", "u1"),
    ("flags", "u1"),
    ("status", "<u4"),
)
_GAP = tuple(each.name for each in fields(Gap))
_ROW_BYTES = sum(np.dtype(dtype).itemsize for _, dtype in _COLUMNS)


def pack(readings: Readings, gaps: Sequence[Gap]) -> bytes:
    """Return a block as bytes with their checksum."""
    text = readings.text
    plain = b"".join(
        (
            _ROWS.pack(len(readings)),
            *(getattr(readings, name).astype(dtype, copy=False).tobytes() for name, dtype in _COLUMNS),
            json.dumps([[int(row) for row in text], list(text.values()), list(map(_told, gaps))]).encode("ascii"),
        )
    )
    packed = zstandard.ZstdCompressor(level=1).compress(plain)
    return _CRC.pack(zlib.crc32(packed)) + packed


def unpack(body: bytes) -> tuple[Readings, list[Gap]]:
    """Read a block back.

    Raises:
        BufferDamaged: These are not the bytes that `pack` gave.
    """
    if len(body) < _CRC.size or zlib.crc32(memoryview(body)[_CRC.size :]) != _CRC.unpack_from(body)[0]:
        raise BufferDamaged(f"a block of {len(body)} bytes does not match its checksum")
    plain = zstandard.ZstdDecompressor().decompress(memoryview(body)[_CRC.size :])
    (rows,), at, columns = _ROWS.unpack_from(plain), _ROWS.size, dict[str, NDArray[Any]]()
    for name, dtype in _COLUMNS:
        columns[name] = np.frombuffer(plain, dtype, rows, at)
        at += columns[name].nbytes
    which, texts, gaps = json.loads(plain[at:])
    readings = Readings(**columns, text=dict(zip(which, texts, strict=True)))
    return readings, [_gap(told) for told in gaps]


def _told(gap: Gap) -> list[object]:
    return [str(each) if isinstance(each, UUID) else each for each in astuple(gap)]


def _gap(told: list[Any]) -> Gap:
    # a block of before gaps had a life names fewer of its members
    known = dict(zip(_GAP, told, strict=False))
    known["cause"] = GapCause(known["cause"])
    if known.get("id") is not None:
        known["id"] = UUID(known["id"])
    if known.get("closed_by") is not None:
        known["closed_by"] = ClosedBy(known["closed_by"])
    return Gap(**known)


def size(readings: Readings) -> int:
    """Return about how many bytes a block of these takes on disk at most."""
    text = sum(map(len, readings.text.values())) + 12 * len(readings.text) if readings.text else 0
    return _ROW_BYTES * len(readings) + text
