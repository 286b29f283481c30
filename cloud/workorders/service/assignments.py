"""Owns who does a stage."""

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from cloud import changes
from cloud.changes import Change, ChangeKind, Entity
from cloud.errors import Conflict, NotFound
from cloud.identity import service as identity
from cloud.identity.schemas import Caller
from cloud.workorders import messages
from cloud.workorders.models import StageAssignment, WorkOrderStage
from cloud.workorders.schemas import AssignmentOut
from cloud.workorders.service import scope


async def assign(session: AsyncSession, caller: Caller, stage_id: int, user_id: int) -> AssignmentOut:
    """Let a user do a stage.

    Raises:
        NotFound: There is no such stage, or no such user in the organization.
        Conflict: The stage is assigned to the user already.
    """
    stage = await scope.require_stage(session, caller, stage_id)
    names = await identity.names(session, caller.organization_id, {user_id})
    if user_id not in names:
        raise NotFound(messages.USER_NOT_FOUND, user=user_id)
    statement = (
        insert(StageAssignment)
        .values(stage_id=stage_id, user_id=user_id, work_order_id=stage.work_order_id, assigned_by=caller.user_id)
        .on_conflict_do_nothing()
        .returning(col(StageAssignment.assigned_at))
    )
    assigned_at = (await session.execute(statement)).scalar_one_or_none()
    if assigned_at is None:
        raise Conflict(messages.ALREADY_ASSIGNED, stage=stage_id, username=names[user_id])
    await _tell(session, caller, stage, user_id, ChangeKind.GRANTED)
    return AssignmentOut(
        stage_id=stage_id,
        user_id=user_id,
        username=names[user_id],
        assigned_by=caller.user_id,
        assigned_at=assigned_at,
    )


async def withdraw(session: AsyncSession, caller: Caller, stage_id: int, user_id: int) -> None:
    """Take a stage from a user; what he did stays his.

    Raises:
        NotFound: There is no such stage, or it is not assigned to the user.
    """
    stage = await scope.require_stage(session, caller, stage_id)
    statement = (
        delete(StageAssignment)
        .where(col(StageAssignment.stage_id) == stage_id, col(StageAssignment.user_id) == user_id)
        .returning(col(StageAssignment.user_id))
    )
    if (await session.execute(statement)).one_or_none() is None:
        raise NotFound(messages.ASSIGNMENT_NOT_FOUND, stage=stage_id, user=user_id)
    await _tell(session, caller, stage, user_id, ChangeKind.REVOKED)


async def _tell(session: AsyncSession, caller: Caller, stage: WorkOrderStage, user_id: int, kind: ChangeKind) -> None:
    order_id = stage.work_order_id
    told = [Change(Entity.STAGE, stage.id or 0, kind, subject_id=user_id)]
    theirs = select(func.count()).where(
        col(StageAssignment.user_id) == user_id, col(StageAssignment.work_order_id) == order_id
    )
    # the order comes into sight with the first of its stages, and goes out of it with the last
    if await session.scalar(theirs) == (1 if kind is ChangeKind.GRANTED else 0):
        told.insert(0, Change(Entity.WORK_ORDER, order_id, kind, subject_id=user_id))
    await changes.record_all(session, caller, told)
