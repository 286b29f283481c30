"""How a connection is doing, as the health page and the metrics tell it."""

from dataclasses import dataclass
from enum import StrEnum

from edge.acquisition.shape import Counts
from edge.acquisition.watch import DeviceCondition
from edge.ports import Figures


class StationState(StrEnum):
    """Where a session stands."""

    CONNECTING = "connecting"
    UP = "up"
    DOWN = "down"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class StationStatus:
    """One connection at one instant.

    Attributes:
        name, protocol: Of the configuration.
        state: Where its session stands, since `since_us`, microseconds since 1970 UTC.
        readings: Taken from the driver since the start.
        losses: How often the session was lost.
        last_error: What the last loss was about, None if there was none.
        counts: What became of the readings.
        devices: Those that are read over it.
        figures: What its driver counted; None if it counts nothing.
    """

    name: str
    protocol: str
    state: StationState
    since_us: int
    readings: int
    losses: int
    last_error: str | None
    counts: Counts
    devices: list[DeviceCondition]
    figures: Figures | None = None
