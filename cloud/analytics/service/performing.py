"""Owns how operators, jobs and parts did: by the ledger where orders of ours ran, else by the job log alone.

The ledger holds each second and each piece once, whoever tells of it: an order that ran, a counter, somebody's report,
a row of the job log. So where both tell of the same time nothing is in a sum twice; and each answer says which of the
two it is, and by the ledger how much of it only the job log tells.
"""

import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from cloud.analytics import messages
from cloud.analytics.service import figuring, sharing, summing
from cloud.analytics.service.sharing import Wanted, Work
from cloud.errors import Invalid
from cloud.identity import service as identity
from cloud.identity.schemas import Caller, Role
from cloud.joblogs.schemas import (
    DataSource,
    JobPerformanceOut,
    OperatorPerformanceOut,
    PartPerformanceOut,
    PeriodOut,
    ProductionHistoryOut,
    ShareOut,
)
from cloud.joblogs.service import log, performance
from cloud.joblogs.service.performance import SHARES, Asked, Entry
from cloud.jobs import service as jobs
from cloud.jobs.schemas import JobStatus
from cloud.kpi import worked
from cloud.kpi.elements import PieceKind
from cloud.kpi.facts import Facts, total
from cloud.kpi.policy import Policy
from cloud.kpi.spans import HOUR, Span
from cloud.kpi.worked import Bucket
from cloud.machines.schemas import MachineOut
from cloud.operators import service as operators
from cloud.parts import service as parts
from cloud.production.service import counting
from cloud.workorders.service import running
from cloud.workorders.service.running import Ran

# it is drawn up second by second, where there is anything of it
MOST = timedelta(days=366)
ORDERS = "orders"
Key = Callable[["_Line"], str | None]


@dataclass(frozen=True, slots=True)
class _Line:
    """What was worked on in a shift or a day: on a machine, or by hand, which is pieces without a machine's time."""

    day: date
    work: Work
    facts: Facts
    machine: str | None = None
    by_hand: Mapping[PieceKind, int] = field(default_factory=dict)

    @property
    def source(self) -> str:
        return ORDERS if self.work.order is not None else DataSource.JOBLOG.value


@dataclass(frozen=True, slots=True)
class _Known:
    """What the ledger knows of what was asked for, beside the rows of the job log that are its."""

    lines: Sequence[_Line]
    said: Mapping[str, Any]
    last: datetime | None


async def of_operator(
    session: AsyncSession, caller: Caller, emp_id: str, asked: Asked, by: DataSource | None, now: datetime
) -> OperatorPerformanceOut:
    """Return how an operator worked; a worker is shown his own only.

    Raises:
        NotFound: There is no such operator.
        Forbidden: A worker asks for somebody else.
        Invalid: The range is too long.
    """
    person = await performance.performer(session, caller, emp_id)
    wanted = Wanted(operators=[emp_id])
    ran = await _ran(session, caller.organization_id, wanted, asked, by, now)
    if ran is None:
        return await performance.of_operator(session, caller, emp_id, asked, now)
    known = await _known(session, caller, wanted, ran, asked, now)
    return OperatorPerformanceOut(
        **known.said,
        emp_id=emp_id,
        operator_name=person.operator_name,
        by_machine=_shares(known.lines, asked.policy, lambda each: each.machine),
        by_part=_shares(known.lines, asked.policy, lambda each: each.work.part),
        by_job=_shares(known.lines, asked.policy, lambda each: each.work.job),
    )


async def of_job(
    session: AsyncSession, caller: Caller, job_number: str, asked: Asked, by: DataSource | None, now: datetime
) -> JobPerformanceOut:
    """Return how a job went, or goes.

    Raises:
        NotFound: There is no such job.
        Invalid: The range is too long.
    """
    job = await jobs.job(session, caller.organization_id, job_number)
    wanted = Wanted(jobs=[job_number])
    ran = await _ran(session, caller.organization_id, wanted, asked, by, now)
    if ran is None:
        return await performance.of_job(session, caller, job_number, asked, now)
    known = await _known(session, caller, wanted, ran, asked, now)
    finished = await running.finished(session, caller.organization_id, job_number)
    finished += _summed(each for each in known.lines if each.source != ORDERS).made
    until = now if job.job_status is not JobStatus.COMPLETED or known.last is None else known.last
    ordered = job.quantity_ordered
    return JobPerformanceOut(
        **known.said,
        job_number=job_number,
        job_status=job.job_status,
        quantity_ordered=ordered,
        completion_percent=100 * finished / ordered if ordered else None,
        estimated_hours=job.estimated_hours,
        actual_hours=known.said["times_s"].pot / 3600,
        due_date=job.due_date,
        is_late=None if job.due_date is None else until > job.due_date,
        by_operation=_shares(known.lines, asked.policy, lambda each: each.work.operation),
        by_machine=_shares(known.lines, asked.policy, lambda each: each.machine),
        by_operator=_by_operator(caller, known.lines, asked.policy),
    )


