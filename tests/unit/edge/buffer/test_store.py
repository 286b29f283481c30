"""The store: what a transaction promises, counts and keeps apart."""

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest

from edge.buffer import file
from edge.buffer.opening import open_store
from edge.buffer.refusing import Refusal
from edge.buffer.store import SEAL_ROWS, Store
from edge.errors import BufferError  # noqa: A004 - the field's word
from edge.ports import Lease
from shared.reading import Gap, GapCause, Tag, concatenate, from_rows
from shared.wire import batch as wire
from shared.wire.lane import Lane
from tests.fakes.readings import TAGS, gaps, numbered, numbers
from tests.fakes.sqlite import GATEWAY, crashed

NOW_US = 1_800_000_000_000_000
LATER_US = NOW_US + 60_000_000
GAP = Gap(GapCause.OVERFLOW, 5, 9)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "buffer.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    store = opened(path)
    yield store
    store.abandon()


def opened(path: Path, max_bytes: int = 50_000_000) -> Store:
    store, _ = open_store(path, file.divide(max_bytes), GATEWAY, NOW_US)
    store.register(TAGS, NOW_US)
    return store


def test_a_small_write_goes_to_the_tail_and_a_large_one_becomes_a_batch(store: Store) -> None:
    assert store.write([numbered(0, 10)], [GAP], NOW_US) == []
    assert (store.figures.tail_rows, store.figures.has_tail, store.figures.batches) == (10, True, 0)
    (lease,) = store.write([numbered(10, SEAL_ROWS - 10)], [], NOW_US)
    assert numbers(lease.body) == list(range(SEAL_ROWS))
    assert (store.figures.tail_rows, store.figures.tails) == (0, {Lane.STATE: 0}), "the gap waits in its own lane"
    assert (store.figures.batches, store.figures.rows) == (1, SEAL_ROWS)
    (told,) = store.write([], [], NOW_US, seal=True)
    assert gaps(told.body) == [GAP]
    assert store.figures.tails == {}


def test_each_lane_has_a_tail_a_sequence_and_batches_of_its_own(store: Store) -> None:
    store.register(TAGS, NOW_US, [Lane.PROCESS, Lane.STATE, Lane.DEBUG])
    mixed = from_rows([0, 1, 2, 1], [NOW_US] * 4, NOW_US, [0.0, 1.0, 2.0, 3.0])
    assert store.write([mixed], [], NOW_US) == []
    assert store.figures.tails == {Lane.PROCESS: 1, Lane.STATE: 2, Lane.DEBUG: 1}
    (early,) = store.write([mixed], [GAP], NOW_US, ripe={Lane.STATE})
    assert (early.id.seq, numbers(early.body), gaps(early.body)) == (Lane.STATE.seq(1), [1, 3, 1, 3], [GAP])
    rest = store.write([mixed], [], NOW_US, seal=True)
    assert [(lease.id.seq, numbers(lease.body)) for lease in rest] == [
        (Lane.STATE.seq(2), [1, 3]),
        (Lane.PROCESS.seq(1), [0, 0, 0]),
        (Lane.DEBUG.seq(1), [2, 2, 2]),
    ]
    assert [(queue.batches, queue.rows) for queue in store.figures.queues] == [(1, 3), (2, 6), (1, 3)]
    assert store.oldest({early.id.seq}, NOW_US) == rest[0], "what is urgent goes first"
    assert store.oldest(set(), NOW_US, [Lane.DEBUG]) == rest[2]
    store.sweep([early.id, *(lease.id for lease in rest)], [], NOW_US)
    assert [(queue.batches, queue.rows) for queue in store.figures.queues] == [(0, 0)] * 3


def test_all_lanes_share_one_commit(path: Path) -> None:
    store = opened(path, 1_000_000)
    store.register(TAGS, NOW_US, [Lane.PROCESS, Lane.STATE, Lane.DEBUG])
    before = store.figures
    noise = [replace(numbered(0, 20_000, tag=1), value=np.random.default_rng(n).random(20_000)) for n in range(8)]
    with pytest.raises(BufferError, match="full"):
        store.write([numbered(0, 10), *noise], [GAP], NOW_US, ripe={Lane.STATE})
    assert store.figures == before
    store.abandon()
    db = sqlite3.connect(path)
    assert db.execute("SELECT (SELECT count(*) FROM tail) + (SELECT count(*) FROM batch)").fetchone() == (0,)
    db.close()


