"""Salvage: what a damaged file still holds goes into the new one; what does not is told as a gap.

Each row is known by its shape and taken if its checksum says that it is what was written: batches whole, commits that
were not sealed yet, tags, the quarantine, gaps that go on. Batches keep their number, their epoch and their bytes, so
one that the cloud has already changes nothing there; new ones bear the new file's epoch. A commit whose readings a
batch holds too is left out.
"""

import mmap
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import msgspec

from edge.buffer import block, contents, file, holes, opengaps, record
from edge.buffer.pages import Pages, Row
from edge.buffer.record import State
from edge.errors import BufferDamaged, BufferError  # noqa: A004 - the field's word
from shared.errors import WireError
from shared.logs import get
from shared.reading import Gap, GapCause, Readings, Tag
from shared.wire import batch as wire
from shared.wire.batch import MAX_TIME_US
from shared.wire.lane import Lane

# so many bytes go into one transaction
_AT_ONCE = 8_000_000
# holes that are known one by one; more are told as one
_MOST_TOLD = 100
_log = get(__name__)


@dataclass(slots=True)
class Found:
    """What a file gave.

    Attributes:
        batches, readings, entries: How much came back; entries of the quarantine.
        tags: By id.
        blocks: Commits that were not sealed: lane, oldest and commit time, bytes.
        open_gaps: Gaps that went on.
        state: The newest that can be read.
        spans: The receive times of what cannot be read, as far as they can be.
        unknown: How much cannot be read of which not even that is known.
        oldest_us: The earliest receive time of all.
        trouble: Why not everything could be brought over.
    """

    batches: int = 0
    readings: int = 0
    entries: int = 0
    tags: dict[int, Tag] = field(default_factory=dict)
    blocks: dict[bytes, tuple[int, int, int]] = field(default_factory=dict)
    open_gaps: list[Gap] = field(default_factory=list)
    state: State | None = None
    spans: list[tuple[int, int]] = field(default_factory=list)
    unknown: int = 0
    oldest_us: int = MAX_TIME_US
    trouble: str | None = None


def bring(aside: Path, db: sqlite3.Connection, gateway: str, now_us: int, *, tail: bool = True) -> list[Gap]:
    """Bring everything that can be read of a file set aside into a new, empty one.

    Args:
        aside: The damaged file; its log stands beside it.
        db: The new file's connection.
        gateway: Whose it is; what another wrote is left out.
        now_us: UTC microseconds.
        tail: Bring tags and commits that are not sealed, too; not if they are in memory still.

    Returns:
        The holes that are left.

    Raises:
        BufferError: The new file cannot be written at all.
    """
    with _mapped(aside) as (content, log):
        pages = Pages(content, log)
        bringing = _Bringing(db, aside, gateway, now_us)
        bringing.all(pages.rows())
        found = bringing.found
        found.unknown += pages.unreadable + max(0, pages.expected() - pages.count)
    if tail:
        bringing.finish()
    bringing.begin_anew()
    waited = None if found.state is None else sum(queue.batches for queue in found.state.queues)
    missing = 0 if waited is None else max(0, waited - found.batches - len(found.spans))
    _log.warning(
        "salvaged what could be read of the damaged buffer",
        batches=found.batches,
        readings=found.readings,
        commits=len(found.blocks),
        quarantined=found.entries,
        unreadable=len(found.spans) + found.unknown + missing,
        missing=found.trouble,
    )
    return _holes(found, missing, aside, now_us)


