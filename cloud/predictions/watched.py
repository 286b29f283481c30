"""Owns what a watch shows of predictions: how good they turned out to be, and whether the plant is still the same."""

import uuid

from pydantic import AwareDatetime, BaseModel, Field

from cloud.predictions.schemas import BoundsOut


class BinOut(BaseModel):
    """Predictions that said about the same, and what came of them."""

    lower: float
    upper: float
    rows: int
    said: float = Field(description="Their mean word")
    came: float = Field(description="On what share of them a stop came")
    came_lower: float
    came_upper: float = Field(description="Between what that share lies, at 90 %")


class BlockOut(BaseModel):
    """Thirty days of predictions; the last block ends with the newest mature one."""

    start: AwareDatetime
    rows: int
    brier: float
    baseline_brier: float


class MinutesScoreOut(BaseModel):
    """How good the minutes were that were expected."""

    bias: float | None = Field(description="By which share too many were expected: 0.1 is a tenth too many")
    deviance: float = Field(description="Mean Tweedie deviance of power 1.5; the smaller the better")
    lift: float | None = Field(
        description="How many times its share of the minutes came in the tenth for which most were expected"
    )


class ServerWatchOut(BaseModel):
    """How good one server's predictions turned out to be."""

    name: str
    model_id: uuid.UUID | None
    is_challenger: bool
    rows: int = Field(description="Periodic predictions of which it is known what came")
    stops: int
    brier: float = Field(description="Mean squared distance of what was said from what came; smaller is better")
    baseline_brier: float
    calibration_error: float
    reliability: list[BinOut]
    coverage: float | None = Field(description="Share of the minutes that lay in their interval; 0.9 is right")
    coverage_level: float
    minutes: MinutesScoreOut | None = Field(
        default=None, description="Of the minutes that were expected; null where an older version looked"
    )
    alarms_per_machine_month: float | None
    rolling: list[BlockOut]


class ConceptOut(BaseModel):
    """Stops that came against those that were to be expected, in windows that do not overlap."""

    windows: int
    observed: int
    expected: float
    p_value: float
    is_alarm: bool


class InputOut(BaseModel):
    """A feature of which two weeks in a row differ more from what was learned than weeks used to."""

    name: str
    indices: list[float] = Field(description="Population stability index of each of the latest weeks")
    limit: float


class ChallengeOut(BaseModel):
    """A challenger held against who serves, on the same mature instants."""

    champion: str
    challenger: str
    challenger_model_id: uuid.UUID | None
    rows: int
    champion_brier: float
    challenger_brier: float
    gain: BoundsOut | None = Field(description="By how much the challenger is better; null with one machine")
    is_better: bool = Field(description="Surely: the interval leaves zero out")


class WatchOut(BaseModel):
    """How good predictions turned out to be."""

    horizon_h: int
    detail: str | None = Field(default=None, description="Why nothing is judged yet")
    made_at: AwareDatetime | None = Field(description="Null as long as nothing was looked at")
    pending: int = Field(description="Not mature yet: the horizon or the time for late records is not over")
    left_out: int = Field(description="Of which some time is unknown, or which were asked while it stood")
    servers: list[ServerWatchOut]
    concept: ConceptOut | None
    is_concept_drift: bool
    inputs: list[InputOut] = Field(description="Those that drift; none is good")
    is_input_drift: bool
    is_worse_than_rule: bool = Field(description="What serves did worse than the best simple rule on the last 30 days")
    challenges: list[ChallengeOut]


class ModelWatchOut(BaseModel):
    """How good one model's predictions turned out to be."""

    model_id: uuid.UUID
    horizon_h: int
    made_at: AwareDatetime | None = Field(description="Null as long as nothing was looked at")
    served: ServerWatchOut | None = Field(description="Of when it served; null where it did not, or nothing is mature")
    challenged: ServerWatchOut | None = Field(description="Of when it was only noted beside who served")
    challenges: list[ChallengeOut] = Field(description="Against who served, on the same mature instants")
