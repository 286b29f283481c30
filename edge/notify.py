"""What the daemon tells systemd: ready, alive, stopping (sd_notify(3)); nothing where no systemd listens."""

import os
import socket
from collections.abc import Mapping

from shared.logs import get

_log = get(__name__)


class Notifier:
    """Speaks to the supervisor that started this process, if it wants to hear anything.

    Args:
        environ: The environment; `NOTIFY_SOCKET` and `WATCHDOG_USEC` are systemd's.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._address = environ.get("NOTIFY_SOCKET", "") if hasattr(socket, "AF_UNIX") else ""
        microseconds = environ.get("WATCHDOG_USEC", "")
        is_mine = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        # half the limit, as sd_watchdog_enabled(3) advises; None if nobody watches
        self.every_s = int(microseconds) / 2e6 if microseconds.isdecimal() and is_mine and self._address else None

    def ready(self) -> None:
        """Everything that a start needs is done."""
        self._send("READY=1")

    def alive(self) -> None:
        """The event loop still turns."""
        self._send("WATCHDOG=1")

    def stopping(self) -> None:
        """A stop was asked for and is under way."""
        self._send("STOPPING=1")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        # a leading @ stands for Linux's abstract namespace
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.setblocking(False)
                sender.sendto(message.encode(), address)
        except OSError as error:
            _log.warning("the supervisor was not told", message=message, error=str(error))
