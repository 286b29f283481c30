"""The buffer file: how it is opened, and what its failures are called.

Opening reads a few rows whatever the file's size. SQLite's own check of the structure, `quick_check`, reads every page
(measured with 2 GB: 12 s, opening 2 ms), so it is given a second; and it does not see a flipped byte in a row. Every
row carries a checksum, which is verified when the row is read, so damage costs the rows it hit.

SQLite below 3.51.3 can corrupt a WAL when two connections write and checkpoint at once. Here is one connection, on one
thread, and `locking_mode=EXCLUSIVE` keeps every other process out for as long as it is open.
"""

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edge.buffer import upgrade
from edge.buffer.log import damage
from edge.buffer.retention import RESERVE
from edge.buffer.upgrade import FORMAT
from edge.errors import BufferDamaged, BufferError, DiskFull  # noqa: A004 - the field's word

APPLICATION_ID = 0x545A_4748
SMALLEST = 1_000_000
_PAGE = 4096
_TABLES = {"state", "tag", "tail", "batch", "quarantine"}
_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CONSTRAINT}
_NEXT_STEP = {
    sqlite3.SQLITE_FULL: "free space on its volume, or raise buffer.max_size",
    sqlite3.SQLITE_BUSY: "another process has it open; stop that one",
    sqlite3.SQLITE_CANTOPEN: "check that its directory exists and may be written",
    sqlite3.SQLITE_READONLY: "check who may write it",
    sqlite3.SQLITE_IOERR: "check the disk",
}


@dataclass(frozen=True, slots=True)
class Room:
    """How the size cap is divided, bytes.

    Attributes:
        file: What SQLite lets the file grow to.
        log: What the write-ahead log may keep beside it.
        ballast: What a file beside it takes, to be given back when the disk is full.
        rows: Up to where readings are taken; the rest of `file` is kept for what the estimate missed, for gaps, and for
            moving batches to quarantine, so that draining a full buffer always works.
        others: Up to where readings are taken that are not of the lane `state`; the rest of `rows` is kept for these.
    """

    file: int
    log: int
    ballast: int
    rows: int
    others: int


