"""The store: the buffer file's transactions. Everything here runs on the buffer's one thread.

`SqliteBuffer` hands over what was appended; `write` promises that it is on disk when it returns; the shipper's leases
come out of `oldest`. Memory changes only after the commit, so whatever fails can simply be tried again.
"""

import contextlib
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

from msgspec.structs import replace

from edge.buffer import done, file, opengaps, quarantine, record, sealing
from edge.buffer.change import Change, add, insert_blocks, keep_spoiled
from edge.buffer.contents import UNREADABLE, Contents
from edge.buffer.figures import Figures, Owed
from edge.buffer.lanes import Lanes, joined
from edge.buffer.record import Destination, State
from edge.buffer.refusing import Refusal
from edge.buffer.returning import Returning, set_aside
from edge.ports import FIRST, Lease
from shared.errors import WireError
from shared.logs import get
from shared.reading import Gap, GapCause, Readings, Tag, concatenate, empty
from shared.wire.batch import BatchId
from shared.wire.labels import Labels
from shared.wire.lane import URGENCY, Lane

# A commit that brings a lane's tail to this many rows seals it. Only batches can be given up, and a tail takes more
# room: with 20,000 a full disk had none left for what matters.
SEAL_ROWS = 10_000
_NOWHERE: Mapping[str, Collection[Lane]] = {}
T = TypeVar("T")
_log = get(__name__)