async def of_part(
    session: AsyncSession, caller: Caller, part_number: str, asked: Asked, by: DataSource | None, now: datetime
) -> PartPerformanceOut:
    """Return how a part is made.

    Raises:
        NotFound: There is no such part.
        Invalid: The range is too long.
    """
    part = await parts.part(session, caller.organization_id, part_number)
    wanted = Wanted(parts=[part_number])
    ran = await _ran(session, caller.organization_id, wanted, asked, by, now)
    if ran is None:
        return await performance.of_part(session, caller, part_number, asked, now)
    known = await _known(session, caller, wanted, ran, asked, now)
    return PartPerformanceOut(
        **known.said,
        part_number=part_number,
        standard_cycle_time=part.standard_cycle_time,
        by_machine=_shares(known.lines, asked.policy, lambda each: each.machine),
        by_operation=_shares(known.lines, asked.policy, lambda each: each.work.operation),
        by_job=_shares(known.lines, asked.policy, lambda each: each.work.job),
        by_operator=_by_operator(caller, known.lines, asked.policy),
    )


async def history(
    session: AsyncSession,
    caller: Caller,
    part_number: str,
    asked: Asked,
    bucket: Bucket,
    by: DataSource | None,
    now: datetime,
) -> ProductionHistoryOut:
    """Return how a part was made over time; by the ledger days are those on which shifts began.

    Raises:
        NotFound: There is no such part.
        Invalid: The range is too long.
    """
    part = await parts.part(session, caller.organization_id, part_number)
    wanted = Wanted(parts=[part_number])
    ran = await _ran(session, caller.organization_id, wanted, asked, by, now)
    if ran is None:
        return await performance.history(session, caller, part_number, asked, bucket, now)
    known = await _known(session, caller, wanted, ran, asked, now)
    periods: dict[date, list[_Line]] = {}
    for line in known.lines:
        periods.setdefault(worked.first_of(line.day, bucket), []).append(line)
    return ProductionHistoryOut(
        **known.said,
        part_number=part_number,
        bucket=bucket,
        standard_cycle_time=part.standard_cycle_time,
        periods=[
            PeriodOut(period=day, **_summed(lines).members(asked.policy)) for day, lines in sorted(periods.items())
        ],
        by_machine=_shares(known.lines, asked.policy, lambda each: each.machine),
    )


async def _ran(
    session: AsyncSession,
    organization_id: uuid.UUID,
    wanted: Wanted,
    asked: Asked,
    by: DataSource | None,
    now: datetime,
) -> list[Ran] | None:
    """Return which of our stages ran, and when; None where the job log is to be asked alone."""
    if by is DataSource.JOBLOG:
        return None
    users = None
    if wanted.operators is not None:
        users = await operators.users_of(session, organization_id, wanted.operators)
    stages = await running.stages_of(session, organization_id, wanted.parts, wanted.jobs, None, users)
    ran = await running.ran(session, stages, now)
    is_asked = any(
        (asked.end is None or each.start < asked.end) and (asked.begin is None or each.end > asked.begin)
        for each in ran
    )
    return ran if is_asked or by is DataSource.LEDGER else None


async def _known(
    session: AsyncSession, caller: Caller, wanted: Wanted, ran: Sequence[Ran], asked: Asked, now: datetime
) -> _Known:
    organization_id = caller.organization_id
    if asked.begin is not None and (asked.end or now) - asked.begin > MOST:
        raise Invalid(messages.LEDGER_TOO_LONG, most=MOST.days)
    entries = await _entries(session, organization_id, wanted, asked)
    line = await figuring.line_of(session, organization_id, (), None) if ran or entries else []
    touched = await _touched(session, line, ran, entries, asked.begin)
    starts = [worked.at(each.start) for spans in touched.values() for each in spans] + [each.start for each in ran]
    end = asked.end or now
    begin = asked.begin or max(min([end, *starts]), end - MOST)
    lines: list[_Line] = []
    for machine in (each for each in line if each.id in touched):
        spans = touched[machine.id]
        found = sharing.lines(session, organization_id, machine, (begin, end), wanted, spans)
        lines += [_Line(each.place.day, each.work, each.facts, machine.code) async for each in found]
    lines += await _by_hand(session, organization_id, ran, (begin, end))
    ends = [min(each.end, end) for each in ran] + [worked.at(each.worked.span.end) for each in entries if each.worked]
    has_any = bool(lines)
    said = {
        **_summed(lines).members(asked.policy),
        "begin": begin if has_any else None,
        "end": end if has_any else None,
        "policy": asked.policy.name,
        "as_of": await figuring.as_of(session, list(touched), now),
        "revision": await log.revision(session, organization_id)
        + sum((await summing.revisions(session, list(touched), (begin, end))).values()),
        "source": DataSource.LEDGER,
        "by_source": _shares(lines, asked.policy, lambda each: each.source),
        "flagged_rows": sum(each.is_flagged for each in entries),
        "open_rows": sum(each.worked is None for each in entries),
    }
    return _Known(lines, said, max(ends, default=None))


