"""Word of when a socket can be read or written, on the event loop: by the loop itself, or where it cannot, by a thread.

Windows' proactor loop has no `add_reader`. There a thread waits in `select` and calls back on the loop, and
waits again once that call is done; everything else stays on the loop's thread, so both ways look the same.
"""

import asyncio
import contextlib
import select
import socket
import threading
from collections.abc import Callable
from typing import Protocol


class HasFileno(Protocol):
    """What stands for a socket."""

    def fileno(self) -> int:
        """Return its descriptor."""
        ...


class Watch(Protocol):
    """A socket under watch. All methods are called on the loop's thread."""

    def reading(self, *, wanted: bool) -> None:
        """Begin or cease to call back while there is something to read."""
        ...

    def writing(self, *, wanted: bool) -> None:
        """Begin or cease to call back while there is room to write."""
        ...

    def stop(self) -> None:
        """Cease for good, before the socket is closed."""
        ...


class LoopWatch:
    """The loop watches."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        sock: HasFileno,
        readable: Callable[[], object],
        writable: Callable[[], object],
    ) -> None:
        """Take a socket.

        Raises:
            NotImplementedError: The loop cannot watch sockets.
        """
        self._loop = loop
        self._sock = sock
        self._readable = readable
        self._writable = writable
        loop.add_reader(sock, readable)
        loop.remove_reader(sock)

    def reading(self, *, wanted: bool) -> None:
        """Begin or cease to call back while there is something to read."""
        if wanted:
            self._loop.add_reader(self._sock, self._readable)
        else:
            self._loop.remove_reader(self._sock)

    def writing(self, *, wanted: bool) -> None:
        """Begin or cease to call back while there is room to write."""
        if wanted:
            self._loop.add_writer(self._sock, self._writable)
        else:
            self._loop.remove_writer(self._sock)

    def stop(self) -> None:
        """Cease for good."""
        self._loop.remove_reader(self._sock)
        self._loop.remove_writer(self._sock)


class ThreadWatch:
    """A thread watches, for loops that cannot."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        sock: HasFileno,
        readable: Callable[[], object],
        writable: Callable[[], object],
    ) -> None:
        self._loop = loop
        self._sock = sock
        self._readable = readable
        self._writable = writable
        self._wants_read = self._wants_write = self._is_stopped = False
        self._bell, self._ear = socket.socketpair()
        self._bell.setblocking(False)
        self._handled = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mqtt-watch", daemon=True)
        self._thread.start()

    def reading(self, *, wanted: bool) -> None:
        """Begin or cease to call back while there is something to read."""
        self._wants_read = wanted
        self._ring()

    def writing(self, *, wanted: bool) -> None:
        """Begin or cease to call back while there is room to write."""
        self._wants_write = wanted
        self._ring()

    def stop(self) -> None:
        """Cease for good; the thread is gone when this returns."""
        if self._is_stopped:
            return
        self._is_stopped = True
        self._wants_read = self._wants_write = False
        self._handled.set()
        self._ring()
        self._thread.join()
        self._bell.close()
        self._ear.close()

    def _ring(self) -> None:
        # a bell that rings already (BlockingIOError), or none any more, is no trouble
        with contextlib.suppress(OSError):
            self._bell.send(b"\0")

    def _run(self) -> None:
        while not self._is_stopped:
            reading = [self._ear, self._sock] if self._wants_read else [self._ear]
            can_read, can_write, _ = select.select(reading, [self._sock] if self._wants_write else [], [])
            if self._ear in can_read:
                self._ear.recv(4096)
            if self._sock in can_read or self._sock in can_write:
                self._handled.clear()
                try:
                    self._loop.call_soon_threadsafe(self._handle, self._sock in can_read, self._sock in can_write)
                except RuntimeError:  # the loop was closed without a word to us
                    return
                if not self._is_stopped:
                    self._handled.wait()

    def _handle(self, can_read: bool, can_write: bool) -> None:
        try:
            if can_read and self._wants_read:
                self._readable()
            if can_write and self._wants_write:
                self._writable()
        finally:
            self._handled.set()


def watch(
    loop: asyncio.AbstractEventLoop,
    sock: HasFileno,
    readable: Callable[[], object],
    writable: Callable[[], object],
) -> Watch:
    """Take a socket under watch, by the loop where it can and by a thread where it cannot."""
    try:
        return LoopWatch(loop, sock, readable, writable)
    except NotImplementedError:
        return ThreadWatch(loop, sock, readable, writable)
