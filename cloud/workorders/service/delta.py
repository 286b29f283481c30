"""Owns what somebody who was away asks for: orders and stages by their ids, and all of them piece by piece."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql import Select
from sqlmodel import col

from cloud.identity.schemas import Caller
from cloud.workorders.models import WorkOrder, WorkOrderStage
from cloud.workorders.schemas import StageOut, WorkOrderOut
from cloud.workorders.service import scope

_SHOWN = [col(getattr(WorkOrder, name)) for name in WorkOrderOut.model_fields]


async def orders(session: AsyncSession, caller: Caller, ids: Collection[int]) -> list[WorkOrderOut]:
    """Return those of these orders that a caller may see."""
    statement = select(*_SHOWN).where(col(WorkOrder.id).in_(ids), *scope.orders_of(caller))
    return [WorkOrderOut.model_validate(row) for row in await session.execute(statement)]


async def orders_after(session: AsyncSession, caller: Caller, order_id: int, limit: int) -> list[WorkOrderOut]:
    """Return the next orders that a caller may see after an id, by id."""
    statement = select(*_SHOWN).where(col(WorkOrder.id) > order_id, *scope.orders_of(caller))
    rows = await session.execute(statement.order_by(col(WorkOrder.id)).limit(limit))
    return [WorkOrderOut.model_validate(row) for row in rows]


async def stages(session: AsyncSession, caller: Caller, ids: Collection[int]) -> list[StageOut]:
    """Return those of these stages that a caller may see."""
    rows = await session.scalars(_theirs(caller).where(col(WorkOrderStage.id).in_(ids)))
    return await scope.shown(session, caller.organization_id, rows.all())


async def stages_after(session: AsyncSession, caller: Caller, stage_id: int, limit: int) -> list[StageOut]:
    """Return the next stages that a caller may see after an id, by id."""
    next_ones = _theirs(caller).where(col(WorkOrderStage.id) > stage_id).order_by(col(WorkOrderStage.id)).limit(limit)
    rows = await session.scalars(next_ones)
    return await scope.shown(session, caller.organization_id, rows.all())


def _theirs(caller: Caller) -> Select[Any]:
    return (
        select(WorkOrderStage)
        .join(WorkOrder, col(WorkOrder.id) == col(WorkOrderStage.work_order_id))
        .where(col(WorkOrder.organization_id) == caller.organization_id, *scope.stages_of(caller))
        # what the session knows of them may be older
        .execution_options(populate_existing=True)
    )
