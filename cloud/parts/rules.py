"""Owns which ideal cycle counts for a part on a machine at a day. Pure."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Standard:
    """Seconds a piece of a part, on one machine or on those of a type, from a day on.

    Attributes:
        machine_id: None when it is of a type.
        machine_type: None when it is of one machine.
        valid_from: The first day, in the organization's time zone.
    """

    ideal_cycle_s: float
    valid_from: date
    machine_id: uuid.UUID | None = None
    machine_type: str | None = None


def ideal_cycle_s(
    standards: Iterable[Standard],
    day: date,
    machine_id: uuid.UUID,
    machine_type: str | None,
    otherwise_s: float | None,
) -> float | None:
    """Return how many seconds a piece of a part takes at best.

    The latest standard that is valid counts; one of the machine before one of its type, even if that is newer.

    Args:
        standards: Those of the part.
        day: On which it is made.
        machine_id: Where.
        machine_type: Of which type that is; in any case, as it was written.
        otherwise_s: The part's own, for wherever it is made; None if there is none.
    """
    valid = [each for each in standards if each.valid_from <= day]
    own = [each for each in valid if each.machine_id == machine_id]
    kind = machine_type.casefold() if machine_type is not None else None
    typed = [each for each in valid if each.machine_type is not None and each.machine_type.casefold() == kind]
    for found in (own, typed):
        if found:
            return max(found, key=lambda each: each.valid_from).ideal_cycle_s
    return otherwise_s
