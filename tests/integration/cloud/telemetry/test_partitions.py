"""Partitions: near days get one before their readings come; what has none is kept all the same."""

import asyncio
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import text

from cloud.telemetry import days
from cloud.telemetry.partitions import Partitions, name_of
from tests.integration.cloud.telemetry.sender import rows
from tests.integration.cloud.waiting import until_waiting

DAY_US = 86_400_000_000
TODAY = date(2026, 3, 14)


def noon(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, 12, tzinfo=UTC).timestamp()) * 1_000_000


async def places(gateway) -> list[tuple[str, float]]:
    found = await gateway.query(
        "SELECT reading.tableoid::regclass::text, value FROM reading JOIN tag ON tag.id = tag_id "
        "WHERE gateway_id = :gateway ORDER BY ts"
    )
    return [tuple(row) for row in found]


async def partitions(database) -> set[str]:
    async with database.transaction() as session:
        return set(
            await session.scalars(
                text("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'reading'::regclass")
            )
        )


async def test_a_reading_goes_to_its_day_and_one_from_1970_or_2099_to_the_others(gateway):
    today = datetime.now(UTC).date()
    far = [date(1970, 1, 1), date(2099, 12, 31), today + timedelta(days=5), today - timedelta(days=500)]
    near = [today - timedelta(days=400), today, today + timedelta(days=1)]
    for day in (*far, *near):
        await gateway.send(rows(float(day.toordinal()), ts=noon(day)))
    expected = [
        (name_of(day) if day in near else "reading_other", float(day.toordinal())) for day in sorted((*far, *near))
    ]
    assert await places(gateway) == expected


async def test_a_batch_of_many_days_makes_a_few_partitions_and_the_next_ones_the_rest(gateway, database):
    today = datetime.now(UTC).date()
    first = today - timedelta(days=100)
    before = await partitions(database)
    values = [float(index) for index in range(20)]
    await gateway.send(rows(*values, ts=noon(first), step=DAY_US))
    assert len(await partitions(database) - before) <= days.MAX_NEW
    assert [value for _, value in await places(gateway)] == values
    for index in range(3):
        await gateway.send(rows(*values, ts=noon(first) + 1 + index, step=DAY_US))
    assert {place for place, _ in await places(gateway)} == {name_of(first + timedelta(days=n)) for n in range(20)}
    assert len(await places(gateway)) == 80


async def test_readings_that_were_kept_elsewhere_move_when_their_day_comes_near(gateway, database):
    day = datetime.now(UTC).date() + timedelta(days=10)
    await gateway.send(rows(1.0, 2.0, ts=noon(day)))
    await gateway.send(rows(3.0, ts=noon(day + timedelta(days=1))))
    assert [place for place, _ in await places(gateway)] == ["reading_other"] * 3
    await Partitions(database, today=lambda: day - timedelta(days=1)).ensure({day})
    assert await places(gateway) == [(name_of(day), 1.0), (name_of(day), 2.0), ("reading_other", 3.0)]
    # the key came along
    assert (await gateway.send(rows(1.0, 2.0, ts=noon(day))))["repeated"] == 2


async def test_a_batch_that_waits_while_its_day_gets_a_partition_is_stored_in_it(gateway, database):
    day = datetime.now(UTC).date() + timedelta(days=20)
    await gateway.send(rows(0.0))
    async with asyncio.TaskGroup() as group, database.transaction() as report:
        await report.execute(text("SELECT count(*) FROM reading_other"))
        group.create_task(Partitions(database, today=lambda: day - timedelta(days=1)).ensure({day}))
        await until_waiting(database, 1)
        # to this process the day is too far away, so it writes to `reading_other`, behind the one who makes it
        sent = group.create_task(gateway.send(rows(1.0, 2.0, ts=noon(day))))
        await until_waiting(database, 2)
    assert (sent.result()["outcome"], sent.result()["repeated"]) == ("stored", 0)
    assert [place for place in await places(gateway) if place[1]] == [(name_of(day), 1.0), (name_of(day), 2.0)]


async def exclusive(database) -> list[str]:
    """Return the locks that somebody has on `reading_other`, and for which a batch or a report would wait."""
    async with database.transaction() as session:
        found = await session.scalars(
            text(
                "SELECT mode FROM pg_locks WHERE relation = 'reading_other'::regclass AND granted "
                "AND mode IN ('AccessExclusiveLock', 'ExclusiveLock', 'ShareRowExclusiveLock', 'ShareLock')"
            )
        )
        return list(found)


