"""Which sealed batches may be lent: who holds what, what the cloud already has, and which are live.

Bodies of what was sealed in the last seconds stay in memory, so that live data is sent without being read back. All
the rest is backlog and is known by number only; memory does not grow with an outage.
"""

from collections import OrderedDict
from collections.abc import Iterable

from edge.ports import Lease
from shared.wire.batch import BatchId
from shared.wire.lane import URGENCY, Lane

# Monotonic: a wall clock that jumps must not turn backlog into live data, nor the reverse.
LIVE_S = 10.0
# 200,000 readings a second for 10 s
_MEMORY = 16_000_000


class Leases:
    """What is lent and what may be; the batches themselves are on disk, under their numbers."""

    def __init__(self) -> None:
        self._live: OrderedDict[int, tuple[float, Lease]] = OrderedDict()
        self._live_bytes = 0
        self._held: dict[int, Lease] = {}
        self._leaving: set[int] = set()
        # noted on disk, or tried to be: what may have been sent
        self._marked: set[int] = set()
        self._marked_upto: dict[Lane, int] = {}
        self._newest: dict[Lane, int] = {}
        self._behind: set[Lane] = set()

    def is_abreast(self, lane: Lane) -> bool:
        """Whether the lane's newest batch was lent: somebody waits for live data, so the next may be sealed soon."""
        return lane not in self._behind

    def taken(self) -> set[int]:
        """Return the numbers on disk that cannot be lent: held, or about to be deleted."""
        return self._held.keys() | self._leaving

    def available(self, lane: Lane, on_disk: int) -> int:
        """Return how many of the lane's batches may be lent, of which so many are on disk."""
        return on_disk - sum(Lane.of(seq) is lane for seq in self.taken())

    def sealed(self, leases: Iterable[Lease], now_s: float) -> None:
        """Take note of new batches, in the order of their numbers."""
        for lease in leases:
            self._live[lease.id.seq] = (now_s, lease)
            self._live_bytes += len(lease.body)
            self._newest[lease.id.lane] = lease.id.seq
            # somebody may have read it from disk before word of it came here
            if lease.id.seq in self._held:
                self._behind.discard(lease.id.lane)
            else:
                self._behind.add(lease.id.lane)
        while self._live and (self._live_bytes > _MEMORY or next(iter(self._live.values()))[0] < now_s - LIVE_S):
            _, (_, lease) = self._live.popitem(last=False)
            self._live_bytes -= len(lease.body)

    def newest(self, now_s: float) -> Lease | None:
        """Return the newest batch that was sealed within the last 10 s and may be lent, of the most urgent lane."""
        found: dict[Lane, Lease] = {}
        for seq, (sealed_s, lease) in reversed(self._live.items()):
            if sealed_s < now_s - LIVE_S:
                break
            if seq not in self._held and seq not in self._leaving:
                found.setdefault(lease.id.lane, lease)
        return next((found[lane] for lane in URGENCY if lane in found), None)

    def oldest(self, lane: Lane, on_disk: int) -> Lease | None:
        """Return the lane's oldest batch that may be lent, if it is certain that memory knows it."""
        taken = self.taken()
        free = [lease for seq, (_, lease) in self._live.items() if lease.id.lane is lane and seq not in taken]
        return free[0] if free and len(free) == self.available(lane, on_disk) else None

    def lend(self, lease: Lease) -> Lease:
        """Note that somebody holds it."""
        self._held[lease.id.seq] = lease
        if lease.id.seq == self._newest.get(lease.id.lane):
            self._behind.discard(lease.id.lane)
        return lease

    def is_marked(self, id: BatchId) -> bool:
        """Tell whether it is noted that this batch may be sent."""
        return id.seq in self._marked or id.seq <= self._marked_upto.get(id.lane, -1)

    def mark(self, seqs: Iterable[int]) -> None:
        """Take note that these batches may be sent."""
        self._marked.update(seqs)

    def mark_upto(self, lane: Lane, seq: int) -> None:
        """Take note that those of a lane up to this one may be sent."""
        self._marked_upto[lane] = seq

    def spared(self) -> set[int]:
        """Return what nobody may change on disk: what is lent, was lent, or can be lent from memory."""
        return self.taken() | self._live.keys() | self._marked

    def holds(self, id: BatchId) -> bool:
        """Tell whether somebody holds this very batch."""
        held = self._held.get(id.seq)
        return held is not None and held.id == id

    def give_back(self, id: BatchId) -> None:
        """Note that its holder has not sent it."""
        if self.holds(id):
            del self._held[id.seq]

    def leave(self, id: BatchId) -> Lease | None:
        """Note that it is to leave the disk; returns None if nobody held it."""
        if not self.holds(id):
            return None
        self._leaving.add(id.seq)
        self._forget(id.seq)
        return self._held.pop(id.seq)

    def forget_live(self) -> None:
        """What is on disk is not what is in memory any more: read it there."""
        self._live.clear()
        self._live_bytes = 0

    def left(self, ids: Iterable[BatchId]) -> None:
        """Note that these have left the disk."""
        gone = {batch.seq for batch in ids}
        self._leaving -= gone
        self._marked -= gone

    def _forget(self, seq: int) -> None:
        live = self._live.pop(seq, None)
        if live is not None:
            self._live_bytes -= len(live[1].body)
