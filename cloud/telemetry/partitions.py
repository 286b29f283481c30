"""Owns the partitions of `reading`: one a day, made when the first reading of that day is about to come."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, date, datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from cloud.db import Database
from cloud.errors import DatabaseUnavailable
from cloud.telemetry import days
from shared import logs

# a report that reads `reading_other` for longer must not hold up the batches of all gateways behind us
LOCK_TIMEOUT = "2s"
_PAUSE_S = 30.0
_PARTITIONS = text("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'reading'::regclass")

log = logs.get(__name__)


class Partitions:
    """Knows which days have a partition. A day without one is not lost: its readings go to `reading_other`."""

    def __init__(
        self,
        database: Database,
        *,
        today: Callable[[], date] = lambda: datetime.now(UTC).date(),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._today = today
        self._monotonic = monotonic
        self._known: set[str] = set()
        self._paused_until = 0.0
        self._one_at_a_time = asyncio.Lock()

    async def ensure(self, of_readings: set[date]) -> None:
        """Make the partitions that readings of these days deserve, at most `days.MAX_NEW` of them.

        In a transaction of its own, before the batch's: what it locks is locked for milliseconds. When
        PostgreSQL does not give the lock soon enough, it is tried again after half a minute.
        """
        wanted = {name_of(day): day for day in days.wanted(of_readings, self._today())}
        if wanted.keys() <= self._known or self._monotonic() < self._paused_until:
            return
        async with self._one_at_a_time:
            if wanted.keys() <= self._known:
                return
            try:
                async with self._database.transaction() as session:
                    known = await _make(session, wanted)
            except DatabaseUnavailable as error:
                self._paused_until = self._monotonic() + _PAUSE_S
                log.warning("partitions_not_made", days=sorted(wanted), reason=str(error.__cause__ or error))
            else:
                self._known = known


def name_of(day: date) -> str:
    """Return the table that holds a day's readings."""
    return f"reading_{day:%Y%m%d}"


async def _make(session: AsyncSession, wanted: dict[str, date]) -> set[str]:
    known = set(await session.scalars(_PARTITIONS))
    missing = sorted(wanted.keys() - known)[-days.MAX_NEW :]
    if not missing:
        return known
    await session.execute(text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'"))
    # nobody puts a row of these days into the default partition while they move out of it
    await session.execute(text("LOCK TABLE reading_other IN ACCESS EXCLUSIVE MODE"))
    known = set(await session.scalars(_PARTITIONS))
    for name in missing:
        if name not in known:
            await attach(session, "reading.ts", name, days.bounds(wanted[name]))
    return known | set(missing)


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
