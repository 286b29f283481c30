"""Owns which orders and stages a caller may see, and the lock under which one order's stages change.

Every change of a stage takes its order's row first. So changes of one order follow one another, what the rules were
shown stays true until the commit, and the status beside the order is never an older one.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql import ColumnElement
from sqlmodel import col

from cloud.changes import Change, ChangeKind, Entity
from cloud.errors import NotFound
from cloud.identity import service as identity
from cloud.identity.schemas import Caller, Role
from cloud.workorders import messages, rules
from cloud.workorders.models import StageAssignment, WorkOrder, WorkOrderStage
from cloud.workorders.rules import Counted, StageFacts
from cloud.workorders.schemas import AssignmentOut, Quantities, QuantityBasis, StageOut

_COUNTED = {"good_counted", "rejects_counted", "parts_counted", "shots_counted"}
_QUANTITIES = {"good_qty", "scrap_qty", "rework_qty", "startup_qty", *_COUNTED}


@dataclass(slots=True)
class Held:
    """An order under its lock, with all its stages by operation number, and the one that is meant."""

    order: WorkOrder
    stages: Sequence[WorkOrderStage]
    stage: WorkOrderStage

    @property
    def before(self) -> StageFacts | None:
        """Return the stage before the one that is meant, or None for the first."""
        earlier = [facts(stage) for stage in self.stages if stage.op_number < self.stage.op_number]
        return earlier[-1] if earlier else None

    @property
    def after(self) -> StageFacts | None:
        """Return the stage after the one that is meant, or None for the last."""
        return next((facts(stage) for stage in self.stages if stage.op_number > self.stage.op_number), None)


def facts(stage: WorkOrderStage) -> StageFacts:
    """Return what the rules must know of a stage."""
    return StageFacts(stage.op_number, stage.status, stage.good_qty, stage.scrap_qty, stage.startup_qty)


def recorded(row: WorkOrder | WorkOrderStage) -> dict[str, Any]:
    """Return how a row is, for the record of changes."""
    return row.model_dump(exclude={"organization_id", "search", "created_at", "updated_at"})


def orders_of(caller: Caller) -> list[ColumnElement[bool]]:
    """Return what holds for the orders a caller may see: a worker those of which a stage is assigned to him."""
    conditions: list[ColumnElement[bool]] = [col(WorkOrder.organization_id) == caller.organization_id]
    if caller.role is Role.WORKER:
        mine = select(col(StageAssignment.work_order_id)).where(col(StageAssignment.user_id) == caller.user_id)
        conditions.append(col(WorkOrder.id).in_(mine))
    return conditions


def stages_of(caller: Caller) -> list[ColumnElement[bool]]:
    """Return what holds for the stages a caller may see, of orders that are theirs to see."""
    if caller.role is not Role.WORKER:
        return []
    mine = select(col(StageAssignment.stage_id)).where(col(StageAssignment.user_id) == caller.user_id)
    return [col(WorkOrderStage.id).in_(mine)]


def is_theirs(caller: Caller, stage: StageOut) -> bool:
    """Return whether a stage of an order that a caller may see is theirs to see, too."""
    return caller.role is not Role.WORKER or any(each.user_id == caller.user_id for each in stage.assignments)


async def require_order(session: AsyncSession, caller: Caller, order_id: int, *, lock: bool = False) -> WorkOrder:
    """Return an order that a caller may see.

    Raises:
        NotFound: There is none, or it is not theirs to see: the same answer.
    """
    statement = select(WorkOrder).where(col(WorkOrder.id) == order_id, *orders_of(caller))
    if lock:
        statement = statement.with_for_update(key_share=True, of=WorkOrder)
    found = (await session.scalars(statement.execution_options(populate_existing=True))).one_or_none()
    if found is None:
        raise NotFound(messages.NOT_FOUND, work_order=order_id)
    return found


async def require_stage(session: AsyncSession, caller: Caller, stage_id: int) -> WorkOrderStage:
    """Return a stage that a caller may see.

    Raises:
        NotFound: There is none, or it is not theirs to see: the same answer.
    """
    statement = (
        select(WorkOrderStage)
        .join(WorkOrder, col(WorkOrder.id) == col(WorkOrderStage.work_order_id))
        .where(
            col(WorkOrderStage.id) == stage_id,
            col(WorkOrder.organization_id) == caller.organization_id,
            *stages_of(caller),
        )
    )
    found = (await session.scalars(statement.execution_options(populate_existing=True))).one_or_none()
    if found is None:
        raise _no_stage(stage_id)
    return found


async def order_of(session: AsyncSession, stage: WorkOrderStage) -> WorkOrder:
    """Return the order of a stage."""
    return await session.get_one(WorkOrder, stage.work_order_id)


async def hold_still(session: AsyncSession, caller: Caller, stage_id: int) -> Held:
    """Take the lock of a stage's order and return what is true under it.

    Raises:
        NotFound: There is no such stage, or it is not the caller's to see: the same answer.
    """
    meant = select(col(WorkOrderStage.work_order_id)).where(col(WorkOrderStage.id) == stage_id, *stages_of(caller))
    locked = (
        select(WorkOrder)
        .where(
            col(WorkOrder.id) == meant.scalar_subquery(),
            col(WorkOrder.organization_id) == caller.organization_id,
        )
        .with_for_update(key_share=True, of=WorkOrder)
        .execution_options(populate_existing=True)
    )
    order = (await session.scalars(locked)).one_or_none()
    if order is None:
        raise _no_stage(stage_id)
    # a statement of its own: it must see what those who held the lock before have committed
    stages = await stages_in(session, order)
    return Held(order, stages, next(stage for stage in stages if stage.id == stage_id))


async def stages_in(session: AsyncSession, order: WorkOrder) -> Sequence[WorkOrderStage]:
    """Return all stages of an order, by operation number."""
    statement = (
        select(WorkOrderStage)
        .where(col(WorkOrderStage.work_order_id) == order.id)
        .order_by(col(WorkOrderStage.op_number))
        .execution_options(populate_existing=True)
    )
    return (await session.scalars(statement)).all()


async def settle_status(session: AsyncSession, held: Held) -> list[Change]:
    """Write the order's status where it is not what its stages say any more; return that change, if it is one."""
    status = rules.order_status([stage.status for stage in held.stages])
    before = held.order.status
    if status is before:
        return []
    await session.execute(
        update(WorkOrder)
        .where(col(WorkOrder.id) == held.order.id)
        .values(status=status, updated_at=func.now())
        .execution_options(synchronize_session=False)
    )
    return [Change(Entity.WORK_ORDER, held.order.id or 0, ChangeKind.UPDATED, {"status": before}, {"status": status})]


