"""Single keys from a terminal while a screen is shown; none where there is no such terminal."""

import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager

try:
    import termios
    import tty
except ImportError:
    # Windows: Ctrl-C still ends it
    termios = None  # type: ignore[assignment]

_ESCAPES = {b"\x1b[A": "up", b"\x1b[B": "down", b"\x1b[5~": "page up", b"\x1b[6~": "page down"}


class Keys:
    """Waits for a key."""

    def __init__(self, descriptor: int | None) -> None:
        self._descriptor = descriptor

    def wait(self, seconds: float) -> str:
        """Return the key that is pressed within a time, empty for none."""
        if self._descriptor is None:
            select.select([], [], [], seconds)
            return ""
        ready, _, _ = select.select([self._descriptor], [], [], seconds)
        if not ready:
            return ""
        data = os.read(self._descriptor, 16)
        # an end of input is nobody who could press q
        return _ESCAPES.get(data, data.decode("ascii", "replace")) if data else "q"


@contextmanager
def keys() -> Iterator[Keys]:
    """Take keys as they are pressed, and give the terminal back as it was."""
    if termios is None or not sys.stdin.isatty():
        yield Keys(None)
        return
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    try:
        tty.setcbreak(descriptor)
        yield Keys(descriptor)
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
