"""Owns the OEE of days that an import counted: of a machine's past from before its own states, by the site's days.

Availability is the time run of the planned one, performance the pieces beside those that the time run had room for,
quality the good ones of all. A day counts where the rows of all of it have each of these:
a figure of half a day is none.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from cloud.identity import service as identity
from cloud.predictions.history import MINUTE, Spans
from cloud.predictions.imported import reading
from cloud.production.service import failures
from cloud.production.service.moments import us, utc

_NEEDED = ("run", "good", "scrap", "ideal")


@dataclass(frozen=True, slots=True)
class CountedDay:
    """A day of the site's clock, and its figures, shares of one; performance may be above it."""

    start: datetime
    availability: float
    performance: float
    quality: float

    @property
    def oee(self) -> float:
        """Availability by performance by quality."""
        return self.availability * self.performance * self.quality


async def days(
    session: AsyncSession,
    organization_id: uuid.UUID,
    machine_id: uuid.UUID,
    span: tuple[datetime, datetime],
    now: datetime,
) -> list[CountedDay]:
    """Return the days of a machine that lie within a time, as imports tell them now, oldest first."""
    seen = await reading.arrived(session, organization_id, now)
    if machine_id not in seen.covered:
        return []
    live = await failures.first_seen(session, [machine_id], now)
    seams = {0: us(live[machine_id])} if machine_id in live else {}
    work = await reading.spans(session, seen, "work", {machine_id: 0}, seams)
    return counted(work, ZoneInfo(await identity.time_zone(session, organization_id)), span)


def counted(work: Spans, zone: ZoneInfo, span: tuple[datetime, datetime]) -> list[CountedDay]:
    """Return the days of what was counted of one machine; pure.

    Args:
        work: Minutes and pieces; `planned` is all of the time where it is not told.
        zone: The site's.
        span: Between which instants days lie; those that reach out are left out.
    """
    if not len(work) or any(name not in work.columns for name in _NEEDED):
        return []
    rows: dict[datetime, list[int]] = {}
    for place, end in enumerate(work.at.tolist()):
        begun = utc(end - work.length).astimezone(zone)
        rows.setdefault(begun.replace(hour=0, minute=0, second=0, microsecond=0), []).append(place)
    found = []
    for start, places in sorted(rows.items()):
        # by the wall's clock: a day of 23 or 25 hours is one too
        end = start + timedelta(days=1)
        is_whole = len(places) * work.length >= us(end) - us(start)
        if is_whole and span[0] <= start and end <= span[1] and (day := _day(work, start, places)) is not None:
            found.append(day)
    return found


def _day(work: Spans, start: datetime, places: Sequence[int]) -> CountedDay | None:
    run, good, scrap, ideal = (float(np.sum(work.columns[name][places])) for name in _NEEDED)
    minutes = work.columns.get("planned", np.full(len(work), work.length / MINUTE))
    planned = float(np.sum(minutes[places]))
    # a value that is not there makes its sum none
    if not np.isfinite((run, good, scrap, ideal, planned)).all() or min(planned, ideal, good + scrap) <= 0:
        return None
    return CountedDay(start, run / planned, (good + scrap) / ideal, good / (good + scrap))
