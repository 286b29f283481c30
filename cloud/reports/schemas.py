"""Owns what dashboards, trends and reports take and give."""

import uuid
from collections.abc import Sequence
from datetime import date
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from cloud.analytics.schemas import LineOeeOut, PolicyName
from cloud.joblogs.schemas import DataSource, FiguresOut, ShareOut
from cloud.kpi.worked import Bucket
from cloud.languages import Language
from cloud.reports import messages
from cloud.validation import mistake
from cloud.values import Code, Moment, lower


class Metric(StrEnum):
    """A figure that can be followed."""

    AVAILABILITY = "availability"
    PERFORMANCE = "performance"
    EFFECTIVENESS = "effectiveness"
    QUALITY = "quality"
    OEE = "oee"
    UTILIZATION_EFFICIENCY = "utilization_efficiency"
    TECHNICAL_EFFICIENCY = "technical_efficiency"
    SETUP_RATIO = "setup_ratio"
    COVERAGE = "coverage"
    PARTS_PRODUCED = "parts_produced"
    MEAN_CYCLE_S = "mean_cycle_s"
    POT_S = "pot_s"
    PBT_S = "pbt_s"
    APT_S = "apt_s"
    AUST_S = "aust_s"
    ADET_S = "adet_s"
    ADOT_S = "adot_s"
    PDOT_S = "pdot_s"
    UNKNOWN_S = "unknown_s"
    WAITING_SETUP_S = "waiting_setup_s"
    NOT_FEEDING_S = "not_feeding_s"
    ADJUSTMENT_S = "adjustment_s"
    DRESSING_S = "dressing_s"
    TOOLING_S = "tooling_s"
    ENGINEERING_S = "engineering_s"
    MAINTENANCE_S = "maintenance_s"
    BUY_IN_S = "buy_in_s"
    BREAK_SHIFT_CHANGE_S = "break_shift_change_s"
    IDLE_S = "idle_s"
    # by the ledger only
    GOOD_PIECES = "good_pieces"
    SCRAP_PIECES = "scrap_pieces"
    REWORK_PIECES = "rework_pieces"
    STARTUP_PIECES = "startup_pieces"
    SCRAP_RATIO = "scrap_ratio"
    NEE = "nee"
    TEEP = "teep"
    OEE_KNOWN = "oee_known"
    FAILURES = "failures"
    MTBF_H = "mtbf_h"
    MTTR_H = "mttr_h"

    def of(self, figures: FiguresOut) -> float | int | None:
        """Return its value, pieces as whole numbers; None where it cannot be said."""
        if self.value in FiguresOut.model_fields:
            found: float | int | None = getattr(figures, self.value)
            return found
        name = self.value.removesuffix("_s")
        if name in type(figures.times_s).model_fields:
            return float(getattr(figures.times_s, name))
        return figures.columns_s.get(name)


DOWNTIME: Sequence[str] = (
    "waiting_setup",
    "not_feeding",
    "adjustment",
    "dressing",
    "tooling",
    "maintenance",
    "buy_in",
    "idle",
)
"""Columns in which a machine stands that was planned to run."""


class DataOut(BaseModel):
    """What is said with every answer: of which time, under which policy, of which state of the data."""

    begin: AwareDatetime | None = Field(description="Null where there is nothing")
    end: AwareDatetime | None
    policy: str
    as_of: AwareDatetime | None = Field(description="When the data changed last; null where there never were any")
    revision: int
    source: Literal["joblog", "ledger"] = "joblog"


class DayOut(FiguresOut):
    """One day's figures."""

    day: date


class LossOut(BaseModel):
    """A category of lost time, and its part of all of it."""

    category: str
    label_en: str
    label_tr: str
    seconds: float
    share: float
    cumulative_share: float = Field(description="With those before it")


class AnomalyOut(BaseModel):
    """An unusual day of a machine's downtime, against the machine's own days before it."""

    machine: str
    source: DataSource = Field(description="The job log's column, or the ledger's loss, of machines without a job log")
    category: str
    label_en: str
    label_tr: str
    day: date
    seconds: float
    usual_s: float = Field(description="Median of the days before")
    deviation_s: float = Field(description="Robust deviation of these, 60 s at least")
    score: float = Field(description="(seconds - usual) / deviation; told above 3.5 and from ten minutes on")
    days: int = Field(description="How many days before it were looked at")
    history_s: list[float] = Field(description="The last of these")


