"""Owns the log's file: lines of any number of processes, turned by size and by day, and none lost or torn at the turn.

The standard library's rotating handlers know one process: with two workers each would rename the other's file away.
Here every process appends with one `write` (O_APPEND: the system puts it at the end, whole), and turns the file under a
lock, after a second look. A process that finds the path to be another file than the one it has open opens it anew.
"""

import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

if sys.platform != "win32":
    import fcntl

_DAY_S = 86_400
# a turn is looked for so often by each process, not at each line
_LOOK_EVERY_S = 1.0


class RotatedFile(logging.Handler):
    """Writes to a file, which becomes `name.1` when it is large or a day (UTC) is over, and `name.1` becomes `name.2`.

    On Windows, where an open file cannot be renamed, it only grows.
    """

    def __init__(
        self,
        path: Path,
        *,
        max_bytes: int,
        keep: int,
        now: Callable[[], float] = time.time,
        level: int = logging.NOTSET,
    ) -> None:
        """Open the file.

        Args:
            path: Its directory must be there.
            max_bytes: It is turned before it grows beyond this.
            keep: How many turned ones are kept.
            now: Seconds since 1970.
            level: The least level that is written.
        """
        super().__init__(level)
        self._path = path
        self._max_bytes = max_bytes
        self._keep = keep
        self._now = now
        self._look_at = 0.0
        self._written = 0
        self._file = self._opened()

    def emit(self, record: logging.LogRecord) -> None:
        """Append one line; what cannot be written is told as `logging` tells it, and breaks nothing."""
        try:
            line = f"{self.format(record)}\n".encode(errors="backslashreplace")
            self._turn_if_due(len(line))
            os.write(self._file, line)
            self._written += len(line)
        except Exception:  # noqa: BLE001 - a full disk must not stop the service
            self.handleError(record)

    def close(self) -> None:
        """Close the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        super().close()

    def _opened(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)

    def _turn_if_due(self, more: int) -> None:
        now = self._now()
        # as much as this process alone wrote, or time has gone by: the others' lines count too
        if sys.platform == "win32" or (self._written + more < self._max_bytes // 4 and now < self._look_at):
            return
        self._look_at, self._written = now + _LOOK_EVERY_S, 0
        self._follow()
        if self._is_due(more, now):
            with self._alone():
                self._follow()
                if self._is_due(more, now):
                    self._turn()

    def _is_due(self, more: int, now: float) -> bool:
        found = os.fstat(self._file)
        is_of_another_day = found.st_mtime // _DAY_S < now // _DAY_S
        return found.st_size > 0 and (found.st_size + more > self._max_bytes or is_of_another_day)

    def _follow(self) -> None:
        """Open the file anew if another process has turned it."""
        try:
            is_same = os.path.samestat(os.fstat(self._file), self._path.stat())
        except FileNotFoundError:
            is_same = False
        if not is_same:
            os.close(self._file)
            self._file = self._opened()

    def _turn(self) -> None:
        for number in range(self._keep, 0, -1):
            older, newer = self._turned(number), self._turned(number - 1) if number > 1 else self._path
            if newer.exists():
                newer.replace(older)
        os.close(self._file)
        self._file = self._opened()

    def _turned(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")

    @contextmanager
    def _alone(self) -> Iterator[None]:
        lock = os.open(self._path.with_name(f".{self._path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o640)
        try:
            if sys.platform != "win32":
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)
