"""Owns what is taken and given over HTTP about models and their trainings."""

import uuid
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from cloud.predictions.learning import messages
from cloud.predictions.schemas import BoundsOut, Hours, MachineName
from cloud.predictions.watched import MinutesScoreOut
from cloud.validation import mistake
from cloud.values import Code, Moment


class ModelKind(StrEnum):
    """What a model tells."""

    DOWNTIME_PREDICTOR = "downtime-predictor"
    OEE_OPTIMIZER = "oee-optimizer"


class AlgorithmName(StrEnum):
    """How it is learned."""

    HIST_GRADIENT_BOOSTING = "hist_gradient_boosting"
    LOGISTIC_REGRESSION = "logistic_regression"
    RANDOM_FOREST = "random_forest"


class TrainingStatus(StrEnum):
    """How far a training is."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class TrainingOutcome(StrEnum):
    """What came of a training that is done."""

    LEARNED = "learned"
    INSUFFICIENT_DATA = "insufficient_data"


class ModelState(StrEnum):
    """What a model is: `refused` is no better than a simple rule, and is never promoted."""

    CANDIDATE = "candidate"
    CHAMPION = "champion"
    RETIRED = "retired"
    REFUSED = "refused"


class ModelType(StrEnum):
    """How it is learned; `downtime_predictor` leaves that to the service."""

    DOWNTIME_PREDICTOR = "downtime_predictor"
    HIST_GRADIENT_BOOSTING = AlgorithmName.HIST_GRADIENT_BOOSTING.value
    LOGISTIC_REGRESSION = AlgorithmName.LOGISTIC_REGRESSION.value
    RANDOM_FOREST = AlgorithmName.RANDOM_FOREST.value


class _Dates(BaseModel):
    model_config = ConfigDict(extra="forbid")

    start_date: Moment | None = None
    end_date: Moment | None = None

    @model_validator(mode="after")
    def _forwards(self) -> Self:
        if self.start_date is not None and self.end_date is not None and self.end_date <= self.start_date:
            raise mistake(messages.DATES_BACKWARDS)
        return self


class TrainingFilter(_Dates):
    """What is learned from: everything, where nothing is said."""

    machine_ids: list[MachineName] = Field(default_factory=list, max_length=1000)


class TrainingIn(BaseModel):
    """Learn when machines stop unplanned."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=())

    model_type: ModelType = ModelType.DOWNTIME_PREDICTOR
    training_data_filter: TrainingFilter = Field(default_factory=TrainingFilter)
    hyperparameters: dict[Code, Annotated[float, Field(ge=0, allow_inf_nan=False)]] = Field(
        default_factory=dict, max_length=20, description="Fixed, so they are not tuned"
    )
    validation_split: float = Field(
        default=0.2, ge=0.05, le=0.4, description="Share of the time by which it is tuned, and by which it is judged"
    )
    horizon_h: Hours = 24
    trials: int = Field(default=20, ge=0, le=40, description="Draws of parameters that are tried; 0 takes the usual")
    seed: int = Field(default=0, ge=0, le=2**31 - 1, description="The same one learns the same of the same past")
    is_control: bool = Field(
        default=False,
        description="Learns outcomes in an order of chance: a control, which must come out refused. Never promoted",
    )

    @property
    def algorithm(self) -> AlgorithmName:
        """How it is learned."""
        if self.model_type is ModelType.DOWNTIME_PREDICTOR:
            return AlgorithmName.HIST_GRADIENT_BOOSTING
        return AlgorithmName(self.model_type.value)


class OptimizerFilter(_Dates):
    """The days that are learned from: the last ninety, where nothing is said."""


