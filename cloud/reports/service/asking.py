"""Owns what is done with reports in a request: asked for, looked at, fetched."""

import uuid
from dataclasses import dataclass

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from cloud import languages, paging
from cloud.analytics.service import policies
from cloud.errors import Conflict, NotFound, TooMany
from cloud.identity.schemas import Caller
from cloud.machines import service as machines
from cloud.paging import Page, Paging
from cloud.reports import messages
from cloud.reports.models import ReportRow
from cloud.reports.schemas import Format, ReportIn, ReportOut, ReportStatus

# each takes seconds, one after the other
MOST_WAITING = 20
_SHOWN = tuple(name for name in ReportOut.model_fields if name != "content")
_COLUMNS = [col(getattr(ReportRow, name)) for name in _SHOWN]

WAITING = text(
    "SELECT count(*), extract(epoch FROM now() - min(created_at))::float8 FROM report "
    "WHERE status IN ('queued', 'running')"
)
"""How many reports wait, and how long the oldest has."""


@dataclass(frozen=True, slots=True)
class File:
    """A report's file."""

    content: bytes
    format: Format


async def ask(session: AsyncSession, caller: Caller, given: ReportIn) -> ReportOut:
    """Ask for a report; it is made in the background.

    Raises:
        TooMany: Too many of the organization's wait.
        NotFound: A machine that is filtered by, or the policy, is not there.
    """
    mine = col(ReportRow.organization_id) == caller.organization_id
    waiting = select(func.count()).where(mine, col(ReportRow.status).in_(["queued", "running"]))
    if (await session.scalar(waiting) or 0) >= MOST_WAITING:
        raise TooMany(messages.REPORTS_MANY, most=MOST_WAITING, retry_after_s=10)
    filters = given.filters
    if filters.machines is not None:
        # a code that nobody has would be an empty report
        known = await machines.resolve_all(session, caller.organization_id, filters.machines)
        filters = filters.model_copy(update={"machines": [each.code for each in known]})
    # what is the default may be another when it is made
    policy = (await policies.named(session, caller.organization_id, given.policy)).name
    language = given.language or languages.current()
    asked = given.model_copy(update={"language": language, "filters": filters, "policy": policy})
    row = ReportRow(
        organization_id=caller.organization_id,
        created_by=caller.user_id,
        asked=asked.model_dump(mode="json"),
        format=given.format.value,
    )
    session.add(row)
    await session.flush()
    await session.refresh(row)
    return _out({name: getattr(row, name) for name in _SHOWN})


async def reports(session: AsyncSession, caller: Caller, page: Paging) -> Page[ReportOut]:
    """Return a page of the organization's reports, newest first."""
    statement = select(*_COLUMNS).where(col(ReportRow.organization_id) == caller.organization_id)
    keys = [col(ReportRow.created_at), col(ReportRow.id)]
    found = await paging.read(session, statement, keys, page, descending=True, columns_only=True)
    items = [_out(dict(zip(_SHOWN, row, strict=False))) for row in found.rows]
    return Page(items=items, next_cursor=found.next_cursor, total=found.total)


async def report(session: AsyncSession, caller: Caller, report_id: uuid.UUID) -> ReportOut:
    """Return how far a report is.

    Raises:
        NotFound: There is none.
    """
    statement = select(*_COLUMNS).where(
        col(ReportRow.organization_id) == caller.organization_id, col(ReportRow.id) == report_id
    )
    found = (await session.execute(statement)).one_or_none()
    if found is None:
        raise NotFound(messages.REPORT_NOT_FOUND, report=report_id)
    return _out(found._asdict())


async def file(session: AsyncSession, caller: Caller, report_id: uuid.UUID) -> File:
    """Return a report's file.

    Raises:
        NotFound: There is no such report.
        Conflict: It is not done.
    """
    shown = await report(session, caller, report_id)
    content = await session.scalar(select(col(ReportRow.file)).where(col(ReportRow.id) == report_id))
    if content is None:
        raise Conflict(messages.REPORT_NOT_DONE, report=report_id, current_status=shown.status)
    return File(content, shown.format)


def _out(values: dict[str, object]) -> ReportOut:
    is_done = values["status"] == ReportStatus.DONE
    content = f"/analytics/reports/{values['id']}/content" if is_done else None
    return ReportOut.model_validate(values | {"content": content})
