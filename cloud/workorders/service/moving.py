"""Owns how orders, stages and assignments of an older backend come in: under ids that they have, many at a time."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from cloud import bulk, changes
from cloud.bulk import Entrance
from cloud.changes import Actor, Change, ChangeKind, Entity
from cloud.workorders import rules
from cloud.workorders.models import StageAssignment, WorkOrder, WorkOrderStage
from cloud.workorders.schemas import StageStatus


@dataclass(frozen=True, slots=True)
class MovedOrder:
    """An order on the way in; times in UTC. Its status is what its stages say."""

    id: int
    product_code: str
    lot_no: str
    qty: int
    planned_start: datetime
    planned_end: datetime
    status: StageStatus


@dataclass(frozen=True, slots=True)
class MovedStage:
    """A stage on the way in; times in UTC."""

    id: int
    work_order_id: int
    op_number: int
    stage_name: str
    planned_start: datetime
    planned_end: datetime
    actual_start: datetime | None
    actual_end: datetime | None
    status: StageStatus


@dataclass(frozen=True, slots=True)
class Standing:
    """What must be known of an order that is here already, to give it more stages."""

    planned_start: datetime
    planned_end: datetime
    last_op: int


@dataclass(frozen=True, slots=True)
class StandingStage:
    """What must be known of a stage that is here already."""

    work_order_id: int
    status: StageStatus


ORDERS = Entrance(WorkOrder, Entity.WORK_ORDER, MovedOrder)
STAGES = Entrance(WorkOrderStage, Entity.STAGE, MovedStage)


def next_op(last: int) -> int:
    """Return the operation number after the last of an order, 0 if it has none."""
    return last + rules.OP_STEP


def with_status(orders: Sequence[MovedOrder], stages: Sequence[MovedStage]) -> list[MovedOrder]:
    """Return orders with the status that their stages say."""
    of_order: dict[int, list[StageStatus]] = {}
    for stage in stages:
        of_order.setdefault(stage.work_order_id, []).append(stage.status)
    return [replace(order, status=rules.order_status(of_order.get(order.id, ()))) for order in orders]


async def standing(session: AsyncSession, order_ids: Collection[int]) -> dict[int, Standing]:
    """Return orders that are here, by id."""
    last = func.coalesce(func.max(col(WorkOrderStage.op_number)), 0)
    statement = (
        select(col(WorkOrder.id), col(WorkOrder.planned_start), col(WorkOrder.planned_end), last)
        .outerjoin(WorkOrderStage, col(WorkOrderStage.work_order_id) == col(WorkOrder.id))
        .where(col(WorkOrder.id) == func.any(list(order_ids)))
        .group_by(col(WorkOrder.id))
    )
    return {row[0] or 0: Standing(row[1], row[2], row[3]) for row in await session.execute(statement)}


async def standing_stages(session: AsyncSession, stage_ids: Collection[int]) -> dict[int, StandingStage]:
    """Return stages that are here, by id."""
    statement = select(col(WorkOrderStage.id), col(WorkOrderStage.work_order_id), col(WorkOrderStage.status)).where(
        col(WorkOrderStage.id) == func.any(list(stage_ids))
    )
    return {row[0] or 0: StandingStage(row[1], row[2]) for row in await session.execute(statement)}


async def settle(session: AsyncSession, actor: Actor, order_ids: Collection[int]) -> None:
    """Write the status of orders that got more stages, where it is another now."""
    statement = (
        select(col(WorkOrder.id), col(WorkOrder.status), func.array_agg(col(WorkOrderStage.status)))
        .join(WorkOrderStage, col(WorkOrderStage.work_order_id) == col(WorkOrder.id))
        .where(col(WorkOrder.id) == func.any(list(order_ids)))
        .group_by(col(WorkOrder.id))
    )
    done: list[Change] = []
    for order_id, before, stages in (await session.execute(statement)).all():
        status = rules.order_status([StageStatus(stage) for stage in stages])
        if status is not before:
            of_it = update(WorkOrder).where(col(WorkOrder.id) == order_id)
            await session.execute(
                of_it.values(status=status, updated_at=func.now()), execution_options={"synchronize_session": False}
            )
            told = {"status": before}, {"status": status}
            done.append(Change(Entity.WORK_ORDER, order_id or 0, ChangeKind.UPDATED, *told))
    await changes.record_all(session, actor, done)


async def assigned(session: AsyncSession, stage_ids: Collection[int]) -> set[tuple[int, int]]:
    """Return who does these stages, as pairs of a stage's and a user's id."""
    statement = select(col(StageAssignment.stage_id), col(StageAssignment.user_id)).where(
        col(StageAssignment.stage_id) == func.any(list(stage_ids))
    )
    return {(row.stage_id, row.user_id) for row in await session.execute(statement)}


async def assign(session: AsyncSession, actor: Actor, rows: Sequence[tuple[int, int, int]]) -> None:
    """Let users do stages.

    Args:
        session: If somebody else assigns one of them meanwhile, the transaction fails.
        actor: Who does so.
        rows: Stage, user and order, by id; none that is there already.
    """
    columns = ["stage_id", "user_id", "work_order_id"]
    await bulk.copy(session, StageAssignment.__tablename__, columns, rows)
    granted = ChangeKind.GRANTED
    orders = dict.fromkeys((order_id, user_id) for _, user_id, order_id in rows)
    told = [Change(Entity.WORK_ORDER, order_id, granted, subject_id=user_id) for order_id, user_id in orders]
    told += [Change(Entity.STAGE, stage_id, granted, subject_id=user_id) for stage_id, user_id, _ in rows]
    await changes.record_all(session, actor, told)