def test_what_an_earlier_life_left_is_sealed_lane_by_lane(store: Store, path: Path) -> None:
    store.register(TAGS, NOW_US, [Lane.PROCESS, Lane.STATE, Lane.DEBUG])
    store.write([from_rows([0, 1, 2], [NOW_US] * 3, NOW_US, [0.0, 1.0, 2.0])], [GAP], NOW_US)
    store.close(NOW_US)
    # under lanes that changed meanwhile: what was committed stays where it stood
    again = opened(path)
    again.register(TAGS, NOW_US, [Lane.DEBUG] * 3)
    leases = again.write([], [], NOW_US)
    assert [(lease.id.lane, numbers(lease.body), gaps(lease.body)) for lease in leases] == [
        (Lane.STATE, [1], [GAP]),
        (Lane.PROCESS, [0], []),
        (Lane.DEBUG, [2], []),
    ]
    again.abandon()


def test_the_bytes_on_disk_are_the_bytes_that_were_lent(store: Store, path: Path) -> None:
    (lease,) = store.write([numbered(0, 10)], [], NOW_US, seal=True)
    assert store.oldest(set(), NOW_US) == lease
    assert wire.header(lease.body).id == lease.id


def test_the_oldest_that_is_not_taken_is_read(store: Store) -> None:
    leases = [store.write([numbered(n, 1)], [], NOW_US, seal=True)[0] for n in range(4)]
    assert store.oldest(set(), NOW_US) == leases[0]
    assert store.oldest({1, 2}, NOW_US) == leases[2]
    assert store.oldest({1, 2, 3, 4}, NOW_US) is None


def test_a_number_is_never_used_again_even_when_everything_was_settled(store: Store, path: Path) -> None:
    seen: list[int] = []
    for n in range(3):
        (lease,) = store.write([numbered(n, 1)], [], NOW_US, seal=True)
        seen.append(lease.id.seq)
        store.sweep([lease.id], [], NOW_US)
    store.close(NOW_US)
    again = opened(path)
    (lease,) = again.write([numbered(3, 1)], [], NOW_US, seal=True)
    again.abandon()
    assert [*seen, lease.id.seq] == [1, 2, 3, 4]
    assert lease.id.epoch == store.figures.epoch


def test_sweeping_counts_what_it_deletes_once(store: Store) -> None:
    leases = [store.write([numbered(n, 5)], [], NOW_US, seal=True)[0] for n in range(3)]
    store.sweep([leases[0].id, leases[1].id], [], NOW_US)
    store.sweep([leases[0].id], [], NOW_US)
    assert (store.figures.batches, store.figures.rows) == (1, 5)


def test_another_epochs_batch_of_the_same_number_is_left_alone(store: Store) -> None:
    (lease,) = store.write([numbered(0, 5)], [], NOW_US, seal=True)
    other = replace(lease.id, epoch=uuid4())
    store.sweep([other], [Refusal(other, "never")], NOW_US)
    assert (store.figures.batches, store.figures.quarantined) == (1, 0)


def test_a_batch_refused_as_such_is_kept_apart_with_its_reason_and_told_as_a_gap(store: Store, path: Path) -> None:
    (lease,) = store.write([numbered(0, 5, NOW_US - 50)], [], NOW_US, seal=True)
    (lease,) = store.sweep([], [Refusal(lease.id, "its number was used", is_whole=True)], NOW_US)
    assert (store.figures.batches, store.figures.rows, store.figures.quarantined) == (1, 5, 0)
    assert store.sweep([], [Refusal(lease.id, "it names no machine", is_whole=True)], NOW_US) == []
    assert (store.figures.batches, store.figures.rows, store.figures.quarantined) == (0, 0, 1)
    (told,) = store.write([], [], NOW_US, seal=True)
    (gap,) = gaps(told.body)
    assert (gap.cause, gap.from_us, gap.to_us) == (GapCause.REFUSED, NOW_US - 50, NOW_US - 45)
    assert "it names no machine" in gap.detail
    store.close(NOW_US)
    row = sqlite3.connect(path).execute("SELECT kind, reason, body FROM quarantine").fetchone()
    assert row == ("batch", "the cloud refuses batch 2: it names no machine", lease.body)


