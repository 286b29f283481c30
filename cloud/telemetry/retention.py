"""Owns how long what gateways bring is kept: the operator's word, and the dropping of what is older.

Nothing is dropped until an operator says so. A day of readings goes whole, by its partition, in milliseconds, and only
when the rollups have taken all of it in; that it went is noted in the same transaction (`dropped`), for `coverage` and
for `late`, which adds what still comes for such a day. Hours and days are kept for ever: 13 MB a tag in ten years.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from cloud.db import Database
from cloud.errors import DatabaseUnavailable, Invalid
from cloud.telemetry import days, folding, messages, settling
from cloud.telemetry.models import Dropped, Retention
from cloud.telemetry.partitions import LOCK_TIMEOUT, name_of
from cloud.telemetry.schemas import Kept, RetentionOut
from shared import logs

# what is old enough is looked for so often; one look is a few questions to the catalogue
EVERY_S = 600.0
# so that a gateway's clock, or a weekend without the cloud, never meets the edge of what is kept
LEAST_DAYS = 2
_BATCHES_AT_ONCE = 20_000
_PARTITIONS = text("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = CAST(:of AS regclass)")
# days that have no partition go when the newest of their readings came long ago: a clock gone wrong is no age
_FAR_DAYS = text("""
    SELECT floor(extract(epoch FROM ts) / 86400)::int FROM reading_other
    GROUP BY 1 HAVING max(ts) < :cutoff AND max(received_at) < :cutoff ORDER BY 1
""")
_IS_TOUCHED = text("""
    SELECT EXISTS (SELECT FROM touched, unnest(minutes) AS minute
                   WHERE minute >= extract(epoch FROM CAST(:begin AS timestamptz)) / 60
                         AND minute < extract(epoch FROM CAST(:end AS timestamptz)) / 60)
""")
_HAS_READINGS = text("SELECT EXISTS (SELECT FROM reading WHERE ts >= :begin AND ts < :end)")
_CAME_SINCE = text(
    "SELECT EXISTS (SELECT FROM reading_other WHERE ts >= :begin AND ts < :end AND received_at >= :cutoff)"
)
# the rollups count every reading; a day's readings themselves may be a billion
_COUNTED = text("SELECT coalesce(sum(good + uncertain + bad), 0)::bigint FROM rollup_day WHERE bucket = :begin")
_ESTIMATED = text("SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = CAST(:name AS regclass)")
_LEFT_OVER = text("""
    SELECT relname FROM pg_class
    WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'
          AND relname ~ '^dropped_(reading|rollup_minute)_[0-9]+$'
