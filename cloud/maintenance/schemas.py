"""Owns what the maintenance slice takes and gives."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from cloud.values import Label, Moment, Notes, Positive, lower


class Kind(StrEnum):
    """Why maintenance is done."""

    CORRECTIVE = "corrective"
    PREVENTIVE = "preventive"
    PREDICTIVE = "predictive"


class OrderStatus(StrEnum):
    """Where a maintenance order is."""

    OPEN = "open"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


class Basis(StrEnum):
    """By what a plan counts: days of the calendar, hours in which the machine ran, or its cycles."""

    CALENDAR = "calendar"
    RUNNING_HOURS = "running_hours"
    CYCLES = "cycles"


AnyCaseKind = Annotated[Kind, BeforeValidator(lower)]
AnyCaseStatus = Annotated[OrderStatus, BeforeValidator(lower)]
AnyCaseBasis = Annotated[Basis, BeforeValidator(lower)]
# one row of the database at most: an interval of centuries is a mistake
Interval = Annotated[Positive, Field(description="Days, running hours or cycles, by the plan's basis")]


@dataclass(frozen=True, slots=True)
class Done:
    """Maintenance that is completed.

    Attributes:
        known_at: When somebody said so, never before it was.
    """

    machine_id: uuid.UUID
    at: datetime
    known_at: datetime
    kind: Kind


class OrderIn(BaseModel):
    """A maintenance order that is opened."""

    model_config = ConfigDict(extra="forbid")

    kind: AnyCaseKind
    title: Label
    description: Notes | None = None
    due_at: Moment | None = None
    plan_id: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = Field(
        default=None, description="The plan it fulfils: completing it begins the plan's interval anew"
    )


class OrderPatch(BaseModel):
    """What changes of an order; null clears, where something may be unknown."""

    model_config = ConfigDict(extra="forbid")

    title: Label = "-"
    description: Notes | None = None
    due_at: Moment | None = None


class CompletionIn(BaseModel):
    """What was done, and when."""

    model_config = ConfigDict(extra="forbid")

    resolution: Notes | None = None
    completed_at: Moment | None = Field(default=None, description="When it was done; now if absent")


class OrderOut(BaseModel):
    """A maintenance order, with who took which step and when."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    machine_id: uuid.UUID
    plan_id: int | None
    kind: Kind
    status: OrderStatus
    title: str
    description: str | None
    due_at: AwareDatetime | None
    opened_by: int
    opened_at: AwareDatetime
    started_by: int | None
    started_at: AwareDatetime | None
    completed_by: int | None
    completed_at: AwareDatetime | None
    cancelled_by: int | None
    cancelled_at: AwareDatetime | None
    resolution: str | None


class PlanIn(BaseModel):
    """Maintenance that comes again and again."""

    model_config = ConfigDict(extra="forbid")

    title: Label
    basis: AnyCaseBasis
    every: Interval
    starts_at: Moment | None = Field(default=None, description="When its first interval began; now if absent")
    notes: Notes | None = None


class PlanPatch(BaseModel):
    """What changes of a plan."""

    model_config = ConfigDict(extra="forbid")

    title: Label = "-"
    every: Interval = 1.0
    is_active: bool = True
    notes: Notes | None = None


class Due(BaseModel):
    """When a plan falls due, as far as it can be told now."""

    due_at: AwareDatetime | None = Field(description="Null where the machine stands still, so nobody can tell")
    is_overdue: bool
    is_estimate: bool = Field(description="By how the machine ran in the last 30 days, and not by the calendar")
    used: float | None = Field(description="Days, hours or cycles since the interval began; null without such a meter")
    remaining: float | None


class PlanOut(BaseModel):
    """A plan, as it is kept."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    machine_id: uuid.UUID
    title: str
    basis: Basis
    every: float
    starts_at: AwareDatetime
    last_done_at: AwareDatetime | None
    is_active: bool
    notes: str | None
    created_at: AwareDatetime


class PlanDueOut(PlanOut):
    """A plan, and when it falls due."""

    # changes with every hour that the machine runs
    volatile: ClassVar[frozenset[str]] = frozenset({"due"})

    due: Due | None = Field(description="Null while it is not active")


class NextOut(Due):
    """What falls due next."""

    plan_id: int | None = Field(description="Null for the machine's own `maintenance_schedule_hours`")
    title: str


class MaintenanceOut(BaseModel):
    """A machine's maintenance: what was done, what is planned, what comes next."""

    machine_id: uuid.UUID
    last_maintenance_date: AwareDatetime | None
    next: NextOut | None
    plans: list[PlanDueOut]
    history: list[OrderOut] = Field(description="The newest orders, newest first; GET /maintenance/orders has all")
