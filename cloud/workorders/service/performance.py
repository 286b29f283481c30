"""Owns reading how stages and orders went, or go."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from cloud.identity.schemas import Caller
from cloud.workorders import metrics
from cloud.workorders.metrics import Span
from cloud.workorders.models import WorkOrderStage
from cloud.workorders.schemas import OrderMetrics, Quantities, StageMetrics
from cloud.workorders.service import scope


async def of_stage(session: AsyncSession, caller: Caller, stage_id: int, now: datetime) -> StageMetrics:
    """Return how a stage went, or goes at a moment.

    Raises:
        NotFound: There is no such stage, or it is not the caller's to see.
    """
    stage = await scope.require_stage(session, caller, stage_id)
    measured = asdict(metrics.measures(_span(stage), now))
    made = scope.quantities(stage)
    order = await scope.order_of(session, stage)
    return StageMetrics(
        stage_id=stage_id,
        status=stage.status,
        quantities=made,
        completion_percent=100 * made.good / order.qty,
        as_of=now,
        **measured,
    )


async def of_order(session: AsyncSession, caller: Caller, order_id: int, now: datetime) -> OrderMetrics:
    """Return how an order went, or goes at a moment; of all its stages, whoever asks.

    Raises:
        NotFound: There is no such order, or it is not the caller's to see.
    """
    order = await scope.require_order(session, caller, order_id)
    stages = await scope.stages_in(session, order)
    spans = [_span(stage) for stage in stages]
    made = _made([scope.quantities(stage) for stage in stages])
    whole = metrics.whole(order.planned_start, order.planned_end, order.status, spans)
    done, on_time = metrics.done_on_time(spans)
    return OrderMetrics(
        work_order_id=order_id,
        status=order.status,
        on_time_percentage=metrics.on_time_percentage(done, on_time),
        stages_total=len(spans),
        stages_done=done,
        stages_on_time=on_time,
        quantities=made,
        completion_percent=100 * made.good / order.qty,
        as_of=now,
        **asdict(metrics.measures(whole, now)),
    )


def _made(each: Sequence[Quantities]) -> Quantities:
    """Return what an order made: pieces are good when its last stage says so, and lost at any."""
    last = each[-1] if each else Quantities(good=0, scrap=0, rework=0, startup=0)
    return Quantities(
        good=last.good,
        scrap=sum(stage.scrap for stage in each),
        rework=sum(stage.rework for stage in each),
        startup=sum(stage.startup for stage in each),
        basis=last.basis,
    )


def _span(stage: WorkOrderStage) -> Span:
    return Span(stage.planned_start, stage.planned_end, stage.actual_start, stage.actual_end, stage.status)
