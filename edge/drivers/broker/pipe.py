"""What stands between a connected socket and paho: whole reads for us, whole packets for paho, one write for many.

paho hands every packet to `send`, which takes it whole; acknowledgements are put beside it. So packets never mix, and
a batch of acknowledgements is one system call. `recv` gives paho what was put aside for it, and then tells it to wait.
"""

import contextlib
import socket
import ssl
from collections.abc import Callable
from typing import Protocol

_READ = 65536


class Wire(Protocol):
    """What paho connected: a TCP socket, TLS over one, or its WebSocket over either."""

    def recv(self, size: int, /) -> bytes:
        """Read at most so many bytes."""
        ...

    def send(self, data: bytes, /) -> int:
        """Write some; return how many."""
        ...

    def fileno(self) -> int:
        """Return the descriptor."""
        ...

    def setblocking(self, flag: bool, /) -> None:
        """Wait, or not."""
        ...

    def close(self) -> None:
        """Close."""
        ...


class Pipe:
    """A socket as paho sees it.

    Attributes:
        trouble: What the socket raised when it broke, None if it was closed in order or lives.
    """

    def __init__(self, wire: Wire) -> None:
        """Take a connected socket; it is the pipe's from now on."""
        self._wire = wire
        self._incoming = bytearray()
        self._outgoing = bytearray()
        self._is_closed = False
        self.trouble: OSError | None = None
        # the PUBACKs of one sample must not wait until the broker's kernel has confirmed those before
        with self.held() as held:
            held.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def read(self) -> bytes | None:
        """Return what has arrived, b"" at the end of the connection, None if there is nothing now."""
        try:
            return self._wire.recv(_READ)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return None
        except OSError as error:
            self.trouble = error
            return b""

    def leave(self, packet: bytes) -> None:
        """Put a packet aside for paho; b"" for the end of the connection."""
        self._incoming += packet
        self._is_closed = self._is_closed or not packet

    def write(self, data: bytes) -> None:
        """Take packets to be sent."""
        self._outgoing += data

    def flush(self) -> bool:
        """Send what can be sent; tell whether something is left.

        Raises:
            OSError: The connection is gone.
        """
        while self._outgoing:
            try:
                sent = self._wire.send(bytes(self._outgoing))
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                break
            if not sent:  # a WebSocket frame on its way in parts
                break
            del self._outgoing[:sent]
        return bool(self._outgoing)

    def recv(self, size: int) -> bytes:
        """Give paho its packet.

        Raises:
            BlockingIOError: There is none.
        """
        if not self._incoming:
            if self._is_closed:
                return b""
            raise BlockingIOError
        taken = bytes(self._incoming[:size])
        del self._incoming[:size]
        return taken

    def send(self, data: bytes) -> int:
        """Take a packet of paho's."""
        self._outgoing += data
        return len(data)

    def fileno(self) -> int:
        """Return the descriptor to be watched."""
        return self._wire.fileno()

    def pending(self) -> int:
        """Return how many bytes wait in the socket's own layers, where nobody who watches the descriptor sees them."""
        pending: Callable[[], int] | None = getattr(self._wire, "pending", None)
        return pending() if pending is not None else 0

    def setblocking(self, flag: bool) -> None:
        """Wait, or not."""
        self._wire.setblocking(flag)

    def held(self) -> socket.socket:
        """Return a second descriptor of the connection, which outlives the first."""
        return socket.fromfd(self._wire.fileno(), socket.AF_INET, socket.SOCK_STREAM)

    def close(self) -> None:
        """Send what can still be sent, and close the socket."""
        with contextlib.suppress(OSError):
            self.flush()
        self._wire.close()
