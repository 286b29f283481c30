"""The quarantine: what is set aside for good, with the reason why, inside the caller's transaction.

Nothing here is sent or deleted by itself. A batch is kept as wire body, everything else as block (block.py).
"""

import sqlite3
from collections.abc import Iterable

from edge.buffer.sealing import Spoiled

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
