"""Owns trends: how a figure went, where it is, where it goes, and where it changed."""

import uuid
from dataclasses import asdict

from sqlalchemy.ext.asyncio import AsyncSession

from cloud.joblogs.schemas import DataSource
from cloud.kpi import worked
from cloud.kpi.worked import Bucket
from cloud.reports import trend
from cloud.reports.schemas import ChangePointOut, LevelOut, Metric, PointOut, SlopeOut, TrendOut
from cloud.reports.service import facts, ledger
from cloud.reports.service.facts import Question


async def follow(
    session: AsyncSession,
    organization_id: uuid.UUID,
    asked: Question,
    metric: Metric,
    bucket: Bucket,
    by: DataSource | None,
) -> TrendOut:
    """Return how a figure went: by the job log where there is one, unless `by` says otherwise.

    Raises:
        Invalid: The time goes backwards, or is too long.
        NotFound: There is no such machine.
    """
    data = await facts.read(session, organization_id, asked)
    as_of, revision = data.extent.changed_at, data.extent.revision
    by = by or (DataSource.JOBLOG if data.extent.last is not None else DataSource.LEDGER)
    if by is DataSource.LEDGER:
        window = (worked.at(data.window.start), worked.at(data.window.end))
        line = await ledger.figures(
            session, organization_id, data.ledger_until, window, bucket, asked.policy.name, asked.machine
        )
        points = ledger.points(line, metric)
        as_of, revision = (line.as_of, line.revision) if line is not None else (None, 0)
    else:
        points = [
            PointOut(period=day, value=value)
            for day, span, entries in facts.periods(data.entries, data.window, bucket, data.zone)
            if (value := metric.of(facts.figures(facts.summed(entries, span), asked.policy))) is not None
        ]
    values = [point.value for point in points]
    slope = trend.slope([point.period.toordinal() for point in points], values)
    level = trend.level(values)
    return TrendOut(
        begin=worked.at(data.window.start),
        end=worked.at(data.window.end),
        policy=asked.policy.name,
        as_of=as_of,
        revision=revision,
        source=by.value,
        metric=metric,
        bucket=bucket,
        by=by,
        series=points,
        level=None if level is None else LevelOut(**asdict(level)),
        slope=None
        if slope is None
        else SlopeOut(per_day=slope.value, low=slope.low, high=slope.high, p_value=slope.p, is_clear=slope.is_clear),
        changes=[
            ChangePointOut(period=points[each.at].period, before=each.before, after=each.after, p_value=each.p)
            for each in trend.changes(values)
        ],
    )
