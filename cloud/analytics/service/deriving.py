"""Owns how figures follow what changed: marks are taken away, and what they touch is derived anew, machine by machine.

In one transaction a machine's marks go, and its states, its counts, and the facts of the hours and shifts around are
derived from what is known then. A crash takes nothing with it, and what is done twice comes to the same. What merely
goes on - a machine that produces, and says nothing - is brought up to the present every minute.
"""

import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession

from cloud.analytics.models import Derived
from cloud.analytics.service import storing
from cloud.analytics.service import told as told_hours
from cloud.db import Database
from cloud.errors import SchemaMismatch
from cloud.identity import service as identity
from cloud.kpi import hours as clock
from cloud.kpi.ledger import Shelf, draw_up
from cloud.kpi.runs import drawn
from cloud.kpi.spans import HOUR, Span, union
from cloud.machines import service as machines
from cloud.machines.schemas import MachineOut
from cloud.production.service import alarms, counting, deriving, layers, moments, pace
from cloud.production.service.portions import portions
from cloud.shifts.service import patterns as shifts
from cloud.telemetry import service as telemetry
from cloud.workorders.service import counted
from shared import logs

log = logs.get(__name__)
Failed = dict[uuid.UUID, Exception]
Work = Callable[[AsyncSession, uuid.UUID], Awaitable[None]]
# marks of one machine in one transaction: a backlog comes in pieces
AT_ONCE = 500
_INSTANT = timedelta(microseconds=1)
# marks less than that apart are one stretch of work
_NEAR = 2 * HOUR
# so much is computed of a machine at a time, so that a year of it needs the memory of a month
_PIECE = timedelta(days=31)
# a machine that goes on is brought up to the present so often
EVERY = timedelta(minutes=1)
# what was seen so lately may look otherwise by now
_AGAIN = timedelta(hours=1)
# "figures" in ASCII
LOCK = text("SELECT pg_try_advisory_xact_lock(28823047914448243)")
_NEXT = text("""
    SELECT machine_id FROM mark WHERE from_at < :now AND machine_id <> ALL(CAST(:failed AS uuid[])) ORDER BY id LIMIT 1
""")
_TAKE = text("""
    DELETE FROM mark WHERE id IN (
        SELECT id FROM mark WHERE machine_id = :machine_id AND from_at < :now ORDER BY from_at DESC, id LIMIT :at_once
    ) RETURNING from_at, to_at, figures_only
""")
_FORGET = text("DELETE FROM mark WHERE machine_id = :machine_id")
_WHOSE = text("SELECT organization_id FROM machine WHERE id = :machine_id")
_IDLE = text("""
    SELECT machine_id FROM derived WHERE until_at < :before AND machine_id <> ALL(CAST(:failed AS uuid[]))
    ORDER BY until_at LIMIT 1
""")
_UPSERT = """
    INSERT INTO {table} AS known ({keys}, {columns}, revision) {source}
    ON CONFLICT ({unique}) DO UPDATE SET {assignments}, revision = known.revision + 1
    WHERE ({known}) IS DISTINCT FROM ({excluded})
"""
_DERIVED = text("""
    INSERT INTO derived AS known (machine_id, since_at, until_at) VALUES (:machine_id, :since_at, :until_at)
    ON CONFLICT (machine_id) DO UPDATE SET since_at = least(known.since_at, excluded.since_at),
                                           until_at = greatest(known.until_at, excluded.until_at)
""")


# what it worked by a pattern that it follows no more
_OTHERS = text("""
    DELETE FROM fact_shift WHERE machine_id = :machine_id AND starts_at >= :start AND starts_at < :end
                                 AND occurrence_id <> ALL(CAST(:worked AS bigint[]))
""")
# hours of a clock that was another
_OTHER_HOURS = text("""
    DELETE FROM fact_hour WHERE machine_id = :machine_id AND bucket > :before AND bucket < :end
                                AND bucket <> ALL(CAST(:buckets AS timestamptz[]))
""")
WAITING = text("""
    SELECT count(*), extract(epoch FROM now() - min(put_at))::float8
    FROM (SELECT put_at FROM mark UNION ALL SELECT put_at FROM pace_mark) AS waiting
""")
"""How many marks wait to be taken in, and for how long the oldest has."""


def _upsert(table: str, keys: Sequence[str], unique: Sequence[str], source: str) -> str:
    columns = storing.COLUMNS
    return _UPSERT.format(
        table=table,
        keys=", ".join(keys),
        columns=", ".join(columns),
        source=source,
        unique=", ".join(unique),
        assignments=", ".join(f"{name} = excluded.{name}" for name in (*keys, *columns) if name not in unique),
        known=", ".join(f"known.{name}" for name in (*keys, *columns)),
        excluded=", ".join(f"excluded.{name}" for name in (*keys, *columns)),
    )


