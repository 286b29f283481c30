"""Owns the file that says where in a plant's exports things stand: which table, which column, which time zone.

    timezone = "Europe/Istanbul"        # of times that name none
    shift_hours = [6, 14, 22]           # at which hours of its day shifts begin; may be left out

    [codes]                             # what machines are called here, where it is otherwise: theirs = ours
    16 = "PRESS-3"

    [stops]                             # unplanned ones; needed
    file = "stops.csv"                  # .csv or .csv.gz, with a line of names first
    machine = "machine"
    start = "start"
    minutes = "minutes"                 # or `end`; without either a stop is an instant
    kind = "reason"

    [alarms]                            # each of these may be left out
    file = "alarms.csv"
    machine = "machine"
    at = "ts"
    kind = "code"

    [maintenance]                       # as alarms; `above_zero` takes the rows where that column begins to be
    [work]                              # `start`, `every` and `columns`: run, setup, micro, good, scrap, ideal
    [telemetry]                         # `start`, `every` and `columns`, named as you like; what gateways go on with
                                        # by the word that a tag means: {vibration = "vib_x", speed = "rpm"}
    [jobs]                              # a job log, a row a job that is over; `columns`: the twelve times in minutes
                                        # (running, setup, waiting_setup, ..), product, complexity, setup_complexity,
                                        # experience (years) and skill of the operator
    [machines]                          # `traits`: what a machine is, numbers

A table may name a column `known`, with when a row was known; without it a row was known when it happened.
"""

from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from cloud.predictions.features import JOB_TIMES, JOB_TRAITS
from cloud.values import Code

Name = Annotated[str, Field(min_length=1, max_length=200)]
Work = Literal["planned", "run", "setup", "micro", "good", "scrap", "ideal"]
_LENGTHS = {"1h": 1, "1d": 24, "24h": 24, "8h": 8, "12h": 12}


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid")

    file: Name
    machine: Name
    known: Name | None = None


class StopTable(_Table):
    """Where unplanned stops stand."""

    start: Name
    end: Name | None = None
    minutes: Name | None = None
    kind: Name | None = None

    @model_validator(mode="after")
    def _one_end(self) -> Self:
        if self.end is not None and self.minutes is not None:
            raise ValueError("give `end` or `minutes`, not both")
        return self


class EventTable(_Table):
    """Where alarms or maintenance stand."""

    at: Name
    kind: Name | None = None
    above_zero: Name | None = None


class SpanTable(_Table):
    """Where counts or measured values stand, a row a span."""

    start: Name
    every: Literal["1h", "8h", "12h", "24h", "1d"] = "1h"

    @property
    def hours(self) -> int:
        """Length of a span."""
        return _LENGTHS[self.every]


class WorkTable(SpanTable):
    """Where minutes and pieces stand: ours to theirs."""

    columns: dict[Work, Name] = Field(min_length=1)


class TelemetryTable(SpanTable):
    """Where measured values stand: theirs, or ours to theirs."""

    columns: Annotated[list[Name] | dict[Name, Name], Field(min_length=1, max_length=50)]

    @property
    def named(self) -> dict[str, str]:
        """Return ours to theirs."""
        return self.columns if isinstance(self.columns, dict) else {name: name for name in self.columns}


class JobTable(_Table):
    """Where a job log stands: ours to theirs."""

    end: Name
    columns: dict[Name, Name] = Field(min_length=1)

    @field_validator("columns")
    @classmethod
    def _are_known(cls, columns: dict[str, str]) -> dict[str, str]:
        known = (*JOB_TIMES, *JOB_TRAITS)
        if unknown := sorted(set(columns) - set(known)):
            raise ValueError(f"there is no {', '.join(unknown)}; there are {', '.join(known)}")
        return columns


class MachineTable(_Table):
    """Where it stands what a machine is."""

    traits: list[Name] = Field(min_length=1, max_length=20)


class Mapping(BaseModel):
    """Where everything stands."""

    model_config = ConfigDict(extra="forbid")

    timezone: str = "UTC"
    stops: StopTable
    alarms: EventTable | None = None
    maintenance: EventTable | None = None
    work: WorkTable | None = None
    telemetry: TelemetryTable | None = None
    machines: MachineTable | None = None
    jobs: JobTable | None = None
    codes: dict[Name, Code] = {}
    shift_hours: list[Annotated[int, Field(ge=0, le=23)]] = Field(default=[], max_length=24)

    @field_validator("timezone")
    @classmethod
    def _is_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"{name!r} is no time zone; one is called Europe/Istanbul") from None
        return name