class OptimizerTrainingIn(BaseModel):
    """Learn what each machine has reached at its best, and what to be there always would bring."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=())

    model_type: Literal["oee_optimizer"] = "oee_optimizer"
    training_data_filter: OptimizerFilter = Field(default_factory=OptimizerFilter)


class TrainingOut(BaseModel):
    """A training."""

    model_config = ConfigDict(protected_namespaces=())

    id: uuid.UUID
    kind: ModelKind
    asked: dict[str, Any] = Field(description="The body that asked for it, machines by their UUIDs")
    status: TrainingStatus
    progress: float = Field(description="From 0 to 1")
    step: str | None = Field(description="`reading`, `tuning`, `calibrating`, `fitting` or `testing`, while it runs")
    outcome: TrainingOutcome | None
    problem: str | None = Field(description="Why it failed, or what is lacking")
    model_id: uuid.UUID | None
    result: dict[str, Any] | None = Field(
        description="Of an optimizer: by machine what it reached at its best and what that would bring, and `metrics`, "
        "judged on the second half of the days"
    )
    created_at: AwareDatetime
    finished_at: AwareDatetime | None


class ScoreOut(BaseModel):
    """How good an answer was on the test window."""

    brier: float = Field(description="Mean squared distance of what was said from what came; smaller is better")
    calibration_error: float = Field(
        description="Mean distance of what was said from how often it came: 0.02 is two points"
    )
    pr_auc: float = Field(description="Area under precision and recall; what blind guessing has is `prevalence`")
    lift: float = Field(description="How much more often a stop came on the tenth of the looks with the highest word")
    prevalence: float = Field(description="On what share of the looks a stop came")


class BrierGainOut(BoundsOut):
    """Brier gain over the best rule."""

    value: float


class MinutesGainOut(BoundsOut):
    """By which share the deviance of expected minutes is smaller."""

    value: float


class ModelOut(BaseModel):
    """A model."""

    id: uuid.UUID
    kind: ModelKind
    number: int = Field(description="Of the organization's models of this kind, counted up")
    horizon_h: int
    algorithm: AlgorithmName
    state: ModelState
    is_control: bool
    trained_at: AwareDatetime
    learned_until: AwareDatetime = Field(description="It knows nothing later, so it answers nothing about before")
    may_serve: bool = Field(description="Whether its gain over the best simple rule excludes zero")
    best_rule: str = Field(description="The simple rule that was best on the same looks")
    gain: BrierGainOut = Field(description="Of the Brier score over that rule's, with whole machines drawn anew")
    skill_over_machine_rate: float = Field(
        description="By which share its Brier score is below that of each machine's own rate: 0.12 is 12 %"
    )
    predecessor_id: uuid.UUID | None = Field(description="What served before it, and serves again after a rollback")
    promoted_at: AwareDatetime | None
    retired_at: AwareDatetime | None
    file_deleted_at: AwareDatetime | None = Field(
        default=None, description="Since when its file is gone, for age; it cannot serve any more, but be trained anew"
    )


class LeansOnOut(BaseModel):
    """A group of facts that a model uses."""

    group: str
    features: int
    loss: BrierGainOut = Field(description="By how much the Brier score rises without what the group tells")
    tied_to: list[str] = Field(description="Groups that say much the same")


class ModelStatusOut(ModelOut):
    """A model, and all that is known of it."""

    scores: dict[str, ScoreOut] = Field(description="On the latest part of the past, of the model and of each rule")
    minutes: dict[str, MinutesScoreOut] = Field(
        default_factory=dict, description="The same of expected minutes; empty where the model is older than that"
    )
    tells_minutes: bool = Field(
        default=False, description="Whether it says how long stops last by the look; else each machine's mean is taken"
    )
    minutes_gain: MinutesGainOut | None = Field(
        default=None, description="By which share the deviance of its minutes is smaller for that, on the latest part"
    )
    leans_on: list[LeansOnOut] = Field(description="What it uses, the most first; not what causes stops")
    rows: dict[str, int] = Field(description="Looks that it learned from, was tuned by and was judged by")
    parameters: dict[str, Any] = Field(description="That it was tuned to, or was told")
    features: list[str] = Field(description="What it looks at, by the names that `features` of a question takes")
    sha256: str = Field(description="Of its file")
    versions: dict[str, str] = Field(description="Of the libraries that wrote the file; others do not read it")
