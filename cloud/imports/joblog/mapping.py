"""Owns which column of a job log means what: the CIMCO names, unless a file says otherwise.

# mapping.toml
table = "joblog_ob"

[columns]
machine = "MachineName"
start_time = "Begin"

[states]
CLOSED = ["finished", "bitti"]
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from cloud import tomlfile
from cloud.errors import BadRequest

CIMCO: Mapping[str, str] = {
    "id": "id",
    "machine": "machine",
    "start_time": "StartTime",
    "end_time": "EndTime",
    "job_number": "JobNumber",
    "state": "State",
    "part_number": "PartNumber",
    "emp_id": "EmpID",
    "operator_name": "OperatorName",
    "op_number": "OpNumber",
    "parts_produced": "PartsProduced",
    "job_duration": "JobDuration",
    "running": "RunningTime",
    "setup": "SetupTime",
    "waiting_setup": "WaitingSetupTime",
    "not_feeding": "NotFeedingTime",
    "adjustment": "AdjustmentTime",
    "dressing": "DressingTime",
    "tooling": "ToolingTime",
    "engineering": "EngineeringTime",
    "maintenance": "MaintenanceTime",
    "buy_in": "BuyInTime",
    "break_shift_change": "BreakShiftChangeTime",
    "idle": "IdleTime",
}
"""By our name, the column of a CIMCO MDC job log."""
NEEDED = ("machine", "start_time")

Meaning = Literal[
    "id",
    "machine",
    "start_time",
    "end_time",
    "job_number",
    "state",
    "part_number",
    "emp_id",
    "operator_name",
    "op_number",
    "parts_produced",
    "job_duration",
    "running",
    "setup",
    "waiting_setup",
    "not_feeding",
    "adjustment",
    "dressing",
    "tooling",
    "engineering",
    "maintenance",
    "buy_in",
    "break_shift_change",
    "idle",
]
Column = Annotated[str, Field(min_length=1, max_length=64)]
Word = Annotated[str, Field(min_length=1, max_length=64)]


class ColumnMapping(BaseModel):
    """What a mapping file may say; what it leaves out is as CIMCO has it."""

    model_config = ConfigDict(extra="forbid")

    table: Column = "joblog_ob"
    columns: dict[Meaning, Column] = Field(default_factory=dict)
    states: dict[Literal["OPENED", "CLOSED"], list[Word]] = Field(default_factory=dict)

    def column(self, name: str) -> str:
        """Return the column that means this."""
        return next((column for meaning, column in self.columns.items() if meaning == name), CIMCO[name])

    def state_words(self) -> dict[str, str]:
        """Return what each word of the state column means, in lower case."""
        own = {word.strip().lower(): state for state, words in self.states.items() for word in words}
        return {"opened": "OPENED", "open": "OPENED", "closed": "CLOSED", "close": "CLOSED", **own}


def read(path: Path | None) -> ColumnMapping:
    """Read a mapping file.

    Raises:
        BadRequest: It is not there, no TOML, or says something that is not known; names what.
    """
    return ColumnMapping() if path is None else tomlfile.read(path, ColumnMapping)


def found(columns: Sequence[str], mapping: ColumnMapping, where: str) -> dict[str, str]:
    """Return by our name which of a source's columns is read, in any case.

    Raises:
        BadRequest: One that is needed, or that a mapping names, is not there.
    """
    there = {column.strip().lower(): column for column in columns}
    read_ones = {name: there[mapped.lower()] for name in CIMCO if (mapped := mapping.column(name)).lower() in there}
    missing = [mapping.column(name) for name in (*NEEDED, *mapping.columns) if name not in read_ones]
    if missing:
        raise BadRequest(
            f"{where} has no column {', '.join(dict.fromkeys(missing))}; it has {', '.join(columns)}. "
            "--mapping FILE says which column means what."
        )
    return read_ones
