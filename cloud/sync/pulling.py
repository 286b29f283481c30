"""Owns what changed while somebody was away.

Without a cursor everything there is comes first, piece by piece, and then the feed from where it stood when that
began; so nothing falls between, and what changed meanwhile comes twice, which does no harm. The feed says only that
a thing changed: it is shown as it is now, and what is not the caller's to see is `deleted` where they may have it.
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from cloud import feed
from cloud.changes import ChangeKind, Entity
from cloud.feed import FeedRow, Horizon
from cloud.identity.schemas import Caller, Role
from cloud.issues import service as issues
from cloud.sync.cursors import DONE, Cursor
from cloud.sync.schemas import IssueChange, Op, PullOut, StageChange, WorkOrderChange
from cloud.workorders.service import delta

MAX_LIMIT = 500


@dataclass(frozen=True, slots=True)
class Source:
    """One kind of thing that phones keep: how some are read by their ids, and all of them by and by."""

    entity: Entity
    change: Callable[..., Any]
    by_ids: Callable[[AsyncSession, Caller, Collection[int]], Awaitable[Sequence[Any]]]
    after: Callable[[AsyncSession, Caller, int, int], Awaitable[Sequence[Any]]]


# in this order: what others refer to first
SOURCES = (
    Source(Entity.WORK_ORDER, WorkOrderChange, delta.orders, delta.orders_after),
    Source(Entity.STAGE, StageChange, delta.stages, delta.stages_after),
    Source(Entity.ISSUE, IssueChange, issues.by_ids, issues.after),
)


async def pull(session: AsyncSession, caller: Caller, text: str | None, limit: int) -> PullOut:
    """Return what changed since a cursor, or everything there is when there is none.

    Raises:
        Invalid: It is no cursor.
    """
    horizon = await feed.horizon(session)
    cursor = Cursor.read(text) if text else None
    is_reset = cursor is not None and not cursor.can_go_on(caller, horizon)
    if cursor is None or is_reset:
        cursor = Cursor.beginning(caller, horizon)
    if cursor.source == DONE:
        changes, following = await changed(session, caller, cursor, horizon, limit)
    else:
        changes, following = await _existing(session, caller, cursor, limit)
    # of the feed, there is more only when the piece was full; of what there is, until all of it was read
    has_more = following.source != DONE or following.position < horizon.end
    return PullOut(reset=is_reset or text is None, changes=changes, cursor=str(following), has_more=has_more)


async def changed(
    session: AsyncSession, caller: Caller, cursor: Cursor, horizon: Horizon, limit: int
) -> tuple[list[Any], Cursor]:
    """Return what changed after a cursor that can be gone on from, and the next one."""
    rows = await feed.since(session, caller.organization_id, cursor.position, horizon.end, limit)
    changes, gone = [], []
    for source in SOURCES:
        touched = _by_id([row for row in rows if row.entity is source.entity])
        shown = {each.id: each for each in await source.by_ids(session, caller, touched)} if touched else {}
        for thing_id, happened in touched.items():
            if thing_id in shown:
                changes.append(source.change(id=thing_id, op=_op(caller, happened), data=shown[thing_id]))
            elif _may_have_it(caller, happened):
                gone.append(source.change(id=thing_id, op=Op.DELETED, data=None))
    position = rows[-1].position if len(rows) == limit else horizon.end
    return [*changes, *reversed(gone)], replace(cursor, position=max(position, cursor.position))


async def _existing(session: AsyncSession, caller: Caller, cursor: Cursor, limit: int) -> tuple[list[Any], Cursor]:
    changes: list[Any] = []
    while cursor.source != DONE and len(changes) < limit:
        if cursor.source >= len(SOURCES):
            cursor = replace(cursor, source=DONE, after=0)
            continue
        source, room = SOURCES[cursor.source], limit - len(changes)
        found = await source.after(session, caller, cursor.after, room)
        changes += [source.change(id=each.id, op=Op.CREATED, data=each) for each in found]
        is_more = len(found) == room
        cursor = replace(cursor, after=found[-1].id) if is_more else replace(cursor, source=cursor.source + 1, after=0)
    return changes, cursor


def _by_id(rows: Sequence[FeedRow]) -> dict[int, list[FeedRow]]:
    touched: dict[int, list[FeedRow]] = {}
    for row in rows:
        touched.setdefault(int(row.entity_id), []).append(row)
    return touched


def _op(caller: Caller, happened: Sequence[FeedRow]) -> Op:
    is_new = any(
        row.kind is ChangeKind.CREATED or (row.kind is ChangeKind.GRANTED and row.subject_id == caller.user_id)
        for row in happened
    )
    return Op.CREATED if is_new else Op.UPDATED


def _may_have_it(caller: Caller, happened: Sequence[FeedRow]) -> bool:
    # a worker is not told of what was never theirs
    return caller.role is not Role.WORKER or any(
        row.kind is ChangeKind.DELETED or (row.kind is ChangeKind.REVOKED and row.subject_id == caller.user_id)
        for row in happened
    )
