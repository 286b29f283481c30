"""Lives of a gateway on a directory, ended as a test says: what power cuts and chosen system calls are tried with.

The parts are those of `tezgah-edge torture`: the daemon's buffer, shipper and uplink in a process of its own, notes
kept outside, a receiver that behaves badly, the verdict.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import msgspec

from edge.clock import SystemClock
from edge.torture import notes
from edge.torture.life import TAGS, Fate, Manner
from edge.torture.receiver import Receiver
from edge.torture.verdict import Verdict, judge

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60.0


class Lives:
    """One life after the other; made by `beginning`.

    Args:
        directory: Where the buffer is.
        notes: Where notes are taken.
        seed: Of the lives and of the receiver.
    """

    def __init__(self, directory: Path, notes: Path, receiver: Receiver, url: str, seed: int) -> None:
        self.notes = notes
        self.receiver = receiver
        self._directory, self._url, self._seed = directory, url, seed
        self._number = 0

    @contextlib.asynccontextmanager
    async def life(
        self, prefix: Sequence[str] = (), manner: Manner = Manner.HONEST
    ) -> AsyncIterator[asyncio.subprocess.Process]:
        """Begin a life, under the programs that `prefix` names; it is killed at the end of the block."""
        self._number += 1
        fate = Fate(str(self._directory), self._url, self._number, self._seed + self._number, manner, str(self.notes))
        path = os.pathsep.join((str(ROOT), *filter(None, (os.environ.get("PYTHONPATH"),))))
        process = await asyncio.create_subprocess_exec(
            *(*prefix, sys.executable, "-m", "edge.torture.life", msgspec.json.encode(fate).decode()),
            env={**os.environ, "PYTHONPATH": path},
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()

    def promises(self) -> int:
        """Return how many blocks this life was promised so far."""
        return self._noted().count(b"promised")

    def forget_promises_after(self, count: int) -> None:
        """Take back what this life was promised when so many promises had been given: there was nobody any more."""
        lines = self._noted().splitlines(keepends=True)
        last = [line for line in lines if line.startswith(b"promised")][count:]
        self._file().write_bytes(b"".join(line for line in lines if line not in last))

    def _noted(self) -> bytes:
        return self._file().read_bytes() if self._file().exists() else b""

    def _file(self) -> Path:
        return self.notes / f"life-{self._number:06}{notes.SUFFIX}"

    async def promised(self, count: int, process: asyncio.subprocess.Process) -> None:
        """Wait until this life was promised so many blocks, or is over."""
        await eventually(lambda: self.promises() >= count or process.returncode is not None)

    async def verdict(self) -> Verdict:
        """Let a last life bring the rest to a receiver that behaves, and judge."""
        self.receiver.is_good = True
        async with self.life(manner=Manner.LAST) as process:
            async with asyncio.timeout(PATIENCE_S):
                assert await process.wait() == 0, "the last life could not bring the rest"
        return judge(notes.read(self.notes), self.receiver.batches.values(), [tag.name for tag in TAGS])


@contextlib.asynccontextmanager
async def beginning(directory: Path, notes: Path, seed: int) -> AsyncIterator[Lives]:
    """Make lives possible: a receiver listens until the block ends."""
    notes.mkdir(exist_ok=True)  # noqa: ASYNC240 - nothing else runs yet
    receiver = Receiver(SystemClock(), seed)
    url = await receiver.open()
    try:
        yield Lives(directory, notes, receiver, url, seed)
    finally:
        await receiver.close()


async def eventually(condition: Callable[[], object]) -> None:
    """Look again and again until the condition holds."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, "it never came to be"
        await asyncio.sleep(0.01)
