"""The doctor's look at the buffer: as the running daemon tells, or read-only from the file of one that does not run.

A daemon keeps every other process out of its file. Without one the file is read as it lies: after an orderly end with
`immutable`, which takes no lock and leaves nothing behind; after a kill its log has to be read too, for which SQLite
takes a shared lock, for at most the two seconds of the look, and makes an index that is removed again.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from edge.buffer import block, record
from edge.buffer.file import APPLICATION_ID
from edge.buffer.record import State
from edge.buffer.upgrade import FORMAT
from edge.doctor.diagnosis import Section
from edge.drivers.inspection import Finding, Severity
from edge.errors import BufferDamaged
from shared.errors import WireError
from shared.wire import batch as wire

# how long checksums are verified; a buffer of gigabytes is only sampled
_VERIFY_S = 2.0
_NEARLY_FULL = 0.9


def of_daemon(health: dict[str, Any]) -> Section:
    """Return what the daemon says of its buffer."""
    buffer = health["buffer"]
    facts = [
        ("held by", f"the running daemon (process {health.get('pid', '?')}), which verifies every row that it reads"),
        ("waiting", f"{buffer['rows']} readings in {buffer['batches']} batches"),
        ("size", f"{buffer['bytes'] / 1e6:.1f} of {buffer['max_bytes'] / 1e6:.0f} MB"),
        ("quarantine", f"{buffer['quarantined']} batches"),
    ]
    found = list(_judge(buffer["quarantined"], buffer["bytes"], buffer["max_bytes"]))
    if buffer["failure"]:
        found.append(Finding(Severity.ERROR, "buffer", f"it cannot write: {buffer['failure']}", "look at the disk"))
    return Section("buffer", found, facts)


def of_file(path: Path, max_bytes: int, gateway: str) -> Section:
    """Look into a buffer file that no daemon holds."""
    facts = [("file", str(path))]
    if not path.exists():
        return Section("buffer", [], [*facts, ("state", "not made yet; `run` makes it")])
    log, index = (path.with_name(path.name + suffix) for suffix in ("-wal", "-shm"))
    had_index = index.exists()
    with suppress(OSError):
        facts.append(("size", f"{path.stat().st_size / 1e6:.1f} of at most {max_bytes / 1e6:.0f} MB"))
    try:
        has_log = log.exists() and log.stat().st_size > 0
        how = "mode=ro" if has_log else "mode=ro&immutable=1"
        with closing(sqlite3.connect(f"file:{quote(str(path))}?{how}", uri=True, timeout=0.5)) as db:
            found = list(_look(db, path, gateway, max_bytes, facts))
        if has_log and not had_index:
            index.unlink(missing_ok=True)
    except sqlite3.Error as error:
        found = [_unreadable(error, path)]
    except OSError as error:
        message = f"it cannot be read: {error.strerror}"
        found = [Finding(Severity.ERROR, str(path), message, "run doctor as the gateway's user")]
    return Section("buffer", found, facts)


def _unreadable(error: sqlite3.Error, path: Path) -> Finding:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        message = "another process has it open, and no daemon's health page answers for it"
        return Finding(Severity.WARNING, str(path), message, f"`fuser {path}` says which; give --state-dir if need be")
    if code in {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_AUTH}:
        return Finding(Severity.WARNING, str(path), f"it cannot be read: {error}", "run doctor as the gateway's user")
    message = f"it is damaged: {error}"
    fix = "nothing to do: at the next start it is set aside under another name, a new one begins, and a gap says so"
    return Finding(Severity.ERROR, str(path), message, fix)


def _look(
    db: sqlite3.Connection, path: Path, gateway: str, max_bytes: int, facts: list[tuple[str, str]]
) -> Iterator[Finding]:
    (application,) = db.execute("PRAGMA application_id").fetchone()
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION_ID or version > FORMAT:
        message = "it is no buffer of this gateway's" if application != APPLICATION_ID else f"it has format {version}"
        yield Finding(Severity.ERROR, str(path), message, "choose another buffer.path, or upgrade this gateway")
        return
    row = db.execute("SELECT body, crc FROM state").fetchone()
    if row is not None:
        yield from _state(row, path, gateway, facts)
    elif last_us := db.execute("SELECT max(committed_us) FROM tail").fetchone()[0]:
        # its first minute: the state comes with the first batch
        facts.append(("last alive", f"{_time(last_us)}, ended by a kill or a power cut"))
    batches, rows, oldest_us = db.execute(
        "SELECT count(*), coalesce(sum(rows), 0), min(oldest_us) FROM batch"
    ).fetchone()
    (tail,) = db.execute("SELECT count(*) FROM tail").fetchone()
    (quarantined,) = db.execute("SELECT count(*) FROM quarantine").fetchone()
    since = f", the oldest of {_time(oldest_us)}" if oldest_us else ""
    facts.append(("waiting", f"{rows} readings in {batches} batches{since}; {tail} commits not sealed"))
    reasons = [
        f"{count} x {reason}"
        for reason, count in db.execute(
            "SELECT reason, count(*) FROM quarantine GROUP BY reason ORDER BY 2 DESC LIMIT 3"
        )
    ]
    facts.append(("quarantine", f"{quarantined}{': ' + '; '.join(reasons) if reasons else ''}"))
    yield from _judge(quarantined, path.stat().st_size, max_bytes)
    yield from _verify(db, path, batches + tail, facts)


def _state(row: tuple[object, object], path: Path, gateway: str, facts: list[tuple[str, str]]) -> Iterator[Finding]:
    try:
        state = record.from_row(State, *row)
    except BufferDamaged:
        message = "its state does not match its checksum"
        yield Finding(Severity.WARNING, str(path), message, "nothing to do: it goes on under a new epoch")
        return
    ended = "in order" if state.is_stopped else "by a kill or a power cut"
    facts.append(("last alive", f"{_time(state.alive_us)}, ended {ended}" if state.alive_us else "never"))
    if state.gateway != gateway:
        message = (
            f"it holds readings of gateway {state.gateway!r}, the configuration says {gateway!r}; `run` will refuse"
        )
        fix = "set gateway.id back until they are sent, or choose another buffer.path"
        yield Finding(Severity.ERROR, str(path), message, fix)


def _verify(db: sqlite3.Connection, path: Path, total: int, facts: list[tuple[str, str]]) -> Iterator[Finding]:
    end_s, seen, damaged = time.monotonic() + _VERIFY_S, 0, 0
    for query, read in (
        ("SELECT body FROM tail ORDER BY n DESC", block.unpack),
        # the oldest leave first
        ("SELECT body FROM batch ORDER BY seq", wire.header),
    ):
        for (body,) in db.execute(query):
            seen += 1
            try:
                read(body)
            except (BufferDamaged, WireError):
                damaged += 1
            if time.monotonic() > end_s:
                break
    facts.append(("checksums", f"{seen} of {total} verified, {damaged} wrong"))
    if damaged:
        message = f"{damaged} of {seen} rows do not match their checksums: the disk changed them"
        yield Finding(
            Severity.ERROR,
            str(path),
            message,
            "look at the disk (smartctl, dmesg); the rest is sent, a gap says what is lost",
        )


def _judge(quarantined: int, size: int, max_bytes: int) -> Iterator[Finding]:
    if quarantined:
        message = f"{quarantined} batches are in quarantine: the cloud refused them, or they were damaged"
        yield Finding(Severity.WARNING, "buffer", message, "`tezgah-edge buffer quarantine list` has the reasons")
    if max_bytes and size > _NEARLY_FULL * max_bytes:
        message = f"it is {size / max_bytes:.0%} full; then `when_full` decides what is given up"
        yield Finding(Severity.WARNING, "buffer.max_size", message, "find out why the cloud takes nothing, or raise it")


def _time(us: int) -> str:
    return datetime.fromtimestamp(us / 1e6, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