class Store:
    """One buffer file, open; `opening.open_store` makes it.

    Args:
        db: The connection; from now on the store's.
        path: Where the file is, for messages.
        held: What it held when it was opened.
    """

    def __init__(self, db: sqlite3.Connection, path: Path, held: Contents) -> None:
        self.path = path
        self.most_rows = sealing.BATCH_ROWS  # of a batch; fewer where the line to the cloud is thin
        # replaced when one is new or changed, never changed themselves
        self.tags: Sequence[Tag] = held.tags
        self._labels = Labels(held.tags)
        self.lanes = Lanes()
        self.tail, self.tail_gaps = held.tail, held.gaps
        self.open_gaps = {gap.id: gap for gap in held.open_gaps if gap.id is not None}
        self._db = db
        self._state = replace(held.state, is_stopped=False)
        self.alive_us = held.state.alive_us
        self.ids = {(t.device, t.name): tag_id for tag_id, t in enumerate(held.tags) if t is not UNREADABLE}
        self._damaged = held.damaged
        self._returning: dict[int, Returning] = defaultdict(Returning)
        self._life = uuid4()
        # read for being lent, whether or not that could be noted, by destination
        self.lent: dict[int, set[int]] = defaultdict(set)
        # what an earlier life committed is sealed under the names it had then
        self._is_inherited = bool(held.tail or held.gaps or held.damaged)
        with file.naming(path):
            tails = {lane: sum(map(len, blocks)) for lane, blocks in held.tail.items()}
            if self._is_inherited:
                # where damaged blocks stood is not known, and gaps stand there
                tails.setdefault(Lane.STATE, 0)
            self.figures = self._count(self._state, tails)

    def register(self, tags: Sequence[Tag], now_us: int, lanes: Sequence[Lane] = ()) -> list[int]:
        """Return the id of each tag. A changed descriptor keeps its id; the tail is sealed under the old one before.

        Args:
            tags: What they say of themselves.
            now_us: UTC microseconds.
            lanes: Where the readings of each stand from now on; all in `process`, if empty.

        Raises:
            BufferDamaged, BufferError: New ones could not be written; none has an id.
        """
        ids, known, changed = dict(self.ids), list(self.tags), set[int]()
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
                self.write([], [], now_us, seal=True)
            self._keep_tags({tag_id: known[tag_id] for tag_id in changed}, now_us)
            self.ids, self.tags = ids, known
        if lanes:
            told = {ids[tag.device, tag.name]: lane for tag, lane in zip(tags, lanes, strict=True)}
            self.lanes.tell(told, len(known))
        return [ids[tag.device, tag.name] for tag in tags]

    def adopt(self, other: "Store", now_us: int) -> None:
        """Take over what another store has in memory: its tags under their ids, and its tail.

        Raises:
            BufferDamaged, BufferError: It could not be written.
        """
        self._keep_tags({tag_id: tag for tag_id, tag in enumerate(other.tags) if tag is not UNREADABLE}, now_us)
        self.tags, self.ids, self.lanes = other.tags, other.ids, other.lanes
        self.write(joined(other.tail), [*other.open_gaps.values(), *other.tail_gaps], now_us)

    def write(
        self,
        blocks: Sequence[Readings],
        gaps: Sequence[Gap],
        now_us: int,
        *,
        seal: bool = False,
        ripe: Collection[Lane] = (),
        sent: Mapping[str, Collection[Lane]] = _NOWHERE,
    ) -> list[Lease]:
        """Put readings and gaps on disk in one transaction: into their lanes' tails, or with these into batches.

        Args:
            blocks: Readings of any lanes.
            gaps: They travel in the lane `state`.
            now_us: UTC microseconds.
            seal: Make batches of all tails.
            ripe: Make batches of these lanes' tails; so it is done with one that has become large.
            sent: Lanes of which new batches are sent at once, by destination, as is noted.

        Returns:
            The batches that were sealed.

        Raises:
            BufferDamaged, BufferError: Nothing of it is on disk.
        """
        coming = self.lanes.part(concatenate(blocks))
        if gaps:
            coming.setdefault(Lane.STATE, empty())
        tails = self.figures.tails_with(coming)
        whole = seal or self._is_inherited
        closing = {lane for lane, n in tails.items() if whole or n >= min(SEAL_ROWS, self.most_rows) or lane in ripe}
        if whole or closing:
            return self._seal(coming, gaps, tails, closing, now_us, sent)
        if coming:
            with file.transaction(self._db, self.path) as db:
                insert_blocks(db, coming, gaps, now_us)
                opengaps.note(db, gaps)
                figures = self._count(self._state, tails)
            self.figures = figures
            self._follow(coming, gaps)
            opengaps.follow(self.open_gaps, gaps)
        return []

    def sweep(
        self, settled: Sequence[BatchId], refused: Iterable[Refusal], now_us: int, to: str = FIRST
    ) -> list[Lease]:
        """Let go of what a destination has; divide what it refuses, or quarantine it, told as a gap.

        Returns:
            The batches that took the place of a divided one.

        Raises:
            BufferDamaged, BufferError: Nothing of it was done.
        """
        parts: list[sealing.Sealed] = []
        refusals = list(refused)
        number = self._state.destination(to).number
        returning = self._returning[number]
        with self.change(self.alive_us) as change:
            returning.settle(change, settled, number)
            for refusal in refusals:
                parts += returning.refuse(change, refusal, number, now_us)
        returning.settled(settled)
        self.lent[number].difference_update(batch.seq for batch in settled)
        self.lent[number].difference_update(refusal.id.seq for refusal in refusals)
        with file.naming(self.path):
            file.shrink(self._db)
        return [part.lease for part in parts]

    def clear(self, most: int, now_us: int) -> int:
        """Delete batches that are owed to nobody any more, at most so many; returns how many there were.

        Raises:
            BufferDamaged, BufferError: None was deleted.
        """
        with self.change(now_us) as change:
            found = done.orphans(change.db, change.state, most)
            for seq, rows in found:
                change.db.execute("DELETE FROM batch WHERE seq = ?", (seq,))
                done.forget(change.db, seq)
                change.state = change.state.without(Lane.of(seq), rows)
            change.state = replace(change.state, is_clearing=len(found) == most)
        with file.naming(self.path):
            file.shrink(self._db)
        return len(found)

    @property
    def state(self) -> State:
        """What the file knows of itself, as of the last transaction."""
        return self._state

    def look(self, job: Callable[..., T], *what: object) -> T:
        """Let somebody read: `job` of the connection, the tags, and `what`.

        Raises:
            BufferDamaged, BufferError: The file could not be read.
        """
        with file.naming(self.path):
            return job(self._db, self.tags, *what)

    def beat(self, now_us: int, also: Callable[[sqlite3.Connection], int] = lambda _: 0) -> int:
        """Note that the gateway is alive, so that the hole after a power cut is not told longer than it was.

        Does `also` in the same transaction, and returns what that does.

        Raises:
            BufferDamaged, BufferError: It is not noted.
        """
        with self.change(now_us) as change:
            return also(change.db)

    def oldest(self, taken: Set[int], now_us: int, lanes: Sequence[Lane] = URGENCY, to: str = FIRST) -> Lease | None:
        """Read the oldest batch that a destination is owed, of the first of these lanes that has one that is not taken.

        A damaged one is set aside, told as a gap, and passed over.

        Raises:
            BufferDamaged, BufferError: The file could not be read, or a damaged batch not set aside.
        """
        cursors = self.figures.owed[to].cursors
        found = (self._oldest(lane, taken, now_us, to) for lane in lanes if cursors[lane].batches)
        return next((lease for lease in found if lease is not None), None)

    def _oldest(self, lane: Lane, taken: Set[int], now_us: int, to: str) -> Lease | None:
        while True:
            where = self._state.destination(to)
            with file.naming(self.path):
                seq = done.next_seq(self._db, lane, where.cursors[lane].upto, where.number, taken)
                if seq is None:
                    return None
                row = self._db.execute("SELECT epoch, sealed_us, body FROM batch WHERE seq = ?", (seq,)).fetchone()
            try:
                self.lent[where.number].add(seq)
                return sealing.lease(seq, *row)
            except WireError as error:
                detail = f"batch {seq} was set aside: {error.message}"
                _log.error("a damaged batch was set aside", path=str(self.path), error=detail)
                with self.change(now_us) as change:
                    whom = done.owed_to(change.db, change.state, seq)
                    set_aside(change, seq, row[0], GapCause.BUFFER_DAMAGED, detail, now_us, whom)

    def close(self, now_us: int) -> None:
        """Note that this is an orderly end, empty the log into the file, and close it.

        Raises:
            BufferDamaged, BufferError: It is closed, but the next start will say that it was not shut down.
        """
        try:
            with self.change(now_us) as change:
                change.state = replace(change.state, is_stopped=True)
            with file.naming(self.path):
                file.empty_whole_log(self._db)
        finally:
            self._db.close()

    def abandon(self) -> None:
        """Close a file that turned out damaged; `tail`, `tail_gaps` and `tags` are in memory still."""
        self._db.close()

    def _keep_tags(self, tags: Mapping[int, Tag], now_us: int) -> None:
        with file.transaction(self._db, self.path) as db:
            rows = [(tag_id, *record.to_row(tag)) for tag_id, tag in tags.items()]
            db.executemany("INSERT OR REPLACE INTO tag VALUES (?, ?, ?)", rows)
            # a new file's first sign of life: should the gateway die before its first commit, the hole has a begin
            alive = replace(self._state, alive_us=now_us)
            db.execute("INSERT OR IGNORE INTO state VALUES (1, ?, ?)", record.to_row(alive))

    def _seal(
        self,
        coming: Mapping[Lane, Readings],
        gaps: Sequence[Gap],
        tails: Mapping[Lane, int],
        closing: Set[Lane],
        now_us: int,
        sent: Mapping[str, Collection[Lane]],
    ) -> list[Lease]:
        """Make batches of these lanes' tails with what comes; what comes in other lanes goes to their tails."""
        if self._labels.tags is not self.tags:
            self._labels = Labels(self.tags)
        results = {lane: self._encode(lane, coming, gaps, now_us) for lane in URGENCY if lane in closing}
        staying = {lane: readings for lane, readings in coming.items() if lane not in closing}
        left = {lane: rows for lane, rows in tails.items() if lane not in closing}
        with self.change(now_us, left) as change:
            quarantine.move_blocks(change.db, self._damaged, now_us)
            # first, so that its pages serve the batches; a damaged block may bear any lane
            which = "1" if self._is_inherited else f"lane IN ({', '.join(str(int(lane)) for lane in closing)})"
            change.db.execute(f"DELETE FROM tail WHERE {which}")  # noqa: S608 - numbers of ours
            insert_blocks(change.db, staying, gaps, now_us)
            opengaps.note(change.db, gaps)
            change.state = replace(change.state, quarantined=change.state.quarantined + len(self._damaged))
            for lane, (sealed, spoiled) in results.items():
                add(change, lane, sealed, lent_to=[self.figures.owed[to].number for to in sent if lane in sent[to]])
                if spoiled is not None:
                    keep_spoiled(change, spoiled, now_us)
        for lane in closing:
            self.tail.pop(lane, None)
        self._damaged, self._is_inherited = [], False
        if Lane.STATE in closing:
            self.tail_gaps = change.told
        self._follow(staying, gaps if Lane.STATE in staying else ())
        opengaps.follow(self.open_gaps, gaps)
        return [batch.lease for sealed, _ in results.values() for batch in sealed]

    def _encode(
        self, lane: Lane, coming: Mapping[Lane, Readings], gaps: Sequence[Gap], now_us: int
    ) -> tuple[list[sealing.Sealed], sealing.Spoiled | None]:
        first = BatchId(self._state.gateway, self._state.epoch, self._state.next_seq(lane))
        rows = concatenate([*self.tail.get(lane, ()), *([coming[lane]] if lane in coming else ())])
        holes = [*self.tail_gaps, *gaps] if lane is Lane.STATE else []
        return sealing.seal(rows, holes, self._labels, first, now_us, self.most_rows)

    def _follow(self, coming: Mapping[Lane, Readings], gaps: Sequence[Gap]) -> None:
        """Take into memory what has gone to the tails on disk."""
        for lane, readings in coming.items():
            if len(readings):
                self.tail.setdefault(lane, []).append(readings)
        self.tail_gaps.extend(gaps)

    @contextlib.contextmanager
    def change(self, now_us: int, tails: Mapping[Lane, int] | None = None) -> Iterator[Change]:
        """Do one transaction that changes the state too; memory follows once it is on disk."""
        change = Change(self._db, self._state)
        after = dict(self.figures.tails if tails is None else tails)
        with file.transaction(self._db, self.path) as db:
            yield change
            waits_since_us = self.figures.oldest_us
            oldest_us = now_us if waits_since_us is None else waits_since_us
            change.state = replace(change.state, alive_us=now_us, oldest_us=oldest_us)
            for whom, gaps in change.apart.items():
                self._seal_apart(change, gaps, whom, now_us)
            if change.told:
                after.setdefault(Lane.STATE, 0)
                insert_blocks(db, {Lane.STATE: empty()}, change.told, now_us)
            db.execute("INSERT OR REPLACE INTO state VALUES (1, ?, ?)", record.to_row(change.state))
            figures = self._count(change.state, after)
        if change.state.epoch != self._state.epoch:
            _log.error("the buffer goes on under another epoch: cloned, or restored?", path=str(self.path))
        self._state, self.figures, self.alive_us = change.state, figures, change.state.alive_us
        self.tail_gaps.extend(change.told)

    @staticmethod
    def _seal_apart(change: Change, gaps: Sequence[Gap], whom: frozenset[int], now_us: int) -> None:
        """Make a batch of gaps that not every destination is told."""
        first = BatchId(change.state.gateway, change.state.epoch, change.state.next_seq(Lane.STATE))
        sealed, _ = sealing.seal(empty(), gaps, (), first, now_us)
        add(change, Lane.STATE, sealed, whom)

    def _count(self, state: State, tails: Mapping[Lane, int]) -> Figures:
        first = "SELECT oldest_us FROM batch WHERE seq BETWEEN ? AND ? ORDER BY seq LIMIT 1"
        held = [self._db.execute(first, lane.seqs).fetchone() for lane in Lane if state.queues[lane].batches]
        oldest = min((row[0] for row in held if row is not None), default=None)
        if oldest is None and tails:
            (oldest,) = self._db.execute("SELECT min(oldest_us) FROM tail").fetchone()
        # with one destination the oldest of all is its
        is_alone = len(state.destinations) == 1
        each = {
            where.name: Owed(where.number, where.cursors, oldest if is_alone else self._oldest_of(where, tails))
            for where in state.destinations
        }
        return Figures(
            life=self._life,
            epoch=state.epoch,
            queues=state.queues,
            tails=tails,
            quarantined=state.quarantined,
            used_bytes=file.used_bytes(self._db),
            oldest_us=oldest,
            owed=each,
            is_clearing=state.is_clearing,
        )

    def _oldest_of(self, where: Destination, tails: Mapping[Lane, int]) -> int | None:
        seqs = [
            done.next_seq(self._db, lane, where.cursors[lane].upto, where.number)
            for lane in Lane
            if where.cursors[lane].batches
        ]
        times = [self._db.execute("SELECT oldest_us FROM batch WHERE seq = ?", (seq,)).fetchone() for seq in seqs]
        oldest: int | None = min((row[0] for row in times if row is not None), default=None)
        if oldest is None and tails:
            (oldest,) = self._db.execute("SELECT min(oldest_us) FROM tail").fetchone()
        return oldest
