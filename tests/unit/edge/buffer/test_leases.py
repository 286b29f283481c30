"""Leases: nobody gets what another holds, live is what is fresh, and memory stays bounded."""

from uuid import UUID

from edge.buffer.leases import Leases
from edge.ports import Lease
from shared.wire.batch import BatchId
from shared.wire.lane import Lane

EPOCH = UUID(int=3)


def lease(seq: int, size: int = 100, epoch: UUID = EPOCH) -> Lease:
    return Lease(BatchId("g", epoch, seq), bytes(size), 10, 0)


def test_live_is_the_newest_of_the_last_ten_seconds_that_is_free() -> None:
    leases = Leases()
    leases.sealed([lease(1), lease(2)], 100.0)
    leases.sealed([lease(3)], 108.0)
    assert leases.newest(108.0) == lease(3)
    leases.lend(lease(3))
    assert leases.newest(109.0) == lease(2)
    assert leases.newest(111.0) is None
    leases.give_back(lease(3).id)
    assert leases.newest(111.0) == lease(3)


def test_the_oldest_comes_from_memory_only_if_memory_knows_all_that_is_free() -> None:
    leases = Leases()
    leases.sealed([lease(8), lease(9)], 100.0)
    assert leases.oldest(Lane.PROCESS, on_disk=2) == lease(8)
    assert leases.oldest(Lane.PROCESS, on_disk=3) is None, "one on disk is older"
    leases.lend(lease(8))
    assert leases.oldest(Lane.PROCESS, on_disk=2) == lease(9)
    assert leases.available(Lane.PROCESS, on_disk=2) == 1


def test_what_is_held_or_leaves_is_counted_off() -> None:
    leases = Leases()
    leases.sealed([lease(1), lease(2), lease(3)], 0.0)
    leases.lend(lease(1))
    leases.lend(lease(2))
    assert leases.leave(lease(1).id) == lease(1)
    assert leases.leave(lease(1).id) is None, "it left already"
    assert leases.leave(lease(3).id) is None, "nobody held it"
    assert (leases.available(Lane.PROCESS, 3), leases.taken()) == (1, {1, 2})
    leases.left([lease(1).id])
    assert (leases.available(Lane.PROCESS, 2), leases.taken()) == (1, {2})


def test_another_epochs_batch_of_the_same_number_is_another_batch() -> None:
    leases = Leases()
    leases.lend(lease(1))
    other = lease(1, epoch=UUID(int=4)).id
    assert not leases.holds(other)
    assert leases.leave(other) is None
    leases.give_back(other)
    assert leases.holds(lease(1).id)


def test_somebody_is_abreast_while_the_newest_is_taken() -> None:
    leases = Leases()
    assert leases.is_abreast(Lane.PROCESS)
    leases.sealed([lease(1)], 0.0)
    assert not leases.is_abreast(Lane.PROCESS)
    leases.lend(lease(1))
    assert leases.is_abreast(Lane.PROCESS)
    leases.sealed([lease(2)], 1.0)
    leases.lend(lease(1))
    assert not leases.is_abreast(Lane.PROCESS)


def test_a_batch_that_was_read_from_disk_before_word_of_it_came_counts_as_taken() -> None:
    leases = Leases()
    leases.lend(lease(1))
    leases.sealed([lease(1)], 0.0)
    assert leases.is_abreast(Lane.PROCESS)
    assert leases.newest(0.0) is None


def test_memory_holds_the_newest_sixteen_megabytes_and_ten_seconds() -> None:
    leases = Leases()
    for seq in range(1, 41):
        leases.sealed([lease(seq, 1_000_000)], 50.0 + seq / 100)
    assert leases.oldest(Lane.PROCESS, on_disk=16) == lease(25, 1_000_000)
    leases.sealed([lease(41)], 70.0)
    assert leases.oldest(Lane.PROCESS, on_disk=1) == lease(41)


def test_the_most_urgent_lane_is_live_first_and_each_lane_counts_for_itself() -> None:
    leases = Leases()
    state, debug = lease(Lane.STATE.seq(1)), lease(Lane.DEBUG.seq(1))
    leases.sealed([state, lease(1), debug], 100.0)
    assert leases.newest(100.0) == state
    leases.lend(state)
    assert leases.newest(100.0) == lease(1)
    assert [leases.available(lane, 1) for lane in Lane] == [1, 0, 1]
    assert [leases.is_abreast(lane) for lane in Lane] == [False, True, False]
    leases.lend(lease(1))
    assert leases.newest(100.0) == debug
    assert leases.oldest(Lane.DEBUG, on_disk=1) == debug
    assert leases.oldest(Lane.DEBUG, on_disk=2) is None
