"""Owns what the analytics slice takes and gives."""

import uuid
from datetime import date
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from cloud.kpi.elements import Category, Loss, TimeElement
from cloud.kpi.policy import MissingQuality, UnknownTime
from cloud.values import Code, Label, Moment, lower
from shared.reading import MachineState

MOST_PAGE = 1000


class Grain(StrEnum):
    """Into which periods a window is cut; days are business dates, weeks begin on Monday."""

    HOUR = "hour"
    SHIFT = "shift"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


AnyCaseGrain = Annotated[Grain, BeforeValidator(lower)]
AnyCaseUnknown = Annotated[UnknownTime, BeforeValidator(lower)]
AnyCaseMissing = Annotated[MissingQuality, BeforeValidator(lower)]


PolicyName = Annotated[
    str | None,
    Field(
        min_length=1,
        max_length=64,
        description="`iso22400`, `tpm`, or one of the plant's own; the organization's default if absent",
    ),
]


class ElementsOut(BaseModel):
    """The elements of the time model, seconds (ISO 22400-2)."""

    calendar_s: float
    pot_s: float = Field(description="Planned operation time: PDOT + PBT")
    pdot_s: float = Field(description="Planned down time")
    pbt_s: float = Field(description="Planned busy time: APT + AUST + ADET + ADOT + unknown")
    apt_s: float = Field(description="Actual production time")
    aust_s: float = Field(description="Actual unit setup time")
    adet_s: float = Field(description="Actual unit delay time: an order ran")
    adot_s: float = Field(description="Actual unit down time: no order ran")
    unknown_s: float = Field(description="Nobody can tell")
    unassigned_s: float = Field(description="Of APT, what ran without an order")
    overtime_s: float = Field(description="Running outside of planned operation time; in no ratio")


class PieceSumsOut(BaseModel):
    """Pieces made in planned operation time, by what became of them."""

    total: int
    good: int
    scrap: int
    rework: int
    startup: int
    not_judged: int = Field(description="Nobody said whether they are good")
    without_ideal_cycle: int = Field(description="Nobody said how fast they can be made")
    overtime: int = Field(description="Made outside of planned operation time; in no ratio")


class ReliabilityOut(BaseModel):
    """How often it failed, and how long it took to mend; hours."""

    failures: int
    mtbf_h: float | None = Field(description="Operating time / failures; null without a failure")
    mtbf_at_least_h: float | None = Field(description="Without a failure: at least so long")
    mtbf_iso22400_h: float = Field(description="Operating time / (failures + 1)")
    mttr_h: float | None = Field(description="Repair time / failures; null without a failure")


class OeeFiguresOut(BaseModel):
    """Key figures; null where it cannot be said."""

    availability: float | None
    performance: float | None = Field(description="Effectiveness, capped where the policy caps")
    effectiveness: float | None = Field(description="Raw: it may exceed 1")
    standard_suspect: bool = Field(description="Pieces came faster than their ideal cycle allows")
    quality: float | None
    quality_basis: str = Field(description="measured, assumed_good, not_measured or no_pieces")
    oee: float | None
    oee_lower: float | None = Field(description="Unknown time made nothing")
    oee_known: float | None = Field(description="Unknown time left out")
    oee_upper: float | None = Field(description="Unknown time made good pieces at the ideal rate")
    coverage: float | None = Field(description="How much of the planned busy time was seen")
    nee: float | None
    teep: float | None
    allocation_efficiency: float | None
    utilization_efficiency: float | None
    technical_efficiency: float | None
    setup_ratio: float | None
    scrap_ratio: float | None
    rework_ratio: float | None
    elements: ElementsOut
    pieces: PieceSumsOut
    losses_s: dict[str, float] = Field(description="Where the planned busy time went; good and losses sum to PBT")
    reliability: ReliabilityOut
    revision: int = Field(description="Rises whenever anything of it came out otherwise")


class OeeBucketOut(OeeFiguresOut):
    """A period; of one that the window cuts, the part that lies in the window."""

    start: AwareDatetime = Field(description="When it begins; of a day of shifts, when the first of its time does")
    end: AwareDatetime
    business_date: date | None = Field(description="The period's first; null of hours")
    shift: str | None = Field(description="The shift's name, by shift")


class OeeMachineShareOut(OeeFiguresOut):
    """A machine of several."""

    machine_id: uuid.UUID
    machine: str


class OeeAnswerOut(BaseModel):
    """What is said with every answer."""

    # `as_of` is later with every question
    volatile: ClassVar[frozenset[str]] = frozenset({"as_of"})

    start: AwareDatetime = Field(description="As asked, to the microsecond: windows that touch add up")
    end: AwareDatetime
    by: Grain
    policy: str
    as_of: AwareDatetime = Field(description="Until when figures are computed")
    revision: int
    total: OeeFiguresOut = Field(description="Of sums, never a mean of ratios; all of the window")
    between_shifts: OeeFiguresOut | None = Field(
        default=None,
        description="By shift, the time that lies in no shift, and what was made in it: with the buckets it is the "
        "total. Null by other periods, where it is of the local date, and where there is none",
    )
    buckets: list[OeeBucketOut]


