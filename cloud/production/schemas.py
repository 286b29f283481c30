"""Owns what the production slice takes and gives."""

import uuid
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from cloud.kpi.elements import Loss, TimeElement
from cloud.kpi.presets import Preset
from cloud.production import messages
from cloud.validation import mistake
from cloud.values import Code, Label, Moment, Notes, lower, upper
from shared.reading import MachineState

# a stop that is shorter needs no reason, and is a minor one, where the machine has no threshold of its own
MICROSTOP_S = 300.0
MAX_RULES, MAX_CONDITIONS, MAX_CODES, MAX_PARTS = 50, 10, 200, 50


class StateSource(StrEnum):
    """Who says what a machine did."""

    TAG = "tag"
    RULE = "rule"
    OPERATOR = "operator"
    IMPORT = "import"


class ReasonKind(StrEnum):
    """What a reason is for."""

    TIME = "time"
    SCRAP = "scrap"
    REWORK = "rework"


AnyCaseState = Annotated[MachineState, BeforeValidator(lower)]
AnyCaseElement = Annotated[TimeElement, BeforeValidator(upper)]
AnyCaseLoss = Annotated[Loss, BeforeValidator(lower)]
AnyCasePreset = Annotated[Preset, BeforeValidator(lower)]
AnyCaseReasonKind = Annotated[ReasonKind, BeforeValidator(lower)]
ReasonId = Annotated[int, Field(ge=1, le=2**31 - 1)]
# a stop's time is none of these: it ran, or nobody saw it
_NO_REASONS = frozenset({TimeElement.APT, TimeElement.UNKNOWN, TimeElement.NOT_SCHEDULED})


class ReasonIn(BaseModel):
    """A reason: why a machine stands, or why pieces are not good."""

    model_config = ConfigDict(extra="forbid")

    code: Code
    label_en: Label
    label_tr: Label
    parent_id: ReasonId | None = None
    kind: AnyCaseReasonKind = ReasonKind.TIME
    time_element: AnyCaseElement | None = Field(
        default=None, description="ADET, ADOT, AUST or PDOT; state and order decide if absent"
    )
    loss: AnyCaseLoss | None = Field(
        default=None, description="Which of the six big losses; minor_stop and idling are one, told apart by length"
    )
    is_failure: bool = Field(default=False, description="The machine was broken: counts for MTBF and MTTR")
    is_planned: bool = Field(default=False, description="Planned down time, whatever the state")
    is_active: bool = Field(default=True, description="Offered to operators")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.time_element in _NO_REASONS:
            allowed = [each.value for each in TimeElement if each not in _NO_REASONS]
            raise mistake(messages.ELEMENT_OF_NO_REASON, given=self.time_element, valid_values=allowed)
        if self.is_failure and self.is_planned:
            raise mistake(messages.FAILURE_PLANNED)
        return self


class ReasonOut(BaseModel):
    """A reason."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    code: str
    label_en: str
    label_tr: str
    parent_id: int | None
    kind: ReasonKind
    time_element: TimeElement | None
    loss: Loss | None
    is_failure: bool
    is_planned: bool
    is_active: bool


class Condition(BaseModel):
    """What a tag must say."""

    model_config = ConfigDict(extra="forbid")

    tag: Label
    device: Label | None = Field(default=None, description="Where two devices of the machine have such a tag")
    above: Annotated[float, Field(allow_inf_nan=False)] | None = None
    below: Annotated[float, Field(allow_inf_nan=False)] | None = None
    equals: Annotated[float, Field(allow_inf_nan=False)] | Label | None = None

    @model_validator(mode="after")
    def _asks(self) -> Self:
        if self.above is None and self.below is None and self.equals is None:
            raise mistake(messages.CONDITION_EMPTY, tag=self.tag)
        return self


class Rule(BaseModel):
    """The state of a machine whose tags say all of this."""

    model_config = ConfigDict(extra="forbid")

    state: AnyCaseState
    when: list[Condition] = Field(min_length=1, max_length=MAX_CONDITIONS)


class StateModelIn(BaseModel):
    """How a machine's readings tell its state: by rules, of which the first that holds decides, else by its tags."""

    model_config = ConfigDict(extra="forbid")

    preset: AnyCasePreset | None = Field(default=None, description="The standard whose codes a tag `state` says")
    codes: dict[Code, AnyCaseState] = Field(
        default_factory=dict, max_length=MAX_CODES, description="The machine's own codes, before the preset's"
    )
    rules: list[Rule] = Field(default_factory=list, max_length=MAX_RULES)
    otherwise: AnyCaseState | None = Field(default=None, description="Where there are rules and none holds")


