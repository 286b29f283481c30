"""A batch that comes again is known after any time, also when its readings and its line of the ledger are gone."""

import asyncio
import random
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from cloud.telemetry import folding, retention, settling
from cloud.telemetry.schemas import Kept
from tests.integration.cloud.telemetry.sender import SECOND, Sender, rows
from tests.integration.cloud.waiting import until_waiting

NOW = datetime.now(UTC)
TODAY = NOW.replace(hour=0, minute=0, second=0, microsecond=0)


@pytest.fixture
def database_url(fresh_database_url: str) -> str:
    """Dropping concerns everybody, so each test has a database of its own."""
    return fresh_database_url


def noon(days_ago: int) -> int:
    return int((TODAY - timedelta(days=days_ago) + timedelta(hours=12)).timestamp()) * SECOND


@pytest.fixture
async def old(gateway) -> Sender:
    """A gateway of a plant that keeps readings for 30 days."""
    async with gateway.database.transaction() as session:
        await retention.set_policy(session, {Kept.READINGS: 30, Kept.BATCHES: 31})
    return gateway


async def drop(gateway: Sender) -> None:
    """Drop the days that are old and rolled up, and all lines of the ledger."""
    await settling.settle_all(gateway.database, NOW + timedelta(minutes=5))
    await gateway.query(
        "UPDATE batch SET stored_at = now() - interval '32 days' WHERE gateway_id = :gateway RETURNING 1"
    )
    await retention.apply(gateway.database, NOW)


async def counted(gateway: Sender, level: str = "day") -> int:
    """Return how many readings the rollups tell of, once they are settled."""
    await settling.settle_all(gateway.database, NOW + timedelta(minutes=5))
    [[found]] = await gateway.query(
        f"SELECT coalesce(sum(good + uncertain + bad), 0)::int FROM rollup_{level} JOIN tag ON tag.id = tag_id "
        "WHERE gateway_id = :gateway"
    )
    return found


async def test_a_batch_that_comes_again_when_all_of_it_is_gone_is_counted_once(old):
    body = old.batch(rows(1.0, 2.0, ts=noon(40)))
    await old.post(body)
    await drop(old)
    assert (await old.count("batch"), await old.stored()) == (0, [])
    for _ in range(2):
        answer = (await old.post(body)).json()["data"]
        assert (answer["outcome"], answer["rows"]) == ("duplicate", 2)
        assert [await counted(old, level) for level in ("minute", "hour", "day")] == [2, 2, 2]
    assert (await old.count("batch"), await old.stored()) == (0, [])


async def test_one_that_never_came_is_added_whatever_came_around_it(old):
    early, missing, late = (old.batch(rows(float(number), ts=noon(40) + number * SECOND)) for number in range(3))
    await old.post(early)
    await old.post(late)
    await drop(old)
    for _ in range(2):
        await old.post(missing)
        assert await counted(old) == 3
        await drop(old)
    assert await old.count("batch_folded") == 1


async def test_another_content_under_a_number_that_was_folded_is_refused_as_ever(old):
    await old.send(rows(1.0, ts=noon(40)), seq=7)
    await drop(old)
    refused = await old.post(old.batch(rows(2.0, ts=noon(40)), seq=7))
    assert (refused.status_code, refused.json()["error_code"]) == (409, "BATCH_CONFLICT")
    assert (await counted(old), await old.count("batch")) == (1, 0)


async def test_numbers_of_other_gateways_buffers_and_lanes_are_other_batches(old, new_gateway, tenant):
    other = await new_gateway(tenant.organization_id)
    await old.send(rows(1.0, ts=noon(40)), seq=5)
    await drop(old)
    lane = 10**15
    for sender, seq in ((other, 5), (old, lane + 5), (old, 5 + folding.BLOCK), (old, 4)):
        assert (await sender.send(rows(2.0, ts=noon(40) + seq % 1000), seq=seq))["outcome"] == "stored"
    old.epoch = uuid.uuid4()
    assert (await old.send(rows(3.0, ts=noon(40) + SECOND), seq=5))["outcome"] == "stored"


async def test_a_batch_that_comes_again_while_its_line_is_folded_waits_and_is_known(old):
    body = old.batch(rows(1.0, ts=noon(40)))
    await old.post(body)
    await drop_days(old)
    async with asyncio.TaskGroup() as group, old.database.transaction() as folds:
        assert await folding.fold(folds, NOW + timedelta(days=1), 10) == 1
        again = group.create_task(old.post(body))
        await until_waiting(old.database, 1)
    assert again.result().json()["data"]["outcome"] == "duplicate"
    assert await counted(old) == 1


async def drop_days(gateway: Sender) -> None:
    await settling.settle_all(gateway.database, NOW + timedelta(minutes=5))
    await retention.apply(gateway.database, NOW)


async def test_what_is_cut_off_while_it_folds_leaves_the_ledger_as_it_was(old):
    body = old.batch(rows(1.0, ts=noon(40)))
    await old.post(body)

    async def fold_and_be_cut_off() -> None:
        async with old.database.transaction() as session:
            await folding.fold(session, NOW + timedelta(days=1), 10)
            raise ConnectionError("cut off")

    with pytest.raises(ConnectionError):
        await fold_and_be_cut_off()
    assert (await old.count("batch"), await old.count("batch_folded")) == (1, 0)
    assert (await old.post(body)).json()["data"]["outcome"] == "duplicate"


async def test_a_batch_of_gaps_only_that_was_folded_is_known_too(old):
    body = old.batch(rows())
    await old.post(body)
    await drop(old)
    assert (await old.post(body)).json()["data"]["outcome"] == "duplicate"


async def forget(gateway: Sender) -> None:
    """Drop lines as they were dropped before they were folded."""
    await drop_days(gateway)
    async with gateway.database.transaction() as session:
        await session.execute(text("DELETE FROM batch"))


async def lives(gateway: Sender, seed: int, dropping: Callable[[Sender], Awaitable[None]]) -> tuple[int, int]:
    """Send, repeat, settle and drop as chance will have it; return how many readings were said, and are counted."""
    chance = random.Random(seed)
    gateway.epoch, before = uuid.uuid4(), await counted(gateway)
    sizes: dict[bytes, int] = {}
    for number in range(12):
        # of three days: two that are to go, and one that stays; no two readings of the same time
        at = noon(chance.choice((41, 40, 3))) + (seed * 60 + number) * 60 * SECOND
        values = [float(each) for each in range(chance.randrange(1, 4))]
        sizes[gateway.batch(rows(*values, ts=at))] = len(values)
    sent: set[bytes] = set()
    for _ in range(40):
        what = chance.random()
        if what < 0.65:
            body = chance.choice(list(sizes))
            assert (await gateway.post(body)).status_code == 200
            sent.add(body)
        elif what < 0.8:
            await settling.settle_all(gateway.database, NOW + timedelta(minutes=5))
        else:
            await dropping(gateway)
    return sum(sizes[body] for body in sent), await counted(gateway) - before


async def test_whatever_comes_again_and_whatever_went_meanwhile_each_reading_is_counted_once(old):
    for seed in range(4):
        said, found = await lives(old, seed, drop)
        assert found == said, f"seed {seed}"


async def test_control_a_ledger_that_forgets_counts_twice(old):
    said, found = await lives(old, 1, forget)
    assert found > said