async def _entries(session: AsyncSession, organization_id: uuid.UUID, wanted: Wanted, asked: Asked) -> list[Entry]:
    """Return the rows of the job log that are of it."""
    names = [next(iter(each), None) if each else None for each in (wanted.parts, wanted.operators, wanted.jobs)]
    conditions = await log.conditions(session, organization_id, None, *names)
    return await performance.rows(session, organization_id, asked, *conditions)


async def _touched(
    session: AsyncSession,
    line: Sequence[MachineOut],
    ran: Sequence[Ran],
    entries: Sequence[Entry],
    since: datetime | None,
) -> dict[uuid.UUID, list[Span]]:
    """Return on which machines, and when, there may be anything of it: it ran, was counted, reported or logged."""
    ids = {each.code: each.id for each in line}
    found: dict[uuid.UUID, list[Span]] = {}
    stages = {each.stage_id for each in ran}
    for each in ran:
        if each.machine_id is not None:
            found.setdefault(each.machine_id, []).append(Span(worked.us(each.start), worked.us(each.end)))
    hours = await counting.hours_of(session, stages, since) + await running.reported_hours(session, stages, since)
    for machine_id, hour in hours:
        found.setdefault(machine_id, []).append(Span(worked.us(hour), worked.us(hour) + HOUR))
    for entry in entries:
        if entry.worked is not None:
            found.setdefault(ids[entry.machine], []).append(entry.worked.span)
    return found


async def _by_hand(
    session: AsyncSession, organization_id: uuid.UUID, ran: Sequence[Ran], window: tuple[datetime, datetime]
) -> list[_Line]:
    """Return what people reported of stages that no machine makes."""
    stages = {each.stage_id for each in ran if each.machine_id is None}
    reported = await running.by_hand(session, stages, *window) if stages else []
    if not reported:
        return []
    zone = ZoneInfo(await identity.time_zone(session, organization_id))
    work_of = await sharing.works(session, organization_id, stages)
    return [
        _Line(
            each.at.astimezone(zone).date(),
            work_of[each.stage_id],
            Facts(),
            None,
            {PieceKind(each.kind): each.quantity},
        )
        for each in reported
    ]


@dataclass(frozen=True, slots=True)
class _Summed:
    facts: Facts
    by_hand: Mapping[PieceKind, int]

    @property
    def made(self) -> int:
        return sum(self.facts.pieces.values()) + self.facts.overtime_pieces + sum(self.by_hand.values())

    def members(self, policy: Policy) -> dict[str, Any]:
        return performance.members(self.facts, policy, self.by_hand)


def _summed(lines: Any) -> _Summed:
    several: list[_Line] = list(lines)
    by_hand: Counter[PieceKind] = Counter()
    for each in several:
        by_hand.update(each.by_hand)
    return _Summed(total(each.facts for each in several), by_hand)


def _shares(lines: Sequence[_Line], policy: Policy, key: Key) -> list[ShareOut]:
    """Return the figures of each group, those with the most time first."""
    groups: dict[str | None, list[_Line]] = {}
    for line in lines:
        groups.setdefault(key(line), []).append(line)
    summed = [(name, _summed(group)) for name, group in groups.items()]
    ordered = sorted(summed, key=lambda group: (-group[1].facts.calendar_us, -group[1].made, group[0] or ""))
    return [ShareOut(key=name, **each.members(policy)) for name, each in ordered[:SHARES]]


def _by_operator(caller: Caller, lines: Sequence[_Line], policy: Policy) -> list[ShareOut]:
    # who did it is planners' business; a stage that several do is theirs together: nobody knows which piece is whose
    if caller.role is Role.WORKER:
        return []
    return _shares(lines, policy, lambda each: ", ".join(each.work.operators) or None)
