"""Owns what the job logs slice takes and gives."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from cloud.kpi.joblog import COLUMNS
from cloud.values import upper

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
