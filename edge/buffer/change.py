"""Change: a transaction of the store under way, and the rows it writes; the store commits it."""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from edge.buffer import block, holes, lent, quarantine, sealing
from edge.buffer.record import State
from shared.logs import get
from shared.reading import Gap, GapCause, Readings
from shared.wire.lane import Lane

_log = get(__name__)


@dataclass(slots=True)
class Change:
    """What a transaction under way does beside its rows: the state after it, and the gaps it tells."""

    db: sqlite3.Connection
    state: State
    told: list[Gap] = field(default_factory=list)


def insert_blocks(db: sqlite3.Connection, coming: Mapping[Lane, Readings], gaps: Sequence[Gap], now_us: int) -> None:
    """Put readings of each lane, and gaps, into the tail."""
    for lane, readings in coming.items():
        oldest_us, _ = sealing.span(readings, now_us)
        row = (lane, oldest_us, now_us, block.pack(readings, gaps if lane is Lane.STATE else ()))
        db.execute("INSERT INTO tail (lane, oldest_us, committed_us, body) VALUES (?, ?, ?, ?)", row)


def add(change: Change, lane: Lane, sealed: Sequence[sealing.Sealed], *, is_lent: bool = False) -> None:
    """Add new batches to a lane; `is_lent`: they may be sent at once."""
    change.db.executemany("INSERT INTO batch VALUES (?, ?, ?, ?, ?, ?, ?)", map(sealing.row, sealed))
    if is_lent:
        lent.note(change.db, [batch.lease.id.seq for batch in sealed])
    change.state = change.state.grown(lane, [batch.lease.rows for batch in sealed])


def keep_spoiled(change: Change, spoiled: sealing.Spoiled, now_us: int) -> None:
    """Quarantine what could not be packed, and tell it."""
    quarantine.keep(change.db, spoiled, now_us)
    span = (spoiled.oldest_us, spoiled.newest_us)
    change.told.append(holes.lost(GapCause.REFUSED, *span, now_us, spoiled.reason))
    change.state = replace(change.state, quarantined=change.state.quarantined + 1)
    _log.error("readings were set aside", error=spoiled.reason)


def set_aside(
    change: Change,
    seq: int,
    epoch: object,
    cause: GapCause,
    detail: str,
    now_us: int,
    told: Sequence[Gap] | None = None,
) -> None:
    """Move a batch to quarantine; told as these gaps, or as one over its receive times."""
    moved = quarantine.move_batch(change.db, seq, epoch, detail, now_us)
    if moved is not None:
        rows, oldest_us, newest_us = moved
        state = change.state.without(Lane.of(seq), rows)
        change.state = replace(state, quarantined=state.quarantined + 1)
        change.told += [holes.lost(cause, oldest_us, newest_us, now_us, detail)] if told is None else told
