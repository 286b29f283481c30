"""Owns the change from a damaged file to the one that takes its place: no instant of it may cost what was on disk.

The damaged file gets another name, its successor grows under a third, and only when that is whole does it get the
buffer's. Until then a note beside it says which file is being brought over, so that whoever dies meanwhile, or finds
the disk full, begins again from the same one.
"""

import contextlib
import os
from datetime import UTC, datetime
from pathlib import Path

from edge.buffer.file import keep_names, naming
from edge.errors import BufferError  # noqa: A004 - the field's word

# what SQLite has beside a file
_BESIDE = ("-wal", "-shm")


def begin(path: Path, now_us: int) -> Path:
    """Rename a damaged file and its log, so that nothing is destroyed; returns the new name.

    Raises:
        BufferError: It cannot be renamed.
    """
    stamp = datetime.fromtimestamp(now_us / 1e6, UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    aside = path.with_name(f"{path.name}.damaged-{stamp}")
    with naming(path):
        with _note(path).open("w", encoding="utf-8") as note:
            note.write(aside.name)
            note.flush()
            os.fsync(note.fileno())
        _move(path, aside)
        keep_names(path.parent)
    return aside


def unfinished(path: Path) -> Path | None:
    """Return the damaged file that an earlier attempt set aside and did not bring over; None if there is none.

    Raises:
        BufferError: The rest of it cannot be renamed.
    """
    with naming(path):
        if path.exists() or not _note(path).exists():
            return None
        name = _note(path).read_text(encoding="utf-8", errors="replace").strip()
        if not name.startswith(f"{path.name}.damaged-") or name != Path(name).name or not path.with_name(name).exists():
            return None
        aside = path.with_name(name)
        # it may have died between the file and its log
        _move(path, aside)
    return aside


def fresh(aside: Path) -> Path:
    """Return where the successor grows; what an earlier attempt left there is gone.

    Raises:
        BufferError: It cannot be deleted.
    """
    growing = aside.with_name(f"{aside.name}.new")
    with naming(growing):
        for suffix in ("", *_BESIDE):
            growing.with_name(growing.name + suffix).unlink(missing_ok=True)
    return growing


def finish(growing: Path, path: Path) -> None:
    """Let the successor take its place; it is closed, and nothing stands in its log any more.

    Raises:
        BufferError: It cannot be renamed, or something does.
    """
    log = growing.with_name(f"{growing.name}-wal")
    with naming(path):
        if log.exists() and log.stat().st_size:
            raise BufferError(f"{growing} could not be closed in order; free space on its volume", retryable=True)
        growing.replace(path)
        keep_names(path.parent)
        _note(path).unlink(missing_ok=True)


def _note(path: Path) -> Path:
    return path.with_name(f"{path.name}.replacing")


def _move(path: Path, aside: Path) -> None:
    for suffix in ("", *_BESIDE):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(aside.with_name(aside.name + suffix))
