"""Owns what can be done with issues: report, deal with, list, talk about."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from cloud import changes, paging
from cloud.bulk import Entrance
from cloud.changes import ChangeKind, Entity
from cloud.errors import Conflict, Forbidden, NotFound
from cloud.identity.schemas import Caller, Role
from cloud.issues import messages, rules
from cloud.issues.models import Issue, IssueComment
from cloud.issues.schemas import (
    CommentIn,
    CommentOut,
    IssueIn,
    IssueOut,
    IssuePatch,
    IssueSort,
    IssueStatistics,
    IssueStatus,
    IssueType,
    MovedIssue,
    Severity,
    TypeStatistics,
)
from cloud.paging import Page
from cloud.preconditions import WHICHEVER, Seen
from cloud.workorders.service import stages

# the way in for the issues of an older backend
ENTRANCE = Entrance(Issue, Entity.ISSUE, MovedIssue)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which issues of a list are wanted; times are of the report, half-open."""

    status: IssueStatus | None = None
    type: IssueType | None = None
    severity: Severity | None = None
    work_order_stage_id: int | None = None
    work_order_id: int | None = None
    machine_id: uuid.UUID | None = None
    created_from: datetime | None = None
    created_to: datetime | None = None
    sort: IssueSort = "-created_at"


async def create(
    session: AsyncSession, caller: Caller, stage_id: int, given: IssueIn, now: datetime | None = None
) -> IssueOut:
    """Report what is wrong at a stage.

    Args:
        session: The request's.
        caller: A worker must be assigned to the stage.
        stage_id: Where.
        given: What.
        now: When it was reported; the present if None.

    Raises:
        NotFound: There is no such stage, or it is not the caller's to see.
    """
    stage = await stages.stage(session, caller, stage_id)
    statement = (
        insert(Issue)
        .values(
            organization_id=caller.organization_id,
            work_order_stage_id=stage_id,
            work_order_id=stage.work_order_id,
            machine_id=stage.machine_id,
            created_by=caller.user_id,
            created_at=now or datetime.now(UTC),
            **given.model_dump(),
        )
        .returning(Issue)
    )
    shown = IssueOut.model_validate((await session.scalars(statement)).one())
    await changes.record(session, caller, Entity.ISSUE, shown.id, ChangeKind.CREATED, after=shown)
    return shown


async def change(
    session: AsyncSession,
    caller: Caller,
    issue_id: int,
    patch: IssuePatch,
    *,
    stage_id: int | None = None,
    seen: Seen = WHICHEVER,
    now: datetime | None = None,
) -> IssueOut:
    """Go a step on with an issue, or say it better.

    Raises:
        NotFound: There is none at that stage, or it is not the caller's.
        Conflict: The step does not follow from where the issue is; says which would.
        Forbidden: A worker would open it again.
        PreconditionFailed: It is not as the caller saw it.
    """
    known = await require(session, caller, issue_id, lock=True)
    if stage_id is not None and known.work_order_stage_id != stage_id:
        raise NotFound(messages.NOT_FOUND, issue=issue_id)
    before = IssueOut.model_validate(known)
    seen.require(before)
    values: dict[str, Any] = patch.model_dump(exclude_unset=True)
    if patch.status is not None:
        _require_step(caller, known, patch.status)
        values = rules.traces(patch.status, caller.user_id, now or datetime.now(UTC)) | values
    statement = (
        update(Issue)
        .where(col(Issue.id) == issue_id)
        .values(updated_at=func.now(), **values)
        .returning(Issue)
        .execution_options(populate_existing=True, synchronize_session=False)
    )
    after = IssueOut.model_validate((await session.scalars(statement)).one())
    await changes.record(session, caller, Entity.ISSUE, issue_id, ChangeKind.UPDATED, before=before, after=after)
    return after


async def issue(session: AsyncSession, caller: Caller, issue_id: int) -> IssueOut:
    """Return one issue.

    Raises:
        NotFound: There is none, or it is not the caller's.
    """
    return IssueOut.model_validate(await require(session, caller, issue_id))


async def issues(session: AsyncSession, caller: Caller, page: paging.Paging, wanted: Wanted) -> Page[IssueOut]:
    """Return a page of the issues that a caller may see: a worker those that he reported."""
    statement = select(Issue).where(*_conditions(caller, wanted))
    keys: list[paging.Key] = [col(Issue.created_at), col(Issue.id)]
    found = await paging.read(session, statement, keys, page, descending=wanted.sort.startswith("-"))
    items = [IssueOut.model_validate(row[0]) for row in found.rows]
    return Page(items=items, next_cursor=found.next_cursor, total=found.total)


async def by_ids(session: AsyncSession, caller: Caller, ids: Collection[int]) -> list[IssueOut]:
    """Return those of these issues that a caller may see."""
    rows = await session.scalars(select(Issue).where(col(Issue.id).in_(ids), *_theirs(caller)))
    return [IssueOut.model_validate(row) for row in rows]


async def after(session: AsyncSession, caller: Caller, issue_id: int, limit: int) -> list[IssueOut]:
    """Return the next issues that a caller may see after an id, by id."""
    statement = select(Issue).where(col(Issue.id) > issue_id, *_theirs(caller)).order_by(col(Issue.id)).limit(limit)
    return [IssueOut.model_validate(row) for row in await session.scalars(statement)]


