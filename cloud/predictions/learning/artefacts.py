"""Owns how long files of models are kept: a few megabytes each, and a plant that trains every night makes gigabytes.

The model's row stays, with how it was judged; only what speaks goes. A champion keeps its file, so does the one that a
roll back would put in its place, and so do the newest that may serve.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import defer
from sqlmodel import col

from cloud import changes
from cloud.changes import ChangeKind, Entity, Operator
from cloud.db import Database
from cloud.predictions.learning.registry import listed
from cloud.predictions.learning.rows import ModelRow
from shared import logs

# in the record of changes
ACTOR = "retention"
# what was refused, or learned chance, never serves, and takes nobody's place among the newest
_OLD = text("""
    WITH ranked AS (
        SELECT id, state = 'refused' OR is_control AS is_idle,
               row_number() OVER (PARTITION BY organization_id, kind, horizon_h, state = 'refused' OR is_control
                                  ORDER BY trained_at DESC, id) AS place
        FROM ml_model
    )
    SELECT model.organization_id, model.id FROM ml_model AS model JOIN ranked USING (id)
    WHERE file_deleted_at IS NULL AND state <> 'champion' AND (is_idle OR place > :newest)
          AND coalesce(retired_at, trained_at) < :before
          AND NOT EXISTS (
              SELECT 1 FROM ml_model AS serving WHERE serving.state = 'champion' AND serving.predecessor_id = model.id
          )
    ORDER BY organization_id, id
""")

log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Policy:
    """Which files stay: the newest of each kind and horizon, and all that were trained or retired lately."""

    newest: int = 5
    days: int = 90


async def forget_old(database: Database, now: datetime, policy: Policy) -> None:
    """Delete the files that nobody can want any more; their models say so.

    Raises:
        DatabaseUnavailable: The database does not answer.
    """
    async with database.transaction() as session:
        owners = {organization_id for organization_id, _ in await _old(session, now, policy)}
    for organization_id in sorted(owners):
        async with database.transaction() as session:
            # nobody promotes one meanwhile
            mine = text("SELECT 1 FROM organization WHERE id = :id FOR NO KEY UPDATE")
            await session.execute(mine, {"id": organization_id})
            old = [model_id for owner, model_id in await _old(session, now, policy) if owner == organization_id]
            await _forget(session, organization_id, old, now)
        log.info("model_files_deleted", organization=str(organization_id), models=len(old))


async def _old(session: AsyncSession, now: datetime, policy: Policy) -> Sequence[tuple[uuid.UUID, uuid.UUID]]:
    asked = {"newest": policy.newest, "before": now - timedelta(days=policy.days)}
    return [(row.organization_id, row.id) for row in await session.execute(_OLD, asked)]


async def _forget(session: AsyncSession, organization_id: uuid.UUID, old: Sequence[uuid.UUID], now: datetime) -> None:
    found = select(ModelRow).options(defer(ModelRow.artefact)).where(col(ModelRow.id).in_(old))  # type: ignore[arg-type]
    actor = Operator(organization_id, ACTOR)
    for row in (await session.scalars(found)).all():
        before = listed(row)
        gone = update(ModelRow).where(col(ModelRow.id) == row.id).values(artefact=None, file_deleted_at=now)
        await session.execute(gone)
        await session.refresh(row, ["file_deleted_at"])
        await changes.record(session, actor, Entity.MODEL, row.id, ChangeKind.UPDATED, before=before, after=listed(row))
