"""Owns the dashboard: a plant at a glance, with what is unusual about its downtime."""

import uuid
from datetime import date, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from cloud.joblogs.schemas import DataSource
from cloud.joblogs.service.performance import Entry
from cloud.kpi import worked
from cloud.kpi.joblog import BY_NAME
from cloud.kpi.spans import SECOND, Span
from cloud.kpi.worked import Bucket, Sum
from cloud.languages import Language
from cloud.reports import anomaly
from cloud.reports.heads import LOSSES
from cloud.reports.schemas import DOWNTIME, AnomalyOut, DashboardOut, DayOut, LossOut
from cloud.reports.service import facts, ledger
from cloud.reports.service.facts import Data, Question
from cloud.reports.service.ledger import HISTORY

# as many as somebody looks at
MOST_UNUSUAL = 20


async def dashboard(session: AsyncSession, organization_id: uuid.UUID, asked: Question) -> DashboardOut:
    """Return a plant at a glance.

    Raises:
        Invalid: The time goes backwards, or is too long.
    """
    data = await facts.read(session, organization_id, asked, before=HISTORY)
    total = facts.summed(data.entries, data.window)
    days = [
        DayOut(day=day, **facts.figures(facts.summed(entries, span), asked.policy).model_dump())
        for day, span, entries in facts.periods(data.entries, data.window, Bucket.DAY, data.zone)
    ]
    inside = [each for each in data.entries if each.worked is None or each.worked.span.end > data.window.start]
    span = (worked.at(data.window.start), worked.at(data.window.end))
    return DashboardOut(
        ledger=await ledger.figures(
            session, organization_id, data.ledger_until, span, Bucket.DAY, asked.policy.name, asked.machine
        ),
        begin=worked.at(data.window.start),
        end=worked.at(data.window.end),
        policy=asked.policy.name,
        as_of=data.extent.changed_at,
        revision=data.extent.revision,
        total=facts.figures(total, asked.policy),
        by_machine=facts.by_machine(data, asked.policy),
        by_day=days,
        losses=losses(total),
        anomalies=_worst([*unusual(data), *await unusual_by_ledger(session, organization_id, data, asked.machine)]),
        open_rows=sum(each.worked is None for each in inside),
        flagged_rows=sum(each.is_flagged for each in inside),
    )


def losses(total: Sum) -> list[LossOut]:
    """Return the categories of lost time as a Pareto has them."""
    columns = total.columns_us
    lost = {name: columns[name] for name in DOWNTIME if columns[name]}
    whole = sum(lost.values())
    found, so_far = [], 0
    for name, spent in sorted(lost.items(), key=lambda each: (-each[1], each[0])):
        so_far += spent
        column = BY_NAME[name]
        found.append(
            LossOut(
                category=name,
                label_en=column.label_en,
                label_tr=column.label_tr,
                seconds=spent / SECOND,
                share=spent / whole,
                cumulative_share=so_far / whole,
            )
        )
    return found


def unusual(data: Data) -> list[AnomalyOut]:
    """Return the unusual days of each machine's downtime within the window."""
    series: dict[tuple[str, str], dict[date, float]] = {}
    whole = Span(data.window.start - HISTORY // timedelta(microseconds=1), data.window.end)
    by_machine: dict[str, list[Entry]] = {}
    for each in data.entries:
        by_machine.setdefault(each.machine, []).append(each)
    for machine, entries in by_machine.items():
        for day, span, touching in facts.periods(entries, whole, Bucket.DAY, data.zone):
            columns = facts.summed(touching, span).columns_us
            for name in DOWNTIME:
                series.setdefault((machine, name), {})[day] = columns[name] / SECOND
    since = worked.at(data.window.start).astimezone(data.zone).date()
    return [
        AnomalyOut(
            machine=each.machine,
            source=DataSource.JOBLOG,
            category=each.category,
            label_en=BY_NAME[each.category].label_en,
            label_tr=BY_NAME[each.category].label_tr,
            day=each.day,
            seconds=each.seconds,
            usual_s=each.usual_s,
            deviation_s=each.deviation_s,
            score=each.score,
            days=each.days,
            history_s=list(each.history),
        )
        for each in anomaly.anomalies(series, since)
    ]


async def unusual_by_ledger(
    session: AsyncSession, organization_id: uuid.UUID, data: Data, machine: str | None
) -> list[AnomalyOut]:
    """Return the same of machines without a job log, by the losses of the ledger."""
    if data.ledger_until is None:
        return []
    window = worked.at(data.window.start) - HISTORY, worked.at(data.window.end)
    series = await ledger.downtime(session, organization_id, window, data.zone.key, machine)
    logged = {each.machine for each in data.entries}
    own = {key: days for key, days in series.items() if key[0] not in logged}
    since = worked.at(data.window.start).astimezone(data.zone).date()
    return [
        AnomalyOut(
            machine=each.machine,
            source=DataSource.LEDGER,
            category=each.category,
            label_en=LOSSES[each.category].said(Language.ENGLISH, {}),
            label_tr=LOSSES[each.category].said(Language.TURKISH, {}),
            day=each.day,
            seconds=each.seconds,
            usual_s=each.usual_s,
            deviation_s=each.deviation_s,
            score=each.score,
            days=each.days,
            history_s=list(each.history),
        )
        for each in anomaly.anomalies(own, since)
    ]


def _worst(several: list[AnomalyOut]) -> list[AnomalyOut]:
    return sorted(several, key=lambda each: (-each.score, each.day, each.machine, each.category))[:MOST_UNUSUAL]
