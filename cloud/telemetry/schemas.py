"""Owns what the telemetry slice gives. What it takes is the wire's batch."""

import uuid
from enum import StrEnum

from pydantic import AwareDatetime, BaseModel, Field

from cloud.machines.schemas import MachineOut, MachineStatus
from cloud.telemetry.rules import Doubt, RuntimeStatus
from shared.reading import GapCause, MachineState, ReadingType
from shared.wire.receipt import Outcome


class QualityWord(StrEnum):
    """How far a value may be trusted."""

    GOOD = "good"
    UNCERTAIN = "uncertain"
    BAD = "bad"


class ReceiptOut(BaseModel):
    """The word that a batch is stored; docs/wire.md has its meaning."""

    epoch: str
    seq: int
    outcome: Outcome
    rows: int
    repeated: int


class ReadingOut(BaseModel):
    """What a tag said, once."""

    gateway: str
    device: str
    tag: str
    reading_type: ReadingType
    value: float | None = Field(description="Null where it is not a number, or bad")
    text: str | None = Field(description="Where the value is a text, or an integer a double cannot hold")
    unit: str = Field(description="UCUM code")
    timestamp: AwareDatetime = Field(description="The source's time")
    received_at: AwareDatetime = Field(description="When the gateway took it")
    quality: QualityWord
    flags: list[str] = Field(description="What was noticed on its way", examples=[["out_of_range"]])
    status: int | None = Field(description="The protocol's own code, such as OPC UA's StatusCode")


class LatestOut(ReadingOut):
    """The newest reading of a tag."""

    age_s: float = Field(description="Seconds since it was true, when this was answered")


class MachineNowOut(MachineOut):
    """A machine and what it is doing."""

    runtime_status: RuntimeStatus


class MachineStatusOut(BaseModel):
    """What a machine is doing, and the newest values of its tags."""

    id: uuid.UUID
    code: str
    name: str
    status: MachineStatus = Field(description="The asset's life")
    runtime_status: RuntimeStatus = Field(description="What it is doing now, from its readings")
    unknown_because: Doubt | None = Field(description="Why the runtime status is unknown")
    state: MachineState | None = Field(description="The finer state behind the runtime status")
    since: AwareDatetime | None = Field(
        description="Since when it is in this state; null while unknown. Looked for in the newest readings of the "
        "state's tag; if they are all of this state, it is their oldest"
    )
    values: list[LatestOut] = Field(description="By device and tag")


class GapOut(BaseModel):
    """A hole in the readings: of one tag, of a device (`tag` null), or of a whole gateway (both null)."""

    id: int
    gateway: str
    device: str | None
    tag: str | None
    cause: GapCause
    start: AwareDatetime
    end: AwareDatetime
    detail: str
    recorded_at: AwareDatetime
