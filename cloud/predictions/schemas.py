"""Owns what the predictions slice takes and gives over HTTP."""

import uuid
from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from cloud.maintenance.schemas import NextOut
from cloud.values import Code, Moment

MachineName = Annotated[Code, Field(description="UUID or code")]
# a fortnight: of what is farther nothing in a plant's logs tells
MOST_HOURS = 336
MOST_MACHINES = 200
# who asks for so many hours asks for a shift
LONGEST_SHIFT_H = 12
# of an interval, if nothing is said
LEVEL = 0.9
# of what is supposed; models compute in single precision, in which far more is no number
MOST_FEATURE = 1e12
Hours = Annotated[int, Field(ge=1, le=MOST_HOURS, description="How far ahead, in hours")]
Threshold = Annotated[
    float, Field(ge=0.5, le=1, description="Below so much confidence `will_stop` is null: it abstains")
]
AsOf = Annotated[
    Moment | None, Field(description="Answers from what was known then, and from nothing later; now if absent")
]


class Status(StrEnum):
    """What became of a question."""

    ANSWERED = "answered"
    ABSTAINED = "abstained"
    INSUFFICIENT_DATA = "insufficient_data"


class Server(StrEnum):
    """Who answers."""

    MODEL = "model"
    BASELINE = "baseline"


Stated = Annotated[
    dict[Code, Annotated[float, Field(ge=-MOST_FEATURE, le=MOST_FEATURE, allow_inf_nan=False)]], Field(max_length=100)
]


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")

    prediction_horizon: Hours = 24
    confidence_threshold: Threshold = 0.8
    as_of: AsOf = None
    features: Stated = Field(
        default_factory=dict, description="What to take instead of what is known, by a feature's name"
    )


class DowntimeIn(_Asked):
    """Will this machine stop unplanned?"""

    machine_id: MachineName


class DowntimeBatchIn(_Asked):
    """Will these machines stop unplanned?"""

    machine_ids: list[MachineName] = Field(min_length=1, max_length=MOST_MACHINES)


class BoundsOut(BaseModel):
    """Between what a figure lies, at which level."""

    lower: float
    upper: float
    level: float = Field(description="How often it lies there: 0.9 is nine of ten times")


class ServedOut(BaseModel):
    """Who answered."""

    kind: Server
    name: str = Field(description="The rule's name, or the model's algorithm and number")
    model_id: uuid.UUID | None
    why: str


class BaselineOut(BaseModel):
    """What the best simple rule says of the same question."""

    name: str
    value: float = Field(description="In the unit of what is asked about: a probability, or an OEE")


class EffectOut(BaseModel):
    """What a group of facts adds to the probability, beside a usual look at the plant."""

    group: str
    effect: float = Field(description="Of the probability: 0.1 is ten points more than if the group were as usual")
    says: str = Field(description="The same in words, in the caller's language")


class CaseOut(BaseModel):
    """A moment of the past that was like this one."""

    machine_id: uuid.UUID
    machine: str
    at: AwareDatetime
    stopped: bool = Field(description="Whether an unplanned stop began within the horizon after it")
    minutes: float = Field(description="How long such stops were together")


class AlikeOut(BaseModel):
    """What came of moments of the past that were like this one."""

    asked: int = Field(description="How many were looked at: the most similar, at most one a machine and day")
    stopped: int = Field(description="After how many of them an unplanned stop began within the horizon")
    cases: list[CaseOut] = Field(description="The most similar ones first")


class DowntimePredictionOut(BaseModel):
    """What is said of a machine's next hours; where nothing can be said, `status` says so and figures are null."""

    machine_id: uuid.UUID
    machine: str
    as_of: AwareDatetime
    horizon_h: int
    status: Status
    detail: str | None = Field(description="What is lacking, or why it abstains")
    probability: float | None = Field(description="Of an unplanned stop that begins within the horizon")
    interval: BoundsOut | None = Field(description="Of the probability, as sure as similar cases make it")
    will_stop: bool | None = Field(description="Null where it abstains")
    confidence: float | None = Field(description="The greater of the chances of yes and no")
    confidence_threshold: float
    abstained: bool
    expected_minutes: float | None = Field(
        description="Of unplanned stop within the horizon, on average; null where stops are told without minutes"
    )
    minutes_interval: BoundsOut | None = Field(description="Of the minutes that will come")
    baseline: BaselineOut | None
    served_by: ServedOut | None
    reasons: list[EffectOut] = Field(description="The strongest first; associations, not causes")
    similar_cases: AlikeOut | None
    is_down: bool = Field(description="It stands unplanned at `as_of`")
    learned_until: AwareDatetime | None = Field(description="Nothing that was known later was learned from")
    stops_known: int = Field(description="Unplanned stops of the whole plant, known at `as_of`")


class DowntimeBatchOut(BaseModel):
    """The same, of each machine in the order that was asked."""

    predictions: list[DowntimePredictionOut]


