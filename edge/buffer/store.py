"""The store: the buffer file's transactions. Everything here runs on the buffer's one thread.

`SqliteBuffer` hands over what was appended; `write` promises that it is on disk when it returns; the shipper's leases
come out of `oldest`. Memory changes only after the commit, so whatever fails can simply be tried again.
"""

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from msgspec.structs import replace

from edge.buffer import block, file, holes, quarantine, record, refusing, sealing
from edge.buffer.contents import UNREADABLE, Contents
from edge.buffer.dividing import Suspects
from edge.buffer.record import State
from edge.buffer.refusing import Refusal
from edge.ports import Lease
from shared.errors import WireError
from shared.logs import get
from shared.reading import Gap, GapCause, Readings, Tag, concatenate, empty
from shared.wire import batch as wire
from shared.wire.batch import BatchId
from shared.wire.labels import Labels

# A commit that brings the tail to this many rows seals it; a smaller batch costs more bytes a reading.
SEAL_ROWS = 10_000
_log = get(__name__)


@dataclass(frozen=True, slots=True)
class Figures:
    """The file as its last transaction left it.

    Attributes:
        epoch: Its name for the cloud.
        batches, rows: Sealed, not settled, and the readings in them.
        tail_rows: Readings in the tail.
        has_tail: Whether the tail holds anything, gaps included.
        quarantined: Batches and blocks set aside.
        used_bytes: What of the file holds something.
        oldest_us: Receive time of the oldest reading, None when it is empty.
    """

    epoch: UUID
    batches: int = 0
    rows: int = 0
    tail_rows: int = 0
    has_tail: bool = False
    quarantined: int = 0
    used_bytes: int = 0
    oldest_us: int | None = None


@dataclass(slots=True)
class _Change:
    """What a transaction under way does beside its rows: the state after it, and the gaps it tells."""

    db: sqlite3.Connection
    state: State
    told: list[Gap] = field(default_factory=list)


