"""The nursery: a process of its own that has everything imported and begins one life after the other.

Where the system can fork, a life takes milliseconds to begin, so most kills hit it at work. It is a process of its own
because a fork must have no other threads, which the command line has. It reads a fate a line, and answers with the
life's process id, then with its exit code.
"""

import asyncio
import os
import signal
import subprocess
import sys
from types import TracebackType
from typing import Self

import msgspec

from edge.torture import life
from edge.torture.life import Fate

CAN_FORK = hasattr(os, "fork")
# longer than any life takes, the last one included: that one ends by itself when nothing moves any more
_LONGEST_S = 3600


class Nursery:
    """Runs it, while its block lasts."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process

    async def begin(self, fate: Fate) -> int:
        """Begin a life; returns its process id. The one before must have ended."""
        assert self._process.stdin is not None  # noqa: S101 - opened below
        self._process.stdin.write(msgspec.json.encode(fate) + b"\n")
        await self._process.stdin.drain()
        return await self._hear()

    async def ended(self) -> int:
        """Wait for the end of the life; returns its exit code, negative if it was killed."""
        return await self._hear()

    async def _hear(self) -> int:
        assert self._process.stdout is not None  # noqa: S101 - opened below
        async with asyncio.timeout(_LONGEST_S):
            return int(await self._process.stdout.readline())

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", __name__), stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        await self._process.wait()


def main() -> None:
    """Begin lives until standard input ends."""
    for line in sys.stdin:
        _serve(line)


def _serve(line: str) -> None:
    if not CAN_FORK:
        child = subprocess.Popen([sys.executable, "-m", life.__name__, line])  # noqa: S603 - ourselves
        _say(child.pid)
        _say(child.wait())
        return
    pid = os.fork()
    if pid == 0:
        _live(line)
    _say(pid)
    _say(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


def _live(line: str) -> None:
    # never back into the loop of the parent
    code = 1
    try:
        # nobody may be there any more to kill it
        signal.alarm(_LONGEST_S)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(2, 1)
        life.live(msgspec.json.decode(line, type=Fate))
        code = 0
    except BaseException as error:  # noqa: BLE001 - it is the process's last word
        print(f"a life ended by itself: {error!r}", file=sys.stderr)  # noqa: T201
    finally:
        os._exit(code)


def _say(number: int) -> None:
    print(number, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
