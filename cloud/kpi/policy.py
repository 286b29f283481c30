"""Owns what a plant may decide about its figures: which second is which element, and what is said of the unknown.

How short a minor stop is, is a machine's own (`microstop_threshold_s`): a press's is not a packer's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from cloud.kpi.elements import Category, TimeElement


class UnknownTime(StrEnum):
    """Which of the three figures is the headline where some time is unknown."""

    LOWER = "lower"
    """Nothing was made in it: the formula as it stands."""
    KNOWN = "known"
    """It is left out."""
    UPPER = "upper"
    """It made good pieces at the ideal rate."""


class MissingQuality(StrEnum):
    """What pieces are that nobody judged."""

    NULL = "null"
    """Quality is not known, hence neither is OEE."""
    GOOD = "good"
    """Good until somebody says otherwise."""


@dataclass(frozen=True, slots=True)
class Policy:
    """A named set of answers.

    Attributes:
        name: As every answer repeats it.
        minor_stops_run: Minor stops stay inside the run time, and show as lost speed (TPM).
        setup_is_loss: Setup of an order counts in the planned busy time; else it is planned down time.
        idle_without_order_is_loss: Standing still without an order is down time; else it is planned down time.
        planned_maintenance_is_loss: Planned maintenance counts in the planned busy time.
        unknown_time: Which figure is the headline.
        missing_quality: What unjudged pieces are.
        cap: Show an effectiveness above 1 as 1; the raw value is always beside it.
    """

    name: str
    minor_stops_run: bool = False
    setup_is_loss: bool = True
    idle_without_order_is_loss: bool = True
    planned_maintenance_is_loss: bool = False
    unknown_time: UnknownTime = UnknownTime.LOWER
    missing_quality: MissingQuality = MissingQuality.NULL
    cap: bool = True

    def element(self, category: Category) -> TimeElement:
        """Return what a second is under this policy."""
        if self.minor_stops_run and category in {Category.MINOR, Category.MINOR_UNASSIGNED}:
            return TimeElement.APT
        if not self.setup_is_loss and category is Category.SETUP:
            return TimeElement.PDOT
        if not self.idle_without_order_is_loss and ISO_ELEMENTS[category] is TimeElement.ADOT:
            return TimeElement.PDOT
        if self.planned_maintenance_is_loss and category is Category.PLANNED_MAINTENANCE:
            return TimeElement.ADET
        return ISO_ELEMENTS[category]


ISO_ELEMENTS: Mapping[Category, TimeElement] = {
    Category.RUN: TimeElement.APT,
    Category.RUN_UNASSIGNED: TimeElement.APT,
    Category.SETUP: TimeElement.AUST,
    Category.SETUP_UNASSIGNED: TimeElement.PDOT,
    Category.MINOR: TimeElement.ADET,
    Category.MINOR_UNASSIGNED: TimeElement.ADOT,
    Category.IDLE: TimeElement.ADET,
    Category.IDLE_UNASSIGNED: TimeElement.ADOT,
    Category.BREAKDOWN: TimeElement.ADET,
    Category.BREAKDOWN_UNASSIGNED: TimeElement.ADOT,
    Category.MAINTENANCE: TimeElement.ADET,
    Category.PLANNED_MAINTENANCE: TimeElement.PDOT,
    Category.PLANNED_STOP: TimeElement.PDOT,
    Category.SHIFT_BREAK: TimeElement.PDOT,
    Category.UNKNOWN: TimeElement.UNKNOWN,
    Category.OFF_SHIFT: TimeElement.NOT_SCHEDULED,
    Category.OVERTIME: TimeElement.NOT_SCHEDULED,
}

ISO22400 = Policy("iso22400")
TPM = Policy("tpm", minor_stops_run=True)
PRESETS: Mapping[str, Policy] = {policy.name: policy for policy in (ISO22400, TPM)}
