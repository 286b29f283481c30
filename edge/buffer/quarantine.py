"""The quarantine: what is set aside for good, with the reason why, inside the caller's transaction.

Nothing here is sent or deleted by itself. A batch is kept as wire body, everything else as block (block.py).
"""

import sqlite3
from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from edge.buffer import holdings, holes, refusing
from edge.buffer.dividing import Part
from edge.buffer.record import State
from edge.buffer.sealing import Spoiled
from edge.errors import BufferError  # noqa: A004 - the field's word
from shared.reading import Gap, GapCause, Tag

_COLUMNS = "quarantine (kind, reason, set_us, oldest_us, newest_us, body)"


def move_batch(
    db: sqlite3.Connection, seq: int, epoch: object, reason: str, now_us: int
) -> tuple[object, object, object] | None:
    """Move a batch here; returns its row count and its span of receive times, None if there is no such batch.

    They stand beside the body and may be as damaged as that.
    """
    row: tuple[object, object, object] | None
    which = "FROM batch WHERE seq = ? AND epoch = ?"
    row = db.execute(f"SELECT rows, oldest_us, newest_us {which}", (seq, epoch)).fetchone()
    db.execute(
        f"INSERT INTO {_COLUMNS} SELECT 'batch', ?, ?, oldest_us, newest_us, body {which}",
        (reason, now_us, seq, epoch),
    )
    db.execute(f"DELETE {which}", (seq, epoch))
    return row


def move_blocks(db: sqlite3.Connection, ns: Iterable[int], now_us: int) -> None:
    """Move damaged rows of the tail here."""
    db.executemany(
        f"INSERT INTO {_COLUMNS} SELECT 'block', 'damaged', ?, oldest_us, committed_us, body FROM tail WHERE n = ?",  # noqa: S608 - no input
        [(now_us, n) for n in ns],
    )


def keep(db: sqlite3.Connection, spoiled: Spoiled, now_us: int) -> None:
    """Keep what could not be packed."""
    row = (spoiled.reason, now_us, spoiled.oldest_us, spoiled.newest_us, spoiled.body)
    db.execute(f"INSERT INTO {_COLUMNS} VALUES ('block', ?, ?, ?, ?, ?)", row)  # noqa: S608 - no input


def dropped(db: sqlite3.Connection, tags: Sequence[Tag], n: int, now_us: int) -> tuple[int, list[Gap]]:
    """Return how many readings an entry holds that is about to be deleted, and the gaps that tell it.

    Raises:
        BufferError: There is no such entry.
    """
    row = db.execute("SELECT reason, oldest_us, newest_us FROM quarantine WHERE n = ?", (n,)).fetchone()
    if row is None:
        raise BufferError(f"there is no entry {n} in quarantine; `quarantine list` shows which there are")
    reason, oldest_us, newest_us = row
    detail = f"dropped from quarantine by hand: {reason}"
    try:
        held = holdings.set_aside(db, tags, n)
    except BufferError:
        return 0, [holes.lost(GapCause.REFUSED, oldest_us, newest_us, now_us, detail)]
    told = refusing.told(Part(held.tags, held.readings, ()), detail, now_us)
    by_times = [holes.lost(GapCause.REFUSED, oldest_us, newest_us, now_us, detail)]
    return len(held.readings), by_times if told is None else told


def forget(db: sqlite3.Connection, ns: Sequence[int], state: State) -> State:
    """Delete entries; returns the state without them."""
    db.executemany("DELETE FROM quarantine WHERE n = ?", [(n,) for n in ns])
    return replace(state, quarantined=state.quarantined - len(ns))
