"""Owns the connection to PostgreSQL and the rule of one transaction a request.

A request's transaction is committed *before* its answer is sent, so an answer never overtakes its
rows: that is what `scope="function"` below asks of FastAPI, whose default commits afterwards.
"""

import select
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Annotated, Any, Self

import orjson
import psycopg
from fastapi import Depends, Request
from psycopg.abc import DumperKey
from psycopg.adapt import Dumper, PyFormat
from sqlalchemy import Executable, MetaData, Row, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import Session as OrmSession
from sqlmodel import SQLModel

from cloud import messages
from cloud.errors import CloudError, Conflict, DatabaseUnavailable, Invalid, SchemaMismatch

# long enough for a server to come back, short enough that clients notice that it has
RETRY_AFTER_S = 2
# what PostgreSQL says when a table, a column, a type, a function or a unique key is not there, or is another; the last
# one when a type was altered under a prepared statement
_MISMATCHES = (
    psycopg.errors.UndefinedTable,
    psycopg.errors.UndefinedColumn,
    psycopg.errors.UndefinedObject,
    psycopg.errors.UndefinedFunction,
    psycopg.errors.DatatypeMismatch,
    psycopg.errors.InvalidColumnReference,
    psycopg.errors.FeatureNotSupported,
)
# how SQLAlchemy says that a row holds a value that its enum here does not know
_UNKNOWN_ENUM = "is not among the defined enum values"
# a request that waits longer than this holds a connection others need
STATEMENT_TIMEOUT_S = 30
LOCK_TIMEOUT_S = 10


# the rows of `rows` are not asked for by column objects, so the names need not be bound to those of each new statement:
# what the ORM says to SQLAlchemy about its own, for it is a tenth of a list's price
_BY_PLACE = {"_result_disable_adapt_to_context": True}


class Table(SQLModel):
    """The base of every table; constraints get predictable names, so a migration can name them."""

    metadata = MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
        }
    )


@dataclass(frozen=True, slots=True)
class Packed:
    """A statement's parameter that is in PostgreSQL's binary format already.

    Attributes:
        oid: Its type's, in PostgreSQL's catalogue.
        data: As the type's `recv` function takes it.
    """

    oid: int
    data: bytes


class _PackedDumper(Dumper):
    """Hands psycopg a parameter as it is."""

    format = psycopg.pq.Format.BINARY

    def get_key(self, obj: Packed, _format: PyFormat) -> DumperKey:
        return (self.cls, obj.oid)  # type: ignore[return-value]  # it is only ever looked up

    def upgrade(self, obj: Packed, _format: PyFormat) -> Self:
        dumper = type(self)(self.cls, self.connection)
        dumper.oid = obj.oid
        return dumper

    def dump(self, obj: Packed) -> bytes:
        return obj.data


class Database:
    """The pool of connections of one process."""

    def __init__(self, url: str, *, pool_size: int = 10, overflow: int = 5, timeout_s: float = 5.0) -> None:
        """Prepare the pool; nothing connects yet.

        Args:
            url: libpq URL, `postgresql://...`.
            pool_size: Connections kept.
            overflow: Connections added for a peak.
            timeout_s: How long to wait for one, new or from the pool.
        """
        self.engine: AsyncEngine = create_async_engine(
            driver_url(url),
            pool_size=pool_size,
            max_overflow=overflow,
            pool_timeout=timeout_s,
            # values may be secrets, and an error's text goes into the log
            hide_parameters=True,
            json_serializer=lambda value: orjson.dumps(value).decode(),
            json_deserializer=orjson.loads,
            connect_args={
                # libpq counts in whole seconds and takes less than 2 for 2
                "connect_timeout": max(2, round(timeout_s)),
                "application_name": "tezgah-cloud",
                "options": f"-c timezone=UTC -c statement_timeout={STATEMENT_TIMEOUT_S}s "
                f"-c lock_timeout={LOCK_TIMEOUT_S}s -c idle_in_transaction_session_timeout=60s",
            },
        )
        event.listen(self.engine.sync_engine, "checkout", _refuse_the_dead)
        event.listen(self.engine.sync_engine, "connect", _teach)
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False)
        # the same pool
        alone = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        self._readers = async_sessionmaker(alone, expire_on_commit=False)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """Run a block in one transaction: commit at its end, roll back when it raises.

        An error that `keeps_changes` is raised after a commit.

        Raises:
            DatabaseUnavailable: PostgreSQL does not answer, or ended the connection.
            SchemaMismatch: A table or column this code uses is not there.
        """
        kept: CloudError | None = None
        with _translating():
            async with self._sessions() as session, session.begin():
                try:
                    yield session
                except CloudError as error:
                    if not error.keeps_changes:
                        raise
                    kept = error
        if kept is not None:
            raise kept

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        """Run a block that only reads, each statement by itself: BEGIN and COMMIT would be half of the round trips.

        Raises:
            DatabaseUnavailable: PostgreSQL does not answer, or ended the connection.
            SchemaMismatch: A table or column this code uses is not there.
        """
        with _translating():
            async with self._readers() as session:
                yield session

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[AsyncConnection]:
        """Hold one connection for several transactions in a row, each an `async with connection.begin()`.

        After an error it is closed, and with it goes what it held beyond its transactions, such as a lock.

        Raises:
            DatabaseUnavailable, SchemaMismatch: As above.
        """
        with _translating():
            async with self.engine.connect() as connection:
                try:
                    yield connection
                except BaseException:
                    await connection.invalidate()
                    raise

    async def close(self) -> None:
        """Close every connection."""
        await self.engine.dispose()