class _Bringing:
    """The way of rows into the new file."""

    def __init__(self, db: sqlite3.Connection, aside: Path, gateway: str, now_us: int) -> None:
        self._db = db
        self._aside = aside
        self._gateway = gateway
        self._latest_us = now_us + 86_400_000_000
        self._waiting: list[tuple[str, tuple[object, ...]]] = []
        self._size = 0
        self.found = Found()

    def all(self, rows: Iterator[Row]) -> None:
        """Take all rows, as far as the new file can hold them."""
        try:
            for row in rows:
                self._take(row)
            self._write()
        except BufferError as error:
            self._waiting.clear()
            self.found.trouble = error.message

    def finish(self) -> None:
        """Bring over the tags, and the commits that are not in a batch."""
        rows = [(tag_id, *record.to_row(tag)) for tag_id, tag in self.found.tags.items()]
        blocks = sorted(self.found.blocks.items(), key=lambda found: found[1][2])
        kept = [(*where, body) for body, where in blocks if not self._is_sealed(body)]
        with file.transaction(self._db, self._aside) as db:
            db.executemany("INSERT OR REPLACE INTO tag VALUES (?, ?, ?)", rows)
            db.executemany("INSERT INTO tail (lane, oldest_us, committed_us, body) VALUES (?, ?, ?, ?)", kept)
            opengaps.note(db, self.found.open_gaps)

    def begin_anew(self) -> None:
        """Give the file a state: a new epoch, counts of what it holds, and the last sign of life."""
        with file.transaction(self._db, self._aside) as db:
            before = self.found.state
            (last_us,) = db.execute(
                "SELECT max(at) FROM (SELECT max(sealed_us) AS at FROM batch UNION SELECT max(committed_us) FROM tail)"
            ).fetchone()
            alive_us = max(last_us or 0, 0 if before is None else before.alive_us)
            if not alive_us:
                return
            # what was noted of single batches is not brought over: a destination that has one says so
            known = () if before is None else before.destinations
            state = contents.counted(db, State(self._gateway, uuid4(), alive_us=alive_us, destinations=known))
            db.execute("INSERT OR REPLACE INTO state VALUES (1, ?, ?)", record.to_row(state))

    def _take(self, row: Row) -> None:
        match row.values:
            case [_, bytes(body), int(crc)]:
                self._take_record(row.rowid, body, crc)
            case [_, bytes(epoch), _, _, oldest_us, newest_us, body] if len(epoch) == 16:
                span = (self._time(oldest_us), self._time(newest_us))
                self._take_batch(row.rowid, epoch, span, body if isinstance(body, bytes) else b"")
            case [_, str(kind), str(reason), set_us, oldest_us, newest_us, bytes(body)]:
                self._take_entry((kind, reason, set_us, oldest_us, newest_us, body, -1, None))
            case [_, str(kind), str(reason), set_us, oldest_us, newest_us, bytes(body), int(whom), told]:
                self._take_entry((kind, reason, set_us, oldest_us, newest_us, body, whom, told))
            case [_, int(lane), int(oldest_us), int(committed_us), body]:
                self._take_block(lane, oldest_us, committed_us, body if isinstance(body, bytes) else b"")
            case [_, int(oldest_us), int(committed_us), body]:
                self._take_block(Lane.PROCESS, oldest_us, committed_us, body if isinstance(body, bytes) else b"")
            case [bytes(name), bytes(body)] if len(name) == 16:
                self._take_open_gap(body)
            case _:
                # another table's, or nothing that can be told
                pass

    def _take_record(self, rowid: int, body: bytes, crc: int) -> None:
        try:
            named = record.from_row(dict, body, crc)
            if "epoch" in named:
                state = record.from_row(State, body, crc)
                if self.found.state is None or state.alive_us > self.found.state.alive_us:
                    self.found.state = state
            else:
                self.found.tags[rowid] = record.from_row(Tag, body, crc)
        except (BufferDamaged, msgspec.MsgspecError):
            self.found.unknown += 1

    def _take_batch(self, seq: int, epoch: bytes, span: tuple[int | None, int | None], body: bytes) -> None:
        self._note(span[0])
        try:
            head = wire.header(body)
        except WireError:
            self._lose(*span)
            return
        if head.id.gateway != self._gateway or (head.id.seq, head.id.epoch.bytes) != (seq, epoch):
            self._lose(*span)
            return
        # what stands beside the body may be damaged, the body is not
        times = [head.sealed_us, *(head.sealed_us if time_us is None else time_us for time_us in span)]
        self._put("INSERT OR IGNORE INTO batch", (seq, epoch, head.rows, *times, body), len(body))
        self.found.batches += 1
        self.found.readings += head.rows

    def _take_block(self, lane: int, oldest_us: int, committed_us: int, body: bytes) -> None:
        self._note(self._time(oldest_us))
        try:
            block.unpack(body)
        except BufferDamaged:
            self._lose(self._time(oldest_us), self._time(committed_us))
        else:
            self.found.blocks[body] = (lane if lane in set(Lane) else Lane.PROCESS, oldest_us, committed_us)

    def _take_open_gap(self, body: bytes) -> None:
        try:
            self.found.open_gaps += block.unpack(body)[1]
        except BufferDamaged:
            # it stays open in the cloud
            self.found.unknown += 1

    def _take_entry(self, entry: tuple[object, ...]) -> None:
        kind, *_, body, _, _ = entry
        read: Callable[[bytes], object] = wire.header if kind == "batch" else block.unpack
        try:
            read(body)  # type: ignore[arg-type]  # bytes, as `_take` saw
        except (WireError, BufferDamaged):
            self.found.unknown += 1
        else:
            self._put(
                "INSERT INTO quarantine (kind, reason, set_us, oldest_us, newest_us, body, whom, told)", entry, 1_000
            )
            self.found.entries += 1

    def _put(self, what: str, row: tuple[object, ...], size: int) -> None:
        marks = ", ".join("?" * len(row))
        self._waiting.append((f"{what} VALUES ({marks})", row))
        self._size += size
        if self._size >= _AT_ONCE:
            self._write()

    def _write(self) -> None:
        with file.transaction(self._db, self._aside) as db:
            for statement, row in self._waiting:
                db.execute(statement, row)
        self._waiting, self._size = [], 0

    def _note(self, oldest_us: int | None) -> None:
        if oldest_us is not None:
            self.found.oldest_us = min(self.found.oldest_us, oldest_us)

    def _lose(self, oldest_us: int | None, newest_us: int | None) -> None:
        if oldest_us is not None and newest_us is not None and oldest_us <= newest_us:
            self.found.spans.append((oldest_us, newest_us))
        else:
            self.found.unknown += 1

    def _time(self, time_us: object) -> int | None:
        """Return a time if it can be one: no checksum covers what stands beside a body."""
        return time_us if isinstance(time_us, int) and 0 <= time_us <= self._latest_us else None

    def _is_sealed(self, body: bytes) -> bool:
        """Tell whether a batch holds the readings of a commit: then that came from an older version of its page."""
        readings, _ = block.unpack(body)
        if not len(readings):
            return False
        tags = self.found.tags
        wanted = _rows(readings, lambda tag: tags.get(tag, contents.UNREADABLE))
        span = (int(readings.received.max()), int(readings.received.min()))
        near = "SELECT body FROM batch WHERE oldest_us <= ? AND newest_us >= ?"
        for (packed,) in self._db.execute(near, span):
            batch = wire.decode(packed)
            wanted -= _rows(batch.readings, lambda tag, batch=batch: batch.tags[tag])  # type: ignore[misc]
        return not wanted


