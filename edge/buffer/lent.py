"""Which batches may have been sent, as the file remembers it; inside the caller's transaction.

Those up to a number are noted in the state (record.Queue), single ones in a table of their own.
"""

import sqlite3
from collections.abc import Iterable


def note(db: sqlite3.Connection, seqs: Iterable[int]) -> None:
    """Note that these batches may be sent."""
    db.executemany("INSERT OR IGNORE INTO lent VALUES (?)", [(seq,) for seq in seqs])


def forget(db: sqlite3.Connection, seqs: Iterable[int]) -> None:
    """Forget it of batches that are gone."""
    db.executemany("DELETE FROM lent WHERE seq = ?", [(seq,) for seq in seqs])


def has_others(db: sqlite3.Connection, first: int, last: int) -> bool:
    """Return whether a batch of these numbers was never noted."""
    is_noted = "EXISTS (SELECT 1 FROM lent WHERE lent.seq = batch.seq)"
    query = f"SELECT 1 FROM batch WHERE seq BETWEEN ? AND ? AND NOT {is_noted} LIMIT 1"  # noqa: S608 - no input
    return db.execute(query, (first, last)).fetchone() is not None
