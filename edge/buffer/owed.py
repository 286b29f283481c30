"""How a batch is settled for one destination after the other, and leaves the file with the last that is owed it."""

from collections.abc import Set

from edge.buffer import done, lent
from edge.buffer.change import Change
from edge.buffer.record import counted
from shared.wire.lane import Lane


def settle(change: Change, seq: int, epoch: bytes, whom: Set[int]) -> None:
    """These destinations have a batch, or are never to get it; it is gone with the last that is owed it."""
    key = (seq, epoch)
    row = change.db.execute("SELECT rows FROM batch WHERE seq = ? AND epoch = ?", key).fetchone()
    if row is None:
        return
    lane, owed = Lane.of(seq), done.owed_to(change.db, change.state, seq)
    gone = owed & whom
    change.state = change.state.owed(lane, -1, -counted(row[0]), gone)
    if owed - gone:
        done.withhold(change.db, seq, gone)
        for number in gone:
            lent.forget(change.db, [seq], number)
        return
    change.db.execute("DELETE FROM batch WHERE seq = ? AND epoch = ?", key)
    change.state = change.state.without(lane, row[0])
    done.forget(change.db, seq)


def advance(change: Change, lane: Lane, number: int) -> None:
    """Move a destination's cursor to before the first batch that it is owed, where there are others to be owed."""
    if len(change.state.destinations) < 2:
        return
    (before,) = (each.cursors[lane].upto for each in change.state.destinations if each.number == number)
    first = done.next_seq(change.db, lane, before, number)
    upto = change.state.next_seq(lane) - 1 if first is None else first - 1
    if upto > before:
        change.db.execute(
            "DELETE FROM done WHERE seq BETWEEN ? AND ? AND destination = ?", (lane.seqs[0], upto, number)
        )
        change.state = change.state.advanced(lane, upto, number)
