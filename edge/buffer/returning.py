"""What becomes of batches that come back from a destination, within the store's transaction: settled, or refused.

A refused batch is judged for the destination that refuses it, and for no other: its parts are owed to that one alone,
and so are the gaps that tell what was set aside.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from edge.buffer import done, holes, owed, quarantine, refusing, sealing
from edge.buffer.change import Change, add
from edge.buffer.dividing import Suspects
from edge.buffer.refusing import Refusal, Renaming
from shared.logs import get
from shared.reading import Gap, GapCause
from shared.wire.batch import BatchId

_log = get(__name__)


class Returning:
    """What is remembered of one destination's refusals."""

    def __init__(self) -> None:
        self._suspects = Suspects()
        self._renaming = Renaming()

    def settle(self, change: Change, settled: Sequence[BatchId], number: int) -> None:
        """Note that the destination has these."""
        for batch in settled:
            owed.settle(change, batch.seq, batch.epoch.bytes, {number})
        for lane in {batch.lane for batch in settled}:
            owed.advance(change, lane, number)

    def settled(self, settled: Sequence[BatchId]) -> None:
        """Remember that it has them: that is on disk now."""
        self._suspects.taken(len(settled))
        self._renaming.forget(settled)

    def refuse(self, change: Change, refusal: Refusal, number: int, now_us: int) -> Sequence[sealing.Sealed]:
        """Divide a batch, rename it, or set it aside; returns what takes its place."""
        seq, epoch, lane = refusal.id.seq, refusal.id.epoch.bytes, refusal.id.lane
        found = "SELECT rows, oldest_us, newest_us, body FROM batch WHERE seq = ? AND epoch = ?"
        row = change.db.execute(found, (seq, epoch)).fetchone()
        if row is None or number not in done.owed_to(change.db, change.state, seq):
            return []
        rows, oldest_us, newest_us, body = row
        if self._renaming.concerns(refusal):
            change.state = self._renaming.state_after(refusal, change.state)
            verdict = self._renaming.judge(body, refusal, change.state, (oldest_us, newest_us))
        else:
            verdict = refusing.judge(body, refusal, self._suspects, change.state.next_seq(lane), now_us)
        if not verdict.parts:
            detail = f"the cloud refuses batch {seq}: {refusal.reason}"
            set_aside(change, seq, epoch, GapCause.REFUSED, detail, now_us, frozenset({number}), verdict.told)
            _log.error("readings were set aside", rows=rows, error=detail)
            return []
        owed.settle(change, seq, epoch, {number})
        add(change, lane, verdict.parts, {number}, lent_to={number})
        return verdict.parts


def set_aside(
    change: Change,
    seq: int,
    epoch: bytes,
    cause: GapCause,
    detail: str,
    now_us: int,
    whom: frozenset[int],
    told: Sequence[Gap] | None = None,
) -> None:
    """Move a batch to quarantine for some destinations; told to them as these gaps, or as one over its receive times.

    What stands beside the body may be as damaged as that.
    """
    span = "SELECT oldest_us, newest_us FROM batch WHERE seq = ? AND epoch = ?"
    row = change.db.execute(span, (seq, epoch)).fetchone()
    if row is None:
        return
    gaps = [holes.lost(cause, row[0], row[1], now_us, detail)] if told is None else told
    # those of another cause are told by the batch itself, and stand for something else
    named = [holes.lasting(gap) if gap.cause is cause else gap for gap in gaps]
    ours = [gap for gap, before in zip(named, gaps, strict=True) if before.id is None and gap.id is not None]
    quarantine.copy_batch(change.db, seq, epoch, detail, now_us, whom, ours)
    owed.settle(change, seq, epoch, whom)
    change.state = replace(change.state, quarantined=change.state.quarantined + 1)
    change.tell(named, whom)
