"""What is kept for a time: it goes when it is old and rolled up, that it went is known, and nothing else changes."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
import structlog
from sqlalchemy import text

from cloud.errors import Invalid
from cloud.telemetry import retention, settling
from cloud.telemetry.partitions import name_of
from cloud.telemetry.schemas import Kept
from tests.integration.cloud.telemetry.sender import SECOND, rows
from tests.integration.cloud.telemetry.test_settling import HOUR, MINUTE, rollups, utc
from tests.integration.cloud.waiting import until_waiting

NOW = datetime.now(UTC)
TODAY = NOW.replace(hour=0, minute=0, second=0, microsecond=0)


@pytest.fixture
def database_url(fresh_database_url: str) -> str:
    """Dropping concerns everybody, so each test has a database of its own."""
    return fresh_database_url


def noon(days_ago: int) -> int:
    return int((TODAY - timedelta(days=days_ago) + timedelta(hours=12)).timestamp()) * SECOND


async def keep(database, **wanted: int | None) -> None:
    async with database.transaction() as session:
        await retention.set_policy(session, {Kept(kind): days for kind, days in wanted.items()})


async def settle(database) -> None:
    await settling.settle_all(database, NOW + timedelta(minutes=5))


async def levels(gateway) -> dict[str, list[tuple]]:
    return {level: await rollups(gateway, level) for level in ("minute", "hour", "day")}


async def test_what_is_old_and_rolled_up_goes_and_its_rollups_and_the_rest_stay(gateway, database):
    await gateway.send(rows(1.0, 2.0, ts=noon(40)))
    await gateway.send(rows(3.0, ts=noon(10)))
    await settle(database)
    before = await levels(gateway)
    await keep(database, readings=30)
    assert await retention.apply(database, NOW) == [name_of((TODAY - timedelta(days=40)).date())]
    assert [value for _, _, value, _, _ in await gateway.stored()] == [3.0]
    assert await levels(gateway) == before
    async with database.transaction() as session:
        [readings, *_] = await retention.shown(session)
    day = TODAY - timedelta(days=40)
    assert (readings.dropped_from, readings.dropped_to, readings.dropped_rows) == (day, day + timedelta(days=1), 2)
    assert await retention.apply(database, NOW) == []


async def test_without_an_operators_word_nothing_goes(gateway, database):
    await gateway.send(rows(1.0, ts=noon(399)))
    await settle(database)
    assert await retention.apply(database, NOW) == []
    assert len(await gateway.stored()) == 1


async def test_what_is_not_rolled_up_yet_does_not_go(gateway, database):
    await gateway.send(rows(1.0, ts=noon(40)))
    await keep(database, readings=30)
    with structlog.testing.capture_logs() as told:
        assert await retention.apply(database, NOW) == []
    assert [line["event"] for line in told] == ["retention_waits"]
    assert len(await gateway.stored()) == 1
    await settle(database)
    assert len(await retention.apply(database, NOW)) == 1


async def test_a_batch_under_way_holds_up_the_drop_of_its_day_and_is_not_lost(gateway, database):
    await gateway.send(rows(1.0, ts=noon(40)))
    await settle(database)
    await keep(database, readings=30)
    async with asyncio.TaskGroup() as group, database.transaction() as batch:
        await batch.execute(
            text(
                "INSERT INTO reading (tag_id, ts, n, received_at, value, quality, flags) "
                "SELECT id, to_timestamp(:at), 0, now(), 9, 0, 0 FROM tag WHERE name = 'temp'"
            ),
            {"at": noon(40) // SECOND + 5},
        )
        dropping = group.create_task(retention.apply(database, NOW))
        await until_waiting(database, 1)
        await batch.execute(
            text(
                "INSERT INTO touched (gateway_id, due_at, tag_ids, minutes) "
                "SELECT gateway_id, now(), ARRAY[id], ARRAY[:minute] FROM tag WHERE name = 'temp'"
            ),
            {"minute": noon(40) // MINUTE},
        )
    assert dropping.result() == []
    assert len(await gateway.stored()) == 2


async def test_a_report_that_reads_for_long_is_left_alone_until_the_next_time(gateway, database):
    await gateway.send(rows(1.0, ts=noon(40)))
    await settle(database)
    await keep(database, readings=30)
    async with database.transaction() as report:
        await report.execute(text("SELECT count(*) FROM reading"))
        assert await retention.apply(database, NOW) == []
    assert len(await retention.apply(database, NOW)) == 1


async def test_readings_that_come_for_a_dropped_day_are_added_to_its_rollups_once(gateway, database):
    first = [(0, 4.0), (10, 6.0)]
    then = [(40, 1.0), (50, 2.0)]
    await gateway.send(rows(*[value for _, value in first], ts=noon(40), step=10 * SECOND))
    await settle(database)
    await keep(database, readings=30)
    await retention.apply(database, NOW)
    await gateway.send(rows(*[value for _, value in then], ts=noon(40) + 40 * SECOND, step=10 * SECOND))
    for _ in range(2):
        await settle(database)
    for level in await levels(gateway):
        [[_, _, good, _, _, numbers, total, low, high, head, tail, first_at, last_at, area, known_s]] = await rollups(
            gateway, level
        )
        assert (good, numbers, total, low, high, head, tail) == (4, 4, 13.0, 1.0, 6.0, 4.0, 2.0)
        assert (first_at, last_at) == (utc(noon(40)), utc(noon(40) + 50 * SECOND))
        # 4 for 10 s, 6 for the 30 s until the late ones, 1 for 10 s
        assert (area, known_s) == (40 + 180 + 10, 50)
    # and are gone as the others are
    assert await gateway.stored() == []


async def test_what_comes_late_in_another_hour_of_a_dropped_day_makes_rollups_of_its_own(gateway, database):
    await gateway.send(rows(1.0, ts=noon(40)))
    await settle(database)
    await keep(database, readings=30)
    await retention.apply(database, NOW)
    await gateway.send(rows(3.0, ts=noon(40) - 2 * HOUR + SECOND))
    await gateway.send(rows(2.0, ts=noon(40) - 2 * HOUR))
    await settle(database)
    assert [(row[2], row[6], row[9], row[10]) for row in await rollups(gateway, "hour")] == [
        (2, 5.0, 2.0, 3.0),
        (1, 1.0, 1.0, 1.0),
    ]
    [day] = await rollups(gateway, "day")
    assert (day[2], day[6], day[9], day[10]) == (3, 6.0, 2.0, 1.0)
    assert day[13] == pytest.approx(2.0 + 3.0 * 7199)


async def test_a_clock_gone_wrong_is_no_age(gateway, database):
    await gateway.send(rows(1.0, ts=0))
    await settle(database)
    await keep(database, readings=30)
    # rows that came just now
    await gateway.query("UPDATE reading SET received_at = now() RETURNING 1")
    assert await retention.apply(database, NOW) == []
    assert "1970-01-01 of reading_other" in await retention.apply(database, NOW + timedelta(days=31))
    assert await gateway.stored() == []
    assert [row[2] for row in await rollups(gateway, "day")] == [1]


async def test_minutes_stay_as_long_as_readings_of_their_month_do(gateway, database):
    await gateway.send(rows(1.0, ts=noon(100)))
    await settle(database)
    before = await levels(gateway)
    await keep(database, readings=30, minutes=31)
    async with database.transaction() as report:
        await report.execute(text("SELECT count(*) FROM reading"))
        # the readings cannot go now, so nor can what an hour of theirs is computed from
        assert await retention.apply(database, NOW) == []
    assert [name[:7] for name in await retention.apply(database, NOW)] == ["reading", "rollup_"]
    assert await levels(gateway) == before | {"minute": []}


async def test_old_lines_of_the_ledger_go_and_a_batch_sent_again_is_still_known(gateway, database):
    body = gateway.batch(rows(1.0, ts=noon(1)))
    await gateway.post(body)
    await keep(database, readings=30, batches=30)
    await retention.apply(database, NOW + timedelta(days=29))
    assert await gateway.count("batch") == 1
    await gateway.query("UPDATE batch SET stored_at = now() - interval '32 days' RETURNING 1")
    assert await retention.apply(database, NOW) == ["1 lines of batch"]
    assert await gateway.count("batch") == 0
    assert (await gateway.post(body)).json()["data"]["outcome"] == "duplicate"


async def test_what_a_killed_process_left_detached_is_deleted_by_the_next(gateway, database):
    name = f"dropped_{name_of((TODAY - timedelta(days=40)).date())}"
    async with database.transaction() as session:
        await session.execute(text(f"CREATE TABLE {name} (LIKE reading)"))
    await retention.apply(database, NOW)
    assert await gateway.query(f"SELECT to_regclass('{name}')") == [(None,)]


@pytest.mark.parametrize(
    "wanted", [{"readings": 1}, {"minutes": 90}, {"readings": 90, "minutes": 60}, {"readings": 90, "batches": 60}]
)
async def test_what_would_lose_more_than_was_meant_is_refused(database, wanted):
    with pytest.raises(Invalid):
        await keep(database, **wanted)
    async with database.transaction() as session:
        assert await retention.policy(session) == {}


async def test_a_word_is_taken_back(database):
    await keep(database, readings=30, minutes=60)
    await keep(database, minutes=None)
    async with database.transaction() as session:
        assert await retention.policy(session) == {Kept.READINGS: 30}


async def test_the_keeper_looks_now_and_then(gateway, database):
    clock = [0.0]
    await gateway.send(rows(1.0, ts=noon(40)))
    await settle(database)
    keeper = retention.Keeper(database, monotonic=lambda: clock[0])
    await keeper.keep(NOW)
    await keep(database, readings=30)
    await keeper.keep(NOW)
    assert len(await gateway.stored()) == 1
    clock[0] = retention.EVERY_S
    await keeper.keep(NOW)
    assert await gateway.stored() == []


async def test_coverage_says_what_was_dropped(gateway, database, tenant):
    await gateway.client.post("/machines", json={"code": "P-1", "name": "Press"}, headers=tenant.admin)
    await gateway.send(rows(1.0, ts=noon(40)))
    await settle(database)
    await keep(database, readings=30)
    await retention.apply(database, NOW)
    begin = TODAY - timedelta(days=40) + timedelta(hours=12)
    asked = {"from": begin.isoformat(), "to": (begin + timedelta(days=1)).isoformat()}
    answer = await gateway.client.get("/machines/P-1/coverage", params=asked, headers=tenant.worker)
    [temp] = [each for each in answer.json() if each["tag"] == "temp"]
    assert (temp["coverage"], temp["causes"]) == (0.5, {"retention": 43_200.0})
