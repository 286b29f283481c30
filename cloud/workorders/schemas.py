"""Owns what the work order slice takes and gives."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from cloud.validation import mistake
from cloud.values import Code, Count, Label, Moment, upper
from cloud.workorders import messages

MAX_STAGES = 100


class StageStatus(StrEnum):
    """Where a stage is; a hold is a flag beside it, never a fourth status."""

    PLANNED = "planned"
    IN_PROGRESS = "in_progress"
    DONE = "done"


class Priority(StrEnum):
    """How urgent an order is."""

    LOW = "LOW"
    NORMAL = "NORMAL"
    HIGH = "HIGH"
    URGENT = "URGENT"


class _Window(BaseModel):
    model_config = ConfigDict(extra="forbid")

    planned_start: Moment
    planned_end: Moment

    @model_validator(mode="after")
    def _is_forward(self) -> Self:
        if self.planned_start >= self.planned_end:
            raise mistake(messages.WINDOW_BACKWARDS)
        return self


class StageIn(_Window):
    """A stage given with a new order."""

    stage_name: Label
    op_number: Annotated[int, Field(ge=1, le=9999)] | None = Field(default=None, description="10, 20, ... if absent")


class WorkOrderIn(_Window):
    """A new work order."""

    product_code: Code
    lot_no: Code
    qty: Count
    job_number: Code | None = None
    part_number: Code | None = None
    priority: Annotated[Priority, BeforeValidator(upper)] = Priority.NORMAL
    due_date: Moment | None = None
    stages: list[StageIn] | None = Field(
        default=None, min_length=1, max_length=MAX_STAGES, description="Without it the default route is taken"
    )

    @model_validator(mode="after")
    def _has_distinct_operations(self) -> Self:
        numbers = [stage.op_number for stage in self.stages or () if stage.op_number is not None]
        if len(numbers) != len(set(numbers)):
            raise mistake(messages.OPERATION_REPEATED)
        if numbers and len(numbers) != len(self.stages or ()):
            raise mistake(messages.OPERATIONS_PARTLY_NUMBERED)
        return self


class WorkOrderOut(BaseModel):
    """A work order, as it is shown; its status follows from its stages'."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    product_code: str
    lot_no: str
    qty: int
    planned_start: AwareDatetime
    planned_end: AwareDatetime
    job_number: str | None
    part_number: str | None
    priority: Priority
    due_date: AwareDatetime | None
    status: StageStatus
    on_hold: bool
    created_at: AwareDatetime


class StageOut(BaseModel):
    """A stage, as it is shown."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    work_order_id: int
    op_number: int
    stage_name: str
    planned_start: AwareDatetime
    planned_end: AwareDatetime
    actual_start: AwareDatetime | None
    actual_end: AwareDatetime | None
    status: StageStatus
