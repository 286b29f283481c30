"""A block as bytes and back: the readings and gaps of one commit, as they stand in the open tail.

Raw columns, because they live for half a second: compressing them here would cost more than writing them.
Wire batches have bytes of their own (`shared.wire.batch`).
"""

import struct
import zlib
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from edge.errors import BufferDamaged
from shared.reading import Gap, Readings

# CRC-32 of all that follows it, rows
_HEAD = struct.Struct("<II")
_CRC_END = 4
_COLUMNS = (
    ("tag", "<u4"),
    ("ts", "<i8"),
    ("received", "<i8"),
    ("value", "<f8"),
    ("quality", "u1"),
    ("flags", "u1"),
    ("status", "<u4"),
)
_ROW_BYTES = sum(np.dtype(dtype).itemsize for _, dtype in _COLUMNS)

_Rest = tuple[dict[int, str], list[Gap]]


def pack(readings: Readings, gaps: Sequence[Gap]) -> bytes:
    """Return a block as bytes with their checksum."""
    body = b"".join(
        (
            _HEAD.pack(0, len(readings)),
            *(getattr(readings, name).astype(dtype, copy=False).tobytes() for name, dtype in _COLUMNS),
            msgspec.msgpack.encode((readings.text, list(gaps))),
        )
    )
    return zlib.crc32(memoryview(body)[_CRC_END:]).to_bytes(_CRC_END, "little") + body[_CRC_END:]


def unpack(body: bytes) -> tuple[Readings, list[Gap]]:
    """Read a block back.

    Raises:
        BufferDamaged: These are not the bytes that `pack` gave.
    """
    if len(body) < _HEAD.size:
        raise BufferDamaged(f"a block of {len(body)} bytes, at least {_HEAD.size} expected")
    crc, rows = _HEAD.unpack_from(body)
    if zlib.crc32(memoryview(body)[_CRC_END:]) != crc:
        raise BufferDamaged(f"a block of {len(body)} bytes does not match its checksum")
    at, columns = _HEAD.size, dict[str, NDArray[Any]]()
    for name, dtype in _COLUMNS:
        columns[name] = np.frombuffer(body, dtype, rows, at)
        at += columns[name].nbytes
    text, gaps = msgspec.msgpack.decode(memoryview(body)[at:], type=_Rest)
    return Readings(**columns, text=text), gaps


def size(readings: Readings) -> int:
    """Return about how many bytes a block of these takes on disk."""
    text = sum(map(len, readings.text.values())) + 12 * len(readings.text) if readings.text else 0
    return _ROW_BYTES * len(readings) + text
