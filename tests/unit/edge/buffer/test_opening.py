"""Opening: what the last life left goes on, what is damaged is set aside and told, a full disk stops nobody."""

import sqlite3
from pathlib import Path

import pytest

from edge.buffer import file
from edge.buffer.opening import open_another, open_store
from edge.buffer.store import Store
from edge.errors import BufferDamaged, BufferError  # noqa: A004 - the field's word
from shared.reading import GapCause
from tests.fakes.readings import TAGS, gaps, numbered, numbers
from tests.fakes.sqlite import GATEWAY, crashed

ROOM = file.divide(50_000_000)
NOW_US = 1_800_000_000_000_000
LATER_US = NOW_US + 60_000_000


def opened(path: Path, now_us: int = NOW_US, check_s: float = 1.0) -> Store:
    """Open a store and register the tags."""
    store, _ = open_store(path, ROOM, GATEWAY, now_us, check_s)
    store.register(TAGS, now_us)
    return store


def drained(store: Store) -> list[int]:
    """Take everything out."""
    found: list[int] = []
    while lease := store.oldest(set(), LATER_US):
        found += numbers(lease.body)
        store.sweep([lease.id], [], LATER_US)
    return found


def touched(path: Path, statement: str, *values: object) -> None:
    """Change something in a closed file behind the store's back."""
    db = sqlite3.connect(path)
    with db:
        db.execute(statement, values)
    db.close()


def test_a_new_buffer_tells_no_hole(tmp_path: Path) -> None:
    store, told = open_store(tmp_path / "buffer.db", ROOM, GATEWAY, NOW_US)
    store.close(NOW_US)
    assert told == []


def test_the_next_start_tells_that_it_was_stopped_and_since_when(tmp_path: Path) -> None:
    store = opened(tmp_path / "buffer.db")
    store.close(NOW_US + 5)
    store, (gap,) = open_store(tmp_path / "buffer.db", ROOM, GATEWAY, LATER_US)
    store.close(LATER_US)
    assert (gap.cause, gap.from_us, gap.to_us, gap.detail) == (GapCause.GATEWAY_DOWN, NOW_US + 5, LATER_US, "stopped")


def test_the_next_start_tells_that_it_died_and_since_its_last_commit(tmp_path: Path) -> None:
    store = opened(tmp_path / "buffer.db")
    store.write([numbered(0, 3)], [], NOW_US + 7)
    copy = crashed(store.path, tmp_path / "crash")
    store.close(LATER_US)
    store, (gap,) = open_store(copy, ROOM, GATEWAY, LATER_US)
    assert (gap.from_us, gap.to_us) == (NOW_US + 7, LATER_US)
    assert "not shut down" in gap.detail
    store.close(LATER_US)


def test_a_death_after_an_orderly_end_and_a_commit_is_not_called_stopped(tmp_path: Path) -> None:
    store = opened(tmp_path / "buffer.db")
    store.close(NOW_US)
    store = opened(tmp_path / "buffer.db", NOW_US + 1)
    store.write([numbered(0, 3)], [], NOW_US + 2)
    copy = crashed(store.path, tmp_path / "crash")
    store.close(LATER_US)
    store, told = open_store(copy, ROOM, GATEWAY, LATER_US)
    assert "not shut down" in told[-1].detail
    store.close(LATER_US)


def test_the_tail_found_is_sealed_under_the_names_it_had(tmp_path: Path) -> None:
    store = opened(tmp_path / "buffer.db")
    store.write([numbered(0, 5)], [], NOW_US)
    copy = crashed(store.path, tmp_path / "crash")
    store.close(NOW_US)
    store, told = open_store(copy, ROOM, GATEWAY, LATER_US)
    assert store.figures.tail_rows == 5
    leases = store.write([], told, LATER_US)
    assert [n for lease in leases for n in numbers(lease.body)] == list(range(5))
    assert [gap for lease in leases for gap in gaps(lease.body)] == told
    store.close(LATER_US)


def test_opening_writes_nothing_so_a_full_disk_does_not_stop_it(tmp_path: Path) -> None:
    store = opened(tmp_path / "buffer.db")
    store.write([numbered(0, 5)], [], NOW_US)
    store.write([], [], NOW_US, seal=True)
    store.write([numbered(5, 5)], [], NOW_US)
    copy = crashed(store.path, tmp_path / "crash")
    store.close(NOW_US)
    before = [part.read_bytes() for part in sorted(copy.parent.iterdir())]
    store, _ = open_store(copy, ROOM, GATEWAY, LATER_US)
    store.register(TAGS, LATER_US)
    assert store.oldest(set(), LATER_US) is not None
    assert [part.read_bytes() for part in sorted(copy.parent.iterdir())] == before
    store.abandon()


def test_another_gateways_buffer_is_refused_not_moved(tmp_path: Path) -> None:
    store = opened(tmp_path / "buffer.db")
    store.write([numbered(0, 1)], [], NOW_US, seal=True)
    store.close(NOW_US)
    with pytest.raises(BufferError, match=r"'test-gateway'.*'other'.*gateway\.id") as refusal:
        open_store(tmp_path / "buffer.db", ROOM, "other", LATER_US)
    assert not isinstance(refusal.value, BufferDamaged)
    store = opened(tmp_path / "buffer.db")
    assert drained(store) == [0]
    store.close(LATER_US)


