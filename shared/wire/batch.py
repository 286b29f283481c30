"""The batch, version 1: readings and gaps of one gateway as bytes, and back; docs/wire.md has every byte.

The buffer calls `encode` once, when it seals a batch, and stores the result; the shipper sends these
bytes; the cloud calls `decode`. The bytes are never trusted: `decode` checks the checksum before it
decompresses, bounds what it decompresses, and never allocates more than `MAX_PAYLOAD` allows. And a
batch that nobody can read would be lost for good, so `encode` reads back what it wrote.
"""

import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

import zstandard

from shared.errors import WireError
from shared.reading import Gap, Readings, Tag
from shared.wire import payload as sections
from shared.wire.labels import Labels
from shared.wire.lane import Lane

MAGIC = b"TZGH"
VERSION = 1
CONTENT_TYPE = "application/vnd.tezgah.batch.v1"
# 8 MiB holds 200,000 readings; the API refuses more (docs/wire.md).
MAX_PAYLOAD = 8 * 1024 * 1024
# what a payload that does not compress at all takes with header, gateway's id and zstd's own frame
MAX_BODY = MAX_PAYLOAD + 64 * 1024
MAX_TEXT = sections.MAX_TEXT
MAX_TIME_US = sections.MAX_TIME_US
# PostgreSQL counts in signed 64 bits
MAX_SEQ = 2**63 - 1
_ZSTD = 1
# level 1: on plant data levels up to 6 save under 4 % and cost five times the time
_LEVEL = 1
# magic, version, codec, length of the gateway's id, CRC-32 of all that follows it,
# compressed and plain length of the payload, rows, epoch, seq, sealed at
_HEADER = struct.Struct("<4sBBHIIII16sQq")
_CRC_END = 12
_MALFORMED = (zstandard.ZstdError, *sections.MALFORMED)


@dataclass(frozen=True, slots=True)
class BatchId:
    """Who sent a batch and which one it is; never used for two different contents."""

    gateway: str
    epoch: UUID
    seq: int

    @property
    def lane(self) -> Lane:
        """Which of the gateway's queues it waited in."""
        return Lane.of(self.seq)


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


def encode(
    id: BatchId, sealed_us: int, tags: Sequence[Tag] | Labels, readings: Readings, gaps: Sequence[Gap] = ()
) -> bytes:
    """Pack a batch.

    Args:
        id: Its identity.
        sealed_us: The gateway's clock, microseconds since 1970 UTC.
        tags: What `readings.tag` indexes; only those used travel. Who encodes often keeps their labels.
        readings: Any number, in the order taken; within each tag that order is kept.
        gaps: Holes to record.

    Raises:
        WireError: `decode` would refuse the result: it is larger than `MAX_PAYLOAD`, a text is longer
            than `MAX_TEXT` bytes, a time lies outside 1970..2100, a name has control characters, ..
    """
    head = Header(id, len(readings), sealed_us)
    _check_header(head)
    try:
        labels = tags if isinstance(tags, Labels) else Labels(tags)
        payload = sections.pack(labels, readings, gaps)
        if len(payload) > MAX_PAYLOAD:
            raise WireError(f"{head.rows} readings take {len(payload)} bytes, at most {MAX_PAYLOAD} may travel; split")
        sections.check(payload, head.rows, len(labels.tags))
    except _MALFORMED as error:
        raise WireError(f"batch {id.seq} of {id.gateway!r} cannot be packed: {error}") from error
    return _frame(head, zstandard.ZstdCompressor(level=_LEVEL).compress(payload), len(payload))


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
    head = Header(BatchId(gateway, UUID(bytes=epoch), seq), rows, sealed_us)
    _check_header(head)
    return head


def renamed(data: bytes, id: BatchId) -> bytes:
    """Return a batch's bytes under another identity, its content as it was.

    Raises:
        WireError: It is damaged, or the identity is none.
    """
    before = header(data)
    head = Header(id, before.rows, before.sealed_us)
    _check_header(head)
    packed = data[_HEADER.size + len(before.id.gateway.encode()) :]
    return _frame(head, packed, _HEADER.unpack_from(data)[6])


def decode(data: bytes, read_tags: Callable[[bytes], list[Tag]] = sections.tags_of) -> Batch:
    """Unpack a batch that may have come from anywhere.

    Args:
        data: Its bytes.
        read_tags: As `payload.unpack` has it.

    Raises:
        WireError: Anything about it is not as docs/wire.md says; nothing of it may be used.
    """
    head = header(data)
    plain, start = _HEADER.unpack_from(data)[6], _HEADER.size + len(head.id.gateway.encode())
    if plain > MAX_PAYLOAD or head.rows * sections.ROW_BYTES > plain:
        raise WireError(f"batch of {head.rows} rows in {plain} bytes; at most {MAX_PAYLOAD} bytes are accepted")
    try:
        tags, readings, gaps = sections.unpack(_decompress(memoryview(data)[start:], plain), head.rows, read_tags)
    except _MALFORMED as error:
        raise WireError(f"batch payload: {error}") from error
    return Batch(head, tags, readings, gaps)


def _check_header(head: Header) -> None:
    if not (0 < len(head.id.gateway) <= 200 and head.id.gateway.isprintable()):
        raise WireError(f"the gateway's id {head.id.gateway[:200]!r} is not 1..200 printable characters")
    if not 0 <= head.id.seq <= MAX_SEQ:
        raise WireError(f"batch number {head.id.seq} is not in 0..{MAX_SEQ}")
    if not 0 <= head.sealed_us < MAX_TIME_US:
        raise WireError(f"the batch was sealed at {head.sealed_us} us, which lies outside 1970..2100")


def _decompress(packed: memoryview, plain: int) -> bytes:
    # the library allocates what the frame says it holds, whatever maximum it is given: ask the frame first
    told = zstandard.get_frame_parameters(packed).content_size
    if told != plain:
        raise WireError(f"the compressed frame holds {told} bytes, the batch's header says {plain}")
    return zstandard.ZstdDecompressor(max_window_size=MAX_PAYLOAD).decompress(packed, allow_extra_data=False)


def _frame(head: Header, packed: bytes, plain: int) -> bytes:
    name = head.id.gateway.encode()
    fields = (len(packed), plain, head.rows, head.id.epoch.bytes, head.id.seq, head.sealed_us)
    blank = _HEADER.pack(MAGIC, VERSION, _ZSTD, len(name), 0, *fields)
    crc = zlib.crc32(packed, zlib.crc32(name, zlib.crc32(blank[_CRC_END:])))
    return _HEADER.pack(MAGIC, VERSION, _ZSTD, len(name), crc, *fields) + name + packed
