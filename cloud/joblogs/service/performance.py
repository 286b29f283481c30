"""Owns how operators, jobs and parts did by the job log: which rows are theirs, and what these add up to."""

import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql import ColumnElement
from sqlmodel import col

from cloud import db, windows
from cloud.errors import Forbidden
from cloud.identity import service as identity
from cloud.identity.schemas import Caller, Role
from cloud.joblogs import messages
from cloud.joblogs.models import JobLogRow
from cloud.joblogs.schemas import (
    FiguresOut,
    JobPerformanceOut,
    JudgedOut,
    OperatorPerformanceOut,
    PartPerformanceOut,
    PeriodOut,
    ProductionHistoryOut,
    ShareOut,
    TimesOut,
)
from cloud.joblogs.service import log
from cloud.jobs import service as jobs
from cloud.jobs.schemas import JobStatus
from cloud.kpi import worked as rules
from cloud.kpi.elements import PieceKind
from cloud.kpi.facts import Facts
from cloud.kpi.figures import figures, produced, times, waterfall
from cloud.kpi.joblog import COLUMNS
from cloud.kpi.policy import ISO22400, Policy
from cloud.kpi.spans import SECOND, Span
from cloud.kpi.worked import Bucket, Sum, Worked
from cloud.machines import service as machines
from cloud.operators import service as operators
from cloud.operators.schemas import OperatorOut
from cloud.parts import service as parts
from cloud.windows import Window

# as many of each kind as one looks at; the rest is in the sums
SHARES = 50
# no row that is kept lasts longer (`imports.joblog.rules`)
LONGEST = timedelta(days=31)
_TIMES = [col(getattr(JobLogRow, f"{column.name}_s")) for column in COLUMNS]
_OF = (
    JobLogRow.machine_id,
    JobLogRow.job_number,
    JobLogRow.part_number,
    JobLogRow.emp_id,
    JobLogRow.op_number,
    JobLogRow.start_time,
    JobLogRow.end_time,
    JobLogRow.job_duration_s,
    JobLogRow.parts_produced,
    JobLogRow.flags,
)
_COLUMNS = [*map(col, _OF), *_TIMES]
# with a bound on when a row began, so that the index is enough, however many years there are before
_TOUCHING = text(f"""
    SELECT asked.number, found.id FROM {windows.ASKED} CROSS JOIN LATERAL (
        SELECT id FROM joblog
        WHERE organization_id = :whose AND machine_id = asked.machine_id
              AND start_time > asked.start_at - CAST(:longest AS interval) AND start_time < asked.end_at
              AND start_time + make_interval(secs => coalesce(job_duration_s, 0)) > asked.start_at
        ORDER BY start_time, id
    ) AS found
""")  # noqa: S608 - names of ours