async def test_others_write_and_read_while_a_day_moves_out_of_reading_other(gateway, database):
    day = datetime.now(UTC).date() + timedelta(days=30)
    await gateway.send(rows(1.0, 2.0, ts=noon(day)))
    # those that it makes besides
    await Partitions(database, today=lambda: day - timedelta(days=2)).ensure(set())
    maker = Partitions(database, today=lambda: day - timedelta(days=1), lock_timeout="60s")
    async with asyncio.TaskGroup() as group, database.transaction() as other:
        # to attach is the last that it does: all of the table has been walked through, twice
        await other.execute(text("LOCK TABLE ONLY reading IN SHARE UPDATE EXCLUSIVE MODE"))
        making = group.create_task(maker.ensure({day}))
        await until_waiting(database, 1)
        assert await exclusive(database) == []
        await gateway.send(rows(9.0, ts=0))
        assert await places(gateway) == [("reading_other", value) for value in (9.0, 1.0, 2.0)]
        # what is of the day waits, and finds it
        sent = group.create_task(gateway.send(rows(3.0, ts=noon(day) + DAY_US // 4)))
        await until_waiting(database, 2)
        assert not making.done()
    assert sent.result()["outcome"] == "stored"
    assert await places(gateway) == [("reading_other", 9.0), *((name_of(day), value) for value in (1.0, 2.0, 3.0))]


async def shut(database) -> list[str]:
    async with database.transaction() as session:
        found = text("SELECT conname FROM pg_constraint WHERE conrelid = 'reading_other'::regclass AND contype = 'c'")
        return list(await session.scalars(found))


async def test_a_day_that_cannot_be_attached_stays_where_it_was_and_is_written_there(gateway, database):
    day = datetime.now(UTC).date() + timedelta(days=40)
    await gateway.send(rows(1.0, ts=noon(day)))
    async with database.transaction() as other:
        await other.execute(text("LOCK TABLE ONLY reading IN SHARE UPDATE EXCLUSIVE MODE"))
        await Partitions(database, today=lambda: day - timedelta(days=1), lock_timeout="20ms").ensure({day})
    assert await shut(database) == []
    await gateway.send(rows(2.0, ts=noon(day) + 1))
    assert await places(gateway) == [("reading_other", 1.0), ("reading_other", 2.0)]


async def test_what_one_who_was_killed_left_shut_is_opened_by_the_next_and_its_batches_are_not_set_aside(
    gateway, database
):
    day = date(1999, 5, 5)
    await gateway.send(rows(0.0))
    async with database.transaction() as killed:
        await killed.execute(
            text(
                "ALTER TABLE reading_other ADD CONSTRAINT without_reading_19990505 "
                "CHECK (ts < '1999-05-05Z' OR ts >= '1999-05-06Z') NOT VALID"
            )
        )
    body = gateway.batch(rows(1.0, ts=noon(day)))
    # come again, and not: never
    assert (await gateway.post(body)).status_code == 503
    await Partitions(database, today=lambda: TODAY).ensure({TODAY - timedelta(days=200)})
    assert await shut(database) == []
    assert (await gateway.post(body)).json()["data"]["outcome"] == "stored"


async def test_a_batch_of_known_days_does_not_wait_for_who_makes_tomorrows(database):
    today = [TODAY]
    asked = Partitions(database, today=lambda: today[0], lock_timeout="60s")
    await asked.ensure({TODAY})
    today[0] = TODAY + timedelta(days=300)
    async with asyncio.TaskGroup() as group, database.transaction() as other:
        await other.execute(text("LOCK TABLE ONLY reading IN SHARE UPDATE EXCLUSIVE MODE"))
        group.create_task(asked.ensure({TODAY}))
        await until_waiting(database, 1)
        await asyncio.wait_for(asked.ensure({TODAY}), 30)
    assert name_of(today[0]) in await partitions(database)


async def test_two_processes_make_the_same_day_at_once(database):
    both = [Partitions(database, today=lambda: TODAY) for _ in range(2)]
    async with asyncio.TaskGroup() as group:
        for each in both:
            group.create_task(each.ensure({TODAY - timedelta(days=3)}))
    assert {name_of(TODAY), name_of(TODAY + timedelta(days=1)), name_of(TODAY - timedelta(days=3))} <= await partitions(
        database
    )


async def test_days_that_are_known_cost_no_question(database):
    asked = Partitions(database, today=lambda: TODAY)
    await asked.ensure({TODAY})
    await database.close()
    async with database.engine.connect() as connection:
        await connection.execute(text("SELECT 1"))
        before = database.engine.pool.status()
        await asked.ensure({TODAY, TODAY + timedelta(days=1)})
        assert database.engine.pool.status() == before


async def test_a_report_that_holds_the_lock_delays_nobody_for_long(gateway, database):
    clock = [0.0]
    day = TODAY - timedelta(days=50)
    waiting = Partitions(database, today=lambda: TODAY, monotonic=lambda: clock[0])
    async with database.transaction() as report:
        await report.execute(text("SELECT count(*) FROM reading_other"))
        await waiting.ensure({day})
    # not tried again at once, for the next batch would wait as long
    await waiting.ensure({day})
    assert name_of(day) not in await partitions(database)
    clock[0] = 31.0
    await waiting.ensure({day})
    assert name_of(day) in await partitions(database)


@pytest.mark.parametrize("day", [date(2026, 1, 2), date(2026, 12, 31)])
def test_a_partition_is_named_after_its_day(day: date):
    assert name_of(day) == f"reading_{day.isoformat().replace('-', '')}"
