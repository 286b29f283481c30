"""The volume that the buffer's file is on: whether the file may grow on it."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path

# asking costs some microseconds, and a volume does not fill up in less
_FRESH_S = 1.0


def free_bytes(path: Path) -> int:
    """Return what is free on the volume of a directory.

    Raises:
        OSError: It cannot be told.
    """
    return shutil.disk_usage(path).free


class Volume:
    """Keeps some of a volume free.

    Args:
        path: The buffer's file; its log may stand beside it.
        keep_free: The file does not grow while less than so many bytes are free; 0 for no limit.
        free: Tells what is free on the volume of a directory.
        monotonic: Time in seconds.
    """

    def __init__(
        self,
        path: Path,
        keep_free: int = 0,
        *,
        free: Callable[[Path], int] = free_bytes,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = path
        self._keep_free = keep_free
        self._free = free
        self._monotonic = monotonic
        self._asked_s: float | None = None
        self._room = 0
        self._size = 0

    def shortage(self, used: int) -> str | None:
        """Return why the file may not hold `used` bytes, in words, or None if it may.

        What the file has on the volume already it may use, however little is free.
        """
        if not self._keep_free:
            return None
        if self._asked_s is None or self._monotonic() - self._asked_s >= _FRESH_S:
            self._ask()
        if used <= self._size or self._room > 0:
            return None
        return f"its volume has less than buffer.keep_free ({self._keep_free} bytes) free"

    def _ask(self) -> None:
        self._asked_s = self._monotonic()
        try:
            self._room = self._free(self._path.parent) - self._keep_free
            self._size = self._path.stat().st_size
        except OSError:
            # a volume that cannot be asked will not be written either, which the commit tells better
            self._room = 1
