"""Owns what the operators slice takes and gives."""

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Literal

from fastapi import Path
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from cloud.values import Code, Label, NotNegative, Source, upper


class SkillLevel(StrEnum):
    """How far somebody has come."""

    BEGINNER = "BEGINNER"
    INTERMEDIATE = "INTERMEDIATE"
    ADVANCED = "ADVANCED"
    EXPERT = "EXPERT"


class ShiftPreference(StrEnum):
    """When somebody likes to work."""

    DAY = "DAY"
    NIGHT = "NIGHT"
    ROTATING = "ROTATING"


class OperatorStatus(StrEnum):
    """Whether somebody works here."""

    ACTIVE = "ACTIVE"
    ON_LEAVE = "ON_LEAVE"
    INACTIVE = "INACTIVE"


AnyCaseSkill = Annotated[SkillLevel, BeforeValidator(upper)]
AnyCaseShift = Annotated[ShiftPreference, BeforeValidator(upper)]
AnyCaseStatus = Annotated[OperatorStatus, BeforeValidator(upper)]
OperatorSort = Literal["emp_id", "-emp_id", "operator_name", "-operator_name", "created_at", "-created_at"]

EmpId = Annotated[str, Path(min_length=1, max_length=64, description="The operator's number")]

Certifications = Annotated[list[Label], Field(max_length=50)]


class OperatorFields(BaseModel):
    """What may be said of an operator, and left out; null says that nobody knows."""

    model_config = ConfigDict(extra="forbid")

    skill_level: AnyCaseSkill | None = None
    hire_date: date | None = Field(default=None, ge=date(1900, 1, 1), le=date(2100, 1, 1))
    shift_preference: AnyCaseShift | None = None
    hourly_rate: NotNegative | None = Field(default=None, description="Only planners and admins see it")
    department: Label | None = None
    supervisor_id: Code | None = Field(default=None, description="Another operator's emp_id")
    user_id: int | None = Field(default=None, ge=1, le=2**31 - 1, description="The user who is this operator")


class OperatorReplacement(OperatorFields):
    """An operator, said anew: what is left out is unknown from now on."""

    operator_name: Label
    certifications: Certifications = Field(default_factory=list)
    status: AnyCaseStatus = OperatorStatus.ACTIVE

    def values(self) -> Mapping[str, Any]:
        """Return the row's values."""
        return self.model_dump()


class OperatorIn(OperatorReplacement):
    """An operator who is added."""

    emp_id: Code = Field(
        description="Number on the badge; unique in the organization, and it stays", examples=["E-1042"]
    )


class OperatorPatch(OperatorFields):
    """What changes of an operator: what is left out stays, and null says that nobody knows any more."""

    # no null for these: an operator has them
    operator_name: Label = "-"
    certifications: Certifications = Field(default_factory=list)
    status: AnyCaseStatus = OperatorStatus.ACTIVE

    def values(self) -> Mapping[str, Any]:
        """Return those of the row's values that were given."""
        return self.model_dump(exclude_unset=True)


class OperatorOut(BaseModel):
    """An operator, as shown."""

    model_config = ConfigDict(from_attributes=True)

    emp_id: str
    operator_name: str
    skill_level: SkillLevel | None
    hire_date: date | None
    shift_preference: ShiftPreference | None
    certifications: list[str]
    hourly_rate: float | None = Field(description="Null for workers, who are not shown it")
    department: str | None
    supervisor_id: str | None
    status: OperatorStatus
    user_id: int | None
    source: Source
    created_at: AwareDatetime
    updated_at: AwareDatetime
