"""Opening: a store on the file that is there, on a new one, or on a new one beside a damaged one set aside.

Nothing is written to a file that exists, so that a gateway starts on a full disk too and drains it. What a damaged
file held is not lost for good: it is renamed, never deleted, and the gap says its name.
"""

import contextlib
from pathlib import Path

from edge.buffer import contents, file, holes
from edge.buffer.store import Store
from edge.errors import BufferDamaged
from shared.logs import get
from shared.reading import Gap, GapCause

_log = get(__name__)


def open_store(path: Path, room: file.Room, gateway: str, now_us: int) -> tuple[Store, list[Gap]]:
    """Open the file, or make it.

    Returns:
        The store, and the holes to be told with its first write.

    Raises:
        BufferError: It cannot be opened, or is another gateway's, or is no buffer.
    """
    try:
        return _open(path, room, gateway, now_us)
    except BufferDamaged as error:
        written_us = path.stat().st_mtime_ns // 1000
        gap = _set_aside(path, error, written_us, now_us)
    store, told = _open(path, room, gateway, now_us)
    return store, [*told, gap]


def open_another(
    old: Store, error: BufferDamaged, room: file.Room, gateway: str, now_us: int
) -> tuple[Store, list[Gap]]:
    """Go on with a new file after the old one turned out damaged in use; the tail and the tags are still in memory.

    Returns:
        The store, which holds the tags and the tail, and the hole that the batches leave which were on disk.

    Raises:
        BufferError: The old file cannot be renamed or the new one not made; try again.
    """
    old.abandon()
    oldest_us = old.figures.oldest_us
    gap = _set_aside(old.path, error, now_us if oldest_us is None else oldest_us, now_us)
    store, _ = _open(old.path, room, gateway, now_us)
    with contextlib.ExitStack() as undo:
        undo.callback(store.abandon)
        store.adopt(old, now_us)
        undo.pop_all()
    return store, [gap]


def _open(path: Path, room: file.Room, gateway: str, now_us: int) -> tuple[Store, list[Gap]]:
    with contextlib.ExitStack() as undo:
        db = file.connect(path, room)
        undo.callback(db.close)
        with file.naming(path):
            held = contents.read(db, gateway, now_us)
        store = Store(db, path, held)
        undo.pop_all()
    for gap in held.told:
        _log.warning("readings are missing", cause=gap.cause, since_us=gap.from_us, detail=gap.detail)
    return store, held.told


def _set_aside(path: Path, error: BufferDamaged, from_us: int, now_us: int) -> Gap:
    aside = file.set_aside(path, now_us)
    _log.error(
        "the buffer file is damaged and set aside; a new one begins, with a new epoch",
        error=error.message,
        aside=str(aside),
    )
    detail = f"the buffer was damaged; what it held is in {aside.name} on the gateway"
    return holes.lost(GapCause.BUFFER_DAMAGED, from_us, now_us, now_us, detail)
