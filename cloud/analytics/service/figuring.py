"""Owns what can be asked of OEE: a machine's or a line's, cut into periods, by a policy.

Sums come from the facts of shifts and hours, and are divided here. Where a machine follows shifts, days are business
dates: a night belongs to the date on which it began.
"""

import uuid
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from cloud.analytics import messages, rules
from cloud.analytics.schemas import Grain, LineOeeOut, MachineOeeOut, OeeBucketOut, OeeMachineShareOut
from cloud.analytics.service import policies, storing
from cloud.db import rows as read
from cloud.errors import Invalid
from cloud.identity import service as identity
from cloud.kpi import hours as clock
from cloud.kpi.elements import Category
from cloud.kpi.facts import Facts, total
from cloud.kpi.policy import Policy
from cloud.machines import service as machines
from cloud.machines.schemas import MachineOut
from cloud.production.service import moments
from cloud.shifts import service as shifts

# one answer's worth: as many hours as a quarter of a year has, five years of days
MOST = {Grain.HOUR: 100, Grain.SHIFT: 400, Grain.DAY: 1830, Grain.WEEK: 3660, Grain.MONTH: 3660}
DEFAULT = timedelta(days=7)
_INSTANT = timedelta(microseconds=1)
# a row for each period, and one for each machine; in one walk through the rows
_SHIFTS = """
    SELECT GROUPING(fact.machine_id) AS is_period, fact.machine_id, fact.starts_at, fact.business_date, occurrence.name,
           {sums}, sum(revision)::bigint AS revision
    FROM fact_shift AS fact JOIN shift_occurrence AS occurrence ON occurrence.id = fact.occurrence_id
    WHERE fact.machine_id = ANY(CAST(:machines AS uuid[])) AND fact.starts_at >= :start AND fact.starts_at < :end
          AND (CAST(:shift AS text) IS NULL OR occurrence.name = :shift)
    GROUP BY GROUPING SETS ((fact.machine_id), ({period}))
"""
_BY_SHIFT = text(_SHIFTS.format(sums=storing.SUMS, period="fact.starts_at, fact.business_date, occurrence.name"))
_BY_DATE = text(
    _SHIFTS.replace("fact.starts_at, fact.business_date, occurrence.name", "fact.business_date").format(
        sums=storing.SUMS, period="fact.business_date"
    )
)
_BY_HOUR = text(f"""
    SELECT GROUPING(machine_id) AS is_period, machine_id, bucket AS starts_at, {storing.SUMS},
           sum(revision)::bigint AS revision
    FROM fact_hour
    WHERE machine_id = ANY(CAST(:machines AS uuid[])) AND bucket >= :start AND bucket < :end
    GROUP BY GROUPING SETS ((machine_id), (bucket))
""")  # noqa: S608 - column names of ours
_DERIVED = text("""
    SELECT machine_id, since_at, until_at FROM derived WHERE machine_id = ANY(CAST(:machines AS uuid[]))
""")


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for.

    Attributes:
        start: A week before the end if None.
        end: Now if None.
        policy: A name; the organization's default if None.
        shift: Only time in shifts of this name; all time if None.
    """

    by: Grain = Grain.DAY
    start: datetime | None = None
    end: datetime | None = None
    policy: str | None = None
    shift: str | None = None


@dataclass(frozen=True, slots=True)
class _Period:
    start: datetime
    facts: Facts
    revision: int
    business_date: date | None = None
    shift: str | None = None


@dataclass(frozen=True, slots=True)
class _Found:
    periods: Sequence[_Period]
    of_machine: dict[uuid.UUID, tuple[Facts, int]]


async def of_machine(
    session: AsyncSession, organization_id: uuid.UUID, id_or_code: str, asked: Asked, now: datetime
) -> MachineOeeOut:
    """Return a machine's figures.

    Raises:
        NotFound: There is no such machine, or policy.
        Invalid: The range is no range, or too long.
    """
    machine = await machines.resolve(session, organization_id, id_or_code)
    policy = await policies.named(session, organization_id, asked.policy)
    start, end = window(asked, now)
    follows = bool(await shifts.followed_by(session, organization_id, [machine.id]))
    if asked.by is Grain.HOUR or not follows:
        start, end = _whole_hours((start, end), now, ZoneInfo(await identity.time_zone(session, organization_id)))
    found = await _found(session, organization_id, [machine], (start, end), asked.by, follows=follows)
    facts, revision = found.of_machine.get(machine.id, (Facts(), 0))
    whole = rules.shown(facts, policy, revision)
    return MachineOeeOut.model_construct(
        machine_id=machine.id,
        machine=machine.code,
        planned_by="shifts" if follows else "always",
        start=start,
        end=end,
        by=asked.by,
        policy=policy.name,
        as_of=await as_of(session, [machine.id], now),
        revision=revision,
        availability=whole.availability,
        performance=whole.performance,
        quality=whole.quality,
        oee=whole.oee,
        total=whole,
        buckets=_buckets(found.periods, policy),
    )


async def of_line(
    session: AsyncSession,
    organization_id: uuid.UUID,
    wanted: Collection[str],
    location: str | None,
    asked: Asked,
    now: datetime,
) -> LineOeeOut:
    """Return several machines' figures together: ratios of their sums, beside each machine's own.

    Raises:
        NotFound: There is no such machine, or policy.
        Invalid: The range is no range, or too long; or no machine is at this location.
    """
    policy = await policies.named(session, organization_id, asked.policy)
    start, end = window(asked, now)
    if asked.shift is not None and asked.by is Grain.HOUR:
        raise Invalid(messages.WORK_TOO_FINE, most=MOST[Grain.HOUR])
    line = await line_of(session, organization_id, wanted, location)
    ids = [machine.id for machine in line]
    followed = await shifts.followed_by(session, organization_id, ids)
    if asked.by is Grain.HOUR or len(followed) < len(line):
        start, end = _whole_hours((start, end), now, ZoneInfo(await identity.time_zone(session, organization_id)))
    groups = [[each for each in line if (each.id in followed) is follows] for follows in (True, False)]
    parts = [
        await _found(session, organization_id, group, (start, end), asked.by, follows=follows, shift=asked.shift)
        for group, follows in zip(groups, (True, False), strict=True)
        # who follows no shifts has none of that name
        if group and (follows or asked.shift is None)
    ]
    of_machine = {key: value for part in parts for key, value in part.of_machine.items()}
    names = {machine.id: machine.code for machine in line}
    each = [
        OeeMachineShareOut.model_construct(
            machine_id=machine_id, machine=names[machine_id], **rules.members(facts, policy, revision)
        )
        for machine_id, (facts, revision) in sorted(of_machine.items(), key=lambda item: names[item[0]])
    ]
    known = [share for share in each if share.oee is not None]
    revision = sum(revision for _, revision in of_machine.values())
    return LineOeeOut.model_construct(
        start=start,
        end=end,
        by=asked.by,
        policy=policy.name,
        as_of=await as_of(session, ids, now),
        revision=revision,
        total=rules.shown(total(facts for facts, _ in of_machine.values()), policy, revision),
        worst_machine=min(known, key=lambda share: share.oee or 0.0).machine if known else None,
        buckets=_buckets(_merged([period for part in parts for period in part.periods]), policy),
        machines=each,
    )


def window(asked: Asked, now: datetime) -> tuple[datetime, datetime]:
    """Return the range that is asked for.

    Raises:
        Invalid: It is no range, or too long for its periods.
    """
    end = asked.end or now
    start = asked.start or end - DEFAULT
    if start >= end:
        raise Invalid(messages.RANGE_BACKWARDS, start=start, end=end)
    if end - start > timedelta(days=MOST[asked.by]):
        raise Invalid(messages.RANGE_TOO_LONG, start=start, end=end, most=MOST[asked.by])
    return start, end


def _whole_hours(span: tuple[datetime, datetime], now: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return a range widened to whole hours of the plant's clock, as facts are; the present is as far as it goes."""
    start, end = span
    return clock.begin(start, zone), end if end >= now else min(now, clock.end(end - _INSTANT, zone))


