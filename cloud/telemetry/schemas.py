"""Owns what the telemetry slice takes and gives. What gateways bring is the wire's batch."""

import uuid
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from cloud.machines.schemas import MachineOut, MachineStatus
from cloud.telemetry import messages, physics
from cloud.validation import mistake
from cloud.values import Label, Moment, lower
from shared.reading import ClosedBy, GapCause, MachineState, ReadingType
from shared.wire.receipt import Outcome

# some seconds of a fast source; more come through a gateway
MAX_POSTED = 1000


class QualityWord(StrEnum):
    """How far a value may be trusted."""

    GOOD = "good"
    UNCERTAIN = "uncertain"
    BAD = "bad"


class ReadingIn(BaseModel):
    """A reading sent by a person or a program that is no gateway."""

    model_config = ConfigDict(extra="forbid")

    reading_type: Annotated[ReadingType, BeforeValidator(lower)]
    value: Annotated[float, Field(strict=True, allow_inf_nan=False)] | Label | None = Field(
        description="A number; of a state its word, of an alarm code or a custom reading a number or a text. "
        "Null, with the quality bad, where there was none"
    )
    unit: Annotated[str, Field(max_length=32)] | None = Field(
        default=None, description="UCUM code, or as people write it (°C, kWh, rpm); the type's usual one if absent"
    )
    timestamp: Moment | None = Field(default=None, description="When it was true; now if absent")
    tag: Label | None = Field(default=None, description="Which of several of this type; the type's name if absent")
    quality: Annotated[QualityWord, BeforeValidator(lower)] = QualityWord.GOOD

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        if self.value is None:
            if self.quality is not QualityWord.BAD:
                raise mistake(messages.VALUE_MISSING)
        elif self.reading_type is ReadingType.STATE:
            self._require_state()
        else:
            self._require_range(physics.KINDS[self.reading_type])
        return self

    def _require_state(self) -> None:
        word = str(self.value).lower()
        if word not in set(MachineState):
            raise mistake(
                messages.STATE_UNKNOWN, given=str(self.value), valid_values=[each.value for each in MachineState]
            )
        if self.unit:
            raise mistake(messages.UNIT_IMPOSSIBLE, unit=self.unit, reading_type=self.reading_type, valid_values=[""])
        self.value = word

    def _require_range(self, kind: physics.Kind) -> None:
        unit = physics.code_of(self.unit, kind)
        if unit is None:
            known = list(kind.units)
            raise mistake(messages.UNIT_IMPOSSIBLE, unit=self.unit, reading_type=self.reading_type, valid_values=known)
        self.unit = unit
        if isinstance(self.value, str):
            if self.reading_type not in _TEXTS:
                raise mistake(messages.NUMBER_NEEDED, reading_type=self.reading_type)
            return
        can = physics.range_of(kind, unit)
        if self.value is None or can.low <= self.value <= can.high:
            if kind.is_whole and self.value is not None and not self.value.is_integer():
                raise mistake(messages.WHOLE_NEEDED, reading_type=self.reading_type, value=self.value)
            return
        raise mistake(
            messages.VALUE_IMPOSSIBLE,
            reading_type=self.reading_type,
            value=self.value,
            minimum=can.low,
            maximum=can.high,
            unit=unit,
        )


_TEXTS = frozenset({ReadingType.ALARM_CODE, ReadingType.CUSTOM})


def _many(given: object) -> object:
    return given if isinstance(given, list) else [given]


ReadingsIn = Annotated[
    list[ReadingIn],
    Field(min_length=1, max_length=MAX_POSTED),
    BeforeValidator(_many, json_schema_input_type=ReadingIn | Annotated[list[ReadingIn], Field(max_length=MAX_POSTED)]),
]
"""One reading, or a list of them: all are taken or none."""


@dataclass(frozen=True, slots=True)
class UsageAsked:
    """Which days are asked for: by default the last 30, in the organization's time zone."""

    first: date | None = None
    last: date | None = None
    time_zone: str | None = None


class UsageDay(BaseModel):
    """How much a machine was used on one day; null where it has nothing that tells, which is not the same as 0."""

    date: date
    running_s: float | None = Field(description="Seconds in which it produced")
    known_s: float | None = Field(description="Seconds in which its state was known, running or not")
    cycles: float | None
    energy_kwh: float | None


class UsageOut(BaseModel):
    """How much a machine was used, by day of its site."""

    machine_id: uuid.UUID
    time_zone: str
    as_of: AwareDatetime = Field(description="What was read later is not in it; counts lag by a minute")
    days: list[UsageDay]


class PostedOut(BaseModel):
    """What became of the readings that were sent."""

    machine_id: uuid.UUID
    stored: int
    repeated: int = Field(description="Those that were there already: same tag, time, value and quality")
    out_of_range: list[int] = Field(description="Which of them lie beyond the machine's own limits; kept, and flagged")


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


class RuntimeStatus(StrEnum):
    """What a machine is doing now; derived, never written by anybody."""

    RUNNING = "running"
    SETUP = "setup"
    IDLE = "idle"
    DOWN = "down"
    MAINTENANCE = "maintenance"
    OFFLINE = "offline"
    UNKNOWN = "unknown"


class Doubt(StrEnum):
    """Why a machine's runtime status is unknown."""

    NO_STATE_TAG = "no_state_tag"
    NO_DATA = "no_data"
    BAD_QUALITY = "bad_quality"
    NOT_A_STATE = "not_a_state"
    GATEWAY_SILENT = "gateway_silent"


