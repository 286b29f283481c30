"""A receipt is the word that a batch is committed: it never comes before, and never without.

A deferred trigger of the test's own runs inside COMMIT itself, where it waits or fails.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import psycopg
import pytest

from shared.reading import Gap, GapCause
from tests.integration.cloud.telemetry.sender import NOON, SECOND, rows

GATE = 4711
TABLES = ("batch", "gap", "reading JOIN tag ON tag.id = tag_id", "latest JOIN tag ON tag.id = tag_id")


@pytest.fixture
async def outside(database_url: str) -> AsyncIterator[psycopg.AsyncConnection]:
    """A connection that has nothing to do with the application."""
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        yield connection
        await connection.execute("DROP TRIGGER IF EXISTS at_commit ON batch")
        await connection.execute("SELECT pg_advisory_unlock_all()")


async def at_commit(connection: psycopg.AsyncConnection, statement: str) -> None:
    """Make every commit with a batch run a statement."""
    await connection.execute(
        f"CREATE OR REPLACE FUNCTION at_commit() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN {statement}; RETURN NULL; END $$"
    )
    await connection.execute(
        "CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON batch DEFERRABLE INITIALLY DEFERRED "
        "FOR EACH ROW EXECUTE FUNCTION at_commit()"
    )


async def until(is_so: Callable[[], Awaitable[bool]]) -> None:
    deadline = time.monotonic() + 60
    while not await is_so():
        assert time.monotonic() < deadline, "it did not come to that"


async def waiting(connection: psycopg.AsyncConnection) -> int | None:
    """Return the process that stands in COMMIT, at the gate."""
    row = await (
        await connection.execute(
            "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND objid = %s", [GATE]
        )
    ).fetchone()
    return None if row is None else row[0]


async def test_a_receipt_does_not_come_before_the_commit(gateway, outside):
    await outside.execute("SELECT pg_advisory_lock(%s)", [GATE])
    await at_commit(outside, f"PERFORM pg_advisory_xact_lock({GATE})")
    async with asyncio.TaskGroup() as group:
        sent = group.create_task(gateway.post(gateway.batch(rows(1.0))))

        async def stands_at_the_gate() -> bool:
            return await waiting(outside) is not None

        await until(stands_at_the_gate)
        # everything is written, nothing is committed: no answer, however long it takes
        finished, _ = await asyncio.wait({sent}, timeout=0.2)
        assert not finished
        assert await gateway.stored() == []
        await outside.execute("SELECT pg_advisory_unlock(%s)", [GATE])
    assert sent.result().json()["data"]["outcome"] == "stored"
    assert len(await gateway.stored()) == 1


async def test_a_batch_that_cannot_be_committed_leaves_nothing_and_may_come_again(gateway, outside):
    await at_commit(outside, "RAISE EXCEPTION 'the disk is full' USING ERRCODE = 'disk_full'")
    body = gateway.batch(rows(1.0, 2.0), [Gap(GapCause.OVERFLOW, 1, 2)])
    answer = await gateway.post(body)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert [await gateway.count(table) for table in TABLES] == [0, 0, 0, 0]
    await outside.execute("DROP TRIGGER at_commit ON batch")
    assert (await gateway.post(body)).json()["data"]["outcome"] == "stored"
    assert [await gateway.count(table) for table in TABLES] == [1, 1, 2, 1]


async def test_a_connection_that_breaks_in_the_commit_is_answered_503_and_the_batch_stored_once(gateway, outside):
    await outside.execute("SELECT pg_advisory_lock(%s)", [GATE])
    await at_commit(outside, f"PERFORM pg_advisory_xact_lock({GATE})")
    body = gateway.batch(rows(1.0))
    async with asyncio.TaskGroup() as group:
        sent = group.create_task(gateway.post(body))

        async def is_broken() -> bool:
            process = await waiting(outside)
            if process is None:
                return False
            await outside.execute("SELECT pg_terminate_backend(%s)", [process])
            return True

        await until(is_broken)
    assert sent.result().status_code == 503
    await outside.execute("SELECT pg_advisory_unlock(%s)", [GATE])
    assert (await gateway.post(body)).json()["data"]["outcome"] == "stored"
    assert (await gateway.post(body)).json()["data"]["outcome"] == "duplicate"
    assert len(await gateway.stored()) == 1


async def test_a_copy_waits_for_the_first_and_takes_its_place_when_it_fails(gateway, outside):
    await outside.execute("SELECT pg_advisory_lock(%s)", [GATE])
    await at_commit(outside, f"PERFORM pg_advisory_xact_lock({GATE})")
    body = gateway.batch(rows(1.0))
    async with asyncio.TaskGroup() as group:
        first = group.create_task(gateway.post(body))

        async def is_there() -> bool:
            return await waiting(outside) is not None

        await until(is_there)
        second = group.create_task(gateway.post(body))

        async def second_waits() -> bool:
            row = await (
                await outside.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'transactionid' AND NOT granted")
            ).fetchone()
            return row is not None and row[0] > 0

        await until(second_waits)
        await outside.execute("SELECT pg_terminate_backend(%s)", [await waiting(outside)])
        await outside.execute("SELECT pg_advisory_unlock(%s)", [GATE])
    assert first.result().status_code == 503
    assert second.result().json()["data"]["outcome"] == "stored"
    assert len(await gateway.stored()) == 1


async def test_a_reading_that_is_written_and_not_yet_committed_is_not_stored_beside_itself(gateway, outside):
    # so that the two below do not already wait for each other where a new buffer is noted
    await gateway.send(rows(1.0, ts=NOON - SECOND))
    await outside.execute("SELECT pg_advisory_lock(%s)", [GATE])
    await at_commit(outside, f"PERFORM pg_advisory_xact_lock({GATE})")
    async with asyncio.TaskGroup() as group:
        first = group.create_task(gateway.post(gateway.batch(rows(3.0))))

        async def is_there() -> bool:
            return await waiting(outside) is not None

        await until(is_there)
        second = group.create_task(gateway.post(gateway.batch(rows(2.0, 3.0, step=0))))

        async def both_wait() -> bool:
            row = await (await outside.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")).fetchone()
            return row is not None and row[0] == 2

        await until(both_wait)
        await outside.execute("SELECT pg_advisory_unlock(%s)", [GATE])
    assert first.result().json()["data"]["repeated"] == 0
    assert second.result().json()["data"]["repeated"] == 1
    assert [content[2] for content in await gateway.stored()] == [1.0, 3.0, 2.0]