async def as_of(session: AsyncSession, machine_ids: Collection[uuid.UUID], now: datetime) -> datetime:
    """Return until when the figures of all of these are computed; now, of those that have none."""
    rows = await read(session, _DERIVED, {"machines": list(machine_ids)})
    until: list[datetime] = [row.until_at for row in rows]
    return min([now, *until])


async def extents(
    session: AsyncSession, machine_ids: Collection[uuid.UUID]
) -> dict[uuid.UUID, tuple[datetime, datetime]]:
    """Return from when until when each machine is derived; one that is not is left out."""
    rows = await read(session, _DERIVED, {"machines": list(machine_ids)})
    return {row.machine_id: (row.since_at, row.until_at) for row in rows}


async def line_of(
    session: AsyncSession, organization_id: uuid.UUID, wanted: Collection[str], location: str | None
) -> list[MachineOut]:
    """Return the machines that are meant: those that are named, else all; of these those at a location.

    Raises:
        NotFound: There is no such machine.
        Invalid: There are none.
    """
    if wanted:
        line = [await machines.resolve(session, organization_id, name) for name in dict.fromkeys(wanted)]
    else:
        known = await machines.by_ids(session, organization_id, await machines.ids(session, organization_id))
        line = list(known.values())
    folded = None if location is None else location.casefold()
    line = [each for each in line if folded is None or (each.location or "").casefold() == folded]
    if not line:
        raise Invalid(messages.NO_MACHINES)
    return line