def test_a_refused_batch_is_replaced_by_its_parts_in_one_transaction(store: Store, path: Path, tmp_path: Path) -> None:
    # in the lane in which gaps travel too
    states = [Lane.STATE] * len(TAGS)
    store.register(TAGS, NOW_US, states)
    store.write([numbered(0, 10, NOW_US - 50)], [], NOW_US, seal=True)
    (lease,) = store.write([numbered(10, 10, NOW_US - 40)], [GAP], NOW_US + 5, seal=True)
    before = crashed(path, tmp_path / "before")
    rows, holes = store.sweep([], [Refusal(lease.id, "422")], LATER_US)
    after = crashed(path, tmp_path / "after")
    assert (numbers(rows.body), gaps(rows.body), gaps(holes.body)) == (list(range(10, 20)), [], [GAP])
    assert [part.id for part in (rows, holes)] == [replace(lease.id, seq=Lane.STATE.seq(number)) for number in (3, 4)]
    # the cloud tells two descriptions of a tag apart by it
    assert {part.sealed_us for part in (rows, holes)} == {lease.sealed_us}
    assert (store.figures.batches, store.figures.rows, store.figures.quarantined) == (3, 20, 0)
    for copy, expected in ((before, [1, 2]), (after, [1, 3, 4])):
        again = opened(copy)
        again.register(TAGS, NOW_US, states)
        assert (again.figures.batches, again.figures.rows) == (len(expected), 20)
        assert [number for number in range(9) if at(again, Lane.STATE.seq(number))] == expected
        (new,) = again.write([numbered(20, 1)], [], LATER_US, seal=True)
        assert new.id.seq == Lane.STATE.seq(expected[-1] + 1), "no number is used twice"
        again.abandon()


def test_a_reading_at_fault_is_kept_with_its_batch_body_and_told_by_its_tag_and_time(store: Store, path: Path) -> None:
    store.write([numbered(0, 50, NOW_US - 50, 1), numbered(50, 50, NOW_US - 50, 2)], [], NOW_US, seal=True)
    refusals = 0
    while batches := [lease for seq in range(200) if (lease := at(store, seq)) and 77 in numbers(lease.body)]:
        store.sweep([], [Refusal(batches[0].id, "422 too hot")], NOW_US)
        refusals += 1
    assert refusals < 10
    assert store.figures.rows == 99
    (told,) = store.write([], [], NOW_US, seal=True)
    (gap,) = gaps(told.body)
    assert (gap.cause, gap.device, gap.tag) == (GapCause.REFUSED, "oven-2", "heat")
    assert (gap.from_us, gap.to_us) == (NOW_US - 50 + 27, NOW_US - 50 + 28)
    assert "422 too hot" in gap.detail
    store.close(NOW_US)
    ((kind, reason, body),) = sqlite3.connect(path).execute("SELECT kind, reason, body FROM quarantine")
    assert (kind, numbers(body)) == ("batch", [77])
    assert "422 too hot" in reason


def at(store: Store, seq: int) -> Lease | None:
    """Read the batch of a number, if there is one."""
    lane = Lane.of(seq)
    lease = store.oldest(set(range(lane.seqs[0], seq)), NOW_US, [lane])
    return lease if lease is not None and lease.id.seq == seq else None