class MaintenanceAsked(BaseModel):
    """What is asked of one machine or many alike."""

    model_config = ConfigDict(extra="forbid")

    prediction_horizon: Hours = 168
    confidence_threshold: Threshold = 0.8
    features: Stated = Field(
        default_factory=dict, description="`hours_since_stop`: what if it had run for so long; there are no others"
    )
    cost_ratio: Annotated[float, Field(ge=1, le=1000)] = Field(
        default=5.0, description="How many times an early replacement a failure costs"
    )
    as_of: AsOf = None


class MaintenanceIn(MaintenanceAsked):
    """When is maintenance due, and does it pay to replace early?"""

    machine_id: MachineName


class MaintenanceBatchIn(MaintenanceAsked):
    """When is maintenance of these machines due, and does it pay to replace early?"""

    machine_ids: list[MachineName] = Field(min_length=1, max_length=MOST_MACHINES)


class HazardOut(BaseModel):
    """The Weibull law of the hours between unplanned stops."""

    shape: float = Field(description="Above 1 the older fail more often")
    shape_interval: BoundsOut
    scale_h: float = Field(description="63 % of the runs are over by then")
    learned_from: str = Field(description="`machine`, or `plant` where its own stops are too few")
    runs: int = Field(description="From stop to stop, of those that are over")


class ReplacementOut(BaseModel):
    """The age at which replacing before it fails costs least."""

    every_h: float = Field(description="Hours")
    saving: float = Field(description="Which share of the cost of waiting for failures it saves")


class MaintenancePredictionOut(BaseModel):
    """What comes due, and what a machine's stops tell of wear."""

    machine_id: uuid.UUID
    machine: str
    as_of: AwareDatetime
    horizon_h: int
    status: Status
    detail: str = Field(description="What the hazard tells, in words")
    next_due: NextOut | None = Field(description="By calendar, running hours or cycles; of now, not of `as_of`")
    identifiable: bool = Field(description="Whether the law's shape is surely above or below 1")
    hazard: HazardOut | None
    hours_since_stop: float | None = Field(description="Since its last unplanned stop ended")
    failure_probability: float | None = Field(description="Within the horizon, by that law; null while it stands")
    will_stop: bool | None = Field(description="Whether it stops unplanned within the horizon; null where it abstains")
    confidence: float | None = Field(description="The greater of the chances of yes and no")
    confidence_threshold: float
    abstained: bool
    baseline: BaselineOut | None = Field(description="That chance, were it the same at every age")
    preventive_replacement: ReplacementOut | None


class MaintenanceBatchOut(BaseModel):
    """The same, of each machine in the order that was asked."""

    predictions: list[MaintenancePredictionOut]


class Period(StrEnum):
    """Of what a figure is expected."""

    SHIFT = "shift"
    DAY = "day"


class OeeAsked(BaseModel):
    """What is asked of one machine or many alike."""

    model_config = ConfigDict(extra="forbid")

    period: Period | None = Field(
        default=None, description="If absent, the shift where `prediction_horizon` is up to 12, else the day"
    )
    prediction_horizon: Hours | None = Field(
        default=None, description="Hours; the next period is told, whatever lies behind it"
    )
    confidence_threshold: Threshold = Field(default=LEVEL, description="How often the OEE lies in the interval told")
    features: Stated = Field(default_factory=dict, description="Has to be empty: past periods alone tell an OEE")
    as_of: Moment | None = Field(
        default=None,
        description="By the periods until then; their figures are those that are known now, late records included",
    )

    @property
    def told(self) -> Period:
        """Of what the OEE is told."""
        if self.period is not None:
            return self.period
        is_short = self.prediction_horizon is not None and self.prediction_horizon <= LONGEST_SHIFT_H
        return Period.SHIFT if is_short else Period.DAY


class OeeIn(OeeAsked):
    """What OEE will the machine's next shift or day have?"""

    machine_id: MachineName


class OeeBatchIn(OeeAsked):
    """What OEE will the next shift or day of these machines have?"""

    machine_ids: list[MachineName] = Field(min_length=1, max_length=MOST_MACHINES)


class OeePredictionOut(BaseModel):
    """What is expected of the next period."""

    machine_id: uuid.UUID
    machine: str
    as_of: AwareDatetime
    period: Period
    status: Status
    detail: str | None
    oee: float | None = Field(description="A share: 0.85 is 85 %")
    availability: float | None = Field(
        description="Expected by the same way, as are the other two; as means go, their product is near the OEE, not it"
    )
    performance: float | None
    quality: float | None
    interval: BoundsOut | None = Field(description="Of the OEE")
    baseline: BaselineOut | None = Field(description="The mean of all periods")
    served_by: ServedOut | None
    errors: dict[str, float] = Field(description="Root mean squared error of each way on the past, in shares of OEE")
    periods_known: int = Field(description="Whole ones with an OEE, of the last 90 days (of shifts, 45)")


class OeeBatchOut(BaseModel):
    """The same, of each machine in the order that was asked."""

    predictions: list[OeePredictionOut]
