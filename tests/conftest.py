"""Fixtures every test may ask for: a PostgreSQL for the session, a migrated database a module, the app over it.

The server is the embedded one, or the one `TEZGAH_TEST_DATABASE_URL` names. A database is made from
a template that was migrated once, so a module gets its own in some tens of milliseconds.
"""

import gc
import os
import tempfile
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import psycopg
import pytest
from fastapi import FastAPI
from sqlalchemy import make_url
from sqlalchemy.ext.asyncio import AsyncSession

from cloud import schema
from cloud.app import create_app
from cloud.db import Database
from cloud.identity.models import Organization, User
from cloud.identity.schemas import Caller, Role
from cloud.postgres import embedded
from cloud.settings import Settings

SECRET_KEY = "a key for tests only, and never one for anything else"


def pytest_collection_finish() -> None:
    """Look for no garbage in what was collected and imported: it stays, and is much."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A server's URL, whose database `postgres` or other is left alone."""
    given = os.environ.get("TEZGAH_TEST_DATABASE_URL")
    with ExitStack() as stack:
        if given:
            yield given
            return
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="tz-", ignore_cleanup_errors=True))
        url = stack.enter_context(embedded(Path(directory)))
        with psycopg.connect(url, autocommit=True) as connection:
            # these clusters do not outlive the tests, so nothing needs to be safe from a power cut
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("SELECT pg_reload_conf()")
        yield url


@pytest.fixture(scope="session")
def template(postgres_url: str) -> Iterator[str]:
    """The name of a database at Alembic's head, to make others from."""
    with _database(postgres_url) as url:
        schema.migrate(url)
        yield make_url(url).database or ""


@pytest.fixture(scope="module")
def database_url(postgres_url: str, template: str) -> Iterator[str]:
    """The URL of a migrated, empty database of this module's own."""
    with _database(postgres_url, template) as url:
        yield url


@pytest.fixture
def fresh_database_url(postgres_url: str, template: str) -> Iterator[str]:
    """The URL of a migrated, empty database of this test's own."""
    with _database(postgres_url, template) as url:
        yield url


@pytest.fixture
def empty_database_url(postgres_url: str) -> Iterator[str]:
    """The URL of a database without any schema, of this test's own."""
    with _database(postgres_url) as url:
        yield url


@pytest.fixture
def settings(database_url: str) -> Settings:
    """Settings over this module's database, with nothing from the environment."""
    return Settings(_env_file=None, secret_key=SECRET_KEY, database_url=database_url, database_pool_size=4)


@pytest.fixture
async def app(settings: Settings) -> AsyncIterator[FastAPI]:
    """The application, started."""
    application = create_app(settings)
    async with application.router.lifespan_context(application):
        yield application


@pytest.fixture
async def app_client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the application, not signed in."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://cloud.test") as client:
        yield client


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A pool on this module's database."""
    pool = Database(database_url, pool_size=4)
    yield pool
    await pool.close()


@pytest.fixture
async def session(database: Database) -> AsyncIterator[AsyncSession]:
    """One transaction on this module's database, rolled back at the test's end."""
    async with database.engine.connect() as connection:
        transaction = await connection.begin()
        yield AsyncSession(connection, expire_on_commit=False, join_transaction_mode="create_savepoint")
        await transaction.rollback()


@dataclass(frozen=True)
class Tenant:
    """An organization with one user of each role, and what each of them sends to be known."""

    organization_id: uuid.UUID
    admin: dict[str, str]
    planner: dict[str, str]
    worker: dict[str, str]
    callers: dict[Role, Caller]


@pytest.fixture
def new_tenant(app: FastAPI) -> Callable[[], Awaitable[Tenant]]:
    """A function that makes another organization with its users."""

    async def make() -> Tenant:
        async with app.state.database.transaction() as opened:
            organization = Organization(name=f"org-{uuid.uuid4().hex[:8]}")
            opened.add(organization)
            await opened.flush()
            users = {
                role: User(
                    organization_id=organization.id,
                    username=f"{role}-{uuid.uuid4().hex[:8]}",
                    role=role,
                    password_hash="!",  # nobody's: these come with a token
                )
                for role in Role
            }
            opened.add_all(users.values())
            await opened.flush()
            now = datetime.now(UTC)
            headers = {
                role.value: {"Authorization": f"Bearer {app.state.tokens.issue(user.id, now)}"}
                for role, user in users.items()
            }
            callers = {role: Caller(user.id, organization.id, role) for role, user in users.items()}
            return Tenant(organization.id, callers=callers, **headers)

    return make


@pytest.fixture
async def tenant(new_tenant: Callable[[], Awaitable[Tenant]]) -> Tenant:
    """An organization with its users, of this test's own."""
    return await new_tenant()


@contextmanager
def _database(server: str, template: str = "template1") -> Iterator[str]:
    name = f"tz_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        try:
            yield make_url(server).set(database=name).render_as_string(hide_password=False)
        finally:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
