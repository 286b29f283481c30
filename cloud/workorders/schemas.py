"""Owns what the work order slice takes and gives."""

import uuid
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from cloud.validation import mistake
from cloud.values import Code, Count, Label, Moment, lower, upper
from cloud.workorders import messages

MAX_STAGES = 100
# a year: whoever plans a longer stage has mistaken the unit
MAX_MINUTES = 366 * 24 * 60


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


class Sequencing(StrEnum):
    """When a stage may start."""

    FREE = "free"
    """At any time, whatever the one before it does."""
    FLOW = "flow"
    """When the one before has passed on its first good pieces, or is done."""
    STRICT = "strict"
    """When the one before is done."""


class ProductionKind(StrEnum):
    """What became of the pieces that a stage made."""

    GOOD = "good"
    SCRAP = "scrap"
    REWORK = "rework"
    STARTUP = "startup"


AnyCaseStatus = Annotated[StageStatus, BeforeValidator(lower)]
AnyCasePriority = Annotated[Priority, BeforeValidator(upper)]
AnyCaseSequencing = Annotated[Sequencing, BeforeValidator(lower)]
AnyCaseKind = Annotated[ProductionKind, BeforeValidator(lower)]

OverReport = Annotated[
    int, Field(ge=0, le=1000, description="How many percent more than it was given a stage may report")
]
UserId = Annotated[int, Field(ge=1, le=2**31 - 1)]


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
    machine: Code | None = Field(default=None, description="Where it is made: a machine's code or id")


class WorkOrderIn(_Window):
    """A new work order."""

    product_code: Code
    lot_no: Code
    qty: Count
    job_number: Code | None = None
    part_number: Code | None = None
    priority: AnyCasePriority = Priority.NORMAL
    due_date: Moment | None = None
    sequencing: AnyCaseSequencing | None = Field(default=None, description="The route's if absent")
    over_report_percent: OverReport | None = Field(default=None, description="The route's if absent")
    stages: list[StageIn] | None = Field(
        default=None, min_length=1, max_length=MAX_STAGES, description="Without it the product's route is taken"
    )

    @model_validator(mode="after")
    def _has_distinct_operations(self) -> Self:
        numbers = [stage.op_number for stage in self.stages or () if stage.op_number is not None]
        if len(numbers) != len(set(numbers)):
            raise mistake(messages.OPERATION_REPEATED)
        if numbers and len(numbers) != len(self.stages or ()):
            raise mistake(messages.OPERATIONS_PARTLY_NUMBERED)
        return self


class WorkOrderPatch(BaseModel):
    """What is to be different about an order; what is absent stays."""

    model_config = ConfigDict(extra="forbid")

    product_code: Code | None = None
    lot_no: Code | None = None
    qty: Count | None = None
    planned_start: Moment | None = None
    planned_end: Moment | None = None
    job_number: Code | None = None
    part_number: Code | None = None
    priority: AnyCasePriority | None = None
    due_date: Moment | None = None
    sequencing: AnyCaseSequencing | None = None
    over_report_percent: OverReport | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        _refuse_nothing(self)
        _refuse_nulls(self, nullable={"job_number", "part_number", "due_date"})
        return self


class StagePatch(BaseModel):
    """What is to be different about a stage; what is absent stays."""

    model_config = ConfigDict(extra="forbid")

    stage_name: Label | None = None
    planned_start: Moment | None = None
    planned_end: Moment | None = None
    machine: Code | None = Field(default=None, description="A machine's code or id; null for none")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        _refuse_nothing(self)
        _refuse_nulls(self, nullable={"machine"})
        return self


def _refuse_nothing(patch: BaseModel) -> None:
    if not patch.model_fields_set:
        raise mistake(messages.NOTHING_TO_CHANGE)


def _refuse_nulls(patch: BaseModel, nullable: set[str]) -> None:
    for name in sorted(patch.model_fields_set - nullable):
        if getattr(patch, name) is None:
            raise mistake(messages.NULL_REFUSED, field=name)


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
    sequencing: Sequencing
    over_report_percent: int
    created_at: AwareDatetime
    updated_at: AwareDatetime


class AssignmentIn(BaseModel):
    """Who is to do a stage."""

    model_config = ConfigDict(extra="forbid")

    user_id: UserId


class AssignmentOut(BaseModel):
    """Who does a stage."""

    stage_id: int
    user_id: int
    username: str
    assigned_by: int | None
    assigned_at: AwareDatetime


class QuantityBasis(StrEnum):
    """Who says how many pieces a stage made."""

    REPORTED = "reported"
    """People: the sums of its production events."""
    COUNTED = "counted"
    """Its machine's counters; what people report judges these pieces, and is not added to them."""


