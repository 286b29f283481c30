"""The batch, version 1: readings and gaps of one gateway as bytes, and back; docs/wire.md has every byte.

The buffer calls `encode` once, when it seals a batch, and stores the result; the shipper sends these
bytes; the cloud calls `decode`. The bytes are never trusted: `decode` checks the checksum before it
decompresses, bounds what it decompresses, and never allocates more than `MAX_PAYLOAD` allows.
"""

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import msgspec
import numpy as np
import zstandard
from numpy.typing import NDArray

from shared.errors import WireError
from shared.reading import Gap, Readings, Tag

MAGIC = b"TZGH"
VERSION = 1
CONTENT_TYPE = "application/vnd.tezgah.batch.v1"
# 8 MiB holds 200,000 readings; the API refuses more (docs/wire.md).
MAX_PAYLOAD = 8 * 1024 * 1024
MAX_TEXT = 4096
# times from 1970 (a gateway whose clock was never set) up to 2100
MAX_TIME_US = 4_102_444_800_000_000
_ZSTD = 1
# level 1: on plant data levels up to 6 save under 4 % and cost five times the time
_LEVEL = 1
# magic, version, codec, length of the gateway's id, CRC-32 of all that follows it,
# compressed and plain length of the payload, rows, epoch, seq, sealed at
_HEADER = struct.Struct("<4sBBHIIII16sQq")
_CRC_END = 12
_COUNT = struct.Struct("<I")
# the columns in order: tag, ts, received, value, quality, flags, status
_COLUMNS = (np.uint32, np.int64, np.int64, np.float64, np.uint8, np.uint8, np.uint32)
_ROW_BYTES = sum(np.dtype(column).itemsize for column in _COLUMNS)


@dataclass(frozen=True, slots=True)
class BatchId:
    """Who sent a batch and which one it is; never used for two different contents."""

    gateway: str
    epoch: UUID
    seq: int


@dataclass(frozen=True, slots=True)
class Header:
    """What stands before the payload; readable without decompressing it. `sealed_us`: UTC microseconds."""

    id: BatchId
    rows: int
    sealed_us: int


@dataclass(frozen=True, slots=True)
class Batch:
    """A decoded batch. `readings.tag` indexes `tags`; rows are ordered by tag, then as taken."""

    header: Header
    tags: list[Tag]
    readings: Readings
    gaps: list[Gap]
    tags_json: bytes


def encode(id: BatchId, sealed_us: int, tags: Sequence[Tag], readings: Readings, gaps: Sequence[Gap] = ()) -> bytes:
    """Pack a batch.

    Args:
        id: Its identity.
        sealed_us: The gateway's clock, microseconds since 1970 UTC.
        tags: What `readings.tag` indexes; only those used travel.
        readings: Any number, in the order taken; within each tag that order is kept.
        gaps: Holes to record.

    Raises:
        WireError: The payload would be larger than `MAX_PAYLOAD`.
    """
    order = np.argsort(readings.tag, kind="stable")
    rows = readings.take(order)
    used, local = np.unique(rows.tag, return_inverse=True)
    payload = b"".join(
        (
            _sized(msgspec.json.encode([tags[index] for index in used.tolist()])),
            _sized(msgspec.json.encode(list(gaps))),
            _planes(local.astype(np.uint32)),
            _planes(np.diff(rows.ts, prepend=0)),
            _planes(rows.received - rows.ts),
            _planes(rows.value),
            _planes(rows.quality),
            _planes(rows.flags),
            _planes(rows.status),
            _text(rows.text),
        )
    )
    if len(payload) > MAX_PAYLOAD:
        raise WireError(f"a batch of {len(rows)} readings takes {len(payload)} bytes, at most {MAX_PAYLOAD} may travel")
    packed = zstandard.ZstdCompressor(level=_LEVEL).compress(payload)
    return _frame(Header(id, len(rows), sealed_us), packed, len(payload))


def header(data: bytes) -> Header:
    """Read the header of a batch and check its checksum.

    Raises:
        WireError: Not a batch, of another version, cut short, or damaged.
    """
    if len(data) < _HEADER.size or data[:4] != MAGIC:
        raise WireError(f"{len(data)} bytes that do not begin with a batch header")
    _, version, codec, name_length, crc, packed, _, rows, epoch, seq, sealed_us = _HEADER.unpack_from(data)
    if version != VERSION or codec != _ZSTD:
        raise WireError(
            f"batch version {version} with codec {codec}; version {VERSION} with codec {_ZSTD} is spoken here",
            code="BATCH_VERSION_UNSUPPORTED",
        )
    if len(data) != _HEADER.size + name_length + packed:
        raise WireError(f"batch of {len(data)} bytes, its header says {_HEADER.size + name_length + packed}")
    if zlib.crc32(memoryview(data)[_CRC_END:]) != crc:
        raise WireError("batch damaged: its checksum does not match")
    try:
        gateway = data[_HEADER.size : _HEADER.size + name_length].decode("utf-8")
    except UnicodeDecodeError as error:
        raise WireError("the gateway's id in the batch is not UTF-8") from error
    return Header(BatchId(gateway, UUID(bytes=epoch), seq), rows, sealed_us)


