"""Owns what the shifts slice takes and gives."""

import uuid
from datetime import date, time
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from cloud.shifts import messages
from cloud.validation import mistake
from cloud.values import Code, Label, lower

# eight weeks of rotation, three shifts a day, and some more
MAX_CYCLE_DAYS, MAX_SHIFTS, MAX_BREAKS = 56, 224, 12
MAX_MACHINES = 1000

Day = Annotated[date, Field(ge=date(2000, 1, 1), lt=date(2100, 1, 1))]
Clock = Annotated[time, Field(description="Of the pattern's time zone, such as 22:00; whole minutes")]


class BreakIn(BaseModel):
    """A break in a shift, on the clock of the pattern's time zone."""

    model_config = ConfigDict(extra="forbid")

    start: Clock
    end: Clock

    @model_validator(mode="after")
    def _is_clock(self) -> Self:
        _require_clock(self.start, self.end)
        return self


class ShiftIn(BaseModel):
    """A shift of a pattern."""

    model_config = ConfigDict(extra="forbid")

    name: Label
    day: int = Field(default=0, ge=0, lt=MAX_CYCLE_DAYS, description="Day of the cycle on which it starts, from 0")
    start: Clock
    end: Clock = Field(description="On the next day if it is not later than `start`")
    crew: Label | None = Field(default=None, description="Who works it, where crews rotate")
    breaks: list[BreakIn] = Field(default_factory=list, max_length=MAX_BREAKS)

    @model_validator(mode="after")
    def _is_clock(self) -> Self:
        _require_clock(self.start, self.end)
        return self


class PatternIn(BaseModel):
    """A pattern of shifts that repeats."""

    model_config = ConfigDict(extra="forbid")

    name: Label
    time_zone: str | None = Field(default=None, max_length=64, description="IANA name; the organization's if absent")
    cycle_days: int = Field(default=7, ge=1, le=MAX_CYCLE_DAYS, description="After how many days it repeats")
    anchor: Day = Field(description="A day that is day 0 of the cycle: a Monday, for a week")
    valid_to: Day | None = Field(default=None, description="The first business date without it")
    shifts: list[ShiftIn] = Field(min_length=1, max_length=MAX_SHIFTS)
    is_default: bool = Field(default=False, description="For every machine that has no pattern of its own")
    machines: list[Code] = Field(default_factory=list, max_length=MAX_MACHINES, description="Codes or ids")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        for shift in self.shifts:
            if shift.day >= self.cycle_days:
                raise mistake(messages.DAY_BEYOND_CYCLE, shift=shift.name, day=shift.day, cycle_days=self.cycle_days)
        names = [(shift.day, shift.name) for shift in self.shifts]
        if len(names) != len(set(names)):
            raise mistake(messages.SHIFT_REPEATED)
        if self.valid_to is not None and self.valid_to <= self.anchor:
            raise mistake(messages.VALIDITY_BACKWARDS)
        return self


class PatternOut(BaseModel):
    """A pattern, and which machines follow it."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    name: str
    time_zone: str
    cycle_days: int
    anchor: date
    valid_to: date | None
    shifts: list[ShiftIn]
    is_default: bool
    machines: list[uuid.UUID]
    trouble: str | None = Field(
        default=None, description="Why its shifts cannot be computed further than they are; null as a rule"
    )


class ExceptionKind(StrEnum):
    """What is different on a day."""

    CLOSED = "closed"
    REPLACED = "replaced"


AnyCaseExceptionKind = Annotated[ExceptionKind, BeforeValidator(lower)]


class ExceptionIn(BaseModel):
    """A business date on which a pattern does not hold: a holiday, or other shifts."""

    model_config = ConfigDict(extra="forbid")

    business_date: Day
    kind: AnyCaseExceptionKind = ExceptionKind.CLOSED
    label: Label
    shifts: list[ShiftIn] = Field(default_factory=list, max_length=24, description="With `replaced`; `day` is ignored")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.kind is ExceptionKind.REPLACED) != bool(self.shifts):
            raise mistake(messages.EXCEPTION_SHIFTS)
        return self


class ExceptionOut(BaseModel):
    """An exception of a pattern."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    pattern_id: int
    business_date: date
    kind: ExceptionKind
    label: str
    shifts: list[ShiftIn]


class PauseOut(BaseModel):
    """A break, in time."""

    start: AwareDatetime
    end: AwareDatetime


class OccurrenceOut(BaseModel):
    """One shift that is worked."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    pattern_id: int
    business_date: date = Field(description="The date on which it starts, in the pattern's time zone")
    name: str
    crew: str | None
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    breaks: list[PauseOut]


def _require_clock(start: time, end: time) -> None:
    if start.tzinfo or end.tzinfo or start.second or end.second or start.microsecond or end.microsecond:
        raise mistake(messages.WHOLE_MINUTES)
