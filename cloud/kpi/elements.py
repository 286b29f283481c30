"""Owns the words of the time model: elements, the kinds of seconds that a policy turns into them, losses, pieces."""

from collections.abc import Mapping
from enum import StrEnum

from shared.reading import MachineState


class TimeElement(StrEnum):
    """What a second is to ISO 22400-2; the first five and UNKNOWN make up the planned busy time."""

    APT = "APT"
    """Actual production time."""
    AUST = "AUST"
    """Actual unit setup time."""
    ADET = "ADET"
    """Actual unit delay time: an order runs, and nothing is made."""
    ADOT = "ADOT"
    """Actual unit down time: no order runs, and nothing is made."""
    UNKNOWN = "UNKNOWN"
    """Nobody can tell: no data, bad data, a silent gateway."""
    PDOT = "PDOT"
    """Planned down time."""
    NOT_SCHEDULED = "NOT_SCHEDULED"
    """Outside of the planned operation time."""


BUSY = (TimeElement.APT, TimeElement.AUST, TimeElement.ADET, TimeElement.ADOT, TimeElement.UNKNOWN)


class Loss(StrEnum):
    """The six big losses (Nakajima), and the two that are none: what was not seen, and what was not judged.

    His third, "idling and minor stoppages", is two here, told apart by length.
    """

    BREAKDOWN = "breakdown"
    SETUP_ADJUSTMENT = "setup_adjustment"
    MINOR_STOP = "minor_stop"
    """Stops shorter than the machine's threshold."""
    IDLING = "idling"
    """Waiting for others, longer than that."""
    REDUCED_SPEED = "reduced_speed"
    PROCESS_DEFECT = "process_defect"
    STARTUP = "startup"
    NOT_JUDGED = "not_judged"
    UNKNOWN = "unknown"


class Category(StrEnum):
    """What a second is before any policy has spoken; finer than an element, so that policies share their rollups.

    `unassigned` means that no order ran.
    """

    RUN = "run"
    RUN_UNASSIGNED = "run_unassigned"
    SETUP = "setup"
    SETUP_UNASSIGNED = "setup_unassigned"
    MINOR = "minor"
    MINOR_UNASSIGNED = "minor_unassigned"
    IDLE = "idle"
    IDLE_UNASSIGNED = "idle_unassigned"
    BREAKDOWN = "breakdown"
    BREAKDOWN_UNASSIGNED = "breakdown_unassigned"
    MAINTENANCE = "maintenance"
    PLANNED_MAINTENANCE = "planned_maintenance"
    PLANNED_STOP = "planned_stop"
    SHIFT_BREAK = "shift_break"
    UNKNOWN = "unknown"
    OFF_SHIFT = "off_shift"
    OVERTIME = "overtime"


UNASSIGNED: Mapping[Category, Category] = {
    Category.RUN: Category.RUN_UNASSIGNED,
    Category.SETUP: Category.SETUP_UNASSIGNED,
    Category.MINOR: Category.MINOR_UNASSIGNED,
    Category.IDLE: Category.IDLE_UNASSIGNED,
    Category.BREAKDOWN: Category.BREAKDOWN_UNASSIGNED,
    Category.MAINTENANCE: Category.PLANNED_MAINTENANCE,
}
"""What a second becomes when no order runs; the others stay what they are."""

LOSS_OF: Mapping[Category, Loss] = {
    Category.SETUP: Loss.SETUP_ADJUSTMENT,
    Category.SETUP_UNASSIGNED: Loss.SETUP_ADJUSTMENT,
    Category.MINOR: Loss.MINOR_STOP,
    Category.MINOR_UNASSIGNED: Loss.MINOR_STOP,
    Category.IDLE: Loss.IDLING,
    Category.IDLE_UNASSIGNED: Loss.IDLING,
    Category.BREAKDOWN: Loss.BREAKDOWN,
    Category.BREAKDOWN_UNASSIGNED: Loss.BREAKDOWN,
    Category.MAINTENANCE: Loss.BREAKDOWN,
    Category.PLANNED_MAINTENANCE: Loss.BREAKDOWN,
    Category.UNKNOWN: Loss.UNKNOWN,
}
"""Which loss a second is that a policy leaves in the planned busy time without production."""

CATEGORY_OF: Mapping[MachineState, Category] = {
    MachineState.PRODUCING: Category.RUN,
    MachineState.PRODUCING_SLOW: Category.RUN,
    MachineState.SETUP: Category.SETUP,
    MachineState.IDLE: Category.IDLE,
    MachineState.STARVED: Category.IDLE,
    MachineState.BLOCKED: Category.IDLE,
    MachineState.HELD: Category.BREAKDOWN,
    MachineState.FAULTED: Category.BREAKDOWN,
    MachineState.OFF: Category.BREAKDOWN,
    MachineState.MAINTENANCE: Category.MAINTENANCE,
    MachineState.PLANNED_STOP: Category.PLANNED_STOP,
    MachineState.NO_DATA: Category.UNKNOWN,
}

RUNNING = frozenset({MachineState.PRODUCING, MachineState.PRODUCING_SLOW})
STOPPED = frozenset(
    {
        MachineState.IDLE,
        MachineState.STARVED,
        MachineState.BLOCKED,
        MachineState.HELD,
        MachineState.FAULTED,
        MachineState.OFF,
    }
)
"""States in which the machine stands and the plan did not ask for it: these want a reason."""


class PieceKind(StrEnum):
    """What became of pieces; `made` ones nobody judged."""

    GOOD = "good"
    SCRAP = "scrap"
    REWORK = "rework"
    STARTUP = "startup"
    MADE = "made"
