"""Owns what the ledger says to a dashboard or a trend: figures from readings, people and files together."""

import uuid
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from cloud.analytics.schemas import Grain, LineOeeOut, OeeFiguresOut
from cloud.analytics.service import figuring
from cloud.kpi.worked import Bucket
from cloud.reports.schemas import Metric, PointOut

_UNTIL = text("""
    SELECT max(until_at) FROM derived JOIN machine ON machine.id = machine_id WHERE organization_id = :whose
""")
# an hour that comes out otherwise counts once more, and so does one that is added
_REVISION = text("""
    SELECT coalesce(sum(revision), 0)::bigint FROM fact_hour
    WHERE machine_id = ANY(SELECT id FROM machine WHERE organization_id = :whose) AND bucket >= :begin AND bucket < :end
""")
_GRAINS = {Bucket.DAY: Grain.DAY, Bucket.WEEK: Grain.WEEK, Bucket.MONTH: Grain.MONTH}
# of the job log's columns the ledger knows only what their reasons became
_ELEMENTS = {"pot_s", "pbt_s", "apt_s", "aust_s", "adet_s", "adot_s", "pdot_s", "unknown_s"}


async def until(session: AsyncSession, organization_id: uuid.UUID) -> datetime | None:
    """Return until when an organization's ledger is derived; None where no machine has one."""
    found: datetime | None = await session.scalar(_UNTIL, {"whose": organization_id})
    return found


async def revision(session: AsyncSession, organization_id: uuid.UUID, begin: datetime, end: datetime) -> int:
    """Return what rises whenever something in a time came out otherwise."""
    return await session.scalar(_REVISION, {"whose": organization_id, "begin": begin, "end": end}) or 0


async def figures(
    session: AsyncSession,
    organization_id: uuid.UUID,
    known_until: datetime | None,
    window: tuple[datetime, datetime],
    bucket: Bucket,
    policy: str,
    machine: str | None,
) -> LineOeeOut | None:
    """Return all machines' figures together, or one's; None where there is no ledger.

    Raises:
        NotFound: There is no such machine.
        Invalid: The range is too long.
    """
    if known_until is None:
        return None
    asked = figuring.Asked(_GRAINS[bucket], *window, policy)
    wanted = [machine] if machine is not None else []
    # not by the clock, but by the data: as long as these are the same the answer is
    return await figuring.of_line(session, organization_id, wanted, None, asked, known_until)


def points(line: LineOeeOut | None, metric: Metric) -> list[PointOut]:
    """Return a figure's series; empty where the ledger cannot say it."""
    found = []
    for bucket in line.buckets if line is not None else ():
        value = _value(bucket, metric)
        if value is not None and bucket.business_date is not None and bucket.elements.pot_s > 0:
            found.append(PointOut(period=bucket.business_date, value=value))
    return found


def _value(figures: OeeFiguresOut, metric: Metric) -> float | None:
    if metric.value in _ELEMENTS:
        return float(getattr(figures.elements, metric.value))
    if metric is Metric.PARTS_PRODUCED:
        return float(figures.pieces.total)
    if metric is Metric.MEAN_CYCLE_S:
        return figures.elements.apt_s / figures.pieces.total if figures.pieces.total else None
    found: float | None = getattr(figures, metric.value, None)
    return found
