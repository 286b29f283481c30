"""The ballast: a file beside the buffer that is given back when the disk is really full.

Deleting needs room too, for SQLite's log; on a full volume nothing that the cloud has could leave the buffer. So a few
megabytes are held there, and let go for what makes room. They are taken again when there is plenty.
"""

import os
from collections.abc import Callable
from pathlib import Path

from edge.buffer.volume import free_bytes
from shared.logs import get

_PIECE = 65_536
_log = get(__name__)


class Ballast:
    """One file, of one size.

    Args:
        path: Where it is.
        size: Its size, bytes.
        free: Tells what is free on the volume of a directory.
    """

    def __init__(self, path: Path, size: int, free: Callable[[Path], int] = free_bytes) -> None:
        self._path = path
        self._size = size
        self._free = free

    def keep(self) -> None:
        """Have it there, if there is plenty of room: twice its size."""
        try:
            if self._path.exists() or self._free(self._path.parent) < 2 * self._size:
                return
            self._fill()
        except OSError as error:
            self._path.unlink(missing_ok=True)
            _log.warning("no ballast beside the buffer", path=str(self._path), error=error.strerror)

    def release(self) -> bool:
        """Let it go, if the volume is really full; returns whether that made room."""
        try:
            if self._free(self._path.parent) >= self._size:
                return False
            self._path.unlink()
        except FileNotFoundError:
            return False
        except OSError as error:
            _log.warning("the ballast cannot be let go", path=str(self._path), error=error.strerror)
            return False
        _log.warning("the disk is full; the ballast is let go so that the buffer can be emptied", path=str(self._path))
        return True

    def _fill(self) -> None:
        descriptor = os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        try:
            for _ in range(-(-self._size // _PIECE)):
                # a volume that compresses must not take it for nothing
                os.write(descriptor, os.urandom(_PIECE))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
