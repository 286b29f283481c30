"""The small rows that everything hangs on (the file's state, its tags) as JSON with a checksum, and back."""

import zlib
from collections.abc import Sequence
from typing import TypeVar
from uuid import UUID

import msgspec
from msgspec.structs import replace

from edge.errors import BufferDamaged
from shared.wire.lane import Lane

T = TypeVar("T")


class Queue(msgspec.Struct, frozen=True):
    """What the file knows about one lane.

    Attributes:
        next_number: Of its next batch; never goes back, also when every batch is gone.
        batches, rows: Sealed and not settled, and the readings in them; so nothing is counted when 8 GB are opened.
        lent_upto: Batches up to this `seq` may have been sent; of later ones the table `lent` tells.
        thinned_upto: Batches up to this `seq` were thinned, as far as they may be.
    """

    next_number: int = 1
    batches: int = 0
    rows: int = 0
    lent_upto: int = 0
    thinned_upto: int = 0


class State(msgspec.Struct, frozen=True):
    """What the file knows about itself.

    Attributes:
        gateway: Whose buffer it is; its batches bear that name.
        epoch: Drawn when the file was created, and again when another machine turns out to use it, too.
        queues: By lane, in the order of their values.
        quarantined: How much is set aside.
        alive_us: When the gateway last wrote here, UTC microseconds; the next start tells the hole since.
        is_stopped: Whether it was closed in order.
        oldest_us: Nothing that waited when this was written was received earlier, UTC microseconds; 0 if that is not
            known. What a damaged file has lost begins there.
    """

    gateway: str
    epoch: UUID
    queues: tuple[Queue, Queue, Queue] = (Queue(), Queue(), Queue())
    quarantined: int = 0
    alive_us: int = 0
    is_stopped: bool = False
    oldest_us: int = 0

    def next_seq(self, lane: Lane) -> int:
        """Return what the lane's next batch is called."""
        return lane.seq(self.queues[lane].next_number)

    def grown(self, lane: Lane, rows: Sequence[int]) -> "State":
        """Return the state with more batches in a lane, of so many rows each."""
        queue = self.queues[lane]
        number, batches = queue.next_number + len(rows), queue.batches + len(rows)
        return self._with(lane, next_number=number, batches=batches, rows=queue.rows + sum(rows))

    def again(self, lane: Lane, rows: int) -> "State":
        """Return the state with a batch of so many rows that bears a number which was given before."""
        queue = self.queues[lane]
        return self._with(lane, batches=queue.batches + 1, rows=queue.rows + rows)

    def lent(self, lane: Lane, seq: int) -> "State":
        """Return the state in which batches up to this one may have been sent."""
        return self._with(lane, lent_upto=max(seq, self.queues[lane].lent_upto))

    def thinned(self, lane: Lane, seq: int) -> "State":
        """Return the state in which batches up to this one are thinned."""
        return self._with(lane, thinned_upto=max(seq, self.queues[lane].thinned_upto))

    def without(self, lane: Lane, rows: object) -> "State":
        """Return the state with a batch of so many rows less; their number may be damaged."""
        queue = self.queues[lane]
        less = rows if isinstance(rows, int) else 0
        return self._with(lane, batches=queue.batches - 1, rows=queue.rows - less)

    def _with(self, lane: Lane, **changes: int) -> "State":
        changed = replace(self.queues[lane], **changes)
        process, state, debug = (changed if lane is each else self.queues[each] for each in Lane)
        return replace(self, queues=(process, state, debug))


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