@contextmanager
def _translating() -> Iterator[None]:
    try:
        yield
    except (DBAPIError, PoolTimeout, psycopg.Error, LookupError) as error:
        meaning = translated(error)
        if meaning is None:
            raise
        raise meaning from error


def _teach(connection: DBAPIConnection, _: object) -> None:
    connection.driver_connection.adapters.register_dumper(Packed, _PackedDumper)


def _refuse_the_dead(connection: DBAPIConnection, _: object, __: object) -> None:
    # A server that restarts ends its connections, and the end of one can be read without asking the server: a tenth of
    # the price of the pool's own `SELECT 1` before each request. The pool replaces a refused connection.
    if _has_input(connection.driver_connection.fileno()):
        raise DisconnectionError("the server ended it")


def _has_input(socket: int) -> bool:
    if sys.platform == "win32":
        return bool(select.select([socket], [], [], 0)[0])
    # select takes no descriptor above 1023, which a process of many connections reaches
    watch = select.poll()
    watch.register(socket, select.POLLIN)
    return bool(watch.poll(0))


def driver_url(url: str) -> str:
    """Return SQLAlchemy's form of a libpq URL: the same address, with the driver named."""
    return make_url(url).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)


def translated(error: Exception) -> CloudError | None:
    """Return what a database error means to a caller, or None when it is a mistake of ours."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    mismatch = _mismatch(cause)
    if mismatch is not None:
        return SchemaMismatch(messages.SCHEMA_MISMATCH, mismatches=[mismatch])
    match cause:
        case psycopg.errors.UniqueViolation() | psycopg.errors.ForeignKeyViolation():
            return Conflict(messages.CLASH)
        case psycopg.DataError() | psycopg.errors.CheckViolation():
            return Invalid(messages.UNSTORABLE)
        case psycopg.errors.DeadlockDetected() | psycopg.errors.LockNotAvailable():
            return DatabaseUnavailable(messages.DATABASE_BUSY, retry_after_s=RETRY_AFTER_S)
        # the last is a standby, until somebody makes it the primary
        case (
            psycopg.OperationalError()
            | psycopg.InterfaceError()
            | PoolTimeout()
            | psycopg.errors.ReadOnlySqlTransaction()
        ):
            return unavailable()
    return None


def _mismatch(error: BaseException | None) -> str | None:
    """Return what in the database is not as this code needs it, or None when the error is of another kind."""
    match error:
        case LookupError() if _UNKNOWN_ENUM in str(error):
            return str(error)
        # its words were checked before: it is the database's enum that does not know one
        case psycopg.errors.InvalidTextRepresentation() if "for enum" in (error.diag.message_primary or ""):
            return error.diag.message_primary
        case psycopg.Error() if isinstance(error, _MISMATCHES):
            return error.diag.message_primary
    return None


def unavailable() -> DatabaseUnavailable:
    """Return the error that says that PostgreSQL does not answer."""
    return DatabaseUnavailable(messages.DATABASE_UNAVAILABLE, retry_after_s=RETRY_AFTER_S)


async def database(request: Request) -> Database:
    """Return the pool of the application that serves this request.

    A coroutine, for FastAPI would call a plain function in another thread.
    """
    pool: Database = request.app.state.database
    return pool


async def session(request: Request, pool: Annotated[Database, Depends(database)]) -> AsyncIterator[AsyncSession]:
    """Give a request its transaction, or a GET its reader; a connection is taken at the first statement, not before."""
    opening = pool.reading() if request.method == "GET" else pool.transaction()
    async with opening as opened:
        yield opened


Session = Annotated[AsyncSession, Depends(session, scope="function")]


async def rows(
    session: AsyncSession, statement: Executable, values: Mapping[str, Any] | None = None
) -> Sequence[Row[*tuple[Any, ...]]]:
    """Return the rows of a statement that selects columns, past the ORM, which would take each of them in hand again.

    For what is asked some hundred times a second. Objects that the session has yet to write are written first.
    """

    def read(opened: OrmSession) -> Sequence[Row[*tuple[Any, ...]]]:
        opened.flush()
        return opened.connection().execute(statement, values, execution_options=_BY_PLACE).all()

    return await session.run_sync(read)


async def driver_connection(session: AsyncSession) -> psycopg.AsyncConnection[Any]:
    """Return psycopg's connection inside the session's transaction, for COPY.

    Its cursors must be closed before the session is used again.
    """
    connection = await session.connection()
    raw = await connection.get_raw_connection()
    driver: psycopg.AsyncConnection[Any] = raw.driver_connection  # type: ignore[assignment]
    return driver