@dataclass(frozen=True, slots=True)
class Asked:
    """Which time is asked for, None as far as there are rows, and under which policy."""

    policy: Policy
    begin: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the job log, and whose it is.

    Attributes:
        worked: None while it is open.
    """

    machine: str
    job_number: str | None
    part_number: str | None
    emp_id: str | None
    op_number: str | None
    worked: Worked | None
    is_flagged: bool


async def of_operator(
    session: AsyncSession, caller: Caller, emp_id: str, asked: Asked, now: datetime
) -> OperatorPerformanceOut:
    """Return how an operator worked; a worker is shown his own only.

    Raises:
        NotFound: There is no such operator.
        Forbidden: A worker asks for somebody else.
    """
    person = await performer(session, caller, emp_id)
    found = await rows(session, caller.organization_id, asked, col(JobLogRow.emp_id) == emp_id)
    window = _window(found, asked)
    return OperatorPerformanceOut(
        **await _said(session, caller, found, window, asked, now),
        emp_id=emp_id,
        operator_name=person.operator_name,
        by_machine=shares(found, window, asked.policy, lambda each: each.machine),
        by_part=shares(found, window, asked.policy, lambda each: each.part_number),
        by_job=shares(found, window, asked.policy, lambda each: each.job_number),
    )


async def performer(session: AsyncSession, caller: Caller, emp_id: str) -> OperatorOut:
    """Return an operator whose work the caller may see.

    Raises:
        NotFound: There is no such operator.
        Forbidden: A worker asks for somebody else.
    """
    person = await operators.operator(session, caller, emp_id)
    if caller.role is Role.WORKER and person.user_id != caller.user_id:
        raise Forbidden(messages.ANOTHERS_WORK, required_permission=sorted([Role.ADMIN, Role.PLANNER]))
    return person


async def of_job(
    session: AsyncSession, caller: Caller, job_number: str, asked: Asked, now: datetime
) -> JobPerformanceOut:
    """Return how a job went, or goes.

    Raises:
        NotFound: There is no such job.
    """
    job = await jobs.job(session, caller.organization_id, job_number)
    found = await rows(session, caller.organization_id, asked, col(JobLogRow.job_number) == job_number)
    window = _window(found, asked)
    said = await _said(session, caller, found, window, asked, now)
    ended = max((each.worked.span.end for each in found if each.worked is not None), default=None)
    until = now if job.job_status is not JobStatus.COMPLETED or ended is None else rules.at(ended)
    ordered = job.quantity_ordered
    return JobPerformanceOut(
        **said,
        job_number=job_number,
        job_status=job.job_status,
        quantity_ordered=ordered,
        completion_percent=100 * said["parts_produced"] / ordered if ordered else None,
        estimated_hours=job.estimated_hours,
        actual_hours=said["times_s"].pot / 3600,
        due_date=job.due_date,
        is_late=None if job.due_date is None else until > job.due_date,
        by_operation=shares(found, window, asked.policy, lambda each: each.op_number),
        by_machine=shares(found, window, asked.policy, lambda each: each.machine),
        # who did it is planners' business
        by_operator=[] if caller.role is Role.WORKER else shares(found, window, asked.policy, lambda each: each.emp_id),
    )


async def history(
    session: AsyncSession, caller: Caller, part_number: str, asked: Asked, bucket: Bucket, now: datetime
) -> ProductionHistoryOut:
    """Return how a part was made over time.

    Raises:
        NotFound: There is no such part.
    """
    part = await parts.part(session, caller.organization_id, part_number)
    found = await rows(session, caller.organization_id, asked, col(JobLogRow.part_number) == part_number)
    window = _window(found, asked)
    zone = ZoneInfo(await identity.time_zone(session, caller.organization_id))
    periods = []
    if window.length:
        closed = [each.worked for each in found if each.worked is not None]
        for day, part_of in rules.buckets(rules.at(window.start), rules.at(window.end), bucket, zone):
            total = Sum()
            for worked in closed:
                if worked.span.start < part_of.end and worked.span.end > part_of.start:
                    total.add(worked, part_of)
            if total.facts().time_us:
                periods.append(PeriodOut(period=day, **shown(total, asked.policy)))
    return ProductionHistoryOut(
        **await _said(session, caller, found, window, asked, now),
        part_number=part_number,
        bucket=bucket,
        standard_cycle_time=part.standard_cycle_time,
        periods=periods,
        by_machine=shares(found, window, asked.policy, lambda each: each.machine),
    )


async def of_part(
    session: AsyncSession, caller: Caller, part_number: str, asked: Asked, now: datetime
) -> PartPerformanceOut:
    """Return how a part is made.

    Raises:
        NotFound: There is no such part.
    """
    part = await parts.part(session, caller.organization_id, part_number)
    found = await rows(session, caller.organization_id, asked, col(JobLogRow.part_number) == part_number)
    window = _window(found, asked)
    return PartPerformanceOut(
        **await _said(session, caller, found, window, asked, now),
        part_number=part_number,
        standard_cycle_time=part.standard_cycle_time,
        by_machine=shares(found, window, asked.policy, lambda each: each.machine),
        by_operation=shares(found, window, asked.policy, lambda each: each.op_number),
        by_job=shares(found, window, asked.policy, lambda each: each.job_number),
        by_operator=[] if caller.role is Role.WORKER else shares(found, window, asked.policy, lambda each: each.emp_id),
    )


async def rows(
    session: AsyncSession, organization_id: uuid.UUID, asked: Asked, *conditions: ColumnElement[bool]
) -> list[Entry]:
    """Return the rows of a job log that touch a time, each with the ideal cycle of its day."""
    statement = select(*_COLUMNS).where(col(JobLogRow.organization_id) == organization_id, *conditions)
    if asked.begin is not None:
        lasted = func.make_interval(0, 0, 0, 0, 0, 0, func.coalesce(col(JobLogRow.job_duration_s), 0))
        open_or_after = func.coalesce(col(JobLogRow.start_time) + lasted, func.now()) > asked.begin
        statement = statement.where(open_or_after)
    if asked.end is not None:
        statement = statement.where(col(JobLogRow.start_time) < asked.end)
    found = await db.rows(session, statement.order_by(col(JobLogRow.start_time), col(JobLogRow.id)))
    return await _entries(session, organization_id, found) if found else []


async def _entries(session: AsyncSession, organization_id: uuid.UUID, found: Sequence[Sequence[Any]]) -> list[Entry]:
    places = await machines.by_ids(session, organization_id, {row[0] for row in found})
    speeds = await parts.speeds(session, organization_id, {row[2] for row in found if row[2] is not None})
    zone = ZoneInfo(await identity.time_zone(session, organization_id))
    entries = []
    for machine_id, job, part, emp_id, op_number, start, end, duration_s, pieces, flags, *lasted_s in found:
        machine = places[machine_id]
        worked = None
        if end is not None and duration_s is not None:
            speed = speeds.get(part) if part is not None else None
            day = start.astimezone(zone).date()
            cycle_s = speed.ideal_cycle_s(day, machine_id, machine.machine_type) if speed is not None else None
            cycle_s = cycle_s if cycle_s is not None else machine.ideal_cycle_s
            begin = rules.us(start)
            worked = Worked(
                Span(begin, begin + round(duration_s * SECOND)),
                [round(spent * SECOND) for spent in lasted_s],
                pieces,
                None if cycle_s is None else round(cycle_s * SECOND),
            )
        entries.append(Entry(machine.code, job, part, emp_id, op_number, worked, bool(flags)))
    return entries


async def actuals(session: AsyncSession, organization_id: uuid.UUID, asked: Sequence[Window]) -> list[list[Worked]]:
    """Return of each window its machine's closed rows that touch it: for the ledger, an order ran as long as each."""
    touching = await windows.rows(session, _TOUCHING, asked, whose=organization_id, longest=LONGEST)
    ids = {row.id for several in touching for row in several}
    if not ids:
        return [[] for _ in asked]
    wanted = text("id = ANY(CAST(:ids AS bigint[]))").bindparams(ids=list(ids))
    found = await db.rows(session, select(col(JobLogRow.id), *_COLUMNS).where(wanted))
    entries = await _entries(session, organization_id, [row[1:] for row in found])
    worked = {row[0]: entry.worked for row, entry in zip(found, entries, strict=True)}
    return [[each for row in several if (each := worked[row.id]) is not None] for several in touching]


