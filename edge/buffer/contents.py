"""What a buffer file holds when it is opened: read once, verified, and never written here.

Whoever finds damage keeps what is whole: a block or a tag that does not match its checksum is left out and told as
a gap; a state that does not gives the file a new epoch, for a number must never be used twice.
"""

import dataclasses
import sqlite3
from dataclasses import dataclass, field
from uuid import uuid4

import numpy as np
from msgspec.structs import replace

from edge.buffer import block, holes, opengaps, record
from edge.buffer.record import Cursor, Destination, Queue, State
from edge.errors import BufferDamaged, BufferError  # noqa: A004 - the field's word
from shared.logs import get
from shared.reading import Gap, GapCause, Readings, Tag
from shared.wire.batch import MAX_TIME_US
from shared.wire.lane import Lane

# Stands for a tag that cannot be read any more; nothing is appended under its id again.
UNREADABLE = Tag("", "")
_MOST_MISSING = 100_000
_log = get(__name__)


@dataclass(frozen=True, slots=True)
class Contents:
    """An opened file's memory.

    Attributes:
        state: As it was left; drawn anew for a new file.
        tags: By id.
        tail: Readings that were committed and not sealed yet, by lane, one block a commit.
        gaps: The same, of gaps.
        damaged: The tail's rows that cannot be used, by `n`.
        told: Holes to be recorded: since the last sign of life, and what is damaged.
        open_gaps: Gaps that go on.
    """

    state: State
    tags: list[Tag]
    tail: dict[Lane, list[Readings]]
    gaps: list[Gap]
    damaged: list[int]
    told: list[Gap]
    open_gaps: list[Gap] = field(default_factory=list)


def read(db: sqlite3.Connection, gateway: str, now_us: int) -> Contents:
    """Read everything but the batches.

    Raises:
        BufferError: It is another gateway's.
        sqlite3.Error: It cannot be read.
    """
    state, is_new = _state(db, gateway)
    if state.gateway != gateway:
        raise BufferError(
            f"the buffer holds readings of gateway {state.gateway!r}, the configuration says {gateway!r}; "
            f"set gateway.id back until they are sent, or choose another buffer.path"
        )
    tags = tags_of(db)
    contents = Contents(state, tags, {}, [], [], [], opengaps.read(db))
    rows = db.execute("SELECT n, oldest_us, committed_us, body, lane FROM tail ORDER BY n").fetchall()
    alive_us = max([state.alive_us, *(row[2] for row in rows if _is_time(row[2]))])
    for n, oldest_us, committed_us, body, lane in rows:
        try:
            readings, gaps = _block(body, tags)
        except BufferDamaged as error:
            contents.damaged.append(n)
            detail = f"a committed block was set aside: {error.message}"
            contents.told.append(holes.lost(GapCause.BUFFER_DAMAGED, oldest_us, committed_us, now_us, detail))
        else:
            if len(readings):
                contents.tail.setdefault(_lane(lane), []).append(readings)
            contents.gaps.extend(gaps)
    if not is_new or rows:
        contents.told.append(holes.gateway_down(alive_us, now_us, is_stopped=state.is_stopped and not rows))
    return contents


def without_log(held: Contents, lost_us: int, now_us: int) -> Contents:
    """Return what a file holds whose newest commits are gone with its log: numbers after its own may have been used."""
    since_us = min(lost_us, held.state.alive_us or lost_us)
    detail = "the log beside the buffer's file is gone, and with it the last commits"
    gap = holes.lost(GapCause.BUFFER_DAMAGED, since_us, now_us, now_us, detail)
    _log.error("the buffer's log is gone; it goes on under a new epoch", since_us=since_us)
    state = replace(held.state, epoch=uuid4())
    return dataclasses.replace(held, state=state, told=[*held.told, gap])


def _is_time(time_us: object) -> bool:
    return isinstance(time_us, int) and 0 <= time_us < MAX_TIME_US


