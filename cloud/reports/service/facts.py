"""Owns where the figures of dashboards, trends and reports come from: the entries of a time, and their revision."""

import uuid
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from cloud.errors import Invalid
from cloud.identity import service as identity
from cloud.joblogs.schemas import FiguresOut, ShareOut
from cloud.joblogs.service import log, performance
from cloud.joblogs.service.log import Extent
from cloud.joblogs.service.performance import Asked, Entry
from cloud.kpi import worked
from cloud.kpi.policy import Policy
from cloud.kpi.spans import Span
from cloud.kpi.worked import Bucket, Sum
from cloud.machines import service as machines
from cloud.parts import service as parts
from cloud.reports import messages
from cloud.reports.service import ledger

# what is looked at where nothing is said: a month up to the last row, wherever that is
USUAL = timedelta(days=30)
# a page's worth of days; reports take more
LONGEST = timedelta(days=800)


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of which time; None where nobody said."""

    policy: Policy
    begin: datetime | None = None
    end: datetime | None = None
    machine: str | None = None
    part_number: str | None = None
    emp_id: str | None = None
    job_number: str | None = None


@dataclass(frozen=True, slots=True)
class Data:
    """The entries of a time.

    Attributes:
        window: Empty where there is nothing.
        lines: By a machine's code, the line that it stands in: its location.
    """

    entries: list[Entry]
    window: Span
    zone: ZoneInfo
    extent: Extent
    ledger_until: datetime | None
    lines: Mapping[str, str | None]


async def state(
    session: AsyncSession, organization_id: uuid.UUID, asked: Question
) -> tuple[int, datetime | None, int, str, str]:
    """Return what changes whenever a figure of the answer may: job log, ledger, machines, parts."""
    _, until, begin, end = await _window(session, organization_id, asked)
    return (
        await log.revision(session, organization_id),
        until,
        await ledger.revision(session, organization_id, begin, end),
        await machines.fingerprint(session, organization_id),
        await parts.fingerprint(session, organization_id),
    )


async def _window(
    session: AsyncSession, organization_id: uuid.UUID, asked: Question
) -> tuple[Extent, datetime | None, datetime, datetime]:
    extent = await log.extent(session, organization_id)
    until = await ledger.until(session, organization_id)
    ends = [each for each in (extent.last, until) if each is not None]
    end = asked.end or max(ends, default=datetime.now(UTC))
    # nobody asked for minutes: full hours are cheap
    return extent, until, asked.begin or (end - USUAL).replace(minute=0, second=0, microsecond=0), end


async def read(
    session: AsyncSession,
    organization_id: uuid.UUID,
    asked: Question,
    before: timedelta = timedelta(),
    longest: timedelta = LONGEST,
) -> Data:
    """Return the entries of the time that is asked for, and of some time before it.

    Raises:
        Invalid: The time goes backwards, or is longer than `longest`.
        NotFound: There is no such machine.
    """
    extent, until, begin, end = await _window(session, organization_id, asked)
    if end <= begin:
        raise Invalid(messages.WINDOW_BACKWARDS)
    if end - begin > longest:
        raise Invalid(messages.WINDOW_LONG, days=longest.days)
    conditions = await log.conditions(
        session, organization_id, asked.machine, asked.part_number, asked.emp_id, asked.job_number
    )
    found = await performance.rows(session, organization_id, Asked(asked.policy, begin - before, end), *conditions)
    window = Span(worked.us(begin), worked.us(end))
    zone = ZoneInfo(await identity.time_zone(session, organization_id))
    return Data(found, window, zone, extent, until, await machines.locations(session, organization_id))


def summed(entries: Iterable[Entry], window: Span) -> Sum:
    """Return the sum of entries in a window."""
    total = Sum()
    for each in entries:
        if each.worked is not None and each.worked.span.start < window.end and each.worked.span.end > window.start:
            total.add(each.worked, window)
    return total


def figures(total: Sum, policy: Policy) -> FiguresOut:
    """Return a sum's figures."""
    return FiguresOut(**performance.shown(total, policy))


def by_machine(data: Data, policy: Policy) -> list[ShareOut]:
    """Return each machine's figures, those with the most time first."""
    return performance.shares(data.entries, data.window, policy, lambda each: each.machine)


def periods(
    entries: Iterable[Entry], window: Span, bucket: Bucket, zone: tzinfo
) -> list[tuple[date, Span, list[Entry]]]:
    """Return the entries that touch each period of a window; periods that none touches are left out."""
    cut = worked.buckets(worked.at(window.start), worked.at(window.end), bucket, zone) if window.length else []
    ordered = sorted(
        ((each.worked.span, number, each) for number, each in enumerate(entries) if each.worked is not None),
        key=lambda each: each[:2],
    )
    longest = max((span.length for span, *_ in ordered), default=0)
    starts = [span.start for span, *_ in ordered]
    found = []
    for day, period in cut:
        near = ordered[bisect_left(starts, period.start - longest) : bisect_left(starts, period.end)]
        touching = [each for span, _, each in near if span.end > period.start]
        if touching:
            found.append((day, period, touching))
    return found