""")

log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Span:
    """A span of time, half-open, and the table that holds nothing else; None if it lies in the default partition."""

    begin: datetime
    end: datetime
    table: str | None


async def shown(session: AsyncSession) -> list[RetentionOut]:
    """Return for each kind how long it is kept, and what of it was dropped so far."""
    kept = await policy(session)
    spans = select(col(Dropped.kind), func.min(Dropped.begin_at), func.max(Dropped.end_at), func.sum(Dropped.rows))
    gone = {row[0]: row for row in await session.execute(spans.group_by(col(Dropped.kind)))}
    return [
        RetentionOut(kind=kind, days=kept.get(kind), dropped_from=begin, dropped_to=end, dropped_rows=rows)
        for kind in Kept
        for _, begin, end, rows in [gone.get(kind, (kind, None, None, None))]
    ]


async def policy(session: AsyncSession) -> dict[Kept, int]:
    """Return how many days each kind is kept; what is missing is kept for ever."""
    return {Kept(row.kind): row.days for row in await session.scalars(select(Retention))}


async def set_policy(session: AsyncSession, wanted: Mapping[Kept, int | None]) -> None:
    """Say how many days some kinds are kept, or None for ever; the others stay as they are.

    Raises:
        Invalid: Too few days, or readings would outlive what is made of them.
    """
    after: dict[Kept, int | None] = {**await policy(session), **wanted}
    for kind, kept_days in after.items():
        if kept_days is not None and kept_days < LEAST_DAYS:
            raise Invalid(messages.KEPT_TOO_SHORT, kind=kind, days=kept_days, least=LEAST_DAYS)
    readings = after.get(Kept.READINGS)
    for kind in (Kept.MINUTES, Kept.BATCHES):
        kept_days = after.get(kind)
        if kept_days is not None and (readings is None or kept_days < readings):
            raise Invalid(messages.KEPT_SHORTER, kind=kind, days=kept_days, readings=readings or messages.FOR_EVER)
    for kind, kept_days in wanted.items():
        if kept_days is None:
            await session.execute(Retention.__table__.delete().where(col(Retention.kind) == kind))  # type: ignore[attr-defined]
        else:
            line = insert(Retention).values(kind=kind, days=kept_days)
            told = {"days": kept_days, "set_at": func.now()}
            await session.execute(line.on_conflict_do_update(index_elements=["kind"], set_=told))


class Keeper:
    """Drops what has been kept long enough, now and then."""

    def __init__(self, database: Database, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._monotonic = monotonic
        self._due_at = monotonic()

    async def keep(self, now: datetime) -> None:
        """Look whether something is old enough, unless that was done lately."""
        if self._monotonic() >= self._due_at:
            self._due_at = self._monotonic() + EVERY_S
            await apply(self._database, now)


async def apply(database: Database, now: datetime) -> list[str]:
    """Drop what is older than it is to be kept; return what went, in words.

    What cannot go now - it is not rolled up yet, or somebody reads it - is left for the next time.
    """
    async with database.transaction() as session:
        kept = await policy(session)
        left_over = (await session.scalars(_LEFT_OVER)).all()
    for name in left_over:
        # between its detaching and its end this process, or the one before, was cut off
        await _delete_table(database, name)
    cutoffs = {kind: _midnight(now) - timedelta(days=kept_days) for kind, kept_days in kept.items()}
    gone: list[str] = []
    if Kept.READINGS in cutoffs:
        gone += await _drop_readings(database, cutoffs[Kept.READINGS])
    if Kept.MINUTES in cutoffs:
        gone += await _drop_minutes(database, cutoffs[Kept.MINUTES])
    if Kept.BATCHES in cutoffs:
        gone += await _drop_batches(database, cutoffs[Kept.BATCHES])
    return gone


async def _drop_readings(database: Database, cutoff: datetime) -> list[str]:
    async with database.transaction() as session:
        names = set(await session.scalars(_PARTITIONS, {"of": "reading"}))
        far = (await session.scalars(_FAR_DAYS, {"cutoff": cutoff})).all()
    spans = [_day(date.fromisoformat(name[-8:])) for name in sorted(names - {"reading_other"})]
    gone = [await _drop(database, Kept.READINGS, span, "reading") for span in spans if span.end <= cutoff]
    for day in far:
        begin, end = days.bounds(date(1970, 1, 1) + timedelta(days=day))
        gone.append(await _empty(database, Span(begin, end, None), cutoff))
    return [word for word in gone if word]


async def _drop_minutes(database: Database, cutoff: datetime) -> list[str]:
    async with database.transaction() as session:
        names = set(await session.scalars(_PARTITIONS, {"of": "rollup_minute"}))
    spans = [_month(name) for name in sorted(names - {"rollup_minute_other"})]
    gone = [await _drop(database, Kept.MINUTES, span, "rollup_minute") for span in spans if span.end <= cutoff]
    return [word for word in gone if word]


async def _drop(database: Database, kind: Kept, span: Span, parent: str) -> str | None:
    """Detach a partition, note that it went, and delete it; return its name, or None if it cannot go now.

    Detaching waits for the batches under way, and those behind it wait with it: not for long. To delete a table of
    many gigabytes takes longer, and nobody waits for that.
    """
    name = span.table or ""
    told = {"begin": span.begin, "end": span.end}
    try:
        async with database.transaction() as session:
            if not await session.scalar(settling.LOCK):
                return None
            counted = _COUNTED if kind is Kept.READINGS else _ESTIMATED
            rows = await session.scalar(counted, {"begin": span.begin} if counted is _COUNTED else {"name": name})
            await session.execute(text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'"))
            await session.execute(text(f"LOCK TABLE ONLY {parent} IN ACCESS EXCLUSIVE MODE"))
            # an hour is computed from its minutes: they stay as long as one of them can be computed anew
            has_source = kind is Kept.MINUTES and await session.scalar(_HAS_READINGS, told)
            if has_source or await session.scalar(_IS_TOUCHED, told):
                log.info("retention_waits", table=name, reason="it is not rolled up to the end")
                return None
            await _note(session, kind, span, rows or 0)
            await session.execute(text(f"ALTER TABLE {parent} DETACH PARTITION {name}"))
            await session.execute(text(f"ALTER TABLE {name} RENAME TO dropped_{name}"))
    except DatabaseUnavailable as error:
        log.warning("retention_waits", table=name, reason=str(error.__cause__ or error))
        return None
    await _delete_table(database, f"dropped_{name}")
    log.info("dropped", kind=kind.value, table=name, rows=rows)
    return name


async def _empty(database: Database, span: Span, cutoff: datetime) -> str | None:
    """Delete a day's readings from the default partition."""
    told = {"begin": span.begin, "end": span.end}
    try:
        async with database.transaction() as session:
            if not await session.scalar(settling.LOCK):
                return None
            rows = await session.scalar(_COUNTED, {"begin": span.begin})
            await session.execute(text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'"))
            await session.execute(text("LOCK TABLE reading_other IN SHARE ROW EXCLUSIVE MODE"))
            came = await session.scalar(_CAME_SINCE, told | {"cutoff": cutoff})
            if came or await session.scalar(_IS_TOUCHED, told):
                return None
            await _note(session, Kept.READINGS, span, rows or 0)
            await session.execute(text("DELETE FROM reading_other WHERE ts >= :begin AND ts < :end"), told)
    except DatabaseUnavailable as error:
        log.warning("retention_waits", table="reading_other", reason=str(error.__cause__ or error))
        return None
    log.info("dropped", kind=Kept.READINGS.value, table="reading_other", day=span.begin.date().isoformat(), rows=rows)
    return f"{span.begin:%Y-%m-%d} of reading_other"


async def _drop_batches(database: Database, cutoff: datetime) -> list[str]:
    deleted = 0
    while True:
        async with database.transaction() as session:
            taken = await folding.fold(session, cutoff, _BATCHES_AT_ONCE)
        deleted += taken
        if taken < _BATCHES_AT_ONCE:
            break
    if deleted:
        log.info("dropped", kind=Kept.BATCHES.value, rows=deleted)
    return [f"{deleted} lines of batch"] if deleted else []


async def _note(session: AsyncSession, kind: Kept, span: Span, rows: int) -> None:
    line = insert(Dropped).values(kind=kind, begin_at=span.begin, end_at=span.end, rows=rows)
    # what came late to a day that was dropped is counted with it
    again = {"rows": line.excluded.rows, "dropped_at": func.now()}
    await session.execute(line.on_conflict_do_update(index_elements=["kind", "begin_at"], set_=again))


async def _delete_table(database: Database, name: str) -> None:
    async with database.transaction() as session:
        await session.execute(text(f"DROP TABLE IF EXISTS {name}"))


def _midnight(now: datetime) -> datetime:
    return now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _day(day: date) -> Span:
    return Span(*days.bounds(day), name_of(day))


def _month(name: str) -> Span:
    begin = datetime(int(name[-6:-2]), int(name[-2:]), 1, tzinfo=UTC)
    return Span(begin, (begin + timedelta(days=32)).replace(day=1), name)
