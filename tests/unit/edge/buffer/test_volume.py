from pathlib import Path

import pytest

from edge.buffer.sqlite import SqliteBuffer
from edge.buffer.volume import Volume, free_bytes
from edge.errors import BufferFull
from shared.reading import empty
from tests.fakes.clock import HandClock
from tests.fakes.readings import TAGS, numbered


class Disk:
    """A volume whose free space a test sets."""

    def __init__(self, free: int) -> None:
        self.free = free
        self.asked = 0
        self.now_s = 0.0

    def __call__(self, _: Path) -> int:
        self.asked += 1
        if self.free < 0:
            raise OSError("gone")
        return self.free


def volume(path: Path, disk: Disk, keep_free: int = 1000) -> Volume:
    return Volume(path, keep_free, free=disk, monotonic=lambda: disk.now_s)


def test_a_file_may_not_grow_on_a_volume_that_is_nearly_full_but_may_use_what_it_has(tmp_path: Path) -> None:
    path, disk = tmp_path / "buffer.db", Disk(5000)
    path.write_bytes(b"x" * 4096)
    kept = volume(path, disk)
    assert kept.shortage(10_000) is None
    disk.free = 999
    assert kept.shortage(10_000) is None, "not asked again within the second"
    disk.now_s = 1.0
    assert "less than buffer.keep_free (1000 bytes)" in (kept.shortage(10_000) or "")
    assert kept.shortage(4096) is None
    disk.free, disk.now_s = 1001, 2.0
    assert kept.shortage(10_000) is None
    assert disk.asked == 3


def test_a_volume_without_a_limit_or_an_answer_has_room(tmp_path: Path) -> None:
    disk = Disk(-1)
    assert volume(tmp_path / "none", disk, keep_free=0).shortage(10**12) is None
    assert disk.asked == 0
    assert volume(tmp_path / "none", disk).shortage(10**12) is None


def test_the_real_volume_tells_what_is_free(tmp_path: Path) -> None:
    assert free_bytes(tmp_path) > 0


async def test_the_buffer_takes_nothing_that_the_volume_has_no_room_for(tmp_path: Path) -> None:
    path, disk, clock = tmp_path / "buffer.db", Disk(999), HandClock()
    buffer = await SqliteBuffer.open(
        path, max_bytes=10**7, gateway="hall", clock=clock, volume=volume(path, disk, keep_free=1000)
    )
    buffer.register(TAGS)
    with pytest.raises(BufferFull, match=r"may not grow: its volume has less than buffer\.keep_free"):
        await buffer.append(numbered(0, 5000, clock.now_us(), 0))
    disk.free, disk.now_s = 10**9, 1.0
    await buffer.append(numbered(0, 5000, clock.now_us(), 0))
    await buffer.close()


async def test_what_is_nothing_needs_no_room(tmp_path: Path) -> None:
    path, disk, clock = tmp_path / "buffer.db", Disk(999), HandClock()
    buffer = await SqliteBuffer.open(
        path, max_bytes=10**7, gateway="hall", clock=clock, volume=volume(path, disk, keep_free=1000)
    )
    buffer.register(TAGS)
    with pytest.raises(BufferFull):
        await buffer.append(numbered(0, 5000, clock.now_us(), 0))
    # a start that has no device to tell a hole of says so with it; on a disk that others have filled, too
    await buffer.append(empty())
    await buffer.close()
