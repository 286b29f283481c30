"""Signals that ask the daemon to stop, on every system that Python runs on, or to read its configuration again."""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def stopping_on_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` on the running loop at every SIGTERM and SIGINT (and Ctrl-Break on Windows) until the block ends."""
    loop = asyncio.get_running_loop()
    numbers = [signal.SIGTERM, signal.SIGINT]
    if hasattr(signal, "SIGBREAK"):
        numbers.append(signal.SIGBREAK)
    undo: list[Callable[[], object]] = []
    for number in numbers:
        try:
            loop.add_signal_handler(number, stop)
            undo.append(lambda number=number: loop.remove_signal_handler(number))  # type: ignore[misc]
        except NotImplementedError:
            # Windows' loops have no such method
            before = signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop))
            undo.append(lambda number=number, before=before: signal.signal(number, before))  # type: ignore[misc]
    try:
        yield
    finally:
        for restore in undo:
            restore()


@contextmanager
def reloading_on_hangup(reload: Callable[[], None]) -> Iterator[None]:
    """Call `reload` on the running loop at every SIGHUP until the block ends; Windows has no such signal."""
    if not hasattr(signal, "SIGHUP"):
        yield
        return
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, reload)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGHUP)