async def logged(
    session: AsyncSession, organization_id: uuid.UUID, machine_id: uuid.UUID, begin: datetime, end: datetime
) -> list[Entry]:
    """Return a machine's rows that touch a time, by their beginning."""
    mine = col(JobLogRow.machine_id) == machine_id
    # so that the index is enough, however many years there are before
    near = col(JobLogRow.start_time) > begin - LONGEST
    return await rows(session, organization_id, Asked(ISO22400, begin, end), mine, near)


async def performers(
    session: AsyncSession, organization_id: uuid.UUID, machine_id: uuid.UUID, begin: datetime, end: datetime
) -> list[tuple[Span, str]]:
    """Return who worked at a machine, and when, by its closed rows that touch a time and name somebody."""
    mine, near = col(JobLogRow.machine_id) == machine_id, col(JobLogRow.start_time) > begin - LONGEST
    found = await rows(session, organization_id, Asked(ISO22400, begin, end), mine, near)
    return [(each.worked.span, each.emp_id) for each in found if each.worked is not None and each.emp_id is not None]


def shares(found: Iterable[Entry], window: Span, policy: Policy, key: Callable[[Entry], str | None]) -> list[ShareOut]:
    """Return the figures of each group, those with the most time first."""
    groups = rules.grouped(((key(each), each.worked) for each in found if each.worked is not None), window)
    ordered = sorted(groups.items(), key=lambda group: (-group[1].facts().calendar_us, group[0] or ""))
    return [ShareOut(key=name, **shown(total, policy)) for name, total in ordered[:SHARES] if total.facts().calendar_us]


