"""The demo's place on this machine: its directory, the lock on it, its ports and its secrets."""

import secrets
import socket
import sys
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from filelock import FileLock, Timeout

from simulators.errors import DemoError

# below what Linux, macOS and Windows give to clients and to whoever asks for any port
_FIRST, _LAST = 10_000, 32_000


@dataclass(frozen=True, slots=True)
class Ports:
    """One port a server, in a row from the first."""

    api: int
    opcua: int
    modbus: int
    mqtt: int
    health: int

    @classmethod
    def from_first(cls, first: int) -> Self:
        """Take five ports in a row; each must be free.

        Raises:
            DemoError: A port is taken.
        """
        ports = cls(*range(first, first + 5))
        for name, port in (
            ("the cloud API", ports.api),
            ("the OPC UA simulator", ports.opcua),
            ("the Modbus simulator", ports.modbus),
            ("the MQTT broker", ports.mqtt),
            ("the gateway's health page", ports.health),
        ):
            if not _is_free(port):
                raise DemoError(
                    f"port {port}, meant for {name}, is taken by another program. "
                    f'Stop that one, or take other ports: make demo ARGS="--first-port {first + 1000}"'
                )
        return ports

    @classmethod
    def free(cls) -> Self:
        """Take five ports in a row that nobody listens on, and that the system gives nobody who asks for any."""
        while True:
            with suppress(DemoError):
                return cls.from_first(_FIRST + secrets.randbelow(_LAST - _FIRST))


class Workspace:
    """A directory that belongs to one running demo; what it keeps there survives to the next."""

    def __init__(self, root: Path) -> None:
        """Take the directory, making it if need be.

        Raises:
            DemoError: It cannot be written, or another demo holds it.
        """
        self.root = root.absolute()
        try:
            for directory in (self.root, self.root / "log", self.root / "run"):
                directory.mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(self.root / "demo.lock")
            self._lock.acquire(timeout=0)
        except Timeout as error:
            raise DemoError(
                f"another demo is running in {self.root}. Stop it with Ctrl-C in its terminal, "
                'or give this one a place of its own: make demo ARGS="--dir .demo2 --first-port 9400"'
            ) from error
        except OSError as error:
            raise DemoError(
                f"{self.root} cannot be written ({error.strerror}). "
                'Run the demo from a directory of yours, or name one: make demo ARGS="--dir /path/you/own"'
            ) from error

    def log(self, name: str) -> Path:
        """Return where the process `name` writes its log."""
        return self.root / "log" / f"{name}.log"

    def secret(self, name: str, size: int = 32) -> str:
        """Return this workspace's secret of that name: `size` bytes made on first use, readable by its owner only."""
        path = self._secret(name)
        if not path.exists():
            self.keep(name, secrets.token_urlsafe(size))
        return path.read_text(encoding="utf-8")

    def keep(self, name: str, secret: str) -> None:
        """Keep a secret that somebody else made."""
        path = self._secret(name)
        path.touch(mode=0o600)
        path.write_text(secret, encoding="utf-8")

    def _secret(self, name: str) -> Path:
        return self.root / "run" / f"{name}.secret"

    def release(self) -> None:
        """Let another demo have the directory."""
        self._lock.release()


def _is_free(port: int) -> bool:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as probe:
        if sys.platform != "win32":  # where it would allow a port in use
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: closed ones linger
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
