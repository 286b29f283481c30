"""Which batches a destination has, or is never to get, as the file remembers it; inside the caller's transaction.

A row of the table `done` says so while another destination is owed the batch; once a destination has all up to some
batch its cursor says so (record.Cursor), and these rows are deleted. With one destination there are none.
"""

import sqlite3
from collections.abc import Collection, Set

from edge.buffer.record import State
from shared.wire.lane import Lane


def owed_to(db: sqlite3.Connection, state: State, seq: int) -> frozenset[int]:
    """Return the destinations that are owed a batch."""
    lane = Lane.of(seq)
    ahead = [each.number for each in state.destinations if seq > each.cursors[lane].upto]
    return frozenset(ahead).difference(
        done for (done,) in db.execute("SELECT destination FROM done WHERE seq = ?", (seq,))
    )


def withhold(db: sqlite3.Connection, seq: int, whom: Collection[int]) -> None:
    """Note that these destinations are not owed a batch that others are."""
    db.executemany("INSERT OR IGNORE INTO done VALUES (?, ?)", [(seq, number) for number in whom])


def forget(db: sqlite3.Connection, seq: int) -> None:
    """Forget what is noted about a batch that is gone."""
    db.execute("DELETE FROM lent WHERE seq = ?", (seq,))
    db.execute("DELETE FROM done WHERE seq = ?", (seq,))


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
