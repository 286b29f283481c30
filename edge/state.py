"""The daemon's state directory: one daemon at a time, and what others may read there about it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from edge.errors import AlreadyRunning, ConfigError
from shared.logs import get

_log = get(__name__)


class StateDirectory:
    """A directory that holds the buffer, the lock, and two small files while a daemon runs.

    `edge.pid` has the daemon's process id, `health.port` the port of its health page; each is one number and a
    line break, written whole or not at all.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._pid = path / "edge.pid"
        self._port = path / "health.port"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the directory, making it if need be, until the block ends; the system lets go of a killed daemon's.

        Raises:
            AlreadyRunning: Another daemon holds it.
            ConfigError: It cannot be written.
        """
        lock = FileLock(self.path / "edge.lock")
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=0)
        except Timeout:
            raise AlreadyRunning(
                f"another tezgah-edge{self._owner()} works in {self.path}; stop it first, "
                "or give this one a gateway.id and a --state-dir of its own"
            ) from None
        except OSError as error:
            raise ConfigError(
                f"the state directory {self.path} cannot be written ({error.strerror}); "
                "choose another buffer.path or --state-dir, or give this user the right to write there"
            ) from error
        try:
            self._write(self._pid, os.getpid())
            yield
        finally:
            for path in (self._pid, self._port):
                with suppress(OSError):
                    path.unlink(missing_ok=True)
            lock.release()

    def tell_port(self, port: int) -> None:
        """Let others find the health page."""
        self._write(self._port, port)

    def health_port(self) -> int | None:
        """Return the port of the running daemon's health page, None if none runs here."""
        try:
            return int(self._port.read_text(encoding="ascii"))
        except (OSError, ValueError):
            return None

    def _owner(self) -> str:
        try:
            return f" (process {int(self._pid.read_text(encoding='ascii'))})"
        except (OSError, ValueError):
            return ""

    @staticmethod
    def _write(path: Path, number: int) -> None:
        """Write a file that others may read; on a full disk it is missing, and the daemon runs and drains."""
        fresh = path.with_suffix(".new")
        try:
            fresh.write_text(f"{number}\n", encoding="ascii")
            fresh.replace(path)
        except OSError as error:
            _log.warning("not told to others", file=str(path), number=number, error=str(error))
