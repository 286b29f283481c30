"""Owns making reports: in the background, one by one, each with its progress; one whose maker died is made again."""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from cloud.analytics.schemas import OeeFiguresOut
from cloud.analytics.service import policies, sharing
from cloud.db import Database
from cloud.errors import CloudError, Invalid
from cloud.joblogs.schemas import DataSource
from cloud.joblogs.service.performance import Entry
from cloud.kpi import worked
from cloud.kpi.facts import total as total_of
from cloud.kpi.figures import quality_basis
from cloud.kpi.policy import Policy
from cloud.kpi.spans import Span, minus
from cloud.kpi.worked import Bucket, Sum
from cloud.languages import Language
from cloud.machines import service as machines
from cloud.reports import heads, messages
from cloud.reports.models import ReportRow
from cloud.reports.rendering import text
from cloud.reports.schemas import BUCKETS, Dimension, Filters, Format, ReportIn, ReportStatus
from cloud.reports.service import facts, ledger
from cloud.reports.service import groups as grouping
from cloud.reports.service.facts import Data, Question
from cloud.reports.sheet import Cell, Sheet
from cloud.shifts.service import patterns as shifts
from shared import logs

# no progress for so long: its maker is gone
LEASE = timedelta(minutes=5)
ATTEMPTS = 3
KEPT = timedelta(days=7)
# of ten years at most, and no sheet that nobody could open
LONGEST = timedelta(days=3660)
MOST_ROWS = 100_000

Told = Callable[[float], Awaitable[None]]
# an entry, the day and the shift that it is told under, and the part of time that is told
Placed = tuple[Entry, date | None, str | None, Span]
log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Shift:
    """A shift that a machine works."""

    span: Span
    name: str
    business_date: date


async def make_next(database: Database, now: datetime) -> bool:
    """Make the report that has waited longest; return whether there was one.

    Raises:
        DatabaseUnavailable: The database does not answer; the report is made again later.
    """
    claimed = await _claim(database, now)
    if claimed is None:
        return False
    report_id, organization_id, asked = claimed
    begun = time.monotonic()

    def present() -> datetime:
        return now + timedelta(seconds=time.monotonic() - begun)

    async def tell(progress: float) -> None:
        await _write(database, report_id, progress=progress, beat_at=present())

    async def fail(problem: str) -> None:
        await _write(database, report_id, status=ReportStatus.FAILED, problem=problem, finished_at=present())

    try:
        given = ReportIn.model_validate(asked)
        async with database.reading() as session:
            sheet = await tabulate(session, organization_id, given, tell)
        await tell(0.7)
        # seconds of pure computing: the loop must go on
        content = await asyncio.to_thread(render, sheet, given.format, given.language or Language.ENGLISH)
    except CloudError as error:
        if error.retryable:
            raise
        await fail(error.detail(_language(asked)))
        return True
    except Exception as error:
        # made again it would fail again, and hold up whoever waits for it
        log.exception("report_failed", report=str(report_id))
        await fail(messages.REPORT_DEFECT.said(_language(asked), {"error": type(error).__name__}))
        return True
    done: dict[str, Any] = {"status": ReportStatus.DONE, "progress": 1.0, "file": content, "rows": len(sheet.rows)}
    await _write(database, report_id, finished_at=present(), **done)
    log.info("report_made", report=str(report_id), format=given.format.value, rows=len(sheet.rows), size=len(content))
    return True


async def forget_old(database: Database, now: datetime) -> None:
    """Delete reports that are older than a week."""
    async with database.transaction() as session:
        await session.execute(delete(ReportRow).where(col(ReportRow.created_at) < now - KEPT))


