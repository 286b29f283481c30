"""Which batches may have been sent, and where, as the file remembers it; inside the caller's transaction.

Those up to a number are noted in the state (record.Cursor), single ones in a table of their own.
"""

import sqlite3
from collections.abc import Iterable


def note(db: sqlite3.Connection, seqs: Iterable[int], number: int) -> None:
    """Note that these batches may be sent to a destination."""
    db.executemany("INSERT OR IGNORE INTO lent VALUES (?, ?)", [(seq, number) for seq in seqs])


def forget(db: sqlite3.Connection, seqs: Iterable[int], number: int) -> None:
    """Forget it of batches that the destination is not owed any more."""
    db.executemany("DELETE FROM lent WHERE seq = ? AND destination = ?", [(seq, number) for seq in seqs])


def has_others(db: sqlite3.Connection, first: int, last: int, number: int) -> bool:
    """Return whether a batch of these numbers, which the destination is owed, was never noted."""
    query = (
        "SELECT 1 FROM batch WHERE seq BETWEEN ? AND ?"
        " AND NOT EXISTS (SELECT 1 FROM lent WHERE lent.seq = batch.seq AND destination = ?)"
        " AND NOT EXISTS (SELECT 1 FROM done WHERE done.seq = batch.seq AND destination = ?) LIMIT 1"
    )
    return db.execute(query, (first, last, number, number)).fetchone() is not None
