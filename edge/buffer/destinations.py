"""The destinations of a buffer file: those it knows, matched with those that are configured.

A destination is known by its address, and else by its name, so that either may change. A new one is owed what is
sealed from now on; one that is gone is forgotten, and nothing is kept for it.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter

from msgspec.structs import replace

from edge.buffer import record
from edge.buffer.contents import counted
from edge.buffer.record import Cursor, Destination, State
from edge.ports import FIRST
from shared.logs import get
from shared.wire.lane import Lane

# their numbers are bits of what SQLite calls an integer (quarantine.whom)
MOST = 16
_log = get(__name__)


@dataclass(frozen=True, slots=True)
class Target:
    """A destination as it is configured."""

    name: str
    url: str = ""


def settle(db: sqlite3.Connection, state: State, targets: Sequence[Target] | None) -> State:
    """Return the state with the destinations that are configured; written, with all that goes with it, if it changed.

    Args:
        db: The file.
        state: As it was read.
        targets: None: as the file has them.

    Raises:
        sqlite3.Error: It cannot be written; the file is as it was.
    """
    if not state.destinations:
        return _begun(db, state, targets or [Target(FIRST)])
    if targets is None:
        return state
    known = matched(state.destinations, targets)
    kept = tuple(
        replace(before, name=target.name, url=target.url) if before is not None else _new(state, target, number)
        for (target, before), number in zip(known, _numbers(state, known), strict=True)
    )
    if kept == state.destinations:
        return state
    gone = state.everybody - {each.number for each in kept}
    _tell(state, known, gone)
    after = replace(state, destinations=kept, is_clearing=state.is_clearing or bool(gone))
    db.execute("BEGIN IMMEDIATE")
    try:
        for number in gone:
            db.execute("DELETE FROM done WHERE destination = ?", (number,))
            db.execute("DELETE FROM lent WHERE destination = ?", (number,))
            # "of all" becomes "of those that there are", or the bit would be another's one day
            db.execute("UPDATE quarantine SET whom = whom & ~?", (1 << number,))
        db.execute("INSERT OR REPLACE INTO state VALUES (1, ?, ?)", record.to_row(after))
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
    return after


def matched(known: Sequence[Destination], targets: Sequence[Target]) -> list[tuple[Target, Destination | None]]:
    """Return each target with the destination that it is: by its address, or else by its name; None if new."""
    left = list(known)
    found: dict[str, Destination] = {}
    for by in (("url", "name"), ("url",), ("name",)):
        key = attrgetter(*by)
        for target in targets:
            same = [before for before in left if target.name not in found and key(before) == key(target)]
            for before in same[:1]:
                found[target.name] = before
                left.remove(before)
    return [(target, found.get(target.name)) for target in targets]


def _numbers(state: State, known: Sequence[tuple[Target, Destination | None]]) -> list[int]:
    # one that is being removed keeps its number until it is forgotten
    free = (number for number in range(2 * MOST) if number not in state.everybody)
    return [next(free) if before is None else before.number for _, before in known]


def _new(state: State, target: Target, number: int) -> Destination:
    """Return a destination that is owed nothing of what is sealed already."""
    process, urgent, debug = (
        Cursor(upto=state.next_seq(lane) - 1, lent_upto=state.next_seq(lane) - 1) for lane in Lane
    )
    return Destination(number, target.name, target.url, (process, urgent, debug))


def _begun(db: sqlite3.Connection, state: State, targets: Sequence[Target]) -> State:
    """Return the state of a file that names no destinations: new, or damaged there; all that it holds is owed to all.

    What was noted of them goes with it: whoever has a batch already says so when it comes again.
    """
    begun = tuple(Destination(number, target.name, target.url) for number, target in enumerate(targets))
    (is_new,) = db.execute("SELECT NOT EXISTS (SELECT 1 FROM state) AND NOT EXISTS (SELECT 1 FROM batch)").fetchone()
    if is_new:
        # it is written with the first that is appended
        return replace(state, destinations=begun)
    db.execute("DELETE FROM done")
    db.execute("DELETE FROM lent")
    return counted(db, replace(state, destinations=begun))


def _tell(state: State, known: Sequence[tuple[Target, Destination | None]], gone: frozenset[int]) -> None:
    for target, before in known:
        if before is None:
            _log.info("a destination is new: it gets what is taken from now on", destination=target.name)
        elif before.name != target.name:
            _log.warning("a destination bears another name", before=before.name, destination=target.name)
        elif before.url and before.url != target.url:
            _log.warning("a destination has another address", destination=target.name, url=target.url)
    for each in state.destinations:
        if each.number in gone:
            waiting = sum(cursor.rows for cursor in each.cursors)
            _log.warning("a destination is removed: nothing is kept for it", destination=each.name, readings=waiting)
