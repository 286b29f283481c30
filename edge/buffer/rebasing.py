"""Owns how sealed batches are moved to the right time, when the clock is set under whose wrong one they were taken.

Only batches that nobody was lent are moved: a number is never used for two contents. Only rows that were flagged
when they were taken are moved, so moving a batch twice moves it once.
"""

import sqlite3
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from edge.buffer import sealing
from edge.buffer.sealing import Sealed
from edge.ports import Lease
from shared.errors import WireError
from shared.reading import Flag, Gap
from shared.wire import batch as wire
from shared.wire.lane import Lane

_OURS = np.uint8(Flag.SOURCE_TIME_REPLACED)
_NOT_SET, _REBASED = np.uint8(Flag.CLOCK_NOT_SET), np.uint8(Flag.TIME_REBASED)


def rebase(db: sqlite3.Connection, since_us: int, delta_us: int, upto: Mapping[Lane, int], now_us: int) -> int:
    """Move the batches that were sealed while the clock was not set, within the caller's transaction.

    Args:
        db: The buffer's file.
        since_us: From when on the clock was not set, by itself.
        delta_us: How far it was behind.
        upto: Batches of each lane up to this number may have been sent to somebody, beside those noted; they stay.
        now_us: By the clock that is set.

    Returns:
        How many were moved.
    """
    count = 0
    span = (since_us, max(now_us, now_us - delta_us))
    found = db.execute("SELECT seq FROM batch WHERE sealed_us BETWEEN ? AND ?", span).fetchall()
    lent = {seq for (seq,) in db.execute("SELECT seq FROM lent UNION SELECT seq FROM done")}
    for (seq,) in found:
        if seq in lent or seq <= upto[Lane.of(seq)]:
            continue
        (body,) = db.execute("SELECT body FROM batch WHERE seq = ?", (seq,)).fetchone()
        batch = moved(body, since_us, delta_us, now_us) if isinstance(body, bytes) else None
        if batch is not None:
            db.execute("DELETE FROM batch WHERE seq = ?", (seq,))
            db.execute("INSERT INTO batch VALUES (?, ?, ?, ?, ?, ?, ?)", sealing.row(batch))
            count += 1
    return count


def moved(body: bytes, since_us: int, delta_us: int, now_us: int) -> Sealed | None:
    """Return a batch with what bears a time of an unset clock moved; None if nothing in it does.

    A source's own time stays as it is; it never was the gateway's.

    Args:
        body: The batch as it was sealed.
        since_us: From when on the clock was not set, by itself.
        delta_us: How far it was behind.
        now_us: By the clock that is set.
    """
    try:
        batch = wire.decode(body)
        readings = batch.readings
        is_moved = (readings.flags & _NOT_SET != 0) & (readings.received >= since_us)
        gaps = [_moved(gap, since_us, delta_us) for gap in batch.gaps]
        if not is_moved.any() and gaps == batch.gaps:
            return None
        is_ours = is_moved & ((readings.ts == readings.received) | (readings.flags & _OURS != 0))
        readings = replace(
            readings,
            ts=readings.ts + is_ours * np.int64(delta_us),
            received=readings.received + is_moved * np.int64(delta_us),
            flags=np.where(is_moved, (readings.flags & ~_NOT_SET) | _REBASED, readings.flags),
        )
        # one that was sealed since is not moved
        sealed_us = min(batch.header.sealed_us + delta_us, now_us)
        body = wire.encode(batch.header.id, sealed_us, batch.tags, readings, gaps)
    except WireError:
        # damaged, which is found when it is lent; or moved out of time, which is no better than it was
        return None
    lease = Lease(batch.header.id, body, len(readings), sealed_us)
    return Sealed(lease, *sealing.span(readings, sealed_us))


def _moved(gap: Gap, since_us: int, delta_us: int) -> Gap:
    # what began when the clock was last right is where it belongs
    from_us = gap.from_us + delta_us if gap.from_us > since_us else gap.from_us
    return replace(gap, from_us=from_us, to_us=gap.to_us + delta_us if gap.to_us > since_us else gap.to_us)
