"""Owns what can be done with job logs: brought in from elsewhere, and listed."""

import uuid
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql import ColumnElement
from sqlmodel import col

from cloud import changes, paging
from cloud.changes import Actor, ChangeKind, Entity
from cloud.identity.schemas import Caller, Role
from cloud.joblogs.models import JobLogRevision, JobLogRow
from cloud.joblogs.schemas import SECONDS, Brought, Entry, Flag, JobLogOut, JobLogSort, JobState
from cloud.joblogs.service import told
from cloud.jobs import service as jobs
from cloud.machines import service as machines
from cloud.operators import service as operators
from cloud.paging import Page, Paging
from cloud.parts import service as parts

_NAMES = tuple(name for name in JobLogOut.model_fields if name != "machine")
_SHOWN = [col(getattr(JobLogRow, name)) for name in _NAMES]

_HOURS = text("""
    SELECT DISTINCT machine_id, date_trunc('hour', ended, 'UTC') AS hour FROM (
        SELECT machine_id, start_time + make_interval(secs => job_duration_s) - interval '1 microsecond' AS ended
        FROM joblog WHERE organization_id = :whose AND part_number = :part_number AND job_duration_s IS NOT NULL
    ) AS row WHERE CAST(:since AS timestamptz) IS NULL OR ended >= :since
""")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows of the job log are wanted; None wants all. Times are half-open, and rows that touch them come."""

    machine: str | None = None
    job_number: str | None = None
    part_number: str | None = None
    emp_id: str | None = None
    state: JobState | None = None
    flag: Flag | None = None
    begin: datetime | None = None
    end: datetime | None = None
    sort: JobLogSort = "start_time"


async def joblogs(session: AsyncSession, caller: Caller, page: Paging, wanted: Wanted) -> Page[JobLogOut]:
    """Return a page of the organization's job log; a worker sees what he did.

    Raises:
        NotFound: There is no such machine.
    """
    statement = select(*_SHOWN).where(col(JobLogRow.organization_id) == caller.organization_id)
    equal = (
        (JobLogRow.job_number, wanted.job_number),
        (JobLogRow.part_number, wanted.part_number),
        (JobLogRow.emp_id, wanted.emp_id),
        (JobLogRow.state, wanted.state),
    )
    statement = statement.where(*(col(column) == value for column, value in equal if value is not None))
    if caller.role is Role.WORKER:
        statement = statement.where(col(JobLogRow.emp_id) == await operators.of_user(session, caller))
    if wanted.machine is not None:
        machine = await machines.resolve(session, caller.organization_id, wanted.machine)
        statement = statement.where(col(JobLogRow.machine_id) == machine.id)
    if wanted.flag is not None:
        flags: Any = col(JobLogRow.flags)
        statement = statement.where(flags.contains([wanted.flag.value]))
    if wanted.begin is not None:
        open_end = func.coalesce(col(JobLogRow.end_time), func.now())
        statement = statement.where(open_end > wanted.begin)
    if wanted.end is not None:
        statement = statement.where(col(JobLogRow.start_time) < wanted.end)
    keys = [col(JobLogRow.start_time), col(JobLogRow.id)]
    descending = wanted.sort.startswith("-")
    found = await paging.read(session, statement, keys, page, descending=descending, columns_only=True)
    rows = [dict(zip(_NAMES, row, strict=False)) for row in found.rows]
    codes = await machines.codes(session, caller.organization_id, {row["machine_id"] for row in rows})
    items = [JobLogOut.model_validate(row | {"machine": codes[row["machine_id"]]}) for row in rows]
    return Page(items=items, next_cursor=found.next_cursor, total=found.total)


async def known(session: AsyncSession, organization_id: uuid.UUID, source: str) -> dict[str, bytes]:
    """Return the digest of each row that came from a source, by its id there."""
    statement = select(col(JobLogRow.source_id), col(JobLogRow.digest)).where(
        col(JobLogRow.organization_id) == organization_id, col(JobLogRow.source) == source
    )
    return {row.source_id: row.digest for row in await session.execute(statement)}


async def bring(session: AsyncSession, actor: Actor, source: str, entries: Sequence[Entry]) -> Brought:
    """Store rows that come from elsewhere, and add the machines, operators, jobs and parts that they name.

    A row that came before is written anew. All in the session's transaction, so that a chunk is here or is not.
    """
    if not entries:
        nothing: frozenset[str] = frozenset()
        return Brought(0, 0, nothing, nothing, nothing, nothing)
    places = await machines.ensure(session, actor, _each(entries, lambda each: each.machine))
    names = {each.emp_id: each.operator_name or each.emp_id for each in entries if each.emp_id is not None}
    people = await operators.ensure(session, actor, names)
    ordered = await jobs.ensure(session, actor, _each(entries, lambda each: each.job_number))
    made = await parts.ensure(session, actor, _each(entries, lambda each: each.part_number))
    ids = await machines.by_codes(session, actor.organization_id, _each(entries, lambda each: each.machine))
    there = await session.scalar(
        select(func.count()).where(
            col(JobLogRow.organization_id) == actor.organization_id,
            col(JobLogRow.source) == source,
            col(JobLogRow.source_id).in_([each.source_id for each in entries]),
        )
    )
    table: Any = JobLogRow.__table__  # type: ignore[attr-defined]
    statement = insert(table)
    values = [_row(actor.organization_id, source, ids[each.machine], each) for each in entries]
    written = {name: statement.excluded[name] for name in values[0] if name not in _KEY}
    upsert = statement.on_conflict_do_update(index_elements=list(_KEY), set_={**written, "imported_at": func.now()})
    await session.execute(upsert, values)
    await told.tell(session, actor.organization_id, source, [each.source_id for each in entries])
    revision = await _revise(session, actor.organization_id)
    updated = there or 0
    said = {"source": source, "rows": len(entries), "new": len(entries) - updated, "updated": updated}
    await changes.record(session, actor, Entity.JOBLOG, f"{source}:{revision}", ChangeKind.CREATED, after=said)
    return Brought(len(entries) - updated, updated, *(frozenset(each) for each in (places, people, ordered, made)))


async def revision(session: AsyncSession, organization_id: uuid.UUID) -> int:
    """Return how often the organization's job log changed."""
    mine = select(col(JobLogRevision.revision)).where(col(JobLogRevision.organization_id) == organization_id)
    return await session.scalar(mine) or 0


