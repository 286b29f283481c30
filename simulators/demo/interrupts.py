"""The demo's ear for Ctrl-C, SIGTERM and a closed terminal: heard where ending is in order, and nowhere else."""

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType
from typing import Any, Self

# SIGHUP: the terminal was closed; SIGBREAK: Ctrl-Break on Windows. Not every system has all of them
_NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")


class Interrupts:
    """Takes the signals that end a program, from `with` to its end.

    A signal raises KeyboardInterrupt once, and only inside `heard`. Anywhere else it does nothing, so that
    nobody's impatience stops the stopping and leaves processes behind.
    """

    def __init__(self) -> None:
        self._is_heard = False
        self._is_held = False
        self._came = False
        self._before: dict[int, Any] = {}

    @contextlib.contextmanager
    def heard(self) -> Iterator[None]:
        """Within, a signal raises KeyboardInterrupt."""
        self._came, self._is_heard = False, True
        try:
            yield
        finally:
            self._is_heard = False

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Within, a signal waits for the end of the block: for what must not be left half done."""
        self._is_held = True
        try:
            yield
        finally:
            self._is_held = False
        self._strike()

    def _take(self, _signal: int, _frame: FrameType | None) -> None:
        self._came = True
        self._strike()

    def _strike(self) -> None:
        if self._came and self._is_heard and not self._is_held:
            self._is_heard = False
            raise KeyboardInterrupt

    def __enter__(self) -> Self:
        for name in _NAMES:
            number = getattr(signal, name, None)
            # nohup and `&` in a script say by ignoring one that it is not meant for us; SIGTERM always is
            if number is not None and (name == "SIGTERM" or signal.getsignal(number) is not signal.SIG_IGN):
                self._before[number] = signal.signal(number, self._take)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
