"""The reading: what a tag said, when, and how far it may be trusted, in columns of equal length.

The hot path never holds one object per reading. A driver decodes an answer into one `Readings`
block, shaping returns a (smaller) block, the buffer concatenates blocks, the wire packs them, and
the cloud copies them into PostgreSQL as one buffer. A row is only ever made for display.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum, IntFlag, StrEnum
from typing import Annotated
from uuid import UUID

import msgspec
import numpy as np
from numpy.typing import NDArray

# what a name may look like on the wire: no control characters, and short enough for an index
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*\Z")]
Words = Annotated[str, msgspec.Meta(max_length=500, pattern=r"^[^\x00-\x1f\x7f]*\Z")]
TimeUs = Annotated[int, msgspec.Meta(ge=0, lt=4_102_444_800_000_000)]


class Quality(IntEnum):
    """How far a value may be trusted; the two top bits of an OPC UA status code (Part 4, 7.39)."""

    GOOD = 0
    UNCERTAIN = 1
    BAD = 2


class Flag(IntFlag):
    """What was noticed about a reading on its way; several may hold at once."""

    OUT_OF_RANGE = 1
    NOT_FINITE = 2
    RETAINED = 4
    SOURCE_TIME_REPLACED = 8
    OVERFLOW = 16
    # the gateway's clock was not set: its times were counted on from the last that was known ..
    CLOCK_NOT_SET = 32
    # .. and moved when the clock was set
    TIME_REBASED = 64


class ReadingType(StrEnum):
    """What a tag measures; the cloud gives `state` and the counts their machine semantics."""

    TEMPERATURE = "temperature"
    PRESSURE = "pressure"
    HUMIDITY = "humidity"
    VIBRATION = "vibration"
    SPEED = "speed"
    FEED_RATE = "feed_rate"
    TORQUE = "torque"
    CURRENT = "current"
    VOLTAGE = "voltage"
    POWER = "power"
    ENERGY = "energy"
    FLOW = "flow"
    LEVEL = "level"
    CYCLE_TIME = "cycle_time"
    SHOT_COUNT = "shot_count"
    GOOD_COUNT = "good_count"
    REJECT_COUNT = "reject_count"
    PART_COUNT = "part_count"
    STATE = "state"
    ALARM_CODE = "alarm_code"
    CUSTOM = "custom"


class MachineState(StrEnum):
    """What a machine is doing; the words a tag that means `state` is mapped to (PackML, ISO 22400)."""

    PRODUCING = "producing"
    PRODUCING_SLOW = "producing_slow"
    SETUP = "setup"
    IDLE = "idle"
    STARVED = "starved"
    BLOCKED = "blocked"
    HELD = "held"
    FAULTED = "faulted"
    MAINTENANCE = "maintenance"
    PLANNED_STOP = "planned_stop"
    OFF = "off"
    NO_DATA = "no_data"


class GapCause(StrEnum):
    """Why readings that should exist do not."""

    COMMUNICATION_LOST = "communication_lost"
    OVERFLOW = "overflow"
    BROKER_SESSION_LOST = "broker_session_lost"
    GATEWAY_DOWN = "gateway_down"
    BUFFER_FULL = "buffer_full"
    BUFFER_DAMAGED = "buffer_damaged"
    # readings that cannot be packed, or that the cloud will never take; kept in the gateway's quarantine
    REFUSED = "refused"
    # the gateway's clock was set: forward, and nothing bears a time in between; or back, and times occur twice
    CLOCK_STEP = "clock_step"
    # a full buffer thinned or dropped what waited, as its configuration says
    BUFFER_POLICY = "buffer_policy"


class ClosedBy(StrEnum):
    """How it came that a gap misses nothing any more."""

    # the source's own history was read
    HISTORY = "history"
    # the source had kept it and sent it again: an OPC UA server its notifications, a broker its messages
    REDELIVERED = "redelivered"
    # the source's own times show that nothing was said meanwhile
    UNCHANGED = "unchanged"
    # what had been set aside was taken after all
    RETRIED = "retried"
    # narrower gaps say what of it is missing
    SPLIT = "split"


@dataclass(frozen=True, slots=True)
class Tag:
    """What the cloud must know to provision a tag it has never seen.

    `device` and `name` identify the tag within its gateway; `machine` is the cloud's machine code,
    or None for a tag that belongs to no machine. `unit` is a UCUM code, "" for a pure number.
    `rollover`, in that unit, is how far a cumulative counter counts before it begins again at 0; None where it is
    no counter, or only ever reset.
    """

    device: Name
    name: Name
    machine: Name | None = None
    reading_type: ReadingType = ReadingType.CUSTOM
    unit: Words = ""
    rollover: Annotated[float, msgspec.Meta(gt=0)] | None = None


@dataclass(frozen=True, slots=True)
class Gap:
    """A hole in the readings, with its cause.

    It concerns one tag, or every tag of `device` if `tag` is None, or every tag of the gateway if
    `device` is None too. `from_us` and `to_us` are microseconds since 1970 UTC, half-open.

    Attributes:
        id: Its name through all its revisions; None for one that is told once, which is called after its batch.
        revision: Counts what was told of it; the highest one holds, in whatever order they arrive.
        is_open: It still goes on; `to_us` is when that was last known.
        closed_us: Since when nothing is missing in it any more; None as long as something is.
        closed_by: How that came.
    """

    cause: GapCause
    from_us: TimeUs
    to_us: TimeUs
    device: Name | None = None
    tag: Name | None = None
    detail: Words = ""
    id: UUID | None = None
    revision: Annotated[int, msgspec.Meta(ge=1, lt=2**31)] = 1
    is_open: bool = False
    closed_us: TimeUs | None = None
    closed_by: ClosedBy | None = None


# NaN in `value` means "no number": the value was bad, or it is a text, found in `text` by row.
@dataclass(frozen=True, slots=True)
class Readings:
    """A block of readings as columns, shape (n,) each, in the order in which they were taken.

    Attributes:
        tag: Index of each reading's tag in the list that its holder keeps beside the block.
        ts: Source time, microseconds since 1970 UTC; the receive time where the source gave none.
        received: When the gateway took it, microseconds since 1970 UTC.
        value: The number; NaN where there is none. Integers beyond 2^53 are rounded here and exact
            in `text`.
        quality: A `Quality`.
        flags: `Flag` bits.
        status: The protocol's own code (OPC UA StatusCode, Modbus exception), 0 where it has none.
        text: Row to text, for rows whose value is a text (or has exact digits).
    """

    tag: NDArray[np.uint32]
    ts: NDArray[np.int64]
    received: NDArray[np.int64]
    value: NDArray[np.float64]
    quality: NDArray[np.uint8]
    flags: NDArray[np.uint8]
    status: NDArray[np.uint32]
    text: dict[int, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.tag)

    def take(self, rows: NDArray[np.intp]) -> "Readings":
        """Return the given rows, in the given order."""
        text = self.text
        if text:
            text = {new: text[old] for new, old in enumerate(rows.tolist()) if old in text}
        return Readings(
            self.tag[rows],
            self.ts[rows],
            self.received[rows],
            self.value[rows],
            self.quality[rows],
            self.flags[rows],
            self.status[rows],
            text,
        )


def empty() -> Readings:
    """Return a block of no readings."""
    return from_rows([], [], 0, [])


def concatenate(blocks: Sequence[Readings]) -> Readings:
    """Join blocks one behind the other; no blocks give an empty block."""
    if len(blocks) == 1:
        return blocks[0]
    if not blocks:
        return empty()
    text: dict[int, str] = {}
    base = 0
    for block in blocks:
        if block.text:
            text.update({base + row: value for row, value in block.text.items()})
        base += len(block)
    return Readings(
        np.concatenate([block.tag for block in blocks]),
        np.concatenate([block.ts for block in blocks]),
        np.concatenate([block.received for block in blocks]),
        np.concatenate([block.value for block in blocks]),
        np.concatenate([block.quality for block in blocks]),
        np.concatenate([block.flags for block in blocks]),
        np.concatenate([block.status for block in blocks]),
        text,
    )


def from_rows(
    tag: Sequence[int],
    ts: Sequence[int],
    received: int | Sequence[int],
    value: Sequence[float],
    quality: int | Sequence[int] = Quality.GOOD,
    flags: int | Sequence[int] = 0,
    status: int | Sequence[int] = 0,
    text: dict[int, str] | None = None,
) -> Readings:
    """Build a block from plain lists of equal length; a single number stands for every row."""
    n = len(tag)

    def column(values: int | Sequence[int], dtype: type[np.generic]) -> NDArray[np.generic]:
        if isinstance(values, int):
            return np.full(n, values, dtype)
        return np.asarray(values, dtype)

    return Readings(
        np.asarray(tag, np.uint32),
        np.asarray(ts, np.int64),
        column(received, np.int64),  # type: ignore[arg-type]
        np.asarray(value, np.float64),
        column(quality, np.uint8),  # type: ignore[arg-type]
        column(flags, np.uint8),  # type: ignore[arg-type]
        column(status, np.uint32),  # type: ignore[arg-type]
        {} if text is None else text,
    )
