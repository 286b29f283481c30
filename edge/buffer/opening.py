"""Opening: a store on the file that is there, on a new one, or on a new one beside a damaged one set aside.

Nothing is written to a file that exists unless its destinations changed, so that a gateway starts on a full disk too
and drains it. A damaged file is renamed, never deleted; what can be read of it goes into the new one (salvage.py), and
gaps tell the rest. The new one takes its place when it is whole, and not before (successor.py).
"""

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from edge.buffer import contents, destinations, file, salvage, successor
from edge.buffer.destinations import Target
from edge.buffer.store import Store
from edge.errors import BufferDamaged, BufferError  # noqa: A004 - the field's word
from shared.logs import get
from shared.reading import Gap, GapCause

# a large file is checked in part; SQLite finds the rest when it comes there
CHECK_S = 1.0
_log = get(__name__)


def open_store(
    path: Path,
    room: file.Room,
    gateway: str,
    now_us: int,
    check_s: float = CHECK_S,
    targets: Sequence[Target] | None = None,
) -> tuple[Store, list[Gap]]:
    """Open the file, or make it; its structure is checked, for so long at most.

    Its destinations become `targets`; they stay as they are if None.

    Returns:
        The store, and the holes to be told with its first write; those that a damaged file leaves are in it already.

    Raises:
        BufferError: It cannot be opened, or is another gateway's, or is no buffer.
    """
    aside = successor.unfinished(path)
    if aside is None:
        try:
            return _open(path, room, gateway, now_us, targets, check_s, file.log_lost_us(path))
        except BufferDamaged as error:
            aside = _set_aside(path, error, now_us)
    else:
        _log.warning("the damaged buffer file that was set aside is brought over once more", aside=str(aside))
    growing, gaps = _grow(aside, room, gateway, now_us)
    store, told = _open(growing, room, gateway, now_us, targets)
    with contextlib.ExitStack() as undo:
        undo.callback(store.abandon)
        left = _noted(store, [*told, *gaps], now_us)
        store.close(now_us)
    successor.finish(growing, path)
    store, _ = _open(path, room, gateway, now_us, targets, goes_on=True)
    return store, left


def open_another(
    old: Store,
    error: BufferDamaged,
    room: file.Room,
    gateway: str,
    now_us: int,
    targets: Sequence[Target] | None = None,
) -> tuple[Store, list[Gap]]:
    """Go on with a new file after the old one turned out damaged in use; the tail and the tags are still in memory.

    Returns:
        The store, which holds the tags, the tail, what of the batches can be read, and the holes that are left; and
        those of them for which it had no room, to be told with the next write.

    Raises:
        BufferError: The old file cannot be renamed or the new one not made; try again.
    """
    old.abandon()
    aside = successor.unfinished(old.path) or _set_aside(old.path, error, now_us)
    growing, gaps = _grow(aside, room, gateway, now_us, tail=False)
    store, _ = _open(growing, room, gateway, now_us, targets, goes_on=True)
    with contextlib.ExitStack() as undo:
        undo.callback(store.abandon)
        store.adopt(old, now_us)
        left = _noted(store, gaps, now_us)
        store.close(now_us)
    successor.finish(growing, old.path)
    store, _ = _open(old.path, room, gateway, now_us, targets, goes_on=True)
    store.lanes = old.lanes
    return store, left


def _open(
    path: Path,
    room: file.Room,
    gateway: str,
    now_us: int,
    targets: Sequence[Target] | None,
    check_s: float = CHECK_S,
    log_lost_us: int | None = None,
    *,
    goes_on: bool = False,
) -> tuple[Store, list[Gap]]:
    with contextlib.ExitStack() as undo:
        db = file.connect(path, room)
        undo.callback(db.close)
        is_checked = file.check(db, path, check_s)
        with file.naming(path):
            held = contents.read(db, gateway, now_us)
            if log_lost_us is not None and not held.state.is_stopped:
                held = contents.without_log(held, log_lost_us, now_us)
            held = replace(held, state=destinations.settle(db, held.state, targets))
        store = Store(db, path, held)
        undo.pop_all()
    _log.info("buffer opened", path=str(path), structure="checked" if is_checked else "checked in part: it is large")
    # a file that takes another's place was not away since
    told = [gap for gap in held.told if not (goes_on and gap.cause is GapCause.GATEWAY_DOWN)]
    for gap in told:
        _log.warning("readings are missing", cause=gap.cause, since_us=gap.from_us, detail=gap.detail)
    return store, told


def _noted(store: Store, gaps: list[Gap], now_us: int) -> list[Gap]:
    """Put holes on disk before the file takes its place, or a death after that costs them; returns what has no room."""
    try:
        with store.change(now_us) as change:
            change.told.extend(gaps)
    except BufferError as error:
        _log.warning("there is no room for the holes that are left; they wait in memory", error=error.message)
        return gaps
    return []


def _set_aside(path: Path, error: BufferDamaged, now_us: int) -> Path:
    aside = successor.begin(path, now_us)
    _log.error("the buffer file is damaged and set aside; a new one begins", error=error.message, aside=str(aside))
    return aside


def _grow(aside: Path, room: file.Room, gateway: str, now_us: int, *, tail: bool = True) -> tuple[Path, list[Gap]]:
    """Bring what can be read of a file set aside into a new one; returns that and the holes that are left."""
    growing = successor.fresh(aside)
    with contextlib.closing(file.connect(growing, room)) as db:
        gaps = salvage.bring(aside, db, gateway, now_us, tail=tail)
        with file.naming(growing):
            file.empty_whole_log(db)
    for gap in gaps:
        _log.warning("readings are missing", cause=gap.cause, since_us=gap.from_us, detail=gap.detail)
    return growing, gaps
