"""Owns what the jobs slice takes and gives."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal

from fastapi import Path
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from cloud.jobs import messages
from cloud.validation import mistake
from cloud.values import Code, Label, Moment, NotNegative, Source, upper


class JobPriority(StrEnum):
    """How urgent a job is."""

    LOW = "LOW"
    NORMAL = "NORMAL"
    HIGH = "HIGH"
    URGENT = "URGENT"


class JobStatus(StrEnum):
    """How far a job is, as the ERP or a planner says."""

    PENDING = "PENDING"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"


AnyCasePriority = Annotated[JobPriority, BeforeValidator(upper)]
AnyCaseStatus = Annotated[JobStatus, BeforeValidator(upper)]
JobSort = Literal["job_number", "-job_number", "created_at", "-created_at", "updated_at", "-updated_at"]
JobNumber = Annotated[str, Path(min_length=1, max_length=64, description="The job's number; a slash in it as %2F")]
Rating = Annotated[int, Field(ge=1, le=10)]
Quantity = Annotated[int, Field(ge=0, le=2**31 - 1)]


class JobFields(BaseModel):
    """What may be said of a job, and left out; null says that nobody knows."""

    model_config = ConfigDict(extra="forbid")

    job_name: Label | None = None
    customer_id: Code | None = None
    customer_name: Label | None = None
    estimated_hours: NotNegative | None = None
    actual_hours: NotNegative | None = None
    quantity_ordered: Quantity | None = None
    quantity_completed: Quantity | None = None
    due_date: Moment | None = None
    start_date: Moment | None = None
    completion_date: Moment | None = None
    complexity_rating: Rating | None = None
    setup_complexity: Rating | None = None

    @model_validator(mode="after")
    def _in_order(self) -> "JobFields":
        if self.start_date is not None and self.completion_date is not None and self.completion_date < self.start_date:
            raise mistake(messages.DATES_BACKWARDS)
        return self


class JobReplacement(JobFields):
    """A job, said anew: what is left out is unknown from now on."""

    priority: AnyCasePriority = JobPriority.NORMAL
    job_status: AnyCaseStatus = JobStatus.PENDING

    def values(self) -> Mapping[str, Any]:
        """Return the row's values."""
        return self.model_dump()


class JobIn(JobReplacement):
    """A job that is added."""

    job_number: Code = Field(description="Unique in the organization, and it stays", examples=["J-2026-0113"])


class JobPatch(JobFields):
    """What changes of a job: what is left out stays, and null says that nobody knows any more."""

    # no null for these two: a job has them
    priority: AnyCasePriority = JobPriority.NORMAL
    job_status: AnyCaseStatus = JobStatus.PENDING

    def values(self) -> Mapping[str, Any]:
        """Return those of the row's values that were given."""
        return self.model_dump(exclude_unset=True)


class JobOut(BaseModel):
    """A job, as shown."""

    model_config = ConfigDict(from_attributes=True)

    job_number: str
    job_name: str | None
    customer_id: str | None
    customer_name: str | None
    priority: JobPriority
    estimated_hours: float | None
    actual_hours: float | None
    quantity_ordered: int | None
    quantity_completed: int | None
    due_date: AwareDatetime | None
    start_date: AwareDatetime | None
    completion_date: AwareDatetime | None
    job_status: JobStatus
    complexity_rating: int | None
    setup_complexity: int | None
    source: Source
    created_at: AwareDatetime
    updated_at: AwareDatetime
