"""One transaction a request, against a real PostgreSQL."""

import asyncio
from typing import Annotated

import httpx
import psycopg
import pytest
from fastapi import Depends, FastAPI
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from cloud import problem
from cloud.db import Database, Session, driver_connection
from cloud.db import session as request_session
from cloud.errors import Conflict, DatabaseUnavailable, Invalid, SchemaMismatch


class Kept(Conflict):
    keeps_changes = True


@pytest.fixture(scope="module")
def table(database_url):
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE effect (id integer PRIMARY KEY DEFERRABLE INITIALLY DEFERRED)")
    return database_url


def rows(url: str) -> set[int]:
    with psycopg.connect(url) as connection:
        return {row[0] for row in connection.execute("SELECT id FROM effect")}


class Seen:
    """An ASGI layer that looks at the database at the moment an answer begins to leave."""

    def __init__(self, app, url: str) -> None:
        self.app, self.url, self.at_answer = app, url, None

    async def __call__(self, scope, receive, send):
        async def looking(message):
            if message["type"] == "http.response.start":
                self.at_answer = await asyncio.to_thread(rows, self.url)
            await send(message)

        await self.app(scope, receive, looking)


async def post(app, path: str) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://t") as client:
        return await client.post(path)


@pytest.fixture
async def app(table, database: Database):
    application = FastAPI()
    application.state.database = database
    problem.install(application)

    @application.post("/write/{number}")
    async def write(session: Session, number: int) -> None:
        await session.execute(text("INSERT INTO effect VALUES (:id)"), {"id": number})

    @application.post("/write-late/{number}")
    async def write_late(session: Annotated[AsyncSession, Depends(request_session)], number: int) -> None:
        await session.execute(text("INSERT INTO effect VALUES (:id)"), {"id": number})

    @application.post("/fail/{number}")
    async def fail(session: Session, number: int, *, keep: bool = False) -> None:
        await session.execute(text("INSERT INTO effect VALUES (:id)"), {"id": number})
        raise Kept("kept") if keep else Conflict("dropped")

    return application


async def test_an_answer_never_overtakes_its_rows(app, table):
    seen = Seen(app, table)
    assert (await post(seen, "/write/1")).status_code == 200
    assert 1 in seen.at_answer


async def test_with_the_frameworks_default_scope_it_would(app, table):
    # the negative control: were this to fail, the test above could not
    seen = Seen(app, table)
    assert (await post(seen, "/write-late/2")).status_code == 200
    assert 2 not in seen.at_answer


async def test_an_error_undoes_what_was_written(app, table):
    assert (await post(app, "/fail/3")).status_code == 409
    assert 3 not in rows(table)


async def test_an_error_that_keeps_changes_keeps_them(app, table):
    assert (await post(app, "/fail/4?keep=true")).json()["detail"] == "kept"
    assert 4 in rows(table)


async def test_a_commit_that_fails_is_an_error_answer(app, table):
    # the key is checked at the commit only
    await post(app, "/write/5")
    answer = await post(app, "/write/5")
    assert answer.status_code == 409
    assert answer.json()["error_code"] == "CONFLICT"
    assert "effect" not in answer.text


@pytest.mark.parametrize(
    ("statement", "meaning"),
    [
        ("SELECT * FROM no_such_table", SchemaMismatch),
        ("SELECT no_such_column FROM effect", SchemaMismatch),
        ("INSERT INTO effect VALUES (99999999999)", Invalid),
        ("SET statement_timeout = 1; SELECT pg_sleep(10)", DatabaseUnavailable),
    ],
)
async def test_a_database_error_means_something_to_the_caller(table, database, statement, meaning):
    with pytest.raises(meaning):
        async with database.transaction() as session:
            await session.execute(text(statement))


async def test_ended_connections_cost_a_caller_nothing(table, database):
    async with database.transaction() as session:
        mine = await session.scalar(text("SELECT pg_backend_pid()"))
    with psycopg.connect(table, autocommit=True) as connection:
        # waits until it has ended
        connection.execute("SELECT pg_terminate_backend(%s, 15000)", [mine])
    async with database.transaction() as session:
        assert await session.scalar(text("SELECT pg_backend_pid()")) != mine


async def test_a_connection_lost_in_mid_request_is_unavailable_and_then_well(table, database):
    async def lose_it() -> None:
        async with database.transaction() as session:
            mine = await session.scalar(text("SELECT pg_backend_pid()"))
            with psycopg.connect(table, autocommit=True) as connection:
                connection.execute("SELECT pg_terminate_backend(%s)", [mine])
            await session.execute(text("SELECT 1"))

    with pytest.raises(DatabaseUnavailable) as caught:
        await lose_it()
    assert caught.value.retryable
    async with database.transaction() as session:
        assert await session.scalar(text("SELECT 1")) == 1


async def test_when_all_connections_are_taken_one_waits_and_is_told(table):
    pool = Database(table, pool_size=1, overflow=0, timeout_s=0.1)
    async with pool.transaction() as holder:
        await holder.execute(text("SELECT 1"))
        with pytest.raises(DatabaseUnavailable):
            async with pool.transaction() as session:
                await session.execute(text("SELECT 1"))
    await pool.close()


async def test_times_come_back_in_utc(table, database):
    async with database.transaction() as session:
        moment = await session.scalar(text("SELECT now()"))
    assert moment.utcoffset().total_seconds() == 0


async def test_the_drivers_connection_is_in_the_sessions_transaction(table, database):
    async def copy_and_fail() -> None:
        async with database.transaction() as session:
            driver = await driver_connection(session)
            async with driver.cursor() as cursor, cursor.copy("COPY effect FROM STDIN") as copy:
                await copy.write_row((6,))
            assert await session.scalar(text("SELECT count(*) FROM effect WHERE id = 6")) == 1
            raise Conflict("never mind")

    with pytest.raises(Conflict):
        await copy_and_fail()
    assert 6 not in rows(table)


async def test_a_reader_has_no_transaction_and_a_writer_one(database):
    # now() is the transaction's begin, so it stands still within one
    async with database.reading() as session:
        first, second = [await session.scalar(text("SELECT now()")) for _ in range(2)]
    assert first < second
    async with database.transaction() as session:
        first, second = [await session.scalar(text("SELECT now()")) for _ in range(2)]
    assert first == second


async def test_a_readers_failure_means_the_same_as_a_writers(database):
    with pytest.raises(SchemaMismatch):
        async with database.reading() as session:
            await session.execute(text("SELECT * FROM not_there"))


async def test_who_waits_too_long_for_others_is_told_that_it_is_they(table, database):
    async def wait_for_others() -> None:
        async with database.transaction() as session:
            await session.execute(text("SET LOCAL lock_timeout = '10ms'"))
            await session.execute(text("SELECT * FROM effect"))

    with psycopg.connect(table) as holder:
        holder.execute("LOCK TABLE effect")
        with pytest.raises(DatabaseUnavailable) as refused:
            await wait_for_others()
    assert refused.value.code == "DATABASE_BUSY"