def test_a_damaged_batch_is_passed_over_kept_apart_and_told(store: Store, path: Path) -> None:
    for n in range(3):
        store.write([numbered(n, 1, NOW_US - 100 + n)], [], NOW_US, seal=True)
    store.close(NOW_US)
    db = sqlite3.connect(path)
    body = bytearray(db.execute("SELECT body FROM batch WHERE seq = 1").fetchone()[0])
    body[-3] ^= 4
    with db:
        db.execute("UPDATE batch SET body = ? WHERE seq = 1", (bytes(body),))
        db.execute("UPDATE batch SET body = (SELECT body FROM batch WHERE seq = 3) WHERE seq = 2")
    db.close()
    again = opened(path)
    lease = again.oldest(set(), NOW_US)
    assert lease is not None
    assert lease.id.seq == 3
    assert (again.figures.batches, again.figures.rows, again.figures.quarantined) == (1, 1, 2)
    (told,) = again.write([], [], NOW_US, seal=True)
    assert [(gap.cause, gap.from_us) for gap in gaps(told.body)] == [
        (GapCause.BUFFER_DAMAGED, NOW_US - 100),
        (GapCause.BUFFER_DAMAGED, NOW_US - 99),
    ]
    again.abandon()


def test_what_cannot_be_packed_is_kept_apart_and_told(store: Store) -> None:
    rows = numbered(0, 10)
    rows.text[4] = "\0"
    leases = store.write([rows], [], NOW_US, seal=True)
    assert [n for lease in leases for n in numbers(lease.body)] == [0, 1, 2, 3, 5, 6, 7, 8, 9]
    assert store.figures.quarantined == 1
    (told,) = store.write([], [], NOW_US, seal=True)
    assert [gap.cause for gap in gaps(told.body)] == [GapCause.REFUSED]


def test_a_write_that_fails_changes_nothing_and_can_be_repeated(path: Path) -> None:
    store = opened(path, 1_000_000)
    store.write([numbered(0, 10)], [], NOW_US)
    noise = [numbered(n * 20_000, 20_000) for n in range(3)]
    before = store.figures
    with pytest.raises(BufferError, match="full"):
        store.write([concatenate(noise).take((noise[0].value % 7).argsort())] * 40, [], NOW_US)
    assert store.figures == before
    (lease,) = store.write([numbered(10, 10)], [], NOW_US, seal=True)
    assert numbers(lease.body) == list(range(20))
    assert lease.id.seq == 1
    store.abandon()


def test_a_changed_descriptor_keeps_its_id_and_holds_for_what_comes_after(store: Store) -> None:
    changed = replace(TAGS[0], unit="N")
    store.write([numbered(0, 1)], [], NOW_US)
    assert store.register([changed], NOW_US) == [0]
    store.write([numbered(1, 1)], [], NOW_US, seal=True)
    bodies = [lease.body for n in (set(), {1}) if (lease := store.oldest(n, NOW_US))]
    assert [wire.decode(body).tags for body in bodies] == [[TAGS[0]], [changed]]


def test_ids_last(store: Store, path: Path) -> None:
    more = [Tag("new", "one"), *TAGS]
    ids = store.register(more, NOW_US)
    store.close(NOW_US)
    again = opened(path)
    assert again.register(more, NOW_US) == ids == [3, 0, 1, 2]
    again.abandon()


def test_the_oldest_reading_is_known(store: Store) -> None:
    assert store.figures.oldest_us is None
    store.write([numbered(0, 1, NOW_US - 9)], [], NOW_US)
    assert store.figures.oldest_us == NOW_US - 9
    (first,) = store.write([numbered(1, 1, NOW_US - 5)], [], NOW_US, seal=True)
    store.write([numbered(2, 1, NOW_US - 2)], [], NOW_US, seal=True)
    assert store.figures.oldest_us == NOW_US - 9
    store.sweep([first.id], [], NOW_US)
    assert store.figures.oldest_us == NOW_US - 2


def test_a_batch_that_was_refused_is_remembered_as_lent_no_more(store: Store) -> None:
    for n in range(5):
        store.write([numbered(n, 1)], [], NOW_US, seal=True)
        lease = store.oldest(set(), NOW_US)
        assert lease is not None
        store.sweep([], [Refusal(lease.id, "422")], NOW_US)
        assert store.lent == {0: set()}, "or it would grow for as long as something is refused"
