"""Sealing: how committed rows become batches - cut to size, encoded once for disk and wire alike.

A reading that the wire cannot carry (a text too long, a time out of range: a defect of whoever shaped it) is found by
halving and set apart, so that it costs itself and not its neighbours.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from edge.buffer import block
from edge.ports import Lease
from shared.errors import WireError
from shared.reading import Gap, Readings, Tag, concatenate
from shared.wire import batch as wire
from shared.wire.labels import Labels

# The cloud writes the latest value of each of a batch's tags: of 2,500 tags, 20,000 readings cost it a fifth more than
# 50,000, which is half a second of a very fast plant. Far under the wire's 8 MiB, whatever the values are.
BATCH_ROWS = 50_000
# of a batch that nobody takes yet: the line that comes back may be a thin one
WAITING_ROWS = 20_000


@dataclass(frozen=True, slots=True)
class Sealed:
    """A batch as it is stored: what is lent, and the span of receive times in it, UTC microseconds."""

    lease: Lease
    oldest_us: int
    newest_us: int


@dataclass(frozen=True, slots=True)
class Spoiled:
    """What could not be packed, as a block; `reason` is the first one's."""

    body: bytes
    count: int
    oldest_us: int
    newest_us: int
    reason: str


def seal(
    readings: Readings,
    gaps: Sequence[Gap],
    tags: Sequence[Tag] | Labels,
    first: wire.BatchId,
    sealed_us: int,
    most_rows: int = BATCH_ROWS,
) -> tuple[list[Sealed], Spoiled | None]:
    """Make batches of these rows, of at most `most_rows` each, numbered from `first` on.

    Whatever cannot be packed is returned beside them.
    """
    sealed: list[Sealed] = []
    spoiled: list[tuple[Readings, Sequence[Gap], str]] = []
    todo = list(reversed(_cut(readings, gaps, most_rows)))
    while todo:
        rows, holes = todo.pop()
        batch = replace(first, seq=first.seq + len(sealed))
        try:
            body = wire.encode(batch, sealed_us, tags, rows, holes)
        except WireError as error:
            halves = _halve(rows, holes)
            todo.extend(reversed(halves))
            if not halves:
                spoiled.append((rows, holes, error.message))
        else:
            sealed.append(Sealed(Lease(batch, body, len(rows), sealed_us), *span(rows, sealed_us)))
    return sealed, _gather(spoiled, sealed_us) if spoiled else None


def lease(seq: int, epoch: object, sealed_us: object, body: object) -> Lease:
    """Return a batch as it is lent, from its row on disk.

    Raises:
        WireError: It is not what was written.
    """
    if not isinstance(body, bytes):
        raise WireError("its body is not bytes")
    head = wire.header(body)
    if (head.id.seq, head.id.epoch.bytes, head.sealed_us) != (seq, epoch, sealed_us):
        raise WireError(f"it holds batch {head.id.seq} of epoch {head.id.epoch}")
    return Lease(head.id, body, head.rows, head.sealed_us)


def row(batch: Sealed) -> tuple[object, ...]:
    """Return a batch's row on disk."""
    lent = batch.lease
    times = (lent.sealed_us, batch.oldest_us, batch.newest_us)
    return (lent.id.seq, lent.id.epoch.bytes, lent.rows, *times, lent.body)


def span(readings: Readings, otherwise_us: int) -> tuple[int, int]:
    """Return the first and the last receive time; `otherwise_us` twice if there are no readings."""
    if not len(readings):
        return otherwise_us, otherwise_us
    return int(readings.received.min()), int(readings.received.max())


def _cut(readings: Readings, gaps: Sequence[Gap], most_rows: int) -> list[tuple[Readings, Sequence[Gap]]]:
    count = max(1, -(-len(readings) // most_rows))
    if count == 1:
        return [(readings, gaps)] if len(readings) or gaps else []
    pieces = [readings.take(rows) for rows in np.array_split(np.arange(len(readings)), count)]
    return [(piece, gaps if index == 0 else ()) for index, piece in enumerate(pieces)]


def _halve(readings: Readings, gaps: Sequence[Gap]) -> list[tuple[Readings, Sequence[Gap]]]:
    if len(readings) and gaps:
        return [(readings, ()), (readings.take(np.arange(0)), gaps)]
    if len(readings) > 1:
        return [(readings.take(rows), ()) for rows in np.array_split(np.arange(len(readings)), 2)]
    if len(gaps) > 1:
        return [(readings, gaps[: len(gaps) // 2]), (readings, gaps[len(gaps) // 2 :])]
    return []


def _gather(spoiled: Sequence[tuple[Readings, Sequence[Gap], str]], now_us: int) -> Spoiled:
    rows = concatenate([readings for readings, _, _ in spoiled])
    gaps = [gap for _, holes, _ in spoiled for gap in holes]
    count = len(rows) + len(gaps)
    reason = f"{count} of its rows cannot be packed: {spoiled[0][2]}"
    return Spoiled(block.pack(rows, gaps), count, *span(rows, now_us), reason)