def _rows(readings: Readings, tag_of: Callable[[int], Tag]) -> set[tuple[str, str, int, bytes]]:
    names = {tag: (told.device, told.name) for tag in set(readings.tag.tolist()) for told in (tag_of(tag),)}
    columns = (readings.tag.tolist(), readings.ts.tolist(), readings.value)
    return {(*names[tag], ts, value.tobytes()) for tag, ts, value in zip(*columns, strict=True)}


def _holes(found: Found, missing: int, aside: Path, now_us: int) -> list[Gap]:
    detail = f"the buffer was damaged; what is left of the rest is in {aside.name} on the gateway"
    told = [holes.lost(GapCause.BUFFER_DAMAGED, *span, now_us, detail) for span in found.spans]
    is_whole = found.state is not None and not (missing or found.unknown or found.trouble)
    if is_whole and len(told) <= _MOST_TOLD:
        return told
    # not everything that is lost is known by its times: it lies between the oldest that waited and now
    if found.state is None:
        # what was found may be younger than what was not
        since_us, detail = 0, f"{detail}; since when is not known"
    else:
        since_us = min(found.oldest_us, found.state.oldest_us or found.state.alive_us)
    return [holes.lost(GapCause.BUFFER_DAMAGED, since_us, now_us, now_us, detail)]


@contextmanager
def _mapped(aside: Path) -> Iterator[tuple[bytes | mmap.mmap, bytes]]:
    beside = aside.with_name(aside.name + "-wal")
    log = beside.read_bytes() if beside.exists() else b""
    if not aside.exists() or not aside.stat().st_size:
        yield b"", log
        return
    with aside.open("rb") as opened:
        # it is let go of with the last view of a page
        yield mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ), log
