"""The small rows that everything hangs on (the file's state, its tags) as JSON with a checksum, and back."""

import zlib
from typing import TypeVar
from uuid import UUID

import msgspec

from edge.errors import BufferDamaged

T = TypeVar("T")


class State(msgspec.Struct, frozen=True):
    """What the file knows about itself.

    Attributes:
        gateway: Whose buffer it is; its batches bear that name.
        epoch: Drawn when the file was created.
        next_seq: What the next batch is called; never goes back, also when every batch is gone.
        batches, rows, quarantined: Totals, so that nothing is counted when a file of 8 GB is opened.
        alive_us: When the gateway last wrote here, UTC microseconds; the next start tells the hole since.
        is_stopped: Whether it was closed in order.
    """

    gateway: str
    epoch: UUID
    next_seq: int = 1
    batches: int = 0
    rows: int = 0
    quarantined: int = 0
    alive_us: int = 0
    is_stopped: bool = False


def to_row(record: object) -> tuple[bytes, int]:
    """Return a record's body and its checksum."""
    body = msgspec.json.encode(record)
    return body, zlib.crc32(body)


def from_row(type: type[T], body: object, crc: object) -> T:
    """Read a record back.

    Raises:
        BufferDamaged: It is not what was written.
    """
    if not isinstance(body, bytes) or zlib.crc32(body) != crc:
        raise BufferDamaged(f"a record does not match its checksum: {body!r:.200}")
    return msgspec.json.decode(body, type=type)
