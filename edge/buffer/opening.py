"""Opening: a store on the file that is there, on a new one, or on a new one beside a damaged one set aside.

Nothing is written to a file that exists unless its destinations changed, so that a gateway starts on a full disk too
and drains it. A damaged file is renamed, never deleted; what can be read of it goes into the new one (salvage.py), and
gaps tell the rest.
"""

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from edge.buffer import contents, destinations, file, salvage
from edge.buffer.destinations import Target
from edge.buffer.store import Store
from edge.errors import BufferDamaged
from shared.logs import get
from shared.reading import Gap

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
        The store, and the holes to be told with its first write.

    Raises:
        BufferError: It cannot be opened, or is another gateway's, or is no buffer.
    """
    try:
        return _open(path, room, gateway, now_us, targets, check_s, file.log_lost_us(path))
    except BufferDamaged as error:
        gaps = _replace(path, error, room, gateway, now_us)
    store, told = _open(path, room, gateway, now_us, targets)
    return store, [*told, *gaps]


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
        The store, which holds the tags, the tail, and what of the batches can be read; and the holes that are left.

    Raises:
        BufferError: The old file cannot be renamed or the new one not made; try again.
    """
    old.abandon()
    gaps = _replace(old.path, error, room, gateway, now_us, tail=False)
    store, _ = _open(old.path, room, gateway, now_us, targets)
    with contextlib.ExitStack() as undo:
        undo.callback(store.abandon)
        store.adopt(old, now_us)
        undo.pop_all()
    return store, gaps


def _open(
    path: Path,
    room: file.Room,
    gateway: str,
    now_us: int,
    targets: Sequence[Target] | None,
    check_s: float = CHECK_S,
    log_lost_us: int | None = None,
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
    for gap in held.told:
        _log.warning("readings are missing", cause=gap.cause, since_us=gap.from_us, detail=gap.detail)
    return store, held.told


def _replace(
    path: Path, error: BufferDamaged, room: file.Room, gateway: str, now_us: int, *, tail: bool = True
) -> list[Gap]:
    """Set the file aside and bring what can be read of it into a new one; returns the holes that are left."""
    aside = file.set_aside(path, now_us)
    _log.error("the buffer file is damaged and set aside; a new one begins", error=error.message, aside=str(aside))
    with contextlib.closing(file.connect(path, room)) as db:
        return salvage.bring(aside, db, gateway, now_us, tail=tail)