async def _found(
    session: AsyncSession,
    organization_id: uuid.UUID,
    line: Sequence[MachineOut],
    span: tuple[datetime, datetime],
    by: Grain,
    *,
    follows: bool,
    shift: str | None = None,
) -> _Found:
    zone = ZoneInfo(await identity.time_zone(session, organization_id))
    statement = _BY_HOUR if by is Grain.HOUR or not follows else _BY_SHIFT if by is Grain.SHIFT else _BY_DATE
    asked: dict[str, Any] = {"machines": [machine.id for machine in line], "start": span[0], "end": span[1]}
    if statement is not _BY_HOUR:
        asked["shift"] = shift
    found = [dict(row) for row in (await session.execute(statement, asked)).mappings()]
    of_machine = {
        row["machine_id"]: (storing.facts(row), int(row["revision"])) for row in found if not row["is_period"]
    }
    key = _key(by, zone, follows=follows)
    periods = [_period(row, key) for row in found if row["is_period"]]
    merged = _merged(periods)
    if follows and shift is None and by not in {Grain.HOUR, Grain.SHIFT}:
        derived = {row.machine_id: row for row in await read(session, _DERIVED, {"machines": asked["machines"]})}
        ends = [_next(period.start, by, zone) for period in merged]
        merged = [
            replace(period, facts=_filled(period, (period.start, end), list(derived.values())))
            for period, end in zip(merged, ends, strict=True)
        ]
        whole = {
            each: (_filled_whole(facts, span, derived[each]), revision)
            for each, (facts, revision) in of_machine.items()
            if each in derived
        }
        of_machine |= whole
    return _Found(merged, of_machine)


def _key(by: Grain, zone: ZoneInfo, *, follows: bool) -> Callable[[Any], tuple[datetime, date | None, str | None]]:
    """Return what tells the period of a row: its beginning, its business date, its shift."""

    def midnight(day: date) -> datetime:
        return datetime.combine(day, time.min, zone).astimezone(UTC)

    def key(row: Any) -> tuple[datetime, date | None, str | None]:
        if by is Grain.HOUR:
            return row["starts_at"], None, None
        if follows and by is Grain.SHIFT:
            return row["starts_at"], row["business_date"], row["name"]
        day = row["business_date"] if follows else row["starts_at"].astimezone(zone).date()
        match by:
            case Grain.WEEK:
                day -= timedelta(days=day.weekday())
            case Grain.MONTH:
                day = day.replace(day=1)
            case _:
                pass
        return midnight(day), day, None

    return key


def _period(row: Any, key: Callable[[Any], tuple[datetime, date | None, str | None]]) -> _Period:
    start, day, shift = key(row)
    return _Period(start, storing.facts(row), int(row["revision"]), day, shift)


def _merged(periods: Iterable[_Period]) -> list[_Period]:
    """Return periods in order, those that are one added up."""
    groups: dict[tuple[datetime, date | None, str | None], list[_Period]] = {}
    for period in periods:
        groups.setdefault((period.start, period.business_date, period.shift), []).append(period)
    merged = [
        _Period(start, total(each.facts for each in group), sum(each.revision for each in group), day, shift)
        for (start, day, shift), group in groups.items()
    ]
    return sorted(merged, key=lambda each: (each.start, each.shift or ""))


def _next(start: datetime, by: Grain, zone: ZoneInfo) -> datetime:
    day = start.astimezone(zone).date()
    match by:
        case Grain.WEEK:
            following = day + timedelta(days=7)
        case Grain.MONTH:
            following = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
        case _:
            following = day + timedelta(days=1)
    return datetime.combine(following, time.min, zone).astimezone(UTC)


def _filled(period: _Period, span: tuple[datetime, datetime], derived: Sequence[Any]) -> Facts:
    """Return a period's facts with the time between shifts, so that its calendar time is the calendar's."""
    gone = sum(max(0, _us(min(span[1], each.until_at)) - _us(max(span[0], each.since_at))) for each in derived)
    return _with_off_shift(period.facts, gone)


def _filled_whole(facts: Facts, span: tuple[datetime, datetime], derived: Any) -> Facts:
    gone = max(0, _us(min(span[1], derived.until_at)) - _us(max(span[0], derived.since_at)))
    return _with_off_shift(facts, gone)


def _with_off_shift(facts: Facts, calendar_us: int) -> Facts:
    missing = max(0, calendar_us - facts.calendar_us)
    time_us = dict(facts.time_us)
    time_us[Category.OFF_SHIFT] = time_us.get(Category.OFF_SHIFT, 0) + missing
    return replace(facts, time_us=time_us)


def _buckets(periods: Sequence[_Period], policy: Policy) -> list[OeeBucketOut]:
    return [
        OeeBucketOut.model_construct(
            start=period.start,
            business_date=period.business_date,
            shift=period.shift,
            **rules.members(period.facts, policy, period.revision),
        )
        for period in periods
    ]


def _us(at: datetime) -> int:
    return moments.us(at)