async def tabulate(session: AsyncSession, organization_id: uuid.UUID, asked: ReportIn, tell: Told) -> Sheet:
    """Return a report as rows and columns.

    Raises:
        Invalid: The time is too long, or there would be more rows than a sheet has.
        NotFound: The policy was removed.
    """
    policy = await policies.named(session, organization_id, asked.policy)
    data = await facts.read(session, organization_id, Question(policy, asked.begin, asked.end), longest=LONGEST)
    await tell(0.3)
    window = (worked.at(data.window.start), worked.at(data.window.end))
    by = asked.by or (DataSource.JOBLOG if data.extent.last is not None else DataSource.LEDGER)
    rows: list[list[Cell]] = []
    if by is DataSource.LEDGER:
        groups, revision, basis = await _by_ledger(session, organization_id, asked, policy, window, tell)
        for key, found in groups:
            rows.append([*key, *(ledger.value_of(found, metric) for metric in asked.metrics)])
    else:
        for key, total in await _by_joblog(session, organization_id, asked, data):
            told = facts.figures(total, policy)
            rows.append([*key, *(metric.of(told) for metric in asked.metrics)])
        revision, basis = data.extent.revision, "not_measured"
    begin, end = (moment.astimezone(data.zone).isoformat(timespec="minutes") for moment in window)
    about = [
        (messages.FROM, begin),
        (messages.UNTIL, end),
        (messages.POLICY, policy.name),
        (messages.SOURCE, by.value),
        (messages.REVISION, str(revision)),
        (messages.QUALITY_BASIS, basis),
    ]
    require_openable(len(rows))
    columns = [*map(heads.of_dimension, asked.group_by), *map(heads.of_metric, asked.metrics)]
    return Sheet(messages.TITLE, about, columns, rows)


def require_openable(rows: int) -> None:
    """Refuse a sheet that nobody could open: it is never cut short in silence.

    Raises:
        Invalid: It has more than `MOST_ROWS` rows.
    """
    if rows > MOST_ROWS:
        raise Invalid(messages.REPORT_LARGE, rows=rows, most=MOST_ROWS)


async def _by_ledger(
    session: AsyncSession,
    organization_id: uuid.UUID,
    asked: ReportIn,
    policy: Policy,
    window: tuple[datetime, datetime],
    tell: Told,
) -> tuple[list[tuple[tuple[Cell, ...], OeeFiguresOut]], int, str]:
    """Return each group's figures by the ledger, its revision, and how it is known which pieces are good."""

    async def tell_part(done: float) -> None:
        await tell(0.3 + 0.35 * done)

    groups = await grouping.groups(session, organization_id, asked, window, tell_part)
    revision = await ledger.revision(session, organization_id, *window)
    basis = quality_basis(total_of(each for _, each in groups), policy)
    return [(key, sharing.shown(each, policy, revision)) for key, each in groups], revision, basis


async def _by_joblog(
    session: AsyncSession, organization_id: uuid.UUID, asked: ReportIn, data: Data
) -> list[tuple[tuple[Cell, ...], Sum]]:
    entries = [each for each in data.entries if _is_wanted(each, asked.filters)]
    worked_ones = await _shifts(session, organization_id, data) if Dimension.SHIFT in asked.group_by else {}
    return grouped(entries, data, asked.group_by, worked_ones)


def grouped(
    entries: Iterable[Entry], data: Data, by: list[Dimension], known: Mapping[str, Sequence[Shift]]
) -> list[tuple[tuple[Cell, ...], Sum]]:
    """Return the sum of each group, in the order of the keys; without any group, of all.

    Args:
        entries: Those that are wanted.
        data: Whose they are.
        by: What they are grouped by.
        known: By machine, the shifts that it works, where they are asked for.
    """
    bucket = next((BUCKETS[each] for each in by if each in BUCKETS), None)
    if Dimension.SHIFT in by:
        placed: Iterable[Placed] = _in_shifts(entries, data, bucket, known)
    else:
        whole = [(None, data.window, list(entries))]
        cut = facts.periods(entries, data.window, bucket, data.zone) if bucket is not None else whole
        placed = ((entry, day, None, window) for day, window, touching in cut for entry in touching)
    found: dict[tuple[Cell, ...], Sum] = {}
    for entry, day, shift, window in placed:
        if entry.worked is None or not (entry.worked.span.start < window.end and entry.worked.span.end > window.start):
            continue
        key = tuple(_key(entry, each, day, shift, data) for each in by)
        found.setdefault(key, Sum()).add(entry.worked, window)
    return sorted(found.items(), key=lambda group: tuple((cell is None, str(cell)) for cell in group[0]))


