"""Owns the gaps that go on, as the buffer file remembers them for the next start, whatever the cloud has of them."""

import sqlite3
from collections.abc import Iterable
from uuid import UUID

from edge.buffer import block
from edge.errors import BufferDamaged
from shared.logs import get
from shared.reading import Gap, empty

# made with the first of them, so that nothing is written to a file that is only opened
_TABLE = "CREATE TABLE IF NOT EXISTS open_gap (id BLOB PRIMARY KEY, body BLOB NOT NULL) STRICT"
_log = get(__name__)


def note(db: sqlite3.Connection, gaps: Iterable[Gap]) -> None:
    """Remember those that are open and forget those that are not, within the caller's transaction."""
    named = {gap.id: gap for gap in gaps if gap.id is not None}
    if not named:
        return
    db.execute(_TABLE)
    for name, gap in named.items():
        if gap.is_open:
            db.execute("INSERT OR REPLACE INTO open_gap VALUES (?, ?)", (name.bytes, block.pack(empty(), [gap])))
        else:
            db.execute("DELETE FROM open_gap WHERE id = ?", (name.bytes,))


def read(db: sqlite3.Connection) -> list[Gap]:
    """Return those that are open, by begin; one that cannot be read is left out, for it stays open in the cloud."""
    if db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'open_gap'").fetchone() is None:
        return []
    found = []
    for (body,) in db.execute("SELECT body FROM open_gap"):
        try:
            found += block.unpack(body)[1]
        except BufferDamaged as error:
            _log.error("a gap that goes on cannot be read any more", error=error.message)
    return sorted(found, key=lambda gap: (gap.from_us, str(gap.id)))


def follow(open_gaps: dict[UUID, Gap], gaps: Iterable[Gap]) -> None:
    """Keep in memory what `note` keeps in the file."""
    for gap in gaps:
        if gap.id is not None:
            open_gaps.pop(gap.id, None)
            if gap.is_open:
                open_gaps[gap.id] = gap
