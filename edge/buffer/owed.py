"""To which destinations each batch is still owed, as the file remembers it; inside the caller's transaction.

A batch leaves the file with the last destination that is owed it. Until then a row of the table `done` says which have
it, or are never to get it; once a destination has all up to some batch its cursor says so (record.Cursor), and these
rows are deleted. With one destination there are none.
"""

import sqlite3
from collections.abc import Collection, Set

from edge.buffer import lent
from edge.buffer.change import Change
from edge.buffer.record import State, counted
from shared.wire.lane import Lane


def to(db: sqlite3.Connection, state: State, seq: int) -> frozenset[int]:
    """Return the destinations that are owed a batch."""
    lane = Lane.of(seq)
    ahead = [each.number for each in state.destinations if seq > each.cursors[lane].upto]
    return frozenset(ahead).difference(
        done for (done,) in db.execute("SELECT destination FROM done WHERE seq = ?", (seq,))
    )


def settle(change: Change, seq: int, epoch: bytes, whom: Set[int]) -> None:
    """These destinations have a batch, or are never to get it; it is gone with the last that is owed it."""
    key = (seq, epoch)
    row = change.db.execute("SELECT rows FROM batch WHERE seq = ? AND epoch = ?", key).fetchone()
    if row is None:
        return
    lane, owed = Lane.of(seq), to(change.db, change.state, seq)
    gone = owed & whom
    change.state = change.state.owed(lane, -1, -counted(row[0]), gone)
    if owed - gone:
        withhold(change.db, seq, gone)
        for number in gone:
            lent.forget(change.db, [seq], number)
        return
    change.db.execute("DELETE FROM batch WHERE seq = ? AND epoch = ?", key)
    change.state = change.state.without(lane, row[0])
    forget(change.db, seq)


def withhold(db: sqlite3.Connection, seq: int, whom: Collection[int]) -> None:
    """Note that these destinations are not owed a batch that others are."""
    db.executemany("INSERT OR IGNORE INTO done VALUES (?, ?)", [(seq, number) for number in whom])


def forget(db: sqlite3.Connection, seq: int) -> None:
    """Forget what is noted about a batch that is gone."""
    db.execute("DELETE FROM lent WHERE seq = ?", (seq,))
    db.execute("DELETE FROM done WHERE seq = ?", (seq,))


def advance(change: Change, lane: Lane, number: int) -> None:
    """Move a destination's cursor to before the first batch that it is owed, where there are others to be owed."""
    if len(change.state.destinations) < 2:
        return
    (before,) = (each.cursors[lane].upto for each in change.state.destinations if each.number == number)
    first = next_seq(change.db, lane, before, number)
    upto = change.state.next_seq(lane) - 1 if first is None else first - 1
    if upto > before:
        change.db.execute(
            "DELETE FROM done WHERE seq BETWEEN ? AND ? AND destination = ?", (lane.seqs[0], upto, number)
        )
        change.state = change.state.advanced(lane, upto, number)


def next_seq(db: sqlite3.Connection, lane: Lane, after: int, number: int, taken: Set[int] = frozenset()) -> int | None:
    """Return the first batch of a lane behind `after` that a destination is owed and that is not taken."""
    query = (
        "SELECT seq FROM batch WHERE seq BETWEEN ? AND ? AND NOT EXISTS "
        "(SELECT 1 FROM done WHERE done.seq = batch.seq AND done.destination = ?) ORDER BY seq"
    )
    numbers = db.execute(query, (max(after + 1, lane.seqs[0]), lane.seqs[1], number))
    try:
        return next((seq for (seq,) in numbers if seq not in taken), None)
    finally:
        numbers.close()


def orphans(db: sqlite3.Connection, state: State, most: int) -> list[tuple[int, object]]:
    """Return batches that are owed to nobody any more, with their rows, at most so many."""
    found: list[tuple[int, object]] = []
    for lane in Lane:
        # numbers and comparisons of ours
        had = " AND ".join(
            f"(seq <= {each.cursors[lane].upto} OR EXISTS (SELECT 1 FROM done WHERE done.seq = batch.seq"  # noqa: S608
            f" AND destination = {each.number}))"
            for each in state.destinations
        )
        query = f"SELECT seq, rows FROM batch WHERE seq BETWEEN ? AND ? AND {had} ORDER BY seq LIMIT ?"  # noqa: S608
        found += db.execute(query, (*lane.seqs, most - len(found))).fetchall()
    return found