class Quantities(BaseModel):
    """How many pieces a stage made, each once."""

    good: int
    scrap: int
    rework: int
    startup: int
    basis: QuantityBasis = Field(
        default=QuantityBasis.REPORTED,
        description="`reported` by people, or `counted` by the machine's counters: good pieces that people report are "
        "then the same pieces told again",
    )


class StageOut(BaseModel):
    """A stage, as it is shown."""

    id: int
    work_order_id: int
    op_number: int
    stage_name: str
    planned_start: AwareDatetime
    planned_end: AwareDatetime
    actual_start: AwareDatetime | None
    actual_end: AwareDatetime | None
    status: StageStatus
    on_hold: bool
    machine_id: uuid.UUID | None
    quantities: Quantities
    assignments: list[AssignmentOut] = Field(description="Who does it")
    updated_at: AwareDatetime


class ProductionIn(BaseModel):
    """Pieces that a stage made."""

    model_config = ConfigDict(extra="forbid")

    kind: AnyCaseKind = ProductionKind.GOOD
    quantity: Count
    occurred_at: Moment | None = Field(default=None, description="Now if absent; not in the future")
    note: Label | None = None


class ProductionOut(BaseModel):
    """A production event, as it is shown; one that reverses another has its quantity, negative."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    stage_id: int
    kind: ProductionKind
    quantity: int
    reverses_id: int | None
    note: str | None
    reported_by: int | None
    occurred_at: AwareDatetime
    recorded_at: AwareDatetime


class ProductionSummary(BaseModel):
    """What a stage made, and how many more good pieces it may report."""

    stage_id: int
    quantities: Quantities
    reported: int = Field(default=0, description="Good pieces that people reported, whatever counters say")
    remaining: int = Field(description="Good pieces that it may still report")
    events: list[ProductionOut] = Field(description="The newest first, at most 200")


class RouteStep(BaseModel):
    """A stage of a route: with a length in minutes, or with a share of what the others leave of an order's window."""

    model_config = ConfigDict(extra="forbid")

    stage_name: Label
    minutes: Annotated[float, Field(gt=0, le=MAX_MINUTES, allow_inf_nan=False)] | None = None
    share: Annotated[float, Field(ge=0.01, le=100, allow_inf_nan=False)] = Field(
        default=1.0, description="Weight among the steps without minutes"
    )


class RouteIn(BaseModel):
    """The stages that a product's orders get."""

    model_config = ConfigDict(extra="forbid")

    product_code: Code | None = Field(default=None, description="Null: every product that has no route of its own")
    steps: list[RouteStep] = Field(min_length=1, max_length=MAX_STAGES)
    sequencing: AnyCaseSequencing = Sequencing.FREE
    over_report_percent: OverReport = 0


class RouteOut(BaseModel):
    """A route, as it is shown."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    product_code: str | None
    steps: list[RouteStep]
    sequencing: Sequencing
    over_report_percent: int
    updated_at: AwareDatetime


class StageMetrics(BaseModel):
    """How a stage went, or goes. Durations in minutes; `as_of` is the moment it is true of."""

    stage_id: int
    status: StageStatus
    planned_duration: float = Field(description="Minutes")
    actual_duration: float | None = Field(description="Minutes, until now while it runs; null until it has started")
    delay_minutes: float = Field(description="How much later than planned it ended, or is already")
    efficiency_percent: float | None = Field(description="Planned / actual duration x 100; null until it has started")
    on_time: bool = Field(description="It ended in time, or still can")
    quantities: Quantities
    completion_percent: float = Field(description="Good pieces of those ordered x 100; above 100 where more were made")
    as_of: AwareDatetime


class OrderMetrics(BaseModel):
    """How an order went, or goes; from its first stage's start to its last one's end. Durations in minutes."""

    work_order_id: int
    status: StageStatus
    planned_duration: float = Field(description="Minutes")
    actual_duration: float | None = Field(description="Minutes, until now while it runs; null until it has started")
    delay_minutes: float = Field(description="How much later than planned it ended, or is already")
    efficiency_percent: float | None = Field(description="Planned / actual duration x 100; null until it has started")
    on_time: bool = Field(description="It ended in time, or still can")
    on_time_percentage: float | None = Field(description="Of the stages that are done; null while none is")
    stages_total: int
    stages_done: int
    stages_on_time: int = Field(description="Done, and in time")
    quantities: Quantities = Field(description="Good ones of the last stage, the others of all stages together")
    completion_percent: float = Field(description="Good pieces of the last stage of those ordered x 100")
    as_of: AwareDatetime


OrderSort = Literal[
    "planned_start", "-planned_start", "planned_end", "-planned_end", "due_date", "-due_date", "priority", "-priority",
    "created_at", "-created_at", "product_code", "-product_code", "lot_no", "-lot_no",
]  # fmt: skip
"""What a list of orders may be ordered by; with a minus the last comes first. Orders without a due date come last."""
