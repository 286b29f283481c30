"""Owns what can be done with a stage: start it, finish it, hold it, plan it anew."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from cloud import changes
from cloud.changes import Change, ChangeKind, Entity
from cloud.errors import Conflict, Invalid
from cloud.identity.schemas import Caller
from cloud.languages import Message
from cloud.machines import service as machines
from cloud.preconditions import WHICHEVER, Seen
from cloud.workorders import messages, rules
from cloud.workorders.models import WorkOrderStage
from cloud.workorders.schemas import StageOut, StagePatch, StageStatus
from cloud.workorders.service import running, scope
from cloud.workorders.service.scope import Held


async def stage(session: AsyncSession, caller: Caller, stage_id: int) -> StageOut:
    """Return one stage.

    Raises:
        NotFound: There is none, or it is not the caller's to see.
    """
    found = await scope.require_stage(session, caller, stage_id)
    return (await scope.shown(session, caller.organization_id, [found]))[0]


async def stages(session: AsyncSession, caller: Caller, order_id: int) -> list[StageOut]:
    """Return the stages of one order, by operation number; for a worker, those that are assigned to him.

    Raises:
        NotFound: There is no such order, or it is not the caller's to see.
    """
    order = await scope.require_order(session, caller, order_id)
    found = await scope.shown(session, caller.organization_id, await scope.stages_in(session, order))
    return [each for each in found if scope.is_theirs(caller, each)]


async def start(session: AsyncSession, caller: Caller, stage_id: int, now: datetime | None = None) -> StageOut:
    """Begin a planned stage.

    Args:
        session: The request's.
        caller: A worker must be assigned to it.
        stage_id: Which.
        now: When it began; the present if None.

    Raises:
        NotFound: There is no such stage, or it is not the caller's to see.
        Conflict: It is not planned any more, is on hold, or must wait for the stage before it.
    """
    held = await scope.hold_still(session, caller, stage_id)
    _require(held, StageStatus.PLANNED, messages.NOT_STARTED)
    if rules.awaited(held.order.sequencing, held.before):
        raise _out_of_sequence(held)
    return await _become(session, caller, held, {"actual_start": now or datetime.now(UTC)}, messages.NOT_STARTED)


async def finish(session: AsyncSession, caller: Caller, stage_id: int, now: datetime | None = None) -> StageOut:
    """End a stage that is in progress.

    Args:
        session: The request's.
        caller: A worker must be assigned to it.
        stage_id: Which.
        now: When it ended; the present if None. Never before it began.

    Raises:
        NotFound: There is no such stage, or it is not the caller's to see.
        Conflict: It is not in progress, or on hold.
    """
    held = await scope.hold_still(session, caller, stage_id)
    _require(held, StageStatus.IN_PROGRESS, messages.NOT_FINISHED)
    # another machine's clock may have begun it
    end = func.greatest(now or datetime.now(UTC), col(WorkOrderStage.actual_start))
    return await _become(session, caller, held, {"actual_end": end}, messages.NOT_FINISHED)


async def set_hold(session: AsyncSession, caller: Caller, stage_id: int, *, on_hold: bool) -> StageOut:
    """Hold a stage or release it; doing so twice changes nothing.

    Raises:
        NotFound: There is no such stage, or it is not the caller's to see.
        Conflict: It is done, so there is nothing to hold.
    """
    held = await scope.hold_still(session, caller, stage_id)
    if on_hold and held.stage.status is StageStatus.DONE:
        raise _impossible(held, messages.NOT_HELD)
    if held.stage.on_hold is not on_hold:
        await _write(session, caller, held, {"on_hold": on_hold})
    return (await scope.shown(session, caller.organization_id, [held.stage]))[0]


async def change(
    session: AsyncSession, caller: Caller, stage_id: int, patch: StagePatch, seen: Seen = WHICHEVER
) -> StageOut:
    """Plan a stage anew: its name, window and machine.

    Raises:
        NotFound: There is no such stage or machine.
        Invalid: The window would end before it begins.
        Conflict: Its window is to change, and it is done.
        PreconditionFailed: It is not as the caller saw it.
    """
    held = await scope.hold_still(session, caller, stage_id)
    seen.require((await scope.shown(session, caller.organization_id, [held.stage]))[0])
    values: dict[str, Any] = patch.model_dump(exclude_unset=True, exclude={"machine"})
    if held.stage.status is StageStatus.DONE and values.keys() & {"planned_start", "planned_end"}:
        raise _impossible(held, messages.HISTORY)
    window = (values.get("planned_start", held.stage.planned_start), values.get("planned_end", held.stage.planned_end))
    if window[0] >= window[1]:
        raise Invalid(messages.WINDOW_BACKWARDS)
    if "machine" in patch.model_fields_set:
        values["machine_id"] = (
            (await machines.resolve(session, caller.organization_id, patch.machine)).id if patch.machine else None
        )
    await _write(session, caller, held, values)
    return (await scope.shown(session, caller.organization_id, [held.stage]))[0]


def _require(held: Held, status: StageStatus, refusal: Message) -> None:
    stage = held.stage
    if stage.status is not status:
        raise _impossible(held, refusal)
    # on hold it may become nothing, until it is released
    now: dict[str, Any] = {"current_status": stage.status, "allowed": [], "on_hold": True}
    if stage.on_hold:
        raise Conflict(messages.STAGE_ON_HOLD, stage=stage.id, **now)
    if held.order.on_hold:
        raise Conflict(messages.ORDER_ON_HOLD, stage=stage.id, work_order=held.order.id, **now)


def _impossible(held: Held, refusal: Message) -> Conflict:
    status = held.stage.status
    return Conflict(
        messages.TRANSITION,
        stage=held.stage.id,
        is_now=messages.IS[status],
        refusal=refusal,
        current_status=status,
        allowed=rules.allowed(status),
    )


def _out_of_sequence(held: Held) -> Conflict:
    return Conflict(
        messages.OUT_OF_SEQUENCE,
        stage=held.stage.id,
        waits_for=held.before.op_number if held.before is not None else None,
        sequencing=held.order.sequencing,
        current_status=held.stage.status,
        allowed=[],
    )


async def _become(
    session: AsyncSession, caller: Caller, held: Held, values: dict[str, Any], refusal: Message
) -> StageOut:
    before = scope.recorded(held.stage)
    statement = (
        update(WorkOrderStage)
        # the condition stands in the statement: whatever was read before, only one of many gets to change it
        .where(
            col(WorkOrderStage.id) == held.stage.id,
            col(WorkOrderStage.status) == held.stage.status,
            ~col(WorkOrderStage.on_hold),
        )
        .values(status=rules.NEXT[held.stage.status], updated_at=func.now(), **values)
        .returning(WorkOrderStage)
        .execution_options(populate_existing=True, synchronize_session=False)
    )
    changed = (await session.scalars(statement)).one_or_none()
    if changed is None:
        raise _impossible(held, refusal)
    await running.mark(session, changed, datetime.now(UTC))
    done = Change(Entity.STAGE, changed.id or 0, ChangeKind.UPDATED, before, scope.recorded(changed))
    await changes.record_all(session, caller, [done, *await scope.settle_status(session, held)])
    return (await scope.shown(session, caller.organization_id, [changed]))[0]


async def _write(session: AsyncSession, caller: Caller, held: Held, values: dict[str, Any]) -> None:
    before = scope.recorded(held.stage)
    statement = (
        update(WorkOrderStage)
        .where(col(WorkOrderStage.id) == held.stage.id)
        .values(updated_at=func.now(), **values)
        .returning(WorkOrderStage)
        .execution_options(populate_existing=True, synchronize_session=False)
    )
    await running.mark(session, held.stage, datetime.now(UTC))
    held.stage = (await session.scalars(statement)).one()
    await running.mark(session, held.stage, datetime.now(UTC))
    after = scope.recorded(held.stage)
    await changes.record(
        session, caller, Entity.STAGE, held.stage.id or 0, ChangeKind.UPDATED, before=before, after=after
    )
