"""Owns what the issues slice takes and gives."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from cloud.issues import messages
from cloud.validation import mistake
from cloud.values import Notes, lower


class IssueType(StrEnum):
    """What kind of trouble it is."""

    MACHINE_FAILURE = "machine_failure"
    MATERIAL_SHORTAGE = "material_shortage"
    QUALITY = "quality"
    TOOLING = "tooling"
    SAFETY = "safety"
    SETUP = "setup"
    OTHER = "other"


class Severity(StrEnum):
    """How bad it is."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class IssueStatus(StrEnum):
    """How far somebody has come with it."""

    OPEN = "open"
    ACK = "ack"
    RESOLVED = "resolved"


AnyCaseType = Annotated[IssueType, BeforeValidator(lower)]
AnyCaseSeverity = Annotated[Severity, BeforeValidator(lower)]
AnyCaseIssueStatus = Annotated[IssueStatus, BeforeValidator(lower)]
Prose = Annotated[Notes, StringConstraints(min_length=1)]

IssueSort = Literal["created_at", "-created_at"]


class IssueIn(BaseModel):
    """What is wrong at a stage."""

    model_config = ConfigDict(extra="forbid")

    type: AnyCaseType
    description: Prose
    severity: AnyCaseSeverity = Severity.MEDIUM


class IssuePatch(BaseModel):
    """What is to be different about an issue; what is absent stays."""

    model_config = ConfigDict(extra="forbid")

    status: AnyCaseIssueStatus | None = Field(
        default=None, description="open to ack or resolved, ack to resolved; resolved to open by planners and admins"
    )
    type: AnyCaseType | None = None
    description: Prose | None = None
    severity: AnyCaseSeverity | None = None
    resolution: Notes | None = Field(default=None, description="What was done about it")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set:
            raise mistake(messages.NOTHING_TO_CHANGE)
        for name in sorted(self.model_fields_set - {"resolution"}):
            if getattr(self, name) is None:
                raise mistake(messages.NULL_REFUSED, field=name)
        return self


class IssueOut(BaseModel):
    """An issue, as it is shown; who and when are of its latest way through, the record of changes has all."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    work_order_stage_id: int
    work_order_id: int
    machine_id: uuid.UUID | None
    type: IssueType
    description: str
    severity: Severity
    status: IssueStatus
    resolution: str | None
    created_by: int | None
    created_at: AwareDatetime
    acknowledged_by: int | None
    acknowledged_at: AwareDatetime | None
    resolved_by: int | None
    resolved_at: AwareDatetime | None
    reopened_by: int | None
    reopened_at: AwareDatetime | None
    updated_at: AwareDatetime


@dataclass(frozen=True, slots=True)
class MovedIssue:
    """An issue of an older backend, on the way in under an id of its own; times in UTC."""

    id: int
    work_order_stage_id: int
    work_order_id: int
    type: IssueType
    description: str
    severity: Severity
    status: IssueStatus
    created_by: int | None
    created_at: datetime


class CommentIn(BaseModel):
    """What somebody says of an issue."""

    model_config = ConfigDict(extra="forbid")

    text: Prose


class CommentOut(BaseModel):
    """What somebody said of an issue."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    issue_id: int
    text: str
    created_by: int | None
    created_at: AwareDatetime


class AttachmentOut(BaseModel):
    """A photo of an issue; its bytes are at `/issues/{issue_id}/attachments/{id}`."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    issue_id: int
    filename: str | None = Field(description="What it was called where it came from")
    media_type: str = Field(description="By its content, whatever it was called")
    size: int = Field(description="Bytes")
    sha256: str
    created_by: int | None
    created_at: AwareDatetime


class TypeStatistics(BaseModel):
    """How issues of one type, or all, were dealt with. Means are null while there is nothing to take them of."""

    total: int
    open: int
    ack: int
    resolved: int
    mean_minutes_to_acknowledge: float | None = Field(
        description="From the report to the acknowledgement, or to the end of one resolved straight away"
    )
    mean_minutes_to_resolve: float | None = Field(description="From the report to the end, of those that are resolved")


class IssueStatistics(TypeStatistics):
    """How issues were dealt with, in all and by type."""

    by_type: dict[IssueType, TypeStatistics]