def _lane(lane: object) -> Lane:
    return next((each for each in Lane if each == lane), Lane.PROCESS)


def _state(db: sqlite3.Connection, gateway: str) -> tuple[State, bool]:
    row = db.execute("SELECT body, crc FROM state").fetchone()
    try:
        if row is not None:
            return record.from_row(State, *row), False
    except BufferDamaged as error:
        _log.error("the buffer's state is damaged; it goes on under a new epoch", error=error.message)
    (newest_us,) = db.execute("SELECT max(sealed_us) FROM batch").fetchone()
    if newest_us is None:
        return State(gateway, uuid4()), True
    return counted(db, State(gateway, uuid4(), alive_us=newest_us)), False


def counted(db: sqlite3.Connection, state: State) -> State:
    """Return a state with what the file holds, counted: numbers go on behind the highest.

    All of it may have been sent to each destination.
    """
    process, urgent, debug = (_queue(db, lane) for lane in Lane)
    (quarantined,) = db.execute("SELECT count(*) FROM quarantine").fetchone()
    known = tuple(replace(each, cursors=_cursors(db, each)) for each in state.destinations)
    return replace(state, queues=(process, urgent, debug), quarantined=quarantined, destinations=known)


def _queue(db: sqlite3.Connection, lane: Lane) -> Queue:
    """Count what stands in a lane."""
    counted = "SELECT count(*), coalesce(sum(rows), 0), max(seq) FROM batch WHERE seq BETWEEN ? AND ?"
    batches, rows, newest = db.execute(counted, lane.seqs).fetchone()
    return Queue() if newest is None else Queue(newest - lane.seq(0) + 1, batches, rows)


def _cursors(db: sqlite3.Connection, where: Destination) -> tuple[Cursor, Cursor, Cursor]:
    """Count what a destination is owed."""
    counted = (
        "SELECT count(*), coalesce(sum(rows), 0), max(seq) FROM batch WHERE seq BETWEEN ? AND ?"
        " AND NOT EXISTS (SELECT 1 FROM done WHERE done.seq = batch.seq AND destination = ?)"
    )
    found = []
    for lane in Lane:
        upto = where.cursors[lane].upto
        span = (max(lane.seqs[0], upto + 1), lane.seqs[1], where.number)
        batches, rows, newest = db.execute(counted, span).fetchone()
        found.append(Cursor(upto, batches, rows, newest or 0))
    process, urgent, debug = found
    return process, urgent, debug


def state_of(db: sqlite3.Connection) -> State | None:
    """Return the state as it was left, None if it is not there or damaged."""
    row = db.execute("SELECT body, crc FROM state").fetchone()
    try:
        return None if row is None else record.from_row(State, *row)
    except BufferDamaged:
        return None


def tags_of(db: sqlite3.Connection) -> list[Tag]:
    """Return the tags by id; what cannot be read is `UNREADABLE`.

    Raises:
        BufferDamaged: Their numbers cannot be right.
    """
    tags: list[Tag] = []
    for tag_id, body, crc in db.execute("SELECT id, body, crc FROM tag ORDER BY id"):
        if not 0 <= tag_id - len(tags) < _MOST_MISSING:
            raise BufferDamaged(f"tag {tag_id} follows tag {len(tags) - 1}")
        tags.extend([UNREADABLE] * (tag_id - len(tags)))
        try:
            tags.append(record.from_row(Tag, body, crc))
        except BufferDamaged:
            tags.append(UNREADABLE)
    return tags


def _block(body: object, tags: list[Tag]) -> tuple[Readings, list[Gap]]:
    readings, gaps = block.unpack(body if isinstance(body, bytes) else b"")
    unreadable = [tag_id for tag_id, tag in enumerate(tags) if tag is UNREADABLE]
    if len(readings) and (int(readings.tag.max()) >= len(tags) or np.isin(readings.tag, unreadable).any()):
        raise BufferDamaged("the names of its tags cannot be read")
    return readings, gaps
