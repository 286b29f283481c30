"""A serial cable without ports: two pseudo-terminals joined, on which programs open an end each as they would a port.

Each end is a symbolic link, so an adapter can be pulled out and be plugged in again under the same name. What goes
through the cable may be disturbed on its way.
"""

import asyncio
import contextlib
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_AT_ONCE = 4096


@dataclass(frozen=True, slots=True)
class _End:
    """One pseudo-terminal: `inner` is ours, `outer` keeps it alive while nobody has it open."""

    inner: int
    outer: int


class Cable:
    """A null-modem cable; POSIX only.

    Attributes:
        near: Where one program opens its port.
        far: Where the other one does.
        to_near, to_far: What becomes of the bytes on their way there; they may be changed, and none may arrive.
    """

    def __init__(self, directory: Path | None = None) -> None:
        """Prepare; `directory` holds the names of the ends, a new temporary one if None."""
        self._own = tempfile.TemporaryDirectory(prefix="tezgah-line-") if directory is None else None
        directory = Path(self._own.name) if self._own else directory
        assert directory is not None  # noqa: S101 - one of the two is there
        self.near, self.far = directory / "near", directory / "far"
        self.to_near: Callable[[bytes], bytes] = bytes
        self.to_far: Callable[[bytes], bytes] = bytes
        self._ends: list[_End] = []

    def plug(self) -> None:
        """Let both ends be there; on the running loop.

        Raises:
            OSError: There are no pseudo-terminals left.
        """
        import tty  # noqa: PLC0415 - not there on Windows, which has no pseudo-terminals either

        loop = asyncio.get_running_loop()
        for name in (self.near, self.far):
            inner, outer = os.openpty()
            os.set_blocking(inner, False)
            tty.setraw(outer)
            self._ends.append(_End(inner, outer))
            name.unlink(missing_ok=True)
            name.symlink_to(os.ttyname(outer))
        near, far = self._ends
        loop.add_reader(near.inner, self._carry, near.inner, far.inner)
        loop.add_reader(far.inner, self._carry, far.inner, near.inner)

    def unplug(self) -> None:
        """Let both ends vanish, as an adapter does that is pulled out; harmless if they are not there."""
        loop = asyncio.get_running_loop()
        ends, self._ends = self._ends, []
        for name, end in zip((self.near, self.far), ends, strict=False):
            name.unlink(missing_ok=True)
            loop.remove_reader(end.inner)
            os.close(end.inner)
            os.close(end.outer)

    def close(self) -> None:
        """Unplug, and leave nothing behind."""
        self.unplug()
        if self._own is not None:
            self._own.cleanup()

    def _carry(self, source: int, target: int) -> None:
        disturb = self.to_far if source == self._ends[0].inner else self.to_near
        # nobody at an end, or nobody who reads: what a cable carries is lost then
        with contextlib.suppress(BlockingIOError, OSError):
            if data := disturb(os.read(source, _AT_ONCE)):
                os.write(target, data)