def shown(total: Sum, policy: Policy) -> dict[str, Any]:
    """Return the members of `FiguresOut`."""
    return {**members(total.facts(), policy), "rows": total.rows, "columns_s": columns_s(total.columns_us)}


def members(facts: Facts, policy: Policy, by_hand: Mapping[PieceKind, int] | None = None) -> dict[str, Any]:
    """Return the members of `FiguresOut` of any facts, of the job log's or not.

    Args:
        facts: What adds up.
        policy: By which it is read.
        by_hand: Pieces that no machine made, which are in no ratio.
    """
    found, time = figures(facts, policy), times(facts, policy)
    planned = produced(facts)
    # a correction may leave less than none of a kind: nothing is dropped
    made = Counter(facts.pieces)
    made.update(by_hand or {})
    named: Mapping[str, Any] = {name: value for name, value in asdict(found).items() if name in FiguresOut.model_fields}
    return {
        **named,
        "rows": 0,
        "parts_produced": made.total() + facts.overtime_pieces,
        "pieces": JudgedOut(
            good=made[PieceKind.GOOD],
            scrap=made[PieceKind.SCRAP],
            rework=made[PieceKind.REWORK],
            startup=made[PieceKind.STARTUP],
            not_judged=made[PieceKind.MADE],
            overtime=facts.overtime_pieces,
        ),
        "without_ideal_cycle": facts.without_ideal,
        "mean_cycle_s": time.apt / SECOND / planned if planned else None,
        "times_s": TimesOut(**{name: getattr(time, name) / SECOND for name in TimesOut.model_fields}),
        "columns_s": {},
        "losses_s": {name: lost / SECOND for name, lost in waterfall(facts, policy).items()},
    }


def columns_s(lasted_us: Mapping[str, int]) -> dict[str, float]:
    """Return how long each column lasted, in seconds."""
    return {name: spent / SECOND for name, spent in lasted_us.items()}


def _window(found: Sequence[Entry], asked: Asked) -> Span:
    spans = [each.worked.span for each in found if each.worked is not None]
    begin = rules.us(asked.begin) if asked.begin is not None else min((span.start for span in spans), default=0)
    end = rules.us(asked.end) if asked.end is not None else max((span.end for span in spans), default=0)
    return Span(begin, max(begin, end))


async def _said(
    session: AsyncSession, caller: Caller, found: Sequence[Entry], window: Span, asked: Asked, now: datetime
) -> dict[str, Any]:
    total = Sum()
    for each in found:
        if each.worked is not None:
            total.add(each.worked, window)
    counted = Counter(each.worked is None for each in found)
    return {
        **shown(total, asked.policy),
        "begin": rules.at(window.start) if window.length else None,
        "end": rules.at(window.end) if window.length else None,
        "policy": asked.policy.name,
        "as_of": now,
        "revision": await log.revision(session, caller.organization_id),
        "flagged_rows": sum(each.is_flagged for each in found),
        "open_rows": counted[True],
    }
