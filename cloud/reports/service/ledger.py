"""Owns what the ledger says to a dashboard or a trend: figures from readings, people and files together."""

import uuid
from datetime import date, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from cloud.analytics.schemas import Grain, LineOeeOut, OeeFiguresOut
from cloud.analytics.service import figuring
from cloud.kpi.spans import SECOND
from cloud.kpi.worked import Bucket
from cloud.machines import service as machines
from cloud.reports.heads import LOSSES
from cloud.reports.schemas import Metric, PointOut
from cloud.shifts.service import patterns as shifts

# the days that unusual ones are held against
HISTORY = timedelta(days=60)
_UNTIL = text("""
    SELECT max(until_at) FROM derived JOIN machine ON machine.id = machine_id WHERE organization_id = :whose
""")
# an hour that comes out otherwise counts once more, and so does one that is added
_REVISION = text("""
    SELECT coalesce(sum(revision), 0)::bigint FROM fact_hour
    WHERE machine_id = ANY(SELECT id FROM machine WHERE organization_id = :whose)
          AND bucket > CAST(:begin AS timestamptz) - interval '1 hour' AND bucket < :end
""")
# the days before it, that unusual ones are held against: by shift, where there are shifts
_HISTORY = text("""
    SELECT coalesce((SELECT sum(revision) FROM fact_shift WHERE machine_id = ANY(CAST(:followed AS uuid[]))
                     AND starts_at >= :begin AND starts_at < :end), 0)::bigint
         + coalesce((SELECT sum(revision) FROM fact_hour WHERE machine_id = ANY(CAST(:others AS uuid[]))
                     AND bucket >= :begin AND bucket < :end), 0)::bigint
""")
_LOST = """
    sum(minor_us + minor_unassigned_us)::bigint AS minor_stop, sum(idle_us + idle_unassigned_us)::bigint AS idling,
    sum(breakdown_us + breakdown_unassigned_us)::bigint AS breakdown,
    sum(maintenance_us + planned_maintenance_us)::bigint AS maintenance,
    sum(setup_us + setup_unassigned_us)::bigint AS setup
"""
_BY_SHIFT = text(f"""
    SELECT machine_id, business_date AS day, {_LOST} FROM fact_shift
    WHERE machine_id = ANY(CAST(:machines AS uuid[])) AND starts_at >= :begin AND starts_at < :end GROUP BY 1, 2
""")  # noqa: S608 - column names of ours
_BY_HOUR = text(f"""
    SELECT machine_id, (bucket AT TIME ZONE :zone)::date AS day, {_LOST} FROM fact_hour
    WHERE machine_id = ANY(CAST(:machines AS uuid[])) AND bucket >= :begin AND bucket < :end GROUP BY 1, 2
""")  # noqa: S608 - column names of ours
_PIECES = {
    Metric.PARTS_PRODUCED: "total",
    Metric.GOOD_PIECES: "good",
    Metric.SCRAP_PIECES: "scrap",
    Metric.REWORK_PIECES: "rework",
    Metric.STARTUP_PIECES: "startup",
}
_RELIABILITY = {Metric.FAILURES, Metric.MTBF_H, Metric.MTTR_H}
_GRAINS = {Bucket.DAY: Grain.DAY, Bucket.WEEK: Grain.WEEK, Bucket.MONTH: Grain.MONTH}
# of the job log's columns the ledger knows only what their reasons became
_ELEMENTS = {"pot_s", "pbt_s", "apt_s", "aust_s", "adet_s", "adot_s", "pdot_s", "unknown_s"}


async def until(session: AsyncSession, organization_id: uuid.UUID) -> datetime | None:
    """Return until when an organization's ledger is derived; None where no machine has one."""
    found: datetime | None = await session.scalar(_UNTIL, {"whose": organization_id})
    return found


async def revision(session: AsyncSession, organization_id: uuid.UUID, begin: datetime, end: datetime) -> int:
    """Return what rises whenever something in a time, or in the days that it is held against, came out otherwise."""
    ids = await machines.ids(session, organization_id)
    followed = await shifts.followed_by(session, organization_id, ids)
    inside = await session.scalar(_REVISION, {"whose": organization_id, "begin": begin, "end": end}) or 0
    others = [each for each in ids if each not in followed]
    asked = {"followed": list(followed), "others": others, "begin": begin - HISTORY, "end": begin}
    return inside + (await session.scalar(_HISTORY, asked) or 0)


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
        value = value_of(bucket, metric)
        if value is not None and bucket.business_date is not None and bucket.elements.pot_s > 0:
            found.append(PointOut(period=bucket.business_date, value=value))
    return found


def value_of(figures: OeeFiguresOut, metric: Metric) -> float | int | None:
    """Return a figure, pieces and failures as whole numbers; None where the ledger cannot say it."""
    if metric.value in _ELEMENTS:
        return float(getattr(figures.elements, metric.value))
    if metric in _PIECES:
        return int(getattr(figures.pieces, _PIECES[metric]))
    if metric in _RELIABILITY:
        told: float | int | None = getattr(figures.reliability, metric.value)
        return told
    if metric is Metric.MEAN_CYCLE_S:
        return figures.elements.apt_s / figures.pieces.total if figures.pieces.total else None
    found: float | None = getattr(figures, metric.value, None)
    return found


async def downtime(
    session: AsyncSession,
    organization_id: uuid.UUID,
    window: tuple[datetime, datetime],
    zone: str,
    machine: str | None = None,
) -> dict[tuple[str, str], dict[date, float]]:
    """Return by machine and category how many seconds each machine stood on each day on which it was to work.

    Days are business dates where a machine follows shifts.
    """
    ids = await machines.ids(session, organization_id)
    if machine is not None:
        ids = [(await machines.resolve(session, organization_id, machine)).id]
    codes = await machines.codes(session, organization_id, ids)
    followed = await shifts.followed_by(session, organization_id, ids)
    asked = {"begin": window[0], "end": window[1], "zone": zone}
    others = [each for each in ids if each not in followed]
    rows = [
        *await session.execute(_BY_SHIFT, asked | {"machines": list(followed)}),
        *await session.execute(_BY_HOUR, asked | {"machines": others}),
    ]
    found: dict[tuple[str, str], dict[date, float]] = {}
    for row in rows:
        for category in LOSSES:
            found.setdefault((codes[row.machine_id], category), {})[row.day] = getattr(row, category) / SECOND
    return found