@dataclass(frozen=True, slots=True)
class Extent:
    """How far an organization's job log goes.

    Attributes:
        last: The end of the last row; None where there is none.
        changed_at: When it changed last; None if it never did.
    """

    last: datetime | None
    revision: int
    changed_at: datetime | None


async def extent(session: AsyncSession, organization_id: uuid.UUID) -> Extent:
    """Return how far an organization's job log goes."""
    mine = col(JobLogRow.organization_id) == organization_id
    # rows last hours: the latest to end is among the latest to begin
    late = select(col(JobLogRow.end_time)).where(mine, col(JobLogRow.end_time).is_not(None))
    late = late.order_by(col(JobLogRow.start_time).desc()).limit(_LATEST)
    last = await session.scalar(select(func.max(late.subquery().c.end_time)))
    statement = select(col(JobLogRevision.revision), col(JobLogRevision.at)).where(
        col(JobLogRevision.organization_id) == organization_id
    )
    found = (await session.execute(statement)).one_or_none()
    return Extent(last, found.revision, found.at) if found is not None else Extent(last, 0, None)


async def conditions(
    session: AsyncSession,
    organization_id: uuid.UUID,
    machine: str | None,
    part_number: str | None,
    emp_id: str | None,
    job_number: str | None,
) -> list[ColumnElement[bool]]:
    """Return what holds for rows of these; None is all.

    Raises:
        NotFound: There is no such machine.
    """
    equal: tuple[tuple[Any, object | None], ...] = (
        (JobLogRow.part_number, part_number),
        (JobLogRow.emp_id, emp_id),
        (JobLogRow.job_number, job_number),
    )
    found = [col(column) == value for column, value in equal if value is not None]
    if machine is not None:
        found.append(col(JobLogRow.machine_id) == (await machines.resolve(session, organization_id, machine)).id)
    return found


# of each machine of a large plant some
_LATEST = 2_000
_KEY = ("organization_id", "source", "source_id")


async def _revise(session: AsyncSession, organization_id: uuid.UUID) -> int:
    # its row is locked until the end, so that a revision never holds less than one before it
    table: Any = JobLogRevision.__table__  # type: ignore[attr-defined]
    statement = insert(table).values(organization_id=organization_id, revision=1)
    counted = statement.on_conflict_do_update(
        index_elements=["organization_id"], set_={"revision": table.c.revision + 1, "at": func.now()}
    ).returning(table.c.revision)
    return int(await session.scalar(counted) or 0)


def _row(organization_id: uuid.UUID, source: str, machine_id: uuid.UUID, entry: Entry) -> dict[str, Any]:
    total = sum(entry.seconds.values())
    return {
        "organization_id": organization_id,
        "source": source,
        "source_id": entry.source_id,
        "machine_id": machine_id,
        "start_time": entry.start_time,
        "end_time": entry.end_time,
        "state": entry.state,
        "job_number": entry.job_number,
        "part_number": entry.part_number,
        "emp_id": entry.emp_id,
        "op_number": entry.op_number,
        "parts_produced": entry.parts_produced,
        "job_duration_s": entry.job_duration_s,
        "unaccounted_s": None if entry.job_duration_s is None else entry.job_duration_s - total,
        "flags": [flag.value for flag in entry.flags],
        "digest": entry.digest,
        **{f"{name}_s": entry.seconds.get(name, 0.0) for name in SECONDS},
    }


def _each(entries: Iterable[Entry], named: Callable[[Entry], str | None]) -> list[str]:
    return sorted({name for entry in entries if (name := named(entry)) is not None})


async def made_hours(
    session: AsyncSession, organization_id: uuid.UUID, part_number: str, since: datetime | None
) -> list[tuple[uuid.UUID, datetime]]:
    """Return on which machines, in which hours, rows that made a part ended: their pieces count there."""
    asked = {"whose": organization_id, "part_number": part_number, "since": since}
    return [(row.machine_id, row.hour) for row in await session.execute(_HOURS, asked)]


async def machines_of(
    session: AsyncSession,
    organization_id: uuid.UUID,
    parts: Collection[str] | None,
    jobs: Collection[str] | None,
    emp_ids: Collection[str] | None,
    begin: datetime,
    end: datetime,
) -> set[uuid.UUID]:
    """Return the machines whose rows that touch a time make any of some parts, for any of some jobs, by any of some."""
    row = JobLogRow
    conditions = [
        col(column).in_(chosen)
        for column, chosen in ((row.part_number, parts), (row.job_number, jobs), (row.emp_id, emp_ids))
        if chosen is not None
    ]
    # no row that is kept lasts longer than a month
    near = col(row.start_time).between(begin - timedelta(days=31), end)
    statement = select(col(row.machine_id)).where(col(row.organization_id) == organization_id, near, *conditions)
    return set(await session.scalars(statement.distinct()))
