"""Owns telling whether any row of a small table changed, without a column for it.

Each row knows which transaction wrote it (`xmin`). A time would not do: of two transactions the one that began first
may be seen last.
"""

import uuid

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession


async def version_of(session: AsyncSession, table: str, organization_id: uuid.UUID) -> str:
    """Return what changes whenever a row of the organization's in a table is added, changed or deleted.

    Args:
        session: The request's.
        table: A name of ours; of some thousand rows at most, for all are looked at.
        organization_id: Whose rows.
    """
    counted = text(
        f"SELECT md5(coalesce(string_agg(xmin::text || ctid::text, ',' ORDER BY ctid), '')) FROM {table} "  # noqa: S608
        "WHERE organization_id = :whose"
    )
    return str(await session.scalar(counted, {"whose": organization_id}))
