"""The figures: what a buffer file holds, in numbers, as its last transaction left it."""

from collections.abc import Mapping, Sized
from dataclasses import dataclass, field
from uuid import UUID

from edge.buffer.record import Cursor, Queue
from shared.wire.lane import Lane


@dataclass(frozen=True, slots=True)
class Owed:
    """What one destination is owed: by lane, and the receive time of the oldest reading, None if there is none."""

    number: int
    cursors: tuple[Cursor, ...]
    oldest_us: int | None = None

    @property
    def batches(self) -> int:
        """Batches of all lanes."""
        return sum(cursor.batches for cursor in self.cursors)

    @property
    def rows(self) -> int:
        """The readings in them."""
        return sum(cursor.rows for cursor in self.cursors)


@dataclass(frozen=True, slots=True)
class Figures:
    """The file as its last transaction left it.

    Attributes:
        life: Drawn when it was opened; leases on another file, or of another life, are none on this one.
        epoch: Its name for the cloud.
        queues: What is sealed and not settled, by lane.
        tails: Readings in the open tail of each lane that has one; of gaps only, 0.
        quarantined: Batches and blocks set aside.
        used_bytes: What of the file holds something.
        oldest_us: Receive time of the oldest reading, None when it is empty.
        owed: What of it each destination is owed, by name.
        is_clearing: Whether batches may be left that are owed to nobody any more.
    """

    life: UUID
    epoch: UUID
    queues: tuple[Queue, ...]
    tails: Mapping[Lane, int]
    quarantined: int = 0
    used_bytes: int = 0
    oldest_us: int | None = None
    owed: Mapping[str, Owed] = field(default_factory=dict)
    is_clearing: bool = False

    @property
    def batches(self) -> int:
        """Batches of all lanes."""
        return sum(queue.batches for queue in self.queues)

    @property
    def rows(self) -> int:
        """The readings in them."""
        return sum(queue.rows for queue in self.queues)

    @property
    def tail_rows(self) -> int:
        """Readings in all tails."""
        return sum(self.tails.values())

    @property
    def has_tail(self) -> bool:
        """Whether a tail holds anything, gaps included."""
        return bool(self.tails)

    def tails_with(self, coming: Mapping[Lane, Sized]) -> dict[Lane, int]:
        """Return the readings in each tail with those that come."""
        return dict(self.tails) | {lane: self.tails.get(lane, 0) + len(rows) for lane, rows in coming.items()}
