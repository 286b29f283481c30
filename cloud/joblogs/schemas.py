"""Owns what the job logs slice takes and gives."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from cloud.kpi.joblog import COLUMNS
from cloud.kpi.worked import Bucket
from cloud.values import lower, upper

SECONDS: Sequence[str] = tuple(column.name for column in COLUMNS)
"""The twelve time columns, without the unit that the table and the API write behind them."""


class JobState(StrEnum):
    """Whether somebody still works on it."""

    OPENED = "OPENED"
    CLOSED = "CLOSED"


class Flag(StrEnum):
    """What is odd about a row that was kept."""

    UNACCOUNTED = "unaccounted"
    """The twelve columns leave more than 60 s and 1 % of it open, or exceed it by that."""
    REPAIRED = "repaired"
    """Something in it is written otherwise than it came."""
    NO_OPERATOR = "no_operator"
    DURATION_DIFFERS = "duration_differs"
    """Its duration is not its end minus its start."""


AnyCaseState = Annotated[JobState, BeforeValidator(upper)]
JobLogSort = Literal["start_time", "-start_time"]


@dataclass(frozen=True, slots=True)
class Entry:
    """A row that comes in, judged and whole.

    Attributes:
        source_id: Its id in the system it comes from.
        digest: Of the row as it was there, to notice a change.
        seconds: The twelve columns, by their names in `SECONDS`.
    """

    source_id: str
    digest: bytes
    machine: str
    start_time: datetime
    end_time: datetime | None
    state: JobState
    job_number: str | None
    part_number: str | None
    emp_id: str | None
    operator_name: str | None
    op_number: str | None
    parts_produced: int | None
    job_duration_s: float | None
    seconds: Mapping[str, float]
    flags: Sequence[Flag]


@dataclass(frozen=True, slots=True)
class Brought:
    """What became of a chunk of rows, and which things were added for them."""

    new: int
    updated: int
    machines: frozenset[str]
    operators: frozenset[str]
    jobs: frozenset[str]
    parts: frozenset[str]


class JobLogOut(BaseModel):
    """A row of the job log, as shown: how long each of its columns lasted; when each was, nobody wrote down."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    machine_id: uuid.UUID
    machine: str = Field(description="Its code")
    start_time: AwareDatetime
    end_time: AwareDatetime | None = Field(description="Null while it is open")
    state: JobState
    job_number: str | None
    part_number: str | None
    emp_id: str | None
    op_number: str | None
    parts_produced: int | None
    job_duration_s: float | None
    running_s: float
    setup_s: float
    waiting_setup_s: float
    not_feeding_s: float
    adjustment_s: float
    dressing_s: float
    tooling_s: float
    engineering_s: float
    maintenance_s: float
    buy_in_s: float
    break_shift_change_s: float
    idle_s: float
    unaccounted_s: float | None = Field(description="Duration minus the twelve; negative where they exceed it")
    flags: list[Flag]
    source: str
    source_id: str
    imported_at: AwareDatetime


class TimesOut(BaseModel):
    """How long each element of the time model lasted, seconds (ISO 22400-2)."""

    pot: float = Field(description="Planned operation time: the rows' durations")
    pbt: float = Field(description="Planned busy time: POT without planned stops")
    apt: float
    aust: float
    adet: float
    adot: float
    unknown: float = Field(description="What no column accounts for")
    pdot: float


class DataSource(StrEnum):
    """Where figures come from."""

    JOBLOG = "joblog"
    LEDGER = "ledger"


AnyCaseSource = Annotated[DataSource, BeforeValidator(lower)]


class JudgedOut(BaseModel):
    """Pieces, by what became of them."""

    good: int
    scrap: int
    rework: int
    startup: int
    not_judged: int = Field(description="Nobody said whether they are good, as a job log never does")
    overtime: int = Field(description="Made outside of planned operation time; in no ratio")


