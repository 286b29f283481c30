"""Owns the decisions about maintenance: which step follows which, and when a plan falls due. Pure."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from cloud.maintenance.schemas import Basis, Due, OrderStatus

NEXT: Mapping[OrderStatus, tuple[OrderStatus, ...]] = {
    OrderStatus.OPEN: (OrderStatus.IN_PROGRESS, OrderStatus.COMPLETED, OrderStatus.CANCELLED),
    OrderStatus.IN_PROGRESS: (OrderStatus.COMPLETED, OrderStatus.CANCELLED),
    OrderStatus.COMPLETED: (),
    OrderStatus.CANCELLED: (),
}
"""What a maintenance order may become."""

# how a machine will run is told by how it ran so long
LOOK_BACK = timedelta(days=30)
# nobody plans beyond; and the calendar has an end
_HORIZON = timedelta(days=36_500)


def due(basis: Basis, every: float, began: datetime, used: float | None, lately: float | None, now: datetime) -> Due:
    """Return when an interval ends.

    Without a meter, running hours are counted as if the machine never stood still: that is the earliest day.

    Args:
        basis: What is counted.
        every: The interval: days, running hours, or cycles.
        began: When it began, UTC.
        used: Hours or cycles since then; None without a meter, and for the calendar.
        lately: Of these, in the last `LOOK_BACK`.
        now: UTC.
    """
    days = (now - began) / timedelta(days=1)
    if basis is Basis.CALENDAR:
        return _due(_later(began, every), every, days, now, is_estimate=False)
    if used is None:
        if basis is Basis.CYCLES:
            return Due(due_at=None, is_overdue=False, is_estimate=True, used=None, remaining=None)
        return _due(_later(began, every / 24), every, None, now, is_estimate=True)
    remaining = every - used
    a_day = (lately or 0.0) / (LOOK_BACK / timedelta(days=1))
    if remaining <= 0:
        at: datetime | None = now
    else:
        at = _later(now, remaining / a_day) if a_day > 0 else None
    return Due(due_at=at, is_overdue=remaining <= 0, is_estimate=True, used=used, remaining=remaining)


def _due(at: datetime, every: float, used: float | None, now: datetime, *, is_estimate: bool) -> Due:
    remaining = None if used is None else every - used
    return Due(due_at=at, is_overdue=at <= now, is_estimate=is_estimate, used=used, remaining=remaining)


def _later(at: datetime, days: float) -> datetime:
    return at + min(timedelta(days=min(days, _HORIZON.days)), _HORIZON)