class Store:
    """One buffer file, open; `opening.open_store` makes it.

    Args:
        db: The connection; from now on the store's.
        path: Where the file is, for messages.
        held: What it held when it was opened.
    """

    def __init__(self, db: sqlite3.Connection, path: Path, held: Contents) -> None:
        self.path = path
        # replaced when one is new or changed, never changed themselves
        self.tags: Sequence[Tag] = held.tags
        self._labels = Labels(held.tags)
        self.tail = held.tail
        self.tail_gaps = held.gaps
        self._db = db
        self._state = replace(held.state, is_stopped=False)
        self._ids = {(t.device, t.name): tag_id for tag_id, t in enumerate(held.tags) if t is not UNREADABLE}
        self._damaged = held.damaged
        self._suspects = Suspects()
        # what an earlier life committed is sealed under the names it had then
        self._is_inherited = bool(held.tail or held.gaps or held.damaged)
        with file.naming(path):
            self.figures = self._count(self._state, sum(map(len, held.tail)), self._is_inherited)

    def register(self, tags: Sequence[Tag], now_us: int) -> list[int]:
        """Return the id of each tag. A changed descriptor keeps its id; the tail is sealed under the old one before.

        Raises:
            BufferDamaged, BufferError: New ones could not be written; none has an id.
        """
        ids, known, changed = dict(self._ids), list(self.tags), set[int]()
        for tag in tags:
            tag_id = ids.setdefault((tag.device, tag.name), len(known))
            if tag_id == len(known):
                known.append(tag)
                changed.add(tag_id)
            elif known[tag_id] != tag:
                known[tag_id] = tag
                changed.add(tag_id)
        if changed:
            if min(changed) < len(self.tags) and self.tail:
                self._seal(empty(), (), now_us)
            self._keep_tags({tag_id: known[tag_id] for tag_id in changed}, now_us)
            self._ids, self.tags = ids, known
        return [ids[tag.device, tag.name] for tag in tags]

    def adopt(self, other: "Store", now_us: int) -> None:
        """Take over what another store has in memory: its tags under their ids, and its tail.

        Raises:
            BufferDamaged, BufferError: It could not be written.
        """
        self._keep_tags({tag_id: tag for tag_id, tag in enumerate(other.tags) if tag is not UNREADABLE}, now_us)
        self.tags, self._ids = other.tags, other._ids  # noqa: SLF001 - another of the same class
        self.write(other.tail, other.tail_gaps, now_us)

    def write(self, blocks: Sequence[Readings], gaps: Sequence[Gap], now_us: int, *, seal: bool = False) -> list[Lease]:
        """Put readings and gaps on disk: into the tail, or with the tail into batches if that is asked or it is large.

        Returns:
            The batches that were sealed.

        Raises:
            BufferDamaged, BufferError: Nothing of it is on disk.
        """
        readings = concatenate(blocks)
        if seal or self._is_inherited or len(readings) + self.figures.tail_rows >= SEAL_ROWS:
            return self._seal(readings, gaps, now_us)
        if len(readings) or gaps:
            with file.transaction(self._db, self.path) as db:
                _insert_block(db, readings, gaps, now_us)
                figures = self._count(self._state, self.figures.tail_rows + len(readings), has_tail=True)
            self.figures = figures
            self.tail.append(readings)
            self.tail_gaps.extend(gaps)
        return []

    def sweep(self, settled: Sequence[BatchId], refused: Iterable[Refusal], now_us: int) -> list[Lease]:
        """Delete what the cloud has; divide what it refuses, and quarantine what cannot be divided, told as a gap.

        Returns:
            The batches that took the place of a divided one.

        Raises:
            BufferDamaged, BufferError: Nothing of it was done.
        """
        parts: list[sealing.Sealed] = []
        with self._change(now_us) as change:
            for batch in settled:
                key = (batch.seq, batch.epoch.bytes)
                for (rows,) in change.db.execute("DELETE FROM batch WHERE seq = ? AND epoch = ? RETURNING rows", key):
                    change.state = _without(change.state, rows)
            for refusal in refused:
                parts += self._refuse(change, refusal, now_us)
        self._suspects.taken(len(settled))
        with file.naming(self.path):
            file.shrink(self._db)
        return [part.lease for part in parts]

    def beat(self, now_us: int) -> None:
        """Note that the gateway is alive, so that the hole after a power cut is not told longer than it was.

        Raises:
            BufferDamaged, BufferError: It is not noted.
        """
        with self._change(now_us):
            pass

    def oldest(self, taken: Set[int], now_us: int) -> Lease | None:
        """Read the oldest batch whose number is not taken; a damaged one is set aside, told as a gap, and passed over.

        Raises:
            BufferDamaged, BufferError: The file could not be read, or a damaged batch not set aside.
        """
        while True:
            with file.naming(self.path), contextlib.closing(self._db.cursor()) as cursor:
                numbers = cursor.execute("SELECT seq FROM batch ORDER BY seq")
                seq = next((seq for (seq,) in numbers if seq not in taken), None)
                if seq is None:
                    return None
                row = cursor.execute("SELECT epoch, sealed_us, body FROM batch WHERE seq = ?", (seq,)).fetchone()
            try:
                return _lease(seq, *row)
            except WireError as error:
                detail = f"batch {seq} was set aside: {error.message}"
                _log.error("a damaged batch was set aside", path=str(self.path), error=detail)
                with self._change(now_us) as change:
                    _set_aside(change, seq, row[0], GapCause.BUFFER_DAMAGED, detail, now_us)

    def close(self, now_us: int) -> None:
        """Note that this is an orderly end, empty the log into the file, and close it.

        Raises:
            BufferDamaged, BufferError: It is closed, but the next start will say that it was not shut down.
        """
        try:
            with self._change(now_us) as change:
                change.state = replace(change.state, is_stopped=True)
            with file.naming(self.path):
                self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        finally:
            self._db.close()

    def abandon(self) -> None:
        """Close a file that turned out damaged; `tail`, `tail_gaps` and `tags` are in memory still."""
        self._db.close()

    def _refuse(self, change: _Change, refusal: Refusal, now_us: int) -> Sequence[sealing.Sealed]:
        seq, epoch = refusal.id.seq, refusal.id.epoch.bytes
        row = change.db.execute("SELECT rows, body FROM batch WHERE seq = ? AND epoch = ?", (seq, epoch)).fetchone()
        if row is None:
            return []
        rows, body = row
        verdict = refusing.judge(body, refusal, self._suspects, change.state.next_seq, now_us)
        if not verdict.parts:
            detail = f"the cloud refuses batch {seq}: {refusal.reason}"
            _set_aside(change, seq, epoch, GapCause.REFUSED, detail, now_us, verdict.told)
            _log.error("readings were set aside", path=str(self.path), rows=rows, error=detail)
            return []
        change.db.execute("DELETE FROM batch WHERE seq = ? AND epoch = ?", (seq, epoch))
        change.state = _with(_without(change.state, rows), verdict.parts)
        change.db.executemany("INSERT INTO batch VALUES (?, ?, ?, ?, ?, ?, ?)", map(_row, verdict.parts))
        return verdict.parts

    def _keep_tags(self, tags: Mapping[int, Tag], now_us: int) -> None:
        with file.transaction(self._db, self.path) as db:
            rows = [(tag_id, *record.to_row(tag)) for tag_id, tag in tags.items()]
            db.executemany("INSERT OR REPLACE INTO tag VALUES (?, ?, ?)", rows)
            # a new file's first sign of life: should the gateway die before its first commit, the hole has a begin
            alive = replace(self._state, alive_us=now_us)
            db.execute("INSERT OR IGNORE INTO state VALUES (1, ?, ?)", record.to_row(alive))

    def _seal(self, readings: Readings, gaps: Sequence[Gap], now_us: int) -> list[Lease]:
        state = self._state
        first = BatchId(state.gateway, state.epoch, state.next_seq)
        everything = concatenate([*self.tail, readings])
        if self._labels.tags is not self.tags:
            self._labels = Labels(self.tags)
        sealed, spoiled = sealing.seal(everything, [*self.tail_gaps, *gaps], self._labels, first, now_us)
        with self._change(now_us, tail_rows=0) as change:
            quarantine.move_blocks(change.db, self._damaged, now_us)
            # first, so that its pages serve the batches
            change.db.execute("DELETE FROM tail")
            change.db.executemany("INSERT INTO batch VALUES (?, ?, ?, ?, ?, ?, ?)", map(_row, sealed))
            if spoiled is not None:
                quarantine.keep(change.db, spoiled, now_us)
                span = (spoiled.oldest_us, spoiled.newest_us)
                change.told.append(holes.lost(GapCause.REFUSED, *span, now_us, spoiled.reason))
                _log.error("readings were set aside", path=str(self.path), error=spoiled.reason)
            quarantined = state.quarantined + len(self._damaged) + (spoiled is not None)
            change.state = replace(_with(state, sealed), quarantined=quarantined)
        self.tail, self.tail_gaps, self._damaged, self._is_inherited = [], change.told, [], False
        return [batch.lease for batch in sealed]

    @contextlib.contextmanager
    def _change(self, now_us: int, tail_rows: int | None = None) -> Iterator[_Change]:
        """Do one transaction that changes the state too; memory follows once it is on disk."""
        change = _Change(self._db, self._state)
        has_tail = self.figures.has_tail if tail_rows is None else False
        tail_rows = self.figures.tail_rows if tail_rows is None else tail_rows
        with file.transaction(self._db, self.path) as db:
            yield change
            change.state = replace(change.state, alive_us=now_us)
            if change.told:
                _insert_block(db, empty(), change.told, now_us)
            db.execute("INSERT OR REPLACE INTO state VALUES (1, ?, ?)", record.to_row(change.state))
            figures = self._count(change.state, tail_rows, has_tail or bool(change.told))
        self._state, self.figures = change.state, figures
        self.tail_gaps.extend(change.told)

    def _count(self, state: State, tail_rows: int, has_tail: bool) -> Figures:
        oldest = self._db.execute("SELECT oldest_us FROM batch ORDER BY seq LIMIT 1").fetchone()
        if oldest is None:
            oldest = self._db.execute("SELECT oldest_us FROM tail ORDER BY n LIMIT 1").fetchone()
        return Figures(
            epoch=state.epoch,
            batches=state.batches,
            rows=state.rows,
            tail_rows=tail_rows,
            has_tail=has_tail,
            quarantined=state.quarantined,
            used_bytes=file.used_bytes(self._db),
            oldest_us=None if oldest is None else oldest[0],
        )