class FiguresOut(BaseModel):
    """Key figures of some rows of the job log, or of the ledger; null where it cannot be said."""

    rows: int = Field(description="Of the job log, that ended in the time asked for; 0 by the ledger")
    availability: float | None
    performance: float | None = Field(description="Effectiveness, capped where the policy caps")
    effectiveness: float | None = Field(description="Raw: above 1 the standard is wrong, or the counter is")
    standard_suspect: bool
    quality: float | None = Field(description="Null by the job log: it counts no scrap")
    quality_basis: str = Field(description="measured, assumed_good, not_measured or no_pieces")
    oee: float | None
    oee_lower: float | None
    oee_known: float | None
    oee_upper: float | None
    coverage: float | None = Field(description="How much of the planned busy time some column accounts for")
    utilization_efficiency: float | None
    technical_efficiency: float | None
    setup_ratio: float | None
    parts_produced: int = Field(description="All pieces, whatever became of them")
    pieces: JudgedOut
    without_ideal_cycle: int = Field(description="Of these, pieces whose ideal cycle nobody told")
    mean_cycle_s: float | None = Field(description="Running seconds a piece")
    times_s: TimesOut
    columns_s: dict[str, float] = Field(description="How long each column of the job log lasted; none by the ledger")
    losses_s: dict[str, float] = Field(description="Where the planned busy time went; the sum is PBT")


class ShareOut(FiguresOut):
    """The same of a part of them."""

    key: str | None = Field(description="Number or code; null for rows that name none")


class WindowOut(FiguresOut):
    """What is said with every figure: of which time, under which policy, from where, of which state of the data."""

    # `as_of` is later with every question
    volatile: ClassVar[frozenset[str]] = frozenset({"as_of"})

    begin: AwareDatetime | None = Field(description="Null where there are no rows")
    end: AwareDatetime | None
    policy: str
    as_of: AwareDatetime
    revision: int = Field(description="How often the job log had changed")
    source: DataSource = Field(
        default=DataSource.JOBLOG,
        description="joblog: sums of its rows. ledger: every second and piece once, whoever tells of it",
    )
    by_source: list["ShareOut"] = Field(
        default_factory=list,
        description="By the ledger: what ran as orders of ours (`orders`), and what only the job log tells (`joblog`)",
    )
    flagged_rows: int = Field(description="Rows with something odd about them")
    open_rows: int = Field(description="Rows without an end: in no figure yet")


class OperatorPerformanceOut(WindowOut):
    """How an operator worked."""

    emp_id: str
    operator_name: str
    by_machine: list[ShareOut]
    by_part: list[ShareOut]
    by_job: list[ShareOut]


class JobPerformanceOut(WindowOut):
    """How a job went, or goes."""

    job_number: str
    job_status: str
    quantity_ordered: int | None
    completion_percent: float | None = Field(
        description="Of those ordered: what was produced; by the ledger, good by the last operation"
    )
    estimated_hours: float | None
    actual_hours: float = Field(description="Of its rows, or of the time in which it ran")
    due_date: AwareDatetime | None
    is_late: bool | None = Field(description="Its last row, or now while it is not complete, is after the due date")
    by_operation: list[ShareOut]
    by_machine: list[ShareOut]
    by_operator: list[ShareOut]


class PartPerformanceOut(WindowOut):
    """How a part is made."""

    part_number: str
    standard_cycle_time: float | None
    by_machine: list[ShareOut]
    by_operation: list[ShareOut]
    by_job: list[ShareOut]
    by_operator: list[ShareOut]


class PeriodOut(FiguresOut):
    """A part's production in one day, week or month."""

    period: date = Field(description="The local day on which it begins")


class ProductionHistoryOut(WindowOut):
    """How a part was made over time."""

    part_number: str
    bucket: Bucket
    standard_cycle_time: float | None
    periods: list[PeriodOut] = Field(description="Those in which it was made, in order")
    by_machine: list[ShareOut]
