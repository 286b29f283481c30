"""Owns the partitions of `reading`: one a day, made when the first reading of that day is about to come."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime

import psycopg
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from cloud.db import Database
from cloud.errors import DatabaseUnavailable
from cloud.telemetry import days
from shared import logs

# a report that reads `reading_other` for longer must not hold up the batches of all gateways behind us
LOCK_TIMEOUT = "2s"
_PAUSE_S = 30.0
# `reading_other` may hold years of imports; nobody waits for who walks through it but batches of the day that moves out
_WALK_TIMEOUT = "10min"
# "days in" in ASCII
_KEY = int.from_bytes(b"days in")
_ALONE = text(f"SELECT pg_advisory_lock({_KEY})")
_NOT_ALONE = text(f"SELECT pg_advisory_unlock({_KEY})")
MADE = text(f"SELECT pg_advisory_xact_lock_shared({_KEY})")
"""Waits until the partitions that are being made are there."""
_WITHOUT = "without_"
_SHUT = text(f"""
    SELECT conname FROM pg_constraint
    WHERE conrelid = 'reading_other'::regclass AND contype = 'c' AND conname ~ '^{_WITHOUT}reading_[0-9]{{8}}$'
""")  # noqa: S608 - a word of ours
_PARTITIONS = text("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'reading'::regclass")

log = logs.get(__name__)


def is_moving(error: psycopg.errors.CheckViolation) -> bool:
    """Return whether a reading has no place for a partition is being made; else a rule of somebody's refuses it.

    What a partition may not hold violates no constraint that has a name.
    """
    found = error.diag
    return found.table_name is not None and (found.constraint_name or _WITHOUT).startswith(_WITHOUT)


class Partitions:
    """Knows which days have a partition. A day without one is not lost: its readings go to `reading_other`."""

    def __init__(
        self,
        database: Database,
        *,
        today: Callable[[], date] = lambda: datetime.now(UTC).date(),
        monotonic: Callable[[], float] = time.monotonic,
        lock_timeout: str = LOCK_TIMEOUT,
    ) -> None:
        self._database = database
        self._lock_timeout = lock_timeout
        self._today = today
        self._monotonic = monotonic
        self._known: set[str] = set()
        self._paused_until = 0.0
        self._one_at_a_time = asyncio.Lock()

    async def ensure(self, of_readings: set[date]) -> None:
        """Make the partitions that readings of these days deserve, at most `days.MAX_NEW` of them.

        In transactions of its own, before the batch's: what others need is locked for milliseconds, however much lies
        in `reading_other`. When PostgreSQL does not give a lock soon enough, it is tried again after half a minute.
        """
        wanted = {name_of(day): day for day in days.wanted(of_readings, self._today())}
        if wanted.keys() <= self._known or self._monotonic() < self._paused_until:
            return
        if self._one_at_a_time.locked() and {name_of(day) for day in of_readings} <= self._known:
            # somebody makes tomorrow's, and nobody waits for that
            return
        async with self._one_at_a_time:
            if wanted.keys() <= self._known:
                return
            try:
                known = await self._make(wanted)
            except DatabaseUnavailable as error:
                self._paused_until = self._monotonic() + _PAUSE_S
                log.warning("partitions_not_made", days=sorted(wanted), reason=str(error.__cause__ or error))
            else:
                self._known = known

    async def _make(self, wanted: dict[str, date]) -> set[str]:
        async with self._database.connection() as connection:
            async with connection.begin():
                known = set(await connection.scalars(_PARTITIONS))
            missing = sorted(wanted.keys() - known)[-days.MAX_NEW :]
            if not missing:
                return known
            async with self._begin(connection):
                await connection.execute(_ALONE)
            async with self._begin(connection):
                known = set(await connection.scalars(_PARTITIONS))
                for name in await connection.scalars(_SHUT):
                    # whoever was at it was cut off
                    await _execute(connection, f"ALTER TABLE reading_other DROP CONSTRAINT {name}")
            for name in missing:
                if name not in known:
                    await self._move_out(connection, name, days.bounds(wanted[name]))
            async with connection.begin():
                await connection.execute(_NOT_ALONE)
        return known | set(missing)

    async def _move_out(self, connection: AsyncConnection, name: str, bounds: tuple[datetime, datetime]) -> None:
        """Make a day's partition, and move into it what `reading_other` holds of the day.

        First that table takes no more of the day, which costs a moment. Then it is walked through beside whoever writes
        to it and reads it; and as nothing of the day is left and nothing can come, PostgreSQL need not look when the
        new one is attached: that is a moment again. A batch of the day that comes in between waits (`MADE`).
        """
        begin, end = (edge.isoformat() for edge in bounds)
        shut = f"{_WITHOUT}{name}"
        within = f"ts >= '{begin}' AND ts < '{end}'"
        without = f"ts < '{begin}' OR ts >= '{end}'"
        async with self._begin(connection):
            await _execute(connection, f"ALTER TABLE reading_other ADD CONSTRAINT {shut} CHECK ({without}) NOT VALID")
        try:
            async with self._begin(connection):
                for statement in (
                    f"SET LOCAL statement_timeout = '{_WALK_TIMEOUT}'",
                    f"CREATE TABLE {name} (LIKE reading INCLUDING INDEXES, CONSTRAINT within CHECK ({within}))",
                    f"INSERT INTO {name} SELECT * FROM reading_other WHERE {within}",  # noqa: S608 - of ours
                    f"DELETE FROM reading_other WHERE {within}",  # noqa: S608 - the same
                    f"ALTER TABLE reading_other VALIDATE CONSTRAINT {shut}",
                    f"ALTER TABLE reading ATTACH PARTITION {name} FOR VALUES FROM ('{begin}') TO ('{end}')",
                    f"ALTER TABLE reading_other DROP CONSTRAINT {shut}",
                    f"ALTER TABLE {name} DROP CONSTRAINT within",
                ):
                    await _execute(connection, statement)
        except DBAPIError:
            async with self._begin(connection):
                await _execute(connection, f"ALTER TABLE reading_other DROP CONSTRAINT {shut}")
            raise

    @asynccontextmanager
    async def _begin(self, connection: AsyncConnection) -> AsyncIterator[None]:
        """Run a transaction that waits for no lock for long."""
        async with connection.begin():
            await _execute(connection, f"SET LOCAL lock_timeout = '{self._lock_timeout}'")
            yield


async def _execute(connection: AsyncConnection, statement: str) -> None:
    await connection.execute(text(statement))


def name_of(day: date) -> str:
    """Return the table that holds a day's readings."""
    return f"reading_{day:%Y%m%d}"


async def attach(session: AsyncSession, key: str, name: str, bounds: tuple[datetime, datetime]) -> None:
    """Make a partition, and move into it what the default partition holds of its time.

    Args:
        session: Its transaction keeps others from writing to the default partition.
        key: `table.column` by whose ranges the table is partitioned; `table_other` is its default partition.
        name: The new partition's.
        bounds: Half-open.
    """
    table, column = key.split(".")
    begin, end = (edge.isoformat() for edge in bounds)
    within = f"{column} >= '{begin}' AND {column} < '{end}'"
    statements = (
        # made beside and then attached: CREATE TABLE .. PARTITION OF would lock out every batch and every reader
        f"CREATE TABLE {name} (LIKE {table} INCLUDING INDEXES)",
        f"INSERT INTO {name} SELECT * FROM {table}_other WHERE {within}",  # noqa: S608 - names and dates of ours
        f"DELETE FROM {table}_other WHERE {within}",  # noqa: S608 - the same
        f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ('{begin}') TO ('{end}')",
    )
    for statement in statements:
        await session.execute(text(statement))
