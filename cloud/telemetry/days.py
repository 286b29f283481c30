"""Which days get a partition of their own: those near enough to be real, a few at a time."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

# a gateway's backlog of a year must not land in one heap; older or later days are clocks gone wrong, or imports
PAST = timedelta(days=400)
FUTURE = timedelta(days=2)
# so that a batch with a reading of each day since last year does not hold up everybody else
MAX_NEW = 8
_DAY_US = 86_400_000_000


def days_of(ts: NDArray[np.int64]) -> set[date]:
    """Return the UTC days of some source times, microseconds since 1970 UTC."""
    return {date(1970, 1, 1) + timedelta(days=day) for day in np.unique(ts // _DAY_US).tolist()}


def wanted(days: set[date], today: date) -> set[date]:
    """Return which of some days deserve a partition; today and tomorrow always do, before they are needed."""
    near = {day for day in days if today - PAST <= day <= today + FUTURE}
    return near | {today, today + timedelta(days=1)}


def bounds(day: date) -> tuple[datetime, datetime]:
    """Return the half-open interval of a UTC day."""
    begin = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return begin, begin + timedelta(days=1)
