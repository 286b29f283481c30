"""Owns what the machines slice takes and gives."""

import uuid
from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Literal

from fastapi import Path
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from cloud.values import Code, Count, Label, Moment, Notes, Positive, Source, lower


class MachineStatus(StrEnum):
    """The asset's life; what it is doing now is its runtime status, which is derived from readings."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    MAINTENANCE = "maintenance"
    DECOMMISSIONED = "decommissioned"


MachineSort = Literal["code", "-code", "name", "-name", "created_at", "-created_at", "updated_at", "-updated_at"]
"""What a list may be sorted by; with a minus, last first."""

AnyCaseStatus = Annotated[MachineStatus, BeforeValidator(lower)]
"""A machine status from outside: older clients send it in upper case."""


MachineId = Annotated[str, Path(min_length=1, max_length=64, description="The machine's UUID or its code")]


class MachineFields(BaseModel):
    """What may be said of a machine, and left out; null says that nobody knows."""

    model_config = ConfigDict(extra="forbid")

    customer_organization_id: uuid.UUID | None = None
    machine_type: Label | None = Field(default=None, examples=["injection_molding"])
    model_type: Label | None = None
    manufacturer: Label | None = None
    model: Label | None = None
    serial_number: Label | None = None
    year_installed: int | None = Field(default=None, ge=1900, le=2100)
    purchase_date: date | None = None
    warranty_expiry_date: date | None = None
    last_maintenance_date: Moment | None = None
    next_maintenance_date: Moment | None = None
    maintenance_schedule_hours: Count | None = Field(default=None, description="Hours between maintenances")
    location: Label | None = None
    notes: Notes | None = None
    max_spindle_speed: Positive | None = Field(default=None, description="1/min")
    max_feed_rate: Positive | None = Field(default=None, description="mm/min")
    work_envelope_x: Positive | None = Field(default=None, description="mm")
    work_envelope_y: Positive | None = Field(default=None, description="mm")
    work_envelope_z: Positive | None = Field(default=None, description="mm")
    active_cavities: Count | None = Field(
        default=None,
        description="Parts a shot: since ever when first told, from now on when changed; of the past: /cavities",
    )
    ideal_cycle_s: Positive | None = Field(default=None, description="Seconds a part, at best")
    microstop_threshold_s: Positive | None = Field(default=None, description="A shorter stop is a micro-stop")


class MachineIn(MachineFields):
    """What is said of a machine when it is registered, or put in the place of what was known."""

    code: Code = Field(description="What people call it; unique in the organization", examples=["Machine0001"])
    name: Label
    status: AnyCaseStatus | None = Field(default=None, description="Without it, or null: active")

    def values(self) -> Mapping[str, Any]:
        """Return the row's values."""
        return self.model_dump() | {"status": self.status or MachineStatus.ACTIVE}


class MachinePatch(MachineFields):
    """What changes of a machine: what is left out stays, and null says that nobody knows any more."""

    # no null for these three: a machine has them
    code: Code = Field(default="-", description="What people call it; unique in the organization")
    name: Label = "-"
    status: AnyCaseStatus = MachineStatus.ACTIVE

    def values(self) -> Mapping[str, Any]:
        """Return those of the row's values that were given."""
        return self.model_dump(exclude_unset=True)


class MachineOut(BaseModel):
    """A machine, as it is shown."""

    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    code: str
    name: str
    customer_organization_id: uuid.UUID | None
    machine_type: str | None
    model_type: str | None
    manufacturer: str | None
    model: str | None
    serial_number: str | None
    year_installed: int | None
    purchase_date: date | None
    warranty_expiry_date: date | None
    status: MachineStatus
    last_maintenance_date: AwareDatetime | None
    next_maintenance_date: AwareDatetime | None
    maintenance_schedule_hours: int | None
    location: str | None
    notes: str | None
    max_spindle_speed: float | None
    max_feed_rate: float | None
    work_envelope_x: float | None
    work_envelope_y: float | None
    work_envelope_z: float | None
    active_cavities: int | None
    ideal_cycle_s: float | None
    microstop_threshold_s: float | None
    source: Source
    created_at: AwareDatetime
    updated_at: AwareDatetime


class CavitiesIn(BaseModel):
    """How many cavities a machine's mould has, or had."""

    model_config = ConfigDict(extra="forbid")

    active_cavities: Count = Field(description="Parts a shot")
    valid_from: Moment | None = Field(
        default=None, description="From this moment until the next that was told; from now on, without it"
    )


class CavitiesOut(BaseModel):
    """What was told of a machine's cavities: in force from its moment until the next."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    machine_id: uuid.UUID
    active_cavities: int | None = Field(description="Null: nobody knows, and a shot is taken for one part")
    valid_from: AwareDatetime = Field(description="1970 where it always was so, as far as anybody knows")
    created_at: AwareDatetime