class MachineNews(BaseModel):
    """What is new of a machine: what it is doing, and the values that came."""

    machine_id: uuid.UUID
    runtime_status: RuntimeStatus
    values: list[LatestOut] = Field(description="Of the tags that said something")


class MachineNowOut(MachineOut):
    """A machine and what it is doing."""

    volatile: ClassVar[frozenset[str]] = frozenset({"runtime_status"})

    runtime_status: RuntimeStatus


class MachineStatusOut(BaseModel):
    """What a machine is doing, and the newest values of its tags."""

    id: uuid.UUID
    code: str
    name: str
    status: MachineStatus = Field(description="The asset's life")
    runtime_status: RuntimeStatus = Field(
        description="What it is doing now, by readings, rules, presets, people and files"
    )
    unknown_because: Doubt | None = Field(description="Why the runtime status is unknown")
    state: MachineState | None = Field(description="The finer state behind the runtime status")
    since: AwareDatetime | None = Field(
        description="Since when it is in this state; null while unknown. Looked for in the newest readings of the "
        "state's tag; if they are all of this state, it is their oldest"
    )
    values: list[LatestOut] = Field(description="By device and tag")


class GapState(StrEnum):
    """How a gap stands."""

    ONGOING = "ongoing"  # it has begun, and nobody has told its end
    OPEN = "open"  # it is over, and what is missing in it is missing
    CLOSED = "closed"  # nothing is missing in it any more, or narrower gaps say what is


class GapOut(BaseModel):
    """A hole in the readings: of one tag, of a device (`tag` null), or of a whole gateway (both null)."""

    id: uuid.UUID = Field(description="The same through all that is told of it")
    gateway: str
    device: str | None
    tag: str | None
    cause: GapCause
    state: GapState
    start: AwareDatetime
    end: AwareDatetime | None = Field(
        description="Half-open; null while it goes on. Before the start where the clock was set back"
    )
    detail: str
    closed_at: AwareDatetime | None = Field(description="When it was filled, by the gateway's clock")
    closed_by: ClosedBy | None = Field(description="What filled it")
    recorded_at: AwareDatetime = Field(description="When the cloud first heard of it")
    changed_at: AwareDatetime = Field(description="When the cloud last heard something new of it")


class Resolution(StrEnum):
    """How long the buckets are into which readings are added up; they begin at whole ones of UTC."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"


class RollupOut(BaseModel):
    """What a tag said in a bucket, in facts that add up; buckets in which it said nothing are left out."""

    gateway: str
    device: str
    tag: str
    reading_type: ReadingType
    unit: str = Field(description="UCUM code")
    start: AwareDatetime = Field(description="When the bucket begins; it is half-open")
    good: int = Field(description="Readings of this quality, and so on")
    uncertain: int
    bad: int
    numbers: int = Field(description="Readings with a number, good or uncertain")
    sum: float = Field(description="Of the numbers, as the next ones")
    min: float | None
    max: float | None
    mean: float | None = Field(description="sum / numbers: each reading counts the same")
    first: float | None = Field(description="The first reading's number; null if that reading has none")
    last: float | None
    first_at: AwareDatetime = Field(description="The first reading's source time")
    last_at: AwareDatetime
    area: float = Field(
        description="Value times seconds, each number holding until the tag's next reading in the bucket"
    )
    known_s: float = Field(description="The seconds that `area` spans")
    time_mean: float | None = Field(description="area / known_s: each second counts the same")
    is_settled: bool = Field(
        description="False while the bucket is under way, or readings that came late are stored and not yet in here"
    )


class HoleOut(BaseModel):
    """Gaps of a tag that overlap or touch, as one."""

    start: AwareDatetime
    end: AwareDatetime
    causes: list[GapCause | Literal["retention"]]


class CoverageOut(BaseModel):
    """How much of a time range a tag's readings can vouch for, and why not the rest."""

    gateway: str
    device: str
    tag: str
    reading_type: ReadingType
    start: AwareDatetime = Field(description="The range's begin, or the tag's first reading if that is later")
    end: AwareDatetime = Field(description="The range's end, or now if that is earlier")
    seconds: float = Field(description="From start to end")
    missing_s: float = Field(description="Seconds in gaps, each counted once however many gaps share it")
    coverage: float | None = Field(description="1 - missing_s / seconds; null where there are no seconds")
    causes: dict[GapCause | Literal["retention"], float] = Field(
        description="Seconds in the gaps of each cause; where causes overlap, in each. `retention`: the readings were "
        "kept as long as the operator wanted, and are now in the rollups only"
    )
    holes: list[HoleOut] = Field(description="The newest hundred, in order; closed gaps are none")
    holes_in_all: int
    as_of: AwareDatetime = Field(
        description="When the tag's gateway was last heard: what it has not told yet may still be missing"
    )


class Kept(StrEnum):
    """What is kept for a time that an operator sets."""

    READINGS = "readings"
    MINUTES = "minutes"
    BATCHES = "batches"


class RetentionOut(BaseModel):
    """How long one kind is kept, and what of it was dropped so far."""

    kind: Kept
    days: int | None = Field(description="None: for ever")
    dropped_from: AwareDatetime | None = None
    dropped_to: AwareDatetime | None = None
    dropped_rows: int | None = Field(default=None, description="Of minutes about")
