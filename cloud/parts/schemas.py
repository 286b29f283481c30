"""Owns what the parts slice takes and gives."""

import uuid
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal

from fastapi import Path
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from cloud.parts import messages
from cloud.validation import mistake
from cloud.values import Code, Label, Notes, NotNegative, Positive, Source

PartSort = Literal["part_number", "-part_number", "created_at", "-created_at", "updated_at", "-updated_at"]
PartNumber = Annotated[str, Path(min_length=1, max_length=64, description="The part's number; a slash in it as %2F")]
Material = Annotated[str, Path(min_length=1, max_length=200, description="In any case")]


class PartFields(BaseModel):
    """What may be said of a part, and left out; null says that nobody knows."""

    model_config = ConfigDict(extra="forbid")

    part_name: Label | None = None
    part_description: Notes | None = None
    material_type: Label | None = None
    material_hardness: Label | None = Field(default=None, examples=["58 HRC"])
    weight: Positive | None = Field(default=None, description="kg")
    dimensions_length: Positive | None = Field(default=None, description="mm")
    dimensions_width: Positive | None = Field(default=None, description="mm")
    dimensions_height: Positive | None = Field(default=None, description="mm")
    tolerance_class: Label | None = Field(default=None, examples=["ISO 2768-m"])
    surface_finish: Label | None = Field(default=None, examples=["Ra 0.8"])
    standard_cycle_time: Positive | None = Field(default=None, description="Seconds a piece, wherever it is made")
    setup_time_standard: NotNegative | None = Field(default=None, description="Seconds")
    tooling_requirements: Notes | None = None
    quality_requirements: Notes | None = None
    cost_per_unit: NotNegative | None = None
    revision: Label | None = None


class PartReplacement(PartFields):
    """A part, said anew: what is left out is unknown from now on."""

    def values(self) -> Mapping[str, Any]:
        """Return the row's values."""
        return self.model_dump()


class PartIn(PartReplacement):
    """A part that is added."""

    part_number: Code = Field(description="Unique in the organization, and it stays", examples=["IŞIK-40"])


class PartPatch(PartFields):
    """What changes of a part: what is left out stays, and null says that nobody knows any more."""

    def values(self) -> Mapping[str, Any]:
        """Return those of the row's values that were given."""
        return self.model_dump(exclude_unset=True)


class PartOut(BaseModel):
    """A part, as shown."""

    model_config = ConfigDict(from_attributes=True)

    part_number: str
    part_name: str | None
    part_description: str | None
    material_type: str | None
    material_hardness: str | None
    weight: float | None
    dimensions_length: float | None
    dimensions_width: float | None
    dimensions_height: float | None
    tolerance_class: str | None
    surface_finish: str | None
    standard_cycle_time: float | None
    setup_time_standard: float | None
    tooling_requirements: str | None
    quality_requirements: str | None
    cost_per_unit: float | None
    revision: str | None
    source: Source
    created_at: AwareDatetime
    updated_at: AwareDatetime


class IdealCycleIn(BaseModel):
    """How fast a part can be made on a machine, or on all of a type, from a day on."""

    model_config = ConfigDict(extra="forbid")

    machine: Annotated[str, Field(min_length=1, max_length=64)] | None = Field(
        default=None, description="UUID or code; this or machine_type"
    )
    machine_type: Label | None = None
    ideal_cycle_s: Positive = Field(description="Seconds a piece, at best")
    valid_from: Annotated[date, Field(ge=date(2000, 1, 1), lt=date(2100, 1, 1))] = Field(
        description="From the beginning of that day, in the organization's time zone"
    )

    @model_validator(mode="after")
    def _one_place(self) -> "IdealCycleIn":
        if (self.machine is None) is (self.machine_type is None):
            raise mistake(messages.ONE_PLACE)
        return self


class IdealCycleOut(BaseModel):
    """An ideal cycle, as shown: the latest one that is valid counts, a machine's before its type's."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    part_number: str
    machine_id: uuid.UUID | None
    machine_type: str | None
    ideal_cycle_s: float
    valid_from: date
    created_at: AwareDatetime