class DashboardOut(DataOut):
    """A plant at a glance: by the job log, and by the ledger."""

    ledger: LineOeeOut | None = Field(
        description="The same time by readings, people and files together; null where no machine has any"
    )

    total: FiguresOut
    by_machine: list[ShareOut]
    by_day: list[DayOut]
    losses: list[LossOut] = Field(description="Where machines stood that were planned to run, most time first")
    anomalies: list[AnomalyOut]
    open_rows: int
    flagged_rows: int


class PointOut(BaseModel):
    """A figure of one period."""

    period: date = Field(description="The local day on which it begins")
    value: int | float = Field(description="A whole number of pieces and failures")


class LevelOut(BaseModel):
    """Where the series is."""

    median: float
    mean: float
    spread: float = Field(description="1.4826 x the median absolute deviation")
    points: int


class SlopeOut(BaseModel):
    """Where it goes: Theil-Sen, with Sen's interval and the Mann-Kendall test."""

    per_day: float
    low: float = Field(description="Of the 95 % interval")
    high: float
    p_value: float
    is_clear: bool = Field(description="The interval leaves 0 out")


class ChangePointOut(BaseModel):
    """Where it became another (Pettitt's test, p < 0.003)."""

    period: date = Field(description="The first after the change")
    before: float = Field(description="Median since the change before it")
    after: float = Field(description="Median until the next")
    p_value: float


class TrendOut(DataOut):
    """How a figure went over time."""

    metric: Metric
    bucket: Bucket
    by: DataSource
    series: list[PointOut] = Field(description="Periods in which it can be said")
    level: LevelOut | None
    slope: SlopeOut | None = Field(description="Null for fewer than four points")
    changes: list[ChangePointOut]


class Dimension(StrEnum):
    """By what a report is grouped."""

    MACHINE = "machine"
    LINE = "line"
    """Where the machine stands: its `location`."""
    PART = "part"
    OPERATOR = "operator"
    JOB = "job"
    SHIFT = "shift"
    """By its name; what lies in none has none. Days are then business dates."""
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


BUCKETS = {Dimension.DAY: Bucket.DAY, Dimension.WEEK: Bucket.WEEK, Dimension.MONTH: Bucket.MONTH}


class Format(StrEnum):
    """What a report is written as."""

    JSON = "json"
    CSV = "csv"
    XLSX = "xlsx"
    PDF = "pdf"


class ReportStatus(StrEnum):
    """How far a report is."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


AnyCaseFormat = Annotated[Format, BeforeValidator(lower)]
Chosen = Annotated[list[Code], Field(min_length=1, max_length=200)]


class Filters(BaseModel):
    """Which rows a report is of; null is all."""

    model_config = ConfigDict(extra="forbid")

    machines: Chosen | None = Field(default=None, description="UUIDs or codes")
    parts: Chosen | None = None
    operators: Chosen | None = None
    jobs: Chosen | None = None


class ReportIn(BaseModel):
    """A report that is asked for."""

    model_config = ConfigDict(extra="forbid")

    metrics: list[Metric] = Field(min_length=1, max_length=30)
    group_by: list[Dimension] = Field(default_factory=list, max_length=3, description="At most one of day, week, month")
    begin: Moment | None = Field(default=None, description="The full hour 30 days before the end, without it")
    end: Moment | None = Field(default=None, description="The end of the last row, without it")
    policy: PolicyName = None
    filters: Filters = Field(default_factory=Filters)
    by: DataSource | None = Field(
        default=None,
        description="`joblog`, or `ledger` (readings, people and files together); the job log where there is one",
    )
    format: AnyCaseFormat = Format.JSON
    language: Language | None = Field(default=None, description="Of heads and numbers; the caller's, without it")

    @model_validator(mode="after")
    def _groups(self) -> "ReportIn":
        if len(set(self.group_by)) < len(self.group_by) or len(BUCKETS.keys() & set(self.group_by)) > 1:
            raise mistake(messages.GROUPS_TWICE)
        if self.begin is not None and self.end is not None and self.end <= self.begin:
            raise mistake(messages.WINDOW_BACKWARDS)
        return self


class ReportOut(BaseModel):
    """A report, and how far it is."""

    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    status: ReportStatus
    progress: float = Field(description="0 to 1")
    format: Format
    created_at: AwareDatetime
    finished_at: AwareDatetime | None
    rows: int | None = Field(description="Null until it is done")
    problem: str | None = Field(description="Why it failed")
    content: str | None = Field(description="The path of its file; null until it is done")