def divide(max_bytes: int) -> Room:
    """Divide the size cap.

    Raises:
        BufferError: It is too small to work with.
    """
    if max_bytes < SMALLEST:
        raise BufferError(f"buffer.max_size is {max_bytes} bytes, at least {SMALLEST} are needed; raise it")
    # the largest transaction (100,000 pending rows) takes 4 MB; a small cap gets a smaller share
    ballast = min(4_000_000, max_bytes // 32)
    share = min(16_000_000, max_bytes // 6)
    rows = max_bytes - ballast - 2 * share
    others = rows - round(rows * RESERVE)
    return Room(file=max_bytes - ballast - share, log=share, ballast=ballast, rows=rows, others=others)


def connect(path: Path, room: Room) -> sqlite3.Connection:
    """Open the file, or create it; the connection belongs to the calling thread.

    Raises:
        BufferDamaged: It is not a database, or not one that can be read.
        BufferError: It cannot be opened (permissions, disk, another process), or belongs to something else.
    """
    with naming(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _judge(path)
        # readings are nobody else's business
        path.touch(mode=0o600)
        connection = sqlite3.connect(path, isolation_level=None, timeout=1.0)
        try:
            _prepare(connection, path, room)
        except BaseException:
            connection.close()
            raise
    return connection


def log_lost_us(path: Path) -> int | None:
    """Return since when commits are missing of a file whose log is not there, UTC microseconds; None if it is.

    After an orderly end there is none; after a kill there always is.
    """
    log = path.with_name(path.name + "-wal")
    if not path.exists() or not path.stat().st_size or (log.exists() and log.stat().st_size):
        return None
    with path.open("rb") as opened:
        head = opened.read(64)
    # one that was never written with a log has none
    if head[18:20] != b"\2\2" or int.from_bytes(head[60:]) != FORMAT:
        return None
    # what was committed before the file was written last is in it
    return path.stat().st_mtime_ns // 1000


def check(connection: sqlite3.Connection, path: Path, within_s: float) -> bool:
    """Let SQLite check the file's structure, for so long at most; returns whether it came to the end.

    Raises:
        BufferDamaged: It is damaged.
    """
    if within_s <= 0:
        return False
    end_s = time.monotonic() + within_s
    # called every so many steps of SQLite's machine, which is some hundred times a second
    connection.set_progress_handler(lambda: time.monotonic() > end_s, 10_000)
    try:
        with naming(path):
            (word,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.OperationalError as error:
        if getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_INTERRUPT:
            return False
        raise
    finally:
        connection.set_progress_handler(None, 0)
    if word != "ok":
        raise BufferDamaged(f"{path} is damaged: {word}")
    return True


def used_bytes(connection: sqlite3.Connection) -> int:
    """Return how much of the file holds something; pages freed by settled batches are used again."""
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    return int(pages - free) * _PAGE


def empty_log(connection: sqlite3.Connection, *_: object) -> None:
    """Bring what stands in the log into the file, and let the log begin anew; outside transactions."""
    connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()


def empty_whole_log(connection: sqlite3.Connection) -> None:
    """Bring what stands in the log into the file, and cut it to nothing; the file is whole by itself then."""
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def keep_names(directory: Path) -> None:
    """See to it that the names of files in a directory survive a power cut too."""
    if os.name == "posix":
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def shrink(connection: sqlite3.Connection) -> None:
    """Give free pages back to the volume, a megabyte (5 ms) at a time, when they are many; outside transactions."""
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    # Under 16 MB, or a third, is worth keeping: the next outage needs it, and here it is already written once.
    if free * _PAGE > 16_000_000 and 3 * free > pages:
        # a script, for `execute` stops after the first page
        connection.executescript("PRAGMA incremental_vacuum(256)")


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection, path: Path) -> Iterator[sqlite3.Connection]:
    """Do all of the block or nothing; what it did is on disk when this returns.

    Raises:
        BufferDamaged, BufferError: See `naming`; nothing of the block happened.
    """
    with naming(path):
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            # SQLite has often rolled back by itself
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Translate what SQLite raises.

    Raises:
        BufferDamaged: The file is not what was written.
        BufferError: The file cannot be read or written now; trying again can help.
    """
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in _DAMAGE:
            raise BufferDamaged(f"{path} is damaged: {error}") from error
        if code == sqlite3.SQLITE_FULL:
            raise DiskFull(f"{path}: {error}; {_NEXT_STEP[code]}", retryable=True) from error
        if code in _NEXT_STEP:
            raise BufferError(f"{path}: {error}; {_NEXT_STEP[code]}", retryable=True) from error
        raise
    except OSError as error:
        raise BufferError(f"{path}: {error}; {_NEXT_STEP[sqlite3.SQLITE_CANTOPEN]}", retryable=True) from error


def too_new(path: Path, version: int) -> BufferError:
    """Return what is said of a file that a newer gateway has written."""
    return BufferError(f"{path} has format {version}, this gateway knows up to {FORMAT}; upgrade it, or move the file")


def _judge(path: Path) -> None:
    """Look at what SQLite would pass over without a word.

    Raises:
        BufferDamaged: The file was cut to nothing, or commits stand in its log behind a damaged one.
    """
    log = path.with_name(path.name + "-wal")
    if path.exists() and not path.stat().st_size:
        raise BufferDamaged(f"{path} is empty")
    if log.exists() and (wrong := damage(log.read_bytes(), _PAGE)) is not None:
        raise BufferDamaged(f"{path} is damaged: {wrong}")


def _prepare(connection: sqlite3.Connection, path: Path, room: Room) -> None:
    execute = connection.execute
    # first of all, so that the log's index is kept in memory and not in a file shared with others
    execute("PRAGMA locking_mode=EXCLUSIVE")
    if path.stat().st_size == 0:
        execute(f"PRAGMA page_size={_PAGE}")
        # lets the file shrink after an outage; measured: costs nothing here (but asked of an old file, it writes)
        execute("PRAGMA auto_vacuum=INCREMENTAL")
    execute("PRAGMA journal_mode=WAL")
    # a commit that returned survives a power cut
    execute("PRAGMA synchronous=FULL")
    # Debian's SQLite overwrites what is deleted with zeros, which doubles the cost of a settled batch
    execute("PRAGMA secure_delete=OFF")
    execute(f"PRAGMA journal_size_limit={room.log}")
    execute(f"PRAGMA wal_autocheckpoint={min(1000, room.log // 2 // _PAGE)}")
    execute(f"PRAGMA max_page_count={room.file // _PAGE}")
    (application,) = execute("PRAGMA application_id").fetchone()
    (version,) = execute("PRAGMA user_version").fetchone()
    tables = {str(name) for (name,) in execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    if not tables and application == version == 0:
        _create(connection, path)
    elif application == APPLICATION_ID and not tables >= _TABLES:
        raise BufferDamaged(f"{path} is damaged: of {sorted(_TABLES)} it has {sorted(tables)}")
    elif not tables >= _TABLES:
        raise BufferError(f"{path} is a database of something else, with {sorted(tables)}; choose another buffer.path")
    elif version > FORMAT:
        raise too_new(path, version)
    else:
        upgrade.upgrade(connection, version)


def _create(connection: sqlite3.Connection, path: Path) -> None:
    schema = Path(__file__).with_name("schema.sql").read_text(encoding="utf-8")
    marks = f"PRAGMA application_id={APPLICATION_ID}; PRAGMA user_version={FORMAT};"
    connection.executescript(f"BEGIN IMMEDIATE; {schema} {marks} COMMIT;")
    keep_names(path.parent)
