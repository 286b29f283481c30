"""Owns reading the record of changes."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql import ColumnElement
from sqlmodel import col

from cloud import paging
from cloud.audit.schemas import ChangeOut
from cloud.changes import ChangeKind, ChangeRow, Entity
from cloud.paging import Page

_SHOWN = [col(getattr(ChangeRow, name)) for name in ChangeOut.model_fields]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which changes are wanted; times are half-open."""

    entity: Entity | None = None
    entity_id: str | None = None
    actor: str | None = None
    kind: ChangeKind | None = None
    request_id: str | None = None
    start: datetime | None = None
    end: datetime | None = None


async def changes(
    session: AsyncSession, organization_id: uuid.UUID, page: paging.Paging, wanted: Wanted
) -> Page[ChangeOut]:
    """Return a page of an organization's changes, the newest first."""
    statement = select(*_SHOWN).where(col(ChangeRow.organization_id) == organization_id, *_conditions(wanted))
    found = await paging.read(session, statement, [col(ChangeRow.id)], page, descending=True)
    items = [ChangeOut.model_validate(row) for row in found.rows]
    return Page(items=items, next_cursor=found.next_cursor, total=found.total)


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    equal = {
        ChangeRow.entity: wanted.entity,
        ChangeRow.entity_id: wanted.entity_id,
        ChangeRow.actor: wanted.actor,
        ChangeRow.kind: wanted.kind,
        ChangeRow.request_id: wanted.request_id,
    }
    conditions: list[ColumnElement[bool]] = [
        col(column) == value for column, value in equal.items() if value is not None
    ]
    if wanted.start is not None:
        conditions.append(col(ChangeRow.at) >= wanted.start)
    if wanted.end is not None:
        conditions.append(col(ChangeRow.at) < wanted.end)
    return conditions