@pytest.mark.parametrize("harm", ["header", "garbage", "cut"])
def test_a_damaged_file_is_set_aside_and_a_new_one_with_a_new_epoch_begins(tmp_path: Path, harm: str) -> None:
    path = tmp_path / "buffer.db"
    store = opened(path)
    for number in range(20):
        store.write([numbered(1000 * number, 1000)], [], NOW_US, seal=True)
    epoch = store.figures.epoch
    store.close(NOW_US)
    content = bytearray(path.read_bytes())
    match harm:
        case "header":
            content[:100] = bytes(100)
        case "garbage":
            content[:] = b"\x5a" * len(content)
        case "cut":
            del content[4096 * 2 :]
    path.write_bytes(content)
    store, left = open_store(path, ROOM, GATEWAY, LATER_US)
    assert left == []
    store.abandon()
    # whoever dies before the first write has them on disk
    store = opened(path, LATER_US + 1)
    told = store.tail_gaps
    assert store.figures.epoch != epoch
    # where nothing but the file's header was wrong, all of it comes back
    assert store.figures.batches == (20 if harm == "header" else 0)
    if harm == "header":
        assert [gap.cause for gap in told] == [GapCause.GATEWAY_DOWN]
        store.abandon()
        return
    gap = told[-1]
    assert gap.cause == GapCause.BUFFER_DAMAGED
    assert gap.to_us > LATER_US
    (aside,) = [part for part in tmp_path.iterdir() if "damaged" in part.name]
    assert aside.name in gap.detail
    assert aside.read_bytes() == bytes(content)
    store.write([numbered(0, 3)], [], LATER_US, seal=True)
    assert drained(store) == [0, 1, 2]
    store.close(LATER_US)


def test_a_damaged_block_of_the_tail_costs_itself_only(tmp_path: Path) -> None:
    path = tmp_path / "buffer.db"
    store = opened(path)
    for number in range(3):
        store.write([numbered(10 * number, 10, NOW_US + 100 * number)], [], NOW_US + 100 * number + 50)
    store.close(NOW_US + 300)
    touched(path, "UPDATE tail SET body = zeroblob(length(body)) WHERE n = 2")
    store, told = open_store(path, ROOM, GATEWAY, LATER_US)
    damaged = [gap for gap in told if gap.cause == GapCause.BUFFER_DAMAGED]
    assert [(gap.from_us, gap.to_us) for gap in damaged] == [(NOW_US + 100, NOW_US + 151)]
    store.write([], told, LATER_US)
    assert drained(store) == [*range(10), *range(20, 30)]
    assert store.figures.quarantined == 1
    store.close(LATER_US)
    db = sqlite3.connect(path)
    assert db.execute("SELECT kind, oldest_us, newest_us FROM quarantine").fetchall() == [
        ("block", NOW_US + 100, NOW_US + 150)
    ]
    db.close()


def test_a_damaged_tag_costs_what_bears_its_name_only(tmp_path: Path) -> None:
    path = tmp_path / "buffer.db"
    store = opened(path)
    for tag in range(3):
        store.write([numbered(10 * tag, 10, NOW_US, tag)], [], NOW_US)
    store.close(NOW_US)
    touched(path, "UPDATE tag SET body = CAST(replace(CAST(body AS TEXT), 'cycles', 'cyclos') AS BLOB) WHERE id = 1")
    store, told = open_store(path, ROOM, GATEWAY, LATER_US)
    ids = store.register(TAGS, LATER_US)
    assert ids == [0, 3, 2], "an id is never given to another tag"
    store.write([], told, LATER_US)
    assert drained(store) == [*range(10), *range(20, 30)]
    assert GapCause.BUFFER_DAMAGED in {gap.cause for gap in told}
    store.close(LATER_US)


def test_a_damaged_state_gives_a_new_epoch_and_keeps_the_batches(tmp_path: Path) -> None:
    path = tmp_path / "buffer.db"
    store = opened(path)
    for number in range(3):
        store.write([numbered(10 * number, 10)], [], NOW_US, seal=True)
    epoch = store.figures.epoch
    store.close(NOW_US)
    touched(
        path, "UPDATE state SET body = CAST(replace(CAST(body AS TEXT), 'next_number\":4', 'next_number\":1') AS BLOB)"
    )
    store, told = open_store(path, ROOM, GATEWAY, LATER_US)
    store.register(TAGS, LATER_US)
    assert store.figures.epoch != epoch
    assert (store.figures.batches, store.figures.rows) == (3, 30)
    lease = store.write([numbered(30, 10)], told, LATER_US, seal=True)[-1]
    assert lease.id.seq == 4
    assert drained(store) == list(range(40))
    store.close(LATER_US)


def test_a_file_found_damaged_in_use_is_replaced_and_its_tail_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "buffer.db"
    store = opened(path)
    for number in range(40):
        store.write([numbered(1000 * number, 1000, NOW_US + number)], [], NOW_US + 60, seal=True)
    store.close(NOW_US + 61)
    content = bytearray(path.read_bytes())
    # all pages but the first few: what opening reads is whole
    content[12 * 4096 : -4096] = b"\x5a" * (len(content) - 13 * 4096)
    path.write_bytes(content)
    store = opened(path, NOW_US + 70, check_s=0.0)
    store.write([], [], NOW_US + 70, seal=True)
    store.write([numbered(0, 7)], [], NOW_US + 80)
    with pytest.raises(BufferDamaged) as damage:
        drained(store)
    lost_us = store.figures.oldest_us
    other, left = open_another(store, damage.value, ROOM, GATEWAY, LATER_US)
    assert left == []
    (gap,) = other.tail_gaps
    assert gap.cause == GapCause.BUFFER_DAMAGED
    assert lost_us is not None
    assert gap.from_us <= lost_us < LATER_US < gap.to_us
    assert other.register(TAGS, LATER_US) == [0, 1, 2]
    assert other.figures.epoch != store.figures.epoch
    other.write([numbered(7, 3)], [], LATER_US, seal=True)
    found = drained(other)
    assert found[-10:] == list(range(10)), "and before them what of the batches could be read"
    other.close(LATER_US)
