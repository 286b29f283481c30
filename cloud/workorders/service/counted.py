"""Owns how what counters counted gets into a stage's quantities: beside what people report, and never on top of it.

Whoever derives counts tells what came out otherwise, in the transaction in which it is kept as an event. So each piece
is in its stage's sum exactly once, a late or corrected sample moves it, and a claim takes it from stage to stage.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from cloud import changes
from cloud.changes import ChangeKind, Entity, Operator
from cloud.workorders import rules
from cloud.workorders.models import ProductionEvent, WorkOrder, WorkOrderStage
from cloud.workorders.rules import Pieces
from cloud.workorders.service import scope
from shared.reading import ReadingType

# a stage that counts all day is told to phones so often at the most, and whenever somebody does something with it
TOLD_EVERY = timedelta(minutes=5)
# what the column holds, and a phone's integer
_MOST = 2**31 - 1
COUNTERS: Mapping[str, str] = {
    ReadingType.GOOD_COUNT.value: "good_counted",
    ReadingType.REJECT_COUNT.value: "rejects_counted",
    ReadingType.PART_COUNT.value: "parts_counted",
    ReadingType.SHOT_COUNT.value: "shots_counted",
}
# as everybody does who changes stages: their orders first, in one order (`scope`)
_LOCK = text("""
    SELECT id FROM work_order WHERE id IN (
        SELECT work_order_id FROM work_order_stage WHERE id = ANY(CAST(:stages AS int[]))
    ) ORDER BY id FOR NO KEY UPDATE
""")


async def add(session: AsyncSession, moved: Mapping[tuple[int, str], int], now: datetime) -> None:
    """Take into stages' quantities what their counters counted; to be called last, for it locks their orders.

    Args:
        session: The one in which it was counted.
        moved: By stage and type of the counter, how many pieces more, or less.
        now: UTC.
    """
    stages = sorted({stage for (stage, _), pieces in moved.items() if pieces})
    if not stages:
        return
    await session.execute(_LOCK, {"stages": stages})
    for stage_id in stages:
        more: dict[Any, Any] = {
            name: getattr(WorkOrderStage, name) + moved[stage_id, counter]
            for counter, name in COUNTERS.items()
            if moved.get((stage_id, counter))
        }
        statement = update(WorkOrderStage).where(col(WorkOrderStage.id) == stage_id).values(more)
        found = await session.scalars(
            statement.returning(WorkOrderStage),
            execution_options={"synchronize_session": False, "populate_existing": True},
        )
        # one that was removed has nothing to be settled
        if (stage := found.one_or_none()) is not None:
            await _settle(session, stage, now)


async def reported(session: AsyncSession, stage_id: int) -> Pieces:
    """Return what people reported of a stage, and did not take back."""
    statement = (
        select(col(ProductionEvent.kind), func.sum(col(ProductionEvent.quantity)))
        .where(col(ProductionEvent.stage_id) == stage_id)
        .group_by(col(ProductionEvent.kind))
    )
    return Pieces(**{kind.value: int(pieces) for kind, pieces in await session.execute(statement)})


def columns(made: Pieces) -> dict[str, int]:
    """Return quantities as a stage's columns; what a counter that is read wrongly tells beyond them is their end."""
    quantities = {
        "good_qty": made.good,
        "scrap_qty": made.scrap,
        "rework_qty": made.rework,
        "startup_qty": made.startup,
    }
    return {name: min(quantity, _MOST) for name, quantity in quantities.items()}


def columns_of(stage: WorkOrderStage) -> dict[str, int]:
    """Return a stage's quantities as they stand."""
    return {name: getattr(stage, name) for name in ("good_qty", "scrap_qty", "rework_qty", "startup_qty")}


async def _settle(session: AsyncSession, stage: WorkOrderStage, now: datetime) -> None:
    made = rules.settled(await reported(session, stage.id or 0), scope.counted(stage))
    before, after = columns_of(stage), columns(made)
    if before == after:
        return
    is_told = stage.updated_at is None or now - stage.updated_at >= TOLD_EVERY
    values: dict[str, Any] = {**after, "updated_at": now} if is_told else dict(after)
    await session.execute(
        update(WorkOrderStage)
        .where(col(WorkOrderStage.id) == stage.id)
        .values(values)
        .execution_options(synchronize_session=False)
    )
    if is_told:
        whose = select(col(WorkOrder.organization_id)).where(col(WorkOrder.id) == stage.work_order_id)
        actor = Operator((await session.execute(whose)).scalar_one(), "counter")
        kind = ChangeKind.UPDATED
        await changes.record(session, actor, Entity.STAGE, stage.id or 0, kind, before=before, after=after)
