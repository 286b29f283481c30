"""The upgrade: how a buffer file of an older format becomes one of today's, in place.

A step is one transaction, the format's number within it: a kill leaves the file as it was, or as it will be, and the
next start goes on from there. Batches are never rewritten, whatever their size, so a step takes milliseconds; what they
lack beside their bytes stands in tables of its own.
"""

import sqlite3
from collections.abc import Callable
from uuid import UUID

import msgspec

from edge.buffer import record
from edge.buffer.record import Cursor, Destination, Queue, State
from edge.errors import BufferDamaged
from edge.ports import FIRST
from shared.logs import get

FORMAT = 3
_log = get(__name__)


class _State1(msgspec.Struct, frozen=True):
    """The state of format 1, which had one queue."""

    gateway: str
    epoch: UUID
    next_seq: int = 1
    batches: int = 0
    rows: int = 0
    quarantined: int = 0
    alive_us: int = 0
    is_stopped: bool = False


class _Queue2(msgspec.Struct, frozen=True):
    """A lane of format 2, which had one destination."""

    next_number: int = 1
    batches: int = 0
    rows: int = 0
    lent_upto: int = 0
    thinned_upto: int = 0


class _State2(msgspec.Struct, frozen=True):
    """The state of format 2."""

    gateway: str
    epoch: UUID
    queues: tuple[_Queue2, _Queue2, _Queue2] = (_Queue2(), _Queue2(), _Queue2())
    quarantined: int = 0
    alive_us: int = 0
    is_stopped: bool = False
    oldest_us: int = 0


def upgrade(db: sqlite3.Connection, version: int) -> None:
    """Bring a file of format `version` to `FORMAT`.

    Raises:
        sqlite3.Error: It cannot be written; it has the format of the last step that could.
    """
    for step in range(version, FORMAT):
        db.execute("BEGIN IMMEDIATE")
        try:
            _STEPS[step](db)
            db.execute(f"PRAGMA user_version={step + 1}")
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
        _log.info("buffer file upgraded", format=step + 1)


def _with_lanes(db: sqlite3.Connection) -> None:
    """From 1 to 2: all that is there stands in the lane `process`, and may have been sent."""
    db.execute("ALTER TABLE tail RENAME TO tail_1")
    db.execute(
        "CREATE TABLE tail (n INTEGER PRIMARY KEY, lane INTEGER NOT NULL, oldest_us INTEGER NOT NULL, "
        "committed_us INTEGER NOT NULL, body BLOB NOT NULL) STRICT"
    )
    db.execute("INSERT INTO tail SELECT n, 0, oldest_us, committed_us, body FROM tail_1")
    db.execute("DROP TABLE tail_1")
    db.execute("CREATE TABLE lent (seq INTEGER PRIMARY KEY) STRICT")
    row = db.execute("SELECT body, crc FROM state").fetchone()
    if row is None:
        return
    try:
        old = record.from_row(_State1, *row)
    except BufferDamaged:
        # whoever reads it next finds the same, and tells
        return
    process = _Queue2(old.next_seq, old.batches, old.rows, lent_upto=old.next_seq - 1)
    new = _State2(
        old.gateway,
        old.epoch,
        (process, _Queue2(), _Queue2()),
        old.quarantined,
        old.alive_us,
        old.is_stopped,
    )
    db.execute("UPDATE state SET body = ?, crc = ?", record.to_row(new))


def _with_destinations(db: sqlite3.Connection) -> None:
    """From 2 to 3: all that is there is owed to the first destination, and was lent to it."""
    db.execute("ALTER TABLE lent RENAME TO lent_2")
    for name in ("lent", "done"):
        db.execute(
            f"CREATE TABLE {name} (seq INTEGER NOT NULL, destination INTEGER NOT NULL, PRIMARY KEY (seq, destination))"
            " STRICT, WITHOUT ROWID"
        )
    db.execute("INSERT INTO lent SELECT seq, 0 FROM lent_2")
    db.execute("DROP TABLE lent_2")
    db.execute("ALTER TABLE quarantine ADD COLUMN whom INTEGER NOT NULL DEFAULT -1")
    db.execute("ALTER TABLE quarantine ADD COLUMN told BLOB")
    row = db.execute("SELECT body, crc FROM state").fetchone()
    if row is None:
        return
    try:
        old = record.from_row(_State2, *row)
    except BufferDamaged:
        return
    process, urgent, debug = (Queue(q.next_number, q.batches, q.rows, q.thinned_upto) for q in old.queues)
    cursors = tuple(Cursor(0, q.batches, q.rows, q.lent_upto) for q in old.queues)
    first = Destination(0, FIRST, cursors=(cursors[0], cursors[1], cursors[2]))
    rest = (old.quarantined, old.alive_us, old.is_stopped, old.oldest_us)
    new = State(old.gateway, old.epoch, (process, urgent, debug), *rest, (first,))
    db.execute("UPDATE state SET body = ?, crc = ?", record.to_row(new))


_STEPS: dict[int, Callable[[sqlite3.Connection], None]] = {1: _with_lanes, 2: _with_destinations}
