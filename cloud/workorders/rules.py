"""Owns the decisions about orders: the default route, and what stages say of their order."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cloud.workorders.schemas import StageStatus

# the plant's route: every lot is moulded, then assembled
FIRST_STAGE = "Enjeksiyon"
SECOND_STAGE = "Montaj"
FIRST_STAGE_LENGTH = timedelta(minutes=30)
# operation numbers leave room for one in between, as routings do
OP_STEP = 10


@dataclass(frozen=True, slots=True)
class PlannedStage:
    """A stage before it has a row."""

    op_number: int
    stage_name: str
    planned_start: datetime
    planned_end: datetime


def default_route(planned_start: datetime, planned_end: datetime) -> list[PlannedStage]:
    """Return the two stages of an order that names none.

    The first takes 30 minutes and the second the rest; a window of 30 minutes or less is halved.

    Args:
        planned_start: UTC.
        planned_end: UTC, later than planned_start.
    """
    window = planned_end - planned_start
    turn = planned_start + (FIRST_STAGE_LENGTH if window > FIRST_STAGE_LENGTH else window / 2)
    return [
        PlannedStage(OP_STEP, FIRST_STAGE, planned_start, turn),
        PlannedStage(2 * OP_STEP, SECOND_STAGE, turn, planned_end),
    ]


def order_status(stages: Sequence[StageStatus]) -> StageStatus:
    """Return where an order is: done when all its stages are, planned while none has begun."""
    if stages and all(stage is StageStatus.DONE for stage in stages):
        return StageStatus.DONE
    if any(stage is not StageStatus.PLANNED for stage in stages):
        return StageStatus.IN_PROGRESS
    return StageStatus.PLANNED
