"""Owns what stays of the ledger's lines that go: of each batch its number, and eight bytes of its digest, for ever.

A batch may come again after any time: from a disk that was put back, a proxy, a gateway that never heard the answer. By
then its readings may be dropped, and only the ledger can tell that they were counted. So its old lines are folded, 128
numbers into one row, and not forgotten. `retention` folds; `intake` asks.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

# a row of so many stays below what PostgreSQL would move to another file (2 kB), and costs each number little more
# than its own ten bytes
BLOCK = 128
# In one statement, so that a number is in one of the two places whenever somebody looks. A number that was folded and
# taken again (`intake` knew of no folding once) stands there twice.
_FOLD = text(f"""
    WITH gone AS (
        DELETE FROM batch WHERE ctid = ANY (ARRAY(SELECT ctid FROM batch WHERE stored_at < :cutoff LIMIT :at_most))
        RETURNING gateway_id, epoch, seq, digest, stored_at
    ), folded AS (
        INSERT INTO batch_folded AS known (gateway_id, epoch, block, places, digests, stored_to)
        SELECT gateway_id, epoch, seq / {BLOCK}, array_agg((seq % {BLOCK})::smallint ORDER BY seq),
               array_agg(('x' || encode(substring(digest FOR 8), 'hex'))::bit(64)::bigint ORDER BY seq), max(stored_at)
        FROM gone GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
        ON CONFLICT (gateway_id, epoch, block) DO UPDATE SET
            places = known.places || excluded.places, digests = known.digests || excluded.digests,
            stored_to = greatest(known.stored_to, excluded.stored_to)
    )
    SELECT count(*) FROM gone
""")  # noqa: S608 - a number of ours
_KNOWN = text("""
    SELECT stored_to, EXISTS (
        SELECT FROM unnest(places, digests) AS each (place, digest) WHERE place = :place AND digest = :digest
    ) AS is_same
    FROM batch_folded
    WHERE gateway_id = :gateway_id AND epoch = :epoch AND block = :block AND CAST(:place AS smallint) = ANY (places)
""")

Key = tuple[uuid.UUID, uuid.UUID, int]


@dataclass(frozen=True, slots=True)
class Folded:
    """That a batch of this number was stored, no later than `stored_to`, and whether it was this one."""

    stored_to: datetime
    is_same: bool


async def fold(session: AsyncSession, cutoff: datetime, at_most: int) -> int:
    """Fold lines of batches that were stored before an instant, so many at most; return how many."""
    found: int = (await session.execute(_FOLD, {"cutoff": cutoff, "at_most": at_most})).scalar_one()
    return found


async def known(session: AsyncSession, key: Key, digest: bytes) -> Folded | None:
    """Return what is known of a batch by its gateway, epoch and number; None where its line was never folded."""
    gateway_id, epoch, seq = key
    asked = {
        "gateway_id": gateway_id,
        "epoch": epoch,
        "block": seq // BLOCK,
        "place": seq % BLOCK,
        "digest": int.from_bytes(digest[:8], signed=True),
    }
    row = (await session.execute(_KNOWN, asked)).one_or_none()
    return None if row is None else Folded(row.stored_to, row.is_same)