def _in_shifts(
    entries: Iterable[Entry], data: Data, bucket: Bucket | None, known: Mapping[str, Sequence[Shift]]
) -> Iterator[Placed]:
    for entry in entries:
        if entry.worked is None:
            continue
        span = entry.worked.span.clip(data.window)
        own = [
            each for each in known.get(entry.machine, ()) if each.span.start < span.end and each.span.end > span.start
        ]
        for each in own:
            yield entry, _first(each.business_date, bucket), each.name, each.span.clip(data.window)
        for rest in minus([span], [each.span for each in own]):
            day = worked.at(rest.start).astimezone(data.zone).date()
            yield entry, _first(day, bucket), None, rest


def _first(day: date, bucket: Bucket | None) -> date:
    return day if bucket is None else worked.first_of(day, bucket)


async def _shifts(session: AsyncSession, organization_id: uuid.UUID, data: Data) -> dict[str, list[Shift]]:
    codes = {each.machine for each in data.entries}
    ids = await machines.by_codes(session, organization_id, codes)
    begin, end = worked.at(data.window.start), worked.at(data.window.end)
    found = {}
    for code, machine_id in ids.items():
        occurrences = await shifts.worked(session, machine_id, organization_id, begin, end) or []
        found[code] = [
            Shift(Span(worked.us(each.starts_at), worked.us(each.ends_at)), each.name, each.business_date)
            for each in occurrences
        ]
    return found


def render(sheet: Sheet, to: Format, language: Language) -> bytes:
    """Return a report's file."""
    match to:
        case Format.JSON:
            return text.as_json(sheet, language)
        case Format.CSV:
            return text.as_csv(sheet, language)
        case Format.XLSX:
            # imported here: heavy, and no request needs them
            from cloud.reports.rendering.workbook import as_xlsx  # noqa: PLC0415

            return as_xlsx(sheet, language)
        case Format.PDF:
            from cloud.reports.rendering.pdf import as_pdf  # noqa: PLC0415 - as above

            return as_pdf(sheet, language)


async def _claim(database: Database, now: datetime) -> tuple[uuid.UUID, uuid.UUID, dict[str, Any]] | None:
    async with database.transaction() as session:
        abandoned = (col(ReportRow.status) == ReportStatus.RUNNING.value) & (col(ReportRow.beat_at) < now - LEASE)
        due = (
            select(ReportRow)
            .where(or_(col(ReportRow.status) == ReportStatus.QUEUED.value, abandoned))
            .order_by(col(ReportRow.created_at))
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        row = (await session.scalars(due)).one_or_none()
        if row is None:
            return None
        if row.attempts >= ATTEMPTS:
            # whoever made it died of it, each time
            problem = messages.REPORT_GIVEN_UP.said(_language(row.asked), {"attempts": ATTEMPTS})
            row.status, row.problem, row.finished_at = ReportStatus.FAILED.value, problem, now
            return None
        row.status, row.attempts, row.beat_at, row.progress = ReportStatus.RUNNING.value, row.attempts + 1, now, 0.0
        return row.id, row.organization_id, row.asked


def _language(asked: Mapping[str, Any]) -> Language:
    return Language(asked.get("language") or Language.ENGLISH)


async def _write(database: Database, report_id: uuid.UUID, **values: Any) -> None:
    async with database.transaction() as session:
        await session.execute(update(ReportRow).where(col(ReportRow.id) == report_id).values(**values))


def _is_wanted(entry: Entry, filters: Filters) -> bool:
    chosen = (
        (filters.machines, entry.machine),
        (filters.parts, entry.part_number),
        (filters.operators, entry.emp_id),
        (filters.jobs, entry.job_number),
    )
    return all(wanted is None or value in wanted for wanted, value in chosen)


def _key(entry: Entry, by: Dimension, day: date | None, shift: str | None, data: Data) -> Cell:
    if by in BUCKETS:
        return day
    said: dict[Dimension, str | None] = {
        Dimension.MACHINE: entry.machine,
        Dimension.LINE: data.lines.get(entry.machine),
        Dimension.PART: entry.part_number,
        Dimension.OPERATOR: entry.emp_id,
        Dimension.JOB: entry.job_number,
        Dimension.SHIFT: shift,
    }
    return said[by]
