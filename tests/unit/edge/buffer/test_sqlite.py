"""The buffer as a whole: its pace, its failures, its end and its next life."""

import asyncio
import sqlite3
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge.buffer.intake import COMMIT_ROWS, MAX_PENDING_ROWS
from edge.buffer.sqlite import SqliteBuffer
from edge.errors import BufferError, BufferFull  # noqa: A004 - the field's word
from shared.reading import Flag, GapCause, Readings
from shared.wire.batch import BatchId, decode
from shared.wire.lane import Lane
from tests.fakes import disk
from tests.fakes.clock import HandClock, happens, turns
from tests.fakes.readings import TAGS, gaps, numbered, numbers
from tests.fakes.sqlite import GATEWAY, crashed, running


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "buffer.db"


async def taken(buffer: SqliteBuffer, first: int, count: int, *, noise: bool = False) -> None:
    """Append and wait in real time; only for what is committed without time passing. Noise does not compress."""
    rows = numbered(first, count)
    if noise:
        status = np.random.default_rng(first).integers(0, 2**32, count, np.uint32)
        rows = replace(rows, status=status)
    async with asyncio.timeout(60):
        await (await buffer.append(rows))


def harm(path: Path) -> None:
    """Overwrite some of the file where it stands, while somebody has it open."""
    size = path.stat().st_size
    with path.open("r+b") as opened:
        opened.seek(size // 3)
        opened.write(b"\x5a" * (size // 6))


async def filled(buffer: SqliteBuffer) -> int:
    """Append until it is full; returns how many readings it took."""
    for first in range(0, 1_000_000, COMMIT_ROWS):
        try:
            await taken(buffer, first, COMMIT_ROWS, noise=True)
        except BufferFull:
            return first
    raise AssertionError("it took everything")


async def passes(buffer: SqliteBuffer, clock: HandClock, seconds: float) -> None:
    """Let time pass, and the buffer's thread do what that asks of it."""
    await clock.advance(seconds)
    # done only when all jobs before it are
    buffer.register([])
    await turns()


async def drained(buffer: SqliteBuffer) -> list[int]:
    """Take everything out."""
    await buffer.flush()
    found: list[int] = []
    while lease := await buffer.lease(live=False, wait=False):
        found += numbers(lease.body)
        await buffer.settle(lease.id)
    return sorted(found)


async def test_what_comes_within_fifty_milliseconds_shares_a_commit(path: Path, clock: HandClock) -> None:
    async with running(path, clock) as buffer:
        buffer.register(TAGS)
        await turns()
        promises = []
        for number in range(4):
            promises.append(await buffer.append(numbered(number, 1)))
            await clock.advance(0.012)
        assert not any(promise.done() for promise in promises)
        await clock.advance(0.003)
        await asyncio.wait_for(asyncio.gather(*promises), 60)
        assert buffer.stats().commits == 1


async def test_a_prompt_append_takes_the_others_along(path: Path, clock: HandClock) -> None:
    async with running(path, clock) as buffer:
        buffer.register(TAGS)
        lazy = await buffer.append(numbered(0, 1))
        prompt = await buffer.append(numbered(1, 1), prompt=True)
        await clock.advance(0.002)
        await asyncio.wait_for(asyncio.gather(lazy, prompt), 60)
        assert buffer.stats().commits == 1


async def test_many_rows_are_committed_at_once(path: Path, clock: HandClock) -> None:
    async with running(path, clock) as buffer:
        buffer.register(TAGS)
        await taken(buffer, 0, COMMIT_ROWS)
        assert buffer.stats().committed == COMMIT_ROWS


async def test_while_somebody_takes_them_batches_are_sealed_every_half_second(path: Path, clock: HandClock) -> None:
    async with running(path, clock) as buffer:
        buffer.register(TAGS)
        for number in range(4):
            await buffer.append(numbered(number, 1))
            lease = asyncio.create_task(buffer.lease(live=True))
            # 50 ms to the commit, 500 ms to the seal; the hand stands still while the disk takes its own time
            await clock.advance(0.051)
            await happens(lambda number=number: buffer.stats().committed == number + 1)
            await clock.advance(0.501)
            await happens(lease.done)
            assert (got := await lease) is not None
            assert numbers(got.body) == [number]


async def test_while_nobody_takes_them_batches_wait_ten_seconds_to_grow(path: Path, clock: HandClock) -> None:
    async with running(path, clock) as buffer:
        buffer.register(TAGS)
        for number in range(300):
            await buffer.append(numbered(number, 1))
            await passes(buffer, clock, 0.1)
        # one after half a second, for it could be wanted; then one in ten
        assert buffer.stats().batches == 3
        assert await drained(buffer) == list(range(300))


async def test_a_commit_that_fails_is_repeated_and_nothing_is_promised_meanwhile(path: Path, clock: HandClock) -> None:
    async with running(path, clock) as buffer:
        buffer.register(TAGS)
        await taken(buffer, 0, COMMIT_ROWS)
        with disk.refusing():
            promise = await buffer.append(numbered(COMMIT_ROWS, 10))
            await clock.until(lambda: buffer.stats().failure)
            await clock.advance(30.0)
            await turns()
            assert "disk I/O error" in (buffer.stats().failure or "")
            assert not promise.done()
            assert buffer.stats().committed == COMMIT_ROWS
        await clock.until(promise.done)
        assert promise.exception() is None
        # a beat that failed meanwhile is told as mended when the next one succeeds
        await clock.until(lambda: buffer.stats().failure is None)
        assert await drained(buffer) == list(range(COMMIT_ROWS + 10))


async def test_what_came_while_a_commit_failed_is_committed_without_more_coming(path: Path, clock: HandClock) -> None:
    async with running(path, clock) as buffer:
        buffer.register(TAGS)
        await taken(buffer, 0, COMMIT_ROWS)
        with disk.refusing():
            first = await buffer.append(numbered(COMMIT_ROWS, 1))
            await clock.until(lambda: buffer.stats().failure)
            second = await buffer.append(numbered(COMMIT_ROWS + 1, 1))
            await clock.advance(0.06)
        await clock.until(first.done)
        # no time passes any more, however long the disk takes
        await happens(second.done)
        assert await drained(buffer) == list(range(COMMIT_ROWS + 2))


async def test_while_commits_fail_memory_is_bounded_and_appending_waits(path: Path, clock: HandClock) -> None:
    async with running(path, clock) as buffer:
        buffer.register(TAGS)
        await taken(buffer, 0, COMMIT_ROWS)
        total = COMMIT_ROWS
        with disk.refusing():
            while total < COMMIT_ROWS + MAX_PENDING_ROWS:
                await asyncio.wait_for(buffer.append(numbered(total, 10_000)), 60)
                total += 10_000
            waiting = asyncio.create_task(buffer.append(numbered(total, 1)))
            await clock.advance(60.0)
            assert not waiting.done()
            assert buffer.stats().appended == total
        await clock.until(waiting.done)
        await clock.until((await waiting).done)
        assert await drained(buffer) == list(range(total + 1))


async def test_what_the_cloud_has_is_deleted_though_commits_fail_for_want_of_room(path: Path, clock: HandClock) -> None:
    async with running(path, clock, max_bytes=1_000_000) as buffer:
        buffer.register(TAGS)
        first = await filled(buffer)
        stats = buffer.stats()
        assert stats.appended == stats.committed == first, "nothing was taken"
        assert stats.bytes <= stats.max_bytes
        lease = await buffer.lease(live=False)
        assert lease is not None
        await buffer.settle(lease.id)
        await clock.until(lambda: buffer.stats().bytes < stats.bytes)
        await taken(buffer, first, COMMIT_ROWS, noise=True)
        on_disk = sum(part.stat().st_size for part in path.parent.iterdir())
        assert on_disk <= 1_000_000


async def test_closing_keeps_every_promise_and_the_next_life_has_it_all(path: Path, clock: HandClock) -> None:
    async with running(path, clock) as buffer:
        buffer.register(TAGS)
        promises = [await buffer.append(numbered(number, 1)) for number in range(5)]
    assert all(promise.done() and promise.exception() is None for promise in promises)
    assert [part.name for part in path.parent.iterdir()] == [path.name], "the log is emptied into the file"
    async with running(path, clock) as buffer:
        assert await drained(buffer) == list(range(5))


async def test_closing_on_a_disk_that_refuses_breaks_the_promises_and_says_so(path: Path, clock: HandClock) -> None:
    async with running(path, clock) as buffer:
        buffer.register(TAGS)
        await taken(buffer, 0, COMMIT_ROWS)
        with disk.refusing():
            promise = await buffer.append(numbered(COMMIT_ROWS, 3))
            await buffer.close()
        assert isinstance(promise.exception(), BufferError)
    async with running(path, clock) as buffer:
        assert await drained(buffer) == list(range(COMMIT_ROWS))


async def test_being_cancelled_in_mid_commit_neither_loses_nor_doubles(path: Path, clock: HandClock) -> None:
    for attempt in range(30):
        buffer = await SqliteBuffer.open(path, max_bytes=50_000_000, gateway=GATEWAY, clock=clock)
        buffer.register(TAGS)
        run = asyncio.create_task(buffer.run())
        promise = await buffer.append(numbered(attempt * COMMIT_ROWS, COMMIT_ROWS))
        await turns(attempt % 6)
        run.cancel()
        await asyncio.wait([run])
        await buffer.close()
        assert promise.exception() is None
    async with running(path, clock) as buffer:
        assert await drained(buffer) == list(range(30 * COMMIT_ROWS))


async def test_one_who_stops_waiting_for_a_promise_breaks_it_for_nobody_else(path: Path, clock: HandClock) -> None:
    async with running(path, clock) as buffer:
        buffer.register(TAGS)
        gone, other = await buffer.append(numbered(0, 1)), await buffer.append(numbered(1, 1))
        gone.cancel()
        await clock.until(other.done)
        assert other.exception() is None
        assert await drained(buffer) == [0, 1]


@pytest.mark.parametrize("idle_s", [0, 61])
async def test_after_a_crash_the_hole_is_told_from_the_last_sign_of_life(
    path: Path, clock: HandClock, tmp_path: Path, idle_s: int
) -> None:
    async with running(path, clock) as buffer:
        buffer.register(TAGS)
        await taken(buffer, 0, COMMIT_ROWS)
        for _ in range(idle_s):
            await passes(buffer, clock, 1.0)
        died_us = clock.now_us()
        copy = crashed(path, tmp_path / "crash")
    clock.jump(3_600.0)
    async with running(copy, clock) as buffer:
        await buffer.flush()
        told = []
        while lease := await buffer.lease(live=False, wait=False):
            told += gaps(lease.body)
    (gap,) = told
    assert gap.cause == GapCause.GATEWAY_DOWN
    assert 0 <= died_us - gap.from_us <= 20_000_000
    assert gap.to_us == clock.now_us()


async def test_a_file_found_damaged_in_use_is_replaced_told_and_work_goes_on(path: Path, clock: HandClock) -> None:
    async with running(path, clock) as buffer:
        buffer.register(TAGS)
        # more than SQLite keeps in memory
        for number in range(200):
            await taken(buffer, COMMIT_ROWS * number, COMMIT_ROWS, noise=True)
    async with running(path, clock) as buffer:
        buffer.register(TAGS)
        epoch = buffer.stats().epoch
        harm(path)
        bodies: dict[BatchId, bytes] = {}
        draining = asyncio.create_task(collected(buffer, bodies))
        await clock.until(lambda: buffer.stats().epoch != epoch)
        await clock.until(draining.done)
        await taken(buffer, 1_000_000, COMMIT_ROWS)
        await buffer.flush()
        await collected(buffer, bodies)
        await clock.until(lambda: buffer.stats().failure is None)
    found = Counter(number for body in bodies.values() for number in numbers(body))
    assert set(found.values()) == {1}
    assert found.keys() >= set(range(1_000_000, 1_000_000 + COMMIT_ROWS))
    assert len(found) > 400_000, "what was not overwritten came back"
    assert GapCause.BUFFER_DAMAGED in {gap.cause for body in bodies.values() for gap in gaps(body)}


async def collected(buffer: SqliteBuffer, bodies: dict[BatchId, bytes]) -> None:
    """Take all there is, as a cloud does."""
    while lease := await buffer.lease(live=False, wait=False):
        bodies[lease.id] = lease.body
        await buffer.settle(lease.id)


async def test_one_batch_is_not_lent_twice_though_it_is_both_the_oldest_and_the_newest(
    path: Path, clock: HandClock
) -> None:
    async with running(path, clock) as buffer:
        buffer.register(TAGS)
        await taken(buffer, 0, COMMIT_ROWS)
    # the first batch is passed over when it is read, which takes longer than lending the second from memory
    db = sqlite3.connect(path)
    with db:
        db.execute("UPDATE batch SET body = zeroblob(length(body))")
    db.close()
    async with running(path, clock) as buffer:
        buffer.register(TAGS)
        await taken(buffer, COMMIT_ROWS, COMMIT_ROWS)
        await buffer.flush()
        # the hole since the last life
        told = await buffer.lease(live=True, wait=False)
        assert told is not None
        assert told.id.lane is Lane.STATE
        reading = asyncio.create_task(buffer.lease(live=False, wait=False))
        await asyncio.sleep(0)
        newest = await buffer.lease(live=True, wait=False)
        other = await asyncio.wait_for(reading, 60)
        assert newest is not None
        assert COMMIT_ROWS in numbers(newest.body)
        assert other is None


async def test_an_id_that_was_never_given_is_refused_to_who_uses_it(path: Path, clock: HandClock) -> None:
    async with running(path, clock) as buffer:
        buffer.register(TAGS)
        with pytest.raises(ValueError, match="tag id 3"):
            await buffer.append(numbered(0, 1, tag=3))


async def test_columns_of_unequal_length_are_refused_to_who_made_them(path: Path, clock: HandClock) -> None:
    async with running(path, clock) as buffer:
        buffer.register(TAGS)
        rows = numbered(0, 3)
        with pytest.raises(ValueError, match="unequal"):
            await buffer.append(
                Readings(rows.tag, rows.ts[:2], rows.received, rows.value, rows.quality, rows.flags, rows.status)
            )


async def test_the_figures_add_up(path: Path, clock: HandClock) -> None:
    async with running(path, clock) as buffer:
        buffer.register(TAGS)
        await taken(buffer, 0, COMMIT_ROWS)
        await buffer.flush()
        lease = await buffer.lease(live=True)
        assert lease is not None
        await taken(buffer, COMMIT_ROWS, COMMIT_ROWS)
        await buffer.settle(lease.id)
        await clock.until(lambda: buffer.stats().batches == 0)
        stats = buffer.stats()
        assert (stats.appended, stats.committed, stats.settled) == (2 * COMMIT_ROWS, 2 * COMMIT_ROWS, COMMIT_ROWS)
        assert (stats.rows, stats.quarantined, stats.failure) == (COMMIT_ROWS, 0, None)
        assert 0 < stats.bytes < stats.max_bytes < 50_000_000
        assert stats.oldest_us == 1_800_000_000_000_000


async def test_what_was_taken_under_a_clock_that_was_not_set_is_kept_until_it_is_and_leaves_with_the_right_time(
    path: Path, clock: HandClock
) -> None:
    async with running(path, clock) as buffer:
        buffer.register(TAGS)
        buffer.hold()
        since_us = clock.now_us()
        await clock.advance(1)
        rows = numbered(0, 3)
        now = np.full(3, clock.now_us())
        await buffer.append(replace(rows, ts=now, received=now, flags=rows.flags | np.uint8(Flag.CLOCK_NOT_SET)))
        async with asyncio.timeout(60):
            await buffer.flush()
        assert await buffer.lease(live=True, wait=False) is None
        assert buffer.stats().batches == 1
        clock.jump(3600)
        assert await buffer.rebase(since_us, 3_600_000_000) == 1
        buffer.release()
        lease = await buffer.lease(live=True, wait=False)
        assert lease is not None
        told = decode(lease.body)
        assert told.readings.received.tolist() == [since_us + 3_601_000_000] * 3
        assert told.readings.flags.tolist() == [Flag.TIME_REBASED] * 3
        assert lease.id == told.header.id


async def test_a_batch_that_may_have_been_sent_keeps_its_content(path: Path, clock: HandClock) -> None:
    async with running(path, clock) as buffer:
        buffer.register(TAGS)
        buffer.hold()
        since_us = clock.now_us()
        rows = numbered(0, 3)
        now = np.full(3, since_us)
        await buffer.append(replace(rows, ts=now, received=now, flags=rows.flags | np.uint8(Flag.CLOCK_NOT_SET)))
        async with asyncio.timeout(60):
            await buffer.flush()
        # nobody set the clock for so long that it is not waited for
        buffer.release()
        lease = await buffer.lease(live=False, wait=False)
        assert lease is not None
        await buffer.give_back(lease.id)
        assert await buffer.rebase(since_us, 3_600_000_000) == 0
        again = await buffer.lease(live=False, wait=False)
        assert again is not None
        assert again.body == lease.body
