"""The quarantine: what is set aside for good, with the reason why, inside the caller's transaction.

Nothing here is sent or deleted by itself. A batch is kept as wire body, everything else as block (block.py).
"""

import sqlite3
from collections.abc import Iterable, Sequence, Set

from msgspec.structs import replace

from edge.buffer import block, holdings, holes, refusing
from edge.buffer.dividing import Part
from edge.buffer.record import State
from edge.buffer.sealing import Spoiled
from edge.errors import BufferDamaged, BufferError  # noqa: A004 - the field's word
from shared.reading import Gap, GapCause, Tag, empty

_COLUMNS = "quarantine (kind, reason, set_us, oldest_us, newest_us, body, whom, told)"


def bits(whom: Iterable[int]) -> int:
    """Return destinations as one number, a bit for each."""
    return sum(1 << number for number in set(whom))


def whom(mask: int, state: State) -> frozenset[int]:
    """Return the destinations that there still are of those whose bits are set."""
    return frozenset(number for number in state.everybody if mask >> number & 1)


def copy_batch(
    db: sqlite3.Connection, seq: int, epoch: object, reason: str, now_us: int, whom: Set[int], told: Sequence[Gap]
) -> None:
    """Copy a batch here, for the destinations that miss it, with the gaps that told it."""
    db.execute(
        f"INSERT INTO {_COLUMNS} SELECT 'batch', ?, ?, oldest_us, newest_us, body, ?, ? FROM batch"  # noqa: S608 - no input
        " WHERE seq = ? AND epoch = ?",
        (reason, now_us, bits(whom), block.pack(empty(), told), seq, epoch),
    )


def move_blocks(db: sqlite3.Connection, ns: Iterable[int], now_us: int) -> None:
    """Move damaged rows of the tail here."""
    db.executemany(
        f"INSERT INTO {_COLUMNS} SELECT 'block', 'damaged', ?, oldest_us, committed_us, body, -1, NULL FROM tail"  # noqa: S608 - no input
        " WHERE n = ?",
        [(now_us, n) for n in ns],
    )


def keep(db: sqlite3.Connection, spoiled: Spoiled, now_us: int, whom: Set[int], told: Sequence[Gap]) -> None:
    """Keep what could not be packed, with the gaps that told it."""
    row = (spoiled.reason, now_us, spoiled.oldest_us, spoiled.newest_us, spoiled.body)
    query = f"INSERT INTO {_COLUMNS} VALUES ('block', ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - no input
    db.execute(query, (*row, bits(whom), block.pack(empty(), told)))


def told(db: sqlite3.Connection, n: int) -> tuple[int, list[Gap]]:
    """Return whom an entry is missing to, as bits, and the gaps that told it; none if they cannot be read.

    Raises:
        BufferError: There is no such entry.
    """
    row = db.execute("SELECT whom, told FROM quarantine WHERE n = ?", (n,)).fetchone()
    if row is None:
        raise BufferError(f"there is no entry {n} in quarantine; `quarantine list` shows which there are")
    mask, packed = row
    try:
        return mask, block.unpack(packed)[1] if packed else []
    except BufferDamaged:
        return mask, []


def dropped(db: sqlite3.Connection, tags: Sequence[Tag], n: int, now_us: int) -> tuple[int, int, list[Gap]]:
    """Return how many readings an entry holds that is about to be deleted, whom they miss, and the gaps that tell it.

    Raises:
        BufferError: There is no such entry.
    """
    mask, _ = told(db, n)
    row = db.execute("SELECT reason, oldest_us, newest_us FROM quarantine WHERE n = ?", (n,)).fetchone()
    reason, oldest_us, newest_us = row
    detail = f"dropped from quarantine by hand: {reason}"
    by_times = [holes.lost(GapCause.REFUSED, oldest_us, newest_us, now_us, detail)]
    try:
        held = holdings.set_aside(db, tags, n)
    except BufferError:
        return 0, mask, by_times
    by_tags = refusing.told(Part(held.tags, held.readings, ()), detail, now_us)
    return len(held.readings), mask, by_times if by_tags is None else by_tags


def forget(db: sqlite3.Connection, ns: Sequence[int], state: State) -> State:
    """Delete entries; returns the state without them."""
    db.executemany("DELETE FROM quarantine WHERE n = ?", [(n,) for n in ns])
    return replace(state, quarantined=state.quarantined - len(ns))
