"""The relief: makes room in a full file by thinning or dropping what waits; on the buffer's thread.

What `retention` chose is read, thinned, and written again under the first of its own numbers, which nobody has seen
yet. What is given up is told, as a gap of each tag with the first and the last time.
"""

import sqlite3
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from edge.buffer import done, holes, retention, sealing, thinning
from edge.buffer.change import Change
from edge.buffer.record import State, counted
from edge.buffer.retention import Act, Rules, Waiting
from edge.buffer.sealing import BATCH_ROWS, Sealed, span
from edge.buffer.store import Store
from edge.ports import Lease
from shared.errors import WireError
from shared.logs import get
from shared.reading import Gap, GapCause, Readings, Tag, concatenate
from shared.wire import batch as wire
from shared.wire.batch import BatchId
from shared.wire.lane import Lane

# batches that are looked at for one act
_MOST_BATCHES = 256
_log = get(__name__)


@dataclass(frozen=True, slots=True)
class _Relief:
    """What an act comes to, before anything is written.

    Attributes:
        gone: Numbers of the batches that are no more, with their rows.
        sealed: What takes their place.
        told: The holes that are left, and what the batches told themselves.
    """

    gone: Sequence[tuple[int, object]]
    sealed: Sequence[Sealed]
    told: Sequence[Gap]


def relieve(store: Store, rules: Rules, need_bytes: int, spared: Set[int], now_us: int) -> bool:
    """Give up something of what waits, if the rules allow it; told as gaps.

    Args:
        store: The file.
        rules: What may be done with each lane.
        need_bytes: What is needed; one act may free less.
        spared: Batches that may be lent at any moment.
        now_us: UTC microseconds.

    Returns:
        Whether it is worth asking again.

    Raises:
        BufferDamaged, BufferError: Nothing was given up.
    """
    act = store.look(_next_act, store.state, rules, need_bytes, set(spared).union(*store.lent.values()))
    if act is None:
        return False
    prepared = store.look(_prepare, act, now_us)
    whom = act.batches[0].whom
    with store.change(now_us) as change:
        # whoever has it misses nothing
        change.tell(prepared.told, whom)
        _write(change, prepared, act, whom)
    _log.warning("the buffer is full and gives up what waits", act=act.words, batches=len(act.batches))
    return True


def _next_act(
    db: sqlite3.Connection, _: Sequence[Tag], state: State, rules: Rules, need_bytes: int, spared: Set[int]
) -> Act | None:
    return retention.next_act(_waiting(db, state, rules, spared), rules, need_bytes)


def _waiting(db: sqlite3.Connection, state: State, rules: Rules, spared: Set[int]) -> dict[Lane, list[Waiting]]:
    """Return the oldest batches of each lane that may be given up; those never thinned, if there are any."""
    found: dict[Lane, list[Waiting]] = {}
    for lane, rule in rules.items():
        queue = state.queues[lane]
        is_kept = lane is Lane.STATE or rule.action == "keep"
        if not queue.batches or (is_kept and len(state.destinations) < 2):
            continue
        behind = min(each.cursors[lane].lent_upto for each in state.destinations)
        # oldest first, and what was thinned is older than all else
        starts = [max(behind, queue.thinned_upto) + 1, behind + 1] if rule.action == "thin" else [behind + 1]
        batches: list[Waiting] = []
        for first in [] if is_kept else starts:
            batches = batches or list(islice(_never_lent(db, state, lane, first, spared), _MOST_BATCHES))
        if len(state.destinations) > 1:
            # of a lane that is kept too; but a batch of gaps alone would only be told again
            had = (batch for batch in _never_lent(db, state, lane, behind + 1, spared) if batch.is_had and batch.rows)
            by_seq = {batch.seq: batch for batch in [*islice(had, _MOST_BATCHES), *batches]}
            batches = [by_seq[seq] for seq in sorted(by_seq)]
        if batches:
            found[lane] = batches
    return found


def _prepare(db: sqlite3.Connection, _: Sequence[Tag], act: Act, now_us: int) -> _Relief:
    """Read the batches of an act, and return what it comes to."""
    gone: list[tuple[int, object]] = []
    read: list[wire.Batch] = []
    told: list[Gap] = []
    for batch in act.batches:
        row = db.execute("SELECT rows, oldest_us, newest_us, body FROM batch WHERE seq = ?", (batch.seq,)).fetchone()
        gone.append((batch.seq, row[0]))
        try:
            read.append(wire.decode(row[3] if isinstance(row[3], bytes) else b""))
        except WireError as error:
            detail = f"batch {batch.seq} was damaged, and given up when the buffer was full: {error.message}"
            told.append(holes.lost(GapCause.BUFFER_DAMAGED, row[1], row[2], now_us, detail))
    told += [gap for batch in read for gap in batch.gaps]
    tags, readings = _joined(read)
    rows = np.empty(0, np.intp) if act.window_us is None else thinning.kept(readings, act.window_us)
    if not len(rows):
        return _Relief(gone, (), [*told, *_told(tags, readings, rows, act)])
    if len(rows) == len(readings) and not told:
        # nothing is gained
        return _Relief((), (), ())
    names = [replace(read[0].header.id, seq=batch.seq) for batch in act.batches]
    sealed = _sealed(names, read[-1].header.sealed_us, tags, readings.take(rows))
    return _Relief(gone, sealed, [*told, *_told(tags, readings, rows, act)])


