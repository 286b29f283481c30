"""Owns what people say that stages made: events that are only ever added, and the sums kept on the stage with them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from cloud import changes, marks
from cloud.changes import Change, ChangeKind, Entity
from cloud.errors import Conflict, Invalid, NotFound
from cloud.identity.schemas import Caller
from cloud.workorders import messages, rules
from cloud.workorders.models import ProductionEvent, WorkOrderStage
from cloud.workorders.rules import Pieces
from cloud.workorders.schemas import ProductionIn, ProductionKind, ProductionOut, ProductionSummary, StageStatus
from cloud.workorders.service import counted, scope
from cloud.workorders.service.scope import Held

# a phone's clock may be ahead a little
AHEAD = timedelta(minutes=5)
MAX_EVENTS = 200


async def add(
    session: AsyncSession, caller: Caller, stage_id: int, given: ProductionIn, now: datetime | None = None
) -> ProductionOut:
    """Add pieces to what a stage made.

    Raises:
        NotFound: There is no such stage, or it is not the caller's to see.
        Invalid: It would have happened in the future.
        Conflict: The stage has not started, has not been passed on as many pieces, or the next stage has used more.
    """
    now = now or datetime.now(UTC)
    occurred_at = given.occurred_at or now
    if occurred_at > now + AHEAD:
        raise Invalid(messages.FUTURE, occurred_at=occurred_at)
    held = await scope.hold_still(session, caller, stage_id)
    if held.stage.status is StageStatus.PLANNED:
        raise Conflict(
            messages.TRANSITION,
            code="STAGE_NOT_STARTED",
            stage=stage_id,
            is_now=messages.IS[held.stage.status],
            refusal=messages.NOT_REPORTED,
            current_status=held.stage.status,
            allowed=rules.allowed(held.stage.status),
        )
    _require_within(held, given, await counted.reported(session, stage_id))
    return await _record(
        session,
        caller,
        held,
        ProductionEvent(
            stage_id=stage_id,
            kind=given.kind,
            quantity=given.quantity,
            note=given.note,
            reported_by=caller.user_id,
            occurred_at=occurred_at,
        ),
    )


async def reverse(
    session: AsyncSession, caller: Caller, stage_id: int, event_id: int, now: datetime | None = None
) -> ProductionOut:
    """Take an event back by adding its opposite.

    Raises:
        NotFound: There is no such stage or event, or it is not the caller's to see.
        Conflict: It was taken back before, is such a taking back itself, or the next stage has used its pieces.
    """
    held = await scope.hold_still(session, caller, stage_id)
    wanted = select(ProductionEvent).where(
        col(ProductionEvent.stage_id) == stage_id, col(ProductionEvent.id) == event_id
    )
    event = (await session.scalars(wanted)).one_or_none()
    if event is None:
        raise NotFound(messages.PRODUCTION_NOT_FOUND, stage=stage_id, event=event_id)
    # the order's lock is held, so nobody takes it back between this look and the end
    taken_back = select(col(ProductionEvent.id)).where(col(ProductionEvent.reverses_id) == event_id)
    if event.reverses_id is not None or await session.scalar(taken_back) is not None:
        raise Conflict(messages.PRODUCTION_REVERSED, event=event_id)
    return await _record(
        session,
        caller,
        held,
        ProductionEvent(
            stage_id=stage_id,
            kind=event.kind,
            quantity=-event.quantity,
            reverses_id=event.id,
            reported_by=caller.user_id,
            occurred_at=now or datetime.now(UTC),
        ),
    )


async def summary(session: AsyncSession, caller: Caller, stage_id: int) -> ProductionSummary:
    """Return what a stage made, and how much it may still report.

    Raises:
        NotFound: There is no such stage, or it is not the caller's to see.
    """
    stage = await scope.require_stage(session, caller, stage_id)
    order = await scope.order_of(session, stage)
    held = Held(order, await scope.stages_in(session, order), stage)
    newest = select(ProductionEvent).where(col(ProductionEvent.stage_id) == stage_id)
    told = await counted.reported(session, stage_id)
    events = await session.scalars(newest.order_by(col(ProductionEvent.id).desc()).limit(MAX_EVENTS))
    return ProductionSummary(
        stage_id=stage_id,
        quantities=scope.quantities(stage),
        reported=told.good,
        remaining=_remaining(held, ProductionKind.GOOD, told) or 0,
        events=[ProductionOut.model_validate(event) for event in events],
    )


def _remaining(held: Held, kind: ProductionKind, told: Pieces) -> int | None:
    """Return how many more pieces people may report: of those that they reported, whatever counters counted."""
    order = held.order
    facts = replace(scope.facts(held.stage), good=told.good, scrap=told.scrap, startup=told.startup)
    return rules.reportable(kind, facts, held.before, order.qty, order.over_report_percent)


def _require_within(held: Held, given: ProductionIn, told: Pieces) -> None:
    remaining = _remaining(held, given.kind, told)
    if remaining is not None and given.quantity > remaining:
        raise Conflict(
            messages.OVER_REPORTED,
            stage=held.stage.id,
            remaining=remaining,
            given=given.quantity,
            because=messages.NO_MORE_ORDERED if held.before is None else messages.NO_MORE_PASSED_ON,
        )


async def _record(session: AsyncSession, caller: Caller, held: Held, event: ProductionEvent) -> ProductionOut:
    stage, order = held.stage, held.order
    known = await counted.reported(session, stage.id or 0)
    told = replace(known, **{event.kind.value: getattr(known, event.kind.value) + event.quantity})
    made = rules.settled(told, scope.counted(stage))
    earlier = scope.facts(stage)
    changed = replace(earlier, good=made.good, scrap=made.scrap, startup=made.startup)
    if rules.takes_away(earlier, changed, held.after, order.qty, order.over_report_percent):
        raise Conflict(messages.PRODUCTION_USED, stage=stage.id)
    statement = (
        insert(ProductionEvent).values(event.model_dump(exclude={"id", "recorded_at"})).returning(ProductionEvent)
    )
    recorded = (await session.scalars(statement)).one()
    before, after = counted.columns_of(stage), counted.columns(made)
    await session.execute(
        update(WorkOrderStage)
        .where(col(WorkOrderStage.id) == stage.id)
        .values({**after, WorkOrderStage.updated_at: func.now()})
        .execution_options(synchronize_session=False)
    )
    shown = ProductionOut.model_validate(recorded)
    if held.stage.machine_id is not None:
        # one that is taken back is taken back from when it was made; and where people tell of the first pieces, a job
        # log's rows of the same time do not any more
        is_whole = event.reverses_id is not None or (known.good == 0) is not (told.good == 0)
        began = held.stage.actual_start if is_whole else shown.occurred_at
        end = max(shown.occurred_at, stage.actual_end or shown.recorded_at) if is_whole else shown.occurred_at
        end += timedelta(minutes=1)
        await marks.put(session, held.stage.machine_id, began or shown.occurred_at, end, figures_only=True)
    await changes.record_all(
        session,
        caller,
        [
            Change(Entity.PRODUCTION, shown.id, ChangeKind.CREATED, after=shown),
            Change(Entity.STAGE, shown.stage_id, ChangeKind.UPDATED, before, after),
        ],
    )
    return shown
