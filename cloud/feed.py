"""Owns the record of changes read as a feed: what happened since a position, with nothing ever left out.

Ids are given before transactions end, so a row with a smaller id may appear after one with a greater one, and
whoever went by ids alone would never see it. The feed is ordered by transaction, and read only below the oldest
that is still open (`pg_snapshot_xmin`): there, nothing can appear any more. A transaction that stays open, in any
database of the server, delays the feed; it never tears it.
"""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, literal_column, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from cloud.changes import FED, ChangeKind, ChangeRow, Entity

_NOW = text(
    "SELECT pg_snapshot_xmin(now.it)::text::bigint AS settled, pg_snapshot_xmax(now.it)::text::bigint AS newest,"
    " (SELECT system_identifier FROM pg_control_system()) AS server FROM (SELECT pg_current_snapshot() AS it) AS now"
)
# as the partial index has it
_IS_FED: ColumnElement[bool] = literal_column(f"kind IN ({', '.join(repr(kind.value) for kind in FED)})")


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in the feed: everything up to it was read."""

    xid: int
    id: int = 0


@dataclass(frozen=True, slots=True)
class Horizon:
    """How far the feed can be read now.

    Attributes:
        end: Nothing can appear before it any more.
        newest: The next transaction's number; a position beyond it is of another server's past.
        server: Which server's transactions they are: a database that was restored elsewhere counts anew.
    """

    end: Position
    newest: int
    server: int


@dataclass(frozen=True, slots=True)
class FeedRow:
    """One change, without how it was."""

    position: Position
    entity: Entity | None
    entity_id: str
    kind: ChangeKind
    subject_id: int | None
    at: datetime


async def horizon(session: AsyncSession) -> Horizon:
    """Return how far the feed can be read; to be asked before whatever is to be read up to there."""
    row = (await session.execute(_NOW)).one()
    return Horizon(Position(row.settled), row.newest, row.server)


async def since(
    session: AsyncSession, organization_id: uuid.UUID, position: Position, end: Position, limit: int
) -> Sequence[FeedRow]:
    """Return an organization's changes after a position and before the horizon's end, oldest first."""
    place = tuple_(col(ChangeRow.xid), col(ChangeRow.id))
    statement = (
        select(
            col(ChangeRow.xid),
            col(ChangeRow.id),
            col(ChangeRow.entity),
            col(ChangeRow.entity_id),
            col(ChangeRow.kind),
            col(ChangeRow.subject_id),
            col(ChangeRow.at),
        )
        .where(col(ChangeRow.organization_id) == organization_id, _IS_FED)
        .where(place > tuple_(position.xid, position.id), col(ChangeRow.xid) < end.xid)
        .order_by(col(ChangeRow.xid), col(ChangeRow.id))
        .limit(limit)
    )
    return [
        FeedRow(
            Position(row.xid, row.id), _entity(row.entity), row.entity_id, ChangeKind(row.kind), row.subject_id, row.at
        )
        for row in await session.execute(statement)
    ]


async def stirred(
    session: AsyncSession, organization_ids: Collection[uuid.UUID], position: Position, end: Position
) -> set[uuid.UUID]:
    """Return which of these organizations have changes after a position and before the horizon's end."""
    place = tuple_(col(ChangeRow.xid), col(ChangeRow.id))
    statement = (
        select(col(ChangeRow.organization_id))
        .distinct()
        .where(col(ChangeRow.organization_id).in_(organization_ids), _IS_FED)
        .where(place > tuple_(position.xid, position.id), col(ChangeRow.xid) < end.xid)
    )
    return set(await session.scalars(statement))


def _entity(name: str) -> Entity | None:
    # the record outlives the code: what a former version wrote may have no name any more
    return Entity(name) if name in set(Entity) else None