_OF_AN_HOUR = ["machine_id", "bucket"]
# hours of which all is the same: a thousand of them, if nothing was said for so long
_HOUR = text(
    _upsert(
        "fact_hour",
        _OF_AN_HOUR,
        _OF_AN_HOUR,
        f"""SELECT CAST(:machine_id AS uuid), bucket,
               {", ".join(f"CAST(:{name} AS bigint)" for name in storing.COLUMNS)}, 1
        FROM unnest(CAST(:buckets AS timestamptz[])) AS bucket""",  # noqa: S608 - column names of ours
    )
)
_OF_A_SHIFT = ["machine_id", "occurrence_id", "starts_at", "business_date"]
_SHIFT = text(
    _upsert(
        "fact_shift",
        _OF_A_SHIFT,
        ["machine_id", "occurrence_id"],
        f"VALUES ({', '.join(f':{name}' for name in (*_OF_A_SHIFT, *storing.COLUMNS))}, 1)",
    )
)


async def derive_all(database: Database, now: datetime) -> int:
    """Derive everything that is marked, then what merely goes on; return how many machines were derived.

    Raises:
        Exception: A machine could not be derived. All others were; it is tried again the next time.
    """
    await _look_ahead(database, now)
    async with database.transaction() as session:
        await pace.follow(session)
    done, failed = 0, dict[uuid.UUID, Exception]()
    for step in (derive_next, go_on):
        while await step(database, now, failed):
            done += 1
    if failed:
        raise next(iter(failed.values()))
    return done


async def _look_ahead(database: Database, now: datetime) -> None:
    """Show the shifts to come, pattern by pattern: one that cannot be shown holds up nothing else."""
    async with database.transaction() as session:
        ending = await shifts.ending(session, now)
    for pattern_id in ending:
        async with database.transaction() as session:
            await shifts.look_ahead(session, pattern_id, now)


async def derive_next(database: Database, now: datetime, failed: Failed | None = None) -> bool:
    """Derive what is marked of one machine, a bounded part of it; False when nothing is, or somebody else is at it.

    Args:
        database: Whose machines.
        now: UTC.
        failed: Machines that cannot be derived, which are left out; one more is added, and its marks stay. Without it
            the failure is raised.
    """
    return await _one(database, _NEXT, {"now": now}, failed, partial(_derive_marked, now=now))


async def go_on(database: Database, now: datetime, failed: Failed | None = None) -> bool:
    """Bring one machine up to the present; False when all are. Arguments as above."""
    return await _one(database, _IDLE, {"before": now - EVERY}, failed, partial(_bring_up, now=now))


async def _one(
    database: Database, which: TextClause, asked: Mapping[str, object], failed: Failed | None, work: Work
) -> bool:
    machine_id: uuid.UUID | None = None
    try:
        async with database.transaction() as session:
            if not await session.scalar(LOCK):
                return False
            machine_id = await session.scalar(which, {**asked, "failed": list(failed or ())})
            if machine_id is not None:
                await work(session, machine_id)
    except SchemaMismatch:
        # the database, which is everybody's; one that is gone is noticed before a machine is chosen
        raise
    except Exception as error:
        if machine_id is None or failed is None:
            raise
        log.exception("machine_not_derived", machine_id=str(machine_id))
        failed[machine_id] = error
    return machine_id is not None


async def _derive_marked(session: AsyncSession, machine_id: uuid.UUID, now: datetime) -> None:
    owner = await _owner(session, machine_id)
    if owner is None:
        await session.execute(_FORGET, {"machine_id": machine_id})
        return
    rows = await session.execute(_TAKE, {"machine_id": machine_id, "now": now, "at_once": AT_ONCE})
    spans: dict[bool, list[Span]] = {True: [], False: []}
    for row in rows:
        spans[row.figures_only].append(Span(moments.us(row.from_at), moments.us(min(row.to_at, now))))
    moved: counting.Moved = Counter()
    for span in _together(spans[False]):
        for part in await portions(session, machine_id, span):
            moved.update(await derive(session, *owner, part, now))
    for span in _together(spans[True]):
        await compute(session, *owner, moments.utc(span.start), moments.utc(span.end), now)
    # last: whoever reports of these orders waits for us from here on
    await counted.add(session, moved, now)


async def _bring_up(session: AsyncSession, machine_id: uuid.UUID, now: datetime) -> None:
    organization_id, machine = await _required(session, machine_id)
    known = await session.get_one(Derived, machine_id)
    await compute(session, organization_id, machine, known.until_at - _AGAIN, now, now)


