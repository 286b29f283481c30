"""The ballast is there while there is plenty, goes when there is none, and never takes what is needed."""

from pathlib import Path

import pytest

from edge.buffer.ballast import Ballast

SIZE = 200_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "buffer.db.ballast"


def test_it_is_made_of_bytes_that_take_room_and_made_once(path: Path) -> None:
    ballast = Ballast(path, SIZE)
    ballast.keep()
    assert path.stat().st_size >= SIZE
    assert len(set(path.read_bytes())) > 200, "it does not compress"
    before = path.stat().st_mtime_ns
    ballast.keep()
    assert path.stat().st_mtime_ns == before


def test_it_is_not_made_where_room_is_scarce(path: Path) -> None:
    Ballast(path, SIZE, lambda _: 2 * SIZE - 1).keep()
    assert not path.exists()


def test_it_is_let_go_only_when_the_volume_is_full_and_once(path: Path) -> None:
    free = [10 * SIZE]
    ballast = Ballast(path, SIZE, lambda _: free[0])
    ballast.keep()
    assert not ballast.release(), "a size cap that is reached is no full disk"
    free[0] = SIZE - 1
    assert ballast.release()
    assert not path.exists()
    assert not ballast.release()


def test_a_directory_that_cannot_be_written_is_no_reason_to_stop(tmp_path: Path) -> None:
    ballast = Ballast(tmp_path / "gone" / "ballast", SIZE, lambda _: 10 * SIZE)
    ballast.keep()
    assert not ballast.release()