def _lease(seq: int, epoch: object, sealed_us: object, body: object) -> Lease:
    if not isinstance(body, bytes):
        raise WireError("its body is not bytes")
    head = wire.header(body)
    if (head.id.seq, head.id.epoch.bytes, head.sealed_us) != (seq, epoch, sealed_us):
        raise WireError(f"it holds batch {head.id.seq} of epoch {head.id.epoch}")
    return Lease(head.id, body, head.rows, head.sealed_us)


def _row(batch: sealing.Sealed) -> tuple[object, ...]:
    lease = batch.lease
    times = (lease.sealed_us, batch.oldest_us, batch.newest_us)
    return (lease.id.seq, lease.id.epoch.bytes, lease.rows, *times, lease.body)


def _insert_block(db: sqlite3.Connection, readings: Readings, gaps: Sequence[Gap], now_us: int) -> None:
    oldest_us, _ = sealing.span(readings, now_us)
    row = (oldest_us, now_us, block.pack(readings, gaps))
    db.execute("INSERT INTO tail (oldest_us, committed_us, body) VALUES (?, ?, ?)", row)


def _set_aside(
    change: _Change,
    seq: int,
    epoch: object,
    cause: GapCause,
    detail: str,
    now_us: int,
    told: Sequence[Gap] | None = None,
) -> None:
    """Move a batch to quarantine; told as these gaps, or as one over its receive times."""
    moved = quarantine.move_batch(change.db, seq, epoch, detail, now_us)
    if moved is not None:
        rows, oldest_us, newest_us = moved
        change.state = replace(_without(change.state, rows), quarantined=change.state.quarantined + 1)
        change.told += [holes.lost(cause, oldest_us, newest_us, now_us, detail)] if told is None else told


def _with(state: State, sealed: Sequence[sealing.Sealed]) -> State:
    return replace(
        state,
        next_seq=state.next_seq + len(sealed),
        batches=state.batches + len(sealed),
        rows=state.rows + sum(batch.lease.rows for batch in sealed),
    )


def _without(state: State, rows: object) -> State:
    return replace(state, batches=state.batches - 1, rows=state.rows - (rows if isinstance(rows, int) else 0))
