"""A damaged file's successor takes its place when it is whole: whoever dies on the way loses nothing, and says so."""

import dataclasses
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge.buffer import file, successor
from edge.buffer.opening import open_store
from edge.buffer.store import Store
from edge.buffer.store_thread import StoreThread
from edge.errors import BufferDamaged, BufferError, DiskFull  # noqa: A004 - the field's word
from tests.fakes.clock import HandClock
from tests.fakes.readings import TAGS, numbered, numbers
from tests.fakes.sqlite import GATEWAY, crashed

ROOM = file.divide(50_000_000)
NOW_US = 1_800_000_000_000_000
LATER_US = NOW_US + 60_000_000


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    """Return a file of which opening finds that it is damaged: a batch of 0..4, and 5..204 committed and not sealed."""
    store, _ = open_store(tmp_path / "whole" / "buffer.db", ROOM, GATEWAY, NOW_US)
    store.register(TAGS, NOW_US)
    store.write([numbered(0, 5)], [], NOW_US, seal=True)
    for first in range(5, 205, 2):
        store.write([numbered(first, 2)], [], NOW_US)
    path = crashed(store.path, tmp_path / "crash")
    store.close(NOW_US)
    for part in (path, path.with_name("buffer.db-wal")):
        content = bytearray(part.read_bytes())
        content[:16] = bytes(16)
        part.write_bytes(content)
    return path


def everything(store: Store) -> list[int]:
    """Seal what is left, and take everything out."""
    store.write([], [], LATER_US, seal=True)
    found: list[int] = []
    while lease := store.oldest(set(), LATER_US):
        found += numbers(lease.body)
        store.sweep([lease.id], [], LATER_US)
    store.close(LATER_US)
    return found


def names(directory: Path) -> set[str]:
    return {part.name.partition(".damaged-")[2][-4:] or part.name for part in directory.iterdir()}


def test_what_is_set_aside_keeps_its_content_and_its_log(tmp_path: Path) -> None:
    path = tmp_path / "buffer.db"
    path.write_bytes(b"one")
    path.with_name("buffer.db-wal").write_bytes(b"two")
    aside = successor.begin(path, 1_800_000_000_000_000)
    assert aside.name == "buffer.db.damaged-20270115T080000.000000Z"
    assert aside.read_bytes() == b"one"
    assert aside.with_name(aside.name + "-wal").read_bytes() == b"two"
    assert not path.exists()


def test_a_disk_that_is_full_meanwhile_costs_nothing(damaged: Path) -> None:
    open_store(damaged.with_name("empty.db"), ROOM, GATEWAY, LATER_US)[0].close(LATER_US)
    smallest = damaged.with_name("empty.db").stat().st_size
    with pytest.raises(DiskFull):
        open_store(damaged, dataclasses.replace(ROOM, file=smallest), GATEWAY, LATER_US)
    assert not damaged.exists(), "half a successor is nobody's buffer"
    store, _ = open_store(damaged, ROOM, GATEWAY, LATER_US)
    assert everything(store) == list(range(205))


def test_a_death_before_the_successor_was_whole_costs_nothing(damaged: Path) -> None:
    aside = successor.begin(damaged, LATER_US)
    successor.fresh(aside).write_bytes(b"half of a file")
    store, _ = open_store(damaged, ROOM, GATEWAY, LATER_US)
    assert everything(store) == list(range(205))
    assert names(damaged.parent) == {"buffer.db", "000Z", "-wal"}, "nothing is left of the attempt"


def test_a_death_between_the_file_and_its_log_costs_nothing(damaged: Path) -> None:
    aside = successor.begin(damaged, LATER_US)
    aside.with_name(f"{aside.name}-wal").rename(damaged.with_name("buffer.db-wal"))
    store, _ = open_store(damaged, ROOM, GATEWAY, LATER_US)
    assert everything(store) == list(range(205))


def test_a_note_that_leads_nowhere_stops_no_start(tmp_path: Path) -> None:
    path = tmp_path / "buffer.db"
    for note in ("", "buffer.db.damaged-20260101T000000.000000Z", "../other"):
        path.with_name("buffer.db.replacing").write_text(note, encoding="utf-8")
        assert successor.unfinished(path) is None
    store, told = open_store(path, ROOM, GATEWAY, NOW_US)
    store.close(NOW_US)
    assert told == []


async def test_a_file_that_cannot_be_replaced_in_use_is_replaced_with_a_later_job(tmp_path: Path) -> None:
    clock = HandClock()
    path = tmp_path / "buffer.db"
    thread = StoreThread(path, ROOM, GATEWAY, clock)
    await thread.open()
    thread.do_now(lambda store: store.register(TAGS, clock.now_us()))
    thread.do_now(lambda store: store.write([numbered(0, 5)], [], clock.now_us(), seal=True))
    thread.do_now(lambda store: store.write([numbered(5, 5)], [], clock.now_us()))

    def found_damaged(_: Store) -> None:
        raise BufferDamaged("a page of it is not what was written")

    stamp = datetime.fromtimestamp(clock.now_us() / 1e6, UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    (in_the_way := tmp_path / f"buffer.db.damaged-{stamp}.new").mkdir()
    with pytest.raises(BufferError, match="new"):
        thread.do_now(found_damaged)
    with pytest.raises(BufferError, match="new"):
        thread.do_now(lambda store: store.write([numbered(10, 5)], [], clock.now_us()))
    in_the_way.rmdir()
    thread.do_now(lambda store: store.write([numbered(10, 5)], [], clock.now_us()))
    await thread.close()
    store, _ = open_store(path, ROOM, GATEWAY, LATER_US)
    assert everything(store) == list(range(15))