async def shown(session: AsyncSession, organization_id: uuid.UUID, stages: Sequence[WorkOrderStage]) -> list[StageOut]:
    """Return stages as they are shown, with who does them."""
    statement = (
        select(StageAssignment)
        .where(col(StageAssignment.stage_id).in_([stage.id for stage in stages]))
        .order_by(col(StageAssignment.stage_id), col(StageAssignment.user_id))
    )
    assigned = (await session.scalars(statement)).all()
    names = await identity.names(session, organization_id, {each.user_id for each in assigned}) if assigned else {}
    return [
        _shown(stage, [_assignment(each, names) for each in assigned if each.stage_id == stage.id]) for stage in stages
    ]


def _shown(stage: WorkOrderStage, assignments: list[AssignmentOut]) -> StageOut:
    return StageOut(
        **stage.model_dump(exclude=_QUANTITIES),
        quantities=quantities(stage),
        assignments=assignments,
    )


def quantities(stage: WorkOrderStage) -> Quantities:
    """Return what a stage made."""
    return Quantities(
        good=stage.good_qty,
        scrap=stage.scrap_qty,
        rework=stage.rework_qty,
        startup=stage.startup_qty,
        basis=QuantityBasis.COUNTED if counted(stage).is_any else QuantityBasis.REPORTED,
    )


def counted(stage: WorkOrderStage) -> Counted:
    """Return what counters counted of a stage."""
    return Counted(stage.good_counted, stage.rejects_counted, stage.parts_counted, stage.shots_counted)


def _assignment(row: StageAssignment, names: dict[int, str]) -> AssignmentOut:
    return AssignmentOut(**row.model_dump(exclude={"work_order_id"}), username=names[row.user_id])


def _no_stage(stage_id: int) -> NotFound:
    return NotFound(messages.STAGE_NOT_FOUND, stage=stage_id)
