"""Recalling: entries of the quarantine sent again, or dropped for good, as a person asks; on the buffer's thread."""

from collections.abc import Sequence
from dataclasses import dataclass

from edge.buffer import holdings, holes, quarantine, sealing
from edge.buffer.change import Change, add, keep_spoiled
from edge.buffer.contents import UNREADABLE
from edge.buffer.holdings import Held
from edge.buffer.store import Store
from edge.errors import BufferError  # noqa: A004 - the field's word
from shared.reading import Gap, Readings, Tag, empty
from shared.wire.batch import BatchId
from shared.wire.lane import Lane


@dataclass(frozen=True, slots=True)
class _Entry:
    n: int
    held: Held
    mask: int
    told: Sequence[Gap]


def retry(store: Store, ns: Sequence[int], now_us: int) -> int:
    """Make batches of entries again, for the destinations that miss them; returns how many readings that are.

    The gaps that told them travel in the same batches, closed: what the cloud takes is missing no more, and if it
    refuses again that is told anew.

    Raises:
        BufferDamaged, BufferError: One is not there or cannot be read, or the disk refuses; nothing was done.
    """
    entries = [_Entry(n, store.look(holdings.set_aside, n), *store.look(_told, n)) for n in ns]
    new = {(tag.device, tag.name): tag for entry in entries for tag in entry.held.tags if tag is not UNREADABLE}
    # known ones go on as they are described now
    store.register([tag for name, tag in new.items() if name not in store.ids], now_us)
    rows = 0
    with store.change(now_us) as change:
        for entry in entries:
            whom = quarantine.whom(entry.mask, change.state)
            if not whom:
                raise BufferError(
                    f"entry {entry.n} was set aside for a destination that is configured no more; export it, or drop it"
                )
            closed = [*entry.held.gaps, *(holes.retried(gap, now_us) for gap in entry.told)]
            _send(store, change, holdings.under(entry.held, store.ids), closed, whom, now_us)
            rows += len(entry.held.readings)
        change.state = quarantine.forget(change.db, ns, change.state)
    return rows


def _told(db: object, _: Sequence[Tag], n: int) -> tuple[int, list[Gap]]:
    return quarantine.told(db, n)  # type: ignore[arg-type]  # a connection, as `look` promises


def _send(
    store: Store, change: Change, readings: Readings, gaps: Sequence[Gap], whom: frozenset[int], now_us: int
) -> None:
    """Make batches of an entry's readings, each lane's by itself; the gaps go with the last of them."""
    parts = list(store.lanes.part(readings).items()) or [(Lane.STATE, empty())]
    for place, (lane, rows) in enumerate(parts, 1):
        first = BatchId(change.state.gateway, change.state.epoch, change.state.next_seq(lane))
        told = gaps if place == len(parts) else ()
        sealed, spoiled = sealing.seal(rows, told, store.tags, first, now_us, store.most_rows)
        add(change, lane, sealed, whom)
        if spoiled is not None:
            keep_spoiled(change, spoiled, now_us, whom)


def drop(store: Store, ns: Sequence[int], now_us: int) -> int:
    """Delete entries of the quarantine for good, each told as a gap; returns how many readings that are.

    Raises:
        BufferDamaged, BufferError: One is not there, or the disk refuses; nothing was done.
    """
    rows = 0
    with store.change(now_us) as change:
        for n in ns:
            count, mask, told = quarantine.dropped(change.db, store.tags, n, now_us)
            change.tell(told, quarantine.whom(mask, change.state))
            rows += count
        change.state = quarantine.forget(change.db, ns, change.state)
    return rows