async def statistics(session: AsyncSession, caller: Caller, wanted: Wanted) -> IssueStatistics:
    """Return how the issues of a list were dealt with, in all and by type."""
    reported = col(Issue.created_at)
    # whoever resolves at once has noticed it by then
    noticed = func.coalesce(col(Issue.acknowledged_at), col(Issue.resolved_at))
    statement = (
        select(
            col(Issue.type),
            *(func.count().filter(col(Issue.status) == status).label(status.value) for status in IssueStatus),
            func.count(noticed),
            func.sum(func.extract("epoch", noticed - reported)),
            func.count(col(Issue.resolved_at)),
            func.sum(func.extract("epoch", col(Issue.resolved_at) - reported)),
        )
        .where(*_conditions(caller, wanted))
        .group_by(col(Issue.type))
    )
    sums = {row[0]: [float(value or 0) for value in row[1:]] for row in await session.execute(statement)}
    whole = [sum(column) for column in zip(*sums.values(), strict=True)] or [0.0] * 7
    by_type = {kind: _statistics(sums[kind]) for kind in IssueType if kind in sums}
    return IssueStatistics(**_statistics(whole).model_dump(), by_type=by_type)


async def comment(session: AsyncSession, caller: Caller, issue_id: int, given: CommentIn) -> CommentOut:
    """Say something of an issue.

    Raises:
        NotFound: There is none, or it is not the caller's.
    """
    await require(session, caller, issue_id)
    statement = insert(IssueComment).values(issue_id=issue_id, text=given.text, created_by=caller.user_id)
    said = CommentOut.model_validate((await session.scalars(statement.returning(IssueComment))).one())
    await changes.record(session, caller, Entity.ISSUE_COMMENT, said.id, ChangeKind.CREATED, after=said)
    return said


async def comments(session: AsyncSession, caller: Caller, issue_id: int, page: paging.Paging) -> Page[CommentOut]:
    """Return a page of what was said of an issue, in the order in which it was.

    Raises:
        NotFound: There is none, or it is not the caller's.
    """
    await require(session, caller, issue_id)
    statement = select(IssueComment).where(col(IssueComment.issue_id) == issue_id)
    found = await paging.read(session, statement, [col(IssueComment.id)], page)
    items = [CommentOut.model_validate(row[0]) for row in found.rows]
    return Page(items=items, next_cursor=found.next_cursor, total=found.total)


async def require(session: AsyncSession, caller: Caller, issue_id: int, *, lock: bool = False) -> Issue:
    """Return the row of an issue that a caller may see; for this slice only.

    Raises:
        NotFound: There is none, or it is not the caller's: the same answer.
    """
    statement = select(Issue).where(col(Issue.id) == issue_id, *_theirs(caller))
    if lock:
        statement = statement.with_for_update(key_share=True)
    found = (await session.scalars(statement.execution_options(populate_existing=True))).one_or_none()
    if found is None:
        raise NotFound(messages.NOT_FOUND, issue=issue_id)
    return found


def _require_step(caller: Caller, known: Issue, wanted: IssueStatus) -> None:
    allowed = rules.allowed(known.status, caller.role)
    if wanted in allowed:
        return
    if rules.is_reopening(known.status, wanted):
        raise Forbidden(messages.REOPENING, issue=known.id, required_permission=sorted(rules.REOPENERS))
    raise Conflict(
        messages.TRANSITION,
        issue=known.id,
        is_now=messages.IS[known.status],
        wanted=wanted,
        current_status=known.status,
        allowed=allowed,
    )


def _theirs(caller: Caller) -> list[ColumnElement[bool]]:
    theirs: list[ColumnElement[bool]] = [col(Issue.organization_id) == caller.organization_id]
    if caller.role is Role.WORKER:
        theirs.append(col(Issue.created_by) == caller.user_id)
    return theirs


def _conditions(caller: Caller, wanted: Wanted) -> list[ColumnElement[bool]]:
    equal = {
        Issue.status: wanted.status,
        Issue.type: wanted.type,
        Issue.severity: wanted.severity,
        Issue.work_order_stage_id: wanted.work_order_stage_id,
        Issue.work_order_id: wanted.work_order_id,
        Issue.machine_id: wanted.machine_id,
    }
    conditions = _theirs(caller)
    conditions += [col(column) == value for column, value in equal.items() if value is not None]
    if wanted.created_from is not None:
        conditions.append(col(Issue.created_at) >= wanted.created_from)
    if wanted.created_to is not None:
        conditions.append(col(Issue.created_at) < wanted.created_to)
    return conditions


def _statistics(sums: list[float]) -> TypeStatistics:
    open_, ack, resolved, noticed, noticed_s, ended, ended_s = sums
    return TypeStatistics(
        total=int(open_ + ack + resolved),
        open=int(open_),
        ack=int(ack),
        resolved=int(resolved),
        mean_minutes_to_acknowledge=rules.mean_minutes(noticed_s, int(noticed)),
        mean_minutes_to_resolve=rules.mean_minutes(ended_s, int(ended)),
    )
