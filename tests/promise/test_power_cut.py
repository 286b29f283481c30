"""A power cut: the file system is shut down in full flow, so that only what was flushed is there afterwards.

An ext4 or XFS of our own on a loop device; its shutdown ioctl throws away what the system holds in memory, and the
journal with it. The control is the same gateway on a disk that lies: fsync answers, and does nothing.
"""

import contextlib
import fcntl
import os
import random
import struct
import subprocess
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from edge.torture.verdict import Verdict
from tests.promise.lives import Lives, beginning, eventually
from tests.promise.needed import with_mounts

# XFS_IOC_GOINGDOWN, with XFS_FSOP_GOING_FLAGS_NOLOGFLUSH (linux/fs/xfs/libxfs/xfs_fs.h); ext4 took it over as it is
_SHUTDOWN = 0x8004587D
_NO_LOG_FLUSH = struct.pack("I", 2)
# the smallest that mkfs.xfs makes
_SIZE = 300 * 2**20
MAKERS = {"ext4": ("mkfs.ext4", "-q"), "xfs": ("mkfs.xfs", "-q")}
CUTS = 4
# every system call that flushes answers that it has, at once; the others are not looked at
LYING = (
    *("strace", "-f", "-qq", "--seccomp-bpf", "-o", os.devnull),
    *("-e", "trace=fsync,fdatasync", "-e", "inject=fsync,fdatasync:retval=0"),
)


class Disk:
    """A disk in a file, mounted while its block lasts."""

    def __init__(self, directory: Path, system: str) -> None:
        self._image, self.mounted = directory / "disk.img", directory / "disk"
        self._system = system

    async def cut(self) -> None:
        """Cut the power."""
        here = os.open(self.mounted, os.O_RDONLY)
        try:
            fcntl.ioctl(here, _SHUTDOWN, _NO_LOG_FLUSH)
        finally:
            os.close(here)

    async def switch_on(self) -> None:
        """Mount what is left; whoever worked on it must be gone."""
        await eventually(
            lambda: subprocess.run(["umount", self.mounted], capture_output=True, check=False).returncode == 0
        )
        self._mount()

    @contextlib.asynccontextmanager
    async def on(self) -> AsyncIterator["Disk"]:
        self.mounted.mkdir()
        with self._image.open("wb") as image:
            image.truncate(_SIZE)
        assert run(*MAKERS[self._system], str(self._image)) == 0
        assert self._mount() == 0, "no loop device could be had"
        try:
            yield self
        finally:
            run("umount", "--lazy", str(self.mounted))

    def _mount(self) -> int:
        return run("mount", "-o", "loop", str(self._image), str(self.mounted))


def run(*words: str) -> int:
    return subprocess.run(words, capture_output=True, check=False, timeout=30).returncode


async def power_cuts(tmp_path: Path, system: str, cuts: int, prefix: Sequence[str] = ()) -> Verdict:
    """Let gateways work on a disk whose power is cut, and return the verdict."""
    chance = random.Random(5)
    async with Disk(tmp_path, system).on() as disk, beginning(disk.mounted, tmp_path / "notes", seed=5) as lives:
        for _ in range(cuts):
            await _cut_in_full_flow(lives, disk, prefix, chance.randrange(1, 150))
        return await lives.verdict()


async def _cut_in_full_flow(lives: Lives, disk: Disk, prefix: Sequence[str], after: int) -> None:
    async with lives.life(prefix) as process:
        await lives.promised(after, process)
        assert process.returncode is None, "it ended by itself"
        # power is gone for all at once: nobody hears of what is flushed or sent from here on
        lives.receiver.is_cut, promises = True, lives.promises()
        await disk.cut()
    lives.forget_promises_after(promises)
    lives.receiver.is_cut = False
    await disk.switch_on()


def on_each(*programs: str) -> pytest.MarkDecorator:
    """Give a test a case for each file system that this machine can make, mount and shut down."""
    return pytest.mark.parametrize(
        "system", [system for system, (maker, *_) in MAKERS.items() if with_mounts(maker, *programs)]
    )


@on_each()
async def test_a_power_cut_takes_nothing_that_was_acknowledged(tmp_path: Path, system: str) -> None:
    verdict = await power_cuts(tmp_path, system, CUTS)
    assert verdict.is_kept, verdict
    assert verdict.promised > 500


@on_each("strace")
async def test_a_disk_that_only_says_that_it_flushed_is_found_out(tmp_path: Path, system: str) -> None:
    """The negative control, and the assumption that no software can do without."""
    verdict = await power_cuts(tmp_path, system, 2, LYING)
    assert verdict.lost > 0
