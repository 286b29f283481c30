"""Holdings: what a buffer file holds, as a person may ask for it; only read here, piece by piece, in bounded memory.

The running gateway asks with its one connection, a tool with a read-only one of its own while no gateway runs
(`edge.cli.buffering`). Batches are handed out as they are, whoever asked unpacks them.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import numpy as np

from edge.buffer import block, done
from edge.buffer.contents import UNREADABLE, state_of
from edge.buffer.record import State
from edge.errors import BufferDamaged, BufferError  # noqa: A004 - the field's word
from shared.errors import WireError
from shared.reading import Gap, Readings, Tag
from shared.wire import batch as wire
from shared.wire.lane import URGENCY, Lane

_NOBODY = UUID(int=0)
# a list of more is for a program
PAGE = 200


@dataclass(frozen=True, slots=True)
class Unreadable:
    """What is damaged, and how."""

    name: str
    why: str


@dataclass(frozen=True, slots=True)
class Held:
    """Some readings and gaps; `readings.tag` indexes `tags`."""

    tags: Sequence[Tag]
    readings: Readings
    gaps: Sequence[Gap]


def stat(db: sqlite3.Connection, _: Sequence[Tag]) -> dict[str, Any]:
    """Return counts and times of what is held."""
    batches, rows, size, oldest_us, newest_us = db.execute(
        "SELECT count(*), coalesce(sum(rows), 0), coalesce(sum(length(body)), 0), min(oldest_us), max(newest_us)"
        " FROM batch"
    ).fetchone()
    commits, tail_size, tail_us = db.execute(
        "SELECT count(*), coalesce(sum(length(body)), 0), min(oldest_us) FROM tail"
    ).fetchone()
    aside, aside_us = db.execute("SELECT count(*), min(set_us) FROM quarantine").fetchone()
    state = state_of(db)
    return {
        "gateway": None if state is None else state.gateway,
        "epoch": None if state is None else str(state.epoch),
        "batches": batches,
        "readings": rows,
        "bytes": size + tail_size,
        "unsealed_commits": commits,
        "oldest_us": min((time_us for time_us in (oldest_us, tail_us) if time_us is not None), default=None),
        "newest_us": newest_us,
        "lanes": {lane.name.lower(): _lane(db, lane) for lane in URGENCY},
        "destinations": _destinations(db, state),
        "quarantined": aside,
        "quarantined_since_us": aside_us,
        "alive_us": None if state is None else state.alive_us,
    }


def _lane(db: sqlite3.Connection, lane: Lane) -> dict[str, int | None]:
    counted = (
        "SELECT count(*), coalesce(sum(rows), 0), coalesce(sum(length(body)), 0), min(oldest_us) FROM batch"
        " WHERE seq BETWEEN ? AND ?"
    )
    row = db.execute(counted, lane.seqs).fetchone()
    return dict(zip(("batches", "readings", "bytes", "oldest_us"), row, strict=True))


def _destinations(db: sqlite3.Connection, state: State | None) -> dict[str, dict[str, int | None]]:
    """Return what each destination is owed of what is sealed, as the file counts it."""
    found: dict[str, dict[str, int | None]] = {}
    for where in () if state is None else state.destinations:
        seqs = [done.next_seq(db, lane, where.cursors[lane].upto, where.number) for lane in Lane]
        times = [db.execute("SELECT oldest_us FROM batch WHERE seq = ?", (seq,)).fetchone() for seq in seqs]
        found[where.name] = {
            "batches": sum(cursor.batches for cursor in where.cursors),
            "readings": sum(cursor.rows for cursor in where.cursors),
            "oldest_us": min((row[0] for row in times if row is not None), default=None),
        }
    return found


def batch_after(db: sqlite3.Connection, _: Sequence[Tag], seq: int) -> tuple[int, bytes | Unreadable] | None:
    """Return the next sealed batch with its number, None after the last."""
    row = db.execute("SELECT seq, body FROM batch WHERE seq > ? ORDER BY seq LIMIT 1", (seq,)).fetchone()
    if row is None:
        return None
    seq, body = row
    try:
        wire.header(body if isinstance(body, bytes) else b"")
    except WireError as error:
        return seq, Unreadable(f"batch {seq}", error.message)
    return seq, body


def block_after(db: sqlite3.Connection, tags: Sequence[Tag], n: int) -> tuple[int, bytes | Unreadable] | None:
    """Return the next commit that is not sealed yet, as the bytes of a batch, with its number; None after the last."""
    row = db.execute("SELECT n, body FROM tail WHERE n > ? ORDER BY n LIMIT 1", (n,)).fetchone()
    if row is None:
        return None
    n, body = row
    try:
        return n, _as_batch(*block.unpack(body), tags)
    except (BufferDamaged, WireError) as error:
        return n, Unreadable(f"commit {n}", error.message)
    except IndexError:
        return n, Unreadable(f"commit {n}", "it holds readings of a tag that nobody knows")


def set_aside_after(db: sqlite3.Connection, _: Sequence[Tag], n: int) -> list[dict[str, Any]]:
    """Return the next entries of the quarantine, at most `PAGE`; none after the last. `body` stays where it is."""
    rows = db.execute(
        "SELECT n, kind, reason, set_us, oldest_us, newest_us, length(body) FROM quarantine WHERE n > ?"
        " ORDER BY n LIMIT ?",
        (n, PAGE),
    )
    names = ("n", "kind", "reason", "set_us", "oldest_us", "newest_us", "bytes")
    return [dict(zip(names, row, strict=True)) for row in rows]


def set_aside(db: sqlite3.Connection, tags: Sequence[Tag], n: int) -> Held:
    """Return what an entry of the quarantine holds.

    Raises:
        BufferError: There is none, or it was damaged and cannot be read.
    """
    row = db.execute("SELECT kind, body FROM quarantine WHERE n = ?", (n,)).fetchone()
    if row is None:
        raise BufferError(f"there is no entry {n} in quarantine; `buffer quarantine list` shows which there are")
    kind, body = row
    try:
        if kind == "batch":
            batch = wire.decode(body)
            return Held(batch.tags, batch.readings, batch.gaps)
        return Held(tags, *block.unpack(body))
    except (WireError, BufferDamaged) as error:
        raise BufferError(f"entry {n} was damaged and cannot be read: {error.message}") from error


def packed(held: Held) -> bytes:
    """Return readings and gaps as the bytes of a batch.

    Raises:
        WireError: They cannot be packed; that may be why they were set aside.
    """
    return _as_batch(held.readings, held.gaps, held.tags)


def under(held: Held, ids: Mapping[tuple[str, str], int]) -> Readings:
    """Return the readings under the ids that their tags have now.

    Raises:
        BufferError: The names of their tags are not known.
    """
    known = [ids.get((tag.device, tag.name), -1) for tag in held.tags]
    now = np.array([*known, -1], np.int64)[held.readings.tag]
    if len(now) and now.min() < 0:
        raise BufferError("the names of its tags cannot be read; nothing was done")
    return replace(held.readings, tag=now.astype(np.uint32))


def _as_batch(readings: Readings, gaps: Sequence[Gap], tags: Sequence[Tag]) -> bytes:
    known = [tag if tag is not UNREADABLE else Tag("?", "?") for tag in tags]
    return wire.encode(wire.BatchId("buffer", _NOBODY, 0), 0, known, readings, gaps)