class MachineOeeOut(OeeAnswerOut):
    """A machine's figures."""

    machine_id: uuid.UUID
    machine: str
    planned_by: str = Field(description="shifts, or always: it follows no shift pattern")
    availability: float | None = Field(description="The total's, for clients that look here")
    performance: float | None
    quality: float | None
    oee: float | None


class LineOeeOut(OeeAnswerOut):
    """Several machines' figures together."""

    worst_machine: str | None
    machines: list[OeeMachineShareOut]


class EntryOut(BaseModel):
    """A line of the ledger."""

    start: AwareDatetime
    end: AwareDatetime
    duration_s: float
    category: Category
    element: TimeElement
    loss: Loss | None
    state: MachineState | None = Field(description="Null: nobody knows")
    reason: str | None
    stage_id: int | None = Field(description="Which order ran, by its stage")
    state_id: int | None = Field(description="The interval it comes from, in /machines/{id}/states")


class PieceEntryOut(BaseModel):
    """Pieces of an event."""

    at: AwareDatetime
    kind: str
    quantity: int
    ideal_cycle_s: float | None
    stage_id: int | None
    is_overtime: bool


class ExplanationOut(BaseModel):
    """What a figure comes from: every second once, every piece once."""

    volatile: ClassVar[frozenset[str]] = frozenset({"as_of"})

    machine_id: uuid.UUID
    machine: str
    start: AwareDatetime
    end: AwareDatetime
    policy: str
    as_of: AwareDatetime
    total: OeeFiguresOut
    entries: list[EntryOut]
    pieces: list[PieceEntryOut]


class ReasonShareOut(BaseModel):
    """What a reason cost; a bar of the Pareto, the greatest first."""

    reason: str | None = Field(description="A reason's code; null where nobody gave one")
    label: str
    state: MachineState | None = Field(description="Where there is no reason, what the machine said")
    count: int
    duration_s: float
    longest_s: float
    share: float
    cumulative_share: float


class DowntimeDayOut(BaseModel):
    """A period of the trend."""

    start: AwareDatetime
    duration_s: float
    count: int
    failures: int


class DowntimeOut(BaseModel):
    """When and why a machine stood, in planned operation time."""

    volatile: ClassVar[frozenset[str]] = frozenset({"as_of"})

    machine_id: uuid.UUID
    machine: str
    start: AwareDatetime
    end: AwareDatetime
    policy: str
    as_of: AwareDatetime
    revision: int = Field(description="Rises whenever anything of it came out otherwise")
    coverage: float | None
    downtime_s: float
    count: int
    needs_reason: int = Field(description="Stops for which nobody gave a reason yet")
    by_reason: list[ReasonShareOut]
    trend: list[DowntimeDayOut] = Field(description="By day of the organization's time zone")
    reliability: ReliabilityOut
    losses_s: dict[str, float]


class MachineDataIn(BaseModel):
    """Which of a machine's data is asked for, as clients have always sent it."""

    model_config = ConfigDict(extra="forbid")

    machine_id: Label | None = Field(default=None, description="The path's; another one is refused")
    start_date: Moment
    end_date: Moment
    include_downtime: bool = True
    page: Annotated[int, Field(ge=1, le=100_000)] = 1
    page_size: Annotated[int, Field(ge=1, le=MOST_PAGE)] = 100


class DataHourOut(BaseModel):
    """An hour of a machine."""

    start: AwareDatetime
    run_s: float
    setup_s: float
    down_s: float
    planned_down_s: float
    unknown_s: float
    not_scheduled_s: float
    good: int
    scrap: int
    rework: int
    startup: int
    not_judged: int
    availability: float | None
    performance: float | None
    quality: float | None
    oee: float | None


class DataStopOut(BaseModel):
    """A stop."""

    start: AwareDatetime
    end: AwareDatetime | None
    duration_s: float
    state: MachineState
    reason: str | None
    needs_reason: bool


class MachineDataOut(BaseModel):
    """A machine's hours, and its stops beside them."""

    volatile: ClassVar[frozenset[str]] = frozenset({"as_of"})

    machine_id: uuid.UUID
    machine: str
    start_date: AwareDatetime
    end_date: AwareDatetime
    policy: str
    as_of: AwareDatetime
    summary: OeeFiguresOut
    page: int
    page_size: int
    total: int
    items: list[DataHourOut]
    downtime: list[DataStopOut] | None = Field(description="Of the page's hours; null where it was not asked for")


class PolicyIn(BaseModel):
    """What a plant decides about its figures."""

    model_config = ConfigDict(extra="forbid")

    minor_stops_run: bool = Field(default=False, description="Minor stops stay in the run time, and show as lost speed")
    setup_is_loss: bool = True
    idle_without_order_is_loss: bool = True
    planned_maintenance_is_loss: bool = False
    unknown_time: AnyCaseUnknown = UnknownTime.LOWER
    missing_quality: AnyCaseMissing = MissingQuality.NULL
    cap: bool = True
    is_default: bool = Field(default=False, description="Taken where no policy is asked for")


class PolicyOut(PolicyIn):
    """A policy by its name."""

    name: Code
    is_preset: bool
