"""Change: a transaction of the store under way, and the rows it writes; the store commits it."""

import sqlite3
from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import dataclass, field

from msgspec.structs import replace

from edge.buffer import block, done, holes, lent, quarantine, sealing
from edge.buffer.record import State
from shared.logs import get
from shared.reading import Gap, GapCause, Readings
from shared.wire.lane import Lane

_log = get(__name__)


@dataclass(slots=True)
class Change:
    """What a transaction under way does beside its rows.

    Attributes:
        db: Where it takes place.
        state: As it will be.
        told: Gaps for every destination.
        apart: Gaps for some of them alone: the others miss nothing.
    """

    db: sqlite3.Connection
    state: State
    told: list[Gap] = field(default_factory=list)
    apart: dict[frozenset[int], list[Gap]] = field(default_factory=dict)

    def tell(self, gaps: Sequence[Gap], whom: frozenset[int]) -> None:
        """Tell gaps to the destinations that miss something."""
        if whom >= self.state.everybody:
            self.told += gaps
        elif gaps and whom:
            self.apart.setdefault(whom, []).extend(gaps)


def insert_blocks(db: sqlite3.Connection, coming: Mapping[Lane, Readings], gaps: Sequence[Gap], now_us: int) -> None:
    """Put readings of each lane, and gaps, into the tail."""
    for lane, readings in coming.items():
        oldest_us, _ = sealing.span(readings, now_us)
        row = (lane, oldest_us, now_us, block.pack(readings, gaps if lane is Lane.STATE else ()))
        db.execute("INSERT INTO tail (lane, oldest_us, committed_us, body) VALUES (?, ?, ?, ?)", row)


def add(
    change: Change,
    lane: Lane,
    sealed: Sequence[sealing.Sealed],
    whom: Set[int] | None = None,
    *,
    lent_to: Collection[int] = (),
) -> None:
    """Add new batches to a lane, owed to these destinations, or to all; `lent_to`: they may be sent there at once."""
    everybody = change.state.everybody
    whom = everybody if whom is None else whom
    change.db.executemany("INSERT INTO batch VALUES (?, ?, ?, ?, ?, ?, ?)", map(sealing.row, sealed))
    seqs = [batch.lease.id.seq for batch in sealed]
    for number in lent_to:
        lent.note(change.db, seqs, number)
    if others := everybody - whom:
        for seq in seqs:
            done.withhold(change.db, seq, others)
    change.state = change.state.grown(lane, [batch.lease.rows for batch in sealed], whom)


def keep_spoiled(change: Change, spoiled: sealing.Spoiled, now_us: int, whom: frozenset[int] | None = None) -> None:
    """Quarantine what could not be packed, and tell it."""
    whom = change.state.everybody if whom is None else whom
    span = (spoiled.oldest_us, spoiled.newest_us)
    gap = holes.lasting(holes.lost(GapCause.REFUSED, *span, now_us, spoiled.reason))
    quarantine.keep(change.db, spoiled, now_us, whom, [gap])
    change.tell([gap], whom)
    change.state = replace(change.state, quarantined=change.state.quarantined + 1)
    _log.error("readings were set aside", error=spoiled.reason)
