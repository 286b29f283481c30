"""Owns what can be done with work orders."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql import Select
from sqlmodel import col

from cloud import paging
from cloud.errors import NotFound
from cloud.paging import Page
from cloud.workorders import messages, rules
from cloud.workorders.models import WorkOrder, WorkOrderStage
from cloud.workorders.schemas import StageOut, StageStatus, WorkOrderIn, WorkOrderOut


async def create(session: AsyncSession, organization_id: uuid.UUID, given: WorkOrderIn) -> WorkOrderOut:
    """Plan a work order, with its stages or the default route."""
    order = WorkOrder(organization_id=organization_id, **given.model_dump(exclude={"stages"}))
    session.add(order)
    await session.flush()
    await session.refresh(order)
    shown = _shown(order, [])
    for stage in _planned(given):
        session.add(
            WorkOrderStage(
                work_order_id=shown.id,
                op_number=stage.op_number,
                stage_name=stage.stage_name,
                planned_start=stage.planned_start,
                planned_end=stage.planned_end,
            )
        )
    await session.flush()
    return shown


async def orders(session: AsyncSession, organization_id: uuid.UUID, wanted: paging.Paging) -> Page[WorkOrderOut]:
    """Return a page of an organization's orders, by planned start."""
    keys = [col(WorkOrder.planned_start), col(WorkOrder.id)]
    found = await paging.read(session, _with_statuses(organization_id), keys, wanted)
    return Page(items=[_shown(row[0], row[1]) for row in found.rows], next_cursor=found.next_cursor, total=found.total)


async def order(session: AsyncSession, organization_id: uuid.UUID, order_id: int) -> WorkOrderOut:
    """Return one order.

    Raises:
        NotFound: There is none, or it is another organization's: the same answer.
    """
    statement = _with_statuses(organization_id).where(col(WorkOrder.id) == order_id)
    found = (await session.execute(statement)).one_or_none()
    if found is None:
        raise NotFound(messages.NOT_FOUND, work_order=order_id)
    return _shown(found[0], found[1])


async def stages(session: AsyncSession, organization_id: uuid.UUID, order_id: int) -> list[StageOut]:
    """Return the stages of one order, by operation number.

    Raises:
        NotFound: There is no such order, or it is another organization's.
    """
    await order(session, organization_id, order_id)
    statement = (
        select(WorkOrderStage)
        .where(col(WorkOrderStage.work_order_id) == order_id)
        .order_by(col(WorkOrderStage.op_number))
    )
    return [StageOut.model_validate(row) for row in await session.scalars(statement)]


async def lot(session: AsyncSession, organization_id: uuid.UUID, product_code: str, lot_no: str) -> int | None:
    """Return the id of the first order for a lot, or None."""
    statement = select(col(WorkOrder.id)).where(
        col(WorkOrder.organization_id) == organization_id,
        col(WorkOrder.product_code) == product_code,
        col(WorkOrder.lot_no) == lot_no,
    )
    return await session.scalar(statement.order_by(col(WorkOrder.id)).limit(1))


def _planned(given: WorkOrderIn) -> list[rules.PlannedStage]:
    if given.stages is None:
        return rules.default_route(given.planned_start, given.planned_end)
    return [
        rules.PlannedStage(
            stage.op_number or rules.OP_STEP * position, stage.stage_name, stage.planned_start, stage.planned_end
        )
        for position, stage in enumerate(given.stages, start=1)
    ]


def _with_statuses(organization_id: uuid.UUID) -> Select[*tuple[Any, ...]]:
    statuses = (
        select(func.array_agg(col(WorkOrderStage.status)))
        .where(col(WorkOrderStage.work_order_id) == col(WorkOrder.id))
        .scalar_subquery()
    )
    return select(WorkOrder, statuses).where(col(WorkOrder.organization_id) == organization_id)


def _shown(order: WorkOrder, statuses: Sequence[StageStatus] | None) -> WorkOrderOut:
    return WorkOrderOut.model_validate({**order.model_dump(), "status": rules.order_status(statuses or [])})
