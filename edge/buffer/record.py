"""The small rows that everything hangs on (the file's state, its tags) as JSON with a checksum, and back."""

import zlib
from collections.abc import Sequence, Set
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
        thinned_upto: Batches up to this `seq` were thinned, as far as they may be.
    """

    next_number: int = 1
    batches: int = 0
    rows: int = 0
    thinned_upto: int = 0


class Cursor(msgspec.Struct, frozen=True):
    """How far one destination is in one lane.

    Attributes:
        upto: Of batches up to this `seq` it is owed none; of later ones the table `done` tells those that it is not.
        batches, rows: What it is owed, and the readings in them.
        lent_upto: Batches up to this `seq` may have been sent to it; of later ones the table `lent` tells.
    """

    upto: int = 0
    batches: int = 0
    rows: int = 0
    lent_upto: int = 0


class Destination(msgspec.Struct, frozen=True):
    """A cloud that the readings are owed to.

    Attributes:
        number: It stands for it in the file's other tables, and is given again once nothing there refers to it.
        name, url: As it was configured last; by these it is known again.
        cursors: By lane, in the order of their values.
    """

    number: int
    name: str
    url: str = ""
    cursors: tuple[Cursor, Cursor, Cursor] = (Cursor(), Cursor(), Cursor())

    def moved(self, lane: Lane, *, batches: int = 0, rows: int = 0, **changes: int) -> "Destination":
        """Return it with so many batches and readings more that it is owed in a lane, and its cursor changed."""
        before = self.cursors[lane]
        changed = replace(before, batches=before.batches + batches, rows=before.rows + rows, **changes)
        process, state, debug = (changed if lane is each else self.cursors[each] for each in Lane)
        return replace(self, cursors=(process, state, debug))


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
        destinations: Whom the batches are owed to.
        is_clearing: One of them was removed, and batches may be left that are owed to nobody any more.
    """

    gateway: str
    epoch: UUID
    queues: tuple[Queue, Queue, Queue] = (Queue(), Queue(), Queue())
    quarantined: int = 0
    alive_us: int = 0
    is_stopped: bool = False
    oldest_us: int = 0
    destinations: tuple[Destination, ...] = ()
    is_clearing: bool = False

    @property
    def everybody(self) -> frozenset[int]:
        """The numbers of all destinations."""
        return frozenset(each.number for each in self.destinations)

    def destination(self, name: str) -> Destination:
        """Return the destination of that name."""
        return next(each for each in self.destinations if each.name == name)

    def next_seq(self, lane: Lane) -> int:
        """Return what the lane's next batch is called."""
        return lane.seq(self.queues[lane].next_number)

    def grown(self, lane: Lane, rows: Sequence[int], whom: Set[int]) -> "State":
        """Return the state with more batches in a lane, of so many rows each, owed to these destinations."""
        queue, count, total = self.queues[lane], len(rows), sum(rows)
        number, batches, held = queue.next_number + count, queue.batches + count, queue.rows + total
        grown = self._with(lane, next_number=number, batches=batches, rows=held)
        return grown.owed(lane, count, total, whom)

    def again(self, lane: Lane, rows: int, whom: Set[int]) -> "State":
        """Return the state with a batch of so many rows that bears a number which was given before."""
        queue = self.queues[lane]
        return self._with(lane, batches=queue.batches + 1, rows=queue.rows + rows).owed(lane, 1, rows, whom)

    def owed(self, lane: Lane, batches: int, rows: int, whom: Set[int]) -> "State":
        """Return the state in which these destinations are owed so many batches and rows more, or less."""
        return self._moved(lane, whom, batches=batches, rows=rows)

    def lent(self, lane: Lane, seq: int, number: int) -> "State":
        """Return the state in which batches up to this one may have been sent to a destination."""
        (before,) = (each.cursors[lane].lent_upto for each in self.destinations if each.number == number)
        return self._moved(lane, {number}, lent_upto=max(seq, before))

    def advanced(self, lane: Lane, seq: int, number: int) -> "State":
        """Return the state in which a destination is owed no batch up to this one."""
        return self._moved(lane, {number}, upto=seq)

    def thinned(self, lane: Lane, seq: int) -> "State":
        """Return the state in which batches up to this one are thinned."""
        return self._with(lane, thinned_upto=max(seq, self.queues[lane].thinned_upto))

    def without(self, lane: Lane, rows: object) -> "State":
        """Return the state with a batch of so many rows less in the file; their number may be damaged."""
        queue = self.queues[lane]
        return self._with(lane, batches=queue.batches - 1, rows=queue.rows - counted(rows))

    def _with(self, lane: Lane, **changes: int) -> "State":
        changed = replace(self.queues[lane], **changes)
        process, state, debug = (changed if lane is each else self.queues[each] for each in Lane)
        return replace(self, queues=(process, state, debug))

    def _moved(self, lane: Lane, whom: Set[int], **changes: int) -> "State":
        moved = (each.moved(lane, **changes) if each.number in whom else each for each in self.destinations)
        return replace(self, destinations=tuple(moved))


def counted(rows: object) -> int:
    """Return a batch's number of rows as it stands on disk; 0 if it is damaged."""
    return rows if isinstance(rows, int) else 0


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
