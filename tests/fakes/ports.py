"""Ports that stay free until somebody takes them by number."""

import random
import socket

# below those that Linux, macOS and Windows give to whoever asks for any, and to clients: nobody gets one by chance
_FIRST, _LAST = 10_000, 32_000


def free_port() -> int:
    """Return a port on which nobody listens."""
    while True:
        port = random.randrange(_FIRST, _LAST)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
