"""Owns what the API takes and gives of the OEE optimizer."""

import uuid
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from cloud.predictions.optimizer.losses import LossKind
from cloud.predictions.schemas import BoundsOut, MachineName, MaintenancePredictionOut
from cloud.values import Moment

Share = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False, description="Which share of the loss would be gone")]
From = Annotated[Moment | None, Field(alias="from", description="90 days before `to` if absent")]
To = Annotated[Moment | None, Field(alias="to", description="Half-open: before this time; now if absent")]


class SuggestionStatus(StrEnum):
    """What was decided."""

    OPEN = "open"
    ACCEPTED = "accepted"
    DECLINED = "declined"


class _Windowed(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    machine_id: MachineName
    start: From = None
    end: To = None


class WhatIfIn(_Windowed):
    """A machine, and how much of which loss would be gone."""

    reductions: dict[LossKind, Share] = Field(min_length=1)


class SuggestIn(_Windowed):
    """The machine for which suggestions are wanted."""


class GainOut(BaseModel):
    """What less of a loss would have brought, in the window."""

    bucket: LossKind
    reduction: float = Field(description="Which share of the loss would be gone")
    loss_s: float = Field(description="All of it, in seconds of planned busy time")
    oee: float = Field(description="As it was")
    gain: float = Field(description="In points of OEE: 0.01 is one")
    interval: BoundsOut = Field(description="Of the gain: how days differ, and how far the account may be wrong")
    sampling_error: float = Field(description="Standard error of the gain, for days differ")
    model_error: float = Field(description="Standard error of the gain, for the account of it may be wrong")
    good_pieces: float = Field(description="More of them, in the window")
    is_sure: bool = Field(description="Whether the interval lies above zero")


class BranchOut(BaseModel):
    """A branch of the loss tree; its leaves sum to it."""

    name: str
    seconds: float
    leaves: dict[str, float]


class LossTreeOut(BaseModel):
    """Where the planned busy time went: `good_s` and the branches sum to it."""

    pbt_s: float = Field(description="Planned busy time, seconds")
    good_s: float = Field(description="Of it the time that good pieces take at their ideal cycle, seconds")
    branches: list[BranchOut]


class AttainableOut(BaseModel):
    """What the machine has reached in the best quarter of its own past."""

    basis: str = Field(description="`week` or `day`: what was compared")
    periods: int
    oee: float
    reductions: dict[LossKind, float] = Field(description="Which share of each loss was not there then")


class LineOut(BaseModel):
    """The machines at the same location, and which of them holds the line up."""

    location: str | None
    bottleneck: str | None = Field(description="Null where it is not sure")
    sureness: float | None = Field(description="In which share of draws of days it is that one")
    gain_is_the_lines: bool | None = Field(description="Whether a gain here is one of the line; null: not sure")
    says: str


class AssociationOut(BaseModel):
    """A shift, product or operator beside all others of the machine: an association, not a cause."""

    factor: str
    level: str
    oee: float = Field(description="Of the time of which is known what the machine did")
    difference: float
    interval: BoundsOut = Field(description="At its level all intervals hold together, not each by itself")
    hours: int = Field(description="Of it")
    is_sure: bool
    entangled_with: list[str] = Field(description="Factors that cannot be told apart from this one")


class OptimizerOut(BaseModel):
    """What keeps a machine from its OEE, and what would bring how much."""

    machine_id: uuid.UUID
    machine: str
    start: AwareDatetime
    end: AwareDatetime
    policy: str
    days: int
    detail: str | None = Field(description="What is lacking for more")
    losses: LossTreeOut
    attainable: AttainableOut | None
    what_if: list[GainOut] = Field(description="Each loss brought down to its best quarter, the most sure gain first")
    line: LineOut
    maintenance: MaintenancePredictionOut
    associations: list[AssociationOut]
    associations_say: str


class WhatIfOut(BaseModel):
    """What each reduction would have brought, by itself: together they bring less than their sum."""

    machine_id: uuid.UUID
    machine: str
    start: AwareDatetime
    end: AwareDatetime
    days: int
    detail: str | None
    gains: list[GainOut]
    line: LineOut


class RealisedOut(BaseModel):
    """What an accepted suggestion has brought: after beside before, product by product."""

    gain: float = Field(description="In points of OEE: 0.01 is one")
    interval: BoundsOut
    days_before: int
    days_after: int
    compared: float = Field(description="Which share of the time after had its like before")
    policy: str = Field(description="That by which the gain was expected; the default where that one is gone")


class SuggestionOut(BaseModel):
    """A suggestion, who decided about it, and what it has brought."""

    id: int
    machine_id: uuid.UUID
    machine: str
    bucket: LossKind
    status: SuggestionStatus
    policy: str
    start: AwareDatetime
    end: AwareDatetime
    reduction: float
    oee: float
    expected_gain: float
    expected_interval: BoundsOut
    suggested_by: str = Field(description="As in the audit: `user:12`")
    suggested_at: AwareDatetime
    decided_by: str | None
    decided_at: AwareDatetime | None
    realised: RealisedOut | None = Field(
        description="Asked for one accepted suggestion; null while too little is known"
    )
    detail: str | None

    def with_realised(self, realised: RealisedOut | None, detail: str | None) -> Self:
        """Return it with what it has brought."""
        return self.model_copy(update={"realised": realised, "detail": detail})


class SuggestionsOut(BaseModel):
    """What was suggested; of a machine of which too little is known, nothing."""

    suggestions: list[SuggestionOut]
    detail: str | None