class StateModelOut(StateModelIn):
    """The same, as it is kept."""


class StateOut(BaseModel):
    """What a machine did."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    start: AwareDatetime
    end: AwareDatetime | None = Field(description="Null: it goes on")
    state: MachineState
    reason: str | None = Field(description="The reason's code")
    source: StateSource
    revision: int = Field(description="1 unless it was corrected")
    replaces_id: int | None = Field(description="What it corrects; that stays readable")


class StateIn(BaseModel):
    """What somebody says a machine did."""

    model_config = ConfigDict(extra="forbid")

    state: AnyCaseState
    start: Moment = Field(alias="from")
    end: Moment | None = Field(
        default=None,
        alias="to",
        description="Until something else is said, if absent: only where no reading tells the state. What is said with "
        "an end is laid over it, and it goes on afterwards",
    )
    reason: Code | None = Field(default=None, description="A reason's code")
    note: Notes | None = None

    @model_validator(mode="after")
    def _is_forward(self) -> Self:
        if self.end is not None and self.start >= self.end:
            raise mistake(messages.SPAN_BACKWARDS)
        return self


class StopPartIn(BaseModel):
    """A part of a stop, and why."""

    model_config = ConfigDict(extra="forbid")

    start: Moment = Field(alias="from")
    end: Moment = Field(alias="to")
    reason: Code = Field(description="A reason's code")
    note: Notes | None = None

    @model_validator(mode="after")
    def _is_forward(self) -> Self:
        if self.start >= self.end:
            raise mistake(messages.SPAN_BACKWARDS)
        return self


class ClassificationIn(BaseModel):
    """Why a machine stood: one part for a stop, several split it, one over several stops makes them one cause."""

    model_config = ConfigDict(extra="forbid")

    parts: list[StopPartIn] = Field(min_length=1, max_length=MAX_PARTS)


class ToldOut(BaseModel):
    """What was said of a machine's time."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    start: AwareDatetime
    end: AwareDatetime | None
    source: StateSource
    state: MachineState | None
    reason: str | None
    note: str | None
    told_by: int | None
    told_at: AwareDatetime


class StopOut(BaseModel):
    """A stretch in which a machine stood."""

    start: AwareDatetime
    end: AwareDatetime | None
    duration_s: float
    state: MachineState
    reason: str | None
    needs_reason: bool
    source: StateSource


class CountOut(BaseModel):
    """Pieces of a kind, in a stretch of time, of a stage or of none."""

    stage_id: int | None
    kind: str
    quantity: int


class ClaimIn(BaseModel):
    """To which stage pieces belong that a machine counted while nothing ran."""

    model_config = ConfigDict(extra="forbid")

    start: Moment = Field(alias="from")
    end: Moment = Field(alias="to")
    stage_id: Annotated[int, Field(ge=1, le=2**31 - 1)]
    preview: bool = Field(default=False, description="Only say what would be moved")

    @model_validator(mode="after")
    def _is_forward(self) -> Self:
        if self.start >= self.end:
            raise mistake(messages.SPAN_BACKWARDS)
        return self


class ClaimOut(BaseModel):
    """What is moved, and from where."""

    stage_id: int
    is_preview: bool
    moved: list[CountOut]


class OrphansOut(BaseModel):
    """What a machine counted while nothing ran."""

    machine_id: uuid.UUID
    counts: list[CountOut]
