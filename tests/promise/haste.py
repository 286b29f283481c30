"""A loop whose time leaps to the next timer when nobody has anything to do: an hour of a real gateway takes seconds.

The sockets are real. Whoever is at their other end must run on the same loop, for a leap is taken when nothing has
arrived: what comes from another process would come too late.
"""

import asyncio
import selectors
import socket
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
START_US = 1_800_000_000_000_000
# a call, its answer and what that sets going are some packets, each of which the next may have to wait for
_ROUNDS = 6


class _Leaping(selectors.DefaultSelector):
    """Waits for no time to pass: it adds to `ahead_s` what it would have waited.

    A busy processor may deliver late what was sent on loopback. Packets keep their order there: when one that is sent
    now has come, so has what was sent before it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.ahead_s = 0.0
        self._last = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._last.bind(("127.0.0.1", 0))
        self._last.connect(self._last.getsockname())

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout <= 0:
            return super().select(timeout)
        for _ in range(_ROUNDS):
            if ready := super().select(0):
                return ready
            self._last.send(b".")
            self._last.recv(1)
        self.ahead_s += timeout
        return super().select(0)

    def close(self) -> None:
        self._last.close()
        super().close()


class HastyLoop(asyncio.SelectorEventLoop):
    """Runs on the leaping time; what is given to a thread is waited for, and takes none of it."""

    def __init__(self) -> None:
        self._leaping = _Leaping()
        super().__init__(self._leaping)

    def time(self) -> float:
        return super().time() + self._leaping.ahead_s

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> Any:
        done = self.create_future()
        try:
            done.set_result(func(*args) if executor is None else executor.submit(func, *args).result())
        except Exception as error:  # noqa: BLE001 - whoever waits for it gets it
            done.set_exception(error)
        return done


class LoopClock:
    """Both clocks of `edge.clock.Clock`, by the running loop's time."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._start_s = self._loop.time()

    def now_us(self) -> int:
        return START_US + int((self._loop.time() - self._start_s) * 1e6)

    def monotonic(self) -> float:
        return self._loop.time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def hasten(doing: Coroutine[Any, Any, T]) -> T:
    """Run to the end on a loop of its own."""
    with asyncio.Runner(loop_factory=HastyLoop) as runner:
        return runner.run(doing)