async def derive(
    session: AsyncSession, organization_id: uuid.UUID, machine: MachineOut, wanted: Span, now: datetime
) -> counting.Moved:
    """Derive a machine's states, alarms and counts in a range, the facts of all that it touches, and what it measured.

    Returns:
        What stages made more or less than was known, for their quantities.
    """
    changed = [wanted]
    changed += await deriving.derive_states(session, machine.id, wanted, now)
    await alarms.derive_alarms(session, machine.id, wanted)
    moved: counting.Moved = Counter()
    changed += await counting.derive_counts(session, machine, wanted, moved, now)
    present = moments.us(now)
    await telemetry.tell_measured(session, machine.id, moments.utc(wanted.start), moments.utc(wanted.end), now)
    for span in _together([Span(each.start, min(each.end, present)) for each in changed]):
        await compute(session, organization_id, machine, moments.utc(span.start), moments.utc(span.end), now)
    return moved


async def compute(
    session: AsyncSession,
    organization_id: uuid.UUID,
    machine: MachineOut,
    start: datetime,
    end: datetime,
    now: datetime,
) -> None:
    """Compute the facts of the hours and shifts that overlap a range, as far as they have gone.

    Of a range that reaches the hour that goes on the hour before is computed again, too: a stop that was short has
    become long since, and a gateway that had not been heard of yet has spoken.
    """
    since = await layers.since(session, machine.id)
    if since is None:
        return
    zone = ZoneInfo(await identity.time_zone(session, organization_id))
    # the hour that goes on is computed until now
    known = max(end, min(now, clock.end(end - _INSTANT, zone)))
    if known >= now:
        start = min(start, end - _AGAIN)
    start = clock.begin(max(start, since), zone)
    while start < end:
        until = min(end, start + _PIECE)
        await _compute(session, organization_id, machine, since, (start, until), now, zone)
        start = until
    told = {"machine_id": machine.id, "since_at": since, "until_at": max(known, since)}
    await session.execute(_DERIVED, told)


async def _compute(
    session: AsyncSession,
    organization_id: uuid.UUID,
    machine: MachineOut,
    since: datetime,
    span: tuple[datetime, datetime],
    now: datetime,
    zone: ZoneInfo,
) -> None:
    start, end = span
    worked = await shifts.worked(session, machine.id, organization_id, start, end) or []
    first = min([clock.begin(start, zone), *(each.starts_at for each in worked)])
    start, whole = clock.begin(start, zone), clock.end(end - _INSTANT, zone)
    last = min(now, max([whole, *(each.ends_at for each in worked)]))
    around = await layers.around(session, organization_id, machine, first, last, now)
    buckets = _hours(start, min(now, whole), since, zone)
    hours = [
        {"machine_id": machine.id, "buckets": [buckets[each] for each in several], **storing.columns(facts)}
        for facts, several in drawn(around, list(buckets))
    ]
    shelf = Shelf(around)
    rows = []
    for shift in worked:
        window = _window(max(shift.starts_at, since), min(shift.ends_at, now))
        if window.length:
            keys = {"machine_id": machine.id, "occurrence_id": shift.id, "starts_at": shift.starts_at}
            facts = draw_up(window, shelf.around(window)).facts
            rows.append(keys | {"business_date": shift.business_date, **storing.columns(facts)})
    told = {"machine_id": machine.id, "start": start, "end": end, "worked": [each.id for each in worked]}
    await session.execute(_OTHERS, told)
    before = clock.begin(start - _INSTANT, zone)
    stay = {"before": before, "end": whole, "buckets": list(buckets.values())}
    await session.execute(_OTHER_HOURS, {"machine_id": machine.id, **stay})
    for statement, values in ((_HOUR, hours), (_SHIFT, rows)):
        if values:
            await session.execute(statement, values)
    await told_hours.tell(session, machine.id, start, whole, now)


def _hours(start: datetime, end: datetime, since: datetime, zone: ZoneInfo) -> dict[Span, datetime]:
    """Return when the hours of a range began, by what of each lies between the machine's beginning and the end."""
    found = {}
    at = start
    while at < end:
        following = clock.end(at, zone)
        window = _window(max(at, since), min(following, end))
        if window.length:
            found[window] = at
        at = following
    return found


async def _owner(session: AsyncSession, machine_id: uuid.UUID) -> tuple[uuid.UUID, MachineOut] | None:
    organization_id = await session.scalar(_WHOSE, {"machine_id": machine_id})
    if organization_id is None:
        return None
    return organization_id, await machines.resolve(session, organization_id, str(machine_id))


async def _required(session: AsyncSession, machine_id: uuid.UUID) -> tuple[uuid.UUID, MachineOut]:
    owner = await _owner(session, machine_id)
    assert owner is not None, "its rows name it"  # noqa: S101 - a foreign key holds it
    return owner


def _together(spans: Iterable[Span]) -> list[Span]:
    """Return spans as few stretches of work."""
    near = union(Span(each.start, each.end + _NEAR) for each in spans if each.length)
    return [Span(each.start, each.end - _NEAR) for each in near]


def _window(start: datetime, end: datetime) -> Span:
    return Span(moments.us(start), max(moments.us(start), moments.us(end)))