def decode(data: bytes) -> Batch:
    """Unpack a batch that may have come from anywhere.

    Raises:
        WireError: Anything about it is not as docs/wire.md says; nothing of it may be used.
    """
    head = header(data)
    plain, start = _HEADER.unpack_from(data)[6], _HEADER.size + len(head.id.gateway.encode())
    if plain > MAX_PAYLOAD or head.rows * _ROW_BYTES > plain:
        raise WireError(f"batch of {head.rows} rows in {plain} bytes; at most {MAX_PAYLOAD} bytes are accepted")
    try:
        payload = zstandard.ZstdDecompressor().decompress(
            memoryview(data)[start:], max_output_size=plain, allow_extra_data=False
        )
        if len(payload) != plain:
            raise WireError(f"payload of {len(payload)} bytes, its header says {plain}")
        return _unpack(head, payload)
    except (zstandard.ZstdError, msgspec.MsgspecError, struct.error, ValueError) as error:
        raise WireError(f"batch payload: {error}") from error


def _frame(head: Header, packed: bytes, plain: int) -> bytes:
    name = head.id.gateway.encode()
    fields = (len(packed), plain, head.rows, head.id.epoch.bytes, head.id.seq, head.sealed_us)
    blank = _HEADER.pack(MAGIC, VERSION, _ZSTD, len(name), 0, *fields)
    crc = zlib.crc32(packed, zlib.crc32(name, zlib.crc32(blank[_CRC_END:])))
    return _HEADER.pack(MAGIC, VERSION, _ZSTD, len(name), crc, *fields) + name + packed


def _unpack(head: Header, payload: bytes) -> Batch:
    tags_json, at = _take_sized(payload, 0)
    gaps_json, at = _take_sized(payload, at)
    tags = msgspec.json.decode(tags_json, type=list[Tag])
    gaps = msgspec.json.decode(gaps_json, type=list[Gap])
    columns: list[NDArray[np.generic]] = []
    for dtype in _COLUMNS:
        column, at = _take_planes(payload, at, head.rows, np.dtype(dtype))
        columns.append(column)
    tag, steps, lag, value, quality, flags, status = columns
    if head.rows and int(tag.max()) >= len(tags):
        raise WireError(f"a reading names tag {tag.max()}, the batch lists {len(tags)}")
    if head.rows and int(quality.max()) > 2:
        raise WireError(f"a reading has quality {quality.max()}, expected 0, 1 or 2")
    ts: NDArray[np.int64] = np.cumsum(steps)
    received: NDArray[np.int64] = ts + lag  # type: ignore[operator]
    for times in (ts, received):
        if head.rows and not 0 <= int(times.min()) <= int(times.max()) < MAX_TIME_US:
            raise WireError(f"a reading's time lies outside 1970..2100 ({times.min()}..{times.max()} us)")
    readings = Readings(tag, ts, received, value, quality, flags, status, _take_text(payload, at, head.rows))  # type: ignore[arg-type]
    return Batch(head, tags, readings, gaps, tags_json)


def _sized(data: bytes) -> bytes:
    return _COUNT.pack(len(data)) + data


def _take_sized(payload: bytes, at: int) -> tuple[bytes, int]:
    (length,) = _COUNT.unpack_from(payload, at)
    end = at + _COUNT.size + length
    if end > len(payload):
        raise WireError(f"a section of {length} bytes at {at} runs past the payload's end")
    return payload[at + _COUNT.size : end], end


def _planes(column: NDArray[np.generic]) -> bytes:
    """Return the first bytes of all values, then the second ones, ..: equal bytes meet, and compress."""
    little = column.astype(column.dtype.newbyteorder("<"), copy=False)
    return np.ascontiguousarray(little.view(np.uint8).reshape(len(column), column.itemsize).T).tobytes()


def _take_planes(payload: bytes, at: int, rows: int, dtype: np.dtype[np.generic]) -> tuple[NDArray[np.generic], int]:
    size = rows * dtype.itemsize
    if at + size > len(payload):
        raise WireError(f"a column of {rows} {dtype} at {at} runs past the payload's end")
    planes = np.frombuffer(payload, np.uint8, size, at).reshape(dtype.itemsize, rows)
    column = np.ascontiguousarray(planes.T).view(dtype.newbyteorder("<")).reshape(rows)
    return column.astype(dtype, copy=False), at + size


def _text(text: dict[int, str]) -> bytes:
    encoded = [value.encode() for value in text.values()]
    return b"".join(
        (
            _COUNT.pack(len(text)),
            np.fromiter(text, "<u4", len(text)).tobytes(),
            np.fromiter(map(len, encoded), "<u4", len(text)).tobytes(),
            *encoded,
        )
    )


def _take_text(payload: bytes, at: int, rows: int) -> dict[int, str]:
    (count,) = _COUNT.unpack_from(payload, at)
    at += _COUNT.size
    if count > rows or at + 8 * count > len(payload):
        raise WireError(f"{count} texts for {rows} readings")
    which = np.frombuffer(payload, "<u4", count, at)
    lengths = np.frombuffer(payload, "<u4", count, at + 4 * count)
    ends = at + 8 * count + np.cumsum(lengths, dtype=np.int64)
    if (int(ends[-1]) if count else at) != len(payload):
        raise WireError("the texts do not end where the payload does")
    if count and (int(which.max()) >= rows or int(lengths.max()) > MAX_TEXT):
        raise WireError(f"a text for row {which.max()} of {rows}, or one longer than {MAX_TEXT} bytes")
    starts = np.concatenate(([at + 8 * count], ends[:-1])) if count else ends
    texts = [payload[start:end].decode("utf-8") for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]
    if any("\0" in text for text in texts):
        raise WireError("a text contains NUL, which PostgreSQL cannot hold")
    return dict(zip(which.tolist(), texts, strict=True))
