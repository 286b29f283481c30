"""Rollups: what the readings add up to, whatever the order, the repetitions and the lateness in which they came."""

import asyncio
import math
import random
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from sqlalchemy import text

from cloud.errors import DatabaseUnavailable
from cloud.telemetry import settling
from shared.reading import Quality, concatenate, from_rows
from tests.integration.cloud.telemetry.sender import COUNT, NOON, SECOND, TEMP, rows, states
from tests.integration.cloud.waiting import until_waiting

MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
# what any test here touches is due then
LATER = datetime.now(UTC) + timedelta(days=1)
FACTS = "good, uncertain, bad, numbers, total, low, high, first, last, first_at, last_at, area, known_s"

Said = tuple[int, float, int]


async def rollups(gateway, level: str) -> list[tuple]:
    found = await gateway.query(
        f"SELECT tag.name, bucket, {FACTS} FROM rollup_{level} JOIN tag ON tag.id = tag_id "
        "WHERE gateway_id = :gateway ORDER BY tag.name, bucket"
    )
    return [tuple(row) for row in found]


def reference(said: list[Said], width: int) -> list[tuple]:
    """Return the same facts of one tag, by brute force from its readings: (time, value, quality)."""
    found = []
    for bucket in sorted({ts // width for ts, _, _ in said}):
        inside = sorted(each for each in said if each[0] // width == bucket)
        numbers = [None if quality == 2 or math.isnan(value) else value for _, value, quality in inside]
        known = [each for each in numbers if each is not None]
        held = [
            (number, (later[0] - earlier[0]) / SECOND)
            for number, (earlier, later) in zip(numbers, pairwise(inside), strict=False)
            if number is not None
        ]
        found.append(
            (
                utc(bucket * width),
                *(sum(quality == wanted for _, _, quality in inside) for wanted in Quality),
                len(known),
                pytest.approx(sum(known)),
                min(known, default=None),
                max(known, default=None),
                numbers[0],
                numbers[-1],
                utc(inside[0][0]),
                utc(inside[-1][0]),
                pytest.approx(sum(number * seconds for number, seconds in held)),
                pytest.approx(sum(seconds for _, seconds in held)),
            )
        )
    return found


def utc(us: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)


def a_month_of_a_tag(seed: int) -> list[Said]:
    chance = random.Random(seed)
    times = sorted(chance.sample(range(NOON, NOON + 40 * HOUR, SECOND // 2), 300))
    times += [NOON + 30 * DAY + each * MINUTE for each in range(5)]
    return [(ts, chance.choice([math.nan, chance.uniform(-50, 50)]), chance.choice([0, 0, 0, 1, 2])) for ts in times]


def block(said: list[Said]):
    times = [ts for ts, _, _ in said]
    return from_rows(
        [TEMP] * len(said),
        times,
        [ts + 2000 for ts in times],
        [value for _, value, _ in said],
        quality=[quality for _, _, quality in said],
    )


async def test_each_level_is_what_brute_force_finds_in_the_readings(gateway, database):
    said = a_month_of_a_tag(1)
    await gateway.send(block(said))
    assert await settling.settle_all(database, LATER + timedelta(days=60)) > 0
    for level, width in (("minute", MINUTE), ("hour", HOUR), ("day", DAY)):
        assert [row[1:] for row in await rollups(gateway, level)] == reference(said, width)


@pytest.mark.parametrize("seed", range(3))
async def test_shuffled_repeated_and_late_readings_end_in_the_same_bits(new_gateway, tenant, database, seed):
    said = a_month_of_a_tag(seed)
    at_once, in_pieces = await new_gateway(tenant.organization_id), await new_gateway(tenant.organization_id)
    await at_once.send(block(said))
    chance = random.Random(seed)
    pieces = [said[begin : begin + 17] for begin in range(0, len(said), 17)]
    chance.shuffle(pieces)
    for piece in [*pieces, *chance.sample(pieces, 5)]:
        chance.shuffle(piece)
        await in_pieces.send(block(piece))
        if chance.random() < 0.5:
            await settling.settle_all(database, LATER + timedelta(days=60))
    await settling.settle_all(database, LATER + timedelta(days=60))
    for level in ("minute", "hour", "day"):
        assert await rollups(at_once, level) == await rollups(in_pieces, level)


async def test_a_late_reading_changes_its_minute_its_hour_and_its_day_and_nothing_else(gateway, database):
    await gateway.send(rows(1.0, 3.0, step=DAY))
    await settling.settle_all(database, LATER)
    before = {level: await rollups(gateway, level) for level in ("minute", "hour", "day")}
    await gateway.send(rows(5.0, ts=NOON + 10 * SECOND))
    assert await settling.settle_all(database, LATER) == 1
    for level, was in before.items():
        [first, second] = await rollups(gateway, level)
        assert (first[2], first[6], second) == (2, 6.0, was[1])


async def test_a_live_minute_waits_until_it_is_over(gateway, database):
    await gateway.send(rows(1.0))
    assert await settling.settle(database, utc(NOON + 30 * SECOND)) == 0
    assert await settling.settle(database, utc(NOON + MINUTE)) == 1


async def test_a_clock_that_runs_ahead_delays_its_readings_by_a_minute_at_most(gateway, database):
    await gateway.send(rows(1.0, ts=NOON + 3650 * DAY))
    assert await settling.settle_all(database, datetime.now(UTC)) == 0
    assert await settling.settle_all(database, datetime.now(UTC) + timedelta(seconds=61)) == 1


async def test_readings_under_way_while_others_settle_are_not_forgotten(gateway, database, app):
    await gateway.send(rows(1.0))
    async with database.transaction() as batch:
        # a batch that has its readings and its mark, and not yet its commit
        await batch.execute(
            text(
                "INSERT INTO reading (tag_id, ts, n, received_at, value, quality, flags) "
                "SELECT id, to_timestamp(:second), 0, now(), 9, 0, 0 FROM tag "
                "WHERE gateway_id = :gateway AND name = 'temp'"
            ),
            {"second": NOON // SECOND + 1, "gateway": gateway.caller.gateway_id},
        )
        await batch.execute(
            text(
                "INSERT INTO touched (gateway_id, due_at, tag_ids, minutes) SELECT gateway_id, now(), ARRAY[id], "
                "ARRAY[:minute] FROM tag WHERE gateway_id = :gateway AND name = 'temp'"
            ),
            {"minute": NOON // MINUTE, "gateway": gateway.caller.gateway_id},
        )
        assert await settling.settle_all(database, LATER) == 1
        assert [row[5] for row in await rollups(gateway, "minute")] == [1]
    assert await settling.settle_all(database, LATER) == 1
    assert [(row[5], row[6]) for row in await rollups(gateway, "minute")] == [(2, 10.0)]


async def test_what_is_live_does_not_wait_for_a_backlog_and_what_is_told_again_is_done_once(gateway, database):
    await gateway.send(rows(1, 2, 3))
    await settling.settle_all(database, LATER)
    async with database.transaction() as session:
        # lines of an old day, each of them as much as is done at once; the second says what the first said
        await session.execute(
            text(
                "INSERT INTO touched (gateway_id, due_at, tag_ids, minutes) SELECT gateway_id, to_timestamp(0), "
                "array_fill(id, ARRAY[100]), ARRAY(SELECT generate_series(place, place + 99)) "
                "FROM tag, unnest(ARRAY[0, 0, 100]) AS place WHERE gateway_id = :gateway AND name = 'temp'"
            ),
            {"gateway": gateway.caller.gateway_id},
        )
    await gateway.send(rows(10, ts=NOON + MINUTE))
    assert await settling.settle(database, LATER, at_once=100) == 101
    assert [bucket for _, bucket, *_ in await rollups(gateway, "minute")] == [utc(NOON), utc(NOON + MINUTE)]
    assert len(await gateway.query("SELECT 1 FROM touched WHERE gateway_id = :gateway")) == 1
    assert await settling.settle_all(database, LATER) == 100


async def test_a_crash_before_the_commit_leaves_everything_to_be_done_again(gateway, database):
    await gateway.send(rows(1.0, 2.0, step=MINUTE))

    async def settle_and_be_cut_off() -> None:
        with pytest.raises(DatabaseUnavailable):
            await settling.settle(database, LATER)

    async with asyncio.TaskGroup() as group, database.transaction() as report:
        await report.execute(text("LOCK TABLE rollup_day"))
        group.create_task(settle_and_be_cut_off())
        await until_waiting(database, 1)
        await report.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
        )
    assert await rollups(gateway, "minute") == []
    assert await settling.settle_all(database, LATER) == 2
    assert len(await rollups(gateway, "minute")) == 2


async def test_two_who_settle_at_once_do_not_both_do_it(gateway, database):
    await gateway.send(rows(1.0))
    async with database.transaction() as other:
        await other.execute(settling.LOCK)
        assert await settling.settle(database, LATER) == 0
    assert await settling.settle(database, LATER) == 1


@pytest.mark.parametrize("extreme", [1.7e308, -1.7e308, 5e-324, -2.2e-308])
async def test_a_number_at_the_end_of_a_doubles_range_does_not_stop_the_rest(gateway, database, extreme):
    await gateway.send(rows(extreme, extreme, extreme, 1.0))
    await gateway.send(rows(7.0, tag=COUNT))
    assert await settling.settle_all(database, LATER) == 2
    count, temp = await rollups(gateway, "hour")
    assert (count[6], temp[2]) == (7.0, 4)
    assert temp[6] == 1.0


async def test_texts_count_and_have_no_number(gateway, database):
    await gateway.send(concatenate([states("producing", "idle"), rows(2.0)]))
    await settling.settle_all(database, LATER)
    mode = (await rollups(gateway, "minute"))[0]
    assert mode[:1] + mode[2:11] == ("mode", 2, 0, 0, 0, 0.0, None, None, None, None)


async def test_a_month_that_comes_near_gets_its_partition_and_what_was_kept_elsewhere(gateway, database):
    place = (
        "SELECT tableoid::regclass::text, numbers FROM rollup_minute "
        "WHERE tag_id IN (SELECT id FROM tag WHERE gateway_id = :gateway)"
    )
    far = datetime(2098, 11, 20, 12, tzinfo=UTC)
    far_us = int(far.timestamp()) * SECOND
    await gateway.send(rows(1.0, ts=far_us))
    await settling.settle_all(database, LATER)
    assert [tuple(row) for row in await gateway.query(place)] == [("rollup_minute_other", 1)]
    await gateway.send(rows(2.0, ts=far_us + SECOND))
    await settling.settle_all(database, far)
    assert [tuple(row) for row in await gateway.query(place)] == [("rollup_minute_209811", 2)]
