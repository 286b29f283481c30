"""Owns what was told of an organization's shifts by an instant, as the record of changes has it."""

import uuid
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from cloud import db
from cloud.shifts.service.telling import TOLD_BY, Change, Telling, tellings

_OF_SHIFTS = f"organization_id = :organization_id AND entity IN ({', '.join(repr(each) for each in TOLD_BY)})"
_TOLD = text(
    f"SELECT at, entity, entity_id, kind, before, after FROM change WHERE {_OF_SHIFTS} AND at <= :as_of ORDER BY id"  # noqa: S608
)
STANDING = f"SELECT max(id) FROM change WHERE {_OF_SHIFTS}"  # noqa: S608 - of words in the code
"""What stays the same as long as nothing new is told of an organization's shifts; an SQL query."""


async def told(session: AsyncSession, organization_id: uuid.UUID, as_of: datetime) -> list[Telling]:
    """Return what had been told of an organization's clock and shifts by an instant, in its order."""
    rows = await db.rows(session, _TOLD, {"organization_id": organization_id, "as_of": as_of})
    return tellings(Change(*row) for row in rows)