def _never_lent(db: sqlite3.Connection, state: State, lane: Lane, first: int, spared: Set[int]) -> Iterator[Waiting]:
    """Yield batches that nobody who is owed them was lent."""
    query = (
        "SELECT seq, epoch, rows, length(body) FROM batch WHERE seq BETWEEN ? AND ? "
        "AND NOT EXISTS (SELECT 1 FROM lent WHERE lent.seq = batch.seq) ORDER BY seq"
    )
    lent_upto = {each.number: each.cursors[lane].lent_upto for each in state.destinations}
    thinned_upto = state.queues[lane].thinned_upto
    for seq, epoch, rows, size in db.execute(query, (max(first, lane.seqs[0]), lane.seqs[1])):
        if seq in spared:
            continue
        whom = done.owed_to(db, state, seq)
        if whom and all(seq > lent_upto[number] for number in whom):
            yield Waiting(seq, epoch, rows, size, seq <= thinned_upto, whom, is_had=whom < state.everybody)


def _joined(batches: Sequence[wire.Batch]) -> tuple[list[Tag], Readings]:
    """Join batches under one list of tags; of two descriptions of a tag the newer one holds."""
    places: dict[tuple[str, str], int] = {}
    tags: list[Tag] = []
    blocks = []
    for batch in batches:
        mapped = np.empty(len(batch.tags), np.uint32)
        for index, tag in enumerate(batch.tags):
            place = mapped[index] = places.setdefault((tag.device, tag.name), len(tags))
            tags[place:] = [tag] if place == len(tags) else [tag, *tags[place + 1 :]]
        blocks.append(replace(batch.readings, tag=mapped[batch.readings.tag]))
    return tags, concatenate(blocks)


def _sealed(names: Sequence[BatchId], sealed_us: int, tags: Sequence[Tag], readings: Readings) -> list[Sealed]:
    """Make batches of what is kept; in the order taken, so that each tag's readings stay in order."""
    pieces = np.array_split(np.arange(len(readings)), -(-len(readings) // BATCH_ROWS))
    sealed = []
    for name, rows in zip(names, pieces, strict=False):
        piece = readings.take(rows)
        body = wire.encode(name, sealed_us, tags, piece)
        sealed.append(Sealed(Lease(name, body, len(piece), sealed_us), *span(piece, sealed_us)))
    return sealed


def _told(
    tags: Sequence[Tag], readings: Readings, rows: np.ndarray[tuple[int], np.dtype[np.intp]], act: Act
) -> list[Gap]:
    is_gone = np.ones(len(readings), np.bool_)
    is_gone[rows] = False
    all_of, gone = np.bincount(readings.tag, minlength=len(tags)), readings.take(np.flatnonzero(is_gone))
    told = []
    for index in np.unique(gone.tag).tolist():
        times = gone.ts[gone.tag == index]
        detail = f"the buffer was full: {len(times)} of {all_of[index]} readings dropped"
        if act.window_us is not None:
            detail += f", all but the lowest, highest and last of each {act.window_us / 1e6:g} s"
        gap = holes.given_up(int(times.min()), int(times.max()), detail)
        told.append(replace(gap, device=tags[index].device, tag=tags[index].name))
    return told


def _write(change: Change, relief: _Relief, act: Act, whom: frozenset[int]) -> None:
    """Write what an act comes to."""
    lane, db = act.lane, change.db
    for seq, count in relief.gone:
        db.execute("DELETE FROM batch WHERE seq = ?", (seq,))
        done.forget(db, seq)
        change.state = change.state.without(lane, count).owed(lane, -1, -counted(count), whom)
    db.executemany("INSERT INTO batch VALUES (?, ?, ?, ?, ?, ?, ?)", map(sealing.row, relief.sealed))
    for batch in relief.sealed:
        done.withhold(db, batch.lease.id.seq, change.state.everybody - whom)
        change.state = change.state.again(lane, batch.lease.rows, whom)
    if act.window_us is not None:
        change.state = change.state.thinned(lane, act.batches[-1].seq)
