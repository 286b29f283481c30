"""Readings that were taken under a clock that was not set are moved once, and nothing else is."""

from dataclasses import replace
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from edge.buffer.rebasing import moved
from shared.reading import Flag, Gap, GapCause, Readings, Tag, concatenate, from_rows
from shared.wire.batch import BatchId, decode, encode

SINCE = 1_790_000_000_000_000
S = 1_000_000
DAY = 86_400 * S
NOW = SINCE + DAY + 60 * S
ID = BatchId("hall-2", UUID(int=7), 3)
UNSET = int(Flag.CLOCK_NOT_SET)


def sealed(readings: Readings, *gaps: Gap, at: int = SINCE + 60 * S) -> bytes:
    return encode(ID, at, [Tag("press", "temp"), Tag("press", "count")], readings, gaps)


def rows(*received_s: int, tag: int = 0, flags: int = UNSET, source_s: int | None = None) -> Readings:
    received = [SINCE + each * S for each in received_s]
    ts = received if source_s is None else [each + source_s * S for each in received]
    return from_rows([tag] * len(ts), ts, received, [float(each) for each in received_s], 0, flags)


def test_what_was_counted_on_is_moved_with_its_flag_and_a_sources_own_time_stays() -> None:
    own = rows(7, 8, tag=1, source_s=DAY // S)
    batch = moved(sealed(concatenate([rows(5, 6), own])), SINCE, DAY, NOW)
    assert batch is not None
    assert (batch.lease.id, batch.lease.sealed_us) == (ID, NOW)
    assert (batch.oldest_us, batch.newest_us) == (SINCE + 5 * S + DAY, SINCE + 8 * S + DAY)
    found = decode(batch.lease.body)
    assert found.header.id == ID
    readings = found.readings
    assert readings.received.tolist() == [SINCE + each * S + DAY for each in (5, 6, 7, 8)]
    assert readings.ts.tolist() == [SINCE + each * S + DAY for each in (5, 6, 7, 8)]
    assert set(readings.flags.tolist()) == {Flag.TIME_REBASED}


def test_moving_twice_moves_once() -> None:
    batch = moved(sealed(rows(5)), SINCE, DAY, NOW)
    assert batch is not None
    assert moved(batch.lease.body, SINCE, DAY, NOW + DAY) is None


def test_what_was_taken_under_a_clock_that_was_set_or_in_an_earlier_life_is_not_touched() -> None:
    assert moved(sealed(rows(5, flags=0)), SINCE, DAY, NOW) is None
    assert moved(sealed(rows(-50)), SINCE, DAY, NOW) is None
    batch = moved(sealed(concatenate([rows(-50, 5), rows(9, flags=int(Flag.RETAINED))])), SINCE, DAY, NOW)
    assert batch is not None
    readings = decode(batch.lease.body).readings
    assert (readings.received - SINCE).tolist() == [-50 * S, 5 * S + DAY, 9 * S]
    assert readings.flags.tolist() == [UNSET, Flag.TIME_REBASED, Flag.RETAINED]


def test_a_hole_from_the_last_sign_of_life_on_grows_and_one_that_began_later_moves() -> None:
    down = Gap(GapCause.GATEWAY_DOWN, SINCE, SINCE + 3 * S, "press")
    lost = Gap(GapCause.COMMUNICATION_LOST, SINCE + 10 * S, SINCE + 20 * S, "press")
    batch = moved(sealed(rows(5), down, lost), SINCE, DAY, NOW)
    assert batch is not None
    assert decode(batch.lease.body).gaps == [
        replace(down, to_us=down.to_us + DAY),
        replace(lost, from_us=lost.from_us + DAY, to_us=lost.to_us + DAY),
    ]


def test_a_damaged_batch_is_left_for_whoever_lends_it() -> None:
    assert moved(sealed(rows(5))[:-1] + b"x", SINCE, DAY, NOW) is None


@given(st.lists(st.integers(0, 59), min_size=1, max_size=20), st.integers(-50 * DAY, 50 * DAY))
def test_no_reading_is_lost_doubled_or_reordered(received_s: list[int], delta_us: int) -> None:
    before = rows(*sorted(received_s))
    batch = moved(sealed(before), SINCE, delta_us, SINCE + 60 * S + max(0, delta_us))
    assert batch is not None
    after = decode(batch.lease.body).readings
    assert after.value.tolist() == before.value.tolist()
    assert (after.ts - before.ts).tolist() == [delta_us] * len(before)
